"""The rig recovers what is known in closed form: textbook units, from pixels to properties.

`make validate` does it for 240 of them (tests/validation.py).
"""

import numpy as np
import pandas as pd
import pytest

import insilico
from insilico.experiments.batteries import standard
from insilico.experiments.gratings import FINE_PHASES, PHASES
from insilico.models.textbook import truth as textbook_truth
from insilico.models.textbook.units import draw_units

DISPLAY_PX_PER_DEG = 28
DRAWN, N = 80, 40


@pytest.fixture(scope="module")
def model():
    def every_second(n, **options):
        units = draw_units(DRAWN, **options)
        # Sorted by kind: half of each.
        return units[::2].head(n).reset_index(drop=True)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("insilico.models.textbook.module.draw_units", every_second)
        return insilico.load_model("textbook", n=N)


@pytest.fixture(scope="module")
def results(model):
    # A unit of its own place has textures of its own, which take most of the time.
    kept = [each.name for each in standard.BATTERY.protocols if "texture" not in each.name]
    return insilico.run(model, rates=False, protocols=kept)


def truth_where_shown(model, recording):
    """Closed-form properties of each unit for stimuli that lie where they were shown to it."""
    places = zip(recording["stimulus_x"].values, recording["stimulus_y"].values, strict=True)
    diameters = np.geomspace(0.1, min(model.display.degrees), 64)
    rows = [
        textbook_truth.properties(
            model.units.iloc[[unit]], diameters=diameters, x=float(x), y=float(y)
        )
        for unit, (x, y) in enumerate(places)
    ]
    return pd.concat(rows, ignore_index=True)


@pytest.fixture(scope="module")
def truth(model, results):
    return truth_where_shown(model, results.recordings["size"])


def test_every_unit_answers(results):
    assert results.units.sizes["unit"] == N
    silent = ~results.units["responsive"]
    assert not silent.sel(protocol="receptive_field").any()
    assert int(silent.any("protocol").sum()) <= 2


def test_preferred_orientation_within_1_deg(results, truth):
    error = results.units["preferred_orientation"].values - truth["preferred_orientation"].values
    assert np.abs((error + 90) % 180 - 90).max() < 1


@pytest.mark.parametrize(
    ("name", "tolerance"),
    [
        ("preferred_spatial_frequency", 0.02),
        ("orientation_half_bandwidth", 0.03),
        ("orientation_half_width", 0.03),
        ("spatial_frequency_bandwidth", 0.03),
    ],
)
def test_tuning_within_a_few_per_cent(results, truth, name, tolerance):
    error = results.units[name].values / truth[name].values - 1
    assert np.abs(error).max() < tolerance


def test_circular_variance_and_orthogonal_response(results, truth):
    for name, tolerance in (("circular_variance", 0.01), ("orthogonal_preferred_ratio", 0.005)):
        error = results.units[name].values - truth[name].values
        assert np.abs(error).max() < tolerance, name


def test_modulation_ratio_of_the_closed_form_at_the_sampled_phases(model, results):
    response = results.recordings["orientation_mean"].mean("phase")
    best = response.argmax(["orientation", "spatial_frequency"])
    shown = {
        name: response[name].values[best[name].values][:, None]
        for name in ("orientation", "spatial_frequency")
    }
    expected = textbook_truth.modulation_ratio(model.units, **shown, phases=FINE_PHASES)[:, 0]
    assert np.abs(results.units["modulation_ratio"].values - expected).max() < 1e-3
    simple = model.units["kind"].str.endswith("simple").to_numpy()
    assert expected[simple].min() > 1.4
    assert expected[~simple].max() < 0.1


def test_suppression_index_within_0_01(model, results, truth):
    curve = results.curves["size"]
    dense = np.geomspace(float(curve["diameter"][0]), float(curve["diameter"][-1]), 100)
    shown = {name: curve[name].values[:, None] for name in ("orientation", "spatial_frequency")}
    recording = results.recordings["size"]
    exact = np.vstack(
        [
            textbook_truth.size_curve(
                model.units.iloc[[unit]],
                dense,
                **{name: values[[unit]] for name, values in shown.items()},
                phases=PHASES,
                x=float(recording["stimulus_x"][unit]),
                y=float(recording["stimulus_y"][unit]),
            )
            for unit in range(len(model.units))
        ]
    )
    expected = 1 - exact[:, -1] / exact.max(1)
    measured = results.units["suppression_index"].values
    # At the grating that was shown, which is the step of the stimuli nearest to the optimum ...
    assert np.abs(measured - expected).max() < 0.01
    # ... and, with the error of that step, at the optimum itself.
    assert np.abs(measured - truth["suppression_index"].values).max() < 0.025
    assert np.quantile(measured, 0.9) > 0.3


def test_summation_field_of_suppressed_units(results, truth):
    measured = results.units["grating_summation_field"].values
    suppressed = np.isfinite(measured)
    assert suppressed.sum() > N / 5
    error = measured[suppressed] / truth["grating_summation_field"].values[suppressed] - 1
    assert np.abs(error).max() < 0.05


def test_receptive_field_centre_within_half_a_pixel(results, truth):
    for name in ("receptive_field_x", "receptive_field_y"):
        error = np.abs(results.units[name].values - truth[name].values)
        assert error.max() < 0.5 / DISPLAY_PX_PER_DEG, name
