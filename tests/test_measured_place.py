"""Fields that do not lie where their site is proven to look: what is shown to them, and said."""

import numpy as np
import pytest
import torch
import xarray as xr
from torch import nn

import insilico
from insilico.experiments.optimum import centered_grating
from insilico.experiments.receptive_field import measured_place
from insilico.experiments.textures import centered_disk
from insilico.runs.cautions import displaced_fields
from stimuli import Display

DISPLAY = Display.square(32, 4)

# In px: half a degree to the right, not at all, and half a degree to the left and down.
SHIFTS = [(0, 4), (0, 0), (4, -4), (-4, 0)]


class Displaced(nn.Module):
    """One suppressed cell in copies, each of which looks some px beside its site."""

    def __init__(self, shifts=SHIFTS):
        super().__init__()
        line = torch.arange(-4, 5.0)
        envelope = torch.exp(-(line**2) / 5)
        carriers = torch.stack([f(torch.pi * line / 2) * envelope for f in (torch.cos, torch.sin)])
        carriers = carriers - carriers.mean(1, keepdim=True)
        self.register_buffer("pair", (carriers[:, None] * envelope[:, None])[:, None] / 10)
        around = torch.exp(-(torch.arange(-5, 6.0) ** 2) / 9)
        self.register_buffer("around", (around * around[:, None])[None, None])
        self.copies = nn.Conv2d(1, len(shifts), 9, padding=4, bias=False)
        with torch.no_grad():
            self.copies.weight.zero_()
            for weight, (down, right) in zip(self.copies.weight, shifts, strict=True):
                weight[0, 4 + down, 4 + right] = 1

    def forward(self, x):
        drive = nn.functional.conv2d(x.mean(1, keepdim=True), self.pair, padding=4)
        energy = (drive**2).sum(1, keepdim=True)
        pool = nn.functional.conv2d(energy, self.around, padding=5)
        return self.copies(energy / (0.01 + 0.05 * pool))


@pytest.fixture(scope="module")
def results():
    return insilico.run(
        Displaced(), "copies", protocols="texture_surround", display=DISPLAY, rates=False
    )


def test_sizes_of_a_displaced_field_are_those_of_one_in_its_place(results):
    index = results.units["suppression_index"].to_numpy()
    assert index[1] > 0.2
    np.testing.assert_allclose(index, index[1], atol=1e-4)
    field = results.units["grating_summation_field"].to_numpy()
    np.testing.assert_allclose(field, field[1], rtol=1e-4)


@pytest.mark.parametrize("protocol", ["size", "texture_surround"])
def test_what_a_unit_prefers_is_shown_on_its_field(results, protocol):
    recording = results.recordings[protocol]
    right = (recording["stimulus_x"] - recording["x"]) * DISPLAY.px_per_deg
    up = (recording["stimulus_y"] - recording["y"]) * DISPLAY.px_per_deg
    np.testing.assert_allclose(right, [right for _, right in SHIFTS], atol=1e-6)
    np.testing.assert_allclose(up, [-down for down, _ in SHIFTS], atol=1e-6)


def test_that_fields_lie_elsewhere_is_said_once(results):
    (note,) = [each for each in results.warnings if "measured centre" in each]
    assert note.startswith(
        "3 of 4 units have the measured centre of their field more than 0.25 deg"
    )


def table(x, y, **more):
    zero = np.zeros(len(x))
    return xr.Dataset(
        {"receptive_field_x": ("unit", x), "receptive_field_y": ("unit", y)}
        | {name: ("unit", values) for name, values in more.items()},
        coords={"x": ("unit", zero + 0.01), "y": ("unit", zero - 0.02)},
        attrs={"px_per_deg": 10.0},
    )


def test_units_of_a_site_share_their_place_within_a_pixel_and_whole_pixels_beyond():
    # Half a px and .9 px off; 1.4 px; 5.3 px; no centre.
    units = table([0.06, -0.08, 0.15, 0.54, np.nan], [-0.02, -0.02, -0.02, -0.02, np.nan])
    place = measured_place(units)
    np.testing.assert_allclose(place["x"], [0.01, 0.01, 0.11, 0.51, 0.01])
    np.testing.assert_allclose(place["y"], -0.02)


def test_gratings_and_disks_are_shown_there():
    units = table(
        [0.54, np.nan],
        [0.0, np.nan],
        strongest_orientation=[91.0, 20.0],
        preferred_spatial_frequency=[2.1, 2.1],
        preferred_diameter=[1.0, 3.0],
    )
    for shown in (centered_grating(units), centered_disk(units)):
        np.testing.assert_allclose(shown["x"], [0.51, 0.01])
        np.testing.assert_allclose(shown["y"], -0.02)


def test_fields_without_a_centre_are_counted():
    units = table([0.0, np.nan, np.nan], [0.0, np.nan, np.nan])
    flags = xr.DataArray([[True], [True], [False]], dims=("unit", "protocol"))
    units["responsive"] = flags.assign_coords(protocol=["receptive_field"])
    units["receptive_field_x"].attrs["protocol"] = "receptive_field"
    (note,) = displaced_fields(units)
    assert note.startswith("1 of 3 units have a field that reaches beyond the map")
    assert displaced_fields(units.isel(unit=[0])) == []
    assert displaced_fields(units.drop_vars("receptive_field_x")) == []
