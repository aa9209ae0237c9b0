"""The published distributions that come with the package: index.toml and its csv files."""

import csv
import difflib
import tomllib
from collections.abc import Iterable
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import numpy as np

from insilico.errors import UserError
from insilico.reference.bins import parse
from insilico.reference.distribution import JointDistribution, ReferenceDistribution

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "BENCHMARK",
    "CATEGORIES",
    "MARQUES2020",
    "joint_names",
    "load",
    "load_joint",
    "names",
    "not_measured",
    "table",
    "table_names",
]

# What the names of all properties of the published benchmark begin with.
BENCHMARK = "marques2020."

# The 22 properties of the published benchmark, in its order by data set; each category has the same
# weight in its mean.
MARQUES2020 = (
    "marques2020.ringach2002.circular_variance",
    "marques2020.ringach2002.bandwidth",
    "marques2020.ringach2002.orthogonal_preferred_ratio",
    "marques2020.ringach2002.orientation_selective",
    "marques2020.ringach2002.circular_variance_bandwidth_ratio",
    "marques2020.ringach2002.orthogonal_preferred_ratio_circular_variance_difference",
    "marques2020.ringach2002.modulation_ratio",
    "marques2020.ringach2002.max_dc",
    "marques2020.devalois1982a.preferred_orientation",
    "marques2020.devalois1982b.peak_spatial_frequency",
    "marques2020.schiller1976.spatial_frequency_selective",
    "marques2020.schiller1976.spatial_frequency_bandwidth",
    "marques2020.cavanaugh2002a.surround_suppression_index",
    "marques2020.cavanaugh2002a.grating_summation_field",
    "marques2020.cavanaugh2002a.surround_diameter",
    "marques2020.freemanZiemba2013.texture_modulation_index",
    "marques2020.freemanZiemba2013.absolute_texture_modulation_index",
    "marques2020.freemanZiemba2013.texture_selectivity",
    "marques2020.freemanZiemba2013.texture_sparseness",
    "marques2020.freemanZiemba2013.variance_ratio",
    "marques2020.freemanZiemba2013.max_texture",
    "marques2020.freemanZiemba2013.max_noise",
)

CATEGORIES = (
    "orientation",
    "spatial_frequency",
    "response_selectivity",
    "receptive_field_size",
    "surround_modulation",
    "texture_modulation",
    "response_magnitude",
)


def names(prefix: str = "") -> tuple[str, ...]:
    """List the published distributions.

    Parameters
    ----------
    prefix : str
        Only names that begin so: ``"ringach2002."``, ``"marques2020."``.

    Returns
    -------
    tuple of str
    """
    return tuple(name for name in _index()["distributions"] if name.startswith(prefix))


def not_measured() -> tuple[str, ...]:
    """Name the properties that have a reference, and that no battery measures yet.

    Returns
    -------
    tuple of str
    """
    return tuple(_index()["not_measured"])


def load(name: str) -> ReferenceDistribution:
    """Load one published distribution.

    Parameters
    ----------
    name : str
        As `names` lists it.

    Returns
    -------
    ReferenceDistribution

    Examples
    --------
    >>> reference = load("cavanaugh2002a.suppression_index")
    >>> reference.n, round(reference.median, 2), reference.doi
    (190, 0.33, '10.1152/jn.00692.2001')
    """
    entry = _entry("distributions", name)
    edges, counts = parse(_rows(entry.pop("file"), name), where=f"reference {name!r}")
    return ReferenceDistribution(name=name, edges=edges, counts=counts, **entry)


def joint_names() -> tuple[str, ...]:
    """List the published joint distributions of two properties.

    Returns
    -------
    tuple of str
    """
    return tuple(_index()["joints"])


def load_joint(name: str) -> JointDistribution:
    """Load one published joint distribution.

    Parameters
    ----------
    name : str
        As `joint_names` lists it.

    Returns
    -------
    JointDistribution

    Examples
    --------
    >>> joint = load_joint("ringach2002b.receptive_field_nx_and_ny")
    >>> joint.counts.shape, float(joint.counts.sum())
    ((5, 5), 79.0)
    """
    entry = _entry("joints", name)
    rows = _rows(entry.pop("file"), name)
    columns = len({row["y_low"] for row in rows})
    where = f"joint reference {name!r}"
    edges_x, _ = parse(rows[::columns], where=where, low="x_low", high="x_high")
    edges_y, _ = parse(rows[:columns], where=where, low="y_low", high="y_high")
    counts = np.array([float(row["count"]) for row in rows]).reshape(-1, columns)
    return JointDistribution(name=name, edges_x=edges_x, edges_y=edges_y, counts=counts, **entry)


def table_names() -> tuple[str, ...]:
    """List the further tables of published numbers.

    Returns
    -------
    tuple of str
    """
    return tuple(_index()["tables"])


def table(name: str) -> "pd.DataFrame":
    """Load a further table of published numbers, such as ``summary_statistics``.

    Parameters
    ----------
    name : str
        As `table_names` lists it.

    Returns
    -------
    DataFrame
        Its ``attrs["description"]`` says what it holds.
    """
    import pandas as pd

    entry = _entry("tables", name)
    with files("insilico.reference").joinpath(entry["file"]).open(encoding="utf-8") as lines:
        content = pd.read_csv(lines)
    content.attrs["description"] = entry["description"]
    return content


@cache
def _index() -> dict[str, Any]:
    return tomllib.loads(files("insilico.reference").joinpath("index.toml").read_text("utf-8"))


@cache
def _file(name: str) -> dict[str, list[dict[str, str]]]:
    """Rows of a csv file, by the distribution they belong to."""
    rows: dict[str, list[dict[str, str]]] = {}
    with files("insilico.reference").joinpath(name).open(encoding="utf-8") as lines:
        for row in csv.DictReader(lines):
            rows.setdefault(row.pop("distribution"), []).append(row)
    return rows


def _rows(file: str, name: str) -> list[dict[str, str]]:
    return _file(file).get(name, [])


def _entry(kind: str, name: str) -> dict[str, Any]:
    """Look ``name`` up in the index, with what its source says for all of its tables."""
    entries = _index()[kind]
    if name not in entries:
        raise UserError(_unknown(kind, name, entries))
    entry = dict(entries[name])
    source = _index()["sources"].get(entry.pop("source", ""), {})
    return {**source, **entry}


def _unknown(kind: str, name: str, known: Iterable[str]) -> str:
    """Say what is nearest to a name that is not there."""
    known = list(known)
    near = difflib.get_close_matches(name, known, n=4, cutoff=0.5)
    near = near or [other for other in known if name.lower() in other.lower()][:4]
    hint = f"the nearest names are {', '.join(near)}" if near else f"there are {', '.join(known)}"
    return f"no published {kind.rstrip('s')} is called {name!r}; {hint}."
