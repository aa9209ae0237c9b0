"""Make the table of scorecards in docs/context.md: one column for each csv file in docs/scorecards.

    python docs/scorecards.py                        the table anew
    python docs/scorecards.py NAME RESULTS [TITLE]   a column more

A column is what `insilico.scorecard` says of the units of a run of the phenomena battery.
"""

import argparse
from pathlib import Path

import pandas as pd

import insilico

FOLDER = Path(__file__).parent / "scorecards"
TABLE = FOLDER / "table.inc"

# Known cells first, with what a filter shows; others follow in the order of their names.
FIRST = ("normalization", "control", "voneblock", "mobilenet_v2", "constrained")

KEPT = (
    "model", "number", "phenomenon", "n_units", "n_undefined", "share", "share_low", "share_high",
    "effect", "shown",
)  # fmt: skip


def add(name: str, card: pd.DataFrame, title: str) -> None:
    """Keep the scorecard of a model."""
    kept = card.assign(model=title)[list(KEPT)]
    kept.round(4).to_csv(FOLDER / f"{name}.csv", index=False)


def columns() -> dict[str, pd.DataFrame]:
    """Scorecards by the name of their file, in the order of the table."""
    known = {file.stem: pd.read_csv(file) for file in sorted(FOLDER.glob("*.csv"))}
    return {name: known[name] for name in (*FIRST, *sorted({*known} - {*FIRST})) if name in known}


def table() -> str:
    """Write the table: share of units and median effect, bold where the model shows it."""
    cards = columns()
    heads = [f"{card['model'].iloc[0]} ({card['n_units'].iloc[0]})" for card in cards.values()]
    phenomena = zip(*(card.to_dict("records") for card in cards.values()), strict=True)
    lines = [
        ["phenomenon", *heads],
        ["---"] * (1 + len(heads)),
        *(
            [f"{rows[0]['number']} {rows[0]['phenomenon']}", *map(_cell, rows)]
            for rows in phenomena
        ),
    ]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _cell(row: dict) -> str:
    if row["shown"] == "not measured":
        return "-"
    # Rounding leaves no sign to 0.
    told = [f"{value + 0:.2f}".replace("-0.00", "0.00") for value in (row["share"], row["effect"])]
    text = told[0] if pd.isna(row["effect"]) else ", ".join(told)
    return f"**{text}**" if row["shown"] == "yes" else text


def main() -> None:
    """Add a column if one is named, and make the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("name", nargs="?", help="of the file of a new column")
    parser.add_argument("results", nargs="?", type=Path, help="folder of its run")
    parser.add_argument("title", nargs="?", help="what the column is called; its name by default")
    asked = parser.parse_args()
    FOLDER.mkdir(exist_ok=True)
    if asked.name is not None:
        if asked.results is None:
            parser.error("say which run the column is of: NAME RESULTS")
        card = insilico.scorecard(insilico.open_results(asked.results).units)
        add(asked.name, card, asked.title or asked.name)
    TABLE.write_text(table(), encoding="utf-8")


if __name__ == "__main__":
    main()
