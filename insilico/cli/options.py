"""What can be said of any model on the command line."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from insilico.errors import UserError

if TYPE_CHECKING:
    from torch import nn

__all__ = ["ModelOptions", "Numbers", "Whole", "Words", "most_units_of"]


def _whole(_type: object, tokens: Sequence[Any]) -> int:
    """Read a whole number; 3.5 is none, and is not rounded."""
    try:
        return int(tokens[0].value)
    except ValueError:
        raise ValueError(f"{tokens[0].value!r} is no whole number.") from None


Whole = Annotated[int, Parameter(converter=_whole)]

Numbers = Annotated[tuple[float, ...] | None, Parameter(consume_multiple=1, negative="")]
Words = Annotated[tuple[str, ...], Parameter(consume_multiple=1, negative="", show_default=False)]


@Parameter(name="*")
@dataclass(frozen=True)
class ModelOptions:
    """What can be said of any model.

    Parameters
    ----------
    weights : str, optional
        A .pth, .pt, .ckpt, .bin or .safetensors file (no code in it is run; FILE#NAME where it
        holds several sets of weights), or 'pretrained' for a download by torchvision or timm.
        Without it, networks have random weights.
    mean : tuple of float, optional
        Mean of the normalisation: one value, or one per channel.
    std : tuple of float, optional
        Standard deviation of the normalisation.
    degrees : tuple of float, optional
        Side of the visual field in degrees; 8 unless the model says otherwise. 'insilico run' takes
        several, and does a run for each.
    pixels : int, optional
        Side of the input in pixels; 224 unless the model says otherwise.
    channels : int, optional
        Image channels that the model takes; told from its first convolution by default.
    monitor : Path, optional
        A TOML file that says what the monitor emits: transfer (encoded, srgb, gamma:EXPONENT),
        cones (how much red, green and blue excite L, M and S: 3 x 3), background (red, green, blue
        of a screen that is not grey). The documentation of colour has an example.
    device : str, optional
        Where to run: cpu, cuda, cuda:1, mps.
    seed : int
        Of everything random.
    option : tuple of str
        KEY=VALUE, passed on to what makes the model: mode=as_released for vone.
    trust_code : bool
        Run the code that a folder of digital neurons names as its model, with all your rights. Only
        for folders of your own, or of somebody whose programs you would start.
    """

    weights: str | None = None
    mean: Numbers = None
    std: Numbers = None
    degrees: Numbers = None
    pixels: Whole | None = None
    channels: Whole | None = None
    monitor: Path | None = None
    device: str | None = None
    seed: Whole = 0
    option: Words = ()
    trust_code: Annotated[bool, Parameter(negative="")] = False

    @property
    def loading(self) -> dict[str, Any]:
        """Arguments of `insilico.load_model`, all but the weights, the degrees and the seed."""
        return {
            "mean": self.mean,
            "std": self.std,
            "pixels": self.pixels,
            "channels": self.channels,
            "monitor": self.monitor,
            "device": self.device,
            "trust_code": self.trust_code,
            **_options(self.option),
        }

    def load(self, spec: str) -> "nn.Module":
        """Load a model with these options, of which the degrees are one number."""
        from insilico.models import load_model

        degrees = self.degrees or (None,)
        if len(degrees) > 1:
            raise UserError(
                "one visual field has one size in degrees, and only 'insilico run' takes several; "
                f"got {' '.join(f'{each:g}' for each in self.degrees or ())}."
            )
        return load_model(spec, self.weights, degrees=degrees[0], seed=self.seed, **self.loading)


def _options(pairs: Sequence[str]) -> dict[str, Any]:
    options = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not key or not equals:
            raise UserError(f"an option is KEY=VALUE; got {pair!r}.")
        try:
            options[key] = json.loads(value)
        except json.JSONDecodeError:
            options[key] = value
    return options


def most_units_of(word: str | None) -> int | str | None:
    """Read a number of units, or 'all'; what is neither is refused as in Python."""
    return int(word) if word is not None and word.isdecimal() else word
