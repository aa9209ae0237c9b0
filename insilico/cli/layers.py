"""``insilico layers``."""

from typing import Any

from insilico.cli.options import ModelOptions

__all__ = ["layers"]


def layers(model: str, /, *, options: ModelOptions = ModelOptions()) -> None:
    """List the layers of a model: the shape of what they put out, and what a unit of them sees.

    Parameters
    ----------
    model : str
        As in 'insilico run'.
    options : ModelOptions
        What can be said of any model.
    """
    from insilico.cli.terminal import aligned
    from insilico.models.layers import layer_table

    module = options.load(model)
    table = layer_table(module, fields=True)
    card: Any = module.card
    shapes = table["shape"]
    table["shape"] = ["" if shape is None else " x ".join(map(str, shape)) for shape in shapes]
    table["sees"] = [_field(size, card.display.px_per_deg) for size in table["field"]]
    table["note"] = [
        "V1 by default" if name in card.layers else _calls(calls)
        for name, calls in zip(table["layer"], table["calls"], strict=True)
    ]
    print(aligned(table[["layer", "type", "shape", "sees", "note"]]))


def _field(size: tuple[int, int] | None, px_per_deg: float) -> str:
    if size is None:
        return ""
    pixels, degrees = (
        values[:1] if values[0] == values[1] else values
        for values in (size, tuple(round(side / px_per_deg, 2) for side in size))
    )
    return f"{' x '.join(map(str, pixels))} px, {' x '.join(f'{d:g}' for d in degrees)} deg"


def _calls(calls: int) -> str:
    if calls == 1:
        return ""
    return "not called" if calls == 0 else f"called {calls} times: @1 to @{calls}"
