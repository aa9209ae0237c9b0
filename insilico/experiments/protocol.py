"""Protocol and Placement: an experiment, and where it is done."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import pandas as pd
import xarray as xr

from insilico.comparison.joint import Pair
from insilico.errors import UserError
from insilico.recording.reductions import Ascent, Correlation, Maximum
from insilico.tuning.properties.values import names
from stimuli import Display, Position, StimulusSet

__all__ = ["Placement", "Protocol", "function_name", "placed", "prerequisites"]

Curve = Callable[[xr.DataArray], xr.DataArray]
Measure = Callable[[xr.DataArray], xr.DataArray | xr.Dataset]


@dataclass(frozen=True)
class Protocol:
    r"""One experiment: what is shown, the curve it gives, and what is measured on the curve.

    Parameters
    ----------
    name : str
        Name of the experiment, and of its recording and its curve in the results.
    stimuli : callable
        ``stimuli(display, position, **preference)`` makes the stimulus set around a position.
    curve : callable
        ``curve(response)`` reduces a recording, dims ("unit", \\*factors), to a tuning curve. The
        curve keeps the unit coordinates, ``blank`` among them.
    properties : tuple of callable
        Each takes the curve and returns one value per unit: a DataArray, or a Dataset where one
        fit gives many numbers. The name of what it returns names the property, and its
        ``long_name`` and ``units`` label it; `insilico.tuning.properties.per_unit` makes one.
        `insilico.tuning.properties.values.named` declares a name that is not the function's.
    responsive : callable
        ``responsive(curve)`` says, per unit, whether it counts in comparisons.
    citation : str
        Whose experiment it is.
    question : str
        What it asks, in one sentence.
    scale : {"rates", "activations", "signed"}
        Whether the curve is taken from firing rates, from rectified activations, or from what may
        be below 0, such as maps.
    reduction : Maximum, Correlation or Ascent, optional
        What the curve needs of the responses, where it is less than all of them: kept while they
        arrive. The curve is taken of the reduced recording.
    after : str or tuple of str
        Earlier protocols whose properties say what each unit prefers.
    prefer : callable, optional
        ``prefer(units)`` turns the table of units, a Dataset with the properties measured by the
        protocols in ``after`` (and by those that they come after), into a table, one row per unit,
        of further arguments of ``stimuli``: each unit is shown the set made for it, as a
        physiologist would. The columns ``x`` and ``y``, in deg, say where. A unit with NaN in any
        column is shown nothing. The attributes ``px_per_deg`` and ``degrees`` of the table are the
        display's: its resolution, and its smaller side.
    given : tuple of str
        Properties of those protocols that the curve is measured against: the recording carries
        them as coordinates over ``unit``.
    figure : str
        Name of the page that shows the curves of all units, in `insilico.figures.pages`; none
        where the rows of example units are enough.
    section : {"examples", "textures"}
        The section of the report that its figure stands in.
    joint : tuple of Pair
        Properties whose joint structure is of interest, of this and of earlier protocols.
    shuffled : tuple of callable
        Those of the ``properties`` that untuned units have too: they are measured on curves in
        random order as well, which gives their floor.
    pictured : tuple of callable
        Of the ``properties``, where the reduction is an Ascent: those of the pictures themselves.
        Pictures are found once; the responses to them have repeats, and all other properties do.
    beside : str, optional
        An earlier protocol whose curve is handed to ``curve`` as well, after the recording.
    needs : {"colour", "places", "known places", "gradients", "noise", "time", "photographs"}
        What a model has to offer for the experiment to have a meaning: see
        `insilico.experiments.scope`. It is left out for other models, and that is said. Nothing by
        default.
    """

    name: str
    stimuli: Callable[..., StimulusSet]
    curve: Callable[..., xr.DataArray]
    properties: tuple[Measure, ...]
    responsive: Curve
    citation: str
    question: str = ""
    scale: Literal["rates", "activations", "signed"] = "rates"
    reduction: Maximum | Correlation | Ascent | None = None
    after: str | tuple[str, ...] = ()
    prefer: Callable[[xr.Dataset], pd.DataFrame] | None = None
    given: tuple[str, ...] = ()
    figure: str = ""
    section: Literal["examples", "textures"] = "examples"
    joint: tuple[Pair, ...] = ()
    shuffled: tuple[Curve, ...] = ()
    pictured: tuple[Curve, ...] = ()
    beside: str = ""
    needs: Literal[
        "", "colour", "places", "known places", "gradients", "noise", "time", "photographs"
    ] = ""

    def __post_init__(self) -> None:
        if isinstance(self.after, str):
            object.__setattr__(self, "after", (self.after,))
        if self.prefer is not None and not self.after:
            raise UserError(
                f"protocol {self.name!r} says what units prefer, but not after which protocol that "
                "is known. Name it: after='orientation', say."
            )
        if self.after and self.prefer is None:
            raise UserError(
                f"protocol {self.name!r} comes after {', '.join(self.after)}, but does not say "
                "what its stimuli take from there. Give prefer=..., or leave after out."
            )
        if self.beside and self.beside not in self.after:
            raise UserError(
                f"protocol {self.name!r} takes the curve of {self.beside}, but does not come after "
                "it. Name it in after."
            )
        for does, some in (("shuffles", self.shuffled), ("says pictured of", self.pictured)):
            strangers = [function_name(each) for each in some if each not in self.properties]
            if strangers:
                raise UserError(
                    f"protocol {self.name!r} {does} {', '.join(strangers)}, which is not among its "
                    "properties."
                )

    @property
    def measures(self) -> tuple[str, ...]:
        """Names of its properties, as their functions declare them: nothing is measured."""
        return tuple(name for each in self.properties for name in names(each))

    @property
    def shown(self) -> tuple[Any, ...]:
        """What recordings are made from: protocols that agree in it share one."""
        return self.stimuli, self.after, self.prefer, self.reduction


@dataclass(frozen=True)
class Placement:
    """Where the stimuli lie, which sites are recorded, and which of their units are kept.

    Parameters
    ----------
    position : Position, optional
        Where the stimuli are shown, but those that lie where a protocol's ``prefer`` says; each
        unit's own place by default.
    sites : "centre", "all", "lattice", float or sequence of (row, column)
        Which sites of each feature map are recorded, or are candidates: see `insilico.Probe`.
    select : callable, optional
        ``select(curve)`` says, per unit, whether it is kept after the first protocol.

    Examples
    --------
    The published battery at the centre of gaze, keeping units within half a degree:

    >>> from insilico.experiments.marques2020_curves import within
    >>> place = Placement(Position(0, 0), sites=1.5, select=within(Position(0, 0), 0.5))
    >>> results = insilico.run(model, battery="marques2020", place=place)  # doctest: +SKIP
    """

    position: Position | None = None
    sites: Any = "centre"
    select: Curve | None = None


def placed(
    protocol: Protocol, display: Display, position: Position, preference: Mapping[str, float]
) -> StimulusSet:
    """Make the stimuli of a protocol for units with some preference.

    Parameters
    ----------
    protocol : Protocol
        The experiment.
    display : Display
        The screen.
    position : Position
        Where, unless the preference says so.
    preference : mapping of str to float
        Arguments of its stimuli; ``x`` and ``y`` are the position.

    Returns
    -------
    StimulusSet

    Raises
    ------
    UserError
        If the protocol makes something else.
    """
    named = dict(preference)
    position = Position(named.pop("x", position.x), named.pop("y", position.y))
    made: Any = protocol.stimuli(display, position, **named)
    if not isinstance(made, StimulusSet):
        raise UserError(
            f"the stimuli of protocol {protocol.name!r} must be a StimulusSet; got a "
            f"{type(made).__name__}. stimuli.factorial makes one."
        )
    return made


def prerequisites(protocols: Iterable[Protocol], names: Iterable[str]) -> set[str]:
    """Names of some protocols, and of all that they come after.

    Parameters
    ----------
    protocols : iterable of Protocol
        Those of a battery.
    names : iterable of str
        Some of their names.

    Returns
    -------
    set of str
    """
    after = {each.name: each.after for each in protocols}
    found: set[str] = set()
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += after[name]
    return found


def function_name(function: Callable[..., Any]) -> str:
    """Name a function in a message."""
    return getattr(function, "__name__", repr(function))
