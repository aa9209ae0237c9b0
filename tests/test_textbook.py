"""Textbook units: pixels against formulas, and the truth against what can be worked out by hand."""

import numpy as np
import pandas as pd
import pytest
import torch

from insilico.models.textbook.drive import drive, harmonics, size_drive
from insilico.models.textbook.module import Textbook
from insilico.models.textbook.truth import modulation_ratio, properties, size_curve
from insilico.models.textbook.units import KINDS, draw_units, profile
from stimuli import Display, grating

PHASES = np.arange(0, 360, 45)


@pytest.fixture(scope="module")
def textbook():
    return Textbook()


@pytest.fixture(scope="module")
def truth(textbook):
    return textbook.truth()


def one_unit(kind="simple", **parameters):
    """A unit with round numbers: horizontal bars of 2 cpd at the centre of the display."""
    usual = {
        "kind": kind, "x": 0.0, "y": 0.0, "orientation": 0.0, "spatial_frequency": 2.0,
        "phase": 0.0, "sigma_across": 0.3, "sigma_along": 0.3, "suppression": 0.0, "gain": 1.0,
    }  # fmt: skip
    return pd.DataFrame([usual | parameters])


def half_width(cycles, share):
    """Half-bandwidth, as a share of the preferred frequency, of a Gabor's Gaussian passband."""
    return np.sqrt(-2 * np.log(share)) / (2 * np.pi * cycles)


def deviation(textbook, images, expected):
    """Largest difference of the responses to images from what is expected, in gains."""
    with torch.inference_mode():
        responses = textbook(images).T.double().numpy()
    return np.abs(responses - expected).max() / textbook.units["gain"].min()


# The population


def test_population_is_drawn_as_described(textbook):
    units = textbook.units
    assert len(units) == 240
    assert units["kind"].value_counts().reindex(KINDS).tolist() == [80, 80, 40, 40]
    assert np.hypot(units["x"], units["y"]).max() < 0.15
    assert units["spatial_frequency"].between(0.7, 5).all()
    assert units["suppression"].between(0, 0.95).all()
    assert ((units["suppression"] > 0) == units["kind"].str.startswith("normalised")).all()
    # Off every grid: no value comes twice.
    drawn = units[["x", "y", "orientation", "spatial_frequency", "phase", "gain"]]
    assert drawn.nunique().eq(len(units)).all()


def test_seeds_repeat_and_differ():
    display = Display()
    first, again, other = (draw_units(30, display=display, seed=seed) for seed in (1, 1, 2))
    pd.testing.assert_frame_equal(first, again)
    assert (first["orientation"] != other["orientation"]).all()


def test_a_display_too_small_or_too_coarse_is_an_error():
    with pytest.raises(ValueError, match=r"at least 64 px .*got 32 x 32 px of 8 deg"):
        Textbook(pixels=32)
    with pytest.raises(ValueError, match="got 224 x 224 px of 1 deg"):
        Textbook(degrees=1.0)


def test_receptive_fields_do_not_see_uniform_light(textbook):
    """Exactly in the formula, to rounding on pixels; and so the blank gives exactly 0."""
    weight = textbook.weight.double()
    assert (weight.sum(1).abs() / weight.abs().sum(1)).max() < 1e-6
    assert textbook(torch.full((1, 1, 224, 224), 0.5)).abs().max() == 0
    white = textbook(torch.ones(1, 1, 224, 224))
    assert white.abs().max() < 1e-3


def test_pairs_are_in_quadrature():
    x = torch.linspace(-2, 2, 201, dtype=torch.float64)
    grid = torch.meshgrid(x, x, indexing="ij")
    even, odd = profile(one_unit(), grid[0].reshape(1, -1), grid[1].reshape(1, -1))
    assert (even * odd).sum().abs() < 1e-9 * even.abs().max()
    # One amplitude: both answer their own grating alike.
    wave = 2 * torch.pi * 2 * -grid[1].reshape(1, -1)
    area = (x[1] - x[0]) ** 2
    ahead, behind = (even * torch.cos(wave)).sum() * area, (odd * torch.sin(wave)).sum() * area
    assert ahead == pytest.approx(1, abs=0.03)
    assert behind == pytest.approx(1, abs=0.03)


# Pixels against formulas


@pytest.mark.parametrize("contrast", [1.0, 0.3])
@pytest.mark.parametrize(("x", "y"), [(0.0, 0.0), (0.31, -0.22)])
def test_responses_to_full_gratings_equal_the_formula(textbook, contrast, x, y):
    """Every unit, at gratings that suit some of them and not others."""
    rng = np.random.default_rng(0)
    n = 60
    units = textbook.units.iloc[rng.choice(len(textbook.units), n, replace=False)]
    shown = {
        "orientation": units["orientation"].to_numpy() + rng.normal(0, 12, n),
        "spatial_frequency": units["spatial_frequency"].to_numpy() * 2 ** rng.normal(0, 0.3, n),
        "contrast": contrast,
        "x": x,
        "y": y,
    }
    phase = rng.uniform(0, 360, n)
    expected = textbook.response(phase=phase[:, None], **shown)[..., 0]
    assert expected.max() > 5
    images = grating(textbook.display, phase=phase, **shown)
    assert deviation(textbook, images, expected) < 5e-5


def test_every_unit_equals_the_formula_at_its_own_grating(textbook):
    units = textbook.units
    shown = {
        "orientation": units["orientation"] + 3,
        "spatial_frequency": units["spatial_frequency"],
    }
    phase = units["phase"].to_numpy()
    expected = np.diagonal(
        textbook.response(
            orientation=shown["orientation"].to_numpy(),
            spatial_frequency=shown["spatial_frequency"].to_numpy(),
            phase=phase[:, None],
        )[..., 0]
    )
    responses = []
    with torch.inference_mode():
        for first in range(0, len(units), 60):
            rows = slice(first, first + 60)
            part = {name: values[rows] for name, values in shown.items()}
            images = grating(textbook.display, phase=phase[rows], **part)
            responses.append(textbook(images).numpy()[:, rows].diagonal())
    np.testing.assert_allclose(np.concatenate(responses), expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(("pixels", "tolerance"), [(224, 0.02), (672, 0.002)])
def test_responses_to_disks_approach_the_quadrature(pixels, tolerance):
    """What remains is the raster of the disk's edge, which goes with the square of the pixels."""
    textbook = Textbook(pixels=pixels, n=24, seed=4)
    units = textbook.units
    shown = {
        "orientation": units["orientation"].to_numpy()[::6],
        "spatial_frequency": units["spatial_frequency"].to_numpy()[::6],
        "x": 0.07,
        "y": -0.05,
    }
    phase = units["phase"].to_numpy()[::6]
    worst = 0.0
    for diameter in (0.5, 1.1, 2.3, 5.0):
        expected = textbook.response(phase=phase[:, None], diameter=diameter, **shown)[..., 0]
        images = grating(textbook.display, phase=phase, diameter=diameter, **shown)
        with torch.inference_mode():
            responses = textbook(images).T.numpy()
        largest = np.maximum(units["gain"].to_numpy()[:, None], expected)
        worst = max(worst, (np.abs(responses - expected) / largest).max())
    assert worst < tolerance


def test_quadrature_has_converged_and_ends_at_the_formula():
    units = draw_units(60, display=Display(), seed=2)
    shown = {
        "orientation": units[["orientation"]].to_numpy() + np.array([0, 20]),
        "spatial_frequency": units[["spatial_frequency"]].to_numpy() * [1, 1.4],
        "x": 0.03,
        "y": -0.02,
    }
    diameters = [0.3, 0.9, 2.0, 30.0]
    usual = size_drive(units, diameters=diameters, **shown)
    finer = size_drive(units, diameters=diameters, precision=1.5, **shown)
    endless = drive(units, **shown)
    pooled = units["suppression"].to_numpy() > 0
    for name, values in vars(usual).items():
        which = pooled if name.startswith("pool") else slice(None)
        np.testing.assert_allclose(values, getattr(finer, name), atol=1e-6)
        np.testing.assert_allclose(values[..., -1][which], getattr(endless, name)[which], atol=1e-6)


def test_quadrature_does_not_depend_on_which_diameters_are_asked_together():
    units = draw_units(12, display=Display(), seed=3)
    shown = {"orientation": 40.0, "spatial_frequency": 2.0}
    together = size_drive(units, diameters=[0.4, 1.0, 3.0], **shown)
    alone = drive(units, diameter=1.0, **shown)
    np.testing.assert_allclose(together.energy[..., 1], alone.energy, atol=1e-7)
    np.testing.assert_allclose(together.linear[..., 1], alone.linear, atol=1e-7)


# Truth against what can be worked out by hand


def test_a_unit_prefers_its_own_orientation(textbook, truth):
    difference = (truth["preferred_orientation"] - textbook.units["orientation"] + 90) % 180 - 90
    assert difference.abs().max() < 1e-6
    assert truth["preferred_orientation"].between(0, 180, inclusive="left").all()


def test_bandwidths_of_a_gabor_of_many_cycles():
    """Its passband is a Gaussian about the carrier, whose width is the envelope's inverse."""
    cycles = 2.0
    units = pd.concat(
        [one_unit(kind, sigma_across=cycles / 2, sigma_along=cycles / 2)
         for kind in ("simple", "complex")]
    )  # fmt: skip
    truth = properties(units, diameters=[1.0, 8.0])
    # The response of a simple cell goes with amplitude, that of a complex cell with its square.
    shares = np.array([2**-0.5, 2**-0.25])
    width = half_width(cycles, shares)
    np.testing.assert_allclose(truth["preferred_spatial_frequency"], 2, rtol=1e-4)
    np.testing.assert_allclose(
        truth["spatial_frequency_bandwidth"], np.log2((1 + width) / (1 - width)), rtol=1e-3
    )
    # On the circle of one frequency the distance from the peak is a chord.
    chord = 2 * np.rad2deg(np.arcsin(width / 2))
    np.testing.assert_allclose(truth["orientation_half_bandwidth"], chord, rtol=1e-3)
    half = 2 * np.rad2deg(np.arcsin(half_width(cycles, np.array([0.5, 0.5**0.5])) / 2))
    np.testing.assert_allclose(truth["orientation_half_width"], half, rtol=1e-3)
    np.testing.assert_allclose(truth["orthogonal_preferred_ratio"], 0, atol=1e-9)


def test_circular_variance_of_narrow_tuning():
    """A Gaussian curve of standard deviation s has a resultant of exp(-2 s^2)."""
    truth = properties(one_unit(sigma_across=2.0, sigma_along=2.0), diameters=[1.0, 8.0])
    spread = np.deg2rad(truth["orientation_half_bandwidth"]) / np.sqrt(np.log(2))
    np.testing.assert_allclose(truth["circular_variance"], 1 - np.exp(-2 * spread**2), rtol=0.01)


@pytest.mark.parametrize(
    ("kind", "ratio"),
    [("simple", np.pi / 2), ("complex", 0), ("normalised_simple", 16 / (3 * np.pi))],
)
def test_modulation_ratio_of_continuous_phase(kind, ratio):
    """Of a half-wave rectified cosine pi/2, of its square 16 / (3 pi)."""
    units = one_unit(kind, sigma_across=1.5)
    found = modulation_ratio(units, orientation=0.0, spatial_frequency=2.0)
    assert found == pytest.approx(ratio, abs=1e-6)


def test_modulation_ratio_at_the_sampled_phases():
    """With 8 phases, the preferred one among them, a simple cell has F1/F0 = 4 / (1 + sqrt 2)."""
    condition = {"orientation": 0.0, "spatial_frequency": 2.0, "phases": PHASES}
    assert modulation_ratio(one_unit(), **condition) == pytest.approx(4 / (1 + np.sqrt(2)))
    # Half a step off: F0 = cos(22.5) cos(45) ... of four phases instead of three.
    shifted = one_unit(phase=22.5)
    off = 4 / (2 * np.cos(np.pi / 8) + 2 * np.cos(3 * np.pi / 8))
    assert modulation_ratio(shifted, **condition) == pytest.approx(off)
    # Anchored a quarter of a cycle off the receptive field, the phase that it prefers has moved
    # by 90 deg, which the eight phases cannot tell.
    moved = modulation_ratio(one_unit(), y=0.125, **condition)
    assert moved == pytest.approx(4 / (1 + np.sqrt(2)))


def test_phase_is_that_at_the_anchor(textbook):
    """A simple cell answers best to its own phase at its own centre."""
    units = textbook.units[textbook.units["kind"] == "simple"].iloc[:10]
    for _, unit in units.iterrows():
        driven = drive(
            pd.DataFrame([unit]),
            orientation=unit["orientation"],
            spatial_frequency=unit["spatial_frequency"],
            x=unit["x"],
            y=unit["y"],
        )
        best = -np.rad2deg(np.angle(driven.linear.item()))
        # Within the few degrees by which a Gabor of few cycles deviates.
        assert (best - unit["phase"] + 180) % 360 - 180 == pytest.approx(0, abs=3)


def test_harmonics_by_many_phases_and_by_quadrature_agree(textbook):
    units = textbook.units
    driven = drive(units, orientation=units[["orientation"]], spatial_frequency=[1.5, 3.0])
    exact = harmonics(units, driven)
    dense = harmonics(units, driven, phases=np.arange(720) / 2)
    for value, expected in zip(exact, dense, strict=True):
        np.testing.assert_allclose(value, expected, atol=1e-3)


def test_units_without_a_pool_are_not_suppressed(textbook, truth):
    free = textbook.units["suppression"] == 0
    assert truth["suppression_index"][free].max() < 0.01
    suppressed = truth["suppression_index"][~free]
    assert suppressed.min() >= 0
    assert suppressed.max() > 0.8
    # Spread over the range, and ordered by the weight of the pool.
    assert np.histogram(suppressed, bins=[0, 0.2, 0.4, 0.6, 0.8, 1])[0].min() >= 5
    assert suppressed.rank().corr(textbook.units["suppression"][~free].rank()) > 0.95


def test_energy_of_a_round_gabor_in_a_disk():
    """Its integral over a disk of its own grating, which polar coordinates give by hand.

    For very many cycles the carrier averages out: the amplitude is 1 - exp(-r^2 / 2 sigma^2).
    """
    units = one_unit("complex", sigma_across=0.3, sigma_along=0.3, spatial_frequency=40.0)
    diameters = np.array([0.3, 0.6, 1.2, 3.0])
    curve = size_curve(units, diameters, orientation=0.0, spatial_frequency=40.0)
    expected = (1 - np.exp(-((diameters / 2) ** 2) / (2 * 0.3**2))) ** 2
    np.testing.assert_allclose(curve[0], expected, atol=2e-3)


def test_summation_field_of_a_round_gabor():
    units = one_unit("complex", spatial_frequency=20.0)
    truth = properties(units, diameters=np.geomspace(0.1, 8, 64))
    by_hand = 2 * 0.3 * np.sqrt(-2 * np.log(1 - np.sqrt(0.95)))
    assert truth["grating_summation_field"].item() == pytest.approx(by_hand, rel=0.01)


def test_normalisation_divides_by_the_pool():
    """At a full preferred grating energy and pool are the same, E: E / (1 - s + s E)."""
    strength = 0.7
    shape = {"sigma_across": 1.0, "sigma_along": 1.0}
    unit = one_unit("normalised_complex", suppression=strength, **shape)
    energy = 0.25**2
    response = harmonics(unit, drive(unit, orientation=0.0, spatial_frequency=2.0), contrast=0.25)[
        0
    ]
    assert response == pytest.approx(energy / (1 - strength + strength * energy), rel=1e-6)


def test_truth_is_finite_and_sane(textbook, truth):
    assert not truth.isna().to_numpy().any()
    assert (truth["spatial_frequency_low"] < truth["preferred_spatial_frequency"]).all()
    assert (truth["preferred_spatial_frequency"] < truth["spatial_frequency_high"]).all()
    assert truth["orientation_half_bandwidth"].between(5, 35).all()
    assert (truth["orientation_half_width"] > truth["orientation_half_bandwidth"]).all()
    ratio = truth["preferred_spatial_frequency"] / textbook.units["spatial_frequency"]
    assert ratio.between(0.94, 1.06).all()


def test_truth_at_sampled_phases_or_in_a_disk_stays_close(truth):
    textbook = Textbook(n=12, seed=1)
    exact = textbook.truth()
    sampled = textbook.truth(phases=np.arange(0, 360, 7.5))
    wide = textbook.truth(diameter=8.0)
    names = ["orientation_half_bandwidth", "spatial_frequency_bandwidth", "suppression_index"]
    np.testing.assert_allclose(sampled[names], exact[names], rtol=0.01, atol=1e-3)
    np.testing.assert_allclose(wide[names], exact[names], rtol=0.01, atol=1e-3)


def test_truth_does_not_depend_on_the_pixels():
    """Parameters follow the display, but nothing else does: 448 px draw the same units."""
    pd.testing.assert_frame_equal(
        Textbook(n=9).truth(diameters=[0.5, 2.0, 8.0]),
        Textbook(n=9, pixels=448).truth(diameters=[0.5, 2.0, 8.0]),
    )


# The module


def test_wrong_images_are_an_error():
    textbook = Textbook(n=3)
    for shape in ((1, 3, 224, 224), (1, 1, 64, 64)):
        with pytest.raises(ValueError, match=r"\(batch, 1, 224, 224\); got"):
            textbook(torch.zeros(shape))


def test_a_nan_is_not_hidden():
    images = torch.full((2, 1, 224, 224), 0.5)
    images[0, 0, 3, 5] = torch.nan
    responses = Textbook(n=9)(images)
    assert responses[0].isnan().all()
    assert not responses[1].isnan().any()


def test_the_layer_records_the_output():
    textbook = Textbook(n=6)
    recorded = []
    textbook.v1.register_forward_hook(lambda module, inputs, output: recorded.append(output))
    responses = textbook(torch.rand(2, 1, 224, 224))
    assert torch.equal(recorded[0], responses)
    assert responses.shape == (2, 6)
    assert not list(textbook.parameters())
