"""ModelCard: what has to be known about a model before it is recorded."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor, nn

from stimuli import Display

__all__ = ["ModelCard", "attach", "input_channels"]

# Attribute of a module that says that the hook of `attach` is already on it.
NORMALISES = "_insilico_normalises"


# Grey and colour. A convolution inside a network takes more.
IMAGE_CHANNELS = (1, 3)


@dataclass(frozen=True)
class ModelCard:
    """What a loaded model is, and how it wants to be shown pictures.

    Parameters
    ----------
    name : str
        The name under which it was loaded.
    display : Display
        The screen that fits its input.
    layers : tuple of str
        The layers that stand for V1; empty where nobody has said.
    weights : str
        Where its weights come from, in words.
    trained : bool or None
        False for random weights. True for weights that were read from a file or a publisher, that
        are set by design, or that do not exist. None where nothing tells: a function of the user's
        own made them.
    mean, std : tuple of float
        Normalisation that the model applies to images in [0, 1], one value per channel.
    channels : int
        How many image channels it takes.
    citation : str
        Whose model it is.
    time : str, optional
        How it takes movies, as for `insilico.Probe`; None for a model of pictures, or where nobody
        has said.
    drawn_in_degrees : bool
        Whether its weights were drawn for the degrees of this display. Those of other networks
        know pixels only, and how many degrees they span is an assumption that can be changed.
    arguments : mapping
        What `insilico.load_model` was given: it loads the same model again.
    record : mapping
        How it was found, for its reports, where it was fitted to what it is measured by: ``text``,
        and ``tables`` of ``caption``, ``about``, ``head`` and ``rows``.
    """

    name: str
    display: Display
    layers: tuple[str, ...] = ()
    weights: str = "as given"
    trained: bool | None = None
    mean: tuple[float, ...] = (0.0, 0.0, 0.0)
    std: tuple[float, ...] = (1.0, 1.0, 1.0)
    channels: int = 3
    citation: str = ""
    time: str | None = None
    drawn_in_degrees: bool = False
    arguments: Mapping[str, Any] = field(default_factory=dict, repr=False)
    record: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @property
    def caution(self) -> str | None:
        """What every table made with these weights has to say, or None."""
        if self.trained is False:
            return (
                f"UNTRAINED: the weights of {self.name} are random ({self.weights}). The numbers "
                "describe an architecture, not a trained network."
            )
        if self.trained is None:
            return (
                f"UNKNOWN TRAINING: the weights of {self.name} are {self.weights}; if nothing was "
                "loaded into them they are random."
            )
        return None

    @property
    def normalisation(self) -> str:
        """The normalisation in words."""
        if not any(self.mean) and all(value == 1 for value in self.std):
            return "none: images in [0, 1]"
        mean, std = (", ".join(f"{value:g}" for value in row) for row in (self.mean, self.std))
        return f"mean {mean}; std {std}"


def left_to_apply(
    model: nn.Module, card: ModelCard
) -> tuple[tuple[float, ...] | None, tuple[float, ...] | None]:
    """Normalisation that whoever shows a model pictures has to apply.

    Parameters
    ----------
    model : nn.Module
        The model.
    card : ModelCard
        What is known of it.

    Returns
    -------
    tuple
        Mean and standard deviation; None for both where the model has a card of its own, with
        which it normalises for itself.
    """
    if getattr(model, "card", None) is not None:
        return None, None
    return card.mean, card.std


def attach(model: nn.Module, card: ModelCard) -> nn.Module:
    """Give a model its card, and let it normalise images in [0, 1] for itself.

    The normalisation is a hook on the model itself, so that its layers keep their names. It reads
    the card at each call: to attach another card is to change the normalisation, never to apply
    both.

    Parameters
    ----------
    model : nn.Module
        Changed in place: it gets an attribute ``card``.
    card : ModelCard
        Its new card.

    Returns
    -------
    nn.Module
        The same model.
    """
    if not getattr(model, NORMALISES, False):
        model.register_forward_pre_hook(_normalise)
        setattr(model, NORMALISES, True)
    # nn.Module declares its attributes as tensors and modules; it holds any other just as well.
    model.card = card  # type: ignore[assignment]
    return model


def _normalise(module: nn.Module, inputs: tuple[Any, ...]) -> tuple[Any, ...]:
    card = module.card
    assert isinstance(card, ModelCard)
    images, *others = inputs
    if any(card.mean):
        images = images - _column(images, card.mean)
    if any(value != 1 for value in card.std):
        images = images / _column(images, card.std)
    return (images, *others)


def _column(images: Tensor, values: Sequence[float]) -> Tensor:
    """One value per channel, along the axis of the channels: in movies it may be the second."""
    column = images.new_tensor(values).reshape(-1, 1, 1)
    if images.ndim != 5 or images.shape[1] != len(values):
        return column
    if images.shape[2] == len(values) and len(set(values)) > 1:
        raise ValueError(
            f"of movies of as many frames as channels, {len(values)}, it cannot be told which are "
            "which"
        )
    return column[:, None]


def input_channels(model: nn.Module) -> int | None:
    """Tell how many image channels a model takes from the first convolution that takes 1 or 3.

    Parameters
    ----------
    model : nn.Module
        Any module.

    Returns
    -------
    int or None
        None where it has no such convolution.

    Examples
    --------
    >>> input_channels(nn.Sequential(nn.Conv2d(1, 8, 5), nn.Conv2d(8, 16, 3)))
    1
    """
    for module in model.modules():
        if isinstance(module, nn.Conv2d | nn.Conv3d) and module.in_channels in IMAGE_CHANNELS:
            return module.in_channels
    return None
