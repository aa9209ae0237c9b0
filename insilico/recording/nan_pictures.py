"""Pictures with NaN in them, shown without harm to the process."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from torch import Tensor
from torch.overrides import TorchFunctionMode

__all__ = ["Unharmed"]

# What reads at places that it is given, and beyond its memory where these are NaN.
CRASHING = frozenset({"deform_conv2d"})


class Unharmed(TorchFunctionMode):
    """While it is entered, what NaN would crash raises an exception instead.

    A proof by NaN takes an exception for an answer; a process that is gone gives none.
    """

    def __torch_function__(
        self,
        function: Callable[..., Any],
        _types: Any,
        given: Sequence[Any] = (),
        options: Mapping[str, Any] | None = None,
    ) -> Any:
        """Call a function of torch, or raise where NaN would crash it."""
        options = options or {}
        if getattr(function, "__name__", "") in CRASHING and any(
            isinstance(each, Tensor) and not bool(each.isfinite().all())
            for each in (*given, *options.values())
        ):
            raise ValueError(f"{function.__name__} reads beyond its memory where a place is NaN")
        return function(*given, **options)
