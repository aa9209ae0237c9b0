"""A script that shows again what was explored, and compares the answers."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from insilico.errors import UserError
from insilico.models.card import ModelCard
from insilico.recording.probe import Probe
from insilico.rig.drawing import shown
from insilico.rig.explored import UNIT
from insilico.rig.rig import PHOTOGRAPHS, TABLE_NAME

__all__ = ["repeated", "script"]

SCRIPT = '''"""Show again what was explored by hand, and compare the answers with those of then."""

from pathlib import Path

import insilico
from insilico.experiments.protocol import Placement
from insilico.rig.explored import read_explored
from insilico.rig.script import repeated
from insilico.runs.placed_probe import placed_probe

model = insilico.load_model({model})
probe, _ = placed_probe(model, {layers}, place=Placement(), seed={seed}{device})

folder = Path(__file__).parent
explored = read_explored(folder / {table!r})
again = repeated(probe, explored, sorted(folder.glob({photographs!r})))
difference = (again["repeated"] - again["response"]).abs().max()
print(f"{{len(again)}} responses; the largest difference is {{difference:.2g}}")
'''


def script(
    card: ModelCard,
    layers: Sequence[str],
    *,
    seed: int = 0,
    device: str | None = None,
) -> str:
    """Write the script.

    Parameters
    ----------
    card : ModelCard
        Of the model; says how it was loaded.
    layers : sequence of str
        Those that the probe is in.
    seed : int
        Of the probe.
    device : str, optional
        Where the model runs.

    Returns
    -------
    str
        A Python program, which looks for the table and the photographs beside itself.
    """
    given = {name: value for name, value in card.arguments.items() if value is not None}
    return SCRIPT.format(
        model=", ".join(f"{name}={value!r}" for name, value in given.items()),
        layers=repr(list(layers)),
        seed=seed,
        device="" if device is None else f", device={device!r}",
        table=TABLE_NAME,
        photographs=f"{PHOTOGRAPHS}/*.png",
    )


def repeated(
    probe: Probe, explored: pd.DataFrame, photographs: Sequence[Path | str] = ()
) -> pd.DataFrame:
    """Show again what was explored: whole stimulus sets, as in any other experiment.

    Parameters
    ----------
    probe : Probe
        In the same model.
    explored : DataFrame
        From `insilico.rig.explored.read_explored`.
    photographs : sequence of path
        Those that were shown.

    Returns
    -------
    DataFrame
        The same with one more column, ``repeated``: the response of now.

    Raises
    ------
    UserError
        If the probe lacks a unit.
    """
    again = explored.assign(repeated=np.nan)
    keys = ["kind", *UNIT]
    for (_, *place), rows in explored.groupby(keys, sort=False):
        same = (probe.units[list(UNIT)] == place).all(axis=1)
        if not same.any():
            layer, channel, row, column = place
            raise UserError(
                f"the probe has no unit at channel {channel}, row {row}, column {column} of layer "
                f"{layer!r}: record the same layers of the same model."
            )
        recording = probe.record(shown(probe.display, rows, photographs), probe.units[same])
        again.loc[rows.index, "repeated"] = recording.to_numpy()[0]
    return again
