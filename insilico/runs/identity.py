"""What a run is: all that its numbers depend on, so that none is reused for another run."""

import hashlib
import inspect
import json
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import fields
from functools import partial
from pathlib import Path
from types import CodeType
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import nn

from insilico.checksums import sha256
from insilico.experiments.battery import Battery
from insilico.experiments.protocol import Placement
from insilico.models.card import ModelCard
from insilico.models.weights import weights_hash
from insilico.recording.probe import Probe
from insilico.recording.reductions import Reduction
from insilico.reference import ReferenceDistribution
from insilico.runs.software import OWN, code_version
from stimuli import Display, Position, StimulusSet
from stimuli.cones import SRGB_CONES

__all__ = ["identity", "shown_hash"]

LENGTH = 16

# In what Python writes of an object: another one in every process.
ADDRESS = re.compile(r" at 0x[0-9a-f]+")


def identity(
    card: ModelCard,
    probe: Probe,
    battery: Battery,
    place: Placement,
    references: Sequence[ReferenceDistribution],
    **options: Any,
) -> dict[str, str]:
    """Say in words and fingerprints what a run is.

    Parameters
    ----------
    card : ModelCard
        Of the model.
    probe : Probe
        In the model.
    battery : Battery
        What is shown.
    place : Placement
        Where.
    references : sequence of ReferenceDistribution
        What the user compares with.
    **options : Any
        What else was said: seeds, what is kept, versions.

    Returns
    -------
    dict of str to str
        Runs that agree in all of it give the same numbers.
    """
    position = place.position or Position()
    shown = [battery.example(each.name, probe.display, position) for each in battery.protocols]
    device = probe.forward.device
    said: dict[str, Any] = {
        "model": card.name,
        "model code": _digest(ADDRESS.sub("", repr(probe.model)), *_code(probe.model)),
        "weights": weights_hash(probe.model),
        "preprocessing": f"{card.normalisation}; {card.channels} channels",
        "display": _screen(probe.display),
        "layers": ", ".join(probe.layers),
        "battery": f"{battery.name}: {', '.join(each.name for each in battery.protocols)}",
        "place": f"{place.position}, {_named(place.select)}",
        "precision": probe.forward.precision,
        "time": "pictures" if probe.forward.movies is None else probe.forward.movies.form,
        "dtype": probe.forward.kind.dtype,
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else device.type,
        "seed": probe.forward.seed,
        **options,
        # Those that follow from others come last, for few differences are told.
        "units": _digest(*_table(probe.units)),
        "stimuli": _digest(*(each.content_hash() for each in shown)),
        "references": _digest(*(_written(each) for each in references)),
        "battery code": _digest(*_functions(battery, place, shown)),
        "code version": code_version(),
    }
    return {name: str(value) for name, value in said.items()}


def shown_hash(
    groups: Sequence[tuple[StimulusSet, pd.DataFrame]], reductions: Sequence[Reduction | None]
) -> str:
    """Fingerprint of what a recording shows, to which units, and what is kept.

    Parameters
    ----------
    groups : sequence of (StimulusSet, DataFrame)
        Each set, and the units that it is shown to.
    reductions : sequence of Maximum, Harmonics or None
        What is kept of the responses to each.

    Returns
    -------
    str
    """
    digest = hashlib.sha256()
    for (shown, members), reduction in zip(groups, reductions, strict=True):
        digest.update(f"{shown.content_hash()} {reduction} {len(members)}".encode())
        digest.update(members.index.to_numpy().tobytes())
    return digest.hexdigest()[:LENGTH]


def _digest(*parts: str) -> str:
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:LENGTH]


def _screen(display: Display) -> str:
    levels = ", ".join(f"{level:g}" for level in display.levels)
    own = "" if display.cones == SRGB_CONES else f", cones {display.cones}"
    rate = "" if display.frame_rate is None else f", {display.frame_rate:g} frames/s"
    return (
        f"{display.height} x {display.width} px, {max(display.degrees):g} deg, background "
        f"{levels}, {display.transfer}{own}{rate}"
    )


def _table(units: pd.DataFrame) -> Iterator[str]:
    for name in units:
        yield f"{name} {units[name].tolist()}"


def _written(reference: ReferenceDistribution) -> str:
    return repr([np.asarray(getattr(reference, each.name)).tolist() for each in fields(reference)])


def _code(model: nn.Module) -> Iterator[str]:
    """Fingerprints of the code of the modules of a model, or of its function."""
    kinds: set[Any] = {type(module) for module in model.modules()}
    respond = getattr(model, "respond", None)
    yield from _sources([*kinds, *([] if respond is None else [respond])])


def _functions(battery: Battery, place: Placement, shown: Sequence[StimulusSet]) -> Iterator[str]:
    """Fingerprints of the code of a battery, and of what it draws with."""
    functions: list[Any] = [place.select, *(each.draw for each in shown)]
    for each in battery.protocols:
        functions += [each.stimuli, each.curve, each.responsive, each.prefer, *each.properties]
    yield from _sources(functions)
    # What a function was made with is part of it.
    yield from (_named(each) for each in functions)


def _sources(objects: Sequence[Any]) -> list[str]:
    return sorted({_source(each) for each in objects} - {""})


def _source(thing: Any) -> str:
    """Fingerprint of where something is written; none of what is in a package with a version."""
    while isinstance(thing, partial):
        thing = thing.func
    if not (inspect.isclass(thing) or inspect.isroutine(thing)):
        thing = type(thing)
    name = thing.__module__ or ""
    file = getattr(sys.modules.get(name), "__file__", None)
    if name.partition(".")[0] in OWN:
        return ""
    if file is None:
        return _digest(*_compiled(thing))
    return "" if "site-packages" in file else sha256(Path(file))


def _compiled(thing: Any) -> Iterator[str]:
    """Say what is run: of what was typed into a notebook or a console there is no file."""
    parts = vars(thing) if inspect.isclass(thing) else {"": thing}
    for name, part in parts.items():
        code = getattr(part, "__code__", None)
        if code is not None:
            yield from (name, repr(getattr(part, "__defaults__", None)), *_instructions(code))


def _instructions(code: CodeType) -> Iterator[str]:
    yield from (code.co_code.hex(), repr(code.co_names))
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _instructions(constant)
        else:
            # The order of a set is another one in every process.
            yield repr(sorted(map(repr, constant)) if isinstance(constant, frozenset) else constant)


def _named(function: Callable[..., Any] | None) -> str:
    if isinstance(function, partial):
        said = f"{_named(function.func)} {function.args} {sorted(function.keywords.items())}"
        return ADDRESS.sub("", said)
    enclosed = [cell.cell_contents for cell in getattr(function, "__closure__", None) or ()]
    said = f"{getattr(function, '__qualname__', function)} {enclosed}"
    return ADDRESS.sub("", said)
