"""The paragraph that a methods section needs, from what a run knows of itself."""

import re
from collections.abc import Hashable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import xarray as xr

from insilico.experiments.quick import QUICK
from insilico.runs.summary import short_citation

if TYPE_CHECKING:
    from insilico.runs.results import Results

__all__ = ["paragraph"]

# Places and harmonics are not what a stimulus varies in.
NOT_VARIED = ("unit", "harmonic", "sample", "type", "family")

BENCHMARK = "Marques, Schrimpf & DiCarlo (2021), doi 10.1101/2021.03.01.433495"
AUTHORS = short_citation(BENCHMARK)


def paragraph(results: "Results") -> str:
    """Write what a methods section says of a run.

    Parameters
    ----------
    results : Results
        A run; where its recordings were left out, the stimuli are told by the curves.

    Returns
    -------
    str
        A paragraph on model and display, one on stimuli and units, one on the comparison; then the
        references, one on a line.
    """
    said = [
        f"{QUICK}." if QUICK in results.warnings else "",
        " ".join(_model(results)),
        " ".join(_stimuli(results)),
        " ".join(_compared(results)),
    ]
    sources = dict.fromkeys(_sources(results))
    return "\n\n".join(filter(None, said)) + "\n\nReferences\n" + "\n".join(sources)


def _levels(screen: Mapping[str, Any]) -> str:
    """Background of a display: of each channel, where they differ."""
    return ", ".join(f"{level:g}" for level in np.atleast_1d(screen["background"]))


def _model(results: "Results") -> Iterator[str]:
    record, screen = results.provenance, results.provenance.get("display", {})
    versions = record.get("versions", {})
    layers = pd.Series(results.units["layer"].to_numpy().astype(str)).value_counts(sort=False)
    units = " and ".join(f"{n} units of {layer}" for layer, n in layers.items())
    untrained = {False: " (not trained)", None: " (whether trained is not known)", True: ""}
    yield (
        f"We recorded {units} in {record.get('model')}{untrained[record.get('trained')]}, weights: "
        f"{record.get('weights')}, with insilico {versions.get('insilico-ephys', '')} (torch "
        f"{versions.get('torch', '')}, {record.get('precision', 'float32')}, seed "
        f"{record.get('seed')})."
    )
    if screen:
        yield (
            f"Images of {screen['width_px']} x {screen['height_px']} px were taken to span "
            f"{screen['degrees']:g} deg of the visual field ({screen['px_per_deg']:g} px/deg), on "
            f"a background of {_levels(screen)} of the largest luminance; input: "
            f"{record.get('normalisation')}."
        )
        yield from _frames(screen, record.get("time"))
    if record.get("selected") is not None:
        yield (
            f"These are the {record['selected']} of {record['candidates']} candidate units whose "
            "receptive field lay where the stimuli were shown."
        )


def _frames(screen: Mapping[str, Any], form: str | None) -> Iterator[str]:
    if form is not None:
        how = {
            "frames": "one after the other, its state put back before each movie",
            "phases": "each by itself, for the model is static",
        }
        yield (
            f"Movies had {screen['frame_rate']:g} frames/s, which the model was shown "
            f"{how.get(form, 'all at once')}."
        )


def _stimuli(results: "Results") -> Iterator[str]:
    record, flags = results.provenance, results.units["responsive"]
    n_units = results.units.sizes["unit"]
    yield f"They were shown {record.get('n_stimuli')} stimuli ({results.battery} battery)."
    for name in map(str, flags["protocol"].to_numpy()):
        shown = results.recordings.get(name, results.curves.get(name))
        varied = [] if shown is None else list(_factors(shown))
        responsive = int(flags.sel(protocol=name).sum())
        citation = short_citation(results.protocol(name).get("citation", ""))
        told = f"{name.replace('_', ' ').capitalize()}"
        told += f" (as {citation})" if citation and not citation.startswith("after ") else ""
        told += f" ({citation})" if citation.startswith("after ") else ""
        told += f": {'; '.join(varied)}" if varied else ""
        yield f"{told}; {responsive} of {n_units} units responded."
    rates = record.get("rates")
    if rates:
        fits = "; ".join(
            f"{layer}: {each['slope']:.4g} x activation + {each['offset']:.3g}"
            for layer, each in rates.items()
        )
        yield (
            "Activations were mapped to firing rates (spikes/s) by one affine map for each layer "
            f"({AUTHORS}): {fits}. Units whose best response exceeded that to the blank "
            "by less than 5 spikes/s in a protocol were left out of its comparisons."
        )


def _compared(results: "Results") -> Iterator[str]:
    table = results.comparison
    if table.empty:
        return
    n = table["reference"].nunique()
    own = results.provenance.get("own_references", {})
    yield (
        f"Distributions of {n} properties were compared with those of macaque V1"
        + (f" ({len(own)} of them our own)" if own else "")
        + " by the Kolmogorov-Smirnov distance on the published bins, normalised as in "
        f"{AUTHORS}; each similarity was read beside its ceiling (what another sample of "
        "the same cells would reach) and its floor (what trivial populations reach). Intervals are "
        "95 %, over channels; p-values were adjusted for the number of properties of a layer "
        "(Benjamini & Hochberg)."
    )
    # Tables of before had no such column.
    left = table[table.get("n_undefined", pd.Series(0, table.index)) > 0]
    if len(left):
        yield (
            "Properties that were undefined for some responding units, which were left out there: "
            + ", ".join(
                f"{row.property} ({row.n_undefined} of {row.n_responsive})"
                for row in left.drop_duplicates(["layer", "property"]).itertuples()
            )
            + "."
        )


def _factors(shown: xr.DataArray) -> Iterator[str]:
    """Say what was varied, over which range and in how many steps."""
    for dim in shown.dims:
        if dim in NOT_VARIED or dim not in shown.coords:
            continue
        values = shown[dim].to_numpy()
        if values.dtype.kind not in "fiu" or len(values) < 2:
            continue
        unit = shown[dim].attrs.get("units", "")
        unit = "" if unit in ("", "1") else f" {unit}"
        low, high = np.nanmin(values), np.nanmax(values)
        yield f"{len(values)} {_plural(dim)} from {low:.3g} to {high:.3g}{unit}"


def _plural(dim: Hashable) -> str:
    name = str(dim).replace("_", " ")
    if name.endswith((" x", " y")):
        return f"{name[:-2]}s in {name[-1]}"
    if name.endswith("y"):
        return f"{name[:-1]}ies"
    return name if name.endswith("s") else f"{name}s"


def _sources(results: "Results") -> Iterator[str]:
    """Cite every source once: a publication that a doi names is told apart by it."""
    told: dict[str, str] = {}
    for row in results.comparison.to_dict("records"):
        if row["citation"] and isinstance(row["citation"], str):
            doi = row["doi"] if isinstance(row["doi"], str) else ""
            told[doi or row["citation"]] = f"{row['citation']}" + (f", doi {doi}" if doi else "")
    for citation in [
        *(
            results.protocol(str(name)).get("citation", "")
            for name in results.units["protocol"].values
        ),
        BENCHMARK,
    ]:
        found = re.search(r"10\.\d{4,}/\S+[^\s.,;]", citation)
        if citation:
            told.setdefault(found[0] if found else citation, citation.removeprefix("after "))
    model = str(results.provenance.get("citation") or "")
    return iter(filter(None, [model, *told.values()]))
