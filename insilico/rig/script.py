"""A script that shows again what was explored, and compares the answers."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from torch import nn

from insilico.errors import UserError
from insilico.experiments.protocol import Placement
from insilico.models.card import ModelCard
from insilico.recording.probe import Probe
from insilico.rig.drawing import shown
from insilico.rig.explored import UNIT, read_explored
from insilico.rig.rig import PHOTOGRAPHS, TABLE_NAME
from insilico.runs.placed_probe import placed_probe

__all__ = ["repeated", "script", "shown_again"]

SCRIPT = '''"""Show again what was explored by hand, and compare the answers with those of then."""

from pathlib import Path

import insilico
from insilico.rig import repeated

model = insilico.load_model({model})
again = repeated(model, {layers}, Path(__file__).parent, seed={seed}{device})
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
    )


def repeated(
    model: nn.Module | str,
    layers: Sequence[str],
    folder: Path | str,
    *,
    seed: int = 0,
    device: str | None = None,
) -> pd.DataFrame:
    """Show a model again what was explored by hand.

    Parameters
    ----------
    model : nn.Module or str
        As for `insilico.run`.
    layers : sequence of str
        Those that the rig listened to.
    folder : path
        What `insilico rig` wrote, or a copy of it.
    seed : int
        As for `insilico.run`.
    device : str, optional
        Where the model runs.

    Returns
    -------
    DataFrame
        The table ``explored.csv`` with one more column, ``repeated``: the raw activation of now.

    Raises
    ------
    UserError
        If there is no such table, or the model has other units.
    """
    table = Path(folder) / TABLE_NAME
    if not table.exists():
        raise UserError(
            f"there is no {TABLE_NAME} in {folder}. Give the folder that 'insilico rig' wrote."
        )
    probe, _ = placed_probe(model, layers, place=Placement(), seed=seed, device=device)
    copies = Path(folder).joinpath(PHOTOGRAPHS).glob("*.png")
    photographs = sorted(copies, key=lambda path: int(path.name.partition("-")[0]))
    return shown_again(probe, read_explored(table), photographs)


def shown_again(
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
