"""Structure of receptive fields, from maps of reverse correlation.

The curve has dims ("unit", "technique", "element_y", "element_x"): the response per contrast of
each element of a square, elements being counted from its middle; the coordinate ``element`` is
their side in deg. What is said of *the* map is said of that of white noise.
"""

import numpy as np
import xarray as xr

from insilico.tuning.fits.fitting import fit_curve
from insilico.tuning.properties.values import measures, named, per_unit

__all__ = [
    "exceeds_chance",
    "gabor_structure",
    "linear_prediction_r2",
    "map_agreement",
    "n_excitatory_dimensions",
    "n_suppressive_dimensions",
    "on_off_index",
]

PLACE = ("element_y", "element_x")

# Half the width of a Gaussian at this share of its peak, in standard deviations.
LEVEL = 0.1
REACH = float(np.sqrt(-2 * np.log(LEVEL)))


def exceeds_chance(curve: xr.DataArray) -> xr.DataArray:
    """Whether the largest element of the map exceeds what frames that were not shown give.

    Parameters
    ----------
    curve : DataArray, dims ("unit", "technique", "element_y", "element_x")
        Maps.

    Returns
    -------
    DataArray of bool, dims ("unit",)
        Of 19 pairings of the same responses with frames that were not shown none has an element as
        large: in 5 % of units that is so by chance.
    """
    return curve["peak"] > curve["chance_peak"]


@named(
    "receptive_field_nx",
    "receptive_field_ny",
    "receptive_field_aspect_ratio",
    "receptive_field_phase",
    "reverse_correlation_orientation",
    "reverse_correlation_frequency",
    "reverse_correlation_field",
    "receptive_field_fit_r2",
)
def gabor_structure(curve: xr.DataArray) -> xr.Dataset:
    """Gabor function fitted to the map: shape of its envelope, in cycles, and its phase.

    Parameters
    ----------
    curve : DataArray, dims ("unit", "technique", "element_y", "element_x")
        Maps.

    Returns
    -------
    Dataset, dim "unit"
        ``receptive_field_fit_r2``, and the rest. NaN for units whose map does not exceed chance,
        and (all but R2) where R2 is below .8 or the fit is not good for another reason.

    References
    ----------
    Ringach DL (2002). J Neurophysiol 88:455-463, doi:10.1152/jn.2002.88.1.455.
    """
    shown = curve.sel(technique="white noise", drop=True).where(exceeds_chance(curve))
    fit = fit_curve(shown, "gabor", dims=PLACE)
    good = fit["flag"] == "good"
    element = curve["element"]
    cycles = fit["spatial_frequency"].where(good)
    across, along = fit["sigma_across"], fit["sigma_along"]
    phase = np.deg2rad(fit["phase"].where(good))
    folded = np.rad2deg(np.arctan2(abs(np.sin(phase)), abs(np.cos(phase))))
    field = 2 * REACH * ((across * along) ** 0.5).where(good) * element
    said = "of the Gabor function fitted to the map from white noise"
    return measures(
        curve,
        {
            "receptive_field_nx": (
                across * cycles,
                "Receptive-field width nx",
                "cycles",
                f"Standard deviation across the bars times frequency, {said}",
            ),
            "receptive_field_ny": (
                along * cycles,
                "Receptive-field length ny",
                "cycles",
                f"Standard deviation along the bars times frequency, {said}",
            ),
            "receptive_field_aspect_ratio": (
                (along / across).where(good),
                "Receptive-field aspect ratio",
                "1",
                f"Standard deviation along the bars over that across them, {said}",
            ),
            "receptive_field_phase": (
                folded,
                "Receptive-field phase",
                "deg",
                f"Phase folded to [0, 90] deg, {said}: 0 is even-, 90 odd-symmetric",
            ),
            "reverse_correlation_orientation": (
                fit["orientation"].where(good),
                "Orientation, from white noise",
                "deg",
                f"Orientation of the bars {said}",
            ),
            "reverse_correlation_frequency": (
                cycles / element,
                "Spatial frequency, from white noise",
                "cpd",
                f"Frequency {said}",
            ),
            "reverse_correlation_field": (
                field,
                "Field, from reverse correlation",
                "deg",
                "Diameter at which the envelope falls to 10 % of its peak (geometric mean across "
                f"and along), {said}",
            ),
            "receptive_field_fit_r2": (
                fit["r2"],
                "Gabor fit, R2",
                "1",
                f"Explained share of the variance {said}",
            ),
        },
    )


def on_off_index(curve: xr.DataArray) -> xr.DataArray:
    """Light against dark, (on - off) / (on + off): largest responses to single elements.

    Parameters
    ----------
    curve : DataArray, dims ("unit", "technique", "element_y", "element_x")
        Maps, with ``on_response`` and ``off_response``: to sparse noise, less the blank.

    Returns
    -------
    DataArray, dims ("unit",)
        In [-1, 1]: 1 where light alone drives the unit, -1 where dark alone does. NaN where no
        single element does.
    """
    on, off = curve["on_response"], curve["off_response"]
    total = (on + off).where(on + off > 0)
    return per_unit(curve, "on_off_index", (on - off) / total, "On against off")


def map_agreement(curve: xr.DataArray) -> xr.DataArray:
    """Agreement of the techniques: mean correlation between the maps of each two of them.

    Parameters
    ----------
    curve : DataArray, dims ("unit", "technique", "element_y", "element_x")
        Maps by white noise, sparse noise and Hartley gratings, and the mean gradient of the
        response where the model gives one.

    Returns
    -------
    DataArray, dims ("unit",)
        1 for a unit that is linear but for its threshold. NaN where a map is flat, and for units
        whose map does not exceed chance.
    """
    maps = curve.transpose("unit", "technique", ...).to_numpy().reshape(*curve.shape[:2], -1)
    away = maps - maps.mean(2, keepdims=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        unit = away / np.linalg.norm(away, axis=2, keepdims=True)
    first, second = np.triu_indices(maps.shape[1], 1)
    agreement = (unit[:, first] * unit[:, second]).sum(2).mean(1)
    values = np.where(exceeds_chance(curve), agreement, np.nan)
    return per_unit(curve, "map_agreement", values, "Agreement of maps")


def linear_prediction_r2(curve: xr.DataArray) -> xr.DataArray:
    """Share of the variance of responses to white noise that is linear in its elements.

    Parameters
    ----------
    curve : DataArray, dims ("unit", "technique", "element_y", "element_x")
        Maps, with ``linear_share``.

    Returns
    -------
    DataArray, dims ("unit",)
        That of a regression, less what it would explain by chance for its number of elements; .73
        for a unit that rectifies a linear response, 0 for an energy. NaN where there are fewer
        frames than elements.
    """
    values = curve["linear_share"]
    return per_unit(curve, "linear_prediction_r2", values, "Linear prediction, R2")


def n_excitatory_dimensions(curve: xr.DataArray) -> xr.DataArray:
    """Eigenvalues of the spike-triggered covariance above all that chance gives: how many.

    Parameters
    ----------
    curve : DataArray, dims ("unit", "technique", "element_y", "element_x")
        Maps, with ``n_excitatory``.

    Returns
    -------
    DataArray, dims ("unit",)
        1 for a unit that rectifies a linear response, 2 for the energy of a quadrature pair.

    References
    ----------
    Rust NC, Schwartz O, Movshon JA, Simoncelli EP (2005). Neuron 46:945-956.
    """
    values = curve["n_excitatory"]
    return per_unit(curve, "n_excitatory_dimensions", values, "Excitatory dimensions")


def n_suppressive_dimensions(curve: xr.DataArray) -> xr.DataArray:
    """Eigenvalues of the spike-triggered covariance below all that chance gives: how many.

    Parameters
    ----------
    curve : DataArray, dims ("unit", "technique", "element_y", "element_x")
        Maps, with ``n_suppressive``.

    Returns
    -------
    DataArray, dims ("unit",)
        Directions along which contrast lowers the response.
    """
    values = curve["n_suppressive"]
    return per_unit(curve, "n_suppressive_dimensions", values, "Suppressive dimensions")
