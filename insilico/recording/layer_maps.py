"""Chart layers: how each is laid out, and where its sites look."""

from collections.abc import Mapping, Sequence
from contextlib import suppress

import torch
from torch import Tensor, nn

from insilico.errors import UserError
from insilico.recording.field_survey import survey
from insilico.recording.forward import Forward
from insilico.recording.hooks import find_layer
from insilico.recording.layers import LayerMap, finite_sites, layer_map, proven
from insilico.recording.layouts import Reading, Readings, asked_for, readings
from insilico.recording.nan_pictures import Unharmed
from insilico.recording.receptive_fields import Fields
from stimuli import Display

__all__ = ["chart_layers"]


def chart_layers(
    forward: Forward,
    outputs: Mapping[str, Tensor],
    display: Display,
    *,
    layout: str | Mapping[str, str] | None = None,
    ask: bool = True,
) -> tuple[dict[str, LayerMap], dict[str, Fields | None]]:
    """Find the layout of every layer, and where its sites look.

    Parameters
    ----------
    forward : Forward
        Runs the model, and is ready.
    outputs : mapping of str to Tensor
        What each layer puts out for a picture.
    display : Display
        The screen.
    layout : str or mapping of str to str, optional
        How outputs are laid out, of all layers or by layer, where the user says.
    ask : bool
        Whether it is an error that nothing tells the layout of a layer.

    Returns
    -------
    tuple of dict and dict
        The map of each layer, and the receptive fields of its sites, None where none were proven.

    Raises
    ------
    UserError
        If nothing tells the layout of a layer, or it cannot be as the user says.
    """
    options = _options(forward.model, outputs, display, layout, forward)
    chosen = {layer: each.options[0] for layer, each in options.items()}
    fields = _fields(forward, chosen, display)
    for layer, each in options.items():
        for other in each.options[1:]:
            if fields[layer] is None:
                found = _fields(forward, {layer: other}, display)[layer]
                if found is not None:
                    chosen[layer], fields[layer] = other, found
        if fields[layer] is None and ask and not each.certain:
            first, *others = (str(option) for option in each.options)
            rows = [f"{option.rows}x{option.columns}" for option in each.options]
            words = rows if len(set(rows)) == len(rows) else [o.layout for o in each.options]
            raise UserError(
                f"what layer {layer!r} puts out can be read as {first} or as "
                f"{' or as '.join(others)}, and neither its modules nor what single sites see tell "
                f"which. Say it with layout={' or '.join(map(repr, words))} (--layout on the "
                "command line)."
            )
    maps = {layer: layer_map(reading, display) for layer, reading in chosen.items()}
    return {
        layer: chart if (known := fields[layer]) is None else proven(chart, known)
        for layer, chart in maps.items()
    }, fields


def _options(
    model: nn.Module,
    outputs: Mapping[str, Tensor],
    display: Display,
    layout: str | Mapping[str, str] | None,
    forward: Forward,
) -> dict[str, Readings]:
    said = dict.fromkeys(outputs, layout) if isinstance(layout, str) else dict(layout or {})
    unknown = [layer for layer in said if layer not in outputs]
    if unknown:
        raise UserError(
            f"layout names {', '.join(unknown)}, which is not recorded; the layers are "
            f"{', '.join(outputs)}."
        )
    tokens = any(output.ndim == 3 and layer not in said for layer, output in outputs.items())
    grids = _grids(forward, display) if tokens else set()
    return {
        layer: asked_for(layer, output, said[layer])
        if layer in said
        else readings(layer, output, display, find_layer(model, layer)[0], grids)
        for layer, output in outputs.items()
    }


def _grids(forward: Forward, display: Display) -> set[tuple[int, int]]:
    """Sizes of the maps that the model's convolutions put out: tokens are made of them."""
    names = [n for n, m in forward.model.named_modules() if n and isinstance(m, nn.Conv2d)]
    if not names:
        return set()
    blank = torch.full((1, 1, display.height, display.width), display.mean_background)
    _, outputs = forward.count(blank, names)
    forward.put_back()
    maps = [each for each in outputs.values() if isinstance(each, Tensor) and each.ndim == 4]
    return {(each.shape[2], each.shape[3]) for each in maps}


def _fields(
    forward: Forward, chosen: Mapping[str, Reading], display: Display
) -> dict[str, Fields | None]:
    """Receptive fields of layers under some readings."""
    maps = {name: layer_map(each, display) for name, each in chosen.items()}
    grids = {
        layer: (chart.rows, chart.columns)
        for layer, chart in maps.items()
        if chart.layout != "vector"
    }

    def search(layers: Sequence[str]) -> dict[str, Fields | None]:
        with Unharmed():
            return survey(
                lambda images: forward.read(
                    images, layers, lambda name, output: finite_sites(maps[name], output)
                ),
                display,
                {layer: grids[layer] for layer in layers},
            )

    found: dict[str, Fields | None] = dict.fromkeys(chosen)
    try:
        found |= search(list(grids))
    except Exception:  # noqa: BLE001 (a model may raise anything, most of all on NaN)
        # Those that come before the layer that raises do not suffer from it.
        for layer in grids:
            with suppress(Exception):
                found |= search([layer])
    forward.put_back()
    return found
