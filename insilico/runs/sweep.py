"""The runs that one question asks for: several degrees per pixel, and an untrained control."""

import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple, cast

from torch import nn

from insilico.errors import UserError
from insilico.models.card import ModelCard, attach
from insilico.models.loading import load_model
from insilico.models.weights import weights_hash
from insilico.runs.results import Results
from insilico.runs.run import run

__all__ = ["Condition", "conditions", "sweep", "untrained_control"]


class Condition(NamedTuple):
    """One run of several: the name of its folder, its degrees, and whether it is the control."""

    name: str
    degrees: float | None
    untrained: bool


def conditions(degrees: Sequence[float] = (), *, untrained: bool = False) -> list[Condition]:
    """List the runs at several degrees, each with its untrained control.

    Parameters
    ----------
    degrees : sequence of float
        Sides of the visual field, in deg; none for the model's own.
    untrained : bool
        Whether each run has a control with random weights.

    Returns
    -------
    list of Condition

    Examples
    --------
    >>> [each.name for each in conditions([4, 8])]
    ['4deg', '8deg']
    >>> [each.name for each in conditions(untrained=True)]
    ['model', 'untrained']
    """
    repeated = sorted({value for value in degrees if list(degrees).count(value) > 1})
    if repeated:
        raise UserError(f"degrees must differ; got {repeated[0]:g} more than once.")
    made = []
    every: Sequence[float | None] = degrees or [None]
    for value in every:
        place = "" if value is None or len(degrees) == 1 else f"{value:g}deg"
        made.append(Condition(place or "model", value, False))
        if untrained:
            made.append(Condition("-".join(filter(None, (place, "untrained"))), value, True))
    return made


def sweep(
    model: str,
    layers: Sequence[str] | str | None = None,
    *,
    degrees: Sequence[float] = (),
    untrained: bool = False,
    load: Mapping[str, Any] | None = None,
    seed: int = 0,
    **options: Any,
) -> Iterator[tuple[str, Results]]:
    """Run a model at several degrees, each with an untrained control if asked for.

    Parameters
    ----------
    model : str
        What `insilico.load_model` takes: it is loaded anew for each run.
    layers : sequence of str, or "all", optional
        As for `insilico.run`.
    degrees : sequence of float
        Sides of the visual field, in deg; none for the model's own.
    untrained : bool
        Whether each run has a control: the same architecture with random weights.
    load : mapping, optional
        Further arguments of `insilico.load_model`: ``weights``, ``mean``, ``pixels`` and so on.
    seed : int
        Of everything random.
    **options
        Further arguments of `insilico.run`.

    Returns
    -------
    iterator of (str, Results)
        The name of each run and what it gave, one at a time, so that each can be saved as soon as
        it is there; ``dict(sweep(...))`` waits for all.

    Raises
    ------
    UserError
        Before the first run: for degrees given twice, or a model that has no untrained control.

    Examples
    --------
    >>> runs = dict(
    ...     insilico.sweep(
    ...         "torchvision:resnet50",
    ...         ["layer1"],
    ...         degrees=[4, 8],
    ...         untrained=True,
    ...         load={"weights": "resnet50.pth"},
    ...     )
    ... )  # doctest: +SKIP
    """
    planned = conditions(degrees, untrained=untrained)
    given = dict(load or {})
    weights = given.pop("weights", None)

    def loaded(degrees: float | None, weights: Any, seed: int) -> nn.Module:
        return load_model(model, weights, degrees=degrees, seed=seed, **given)

    def made(condition: Condition) -> nn.Module:
        module = loaded(condition.degrees, weights, seed)
        if not condition.untrained:
            return module
        control = partial(loaded, condition.degrees, None)
        return untrained_control(module, control, seed=seed)

    if untrained:
        # Whether there is a control is found out before the first run, and not after it.
        made(planned[1])
    return ((each.name, run(made(each), layers, seed=seed, **options)) for each in planned)


def untrained_control(
    model: nn.Module, make: Callable[[int], nn.Module], *, seed: int = 0
) -> nn.Module:
    """Make the control of a model: the same architecture with random weights.

    Parameters
    ----------
    model : nn.Module
        The model, with its card, as `insilico.load_model` returns it.
    make : callable
        Makes the same architecture without loading weights, from a seed.
    seed : int
        Of the random weights.

    Returns
    -------
    nn.Module
        Its card says that it is untrained.

    Raises
    ------
    UserError
        If the architecture has no random weights, or if those of the model are random themselves.

    Examples
    --------
    >>> from insilico import load_model
    >>> make = lambda seed: load_model("torchvision:resnet18", seed=seed)
    >>> untrained_control(load_model("torchvision:resnet18", "mine.pth"), make)  # doctest: +SKIP
    """
    control = make(seed)
    # nn.Module declares its attributes as tensors and modules.
    card, own = (cast("ModelCard", module.card) for module in (control, model))
    name = card.name
    if card.trained is True:
        raise UserError(
            f"{name} has no untrained control: its weights are set by design, or it has none. "
            "Leave --untrained out."
        )
    if card.trained is None and weights_hash(control) == weights_hash(make(seed + 1)):
        raise UserError(
            f"{name} has no untrained control: what makes it gives the same weights for every "
            "seed, so they are not random. Leave --untrained out."
        )
    if own.trained is False or weights_hash(model) == weights_hash(control):
        raise UserError(
            f"the weights of {name} are random already, and an untrained control would be the same "
            "run. Give trained ones with --weights, or leave --untrained out."
        )
    return attach(control, dataclasses.replace(card, trained=False, weights=f"random, seed {seed}"))
