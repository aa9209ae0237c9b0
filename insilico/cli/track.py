"""``insilico track``."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from insilico.cli.options import Whole, Words

__all__ = ["track"]

Flag = Annotated[bool, Parameter(negative="")]


def track(
    run: Path,
    /,
    *,
    layer: Words = (),
    out: Path | None = None,
    battery: str = "standard",
    degrees: float = 8.0,
    once: Flag = False,
    every: float = 30.0,
    device: str = "cpu",
    most_units: str | None = None,
    seed: Whole = 0,
    trust_code: Flag = False,
    quiet: Annotated[bool, Parameter(name=["--quiet", "-q"], negative="")] = False,
) -> None:
    """Measure the checkpoints of a training run as they appear, and draw how properties come about.

    The network is measured before its first step, at the checkpoints that are kept, and at the last
    one whenever it is there. Stopped at any moment, the same command goes on.

    Parameters
    ----------
    run : Path
        Folder of a training run, done or not.
    layer : tuple of str
        Layers to record.
    out : Path, optional
        Folder of the runs, the figure and its numbers; RUN/track by default.
    battery : str
        Which experiments.
    degrees : float
        Side of the visual field that the network's input stands for.
    once : bool
        End when what is there is measured, and not with the training.
    every : float
        Seconds between two looks.
    device : str
        Where to record: cpu, cuda, auto.
    most_units : str, optional
        Of how many units of each layer, drawn at random, or 'all'; as for 'insilico run'.
    seed : int
        Of the recording.
    trust_code : bool
        Run the code that RUN names as its network, with all your rights. Only for runs of your own,
        or of somebody whose programs you would start.
    quiet : bool
        Print only where the figure is.
    """
    from insilico.cli.options import most_units_of
    from insilico.training.tracking import track as follow
    from insilico.training.tracking import write_tracks

    place = out if out is not None else run / "track"
    moments = follow(
        run,
        layer,
        out=place,
        battery=battery,
        degrees=degrees,
        device=device,
        once=once,
        every=every,
        trust_code=trust_code,
        most_units=most_units_of(most_units),
        seed=seed,
        progress=not quiet,
    )
    figure: Path | None = None
    try:
        for moment in moments:
            if not quiet:
                print(f"step {moment.step} (epoch {moment.epoch}): measured", flush=True)
            figure = write_tracks(place)
    finally:
        # Also of what could be measured, where something could not; and of what was before.
        if figure is None and any(place.glob("step*/manifest.json")):
            figure = write_tracks(place)
        if figure is not None:
            print(f"figure: {figure}")
