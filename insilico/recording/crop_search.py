"""Search the crop of some units of a layer, with the model at hand."""

import math
from collections.abc import Sequence

import numpy as np
import pandas as pd
from torch import Tensor

from insilico.recording.forward import Forward
from insilico.recording.layers import Index, LayerMap
from insilico.recording.nan_pictures import Unharmed
from insilico.recording.receptive_fields import Fields
from insilico.recording.windows import Crop, find_crop
from stimuli import Display, Window

__all__ = ["columns_of", "searched_crop", "sites_of"]


def searched_crop(
    forward: Forward,
    display: Display,
    layer: str,
    chart: LayerMap,
    fields: Fields | None,
    places: Sequence[tuple[int, int]],
    units: pd.DataFrame,
) -> Crop:
    """Search the crop of units of one layer: proven by NaN, and checked on pictures of noise.

    Parameters
    ----------
    forward : Forward
        Runs the model.
    display : Display
        The screen.
    layer : str
        The layer.
    chart : LayerMap
        How it is laid out.
    fields : Fields or None
        What its sites see, if that was proven.
    places : sequence of (row, column)
        The sites that are to be seen.
    units : DataFrame
        The units there: channel, row, column.

    Returns
    -------
    Crop
    """
    place = Index.of(chart, units)
    grid = chart.layout != "vector" and fields is not None

    def respond(
        images: Tensor,
        shift: tuple[int, int] = (0, 0),
        *,
        corner: tuple[int, int] | None = None,
    ) -> Tensor:
        shown = Window(*(corner or (0, 0)), *images.shape[-2:])
        crop = Crop(shown, shown != display.whole, "", padded=corner is None)
        columns = columns_of(chart, crop)
        with crop.applied(forward):
            return forward.read(
                images, [layer], lambda _, output: place.take(output, shift, columns)
            )[layer]

    def finite(images: Tensor) -> Tensor:
        with Unharmed():
            return respond(images).isfinite().all(1, True)

    with forward.ready():
        found = find_crop(
            respond,
            finite,
            display,
            chart.stride if grid else None,
            None if fields is None else fields.window(places, display),
            # Tokens of patches, which pad nothing, are computed where they are read anyway.
            None if chart.layout == "tokens" else tuple(np.min(places, axis=0).tolist()),
        )
        # A model may have kept something of what was NaN.
        forward.put_back()
    return found


def columns_of(chart: LayerMap, crop: Crop) -> int | None:
    """Columns of sites in a crop, which begins where a site does; None in the whole picture."""
    return math.ceil(crop.window.width / chart.stride[1] - 1e-6) if crop.exact else None


# A run asks this of hundreds of small groups of units: pandas would take most of its time.


def sites_of(units: pd.DataFrame) -> list[tuple[int, int]]:
    """Rows and columns where units sit, each once, sorted."""
    row, column = (units[name].to_numpy(dtype=np.int64) for name in ("row", "column"))
    columns = 1 + column.max(initial=0)
    return [divmod(site, int(columns)) for site in np.unique(row * columns + column).tolist()]
