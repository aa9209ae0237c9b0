"""Search by evolution of the covariance matrix (CMA-ES): logged, resumable, in parallel.

Nothing but the log says how far a search is. A search that goes on asks for the same generations
again, and finds what was evaluated in the log; so nothing is evaluated twice, and the end is the
same as if it had never stopped.
"""

import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from insilico.errors import UserError
from insilico.experiments import marques2020
from insilico.models.mechanistic.hyper_parameters import (
    HyperParameters,
    bounds,
    from_unit,
    hyper_parameters,
    to_unit,
)
from insilico.progress import progress_bar
from insilico.search.objective import POSITION, Objective
from insilico.search.one_site import recorder
from insilico.search.phenomena import phenomena_card, shown_share
from insilico.search.plan import SearchPlan, Stage
from insilico.worker_processes import worker_processes

__all__ = ["LOG", "PLAN", "evaluate", "search"]

LOG = "evaluations.jsonl"
PLAN = "plan.json"
RESULT = "result.json"

# Populations for the end result are drawn with seeds that no generation had.
FRESH = 1_000_000

# Seed of the one population whose phenomena are counted.
SCORECARD = 4_000_000

Place = npt.NDArray[np.float64]
Task = tuple[int, int, int, Place]  # stage, generation, member, place
Evaluate = Callable[[Stage, HyperParameters, int], dict[str, Any]]


def evaluate(
    stage: Stage,
    said: HyperParameters,
    seed: int,
    *,
    units: int,
    split: int,
    categories: float,
    scorecard_units: int,
) -> dict[str, Any]:
    """Draw a population, record it, and compare it with both halves of the data.

    Parameters
    ----------
    stage : Stage
        Which stimuli are shown.
    said : HyperParameters
        What the population is drawn from.
    seed : int
        Of the population.
    units : int
        How many.
    split : int
        Of the halves.
    categories : float
        Share of the score that is the mean over categories.
    scorecard_units : int
        How many are drawn for the second term, where the stage has one.

    Returns
    -------
    dict
        ``score``, ``fitted`` and ``held out``: see `Objective`. Where the stage counts phenomena,
        their weighted share is in the score, and ``phenomena`` has the share of units by number.
    """
    record = recorder(
        said, n=units, seed=seed, position=POSITION, background=marques2020.BATTERY.background
    )
    found = Objective(stage.every, split=split, categories=categories)(record)
    if not stage.phenomena:
        return found
    card = phenomena_card(said, n=scorecard_units, seed=SCORECARD)
    measured = card[card["shown"] != "not measured"]
    shares = dict(zip(measured["number"].tolist(), measured["share"].tolist(), strict=True))
    return found | {
        "score": found["score"] + stage.phenomena * shown_share(card),
        "phenomena": {str(number): share for number, share in shares.items()},
    }


def search(
    plan: SearchPlan,
    folder: Path | str,
    *,
    workers: int = 1,
    told: Callable[[str], None] = lambda _: None,
    evaluated: Evaluate | None = None,
    progress: bool = False,
) -> dict[str, Any]:
    """Search, or go on searching.

    Parameters
    ----------
    plan : SearchPlan
        The stages.
    folder : path
        Every evaluation is a line of ``evaluations.jsonl`` there.
    workers : int
        Processes that evaluate.
    told : callable
        Is told, in a line, what each generation gave.
    evaluated : callable, optional
        Takes the place of `evaluate`.
    progress : bool
        Show a progress bar.

    Returns
    -------
    dict
        ``hyper_parameters``; ``fitted``, ``held out`` and the properties, means of fresh
        populations; ``evaluations``. It is written to ``result.json`` as well.

    Raises
    ------
    UserError
        If the folder holds another search, or the package cma is missing.
    """
    _check_cma()
    folder = Path(folder)
    _begin(plan, folder)
    log = _Log(folder / LOG)
    call = evaluated or partial(
        evaluate,
        units=plan.units,
        split=plan.split,
        categories=plan.categories,
        scorecard_units=plan.scorecard_units,
    )
    with _pool(workers) as pool, _bar(plan, log, progress) as bar:
        place = to_unit(hyper_parameters(plan.start))
        for number in range(len(plan.stages)):
            place = _stage(plan, number, place, log, pool, call, told, bar)
        tasks = [(len(plan.stages), 0, each, place) for each in range(plan.fresh)]
        last, seeds = Stage(evaluations=plan.fresh), range(FRESH, FRESH + plan.fresh)
        found = _evaluated(tasks, last, log, pool, call, bar, seeds=seeds)
    result = _result(place, found, len(log.found))
    (folder / RESULT).write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    return result


def _stage(
    plan: SearchPlan,
    number: int,
    start: Place,
    log: "_Log",
    pool: Executor | None,
    call: Evaluate,
    told: Callable[[str], None],
    bar: Any,
) -> Place:
    """Search on the stimuli of one stage, from a place on; return the middle of the last draw."""
    import cma

    stage = plan.stages[number]
    moved = np.array([each.name not in stage.hold for each in bounds()])
    rng = np.random.default_rng([plan.seed, number])
    options: dict[str, Any] = {
        "bounds": [ends[moved].tolist() for ends in _ends(plan)],
        "seed": np.nan,  # leaves the global random state alone
        "randn": lambda *shape: rng.standard_normal(shape),
        "verbose": -9,
    }
    if plan.population is not None:
        options["popsize"] = plan.population
    method = cma.CMAEvolutionStrategy(start[moved], stage.step, options)

    def placed(some: Place) -> Place:
        place = start.copy()
        place[moved] = some
        return place

    n_generations = -(-stage.evaluations // method.popsize)
    bar.total += (n_generations * method.popsize - stage.evaluations) * _share(stage)
    for generation in range(n_generations):
        places = method.ask()
        tasks = [(number, generation, each, placed(some)) for each, some in enumerate(places)]
        # A new population in every generation: what is fitted are distributions, not a draw.
        seeds = [generation] * len(tasks)
        found = _evaluated(tasks, stage, log, pool, call, bar, seeds=seeds)
        method.tell(places, [-each["score"] for each in found])
        best = max(found, key=lambda each: each["score"])
        # Not how alike the other half is: who watches would choose by it.
        told(
            f"stage {number + 1} of {len(plan.stages)}, generation {generation + 1} of "
            f"{n_generations}: best {best['score']:.3f}, "
            f"mean {np.mean([each['score'] for each in found]):.3f}"
        )
    return placed(np.asarray(method.result.xfavorite))


def _ends(plan: SearchPlan) -> tuple[Place, Place]:
    """Lowest and highest place of each hyper-parameter in the unit cube."""
    ends = []
    for which, whole in enumerate(("low", "high")):
        values = {each.name: getattr(each, whole) for each in bounds()}
        narrowed = {name: pair[which] for name, pair in plan.within.items()}
        ends.append(to_unit(HyperParameters(**values | narrowed)))
    return ends[0], ends[1]


def _evaluated(
    tasks: Sequence[Task],
    stage: Stage,
    log: "_Log",
    pool: Executor | None,
    call: Evaluate,
    bar: Any,
    *,
    seeds: Sequence[int],
) -> list[dict[str, Any]]:
    """Evaluate what is not in the log, and write it there as it comes."""
    missing = {
        task[:3]: (stage, from_unit(task[3]), seed)
        for task, seed in zip(tasks, seeds, strict=True)
        if not log.holds(task)
    }
    if pool is None:
        results: Iterator[dict[str, Any]] = (call(*each) for each in missing.values())
    else:
        futures = [pool.submit(call, *each) for each in missing.values()]
        results = (each.result() for each in futures)
    for key, found in zip(missing, results, strict=True):
        log.write(key, missing[key], found)
        bar.update(_share(stage))
    return [log.found[task[:3]] for task in tasks]


def _bar(plan: SearchPlan, log: "_Log", show: bool) -> AbstractContextManager[Any]:
    """Make the bar of a whole search, in evaluations on all stimuli."""
    stages = [*plan.stages, Stage(evaluations=plan.fresh)]
    return progress_bar(
        show=show,
        desc="search",
        total=sum(each.evaluations * _share(each) for each in stages),
        initial=sum(_share(stages[stage]) for stage, _, _ in log.found if stage < len(stages)),
        bar_format="{desc}: {percentage:3.0f}%|{bar}| [{elapsed}<{remaining}]",
        smoothing=0,
    )


def _share(stage: Stage) -> float:
    """How much of all stimuli a stage shows, about."""
    return 1 / math.prod(stage.every.values())


class _Log:
    """The evaluations so far: lines of JSON, of which the last may be torn."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.found: dict[tuple[int, ...], dict[str, Any]] = {}
        whole = 0
        for line in path.read_bytes().splitlines(keepends=True) if path.exists() else []:
            if not line.endswith(b"\n"):
                break
            said = json.loads(line)
            self.found[(said["stage"], said["generation"], said["member"])] = said
            whole += len(line)
        if path.exists():
            with path.open("r+b") as file:
                file.truncate(whole)

    def holds(self, task: Task) -> bool:
        said = self.found.get(task[:3])
        if said is None:
            return False
        if said["hyper_parameters"] != asdict(from_unit(task[3])):
            raise UserError(
                f"{self.path} is not the log of this search: evaluation "
                f"{'.'.join(map(str, task[:3]))} had other hyper-parameters, as after a change of "
                "the method's or the model's version. Search in another folder."
            )
        return True

    def write(
        self, key: tuple[int, ...], asked: tuple[Stage, HyperParameters, int], found: Any
    ) -> None:
        said = {
            **dict(zip(("stage", "generation", "member"), key, strict=True)),
            "seed": asked[2],
            "hyper_parameters": asdict(asked[1]),
            **found,
        }
        self.found[key] = said
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(said) + "\n")


def _begin(plan: SearchPlan, folder: Path) -> None:
    """Write the plan down, or see that it is the one that is there."""
    folder.mkdir(parents=True, exist_ok=True)
    said = json.dumps(asdict(plan), indent=1, sort_keys=True) + "\n"
    path = folder / PLAN
    if path.exists() and path.read_text(encoding="utf-8") != said:
        raise UserError(
            f"{folder} holds another search: its {PLAN} differs from what is asked. Search in "
            "another folder, with --out."
        )
    path.write_text(said, encoding="utf-8")


def _result(place: Place, found: Sequence[Mapping[str, Any]], n: int) -> dict[str, Any]:
    """Average the fresh populations."""
    halves = {
        which: {
            name: float(np.mean([each[which][name] for each in found])) for name in found[0][which]
        }
        for which in ("fitted", "held out")
    }
    return {
        "hyper_parameters": asdict(from_unit(place)),
        **{which: _mean(each) for which, each in halves.items()},
        "properties": halves,
        "fresh populations": len(found),
        "evaluations": n,
    }


def _mean(said: Mapping[str, float]) -> float:
    return float(np.mean(list(said.values())))


@contextmanager
def _pool(n: int) -> Iterator[Executor | None]:
    if n == 1:
        yield None
        return
    with worker_processes(n) as pool:
        yield pool


def _check_cma() -> None:
    try:
        import cma  # noqa: F401
    except ImportError as error:
        raise UserError(
            "a search needs the package cma: pip install 'insilico-ephys[search]'."
        ) from error
