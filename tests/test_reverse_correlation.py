"""Reverse correlation that streams: maps, what chance gives, and the structure of fields."""

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
import torch
import xarray as xr
from torch import nn

import insilico
from insilico.experiments import optimal_stimuli, reverse_correlation
from insilico.experiments.measuring import measure, scaled
from insilico.experiments.reverse_correlation import (
    RECEPTIVE_FIELD_STRUCTURE,
    noise_and_gratings,
    noise_square,
)
from insilico.figures.structure import structure_numbers, structure_page
from insilico.models import as_module
from insilico.recording import reverse_correlation as reverse_correlations
from insilico.recording.probe import Probe
from insilico.recording.reductions import Correlation
from insilico.recording.responses import Responses
from insilico.recording.reverse_correlation import Correlations, bytes_of_sums
from insilico.tuning.fits.families import FAMILIES
from insilico.tuning.properties import structure as properties
from stimuli import Display, Position
from stimuli.mosaics import WHITE_NOISE_VARIANCE, mosaic_elements

N = 8
DISPLAY = Display.square(2 * N, 2)
TECHNIQUES = ("gradient", "hartley", "sparse noise", "white noise")


@pytest.fixture(autouse=True)
def small(monkeypatch):
    monkeypatch.setattr(reverse_correlation, "ELEMENTS", N)
    # The structure battery may be made, and rehearsed, here.
    monkeypatch.setattr(optimal_stimuli, "ELEMENTS", N)


class Units(nn.Module):
    """A rectified filter, the energy of two, and one that its contrast divides."""

    def __init__(self):
        super().__init__()
        # An even and an odd function of place, and one that is orthogonal to both.
        y, x = torch.meshgrid(*2 * [torch.linspace(-1, 1, 2 * N)], indexing="ij")
        window = torch.exp(-3 * (x**2 + y**2)) / N
        shapes = [torch.cos(4 * x + y), torch.sin(4 * x + y), torch.sin(4 * y - x)]
        self.filters = torch.stack([(window * shape).flatten() for shape in shapes])
        self.v1 = nn.Identity()

    def forward(self, images):
        one, two, other = ((2 * images - 1).flatten(1) @ self.filters.T).unbind(1)
        return self.v1(torch.stack([one.relu(), one**2 + two**2, 1 / (1 + 4 * other**2)], 1))


def shown(frames=200, **changed):
    return noise_and_gratings(DISPLAY, Position(), frames=frames, **changed)


def recorded(model=None, *, stimuli=None, **options):
    probe = Probe(Units() if model is None else model, ["v1"], display=DISPLAY, channels=1)
    stimuli = shown() if stimuli is None else stimuli
    return probe.record(stimuli, reduction=Correlation(**options)), probe


def of_elements(filters):
    """Sum filters over the pixels of each element, rows from the bottom up."""
    pixels = filters.reshape(-1, N, 2, N, 2).sum((2, 4))
    return pixels.flip(1).numpy()


# Frames


def test_white_noise_is_white_and_any_frame_can_be_drawn_again():
    frames = mosaic_elements("white noise", np.arange(4000), N, seed=3)
    flat = frames.flatten(1).double()
    covariance = (flat.T @ flat / len(flat) / WHITE_NOISE_VARIANCE).numpy()
    assert abs(flat.mean()) < 0.003
    assert np.diag(covariance).mean() == pytest.approx(1, abs=0.01)
    # As far from 0 as chance puts them: 1 over the square root of the frames.
    away = covariance[np.triu_indices(len(covariance), 1)]
    assert away.std() == pytest.approx(1 / np.sqrt(4000), rel=0.05)
    assert torch.equal(mosaic_elements("white noise", [17, 5], N, seed=3), frames[[17, 5]])
    assert not torch.equal(mosaic_elements("white noise", [17], N, seed=4), frames[[17]])


def test_gratings_are_orthogonal_and_sparse_frames_hold_one_element():
    gratings = mosaic_elements("hartley", np.arange(N**2), N).flatten(1)
    torch.testing.assert_close(gratings @ gratings.T, torch.eye(N**2) * N**2 / 2, atol=1e-4, rtol=0)
    spots = mosaic_elements("sparse noise", [0, N, N**2 + 1], N)
    # Counted from the bottom left, along rows; begun anew after the last.
    assert spots.nonzero().tolist() == [[0, 0, 0], [1, 1, 0], [2, 0, 1]]


# Maps


def test_the_filter_of_a_linear_unit_is_recovered_by_every_technique():
    recording, _ = recorded()
    assert sorted(recording["technique"].to_numpy()) == list(TECHNIQUES)
    maps = recording.sum("polarity").isel(unit=0)
    # Half of the responses are above 0.
    truth = of_elements(Units().filters[:1])[0] / 2
    for name in TECHNIQUES:
        found = maps.sel(technique=name).to_numpy()
        # The gradient is there in half of the frames, in which a unit responds.
        assert np.linalg.norm(found - truth) < 0.02 * np.linalg.norm(truth), name


def test_halves_are_responses_to_light_and_to_dark_less_the_blank():
    recording, _ = recorded()
    spots = 2 * recording.sel(technique="sparse noise").isel(unit=2)
    weight = of_elements(Units().filters[2:])[0]
    evoked = 1 / (1 + 4 * weight**2) - 1
    np.testing.assert_allclose(spots.sel(polarity=1), evoked, atol=1e-4)
    np.testing.assert_allclose(spots.sel(polarity=-1), -evoked, atol=1e-4)


def test_dimensions_and_the_linear_share_are_those_of_the_units():
    recording, _ = recorded(stimuli=shown(frames=1500))
    assert recording["n_excitatory"].to_numpy().tolist() == [1, 2, 0]
    assert recording["n_suppressive"].to_numpy().tolist() == [0, 0, 1]
    # (1/4) / (1/2 - 1/(2 pi)) for a rectified Gaussian.
    share = recording["linear_share"].to_numpy()
    assert share[0] == pytest.approx(0.25 / (0.5 - 0.5 / np.pi), abs=0.02)
    np.testing.assert_allclose(share[1:], 0, atol=1e-6)
    # An even unit has no map, whatever rounding leaves of it.
    assert (recording["peak"] > recording["chance_peak"]).to_numpy().tolist() == [
        True,
        False,
        False,
    ]


def test_a_regression_does_not_explain_what_chance_does():
    """Responses without any relation to the frames."""
    stimuli = shown(frames=300)
    store = Correlations(stimuli.conditions, 40, Correlation())
    store.begin(np.arange(40), torch.device("cpu"))
    store.add(
        range(len(stimuli)),
        torch.rand(len(stimuli), 40, generator=torch.Generator().manual_seed(0)),
    )
    store.finish()
    found = store.labelled(table(40), np.zeros(40), {})
    assert abs(found["linear_share"].mean()) < 0.02
    assert (found["peak"] > found["chance_peak"]).mean() < 0.2
    assert found["n_excitatory"].mean() < 0.5


def table(n):
    return pd.DataFrame(
        {"layer": "v1", "channel": range(n), "row": 0, "column": 0, "x": 0.0, "y": 0.0}
    )


def test_a_stop_and_the_size_of_batches_change_nothing():
    stimuli = shown(frames=30)
    rng = np.random.default_rng(0)
    responses = torch.from_numpy(rng.uniform(0, 2, (len(stimuli), 2)).astype(np.float32))

    def stored(cuts):
        store = Correlations(stimuli.conditions, 2, Correlation(shuffles=2))
        store.begin(np.arange(2), torch.device("cpu"))
        for start, stop in pairwise(cuts):
            store.add(range(start, stop), responses[start:stop])
            kept = store.kept()
            store = Correlations(stimuli.conditions, 2, Correlation(shuffles=2))
            store.begin(np.arange(2), torch.device("cpu"))
            store.go_on(kept)
        store.finish()
        return store.labelled(table(2), np.zeros(2), {})

    whole, parts = stored([0, len(stimuli)]), stored([0, 5, 100, 101, len(stimuli)])
    np.testing.assert_allclose(parts, whole, atol=1e-5)
    np.testing.assert_allclose(parts["largest_eigenvalue"], whole["largest_eigenvalue"], rtol=1e-4)


def test_chance_is_the_same_of_frames_that_stand_for_several(monkeypatch):
    """Eight frames that were shown go with one that was not."""
    stimuli = shown(frames=4096)
    responses = torch.rand(len(stimuli), 30, generator=torch.Generator().manual_seed(0)) ** 4
    drawn = []
    plain = reverse_correlations.mosaic_elements

    def counting(technique, frame, *args, **kwargs):
        drawn.extend(number for number in frame if number >= reverse_correlations.BEYOND)
        return plain(technique, frame, *args, **kwargs)

    monkeypatch.setattr(reverse_correlations, "mosaic_elements", counting)
    found = {}
    for most in (4096, 512):
        monkeypatch.setattr(reverse_correlations, "PAIRED", most)
        drawn.clear()
        store = Correlations(stimuli.conditions, 30, Correlation(shuffles=4))
        store.begin(np.arange(30), torch.device("cpu"))
        for start in range(0, len(stimuli), 100):
            rows = range(start, min(start + 100, len(stimuli)))
            store.add(rows, responses[rows.start : rows.stop])
        store.finish()
        found[most] = store.labelled(table(30), np.zeros(30), {})
        # Once for the responses and once for what they are compared with, or a little more where
        # what one stands for comes apart.
        assert len(drawn) == pytest.approx(4 * 2 * most, rel=0.05)
    for name in ("chance_peak", "chance_largest_eigenvalue", "chance_smallest_eigenvalue"):
        all_of_them, some = (found[most][name].mean() for most in (4096, 512))
        assert some == pytest.approx(float(all_of_them), rel=0.08), name
    assert abs(found[512]["linear_share"].mean()) < 0.01
    assert found[512]["n_excitatory"].mean() < 0.3


def test_memory_does_not_grow_with_frames():
    few, many = (shown(frames=n).conditions for n in (10, 20_000))
    assert bytes_of_sums(few, Correlation()) == bytes_of_sums(many, Correlation())


def test_a_model_without_gradients_is_told_and_the_rest_is_measured():
    class Opaque(Units):
        def forward(self, images):
            with torch.no_grad():
                return super().forward(images)

    recording, probe = recorded(Opaque(), stimuli=shown(frames=400))
    assert sorted(recording["technique"].to_numpy()) == list(TECHNIQUES[1:])
    assert [note for note in probe.notes if "gives no gradients" in note]
    measured = measure(
        RECEPTIVE_FIELD_STRUCTURE, scaled(RECEPTIVE_FIELD_STRUCTURE, recording, None)
    )
    assert measured.properties["map_agreement"][0] > 0.99


# Responses to pictures of one's own


def test_responses_can_be_differentiated():
    probe = Probe(Units(), ["v1"], display=DISPLAY, channels=1)
    generator = torch.Generator().manual_seed(1)
    images = torch.rand((5, 1, 2 * N, 2 * N), generator=generator).requires_grad_()
    found = probe.respond(images, probe.units.iloc[[1, 0]])
    assert found.shape == (5, 2)
    torch.testing.assert_close(found, Units()(images)[:, [1, 0]])
    (gradient,) = torch.autograd.grad(found[:, 1].sum(), images)
    driven = (found[:, 1] > 0).float()[:, None]
    torch.testing.assert_close(gradient.flatten(1), driven * 2 * Units().filters[0])


def test_pictures_of_another_size_and_models_without_gradients_are_refused():
    probe = Probe(Units(), ["v1"], display=DISPLAY, channels=1)
    with pytest.raises(insilico.UserError, match=r"shape \(n, channel, 16, 16\)"):
        probe.respond(torch.zeros(1, 1, 8, 8))
    opaque = as_module(lambda images: images.reshape(len(images), -1)[:, :4])
    blind = Probe(opaque, ["output"], display=DISPLAY, channels=1)
    images = torch.full((1, 1, 2 * N, 2 * N), 0.5)
    assert blind.respond(images).shape == (1, 4)
    with pytest.raises(insilico.UserError, match="gives no gradients|does not take"):
        blind.respond(images.requires_grad_())


# Properties


def gabors(n=24, **changed):
    """A map of a Gabor function by every technique."""
    known = {
        "maximum": 2.0, "center_x": 1.0, "center_y": -0.5, "orientation": 30.0,
        "spatial_frequency": 0.12, "phase": 200.0, "sigma_across": 3.0, "sigma_along": 4.5,
    }  # fmt: skip
    middle = np.arange(n) - (n - 1) / 2
    y, x = (part.ravel() for part in np.meshgrid(middle, middle, indexing="ij"))
    values = np.array(list((known | changed).values()))
    drawn = FAMILIES["gabor"].curve((y, x), values).reshape(n, n)
    return xr.DataArray(
        np.tile(drawn, (2, 4, 1, 1)),
        dims=("unit", "technique", "element_y", "element_x"),
        coords={
            "technique": list(TECHNIQUES),
            "element_y": middle,
            "element_x": middle,
            "layer": ("unit", ["v1", "v1"]),
            "element": ("unit", [0.1, 0.2]),
            "peak": ("unit", [2.0, 2.0]),
            "chance_peak": ("unit", [0.5, 3.0]),
            "on_response": ("unit", [3.0, 0.0]),
            "off_response": ("unit", [1.0, 0.0]),
            "linear_share": ("unit", [0.7, 0.7]),
        },
    )


def test_the_structure_of_a_gabor_function_is_its_own():
    found = properties.gabor_structure(gabors()).isel(unit=0)
    wanted = {
        "receptive_field_nx": 0.36,
        "receptive_field_ny": 0.54,
        "receptive_field_aspect_ratio": 1.5,
        "receptive_field_phase": 20.0,
        "reverse_correlation_orientation": 30.0,
        "reverse_correlation_frequency": 1.2,
        "reverse_correlation_field": 2 * np.sqrt(2 * np.log(10)) * np.sqrt(3 * 4.5) * 0.1,
        "receptive_field_fit_r2": 1.0,
    }
    assert {name: float(found[name]) for name in wanted} == pytest.approx(wanted, rel=1e-4)
    # The second does not exceed chance.
    assert properties.gabor_structure(gabors())["receptive_field_nx"].isnull()[1]


@pytest.mark.parametrize(("phase", "folded"), [(0, 0), (90, 90), (135, 45), (250, 70), (340, 20)])
def test_phases_are_folded(phase, folded):
    found = properties.gabor_structure(gabors(phase=float(phase)))["receptive_field_phase"]
    assert float(found[0]) == pytest.approx(folded, abs=0.01)


def test_light_against_dark_and_the_agreement_of_maps():
    curve = gabors()
    assert properties.on_off_index(curve).to_numpy()[0] == 0.5
    assert np.isnan(properties.on_off_index(curve)[1])
    assert properties.map_agreement(curve)[0] == pytest.approx(1)
    mirrored = curve.copy()
    mirrored[:, 0] *= -1
    # Three of six pairs agree, and three are opposite.
    assert properties.map_agreement(mirrored)[0] == pytest.approx(0)


def test_squares_hold_the_field_in_whole_pixels_and_are_shared():
    units = xr.Dataset(
        {
            "receptive_field_x": ("unit", [0.05, 1.0, np.nan, 0.0]),
            "receptive_field_y": ("unit", [-0.05, 0.0, np.nan, 0.0]),
            "receptive_field_diameter": ("unit", [0.5, 0.5, np.nan, 20.0]),
        },
        {"x": ("unit", np.zeros(4)), "y": ("unit", np.zeros(4))},
        attrs={"px_per_deg": 16.0, "degrees": 6.0},
    )
    found = noise_square(units)
    # 3 fields of 8 px are 24 px, 3 px of 8 elements: 4 px.
    assert (found["element"] * 16).tolist() == [4, 4, 12, 12]
    step = N * 4 / 16 / 6
    np.testing.assert_allclose(found["x"], [0, 3 * step, 0, 0])
    assert found["y"].tolist() == [0, 0, 0, 0]


def test_simple_and_complex_cells_of_the_textbook(monkeypatch):
    monkeypatch.setattr(reverse_correlation, "ELEMENTS", 24)
    model = insilico.load_model("textbook", pixels=96, degrees=8, n=6, seed=1)
    display = Display.square(96, 8)
    probe = Probe(model, ["v1"], display=display, channels=1)
    stimuli = noise_and_gratings(display, Position(), element=2 / 12, frames=2000)
    recording = probe.record(stimuli, reduction=Correlation(shuffles=9))
    found = measure(RECEPTIVE_FIELD_STRUCTURE, scaled(RECEPTIVE_FIELD_STRUCTURE, recording, None))
    units = xr.Dataset(dict(found.properties))
    truth = model.units
    simple, even = ((truth["kind"] == name).to_numpy() for name in ("simple", "complex"))
    # Fields of few cycles are no exact Gabor functions: they do not answer to uniform light.
    cycles = truth["spatial_frequency"] * truth["sigma_across"]
    wide = simple & (cycles > 0.4).to_numpy()
    assert wide.any()
    np.testing.assert_allclose(units["receptive_field_nx"][wide], cycles[wide], rtol=0.03)
    frequency = truth["spatial_frequency"][simple]
    np.testing.assert_allclose(units["reverse_correlation_frequency"][simple], frequency, rtol=0.08)
    assert (units["map_agreement"][simple] > 0.99).all()
    assert (units["n_excitatory_dimensions"][simple] == 1).all()
    assert (units["n_excitatory_dimensions"][even] == 2).all()
    assert units["receptive_field_nx"][even].isnull().all()
    assert found.responsive.to_numpy()[simple].all()
    assert not found.responsive.to_numpy()[even].any()


def test_the_page_shows_every_technique_and_the_cells():
    curve = gabors().assign_coords(channel=("unit", [3, 4]))
    numbers = structure_numbers(curve)
    assert numbers["receptive_field_nx"].round(2).tolist()[0] == 0.36
    figure = structure_page(curve, numbers, width=7)
    titles = {axes.get_title() for axes in figure.axes} - {""}
    assert titles == {"Gradient", "Hartley", "Sparse noise", "White noise"}
    known = numbers[["receptive_field_nx", "receptive_field_ny"]].notna().all(axis=1).sum()
    legend = [text.get_text() for text in figure.axes[-1].get_legend().get_texts()]
    assert legend == ["cells (79)", f"units ({known})"]


def test_a_run_measures_the_structure_and_is_resumed(tmp_path):
    model = insilico.load_model("textbook", pixels=64, degrees=8, n=3)
    told = {"battery": "structure", "quick": True, "out": tmp_path / "run"}
    first, again = (insilico.run(model, **told) for _ in range(2))
    assert again.recordings["receptive_field_structure"].equals(
        first.recordings["receptive_field_structure"]
    )
    assert set(again.joint["reference"]) == {"ringach2002b.receptive_field_nx_and_ny"}
    assert "ringach2002b.receptive_field_nx" in set(again.comparison["reference"])


def test_no_single_response_is_remembered():
    stimuli = shown(frames=5)
    store = Correlations(stimuli.conditions, 2, Correlation(shuffles=1))
    responses = Responses(store, len(stimuli), 2)
    responses.begin(np.arange(2), torch.device("cpu"))
    pictures = [(float(n), 0.0) for n in range(6)]
    responses.add(range(6), pictures, range(6), torch.ones(6, 2))
    assert not len(responses._remembered.pictures)
    assert not responses._rows
