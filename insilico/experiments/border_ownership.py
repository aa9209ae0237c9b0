"""Border ownership: the same edge as part of a square on the one side or on the other."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import xarray as xr

from insilico.errors import UserError
from insilico.experiments.lengths import across, best_place
from insilico.experiments.optimum import AFTER_GRATING, centered_grating
from insilico.experiments.protocol import Protocol
from insilico.experiments.responsive import exceeds_threshold
from insilico.tuning.properties import border_ownership as properties
from stimuli import Display, Position, StimulusSet, factorial
from stimuli.catalogue import Named
from stimuli.cone_contrast import cone_contrast

__all__ = [
    "BORDER_OWNERSHIP",
    "ColouredSquares",
    "border_curve",
    "border_squares",
    "coloured_borders",
    "edge_with_room",
]

# Squares of 4 deg on 12 deg, in the code of VOneNetDN; on a smaller display they are as large a
# part of it.
SIDE, SHARE = 4.0, 1 / 3

# Of the edge across a unit, in cycles of its preferred grating: that of a simple cell drives it
# where its phase says.
PLACES = np.arange(-0.5, 0.5, 0.125)

draw_square = Named("square")
draw_cone_square = Named("cone_square")

# Columns of a table of colours: linear light.
LIGHT = ["red", "green", "blue"]


def border_squares(
    display: Display,
    position: Position,
    *,
    orientation: float = 90.0,
    spatial_frequency: float = 2.0,
) -> StimulusSet:
    """Squares to either side of an edge, light on dark and dark on light.

    Parameters
    ----------
    display : Display
        The screen.
    position : Position
        Middle of the places of the edge, in deg.
    orientation, spatial_frequency : float
        What the units prefer, in deg and cpd; a run asks `edge_with_room`.

    Returns
    -------
    StimulusSet
        Two sides, two polarities (1 where the square is light), of contrast 1 between square and
        ground, and eight places of the edge over a cycle. A square is 4 deg wide, or a third of a
        display below 12 deg.
    """

    def place(table: pd.DataFrame) -> pd.DataFrame:
        return across(table, position, orientation, spatial_frequency).assign(
            contrast=table["polarity"], ground_contrast=-table["polarity"]
        )

    return factorial(
        "border_squares",
        display,
        draw_square,
        {"side": [-1.0, 1.0], "polarity": [-1.0, 1.0], "place": PLACES},
        derive=place,
        labels=("polarity", "place"),
        orientation=orientation,
        width=_width(min(display.degrees)),
    )


@dataclass(frozen=True)
class ColouredSquares:
    """Makes squares in colours of a table, on a ground and the other way round.

    Parameters
    ----------
    colours : tuple of (float, float, float)
        Linear red, green and blue of each.
    ground : tuple of float
        That of what they are shown with.
    """

    colours: tuple[tuple[float, ...], ...]
    ground: tuple[float, ...]

    def __call__(
        self,
        display: Display,
        position: Position,
        *,
        orientation: float = 90.0,
        spatial_frequency: float = 2.0,
    ) -> StimulusSet:
        """Make them for units of some preference, as `border_squares` does."""
        contrasts = cone_contrast(display, self.colours)
        ground = cone_contrast(display, self.ground)

        def colour(table: pd.DataFrame) -> pd.DataFrame:
            own = contrasts[table["colour"].to_numpy()]
            figure = (table["polarity"] > 0).to_numpy()[:, None]
            shown = {"": np.where(figure, own, ground), "ground_": np.where(figure, ground, own)}
            named = {
                f"{prefix}{cone}_contrast": values[:, column]
                for prefix, values in shown.items()
                for column, cone in enumerate("lms")
            }
            return across(table, position, orientation, spatial_frequency).assign(**named)

        return factorial(
            "coloured_squares",
            display,
            draw_cone_square,
            {
                "colour": np.arange(len(self.colours)),
                "side": [-1.0, 1.0],
                "polarity": [-1.0, 1.0],
                "place": PLACES,
            },
            derive=colour,
            labels=("colour", "polarity", "place"),
            orientation=orientation,
            width=_width(min(display.degrees)),
        )


def coloured_borders(colours: pd.DataFrame, *, ground: Sequence[float]) -> Protocol:
    """Make the experiment with colours of your own: each unit is judged at the one it likes best.

    Parameters
    ----------
    colours : DataFrame, one row per colour
        Linear light in the columns ``red``, ``green`` and ``blue``, in [0, 1].
    ground : sequence of float
        Red, green and blue of what is around the squares, or within them: a light grey, as
        published.

    Returns
    -------
    Protocol
        In place of `BORDER_OWNERSHIP`.

    Raises
    ------
    UserError
        If the table has no such columns, or light that no display has.
    """
    missing = [name for name in LIGHT if name not in colours]
    if missing or not len(colours) or len(ground) != len(LIGHT):
        raise UserError(
            "colours need a table with a row for each and the columns red, green and blue, and "
            f"ground three numbers; the table has {len(colours)} rows and the columns "
            f"{', '.join(map(str, colours)) or 'none'}, and ground is {ground!r}."
        )
    light = colours[LIGHT].apply(pd.to_numeric, errors="coerce").to_numpy(dtype=float)
    if not ((light >= 0) & (light <= 1)).all() or not all(0 <= value <= 1 for value in ground):
        wrong = colours.loc[~((light >= 0) & (light <= 1)).all(1), LIGHT].head(1).values.tolist()
        raise UserError(
            "red, green and blue of colours and ground must be numbers between 0 and 1; got "
            f"{', '.join(map(str, (wrong or [ground])[0]))}."
        )
    squares = ColouredSquares(tuple(map(tuple, light.tolist())), tuple(map(float, ground)))
    return replace(
        BORDER_OWNERSHIP, stimuli=squares, curve=best_colour_border_curve, needs="colour"
    )


def best_colour_border_curve(response: xr.DataArray) -> xr.DataArray:
    """Response with the edge at its best place, in the colour that gives the largest mean.

    Parameters
    ----------
    response : DataArray
        Recording of `ColouredSquares`.

    Returns
    -------
    DataArray, dims ("unit", "side", "polarity")
    """
    curve = best_place(response)
    best = curve.clip(min=0).mean(("side", "polarity")).argmax("colour")
    return curve.isel(colour=best)


def edge_with_room(units: xr.Dataset) -> pd.DataFrame:
    """Find the edge that each unit prefers, if there is room for a square on all sides of it.

    Parameters
    ----------
    units : Dataset, dim "unit"
        As for `centered_grating`, with the attribute ``degrees``.

    Returns
    -------
    DataFrame, one row per unit
        As from there. NaN for a unit from whose place a square would reach beyond the display.
    """
    table = centered_grating(units)
    degrees = float(units.attrs["degrees"])
    room = degrees / 2 - _width(degrees)
    off = np.hypot(table["x"], table["y"]) > room * (1 + 1e-9)
    return table.where(~off)


def border_curve(response: xr.DataArray) -> xr.DataArray:
    """Response with the edge at its best place, less the blank.

    Parameters
    ----------
    response : DataArray
        Recording of `border_squares`.

    Returns
    -------
    DataArray, dims ("unit", "side", "polarity")
    """
    return best_place(response)


def _width(degrees: float) -> float:
    return min(SIDE, SHARE * degrees)


BORDER_OWNERSHIP = Protocol(
    name="border_ownership",
    stimuli=border_squares,
    curve=border_curve,
    properties=(properties.border_ownership_ratio, properties.polarity_ratio),
    responsive=exceeds_threshold,
    citation="after Zhou, Friedman & von der Heydt (2000), doi 10.1523/JNEUROSCI.20-17-06594.2000",
    question="Does the response to an edge depend on which side owns it?",
    after=AFTER_GRATING,
    prefer=edge_with_room,
    figure="border_ownership",
)
