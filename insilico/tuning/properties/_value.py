"""How a property is returned."""

import numpy as np
import numpy.typing as npt
import xarray as xr


def per_unit(
    curve: xr.DataArray, name: str, values: npt.ArrayLike, long_name: str, units: str
) -> xr.DataArray:
    """Label one value per unit; units whose curve is silent or not finite become NaN."""
    data = curve.transpose("unit", ...).to_numpy()
    factors = tuple(range(1, data.ndim))
    measured = np.isfinite(data).all(axis=factors) & (data > 0).any(axis=factors)
    coords = {key: value for key, value in curve.coords.items() if value.dims == ("unit",)}
    return xr.DataArray(
        np.where(measured, np.asarray(values, dtype=float), np.nan),
        dims="unit",
        coords=coords,
        name=name,
        attrs={"long_name": long_name, "units": units},
    )
