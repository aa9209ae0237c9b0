"""Lower a probe into a model, where a placement says."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from torch import nn

from insilico.errors import UserError
from insilico.experiments.protocol import Placement
from insilico.models.card import ModelCard, left_to_apply
from insilico.models.layers import named_layers
from insilico.models.preparation import prepared
from insilico.recording.probe import Probe
from stimuli import Display, Position

__all__ = ["placed_probe"]


def placed_probe(
    model: nn.Module | Callable[..., Any] | str,
    layers: Sequence[str] | str | None = None,
    *,
    place: Placement,
    background: float = 0.5,
    remap: bool = True,
    display: Display | None = None,
    degrees: float | None = None,
    pixels: int | None = None,
    mean: Sequence[float] | float | None = None,
    std: Sequence[float] | float | None = None,
    channels: int | None = None,
    seed: int = 0,
    time: str | None = None,
    frame_rate: float | None = None,
    **options: Any,
) -> tuple[Probe, ModelCard]:
    """Lower a probe into a model, where a placement says.

    Parameters
    ----------
    model, layers, display, degrees, pixels, mean, std, channels, seed, time, frame_rate
        As for `run`.
    place : Placement
        Where stimuli will be shown, and which sites are recorded.
    background : float
        Luminance of the blank display.
    remap : bool
        Whether all sites become candidates where units are selected by their receptive field and it
        is not known where the sites look.
    **options
        Further arguments of `insilico.Probe`.

    Returns
    -------
    tuple of Probe and ModelCard
    """
    module, card = prepared(
        model,
        display=display,
        degrees=degrees,
        pixels=pixels,
        mean=mean,
        std=std,
        channels=channels,
        seed=seed,
        background=background,
        time=time,
        frame_rate=frame_rate,
    )
    mean_left, std_left = left_to_apply(module, card)
    chosen = named_layers(module, layers) or card.layers
    if not chosen:
        raise UserError(
            "which layer is V1? Name at least one: layers=[...] in Python, --layer NAME on the "
            "command line. `insilico layers MODEL` lists them."
        )
    probe_at = partial(
        Probe,
        module,
        chosen,
        display=card.display,
        around=place.position or Position(),
        channels=card.channels,
        mean=mean_left,
        std=std_left,
        seed=seed,
        time=card.time,
        **options,
    )
    probe = probe_at(sites=place.sites)
    if probe.misplaced and place.select is not None and remap and place.sites != "all":
        # Where they look is found out by mapping them, so all of them are mapped.
        probe = probe_at(sites="all")
    own = getattr(module, "card", None)
    told = (frame_rate, display and display.frame_rate, own and own.display.frame_rate)
    if card.display.frame_rate is not None and not any(told):
        probe.notes.append(
            f"a frame was taken to last 1/{card.display.frame_rate:g} s, which is an assumption: "
            "all in Hz and in seconds scales with the frame rate"
        )
    return probe, card
