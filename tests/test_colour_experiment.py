"""The experiment on colour: cells of known cone weights, from pixels to the page."""

import numpy as np
import pytest
import torch
import xarray as xr

import insilico
from insilico.experiments.colours import colour_curve, colour_gratings
from insilico.figures.plates import plates
from insilico.models.textbook.colour import ColourOpponent, draw_colour_units
from insilico.recording.reductions import Harmonics
from insilico.tuning.properties import colour as properties
from stimuli import Display, Position, cone_grating
from stimuli.cone_contrast import DIRECTIONS

TOLERANCE = 0.02


@pytest.fixture(scope="module")
def model():
    return insilico.load_model("textbook:colour", n=16, pixels=48, seed=3)


@pytest.fixture(scope="module")
def results(model):
    return insilico.run(model, battery="colour")


@pytest.fixture(scope="module")
def curve(results):
    return results.curves["colour"]


def weights_of(table):
    return np.stack([table[f"{cone}_weight"].to_numpy() for cone in "lms"], axis=1)


def shown_at(curve):
    """Frequency at which each unit responds most."""
    best = abs(curve).max("colour").argmax("spatial_frequency")
    return curve["spatial_frequency"].to_numpy()[best.to_numpy()]


# The cells


def test_pixels_agree_with_the_closed_form(model):
    units, contrast = model.units, np.array([0.06, -0.04, 0.05])
    seen = {"orientation": 40.0, "spatial_frequency": [0.4, 1.1]}
    expected = model.response(contrast, **seen)
    long, medium, short = contrast
    with torch.inference_mode():
        shown = np.stack(
            [
                model(
                    cone_grating(
                        model.display,
                        l_contrast=long,
                        m_contrast=medium,
                        s_contrast=short,
                        phase=phase,
                        **seen,
                    )
                ).T.double()
                for phase in np.arange(0, 360, 30.0)
            ]
        )
    shown /= units["gain"].to_numpy()[:, None]
    turn = np.exp(1j * np.deg2rad(np.arange(0, 360, 30.0)))[:, None, None]
    energy = units["kind"].str.endswith("complex").to_numpy()
    # F1 of half a wave of amplitude a is a / 2.
    found = np.where(
        energy[:, None], np.sqrt(shown.mean(0)), 2 * 2 * np.abs((shown * turn).mean(0))
    )
    largest = np.abs(contrast).sum()
    np.testing.assert_allclose(found, expected, atol=2e-2 * largest)


def test_weights_add_up_and_fields_need_room():
    units = draw_colour_units(40, display=Display.square(96, 6))
    weights = weights_of(units)
    np.testing.assert_allclose(np.abs(weights).sum(1), 1)
    assert (weights[:, 1] > 0).all()
    assert (units["kind"].value_counts() == 10).all()
    assert ((weights[:, 0] > 0) == (units["kind"] == "luminance")).all()
    with pytest.raises(insilico.UserError, match=r"at least 4\.7 px/deg and 5\.1 deg"):
        draw_colour_units(4, display=Display.square(96, 3))
    with pytest.raises(insilico.UserError, match="Give red, green and blue"):
        ColourOpponent(pixels=48, n=4)(torch.zeros(1, 1, 48, 48))


# From pixels


def test_cone_weights_are_recovered(model, results, curve):
    truth = model.cone_weights(shown_at(curve))
    np.testing.assert_allclose(weights_of(results.units), truth, atol=TOLERANCE)
    # Of cells whose cones share a field they are the parameters themselves.
    alike = model.units["kind"] != "single_opponent"
    np.testing.assert_allclose(truth[alike], weights_of(model.units[alike]), atol=1e-12)
    opposed = results.units["l_m_opponent"].to_numpy()
    np.testing.assert_array_equal(opposed, model.units["kind"] != "luminance")
    energy = model.units["kind"].str.endswith("complex")
    np.testing.assert_allclose(
        results.units["cone_weight_exponent"], np.where(energy, 2, 1), rtol=0.01
    )


def test_single_and_double_opponent_cells_are_told_apart(model, results):
    kind = model.units["kind"]
    single, double = (results.units[f"{name}_opponent"] for name in ("single", "double"))
    np.testing.assert_array_equal(single, kind == "single_opponent")
    np.testing.assert_array_equal(double, kind.str.startswith("double"))
    sensitivity = results.units["chromatic_sensitivity"].to_numpy()
    assert sensitivity[kind != "luminance"].min() > 1 > sensitivity[kind == "luminance"].max()


def test_weights_are_recovered_without_phases_too(model, curve):
    """F0 and F1 alone have no sign: it is found among all that there can be."""
    stimuli = colour_gratings(model.card.display, Position())
    probe = insilico.Probe(model, ["v1"], display=model.card.display)
    kept = colour_curve(probe.record(stimuli, reduction=Harmonics()))
    assert not kept["signed"].any()
    found = weights_of(properties.cone_weights(kept))
    np.testing.assert_allclose(found, model.cone_weights(shown_at(curve)), atol=TOLERANCE)


def test_a_run_compares_with_macaque_cells_and_draws_them(results):
    compared = set(results.comparison["reference"])
    assert {"dehorwitz2022.l_weight", "dehorwitz2022.l_m_opponent"} <= compared
    page = next(plate for plate in plates(results) if plate.name == "colour")
    assert "no sample of V1" in page.caption
    assert set(page.numbers["kind"]) == {"single-opponent", "double-opponent", "not opponent"}
    assert len(page.numbers) == results.units.sizes["unit"]


def test_a_run_is_opened_as_it_was_saved(results, curve, tmp_path):
    results.save(tmp_path / "run")
    again = insilico.open_results(tmp_path / "run")
    xr.testing.assert_allclose(again.curves["colour"], curve)
    assert again.provenance["display"]["cones"][2] == [0.0193, 0.1192, 0.9505]


def test_colours_are_of_one_length_that_the_display_can_show():
    table = colour_gratings(Display.square(32, 4), Position()).conditions
    cones = table[["l_contrast", "m_contrast", "s_contrast"]].to_numpy()
    # .95 of the largest L - M: .0988 of each cone, by the matrix.
    np.testing.assert_allclose(np.linalg.norm(cones, axis=1), 0.95 * 0.139825, rtol=1e-5)
    assert set(table["colour"]) == set(DIRECTIONS)


def test_a_grey_model_is_not_shown_colour():
    with pytest.raises(insilico.UserError, match="textbook:control takes grey pictures"):
        insilico.run("textbook:control", battery="colour")


# The regression


def made_curve(weights, exponent, *, signed):
    """One unit at one frequency, as its formula has it."""
    colours = np.array(sorted(DIRECTIONS))
    cones = 0.1 * np.array([DIRECTIONS[name] for name in colours])
    drive = cones @ np.asarray(weights)
    values = np.sign(drive) * np.abs(drive) ** exponent
    return xr.DataArray(
        (values if signed else np.abs(values))[None, :, None],
        dims=("unit", "colour", "spatial_frequency"),
        coords={
            "colour": colours,
            "spatial_frequency": [1.0],
            "signed": ("unit", [signed]),
            "layer": ("unit", ["a"]),
            **{f"{cone}_contrast": ("colour", cones[:, k]) for k, cone in enumerate("lms")},
        },
    )


@pytest.mark.parametrize("signed", [True, False])
@pytest.mark.parametrize("exponent", [0.7, 1.0, 2.6])
@pytest.mark.parametrize("weights", [(-0.45, 0.5, 0.05), (0.6, 0.4, 0), (-0.15, 0.05, -0.8)])
def test_weights_and_exponent_are_those_of_the_formula(weights, exponent, signed):
    found = properties.cone_weights(made_curve(weights, exponent, signed=signed))
    np.testing.assert_allclose(weights_of(found)[0], weights, atol=5e-3)
    assert found["cone_weight_exponent"].item() == pytest.approx(exponent, rel=0.02)
    assert found["cone_weights_fit_r2"].item() > 0.999


def test_a_unit_that_likes_all_colours_alike_has_no_weights():
    alike = made_curve((0.5, 0.5, 0), 1, signed=False)
    alike = alike.copy(data=1 + 0.01 * np.arange(6.0)[None, :, None] % 2)
    silent = alike * 0
    for curve in (alike, silent):
        found = properties.cone_weights(curve)
        assert np.isnan(weights_of(found)).all()
        assert np.isnan(properties.double_opponent(curve)).all()
