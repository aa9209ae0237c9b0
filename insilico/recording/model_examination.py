"""The first look at a model: a blank and a few gratings, shown until it is known what it is.

An ordinary model is told from four passes: a blank and a grating to the end of the model, and two
pairs of pictures as far as the last layer. Only if they disagree is it found out why, by showing
the same pictures from the same state with the same seed, and changing one thing at a time.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from insilico.errors import UserError
from insilico.recording.blame import ModelError
from insilico.recording.forward import Forward
from insilico.recording.generators import seed_generators
from insilico.recording.hooks import OUTPUT, first_tensor
from insilico.recording.model_kind import ModelKind
from stimuli import Display, grating
from stimuli.gratings import blank_screen

__all__ = ["examine"]

# Differences that are rounding: in units of the last place of a unit's largest response, where
# the same computation was done twice; relative to a layer's, where batches of two sizes were.
ULP = 8
ROUNDING = 1e-3

Outputs = Mapping[str, Tensor]


def examine(forward: Forward, layers: Sequence[str], display: Display) -> Outputs:
    """Find out what kind of model it is, and have it run accordingly.

    Parameters
    ----------
    forward : Forward
        Runs the model, and is ready; its ``kind`` is set.
    layers : sequence of str
        The layers that will be read.
    display : Display
        The screen.

    Returns
    -------
    mapping of str to Tensor
        What each layer puts out for the blank, (1, ...).

    Raises
    ------
    UserError
        For a model that does not take such pictures; a layer that is called several times, not
        for every picture, or not once per picture; responses that are not finite, or complex.
    """
    blank, first, second = _pictures(display, forward.device)
    pair, other = torch.cat([first, second]), torch.cat([first, blank])
    modules = list(forward.model.modules())
    lazy = {each for each in modules if any(map(is_lazy, _tensors(each)))}
    forward.note_state(weights=True, but=lazy)
    counts, outputs = _first_pass(forward, layers, blank)
    added = list(forward.model.modules()) != modules
    if lazy and not added:
        forward.put_back(generators=True)
    if lazy or added:
        # Layers that are made at the first call have just been made: so the model is found.
        forward.note_state(weights=True)
    _check_finite(outputs)
    try:
        counted, alone = _whole(forward, layers, first)
        _check_calls(layers, counts, counted)
        ordinary = _is_ordinary(forward, layers, outputs, alone, pair, other)
    except (ModelError, torch.OutOfMemoryError):
        # Having taken one picture, it does not take two.
        _check_calls(layers, counts)
        ordinary = False
    forward.kind = replace(forward.kind, rewrites_weights=forward.has_rewritten_weights)
    if not ordinary:
        forward.kind = _classified(forward, layers, blank, pair, other)
    forward.put_back(generators=True)
    forward.note_state(weights=forward.kind.rewrites_weights)
    seed_generators(forward.seed)
    return outputs


def _tensors(module: nn.Module) -> Iterator[Tensor]:
    yield from module.parameters(recurse=False)
    yield from module.buffers(recurse=False)


def _pictures(display: Display, device: torch.device) -> tuple[Tensor, Tensor, Tensor]:
    """Draw the blank and two gratings, for noise may be silent on the blank."""
    # As much contrast as the background leaves room for.
    contrast = 0.99 * min(1.0, 1 / max(display.levels) - 1)
    first, second = (
        grating(
            display,
            orientation=angle,
            spatial_frequency=display.nyquist / periods,
            contrast=contrast,
        )
        for angle, periods in ((0.0, 8.0), (60.0, 3.0))
    )
    return blank_screen(display).to(device), first.to(device), second.to(device)


def _first_pass(
    forward: Forward, layers: Sequence[str], blank: Tensor
) -> tuple[dict[str, int], dict[str, Tensor]]:
    """Show the blank, in single precision or in that of the weights."""
    dtypes = {value.dtype for value in forward.model.parameters() if value.is_floating_point()}
    try:
        return _whole(forward, layers, blank)
    except ModelError:
        other = dtypes - {torch.float32}
        if len(dtypes) != 1 or not other:
            raise
        forward.put_back(generators=True)
        forward.kind = replace(forward.kind, dtype=other.pop())
        return _whole(forward, layers, blank)


def _whole(
    forward: Forward, layers: Sequence[str], images: Tensor
) -> tuple[dict[str, int], dict[str, Tensor]]:
    counts, outputs = forward.count(images, layers)
    return counts, {layer: first_tensor(layer, output) for layer, output in outputs.items()}


def _check_finite(outputs: Outputs) -> None:
    for layer, output in outputs.items():
        if not bool(output.isfinite().all()):
            raise UserError(
                f"layer {layer!r} returns NaN or infinity for the blank display. Check the "
                "model's weights and the range of values it takes (mean and std)."
            )


def _check_calls(layers: Sequence[str], *counts: Mapping[str, int]) -> None:
    """Refuse layers whose name does not mean one call for every picture."""
    for layer in layers:
        name, _, call = layer.partition("@")
        fewest, most = (choose(each[layer] for each in counts) for choose in (min, max))
        if most == 0:
            raise UserError(
                f"{layer} put out nothing: the model does not call it in a forward pass (auxiliary "
                "heads of training, for one; and what torch.export wrote has no layers but "
                f"{OUTPUT!r}). Choose a layer that is used in evaluation."
            )
        if fewest < int(call or 1):
            raise UserError(
                f"layer {name!r} is called {fewest} times for one picture and {most} times for "
                f"another, so {layer!r} does not answer to all of them. Record a layer that is "
                "called for every picture."
                if fewest != most
                else f"layer {name!r} is called {most} times, not more."
            )
        if most > 1 and not call:
            often = f"{most} times" if fewest == most else f"{fewest} to {most} times"
            raise UserError(
                f"layer {layer!r} is called {often} in one forward pass, so its name means {most} "
                f"different things. Say which call is meant ('{layer}@1' to '{layer}@{most}'), or "
                "record the block around it."
            )


def _check_rows(one: Outputs, two: Outputs) -> None:
    """Refuse layers whose first axis is not that of the pictures."""
    for layer, output in one.items():
        rows = [len(each) if each.ndim else 0 for each in (output, two[layer])]
        if rows != [1, 2]:
            raise UserError(
                f"layer {layer!r} puts out {rows[0]} rows for one picture and {rows[1]} for two, "
                "so its rows are no pictures (but time steps, windows or tokens). Record the block "
                "around it, or a layer whose first axis is the batch."
            )


def _is_ordinary(
    forward: Forward,
    layers: Sequence[str],
    blank: Outputs,
    alone: Outputs,
    pair: Tensor,
    other: Tensor,
) -> bool:
    """Whether companions, an early stop and another seed change nothing.

    The first picture of both pairs is that which was shown alone, and the last of the other pair
    is the blank.
    """
    seed_generators(forward.seed + 1)
    found = dict(forward.run(pair, layers, _copied))
    _check_rows(alone, found)
    seed_generators(forward.seed + 2)
    again = forward.run(
        other,
        layers,
        lambda layer, output: torch.tensor(
            len(output) == 2
            and _equal(output[:1], found[layer][:1])
            and _close(output[1:], blank[layer])
        ),
    )
    seed_generators(forward.seed)
    return all(
        bool(again[layer]) and _close(found[layer][:1], alone[layer]) for layer in layers
    ) and (not forward.has_changed or _alike(_fresh(forward, layers, pair), found))


def _classified(
    forward: Forward, layers: Sequence[str], blank: Tensor, pair: Tensor, other: Tensor
) -> ModelKind:
    """Find out why passes disagree."""
    single = False
    try:
        first = _fresh(forward, layers, pair)
    except (ModelError, torch.OutOfMemoryError):
        # It takes one picture and not two.
        single, pair, other = True, pair[:1], blank
        first = _fresh(forward, layers, pair)
    repeatable = _alike(_fresh(forward, layers, pair), first)
    remembers = _remembers(forward, layers, pair, other, first if repeatable else None)
    return replace(
        forward.kind,
        deterministic=repeatable
        and all(_alike(_fresh(forward, layers, pair, seed=n), first) for n in (1, 2, 3)),
        repeatable=repeatable,
        whole_passes=repeatable
        and not remembers
        and not _same_after(forward, layers, pair, other, first, whole=False),
        put_back=remembers,
        one_at_a_time=single or (repeatable and _mixes(forward, layers, blank, other, first)),
    )


def _fresh(
    forward: Forward, layers: Sequence[str], images: Tensor, *, seed: int = 0
) -> dict[str, Tensor]:
    """Show pictures to the model as it was found, to its end."""
    forward.put_back()
    seed_generators(forward.seed + seed)
    return dict(forward.run(images, layers, _copied, whole=True))


def _remembers(
    forward: Forward, layers: Sequence[str], pair: Tensor, other: Tensor, first: Outputs | None
) -> bool:
    """Whether whole passes depend on the pictures before; by its attributes if noise hides it."""
    if first is None:
        _fresh(forward, layers, other)
        return forward.has_changed
    return not _same_after(forward, layers, pair, other, first, whole=True)


def _same_after(
    forward: Forward,
    layers: Sequence[str],
    pair: Tensor,
    other: Tensor,
    first: Outputs,
    *,
    whole: bool,
) -> bool:
    """Whether a pass gives what it gave, after one with other pictures, and one with fewer."""
    forward.put_back()
    try:
        for shown in (other, other[-1:]):
            forward.run(shown, layers, _copied, whole=whole)
        seed_generators(forward.seed)
        return _alike(forward.run(pair, layers, _copied, whole=whole), first)
    except ModelError:
        return False


def _mixes(
    forward: Forward, layers: Sequence[str], blank: Tensor, other: Tensor, first: Outputs
) -> bool:
    """Whether the response to a picture depends on its companions, or on their number."""
    beside = _fresh(forward, layers, other)
    if not all(_equal(beside[layer][:1], first[layer][:1]) for layer in layers):
        return True
    alone = _fresh(forward, layers, blank)
    # Noise is another one in a batch of another size: only its lack can be compared.
    silent = _alike(_fresh(forward, layers, blank, seed=1), alone)
    return silent and not all(_close(beside[layer][1:], alone[layer]) for layer in layers)


def _copied(_layer: str, output: Tensor) -> Tensor:
    return output.clone()


def _alike(some: Outputs, others: Outputs) -> bool:
    return all(_equal(some[layer], others[layer]) for layer in some)


def _equal(one: Tensor, other: Tensor) -> bool:
    """Whether every unit responds alike, but for the rounding of one computation done twice."""
    if one.shape != other.shape:
        return False
    if torch.equal(one, other):
        return True
    largest = torch.maximum(one.abs(), other.abs()).amax(0).double()
    difference = (one.double() - other.double()).abs()
    return bool((difference <= ULP * _resolution(one) * largest).all())


def _close(one: Tensor, other: Tensor) -> bool:
    """Whether a layer responds alike, but for the rounding of batches of two sizes."""
    if one.shape != other.shape:
        return False
    difference = (one.double() - other.double()).abs()
    tolerance = max(ROUNDING, ULP * _resolution(one))
    return bool((difference <= tolerance * one.double().abs().amax()).all())


def _resolution(values: Tensor) -> float:
    return torch.finfo(values.dtype if values.is_floating_point() else torch.float32).eps
