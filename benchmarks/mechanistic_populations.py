"""The mechanistic V1 as it was fitted, without each of its mechanisms, and with other numbers.

    python benchmarks/mechanistic_populations.py docs/mechanistic [--seeds 10] [--units 500]

Populations are drawn anew, recorded at one site, and measured in the grating experiments of the
marques2020 battery. Writes ``populations.csv``, one row per population and property or category:
means over seeds of the similarity over its ceiling, of all published cells, of the half that was
fitted and of the other one, with 95 % intervals (Student's t over seeds); ``joint.csv``, how
properties go together; ``ablations.png``; and ``factorial.inc``, a table of what the mechanisms
give beside what the components of docs/factorial.md do.

Pairs of the mechanisms without which most is lost are left out together, with three seeds.

- ``random``: each seed draws the hyper-parameters behind the subcortical stage evenly from their
  ranges.
- ``as the VOneBlock``: receptive fields of the distributions that VOneNet draws from, half of the
  units simple and half complex, and nothing that divides.
"""

import argparse
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from itertools import combinations, product
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import xarray as xr
from scipy.stats import t

from insilico.comparison.joint import CELLS, RATIO, SUPPRESSION, VARIANCE, Pair, joint_structure
from insilico.experiments import marques2020
from insilico.models.mechanistic.hyper_parameters import (
    ABLATIONS,
    SUBCORTICAL,
    HyperParameters,
    from_unit,
    to_unit,
)
from insilico.models.mechanistic.population import draw_population
from insilico.reference import load
from insilico.search.halves import half
from insilico.search.objective import POSITION, fitted_battery, measured, scores
from insilico.search.one_site import recorder
from stimuli import Display

SPLIT = 0

# Mechanisms that are left out in pairs, and the seeds of these.
STRONGEST, SEEDS_OF_PAIRS = 4, 3

# Medians and spreads of what `sample_gabor_parameters` draws: the histograms of De Valois et al.
# (1982) up to 8 cpd and of Ringach (2002b), and their copula. No pool, no threshold, no baseline;
# half-waves, and energies to the power of one half.
VONE = {
    "center_sigma": 0.02,
    "surround_balance": 0.0,
    "contrast_gain": 0.0,
    "frequency_median": 2.7,
    "frequency_spread": 0.84,
    "width_median": 0.37,
    "width_spread": 0.44,
    "aspect_median": 1.15,
    "aspect_spread": 0.51,
    "frequency_width_correlation": 0.75,
    "width_aspect_correlation": 0.0,
    "complexity_median": 0.0,
    "complexity_spread": 8.0,
    "width_complexity_correlation": 0.0,
    "exponent_median": 1.0,
    "exponent_spread": 0.0,
    "semisaturation_median": 1.0,
    "semisaturation_spread": 0.0,
    "excitation_median": 0.0,
    "broad_median": 0.0,
    "untuned_median": 0.0,
    "tuned_median": 0.0,
    "surround_median": 0.0,
    "width_surround_correlation": 0.0,
    "threshold_median": 0.0,
    "baseline_median": 0.0,
    "gain_spread": 0.0,
    "cardinal_bias": 0.0,
    "horizontal_bias": 0.0,
    "even_bias": 0.0,
}

NX_NY = "ringach2002b.receptive_field_nx_and_ny"
FIELD = "marques2020.cavanaugh2002a.grating_summation_field"
PAIRS = (
    Pair("ringach2002.circular_variance", "ringach2002.bandwidth", joint=CELLS),
    Pair("ringach2002.circular_variance", "ringach2002.modulation_ratio",
         bins_x=VARIANCE, bins_y=RATIO),
    Pair("cavanaugh2002a.surround_suppression_index", "cavanaugh2002a.grating_summation_field",
         bins_x=SUPPRESSION, bins_y=FIELD),
)  # fmt: skip


def populations(seeds: int) -> Iterator[tuple[str, HyperParameters, list[int]]]:
    """Name, hyper-parameters and seeds; those with the same subcortical stage come together."""
    fitted, every = HyperParameters(), list(range(seeds))
    yield "fitted", fitted, every
    ordered = sorted(ABLATIONS, key=lambda name: bool(set(ABLATIONS[name]) & set(SUBCORTICAL)))
    for seed in every:
        place = np.random.default_rng(seed).uniform(size=len(to_unit(fitted)))
        kept = {name: getattr(fitted, name) for name in SUBCORTICAL}
        yield "random", HyperParameters(**asdict(from_unit(place)) | kept), [seed]
    for name in ordered:
        yield f"without {name}", changed(ABLATIONS[name]), every
    yield "as the VOneBlock", changed(VONE), every


def pairs(rows: pd.DataFrame) -> Iterator[tuple[str, HyperParameters, list[int]]]:
    """Without two mechanisms at once: pairs of those without which most is lost."""
    means = rows.groupby("population")["all"].mean()
    singles = {each: means[f"without {each}"] for each in ABLATIONS}
    for first, second in combinations(sorted(singles, key=singles.get)[:STRONGEST], 2):
        said = changed({**ABLATIONS[first], **ABLATIONS[second]})
        yield f"without {first} and {second}", said, list(range(SEEDS_OF_PAIRS))


def changed(changes: Mapping[str, float]) -> HyperParameters:
    """The fitted hyper-parameters, and some others."""
    return HyperParameters(**asdict(HyperParameters()) | dict(changes))


def measure_all(
    asked: Iterable[tuple[str, HyperParameters, list[int]]], n: int
) -> tuple[pd.DataFrame, dict[str, xr.Dataset]]:
    """Scores of each seed, and the units of seed 0 of each population."""
    battery = fitted_battery()
    references = {
        "all": {name: load(name) for name in battery.references},
        **{
            which: {name: half(load(name), which, seed=SPLIT) for name in battery.references}
            for which in ("fitted", "held out")
        },
    }
    rows, units = [], {}
    for name, said, its_seeds in asked:
        for seed in its_seeds:
            record = recorder(said, n=n, seed=FIRST_SEED + seed, position=POSITION,
                              background=marques2020.BATTERY.background)  # fmt: skip
            found = measured(record, battery)
            units.setdefault(name, found)
            scored = {which: scores(found, its) for which, its in references.items()}
            rows += [
                {
                    "population": name,
                    "seed": seed,
                    "property": each.removeprefix("marques2020."),
                    "category": load(each).category,
                    **{which: scored[which][each] for which in references},
                }
                for each in battery.references
            ]
        print(name, len(rows), flush=True)
    return pd.DataFrame(rows), units


# Seeds that no search had.
FIRST_SEED = 2_000_000


def summary(table: pd.DataFrame) -> pd.DataFrame:
    """Means over seeds of properties, categories, and all properties, with their intervals."""
    which = ["all", "fitted", "held out"]
    by = ["population", "seed"]
    long = pd.concat(
        [
            table.assign(what=table["property"]),
            table.groupby([*by, "category"])[which].mean().reset_index().assign(
                what=lambda rows: rows["category"]),
            table.groupby(by)[which].mean().reset_index().assign(what="mean"),
        ]
    )  # fmt: skip
    rows = []
    for (name, what), part in long.groupby(["population", "what"], sort=False):
        n, mean = len(part), part["all"].mean()
        reach = t.ppf(0.975, n - 1) * part["all"].std() / np.sqrt(n) if n > 1 else np.nan
        rows.append({"population": name, "what": what, "seeds": n, "similarity": mean,
                     "low": mean - reach, "high": mean + reach,
                     "fitted half": part["fitted"].mean(),
                     "other half": part["held out"].mean()})  # fmt: skip
    return pd.DataFrame(rows).round(4)


def joint(units: dict[str, xr.Dataset], n: int) -> pd.DataFrame:
    """How properties go together in the fitted population and in that of the VOneBlock."""
    said = {"fitted": HyperParameters(), "as the VOneBlock": HyperParameters(**VONE)}
    rows = []
    for name, its in said.items():
        drawn = draw_population(n, its, display=Display.square(224, 8.0), seed=FIRST_SEED)
        fields = xr.Dataset(
            {"cycles_across": ("unit", drawn["cycles_across"]),
             "cycles_along": ("unit", drawn["cycles_along"])},
            coords={"layer": ("unit", np.full(n, "output")), "channel": ("unit", np.arange(n))},
        )  # fmt: skip
        tables = [
            joint_structure(units[name], PAIRS),
            joint_structure(fields, [Pair("cycles_across", "cycles_along", joint=NX_NY)]),
        ]
        rows.append(pd.concat(tables).assign(population=name))
    kept = ["population", "property_x", "property_y", "n_units", "correlation", "correlation_low",
            "correlation_high", "correlation_reference", "distance", "p"]  # fmt: skip
    return pd.concat(rows)[kept].round(4)


# Mechanisms of the model beside components of the factorial that are like them; of two components
# the model has nothing.
ALIKE = {
    "CS": ("subcortical surround",),
    "TN": ("tuned pool", "untuned pool", "surround"),
    "LRF": (),
    "CM": (),
}


def beside_the_factorial(table: pd.DataFrame, effects: Path) -> str:
    """Tabulate what each gives: the similarity with it less that without, bold where it is sure."""
    found = pd.read_csv(effects).query("place == 'central' and kind == 'similarity'")
    found = found.set_index(["property", "term"])
    rows = table.set_index(["population", "what"])
    whole = rows.loc["fitted"]

    def of_component(what: str, term: str) -> str:
        each = found.loc[(what, term)]
        return _told(each["effect"], each["p_adjusted"] < 0.05)

    def of_mechanism(what: str, name: str) -> str:
        with_it, without = whole.loc[what], rows.loc[(f"without {name}", what)]
        apart = without["high"] < with_it["low"] or without["low"] > with_it["high"]
        return _told(with_it["similarity"] - without["similarity"], apart)

    heads = [each for term, names in ALIKE.items() for each in (f"factorial: {term}", *names)]
    lines = [["", *heads], ["---", *["--:"] * len(heads)]]
    for what in whole.index:
        cells = [
            cell
            for term, names in ALIKE.items()
            for cell in (of_component(what, term), *(of_mechanism(what, each) for each in names))
        ]
        lines.append([what.split(".")[-1].replace("_", " "), *cells])
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _told(value: float, sure: bool) -> str:
    text = f"{value:+.2f}".replace("-0.00", "0.00").replace("+0.00", "0.00")
    return f"**{text}**" if sure else text


def figure(table: pd.DataFrame, path: Path) -> None:
    """Show what each mechanism is worth, property by property, then by category, then in all."""
    without = [f"without {each}" for each in ABLATIONS]
    rows = table.set_index(["population", "what"])
    whole = rows.loc["fitted"]
    blocks = _blocks(list(whole.index))
    limit = 0.3
    picture, panels = plt.subplots(
        len(blocks), 1, figsize=(9.5, 8.5), sharex=True, layout="constrained",
        height_ratios=[len(block) for block in blocks],
    )  # fmt: skip
    for axes, block in zip(panels, blocks, strict=True):
        change = rows["similarity"].unstack(0).loc[list(block), without]
        change = change.sub(whole.loc[list(block), "similarity"], axis=0)
        image = axes.imshow(change, cmap="RdBu", vmin=-limit, vmax=limit, aspect="auto")
        for (row, what), (column, name) in product(enumerate(block), enumerate(without)):
            value, its = change.loc[what, name], rows.loc[(name, what)]
            apart = its["high"] < whole.loc[what, "low"] or its["low"] > whole.loc[what, "high"]
            axes.text(column, row, _signed(value), ha="center", va="center", fontsize=7,
                      color="white" if abs(value) > 0.2 else "black",
                      fontweight="bold" if apart else "normal")  # fmt: skip
        axes.set_yticks(range(len(block)), block.values(), fontsize=8)
        axes.tick_params(length=0)
    panels[-1].set_xticks(
        range(len(without)), [each.removeprefix("without ") for each in without],
        rotation=40, ha="right", rotation_mode="anchor", fontsize=8,
    )  # fmt: skip
    panels[-1].set_xlabel("Mechanism left out", fontsize=9)
    n = int(whole["seeds"].iloc[0])
    bar = picture.colorbar(image, ax=panels, shrink=0.5, extend="both")
    bar.set_label(f"Change of the similarity, mean of {n} populations", fontsize=9)
    picture.savefig(path, dpi=150)


def _blocks(order: Sequence[str]) -> list[dict[str, str]]:
    """Rows of the figure in their blocks, each with what stands beside it."""
    members = [each for each in order if "." in each]
    properties = {each: load(f"marques2020.{each}") for each in members}
    n_in = Counter(reference.category for reference in properties.values())
    return [
        {each: _split(reference.label) for each, reference in properties.items()},
        # A category of one property is that property.
        {
            each: f"{each.replace('_', ' ').capitalize()} ({n_in[each]})"
            for each in order
            if n_in[each] > 1
        },
        {"mean": f"Mean ({len(properties)})"},
    ]


def _split(label: str) -> str:
    """Give a long label two lines."""
    return label.replace("ratio - ", "ratio\n- ")


def _signed(value: float) -> str:
    text = f"{value:+.2f}"
    return "0" if float(text) == 0 else text.replace("-", "\N{MINUS SIGN}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--units", type=int, default=500)
    parser.add_argument("--draw", action="store_true", help="the figure alone, from the table")
    arguments = parser.parse_args()
    if arguments.draw:
        table = pd.read_csv(arguments.folder / "populations.csv")
        figure(table, arguments.folder / "ablations.png")
        return
    rows, units = measure_all(populations(arguments.seeds), arguments.units)
    of_pairs, _ = measure_all(pairs(rows), arguments.units)
    table = summary(pd.concat([rows, of_pairs]))
    table.to_csv(arguments.folder / "populations.csv", index=False)
    joint(units, arguments.units).to_csv(arguments.folder / "joint.csv", index=False)
    figure(table, arguments.folder / "ablations.png")
    beside = beside_the_factorial(table, arguments.folder.parent / "factorial" / "effects.csv")
    (arguments.folder / "factorial.inc").write_text(beside, encoding="utf-8")


if __name__ == "__main__":
    main()
