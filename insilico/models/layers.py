"""The layers of a model: what can be recorded."""

from collections.abc import Sequence
from typing import Any

import pandas as pd
import torch
from torch import Tensor, nn

from insilico.errors import UserError
from insilico.models.card import ModelCard
from insilico.recording.forward import Forward
from insilico.recording.hooks import OUTPUT, layer_names
from insilico.recording.layer_maps import chart_layers
from insilico.recording.movies import takes_movies
from insilico.recording.time_axes import calls_for_a_movie
from stimuli import Display

__all__ = ["layer_table", "named_layers", "spatial_layers"]


def layer_table(
    model: nn.Module,
    *,
    display: Display | None = None,
    channels: int | None = None,
    fields: bool = False,
) -> pd.DataFrame:
    """List the layers of a model, with what they put out for one grey image.

    Parameters
    ----------
    model : nn.Module
        In evaluation mode.
    display : Display, optional
        The screen; that of the model's card, or the default one.
    channels : int, optional
        How many image channels the model takes; as on its card, or 3.
    fields : bool
        Whether receptive fields are proven: seconds of forward passes.

    Returns
    -------
    DataFrame, one row per layer
        ``layer``, ``type`` of the module, ``calls`` in a forward pass, ``shape`` of the (last)
        output, as a tuple without the batch, None where it puts out no tensor (of models of movies
        that for a movie, its time included), and, if asked for,
        ``field``, the height and width in px of the receptive field of a site in the middle, None
        where it reaches the border of the display or is not the same everywhere, and for models
        of movies.

    Raises
    ------
    UserError
        If the model does not take images of this size.

    Examples
    --------
    >>> layer_table(nn.Sequential(nn.Conv2d(3, 8, 5), nn.ReLU()))
        layer        type  calls          shape
    0       0      Conv2d      1  (8, 220, 220)
    1       1        ReLU      1  (8, 220, 220)
    2  output  Sequential      1  (8, 220, 220)
    """
    card = getattr(model, "card", None)
    if isinstance(card, ModelCard):
        display, channels = display or card.display, channels or card.channels
    display, channels = display or Display(), channels or 3
    names = layer_names(model)
    if OUTPUT not in names:
        names = [*names, OUTPUT]
    forward = Forward(model, channels=channels)
    blank = torch.full((1, 1, display.height, display.width), display.mean_background)
    time = card.time if isinstance(card, ModelCard) else None
    movies = takes_movies(model, time) and time not in ("frames", "phases")
    with forward.ready():
        if movies:
            calls = calls_for_a_movie(forward, names, display, time)
            counts = {name: len(each) for name, each in calls.items()}
            outputs: dict[str, Any] = {name: each[-1] for name, each in calls.items() if each}
        else:
            counts, outputs = forward.count(blank, names)
    modules: dict[str, nn.Module] = {OUTPUT: model, **dict(model.named_modules())}
    table = pd.DataFrame(
        {
            "layer": names,
            "type": [type(modules[name]).__name__ for name in names],
            "calls": [counts[name] for name in names],
            "shape": [_shape(outputs.get(name)) for name in names],
        }
    )
    if fields and movies:
        table["field"] = pd.Series([None] * len(names), dtype=object)
    elif fields:
        with forward.ready():
            chosen = {name: outputs[name] for name in _with_sites(table)}
            _, found = chart_layers(forward, chosen, display, ask=False)
        sizes = [None if (each := found.get(name)) is None else each.size for name in names]
        table["field"] = pd.Series(sizes, dtype=object)
    return table


def spatial_layers(table: pd.DataFrame) -> tuple[str, ...]:
    """Choose the layers that ``all`` means: called once, with more than one site.

    Parameters
    ----------
    table : DataFrame
        From `layer_table`.

    Returns
    -------
    tuple of str
    """
    return tuple(layer for layer in _with_sites(table) if layer != OUTPUT)


def named_layers(model: nn.Module, layers: Sequence[str] | str | None) -> tuple[str, ...]:
    """Resolve the layers that somebody asked for.

    Parameters
    ----------
    model : nn.Module
        The model.
    layers : sequence of str, str or None
        Names; "all" is every layer with several sites.

    Returns
    -------
    tuple of str
        Empty where none was named.

    Raises
    ------
    UserError
        If all were asked for, and none has several sites.
    """
    if layers not in ("all", ("all",), ["all"]):
        return (layers,) if isinstance(layers, str) else tuple(layers or ())
    found = spatial_layers(layer_table(model))
    if not found:
        raise UserError(
            f"{type(model).__name__} has no layer with more than one site; name layers yourself."
        )
    return found


def _with_sites(table: pd.DataFrame) -> tuple[str, ...]:
    columns = (table[name] for name in ("layer", "calls", "shape"))
    return tuple(
        layer
        for layer, calls, shape in zip(*columns, strict=True)
        if calls == 1 and _n_sites(shape) > 1
    )


def _shape(output: Any) -> tuple[int, ...] | None:
    if isinstance(output, tuple | list) and output:
        output = output[0]
    real = isinstance(output, Tensor) and not output.is_complex()
    return tuple(output.shape[1:]) if real else None


def _n_sites(shape: tuple[int, ...] | None) -> int:
    if shape is None or len(shape) not in (2, 3):
        return 0
    # (token, channel), or (channel, row, column).
    return shape[0] if len(shape) == 2 else shape[1] * shape[2]
