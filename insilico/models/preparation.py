"""From what a user hands over (a name, a module, a function) to a module and its card."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from torch import nn

from insilico.checks import check_asked
from insilico.errors import UserError
from insilico.models.callable import as_module
from insilico.models.card import ModelCard, input_channels
from insilico.models.loading import load_model
from insilico.recording.forward import per_channel
from insilico.recording.movies import takes_movies
from stimuli import Display
from stimuli.frames import FRAME_RATE

__all__ = ["prepared"]


def prepared(
    model: nn.Module | Callable[..., Any] | str,
    *,
    display: Display | None,
    degrees: float | None,
    pixels: int | None,
    mean: Sequence[float] | float | None,
    std: Sequence[float] | float | None,
    channels: int | None,
    seed: int,
    background: float,
    time: str | None = None,
    frame_rate: float | None = None,
) -> tuple[nn.Module, ModelCard]:
    """Make the module, and a card that holds what the caller said of it.

    Parameters
    ----------
    model : nn.Module, callable or str
        As for `insilico.run`.
    display : Display, optional
        The screen; otherwise made from ``degrees`` and ``pixels``.
    time, frame_rate
        As for `insilico.run`.
    degrees, pixels, mean, std, channels, seed
        As for `insilico.run`.
    background : float
        Of the screen, unless ``display`` has a coloured one, which is kept.

    Returns
    -------
    tuple of nn.Module and ModelCard
        The module normalises for itself if it has a card of its own; otherwise the mean and the
        standard deviation are on the card, and whoever shows it pictures applies them.

    Raises
    ------
    UserError
        If what was said contradicts itself or the model.
    """
    if display is not None and (degrees is not None or pixels is not None):
        raise UserError("give either display, or degrees and pixels; not both.")
    check_asked(
        degrees=degrees,
        pixels=pixels,
        channels=channels,
        seed=seed,
        mean=mean,
        std=std,
        frame_rate=frame_rate,
    )
    if isinstance(model, str):
        model = load_model(
            model,
            mean=mean,
            std=std,
            degrees=degrees,
            pixels=pixels,
            channels=channels,
            seed=seed,
        )
        mean = std = None
    module = model if isinstance(model, nn.Module) else as_module(model)
    card = getattr(module, "card", None)
    if card is None:
        channels = channels or input_channels(module) or 3
        card = ModelCard(
            name=getattr(model, "__name__", type(model).__name__),
            display=Display.square(),
            layers=("output",) if module is not model else (),
            mean=per_channel("mean", 0.0 if mean is None else mean, channels),
            std=per_channel("std", 1.0 if std is None else std, channels),
            channels=channels,
            trained=None if next(module.parameters(), None) is not None else True,
        )
    elif mean is not None or std is not None:
        raise UserError(
            f"{card.name} normalises for itself ({card.normalisation}); leave mean and std out, or "
            "give them to load_model."
        )
    screen = display or _resized(card.display, pixels, degrees)
    if card.drawn_in_degrees and screen.px_per_deg != card.display.px_per_deg:
        raise UserError(
            f"{card.name} was made for {card.display.px_per_deg:g} px/deg and would be shown "
            f"{screen.px_per_deg:g}: its receptive fields are set in degrees. Give degrees and "
            "pixels to load_model instead."
        )
    if len(screen.levels) == 1:
        screen = replace(screen, background=background)
    time = time or card.time
    screen = replace(screen, frame_rate=_frame_rate(module, card, display, time, frame_rate))
    return module, ModelCard(**{**card.__dict__, "display": screen, "time": time})


def _resized(display: Display, pixels: int | None, degrees: float | None) -> Display:
    """Give a display other sides, in px and in deg, where they were said."""
    side = pixels or display.height
    across = degrees or display.degrees[0]
    return replace(display, height=side, width=side, px_per_deg=side / across)


def _frame_rate(
    module: nn.Module,
    card: ModelCard,
    display: Display | None,
    time: str | None,
    asked: float | None,
) -> float | None:
    """Find the frame rate of the screen: as somebody says; none for a model of pictures."""
    given = asked or (None if display is None else display.frame_rate)
    if not takes_movies(module, time):
        if given is not None:
            raise UserError(
                f"a frame rate of {given:g} Hz is for models of movies, and {card.name} takes "
                "pictures. Leave it out; or say how the model takes time: time='frames', "
                "'time_first' or 'channel_first', or 'phases' for a static one."
            )
        return None
    own = card.display.frame_rate
    if card.drawn_in_degrees and own is not None and given not in (None, own):
        raise UserError(
            f"{card.name} was made for {own:g} frames/s and would be shown {given:g}: its filters "
            "are set in seconds. Make it with the option frame_rate."
        )
    return given or own or FRAME_RATE
