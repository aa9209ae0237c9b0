"""The figures of a run: which are made, what their captions say, and how they are saved."""

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr

from insilico import reference
from insilico.comparison.phenomena import holds_scorecard, scorecard
from insilico.comparison.phenomena_curves import median_curves
from insilico.errors import UserError
from insilico.experiments.battery import Battery
from insilico.experiments.quick import QUICK, QUICK_FIGURE
from insilico.figures.border_ownership import border_numbers, border_page
from insilico.figures.colour import colour_numbers, colour_page
from insilico.figures.context import (
    matrix_numbers,
    matrix_page,
    relative_numbers,
    relative_page,
)
from insilico.figures.eccentricity import eccentricity_numbers, eccentricity_page
from insilico.figures.examples import (
    choose_examples,
    drawable,
    example_quantiles,
    example_units,
    tuning_numbers,
)
from insilico.figures.motion import plaid_numbers, plaid_page
from insilico.figures.population import (
    counted,
    panel_letters,
    population_numbers,
    population_page,
)
from insilico.figures.scorecard import scorecard_page
from insilico.figures.structure import (
    optimal_numbers,
    optimal_page,
    structure_numbers,
    structure_page,
)
from insilico.figures.style import (
    FORMATS,
    TWO_COLUMNS,
    Plate,
    mark,
    save_figure,
    within_sentence,
)
from insilico.figures.summary import MOST_COMPARED, summary
from insilico.figures.textures import (
    modulation_numbers,
    surround_numbers,
    surround_page,
    texture_page,
)
from insilico.figures.variability import variability_numbers, variability_page
from insilico.runs.results import Results
from stimuli.textures.pictures import Textures, shipped

__all__ = [
    "check_pages",
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
    made += _pages(results, chosen, width)
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


def _pages(results: Results, layers: Sequence[str], width: float) -> list[Plate]:
    """Draw the pages that protocols ask for, of the units of some layers that respond in them."""
    made = []
    for name, curve in results.curves.items():
        about = results.protocol(name)
        page = PAGES.get(about.get("figure", ""))
        if page is None:
            continue
        counts = results.units["responsive"].sel(protocol=name).to_numpy().astype(bool)
        counts &= np.isin(curve["layer"].to_numpy().astype(str), list(layers))
        if counts.any():
            shown = curve.isel(unit=counts)
            made.append(page(name, about["section"], _whose(results, name), shown, width))
    return made


def _texture_modulation(
    name: str, section: str, whose: str, curve: xr.DataArray, width: float
) -> Plate:
    pictures = _shown(curve)
    drawn = (
        "Top: the first texture of each family and its first noise, without their window. "
        if pictures
        else "The pictures that were shown are not kept with the results. "
    )
    caption = (
        f"{whose}{drawn}Modulation index (T \N{MINUS SIGN} N) / (T + N) of the "
        "mean responses to the textures T and the noises N of a family, less the blank and not "
        "below 0. Dots and bars: median and quartiles over the units that respond to any "
        "picture. On the right, a dot for each family: its mean over the units, and those of "
        "the published families over cells of macaque V1 and V2 (Freeman and others 2013); "
        "lines: means of all. Where the pictures are not the published ones, how families "
        "spread can be compared, one with another cannot."
    )
    numbers = modulation_numbers(curve)
    figure = texture_page(numbers, pictures, width=width)
    title = "Textures, and how they modulate the units"
    return Plate(section, "", name, title, caption, figure, numbers)


def _texture_surround(
    name: str, section: str, whose: str, curve: xr.DataArray, width: float
) -> Plate:
    pictures = _shown(curve)
    caption = (
        f"{whose}Mean response to a disk of texture within an annulus of its "
        "noise and within the texture that it is part of, less the blank, relative to that to "
        "the disk alone: below 1 the surround suppresses. Left: median and quartiles over the "
        "units that respond, for each family. Right: each unit, by its means over families; "
        "those beyond 2 are drawn at the edge."
    )
    numbers = surround_numbers(curve)
    names = pictures.families if pictures else ()
    figure = surround_page(curve, numbers, names=names, width=width)
    title = "Disks of texture within surrounds"
    return Plate(section, "", name, title, caption, figure, numbers)


def _suppression(name: str, section: str, whose: str, curve: xr.DataArray, width: float) -> Plate:
    numbers = relative_numbers(curve)
    caption = (
        f"{whose}Response to the signal with a mask upon it, or a surround around it, relative to "
        "the signal alone: below 1 it suppresses. Line and band: median and quartiles over the "
        "units that respond."
    )
    title = f"{name.replace('_', ' ').capitalize()}: what is left of the response"
    return Plate(section, "", name, title, caption, relative_page(numbers, width=width), numbers)


def _contrast_pairs(
    name: str, section: str, whose: str, curve: xr.DataArray, width: float
) -> Plate:
    numbers = matrix_numbers(curve)
    caption = (
        f"{whose}Median response, over the units that respond, to each pair of contrasts; the "
        "largest response of each unit is 1. Along a row, what the second grating takes away."
    )
    title = f"{name.replace('_', ' ').capitalize()}: responses to pairs of contrasts"
    return Plate(section, "", name, title, caption, matrix_page(numbers, width=width), numbers)


def _structure(name: str, section: str, whose: str, curve: xr.DataArray, width: float) -> Plate:
    numbers = structure_numbers(curve)
    caption = (
        f"{whose}Maps of the receptive field of some units, spread over how well a Gabor function "
        "fits them, best first: what light (red) adds and dark (blue) adds, by each technique; "
        "numbers are those of the channels. Right: width nx and length ny of the envelope, in "
        "cycles of the carrier; grey: simple cells of macaque V1 (Ringach 2002)."
    )
    figure = structure_page(curve, numbers, width=width)
    return Plate(section, "", name, "Structure of receptive fields", caption, figure, numbers)


def _cone_weights(name: str, section: str, whose: str, curve: xr.DataArray, width: float) -> Plate:
    numbers = colour_numbers(curve)
    caption = (
        f"{whose}Left: weights of the L and M cones in the responses, magnitudes of all three "
        "adding up to 1; grey, cells of macaque V1 (De & Horwitz 2022), which were chosen for "
        "fields of two opposed parts and are no sample of V1. Right: median and quartiles of the "
        "response from coarse to fine gratings of the better colour (L-M or S-(L+M)), and of L+M "
        "for units that oppose no cones. Above the dashed line at the left end a unit is low-pass: "
        "single-opponent."
    )
    title = "Cone weights, and tuning for colour"
    return Plate(section, "", name, title, caption, colour_page(numbers, width=width), numbers)


def _optimal(name: str, section: str, whose: str, curve: xr.DataArray, width: float) -> Plate:
    numbers = optimal_numbers(curve)
    caption = (
        f"{whose}Pictures that some units like best, spread over how much better than the best "
        "Gabor function they are, most first; beside them that Gabor function, of the same root "
        "mean square contrast, and the map from white noise. Red is lighter than the background. "
        "Right: the gain of all, against the correlation of the two pictures."
    )
    figure = optimal_page(curve, numbers, width=width)
    return Plate(section, "", name, "Optimal stimuli", caption, figure, numbers)


def _border(name: str, section: str, whose: str, curve: xr.DataArray, width: float) -> Plate:
    numbers = border_numbers(curve)
    caption = (
        f"{whose}Left: responses to an edge of a square that lies on one side of it, and on the "
        "other, summed over light squares and dark ones: on the line only the edge counts. Right: "
        "the smaller over the larger; grey and dashed, cells of macaque V1 and V2, from counts in "
        "the code of VOneNetDN, of which another file has others (V1: 0 1 2 0 9 13 17 21)."
    )
    title = "Which side owns the edge"
    return Plate(section, "", name, title, caption, border_page(numbers, width=width), numbers)


def _eccentricity(name: str, section: str, whose: str, curve: xr.DataArray, width: float) -> Plate:
    numbers = eccentricity_numbers(curve)
    caption = (
        f"{whose}A dot for each unit that spots drive, at the eccentricity of its field; lines: "
        "least squares, with 95 % intervals of their slopes over channels; no slope where all look "
        "at one place. Radial bias: 1 for bars that point to the centre of the display, -1 for "
        "tangential ones. Dashed: a radius of .075 times the eccentricity, quoted for macaque V1 "
        "at second hand; drawn, not compared with."
    )
    title = "What changes with eccentricity"
    figure = eccentricity_page(numbers, width=width)
    return Plate(section, "", name, title, caption, figure, numbers)


def _plaid_motion(name: str, section: str, whose: str, curve: xr.DataArray, width: float) -> Plate:
    numbers = plaid_numbers(curve)
    caption = (
        f"{whose}Left: Fisher's z of the partial correlation of a unit's responses to plaids with "
        "what one would answer that follows the gratings (component) or their sum (pattern); "
        "beyond the lines, 1.28, a unit is one or the other. Right: median and quartiles of the "
        "responses to plaids and to gratings, by their direction from that of the best grating. A "
        "component unit has two peaks, half of the plaid's angle to either side."
    )
    title = "Plaids: the pattern or its gratings"
    return Plate(section, "", name, title, caption, plaid_page(numbers, width=width), numbers)


def _variability(name: str, section: str, whose: str, curve: xr.DataArray, width: float) -> Plate:
    numbers = variability_numbers(curve)
    caption = (
        f"{whose}Left: variance of spike counts over repeats against their mean, a dot for each "
        "unit and stimulus; dashed, Poisson. Right: correlation of the variation of two units "
        "about their means, against that of the means; black, averages. Published noise "
        "correlations range from .01 to .4 (Ecker and others 2014)."
    )
    figure = variability_page(curve, numbers, width=width)
    return Plate(section, "", name, "Variability over repeats", caption, figure, numbers)


# By the name that a protocol carries.
PAGES: Mapping[str, Callable[[str, str, str, xr.DataArray, float], Plate]] = {
    "texture_modulation": _texture_modulation,
    "texture_surround": _texture_surround,
    "suppression": _suppression,
    "contrast_pairs": _contrast_pairs,
    "structure": _structure,
    "optimal": _optimal,
    "variability": _variability,
    "cone_weights": _cone_weights,
    "plaid_motion": _plaid_motion,
    "border_ownership": _border,
    "eccentricity": _eccentricity,
}


def check_pages(battery: Battery) -> None:
    """Refuse a battery that asks for a page which nobody can draw.

    Parameters
    ----------
    battery : Battery
        What is about to be recorded.

    Raises
    ------
    UserError
        Says which protocol, and which pages there are.
    """
    for protocol in battery.protocols:
        if protocol.figure and protocol.figure not in PAGES:
            raise UserError(
                f"protocol {protocol.name!r} asks for the page {protocol.figure!r}, and there are "
                f"{', '.join(PAGES)}. Leave figure= out, and its curves are drawn unit by unit."
            )


def _shown(curve: xr.DataArray) -> Textures | None:
    """Find the pictures that a curve was recorded with; those of a user are not kept."""
    ours = int(curve.coords.get("checksum", 0)) == shipped().checksum
    return shipped() if ours else None


def _whose(results: Results, name: str) -> str:
    """Say after whom an experiment is, and with whose pictures."""
    citation = results.protocol(name).get("citation", "")
    return f"After {citation.removeprefix('after ')}. " if citation else ""


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
