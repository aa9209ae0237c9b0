"""What of a picture would change a response: gradients, each unit's own."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from jaxtyping import Float
from torch import Tensor

from insilico.recording.crops import Place
from insilico.recording.forward import Forward
from insilico.recording.windows import Crop
from stimuli import Display
from stimuli.mosaics import drawn_mosaic, mosaic_elements

__all__ = ["Mosaic", "mean_gradients", "own_responses", "rows_of_a_pass"]

# Memory of a pass that is differentiated, in passes that are not.
KEPT = 2

Mosaics = Float[Tensor, "row rows columns"]


class Mosaic(NamedTuple):
    """Where a square of elements lies, and how large they are: in deg."""

    display: Display
    element: float
    x: float
    y: float

    @classmethod
    def of(cls, display: Display, conditions: pd.DataFrame) -> "Mosaic":
        """Find those of a stimulus table, which are all in one place."""
        first = conditions.iloc[0]
        return cls(display, float(first["element"]), float(first["x"]), float(first["y"]))


def own_responses(
    forward: Forward, crop: Crop, place: Place, mosaic: Mosaic, *, rectified: bool = True
) -> Callable[[Mosaics, npt.NDArray[np.intp]], Float[Tensor, "row"]]:
    """Make a function of what units respond to mosaics of their own.

    Parameters
    ----------
    forward : Forward
        Runs the model; ready, with the crop applied to it.
    crop : Crop
        What the units are shown.
    place : Place
        Where they are read.
    mosaic : Mosaic
        Where the squares lie.
    rectified : bool
        Whether responses below 0 count as 0.

    Returns
    -------
    callable
        ``respond(elements, unit)``: the response of the unit of each row to its elements,
        differentiable in them.
    """
    column = torch.from_numpy(np.argsort(place.order))

    def respond(elements: Mosaics, unit: npt.NDArray[np.intp]) -> Tensor:
        pictures = drawn_mosaic(
            mosaic.display, elements, element=mosaic.element, x=mosaic.x, y=mosaic.y,
            window=crop.window,
        )  # fmt: skip
        # Over the time of a movie, responses are rectified before they are averaged.
        moving = forward.movies is not None
        found = forward.respond(pictures, place.layers, place.take, rectified=moving)
        rows = torch.arange(len(found), device=found.device)
        own = found[rows, column[unit].to(found.device)]
        return own.clamp(min=0) if rectified else own

    return respond


def rows_of_a_pass(forward: Forward, crop: Crop) -> int:
    """Tell how many pictures go into a pass that is differentiated.

    Parameters
    ----------
    forward : Forward
        Runs the model.
    crop : Crop
        What the units are shown.

    Returns
    -------
    int
    """
    frames = 1 if forward.movies is None else forward.movies.frames
    return max(1, forward.batch(crop.window.height * crop.window.width * frames) // KEPT)


def mean_gradients(
    forward: Forward,
    crop: Crop,
    place: Place,
    mosaic: Mosaic,
    white_noise: pd.DataFrame,
    elements: int,
) -> npt.NDArray[np.float32]:
    """Average the gradient of each unit's response over frames of white noise.

    For Gaussian noise it is the spike-triggered average, without the scatter of the noise (Stein's
    lemma).

    Parameters
    ----------
    forward, crop, place, mosaic
        As for `own_responses`.
    white_noise : DataFrame
        Rows of a stimulus table.
    elements : int
        On a side of the square.

    Returns
    -------
    array, shape (unit, row, column)
        Response per contrast of each element.

    Raises
    ------
    NoGradientError
        If the model gives none.
    """
    respond = own_responses(forward, crop, place, mosaic)
    frames = (
        mosaic_elements(
            "white noise",
            white_noise["frame"].to_numpy(),
            elements,
            white_noise["seed"].to_numpy(),
            device=forward.device,
        )
        * torch.as_tensor(white_noise["contrast"].to_numpy(np.float32), device=forward.device)[
            :, None, None
        ]
    )
    n_units, n_frames = len(place.order), len(frames)
    total = torch.zeros(n_units, elements, elements, device=forward.device)
    step = rows_of_a_pass(forward, crop)
    for start in range(0, n_units * n_frames, step):
        number = np.arange(start, min(start + step, n_units * n_frames))
        unit, frame = number // n_frames, number % n_frames
        leaf = frames[torch.from_numpy(frame).to(frames.device)].requires_grad_()
        (gradient,) = torch.autograd.grad(respond(leaf, unit).sum(), leaf)
        total.index_add_(0, torch.from_numpy(unit).to(total.device), gradient)
    return (total / n_frames).cpu().numpy()
