"""Models side by side: differences, ranks, seeds, the page, and how mistakes are told."""

import re
from dataclasses import replace

import fake_results
import numpy as np
import pandas as pd
import pytest
import xarray as xr

import insilico
from insilico import reference
from insilico.checksums import write_manifest
from insilico.cli.app import main
from insilico.comparison.table import score
from insilico.errors import UserError
from insilico.experiments.quick import QUICK
from insilico.figures.side_by_side import score_maps
from insilico.reporting.side_by_side import by_degrees, side_by_side_plates, write_side_by_side
from insilico.runs.compared_layers import made_otherwise
from insilico.runs.results import Results, open_results
from insilico.runs.side_by_side import compare_runs, open_runs

NAME = "ringach2002.circular_variance"
NASTY = "<script>alert('1')</script> & 50 %_{|}"


def layer(values, *, channel=None, model="model", weights_hash="0", names=(NAME,), **provenance):
    """One layer of a model whose units have these circular variances, and nothing else."""
    n = len(values)
    words = {"long_name": "Circular variance", "units": "1", "protocol": "orientation"}
    units = xr.Dataset(
        {"circular_variance": ("unit", values, words)},
        coords={
            "layer": ("unit", np.full(n, "v1")),
            "channel": ("unit", np.arange(n) if channel is None else channel),
        },
    )
    units["responsive"] = (("unit", "protocol"), np.ones((n, 1), dtype=bool))
    units = units.assign_coords(protocol=["orientation"])
    known = {"model": model, "weights": "a file", "weights_hash": weights_hash, "trained": True}
    display = {"degrees": 8.0, "width_px": 224}
    return Results(
        battery="standard",
        units=units,
        comparison=score(units, names, n_resamples=100),
        curves={},
        recordings={},
        provenance=known | {"display": display} | provenance,
    )


def beta(mean, n, seed=0, strength=12):
    rng = np.random.default_rng(seed)
    return rng.beta(mean * strength, (1 - mean) * strength, n)


def like_macaque(n, seed=0):
    """Values drawn from the published distribution."""
    known = reference.load(NAME)
    rng = np.random.default_rng(seed)
    place = rng.choice(len(known.probabilities), n, p=known.probabilities)
    return rng.uniform(known.edges[place], known.edges[place + 1])


def sides(*runs, **options):
    return compare_runs(runs, **{"n_resamples": 200} | options)


@pytest.fixture(scope="module")
def side():
    runs = [fake_results.results(80, model=name, seed=seed) for seed, name in enumerate("ab")]
    return sides(*runs)


class TestDifferences:
    def test_a_model_beside_itself(self):
        values = beta(0.5, 60)
        side = sides(layer(values, model="a"), layer(values, model="b"))
        rows = side.differences
        assert list(rows["property"]) == ["circular_variance", "mean"]
        for name in ("similarity_difference", "skill_difference"):
            assert (rows[name] == 0).all()
            assert (rows[f"{name}_low"] < 0).all() and (rows[f"{name}_high"] > 0).all()
        assert rows["median_difference"].iloc[0] == 0
        assert (rows["p"] == 1).all() and (rows["p_adjusted"] == 1).all()

    def test_p_is_below_5_percent_where_the_interval_leaves_0_out(self):
        means = np.linspace(0.3, 0.7, 5)
        runs = [layer(beta(mean, 40), model=f"{mean:g}") for mean in means]
        rows = sides(*runs).differences.query("property != 'mean'")
        outside = (rows["similarity_difference_low"] > 0) | (rows["similarity_difference_high"] < 0)
        assert ((rows["p"] < 0.05) == outside).all()
        assert 0 < outside.sum() < len(rows)
        assert (rows["p_adjusted"] >= rows["p"]).all()

    def test_first_less_second_and_the_other_way_round(self):
        low, high = (layer(beta(mean, 50), model=f"{mean:g}") for mean in (0.4, 0.6))
        one, other = (sides(*pair).differences.iloc[0] for pair in ((low, high), (high, low)))
        assert one["median_difference"] == -other["median_difference"] < 0
        assert one["similarity_difference_low"] == -other["similarity_difference_high"]
        assert one["p"] == other["p"]

    def test_a_shift_lies_within_the_interval(self):
        held = []
        for seed in range(40):
            rng = np.random.default_rng(seed)
            # Every channel has three sites with the same value.
            first, second = (np.repeat(rng.normal(mean, 0.1, 40), 3) for mean in (0.6, 0.45))
            channel = np.repeat(np.arange(40), 3)
            side = sides(
                layer(first, channel=channel, model="a", names=(NAME,)),
                layer(second, channel=channel, model="b"),
                n_resamples=20,
            )
            row = side.differences.iloc[0]
            held.append(row["median_difference_low"] <= 0.15 <= row["median_difference_high"])
        # Two of forty miss on average; seven would be three standard deviations.
        assert np.mean(held) > 1 - 7 / 40

    @pytest.mark.parametrize(
        ("mean", "repeats"),
        [(0.4, 60), *(pytest.param(m, 400, marks=pytest.mark.slow) for m in (0.3, 0.4, 0.5, 0.6))],
    )
    def test_models_that_do_not_differ_are_seldom_told_apart(self, mean, repeats):
        told_apart = []
        for seed in range(repeats):
            rng = np.random.default_rng(seed)
            channel = np.repeat(np.arange(40), 3)
            first, second = (
                np.repeat(rng.beta(12 * mean, 12 * (1 - mean), 40), 3) for _ in range(2)
            )
            side = sides(
                layer(first, channel=channel, model="a"),
                layer(second, channel=channel, model="b"),
                n_resamples=20,
            )
            row = side.differences.iloc[0]
            by_median = row["median_difference_low"] > 0 or row["median_difference_high"] < 0
            told_apart.append((row["p"] < 0.05, by_median))
        error = 3 * np.sqrt(0.05 * 0.95 / repeats)
        assert (np.mean(told_apart, axis=0) <= 0.05 + error).all()

    def test_rows_are_in_the_order_of_the_runs(self, side):
        pairs = side.differences[["first", "second"]].drop_duplicates().to_numpy().tolist()
        assert pairs[0] == ["a conv1", "a conv2"]
        assert pairs[-1] == ["b conv1", "b conv2"]
        assert len(pairs) == 6
        assert len(side.differences) == 6 * (len(fake_results.NAMES) + 1)


class TestRanking:
    def test_models_that_clearly_differ(self):
        good, bad = layer(like_macaque(300), model="good"), layer(beta(0.1, 300), model="bad")
        ranking = sides(bad, good).ranking
        assert list(ranking["name"]) == ["good v1", "bad v1"] * 2
        assert list(ranking["by"]) == ["similarity"] * 2 + ["skill"] * 2
        assert (ranking["rank"] == ranking["rank_low"]).all()
        assert (ranking["rank"] == ranking["rank_high"]).all()
        assert ranking["rank_1"].tolist() == [1, 0, 1, 0]

    def test_models_that_do_not(self):
        runs = [layer(like_macaque(60, seed), model=f"{seed}") for seed in range(3)]
        ranking = sides(*runs).ranking
        chances = ranking[["rank_1", "rank_2", "rank_3"]]
        np.testing.assert_allclose(chances.sum(axis=1), 1)
        assert chances.to_numpy().max() < 0.95
        assert (ranking["rank_low"] < ranking["rank_high"]).all()
        between = ranking["score"].between(ranking["score_low"], ranking["score_high"])
        assert between.all()

    def test_the_mean_of_one_property_is_its_score(self):
        runs = [layer(beta(mean, 50), model=f"{mean:g}") for mean in (0.4, 0.6)]
        side = sides(*runs)
        for by in ("similarity", "skill"):
            means = side.ranking.query("by == @by").set_index("name")["score"]
            np.testing.assert_allclose(means[side.scores["name"]], side.scores[by])

    def test_categories_have_the_same_weight(self):
        names = [each for each in reference.names("marques2020.") if "ringach" in each][:6]
        known = [reference.load(name) for name in names]
        assert len({each.category for each in known}) < len(known)
        rng = np.random.default_rng(0)
        runs = []
        for model in "ab":
            run = layer(beta(0.5, 30), model=model)
            for each in known:
                words = {"long_name": each.label, "units": each.units, "protocol": "orientation"}
                run.units[each.property] = ("unit", rng.uniform(*each.edges[[0, -1]], 30), words)
            runs.append(replace(run, comparison=score(run.units, names, n_resamples=50)))
        side = sides(*runs)
        scores = side.scores.query("name == 'a v1'")
        expected = scores.groupby("category")["similarity"].mean().mean()
        found = side.ranking.query("by == 'similarity'").set_index("name")["score"]["a v1"]
        assert found == pytest.approx(expected)

    def test_only_properties_that_all_have(self):
        few = layer(beta(0.5, 4), model="few")  # four channels have no interval
        side = sides(few, layer(beta(0.5, 40), model="many"))
        assert side.ranking.empty
        assert "no ranking" in " ".join(side.warnings)
        assert list(side.differences["property"]) == ["circular_variance"]

    def test_the_seed_decides(self, side):
        runs = [fake_results.results(80, model=name, seed=seed) for seed, name in enumerate("ab")]
        pd.testing.assert_frame_equal(sides(*runs).ranking, side.ranking)
        assert not sides(*runs, seed=1).ranking.equals(side.ranking)


class TestSeeds:
    def seeds(self, spread, n=3):
        """Runs whose units differ little, while runs differ by ``spread``."""
        means = 0.5 + spread * np.linspace(-1, 1, n)
        return [
            layer(beta(mean, 60, seed, 200), model="net", weights_hash=f"{seed}")
            for seed, mean in enumerate(means)
        ]

    def test_apart_is_the_default(self):
        side = sides(*self.seeds(0.1))
        assert list(side.models["name"]) == [f"net v1, weights {seed}" for seed in range(3)]

    def test_what_moves_numbers_beside_the_models_is_said(self):
        alike = {"rates": {}, "normalisation": "mean 0.5, std 0.5"}
        one, other = (layer(beta(0.4, 60), model=name, **alike) for name in "ab")
        assert not made_otherwise({"one": one, "other": other})
        screen = one.provenance["display"] | {"width_px": 112, "transfer": "srgb"}
        changed = replace(
            other,
            provenance=other.provenance
            | {"rates": None, "display": screen, "model": "a", "normalisation": "none"},
            warnings=(QUICK,),
        )
        side = compare_runs({"one": one, "other": changed})
        told = [
            f"other: {QUICK}",
            "other: activations, where the others have firing rates",
            "the displays differ in pixels: the gratings end",
            "the displays differ in background or transfer",
            "the same weights of a were shown pictures of different normalisation: mean 0.5, std",
        ]
        assert all(map(str.startswith, side.warnings, told))
        assert side.models["name"].tolist() == ["a v1, 224 px", "a v1, 112 px"]

    def test_together_they_are_the_outer_level(self):
        other = layer(beta(0.5, 60), model="other")
        side = sides(*self.seeds(0.15), other, seeds="together")
        assert side.models["n_runs"].tolist() == [3, 1]
        assert side.models["n_units"].tolist() == [180, 60]
        assert "3 runs say little" in " ".join(side.warnings)
        row = side.scores.iloc[0]
        pooled = np.concatenate([run.units["circular_variance"] for run in self.seeds(0.15)])
        assert row["median_model"] == pytest.approx(np.median(pooled))
        # As if the 180 channels were of one run:
        alone = sides(layer(pooled, model="alone"), other).scores.iloc[0]
        wide, narrow = (each["median_high"] - each["median_low"] for each in (row, alone))
        assert wide > 1.5 * narrow

    def test_degrees_and_training_are_no_seeds(self):
        first, second, third = self.seeds(0.1)
        second.provenance["trained"] = False
        third.provenance["display"] = {"degrees": 4.0, "width_px": 224}
        side = sides(first, second, third, seeds="together")
        assert list(side.models["name"]) == ["net v1, 8 deg", "net v1 (untrained)", "net v1, 4 deg"]

    def test_the_same_weights_are_no_seeds(self):
        runs = [layer(beta(0.5, 60, seed), model="net") for seed in range(2)]
        with pytest.raises(UserError, match="run 1 and run 2 have the same weights"):
            sides(*runs, layer(beta(0.5, 9), model="b"), seeds="together")


class TestMistakes:
    def test_one_model(self):
        with pytest.raises(UserError, match="at least two models or layers; there is one run"):
            sides(layer(beta(0.5, 30)))
        with pytest.raises(UserError, match="no run was given"):
            sides()
        seeds = [layer(beta(0.5, 30, seed), weights_hash=f"{seed}") for seed in range(2)]
        with pytest.raises(UserError, match="seeds of one model"):
            sides(*seeds, seeds="together")

    def test_two_batteries_are_compared_on_what_they_share(self):
        first, second = (layer(beta(0.5, 30, seed)) for seed in range(2))
        other = second.comparison.assign(reference="devalois1982b.preferred_spatial_frequency")
        both = pd.concat([second.comparison, other.assign(property="circular_variance")])
        second = replace(second, battery="context", comparison=both)
        side = sides(first, second)
        assert set(side.scores["reference"]) == set(first.comparison["reference"])
        [note] = [each for each in side.warnings if "different batteries" in each]
        assert "standard (run 1), context (run 2)" in note
        assert "1 of 2 comparisons" in note

    def test_two_batteries_that_measure_otherwise_share_nothing(self):
        first, second = (layer(beta(0.5, 30, seed)) for seed in range(2))
        units = second.units.copy()
        units["circular_variance"].attrs["definition"] = "another one"
        second = replace(second, battery="marques2020", units=units)
        with pytest.raises(UserError, match=r"standard \(run 1\), marques2020 \(run 2\)"):
            sides(first, second)

    def test_seeds_are_of_one_battery(self):
        first, second = (layer(beta(0.5, 30, seed)) for seed in range(2))
        second = replace(second, battery="context")
        with pytest.raises(UserError, match="must be of one battery"):
            sides(first, second, seeds="together")

    def test_the_same_run_twice(self):
        run = layer(beta(0.5, 30))
        copy = replace(run, units=run.units.copy(deep=True))
        with pytest.raises(UserError, match="run 1 and run 2 hold the same run"):
            sides(run, copy)

    def test_nothing_compared(self):
        runs = [layer(beta(0.5, 30, seed), names=()) for seed in range(2)]
        with pytest.raises(UserError, match="nothing in them was compared"):
            sides(*runs)

    def test_seeds_must_be_known(self):
        with pytest.raises(UserError, match="'apart' or 'together'; got 'nested'"):
            sides(seeds="nested")

    def test_own_distributions_of_one_name_that_differ(self):
        first, second = (layer(beta(0.5, 30, seed), model=f"{seed}") for seed in range(2))
        first.provenance["own_references"] = {NAME: "mine.nc"}
        with pytest.raises(UserError, match="nothing in them was compared"):
            sides(first, second)

    def test_own_distributions_of_one_name_and_file_that_differ(self):
        first, second = (layer(beta(0.5, 30, seed), model=f"{seed}") for seed in range(2))
        for run in (first, second):
            run.provenance["own_references"] = {NAME: "mine.csv"}
        assert not sides(first, second).scores.empty
        first.comparison["floor"] += 0.01
        with pytest.raises(UserError, match="nothing in them was compared"):
            sides(first, second)


class TestNames:
    def test_what_tells_runs_apart(self):
        one, two = (layer(beta(0.5, 30, seed)) for seed in range(2))
        assert list(sides(one, two).models["name"]) == ["model v1, run 1", "model v1, run 2"]
        side = compare_runs({"robust": one, "plain": two}, n_resamples=50)
        assert list(side.models["name"]) == ["model v1, robust", "model v1, plain"]
        two.provenance["weights"] = "b.pth"
        assert list(sides(one, two).models["name"]) == ["model v1, a file", "model v1, b.pth"]

    def test_untrained_weights_are_named_and_warned_of(self):
        one, two = (layer(beta(0.5, 30, seed), trained=bool(seed)) for seed in range(2))
        side = sides(one, two)
        assert list(side.models["name"]) == ["model v1 (untrained)", "model v1"]
        assert side.warnings[0] == "UNTRAINED, with random weights: model v1 (untrained)"


class TestPage:
    def test_files(self, side, tmp_path):
        page = write_side_by_side(side, tmp_path)
        tables = ("models", "scores", "differences", "ranking")
        expected = {f"{name}.{end}" for name in tables for end in ("csv", "md", "tex")}
        assert {path.name for path in tmp_path.iterdir()} == {*expected, "figures", page.name}
        for name in tables:
            read, table = pd.read_csv(tmp_path / f"{name}.csv"), getattr(side, name)
            assert list(read.columns) == list(table.columns)
            numbers = table.select_dtypes("number")
            np.testing.assert_array_equal(read[numbers.columns], numbers)
        drawn = {path.name for path in (tmp_path / "figures").iterdir()}
        assert {f"scores.{end}" for end in ("png", "svg", "pdf", "csv")} <= drawn

    def test_what_the_user_named_is_escaped(self, tmp_path):
        runs = [layer(beta(0.5, 30, seed), model=f"{NASTY}{seed}") for seed in range(2)]
        page = write_side_by_side(sides(*runs), tmp_path).read_text(encoding="utf-8")
        assert "<script>alert" not in page
        assert "&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt; &amp; 50 %_{|}0 v1" in page
        assert r"\& 50 \%\_\{|\}0 v1" in (tmp_path / "models.tex").read_text()
        row = (tmp_path / "models.md").read_text().splitlines()[2]
        assert "<script" not in row
        head = (tmp_path / "models.md").read_text().splitlines()[0]
        assert row.count("|") - row.count(r"\|") == head.count("|")

    def test_nothing_is_fetched(self, side, tmp_path):
        page = write_side_by_side(side, tmp_path).read_text(encoding="utf-8")
        assert not re.search(r'(?:src|href)="(?!data:|#|https://doi\.org)', page)

    def test_every_link_has_a_target(self, side, tmp_path):
        page = write_side_by_side(side, tmp_path).read_text(encoding="utf-8")
        targets = set(re.findall(r'id="([^"]+)"', page))
        assert set(re.findall(r'href="#([^"]+)"', page)) <= targets

    def test_degrees_are_drawn_where_they_differ(self, side):
        runs = [
            layer(beta(0.5, 30, seed), display={"degrees": degrees, "width_px": 224})
            for seed, degrees in enumerate((4.0, 8.0))
        ]
        plates = {plate.name: plate for plate in side_by_side_plates(sides(*runs))}
        assert {"degrees-median", "degrees-similarity"} <= set(plates)
        assert plates["degrees-median"].numbers["degrees"].tolist() == [4, 8]
        assert set(plates["degrees-median"].numbers["line"]) == {"model v1"}
        assert not any(plate.kind == "degrees" for plate in side_by_side_plates(side))

    def test_lines_of_weights_that_share_a_name_are_told_apart(self):
        runs = [
            layer(
                beta(0.5, 30, seed),
                weights_hash=f"{seed % 2}" * 16,
                display={"degrees": degrees, "width_px": 224},
            )
            for seed, degrees in enumerate((4.0, 4.0, 8.0, 8.0))
        ]
        lines = by_degrees(sides(*runs)).groupby("line")["degrees"].unique()
        assert lines.map(list).to_dict() == {
            "model v1, weights 00000000": [4, 8],
            "model v1, weights 11111111": [4, 8],
        }


class TestCommand:
    @pytest.fixture
    def folders(self, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        for seed, name in enumerate("ab"):
            layer(beta(0.4 + 0.2 * seed, 40), model=name).save(name)
        return tmp_path

    def refused(self, capsys, *arguments):
        assert main(["compare", *arguments]) == 2
        (line,) = capsys.readouterr().err.strip().splitlines()
        return line

    def test_two_folders(self, folders, capsys):
        assert main(["compare", "a", "b"]) == 0
        printed = capsys.readouterr().out
        assert printed.rstrip().endswith("comparison: results/comparison/comparison.html")
        assert "a v1" in printed and "P(rank 1)" in printed
        assert len(pd.read_csv(folders / "results/comparison/scores.csv")) == 2

    def test_nothing_is_overwritten(self, folders, capsys):
        assert "already holds files" in self.refused(capsys, "a", "b", "--out", "a")

    @pytest.mark.parametrize(
        ("words", "message"),
        [
            (["a"], "there is one run of one layer, v1"),
            ([], "no run was given"),
            (["a", "c"], "c holds no results"),
            (["a", "./a"], "a is given twice"),
            (["a", "b", "--seeds", "nested"], "nested"),
        ],
    )
    def test_mistakes(self, folders, capsys, words, message):
        assert message in self.refused(capsys, *words)
        assert not (folders / "results").exists()

    def test_a_copy_of_a_folder(self, folders, capsys):
        layer(beta(0.4, 40), model="a").save("copy")
        assert "a and copy hold the same run" in self.refused(capsys, "a", "copy")

    def test_another_battery(self, folders, capsys):
        units = open_results("b").units
        units["circular_variance"].attrs["definition"] = "another one"
        replace(open_results("b"), battery="other", units=units).save("other")
        assert "these runs share nothing" in self.refused(capsys, "a", "other")

    @pytest.mark.parametrize("text", ["{", "{}", "3"])
    def test_a_record_that_was_never_ours(self, folders, capsys, text):
        (folders / "b/provenance.json").write_text(text)
        assert "b/provenance.json is damaged" in self.refused(capsys, "a", "b")
        (folders / "b/manifest.json").unlink()
        write_manifest(folders / "b")
        assert "b cannot be read as results" in self.refused(capsys, "a", "b")

    def test_a_damaged_table(self, folders, capsys):
        (folders / "b/comparison.csv").write_text('layer,label\n"v1')
        assert "b/comparison.csv is damaged" in self.refused(capsys, "a", "b")

    @pytest.mark.parametrize("as_folders", [False, True])
    def test_from_python_as_from_the_command_line(self, folders, as_folders):
        main(["compare", "a", "b", "--seed", "3"])
        pair = ("a", folders / "b") if as_folders else map(open_results, "ab")
        side = insilico.compare(*pair, seed=3)
        for name in ("scores", "differences", "ranking"):
            written = pd.read_csv(folders / f"results/comparison/{name}.csv")
            table = getattr(side, name)
            numbers = table.select_dtypes("number").columns
            np.testing.assert_array_equal(written[numbers], table[numbers])

    def test_from_python_mistakes_are_told_too(self, folders):
        for runs, message in (
            (["a", "./a"], "is given twice"),
            (["a", "c"], "c holds no results"),
            ([open_results("a"), open_results("a")], "hold the same run"),
        ):
            with pytest.raises(UserError, match=message):
                insilico.compare(*runs)

    def test_opened_without_recordings(self, folders):
        runs = open_runs(["a", "b"])
        assert list(runs) == ["a", "b"]
        assert runs["a"].units.sizes["unit"] == 40


@pytest.mark.parametrize(
    ("names", "written"),
    [
        (("resnet18 layer1", "resnet18 layer1 (untrained)"), ["layer1", "layer1 (untrained)"]),
        (("resnet18 layer1", "resnet50 layer1"), ["resnet18 layer1", "resnet50 layer1"]),
        (("alexnet", "alexnet, 4 deg"), ["alexnet", "alexnet, 4 deg"]),
    ],
)
def test_layers_of_one_model_are_called_by_their_layers(names, written):
    scores = pd.DataFrame(
        {
            "name": names,
            "reference": "ringach2002.circular_variance",
            "label": "Circular variance",
            "similarity": [0.5, 0.6],
            "skill": [0.1, 0.2],
        }
    )
    ax = score_maps(scores).axes[0]
    assert [label.get_text() for label in ax.get_xticklabels()] == written
