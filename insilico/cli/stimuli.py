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
) -> None:
    """Draw a contact sheet of the stimuli of an experiment.

    Parameters
    ----------
    name : str
        An experiment of the battery: orientation, say.
    out : Path
        New image file; .png, .pdf or .svg.
    battery : str
        Which battery the experiment belongs to.
    degrees : float
        Side of the visual field in degrees.
    pixels : int
        Side of the display in pixels.
    """
    from matplotlib.backend_bases import FigureCanvasBase

    from insilico.checks import check_asked
    from insilico.experiments.batteries import find_battery
    from insilico.figures import contact_sheet, style
    from stimuli import Display, Position

    plan, place = find_battery(battery)
    plan[name]
    if out.exists():
        raise UserError(f"{out} already exists, and nothing is overwritten. Choose another name.")
    known = FigureCanvasBase.get_supported_filetypes()
    if out.suffix[1:].lower() not in known:
        raise UserError(f"{out} must end in one of .{', .'.join(sorted(known))}.")
    check_asked(degrees=degrees, pixels=pixels)
    display = Display.square(pixels, degrees, background=plan.background)
    shown = plan.example(name, display, place.position or Position())
    out.parent.mkdir(parents=True, exist_ok=True)
    sheet = contact_sheet(shown)
    with style():
        sheet.savefig(out)
    print(f"{len(shown)} stimuli, {shown.content_hash()}: {out}")
