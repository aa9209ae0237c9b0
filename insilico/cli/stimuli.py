"""``insilico stimuli``."""

from pathlib import Path

from insilico.cli.options import Whole
from insilico.errors import UserError

__all__ = ["stimuli"]


def stimuli(
    name: str,
    /,
    *,
    out: Path,
    battery: str = "standard",
    degrees: float = 8.0,
    pixels: Whole = 224,
    frame_rate: float = 60.0,
    monitor: Path | None = None,
) -> None:
    """Draw a contact sheet of stimuli, or those that move as a movie.

    Parameters
    ----------
    name : str
        An experiment of the battery: orientation, say; a drawing: grating or drifting_grating, say;
        or file.py:NAME, a StimulusSet, a function (display, position) that makes one, or a
        Protocol, whose code is run.
    out : Path
        New file: .png, .pdf or .svg for a sheet; .gif, or .mp4 where ffmpeg is found, for a movie.
    battery : str
        Which battery the experiment belongs to.
    degrees : float
        Side of the visual field in degrees.
    pixels : int
        Side of the display in pixels.
    frame_rate : float
        Frames per second, of stimuli that move.
    monitor : Path, optional
        A TOML file that says what the monitor emits, as in 'insilico run'.
    """
    from matplotlib.backend_bases import FigureCanvasBase

    from insilico.checks import check_asked
    from insilico.experiments.examples import example
    from insilico.figures import contact_sheet, save_movie, style
    from insilico.figures.movie import MOVIES

    check_asked(degrees=degrees, pixels=pixels, frame_rate=frame_rate)
    if out.exists():
        raise UserError(f"{out} already exists, and nothing is overwritten. Choose another name.")
    known = {*FigureCanvasBase.get_supported_filetypes(), *MOVIES}
    if out.suffix[1:].lower() not in known:
        raise UserError(f"{out} must end in one of .{', .'.join(sorted(known))}.")
    shown = example(
        name,
        battery=battery,
        degrees=degrees,
        pixels=pixels,
        frame_rate=frame_rate,
        monitor=monitor,
    )
    if out.suffix[1:].lower() in MOVIES:
        save_movie(shown, out)
    else:
        out.parent.mkdir(parents=True, exist_ok=True)
        sheet = contact_sheet(shown)
        with style():
            sheet.savefig(out)
    print(f"{len(shown)} stimuli, {shown.content_hash()}: {out}")
