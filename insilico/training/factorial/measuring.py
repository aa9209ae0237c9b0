"""Measuring a trained network as the published benchmark does, at any place of its visual field."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
import xarray as xr
from torch import nn

import insilico
from insilico.comparison.population import counting
from insilico.comparison.table import category_scores, score
from insilico.errors import UserError
from insilico.experiments.marques2020 import BATTERY
from insilico.experiments.marques2020_curves import within
from insilico.experiments.protocol import Placement
from insilico.models.card import ModelCard, attach
from insilico.reference import load
from insilico.training.config import DataConfig
from stimuli import Display, Position

__all__ = ["measure_units", "scores"]

# The bins of a property that is 0 or 1.
YES_OR_NO = [0.0, 0.5, 1.0]


def measure_units(
    model: nn.Module,
    *,
    name: str,
    layer: str,
    data: DataConfig,
    degrees: float,
    positions: Sequence[tuple[float, float]],
    maximum_distance: float,
    seed: int = 0,
) -> xr.Dataset:
    """Measure the units of a layer that look at any of some places.

    Parameters
    ----------
    model : nn.Module
        A trained network; changed in place: it normalises pictures for itself from now on.
    name : str
        What it is called.
    layer : str
        The layer that stands for V1.
    data : DataConfig
        What it was trained on: size and normalisation of pictures.
    degrees : float
        Side of the visual field that its input stands for.
    positions : sequence of (float, float)
        Where stimuli are shown, in deg.
    maximum_distance : float
        Units are kept whose receptive field has its centre within so many deg of the place; 0.15
        in the published battery.
    seed : int
        See `insilico.run`.

    Returns
    -------
    Dataset, dim "unit"
        As in `insilico.Results`, the populations of all places one after the other. Activations
        are mapped to firing rates for each place on its own. Where no unit looks is left out.

    Raises
    ------
    UserError
        If no unit looks at any of the places.
    """
    display = Display.square(data.image_size, degrees)
    card = ModelCard(
        name, display, (layer,), trained=True, mean=_three(data.mean), std=_three(data.std)
    )
    attach(model, card)
    # All sites are candidates: with cortical magnification, a site's place in the map does not tell
    # where it looks.
    measured: list[xr.Dataset] = []
    refused: list[UserError] = []
    for each in positions:
        position = Position(*each)
        place = Placement(position, sites="all", select=within(position, maximum_distance))
        try:
            results = insilico.run(model, battery=BATTERY, place=place, seed=seed)
        except UserError as error:
            refused.append(error)
        else:
            measured.append(results.units)
    if not measured:
        raise refused[0]
    return xr.concat(measured, "unit", combine_attrs="override")


def scores(units: xr.Dataset, *, seed: int = 0) -> dict[str, dict[str, float]]:
    """Compare units with the published distributions.

    Parameters
    ----------
    units : Dataset, dim "unit"
        What `measure_units` gives, of one layer.
    seed : int
        Of the resampling.

    Returns
    -------
    dict of dict
        ``similarity``: over its ceiling, of each property, of each category, and ``mean``;
        ``median``: the model's median of each property, or the share of units for which it is
        true; ``n``: how many units have a value.
    """
    comparison = score(units, BATTERY.references, seed=seed)
    categories = category_scores(comparison).set_index("category")["ceiled"]
    rows = comparison.set_index(comparison["reference"].str.removeprefix("marques2020."))
    means: Mapping[Any, float] = pd.concat([rows["ceiled"], categories.dropna()]).to_dict()
    medians = rows["median_model"].to_dict()
    for reference in map(load, BATTERY.references):
        # Half of the units and one more would make the median of yes and no jump.
        if reference.edges.tolist() == YES_OR_NO:
            values = units[reference.property]
            counts = xr.DataArray(counting(units, values), dims="unit")
            medians[reference.property] = values.astype(float).where(counts).mean().item()
    return {
        "similarity": {str(key): float(value) for key, value in means.items()},
        "median": {str(key): float(value) for key, value in medians.items()},
        "n": {str(key): int(value) for key, value in rows["n_defined"].items()},
    }


def _three(values: tuple[float, ...]) -> tuple[float, ...]:
    return values * 3 if len(values) == 1 else values
