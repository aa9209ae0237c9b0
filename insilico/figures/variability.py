"""Pages of variability: variance against mean, and noise against signal correlation."""

import numpy as np
import pandas as pd
import xarray as xr
from matplotlib.figure import Figure

from insilico.figures.plate import Plate, Shown
from insilico.figures.style import MODEL, new_figure, style
from insilico.tuning.properties.variability import correlations, counted_moments

__all__ = ["variability_numbers", "variability_page", "variability_plate"]

BINS = np.linspace(-1, 1, 9)


def variability_numbers(curve: xr.DataArray) -> pd.DataFrame:
    """Tabulate the mean and variance of counts, of every unit and stimulus.

    Parameters
    ----------
    curve : DataArray, dims ("unit", <factors>, "trial")
        Counts.

    Returns
    -------
    DataFrame
        ``layer``, ``channel``, ``mean`` and ``variance``.
    """
    mean, variance = counted_moments(curve)
    n = mean.shape[1]
    which = {name: np.repeat(curve[name].to_numpy(), n) for name in ("layer", "channel")}
    return pd.DataFrame(which | {"mean": mean.ravel(), "variance": variance.ravel()})


def variability_page(curve: xr.DataArray, numbers: pd.DataFrame, *, width: float) -> Figure:
    """Draw variance against mean counts, and the correlations of all pairs of units of a layer.

    Parameters
    ----------
    curve : DataArray, dims ("unit", <factors>, "trial")
        Counts.
    numbers : DataFrame
        Of `variability_numbers`.
    width : float
        In inches.

    Returns
    -------
    Figure
    """
    with style():
        figure = new_figure(width, 2.6)
        left, right = figure.subplots(1, 2)
        shown = numbers[(numbers["mean"] > 0) & (numbers["variance"] > 0)]
        left.plot(shown["mean"], shown["variance"], ".", color=MODEL, ms=2, alpha=0.5)
        if len(shown):
            ends = shown["mean"].min(), shown["mean"].max()
            left.plot(ends, ends, "--", color="0.5", lw=0.8)
        left.set(xscale="log", yscale="log", xlabel="Mean count", ylabel="Variance of counts")
        signal, noise = _pairs(curve)
        right.plot(signal, noise, ".", color=MODEL, ms=2, alpha=0.4)
        place = np.digitize(signal, BINS)
        for each in np.unique(place):
            members = place == each
            right.plot(signal[members].mean(), noise[members].mean(), "o", color="k", ms=3)
        right.axhline(0, color="0.6", lw=0.8)
        right.set(xlabel="Signal correlation", ylabel="Noise correlation")
    return figure


def _pairs(curve: xr.DataArray) -> tuple[np.ndarray, np.ndarray]:
    """Signal and noise correlation of each pair of units of a layer."""
    found: list[np.ndarray] = []
    for _, part in curve.groupby("layer"):
        both = correlations(part)
        above = np.triu_indices(part.sizes["unit"], 1)
        found.append(np.stack([both["signal"][above], both["noise"][above]]))
    pairs = np.concatenate(found, axis=1) if found else np.empty((2, 0))
    return tuple(pairs[:, np.isfinite(pairs).all(0)])


def variability_plate(shown: Shown) -> Plate:
    """Draw how responses vary over repeats.

    Parameters
    ----------
    shown : Shown
        The curves.

    Returns
    -------
    Plate
    """
    numbers = variability_numbers(shown.curve)
    caption = (
        "Left: variance of spike counts over repeats against their mean, a dot for each "
        "unit and stimulus; dashed, Poisson. Right: correlation of the variation of two units "
        "about their means, against that of the means; black, averages. Published noise "
        "correlations range from .01 to .4 (Ecker and others 2014)."
    )
    figure = variability_page(shown.curve, numbers, width=shown.width)
    return shown.plate("Variability over repeats", caption, figure, numbers)
