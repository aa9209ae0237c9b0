"""Open a rig: which units respond, and what they are shown of the display."""

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import torch

from insilico.recording.probe import Probe
from insilico.rig.drawing import shown
from insilico.rig.hand import KINDS, Hand, read
from insilico.rig.measuring import survey
from insilico.rig.pictures import copied
from insilico.rig.rig import Rig
from insilico.rig.threads import threads
from stimuli import Display

__all__ = ["opened"]


@contextmanager
def opened(
    probe: Probe, *, folder: Path, photographs: Sequence[Path] = (), script: str = ""
) -> Iterator[Rig]:
    """Open a rig: find out which units respond, and that they do not see beyond their windows.

    Parameters
    ----------
    probe : Probe
        In the model.
    folder : Path
        Where what is explored is written.
    photographs : sequence of Path
        Pictures that can be shown; a texture by default.
    script : str
        A program that shows again what was explored; written beside the table.

    Yields
    ------
    Rig
        What was explored is written when it is closed, however it is closed.

    Raises
    ------
    UserError
        If no unit responds.
    ValueError
        If a photograph cannot be read.
    """
    display = probe.display
    with tempfile.TemporaryDirectory(prefix="insilico-rig-") as place:
        pictures = copied(photographs, Path(place))
        tried = [shown(display, _trial(kind, display), pictures) for kind in KINDS]
        found = survey(probe)
        probe.check_crops([(stimuli, probe.units) for stimuli in tried])
        # A window is too little work for two threads, which would wait for each other, and keep the
        # browser waiting.
        many = torch.get_num_threads()
        with threads(1), probe.forward.ready():
            rig = Rig(
                probe, found, folder=folder, photographs=pictures, script=script, threads=many
            )
            try:
                yield rig
            finally:
                rig.close()


def _trial(kind: str, display: Display) -> list[Hand]:
    """Stimuli of a kind by which crops are checked: here and there, strong, turned and large."""
    side = min(display.degrees)
    return [
        read(
            {
                "kind": kind,
                "x": x * side,
                "y": y * side,
                "orientation": orientation,
                "diameter": diameter * side,
            },
            display,
        )
        for x, y, orientation, diameter in ((0, 0, 30, 0.1), (0.1, 0, 90, 0.3), (-0.1, 0.1, 135, 1))
    ]
