"""The report: one self-contained HTML page that needs no network and no other file."""

import dataclasses
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from insilico import reference
from insilico.comparison.phenomena import holds_scorecard
from insilico.comparison.published import beside_published, categories, standings
from insilico.experiments.quick import QUICK
from insilico.figures.plate import Plate
from insilico.figures.plates import curves_of_layer, example_places, of_layer, plates, shown_layers
from insilico.figures.population import counted
from insilico.figures.style import FORMATS, save_figure
from insilico.folders import made
from insilico.reporting.explorer import explorer, library, measured
from insilico.reporting.page import NO_VALUE, inline, number, render, write_page
from insilico.reporting.scorecard import scorecard_rows
from insilico.reporting.tables import JOINT, tables
from insilico.reporting.terms import TERMS
from insilico.runs import summary
from insilico.runs.cautions import FEW
from insilico.runs.results import Results

__all__ = ["middle", "write_report"]

FIGURES = "figures"
PAGE = "report.html"

# No median of a property that comes round.
CIRCULAR = "preferred_orientation"

Row = dict[str, Any]


def write_report(results: Results, folder: Path | str) -> Path:
    """Write the report of a run, and its figures with their numbers.

    Parameters
    ----------
    results : Results
        A run.
    folder : path
        Where to write ``report.html`` and the folder ``figures``; made if there is none. An earlier
        report is replaced.

    Returns
    -------
    Path
        The page: one file, which can be sent by itself.
    """
    folder = made(folder)
    drawn = plates(_with_own_named(results))
    # Nobody prints a figure of a quick run: it is drawn for the page alone.
    formats = ("svg",) if QUICK in results.warnings else FORMATS
    for plate in drawn:
        save_figure(
            plate.figure, folder / FIGURES, plate.name, numbers=plate.numbers, formats=formats
        )
    return write_page(_render(results, drawn, folder / FIGURES), folder / PAGE)


def _with_own_named(results: Results) -> Results:
    """Tell distributions of the user's own from the published ones whose place they take.

    The scores are those of the user's; beside them the published histogram must not be drawn.
    """
    own = _own(results)
    names = [f"own {name}" if name in own else name for name in results.comparison["reference"]]
    return dataclasses.replace(results, comparison=results.comparison.assign(reference=names))


def _render(results: Results, drawn: Sequence[Plate], folder: Path) -> str:
    comparison = _as_text(results.comparison, "layer", "citation", "doi", "category", "units")
    sources = _sources(comparison)
    explored = explorer(results)
    return render(
        "report.html.jinja",
        libraries=(library(),) if explored else (),
        explorer=explored,
        provenance=results.provenance,
        battery=results.battery,
        quick=QUICK in results.warnings,
        warnings=results.warnings,
        facts=_facts(results),
        layers=[
            _layer(name, rows, of_layer(results.units, name), sources, _own(results))
            for name, rows in _by_layer(comparison)
        ],
        benchmark=_benchmark(comparison),
        joint=_joint(results),
        joint_columns=JOINT,
        responsive=_responsive(results),
        scorecards=_scorecards(results),
        figures=[inline(plate, folder) for plate in drawn],
        examples=[_examples(results, layer) for layer in shown_layers(results)],
        shown=shown_layers(results),
        properties=_properties(results, comparison, sources),
        terms=TERMS,
        sources=sources,
        record=[(name, value) for name, value in _flat(_of_the_run(results)) if value],
        found=results.provenance.get("record"),
        methods=results.methods().split("\n\n"),
    )


def _as_text(table: pd.DataFrame, *names: str) -> pd.DataFrame:
    """Make columns text; what is empty in a csv file comes back as NaN."""
    columns = {name: table[name].astype(object).where(table[name].notna(), "") for name in names}
    return table.assign(**{name: column.astype(str) for name, column in columns.items()})


def _facts(results: Results) -> list[tuple[str, str, str]]:
    """Say what was recorded, in a few lines, and which part of the page says more."""
    record, units = results.provenance, results.units
    screen = record.get("display", {})
    layers = pd.unique(units["layer"].to_numpy().astype(str))
    facts = [
        ("Model", record.get("model"), "cite"),
        ("Weights", record.get("weights"), "record"),
        ("Layers" if len(layers) > 1 else "Layer", ", ".join(layers), "record"),
        ("Units recorded", _recorded(units.sizes["unit"], record), "term-recorded"),
        ("Stimuli shown", record.get("n_stimuli"), "properties"),
        ("Battery", results.battery, "properties"),
        ("Seed", record.get("seed"), "record"),
        ("Date", record.get("date"), "record"),
    ]
    if "degrees" in screen:
        field = f"{number(screen['degrees'])} deg wide ({number(screen['px_per_deg'])} px/deg)"
        facts.insert(5, ("Visual field", f"{field}, an assumption", "degrees"))
    return [(name, str(value), where) for name, value, where in facts if value not in (None, "")]


def _recorded(n_units: int, record: Mapping[str, Any]) -> str:
    if record.get("selected") is None:
        return f"{n_units}"
    return f"{n_units}, selected of {record['candidates']} candidates by their receptive field"


def _by_layer(comparison: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
    for name, rows in comparison.groupby("layer", sort=False):
        yield str(name), rows


def _undefined(rows: Sequence[Mapping[Any, Any]]) -> list[tuple[str, list[Mapping[Any, Any]]]]:
    """Say why units have no value, with the properties that it is said of: too long for a cell."""
    reasons: dict[str, list[Mapping[Any, Any]]] = {}
    for row in rows:
        if row.get("n_undefined") and row["why_undefined"]:
            reasons.setdefault(row["why_undefined"], []).append(row)
    return list(reasons.items())


def _layer(
    name: str,
    comparison: pd.DataFrame,
    units: xr.Dataset,
    sources: list[Row],
    own: Mapping[str, str],
) -> Row:
    """Prepare the comparison of one layer, and what it comes to."""
    number = {source["citation"]: source["number"] for source in sources}
    comparison = comparison.assign(source=comparison["citation"].map(number))
    rows = [row | middle(row, units, own) for row in comparison.to_dict("records")]
    scored = comparison[comparison["similarity"].notna()].sort_values("ceiled")
    margin = scored["similarity"] - scored["floor"]
    telling = scored[scored["n_defined"] >= FEW]
    ends = [comparison.index.get_loc(telling.index[end]) for end in (-1, 0) if len(telling)]
    return {
        "name": name,
        "rows": rows,
        "tables": tables(rows),
        "undefined": _undefined(rows),
        "n_scored": len(scored),
        # Two standard deviations over resamples.
        "n_above": int((margin > 2 * scored["similarity_error"]).sum()),
        "n_few": len(scored) - len(telling),
        "few": FEW,
        "extremes": [rows[end] for end in ends],
    }


def middle(row: Mapping[Any, Any], units: xr.Dataset, own: Mapping[str, str]) -> Row:
    """Say where two distributions lie: their medians, or shares where it is yes or no.

    Parameters
    ----------
    row : mapping
        A row of the comparison.
    units : Dataset, dim "unit"
        Of its layer.
    own : mapping
        Distributions that the user gave, by name.

    Returns
    -------
    dict
        ``model`` and ``macaque``, in words.
    """
    found = summary.middle(units, row, own)
    if found.share:
        words = [f"{share:.0%} yes" if np.isfinite(share) else NO_VALUE for share in found[:2]]
    else:
        words = [number(value) for value in found[:2]]
    return {"model": words[0], "macaque": words[1]}


def _own(results: Results) -> Mapping[str, str]:
    """Distributions that the user gave, and the file of each."""
    return results.provenance.get("own_references", {})


def _benchmark(comparison: pd.DataFrame) -> list[Row]:
    """Gather what was published with the benchmark, for each layer that was compared with it."""
    means, ranks = categories(comparison), standings(comparison)
    return [
        {
            "layer": name,
            "rows": rows.to_dict("records"),
            "categories": means[means["layer"] == name].to_dict("records"),
            "standing": ranks.get(name),
        }
        for name, rows in _by_layer(beside_published(comparison))
    ]


def _joint(results: Results) -> Mapping[str, list[dict[Any, Any]]]:
    """Pairs of properties, by layer; none in older results."""
    if results.joint.empty:
        return {}
    named = {
        name: values.attrs.get("long_name", name)
        for name, values in measured(results.units).items()
    }
    return {
        name: [
            {**row, "label_x": named[row["property_x"]], "label_y": named[row["property_y"]]}
            for row in rows.to_dict("records")
        ]
        for name, rows in _by_layer(results.joint)
    }


def _scorecards(results: Results) -> list[Row]:
    """Say which of thirty phenomena the layers show; none where hardly any was measured."""
    layers = [each for each in shown_layers(results) if holds_scorecard(results.units)]
    return [
        {
            "layer": layer,
            "rows": scorecard_rows(of_layer(results.units, layer), curves_of_layer(results, layer)),
        }
        for layer in layers
    ]


def _responsive(results: Results) -> Row:
    """How many units of each layer respond in each protocol."""
    layers = results.units["layer"].to_numpy().astype(str)
    names = pd.unique(layers).tolist()
    flags = results.units["responsive"].transpose("unit", "protocol").to_numpy().astype(bool)
    protocols = results.units["protocol"].to_numpy().astype(str)
    rows = [
        {
            "protocol": protocol.replace("_", " "),
            "citation": results.protocol(protocol).get("citation", ""),
            "counts": [int(flags[layers == name, place].sum()) for name in names],
        }
        for place, protocol in enumerate(protocols)
    ]
    return {"layers": names, "sizes": [int((layers == name).sum()) for name in names], "rows": rows}


def _examples(results: Results, layer: str) -> Row:
    """Every property of the example units of a layer."""
    _, places = example_places(results, layer)
    some = results.units.isel(unit=places)
    rows = [
        {
            "property": name,
            "label": values.attrs.get("long_name", name),
            "units": values.attrs.get("units", "1"),
            "values": values.to_numpy().tolist(),
        }
        for name, values in measured(some).items()
    ]
    return {"layer": layer, "channels": some["channel"].to_numpy().tolist(), "rows": rows}


def _properties(results: Results, comparison: pd.DataFrame, sources: list[Row]) -> list[Row]:
    """Every property: its definition, its distribution in the layers, and what it is set beside."""
    layers = results.units["layer"].to_numpy().astype(str)
    found = []
    for name, values in measured(results.units).items():
        counting = counted(results.units, name).to_numpy().astype(float)
        rows = comparison[comparison["property"] == name].drop_duplicates("reference")
        protocol = str(values.attrs.get("protocol", ""))
        found.append(
            {
                "name": name,
                "label": values.attrs.get("long_name", name),
                "units": values.attrs.get("units", "1"),
                "definition": values.attrs.get("definition", ""),
                "protocol": protocol.replace("_", " "),
                "citation": results.protocol(protocol).get("citation", ""),
                "layers": [
                    {"layer": layer, **_spread(counting[layers == layer])}
                    for layer in shown_layers(results)
                ],
                "circular": name.rpartition(".")[2] == CIRCULAR,
                "references": [
                    _reference(row, sources, _own(results)) for row in rows.to_dict("records")
                ],
            }
        )
    return found


def _spread(values: np.ndarray[Any, np.dtype[np.float64]]) -> Row:
    defined = values[np.isfinite(values)]
    quartiles = np.quantile(defined, (0.25, 0.5, 0.75)) if len(defined) else [np.nan] * 3
    return dict(zip(("low", "median", "high"), map(float, quartiles), strict=True)) | {
        "n": len(defined)
    }


def _reference(row: Mapping[Any, Any], sources: list[Row], own: Mapping[str, str]) -> Row:
    """Gather what a reader has to know of a distribution; little where it is the user's own."""
    number = next(source["number"] for source in sources if source["citation"] == row["citation"])
    known: Row = {"name": row["reference"], "n": row["n_reference"], "source": number}
    if row["reference"] in own:
        known["file"] = own[row["reference"]]
    elif row["reference"] in reference.names():
        known["published"] = reference.load(row["reference"])
    return known


def _sources(comparison: pd.DataFrame) -> list[Row]:
    """Give the publications numbers, in the order in which the tables cite them."""
    cited = comparison[["citation", "doi"]].drop_duplicates("citation")
    return [
        {"number": number, "citation": row["citation"], "doi": row["doi"]}
        for number, row in enumerate(cited.to_dict("records"), start=1)
    ]


def _of_the_run(results: Results) -> Row:
    """Provenance without the record of the model, which has a part of the page of its own."""
    return {name: value for name, value in results.provenance.items() if name != "record"}


def _flat(record: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Lay nested provenance out as rows."""
    for name, value in record.items():
        label = f"{prefix}{str(name).replace('_', ' ')}"
        if isinstance(value, Mapping):
            yield from _flat(value, f"{label} \N{MIDDLE DOT} ")
        elif isinstance(value, str) and value.startswith("{"):
            # netCDF holds no mappings: some travel as JSON.
            yield from _flat(json.loads(value), f"{label} \N{MIDDLE DOT} ")
        elif isinstance(value, list | tuple):
            yield label, ", ".join(map(_plain, value)) or "none"
        else:
            yield label, _plain(value)


def _plain(value: object) -> str:
    if value is None:
        return NO_VALUE
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:g}" if isinstance(value, float) else str(value)
