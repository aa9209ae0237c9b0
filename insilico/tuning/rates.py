"""From activations to firing rates: one affine map per layer, fitted to macaque V1.

The units of a network have no scale of their own. The map gives the responsive units of a layer
the median maximum and the median spontaneous rate of the macaque V1 neurons of Ringach, Shapley &
Hawken (2002), as the benchmark of Marques, Schrimpf & DiCarlo (2021) does. Magnitudes are thereby
fitted: only the shape of their distribution can be compared.

References
----------
Marques T, Schrimpf M, DiCarlo JJ (2021). bioRxiv 2021.03.01.433495, doi:10.1101/2021.03.01.433495.
Ringach DL, Shapley RM, Hawken MJ (2002). J Neurosci 22:5639-5651,
doi:10.1523/JNEUROSCI.22-13-05639.2002.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr

from insilico.errors import UserError
from insilico.tuning.curves import mean_response

__all__ = [
    "ROUNDING",
    "RateMap",
    "check_harmonics",
    "fit_rates",
    "response_criterion",
    "to_rates",
]

# Spikes/s, of the 304 neurons of Ringach et al. (2002), as used by Marques et al. (2021).
MEDIAN_MAXIMUM = 33.8
MEDIAN_SPONTANEOUS = 0.82
LARGEST_MAXIMUM = 243.1
# A neuron counts as responsive above this; a unit above the same share of the largest response.
RESPONSIVE_THRESHOLD = 5.0

# What single precision leaves of the difference between two equal responses, relative to them.
ROUNDING = 1e-6


@dataclass(frozen=True)
class RateMap:
    """Firing rate = slope * activation + offset, for each layer.

    Parameters
    ----------
    layer : tuple of str
        The layers; everything else is in their order.
    slope : tuple of float
        Spikes/s per unit of activation; NaN where no unit responds.
    offset : tuple of float
        Spikes/s at an activation of 0; NaN likewise.
    n_units, n_responsive : tuple of int
        How many units a layer has, and how many of them the map was fitted to.
    """

    layer: tuple[str, ...]
    slope: tuple[float, ...]
    offset: tuple[float, ...]
    n_units: tuple[int, ...]
    n_responsive: tuple[int, ...]

    @property
    def silent_layers(self) -> tuple[str, ...]:
        """The layers without a map, for none of their units responds."""
        pairs = zip(self.layer, self.n_responsive, strict=True)
        return tuple(layer for layer, responsive in pairs if not responsive)

    def lines(
        self, layers: Sequence[str]
    ) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """Slope and offset of units by their layers.

        Parameters
        ----------
        layers : sequence of str, one for each unit
            Their layers.

        Returns
        -------
        tuple of array, shape (unit,)
            NaN in a silent layer.

        Raises
        ------
        UserError
            If the map was not fitted to one of the layers.
        """
        unknown = sorted(set(layers) - set(self.layer))
        if unknown:
            raise UserError(
                f"the map to firing rates was fitted to {', '.join(self.layer)}; the recording "
                f"holds {', '.join(unknown)} as well. Fit a map to those layers too."
            )
        place = pd.Index(self.layer).get_indexer(pd.Index(layers))
        return np.array(self.slope)[place], np.array(self.offset)[place]

    def summary(self) -> dict[str, dict[str, float | int | None]]:
        """Return what was fitted, by layer, as JSON can hold it; None where there is no map."""
        fields = ("slope", "offset", "n_units", "n_responsive")
        rows = zip(*(getattr(self, field) for field in fields), strict=True)
        return {
            layer: {
                field: None if np.isnan(value) else value
                for field, value in zip(fields, row, strict=True)
            }
            for layer, row in zip(self.layer, rows, strict=True)
        }


def fit_rates(recording: xr.DataArray) -> RateMap:
    """Fit the map on the best response and the blank response of every unit.

    Parameters
    ----------
    recording : DataArray, dims ("unit", <factors>, "phase" or "harmonic")
        Activations, with the coordinates ``layer`` and ``blank``, to gratings that drive the units
        well: usually the orientation recording. Negative activations count as 0.

    Returns
    -------
    RateMap
        NaN for a layer in which no unit responds more to a grating than to the blank.

    Raises
    ------
    UserError
        If that is so in every layer.

    Notes
    -----
    The best response is the largest mean over phase. Responsive are the units whose best response
    exceeds the blank response by more than 5 / 243.1 of the largest such difference in the layer,
    and by more than rounding makes; the line runs through the medians over these units.

    Examples
    --------
    >>> coords = {"phase": [0, 180], "layer": ("unit", ["v1"] * 3), "blank": ("unit", [0.0] * 3)}
    >>> activation = xr.DataArray([[1.0, 3.0], [4.0, 0.0], [0.0, 0.0]], coords, ("unit", "phase"))
    >>> rate_map = fit_rates(activation)
    >>> rate_map.n_responsive, round(rate_map.slope[0], 9), rate_map.offset
    ((2,), 16.49, (0.82,))
    """
    mean = mean_response(_rectified(recording))
    if "trial" in mean.dims:
        # The largest of many trials is an accident.
        mean = mean.mean("trial")
    best = mean.max([dim for dim in mean.dims if dim != "unit"])
    evoked = pd.DataFrame(
        {
            "layer": recording["layer"].to_numpy(),
            "best": best.to_numpy(),
            "blank": _rectified(recording["blank"]).to_numpy(),
        }
    )
    fits = {str(layer): _fit(units) for layer, units in evoked.groupby("layer", sort=False)}
    slope, offset, n_units, n_responsive = zip(*fits.values(), strict=True) if fits else [()] * 4
    rate_map = RateMap(tuple(fits), slope, offset, n_units, n_responsive)
    if rate_map.silent_layers == rate_map.layer:
        raise UserError(
            f"none of {len(evoked)} units responds more to any grating than to a blank display "
            "in the mean over phase, so their activations have no scale. Record another layer, or "
            "go without firing rates."
        )
    return rate_map


def to_rates(recording: xr.DataArray, rate_map: RateMap | None) -> xr.DataArray:
    """Map activations to firing rates.

    Parameters
    ----------
    recording : DataArray, dims ("unit", <factors>), coordinates ``layer`` and ``blank``
        Activations, of the layers that the map was fitted to.
    rate_map : RateMap or None
        None leaves activations as they are, but for their negative part.

    Returns
    -------
    DataArray
        ``max(0, slope * max(0, activation) + offset)`` in float64, the blank response included;
        its ``units`` are ``spikes/s``, or ``activation`` without a map. NaN in a silent layer.

    Raises
    ------
    UserError
        If the recording holds a layer that the map was not fitted to, or if it holds harmonics
        and the map would have to cut their rates off at 0.
    """
    if rate_map is None:
        rectified = recording.clip(min=0, keep_attrs=True)
        blank = recording["blank"].clip(min=0)
        return rectified.assign_coords(blank=blank).assign_attrs(units="activation")
    slope, offset = (
        xr.DataArray(each, dims="unit")
        for each in rate_map.lines(recording["layer"].to_numpy().astype(str).tolist())
    )
    if "harmonic" in recording.dims:
        check_harmonics(rate_map)
        shift = offset * (recording["harmonic"] == 0)
    else:
        shift = offset
    rates = (_rectified(recording) * slope + shift).transpose(*recording.dims).clip(min=0)
    blank = _rectified(recording["blank"]) * slope + offset
    return rates.assign_coords(blank=blank.clip(min=0)).assign_attrs(
        recording.attrs, units="spikes/s"
    )


def check_harmonics(rate_map: RateMap) -> None:
    """Refuse a map that cannot be applied to F0 and F1.

    Raises
    ------
    UserError
        If rates would fall below 0 in any layer.
    """
    if any(offset < 0 for offset in rate_map.offset):
        raise UserError(
            "rates would fall below 0 and be cut off, which harmonics cannot show. Keep every "
            "phase (phases='keep', --phases keep), or go without firing rates."
        )


def response_criterion(curve: xr.DataArray) -> npt.NDArray[np.float64]:
    """Tell what a response has to reach to count: 5 spikes/s.

    Parameters
    ----------
    curve : DataArray, dims ("unit", <factors>)
        Responses relative to blank.

    Returns
    -------
    array, shape (unit,)
        In the units of the curve; on activations 5/243.1 of the largest response in the layer.
    """
    if curve.attrs.get("units") == "spikes/s":
        return np.full(curve.sizes["unit"], RESPONSIVE_THRESHOLD)
    largest = xr.DataArray(
        curve.max([dim for dim in curve.dims if dim != "unit"]).to_numpy(),
        dims="unit",
        coords={"layer": ("unit", curve["layer"].to_numpy())},
    )
    of_layer = largest.groupby("layer").max().sel(layer=largest["layer"])
    return of_layer.to_numpy() * (RESPONSIVE_THRESHOLD / LARGEST_MAXIMUM)


def _rectified(recording: xr.DataArray) -> xr.DataArray:
    """Activations in float64, without their negative part."""
    return recording.astype(np.float64).clip(min=0, keep_attrs=True)


def _fit(units: pd.DataFrame) -> tuple[float, float, int, int]:
    """Slope, offset, and how many units there are and respond, of one layer."""
    evoked = units["best"] - units["blank"]
    # Linear units on a pedestal answer gratings, in the mean, as they answer the blank.
    beyond = units[(evoked > 0) & (evoked > ROUNDING * units["blank"])]
    if not len(beyond):
        return np.nan, np.nan, len(units), 0
    evoked = beyond["best"] - beyond["blank"]
    responsive = beyond[evoked > RESPONSIVE_THRESHOLD / LARGEST_MAXIMUM * evoked.max()]
    best, blank = responsive["best"].median(), responsive["blank"].median()
    slope = float((MEDIAN_MAXIMUM - MEDIAN_SPONTANEOUS) / (best - blank))
    return slope, float(MEDIAN_SPONTANEOUS - slope * blank), len(units), len(responsive)
