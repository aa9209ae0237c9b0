"""What all figures share: widths, sizes of type, colours, labels, and how they are saved."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from insilico.folders import inside
from insilico.tables import write_csv

__all__ = [
    "ACCENT",
    "MODEL",
    "ONE_COLUMN",
    "PALETTE",
    "REFERENCE",
    "TWO_COLUMNS",
    "axis_label",
    "grows_by_ratios",
    "log_axis",
    "mark",
    "new_axes",
    "new_figure",
    "save_figure",
    "shorten",
    "style",
    "within_sentence",
]

# Widths of one and of two columns of a journal page (85 and 175 mm), in inches.
ONE_COLUMN = 85 / 25.4
TWO_COLUMNS = 175 / 25.4

# Of pictures made of pixels.
DPI = 200

# What every figure is written as.
FORMATS = ("png", "svg", "pdf")

# Colours that remain apart for colour-blind readers and in grey: Okabe & Ito (2008),
# https://jfly.uni-koeln.de/color/
MODEL = "#0072B2"
ACCENT = "#D55E00"
REFERENCE = "#BDBDBD"
PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")

# On a logarithmic axis of one panel, and letters of all their labels together.
MOST_TICKS = 5
MOST_LETTERS = 12

STYLE: dict[Any, Any] = {
    "font.family": "sans-serif",
    "font.sans-serif": ["Arial", "Helvetica", "Liberation Sans", "DejaVu Sans"],
    "font.size": 7,
    "axes.titlesize": 7,
    "axes.labelsize": 7,
    "xtick.labelsize": 6,
    "ytick.labelsize": 6,
    "legend.fontsize": 6.5,
    "legend.frameon": False,
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlepad": 4,
    "axes.labelpad": 2,
    "lines.linewidth": 1.1,
    "lines.markersize": 2.5,
    "patch.linewidth": 0.6,
    "grid.linewidth": 0.4,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "xtick.major.size": 2.5,
    "ytick.major.size": 2.5,
    "xtick.major.pad": 2,
    "ytick.major.pad": 2,
    "figure.facecolor": "white",
    "axes.facecolor": "white",
    "savefig.facecolor": "white",
    "image.cmap": "cividis",
    "svg.fonttype": "none",  # text stays text, and can be edited
    "svg.hashsalt": "insilico",  # the same numbers give the same file
    "pdf.fonttype": 42,
}


@contextmanager
def style() -> Iterator[None]:
    """Draw with the type, lines and colours of a journal page; nothing outlasts the block.

    Yields
    ------
    None

    Examples
    --------
    >>> import matplotlib as mpl
    >>> with style():
    ...     mpl.rcParams["svg.fonttype"]
    'none'
    >>> mpl.rcParams["svg.fonttype"]
    'path'
    """
    with mpl.rc_context(STYLE):
        yield


def new_figure(width: float = TWO_COLUMNS, height: float = 3.0) -> Figure:
    """Make an empty figure, in inches, that no window and no global list knows of."""
    # Viewers set type a little wider than matplotlib does: a margin keeps it inside.
    margin = 0.1 / width
    layout = ConstrainedLayoutEngine(rect=(margin, 0, 1 - 2 * margin, 1))
    return Figure(figsize=(width, height), layout=layout)


def new_axes(ax: Axes | None, *, projection: str | None = None) -> Axes:
    """Return ``ax``, or the axes of a new one-column figure where it is None."""
    if ax is not None:
        return ax
    # pyplot, so that a notebook or a window shows it; it picks its backend when first used.
    import matplotlib.pyplot as plt

    figure = plt.figure(figsize=(ONE_COLUMN, 0.75 * ONE_COLUMN), layout="constrained")
    return figure.add_subplot(projection=projection)


def mark(figure: Figure, words: str) -> None:
    """Write below a figure what it is not to be taken for."""
    with style():
        figure.supxlabel(words, color=ACCENT, fontsize=7, fontweight="bold")


def axis_label(name: str, units: str | None) -> str:
    """Join a name and its units; numbers without a dimension have none.

    Examples
    --------
    >>> axis_label("Half-bandwidth", "deg"), axis_label("Circular variance", "1")
    ('Half-bandwidth (deg)', 'Circular variance')
    """
    return name if units in (None, "", "1") else f"{name} ({units})"


def within_sentence(label: str) -> str:
    """Write a label small, but leave symbols as they are.

    Examples
    --------
    >>> within_sentence("Circular variance"), within_sentence("F1/F0")
    ('circular variance', 'F1/F0')
    """
    return label[:1].lower() + label[1:] if label[1:2].islower() else label


def shorten(text: str, most: int) -> str:
    """Cut the middle out of a long name.

    Examples
    --------
    >>> shorten("features.denseblock1.conv1", 16)
    'features…1.conv1'
    """
    if len(text) <= most:
        return text
    end = (most - 1) // 2
    return f"{text[: most - 1 - end]}…{text[-end:]}"


def grows_by_ratios(place: npt.NDArray[np.float64]) -> bool:
    """Whether places are nearer to equal ratios than to equal steps, and belong on a log axis."""
    if len(place) < 3 or place[0] <= 0:
        return False
    ratios, steps = np.diff(np.log(place)), np.diff(place)
    return bool(ratios.std() / ratios.mean() < steps.std() / steps.mean())


def log_axis(ax: Axes, low: float, high: float) -> None:
    """Make the x axis logarithmic, with ticks on powers of 2, or of 10 from three decades on."""
    base = 10.0 if high >= 1000 * low else 2.0
    powers = np.log([low, high]) / np.log(base)
    ticks = np.arange(np.ceil(powers[0] - 1e-9), np.floor(powers[1] + 1e-9) + 1)
    step = max(1, int(np.ceil(len(ticks) / MOST_TICKS)))
    while sum(len(f"{tick:.4g}") for tick in base ** ticks[::step]) > MOST_LETTERS:
        step += 1
    ax.set_xscale("log", base=base)
    ax.set_xlim(low, high)
    ax.xaxis.set_major_locator(FixedLocator((base ** ticks[::step]).tolist()))
    ax.xaxis.set_minor_locator(NullLocator())
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.4g}"))


def save_figure(
    figure: Figure,
    folder: Path | str,
    name: str,
    *,
    numbers: pd.DataFrame | None = None,
    formats: tuple[str, ...] = FORMATS,
) -> list[Path]:
    """Write a figure, and the numbers it shows beside it.

    Parameters
    ----------
    figure : Figure
        The drawing.
    folder : path
        Where to write; made if there is none.
    name : str
        Name of the files, without an ending.
    numbers : DataFrame, optional
        Written as ``name.csv``.
    formats : tuple of str
        Any that matplotlib can write; the text of svg and pdf can be edited.

    Returns
    -------
    list of Path
        The files.

    Raises
    ------
    UserError
        If the name leads out of the folder.
    """
    folder = Path(folder)
    # Some names come from the files of others.
    inside(folder, name)
    folder.mkdir(parents=True, exist_ok=True)
    files = [folder / f"{name}.{ending}" for ending in formats]
    with style(), _laid_out(figure):
        for file in files:
            _print(figure, file)
    if numbers is not None:
        table = folder / f"{name}.csv"
        write_csv(numbers, table, float_format="%.7g")
        files.append(table)
    return files


def _print(figure: Figure, file: Path) -> None:
    """Write one file, and draw once for it: ``savefig`` draws twice."""
    # Loaded where they are used: that of pdf takes a while. Without dates in them, files of equal
    # numbers are equal.
    canvas: Any
    if file.suffix == ".png":
        from matplotlib.backends.backend_agg import FigureCanvasAgg

        canvas = FigureCanvasAgg(figure)
        canvas.print_png(file)
    elif file.suffix == ".svg":
        from matplotlib.backends.backend_svg import FigureCanvasSVG

        canvas = FigureCanvasSVG(figure)
        canvas.print_svg(file, metadata={"Date": None})
    elif file.suffix == ".pdf":
        from matplotlib.backends.backend_pdf import FigureCanvasPdf

        canvas = FigureCanvasPdf(figure)
        canvas.print_pdf(file, metadata={"CreationDate": None})
    else:
        figure.savefig(file)


@contextmanager
def _laid_out(figure: Figure) -> Iterator[None]:
    """Lay a figure out once, not again for every format."""
    engine, canvas, dpi = figure.get_layout_engine(), figure.canvas, figure.dpi
    # As when it is drawn: an empty figure has no layout.
    if engine is not None and figure.axes:
        # Nothing is drawn for it: that is done for every format.
        engine.execute(figure)
    figure.set_layout_engine("none")
    figure.set_dpi(DPI)
    try:
        yield
    finally:
        figure.set_layout_engine(engine)
        figure.set_canvas(canvas)
        figure.set_dpi(dpi)
