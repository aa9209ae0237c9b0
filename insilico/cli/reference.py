"""``insilico reference``."""

__all__ = ["reference"]


def reference(name: str | None = None, /) -> None:
    """List the published distributions that models are compared with, or show one of them.

    Parameters
    ----------
    name : str, optional
        The distribution to show, or how its name begins; all are listed by default. Names that
        others use (OSI, F1/F0, SSI) are told in ours.
    """
    import pandas as pd

    from insilico import reference as published
    from insilico.cli.terminal import aligned, distribution_page
    from insilico.reference.common_names import named_here

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
