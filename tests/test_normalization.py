"""Normalized cells: pixels against closed forms, and closed forms against what is known by hand."""

import numpy as np
import pandas as pd
import pytest
import torch

import insilico
from insilico.models.textbook.closed_form import recorded
from insilico.models.textbook.normalization import NormalizedPopulation
from insilico.models.textbook.normalized_truth import (
    Component,
    amplitudes,
    annulus,
    responses,
)
from insilico.models.textbook.normalized_units import draw_normalized, pool, surround
from stimuli import Display, bar, center_surround, factorial, grating, plaid

PHASES = np.arange(0, 360, 45.0)
DISPLAY = Display.square(96, 6)


@pytest.fixture(scope="module")
def population():
    return NormalizedPopulation(n=8, seed=5)


def own(units, i):
    """Where a unit looks, and its preferred grating."""
    names = ("orientation", "spatial_frequency", "x", "y")
    return {name: float(units[name].iloc[i]) for name in names}


def by_pixels(model, stimuli):
    with torch.inference_mode():
        return model(stimuli.images()).double().numpy().T


# The population


def test_a_quarter_lacks_each_gain():
    units = draw_normalized(64, display=DISPLAY)
    without = units[["response_gain", "contrast_gain"]] == 0
    assert without.value_counts().tolist() == [16] * 4
    assert (units["kind"] == "simple").sum() == 32
    pairs = pd.crosstab(units["kind"], without["response_gain"] * 2 + without["contrast_gain"])
    assert (pairs == 8).all(axis=None)
    drawn = units[["x", "orientation", "spatial_frequency", "exponent", "semisaturation"]]
    assert drawn.nunique().eq(64).all()


def test_seeds_repeat_and_differ():
    first, again, other = (draw_normalized(8, display=DISPLAY, seed=seed) for seed in (1, 1, 2))
    pd.testing.assert_frame_equal(first, again)
    assert (first["orientation"] != other["orientation"]).all()


def test_uniform_light_is_not_seen(population):
    assert population(torch.full((1, 1, 96, 96), 0.5)).abs().max() == 0
    assert population(torch.ones(1, 1, 96, 96)).abs().max() < 1e-3


@pytest.mark.parametrize("bank", [pool, surround])
def test_banks_give_1_for_a_full_preferred_grating(population, bank):
    """In closed form, and by pixels, averaged over phase."""
    units = population.units
    for i in range(len(units)):
        one = units.iloc[[i]]
        [full] = amplitudes(one, **own(units, i), diameters=[np.inf])
        ahead, behind = getattr(full, bank.__name__)
        energy = (np.abs(ahead) ** 2 + np.abs(behind) ** 2) / 4
        weight = bank(one).weight.reshape(1, -1)
        assert (weight * energy).sum() == pytest.approx(1, rel=1e-6)
        images = grating(DISPLAY, **own(units, i), phase=PHASES)
        module = getattr(population, bank.__name__)
        with torch.inference_mode():
            by_pixel = module(2 * images[:, 0] - 1)[:, i].mean()
        assert float(by_pixel) == pytest.approx(1, rel=1e-4)


def test_the_control_is_linear_or_energy():
    control = NormalizedPopulation(n=4, seed=5, normalized=False)
    units = control.units
    simple = (units["kind"] == "simple").to_numpy()
    for i in range(4):
        half, full = (
            grating(DISPLAY, **own(units, i), contrast=contrast, phase=PHASES)
            for contrast in (0.5, 1)
        )
        with torch.inference_mode():
            ratio = float(control(full)[:, i].mean() / control(half)[:, i].mean())
        assert ratio == pytest.approx(2 if simple[i] else 4, rel=1e-4)


# Pixels against the closed form


@pytest.mark.parametrize(
    ("draw", "factors", "fixed", "tolerance"),
    [
        (grating, {"contrast": [0.1, 1], "phase": PHASES}, {}, 2e-5),
        (grating, {"diameter": [1.5, 3], "phase": PHASES}, {"contrast": 0.5}, 5e-3),
        (grating, {"inner_diameter": [1.5, 2], "phase": PHASES}, {"diameter": 4.0}, 1e-2),
        (plaid, {"mask_contrast": [0, 0.5], "mask_phase": [0, 90, 180], "phase": PHASES},
         {"mask_orientation": 20.0, "contrast": 0.25}, 2e-5),
        (center_surround, {"surround_orientation": [0, 70], "phase": PHASES},
         {"diameter": 1.2, "contrast": 0.5, "surround_contrast": 0.5, "surround_phase": 40}, 5e-3),
    ],
)  # fmt: skip
def test_pixels_agree_with_the_closed_form(population, draw, factors, fixed, tolerance):
    """Full gratings to rounding; for disks what remains is the raster of their edges."""
    for i in range(len(population.units)):
        stimuli = factorial("known", DISPLAY, draw, factors, **fixed, **own(population.units, i))
        one = NormalizedPopulation(units=population.units.iloc[[i]])
        expected = recorded(one.units, stimuli)
        assert np.abs(by_pixels(one, stimuli) - expected).max() < tolerance * max(expected.max(), 5)


def test_units_can_be_made_alone(population):
    images = grating(DISPLAY, orientation=[20, 70], spatial_frequency=2, diameter=2)
    alone = NormalizedPopulation(units=population.units.iloc[[3]])
    with torch.inference_mode():
        torch.testing.assert_close(alone(images)[:, 0], population(images)[:, 3])


def test_annuli_and_disks_add_up():
    units = draw_normalized(2, display=DISPLAY, seed=1)
    disk, full = amplitudes(
        units, orientation=20, spatial_frequency=2, diameters=[1, np.inf], x=0.1
    )
    ring = annulus(full, disk)
    together = responses(units, Component(disk, 0.3, 40), Component(ring, 0.3, 40))
    np.testing.assert_allclose(together, responses(units, Component(full, 0.3, 40)))


def test_what_has_no_closed_form_is_told(population):
    bars = factorial("bars", DISPLAY, bar, {"orientation": [0, 90]}, length=1, width=0.2)
    with pytest.raises(insilico.UserError, match="known for grating, plaid, .* is drawn by bar"):
        recorded(population.units, bars)


# Closed forms by hand


def complex_unit(**parameters):
    usual = {
        "kind": "complex", "x": 0.0, "y": 0.0, "orientation": 30.0, "spatial_frequency": 2.0,
        "phase": 0.0, "sigma_across": 0.2, "sigma_along": 0.25, "exponent": 2.0,
        "semisaturation": 0.2, "response_gain": 0.0, "contrast_gain": 0.0, "maximum": 30.0,
    }  # fmt: skip
    return pd.DataFrame([usual | parameters])


def test_contrast_response_is_naka_rushton_without_surround():
    """c50 is semisaturation over the root of the pool's energy for the patch at contrast 1."""
    unit = complex_unit(exponent=2.6)
    contrast = np.geomspace(0.01, 1, 12)
    [patch] = amplitudes(unit, orientation=30, spatial_frequency=2, diameters=[0.8])
    curve = np.mean(
        [responses(unit, Component(patch, contrast, phase)) for phase in PHASES], axis=0
    )
    ahead, behind = patch.pool
    energy = pool(unit).weight.reshape(1, -1) * (np.abs(ahead) ** 2 + np.abs(behind) ** 2) / 4
    c50 = 0.2 / np.sqrt(energy.sum())
    driven = contrast**2.6 / (contrast**2.6 + c50**2.6)
    # The pool's ripple over phase is what remains.
    np.testing.assert_allclose(curve[0] / curve[0, -1], driven / driven[-1], rtol=3e-3)


def test_an_orthogonal_mask_adds_its_energy_to_the_pool():
    unit = complex_unit()
    [signal] = amplitudes(unit, orientation=30, spatial_frequency=2, diameters=[np.inf])
    [mask] = amplitudes(unit, orientation=120, spatial_frequency=2, diameters=[np.inf])
    found = [
        responses(unit, Component(signal, 0.25, p), Component(mask, 0.5, q))
        for p in PHASES for q in PHASES
    ]  # fmt: skip
    pooled = 0.25**2 + 0.5**2 * _energy(unit, mask)
    expected = 30 * 0.25**2 / (0.2**2 + pooled)
    assert np.mean(found) == pytest.approx(expected * _own(signal), rel=0.02)


def test_contrast_gain_moves_and_response_gain_scales():
    contrast = np.array([0.1, 1])
    disk, full = amplitudes(
        complex_unit(), orientation=30, spatial_frequency=2, diameters=[1.2, np.inf]
    )
    ring = annulus(full, disk)
    curves = {}
    for name, gains in {
        "none": {}, "response": {"response_gain": 1.0}, "contrast": {"contrast_gain": 0.4}
    }.items():  # fmt: skip
        for around in (0.0, 0.5):
            shown = Component(disk, contrast, 0), Component(ring, around, 0)
            curves[name, around] = responses(complex_unit(**gains), *shown)[0]
    ratio = {
        name: (curves[name, 0.5] / curves[name, 0.0])[[0, -1]] for name in ("response", "contrast")
    }
    # A surround that divides scales alike at every contrast, but for what spills from the centre
    # to the surround; one that adds to the divisor loses to a strong centre.
    assert ratio["response"][1] - ratio["response"][0] < 0.25
    assert ratio["contrast"][0] < 0.7
    assert ratio["contrast"][1] > 0.9
    np.testing.assert_allclose(curves["none", 0.5][-1], curves["none", 0.0][-1], rtol=0.05)


def _energy(unit, waves):
    ahead, behind = waves.pool
    weight = pool(unit).weight.reshape(1, -1)
    return (weight * (np.abs(ahead) ** 2 + np.abs(behind) ** 2) / 4).sum()


def _own(waves):
    ahead, behind = waves.own
    return ((np.abs(ahead) ** 2 + np.abs(behind) ** 2) / 4).item()


# As built-in models


@pytest.mark.parametrize("name", ["normalization", "control"])
def test_built_in_names(name):
    model = insilico.load_model(f"textbook:{name}", n=4, seed=3)
    assert model.normalized == (name == "normalization")
    assert model.card.display == DISPLAY
    assert model.card.layers == ("v1",)
    pd.testing.assert_frame_equal(model.units, draw_normalized(4, display=DISPLAY, seed=3))


def test_a_display_that_cannot_hold_them_is_an_error():
    with pytest.raises(insilico.UserError, match="at least 5.8 deg .*got 4 deg with 24 px/deg"):
        insilico.load_model("textbook:normalization", degrees=4)
    with pytest.raises(insilico.UserError, match="at least 14.4 px/deg"):
        insilico.load_model("textbook:control", pixels=64)


def test_images_of_another_size_are_an_error(population):
    with pytest.raises(insilico.UserError, match=r"takes images of shape \(batch, 1, 96, 96\)"):
        population(torch.rand(1, 3, 96, 96))
