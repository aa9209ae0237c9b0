"""``insilico protocols``."""

from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from insilico.cli.options import ModelOptions, Words

if TYPE_CHECKING:
    from insilico.experiments.batteries import Placed
    from insilico.recording.estimate import Estimate

__all__ = ["protocols"]


def protocols(
    model: str | None = None,
    /,
    *,
    battery: Annotated[str | None, Parameter(show_default=False)] = None,
    layer: Words = (),
    options: ModelOptions = ModelOptions(),
) -> None:
    """List the experiments: what each asks, what it measures, whose it is, and what it would cost.

    Parameters
    ----------
    model : str, optional
        As in 'insilico run': what each experiment takes on it is estimated.
    battery : str, optional
        One battery only: standard, contrast, context, structure, phenomena, full, marques2020
        or file.py:NAME.
    layer : tuple of str
        Layers of the model.
    options : ModelOptions
        What can be said of any model.
    """
    from insilico.cli.terminal import wrapped
    from insilico.experiments.batteries import BATTERIES, find_battery

    names = [battery] if battery is not None else list(BATTERIES)
    for name in names:
        placed = find_battery(name)
        costs = _costs(model, placed, layer, options) if model is not None else {}
        print(f"{placed.battery.name}\n")
        for each in placed.battery.protocols:
            print(wrapped(each.question or "(no question given)", f"  {each.name}: "))
            print(wrapped(", ".join(placed.battery.rehearsed[each.name].properties), "    "))
            print(wrapped(each.citation, "    "))
            if each.after:
                print(wrapped(f"after {', '.join(each.after)}", "    "))
            if each.name in costs:
                print(wrapped(str(costs[each.name]), "    "))
            elif model is not None:
                print("    shares its recording with one above")
            print()


def _costs(
    model: str, placed: "Placed", layer: tuple[str, ...], options: ModelOptions
) -> dict[str, "Estimate"]:
    """Estimate what each protocol takes on a model; those that share a recording come once."""
    from insilico.runs.costs import estimates
    from insilico.runs.placed_probe import placed_probe
    from insilico.runs.sampling import sampled

    battery, place = placed
    probe, _ = placed_probe(
        options.load(model),
        layer,
        place=place,
        background=battery.background,
        device=options.device,
        seed=options.seed,
    )
    units = sampled(probe.units, battery.most_units, seed=options.seed)
    return estimates(probe, battery, place, units=units)
