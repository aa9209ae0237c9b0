"""The one place where degrees of visual angle meet pixels."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from stimuli.cones import SRGB_CONES, Matrix, checked_cones

__all__ = ["Display", "Position", "Window"]

# Above this share of the sampling rate (the Nyquist limit is 0.5) a grating is still
# representable but its contrast beats against the pixel grid; see docs/conventions.md.
NEAR_NYQUIST_CYCLES_PER_PX = 0.35


class Position(NamedTuple):
    """A place on the display, in deg from its centre; x is right, y is up."""

    x: float = 0.0
    y: float = 0.0


class Window(NamedTuple):
    """A rectangle of pixels; row 0 is the top of the display."""

    top: int
    left: int
    height: int
    width: int

    @property
    def rows(self) -> slice:
        """The rows it covers."""
        return slice(self.top, self.top + self.height)

    @property
    def columns(self) -> slice:
        """The columns it covers."""
        return slice(self.left, self.left + self.width)


@dataclass(frozen=True)
class Display:
    """The screen on which stimuli are drawn.

    Parameters
    ----------
    height, width : int
        Size in px.
    px_per_deg : float
        Pixels per degree of visual angle (linear, small-angle degrees).
    background : float or tuple of three float
        Luminance of the blank screen, in [0, 1]; contrast is relative to it. Three values are those
        of red, green and blue, for a screen that is not grey: everything on it is drawn in colour.
    transfer : str
        How luminance becomes the value a model receives: ``"encoded"`` (the value is the
        luminance), ``"srgb"``, ``"gamma:2.2"`` (any exponent), or ``"affine:GREY:GAIN"``
        (value = GREY + GAIN * (luminance - background)). It is the same for red, green and blue.
    cones : nested tuple of float, 3 x 3
        How much red, green and blue light of full strength excite the L, M and S cones: one row a
        cone. `stimuli.cones.SRGB_CONES` by default; that of your own screen is the product of
        its primaries' spectra and cone fundamentals.
    frame_rate : float, optional
        Frames per second, in Hz, of a display of movies; none for one of pictures.

    Examples
    --------
    >>> display = Display.square(pixels=224, degrees=8)
    >>> display.px_per_deg, display.nyquist
    (28.0, 14.0)
    """

    height: int = 224
    width: int = 224
    px_per_deg: float = 28.0
    background: float | tuple[float, float, float] = 0.5
    transfer: str = "encoded"
    cones: Matrix = SRGB_CONES
    frame_rate: float | None = None

    def __post_init__(self) -> None:
        if not all(
            isinstance(side, int | np.integer) and side >= 1 for side in (self.height, self.width)
        ):
            raise ValueError(
                f"a display needs at least 1 x 1 px, and whole ones; got {self.height} x "
                f"{self.width}. Give its height and width in pixels."
            )
        if not 0 < self.px_per_deg < math.inf:
            raise ValueError(
                f"px_per_deg must be a finite number above 0; got {self.px_per_deg:g}. "
                "It is the number of pixels in one degree of visual angle."
            )
        self._check_background()
        _transfer_function(self.transfer, self.mean_background)
        # Read from a file it may be an array: tuples can be compared, and hashed.
        object.__setattr__(self, "cones", checked_cones(self.cones))
        if self.frame_rate is not None and not 0 < self.frame_rate < math.inf:
            raise ValueError(
                f"frame_rate must be a finite number above 0, in Hz; got {self.frame_rate:g}. "
                "Leave it out for a display of pictures."
            )

    @classmethod
    def square(
        cls,
        pixels: int = 224,
        degrees: float = 8.0,
        *,
        background: float | tuple[float, float, float] = 0.5,
        transfer: str = "encoded",
        cones: Matrix = SRGB_CONES,
        frame_rate: float | None = None,
    ) -> "Display":
        """Make a square display from its side in px and in deg."""
        if not 0 < degrees < math.inf:
            raise ValueError(
                f"degrees must be a finite number above 0; got {degrees:g}. "
                "It is the side of the display in degrees of visual angle."
            )
        return cls(pixels, pixels, pixels / degrees, background, transfer, cones, frame_rate)

    @property
    def degrees(self) -> tuple[float, float]:
        """Height and width, in deg."""
        return self.height / self.px_per_deg, self.width / self.px_per_deg

    @property
    def nyquist(self) -> float:
        """Highest frequency along a row or a column that the pixels carry, in cpd."""
        return self.px_per_deg / 2

    @property
    def levels(self) -> tuple[float, ...]:
        """Luminance of the blank screen per channel: one value for a grey one, or else three."""
        return self.background if isinstance(self.background, tuple) else (self.background,)

    @property
    def mean_background(self) -> float:
        """Luminance of the blank screen, over its channels."""
        return sum(self.levels) / len(self.levels)

    @property
    def whole(self) -> Window:
        """The window that covers all of it."""
        return Window(0, 0, self.height, self.width)

    def x(self) -> npt.NDArray[np.float64]:
        """Horizontal position of each column's pixel centres, shape (width,), in deg."""
        columns = np.arange(self.width, dtype=np.float64)
        return (columns - (self.width - 1) / 2) / self.px_per_deg

    def y(self) -> npt.NDArray[np.float64]:
        """Vertical position of each row's pixel centres, shape (height,), in deg; up positive."""
        rows = np.arange(self.height, dtype=np.float64)
        return ((self.height - 1) / 2 - rows) / self.px_per_deg

    def position(self, row: float, column: float) -> Position:
        """Place of a (fractional) pixel index."""
        return Position(
            (column - (self.width - 1) / 2) / self.px_per_deg,
            ((self.height - 1) / 2 - row) / self.px_per_deg,
        )

    def encode(self, luminance: Any) -> Any:
        """Apply the transfer function to an array or tensor of luminances in [0, 1]."""
        return _transfer_function(self.transfer, self.mean_background)(luminance)

    def _check_background(self) -> None:
        given: Any = self.background
        levels = np.atleast_1d(np.asarray(given, dtype=np.float64))
        if levels.shape not in ((1,), (3,)):
            raise ValueError(
                "background must be one luminance, or three: of red, green and blue; got "
                f"{given!r}."
            )
        if not ((levels > 0) & (levels < 1)).all():
            raise ValueError(
                f"background must lie between 0 and 1, both excluded; got {_listed(levels)}. "
                "Contrast is measured relative to it, so a black or white one leaves no room."
            )
        if len(set(levels)) > 1 and self.transfer.startswith("affine"):
            raise ValueError(
                f"the transfer function {self.transfer!r} is for grey screens; the background has "
                f"the levels {_listed(levels)}. Use encoded, srgb or gamma:EXPONENT."
            )
        # Grey is grey however it was given: pictures on it have one channel.
        red, *others = levels.tolist()
        colour = (red, *others) if len(set(levels)) > 1 else red
        object.__setattr__(self, "background", colour)


def _transfer_function(name: str, background: float) -> Callable[[Any], Any]:
    kind, *numbers = name.split(":")
    try:
        values = [float(number) for number in numbers]
    except ValueError:
        values = []
        kind = name
    if kind == "encoded" and not values:
        return lambda luminance: luminance
    if kind == "srgb" and not values:
        return _srgb
    if kind == "gamma" and len(values) == 1 and values[0] > 0:
        return lambda luminance: luminance ** (1 / values[0])
    if kind == "affine" and len(values) == 2:
        grey, gain = values
        return lambda luminance: grey + gain * (luminance - background)
    raise ValueError(
        f"transfer must be 'encoded', 'srgb', 'gamma:EXPONENT' or 'affine:GREY:GAIN'; got {name!r}."
    )


def _listed(levels: npt.NDArray[np.float64]) -> str:
    return ", ".join(f"{level:g}" for level in levels)


def _srgb(luminance: Any) -> Any:
    # IEC 61966-2-1; written with products of masks so that it serves arrays and tensors alike.
    dark = luminance <= 0.0031308
    return dark * (12.92 * luminance) + ~dark * (1.055 * abs(luminance) ** (1 / 2.4) - 0.055)
