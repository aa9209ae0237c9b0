"""Pages of answers to photographs: how sparse they are, and how their variance is spread."""

import numpy as np
import pandas as pd
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from insilico.figures.plate import Plate, Shown
from insilico.figures.style import PALETTE, new_figure, style
from insilico.tuning.geometry import spectrum_exponent
from insilico.tuning.properties.natural_images import eigenspectrum, lifetime_sparseness

__all__ = ["natural_image_numbers", "natural_image_page", "natural_image_plate"]

BINS = np.linspace(0, 1, 21)


def natural_image_numbers(curve: xr.DataArray) -> pd.DataFrame:
    """Tabulate what photographs drive units, how sparse they answer, and the eigenspectrum.

    Parameters
    ----------
    curve : DataArray, dims ("unit", "picture", "view", "trial")
        Responses.

    Returns
    -------
    DataFrame
        ``layer``, ``quantity``, ``rank`` and ``value``. Of ``response``: the mean over units of the
        response to their best photograph (rank 1), to the next, and so on, over that to the best.
        Of ``lifetime sparseness``: that of each unit. Of ``variance``: that along each dimension of
        the layer, over the first.
    """
    parts = []
    for layer, members in curve.groupby("layer", squeeze=False):
        mean = members.mean("trial").transpose("unit", ...).to_numpy()
        ordered = -np.sort(-mean.reshape(len(mean), -1).clip(min=0), axis=1)
        driven = ordered[ordered[:, 0] > 0]
        variance = eigenspectrum(members)
        found = {
            "response": (driven / driven[:, :1]).mean(0),
            "lifetime sparseness": lifetime_sparseness(members).to_numpy(),
            "variance": variance / variance[0] if variance[0] > 0 else variance[:0],
        }
        parts += [
            pd.DataFrame(
                {
                    "layer": str(layer),
                    "quantity": quantity,
                    "rank": np.arange(1, len(values) + 1),
                    "value": values,
                }
            )
            for quantity, values in found.items()
        ]
    return pd.concat(parts, ignore_index=True)


def natural_image_page(numbers: pd.DataFrame, *, width: float) -> Figure:
    """Draw `natural_image_numbers`, a colour for each layer.

    Parameters
    ----------
    numbers : DataFrame
        Of `natural_image_numbers`.
    width : float
        In inches.

    Returns
    -------
    Figure
    """
    with style():
        figure = new_figure(width, 2.1)
        panels = figure.subplots(1, 3)
        for number, (layer, part) in enumerate(numbers.groupby("layer", sort=False)):
            color = PALETTE[number % len(PALETTE)]
            of = {str(name): each for name, each in part.groupby("quantity")}
            sparseness = of["lifetime sparseness"]["value"]
            units = f"{layer}, n = {sparseness.count()}"
            _sharpness(panels[0], of["response"], color, units)
            panels[1].hist(sparseness, BINS, histtype="step", color=color)
            if "variance" in of:
                _spectrum(panels[2], of["variance"], color)
        panels[0].axhline(0.5, color="0.7", lw=0.6, ls="--")
        panels[0].set(
            xscale="log", xlabel="Share of photographs, best first", ylabel="Response / largest"
        )
        panels[0].legend()
        panels[1].set(xlabel="Lifetime sparseness", ylabel="Units", xlim=(0, 1))
        panels[2].set(
            xscale="log", yscale="log", xlabel="Dimension", ylabel="Variance / that of the first"
        )
        if panels[2].get_legend_handles_labels()[0]:
            panels[2].legend()
    return figure


def natural_image_plate(shown: Shown) -> Plate:
    """Make the page of answers to photographs.

    Parameters
    ----------
    shown : Shown
        The curve of `insilico.experiments.natural_images.NATURAL_IMAGES`.

    Returns
    -------
    Plate
    """
    numbers = natural_image_numbers(shown.curve)
    caption = (
        "Left: responses to the best photograph, to the next, and so on, over that "
        "to the best, mean over units; dashed, half. In macaque V1 .5 % of neurons answer a "
        "photograph above half of their maximum (Tang and others 2018; of 2,250). Middle: how "
        "sparse each unit answers over photographs. Right: variance along each dimension of the "
        "answers, shared by two repeats, and the exponent that it falls with from the 11th "
        "dimension to a fifth of them."
    )
    figure = natural_image_page(numbers, width=shown.width)
    return shown.plate("Answers to photographs", caption, figure, numbers)


def _sharpness(ax: Axes, part: pd.DataFrame, color: str, layer: str) -> None:
    ax.plot(part["rank"] / len(part), part["value"], color=color, label=layer)
    ax.set_ylim(0, 1.02)


def _spectrum(ax: Axes, part: pd.DataFrame, color: str) -> None:
    values = part["value"].to_numpy()
    exponent = spectrum_exponent(values)
    # Of few dimensions there is none, and no legend.
    label = "_" if np.isnan(exponent) else f"exponent {exponent:.2f}"
    # What falls below 0 is noise.
    ax.plot(part["rank"], np.where(values > 0, values, np.nan), color=color, label=label)
