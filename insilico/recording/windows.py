"""Which pixels a unit can see, proven; and whether showing it only those changes its response.

NaN outside a window is the proof: whatever is finite in the end cannot have touched it. The check
is separate and does not trust the proof: the surroundings are replaced by noise, by the blank and
by high contrast, and the responses to the small picture must equal those to each of the whole ones.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cache, partial

import numpy as np
import torch
from torch import Tensor

from insilico.recording.forward import Forward
from insilico.recording.patches import told_size
from stimuli import Display, Window

__all__ = ["Crop", "find_crop", "inside_of", "noise", "proven_windows", "size_of"]

# Largest difference between cropped and full responses, relative to the largest response, that
# still counts as the rounding of float32.
ROUNDING = 1e-5

# A crop that covers more of the display than this saves less than it costs to set up.
WORTHWHILE = 0.75

Finite = Callable[[Tensor], Tensor]
Record = Callable[..., Tensor]
Full = Callable[[], list[Tensor]]


@dataclass(frozen=True)
class Crop:
    """What is shown instead of the whole display, and why that is or is not exact.

    Parameters
    ----------
    window : Window
        The part of the display that is shown.
    exact : bool
        Whether it was proven and checked; if not, the window is the whole display.
    status : str
        A sentence for the user.
    shift : tuple of int
        How many rows and columns of the feature map the crop leaves out at the top and the left.
    padded : bool
        Whether the model pads what it filters. Without padding, the sites that are read are the
        only ones that are computed.
    alike : Crop, optional
        Of a crop without padding: the one with it, which sums in the order of whole pictures.
    """

    window: Window
    exact: bool
    status: str
    shift: tuple[int, int] = (0, 0)
    padded: bool = True
    alike: "Crop | None" = None

    @contextmanager
    def applied(self, forward: Forward) -> Iterator[None]:
        """Have a model take pictures of this size, and pad what it filters or not."""
        window = self.window
        with ExitStack() as stack:
            if self.exact:
                stack.enter_context(told_size(forward.model, window.height, window.width))
            if not self.padded:
                stack.enter_context(forward.without_padding((window.top, window.left)))
            yield


def proven_windows(finite: Finite, display: Display, groups: int) -> list[Window | None]:
    """Find, for each group of units, the smallest window outside which they see nothing.

    Parameters
    ----------
    finite : callable
        ``finite(images)``, images (n, 1, height, width), says for each image and group whether all
        of its units are finite: a bool tensor (n, groups).
    display : Display
        The screen.
    groups : int
        Number of groups.

    Returns
    -------
    list of Window or None
        None where a group is not finite even on a picture without any NaN, or sees nothing.
    """
    picture = noise(display)
    if not bool(finite(picture).all()):
        return [None] * groups
    # How many rows or columns can be NaN on each side (top, bottom, left, right) of each group.
    size = np.array([display.height, display.height, display.width, display.width])
    low = np.zeros((groups, 4), dtype=int)
    high = np.broadcast_to(size, (groups, 4)).copy()
    while (high - low > 1).any():
        middle = (low + high) // 2
        images = picture.repeat(groups * 4, 1, 1, 1)
        for image, (side, margin) in zip(
            images,
            [(side, middle[group, side]) for group in range(groups) for side in range(4)],
            strict=True,
        ):
            _blind(image, side, int(margin))
        seen = finite(images).reshape(groups, 4, groups)
        clear = torch.stack([seen[group, :, group] for group in range(groups)]).cpu().numpy()
        low, high = np.where(clear, middle, low), np.where(clear, high, middle)
    windows: list[Window | None] = []
    for top, bottom, left, right in low:
        height, width = display.height - top - bottom, display.width - left - right
        windows.append(
            Window(int(top), int(left), int(height), int(width))
            if height > 0 and width > 0
            else None
        )
    return windows


def find_crop(
    record: Record,
    finite: Finite,
    display: Display,
    stride: tuple[float, float] | None,
    expected: Window | None = None,
    first: tuple[int, int] | None = None,
) -> Crop:
    """Find the smallest exact crop for a group of units, or say why there is none.

    Parameters
    ----------
    record : callable
        ``record(images, shift=(0, 0), corner=None)`` returns the responses (n, unit) of the group,
        each unit read ``shift`` rows and columns before its place in the full feature map. With the
        ``corner`` of the images in the display, the model pads nothing, and computes no sites but
        those that see the whole of their field.
    finite : callable
        As in `proven_windows`, for one group.
    display : Display
        The screen.
    stride : tuple of float or None
        Pixels between neighbouring sites along rows and columns, None where they are not known.
    expected : Window, optional
        What the group should see: proven first, and looked for only if that fails.
    first : tuple of int, optional
        First row and first column of the group's sites; if given, it is tried whether the model
        can do without padding, and be shown just what the group sees.

    Returns
    -------
    Crop
    """
    whole = display.whole
    if stride is None:
        return Crop(
            whole,
            False,
            "full picture: no window was proven for single sites (they see as far as the border)",
        )
    try:
        if expected is not None and _sees_only(expected, finite, display):
            window: Window | None = expected
        else:
            window = proven_windows(finite, display, 1)[0]
    except Exception as error:  # noqa: BLE001 (a model may raise anything)
        return Crop(whole, False, f"full picture: the model rejects NaN ({_brief(error)})")
    if window is None:
        return Crop(whole, False, "full picture: the proof by NaN found no window")
    covered = window.height * window.width / (display.height * display.width)
    if covered > WORTHWHILE:
        return Crop(whole, False, f"full picture: units see {covered:.0%} of the display")
    full = cache(partial(_surrounded, record, display, window))
    field = f"{window.height} x {window.width} px"
    reason = "no alignment of the crop with the strides of the model reproduces the responses"
    for factor in (1, 2, 4, 8):
        step = tuple(round(pixels * factor) for pixels in stride)
        if min(step) < 1 or any(
            abs(s - p * factor) > 1e-6 for s, p in zip(step, stride, strict=True)
        ):
            continue
        crop = _aligned(window, display, (step[0], step[1]))
        if crop.height * crop.width > WORTHWHILE * display.height * display.width:
            break
        shift = (round(crop.top / stride[0]), round(crop.left / stride[1]))
        try:
            difference = _check(partial(record, shift=shift), full, display, crop)
        except Exception as error:  # noqa: BLE001 (likewise)
            reason = f"the model does not take a smaller picture ({_brief(error)})"
            continue
        if difference <= ROUNDING:
            exact = Crop(
                crop,
                True,
                f"exact crop {size_of(crop)} of {display.height} (receptive field {field})",
                shift,
            )
            if first is None or not _agrees_unpadded(record, full, display, window, first):
                return exact
            return Crop(
                window,
                True,
                f"exact crop {size_of(window)} of {display.height} (receptive field {field}), with "
                "no other sites computed",
                first,
                padded=False,
                alike=exact,
            )
        reason = f"cropped responses differ by {difference:.1e} of the largest"
    return Crop(whole, False, f"full picture: {reason}")


def noise(display: Display) -> Tensor:
    """Draw a picture without structure, always the same one."""
    generator = torch.Generator().manual_seed(0)
    return torch.rand((1, 1, display.height, display.width), generator=generator)


def _sees_only(window: Window, finite: Finite, display: Display) -> bool:
    """Whether a group of units is finite on a picture that is NaN outside a window."""
    picture = torch.full((1, 1, display.height, display.width), torch.nan)
    picture[..., window.rows, window.columns] = noise(display)[..., window.rows, window.columns]
    return bool(finite(picture).all())


def _blind(image: Tensor, side: int, margin: int) -> None:
    """Fill a margin of an image (channel, height, width) with NaN, in place."""
    if margin == 0:
        return
    if side == 0:
        image[:, :margin] = torch.nan
    elif side == 1:
        image[:, -margin:] = torch.nan
    elif side == 2:
        image[:, :, :margin] = torch.nan
    else:
        image[:, :, -margin:] = torch.nan


def _aligned(window: Window, display: Display, step: tuple[int, int]) -> Window:
    """Grow a window until its corner and its size are multiples of the stride."""
    top, left = window.top // step[0] * step[0], window.left // step[1] * step[1]
    height = -(-(window.top + window.height - top) // step[0]) * step[0]
    width = -(-(window.left + window.width - left) // step[1]) * step[1]
    return Window(top, left, min(height, display.height - top), min(width, display.width - left))


def _agrees_unpadded(
    record: Record, full: Full, display: Display, window: Window, first: tuple[int, int]
) -> bool:
    """Whether a model without padding responds to just the window as to the whole of a picture."""

    def unpadded(images: Tensor) -> Tensor:
        return record(images, first, corner=(window.top, window.left))

    try:
        return _check(unpadded, full, display, window) <= ROUNDING
    except Exception:  # noqa: BLE001 (a model may raise anything, where sizes no longer fit)
        return False


def size_of(window: Window) -> str:
    """Say how large a window is."""
    if window.height == window.width:
        return f"{window.height} px"
    return f"{window.height} x {window.width} px"


def inside_of(display: Display) -> Tensor:
    """Draw two pictures whose windows are compared, of high contrast and of low."""
    generator = torch.Generator().manual_seed(1)
    inside = torch.rand((2, 1, display.height, display.width), generator=generator)
    inside[1] = display.mean_background + 0.1 * (inside[1] - 0.5)
    return inside


def _surrounded(record: Record, display: Display, window: Window) -> list[Tensor]:
    """Respond to the window in changing surroundings."""
    inside = inside_of(display)
    generator = torch.Generator().manual_seed(3)
    checks = (torch.rand(inside.shape, generator=generator) > 0.5).float()
    found = []
    for picture in (
        torch.rand(inside.shape, generator=generator),
        torch.full(inside.shape, display.mean_background),
        checks,
    ):
        picture[..., window.rows, window.columns] = inside[..., window.rows, window.columns]
        found.append(record(picture))
    return found


def _check(
    cropped: Callable[[Tensor], Tensor], full: Full, display: Display, crop: Window
) -> float:
    """Largest difference between the small picture and the whole one in changing surroundings."""
    small = cropped(inside_of(display)[..., crop.rows, crop.columns])
    scale = small.abs().max().clamp_min(torch.finfo(small.dtype).tiny)
    worst = 0.0
    for whole in full():
        if whole.shape != small.shape or not bool(torch.isfinite(whole).all()):
            return float("inf")
        # The crop holds pixels around the window too: they must not matter either.
        worst = max(worst, float((whole - small).abs().max() / scale))
    return worst


def _brief(error: BaseException) -> str:
    text = str(error).splitlines()[0] if str(error) else type(error).__name__
    return text if len(text) <= 100 else text[:97] + "..."
