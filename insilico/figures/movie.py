"""Stimuli that move: as a movie, and frame by frame for a sheet."""

import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from insilico.errors import UserError
from stimuli import Display, StimulusSet

if TYPE_CHECKING:
    import torch

__all__ = ["MOVIES", "frames", "save_movie"]

# How the names of files of movies end.
MOVIES = ("gif", "mp4")

# Movies side by side; a small display is shown in larger pixels, to at least this side.
MOST, SIDE = 6, 160
GAP = 4


@dataclass(frozen=True)
class _Frame:
    """Draws one frame of each movie: that of its ``time``."""

    draw: Callable[..., Any]
    times: tuple[float, ...]

    def __call__(
        self, display: Display, *, time: npt.NDArray[Any], **parameters: Any
    ) -> "torch.Tensor":
        movies = self.draw(display, time=self.times, **parameters)
        return movies[np.arange(len(time)), np.searchsorted(self.times, time)]


def frames(movies: StimulusSet) -> StimulusSet:
    """Take the frames of movies as pictures.

    Parameters
    ----------
    movies : StimulusSet
        Of movies.

    Returns
    -------
    StimulusSet, dims (<factors>, "time")
        One row for every frame from 0 s on.
    """
    times = np.array([moment for moment in movies.time if moment >= 0])
    table = movies.conditions.loc[movies.conditions.index.repeat(len(times))]
    table = table.assign(time=np.tile(times, len(movies))).reset_index(drop=True)
    return replace(
        movies,
        conditions=table,
        dims=(*movies.dims, "time"),
        draw=_Frame(movies.draw, movies.time),
        time=(),
    )


def save_movie(movies: StimulusSet, path: Path | str, *, most: int = MOST) -> None:
    """Write movies side by side as one file, at the speed of their display.

    Parameters
    ----------
    movies : StimulusSet
        Of movies.
    path : path
        Ends in .gif, or in .mp4, for which the program ffmpeg must be found. A gif counts in
        hundredths of a second: it runs a little faster or slower than the display.
    most : int
        How many to show; evenly spaced rows of the table if there are more.

    Raises
    ------
    UserError
        If the stimuli do not move, or ffmpeg is needed and not found, or fails.
    """
    path = Path(path)
    if not movies.time or movies.display.frame_rate is None:
        raise UserError(
            f"{movies.name} does not move: write it as a sheet, {path.with_suffix('.png')}."
        )
    rows = np.unique(np.linspace(0, len(movies) - 1, most).round().astype(int))
    shown = np.concatenate([_pixels(movies, row) for row in rows.tolist()], axis=2)
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix.lower() == ".mp4":
        _write_mp4(shown, path, movies.display.frame_rate)
    else:
        first, *rest = [Image.fromarray(frame) for frame in shown]
        milliseconds = max(20, 10 * round(100 / movies.display.frame_rate))
        first.save(path, save_all=True, append_images=rest, duration=milliseconds, loop=0)


def _pixels(movies: StimulusSet, row: int) -> npt.NDArray[np.uint8]:
    """One movie with a margin at its right: (frame, height, width, 3)."""
    drawn = movies.images([row])[0].clamp(0, 1).numpy()
    levels = np.moveaxis(np.rint(255 * drawn).astype(np.uint8), 1, -1)
    times = max(1, SIDE // max(levels.shape[1:3]))
    large = levels.repeat(times, axis=1).repeat(times, axis=2)
    margin = ((0, 0), (0, 0), (0, GAP), (0, 0))
    return np.pad(np.broadcast_to(large, (*large.shape[:3], 3)), margin, constant_values=255)


def _write_mp4(shown: npt.NDArray[np.uint8], path: Path, frame_rate: float) -> None:
    program = shutil.which("ffmpeg")
    if program is None:
        raise UserError(
            f"{path} needs the program ffmpeg, which is not found. Install it, or write "
            f"{path.with_suffix('.gif')}."
        )
    # The codec takes even numbers of pixels only.
    even = shown[:, : shown.shape[1] // 2 * 2, : shown.shape[2] // 2 * 2]
    size = f"{even.shape[2]}x{even.shape[1]}"
    made = subprocess.run(
        [program, "-loglevel", "error", "-n", "-f", "rawvideo", "-pix_fmt", "rgb24", "-s", size,
         "-r", f"{frame_rate:g}", "-i", "-", "-pix_fmt", "yuv420p", str(path)],
        input=even.tobytes(),
        capture_output=True,
        check=False,
    )  # fmt: skip
    if made.returncode:
        raise UserError(f"ffmpeg could not write {path}: {made.stderr.decode().strip()[:200]}")
