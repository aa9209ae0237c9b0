"""``insilico protocols``."""

from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from insilico.cli.options import ModelOptions, Words

if TYPE_CHECKING:
    from insilico.experiments.batteries import Placed

__all__ = ["protocols"]


def protocols(
    model: str | None = None,
    /,
    *,
    battery: Annotated[str | None, Parameter(show_default=False)] = None,
    layer: Words = (),
    time: Literal["frames", "time_first", "channel_first", "phases"] | None = None,
    frame_rate: float | None = None,
    options: ModelOptions = ModelOptions(),
) -> None:
    """List the experiments: what each asks, what it measures, whose it is, and what it would cost.

    Parameters
    ----------
    model : str, optional
        As in 'insilico run': what each experiment takes on it is estimated.
    battery : str, optional
        One battery only, by its name here, or file.py:NAME for one of your own.
    layer : tuple of str
        Layers of the model.
    time : {"frames", "time_first", "channel_first", "phases"}, optional
        How the model takes movies, as in 'insilico run'.
    frame_rate : float, optional
        Frames per second of movies.
    options : ModelOptions
        What can be said of any model.
    """
    from insilico.cli.terminal import wrapped
    from insilico.experiments.batteries import BATTERIES, find_battery

    names = [battery] if battery is not None else list(BATTERIES)
    for name in names:
        placed = find_battery(name)
        takes, told = "", dict[str, str]()
        if model is not None:
            takes, told = _told(model, placed, layer, options, time, frame_rate)
        print(placed.battery.name)
        print(f"{wrapped(takes, '  ')}\n" if takes else "")
        for each in placed.battery.protocols:
            print(wrapped(each.question or "(no question given)", f"  {each.name}: "))
            print(wrapped(", ".join(placed.battery.rehearsed[each.name].properties), "    "))
            print(wrapped(each.citation, "    "))
            if each.after:
                print(wrapped(f"after {', '.join(each.after)}", "    "))
            if each.name in told:
                print(wrapped(told[each.name], "    "))
            elif model is not None:
                print("    shares its recording with one above")
            print()


def _told(
    model: str,
    placed: "Placed",
    layer: tuple[str, ...],
    options: ModelOptions,
    time: str | None,
    frame_rate: float | None,
) -> tuple[str, dict[str, str]]:
    """Say how a model takes time, and what each protocol takes on it, or why it is left out.

    Protocols that share a recording come once.
    """
    from insilico.errors import UserError
    from insilico.experiments.scope import lacking
    from insilico.runs.costs import estimates
    from insilico.runs.placed_probe import placed_probe
    from insilico.runs.sampling import sampled

    battery, place = placed
    probe, card = placed_probe(
        options.load(model),
        layer,
        place=place,
        background=battery.background,
        device=options.device,
        seed=options.seed,
        time=time,
        frame_rate=frame_rate,
    )
    movies = probe.forward.movies
    form = None if movies is None else movies.form
    takes = _takes(card.name, form, card.display.frame_rate)
    try:
        needed = {each.needs for each in battery.protocols}
        suiting, left_out = battery.suiting(card.display, lacking(card, probe, needed))
    except UserError as error:
        return takes, dict.fromkeys((each.name for each in battery.protocols), str(error))
    units = sampled(probe.units, battery.most_units, seed=options.seed)
    costs = estimates(probe, suiting, place, units=units)
    # "NAME is left out: ...", in the words of a run.
    reasons = {sentence.partition(" ")[0]: sentence for sentence in left_out}
    return takes, {name: str(cost) for name, cost in costs.items()} | reasons


def _takes(name: str, form: str | None, frame_rate: float | None) -> str:
    """Say whether a model takes movies, and how."""
    if form is None:
        return f"{name} takes pictures; if it takes movies, --time says how"
    how = {
        "frames": "one frame after the other, and remembers",
        "time_first": "whole, as (batch, time, channel, height, width)",
        "channel_first": "whole, as (batch, channel, time, height, width)",
        "phases": "each frame by itself, as a picture",
    }
    return f"{name} takes movies ({form}): {how[form]}; {frame_rate:g} frames per second"
