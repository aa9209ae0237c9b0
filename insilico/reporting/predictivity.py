"""The page that says how well layers predict recorded neurons, its figures, and their numbers."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
import pandas as pd

from insilico.figures.plate import Plate
from insilico.figures.predictivity import layer_scores, neuron_scores
from insilico.figures.style import save_figure
from insilico.folders import made
from insilico.reporting.page import inline, render, score, write_page
from insilico.reporting.side_by_side_tables import with_ends

__all__ = ["predictivity_plates", "readable_layers", "write_predictivity"]

FIGURES = "figures"
PAGE = "predictivity.html"

# The scores of a layer, and what stands over them.
COLUMNS = {
    "r": "r",
    "explained_variance": "r\N{SUPERSCRIPT TWO} / ceiling",
    "explained_variance_before_2026": "(r / ceiling)\N{SUPERSCRIPT TWO}",
    "similarity": "similarity",
    "skill": "skill",
}

TERMS = (
    (
        "r",
        "r",
        "Pearson's correlation of the predicted with the mean recorded responses to images that "
        "were not learned from: the median over neurons, and the mean over ten splits of the "
        "images, nine tenths to learn from and one to predict.",
    ),
    (
        "ceiling",
        "Ceiling",
        "The reliability of the mean responses: the correlation of the means of two halves of the "
        "repetitions, corrected for their length (Spearman-Brown), median over neurons. It is "
        "estimated on the images that are learned from. A perfect model reaches an r of its "
        "square root.",
    ),
    (
        "rules",
        "Explained variance: two rules",
        "r\N{SUPERSCRIPT TWO} / ceiling is the explained share of the variance that can be "
        "explained: a perfect model has 1. The published benchmark takes it since 13 January "
        "2026. Before, it took (r / ceiling)\N{SUPERSCRIPT TWO}, which divides by the ceiling "
        "twice and gives a perfect model 1 / ceiling: 14.5 % more for the same r at the published "
        "ceiling of 0.873. Everything published until then has the old rule.",
    ),
    (
        "interval",
        "Intervals [low, high]",
        "95 % of bootstrap samples, images and neurons both drawn with replacement. They say how "
        "the numbers vary with other images and neurons like these; mappings are not fitted anew.",
    ),
    (
        "properties",
        "Similarity and skill of properties",
        "How V1-like the tuning of the units of a layer is: means over the compared properties. "
        "Categories of the published benchmark have the same weight. Similarity: 1 is the same "
        "distribution as that of the cells. Skill: 0 is the best trivial population.",
    ),
)

SOURCES = (
    (
        "Freeman J, Ziemba CM, Heeger DJ, Simoncelli EP, Movshon JA (2013). A functional and "
        "perceptual signature of the second visual area in primates. Nat Neurosci 16:974-981",
        "10.1038/nn.3402",
    ),
    (
        "Schrimpf M, Kubilius J, Hong H, et al. (2018). Brain-Score: which artificial neural "
        "network for object recognition is most brain-like? bioRxiv",
        "10.1101/407007",
    ),
)


@runtime_checkable
class Found(Protocol):
    """What a page is made of: an `insilico.predictivity.Predictivity`."""

    @property
    def layers(self) -> pd.DataFrame:
        """One row per layer."""

    @property
    def neurons(self) -> pd.DataFrame:
        """One row per layer and neuron."""

    @property
    def best(self) -> str:
        """The layer that predicts best."""

    @property
    def provenance(self) -> Mapping[str, Any]:
        """What it takes to do it again."""

    @property
    def warnings(self) -> Sequence[str]:
        """What a reader must know before believing a number."""


def write_predictivity(
    found: Found,
    folder: Path | str,
    *,
    layers: pd.DataFrame | None = None,
    notes: Sequence[str] = (),
) -> Path:
    """Write the page of a prediction, and its figures.

    Parameters
    ----------
    found : Predictivity
        From `insilico.predict`.
    folder : path
        Where to write; made if there is none.
    layers : DataFrame, optional
        Its table of layers with the scores of their properties, from
        `insilico.predictivity.layers.with_properties`.
    notes : sequence of str
        Warnings beside those of ``found``.

    Returns
    -------
    Path
        The page, ``predictivity.html``: one file, which can be sent by itself. Beside it is the
        folder ``figures``, with the numbers drawn as csv.
    """
    folder = made(folder)
    table = found.layers if layers is None else layers
    drawn = predictivity_plates(table, found.neurons, found.best)
    for plate in drawn:
        save_figure(plate.figure, folder / FIGURES, plate.name, numbers=plate.numbers)
    record = dict(found.provenance)
    page = render(
        "predictivity.html.jinja",
        provenance=record,
        facts=_facts(record, table),
        warnings=[*found.warnings, *notes],
        layers=_laid_out(readable_layers(table)),
        plates=[inline(plate, folder / FIGURES) for plate in drawn],
        neurons=any(plate.kind == "population" for plate in drawn),
        terms=[term for term in TERMS if term[0] != "properties" or "similarity" in table],
        sources=SOURCES,
        record=[(name.replace("_", " "), value) for name, value in record.items()],
    )
    return write_page(page, folder / PAGE)


def predictivity_plates(layers: pd.DataFrame, neurons: pd.DataFrame, best: str) -> list[Plate]:
    """Draw the figures of a prediction.

    Parameters
    ----------
    layers : DataFrame
        One row per layer.
    neurons : DataFrame
        One row per layer and neuron.
    best : str
        The layer that predicts best.

    Returns
    -------
    list of Plate
        All layers; and all neurons, predicted from the best one, if there is a ceiling.
    """
    caption = (
        "Left: r, with the 95 % interval of the ceiling (grey) and the r of a perfect model "
        "(dashed). Then explained variance by both rules; dashed, what a perfect model gets by "
        "each. Lines through dots: 95 % intervals."
    )
    if "similarity" in layers:
        caption += " Right: how V1-like the properties of the units are; no dot, no score."
    made = [
        Plate(
            "summary", "", "layers", "Prediction from every layer", caption,
            layer_scores(layers), layers,
        )
    ]  # fmt: skip
    own = neurons[neurons["layer"].astype(str) == best]
    if (own["ceiling"] > 0).any():
        caption = (
            f"Each dot is a neuron, predicted from layer {best}. On the line, all that its noise "
            "allows to predict is predicted; above it lie estimates that are off by chance."
        )
        figure = neuron_scores(own)
        made.append(Plate("population", best, "neurons", "Every neuron", caption, figure, own))
    return made


def readable_layers(layers: pd.DataFrame) -> pd.DataFrame:
    """Lay the table of layers out for reading.

    Parameters
    ----------
    layers : DataFrame
        One row per layer.

    Returns
    -------
    DataFrame
        Scores in words, with their intervals; properties and units where they are known.
    """
    rows = layers.to_dict("records")
    table: dict[str, list[Any]] = {
        "layer": list(layers["layer"]),
        "features": list(layers["n_features"]),
    }
    for column, heading in COLUMNS.items():
        if column in layers:
            table[heading] = [with_ends(row, column, score) for row in rows]
    for column, heading in (("n_properties", "properties"), ("n_units", "units")):
        if column in layers:
            table[heading] = list(layers[column])
    return pd.DataFrame(table)


def _facts(record: Mapping[str, Any], layers: pd.DataFrame) -> list[tuple[str, str]]:
    first = layers.iloc[0].to_dict()
    facts = [
        ("Model", f"{record['model']} ({record['weights']})"),
        ("Recording", str(record["data"])),
        ("Neurons", f"{record['neurons']}"),
        ("Images", f"{record['images']}, {record['image_degrees']:g} deg wide"),
        ("Repetitions", f"{record['repetitions']}"),
        ("Mapping", _mapping(record)),
        ("Visual field", f"{record['pixels']} px, {record['degrees']:g} deg"),
    ]
    if np.isfinite(first["ceiling"]):
        facts.append(("Ceiling", with_ends(first, "ceiling", score)))
        facts.append(("r of a perfect model", score(np.sqrt(max(first["ceiling"], 0)))))
    return facts


def _mapping(record: Mapping[str, Any]) -> str:
    name = {"pls": "partial least squares, up to 25 components", "ridge": "ridge regression"}
    kept = record["principal_components"]
    text = name.get(record["mapping"], str(record["mapping"]))
    return text if kept is None else f"{text}, on {kept} principal components"


def _laid_out(table: pd.DataFrame) -> dict[str, Any]:
    """Set the intervals of numbers apart from them."""
    rows = []
    for layer, *values in table.itertuples(index=False):
        parts = [str(value).partition(" ") for value in values]
        rows.append([(layer, ""), *((value, interval) for value, _, interval in parts)])
    return {"head": list(table.columns), "rows": rows}
