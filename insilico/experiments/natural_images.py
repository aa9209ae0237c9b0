"""Photographs: how sparse the answers of a population are, and how many dimensions they fill."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import xarray as xr

from insilico.errors import UserError
from insilico.experiments.battery import Battery
from insilico.experiments.protocol import Protocol
from insilico.experiments.responsive import exceeds_blank
from insilico.tuning.properties import natural_images as properties
from stimuli import Display, Position, StimulusSet
from stimuli.packaged import packaged_photographs
from stimuli.picture_files import look
from stimuli.picture_views import photograph_views

__all__ = ["NATURAL_IMAGES", "natural_image_curve", "natural_images", "with_photographs"]

# What noise adds to one repeat it does not add to the other.
TRIALS = 2

# How the names of photographs in a folder end.
ENDINGS = (".bmp", ".jpeg", ".jpg", ".png", ".ppm", ".tif", ".tiff", ".webp")

OURS = "our own: ten photographs of scikit-image and scikit-learn"


def natural_images(
    display: Display, position: Position, *, files: Sequence[Path] | None = None
) -> StimulusSet:
    """Photographs that fill the display, each seen in several views where there are few.

    Parameters
    ----------
    display : Display
        The screen.
    position : Position
        Where the middle of each view lies, in deg.
    files : sequence of Path, optional
        The photographs; those of scikit-image and scikit-learn by default.

    Returns
    -------
    StimulusSet
        Dims picture, view, trial: 300 views or more, each twice.

    Raises
    ------
    ValueError
        If a file cannot be read.
    """
    shown = packaged_photographs() if files is None else files
    return photograph_views(display, shown, position=position, trials=TRIALS)


def natural_image_curve(response: xr.DataArray) -> xr.DataArray:
    """Responses to photographs, nothing subtracted.

    Parameters
    ----------
    response : DataArray, dims ("unit", "picture", "view", "trial")
        Recording of `natural_images`.

    Returns
    -------
    DataArray
        The same, in float64.
    """
    return response.astype(np.float64)


def with_photographs(battery: Battery, folder: Path | str) -> Battery:
    """Show photographs of your own where a battery shows any.

    Parameters
    ----------
    battery : Battery
        With the experiment `natural_images`.
    folder : path
        Holds the photographs, with 8 bits per channel or grey with 16; those in folders within it
        count as well. They are shown in the order of their names.

    Returns
    -------
    Battery
        The citation of the experiment says whose pictures they are.

    Raises
    ------
    UserError
        If the battery shows no photographs, or the folder holds none that can be read.
    """
    if NATURAL_IMAGES.name not in {each.name for each in battery.protocols}:
        raise UserError(
            f"the {battery.name} battery shows no photographs; choose natural_images or full, or "
            "leave out the photographs."
        )
    folder = Path(folder)
    files = tuple(
        sorted(each for each in folder.rglob("*") if each.suffix.lower() in ENDINGS)
        if folder.is_dir()
        else ()
    )
    if not files:
        raise UserError(
            f"{folder} holds no photographs. Give a folder with files that end in one of "
            f"{', '.join(ENDINGS)}."
        )
    try:
        for each in files:
            look(each)
    except ValueError as error:
        raise UserError(str(error)) from error
    mine = replace(
        NATURAL_IMAGES,
        stimuli=partial(natural_images, files=files),
        citation=f"{len(files)} photographs of {folder.name}",
        needs="",
    )
    return replace(
        battery,
        protocols=tuple(
            replace(mine, curve=each.curve) if each.name == mine.name else each
            for each in battery.protocols
        ),
    )


NATURAL_IMAGES = Protocol(
    name="natural_images",
    stimuli=natural_images,
    curve=natural_image_curve,
    properties=(
        properties.lifetime_sparseness,
        properties.share_above_half_maximum,
        properties.population_sparseness,
        properties.eigenspectrum_exponent,
    ),
    responsive=exceeds_blank,
    citation=OURS,
    question="How sparse are the answers to photographs, and how many dimensions do they fill?",
    figure="natural_images",
    needs="photographs",
)
