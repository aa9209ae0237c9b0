"""The figures of a run: which are made, what their captions say, and how they are saved."""

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr

from insilico import reference
from insilico.comparison.phenomena import holds_scorecard, scorecard
from insilico.comparison.phenomena_curves import median_curves
from insilico.experiments.quick import QUICK, QUICK_FIGURE
from insilico.figures.examples import (
    choose_examples,
    drawable,
    example_quantiles,
    example_units,
    tuning_numbers,
)
from insilico.figures.pages import protocol_plates
from insilico.figures.plate import Plate
from insilico.figures.population import (
    counted,
    panel_letters,
    population_numbers,
    population_page,
)
from insilico.figures.scorecard import scorecard_page
from insilico.figures.style import (
    FORMATS,
    TWO_COLUMNS,
    mark,
    save_figure,
    within_sentence,
)
from insilico.figures.summary import MOST_COMPARED, summary
from insilico.runs.results import Results

__all__ = [
    "curves_of_layer",
    "example_places",
    "of_layer",
    "plates",
    "save_figures",
    "shown_layers",
]

# More layers than this are not given pages of their own unless asked for: a report has to be read.
MOST_LAYERS = 3


def save_figures(
    results: Results,
    folder: Path | str,
    *,
    layers: Sequence[str] | None = None,
    formats: tuple[str, ...] = FORMATS,
    width: float = TWO_COLUMNS,
) -> list[Path]:
    """Write every figure of a run, with its numbers as csv beside it.

    Parameters
    ----------
    results : Results
        A run.
    folder : path
        Where to write; made if there is none.
    layers : sequence of str, optional
        Layers that get pages of their own; by default all, or three spread over them.
    formats : tuple of str
        Any that matplotlib can write, ``"pdf"`` among them.
    width : float
        As for `plates`.

    Returns
    -------
    list of Path
        The files.
    """
    return [
        file
        for plate in plates(results, layers=layers, width=width)
        for file in save_figure(
            plate.figure, folder, plate.name, numbers=plate.numbers, formats=formats
        )
    ]


def plates(
    results: Results, *, layers: Sequence[str] | None = None, width: float = TWO_COLUMNS
) -> list[Plate]:
    """Draw every figure of a run: the summary, each layer's population and examples, textures.

    Parameters
    ----------
    results : Results
        A run.
    layers : sequence of str, optional
        As for `save_figures`.
    width : float
        In inches: `TWO_COLUMNS`, or `ONE_COLUMN` for the summary, the populations and the textures;
        rows of example units have no place in one.

    Returns
    -------
    list of Plate
        Figures for which there is nothing to draw are left out. Those of a quick run say so.
    """
    made = _summary(results, width)
    chosen = shown_layers(results) if layers is None else list(layers)
    for layer in chosen:
        suffix = f"-{_file_name(layer)}" if len(_layers(results)) > 1 else ""
        made += _scorecard(results, layer, f"phenomena{suffix}", width)
        made += _population(results, layer, f"population{suffix}", width)
        made += _examples(results, layer, f"examples{suffix}")
    made += protocol_plates(results, chosen, width=width)
    if QUICK in results.warnings:
        for plate in made:
            mark(plate.figure, QUICK_FIGURE)
    return made


def shown_layers(results: Results, most: int = MOST_LAYERS) -> list[str]:
    """Choose the layers that get pages of their own: all, or some spread evenly over the model."""
    layers = _layers(results)
    places = np.unique(np.rint(np.linspace(0, len(layers) - 1, most)).astype(int))
    return layers if len(layers) <= most else [layers[place] for place in places]


def of_layer(units: xr.Dataset, layer: str) -> xr.Dataset:
    """Cut out the units of one layer.

    Parameters
    ----------
    units : Dataset
        The units of a run.
    layer : str
        The layer.

    Returns
    -------
    Dataset
        With the coordinate ``place``: where each unit stands among all.
    """
    places = np.flatnonzero(units["layer"].to_numpy().astype(str) == layer)
    return units.isel(unit=places).assign_coords(place=("unit", places))


def curves_of_layer(results: Results, layer: str) -> dict[str, xr.DataArray]:
    """Cut the curves of the units of one layer out of those of a run.

    Parameters
    ----------
    results : Results
        A run.
    layer : str
        The layer.

    Returns
    -------
    dict of str to DataArray
        By protocol.
    """
    return {
        name: curve.isel(unit=np.flatnonzero(curve["layer"].to_numpy().astype(str) == layer))
        for name, curve in results.curves.items()
    }


def example_places(results: Results, layer: str) -> tuple[str | None, list[int]]:
    """Choose the example units of a layer.

    Parameters
    ----------
    results : Results
        A run.
    layer : str
        The layer.

    Returns
    -------
    by : str or None
        The property over which they are spread: circular variance, or else the first one that any
        responsive unit of the layer has; None if there is none.
    places : list of int
        Their places along ``unit``.
    """
    units = of_layer(results.units, layer)
    names = [str(name) for name in results.units.data_vars if name != "responsive"]
    names.sort(key=lambda name: name.rpartition(".")[2] != "circular_variance")
    quantiles = example_quantiles(results.curves)
    if QUICK in results.warnings:
        quantiles = (quantiles[0], quantiles[-1])
    for name in names:
        places = choose_examples(counted(units, name), quantiles=quantiles)
        if len(places):
            return name, units["place"].to_numpy()[places].tolist()
    return None, []


def _summary(results: Results, width: float) -> list[Plate]:
    if results.comparison.empty:
        return []
    caption = (
        "Similarity of the model's units to macaque V1, one property per row; 1 is the same "
        "distribution. Dots: the model, with 95 % intervals over its channels (or, where there are "
        "none, the standard deviation over resamples). Grey bars reach from the floor (the better "
        "of values spread evenly over the bins and of values all in one bin) to the ceiling (what "
        "another sample of the same cells gets): a dot left of its bar says nothing for the model."
    )
    if results.comparison["layer"].nunique() > MOST_COMPARED:
        caption = (
            "Similarity of the units of every layer to macaque V1, divided by what another sample "
            "of the same cells gets; 1 is as good as the data allow. White: no score."
        )
    title = "Similarity to macaque V1"
    table = results.comparison.copy()
    return [Plate("summary", "", "summary", title, caption, summary(table, width=width), table)]


def _scorecard(results: Results, layer: str, name: str, width: float) -> list[Plate]:
    units = of_layer(results.units, layer)
    if not holds_scorecard(units):
        return []
    card = scorecard(units)
    caption = (
        f"Share of the units of {layer} that show each of thirty phenomena of V1 (Sawada & Petrov "
        "2017), with 95 % intervals over channels. Filled: the lower limit is above one half. "
        "Curves: medians over the units, each relative to its largest response or to that without "
        "mask or surround; two lines are the two conditions that are compared."
    )
    drawn = median_curves(curves_of_layer(results, layer))
    figure = scorecard_page(card, drawn, width=width)
    return [Plate("phenomena", layer, name, f"Thirty phenomena in {layer}", caption, figure, card)]


def _population(results: Results, layer: str, name: str, width: float) -> list[Plate]:
    rows = results.comparison
    rows = rows[(rows["layer"].astype(str) == layer) & rows["reference"].isin(reference.names())]
    if rows.empty:
        return []
    units = of_layer(results.units, layer)
    published = {key: reference.load(key) for key in rows["reference"]}
    caption = (
        f"Units of {layer} (outline) and cells of macaque V1 (grey), as proportions of those that "
        "have a value, in the bins of the publication; fine bins are drawn merged, the score uses "
        "each. Triangles: medians; blue line: the 95 % interval of the model's. Above each panel: "
        "units with a value, of those that respond; cells recorded; similarity. Cells from "
        f"{_sources(rows)}."
    )
    figure = population_page(units, rows, published, width=width)
    numbers = population_numbers(units, rows, published)
    title = f"Populations of {layer} and of macaque V1"
    return [Plate("population", layer, name, title, caption, figure, numbers)]


def _examples(results: Results, layer: str, name: str) -> list[Plate]:
    by, places = example_places(results, layer)
    first = None if by is None else results.units[by].attrs.get("protocol")
    curves = drawable(results.curves, first=first)
    if by is None or not curves:
        return []
    label = within_sentence(str(results.units[by].attrs.get("long_name", by)))
    caption = (
        f"{len(places)} responsive units of {layer}, spread over {label} from its smallest to its "
        "largest values. Orientation is that of the bars (0 horizontal, counter-clockwise). "
        "Dashed: response to the blank. F0, F1: the mean and the modulation over phases, whichever "
        "is larger. Triangles: preferred orientation and spatial frequency, and summation field, "
        "if measured on the curve shown. White: centre and diameter of the receptive field."
    )
    figure = example_units(curves, places, units=results.units, by=by)
    numbers = tuning_numbers(curves, places)
    title = f"Example units of {layer}"
    return [Plate("examples", layer, name, title, caption, figure, numbers)]


def _sources(rows: pd.DataFrame) -> str:
    """Which panels show whose cells."""
    letters: dict[str, list[str]] = {}
    for letter, citation in zip(panel_letters(), rows["citation"].tolist(), strict=False):
        # What is empty in a csv file comes back as NaN.
        whose = citation.partition(").")[0] if isinstance(citation, str) else ""
        letters.setdefault(f"{whose})" if whose else "own data", []).append(letter)
    return "; ".join(f"{whose} ({', '.join(panels)})" for whose, panels in letters.items())


def _layers(results: Results) -> list[str]:
    return [str(layer) for layer in pd.unique(results.units["layer"].to_numpy().astype(str))]


def _file_name(layer: str) -> str:
    return re.sub(r"[^\w.-]+", "-", layer)
