"""Figures fit for a journal, drawn from labelled arrays and tidy tables as Axes or a Figure.

Nothing here changes matplotlib's settings or chooses its backend; `style` sets type and widths for
the drawings made inside its block.
"""

from insilico.figures.examples import (
    choose_examples,
    example_units,
    tuning_numbers,
    unit_tuning,
)
from insilico.figures.movie import save_movie
from insilico.figures.plate import Plate
from insilico.figures.plates import plates, save_figures
from insilico.figures.population import (
    histograms,
    population,
    population_numbers,
    population_page,
)
from insilico.figures.sheet import contact_sheet
from insilico.figures.style import ONE_COLUMN, TWO_COLUMNS, save_figure, style
from insilico.figures.summary import layer_heatmap, similarities, summary
from insilico.figures.textures import surround_page, texture_page
from insilico.figures.tuning import orientation_polar, receptive_field_map, tuning_curve

__all__ = [
    "ONE_COLUMN",
    "TWO_COLUMNS",
    "Plate",
    "choose_examples",
    "contact_sheet",
    "example_units",
    "histograms",
    "layer_heatmap",
    "orientation_polar",
    "plates",
    "population",
    "population_numbers",
    "population_page",
    "receptive_field_map",
    "save_figure",
    "save_figures",
    "save_movie",
    "similarities",
    "style",
    "summary",
    "surround_page",
    "texture_page",
    "tuning_curve",
    "tuning_numbers",
    "unit_tuning",
]
