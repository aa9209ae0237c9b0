"""Run a battery on a model: the only file that knows the whole flow."""

import json
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
import xarray as xr
from torch import nn
from tqdm import tqdm

from insilico import reference
from insilico.compare import compare
from insilico.errors import UserError
from insilico.models.callable import as_module
from insilico.models.card import ModelCard, input_channels, per_channel
from insilico.models.loading import load_model
from insilico.probe import Probe, Sites, weights_hash
from insilico.protocol import Battery, Protocol
from insilico.protocols import BATTERIES
from insilico.rates import RateMap, fit_rates, to_rates
from insilico.reference import ReferenceDistribution
from insilico.results import Results
from stimuli import Display, Position, StimulusSet

__all__ = ["run"]

PACKAGES = ("insilico-ephys", "torch", "torchvision", "numpy", "scipy", "pandas", "xarray")

Recordings = dict[str, xr.DataArray]
Progress = Callable[[int], None]


def run(
    model: nn.Module | Callable[..., Any] | str,
    layers: Sequence[str] | str | None = None,
    *,
    battery: str | Battery = "standard",
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
    rates: bool = True,
    seed: int = 0,
    progress: bool = False,
) -> Results:
    """Record a model's units, measure their tuning, and set it beside macaque V1.

    Parameters
    ----------
    model : nn.Module, callable or str
        A module, a function from images to an array, or what `insilico.load_model` takes. Images
        arrive as float32 (batch, channel, height, width) in [0, 1].
    layers : sequence of str, optional
        Layers to record; those that the model's card names by default.
    battery : str or Battery
        Which experiments: ``"standard"`` or ``"marques2020"``.
    sites : "centre", "all", float or sequence of (row, column), optional
        Which sites of each feature map: see `insilico.Probe`. The battery decides by default.
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
    device, batch_size, crop
        See `insilico.Probe`.
    rates : bool
        Whether activations are mapped to firing rates by the published affine map; without it,
        magnitudes are not compared.
    seed : int
        Of everything random: untrained weights, noise of the model, resampling.
    progress : bool
        Show a progress bar.

    Returns
    -------
    Results

    Raises
    ------
    UserError
        For a layer, model, battery, display or number that does not fit; says what would.

    Examples
    --------
    >>> import insilico
    >>> results = insilico.run("textbook", sites="centre")  # doctest: +SKIP
    >>> results.units["circular_variance"].median()  # doctest: +SKIP
    """
    started = time.perf_counter()
    plan = _battery(battery)
    own_references = _own(references)
    module, card = _model(
        model,
        display=display,
        degrees=degrees,
        pixels=pixels,
        mean=mean,
        std=std,
        channels=channels,
        seed=seed,
        background=plan.background,
    )
    own = getattr(module, "card", None) is not None
    chosen = [layers] if isinstance(layers, str) else list(layers or card.layers)
    if not chosen:
        raise UserError(
            "which layer is V1? Name at least one: layers=[...] in Python, --layer NAME on the "
            "command line. `insilico layers MODEL` lists them."
        )
    probe = Probe(
        module,
        chosen,
        display=card.display,
        sites=_sites(plan, sites, candidates),
        around=plan.position or Position(),
        channels=card.channels,
        mean=None if own else card.mean,
        std=None if own else card.std,
        device=device,
        batch_size=batch_size,
        crop=crop,
        seed=seed,
    )
    notes = [*([card.caution] if card.caution else []), *probe.notes]
    with _bar(progress) as bar:
        recordings, counts = _record(probe, plan, bar, notes)
    n_units = next(iter(recordings.values())).sizes["unit"]
    rate_map = _rates(recordings[plan.rates_from], notes) if rates and n_units else None
    curves, units = _measure(plan, recordings, rate_map)
    _count_silent(units, notes)
    compared = _references(plan, own_references, units, rate_map, notes)
    return Results(
        battery=plan.name,
        units=units,
        comparison=compare(units, compared, seed=seed),
        curves=curves,
        recordings=recordings,
        provenance=_provenance(card, probe, plan, counts, rate_map, recordings, started)
        | {"own_references": {own.name: own.obtained for own in own_references}},
        warnings=tuple(notes),
    )


def _battery(battery: str | Battery) -> Battery:
    if isinstance(battery, Battery):
        return battery
    if battery not in BATTERIES:
        raise UserError(f"battery must be one of {', '.join(BATTERIES)}; got {battery!r}.")
    return BATTERIES[battery]


def _sites(plan: Battery, sites: Sites | None, candidates: str) -> Sites:
    """Which sites are recorded, or are candidates where the battery selects."""
    if candidates not in ("near", "all"):
        raise UserError(f"candidates must be 'near' or 'all'; got {candidates!r}.")
    if candidates == "near":
        return sites if sites is not None else plan.sites_within or "centre"
    if plan.sites_within is None or sites is not None:
        why = "sites are given" if sites is not None else f"the {plan.name} battery selects none"
        raise UserError(f"candidates='all' is for batteries that select units, but {why}.")
    return "all"


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
    chosen = {name: reference.load(name) for name in plan.references}
    chosen |= {each.name: each for each in own if each.name not in absent}
    # Without firing rates there is nothing to compare their magnitudes with.
    return [each for each in chosen.values() if rate_map is not None or each.units != "spikes/s"]


def _model(
    model: nn.Module | Callable[..., Any] | str,
    *,
    display: Display | None,
    degrees: float | None,
    pixels: int | None,
    mean: Sequence[float] | float | None,
    std: Sequence[float] | float | None,
    channels: int | None,
    seed: int,
    background: float,
) -> tuple[nn.Module, ModelCard]:
    """Make the module, and a card that holds what the caller said of it."""
    if display is not None and (degrees is not None or pixels is not None):
        raise UserError("give either display, or degrees and pixels; not both.")
    if isinstance(model, str):
        model = load_model(
            model,
            mean=mean,
            std=std,
            degrees=degrees,
            pixels=pixels,
            channels=channels,
            seed=seed,
        )
        mean = std = None
    module = model if isinstance(model, nn.Module) else as_module(model)
    card = getattr(module, "card", None)
    if card is None:
        channels = channels or input_channels(module) or 3
        card = ModelCard(
            name=getattr(model, "__name__", type(model).__name__),
            display=Display.square(),
            layers=("output",) if module is not model else (),
            mean=per_channel("mean", 0.0 if mean is None else mean, channels),
            std=per_channel("std", 1.0 if std is None else std, channels),
            channels=channels,
            trained=None if next(module.parameters(), None) is not None else True,
        )
    elif mean is not None or std is not None:
        raise UserError(
            f"{card.name} normalises for itself ({card.normalisation}); leave mean and std out, or "
            "give them to load_model."
        )
    screen = display or Display.square(
        pixels or card.display.height, degrees or card.display.degrees[0]
    )
    if card.drawn_in_degrees and screen.px_per_deg != card.display.px_per_deg:
        raise UserError(
            f"{card.name} was made for {card.display.px_per_deg:g} px/deg and would be shown "
            f"{screen.px_per_deg:g}: its receptive fields are set in degrees. Give degrees and "
            "pixels to load_model instead."
        )
    screen = Display(screen.height, screen.width, screen.px_per_deg, background, screen.transfer)
    return module, ModelCard(**{**card.__dict__, "display": screen})


@contextmanager
def _bar(show: bool) -> Iterator[Any]:
    with tqdm(disable=not show, unit="stimulus", dynamic_ncols=True, smoothing=0.05) as bar:
        yield bar


def _record(
    probe: Probe, plan: Battery, bar: Any, notes: list[str]
) -> tuple[Recordings, dict[str, Any]]:
    """Record every protocol; protocols that share stimuli share a recording."""
    units = probe.units
    by_stimuli: dict[Any, xr.DataArray] = {}
    recordings: Recordings = {}
    counts: dict[str, Any] = {"candidates": len(units)}
    for number, protocol in enumerate(plan.protocols):
        if protocol.stimuli not in by_stimuli:
            groups = _groups(probe.display, units, plan, protocol, recordings)
            bar.set_description(protocol.name)
            bar.reset(total=sum(len(stimuli) for stimuli, _ in groups))
            by_stimuli[protocol.stimuli] = _join(
                [
                    probe.record(stimuli, members, progress=bar.update)
                    for stimuli, members in groups
                ],
                np.concatenate([members.index for _, members in groups]),
            )
        recordings[protocol.name] = by_stimuli[protocol.stimuli]
        if number == 0 and plan.select is not None:
            curve = protocol.curve(to_rates(recordings[protocol.name], None))
            kept = plan.select(curve).to_numpy().astype(bool)
            counts["selected"] = int(kept.sum())
            if not kept.any():
                raise UserError(
                    f"none of the {len(units)} candidate units has its receptive field where the "
                    "stimuli are. Record an earlier layer, or another number of degrees."
                )
            if kept.sum() < 20:
                notes.append(
                    f"only {int(kept.sum())} of {len(units)} candidate units have their receptive "
                    "field where the stimuli are: scores of so few mean little"
                )
            units = units[kept]
            recordings[protocol.name] = recordings[protocol.name].isel(unit=kept)
    return recordings, counts


def _groups(
    display: Display,
    units: pd.DataFrame,
    plan: Battery,
    protocol: Protocol,
    recordings: Recordings,
) -> list[tuple[StimulusSet, pd.DataFrame]]:
    """Units that are shown the same stimuli: they look at one place, and prefer the same."""
    keys = units[["x", "y"]]
    if plan.position is not None:
        keys = keys.assign(x=plan.position.x, y=plan.position.y)
    if protocol.prefer is not None and protocol.after is not None:
        preference = protocol.prefer(recordings[protocol.after])
        keys = keys.join(preference.set_axis(units.index))
    groups = []
    for key, members in units.groupby([keys[name] for name in keys], sort=False):
        x, y, *preferred = (float(value) for value in np.array(key))
        named = dict(zip(keys.columns[2:], preferred, strict=True))
        groups.append((protocol.stimuli(display, Position(x, y), **named), members))
    return groups


def _join(parts: list[xr.DataArray], order: npt.NDArray[np.intp]) -> xr.DataArray:
    """Put recordings of groups of units together, the units in their original order."""
    if len(parts) == 1:
        return parts[0]
    joined = xr.concat(parts, "unit", coords="different", compat="equals", combine_attrs="override")
    crops = [json.loads(part.attrs["crop"]) for part in parts]
    return joined.isel(unit=order.argsort()).assign_attrs(
        crop=json.dumps({layer: status for crop in crops for layer, status in crop.items()}),
        n_stimuli=sum(part.attrs["n_stimuli"] for part in parts),
        n_pictures=sum(part.attrs["n_pictures"] for part in parts),
    )


def _rates(recording: xr.DataArray, notes: list[str]) -> RateMap | None:
    try:
        rate_map = fit_rates(recording)
    except UserError as error:
        notes.append(f"activations were not mapped to firing rates: {error}")
        return None
    notes.extend(
        f"{layer}: no unit responds more to a grating than to blank, so nothing is measured there"
        for layer in rate_map.silent_layers
    )
    return rate_map


def _measure(
    plan: Battery, recordings: Recordings, rate_map: RateMap | None
) -> tuple[dict[str, xr.DataArray], xr.Dataset]:
    """Curves of every protocol, and one table of the properties measured on them."""
    scaled: dict[tuple[int, str], xr.DataArray] = {}
    curves: dict[str, xr.DataArray] = {}
    measured: dict[str, xr.DataArray] = {}
    responsive: list[xr.DataArray] = []
    for protocol in plan.protocols:
        recording = recordings[protocol.name]
        key = (id(recording), protocol.scale)
        if key not in scaled:
            scaled[key] = to_rates(recording, rate_map if protocol.scale == "rates" else None)
        curve = protocol.curve(scaled[key])
        curves[protocol.name] = curve
        responsive.append(protocol.responsive(curve))
        for measure in protocol.properties:
            value = measure(curve)
            measured[str(value.name)] = _bare(value).assign_attrs(
                value.attrs, protocol=protocol.name, definition=_definition(measure)
            )
    first = next(iter(recordings.values()))
    names = [protocol.name for protocol in plan.protocols]
    flags = xr.DataArray(
        np.stack([flag.to_numpy() for flag in responsive], axis=1),
        dims=("unit", "protocol"),
        coords={"protocol": np.array(names)},
    )
    places = {
        name: coordinate.variable
        for name, coordinate in first.coords.items()
        if coordinate.dims == ("unit",)
    }
    return curves, xr.Dataset({**measured, "responsive": flags}, coords=places)


def _bare(values: xr.DataArray) -> xr.DataArray:
    return xr.DataArray(values.to_numpy(), dims="unit")


def _definition(measure: Callable[..., Any]) -> str:
    return (measure.__doc__ or "").strip().splitlines()[0]


def _count_silent(units: xr.Dataset, notes: list[str]) -> None:
    for name, flags in units["responsive"].groupby("protocol"):
        silent = int((~flags).sum())
        if silent:
            notes.append(
                f"{silent} of {units.sizes['unit']} units do not respond in {name}; they are "
                "left out of its comparisons"
            )


def _provenance(
    card: ModelCard,
    probe: Probe,
    plan: Battery,
    counts: dict[str, Any],
    rate_map: RateMap | None,
    recordings: Recordings,
    started: float,
) -> dict[str, Any]:
    shown = {id(recording): recording for recording in recordings.values()}.values()
    screen = card.display
    return {
        "model": card.name,
        "weights": card.weights,
        "trained": card.trained,
        "weights_hash": weights_hash(probe.model),
        "normalisation": card.normalisation,
        "citation": card.citation,
        "layers": list(probe.layers),
        "display": {
            "height_px": screen.height,
            "width_px": screen.width,
            "px_per_deg": screen.px_per_deg,
            "degrees": max(screen.degrees),
            "background": screen.background,
            "transfer": screen.transfer,
        },
        "battery": plan.name,
        "protocols": {protocol.name: protocol.citation for protocol in plan.protocols},
        "candidates": counts["candidates"],
        "selected": counts.get("selected"),
        "rates": None if rate_map is None else rate_map.summary(),
        "crop": {name: part.attrs["crop"] for name, part in recordings.items()},
        "n_stimuli": int(sum(part.attrs["n_stimuli"] for part in shown)),
        "n_pictures": int(sum(part.attrs["n_pictures"] for part in shown)),
        "seed": probe.seed,
        "device": str(probe.device),
        "versions": {name: _version(name) for name in PACKAGES},
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "seconds": round(time.perf_counter() - started, 1),
    }


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed as a package"
