"""Whether float32 means float32: torch may round the factors of products to 10 bits (TF32)."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch

from insilico.errors import UserError

__all__ = ["PRECISIONS", "TF32_NOTE", "check_precision", "rounding"]

PRECISIONS = ("float32", "tf32", "bfloat16")

# Where a rounded product is fast enough to be worth it: Ampere, and what came after.
TF32_FROM = (8, 0)

TF32_NOTE = (
    "computed with TF32: the factors of every product are rounded to 10 bits, so responses are "
    "right to about three digits, units near a criterion may be selected that float32 leaves out, "
    "and the other way round"
)


def check_precision(precision: str, device: torch.device) -> None:
    """Refuse a precision that does not exist, or that a device does not have.

    Parameters
    ----------
    precision : str
        One of `PRECISIONS`.
    device : torch.device
        Where the model runs.

    Raises
    ------
    UserError
        For another one, and for ``"tf32"`` on anything but an NVIDIA GPU of the Ampere generation
        or later.
    """
    if precision not in PRECISIONS:
        raise UserError(f"precision must be one of {', '.join(PRECISIONS)}; got {precision!r}.")
    if precision != "tf32":
        return
    if device.type != "cuda" or torch.cuda.get_device_capability(device) < TF32_FROM:
        raise UserError(
            f"precision 'tf32' needs an NVIDIA GPU of the Ampere generation or later; the device "
            f"is {device}. Use float32, or another device."
        )


@contextmanager
def rounding(*, tf32: bool) -> Iterator[None]:
    """Round the factors of float32 products to TF32, or compute in float32 proper.

    torch has two sets of switches for it, and refuses to read the older ones while they disagree
    with the newer (of torch 2.9). Both are set here, so that a model that reads either is told the
    same, and both are left as they were found.

    Parameters
    ----------
    tf32 : bool
        Whether to round, on a GPU; on a CPU nothing is rounded.

    Yields
    ------
    None
    """
    of_gpu, of_cpu = _switches()
    switches = [*of_gpu, *of_cpu]
    found = [switch.fp32_precision for switch in switches]
    for switch in switches:
        switch.fp32_precision = "ieee"
    # Known only now that no newer switch says otherwise.
    older = _older()
    _set_older(tf32, "high" if tf32 else "highest")
    # Setting the older ones has set the newer too.
    for switch in switches:
        switch.fp32_precision = "tf32" if tf32 and switch in of_gpu else "ieee"
    try:
        yield
    finally:
        _set_older(*older)
        for switch, value in zip(switches, found, strict=True):
            # What follows a switch above it goes on following it.
            switch.fp32_precision = "none"
            if switch.fp32_precision != value:
                switch.fp32_precision = value


def _switches() -> tuple[list[Any], list[Any]]:
    """List torch's newer switches, of GPUs and of the CPU; torch before 2.9 has none."""
    backends: Any = torch.backends
    if not hasattr(backends, "fp32_precision"):
        return [], []
    cpu = backends.mkldnn
    return (
        [backends.cudnn.conv, backends.cudnn.rnn, backends.cuda.matmul],
        [cpu.conv, cpu.rnn, cpu.matmul],
    )


def _older() -> tuple[bool, str]:
    """Read the older switches, of convolutions and of matrix products, the newer being off."""
    try:
        convolutions = bool(torch.backends.cudnn.allow_tf32)
    except RuntimeError:  # it disagrees with the newer ones
        convolutions = True
    return convolutions, torch.get_float32_matmul_precision()


def _set_older(convolutions: bool, products: str) -> None:
    with warnings.catch_warnings():
        # torch asks to use the newer ones, as we do.
        warnings.simplefilter("ignore")
        torch.backends.cudnn.allow_tf32 = convolutions
        torch.set_float32_matmul_precision(products)
