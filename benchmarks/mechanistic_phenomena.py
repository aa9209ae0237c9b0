"""Which phenomena the fitted mechanistic V1 shows, and without each of its mechanisms.

    python benchmarks/mechanistic_phenomena.py docs/mechanistic [--units 60] [--ablated 24]

Units are recorded at one site of a screen of 6 deg, each at its own measured optimum, with every
second phase, and measured as in the phenomena battery; where they look is known, so fields are not
mapped. Writes ``phenomena.csv``, one row per population and phenomenon, as each population is done:
the fitted one; as many units of it as are drawn without each mechanism; and without each mechanism
behind the subcortical stage, the ranks of the units being the same.
"""

import argparse
from pathlib import Path

import pandas as pd

from insilico.models.mechanistic.hyper_parameters import (
    ABLATIONS,
    SUBCORTICAL,
    HyperParameters,
    hyper_parameters,
)
from insilico.search.phenomena import phenomena_card

# Of a population that no search had.
SEED = 2_000_000

KEPT = ("number", "phenomenon", "n_units", "n_undefined", "share", "share_low", "share_high",
        "effect", "shown")  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--units", type=int, default=60)
    parser.add_argument("--ablated", type=int, default=24)
    arguments = parser.parse_args()
    behind = [name for name in ABLATIONS if not set(ABLATIONS[name]) & set(SUBCORTICAL)]
    asked = [
        ("fitted", HyperParameters(), arguments.units),
        ("fitted, as many", HyperParameters(), arguments.ablated),
        *((f"without {name}", hyper_parameters(ABLATIONS[name]), arguments.ablated)
          for name in behind),
    ]  # fmt: skip
    cards: list[pd.DataFrame] = []
    for name, said, n in asked:
        card = phenomena_card(said, n=n, seed=SEED)[list(KEPT)]
        cards.append(card.assign(population=name))
        pd.concat(cards).round(4).to_csv(arguments.folder / "phenomena.csv", index=False)
        print(name, int((card["shown"] == "yes").sum()), flush=True)


if __name__ == "__main__":
    main()
