"""The runs that one question asks for: a cell for each model, layer, battery, display and seed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from typing import Any

from insilico.errors import UserError
from insilico.folders import plain

__all__ = ["Cell", "cells"]


@dataclass(frozen=True)
class Cell:
    """One run of several. All of it can be written down, and sent to another machine.

    Parameters
    ----------
    name : str
        Of its folder: what tells it from the others.
    model : str
        What `insilico.load_model` takes.
    weights : str, optional
        Likewise.
    layers : tuple of str
        What is recorded; empty for what stands for V1.
    battery : str
        Which experiments.
    degrees : float, optional
        Side of the visual field, in deg; the model's own by default.
    seed : int
        Of everything random.
    untrained : bool
        Whether it is the control: the same architecture with random weights.
    load : mapping
        Further arguments of `insilico.load_model`.
    """

    name: str
    model: str
    weights: str | None = None
    layers: tuple[str, ...] = ()
    battery: str = "standard"
    degrees: float | None = None
    seed: int = 0
    untrained: bool = False
    load: Mapping[str, Any] = field(default_factory=dict)


def cells(
    model: str,
    *,
    weights: Sequence[str] = (),
    layers: Sequence[tuple[str, ...]] = (),
    batteries: Sequence[str] = (),
    degrees: Sequence[float] = (),
    seeds: Sequence[int] = (),
    untrained: bool = False,
    load: Mapping[str, Any] | None = None,
) -> list[Cell]:
    """List the runs of a model: everything with everything.

    Parameters
    ----------
    model : str
        What `insilico.load_model` takes.
    weights : sequence of str
        Files of weights, of several checkpoints for instance; none for random ones.
    layers : sequence of tuple of str
        Layers that are recorded together; none for what stands for V1.
    batteries : sequence of str
        Which experiments; standard by default.
    degrees : sequence of float
        Sides of the visual field, in deg; none for the model's own.
    seeds : sequence of int
        0 by default.
    untrained : bool
        Whether each run has a control with random weights.
    load : mapping, optional
        Further arguments of `insilico.load_model`.

    Returns
    -------
    list of Cell
        Each is named after what tells it from the others.

    Raises
    ------
    UserError
        If anything is given twice.

    Examples
    --------
    >>> [each.name for each in cells("vone", degrees=[4, 8])]
    ['4deg', '8deg']
    >>> [each.name for each in cells("net.py:build", untrained=True)]
    ['model', 'untrained']
    """
    axes: dict[str, Sequence[Any]] = {
        "weights": weights or [None],
        "layers": layers or [()],
        "battery": batteries or ["standard"],
        "degrees": degrees or [None],
        "seed": seeds or [0],
        "untrained": [False, True] if untrained else [False],
    }
    for name, values in axes.items():
        repeated = [value for value in values if list(values).count(value) > 1]
        if repeated:
            raise UserError(f"{name} must differ; got {_said(name, repeated[0])} more than once.")
    made = []
    for values in product(*axes.values()):
        chosen = dict(zip(axes, values, strict=True))
        varied = [_word(name, chosen[name]) for name in axes if len(axes[name]) > 1]
        name = "-".join(filter(None, varied)) or "model"
        made.append(Cell(name, model, load=load or {}, **chosen))
    twice = sorted({each.name for each in made if [o.name for o in made].count(each.name) > 1})
    if twice:
        raise UserError(
            f"two runs would have one folder, {twice[0]}: files of weights and batteries of one "
            "name. Rename one."
        )
    return made


def _word(axis: str, value: Any) -> str:
    """Say in a name what tells a cell from others."""
    if axis == "untrained":
        return "untrained" if value else ""
    if axis == "weights":
        return plain(Path(str(value)).stem)
    return plain(_said(axis, value))


def _said(axis: str, value: Any) -> str:
    if axis == "degrees":
        return f"{value:g}deg" if value is not None else ""
    if axis == "layers":
        return "+".join(value)
    return f"seed{value}" if axis == "seed" else str(value)
