"""The centre that a surround is put around: its size, its response, and a low contrast for it."""

import numpy as np
import numpy.typing as npt
import xarray as xr

from insilico.tuning.curves import interpolate
from insilico.tuning.properties.values import named, per_unit

__all__ = ["center_patch"]

Array = npt.NDArray[np.float64]

# Cavanaugh et al. (2002b): high contrast of the centre; low contrasts, of which the first is taken
# that gives a fifth of the response at high contrast. A field reaches 95 % of the largest.
HIGH, LOW = 0.5, (0.12, 0.18, 0.25)
SHARE = 0.2
FIELD_LEVEL = 0.95


@named(
    "center_diameter",
    "center_response",
    "center_low_contrast",
    "center_diameter_low_contrast",
    "center_response_low_contrast",
)
def center_patch(curve: xr.DataArray) -> xr.Dataset:
    """Summation field at the contrasts of centre-surround experiments, and the response there.

    Parameters
    ----------
    curve : DataArray, dims ("unit", "contrast", "diameter")
        Size tuning at many contrasts.

    Returns
    -------
    Dataset, dim "unit"
        ``center_diameter`` (deg) and ``center_response``: smallest diameter of 95 % of the peak at
        contrast .5, by cubic spline, and the response there. ``center_low_contrast``: the lowest of
        .12, .18 and .25 that gives a fifth of the peak at .5, and ``center_diameter_low_contrast``
        and ``center_response_low_contrast``, the same there. NaN for a silent unit, and at low
        contrast where none gives a fifth.

    References
    ----------
    Cavanaugh, Bair & Movshon (2002), J Neurophysiol 88:2547-2556.
    """
    smooth = interpolate(curve.transpose("unit", "contrast", "diameter"), "diameter")
    contrasts = smooth["contrast"].to_numpy()
    at = {each: int(np.argmin(np.abs(contrasts - each))) for each in (HIGH, *LOW)}
    peak = smooth.max("diameter").to_numpy()
    enough = np.stack([peak[:, at[each]] >= SHARE * peak[:, at[HIGH]] for each in LOW], axis=1)
    low = np.where(enough.any(1), enough.argmax(1), -1)
    chosen = np.array([at[each] for each in LOW])[low]
    rows = np.arange(len(peak))
    values = smooth.to_numpy()
    high_diameter, high_response = _field(smooth, values[:, at[HIGH]])
    low_diameter, low_response = _field(smooth, values[rows, chosen])
    units = curve.attrs.get("units", "1")
    table = {
        "center_diameter": (high_diameter, "Diameter of the centre", "deg"),
        "center_response": (high_response, "Response to the centre", units),
        "center_low_contrast": (contrasts[chosen], "Low contrast of the centre", "1"),
        "center_diameter_low_contrast": (low_diameter, "Centre at low contrast", "deg"),
        "center_response_low_contrast": (low_response, "Response at low contrast", units),
    }
    return xr.Dataset(
        {
            name: per_unit(
                curve,
                name,
                np.where((low >= 0) | ("low" not in name), value, np.nan),
                label,
                unit,
            )
            for name, (value, label, unit) in table.items()
        }
    )


def _field(smooth: xr.DataArray, values: Array) -> tuple[Array, Array]:
    """Smallest diameter of 95 % of the peak of each curve, and the response there."""
    at = (values >= FIELD_LEVEL * values.max(1, keepdims=True)).argmax(1)
    return smooth["diameter"].to_numpy()[at], values[np.arange(len(values)), at]
