"""Maps of preferred orientation over the sheet of a layer, and how alike neighbours are."""

import pandas as pd
import xarray as xr
from matplotlib import colormaps
from matplotlib.figure import Figure

from insilico.figures.style import MODEL, REFERENCE, TWO_COLUMNS, new_figure, style

__all__ = ["topography_page"]

# Channels whose maps are drawn.
MOST = 3

LEAST_HEIGHT = 2.3  # in

# Comes round; its ends are near white, so what is unknown is grey.
PREFERENCES = colormaps["twilight"].with_extremes(bad="0.6")


def topography_page(
    maps: xr.DataArray, similarity: pd.DataFrame, *, width: float = TWO_COLUMNS
) -> Figure:
    """Draw the maps of the first channels, and similarity over distance beside shuffled sites.

    Parameters
    ----------
    maps : DataArray, dims ("channel", "row", "column")
        Of `insilico.comparison.topography.sheet_maps`.
    similarity : DataFrame
        Of `insilico.comparison.topography.similarity_over_distance`.
    width : float
        In inches.

    Returns
    -------
    Figure
        Sites without a preference are grey.
    """
    shown = maps.isel(channel=slice(MOST))
    n = shown.sizes["channel"]
    with style():
        figure = new_figure(width, max(LEAST_HEIGHT, width / (n + 1.5)))
        *panels, last = figure.subplots(1, n + 1, width_ratios=[*[1] * n, 1.2])
        for ax, one in zip(panels, shown, strict=True):
            drawn = ax.imshow(one, cmap=PREFERENCES, vmin=0, vmax=maps.attrs["period"])
            ax.set(xticks=[], yticks=[], title=f"channel {int(one['channel'])}")
        label = str(maps.name).replace("_", " ").capitalize() + " (deg)"
        figure.colorbar(drawn, ax=panels, location="bottom", shrink=0.5, label=label)
        last.fill_between(
            similarity["distance"], similarity["low"], similarity["high"], color=REFERENCE, lw=0,
            label="sites shuffled",
        )  # fmt: skip
        last.plot(similarity["distance"], similarity["similarity"], "o-", color=MODEL)
        last.axhline(0, color="0.7", lw=0.6)
        last.set(xlabel="Distance (sites)", ylabel="Similarity of preferences")
        # Above: shuffled sites may fill the panel.
        last.legend(loc="lower right", bbox_to_anchor=(1, 1))
    return figure
