"""Run a battery on a model: the only file that knows the whole flow."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Any
from zlib import crc32

import numpy as np
import pandas as pd
import torch
import xarray as xr
from torch import nn

from insilico import reference
from insilico.comparison.joint import joint_structure
from insilico.comparison.statistics.shuffling import shuffled
from insilico.comparison.table import score_all
from insilico.errors import UserError
from insilico.experiments.batteries import find_battery
from insilico.experiments.battery import Battery
from insilico.experiments.protocol import Placement
from insilico.experiments.quick import QUICK
from insilico.experiments.quick import quick as thinned
from insilico.experiments.repeated import repeated
from insilico.experiments.scope import lacking
from insilico.experiments.variability import with_spikes
from insilico.models.card import ModelCard
from insilico.recording.layers import Sites
from insilico.recording.probe import Probe
from insilico.reference import ReferenceDistribution
from insilico.reference.common_names import named_here
from insilico.runs.cautions import displaced_fields, few_units, silent_units, too_fine
from insilico.runs.identity import identity
from insilico.runs.placed_probe import placed_probe
from insilico.runs.provenance import provenance
from insilico.runs.repeats import check_trials, intervals_over_repeats
from insilico.runs.results import Results, open_results
from insilico.runs.session import Session, record_battery
from insilico.runs.software import package_versions
from insilico.runs.store import RunStore, opened
from insilico.tuning.rates import RateMap
from stimuli import Display

__all__ = ["run"]


def run(
    model: nn.Module | Callable[..., Any] | str,
    layers: Sequence[str] | str | None = None,
    *,
    battery: str | Battery = "standard",
    protocols: Sequence[str] | str | None = None,
    place: Placement | None = None,
    sites: Sites | None = None,
    candidates: str = "near",
    references: Sequence[ReferenceDistribution] = (),
    display: Display | None = None,
    degrees: float | None = None,
    pixels: int | None = None,
    mean: Sequence[float] | float | None = None,
    std: Sequence[float] | float | None = None,
    channels: int | None = None,
    device: str | torch.device | None = None,
    batch_size: int | None = None,
    crop: str = "auto",
    precision: str = "float32",
    layout: str | Mapping[str, str] | None = None,
    time: str | None = None,
    frame_rate: float | None = None,
    phases: str = "keep",
    rates: bool = True,
    spikes: str | None = None,
    trials: int | None = None,
    most_units: int | str | None = None,
    quick: bool = False,
    seed: int = 0,
    progress: bool = False,
    out: Path | str | None = None,
    mend: bool = False,
) -> Results:
    """Record a model's units, measure their tuning, and set it beside macaque V1.

    Parameters
    ----------
    model : nn.Module, callable or str
        A module, a function from images to an array, or what `insilico.load_model` takes. Images
        arrive as float32 (batch, channel, height, width) in [0, 1].
    layers : sequence of str, optional
        Layers to record; those that the model's card names by default. ``"all"`` is every one with
        several sites.
    battery : str or Battery
        Which experiments: one by name (``insilico protocols MODEL`` lists them with what each
        costs), or a battery of your own.
    protocols : sequence of str, optional
        Some of its protocols only, with those that they depend on.
    place : Placement, optional
        Where the battery is shown and which units are kept; a battery has a place of its own, and
        one of yours is shown where each unit looks.
    sites : "centre", "all", "lattice", float or sequence of (row, column), optional
        Which sites of each feature map: see `insilico.Probe`. The place decides by default.
    candidates : {"near", "all"}
        Of a battery that selects units by their receptive field: whether it is mapped at the sites
        that look nearby, or at every site of a layer, as the published benchmark does.
    references : sequence of ReferenceDistribution
        Distributions of your own (see `insilico.reference`), compared with as well; one that is
        named like one of the battery's takes its place.
    display : Display, optional
        The screen; otherwise made from ``degrees`` and ``pixels``.
    degrees : float, optional
        Side of the visual field that the model's input stands for: an assumption, 8 by default.
    pixels : int, optional
        Side of the model's input, 224 by default.
    mean, std : sequence of float, optional
        Normalisation for models that do not normalise for themselves; none by default.
    channels : int, optional
        How many image channels the model takes; told from its first convolution by default.
    device, batch_size, crop, precision, layout
        See `insilico.Probe`.
    time : {"frames", "time_first", "channel_first", "phases"}, optional
        How the model takes movies, where it does: see `insilico.Probe`.
    frame_rate : float, optional
        Frames per second that a model of movies stands for, in Hz: an assumption, 60 by default.
    phases : {"keep", "harmonics"}
        Whether the response to every phase of a grating is kept, or only F0 and F1 are, which take
        a fraction of the memory. Rates that would be cut off at 0 need every phase.
    rates : bool
        Whether activations are mapped to firing rates by the published affine map; without it,
        magnitudes are not compared.
    spikes : {"poisson"}, optional
        How spikes are drawn at the rates of the model, where the battery asks how they vary, and
        for ``trials``; not at all by default.
    trials : int, optional
        An even number of repeats, for intervals of every property: of spikes that are drawn, or of
        a model with noise of its own, to which everything is shown so often. See
        `Results.repeats`.
    most_units : int or "all", optional
        Of how many units of each layer, drawn at random with the seed; the battery decides by
        default, and those that show each unit its own optimum record 64.
    quick : bool
        Show few stimuli of every experiment to few units, to see whether a run works; it says of
        itself that its numbers are not to be believed.
    seed : int
        Of everything random: untrained weights, noise of the model, resampling.
    progress : bool
        Show what the run will take, and a progress bar.
    out : path, optional
        Folder in which recordings are kept while they are made, and the tables in the end. A run
        that was stopped goes on there where it stopped; one that is complete is opened.
    mend : bool
        Whether recordings in it that are damaged are made anew.

    Returns
    -------
    Results

    Raises
    ------
    UserError
        For a layer, model, battery, display or number that does not fit; says what would. For a
        folder that holds another run: says what differs.

    Examples
    --------
    >>> import insilico
    >>> results = insilico.run("textbook", sites="centre")  # doctest: +SKIP
    >>> results.units["circular_variance"].median()  # doctest: +SKIP
    """
    started = perf_counter()
    found = find_battery(battery)
    placement = _placed(place or found.place, sites, candidates, found.battery.name)
    plan = found.battery
    if spikes is not None:
        if not rates:
            raise UserError("spikes are drawn at firing rates; leave out rates=False (--no-rates).")
        plan = with_spikes(plan, spikes, seed=seed, asked=trials is not None)
    if protocols is not None:
        # Units are selected on the first protocol.
        first = [plan.protocols[0].name] if placement.select is not None else []
        plan = plan.only([*first, *_listed(protocols)], rates=rates)
    plan = thinned(plan) if quick else plan
    own_references = _own(references)
    most = _most(most_units, plan)
    probe, card = placed_probe(
        model,
        layers,
        place=placement,
        background=plan.background,
        remap=sites is None,
        display=display,
        degrees=degrees,
        pixels=pixels,
        mean=mean,
        std=std,
        channels=channels,
        device=device,
        batch_size=batch_size,
        crop=crop,
        precision=precision,
        layout=layout,
        time=time,
        frame_rate=frame_rate,
        seed=seed,
    )
    plan, left_out = plan.suiting(
        card.display, lacking(card, probe, {each.needs for each in plan.protocols})
    )
    harmonics = _harmonics(phases)
    if trials is not None:
        check_trials(
            trials, spikes, model=card.name, deterministic=probe.deterministic, harmonics=harmonics
        )
        plan = plan if spikes is not None else repeated(plan, trials, card.display)
    measured = partial(
        _measured,
        probe,
        card,
        plan,
        placement,
        own_references,
        cautions=[*([QUICK] if quick else []), *left_out],
        harmonics=harmonics,
        rates=rates,
        trials=trials,
        spikes=spikes is not None,
        most=most,
        seed=seed,
        progress=progress,
        started=started,
    )
    if out is None:
        return measured(None)
    said = {
        "phases": phases,
        "rates": rates,
        "spikes": spikes,
        "trials": trials,
        "most units": most,
        "crop": crop,
        "batch size": batch_size,
        "layout": layout,
        "versions": ", ".join(f"{name} {each}" for name, each in package_versions().items()),
    }
    who = identity(card, probe, plan, placement, own_references, **said)
    with opened(Path(out), who, mend=mend) as store:
        if store is None:
            return open_results(out)
        results = measured(store)
        store.finish(results)
    return results


def _measured(
    probe: Probe,
    card: ModelCard,
    plan: Battery,
    place: Placement,
    own_references: Sequence[ReferenceDistribution],
    store: RunStore | None,
    *,
    cautions: Sequence[str],
    harmonics: bool,
    rates: bool,
    trials: int | None,
    spikes: bool,
    most: int | None,
    seed: int,
    progress: bool,
    started: float,
) -> Results:
    """Record and measure, and compare."""
    session = record_battery(
        probe,
        plan,
        place,
        harmonics=harmonics,
        rates=rates,
        most_units=most,
        progress=progress,
        store=store,
    )
    notes = [*cautions, *([card.caution] if card.caution else []), *probe.notes]
    units, rate_map = session.units, session.rate_map
    notes.extend(session.notes)
    notes.extend(too_fine(session.recordings, card.display))
    if any(protocol.prefer is not None for protocol in plan.protocols):
        notes.extend(displaced_fields(units))
    notes.extend(silent_units(units))
    repeats = pd.DataFrame()
    if trials is not None:
        repeats, told = intervals_over_repeats(
            session, plan.protocols, n_trials=trials, seed=seed, spikes=spikes
        )
        notes.extend(told)
    compared = _references(plan, own_references, units, rate_map, notes)
    comparison = score_all(units, compared, seed=seed, shuffled=_shuffled(session, seed))
    notes.extend(few_units(comparison.properties))
    pairs = [pair for protocol in plan.protocols for pair in protocol.joint]
    return Results(
        battery=plan.name,
        units=units,
        comparison=comparison.properties,
        categories=comparison.categories,
        joint=joint_structure(units, pairs, seed=seed),
        curves={name: each.curve for name, each in session.measured.items()},
        recordings=session.recordings,
        provenance=provenance(card, probe, plan, session, started)
        | {"own_references": {own.name: own.obtained for own in own_references}},
        warnings=tuple(notes),
        repeats=repeats,
    )


def _listed(names: Sequence[str] | str | None) -> list[str]:
    return [names] if isinstance(names, str) else list(names or ())


def _placed(place: Placement, sites: Sites | None, candidates: str, name: str) -> Placement:
    """Where to record, with what the caller said of sites and candidates."""
    if candidates not in ("near", "all"):
        raise UserError(f"candidates must be 'near' or 'all'; got {candidates!r}.")
    if candidates == "near":
        return place if sites is None else replace(place, sites=sites)
    if place.select is None or sites is not None:
        why = "sites are given" if sites is not None else f"the {name} battery selects none"
        raise UserError(f"candidates='all' is for batteries that select units, but {why}.")
    return replace(place, sites="all")


def _most(most_units: int | str | None, plan: Battery) -> int | None:
    """Of how many units; None for all."""
    if most_units is None:
        return plan.most_units
    if most_units == "all":
        return None
    if isinstance(most_units, bool) or not isinstance(most_units, int) or most_units < 1:
        raise UserError(
            f"most_units must be a number of units from 1 on, or 'all'; got {most_units!r}."
        )
    return most_units


def _harmonics(phases: str) -> bool:
    if phases not in ("keep", "harmonics"):
        raise UserError(f"phases must be 'keep' or 'harmonics'; got {phases!r}.")
    return phases == "harmonics"


def _own(references: Sequence[ReferenceDistribution]) -> list[ReferenceDistribution]:
    single = isinstance(references, ReferenceDistribution)
    own: list[Any] = [references] if single else list(references)
    for each in own:
        if not isinstance(each, ReferenceDistribution):
            raise UserError(
                f"references must be ReferenceDistribution objects; got {each!r}. Make them with "
                "insilico.reference.from_values, from_csv or list(from_assembly(PATH).values())."
            )
    return own


def _references(
    plan: Battery,
    own: Sequence[ReferenceDistribution],
    units: xr.Dataset,
    rate_map: RateMap | None,
    notes: list[str],
) -> list[ReferenceDistribution]:
    """Gather what the units are compared with: the battery's distributions, the user's own."""
    absent = [each.name for each in own if each.property not in units]
    if absent:
        notes.append(
            f"the {plan.name} battery does not measure the properties of {', '.join(absent)}: not "
            "compared"
        )
    for each in own:
        known = named_here(each.property) if each.name in absent else None
        if known is not None:
            notes.append(known.sentence(each.property))
    chosen = {name: reference.load(name) for name in plan.references}
    chosen |= {each.name: each for each in own if each.name not in absent}
    # Without firing rates there is nothing to compare their magnitudes with.
    return [each for each in chosen.values() if rate_map is not None or each.units != "spikes/s"]


def _shuffled(session: Session, seed: int) -> dict[str, xr.DataArray]:
    """Measure the selectivity of the same units with their responses in random order."""
    rng = np.random.default_rng([seed, crc32(b"shuffle")])
    return {
        str(function(each.curve.isel(unit=slice(1))).name): shuffled(each.curve, function, rng=rng)
        for each in session.measured.values()
        for function in each.protocol.shuffled
    }
