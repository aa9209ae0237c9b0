"""Run a battery on a model: the only file that knows the whole flow."""

import re
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from typing import Any
from zlib import crc32

import numpy as np
import torch
import xarray as xr
from torch import nn

from insilico import reference
from insilico.comparison.joint import joint_structure
from insilico.comparison.statistics.floors import SELECTIVITY, shuffled
from insilico.comparison.table import compare_all
from insilico.errors import UserError
from insilico.experiments.batteries import BATTERIES
from insilico.experiments.protocol import Battery
from insilico.models.card import ModelCard, left_to_apply
from insilico.models.preparation import prepared
from insilico.models.weights import weights_hash
from insilico.recording.layers import Sites
from insilico.recording.probe import Probe
from insilico.reference import ReferenceDistribution
from insilico.runs.doubts import few_units, silent_units
from insilico.runs.results import Results
from insilico.runs.session import Session, record_battery
from insilico.tuning.rates import RateMap, fit_rates, to_rates
from stimuli import Display, Position

__all__ = ["run"]

PACKAGES = ("insilico-ephys", "torch", "torchvision", "numpy", "scipy", "pandas", "xarray")


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
    precision: str = "float32",
    layout: str | Mapping[str, str] | None = None,
    phases: str = "keep",
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
    device, batch_size, crop, precision, layout
        See `insilico.Probe`.
    phases : {"keep", "harmonics"}
        Whether the response to every phase of a grating is kept, or only F0 and F1 are, which take
        a fraction of the memory. Rates that would be cut off at 0 need every phase.
    rates : bool
        Whether activations are mapped to firing rates by the published affine map; without it,
        magnitudes are not compared.
    seed : int
        Of everything random: untrained weights, noise of the model, resampling.
    progress : bool
        Show what the run will take, and a progress bar.

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
    module, card = prepared(
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
    mean_left, std_left = left_to_apply(module, card)
    chosen = [layers] if isinstance(layers, str) else list(layers or card.layers)
    if not chosen:
        raise UserError(
            "which layer is V1? Name at least one: layers=[...] in Python, --layer NAME on the "
            "command line. `insilico layers MODEL` lists them."
        )
    given = _sites(plan, sites, candidates)
    probe_at = partial(
        Probe,
        module,
        chosen,
        display=card.display,
        around=plan.position or Position(),
        channels=card.channels,
        mean=mean_left,
        std=std_left,
        device=device,
        batch_size=batch_size,
        crop=crop,
        precision=precision,
        layout=layout,
        seed=seed,
    )
    probe = probe_at(sites=given)
    if probe.misplaced and plan.select is not None and sites is None and given != "all":
        # Where they look is found out by mapping them, so all of them are mapped.
        probe = probe_at(sites="all")
    session = record_battery(
        probe, plan, harmonics=_harmonics(phases), rates=rates, progress=progress
    )
    notes = [*([card.caution] if card.caution else []), *probe.notes]
    recordings = session.recordings
    notes.extend(session.notes)
    notes.extend(_too_fine(recordings, card.display))
    n_units = next(iter(recordings.values())).sizes["unit"]
    rate_map = _rates(recordings[plan.rates_from], notes) if rates and n_units else None
    curves, units = _measure(plan, recordings, rate_map)
    notes.extend(silent_units(units))
    compared = _references(plan, own_references, units, rate_map, notes)
    comparison = compare_all(units, compared, seed=seed, shuffled=_shuffled(plan, curves, seed))
    notes.extend(few_units(comparison.properties))
    return Results(
        battery=plan.name,
        units=units,
        comparison=comparison.properties,
        categories=comparison.categories,
        joint=joint_structure(units, seed=seed),
        curves=curves,
        recordings=recordings,
        provenance=_provenance(card, probe, plan, session, rate_map, started)
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
    chosen = {name: reference.load(name) for name in plan.references}
    chosen |= {each.name: each for each in own if each.name not in absent}
    # Without firing rates there is nothing to compare their magnitudes with.
    return [each for each in chosen.values() if rate_map is not None or each.units != "spikes/s"]


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
    plan: Battery, recordings: Mapping[str, xr.DataArray], rate_map: RateMap | None
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
                value.attrs,
                protocol=protocol.name,
                definition=_definition(measure),
                undefined=_undefined(measure),
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


def _undefined(measure: Callable[..., Any]) -> str:
    """Say when a measure has no value, in the words of its docstring."""
    text = " ".join((measure.__doc__ or "").split("References")[0].split())
    return " ".join(re.findall(r"NaN [^.]*(?:\.\d[^.]*)*\.", text))


def _shuffled(
    plan: Battery, curves: Mapping[str, xr.DataArray], seed: int
) -> dict[str, xr.DataArray]:
    """Measure the selectivity of the same units with their responses in random order."""
    rng = np.random.default_rng([seed, crc32(b"shuffle")])
    return {
        str(measure(curves[protocol.name].isel(unit=slice(1))).name): shuffled(
            curves[protocol.name], measure, rng=rng
        )
        for protocol in plan.protocols
        for measure in protocol.properties
        if measure.__name__ in SELECTIVITY
    }


def _too_fine(recordings: Mapping[str, xr.DataArray], display: Display) -> list[str]:
    """Say so where most of a battery's frequencies are above what the display can show."""
    shown = [
        float(part["spatial_frequency"].max())
        for part in recordings.values()
        if "spatial_frequency" in part.coords
    ]
    highest = max(shown, default=0.0)
    if highest <= 2 * display.nyquist:
        return []
    return [
        f"the display carries at most {display.nyquist:g} cpd ({display.height} px over "
        f"{display.degrees[0]:g} deg), and the gratings go up to {highest:.3g} cpd: what is above "
        "comes out grey, and bounds the preferred frequencies"
    ]


def _provenance(
    card: ModelCard,
    probe: Probe,
    plan: Battery,
    session: Session,
    rate_map: RateMap | None,
    started: float,
) -> dict[str, Any]:
    recordings = session.recordings
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
        "candidates": session.n_candidates,
        "selected": session.n_selected,
        "rates": None if rate_map is None else rate_map.summary(),
        "crop": {name: part.attrs["crop"] for name, part in recordings.items()},
        "n_stimuli": int(sum(part.attrs["n_stimuli"] for part in shown)),
        "n_pictures": int(sum(part.attrs["n_pictures"] for part in shown)),
        "kept": {name: part.attrs["kept"] for name, part in recordings.items()},
        "precision": probe.forward.precision,
        "seed": probe.forward.seed,
        "device": str(probe.forward.device),
        "versions": {name: _version(name) for name in PACKAGES},
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "seconds": round(time.perf_counter() - started, 1),
    }


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed as a package"
