"""Models that behave otherwise than assumed, in `insilico.predict`: as in `run` and `Probe`."""

import numpy as np
import pytest
import torch
import xarray as xr
from PIL import Image
from test_model_kinds import (
    STATEFUL,
    Caching,
    ExitsEarly,
    Frames,
    Of,
    Thrice,
    batch_statistics,
    by_hand,
    largest_of_the_batch,
)
from torch import nn
from torch.nn import functional

import insilico
from insilico.errors import UserError
from insilico.predictivity import NeuralData

SIDE = 32
DEGREES = 2.0
FIELD = {"pixels": SIDE, "degrees": DEGREES}
N_IMAGES = 21


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    rng = np.random.default_rng(0)
    folder = tmp_path_factory.mktemp("pictures")
    paths = [folder / f"{number}.png" for number in range(N_IMAGES)]
    for path in paths:
        Image.fromarray(rng.integers(0, 256, (SIDE, SIDE), dtype=np.uint8)).save(path)
    responses = xr.DataArray(
        rng.normal(size=(N_IMAGES, 2, 1)),
        dims=("stimulus", "neuron", "repetition"),
        coords={"stimulus": [path.stem for path in paths], "neuron": ["a", "b"]},
    )
    return NeuralData("chance", responses, tuple(paths), DEGREES)


def predicted(model, data, layer="o", **options):
    return insilico.predict(
        model, data, layer, mapping="ridge", n_resamples=0, **{**FIELD, **options}
    )


def assert_as_if_shown_alone(found, make, layer="o"):
    images = found.fitting.features.images
    values = by_hand(make, layer, images).flatten(1).double().numpy()
    values -= values.mean(axis=0)
    products = found.fitting.products[layer]
    np.testing.assert_allclose(
        products, values @ values.T, atol=1e-5 * np.abs(products).max(), rtol=0
    )


@pytest.mark.parametrize("make", STATEFUL)
def test_state_does_not_go_from_picture_to_picture(data, make):
    found = predicted(make(), data)
    assert_as_if_shown_alone(found, make)
    assert any("run to its end" in note or "put back" in note for note in found.warnings)


@pytest.mark.parametrize(
    ("make", "layer"),
    [
        (lambda: Of(largest_of_the_batch), "o"),
        (lambda: nn.Sequential(batch_statistics()), "0"),
    ],
    ids=["largest", "statistics"],
)
@pytest.mark.parametrize("batch_size", [1, None])
def test_pictures_do_not_depend_on_their_companions(data, make, layer, batch_size):
    found = predicted(make(), data, layer, batch_size=batch_size)
    assert_as_if_shown_alone(found, make, layer)
    assert any("one picture at a time" in note for note in found.warnings)


def test_noise_is_said_and_seeded(data):
    def noisy():
        return Of(lambda model, y, _x: model.o(functional.dropout(y)), bias=False)

    one, two, other = (predicted(noisy(), data, mean=0.5, seed=seed) for seed in (3, 3, 4))
    assert any("stochastic" in note for note in one.warnings)
    np.testing.assert_array_equal(one.fitting.products["o"], two.fitting.products["o"])
    assert not np.array_equal(one.fitting.products["o"], other.fitting.products["o"])


def test_layers_called_several_times_are_refused_with_their_names(data):
    with pytest.raises(UserError, match=r"called 3 times.*'c@1' to 'c@3'"):
        predicted(Thrice(), data, "c")
    with pytest.raises(UserError, match=r"called 1 to 3 times"):
        predicted(ExitsEarly(), data, "c")
    by_call = {call: predicted(Thrice(), data, f"c@{call}") for call in (1, 3)}
    first, last = (each.fitting.products[f"c@{call}"] for call, each in by_call.items())
    assert not np.allclose(first, last)
    values = by_hand(lambda: nn.Sequential(Thrice().c), "0", by_call[1].fitting.features.images)
    values = values.flatten(1).double().numpy()
    values -= values.mean(axis=0)
    np.testing.assert_allclose(first, values @ values.T, rtol=1e-5, atol=1e-5 * first.max())


def test_rows_and_responses_that_are_none_are_refused(data):
    with pytest.raises(UserError, match="rows are no pictures"):
        predicted(Frames(), data, "c")
    with pytest.raises(UserError, match="complex"):
        predicted(Of(lambda model, y, _x: model.o(y * 1j)), data)


def test_models_can_be_trained_afterwards(data):
    model = Caching()
    predicted(model, data, "c")
    model.train()
    model(torch.rand(2, 3, 48, 48)).sum().backward()
    assert model.c.weight.grad is not None


def energy(model, y, x):
    """Puts out the gradient of its own energy."""
    with torch.enable_grad():
        x = x.detach().requires_grad_()
        return model.o(torch.autograd.grad(model.c(x).pow(2).sum(), x)[0])


@pytest.mark.filterwarnings("ignore")
def test_other_precisions_scripts_and_gradients_inside(data):
    plain = nn.Sequential(nn.Conv2d(3, 8, 7, padding=3), nn.ReLU())
    with torch.random.fork_rng():
        torch.manual_seed(0)
        plain[0].reset_parameters()
    expected = predicted(plain, data, "1").fitting.products["1"]
    for other in (torch.jit.script(plain), nn.Sequential(*plain).double()):
        layer = "1" if isinstance(other, nn.Sequential) else "output"
        found = predicted(other, data, layer).fitting.products[layer]
        np.testing.assert_allclose(found, expected, atol=1e-4 * expected.max())
    with pytest.raises(UserError, match="on the meta device"):
        predicted(nn.Sequential(nn.Conv2d(3, 8, 7, device="meta")), data, "0")
    with pytest.raises(UserError, match=r"KeyError: 'b' \(.*predicted.py, line \d+\)"):
        predicted(Of(lambda model, y, _x: model.o({"a": y}["b"])), data)
    assert_as_if_shown_alone(predicted(Of(energy), data), lambda: Of(energy))
