"""``insilico reference``."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from insilico.errors import UserError

__all__ = ["reference"]


def reference(
    name: str | None = None,
    /,
    *,
    template: Path | None = None,
    bins: Annotated[bool, Parameter(negative="")] = False,
) -> None:
    """List the published distributions that models are compared with, or show one of them.

    With --template, begin a csv file for recordings of your own: filled in, it is what 'insilico
    run MODEL --reference FILE' compares with.

    Parameters
    ----------
    name : str, optional
        The distribution to show, or how its name begins; all are listed by default. Names that
        others use (OSI, F1/F0, SSI) are told in ours.
    template : Path, optional
        A new csv file with one column for each property of these distributions, for one row per
        cell; without a name, of those that the standard battery is compared with.
    bins : bool
        Whether the template is for histograms: one row per bin, whose counts are to be filled in.
    """
    import pandas as pd

    from insilico import reference as published
    from insilico.cli.terminal import aligned, distribution_page
    from insilico.reference.common_names import named_here

    if template is not None:
        _begin(template, name, bins=bins)
        return
    if bins:
        raise UserError(
            "--bins says what a template has rows for: give --template FILE.csv with it."
        )
    names = [each for each in published.names() if each.startswith(name or "")]
    alias = named_here(name or "")
    if alias is not None and not names:
        print(alias.sentence(name or ""))
        names = [each for each in published.names() if each.endswith(f".{alias.property}")]
        if not names:
            return
        name = None
    if name is not None and (name in names or not names):
        print(distribution_page(published.load(name)))
        return
    known = [published.load(each) for each in names]
    print(
        aligned(
            pd.DataFrame(
                {
                    "name": [each.name for each in known],
                    "cells": [each.n for each in known],
                    "units": ["" if each.units == "1" else each.units for each in known],
                    "grade": [each.grade for each in known],
                }
            )
        )
    )


def _begin(path: Path, name: str | None, *, bins: bool) -> None:
    """Write a template for the distributions whose names begin so, or of the property named."""
    from insilico import reference as published
    from insilico.experiments.batteries import standard

    asked = list(standard.BATTERY.references)
    if name is not None:
        asked = [
            each for each in published.names() if each.startswith(name) or each.endswith(f".{name}")
        ] or [name]
    distributions = [published.load(each) for each in asked]
    published.write_template(path, distributions, bins=bins)
    row = "the number of cells in each bin" if bins else "one row for each cell"
    print(f"{path}: fill in {row}, and compare with: insilico run MODEL --reference {path}")
