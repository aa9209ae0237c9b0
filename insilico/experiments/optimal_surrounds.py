"""Optimal surrounds: what around a fixed centre raises or lowers the response of each unit most."""

import numpy as np
import pandas as pd
import torch
import xarray as xr
from jaxtyping import Float
from torch import Tensor

from insilico.errors import UserError
from insilico.recording.ascent import along_the_gradient, smoothed
from insilico.recording.probe import Probe
from insilico.recording.schema import UNIT_COORDINATES
from stimuli import aperture
from stimuli.parameters import Numbers

__all__ = ["optimal_surrounds"]


def optimal_surrounds(
    probe: Probe,
    centres: Float[Tensor, "unit 1 height width"],
    units: pd.DataFrame | None = None,
    *,
    diameter: Numbers,
    x: Numbers = 0.0,
    y: Numbers = 0.0,
    suppressive: bool = True,
    rms: float = 0.2,
    blur: float = 1.0,
    steps: int = 60,
    seed: int = 0,
) -> xr.DataArray:
    """Find the surround that suppresses each unit most, or excites it most.

    Begins with noise, the same for all units, and follows the gradient of the response in the
    surround. The centre stays as it is.

    Parameters
    ----------
    probe : Probe
        In a model of pictures that gives gradients, on a grey display.
    centres : Tensor, shape (unit, 1, height, width)
        A picture for each unit, as `stimuli.grating` draws it at what the unit prefers.
    units : DataFrame, optional
        Rows of ``probe.units``; all of them by default.
    diameter : float or sequence of float
        Of the centre that stays, in deg.
    x, y : float or sequence of float
        Its middle, in deg.
    suppressive : bool
        Whether the response is lowered; raised otherwise.
    rms : float
        Root mean square contrast of the surround: the norm.
    blur : float
        Standard deviation, in px, of what the surround is smoothed with.
    steps : int
        Along the gradient.
    seed : int
        Of the noise.

    Returns
    -------
    DataArray, dims ("unit", "row", "column")
        Pictures in [0, 1], rows from the top; the coordinates ``response``, and
        ``centre_response`` to the centre alone, are raw activations.

    Raises
    ------
    UserError
        If there is not one picture for each unit, the display is in colour, or the model gives no
        gradients.
    """
    units = probe.units if units is None else units
    display, n = probe.display, len(units)
    if len(display.levels) > 1 or tuple(centres.shape) != (n, 1, display.height, display.width):
        raise UserError(
            f"centres must be {n} grey pictures, one for each unit, of {display.height} x "
            f"{display.width} px, on a grey display; got {tuple(centres.shape)} and the background "
            f"{display.background!r}."
        )
    given = centres.to(probe.forward.device)[:, 0]
    inside = aperture(display, diameter=diameter, x=x, y=y, device=given.device)
    outside = (1 - inside).expand(n, -1, -1)
    limit = min(1.0, 1 / display.mean_background - 1)
    sign = -1 if suppressive else 1
    row = torch.arange(n, device=given.device)

    def drawn(leaf: Tensor) -> Tensor:
        pattern = smoothed(leaf, blur) * outside
        size = (pattern.square().sum((1, 2)) / outside.sum((1, 2)).clamp(min=1e-12)).sqrt()
        pattern = (pattern * (rms / size.clamp(min=1e-12))[:, None, None]).clamp(-limit, limit)
        around = display.encode(display.mean_background * (1 + pattern))
        return inside * given + outside * around

    def respond(pictures: Tensor) -> Tensor:
        return probe.respond(pictures[:, None], units)[row, row]

    generator = torch.Generator().manual_seed(seed)
    noise = torch.randn(1, display.height, display.width, generator=generator)
    leaf = noise.expand(n, -1, -1).to(given.device)
    move = along_the_gradient(leaf)
    best = torch.full((n,), -torch.inf, device=given.device)
    kept, top, upwards = given, leaf, torch.zeros_like(leaf)
    # The way back, too, in float32 proper.
    with probe.forward.ready():
        for step in range(steps):
            leaf = leaf.detach().requires_grad_()
            pictures = drawn(leaf)
            found = sign * respond(pictures)
            (slope,) = torch.autograd.grad(found.sum(), leaf)
            better = found.detach() > best
            best = torch.where(better, found.detach(), best)
            rows = better[:, None, None]
            kept = torch.where(rows, pictures.detach(), kept)
            # A step that leads nowhere is taken back.
            top, upwards = torch.where(rows, leaf.detach(), top), torch.where(rows, slope, upwards)
            leaf = move(top, upwards, rows, step / steps)
        with torch.no_grad():
            alone = respond(given)
    return xr.DataArray(
        kept.cpu().numpy(),
        dims=("unit", "row", "column"),
        coords={
            **{
                # Rows and columns are those of the picture.
                name if name not in ("row", "column") else f"site_{name}": (
                    "unit", np.array(units[name].tolist()),
                )
                for name in UNIT_COORDINATES
            },
            "response": ("unit", (sign * best).cpu().numpy()),
            "centre_response": ("unit", alone.cpu().numpy()),
        },
        name="optimal_surround",
        attrs={"suppressive": int(suppressive), "rms": rms, "seed": seed},
    )  # fmt: skip
