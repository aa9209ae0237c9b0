"""V1 predictivity against what is known in closed form, and against the published procedure."""

import numpy as np
import pytest
import torch
import xarray as xr
from PIL import Image
from sklearn.cross_decomposition import PLSRegression
from sklearn.linear_model import RidgeCV
from sklearn.model_selection import ShuffleSplit, StratifiedShuffleSplit
from synthetic_neurons import write_assembly
from torch import nn

import insilico
from insilico.models.card import ModelCard, attach
from insilico.predictivity import NeuralData
from insilico.predictivity import features as features_module
from insilico.predictivity.features import Features
from insilico.predictivity.mappings import PENALTIES, Span, find_mapping, pls, ridge
from insilico.predictivity.reliability import correlations, half_means, reliabilities
from insilico.predictivity.scores import explained_variance, predictions, score_layers
from insilico.predictivity.splits import Split, image_splits, repetition_halves
from insilico.recording.forward import Forward
from stimuli import Display, photographs

N_IMAGES = 60


def rng(seed=0):
    return np.random.default_rng(seed)


def inner(features):
    centred = features - features.mean(axis=0)
    return centred @ centred.T


def recorded(responses, strata=None):
    coords = {
        "stimulus": [f"s{number}" for number in range(responses.shape[0])],
        "neuron": [f"n{number}" for number in range(responses.shape[1])],
    }
    if strata is not None:
        coords["stratum"] = ("stimulus", strata)
    return xr.DataArray(responses, dims=("stimulus", "neuron", "repetition"), coords=coords)


# The splits of the published benchmark


def test_splits_are_the_published_ones():
    strata = np.repeat(["noise", "texture"], N_IMAGES // 2)
    published = StratifiedShuffleSplit(n_splits=10, train_size=0.9, test_size=None, random_state=1)
    expected = list(published.split(np.zeros(N_IMAGES), strata))
    for split, (train, test) in zip(image_splits(N_IMAGES, strata), expected, strict=True):
        np.testing.assert_array_equal(split.train, train)
        np.testing.assert_array_equal(split.test, test)
        assert sorted(strata[split.test]) == ["noise"] * 3 + ["texture"] * 3


def test_too_few_images_of_a_stratum_are_an_error():
    strata = np.array(["texture"] * 59 + ["noise"])
    with pytest.raises(insilico.UserError, match="60 images cannot be split.*set stratify to none"):
        image_splits(N_IMAGES, strata)


@pytest.mark.parametrize("n_images", [10, 20])
def test_one_or_two_images_are_too_few_to_correlate(n_images):
    with pytest.raises(insilico.UserError, match=f"{n_images} images leave [12] to predict"):
        image_splits(n_images)
    assert len(image_splits(21)[0].test) == 3


def test_halves_share_the_repetitions_out():
    halves = repetition_halves(7)
    assert (halves.sum(axis=1) == 1).all()
    assert set(halves.sum(axis=2)[0].tolist()) == {3, 4}
    published = ShuffleSplit(n_splits=10, train_size=0.5, test_size=None, random_state=1)
    for half, (first, _) in zip(halves, published.split(np.zeros(7)), strict=True):
        np.testing.assert_array_equal(np.flatnonzero(half[0]), np.sort(first))


# Correlations and reliabilities


def test_correlations_are_pearsons_of_the_images_that_count():
    first, second = rng().normal(1e6, 1, (2, N_IMAGES, 3))
    counts = rng(1).multinomial(N_IMAGES, np.full(N_IMAGES, 1 / N_IMAGES), size=4)
    found = correlations(first, second, counts.astype(float))
    for resample, row in zip(counts, found, strict=True):
        for neuron in range(3):
            drawn = [np.repeat(each[:, neuron], resample) for each in (first, second)]
            assert row[neuron] == pytest.approx(np.corrcoef(*drawn)[0, 1], abs=1e-7)


def test_a_constant_neuron_has_no_correlation():
    first, second = np.full((N_IMAGES, 1), 0.1), rng().normal(size=(N_IMAGES, 1))
    assert np.isnan(correlations(first, second, np.ones((1, N_IMAGES)))).all()
    assert np.isnan(correlations(second, first, np.ones((1, N_IMAGES)))).all()


def test_images_without_a_value_are_left_out_neuron_by_neuron():
    first, second = rng().normal(1e6, 1, (2, N_IMAGES, 3))
    counts = rng(1).multinomial(N_IMAGES, np.full(N_IMAGES, 1 / N_IMAGES), size=4).astype(float)
    holes = first.copy()
    holes[7, 1], holes[:, 2] = np.nan, np.nan
    found = correlations(holes, second, counts)
    kept = np.delete(np.arange(N_IMAGES), 7)
    np.testing.assert_array_equal(found[:, 0], correlations(first, second, counts)[:, 0])
    np.testing.assert_allclose(
        found[:, 1], correlations(first[kept], second[kept], counts[:, kept])[:, 1], atol=1e-7
    )
    assert np.isnan(found[:, 2]).all()


@pytest.mark.parametrize("n_trials", [1, 2, 6])
def test_one_image_with_few_trials_does_not_cost_the_ceiling(n_trials):
    trials = rng().normal(size=(N_IMAGES, 5, 1)) + rng(1).normal(size=(N_IMAGES, 5, 20))
    sparse = trials.copy()
    sparse[7, :, n_trials:] = np.nan
    whole, found = (
        score_layers({"a": np.eye(N_IMAGES)}, recorded(each), ridge, n_resamples=20).layers.iloc[0]
        for each in (trials, sparse)
    )
    for name in ("ceiling", "ceiling_low", "ceiling_high"):
        assert found[name] == pytest.approx(whole[name], abs=0.03)


def test_reliability_equals_its_theory():
    # A mean of R trials of noise s^2 about signals of variance 1 has the reliability 1/(1+s^2/R).
    n_images, n_neurons, n_repetitions, noise = 2000, 40, 10, 3.0
    signal = rng().normal(size=(n_images, n_neurons, 1))
    trials = signal + noise * rng(1).normal(size=(n_images, n_neurons, n_repetitions))
    found = reliabilities(half_means(recorded(trials)), np.ones((1, n_images)))
    assert np.median(found) == pytest.approx(1 / (1 + noise**2 / n_repetitions), abs=0.01)


def test_missing_trials_count_in_no_half():
    trials = rng().normal(size=(N_IMAGES, 2, 4))
    without = trials.copy()
    without[5, 1, 2] = np.nan
    halves, expected = half_means(recorded(without)), half_means(recorded(trials))
    inside = repetition_halves(4)[:, :, 2]
    for way, half in np.ndindex(inside.shape):
        members = [r for r in np.flatnonzero(repetition_halves(4)[way, half]) if r != 2]
        assert halves[half, way, 5, 1] == pytest.approx(trials[5, 1, members].mean())
        np.testing.assert_allclose(halves[half, way, :5], expected[half, way, :5])


def test_one_repetition_has_no_ceiling():
    assert half_means(recorded(rng().normal(size=(N_IMAGES, 2, 1)))) is None


# Mappings: equal to fits on the raw features


@pytest.mark.parametrize("n_features", [7, 300])
def test_pls_within_the_span_equals_scikit_learn_on_raw_features(n_features):
    features = rng().normal(size=(N_IMAGES, n_features)) * rng(1).uniform(0, 3, n_features)
    responses = features[:, :4] + rng(2).normal(size=(N_IMAGES, 4))
    split = image_splits(N_IMAGES)[0]
    raw = PLSRegression(min(25, n_features), scale=False)
    raw.fit(features[split.train], responses[split.train])
    found = predictions(inner(features), responses, split, pls)
    np.testing.assert_allclose(found, raw.predict(features[split.test]), atol=1e-6)


@pytest.mark.parametrize("n_features", [7, 300])
def test_ridge_within_the_span_equals_scikit_learn_on_raw_features(n_features):
    features = rng().normal(size=(N_IMAGES, n_features)) * rng(1).uniform(0, 3, n_features)
    responses = features[:, :4] + rng(2).normal(size=(N_IMAGES, 4))
    split = image_splits(N_IMAGES)[0]
    centred = features[split.train] - features[split.train].mean(axis=0)
    variance = np.linalg.svd(centred, compute_uv=False) ** 2
    mean = variance[variance > 1e-11 * variance[0]].mean()
    raw = RidgeCV(PENALTIES * mean, alpha_per_target=True)
    raw.fit(features[split.train], responses[split.train])
    found = predictions(inner(features), responses, split, ridge)
    np.testing.assert_allclose(found, raw.predict(features[split.test]), atol=1e-6)


def test_a_span_keeps_all_distances():
    features = rng().normal(size=(N_IMAGES, 300))
    every = np.arange(N_IMAGES)
    span = Span.of(inner(features), every)
    placed = span.coordinates(inner(features), every)
    assert placed.shape == (N_IMAGES, N_IMAGES - 1)
    np.testing.assert_allclose(placed @ placed.T, inner(features), atol=1e-9)


def test_principal_components_are_those_of_the_training_images():
    features = rng().normal(size=(N_IMAGES, 300)) * np.geomspace(1, 1e-3, 300)
    split = image_splits(N_IMAGES)[0]
    centre = features[split.train].mean(axis=0)
    _, _, axes = np.linalg.svd(features[split.train] - centre, full_matrices=False)
    span = Span.of(inner(features), split.train, n_axes=5)
    placed = span.coordinates(inner(features), split.test)
    np.testing.assert_allclose(abs(placed), abs((features[split.test] - centre) @ axes[:5].T))


@pytest.mark.parametrize("fit", [pls, ridge])
def test_features_that_never_differ_predict_the_mean(fit):
    responses = rng().normal(size=(N_IMAGES, 2))
    split = image_splits(N_IMAGES)[0]
    found = predictions(np.zeros((N_IMAGES, N_IMAGES)), responses, split, fit)
    np.testing.assert_allclose(found, np.tile(responses[split.train].mean(axis=0), (6, 1)))


def test_another_mapping_is_an_error():
    with pytest.raises(insilico.UserError, match="mapping must be one of pls, ridge; got 'lasso'"):
        find_mapping("lasso")


# Scores


def published_score(features, responses, strata):
    """Score as the published benchmark does, neuron by neuron and split by split."""
    means = responses.mean(axis=2)
    medians = []
    splits = StratifiedShuffleSplit(n_splits=10, train_size=0.9, random_state=1)
    for train, test in splits.split(means, strata):
        predicted = PLSRegression(25, scale=False).fit(features[train], means[train])
        predicted = predicted.predict(features[test])
        medians.append(
            np.median(
                [np.corrcoef(p, m)[0, 1] for p, m in zip(predicted.T, means[test].T, strict=True)]
            )
        )
    return np.mean(medians)


def test_the_score_is_the_published_one():
    features = rng().normal(size=(N_IMAGES, 300))
    responses = features[:, :5, None] + 2 * rng(1).normal(size=(N_IMAGES, 5, 6))
    strata = np.tile(["noise", "texture"], N_IMAGES // 2)
    scores = score_layers(
        {"layer": inner(features)}, recorded(responses, strata), pls, n_resamples=10
    )
    expected = published_score(features, responses, strata)
    (row,) = scores.layers.to_dict("records")
    assert row["r"] == pytest.approx(expected, abs=1e-8)
    assert row["explained_variance"] == pytest.approx(expected**2 / row["ceiling"])
    old = (expected / row["ceiling"]) ** 2
    assert row["explained_variance_before_2026"] == pytest.approx(old)


def test_a_split_without_a_correlation_is_left_out():
    # A neuron that responds to a few images has r in the splits that predict one of them.
    features, trials = rng().normal(size=(N_IMAGES, 8)), np.zeros((N_IMAGES, 1, 2))
    trials[:4] = 1 + rng(1).normal(size=(4, 1, 2))
    silent = [not (split.test < 4).any() for split in image_splits(N_IMAGES)]
    assert 0 < sum(silent) < len(silent)
    scores = score_layers({"a": inner(features)}, recorded(trials), pls, n_resamples=2)
    assert np.isfinite(scores.layers["r"].item())
    assert scores.layers["r"].item() == pytest.approx(scores.neurons["r"].item())


@pytest.mark.parametrize("seed", range(6))
def test_without_a_ceiling_above_zero_neither_rule_has_a_value(seed):
    features, trials = rng(seed).normal(size=(N_IMAGES, 8)), rng(seed + 9).normal(size=(60, 9, 2))
    row = score_layers({"a": inner(features)}, recorded(trials), pls, n_resamples=0).layers.iloc[0]
    rules = [row["explained_variance"], row["explained_variance_before_2026"]]
    assert np.isnan(rules).tolist() == [row["ceiling"] <= 0] * 2
    assert row["ceiling"] <= 0 or row["r"] > 0 or rules == [0, 0]


def test_the_same_r_scores_14_and_a_half_percent_more_under_the_old_rule():
    r, ceiling = 0.5, 0.873
    assert (r / ceiling) ** 2 / explained_variance(r, ceiling) == pytest.approx(1.145, abs=5e-4)


@pytest.mark.parametrize(
    ("r", "ceiling", "expected"), [(0.6, 0.72, 0.5), (-0.3, 0.8, 0.0), (0.5, -0.1, np.nan)]
)
def test_explained_variance(r, ceiling, expected):
    np.testing.assert_allclose(explained_variance(r, ceiling), expected)


N_KNOWN = 600
N_REPETITIONS = 10
NOISE = 1.5


def neurons_of_a_known_layer(share):
    """Neurons of which a layer knows a share of the signal, and trials about that signal."""
    features = rng().normal(size=(N_KNOWN, 8))
    known = features @ rng(1).normal(size=(8, 30))
    known /= known.std(axis=0)
    unknown = rng(2).normal(size=known.shape)
    signal = np.sqrt(share) * known + np.sqrt(1 - share) * unknown
    trials = signal[..., None] + NOISE * rng(3).normal(size=(*signal.shape, N_REPETITIONS))
    return features, trials


@pytest.mark.parametrize("fit", [pls, ridge])
@pytest.mark.parametrize("share", [1.0, 0.5])
def test_recovered_explained_variance_is_the_true_one_within_its_interval(fit, share):
    features, trials = neurons_of_a_known_layer(share)
    scores = score_layers({"layer": inner(features)}, recorded(trials), fit, n_resamples=300)
    (row,) = scores.layers.to_dict("records")
    reliability = 1 / (1 + NOISE**2 / N_REPETITIONS)
    assert row["ceiling_low"] < reliability < row["ceiling_high"]
    assert row["r_low"] < np.sqrt(share * reliability) < row["r_high"]
    assert row["explained_variance_low"] < share < row["explained_variance_high"]
    assert row["explained_variance"] == pytest.approx(share, abs=0.03)
    if share == 1:
        # The old rule gives a perfect model more than everything.
        assert row["explained_variance_before_2026_low"] > 1


def test_the_right_layer_wins():
    features, trials = neurons_of_a_known_layer(1.0)
    products = {"right": inner(features), "wrong": inner(rng(9).normal(size=(N_KNOWN, 200)))}
    table = score_layers(products, recorded(trials), pls, n_resamples=100).layers
    table = table.set_index("layer")
    assert table.loc["right", "r_low"] > 0.8
    assert table.loc["wrong", "r_high"] < 0.2


def test_scores_are_the_same_for_the_same_seed():
    features, trials = neurons_of_a_known_layer(0.5)
    first, second = (
        score_layers({"a": inner(features)}, recorded(trials), pls, n_resamples=20, seed=3).layers
        for _ in range(2)
    )
    assert first.equals(second)


# Leaks


def sees_what_it_must_not(fit, split):
    """Tell whether predictions change with the responses that they are to be tested on."""
    features = rng().normal(size=(N_IMAGES, 100))
    responses = features[:, :3] + rng(1).normal(size=(N_IMAGES, 3))
    changed = responses.copy()
    changed[split.test] = rng(2).normal(5, 9, (len(split.test), 3))
    before, after = (
        predictions(inner(features), each, split, fit) for each in (responses, changed)
    )
    return not np.array_equal(before, after)


@pytest.mark.parametrize("fit", [pls, ridge])
def test_no_mapping_sees_the_responses_that_it_is_tested_on(fit):
    for split in image_splits(N_IMAGES):
        assert not sees_what_it_must_not(fit, split)


def test_a_planted_leak_is_caught():
    honest = image_splits(N_IMAGES)[0]
    leaky = Split(np.concatenate([honest.train, honest.test]), honest.test)
    assert sees_what_it_must_not(pls, leaky)


def test_noise_is_not_predicted_unless_there_is_a_leak():
    features = rng().normal(size=(200, 100))
    trials = recorded(rng(1).normal(size=(200, 40, 4)))
    honest = image_splits(200)
    leaky = [Split(np.arange(200), split.test) for split in honest]
    found = {
        name: score_layers(
            {"layer": inner(features)}, trials, pls, splits=splits, n_resamples=200
        ).layers.iloc[0]
        for name, splits in (("honest", honest), ("leaky", leaky))
    }
    assert found["honest"]["r_low"] < 0 < found["honest"]["r_high"]
    assert found["leaky"]["r_low"] > 0.5


def test_the_ceiling_does_not_see_the_images_that_are_predicted():
    features, trials = rng().normal(size=(N_IMAGES, 20)), rng(1).normal(size=(N_IMAGES, 3, 6))
    splits = image_splits(N_IMAGES)[:1]
    changed = trials.copy()
    changed[splits[0].test] *= rng(2).uniform(1, 9, size=(len(splits[0].test), 3, 6))
    first, second = (
        score_layers({"a": inner(features)}, recorded(each), pls, splits=splits, n_resamples=9)
        for each in (trials, changed)
    )
    for name in ("ceiling", "ceiling_low", "ceiling_high"):
        assert first.layers[name].iloc[0] == second.layers[name].iloc[0]


# From a model and files to a table

SIDE = 16


def small_network(seed=0):
    torch.manual_seed(seed)
    model = nn.Sequential(nn.Conv2d(1, 6, 5, stride=2), nn.ReLU(), nn.Conv2d(6, 4, 3), nn.ReLU())
    card = ModelCard("small", Display.square(SIDE, 4.0), mean=(0.5,), std=(0.5,), channels=1)
    return attach(model.eval(), card)


def pictures(n=N_IMAGES):
    return rng(7).integers(0, 256, size=(n, SIDE, SIDE), dtype=np.uint8)


@pytest.fixture
def paths(tmp_path):
    found = []
    for number, picture in enumerate(pictures()):
        found.append(tmp_path / f"{number:02d}.png")
        Image.fromarray(picture).save(found[-1])
    return found


def outputs(model, layer):
    images = torch.tensor(pictures()[:, None] / 255, dtype=torch.float32)
    found = {}
    hook = dict(model.named_modules())[layer].register_forward_hook(
        lambda _m, _i, output: found.update(output=output.flatten(1))
    )
    with torch.no_grad():
        model(images)
    hook.remove()
    return found["output"].double().numpy()


@pytest.mark.parametrize("budget", [2**30, 4 * N_IMAGES * 50, 4 * N_IMAGES * 5])
def test_products_are_those_of_the_outputs_whatever_the_memory(paths, budget, monkeypatch):
    monkeypatch.setattr(features_module, "COLUMNS", 16)
    model = small_network()
    images = photographs(model.card.display, paths, degrees=4.0)
    features = Features(Forward(model, channels=1), ("1", "3"), images, budget=budget)
    shown = []
    products = features.products(progress=shown.append)
    for layer in ("1", "3"):
        np.testing.assert_allclose(products[layer], inner(outputs(model, layer)), atol=1e-3)
    # Of 50 columns, 48 are whole blocks of 16: 4 x 48, then 24 + 16, then 48 of the 216 + 64.
    runs = {2**30: 1, 4 * N_IMAGES * 50: 6, 4 * N_IMAGES * 5: 57}[budget]
    assert sum(shown) == features.n_shown() == N_IMAGES * runs
    if budget > 4 * N_IMAGES * 16:
        whole = Features(features.forward, features.layers, images, budget=2**30).products()
        for layer in ("1", "3"):
            np.testing.assert_array_equal(products[layer], whole[layer])


def test_predict_runs_on_an_assembly_of_brain_score(tmp_path):
    model = small_network()
    signal = outputs(model, "1")[:, ::20] * 30
    trials = signal[..., None] + rng().normal(size=(*signal.shape, 8))
    types = ["noise", "texture"] * (N_IMAGES // 2)
    path, folder = write_assembly(
        tmp_path,
        trials,
        texture_types=types,
        regions=["V1"] * signal.shape[1],
        pictures=list(pictures()),
        shuffled=4,
        degrees=4.0,
    )
    data = insilico.open_neurons(path, folder)
    found = insilico.predict(model, data, ["1", "3"], mapping="ridge", n_resamples=50)
    table = found.layers.set_index("layer")
    assert table.loc["1", "n_features"] == 216
    assert table["r"].idxmax() == "1"
    assert [note.split(":")[0] for note in found.warnings[1:]] == ["each split predicts 6 images"]
    saved = found.save(tmp_path / "out")
    assert {path.name for path in saved.iterdir()} == {
        "layers.csv",
        "neurons.csv",
        "provenance.json",
    }


def test_digital_neurons_respond_as_what_they_were_fitted_to(paths):
    # More images than features and no noise: the fit is exact, also for other images.
    model = small_network()
    signal = outputs(model, "3")[:, :10]
    data = NeuralData("known", recorded(signal[..., None]), tuple(paths), 4.0)
    neurons = insilico.predict(model, data, "3", mapping="ridge", n_resamples=2).fit_neurons()
    assert neurons.neurons == tuple(f"n{number}" for number in range(10))
    other = torch.rand((5, 1, SIDE, SIDE), generator=torch.Generator().manual_seed(3))
    with torch.no_grad():
        expected = model(other).flatten(1)[:, :10]
    torch.testing.assert_close(neurons(other), expected, atol=2e-4, rtol=0)


def data_of(responses, paths, **changed):
    return NeuralData("known", recorded(responses), tuple(paths), **{"degrees": 4.0, **changed})


def test_what_makes_a_score_doubtful_is_said(paths):
    responses = rng().normal(size=(N_IMAGES, 6, 4))
    responses[3, 0] = np.nan
    responses[:, 1] = 2.0
    responses[5, 2:, 1:] = np.nan
    twice = [paths[1], *paths[1:]]
    found = insilico.predict(
        small_network(), data_of(responses, twice, degrees=5.0), "3", n_resamples=0
    )
    said = " ".join(found.warnings)
    for words in (
        "1 of 6 neurons were not recorded with every image",
        "1 neurons respond to all images alike",
        "images were shown 1 to 4 times",
        "1 pictures are the same as an earlier one",
        "5 deg wide and the visual field 4",
    ):
        assert words in said
    assert found.layers["n_neurons"].item() == 5
    assert found.neurons["neuron"].tolist() == ["n1", "n2", "n3", "n4", "n5"]


def test_principal_components_are_kept_for_the_scores_and_for_the_neurons(paths):
    data = data_of(outputs(small_network(), "3")[:, :5, None], paths)
    some, every = (
        insilico.predict(small_network(), data, "3", principal_components=n, n_resamples=0)
        for n in (2, None)
    )
    (products,) = some.fitting.products.values()
    expected = score_layers({"3": products}, data.responses, pls, n_axes=2, n_resamples=0)
    assert some.layers["r"].item() == expected.layers["r"].item() < every.layers["r"].item() - 0.1
    ranks = [
        torch.linalg.matrix_rank(found.fit_neurons().readout.weight, rtol=1e-4).item()
        for found in (some, every)
    ]
    assert ranks[0] == 2 < ranks[1]


def test_the_record_tells_recordings_and_their_reading_apart(paths):
    first, second = rng().normal(size=(2, N_IMAGES, 2, 1))
    records = [
        insilico.predict(small_network(), each, "3", n_resamples=0).provenance
        for each in (data_of(first, paths), data_of(second, paths))
    ]
    assert {name for name in records[0] if records[0][name] != records[1][name]} == {
        "responses_hash"
    }
    read = insilico.predict(
        small_network(), data_of(first, paths, chosen={"stratify": "family"}), "3", n_resamples=0
    )
    assert (read.provenance["stratify"], read.provenance["layers"]) == ("family", ["3"])


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"seed": -1}, "seed must be a whole number from 0"),
        ({"n_resamples": -1}, "n_resamples must be 0 or more"),
        ({"principal_components": 0}, "principal_components must be 1 or more"),
    ],
)
def test_numbers_out_of_range_are_refused(paths, wrong, message):
    data = data_of(rng().normal(size=(N_IMAGES, 2, 1)), paths)
    with pytest.raises(insilico.UserError, match=message):
        insilico.predict(small_network(), data, "3", **wrong)


def test_digital_neurons_can_be_differentiated(paths):
    model = small_network()
    data = NeuralData("known", recorded(rng().normal(size=(N_IMAGES, 2, 1))), tuple(paths), 4.0)
    neurons = insilico.predict(model, data, "3", n_resamples=2).fit_neurons()
    image = torch.rand((1, 1, SIDE, SIDE), requires_grad=True)
    neurons(image)[0, 0].backward()
    assert image.grad.abs().max() > 0


def test_unnamed_models_cannot_be_saved(paths, tmp_path):
    data = NeuralData("known", recorded(rng().normal(size=(N_IMAGES, 2, 1))), tuple(paths), 4.0)
    neurons = insilico.predict(small_network(), data, "3", n_resamples=2).fit_neurons()
    with pytest.raises(insilico.UserError, match="cannot be loaded again by name"):
        neurons.save(tmp_path / "neurons")


@pytest.mark.slow
def test_intervals_hold_the_truth_in_95_percent_of_experiments():
    share, reliability = 0.6, 1 / (1 + NOISE**2 / N_REPETITIONS)
    truth = {
        "r": np.sqrt(share * reliability),
        "ceiling": reliability,
        "explained_variance": share,
    }
    held = []
    for seed in range(60):
        draw = rng([seed, 11])
        features, weights = draw.normal(size=(450, 8)), draw.normal(size=(8, 40))
        known = features @ (weights / np.linalg.norm(weights, axis=0))
        signal = np.sqrt(share) * known + np.sqrt(1 - share) * draw.normal(size=known.shape)
        trials = signal[..., None] + NOISE * draw.normal(size=(*signal.shape, N_REPETITIONS))
        table = score_layers({"a": inner(features)}, recorded(trials), pls, n_resamples=200).layers
        held.append(
            [
                (table[f"{name}_low"] < value).item() and (table[f"{name}_high"] > value).item()
                for name, value in truth.items()
            ]
        )
    # Of 60, 52 or fewer have a chance of 0.6 % at 95 %.
    assert np.sum(held, axis=0).min() > 52
