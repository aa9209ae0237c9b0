"""The factorial experiment: effects of known size, cells, the resolution control, a small run."""

import itertools
import json
import os
import signal
import threading
import time
from dataclasses import replace
from multiprocessing import active_children
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
import xarray as xr
from scipy import stats

from insilico.checksums import sealed, unsealed
from insilico.errors import UserError
from insilico.training.config import DataConfig, ModelConfig, ScheduleConfig, TrainingConfig
from insilico.training.factorial import experiment as factorial
from insilico.training.factorial import measuring
from insilico.training.factorial.config import (
    COMPONENTS,
    FactorialConfig,
    MeasureConfig,
    cells,
    read_factorial_config,
)
from insilico.training.factorial.effects import estimate_effects, model_terms
from insilico.training.factorial.experiment import Job, run_factorial
from insilico.training.factorial.resolution import DenseSampling, dense_side, densely_sampled_resnet
from insilico.training.factorial.tables import control_table, effect_table, read_runs, write_tables
from insilico.training.pictures.exemplars import histogram_accuracy, load_regions

DOCS = Path(__file__).parents[1] / "docs"


def full_factorial(n_factors: int, replicates: int) -> pd.DataFrame:
    cells = itertools.product([False, True], repeat=n_factors)
    table = pd.DataFrame(list(cells), columns=list("ABCD")[:n_factors])
    return pd.concat([table] * replicates, ignore_index=True)


def test_effects_are_recovered_exactly_without_noise():
    levels = full_factorial(4, 2)
    codes = 2.0 * levels - 1
    rng = np.random.default_rng(0)
    sizes = dict(zip(model_terms("ABCD"), rng.normal(size=15), strict=True))
    response = 3.0 + sum(
        size / 2 * codes[list(term.split(":"))].prod(axis=1) for term, size in sizes.items()
    )
    table = estimate_effects(levels, response.to_frame("y")).set_index("term")
    np.testing.assert_allclose(table["effect"], list(sizes.values()), atol=1e-12)
    np.testing.assert_allclose(table["mean"], 3.0)
    assert (table["df"] == 16).all()
    # A main effect is the difference of two means.
    expected = response[levels["C"]].mean() - response[~levels["C"]].mean()
    assert table.loc["C", "effect"] == pytest.approx(expected)


def test_intervals_are_those_of_the_textbook():
    levels = full_factorial(1, 3)
    response = pd.Series([1.0, 5.0, 2.0, 6.5, 4.0, 7.0])
    off, on = response[~levels["A"]], response[levels["A"]]
    pair = stats.ttest_ind(on, off)
    interval = pair.confidence_interval(0.95)
    (row,) = estimate_effects(levels, response.to_frame("y")).itertuples()
    assert row.effect == pytest.approx(on.mean() - off.mean())
    assert (row.low, row.high) == pytest.approx((interval.low, interval.high))
    assert row.p == pytest.approx(pair.pvalue)


def test_blocks_are_taken_out_of_the_residual():
    levels = full_factorial(1, 4)
    blocks = np.repeat(np.arange(4), 2)
    rng = np.random.default_rng(0)
    response = pd.Series(rng.normal(size=8) + 10 * blocks)
    # With pairs, it is the paired t test.
    pair = stats.ttest_rel(response[levels["A"]], response[~levels["A"]])
    (row,) = estimate_effects(levels, response.to_frame("y"), blocks=blocks.tolist()).itertuples()
    assert row.p == pytest.approx(pair.pvalue)
    assert row.df == 3
    assert row.mean == pytest.approx(response.mean())


def test_intervals_hold_the_truth_as_often_as_they_say():
    levels = full_factorial(4, 2)
    noise = np.random.default_rng(0).normal(size=(32, 400))
    table = estimate_effects(levels, pd.DataFrame(noise + 2.0 * levels[["B"]].to_numpy()))
    truth = np.where(table["term"] == "B", 2.0, 0.0)
    covered = (table["low"] <= truth) & (truth <= table["high"])
    # 6000 intervals, 15 of each response with a common variance.
    assert covered.mean() == pytest.approx(0.95, abs=0.012)


def test_missing_values_leave_the_other_responses_alone():
    levels = full_factorial(2, 3)
    values = pd.DataFrame(np.random.default_rng(0).normal(size=(12, 2)), columns=["y", "z"])
    holes = values.copy()
    holes.loc[5, "z"] = np.nan
    whole, table = estimate_effects(levels, values), estimate_effects(levels, holes)
    pd.testing.assert_frame_equal(
        whole[whole["response"] == "y"].drop(columns="p_adjusted"),
        table[table["response"] == "y"].drop(columns="p_adjusted"),
    )
    fewer = estimate_effects(levels.drop(index=5), values[["z"]].drop(index=5))
    kept = table[table["response"] == "z"].reset_index(drop=True)
    np.testing.assert_allclose(kept["effect"], fewer["effect"])
    np.testing.assert_allclose(kept["high"], fewer["high"])
    assert (kept["df"] == 7).all()


def test_a_cell_without_values_gives_nan_and_one_without_runs_an_error():
    levels = full_factorial(2, 2)
    response = pd.Series(np.arange(8.0), name="y")
    response[levels["A"] & levels["B"]] = np.nan
    assert estimate_effects(levels, response.to_frame())["effect"].isna().all()
    with pytest.raises(UserError, match="has 4 cells, and 1 of them have no run"):
        estimate_effects(levels[:3], response[:3].to_frame())


def test_without_replicates_there_are_effects_but_no_intervals():
    table = estimate_effects(full_factorial(2, 1), pd.DataFrame({"y": [0.0, 1.0, 0.0, 1.0]}))
    np.testing.assert_allclose(table["effect"], [0, 1, 0])
    assert table[["low", "high", "p", "p_adjusted"]].isna().all(axis=None)


def test_replicates_that_agree_exactly_tell_nothing_of_how_they_vary():
    levels = full_factorial(2, 2)
    response = 0.1 + 0.7 * levels["A"]
    table = estimate_effects(levels, response.to_frame("y")).set_index("term")
    assert table.loc["A", "effect"] == pytest.approx(0.7)
    assert table[["low", "high", "p", "p_adjusted"]].isna().all(axis=None)


def test_cells_are_all_combinations():
    assert len(set(cells())) == 16
    assert cells()[0] == "none"
    assert cells()[-1] == "+".join(COMPONENTS)


def test_settings_are_checked():
    with pytest.raises(UserError, match="controls must be among none, CS, LRF.*got 'CM'"):
        FactorialConfig(controls=("CM",))
    with pytest.raises(UserError, match="is about constrained_resnet"):
        FactorialConfig(training=TrainingConfig(model=ModelConfig("torchvision:resnet18")))
    with pytest.raises(UserError, match="workers must be at least 1; got 0"):
        FactorialConfig(workers=0)
    with pytest.raises(UserError, match="measure.places must name at least one place"):
        FactorialConfig(measure=MeasureConfig(places={}))
    with pytest.raises(UserError, match="seeds must be different numbers"):
        FactorialConfig(seeds=(1, 1))
    with pytest.raises(UserError, match=r"measure.places.here must be a list of \[x, y\]"):
        FactorialConfig(measure=MeasureConfig(places={"here": [[1.0]]}))
    for wrong in (3, [3], [["a", 1]]):
        with pytest.raises(UserError, match=r"measure.places.here must be a list of \[x, y\]"):
            FactorialConfig(measure=MeasureConfig(places={"here": wrong}))
    with pytest.raises(UserError, match="measure.degrees must be above 0 deg; got 0"):
        FactorialConfig(measure=MeasureConfig(degrees=0.0))
    with pytest.raises(UserError, match="what comes with the package: factorial"):
        read_factorial_config("factoriel")
    with pytest.raises(UserError, match="there is no setting measure.place; measure takes layer"):
        read_factorial_config("factorial", ["measure.place=1"])


def test_dense_sampling_is_as_dense_as_magnification():
    # On rings of magnified maps, 16 columns share the circle, and rows are 1.1 px apart: 2.88 px
    # from the centre of gaze a sample has an area of 2 pi 2.88 / 16 * 1.1 px^2.
    place = 2.88 * 8 / 32 / 2**0.5
    area = 2 * np.pi * 2.88 / 16 * 1.1
    side = dense_side(64, degrees=8, position=(place, -place))
    assert side == pytest.approx(32 / area**0.5, abs=1)
    sides = [dense_side(64, degrees=8, position=(x, 0.0)) for x in (0.5, 1.0, 2.0, 3.5)]
    assert sides == sorted(sides, reverse=True)


def test_the_control_samples_evenly_and_is_the_same_network_otherwise():
    torch.manual_seed(0)
    model = densely_sampled_resnet(num_classes=5, side=29, depth=18, width=8, local=True)
    maps = []
    model.layer1.register_forward_hook(lambda module, inputs, output: maps.append(output))
    assert model(torch.zeros(2, 3, 64, 64)).shape == (2, 5)
    assert maps[0].shape == (2, 8, 29, 29)
    ramp = torch.arange(32.0).expand(1, 1, 32, 32)
    even = DenseSampling(16)(ramp)[0, 0, 0]
    torch.testing.assert_close(even.diff()[2:-2], torch.full((11,), 2.0))
    with pytest.raises(UserError, match="takes the place of cortical magnification"):
        densely_sampled_resnet(num_classes=5, side=29, magnification=True)


SMALL = FactorialConfig(
    training=TrainingConfig(
        model=ModelConfig(options={"depth": 18, "width": 4}),
        data=DataConfig(kind="exemplars", crops_per_class=1, validation_fraction=0.0, workers=0),
        schedule=ScheduleConfig("cosine"),
        epochs=1,
        batch_size=59,
        select="last",
        device="cpu",
    ),
    workers=1,
)


def test_what_is_done_is_not_done_again(tmp_path, monkeypatch):
    trained: list[Job] = []

    def count(config: FactorialConfig, job: Job, folder: Path) -> dict[str, object]:
        trained.append(job)
        if job.cell == "CS+CM" and len(trained) < 18:
            raise UserError("no luck")
        summary = {
            "cell": job.cell, "seed": job.seed, "dense": job.dense, "accuracy": 0.5,
            "places": {"here": {
                "units": 3, "similarity": {"mean": len(job.cell)}, "median": {"x": job.seed},
                "n": {"x": 3},
            }},
        }  # fmt: skip
        place = folder / "runs" / job.name
        place.mkdir(parents=True)
        (place / "summary.json").write_text(sealed(summary))
        return summary

    monkeypatch.setattr(factorial, "run_job", count)
    config = replace(SMALL, seeds=(0,), controls=())
    with pytest.raises(UserError, match="1 of 16 networks failed: CS.CM-seed0 .UserError: no luck"):
        run_factorial(config, tmp_path)
    with pytest.raises(UserError, match="1 of 1 networks failed"):
        run_factorial(config, tmp_path)
    run_factorial(replace(config, seeds=(0, 1), controls=("none",)), tmp_path)
    assert len(trained) == 16 + 1 + 1 + 16 + 2
    with pytest.raises(UserError, match="holds an experiment with other settings"):
        run_factorial(replace(config, measure=MeasureConfig(degrees=4.0)), tmp_path)


def test_a_layer_that_is_not_there_is_refused_before_anything_is_trained(tmp_path, monkeypatch):
    monkeypatch.setattr(factorial, "run_job", lambda *_: pytest.fail("a network was trained"))
    with pytest.raises(UserError, match="has no layer 'layer11'; did you mean layer1"):
        run_factorial(replace(SMALL, measure=MeasureConfig(layer="layer11")), tmp_path / "new")
    assert not (tmp_path / "new").exists()


def quick_job(config: FactorialConfig, job: Job, folder: Path) -> None:
    """Stand in for a network, in a process of its own."""
    if job.cell == "CS":
        raise UserError("no luck")
    place = folder / "runs" / job.name
    place.mkdir(parents=True)
    about = {"process": os.getpid(), "threads": torch.get_num_threads()}
    (place / "summary.json").write_text(json.dumps(about))


def test_two_workers_do_all_jobs_that_can_be_done(tmp_path, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "2")  # what a worker would take of itself
    monkeypatch.setattr(factorial, "run_job", quick_job)
    config = replace(SMALL, seeds=(0,), controls=(), workers=2)
    with pytest.raises(UserError, match=r"1 of 16 networks failed: CS-seed0 \(UserError: no luck"):
        run_factorial(config, tmp_path)
    done = [json.loads(path.read_text()) for path in (tmp_path / "runs").rglob("summary.json")]
    assert len(done) == 15
    assert {each["threads"] for each in done} == {1}
    assert os.getpid() not in {each["process"] for each in done}


def endless_job(config: FactorialConfig, job: Job, folder: Path) -> None:
    """Begin, and end only long after the test."""
    (folder / f"{job.name}.begun").touch()
    time.sleep(60)


def test_an_interrupt_ends_all_workers_and_begins_no_other_job(tmp_path, monkeypatch):
    monkeypatch.setattr(factorial, "run_job", endless_job)
    before = active_children()

    def begun() -> list[Path]:
        return list(tmp_path.glob("*.begun"))

    def interrupt() -> None:
        limit = time.monotonic() + 120
        while len(begun()) < 2 and time.monotonic() < limit:
            time.sleep(0.05)
        # As from a terminal, where all processes get it.
        for process in [each.pid for each in active_children() if each not in before]:
            os.kill(process, signal.SIGINT)
        os.kill(os.getpid(), signal.SIGINT)

    # The background jobs of a shell are started deaf to Ctrl-C.
    usual = signal.signal(signal.SIGINT, signal.default_int_handler)
    threading.Thread(target=interrupt, daemon=True).start()
    try:
        with pytest.raises(KeyboardInterrupt):
            run_factorial(replace(SMALL, seeds=(0,), controls=(), workers=2), tmp_path)
    finally:
        signal.signal(signal.SIGINT, usual)
    assert active_children() == before
    assert len(begun()) == 2


def test_one_network_is_trained_and_measured(tmp_path):
    job = Job("CS+LRF+TN+CM", 0)
    plan = replace(SMALL.measure, maximum_distance=2.0)
    summary = factorial.run_job(replace(SMALL, measure=plan), job, tmp_path)
    folder = tmp_path / "runs" / job.name
    assert unsealed(folder / "summary.json") == json.loads(json.dumps(summary))
    assert summary["places"]["published"]["units"] > 0
    assert 0 < summary["places"]["published"]["similarity"]["mean"] < 1.5
    runs = read_runs(tmp_path)
    assert set(runs["kind"]) == {"accuracy", "units", "similarity", "median", "n"}


def invented_runs(rng: np.random.Generator) -> pd.DataFrame:
    """Similarities that rise by 0.2 with TN, in two places; a control like magnification."""
    rows = []
    for cell, seed, dense in [
        *((cell, seed, False) for cell in cells() for seed in (0, 1)),
        ("none", 0, True),
        ("none", 1, True),
    ]:
        value = 0.4 + 0.2 * ("TN" in cell) + 0.05 * seed + 0.01 * rng.normal()
        about = {"cell": cell, "seed": seed, "dense": dense}
        rows.append(about | {"place": "", "kind": "accuracy", "property": "accuracy", "value": 0.3})
        for place in ("here", "over_there"):
            for kind in ("similarity", "median"):
                rows += [
                    about | {"place": place, "kind": kind, "property": name, "value": value}
                    for name in ("a.width", "orientation", "mean")
                ]
            rows.append(
                about | {"place": place, "kind": "units", "property": "units", "value": 9.0}
            )
    return pd.DataFrame(rows)


def test_tables_say_what_the_networks_gave():
    runs = invented_runs(np.random.default_rng(0))
    effects = effect_table(runs)
    own = effects[(effects["place"] == "here") & (effects["property"] == "mean")]
    own = own[own["kind"] == "similarity"].set_index("term")
    assert own.loc["TN", "effect"] == pytest.approx(0.2, abs=0.02)
    assert own.loc["TN", "low"] > 0.15
    assert (own["df"] == 15).all()
    assert len(effects) == 15 * (1 + 2 * 2 * 3)
    control = control_table(runs).set_index(["place", "kind", "property"])
    expected = runs[runs["dense"] & (runs["place"] == "here") & (runs["kind"] == "similarity")]
    assert control.loc[("here", "similarity", "mean"), "dense"] == pytest.approx(
        expected.loc[expected["property"] == "mean", "value"].mean()
    )


def test_page_and_figure_are_written(tmp_path):
    runs = invented_runs(np.random.default_rng(0))
    for (cell, seed, dense), rows in runs.groupby(["cell", "seed", "dense"]):
        places = {
            place: {
                "units": 9,
                "n": {},
                **{
                    kind: dict(zip(part["property"], part["value"], strict=True))
                    for kind, part in measured.groupby("kind")
                    if kind != "units"
                },
            }
            for place, measured in rows[rows["place"] != ""].groupby("place")
        }
        folder = tmp_path / "runs" / Job(cell, seed, dense).name
        folder.mkdir(parents=True)
        summary = {"cell": cell, "seed": seed, "dense": dense, "accuracy": 0.3, "places": places}
        (folder / "summary.json").write_text(sealed(summary))
    baselines = {"classes": 118, "chance": 1 / 118, "colour_histogram": 0.125}
    (tmp_path / "baselines.json").write_text(json.dumps(baselines))
    page = write_tables(tmp_path, tmp_path / "docs").read_text()
    assert "118 classes: chance 0.008, nearest colour histogram 0.125" in page
    assert page.index("Main effects on similarity to macaque V1, over its ceiling: here") > 0
    assert "over its ceiling: over there\n" in page
    assert "over_there" not in page
    assert all(
        (tmp_path / "docs" / f"{name}.{ending}").stat().st_size > 5000
        for name in ("here", "over_there")
        for ending in ("png", "svg", "pdf")
    )
    # The effect of TN is told from zero; accuracy is 0.3 everywhere, and tells nothing.
    row = next(line for line in page.splitlines() if line.startswith("| a.width | "))
    assert row.count("\\*") == 1
    assert float(row.split("|")[4].split()[0]) == pytest.approx(0.2, abs=0.015)
    assert "of 132 have an adjusted p below 0.05" in page
    effects = pd.read_csv(tmp_path / "docs" / "effects.csv", keep_default_na=False)
    assert len(effects) == 15 * 13
    with pytest.raises(UserError, match="holds no finished network"):
        read_runs(tmp_path / "docs")


def test_yes_or_no_is_told_by_its_share(monkeypatch):
    name = "ringach2002.orientation_selective"
    monkeypatch.setattr(
        measuring, "BATTERY", replace(measuring.BATTERY, references=(f"marques2020.{name}",))
    )
    values = np.array([1.0, 0.0, 1.0, 1.0, np.nan, 0.0])
    about = {"protocol": "orientation", "long_name": name}
    responsive = np.array([[True] * 5 + [False]])
    units = xr.Dataset(
        {
            name: ("unit", values, about),
            "responsive": (("protocol", "unit"), responsive),
        },
        coords={
            "protocol": ["orientation"],
            "layer": ("unit", ["1"] * 6),
            "channel": ("unit", range(6)),
        },
    )
    found = measuring.scores(units)
    assert found["median"][name] == 0.75
    assert found["n"][name] == 4


def test_the_run_in_the_documentation_is_whole_and_beats_the_baseline():
    runs = pd.read_csv(DOCS / "factorial" / "runs.csv", keep_default_na=False)
    accuracy = runs[runs["kind"] == "accuracy"].set_index(["cell", "seed", "dense"])["value"]
    assert len(accuracy) == 34
    assert {cell for cell, _, _ in accuracy.index} == set(cells())
    baseline = histogram_accuracy(load_regions())
    assert accuracy.astype(float).min() > 2 * baseline
    assert (
        f"nearest colour histogram {baseline:.3f}"
        in (DOCS / "factorial" / "factorial.md").read_text()
    )
