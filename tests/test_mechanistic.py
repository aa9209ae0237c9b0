"""The mechanistic V1: against closed forms, and each mechanism switched off."""

from pathlib import Path

import numpy as np
import pytest
import torch

import insilico
from insilico.errors import UserError
from insilico.models.mechanistic.hyper_parameters import (
    ABLATIONS,
    HyperParameters,
    bounds,
    from_unit,
    hyper_parameters,
    to_unit,
)
from insilico.models.mechanistic.module import MechanisticV1
from insilico.models.mechanistic.population import draw_population
from insilico.models.mechanistic.subcortical import Subcortical
from insilico.recording.probe import Probe
from stimuli import Display, factorial, grating

# 28 px/deg as in the published benchmark, on a small screen.
DISPLAY = Display.square(112, 4.0)
AT = (-1 / 56 * 4, 1 / 56 * 4)  # a site: they lie half a block beside the middle

PHASES = np.arange(0, 360, 45.0)

LINEAR = {
    "surround_balance": 0,
    "contrast_gain": 0,
    "center_sigma": 0.02,
    "excitation_median": 0,
    "broad_median": 0,
    "untuned_median": 0,
    "tuned_median": 0,
    "surround_median": 0,
    "threshold_median": 0,
    "baseline_median": 0,
    "exponent_median": 2,
    "exponent_spread": 0,
    "gain_spread": 0,
    "frequency_median": 2.5,
    "frequency_spread": 0.3,
    "width_median": 0.35,
    "width_spread": 0.35,
    "aspect_median": 1.2,
    "aspect_spread": 0.3,
    "frequency_width_correlation": 0.669,
    "width_aspect_correlation": -0.409,
    "even_bias": 0.196,
}


def made(n=12, **changes):
    return MechanisticV1(pixels=112, degrees=4, n=n, seed=2, at=AT, hyper_parameters=changes)


def shown(model, rows, **varied):
    """Rates for gratings, one set of parameters for each unit: (unit, condition)."""
    fixed = {"x": AT[0], "y": AT[1], "contrast": 1.0, "diameter": 9.0, "phase": 0.0}
    out = []
    for row in rows.itertuples():
        own = {"orientation": row.orientation, "spatial_frequency": row.spatial_frequency}
        own |= fixed | {name: values(row) if callable(values) else values
                        for name, values in varied.items()}  # fmt: skip
        factors = {name: np.atleast_1d(value) for name, value in own.items()}
        factors["orientation"] = factors["orientation"] % 180
        stimuli = factorial("test", DISPLAY, grating, factors)
        with torch.inference_mode():
            rates = model(2 * stimuli.images() - 1)
        out.append(rates[:, row.Index].double().numpy())
    return np.array(out)


@pytest.fixture(scope="module")
def linear():
    return made(**LINEAR)


# Without pools, surround and threshold: the closed form of the filter


@pytest.mark.parametrize("varied", ["orientation", "spatial_frequency"])
def test_tuning_is_that_of_a_gabor(linear, varied):
    units = linear.units.query("cycles_across < 0.6 and cycles_along < 0.6")
    assert len(units) > 6
    turn, ratio = np.array([-40.0, -20, 0, 15, 30]), np.ones(5)
    if varied == "spatial_frequency":
        turn, ratio = np.zeros(4), np.array([0.6, 0.8, 1, 1.25])
    shown_at = {
        "orientation": lambda row: row.orientation + turn,
        "spatial_frequency": lambda row: row.spatial_frequency * ratio,
    }
    rates = shown(linear, units, phase=PHASES, **{varied: shown_at[varied]})
    # Orientation and frequency come before the phase in `shown`.
    mean = rates.reshape(len(units), -1, len(PHASES)).mean(2)
    for row, found in zip(units.itertuples(), mean, strict=True):
        expected = _energy(row, turn, ratio, linear)
        np.testing.assert_allclose(found, expected, rtol=0.05, atol=0.01 * expected.max())


def _energy(row, turn, ratio, model):
    """Mean over phase of (1 - c) max(L, 0)^2 + c (L^2 + M^2), over sigma^2, times R_max."""
    turn = np.deg2rad(turn)
    frequency = row.spatial_frequency * ratio
    across, along = frequency * np.cos(turn), frequency * np.sin(turn)
    sx, sy = (cycles / row.spatial_frequency for cycles in (row.cycles_across, row.cycles_along))

    def passed(sign):
        near = np.exp(-2 * (np.pi * sx * (across - sign * row.spatial_frequency)) ** 2)
        return near * np.exp(-2 * (np.pi * sy * along) ** 2)

    kappa = np.exp(-2 * (np.pi * row.cycles_across) ** 2)
    uniform = kappa * np.exp(-2 * (np.pi * sx * across) ** 2 - 2 * (np.pi * sy * along) ** 2)
    even = passed(1) + passed(-1) - 2 * uniform
    odd = passed(1) - passed(-1)
    double = np.exp(-2 * (2 * np.pi * row.cycles_across) ** 2)
    even, odd = even / (1 + double - 2 * kappa**2), odd / (1 - double)
    px = DISPLAY.px_per_deg
    stage = model.subcortical.transfer(frequency / px)
    # Halving the resolution takes a little more of what is finer than the carrier.
    for own in range(sum(row.spatial_frequency / px <= finest for finest in (0.125, 0.0625))):
        angle = turn + np.deg2rad(row.orientation)
        stage = (
            stage
            * _halving(frequency, angle, own)
            / _halving(row.spatial_frequency, np.deg2rad(row.orientation), own)
        )
    phase = np.deg2rad(row.phase)
    own = (np.cos(phase) * even) ** 2 + (np.sin(phase) * odd) ** 2
    both = even**2 + odd**2
    mean = (1 - row.complexity) * own / 4 + row.complexity * both / 2
    return mean * stage**2


def _halving(frequency, angle, level):
    per_px = frequency / DISPLAY.px_per_deg * 2**level
    return (
        np.abs(np.cos(np.pi * per_px * np.cos(angle)) * np.cos(np.pi * per_px * np.sin(angle))) ** 3
    )


def test_linear_units_are_linear_in_energy(linear):
    """Half the contrast gives a quarter of the response where nothing divides."""
    rates = shown(linear, linear.units, contrast=[0.5, 1.0], phase=0.0)
    np.testing.assert_allclose(rates[:, 0], rates[:, 1] / 4, rtol=1e-3)


def test_unit_of_complexity_modulate_or_do_not():
    for median, expected in ((-4, (1.4, 1.8)), (4, (0, 0.1))):
        model = made(**LINEAR, complexity_median=median, complexity_spread=0.1)
        units = model.units.query("cycles_across > 0.25")
        rates = shown(model, units, phase=PHASES)
        first = 2 * np.abs((rates * np.exp(-1j * np.deg2rad(PHASES))).mean(1))
        ratio = first / rates.mean(1)
        assert (ratio >= expected[0]).all()
        assert (ratio <= expected[1]).all()


# Each mechanism does what its name says, and nothing where it is switched off


def test_surround_suppresses_and_without_it_nothing_does():
    large = {"surround_spread": 0, "surround_median": 1.0, "threshold_median": 0}
    off = {"untuned_median": 0, "tuned_median": 0, "contrast_gain": 0, "surround_balance": 0}
    sizes = [0.6, 1, 9.0]

    def suppression(**changes):
        model = made(**LINEAR | off | large | {"complexity_median": 4} | changes)
        rates = shown(model, model.units, diameter=sizes)
        return 1 - rates[:, -1] / rates.max(1)

    assert np.median(suppression()) > 0.3
    assert suppression(**ABLATIONS["surround"]).max() < 0.1


def test_excitation_comes_from_beyond_the_filter_whatever_the_phase():
    """It sums over a larger place, does not modulate, and likes what the unit likes."""
    said = LINEAR | {"excitation_median": 1.0, "excitation_spread": 0, "excitation_ratio": 4,
                     "complexity_median": -4, "complexity_spread": 0.1}  # fmt: skip
    found = {}
    for name, more in (("excitation", {}), ("none", ABLATIONS["excitation"])):
        model = made(**said | dict(more))
        units = model.units.query("cycles_across > 0.25 and spatial_frequency < 4")
        by_size = shown(model, units, diameter=[1.0, 3.0], phase=PHASES)
        mean = by_size.reshape(len(units), 2, len(PHASES)).mean(2)
        modulated = by_size.reshape(len(units), 2, len(PHASES))[:, 1]
        first = 2 * np.abs((modulated * np.exp(-1j * np.deg2rad(PHASES))).mean(1))
        turned = shown(model, units, phase=PHASES,
                       orientation=lambda row: row.orientation + 90)  # fmt: skip
        found[name] = (
            np.median(mean[:, 1] / mean[:, 0]),
            np.median(first / modulated.mean(1)),
            np.median(turned.mean(1) / mean[:, 1]),
        )
    (larger, modulation, orthogonal), (same, simple, _) = found["excitation"], found["none"]
    assert larger > 1.3 > 1.1 > same
    assert modulation < 0.7 < 1.4 < simple
    assert orthogonal < 0.2


def test_broad_excitation_answers_every_orientation():
    """By its weight, to the power of the exponent, where the filter itself is silent."""
    said = LINEAR | {"broad_spread": 0, "complexity_median": 4, "complexity_spread": 0.1}
    answers = {}
    for weight in (0, 0.3):
        model = made(**said | {"broad_median": weight})
        units = model.units.query("0.3 < cycles_across < 0.6 and 0.3 < cycles_along < 0.6")
        turned = shown(model, units, phase=PHASES, orientation=lambda row: row.orientation + 90)
        answers[weight] = turned.mean(1)
    # The largest response is 1, to which the excitation adds its square.
    np.testing.assert_allclose(np.median(answers[0.3]), 0.09 / 1.09, rtol=0.3)
    assert answers[0].max() < 0.02


def test_pools_hear_more_frequencies_the_wider_they_are():
    """At half the frequency, and twice, a wide pool gives about what it gives at the unit's own."""
    from insilico.models.mechanistic.suppression import Channels, weights

    channels = Channels(28.0)
    units = draw_population(8, HyperParameters(), display=DISPLAY)
    units = units.assign(spatial_frequency=2.4, surround=0.0)
    share = {}
    for octaves in (0.5, 3.0):
        said = HyperParameters(pool_octaves=octaves)
        pools = weights(units, said, channels)[0].reshape(8, 30, -1).sum(2)
        own, finer = (
            (pools * channels.seen(units["orientation"].to_numpy(), np.full(8, frequency))).sum(1)
            for frequency in (2.4, 4.8)
        )
        share[octaves] = np.median(finer / own)
    assert share[0.5] < 0.6 < 0.8 < share[3.0] < 1.2


def test_the_largest_response_is_that_to_the_preferred_grating():
    said = LINEAR | {
        "excitation_median": 1.0,
        "excitation_spread": 0,
        "tuned_median": 1.0,
        "untuned_median": 0.5,
    }
    model = made(**said, complexity_median=4, complexity_spread=0.1)
    units = model.units.query("cycles_across < 0.5 and spatial_frequency < 4 and sigma < 0.2")
    assert len(units) > 2
    rates = shown(model, units)[:, 0]
    assert (rates < 1.05).all()
    np.testing.assert_allclose(rates, 1, atol=0.35)


def test_pools_saturate_contrast_and_without_them_it_grows():
    changes = LINEAR | {"untuned_median": 1.0, "semisaturation_median": 0.2}
    ratio = {}
    for name, more in (("pool", {}), ("none", ABLATIONS["untuned pool"])):
        model = made(**changes | dict(more))
        rates = shown(model, model.units, contrast=[0.5, 1.0])
        ratio[name] = rates[:, 1] / rates[:, 0]
    assert np.median(ratio["pool"]) < 1.5
    np.testing.assert_allclose(ratio["none"], 4, rtol=1e-3)


def test_contrast_gain_saturates_before_the_cortex():
    model = made(**LINEAR | {"contrast_gain": 8})
    rates = shown(model, model.units, contrast=[0.5, 1.0])
    assert np.median(rates[:, 1] / rates[:, 0]) < 2.5


def test_tuned_pool_divides_by_its_own_orientation():
    """At the orthogonal orientation, the tuned pool has nothing to say and the other one does."""
    from insilico.models.mechanistic.suppression import Channels, weights

    units = draw_population(6, HyperParameters(), display=DISPLAY).assign(surround=0.0)
    said = HyperParameters(tuned_width=15)
    channels = Channels(28.0)
    turned = channels.seen(
        (units["orientation"].to_numpy() + 90) % 180, units["spatial_frequency"].to_numpy()
    )
    own = channels.seen(units["orientation"].to_numpy(), units["spatial_frequency"].to_numpy())
    for name, other, low, high in (("tuned", "untuned", 0, 0.2), ("untuned", "tuned", 0.6, 1.4)):
        pools = weights(units.assign(**{other: 0.0}), said, channels)[0].reshape(6, 30, -1).sum(2)
        np.testing.assert_allclose((pools * own).sum(1), units[name], rtol=0.02)
        share = (pools * turned).sum(1) / units[name]
        assert (share >= low).all()
        assert (share <= high).all()


def test_baseline_and_threshold():
    blank = torch.zeros(1, 1, 112, 112)
    model = made()
    expected = model.units["gain"] * model.units["baseline"]
    # Roots that are differentiable at 0 leave a trace of excitation.
    np.testing.assert_allclose(model(blank)[0].numpy(), expected, rtol=1e-3, atol=1e-3)
    assert made(**ABLATIONS["baseline"])(blank).max() < 1e-3
    silenced = [
        (shown(made(**LINEAR | {"threshold_median": t, "threshold_spread": 0}),
               made(**LINEAR).units, contrast=0.2) <= 1e-6).mean()
        for t in (0, 0.3)
    ]  # fmt: skip
    assert silenced[0] < 0.6 and silenced[1] == 1


# The population


def test_seeds_repeat_and_ranks_stay():
    said = HyperParameters(width_spread=0.3)  # so that none is as wide as units can be
    first, again = (draw_population(50, said, display=DISPLAY, seed=3) for _ in "ab")
    assert first.equals(again)
    said = HyperParameters(width_spread=0.3, width_median=0.5)
    other = draw_population(50, said, display=DISPLAY, seed=3)
    assert (other["cycles_across"].rank() == first["cycles_across"].rank()).all()
    assert (other["spatial_frequency"] == first["spatial_frequency"]).all()


@pytest.mark.parametrize(
    ("name", "pair"),
    [
        ("frequency_width_correlation", ("spatial_frequency", "cycles_across")),
        ("width_complexity_correlation", ("cycles_across", "complexity")),
        ("width_surround_correlation", ("cycles_across", "surround")),
        ("complexity_excitation_correlation", ("complexity", "excitation")),
        ("complexity_excitation_correlation", ("complexity", "broad")),
        ("complexity_baseline_correlation", ("complexity", "baseline")),
    ],
)
def test_copula(name, pair):
    for value in (-0.9, 0.0, 0.9):
        said = HyperParameters(**{name: value, "width_spread": 0.1, "frequency_spread": 0.3})
        units = draw_population(2000, said, display=DISPLAY)
        found = units[list(pair)].corr("spearman").iloc[0, 1]
        assert abs(found - 6 / np.pi * np.arcsin(value / 2)) < 0.06


def test_biases_of_orientation_and_phase():
    said = HyperParameters(cardinal_bias=0.4, horizontal_bias=0.3, even_bias=0.6)
    units = draw_population(4000, said, display=DISPLAY)
    angle, phase = (np.deg2rad(units[name]) for name in ("orientation", "phase"))
    # The mean of a cosine is half its amplitude in the density.
    assert abs(np.cos(4 * angle).mean() - 0.2) < 0.03
    assert abs(np.cos(2 * angle).mean() - 0.15) < 0.03
    assert abs(np.cos(2 * phase).mean() - 0.3) < 0.03


# The module


def test_one_site_equals_the_map():
    model, whole = made(), MechanisticV1(pixels=112, degrees=4, n=12, seed=2)
    images = torch.rand(2, 1, 112, 112, generator=torch.Generator().manual_seed(0)) * 2 - 1
    (row, _), (column, _) = model.sites
    torch.testing.assert_close(
        model(images), whole(images)[:, :, row, column], rtol=1e-4, atol=1e-6
    )


def test_what_is_seen_serves_every_population():
    images = torch.rand(3, 1, 112, 112, generator=torch.Generator().manual_seed(0)) * 2 - 1
    seen = made().seen(images)
    other = MechanisticV1(pixels=112, degrees=4, n=9, seed=5, at=AT,
                          hyper_parameters={"width_median": 0.7, "surround_median": 2})  # fmt: skip
    assert other.sites == made().sites
    torch.testing.assert_close(other.answers(seen), other(images), rtol=1e-5, atol=1e-7)
    with pytest.raises(UserError, match="make the model with at"):
        MechanisticV1(pixels=64, degrees=2, n=3).seen(images)


def test_a_part_of_the_display_is_enough_for_a_site():
    """Nothing beyond it matters, and of what is within it not a whole block could be left out."""
    display = Display.square(448, 16.0)
    model = MechanisticV1(pixels=448, degrees=16, n=20, seed=2, at=(1.0, 0.5))
    part = model.looks_at(display)
    assert max(part.height, part.width) < 448
    assert not any(number % 4 for number in part)
    image = torch.rand(1, 1, 448, 448, generator=torch.Generator().manual_seed(0)) * 2 - 1
    image.requires_grad_()
    rates = model(image)
    seen = model.seen(image[:, :, part.rows, part.columns], part)
    torch.testing.assert_close(model.answers(seen), rates, rtol=0, atol=0)
    rates.sum().backward()
    rows, columns = np.nonzero(image.grad[0, 0].numpy())
    for places, inside in ((rows, part.rows), (columns, part.columns)):
        assert inside.start <= places.min() < inside.start + 4
        assert inside.stop - 4 <= places.max() < inside.stop
    # At the border of a display there is less.
    near = MechanisticV1(pixels=448, degrees=16, n=1, at=(-7.5, 7.5)).looks_at(display)
    assert near[:2] == (0, 0)
    assert 100 < near.height == near.width < part.width


def test_blurring_in_stretches_is_a_convolution():
    images = torch.randn(2, 1, 70, 45, generator=torch.Generator().manual_seed(0))
    for balance, gain in ((0.0, 0.0), (0.6, 2.0)):
        whole, parts = (Subcortical(0.8, 5.0, balance, gain, 9.0, each) for each in (False, True))
        torch.testing.assert_close(parts(images), whole(images), rtol=1e-4, atol=1e-6)


def test_gradients_are_finite_even_of_a_blank():
    model = MechanisticV1(pixels=32, degrees=1.2, n=5)
    images = torch.zeros(1, 1, 32, 32, requires_grad=True)
    model(images).sum().backward()
    assert images.grad.isfinite().all()


def test_hyper_parameters_are_checked_and_move_in_a_cube():
    for each in bounds():
        assert each.low < each.high
        assert each.meaning.endswith(".")
        assert getattr(HyperParameters(), each.name) >= each.low
    said = HyperParameters(width_median=0.5, surround_median=0)
    back = from_unit(to_unit(said))
    for each in bounds():
        assert getattr(back, each.name) == pytest.approx(getattr(said, each.name), abs=1e-12)
    with pytest.raises(UserError, match="surround_median must be a number from 0 to 4"):
        HyperParameters(surround_median=5)
    with pytest.raises(UserError, match="no hyper-parameter 'surrond'"):
        hyper_parameters({"surrond": 1})
    with pytest.raises(UserError, match="must map names to numbers"):
        hyper_parameters("loud")
    with pytest.raises(UserError, match="must be a place"):
        MechanisticV1(n=2, at=(9, 0))
    with pytest.raises(UserError, match="grey images"):
        made()(torch.zeros(1, 3, 112, 112))
    with pytest.raises(UserError, match="at least 1 unit"):
        MechanisticV1(n=0)


def test_built_in():
    model = insilico.load_model("mechanistic_v1", n=6, hyper_parameters={"surround_median": 0})
    assert model.card.layers == ("output",)
    assert (model.units["surround"] == 0).all()
    # How the defaults were found says nothing of others.
    assert not model.card.record
    assert len(insilico.load_model("mechanistic_v1", n=6).card.record["tables"]) == 4
    # The hook of the card turns luminances into contrasts.
    images = torch.full((1, 1, 224, 224), 0.5)
    expected = torch.tensor((model.units["gain"] * model.units["baseline"]).to_numpy()).float()
    torch.testing.assert_close(model(images)[0, :, 20, 20], expected, rtol=1e-3, atol=1e-4)


def test_in_front_of_a_network():
    """Gradients reach the picture, and nothing of the front end is trained."""
    model = insilico.load_model("mechanistic_resnet50", n=6, num_classes=3, pixels=64, degrees=2)
    assert model.card.layers == ("v1",)
    assert list(dict(model.named_children())) == ["v1", "bottleneck", "model"]
    assert not list(model.v1.parameters())
    alone = insilico.load_model("mechanistic_v1", n=6, pixels=64, degrees=2)
    images = torch.rand(2, 1, 64, 64, generator=torch.Generator().manual_seed(0))
    seen = []
    model.v1.register_forward_hook(lambda _, inputs, output: seen.append(output))
    images.requires_grad_()
    model.eval()(images)[:, 1].sum().backward()
    torch.testing.assert_close(seen[0].detach(), alone(images.detach()))
    assert images.grad.abs().max() > 0 and images.grad.isfinite().all()
    assert model.bottleneck.weight.grad.abs().max() > 0


def test_windows_are_proven():
    """Where the probe knows what a unit sees, it shows no more."""
    small = {"contrast_pool_sigma": 0.1, "center_sigma": 0.03, "surround_ratio": 2}
    model = insilico.load_model("mechanistic_v1", n=4, degrees=16, pixels=256,
                                hyper_parameters=small)  # fmt: skip
    probe = Probe(model, ["output"], display=model.card.display, channels=1)
    assert probe.units[["x", "y"]].abs().max(axis=None) < 0.2
    sides = []
    model.register_forward_pre_hook(lambda _, images: sides.append(images[0].shape[-1]))
    stimuli = factorial(
        "test", model.card.display, grating, {"orientation": [0, 90], "phase": PHASES},
        spatial_frequency=2.0, diameter=2.0, x=0.0, y=0.0, contrast=1.0,
    )  # fmt: skip
    cropped = probe.record(stimuli)
    assert min(sides) < 256
    whole = Probe(model, ["output"], display=model.card.display, channels=1, crop="off")
    np.testing.assert_allclose(cropped, whole.record(stimuli), rtol=1e-4, atol=1e-6)


def test_the_page_lists_every_hyper_parameter():
    page = (Path(__file__).parents[1] / "docs" / "mechanistic.md").read_text(encoding="utf-8")
    for each in bounds():
        default = getattr(HyperParameters(), each.name)
        row = f"| `{each.name}` | {default:g} | {each.low:g} | {each.high:g} | {each.unit} |"
        assert f"{row} {each.meaning} |" in page
    for name, changes in ABLATIONS.items():
        assert (
            f"| {name} | {', '.join(f'`{key} = {value:g}`' for key, value in changes.items())} |"
            in page
        )
    assert f"has {len(bounds())} hyper-parameters" in page
