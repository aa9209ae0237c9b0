"""What a reader must know of the units before believing a score."""

from collections.abc import Mapping

import pandas as pd
import xarray as xr

from stimuli import Display

__all__ = ["FEW", "displaced_fields", "few_units", "silent_units", "too_fine"]

# Scores of fewer units than this mean little.
FEW = 20

# A field farther than this, in deg, from where its site is proven to look is worth a word.
DISPLACED = 0.25


def silent_units(units: xr.Dataset) -> list[str]:
    """Say how many units do not respond, in one sentence for all protocols.

    Parameters
    ----------
    units : Dataset, dim "unit"
        With ``responsive``, dims ("unit", "protocol").

    Returns
    -------
    list of str
        Empty where all respond.
    """
    silent = (~units["responsive"]).sum("unit").to_series()
    told = [f"{number} in {name}" for name, number in silent.items() if number]
    if not told:
        return []
    return [
        f"of {units.sizes['unit']} units do not respond, and are left out of the comparisons: "
        f"{', '.join(told)}"
    ]


def displaced_fields(units: xr.Dataset) -> list[str]:
    """Say how many fields lie elsewhere than proven, in one sentence.

    Parameters
    ----------
    units : Dataset, dim "unit"
        With the proven place in ``x`` and ``y``, and ``receptive_field_x`` and
        ``receptive_field_y`` if they were measured.

    Returns
    -------
    list of str
        Empty where no field does, or none was mapped.
    """
    if not {"receptive_field_x", "receptive_field_y"} <= set(units):
        return []
    dx, dy = (units[f"receptive_field_{axis}"] - units[axis] for axis in "xy")
    off = (dx**2 + dy**2) ** 0.5
    displaced, n_units = int((off > DISPLACED).sum()), units.sizes["unit"]
    mapped = units["responsive"].sel(protocol=units["receptive_field_x"].attrs["protocol"])
    unknown = int((off.isnull() & mapped).sum())
    told = []
    if displaced:
        told.append(
            f"{displaced} of {n_units} units have the measured centre of their field more than "
            f"{DISPLACED:g} deg from where their site is proven to look (by up to "
            f"{float(off.max()):.2g} deg): what is shown at a unit's field is shown there"
        )
    if unknown:
        told.append(
            f"{unknown} of {n_units} units have a field that reaches beyond the map, so it has no "
            "measured centre: what is shown at a unit's field is shown where its site is proven to "
            "look"
        )
    return ["; ".join(told)] if told else []


def few_units(comparison: pd.DataFrame) -> list[str]:
    """Say which scores are those of few units.

    Parameters
    ----------
    comparison : DataFrame
        As `insilico.score` returns it.

    Returns
    -------
    list of str
        One sentence for each layer that has any.
    """
    scored = comparison[comparison["similarity"].notna() & (comparison["n_defined"] < FEW)]
    notes = []
    for layer, rows in scored.groupby("layer", sort=False):
        counts = rows.groupby("property", sort=False)["n_defined"].first()
        told = ", ".join(f"{name} ({number})" for name, number in counts.items())
        where = f"{layer!s}: " if layer else ""
        notes.append(
            f"{where}fewer than {FEW} units have a value, and scores of so few mean little: {told}"
        )
    return notes


def too_fine(recordings: Mapping[str, xr.DataArray], display: Display) -> list[str]:
    """Say so where most of a battery's frequencies are above what the display can show.

    Parameters
    ----------
    recordings : mapping of str to DataArray
        By protocol.
    display : Display
        On which they were shown.

    Returns
    -------
    list of str
    """
    shown = [
        float(part["spatial_frequency"].max())
        for part in recordings.values()
        if "spatial_frequency" in part.coords
    ]
    highest = max(shown, default=0.0)
    if highest <= 2 * display.nyquist:
        return []
    return [
        f"the display carries at most {display.nyquist:g} cpd ({display.height} px over "
        f"{display.degrees[0]:g} deg), and the gratings go up to {highest:.3g} cpd: what is above "
        "comes out grey, and bounds the preferred frequencies"
    ]
