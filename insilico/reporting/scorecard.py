"""The scorecard of thirty phenomena in a page: a row each, with the curve behind it."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from markupsafe import Markup

from insilico.comparison.phenomena import scorecard
from insilico.comparison.phenomena_curves import median_curves
from insilico.figures.scorecard import LOG
from insilico.reporting.page import number, score

__all__ = ["scorecard_rows", "scorecards_beside"]

Row = dict[str, Any]

# Of a thumbnail, in px.
WIDTH, HEIGHT, MARGIN = 72, 26, 2


def scorecard_rows(units: xr.Dataset, curves: Mapping[str, xr.DataArray]) -> list[Row]:
    """Prepare the scorecard of one population.

    Parameters
    ----------
    units : Dataset, dim "unit"
        Its units.
    curves : mapping of str to DataArray
        Their curves, by protocol.

    Returns
    -------
    list of dict
        One per phenomenon: ``number``, ``phenomenon``, ``measure``, ``share``, ``interval``,
        ``effect``, ``shown``, ``why``, ``control``, ``macaque``, ``undefined`` and ``thumbnail``,
        as text.
    """
    drawn = median_curves(curves)
    return [
        {
            **_in_words(row),
            "measure": row["measure"],
            "control": score(row["control"]),
            "macaque": row["macaque"],
            "thumbnail": _thumbnail(drawn[drawn["number"] == row["number"]]),
        }
        for row in scorecard(units).to_dict("records")
    ]


def scorecards_beside(card: pd.DataFrame, names: list[str]) -> list[Row]:
    """Prepare the scorecards of several models, a row per phenomenon.

    Parameters
    ----------
    card : DataFrame
        Of `insilico.scorecard`, with the name of each model in ``model``.
    names : list of str
        The order of the models.

    Returns
    -------
    list of dict
        ``number``, ``phenomenon``, ``measure``, ``control``, ``macaque`` and ``cells``, a dict per
        model.
    """
    rows = []
    for _, group in card.groupby("number"):
        first = group.iloc[0]
        own = {row["model"]: _in_words(row) for row in group.to_dict("records")}
        rows.append(
            {
                **{key: first[key] for key in ("number", "phenomenon", "measure", "macaque")},
                "control": score(first["control"]),
                "cells": [own[name] for name in names],
            }
        )
    return rows


def _in_words(row: Mapping[Any, Any]) -> Row:
    measured = row["shown"] != "not measured"
    return {
        "number": row["number"],
        "phenomenon": row["phenomenon"],
        "shown": row["shown"],
        "why": row["why"],
        "share": score(row["share"]) if measured else "",
        "interval": f"[{score(row['share_low'])}, {score(row['share_high'])}]" if measured else "",
        "effect": number(row["effect"]) if measured else "",
        "undefined": int(row["n_undefined"]) if measured else 0,
        "n": int(row["n_units"]),
    }


def _thumbnail(curve: pd.DataFrame) -> Markup:
    """Draw the lines of a curve, in the colours of the page."""
    if curve.empty:
        return Markup("")
    along = curve["along"].iloc[0]
    kept = curve[curve["x"] > 0] if along in LOG else curve
    across = np.log(kept["x"]) if along in LOG else kept["x"]
    span = max(across.max() - across.min(), 1e-9)
    top = max(kept["response"].max(), 1.0)
    x = MARGIN + (WIDTH - 2 * MARGIN) * (across - across.min()) / span
    y = HEIGHT - MARGIN - (HEIGHT - 2 * MARGIN) * kept["response"] / top
    lines = []
    groups = kept.groupby(["protocol", "line"], dropna=False, sort=False).groups
    for which, at in enumerate(groups.values()):
        points = " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(x.loc[at], y.loc[at], strict=True))
        color = ("--model", "--accent")[which % 2]
        lines.append(
            f'<polyline points="{points}" fill="none" stroke="var({color})" stroke-width="1.5"/>'
        )
    size = f'width="{WIDTH}" height="{HEIGHT}" viewBox="0 0 {WIDTH} {HEIGHT}"'
    # Numbers and names of ours alone.
    return Markup(f'<svg {size} role="img" aria-label="median curve">{"".join(lines)}</svg>')
