"""Published distributions of tuning properties in macaque V1, and distributions of your own.

A distribution is a histogram with its citation, DOI, number of cells, the definition that was used
and how the counts were obtained. docs/references.md lists them all.
"""

from insilico.reference.catalogue import (
    CATEGORIES,
    MARQUES2020,
    joint_names,
    load,
    load_joint,
    names,
    not_measured,
    table,
    table_names,
)
from insilico.reference.distribution import JointDistribution, ReferenceDistribution
from insilico.reference.lab_tables import from_table, write_template
from insilico.reference.own import from_assembly, from_csv, from_values

__all__ = [
    "CATEGORIES",
    "MARQUES2020",
    "JointDistribution",
    "ReferenceDistribution",
    "from_assembly",
    "from_csv",
    "from_table",
    "from_values",
    "joint_names",
    "load",
    "load_joint",
    "names",
    "not_measured",
    "table",
    "table_names",
    "write_template",
]
