"""Sweeps written down in a TOML file: models, checkpoints, layers, batteries, displays, seeds."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from insilico.errors import UserError
from insilico.experiments.batteries import BATTERIES
from insilico.folders import plain
from insilico.models.monitor import read_monitor
from insilico.models.names import BUILT_IN_NAMES
from insilico.models.trust import check_trusted
from insilico.runs.cells import Cell, cells

__all__ = ["SweepFile", "read_sweep"]

# What can be said of all models, or of one of them.
AXES = ("weights", "layers", "batteries", "degrees", "seeds", "untrained")
TABLES = ("load", "run")
KEYS = ("models", *AXES, *TABLES)

# What a sweep says itself.
LISTED = {"weights": "weights", "degrees": "degrees", "seed": "seeds", "layers": "layers"}

# What can be said of every run; the sweep says the rest of it, or it is no number or word.
RUN = (
    "protocols",
    "sites",
    "candidates",
    "degrees",
    "pixels",
    "mean",
    "std",
    "channels",
    "device",
    "batch_size",
    "crop",
    "precision",
    "layout",
    "time",
    "frame_rate",
    "phases",
    "rates",
    "spikes",
    "trials",
    "most_units",
    "quick",
    "progress",
)


@dataclass(frozen=True)
class SweepFile:
    """What a file says.

    Parameters
    ----------
    plan : tuple of Cell
        The runs.
    options : mapping
        Further arguments of `insilico.run`, for all of them.
    """

    plan: tuple[Cell, ...]
    options: Mapping[str, Any]


def read_sweep(path: Path | str, *, trust_code: bool = False) -> SweepFile:
    """Read a sweep from a TOML file.

    Parameters
    ----------
    path : path
        The file: ``models``, a list of names, or of tables with the key ``model`` and any of
        ``weights``, ``layers``, ``batteries``, ``degrees``, ``seeds``, ``untrained``, which may
        also stand for all models at the top; the tables ``load`` and ``run``, further arguments of
        `insilico.load_model` and `insilico.run`. Layers in a list of their own are recorded
        together.
    trust_code : bool
        Whether models and batteries may be code of somebody's own, which is run with all your
        rights.

    Returns
    -------
    SweepFile

    Raises
    ------
    UserError
        For a file that cannot be read, or a key or a value that is not allowed; says what is.

    Examples
    --------
    .. code-block:: toml

        models = ["vone", {model = "torchvision:resnet50", weights = ["a.pth", "b.pth"]}]
        layers = ["layer1", ["layer2", "layer3"]]
        batteries = ["standard", "marques2020"]
        seeds = [0, 1]

        [run]
        phases = "harmonics"
    """
    path = Path(path)
    try:
        said = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise UserError(f"there is no file {path}.") from error
    except (OSError, ValueError, RecursionError) as error:
        raise UserError(f"{path} is no TOML file: {error}.") from error
    _check_keys(path, said, KEYS)
    models = said.get("models")
    if not isinstance(models, list) or not models:
        raise UserError(f'{path} needs models = ["NAME", ...]; got {models!r:.60}.')
    common = {name: said[name] for name in AXES if name in said}
    load, options = (_table(path, said, name) for name in TABLES)
    _check_keys(f"[run] of {path}", options, RUN)
    plan: list[Cell] = []
    for each in models:
        own = {"model": each} if isinstance(each, str) else each
        if not isinstance(own, dict) or not isinstance(own.get("model"), str):
            raise UserError(
                f"a model of {path} is a name, or a table with the key model; got {each!r:.60}."
            )
        _check_keys(f"a model of {path}", own, ("model", *AXES, "load"))
        given = load | _table(path, own, "load")
        for name, listed in LISTED.items():
            if name in given:
                raise UserError(f"[load] of {path} has no {name}: say {listed} = [...] above it.")
        # Read here, for it runs no code, and the file need not be there for every worker.
        screen = {"monitor": read_monitor(given.pop("monitor"))} if "monitor" in given else {}
        check_trusted(
            own["model"], given, built_in=BUILT_IN_NAMES, source=path, trust_code=trust_code
        )
        plan += _named(_cells(path, common | own, given | screen), several=len(models) > 1)
    for cell in plan:
        if cell.battery not in BATTERIES and not trust_code:
            raise UserError(
                f"{path} names {cell.battery!r} as its battery; without --trust-code, a file may "
                f"name {', '.join(BATTERIES)}. Any other is code, which would be run."
            )
    return SweepFile(tuple(plan), options)


def _cells(path: Path, said: Mapping[str, Any], load: Mapping[str, Any]) -> list[Cell]:
    numbers, words = (int | float), str
    layers = [[each] if isinstance(each, str) else each for each in _list(path, said, "layers")]
    for each in layers:
        if not isinstance(each, list) or not all(isinstance(name, str) for name in each):
            raise UserError(f"layers of {path} are names, or lists of names; got {each!r:.60}.")
    untrained = said.get("untrained", False)
    if not isinstance(untrained, bool):
        raise UserError(f"untrained is true or false in {path}; got {untrained!r:.60}.")
    return cells(
        said["model"],
        weights=_list(path, said, "weights", words),
        layers=[tuple(each) for each in layers],
        batteries=_list(path, said, "batteries", words),
        degrees=_list(path, said, "degrees", numbers),
        seeds=_list(path, said, "seeds", int),
        untrained=untrained,
        load=load,
    )


def _named(made: list[Cell], *, several: bool) -> list[Cell]:
    """Put the model in front of the names of its cells, where there are several models."""
    if not several:
        return made
    return [
        replace(
            each,
            name=plain(each.model) if each.name == "model" else f"{plain(each.model)}-{each.name}",
        )
        for each in made
    ]


def _list(path: Path, said: Mapping[str, Any], name: str, kind: Any = object) -> list[Any]:
    found = said.get(name, [])
    if not isinstance(found, list) or not all(
        isinstance(each, kind) and not isinstance(each, bool) for each in found
    ):
        what = {str: "words", int: "whole numbers", object: "names"}.get(kind, "numbers")
        raise UserError(f"{name} of {path} is a list of {what}; got {found!r:.60}.")
    return found


def _table(path: Path, said: Mapping[str, Any], name: str) -> dict[str, Any]:
    found = said.get(name, {})
    if not isinstance(found, dict):
        raise UserError(f"{name} of {path} is a table, [{name}]; got {found!r:.60}.")
    return found


def _check_keys(where: object, said: Mapping[str, Any], known: Any) -> None:
    unknown = [name for name in said if name not in known]
    if unknown:
        raise UserError(f"{where} has no key {unknown[0]!r}; its keys are {', '.join(known)}.")
