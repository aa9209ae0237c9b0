"""Optimal surrounds: of cells with a surround that is tuned as they are."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

import insilico
from insilico.experiments.optimal_surrounds import optimal_surrounds
from insilico.recording.probe import Probe
from stimuli import Display, grating

DISPLAY = Display.square(40, 5.0)
ORIENTATIONS = np.array([0.0, 45.0, 90.0, 135.0])
FREQUENCY = 1.2
CENTRE = 1.5


class Normalized(nn.Module):
    """Energies in the middle, divided by those of the same orientation around it."""

    def __init__(self, side=11):
        super().__init__()
        y, x = np.meshgrid(*2 * [(np.arange(side) - side // 2) / 8], indexing="ij")
        turn = np.deg2rad(ORIENTATIONS)[:, None, None]
        carrier = 2 * np.pi * FREQUENCY * (np.sin(turn) * x + np.cos(turn) * y)
        window = np.exp(-(x**2 + y**2) / 0.18)
        pairs = np.concatenate([window * np.cos(carrier), window * np.sin(carrier)])
        pairs -= pairs.mean((1, 2), keepdims=True)
        self.weight = nn.Parameter(torch.tensor(pairs)[:, None].float())
        distance = np.hypot(*np.meshgrid(*2 * [np.arange(40) - 19.5])) / 8
        self.around = torch.tensor((distance > 1.2) & (distance < 2.2)).float()
        self.v1 = nn.Identity()

    def forward(self, images):
        found = functional.conv2d(images, self.weight, padding="same") ** 2
        energy = found[:, :4] + found[:, 4:]
        centre = energy[:, :, 19:21, 19:21].mean((2, 3))
        surround = (energy * self.around).sum((2, 3)) / self.around.sum()
        return self.v1(centre / (0.1 + surround))


@pytest.fixture(scope="module")
def probe():
    return Probe(Normalized(), ["v1"], display=DISPLAY, channels=1)


@pytest.fixture(scope="module")
def centres():
    return grating(
        DISPLAY,
        orientation=ORIENTATIONS,
        spatial_frequency=FREQUENCY,
        diameter=CENTRE,
        contrast=0.6,
    )


def main_orientation(picture):
    """Orientation of the strongest wave of a picture, in deg."""
    power = np.abs(np.fft.fft2(picture - picture.mean(), (120, 120))) ** 2
    frequency = np.fft.fftfreq(120)
    down, across = np.unravel_index(power.argmax(), power.shape)
    return np.rad2deg(np.arctan2(-frequency[down], frequency[across])) + 90


def test_the_most_suppressive_surround_has_the_orientation_of_the_cell(probe, centres):
    found = optimal_surrounds(probe, centres, diameter=CENTRE)
    assert (found["response"] < 0.5 * found["centre_response"]).all()
    pictures = torch.tensor(found.to_numpy())[:, None]
    seen = torch.diagonal(probe.respond(pictures)).detach()
    np.testing.assert_allclose(found["response"], seen, rtol=1e-4)
    for picture, centre, orientation in zip(
        found, centres[:, 0].numpy(), ORIENTATIONS, strict=True
    ):
        distance = np.hypot(DISPLAY.x(), DISPLAY.y()[:, None])
        middle = distance < CENTRE / 2 - 0.1
        # The centre is as it was.
        np.testing.assert_allclose(picture.to_numpy()[middle], centre[middle], atol=1e-6)
        ring = np.where(distance > CENTRE / 2 + 0.1, picture - 0.5, 0)
        off = (main_orientation(ring) - orientation + 90) % 180 - 90
        assert abs(off) < 10
        contrast = np.sqrt((ring[distance > CENTRE / 2 + 0.1] ** 2).mean()) / 0.5
        assert contrast == pytest.approx(0.2, rel=0.1)


def test_the_most_exciting_surround_suppresses_less(probe, centres):
    said = {"diameter": CENTRE, "steps": 20}
    worst = optimal_surrounds(probe, centres, **said)
    best = optimal_surrounds(probe, centres, suppressive=False, **said)
    assert (best["response"] > 1.5 * worst["response"]).all()


def test_one_picture_is_needed_for_each_unit(probe, centres):
    with pytest.raises(insilico.UserError, match="4 grey pictures, one for each unit, of 40 x 40"):
        optimal_surrounds(probe, centres[:3], diameter=CENTRE)


def test_cells_without_a_surround_do_not_spoil_the_gradients_of_others():
    model = insilico.load_model("textbook:normalization", n=4)
    assert (model.response_gain == 0).any()
    size = (1, 1, model.display.height, model.display.width)
    pictures = torch.full(size, 0.5, requires_grad=True)
    noisy = pictures + 0.2 * torch.randn(size, generator=torch.Generator().manual_seed(0))
    (slope,) = torch.autograd.grad(model(noisy).sum(), pictures)
    assert bool(slope.isfinite().all())


def test_gradients_are_taken_in_float32_proper(probe, centres, monkeypatch):
    """Also on the way back, which a GPU would otherwise go in TF32."""
    switches, plain = [], torch.autograd.grad

    def grad(*given, **options):
        switches.append(torch.backends.cudnn.allow_tf32)
        return plain(*given, **options)

    monkeypatch.setattr(torch.autograd, "grad", grad)
    assert torch.backends.cudnn.allow_tf32
    optimal_surrounds(probe, centres, diameter=CENTRE, steps=2)
    assert switches == [False, False]
