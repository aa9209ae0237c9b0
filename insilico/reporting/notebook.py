"""A run as a cell of a notebook: its overview, and its figure."""

import base64
from html import escape
from io import BytesIO

from insilico.figures.of_results import Plots
from insilico.runs.results import Results
from insilico.runs.summary import headline, short_table

__all__ = ["cell"]

DPI = 110


def cell(results: Results) -> str:
    """Show a run in a notebook.

    Parameters
    ----------
    results : Results
        A run.

    Returns
    -------
    str
        HTML that loads nothing: what was recorded, warnings, the short table (folded), and how
        alike the units are to macaque V1, as a figure.
    """
    facts = "".join(
        f"<tr><th style='text-align:left'>{escape(name)}</th>"
        f"<td style='text-align:left'>{escape(text)}</td></tr>"
        for name, text in headline(results).items()
    )
    warnings = "".join(f"<li>{escape(warning)}</li>" for warning in results.warnings)
    parts = [f"<table>{facts}</table>"]
    if warnings:
        parts.append(f"<ul>{warnings}</ul>")
    if not results.comparison.empty:
        table = short_table(results).to_html(
            na_rep="-", float_format=lambda value: f"{value:.3g}", escape=True
        )
        parts.append(_picture(results))
        parts.append(f"<details><summary>all comparisons</summary>{table}</details>")
    return f"<div>{''.join(parts)}</div>"


def _picture(results: Results) -> str:
    drawn = BytesIO()
    Plots(results).summary().savefig(drawn, format="png", dpi=DPI)
    data = base64.b64encode(drawn.getvalue()).decode("ascii")
    alt = "Similarity of every compared property to macaque V1"
    return f'<img alt="{alt}" style="max-width:100%" src="data:image/png;base64,{data}">'
