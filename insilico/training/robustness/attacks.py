"""Adversarial pictures: the fast gradient sign method and projected gradient descent.

References
----------
Goodfellow IJ, Shlens J, Szegedy C (2015). Explaining and harnessing adversarial examples. ICLR.
Madry A, Makelov A, Schmidt L, Tsipras D, Vladu A (2018). Towards deep learning models resistant to
adversarial attacks. ICLR.
"""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from insilico.errors import UserError

__all__ = ["NORMS", "fast_gradient", "projected_gradient"]

NORMS = ("linf", "l2")

# Of an L2 gradient that is all zero there is no direction to go.
TINY = 1e-12

Network = Callable[[Tensor], Tensor]


def fast_gradient(
    network: Network, images: Tensor, labels: Tensor, *, radius: float, norm: str = "linf"
) -> Tensor:
    """Take one step, as far as allowed, up the loss.

    Parameters
    ----------
    network : callable
        From pictures in [0, 1] to logits.
    images : Tensor, shape (n, channel, height, width)
        In [0, 1].
    labels : Tensor, shape (n,)
        Their classes.
    radius : float
        Largest change: of any value (``linf``), or of the whole picture (``l2``).
    norm : {"linf", "l2"}
        What the radius is measured in.

    Returns
    -------
    Tensor
        Pictures in [0, 1].
    """
    _check(radius, norm)
    step = radius * _direction(_gradient(network, images, labels), norm)
    return (images + step).clamp(0, 1)


def projected_gradient(
    network: Network,
    images: Tensor,
    labels: Tensor,
    *,
    radius: float,
    norm: str = "linf",
    steps: int = 20,
    step_size: float | None = None,
    generator: torch.Generator | None = None,
) -> Tensor:
    """Climb the loss in small steps, never farther than allowed from the picture.

    Parameters
    ----------
    network, images, labels, radius, norm
        As in `fast_gradient`.
    steps : int
        How many.
    step_size : float, optional
        Length of a step; 2.5 radius / steps by default, as in Madry et al. (2018).
    generator : Generator, optional
        Of the random start within the radius; without it the start is the picture itself.

    Returns
    -------
    Tensor
        Pictures in [0, 1]: of each, the one of all steps whose loss was largest.
    """
    _check(radius, norm)
    length = 2.5 * radius / steps if step_size is None else step_size
    now = images
    if generator is not None:
        noise = torch.randn(images.shape, generator=generator).to(images)
        if norm == "linf":
            noise = 2 * torch.rand(images.shape, generator=generator).to(images) - 1
        now = _project(images + radius * noise, images, radius, norm)
    worst, largest = images, _losses(network, images, labels)
    for _ in range(steps):
        step = length * _direction(_gradient(network, now, labels), norm)
        now = _project(now + step, images, radius, norm)
        losses = _losses(network, now, labels)
        better = losses > largest
        worst = torch.where(better[:, None, None, None], now, worst)
        largest = torch.where(better, losses, largest)
    return worst


def _gradient(network: Network, images: Tensor, labels: Tensor) -> Tensor:
    with torch.enable_grad():
        free = images.detach().requires_grad_(True)
        loss = cross_entropy(network(free), labels, reduction="sum")
        return torch.autograd.grad(loss, free)[0]


@torch.no_grad()
def _losses(network: Network, images: Tensor, labels: Tensor) -> Tensor:
    return cross_entropy(network(images), labels, reduction="none")


def _direction(gradient: Tensor, norm: str) -> Tensor:
    """Find the change of length one that raises the loss most."""
    if norm == "linf":
        return gradient.sign()
    return gradient / _length(gradient).clamp(min=TINY)


def _project(images: Tensor, origin: Tensor, radius: float, norm: str) -> Tensor:
    """Move pictures to the nearest place that is allowed, first within the radius."""
    change = images - origin
    if norm == "linf":
        change = change.clamp(-radius, radius)
    else:
        change = change * (radius / _length(change).clamp(min=TINY)).clamp(max=1)
    # Cutting at black and white only shortens a change, in either norm.
    return (origin + change).clamp(0, 1)


def _length(change: Tensor) -> Tensor:
    return change.flatten(1).norm(dim=1)[:, None, None, None]


def _check(radius: float, norm: str) -> None:
    if norm not in NORMS:
        raise UserError(f"norm must be one of {', '.join(NORMS)}; got {norm!r}.")
    if radius < 0:
        raise UserError(f"radius must not be below 0; got {radius:g}.")
