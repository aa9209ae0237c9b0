"""Responses of `NormalizedPopulation` to whole sets of stimuli, without any picture."""

import numpy as np
import numpy.typing as npt
import pandas as pd

from insilico.errors import UserError
from insilico.models.textbook.normalized_truth import (
    Amplitudes,
    Component,
    amplitudes,
    annulus,
    responses,
)
from stimuli import StimulusSet

__all__ = ["recorded"]


def recorded(
    units: pd.DataFrame, stimuli: StimulusSet, *, normalized: bool = True
) -> npt.NDArray[np.float64]:
    """Responses to a set of gratings, plaids, or centres with surrounds or patches.

    Parameters
    ----------
    units : DataFrame
        One row per unit.
    stimuli : StimulusSet
        Drawn by `grating`, `plaid`, `center_surround` or `center_and_patch`.
    normalized : bool
        False for the control.

    Returns
    -------
    array, shape (unit, stimulus)
        In spikes/s.

    Raises
    ------
    UserError
        If the stimuli are drawn otherwise.
    """
    # Sets that need no torch until they are drawn name a function that finds the other.
    kind = stimuli.draw.__name__.removeprefix("draw_")
    if kind not in _COMPONENTS:
        raise UserError(
            f"closed forms are known for {', '.join(_COMPONENTS)}; {stimuli.name} is drawn by "
            f"{kind}."
        )
    parts = _COMPONENTS[kind](stimuli.conditions)
    known = _disks(units, pd.concat(parts))

    def region(row: list[float]) -> Amplitudes:
        *where, outer, inner = row
        whole = known[*where, outer]
        return annulus(whole, known[*where, inner]) if inner else whole

    rows = np.concatenate(
        [part[[*_WHERE, *_SIZES]].to_numpy(dtype=float) for part in parts], axis=1
    )
    found = np.empty((len(units), len(rows)))
    for same in np.unique(rows, axis=0):
        which = np.flatnonzero((rows == same).all(1))
        components = [
            Component(region(one), *part.iloc[which][["contrast", "phase"]].to_numpy().T)
            for one, part in zip(same.reshape(len(parts), -1).tolist(), parts, strict=True)
        ]
        found[:, which] = responses(units, *components, normalized=normalized)
    return found


_WHERE = ("orientation", "spatial_frequency", "x", "y")
_SIZES = ("diameter", "inner_diameter")


def _disks(units: pd.DataFrame, gratings: pd.DataFrame) -> dict[tuple[float, ...], Amplitudes]:
    """Amplitudes of every grating in every disk that is needed; the key ends in its diameter."""
    known: dict[tuple[float, ...], Amplitudes] = {}
    for where in gratings[list(_WHERE)].drop_duplicates().to_numpy(dtype=float).tolist():
        same = (gratings[list(_WHERE)] == where).all(axis=1)
        sizes = sorted({*gratings.loc[same, list(_SIZES)].to_numpy().ravel().tolist()} - {0.0})
        turn, frequency, x, y = where
        disks = amplitudes(
            units, orientation=turn, spatial_frequency=frequency, diameters=sizes, x=x, y=y
        )
        known |= {(*where, size): disk for size, disk in zip(sizes, disks, strict=True)}
    return known


def _grating(table: pd.DataFrame) -> list[pd.DataFrame]:
    usual = {
        "phase": 0.0, "contrast": 1.0, "diameter": np.inf, "inner_diameter": 0.0, "x": 0.0, "y": 0.0
    }  # fmt: skip
    return [table.assign(**{name: value for name, value in usual.items() if name not in table})]


def _plaid(table: pd.DataFrame) -> list[pd.DataFrame]:
    usual = {"contrast": 0.5, "mask_contrast": 0.5, "mask_phase": 0.0}
    [signal] = _grating(table.assign(**{k: v for k, v in usual.items() if k not in table}))
    if "mask_spatial_frequency" not in signal:
        signal["mask_spatial_frequency"] = signal["spatial_frequency"]
    return [signal, _other(signal, "mask")]


def _center_surround(table: pd.DataFrame) -> list[pd.DataFrame]:
    usual = {
        "diameter": 1.0, "surround_contrast": 1.0, "surround_phase": 0.0, "outer_diameter": np.inf
    }  # fmt: skip
    table = table.assign(**{k: v for k, v in usual.items() if k not in table})
    if "surround_spatial_frequency" not in table:
        table["surround_spatial_frequency"] = table["spatial_frequency"]
    inner = table["inner_diameter"] if "inner_diameter" in table else table["diameter"]
    [center] = _grating(table.drop(columns="inner_diameter", errors="ignore"))
    around = _other(center, "surround").assign(
        diameter=table["outer_diameter"], inner_diameter=inner
    )
    return [center, around]


def _center_and_patch(table: pd.DataFrame) -> list[pd.DataFrame]:
    usual = {"contrast": 0.5, "diameter": 1.0, "patch_contrast": 0.5, "patch_phase": 0.0}
    [center] = _grating(table.assign(**{k: v for k, v in usual.items() if k not in table}))
    there = {"contrast": "patch_contrast", "phase": "patch_phase", "x": "patch_x", "y": "patch_y"}
    return [center, center.assign(**{name: center[its] for name, its in there.items()})]


def _other(table: pd.DataFrame, what: str) -> pd.DataFrame:
    """Put the second grating of each stimulus under the names of the first."""
    names = ["orientation", "spatial_frequency", "contrast", "phase"]
    return table.assign(**{name: table[f"{what}_{name}"] for name in names})


_COMPONENTS = {
    "grating": _grating,
    "plaid": _plaid,
    "center_surround": _center_surround,
    "center_and_patch": _center_and_patch,
}
