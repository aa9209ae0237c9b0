"""Searching: halves of references, fewer stimuli, and a search that is stopped and goes on."""

import inspect
import json
from contextlib import contextmanager
from dataclasses import asdict
from importlib import resources
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
import xarray as xr

from insilico.cli.app import main
from insilico.errors import UserError
from insilico.experiments import marques2020
from insilico.experiments.contrast import contrasts
from insilico.experiments.noise_masks import gratings_in_noise
from insilico.experiments.plaids import masks_of_orientations, plaids
from insilico.experiments.protocol import Placement, function_name, placed
from insilico.experiments.rehearsal import preferences
from insilico.experiments.reverse_correlation import noise_and_gratings
from insilico.experiments.spots import bars_across, spots_along_and_across
from insilico.experiments.square_waves import square_waves_of_contrasts
from insilico.experiments.surrounds import surrounds_of_orientations
from insilico.models.loading import load_model
from insilico.models.mechanistic.hyper_parameters import (
    SUBCORTICAL,
    HyperParameters,
    bounds,
    to_unit,
)
from insilico.reference import load
from insilico.runs.placed_probe import placed_probe
from insilico.search import phenomena, searching
from insilico.search.halves import half
from insilico.search.objective import Objective, fitted_battery, thinned
from insilico.search.one_site import recorder
from insilico.search.plan import SearchPlan, Stage, read_plan
from insilico.search.searching import LOG, evaluate, search
from stimuli import Display, Position, StimulusSet

RINGACH = load("marques2020.ringach2002.bandwidth")
DISPLAY = Display.square(32, 8.0, background=marques2020.BATTERY.background)
POSITION = marques2020.PLACE.position

PLAN = SearchPlan(stages=(Stage(20, step=0.2), Stage(10, {"phase": 2})), population=5, fresh=2)
GOAL = 0.7


def near(stage, said, seed):
    """A stand-in for recording: best where every hyper-parameter is at 0.7 of its range."""
    away = float(np.mean((to_unit(said) - GOAL) ** 2))
    return {"score": -away, "fitted": {"a": 1 - away}, "held out": {"a": 0.5 - away + 0 * seed}}


def lines(folder):
    return [json.loads(line) for line in (folder / LOG).read_text().splitlines()]


# Halves


def test_halves_are_the_whole():
    fitted, held_out = (half(RINGACH, which, seed=3) for which in ("fitted", "held out"))
    np.testing.assert_array_equal(fitted.counts + held_out.counts, RINGACH.counts)
    assert fitted.n + held_out.n == RINGACH.n
    assert fitted.n == RINGACH.n // 2
    assert fitted.undefined + held_out.undefined == RINGACH.undefined
    assert fitted.property == RINGACH.property
    other = half(RINGACH, "fitted", seed=4)
    assert (other.counts != fitted.counts).any()
    np.testing.assert_array_equal(half(RINGACH, "fitted", seed=3).counts, fitted.counts)


def test_halves_are_drawn_without_replacement():
    """Each bin's mean over seeds is half its cells, with the variance of the hypergeometric."""
    drawn = np.array([half(RINGACH, "fitted", seed=seed).counts for seed in range(300)])
    counts, n = RINGACH.counts, RINGACH.n
    np.testing.assert_allclose(drawn.mean(0), counts / 2, atol=0.9)
    expected = counts * (n - counts) / (4 * (n - 1))
    filled = counts > 10
    np.testing.assert_allclose(drawn.var(0)[filled], expected[filled], rtol=0.35)


def test_what_cannot_be_halved():
    with pytest.raises(UserError, match="must be 'fitted' or 'held out'"):
        half(RINGACH, "both")
    with pytest.raises(UserError, match="no whole numbers of cells"):
        half(load("marques2020.freemanZiemba2013.texture_modulation_index"), "fitted")


# Stimuli


def test_thinned_sets_keep_levels_and_their_pictures():
    whole = marques2020.RINGACH2002.stimuli(DISPLAY, POSITION)
    fewer = thinned(marques2020.RINGACH2002.stimuli, {"phase": 4, "cycles": 3, "diameter": 2})
    few = fewer(DISPLAY, POSITION)
    assert len(few) == len(whole) / 12
    # 4 and 6 cycles are the second and the fourth of what the set calls cycles.
    assert few.conditions["cycles"].unique().tolist() == [3]
    phases = np.sort(few.conditions["phase"].unique())
    assert np.diff(phases).tolist() == [180]


def test_only_what_is_compared_is_measured():
    battery = fitted_battery()
    asked = {
        f"{each.name}.{function_name(one)}" for each in battery.protocols for one in each.properties
    }
    assert asked == {load(name).property for name in battery.references}


def test_protocols_still_share_recordings():
    battery = fitted_battery({"phase": 2})
    shown = {each.name: each.shown for each in battery.protocols}
    assert shown["ringach2002"] == shown["devalois1982a"]
    assert shown["devalois1982b"] == shown["schiller1976"]
    assert len(battery.references) == 15


def test_measuring_knows_of_no_model():
    names = ("experiments", "tuning", "comparison", "recording", "reference", "runs")
    packages = [resources.files("insilico") / name for name in names]
    for package in packages:
        for path in Path(str(package)).rglob("*.py"):
            assert "mechanistic" not in path.read_text(encoding="utf-8")
    from insilico.search import halves, objective

    for module in (halves, objective):
        assert "mechanistic" not in inspect.getsource(module)


def test_evaluate_records_and_scores_both_halves():
    stage = Stage(1, {"phase": 2, "cycles": 3, "diameter": 6, "spatial_frequency": 2})
    sizes = {"units": 24, "split": 0, "scorecard_units": 1}
    found = evaluate(stage, HyperParameters(), 0, categories=0.0, **sizes)
    assert len(found["fitted"]) == len(found["held out"]) == 15
    assert found["score"] == pytest.approx(np.mean(list(found["fitted"].values())))
    assert 0.3 < found["score"] < 1.05
    assert found["fitted"] != found["held out"]
    # In the mean of categories, those of one property count as much as those of seven.
    fitted = pd.Series(found["fitted"])
    means = fitted.groupby([load(name).category for name in fitted.index]).mean()
    assert len(means) == 6
    half_of_it = evaluate(stage, HyperParameters(), 0, categories=0.5, **sizes)
    assert half_of_it["score"] == pytest.approx((fitted.mean() + means.mean()) / 2)


def test_phenomena_are_a_second_term(monkeypatch):
    every = {"phase": 2, "cycles": 3, "diameter": 6, "spatial_frequency": 2}
    said, asked = HyperParameters(), []
    card = pd.DataFrame({"number": [1, 2, 3, 4], "share": [0.9, 0.75, 0.25, np.nan],
                         "shown": ["yes", "yes", "no", "not measured"]})  # fmt: skip
    monkeypatch.setattr("insilico.search.searching.phenomena_card",
                        lambda said, n, seed: asked.append((n, seed)) or card)  # fmt: skip
    sizes = {"units": 24, "split": 0, "categories": 0.0, "scorecard_units": 7}
    alone = evaluate(Stage(1, every), said, 0, **sizes)
    assert not asked
    assert "phenomena" not in alone
    both = [evaluate(Stage(1, every, phenomena=0.5), said, seed, **sizes) for seed in (0, 1)]
    # Three quarters of the units are enough.
    assert both[0]["score"] == pytest.approx(alone["score"] + 0.5 * (1 + 1 + 1 / 3) / 3)
    assert both[0]["phenomena"] == {"1": 0.9, "2": 0.75, "3": 0.25}
    # The same units in every generation, so that their pictures are recorded once.
    assert asked == [(7, asked[0][1])] * 2


@pytest.fixture
def few_phenomena(monkeypatch):
    """Two experiments of few pictures."""
    monkeypatch.setattr(phenomena, "SHOWN", ("contrast", "cross_orientation"))
    every = {"phase": 4, "orientation": 6, "spatial_frequency": 2, "mask_phase": 1}
    monkeypatch.setattr(phenomena, "EVERY", every)
    for each in (phenomena._battery, phenomena._kept):
        each.cache_clear()
    yield
    for each in (phenomena._battery, phenomena._kept):
        each.cache_clear()


def test_phenomena_are_measured_at_each_units_own_optimum(few_phenomena, monkeypatch):
    """As by the probe; and where filters stay, no picture is drawn twice."""
    said = HyperParameters(frequency_median=2, frequency_spread=0.5, excitation_median=0.1)
    units = phenomena.phenomena_units(said, n=5, seed=1)
    assert units.sizes["unit"] == 5
    model = load_model("mechanistic_v1", n=5, seed=1, degrees=phenomena.DEGREES,
                       pixels=phenomena.PIXELS, at=(0.0, 0.0),
                       hyper_parameters=asdict(said))  # fmt: skip
    place = phenomena._place(model)
    probe, _ = placed_probe(model, place=Placement(place), background=0.5, crop="off")
    battery = phenomena._battery()
    preferred = preferences(battery["contrast"], units, probe.display)
    assert preferred.drop_duplicates().shape[0] > 1
    for unit in np.flatnonzero(preferred.notna().all(axis=1)).tolist()[:2]:
        wanted = preferred.iloc[unit].to_dict()
        assert (wanted["x"], wanted["y"]) == pytest.approx(tuple(place))
        slow = probe.record(placed(battery["contrast"], probe.display, place, wanted))
        key = tuple((name, float(value)) for name, value in wanted.items())
        _, seen = phenomena._kept(battery["contrast"], key, model.kernel_of(unit),
                                  tuple(getattr(said, name) for name in SUBCORTICAL))  # fmt: skip
        with torch.inference_mode():
            quick = model.answers_of(unit, seen)
        np.testing.assert_allclose(quick, slow[unit].to_numpy().ravel(), rtol=1e-4, atol=1e-5)
    assert units["contrast_c50"].notnull().any()
    assert units["cross_orientation_suppression"].notnull().any()

    drawn = []
    monkeypatch.setattr(StimulusSet, "images", lambda *_, **__: drawn.append(1))
    again = phenomena.phenomena_units(said, n=5, seed=1)
    xr.testing.assert_equal(again, units)
    assert not drawn


@pytest.mark.parametrize(
    "stimuli",
    [contrasts, plaids, masks_of_orientations, surrounds_of_orientations, square_waves_of_contrasts,
     spots_along_and_across, bars_across, noise_and_gratings, gratings_in_noise],
)  # fmt: skip
def test_pictures_of_opposite_contrast_are_seen_once(stimuli):
    display = Display.square(48, 4.0)
    shown = stimuli(display, Position(0.1, 0.2))
    same, sign = phenomena._alike_or_opposite(shown, display.whole)
    rows = np.arange(len(shown))[:: max(len(shown) // 300, 1)]
    pictures, others = (2 * shown.images(each) - 1 for each in (rows, same[rows]))
    turned = torch.as_tensor(sign[rows], dtype=torch.float32)[:, None, None, None]
    torch.testing.assert_close(pictures, others * turned, rtol=0, atol=1e-6)
    half = len(shown) if stimuli is gratings_in_noise else len(shown) // 2 + 1
    assert len(np.unique(same)) <= half
    assert (sign[np.unique(same)] == 1).all()


def test_fields_from_noise_are_those_of_the_probe(monkeypatch):
    """Units that want the same square are shown it together, and one after the other."""
    monkeypatch.setattr(phenomena, "SHOWN", ("receptive_field_structure",))
    few = {"phase": 4, "offset_y": 6, "offset_x": 6, "orientation": 4, "frame": 128,
           "spatial_frequency": 4}  # fmt: skip
    monkeypatch.setattr(phenomena, "EVERY", few)
    caches = (phenomena._battery, phenomena._kept)
    for each in caches:
        each.cache_clear()
    said = HyperParameters(frequency_median=2, complexity_median=-4, complexity_spread=0.1)
    units = phenomena.phenomena_units(said, n=6, seed=1)
    assert "reverse_correlation_field" in units
    # The place that is known, whatever a map says.
    assert (units["receptive_field_x"] == units["x"]).all()
    battery = phenomena._battery()
    protocol = battery["receptive_field_structure"]
    model = load_model("mechanistic_v1", n=6, seed=1, degrees=phenomena.DEGREES,
                       pixels=phenomena.PIXELS, at=(0.0, 0.0),
                       hyper_parameters=asdict(said))  # fmt: skip
    place = phenomena._place(model)
    probe, _ = placed_probe(model, place=Placement(place), background=0.5, crop="off")
    wanted = preferences(protocol, units, probe.display)
    assert wanted["element"].nunique() > 1
    with torch.inference_mode():
        blank = model(torch.zeros(1, 1, phenomena.PIXELS, phenomena.PIXELS))[0].numpy()
    quick = phenomena._correlated(model, protocol, wanted, phenomena._units(place, 6), blank)
    for unit in (0,):
        stimuli = placed(protocol, probe.display, place, wanted.iloc[unit].to_dict())
        assert len(stimuli) < 200
        slow = probe.record(stimuli, reduction=protocol.reduction)
        # The probe adds the mean gradient, which no phenomenon asks for.
        slow = slow.sel(technique=quick["technique"])
        np.testing.assert_allclose(quick[unit], slow[unit], rtol=1e-2, atol=1e-4)
        assert float(quick["peak"][unit]) == pytest.approx(float(slow["peak"][unit]), rel=1e-2)
    for each in caches:
        each.cache_clear()


def test_one_site_is_recorded_as_by_the_probe():
    """The same rates, of two populations for which the pictures pass the first stage once."""
    fewer = thinned(marques2020.CAVANAUGH2002A.stimuli,
                    {"phase": 4, "diameter": 6, "spatial_frequency": 2})  # fmt: skip
    background = marques2020.BATTERY.background
    for seed in (0, 1):
        record = recorder(HyperParameters(), n=6, seed=seed, position=POSITION,
                          background=background)  # fmt: skip
        quick = record(fewer, POSITION)
        model = load_model("mechanistic_v1", n=6, seed=seed, at=tuple(POSITION))
        probe, _ = placed_probe(model, place=Placement(POSITION), background=background, crop="off")
        slow = probe.record(fewer(probe.display, POSITION))
        assert quick.dims == slow.dims
        np.testing.assert_allclose(quick, slow, rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(quick["blank"], slow["blank"], rtol=1e-4)


def test_a_silent_population_scores_nothing():
    background = marques2020.BATTERY.background
    alive = recorder(HyperParameters(), n=3, seed=0, position=POSITION, background=background)

    def record(stimuli, position):
        return alive(stimuli, position) * 0

    every = {"phase": 4, "cycles": 3, "diameter": 6, "spatial_frequency": 4}
    found = Objective(every)(record)
    assert found["score"] == 0
    assert set(found["held out"].values()) == {0.0}


# The search


def test_search_finds_the_goal_and_logs_every_evaluation(tmp_path):
    state = np.random.get_state()[1].copy()  # noqa: NPY002 (it is the one that is left alone)
    told = []
    result = search(
        SearchPlan(stages=(Stage(400, step=0.2),), fresh=2), tmp_path,
        evaluated=near, told=told.append,
    )  # fmt: skip
    start = near(None, HyperParameters(), 0)["fitted"]["a"]
    assert 1 - result["fitted"] < 0.4 * (1 - start)
    assert result["held out"] == pytest.approx(result["fitted"] - 0.5)
    written = lines(tmp_path)
    assert len(written) == result["evaluations"]
    assert {each["seed"] for each in written[-2:]} == {1_000_000, 1_000_001}
    assert len(told) == len({each["generation"] for each in written if each["stage"] == 0})
    # Who watches is not invited to choose by the other half.
    assert "held" not in told[0]
    np.testing.assert_array_equal(np.random.get_state()[1], state)  # noqa: NPY002


def test_what_is_held_stays(tmp_path):
    start = {"surround_median": 0.25, "width_median": 0.5}
    stages = (Stage(15, hold=("surround_median", "gain_spread")), Stage(10, hold=("width_median",)))
    search(SearchPlan(stages=stages, start=start, population=5, fresh=1), tmp_path, evaluated=near)
    first, second = (
        [each["hyper_parameters"] for each in lines(tmp_path) if each["stage"] == stage]
        for stage in (0, 1)
    )
    assert {each["surround_median"] for each in first} == {0.25}
    [held] = {each["gain_spread"] for each in first}
    # To the rounding of the cube that is searched.
    assert held == pytest.approx(HyperParameters().gain_spread, rel=1e-12)
    assert len({each["width_median"] for each in first}) == 15
    # The second stage begins where the first one ended.
    assert len({each["width_median"] for each in second}) == 1
    assert second[0]["width_median"] != 0.5
    assert len({each["surround_median"] for each in second}) == 10


def test_ranges_are_kept(tmp_path):
    within = {"surround_median": (0.2, 0.9), "width_median": (0.3, 0.4)}
    start = {"surround_median": 0.8, "width_median": 0.35}
    plan = SearchPlan(stages=(Stage(30, step=0.5),), start=start, within=within,
                      population=10, fresh=1)  # fmt: skip
    search(plan, tmp_path, evaluated=near)
    for name, (low, high) in within.items():
        found = [each["hyper_parameters"][name] for each in lines(tmp_path)]
        assert low - 1e-9 <= min(found) < max(found) <= high + 1e-9
    others = [each["hyper_parameters"]["tuned_median"] for each in lines(tmp_path)]
    assert min(others) < 1 < 2.5 < max(others)


@pytest.mark.parametrize("after", [3, 17, 26, 31])
def test_search_goes_on_after_a_kill(tmp_path, after):
    whole = search(PLAN, tmp_path / "whole", evaluated=near)
    calls = []

    def killed(*asked):
        if len(calls) == after:
            raise KeyboardInterrupt
        calls.append(asked)
        return near(*asked)

    with pytest.raises(KeyboardInterrupt):
        search(PLAN, tmp_path / "killed", evaluated=killed)
    # The last line is torn.
    log = tmp_path / "killed" / LOG
    log.write_bytes(log.read_bytes()[:-20])
    again = []
    result = search(
        PLAN, tmp_path / "killed", evaluated=lambda *asked: again.append(asked) or near(*asked)
    )
    assert result == whole
    assert len(again) == 32 - after + 1
    assert lines(tmp_path / "killed") == lines(tmp_path / "whole")


def test_progress_is_of_the_whole_search(tmp_path, monkeypatch, capsys):
    """In evaluations on all stimuli: those on a quarter of them take a quarter of the time."""
    bars = []
    shown = searching.progress_bar

    @contextmanager
    def kept(**options):
        with shown(**options) as bar:
            bars.append((bar, bar.n))
            yield bar

    monkeypatch.setattr(searching, "progress_bar", kept)
    stages = (Stage(8, every={"phase": 2, "cycles": 2}), Stage(7))
    plan = SearchPlan(stages=stages, population=5, fresh=3)
    search(plan, tmp_path, evaluated=near, progress=True)
    assert "search: 100%" in capsys.readouterr().err
    search(plan, tmp_path, evaluated=near)
    (first, begun), (again, found) = bars
    # Generations of five are whole: 10 evaluations on a quarter, 10 and 3 on all.
    assert (begun, first.n, first.total) == (0, 15.5, 15.5)
    assert found == again.n == 15.5
    assert capsys.readouterr().err == ""


def test_another_search_is_refused(tmp_path):
    search(PLAN, tmp_path, evaluated=near)
    with pytest.raises(UserError, match="holds another search"):
        search(SearchPlan(stages=(Stage(5),)), tmp_path, evaluated=near)
    log = tmp_path / LOG
    first, *rest = log.read_text().splitlines()
    changed = json.loads(first)
    changed["hyper_parameters"]["width_median"] *= 1.1
    log.write_text("\n".join([json.dumps(changed), *rest]) + "\n")
    with pytest.raises(UserError, match="not the log of this search"):
        search(PLAN, tmp_path, evaluated=near)


@pytest.mark.slow
def test_workers_find_the_same(tmp_path):
    alone = search(PLAN, tmp_path / "alone", evaluated=near)
    assert search(PLAN, tmp_path / "two", evaluated=near, workers=2) == alone


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("units = 3", "needs a table [[stages]]"),
        ("unit = 3", "has no unit; it takes units,"),
        ("units = 0\n[[stages]]\nevaluations = 3", "from 1 on; got 0"),
        ("[[stages]]\nsteps = 3", "has no steps"),
        ("[[stages]]\nevaluations = 2.5", "from 1 on; got 2.5"),
        ("[[stages]]\nevaluations = 2\nstep = 3", "at most 1; got 3"),
        ("[[stages]]\nevaluations = 2\nevery = 3", "as {phase = 2}"),
        ("[[stages]]\nevaluations = 2\nphenomena = -1", "from 0 on; got -1"),
        ("[[stages]]\nevaluations = 2\nphenomena = 'all'", "weight of a second term"),
        ("categories = 2\n[[stages]]\nevaluations = 2", "from 0 to 1; got 2"),
        ("categories = 'all'\n[[stages]]\nevaluations = 2", "a share of the score"),
        ("scorecard_units = 0\n[[stages]]\nevaluations = 2", "from 1 on; got 0"),
        ("[[stages]]\nevaluations = 2\nevery = {phases = 3}", "has no phases"),
        ("[[stages]]\nevaluations = 2\nhold = ['width']", "is a list of hyper-parameters"),
        ("[[stages]]\nevaluations = 2\nhold = 3", "is a list of hyper-parameters"),
        ("[start]\nwidth = 2\n[[stages]]\nevaluations = 2", "no hyper-parameter 'width'"),
        ("within = 2\n[[stages]]\nevaluations = 2", "as width_median = [0.2, 0.6]"),
        ("[within]\nwidth = [1, 2]\n[[stages]]\nevaluations = 2", "has no width"),
        ("[within]\nwidth_median = 2\n[[stages]]\nevaluations = 2", "is two numbers"),
        ("[within]\nwidth_median = [0.1, 0.5]\n[[stages]]\nevaluations = 2", "from 0.15 to"),
        ("[within]\nwidth_median = [0.5, 0.2]\n[[stages]]\nevaluations = 2", "must rise"),
        ("[within]\nwidth_median = [0.7, 0.8]\n[[stages]]\nevaluations = 2", "starts at"),
        ("start = 2\n[[stages]]\nevaluations = 2", "must map names to numbers"),
        ("stages = 3", "needs a table"),
        ("stages = [3]", "is a table with"),
        (f"[[stages]]\nevaluations = 2\nhold = {[each.name for each in bounds()]}", "holds all"),
        ("[", "is no TOML file"),
    ],
)
def test_wrong_files(tmp_path, capsys, text, said):
    path = tmp_path / "search.toml"
    path.write_text(text)
    assert main(["search", str(path), "--out", str(tmp_path / "out")]) == 2
    assert said in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_command(tmp_path, capsys, monkeypatch):
    assert main(["search", str(tmp_path / "none.toml")]) == 2
    path = tmp_path / "search.toml"
    path.write_text("units = 5\npopulation = 4\nfresh = 1\n[[stages]]\nevaluations = 5\n")
    plan = read_plan(path)
    assert asdict(plan.stages[0]) == {"evaluations": 5, "every": {}, "step": 0.15, "hold": (),
                                      "phenomena": 0.0}  # fmt: skip
    monkeypatch.setattr("insilico.search.searching.evaluate",
                        lambda *asked, **_: near(*asked))  # fmt: skip
    assert main(["search", str(path), "--out", str(tmp_path / "out")]) == 0
    out = capsys.readouterr().out
    assert "stage 1 of 1, generation 2 of 2" in out
    assert "fitted half" in out and "1 fresh populations, 9 evaluations" in out
    assert main(["search", str(path), "--workers", "0"]) == 2


def test_the_file_in_the_documentation_is_a_plan():
    plan = read_plan(Path(__file__).parents[1] / "docs" / "mechanistic" / "search.toml")
    # So that pictures are recorded once.
    assert all(set(SUBCORTICAL) <= set(stage.hold) for stage in plan.stages)
