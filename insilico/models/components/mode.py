"""What every component is asked first: which of its two forms, and whether its input fits."""

from typing import Any, Literal, get_args

from torch import Tensor

from insilico.errors import UserError

__all__ = [
    "MODES",
    "Mode",
    "check_channels",
    "check_choice",
    "check_positive",
    "check_unused",
]

Mode = Literal["corrected", "as_released"]
MODES: tuple[str, ...] = get_args(Mode)


def check_choice(name: str, value: str, allowed: tuple[str, ...]) -> None:
    """Raise a `UserError` unless ``value`` is one of those allowed."""
    if value not in allowed:
        raise UserError(f"{name} must be one of {', '.join(allowed)}; got {value!r}.")


def check_positive(**sizes: int) -> None:
    """Raise a `UserError` unless every size is at least 1."""
    for name, size in sizes.items():
        if size < 1:
            raise UserError(f"{name} must be at least 1; got {size}.")


def check_unused(needed: str, **options: tuple[Any, Any]) -> None:
    """Raise a `UserError` for an option that has no effect: one whose value is not its default."""
    for name, (value, default) in options.items():
        if value != default:
            raise UserError(f"{name}={value!r} needs {needed}.")


def check_channels(component: str, maps: Tensor, channels: int) -> None:
    """Raise a `UserError` unless maps (batch, channel, height, width) have so many channels."""
    if maps.shape[1] != channels:
        raise UserError(
            f"{component} is made for {channels} channels, maps of shape (batch, {channels}, "
            f"height, width); got {tuple(maps.shape)}. Make it with channels={maps.shape[1]}."
        )
