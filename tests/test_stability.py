"""What docs/stability.md promises to stay, against the list of what was promised.

Additions are fine. Where something is missing on purpose, the changelog says so under Changed, and
``python tests/test_stability.py`` writes the list anew.
"""

import json
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from fake_results import results as imaginary

import insilico
import insilico.rig
import stimuli
from insilico import reference
from insilico.cli.app import app
from insilico.comparison.table import score
from insilico.experiments.batteries import BATTERIES, find_battery
from insilico.models.textbook.units import draw_units
from insilico.rig.explored import COLUMNS
from insilico.rig.hand import KINDS
from insilico.rig.rig import SCRIPT_NAME, TABLE_NAME
from stimuli import Display

PROMISED = Path(__file__).parent / "data" / "promised.json"


def names(folder: Path | None = None) -> dict[str, list[str]]:
    """What there is by name now; files where a folder is given to write results to."""
    batteries = {name: find_battery(name).battery for name in sorted(BATTERIES)}
    rehearsed = [each for battery in batteries.values() for each in battery.rehearsed.values()]
    found = {
        "insilico": list(insilico.__all__),
        "stimuli": list(stimuli.__all__),
        "commands": [name for name in app if not name.startswith("-")],
        "batteries": list(batteries),
        "protocols": sorted(
            {each.name for battery in batteries.values() for each in battery.protocols}
        ),
        "properties": sorted({name for each in rehearsed for name in each.properties}),
        "references": sorted(reference.names()),
        "columns of comparison.csv": list(compared().columns),
        "insilico.rig": list(insilico.rig.__all__),
        "files of a rig": [TABLE_NAME, SCRIPT_NAME],
        "columns of explored.csv": list(COLUMNS),
        "stimuli of explored.csv": list(KINDS),
    }
    if folder is not None:
        imaginary(6).save(folder)
        found["files"] = sorted(path.name for path in folder.iterdir())
        found["coordinates of units.nc"] = sorted(
            map(str, insilico.open_results(folder).units.coords)
        )
    return found


def compared():
    values = np.linspace(0.05, 0.9, 40)
    units = xr.Dataset(
        {"circular_variance": ("unit", values)},
        coords={"layer": ("unit", ["a"] * 40), "channel": ("unit", np.arange(40))},
    )
    return score(units, ["ringach2002.circular_variance"], seed=3)


def seeds() -> dict[str, list[float]]:
    """What is drawn with a seed."""
    [row] = compared().to_dict("records")
    textbook = draw_units(4, display=Display.square(64, 8), seed=1)
    vone = insilico.load_model("vone", pixels=56, simple_channels=2, complex_channels=2, seed=2)
    drawn = {
        "orientations of textbook, seed 1": textbook["orientation"],
        "parameters of vone, seed 2": [
            float(value.double().abs().sum()) for value in vone.state_dict().values()
        ],
        "interval of a similarity, seed 3": [row["similarity_low"], row["similarity_high"]],
    }
    return {name: [round(float(each), 4) for each in values] for name, values in drawn.items()}


@pytest.fixture(scope="module")
def promised():
    return json.loads(PROMISED.read_text())


@pytest.fixture(scope="module")
def there(tmp_path_factory):
    return names(tmp_path_factory.mktemp("results") / "run")


def test_the_lists_are_about_the_same(promised, there):
    assert list(promised["names"]) == list(there)
    assert all(promised["names"].values())


def test_nothing_that_was_promised_is_missing(promised, there):
    missing = {
        kind: gone
        for kind, listed in promised["names"].items()
        if (gone := [name for name in listed if name not in there[kind]])
    }
    assert not missing, "say so in the changelog under Changed"


def test_seeds_draw_what_they_drew(promised):
    drawn = seeds()
    assert list(drawn) == list(promised["seeds"])
    for name, values in promised["seeds"].items():
        assert drawn[name] == pytest.approx(values, rel=1e-3), name


if __name__ == "__main__":
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        now = {"names": names(Path(folder) / "run"), "seeds": seeds()}
    PROMISED.write_text(json.dumps(now, indent=1) + "\n")
