"""Sparseness and eigenspectra of populations, on answers whose geometry is known."""

import numpy as np
import pytest
import xarray as xr

import insilico
from insilico.tuning import geometry


def answers(values):
    return xr.DataArray(np.asarray(values, dtype=float), dims=("unit", "picture"))


def test_sparseness_by_hand():
    curve = answers([[4, 0, 0, 0], [1, 1, 1, 1], [0, 0, 0, 0], [2, 1, 0, -3]])
    found = geometry.lifetime_sparseness(curve).to_numpy()
    assert found[:2].tolist() == [1, 0]
    assert np.isnan(found[2])
    # Its mean is 3/4, that of its squares 5/4.
    assert found[3] == pytest.approx((1 - 0.45) / 0.75)
    assert geometry.population_sparseness(curve)[3] == 1
    shares = geometry.share_above_half_maximum(curve).to_numpy()
    assert shares[[0, 1, 3]].tolist() == [0.25, 1, 0.25]
    # Trials are averaged first.
    twice = xr.concat([curve, curve], "trial")
    assert geometry.lifetime_sparseness(twice).to_numpy()[3] == pytest.approx(found[3])


@pytest.mark.parametrize("exponent", [0.7, 1.0, 1.5])
def test_the_exponent_of_a_spectrum_is_recovered_under_noise(exponent):
    rng = np.random.default_rng(0)
    n_pictures, n_units = 1500, 600
    scale = np.arange(1, n_units + 1) ** (-exponent / 2)
    turned = np.linalg.qr(rng.standard_normal((n_units, n_units)))[0]
    signal = rng.standard_normal((n_pictures, n_units)) * scale @ turned
    noise = 0.02 * rng.standard_normal((2, n_pictures, n_units))
    spectrum = geometry.cross_validated_spectrum(*(signal + noise))
    assert geometry.spectrum_exponent(spectrum, last=60) == pytest.approx(exponent, abs=0.05)
    # What a spectrum that is not cross-validated has beyond that is noise.
    plain = geometry.cross_validated_spectrum(*[signal[:300] + 25 * noise[0, :300]] * 2)
    shared = geometry.cross_validated_spectrum(*(signal[:300] + 25 * noise[:, :300]))
    assert shared[100:].sum() < 0.2 * plain[100:].sum()


def test_repeats_of_other_shapes_are_refused():
    with pytest.raises(insilico.UserError, match=r"\(5, 3\) and \(4, 3\)"):
        geometry.cross_validated_spectrum(np.zeros((5, 3)), np.zeros((4, 3)))
    assert np.isnan(geometry.spectrum_exponent([1.0, -1.0]))
