"""What stands side by side: a layer of a run, or of several training seeds, and its name."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import xarray as xr

from insilico.errors import UserError
from insilico.experiments.quick import QUICK
from insilico.runs.results import Results

__all__ = [
    "UNTRAINED",
    "Column",
    "columns_of",
    "made_otherwise",
    "names_of",
    "seeds_together",
    "told_apart",
]

# Two runs that have all of these in common are two training seeds of one model.
SAME_MODEL = ("model", "layer", "trained", "degrees", "pixels")

UNTRAINED = " (untrained)"

# Of displays: what may differ, its name, and what comes of that.
SCREENS = (
    (
        ("height_px", "width_px"),
        "pixels",
        "the gratings end at different frequencies, which preferred ones and bandwidths depend on",
    ),
    (("background", "transfer"), "background or transfer", "equal contrasts are other pictures"),
    (("frame_rate",), "frame rate", "equal temporal frequencies are other movies"),
)


class Column(NamedTuple):
    """One layer of one run."""

    title: str
    results: Results
    units: xr.Dataset
    record: dict[str, Any]


def columns_of(runs: Mapping[str, Results]) -> list[Column]:
    """Take runs apart into their layers.

    Parameters
    ----------
    runs : mapping of str to Results
        By name.

    Returns
    -------
    list of Column

    Raises
    ------
    UserError
        If no run recorded a unit.
    """
    parts = []
    for title, results in runs.items():
        layers = results.units["layer"].to_numpy().astype(str)
        for layer in pd.unique(layers):
            units = results.units.isel(unit=np.flatnonzero(layers == layer))
            screen = results.provenance.get("display", {})
            record = {
                "model": str(results.provenance.get("model", title)),
                "layer": str(layer),
                "weights": str(results.provenance.get("weights", "")),
                "weights_hash": str(results.provenance.get("weights_hash", "")),
                "trained": results.provenance.get("trained"),
                "degrees": float(screen.get("degrees", np.nan)),
                "pixels": screen.get("width_px"),
                "n_runs": 1,
            }
            parts.append(Column(title, results, units, record))
    if not parts:
        raise UserError("none of these runs recorded a unit. Run them with other layers or sites.")
    return parts


def made_otherwise(runs: Mapping[str, Results]) -> list[str]:
    """Say in what runs differ that moves their numbers, whatever the models are.

    Parameters
    ----------
    runs : mapping of str to Results
        By name.

    Returns
    -------
    list of str
        Empty where they were made alike.
    """
    told = []
    quick = [title for title, results in runs.items() if QUICK in results.warnings]
    if quick:
        told.append(f"{', '.join(quick)}: {QUICK}")
    made = {title: results.provenance for title, results in runs.items()}
    scaled = {title: each["rates"] is not None for title, each in made.items() if "rates" in each}
    if len(set(scaled.values())) > 1:
        bare = [title for title, rates in scaled.items() if not rates]
        told.append(
            f"{', '.join(bare)}: activations, where the others have firing rates; which units "
            "respond, circular variance and the modulation ratio depend on that"
        )
    screens = {title: each["display"] for title, each in made.items() if each.get("display")}
    for names, what, why in SCREENS:
        found = {str([screen.get(name) for name in names]) for screen in screens.values()}
        if len(found) > 1:
            told.append(f"the displays differ in {what}: {why}")
    normalised: dict[tuple[str, str], set[str]] = {}
    for each in made.values():
        if not each.get("weights_hash"):
            continue
        key = (str(each.get("model")), str(each.get("weights_hash")))
        normalised.setdefault(key, set()).add(str(each.get("normalisation")))
    told += [
        f"the same weights of {model} were shown pictures of different normalisation: "
        f"{' and '.join(sorted(found))}"
        for (model, _), found in normalised.items()
        if len(found) > 1
    ]
    return told


def seeds_together(columns: Sequence[Column]) -> list[list[Column]]:
    """Group the layers of training seeds of one model.

    Parameters
    ----------
    columns : sequence of Column
        Layers of runs.

    Returns
    -------
    list of list of Column

    Raises
    ------
    UserError
        If two of a group have the same weights.
    """
    groups: dict[tuple[Any, ...], list[Column]] = {}
    for part in columns:
        groups.setdefault(tuple(str(part.record[key]) for key in SAME_MODEL), []).append(part)
    for group in groups.values():
        seen: dict[str, str] = {}
        for part in group:
            twin = seen.setdefault(part.record["weights_hash"], part.title)
            if twin != part.title:
                raise UserError(
                    f"{twin} and {part.title} have the same weights, so they are no two training "
                    "seeds. Give one of them, or leave seeds apart."
                )
    return list(groups.values())


def names_of(groups: Sequence[Sequence[Column]], given: bool) -> list[str]:
    """Call each group by its model and layer, and by whatever else it takes to tell them apart.

    Parameters
    ----------
    groups : sequence of sequence of Column
        From `seeds_together`, or each column alone.
    given : bool
        Whether the titles of the runs are names that somebody gave.

    Returns
    -------
    list of str
        One name per group.
    """
    first = [group[0] for group in groups]
    names = [
        f"{part.record['model']} {part.record['layer']}"
        + (UNTRAINED if part.record["trained"] is False else "")
        for part in first
    ]
    titles = [part.title for part in first]
    return told_apart(
        names,
        [f"{part.record['degrees']:g} deg" for part in first],
        [f"{part.record['pixels']} px" for part in first],
        titles if given else [part.record["weights"] for part in first],
        [f"weights {part.record['weights_hash'][:8]}" for part in first],
        titles,
    )


def told_apart(names: list[str], *further: list[str]) -> list[str]:
    """Lengthen names that are equal by the first words that tell them apart.

    Parameters
    ----------
    names : list of str
        The names.
    *further : list of str
        What else each is known by: the first list first, and all of the length of ``names``.

    Returns
    -------
    list of str

    Examples
    --------
    >>> told_apart(["a", "a", "b"], ["8 deg", "8 deg", "4 deg"], ["x", "y", "y"])
    ['a, x', 'a, y', 'b']
    """
    for words in further:
        shared = (
            pd.Series(words, dtype=object)
            .groupby(pd.Series(names, dtype=object))
            .transform("nunique")
            > 1
        )
        names = [
            f"{name}, {word}" if tell else name
            for name, word, tell in zip(names, words, shared, strict=True)
        ]
    return names
