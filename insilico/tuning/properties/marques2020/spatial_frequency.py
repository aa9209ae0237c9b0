"""Spatial-frequency tuning as in the benchmark, for De Valois (1982b) and Schiller (1976).

The curve has dims ("unit", "spatial_frequency"): for De Valois the mean response less the blank, or
the first harmonic, whichever has the larger maximum; for Schiller the mean response, nothing
subtracted; both at the preferred size and orientation.
"""

import numpy as np
import numpy.typing as npt
import xarray as xr

from insilico.tuning.properties.marques2020._smoothing import crossings, fine_frequency
from insilico.tuning.properties.values import named, per_unit


@named("devalois1982b.peak_spatial_frequency")
def peak_spatial_frequency(curve: xr.DataArray) -> xr.DataArray:
    """Spatial frequency at the peak of the smoothed curve.

    Parameters
    ----------
    curve : DataArray, dims ("unit", "spatial_frequency")
        Responses.

    Returns
    -------
    DataArray, dims ("unit",)
        In cpd, one of 100 values. NaN for a unit that is nowhere above 0.
    """
    fine = fine_frequency(curve)
    peak = fine["frequency"].to_numpy()[fine.argmax("frequency", skipna=False).to_numpy()]
    return per_unit(
        curve,
        "devalois1982b.peak_spatial_frequency",
        np.where(fine.max("frequency") > 0, peak, np.nan),
        "Peak spatial frequency",
        "cpd",
        silent=True,
    )


@named("schiller1976.spatial_frequency_bandwidth")
def spatial_frequency_bandwidth(curve: xr.DataArray) -> xr.DataArray:
    """Lower cut-off frequency in per cent of the upper one, at 0.707 of the peak.

    Parameters
    ----------
    curve : DataArray, dims ("unit", "spatial_frequency")
        Responses.

    Returns
    -------
    DataArray, dims ("unit",)
        In %: the larger, the narrower the tuning. NaN where a cut-off is missing, and for a silent
        unit.
    """
    return per_unit(
        curve,
        "schiller1976.spatial_frequency_bandwidth",
        _bandwidth(curve),
        "Spatial-frequency bandwidth (low/high)",
        "%",
        silent=True,
    )


@named("schiller1976.spatial_frequency_selective")
def spatial_frequency_selective(curve: xr.DataArray) -> xr.DataArray:
    """1, or 0 where the bandwidth is undefined.

    Parameters
    ----------
    curve : DataArray, dims ("unit", "spatial_frequency")
        Responses.

    Returns
    -------
    DataArray, dims ("unit",)
        NaN for a unit without finite responses.
    """
    selective = np.isfinite(_bandwidth(curve)).astype(float)
    known = np.isfinite(curve.max("spatial_frequency", skipna=False))
    return per_unit(
        curve,
        "schiller1976.spatial_frequency_selective",
        np.where(known, selective, np.nan),
        "Spatial-frequency selective",
        silent=True,
    )


def _bandwidth(curve: xr.DataArray) -> npt.NDArray[np.float64]:
    fine = fine_frequency(curve)
    lower, upper = crossings(fine, fine.argmax("frequency", skipna=False), "frequency")
    return 100 * lower / upper
