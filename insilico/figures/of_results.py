"""The figures of a run, asked for one at a time: what ``results.plot`` is."""

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field

import pandas as pd
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from insilico import reference
from insilico.comparison.phenomena import holds_scorecard, scorecard
from insilico.comparison.phenomena_curves import median_curves
from insilico.errors import UserError
from insilico.figures.examples import drawable, marked_curve, measured_on, unit_tuning
from insilico.figures.plates import curves_of_layer, of_layer
from insilico.figures.population import population_page
from insilico.figures.scorecard import scorecard_page
from insilico.figures.style import TWO_COLUMNS, style
from insilico.figures.summary import summary
from insilico.figures.tuning import MAP
from insilico.runs.results import Results
from insilico.runs.unit import checked

__all__ = ["Plots"]


@dataclass(frozen=True)
class Plots:
    """Draws a run.

    Parameters
    ----------
    results : Results
        The run.

    Examples
    --------
    >>> results.plot.summary().savefig("summary.pdf")  # doctest: +SKIP
    >>> results.plot.tuning("size", unit=16)  # doctest: +SKIP
    """

    results: Results = field(repr=False)

    def summary(self, *, width: float = TWO_COLUMNS) -> Figure:
        """Draw how alike every compared property is to macaque V1.

        Parameters
        ----------
        width : float
            In inches.

        Returns
        -------
        Figure
            See `insilico.figures.summary`.

        Raises
        ------
        UserError
            If nothing was compared.
        """
        self._check_compared()
        return summary(self.results.comparison, width=width)

    def population(self, layer: str | None = None, *, width: float = TWO_COLUMNS) -> Figure:
        """Draw the distribution of every compared property over that of macaque V1.

        Parameters
        ----------
        layer : str, optional
            Which layer, where there are several.
        width : float
            In inches.

        Returns
        -------
        Figure
            See `insilico.figures.population_page`; distributions of the user's own are not drawn.

        Raises
        ------
        UserError
            If nothing was compared, or it is not said which of several layers is meant.
        """
        self._check_compared()
        layer = self._layer(layer)
        rows = self.results.comparison
        own = self.results.provenance.get("own_references", {})
        published = [name for name in reference.names() if name not in own]
        rows = rows[(rows["layer"].astype(str) == layer) & rows["reference"].isin(published)]
        if rows.empty:
            raise UserError(f"nothing of {layer} was compared with a published distribution.")
        known = {name: reference.load(name) for name in rows["reference"]}
        return population_page(of_layer(self.results.units, layer), rows, known, width=width)

    def unit(self, number: int) -> Figure:
        """Draw all tuning curves of one unit, in a row.

        Parameters
        ----------
        number : int
            Its row in the table of units, from 0.

        Returns
        -------
        Figure
            See `insilico.figures.unit_tuning`.

        Raises
        ------
        UserError
            If there is no such unit, or no curve along one factor.
        """
        place = checked(self.results, number)
        if not drawable(self.results.curves):
            raise UserError(
                f"the {self.results.battery} battery has no curve along one factor to draw."
            )
        return unit_tuning(self.results.curves, place, units=self.results.units)

    def tuning(self, protocol: str, unit: int, *, ax: Axes | None = None) -> Axes:
        """Draw one tuning curve of one unit, or its receptive-field map.

        Parameters
        ----------
        protocol : str
            The protocol whose curve is drawn.
        unit : int
            Its row in the table of units, from 0.
        ax : Axes, optional
            Where to draw.

        Returns
        -------
        Axes
            See `insilico.figures.tuning_curve` and `insilico.figures.receptive_field_map`.

        Raises
        ------
        UserError
            If there is no such unit or curve, or the curve has several factors; says which can be
            drawn.
        """
        place = checked(self.results, unit)
        curves = self.results.curves
        possible = [name for name, curve in curves.items() if _is_map(curve) or curve.ndim == 2]
        if protocol not in possible:
            raise UserError(
                f"tuning needs a protocol with a curve along one factor, or a map: "
                f"{', '.join(possible) or 'this run has none'}; got {protocol!r}."
            )
        curve = curves[protocol].isel(unit=place)
        measured = measured_on(protocol, self.results.units.isel(unit=place))
        with style() if ax is None else nullcontext():
            return marked_curve(curve, measured, ax=ax)

    def phenomena(self, layer: str | None = None, *, width: float = TWO_COLUMNS) -> Figure:
        """Draw the scorecard: which of thirty phenomena of V1 the units show.

        Parameters
        ----------
        layer : str, optional
            Which layer, where there are several.
        width : float
            In inches.

        Returns
        -------
        Figure
            See `insilico.scorecard`.

        Raises
        ------
        UserError
            If the run measured too little for it, or it is not said which of several layers is
            meant.
        """
        layer = self._layer(layer)
        units = of_layer(self.results.units, layer)
        if not holds_scorecard(units):
            raise UserError(
                f"the {self.results.battery} battery measures none of the phenomena: run "
                "battery='phenomena'."
            )
        curves = median_curves(curves_of_layer(self.results, layer))
        return scorecard_page(scorecard(units), curves, width=width)

    def _layer(self, layer: str | None) -> str:
        known = pd.unique(self.results.units["layer"].to_numpy().astype(str)).tolist()
        if layer is None and len(known) == 1:
            return str(known[0])
        if layer is None or layer not in known:
            said = "several layers were recorded" if layer is None else f"there is no {layer!r}"
            raise UserError(f"{said}; say which: {', '.join(known)}.")
        return layer

    def _check_compared(self) -> None:
        if self.results.comparison.empty:
            raise UserError(
                "nothing of this run was compared with macaque V1: run a battery that names "
                "references, or give references of your own."
            )


def _is_map(curve: xr.DataArray) -> bool:
    factors: Sequence[object] = [dim for dim in curve.dims if dim != "unit"]
    return set(factors) == set(MAP)
