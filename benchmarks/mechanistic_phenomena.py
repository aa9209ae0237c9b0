"""Which phenomena the fitted mechanistic V1 shows, and without each of its mechanisms.

    python benchmarks/mechanistic_phenomena.py docs/mechanistic [--units 20] [--draws 4]
        [--workers 1] [--only MECHANISM ...]

Units are recorded at one site of a screen of 12 deg, each at its own measured optimum, with every
second phase, and measured as in the phenomena battery; fields are mapped for their size alone, for
where units look is known. Writes ``phenomena.csv``, one row per population and phenomenon, as each
population is done: ``fitted``, of all draws; ``fitted, one draw``; and that draw without each
mechanism behind the subcortical stage, the ranks of the units being the same.
"""

import argparse
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from pathlib import Path

import pandas as pd
import torch
import xarray as xr

from insilico.comparison.phenomena import scorecard
from insilico.models.mechanistic.hyper_parameters import ABLATIONS, SUBCORTICAL, hyper_parameters
from insilico.search.phenomena import phenomena_units

# Of populations that no search had.
SEED = 2_000_000

KEPT = ("number", "phenomenon", "n_units", "n_undefined", "share", "share_low", "share_high",
        "effect", "shown")  # fmt: skip

BEHIND = [name for name in ABLATIONS if not set(ABLATIONS[name]) & set(SUBCORTICAL)]


def drawn(draw: int, names: list[str], n: int) -> dict[str, xr.Dataset]:
    """Draw a population, and measure it whole ("") and without mechanisms.

    One after the other, since pictures that units are shown again are recorded once.
    """
    torch.set_num_threads(1)
    found = {}
    for name in names:
        said = hyper_parameters(ABLATIONS.get(name, {}))
        units = phenomena_units(said, n=n, seed=SEED + draw)
        # Units of different draws are different cells.
        found[name] = units.assign_coords(channel=units["channel"] + draw * n)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--units", type=int, default=20)
    parser.add_argument("--draws", type=int, default=4)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--only", nargs="*", choices=BEHIND, default=BEHIND)
    arguments = parser.parse_args()
    found: dict[tuple[str, int], xr.Dataset] = {}
    with ProcessPoolExecutor(arguments.workers, mp_context=get_context("spawn")) as pool:
        futures = {
            pool.submit(drawn, draw, ["", *(() if draw else arguments.only)], arguments.units): draw
            for draw in range(arguments.draws)
        }
        for future in as_completed(futures):
            draw = futures[future]
            found |= {(name, draw): units for name, units in future.result().items()}
            write(found, arguments.folder / "phenomena.csv")
            print("draw", draw, flush=True)


def write(found: dict[tuple[str, int], xr.Dataset], path: Path) -> None:
    """Write the scorecards of what is done so far."""
    whole = [found[task] for task in sorted(found) if not task[0]]
    cards = {}
    if whole:
        cards["fitted"] = scorecard(xr.concat(whole, "unit"))
    if ("", 0) in found:
        cards["fitted, one draw"] = scorecard(found["", 0])
    for name in BEHIND:
        if (name, 0) in found:
            cards[f"without {name}"] = scorecard(found[name, 0])
    rows = [card[list(KEPT)].assign(population=name) for name, card in cards.items()]
    pd.concat(rows).round(4).to_csv(path, index=False)


if __name__ == "__main__":
    main()
