"""What is recorded of a battery, and what is kept of it."""

import re

import numpy as np
import pytest
import torch
import xarray as xr
from torch import nn

import insilico
from insilico.errors import UserError
from insilico.experiments import marques2020, marques2020_curves
from insilico.experiments.batteries import find_battery
from insilico.recording.probe import Probe
from insilico.recording.schema import Labelled, side_by_side
from insilico.runs.session import record_battery
from stimuli import Display

SMALL = Display.square(48, 4)
PUBLISHED = Display.square(64, 8, background=marques2020.sets.BACKGROUND)


def filters(n=6, size=9, mean=0.0):
    """Filters of random weights; those of mean 0 do not answer the blank."""
    layer = nn.Conv2d(3, n, size, padding=size // 2, bias=False)
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        weight = torch.randn(layer.weight.shape, generator=generator)
        layer.weight.copy_(weight - weight.mean((1, 2, 3), keepdim=True) + mean)
    return nn.Sequential(layer, nn.ReLU())


@pytest.mark.parametrize("battery", ["standard", "marques2020"])
def test_harmonics_give_the_properties_that_all_phases_give(battery):
    display = {"standard": SMALL, "marques2020": PUBLISHED}[battery]
    sites = {"standard": "centre", "marques2020": None}[battery]
    said = {"battery": battery, "display": display, "sites": sites}
    kept, streamed = (
        insilico.run(filters(), "1", phases=phases, quick=True, most_units="all", **said)
        for phases in ("keep", "harmonics")
    )
    gratings = "orientation" if battery == "standard" else "ringach2002"
    assert "phase" in kept.recordings[gratings].dims
    assert "harmonic" in streamed.recordings[gratings].dims
    assert streamed.provenance["kept"][gratings].startswith("Harmonics")
    for name in kept.units:
        np.testing.assert_allclose(
            streamed.units[name].astype(float),
            kept.units[name].astype(float),
            rtol=1e-4,
            atol=1e-4,
            err_msg=name,
        )


def test_rates_that_would_be_cut_off_need_every_phase():
    # Filters that answer the blank: the line through the medians falls below 0 spikes/s.
    model = filters(mean=0.1)
    said = {"display": SMALL, "phases": "harmonics", "protocols": "orientation"}
    with pytest.raises(UserError, match="--phases keep"):
        insilico.run(model, "1", **said)
    activations = insilico.run(model, "1", rates=False, **said)
    assert activations.provenance["rates"] is None


@pytest.mark.parametrize("levels", [[1.0, 2.0], [1.0, 3.0]])
def test_recordings_of_groups_are_put_together_as_xarray_does(levels):
    def part(n, frequency, diameters):
        coords = {
            "layer": ("unit", np.full(n, "a")),
            "blank": ("unit", np.arange(n) + frequency),
            "diameter": ("diameter", diameters, {"units": "deg"}),
            "spatial_frequency": ((), frequency, {"units": "cpd"}),
            "cycles": ("diameter", np.multiply(diameters, frequency)),
            "contrast": 1.0,
            "inner_diameter": np.nan,
        }
        values = frequency * np.arange(n * 2.0).reshape(n, 2)
        return xr.DataArray(values, coords, ("unit", "diameter"), "response", {"units": "1"})

    parts = [part(2, 1.0, [1.0, 2.0]), part(3, 2.0, levels)]
    together = side_by_side([Labelled.of(part) for part in parts])
    expected = xr.concat(
        parts,
        "unit",
        coords="different",
        compat="equals",
        join="outer",
        combine_attrs="override",
    )
    xr.testing.assert_identical(together, expected)


def test_every_site_is_mapped_and_the_same_units_are_selected(monkeypatch):
    mapped = marques2020.BATTERY.only(["receptive_field"], rates=False)

    def selected(sites):
        probe = Probe(
            filters(n=2, size=5),
            ["1"],
            display=PUBLISHED,
            sites=sites,
            around=marques2020.PLACE.position,
        )
        session = record_battery(probe, mapped, marques2020.PLACE)
        chart = session.recordings["receptive_field"]
        assert chart.dims == ("unit", "offset_y", "offset_x")
        places = zip(
            *(chart[name].values.tolist() for name in ("channel", "row", "column")), strict=True
        )
        return session, list(places)

    near, expected = selected(marques2020.CANDIDATES_WITHIN)
    # Candidates are judged in parts.
    monkeypatch.setattr("insilico.runs.session.JUDGED_BYTES", 441 * 8 * 1000)
    everywhere, found = selected("all")
    assert found == expected
    assert (everywhere.n_candidates, everywhere.n_selected) == (2 * 64 * 64, near.n_selected)


def test_what_a_session_will_take_is_said_before(capsys):
    probe = Probe(filters(), ["1"], display=SMALL)
    record_battery(probe, *find_battery("standard"), progress=True)
    printed = capsys.readouterr()
    assert printed.out == ""
    first, second, *_ = printed.err.splitlines()
    assert first == (
        "1: exact crop 9 px of 48 (receptive field 9 x 9 px), with no other sites computed"
    )
    assert "stimuli, about" in second
    # Every protocol is in it: 6 units may prefer six sizes and surrounds.
    n_stimuli = int(second.removeprefix("at most ").partition(" ")[0])
    assert n_stimuli > 6 * (28 * 8 + 45)
    # And the bar is of all that was shown, so that the time it tells is that of the whole.
    last = printed.err.splitlines()[-1]
    done, of = re.search(r"100%.* (\d+)/(\d+) \[", last).groups()
    assert done == of
    assert n_stimuli / 2 < int(done) <= n_stimuli


class Warped(nn.Module):
    """Sees everything in its place, on a grid that is finer in the middle."""

    def forward(self, x):
        line = torch.linspace(-1, 1, 32)
        place = ((line.sign() * line.abs() ** 1.5 + 1) / 2 * 63).round().long()
        return x[:, :, place][:, :, :, place]


def test_a_layer_that_keeps_no_unit_is_named():
    silent = nn.Conv2d(6, 3, 1)
    nn.init.zeros_(silent.weight)
    nn.init.zeros_(silent.bias)
    model = nn.Sequential(*filters(size=5), silent)
    asked = {"battery": "marques2020", "protocols": "receptive_field", "rates": False}
    results = insilico.run(model, ["1", "2"], display=PUBLISHED, **asked)
    assert set(results.units["layer"].to_numpy()) == {"1"}
    (note,) = [note for note in results.warnings if note.startswith("2: ")]
    assert re.search(r"none of its \d+ candidate units", note)


def test_units_whose_place_is_not_known_are_all_mapped():
    model = nn.Sequential(filters(n=2, size=5), Warped())
    asked = {"battery": "marques2020", "protocols": ["receptive_field", "devalois1982b"]}
    results = insilico.run(model, "1", display=PUBLISHED, **asked)
    assert results.provenance["candidates"] == 2 * 32 * 32
    # Those that are kept look where the stimuli are, wherever an even grid would have them look.
    off = np.hypot(
        results.units["receptive_field_x"] - marques2020.sets.POSITION.x,
        results.units["receptive_field_y"] - marques2020.sets.POSITION.y,
    )
    assert float(off.max()) <= marques2020_curves.MAXIMUM_DISTANCE
    assert any("could not be proven" in note for note in results.warnings)
    assert any("carries at most 4 cpd" in note for note in results.warnings)


def test_sites_that_look_three_quarters_of_a_degree_beside_the_stimuli_are_candidates():
    around = marques2020.PLACE.position
    sites = marques2020.PLACE.sites
    probe = Probe(filters(n=1, size=5), ["1"], display=PUBLISHED, sites=sites, around=around)
    off = np.hypot(probe.units["x"] - around.x, probe.units["y"] - around.y)
    assert 0.7 < off.max() <= 0.75
