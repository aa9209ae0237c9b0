"""The battery: receptive-field map, selection, inclusion rules."""

import numpy as np
import pytest
import xarray as xr

from insilico import reference
from insilico.experiments import marques2020, marques2020_curves
from insilico.tuning.rates import to_rates
from stimuli import Display
from stimuli.marques2020 import sets as published

OFFSETS = np.arange(-10, 11) / 4


def mapping(maps, blank=0.0):
    """A recording of the receptive-field set whose best response at each place is given."""
    maps = np.asarray(maps, dtype=float)
    n = len(maps)
    strength = np.linspace(0.125, 1, 8).reshape(4, 2)  # the last of 8 gratings is the best
    values = maps[..., None, None] * strength
    return xr.DataArray(
        values,
        {
            "layer": ("unit", np.full(n, "v1")),
            "blank": ("unit", np.broadcast_to(blank, n).astype(float)),
            "offset_y": OFFSETS,
            "offset_x": OFFSETS,
            "orientation": [0.0, 45.0, 90.0, 135.0],
            "phase": [90.0, 270.0],
        },
        ("unit", "offset_y", "offset_x", "orientation", "phase"),
        attrs={"units": "activation"},
    )


def at(*places):
    """Maps that respond at (x, y, strength), in the published coordinates, y down."""
    chart = np.zeros((1, 21, 21))
    for x, y, strength in places:
        row, column = (int(np.flatnonzero(np.isclose(OFFSETS, value))[0]) for value in (-y, x))
        chart[0, row, column] = strength
    return chart


def test_map_is_the_best_response_less_the_blank_and_not_below_zero():
    response = to_rates(mapping(at((0.5, 0.5, 3.0), (1.0, 0.5, 0.5)), blank=1.0), None)
    chart = marques2020_curves.receptive_field_map(response)
    assert chart.sel(offset_x=0.5, offset_y=-0.5).item() == 2
    assert chart.sel(offset_x=1.0, offset_y=-0.5).item() == 0
    assert float(chart.min()) == 0


def test_centre_is_the_weighted_mean_of_places_above_a_twentieth_of_the_peak():
    maps = at((0.5, 0.5, 6.0), (1.0, 0.5, 2.0), (-2.5, -2.5, 0.3))
    chart = marques2020_curves.receptive_field_map(mapping(maps))
    x, y = (prop(chart) for prop in marques2020.RECEPTIVE_FIELD.properties)
    # In our coordinates: the published origin lies half a published pixel off the centre.
    assert float(x[0]) == pytest.approx(0.625 + 1 / 112)
    assert float(y[0]) == pytest.approx(-0.5 - 1 / 112)


@pytest.mark.parametrize(
    ("places", "kept"),
    [
        ([(0.5, 0.5, 1.0)], True),
        ([(0.5, 0.5, 1.0), (0.75, 0.5, 1.0)], True),  # 0.125 deg off
        ([(0.5, 0.5, 1.0), (0.75, 0.5, 2.0)], False),  # 0.167
        ([(0.5, 0.5, 1.0), (0.75, 0.75, 1.0)], False),  # 0.177, though 0.125 along each axis
        ([(0.5, -0.5, 1.0)], False),  # y points down there
        ([], False),
    ],
)
def test_units_within_0_15_deg_are_kept(places, kept):
    chart = marques2020_curves.receptive_field_map(mapping(at(*places)))
    assert marques2020.PLACE.select(chart).dtype == bool
    assert marques2020.PLACE.select(chart).item() is kept
    assert marques2020.RECEPTIVE_FIELD.responsive(chart).item() is bool(places)


@pytest.mark.parametrize("n", [0, 1, 3])
def test_any_number_of_units_is_mapped(n):
    chart = marques2020_curves.receptive_field_map(
        mapping(np.repeat(at((0.5, 0.5, 1.0)), n, axis=0))
    )
    assert chart.shape == (n, 21, 21)
    assert marques2020.PLACE.select(chart).shape == (n,)


def test_units_that_are_not_numbers_are_not_kept():
    chart = marques2020_curves.receptive_field_map(mapping(np.full((1, 21, 21), np.nan)))
    assert not marques2020.PLACE.select(chart).any()


@pytest.mark.parametrize("blank", [0.0, 0.82, 3.5])
@pytest.mark.parametrize("protocol", marques2020.BATTERY.protocols[1:], ids=lambda p: p.name)
def test_inclusion_needs_more_than_five_spikes(protocol, blank):
    subtracted = protocol.name in ("devalois1982b", "cavanaugh2002a")
    floor = 5.0 if subtracted else blank + 5.0
    best = [floor, np.nextafter(floor, 100)]
    curve = xr.DataArray(
        np.stack([np.zeros(2), best], axis=1),
        {"blank": ("unit", [blank, blank]), "layer": ("unit", ["v1", "v1"])},
        ("unit", "factor"),
        attrs={"units": "spikes/s"},
    )
    np.testing.assert_array_equal(protocol.responsive(curve), [False, True])


def test_on_activations_inclusion_is_relative_to_the_largest_response_of_the_layer():
    curve = xr.DataArray(
        np.array([[243.1], [5.1], [4.9], [0.0], [0.02]]),
        {
            "blank": ("unit", np.zeros(5)),
            "layer": ("unit", ["a", "a", "a", "b", "b"]),
        },
        ("unit", "factor"),
        attrs={"units": "activation"},
    )
    for rule in (marques2020.RINGACH2002.responsive, marques2020.CAVANAUGH2002A.responsive):
        np.testing.assert_array_equal(rule(curve), [True, True, False, False, True])


def test_every_reference_is_measured_and_listed():
    display = Display.square(64, 8.0, background=published.BACKGROUND)
    names = set()
    for protocol in marques2020.BATTERY.protocols:
        stimuli = protocol.stimuli(display, published.POSITION)
        shape = tuple(stimuli.conditions[dim].nunique() for dim in stimuli.dims)
        coords = {dim: np.unique(stimuli.conditions[dim]) for dim in stimuli.dims}
        coords |= {"blank": ("unit", np.zeros(1)), "layer": ("unit", ["v1"])}
        response = xr.DataArray(
            np.random.default_rng(0).random((1, *shape)), coords, ("unit", *stimuli.dims)
        )
        curve = protocol.curve(response)
        names |= {prop(curve).name for prop in protocol.properties}
    assert len(marques2020.BATTERY.references) == 22
    for name in marques2020.BATTERY.references:
        assert reference.load(name).property in names
