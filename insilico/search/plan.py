"""A search written down in a TOML file."""

import math
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from insilico.errors import UserError
from insilico.models.mechanistic.hyper_parameters import (
    HyperParameters,
    bounds,
    hyper_parameters,
)

__all__ = ["SearchPlan", "Stage", "read_plan"]

# Factors of the grating sets that a stage may thin out.
FACTORS = ("phase", "cycles", "diameter", "spatial_frequency")


@dataclass(frozen=True)
class Stage:
    """So many evaluations on the same stimuli.

    Parameters
    ----------
    evaluations : int
        How many, rounded up to whole generations.
    every : mapping of str to int
        By factor of the stimuli: 2 shows every second level; all levels unless given.
    step : float
        Standard deviation of the first generation, a share of the range of each hyper-parameter.
    hold : tuple of str
        Hyper-parameters that stay as they are. Where all of the subcortical stage stay, what
        pictures leave behind it is recorded once for all populations.
    phenomena : float
        Weight of a second term, the share of units that show the phenomena of V1, beside the
        similarity; 0 for the similarity alone. Its units, ``scorecard_units`` of the plan, are the
        same in all evaluations: while their filters stay, pictures are recorded once.
    """

    evaluations: int
    every: Mapping[str, int] = field(default_factory=dict)
    step: float = 0.15
    hold: tuple[str, ...] = ()
    phenomena: float = 0.0


@dataclass(frozen=True)
class SearchPlan:
    """What is searched, and how.

    Parameters
    ----------
    stages : tuple of Stage
        Each begins where the one before ended.
    start : mapping of str to float
        Hyper-parameters of the beginning, where they are not the defaults.
    within : mapping of str to (float, float)
        Narrower ranges of some, as physiology has it: those of the model say what can be computed.
    units : int
        Of the populations that are drawn.
    population : int, optional
        Evaluations in a generation; that of the method by default.
    seed : int
        Of the search.
    split : int
        Of the halves of the published distributions.
    categories : float
        Share of the score that is the mean over categories of properties: see `Objective`.
    fresh : int
        Populations, drawn anew, on which the end result is measured.
    scorecard_units : int
        Units whose phenomena are counted, in stages that do.
    """

    stages: tuple[Stage, ...]
    start: Mapping[str, float] = field(default_factory=dict)
    within: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    units: int = 300
    population: int | None = None
    seed: int = 0
    split: int = 0
    categories: float = 0.0
    fresh: int = 10
    scorecard_units: int = 32


def read_plan(path: Path | str) -> SearchPlan:
    """Read a search from a TOML file.

    Parameters
    ----------
    path : path
        ``units``, ``population``, ``seed``, ``split``, ``categories``, ``fresh``,
        ``scorecard_units``, tables ``start`` and ``within``, and ``[[stages]]`` with
        ``evaluations``, ``every``, ``step``, ``hold`` and ``phenomena``.

    Returns
    -------
    SearchPlan

    Raises
    ------
    UserError
        For a file that cannot be read, or a key or a value that is not allowed; says what is.
    """
    path = Path(path)
    try:
        said = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise UserError(f"there is no file {path}.") from error
    except (OSError, ValueError, RecursionError) as error:
        raise UserError(f"{path} is no TOML file: {error}.") from error
    whole = {"units": 1, "population": 4, "seed": 0, "split": 0, "fresh": 1,
             "scorecard_units": 1}  # fmt: skip
    _check_keys(path, said, (*whole, "categories", "start", "within", "stages"))
    for name, least in whole.items():
        if name in said:
            _check_whole(f"{name} of {path}", said[name], least)
    share = said.get("categories", 0.0)
    if not _is_number(share) or not 0 <= share <= 1:
        raise UserError(
            f"categories of {path} is a share of the score, from 0 to 1; got {share!r:.60}."
        )
    start = hyper_parameters(said.get("start", {}))
    within = _within(path, said.pop("within", {}), start)
    stages = said.pop("stages", None)
    if not isinstance(stages, list) or not stages:
        raise UserError(
            f"{path} needs a table [[stages]] with evaluations = N; got {stages!r:.60}."
        )
    return SearchPlan(stages=tuple(_stage(path, each) for each in stages), within=within, **said)


def _within(path: Path, said: Any, start: HyperParameters) -> dict[str, tuple[float, float]]:
    where = f"within of {path}"
    if not isinstance(said, dict):
        raise UserError(f"{where} is a table, as width_median = [0.2, 0.6]; got {said!r:.60}.")
    ranges = {each.name: each for each in bounds()}
    _check_keys(where, said, tuple(ranges))
    for name, pair in said.items():
        if not isinstance(pair, list) or len(pair) != 2:
            raise UserError(f"{name} {where} is two numbers; got {pair!r:.60}.")
        for end in pair:
            hyper_parameters({name: end})
        if not pair[0] < pair[1]:
            raise UserError(f"{name} {where} must rise; got {pair}.")
        if not pair[0] <= getattr(start, name) <= pair[1]:
            raise UserError(
                f"{name} starts at {getattr(start, name):g}, which is not {where}: {pair}."
            )
    return {name: (float(low), float(high)) for name, (low, high) in said.items()}


def _stage(path: Path, said: Any) -> Stage:
    where = f"a stage of {path}"
    if not isinstance(said, dict):
        raise UserError(f"{where} is a table with evaluations = N; got {said!r:.60}.")
    _check_keys(where, said, ("evaluations", "every", "step", "hold", "phenomena"))
    _check_whole(f"evaluations of {where}", said.get("evaluations"), 1)
    every = said.get("every", {})
    if not isinstance(every, dict):
        raise UserError(f"every of {where} is a table, as {{phase = 2}}; got {every!r:.60}.")
    _check_keys(f"every of {where}", every, FACTORS)
    for name, step in every.items():
        _check_whole(f"{name} in every of {where}", step, 1)
    step, weight = said.get("step", 0.15), said.get("phenomena", 0.0)
    if not _is_number(step) or not 0 < step <= 1:
        raise UserError(f"step of {where} must lie above 0 and be at most 1; got {step!r:.60}.")
    if not _is_number(weight) or weight < 0:
        raise UserError(
            f"phenomena of {where} is the weight of a second term, from 0 on; got {weight!r:.60}."
        )
    hold = said.pop("hold", [])
    names = [each.name for each in bounds()]
    if not isinstance(hold, list) or not all(name in names for name in hold):
        raise UserError(
            f"hold of {where} is a list of hyper-parameters; got {hold!r:.60}. There are "
            f"{', '.join(names)}."
        )
    if len(set(hold)) == len(names):
        raise UserError(f"{where} holds all hyper-parameters. Leave some to move.")
    return Stage(**said, hold=tuple(hold))


def _check_keys(where: object, said: Mapping[str, Any], allowed: tuple[str, ...]) -> None:
    strangers = [name for name in said if name not in allowed]
    if strangers:
        raise UserError(f"{where} has no {', '.join(strangers)}; it takes {', '.join(allowed)}.")


def _is_number(value: Any) -> bool:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return number and math.isfinite(value)


def _check_whole(where: str, value: Any, least: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise UserError(f"{where} must be a whole number from {least} on; got {value!r:.60}.")
