"""``insilico rig``."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from insilico.cli.options import ModelOptions, Whole, Words
from insilico.cli.stopping import Terminated
from insilico.folders import plain

__all__ = ["rig"]

PORT = 5006


def rig(
    model: str,
    /,
    *,
    layer: Words = (),
    port: Whole = PORT,
    out: Path | None = None,
    photograph: Annotated[
        tuple[Path, ...], Parameter(consume_multiple=1, negative="", show_default=False)
    ] = (),
    open_browser: Annotated[bool, Parameter(name="--open", negative="")] = False,
    options: ModelOptions = ModelOptions(),
) -> None:
    """Play a rig: move a stimulus over the screen by hand, see a unit respond, and hear it click.

    A page of this machine, for nobody else: its address holds a token, and it loads nothing from
    outside. Ctrl-C ends it. Everything that was shown is in a table, with a script that shows it
    again.

    Parameters
    ----------
    model : str
        As in 'insilico run'.
    layer : tuple of str
        Layers whose units are listened to. See 'insilico layers'.
    port : int
        Port of the page; 0 for any free one.
    out : Path, optional
        Folder of what was explored; results/MODEL-rig by default, or the first free one beside it.
    photograph : tuple of Path
        Pictures to show; a texture by default.
    open_browser : bool
        Open the page in the browser.
    options : ModelOptions
        What can be said of any model.
    """
    import webbrowser

    from insilico.experiments.protocol import Placement
    from insilico.folders import beside, check_free
    from insilico.rig.desk import Desk
    from insilico.rig.latency import latency
    from insilico.rig.opening import opened
    from insilico.rig.script import script
    from insilico.rig.server import listening_on, serve
    from insilico.runs.placed_probe import placed_probe
    from insilico.runs.summary import TRAINING

    folder = out if out is not None else beside(Path("results") / f"{plain(model)}-rig")
    check_free(folder)
    with listening_on(port) as bound:
        probe, card = placed_probe(
            options.load(model),
            layer or None,
            place=Placement(),
            seed=options.seed,
            device=options.device,
        )
        print(f"looking for units that respond in {', '.join(probe.layers)} ...", flush=True)
        again = script(card, probe.layers, seed=options.seed, device=options.device)
        notes = filter(None, [card.name, ", ".join(probe.layers), TRAINING[card.trained]])
        with opened(probe, folder=folder, photographs=photograph, script=again) as found:
            print(latency(found))

            def told(address: str) -> None:
                print(f"\nthe rig is open: {address}\nCtrl-C ends it.", flush=True)
                if open_browser:
                    webbrowser.open(address)

            try:
                title = " \N{MIDDLE DOT} ".join(notes)
                serve(Desk(found), title, bound=bound, told=told)
            except KeyboardInterrupt as stopped:
                found.save()
                print(f"\n{_left(found.explored.n_shown, folder)}")
                if isinstance(stopped, Terminated):
                    raise


def _left(n_shown: int, folder: Path) -> str:
    if not n_shown:
        return "the rig is closed; nothing was explored."
    return f"the rig is closed; {n_shown} stimuli and the answers to them are in {folder}."
