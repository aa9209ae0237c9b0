"""Squares of photographs, each shown so that it fills the display."""

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from stimuli.display import Display, Position
from stimuli.picture_files import Drawn, look
from stimuli.sets import StimulusSet

__all__ = ["MOST_VIEWS", "SHARE", "photograph_views"]

# Side of one of several views, in smaller sides of the photograph.
SHARE = 0.5

# Along a side of a photograph: more differ by little.
MOST_VIEWS = 8

CENTRE = Position()


def photograph_views(
    display: Display,
    paths: Sequence[Path | str],
    *,
    position: Position = CENTRE,
    fewest: int = 300,
    trials: int = 1,
) -> StimulusSet:
    """Photographs, each seen through a square as large as the display.

    As many photographs as ``fewest`` are shown once each, the largest square in the middle. Of
    fewer, each is shown in several views: squares of half its smaller side, spread evenly over it.

    Parameters
    ----------
    display : Display
        The screen. A view is as wide as its larger side.
    paths : sequence of path
        The files, as for `stimuli.photographs`.
    position : Position
        Where the middle of a view lies, in deg. What is then seen beyond a view goes on as in the
        photograph.
    fewest : int
        How many views there are at least, but 8 x 8 of each photograph at most.
    trials : int
        How often each is shown.

    Returns
    -------
    StimulusSet, dims ("picture", "view", "trial")
        The images have three channels if any photograph has colour, or else one.

    Raises
    ------
    ValueError
        If there is no file, or one is missing or no picture.
    """
    if not paths:
        raise ValueError("there are no photographs to show. Give the path of at least one file.")
    files = tuple(Path(path) for path in paths)
    looks = [look(path) for path in files]
    along = min(math.ceil(math.sqrt(fewest / len(files))), MOST_VIEWS)
    shape = (len(files), along**2, trials)
    picture, view, trial = (each.ravel() for each in np.indices(shape))
    height, width = (
        np.array([getattr(each, side) for each in looks], dtype=float)[picture]
        for side in ("height", "width")
    )
    side = (SHARE if along > 1 else 1.0) * np.minimum(height, width)
    steps = (np.arange(along) - (along - 1) / 2) / max(along - 1, 1)
    row, column = np.divmod(view, along)
    px_per_deg = side / max(display.degrees)
    table = pd.DataFrame(
        {
            "picture": picture,
            "view": view,
            "trial": trial,
            "degrees": width / px_per_deg,
            # The photograph goes left where a view on its right is shown.
            "x": position.x - steps[column] * (width - side) / px_per_deg,
            "y": position.y + steps[row] * (height - side) / px_per_deg,
            "file": np.array([path.name for path in files], dtype=object)[picture],
            "checksum": np.array([each.checksum for each in looks], dtype=object)[picture],
        }
    )
    shown = Drawn(files, any(each.coloured for each in looks))
    return StimulusSet(
        "photograph_views",
        display,
        table,
        ("picture", "view", "trial"),
        shown.draw,
        labels=("view", "trial", "file", "checksum"),
    )
