"""What a reader must know of the units before believing a score."""

import pandas as pd
import xarray as xr

__all__ = ["FEW", "few_units", "silent_units"]

# Scores of fewer units than this mean little.
FEW = 20


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


def few_units(comparison: pd.DataFrame) -> list[str]:
    """Say which scores are those of few units.

    Parameters
    ----------
    comparison : DataFrame
        As `insilico.compare` returns it.

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
