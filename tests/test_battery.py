"""Batteries are checked when they are made, and shown as their types say."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
import torch
import xarray as xr
from torch import nn

import insilico
from insilico.errors import UserError
from insilico.experiments import marques2020
from insilico.experiments.batteries import BATTERIES, Placed, find_battery, shared, standard
from insilico.experiments.battery import Battery
from insilico.experiments.border_ownership import BORDER_OWNERSHIP
from insilico.experiments.colours import COLOUR
from insilico.experiments.eccentricity import ECCENTRICITY
from insilico.experiments.gratings import (
    ORIENTATION,
    PHASES,
    SPATIAL_FREQUENCY,
    draw_grating,
    gratings,
    preferred_grating,
)
from insilico.experiments.natural_images import NATURAL_IMAGES
from insilico.experiments.quick import quick
from insilico.experiments.receptive_field import RECEPTIVE_FIELD
from insilico.experiments.rehearsal import Rehearsed, rehearse
from insilico.experiments.responsive import exceeds_threshold
from insilico.experiments.scope import lacking
from insilico.experiments.size import SIZE
from insilico.models.card import ModelCard
from insilico.recording.reductions import Maximum
from insilico.runs.costs import estimates
from insilico.runs.placed_probe import placed_probe
from insilico.tuning.curves import dominant_component
from insilico.tuning.properties.values import per_unit
from stimuli import Display, Position, factorial
from stimuli.packaged import packaged_photographs

SMALL = Display.square(48, 4)


def network(n=6):
    with torch.random.fork_rng([]):
        torch.manual_seed(0)
        return nn.Sequential(nn.Conv2d(3, n, 9, padding=4, bias=False), nn.ReLU())


def phases(display, position, *, orientation=0.0, contrast=1.0):
    """One grating at four phases."""
    return factorial(
        "phases",
        display,
        draw_grating,
        {"spatial_frequency": [1.0, 2.0], "phase": PHASES[::2]},
        orientation=orientation,
        diameter=np.inf,
        contrast=contrast,
        x=position.x,
        y=position.y,
    )


def still(display, position):
    """Gratings at one phase."""
    return factorial(
        "still",
        display,
        draw_grating,
        {"spatial_frequency": [1.0, 2.0]},
        orientation=0.0,
        phase=0.0,
        diameter=np.inf,
        contrast=1.0,
        x=position.x,
        y=position.y,
    )


def best(curve):
    """Largest response."""
    return per_unit(curve, "best", curve.max("spatial_frequency"), "Best response")


def protocol(name="phases", **changes):
    made = insilico.Protocol(
        name=name,
        stimuli=phases,
        curve=dominant_component,
        properties=(),
        responsive=exceeds_threshold,
        citation="nobody",
        scale="activations",
    )
    return dataclasses.replace(made, **changes)


def battery(*protocols, **changes):
    return insilico.Battery(
        "mine", protocols, **{"rates_from": protocols[0].name if protocols else "", **changes}
    )


def horizontal(units):
    return pd.DataFrame({"orientation": np.zeros(units.sizes["unit"])})


def vertical(units):
    return pd.DataFrame({"orientation": np.full(units.sizes["unit"], 90.0)})


def no_name(curve):
    return best(curve).rename(None)


def no_array(curve):
    return best(curve).to_numpy()


def not_per_unit(curve):
    return curve.rename("curve")


def one_row(units):
    return pd.DataFrame({"orientation": [0.0]})


def unknown_argument(units):
    return pd.DataFrame({"colour": np.zeros(units.sizes["unit"])})


def both(curve):
    """Best and worst response, of one pass."""
    worst = per_unit(curve, "worst", curve.min("spatial_frequency"), "Worst", "activation")
    return xr.Dataset({"best": best(curve), "worst": worst})


class TestABatteryIsCheckedWhenItIsMade:
    @pytest.mark.parametrize(
        ("make", "message"),
        [
            (lambda: battery(), "has no protocol; give at least one"),
            (lambda: battery(protocol(), protocol()), "two protocols named 'phases'"),
            (
                lambda: battery(protocol(after="size", prefer=horizontal)),
                "comes after 'size', which the mine battery does not hold; it has phases",
            ),
            (
                lambda: battery(protocol("one", after="two", prefer=horizontal), protocol("two")),
                "comes after 'two', but stands before it",
            ),
            (
                lambda: protocol(prefer=horizontal),
                "says what units prefer, but not after which protocol",
            ),
            (lambda: protocol(after="orientation"), "does not say what its stimuli take"),
            (
                lambda: battery(
                    protocol("one", properties=(best,)), protocol("two", properties=(best,))
                ),
                "protocols 'one' and 'two' of the mine battery both measure 'best'",
            ),
            (
                lambda: battery(protocol(properties=(best, both))),
                "two properties of protocol 'phases' are named 'best'",
            ),
            (
                lambda: battery(protocol(properties=(no_name,))),
                "no_name, returns an array without a name",
            ),
            (
                lambda: battery(protocol(properties=(no_array,))),
                "no_array, must return a DataArray or a Dataset .* returned a ndarray",
            ),
            (
                lambda: battery(protocol(properties=(not_per_unit,))),
                r"one value per unit, dims \('unit',\); got",
            ),
            (
                lambda: battery(protocol(), rates_from="orientation"),
                "takes firing rates from 'orientation', which is none of its protocols: phases",
            ),
            (
                lambda: battery(protocol("one", scale="rates"), protocol("two"), rates_from="two"),
                "'one' is measured on firing rates, but stands before 'two'",
            ),
            (
                lambda: battery(protocol(), references=("ringach2002.circular_variance",)),
                "none of its protocols measures 'circular_variance'",
            ),
            (
                lambda: battery(protocol("one"), protocol("two", after="one", prefer=one_row)),
                "one row for each of 2 units; got 1 rows",
            ),
            (
                lambda: battery(
                    protocol("one"), protocol("two", after="one", prefer=unknown_argument)
                ),
                "gives colour, which its stimuli do not take; they take x, y, orientation",
            ),
            (
                lambda: battery(protocol(reduction=Maximum(over=("contrast",)))),
                "largest response over contrast, which its stimuli do not vary",
            ),
            (
                lambda: battery(
                    protocol(stimuli=still, curve=lambda response: response, scale="rates")
                ),
                "fitted to the mean over phase or time, and its stimuli vary spatial_frequency",
            ),
            (lambda: protocol(shuffled=(best,)), "shuffles best, which is not among"),
            (
                lambda: battery(protocol(stimuli=lambda display, position: None)),
                "must be a StimulusSet; got a NoneType",
            ),
        ],
    )
    def test_mistakes_are_sentences(self, make, message):
        with pytest.raises(UserError, match=message):
            make()

    def test_names_of_properties_are_known_before_a_recording(self):
        made = battery(protocol(properties=(both,)))
        assert made.rehearsed["phases"].properties == ("best", "worst")

    def test_a_fit_may_give_many_numbers(self):
        results = insilico.run(
            network(), "1", battery=battery(protocol(properties=(both,))), display=SMALL
        )
        assert {"best", "worst"} <= set(results.units)
        assert results.units["worst"].attrs["definition"] == both.__doc__
        assert results.units["worst"].attrs["units"] == "activation"
        assert results.units["worst"].attrs["protocol"] == "phases"


class TestRecordingsAreSharedByWhatIsShown:
    def test_protocols_with_other_preferences_are_shown_other_stimuli(self):
        made = battery(
            protocol("first"),
            protocol("lying", after="first", prefer=horizontal),
            protocol("standing", after="first", prefer=vertical),
        )
        recordings = insilico.run(network(), "1", battery=made, display=SMALL).recordings
        assert (recordings["lying"]["orientation"] == 0).all()
        assert (recordings["standing"]["orientation"] == 90).all()
        assert not np.array_equal(recordings["lying"], recordings["standing"])

    def test_protocols_with_another_reduction_keep_their_own(self):
        def curve(response):
            return response.max([dim for dim in response.dims if dim not in ("unit", "phase")])

        best_of = Maximum(over=("spatial_frequency",))
        made = battery(protocol("all"), protocol("largest", curve=curve, reduction=best_of))
        recordings = insilico.run(network(), "1", battery=made, display=SMALL).recordings
        assert recordings["all"].dims == ("unit", "spatial_frequency", "phase")
        assert recordings["largest"].dims == ("unit", "phase")
        np.testing.assert_array_equal(
            recordings["largest"], recordings["all"].max("spatial_frequency")
        )

    def test_protocols_alike_in_all_share_one(self):
        recordings = insilico.run(
            network(), "1", battery=battery(protocol("one"), protocol("two")), display=SMALL
        ).recordings
        assert recordings["one"] is recordings["two"]


class TestPreferences:
    def test_they_are_made_of_the_table_measured_so_far(self):
        seen = []

        def prefer(units):
            seen.append(units)
            return preferred_grating(units)[["orientation"]]

        made = battery(
            ORIENTATION,
            SPATIAL_FREQUENCY,
            protocol("own", after=("orientation", "spatial_frequency"), prefer=prefer),
        )
        results = insilico.run(network(), "1", battery=made, display=SMALL)
        table = seen[-1]
        assert table.attrs["px_per_deg"] == SMALL.px_per_deg
        np.testing.assert_array_equal(
            table["preferred_orientation"], results.units["preferred_orientation"]
        )
        assert "best" not in table
        np.testing.assert_array_equal(
            results.recordings["own"]["orientation"],
            preferred_grating(results.units)["orientation"],
        )

    def test_stimuli_may_lie_on_the_measured_centre_at_the_measured_size(self):
        def there(units):
            return pd.DataFrame({"x": units["receptive_field_x"].to_numpy(), "y": 0.5})

        made = battery(RECEPTIVE_FIELD, protocol("own", after="receptive_field", prefer=there))
        results = insilico.run(network(), "1", battery=made, display=SMALL)
        own = results.recordings["own"]
        np.testing.assert_allclose(own["stimulus_x"], results.units["receptive_field_x"])
        assert (own["stimulus_y"] == 0.5).all()

    def test_units_without_one_are_shown_nothing_and_counted(self):
        def some(units):
            values = np.where(np.arange(units.sizes["unit"]) % 3 == 1, np.nan, 45.0)
            return pd.DataFrame({"orientation": values})

        made = battery(
            protocol("first"), protocol("own", properties=(best,), after="first", prefer=some)
        )
        results = insilico.run(network(), "1", battery=made, display=SMALL)
        own = results.recordings["own"]
        without = own.isnull().all(["spatial_frequency", "phase"])
        assert without.values.tolist() == [False, True, False, False, True, False]
        assert own.isnull().sum() == 2 * own[0].size
        assert results.units["best"][[1, 4]].isnull().all()
        assert not results.units["responsive"].sel(protocol="own")[1]
        assert results.units["channel"].to_numpy().tolist() == list(range(6))
        assert any("2 of 6 units have no preference that own" in note for note in results.warnings)

    def test_a_protocol_that_can_be_shown_to_nobody_is_empty(self):
        def nobody(units):
            return pd.DataFrame({"orientation": np.full(units.sizes["unit"], np.nan)})

        made = battery(
            protocol("first"), protocol("own", properties=(best,), after="first", prefer=nobody)
        )
        results = insilico.run(network(), "1", battery=made, display=SMALL)
        assert results.units["best"].isnull().all()
        assert results.recordings["own"].dims == ("unit", "spatial_frequency", "phase")


class TestPlacement:
    def test_one_battery_is_shown_at_several_places(self):
        made = battery(protocol())
        for place in (Position(0.5, -0.5), Position(-0.25, 0.0)):
            results = insilico.run(
                network(), "1", battery=made, place=insilico.Placement(place), display=SMALL
            )
            recording = results.recordings["phases"]
            assert float(recording["stimulus_x"]) == place.x
            assert float(recording["stimulus_y"]) == place.y

    def test_units_are_kept_by_the_placement(self):
        place = insilico.Placement(sites=1.0, select=lambda curve: curve["channel"] < 2)
        results = insilico.run(
            network(), "1", battery=battery(protocol()), place=place, display=SMALL
        )
        assert set(results.units["channel"].to_numpy()) == {0, 1}
        assert results.provenance["selected"] == results.units.sizes["unit"]

    def test_batteries_have_places_of_their_own(self):
        assert find_battery("standard").place == insilico.Placement()
        assert find_battery("marques2020").place.position == marques2020.sets.POSITION
        assert find_battery(marques2020.BATTERY) == find_battery("marques2020")


class TestASubset:
    def test_brings_what_it_depends_on(self):
        some = standard.BATTERY.only(["texture_surround"])
        assert [each.name for each in some.protocols] == [
            "receptive_field",
            "orientation",
            "spatial_frequency",
            "size",
            "texture_surround",
        ]
        assert "cavanaugh2002a.suppression_index" in some.references
        assert "ringach2002.circular_variance" not in some.references

    def test_rates_come_along(self):
        names = [each.name for each in standard.BATTERY.only(["textures"]).protocols]
        assert names == ["orientation", "textures"]
        alone = standard.BATTERY.only(["textures"], rates=False)
        assert [each.name for each in alone.protocols] == ["textures"]

    def test_so_does_the_selection(self):
        results = insilico.run(
            network(),
            "1",
            battery="marques2020",
            protocols="textures",
            pixels=64,
            degrees=8,
            rates=False,
        )
        assert list(results.recordings) == ["receptive_field", "textures"]
        assert results.provenance["selected"] is not None

    def test_unknown_names(self):
        with pytest.raises(UserError, match="has no experiment 'sizes'; it has receptive_field"):
            insilico.run(network(), "1", protocols=["sizes"], display=SMALL)


class TestFromAFile:
    SOURCE = """
import insilico
from insilico.experiments.gratings import ORIENTATION, SPATIAL_FREQUENCY
from insilico.experiments.batteries import Placed
from insilico.experiments.protocol import Placement
from stimuli import Position

MINE = insilico.Battery("mine", (ORIENTATION, SPATIAL_FREQUENCY))
THERE = Placed(MINE, Placement(Position(0.5, 0.5)))
NUMBER = 3
"""

    @pytest.fixture
    def file(self, tmp_path):
        (tmp_path / "mine.py").write_text(self.SOURCE)
        return tmp_path / "mine.py"

    def test_a_battery_a_protocol_or_a_battery_and_its_place(self, file):
        assert find_battery(f"{file}:MINE").battery.name == "mine"
        assert find_battery(f"{file}:MINE").place == insilico.Placement()
        assert find_battery(f"{file}:ORIENTATION").battery.rates_from == "orientation"
        assert find_battery(f"{file}:THERE").place.position == Position(0.5, 0.5)
        assert isinstance(find_battery(f"{file}:THERE"), Placed)

    @pytest.mark.parametrize(
        ("name", "message"),
        [
            ("NUMBER", "is a int; it must be a Battery, a Protocol or a Placed"),
            ("MIEN", "has no 'MIEN'"),
        ],
    )
    def test_anything_else_is_refused(self, file, name, message):
        with pytest.raises(UserError, match=message):
            find_battery(f"{file}:{name}")

    def test_a_file_that_is_not_there(self):
        with pytest.raises(UserError, match="there is no file nowhere.py"):
            find_battery("nowhere.py:MINE")
        with pytest.raises(UserError, match="one of standard, contrast, .*, file.py:NAME or"):
            find_battery("standart")


def too_fine(display, position):
    """Gratings of twice the finest frequency that the display can show."""
    return factorial(
        "too_fine",
        display,
        draw_grating,
        {"spatial_frequency": [2 * display.nyquist], "phase": PHASES[::2]},
        orientation=0.0,
        x=position.x,
        y=position.y,
    )


def test_what_a_display_cannot_show_is_left_out_of_a_partial_battery_and_named():
    whole = battery(protocol(), protocol("fine", stimuli=too_fine), partial=True)
    kept, left_out = whole.suiting(Display.square(64, 8))
    assert [each.name for each in kept.protocols] == ["phases"]
    [told] = left_out
    assert told.startswith("fine is left out: spatial_frequency 8 cpd is above")
    refusing = dataclasses.replace(whole, partial=False)
    assert refusing.suiting(Display.square(64, 8)) == (refusing, [])


def test_what_a_model_does_not_offer_is_left_out_of_any_battery_with_the_reason():
    whole = battery(protocol(), protocol("coloured", needs="colour"))
    card = ModelCard("eye", SMALL, channels=1)
    probe = insilico.Probe(network(), ["1"], display=SMALL)
    kept, left_out = whole.suiting(card.display, lacking(card, probe))
    assert [each.name for each in kept.protocols] == ["phases"]
    assert left_out == ["coloured is left out: eye takes grey pictures, of one channel"]
    colour = dataclasses.replace(card, channels=3)
    assert whole.suiting(card.display, lacking(colour, probe)) == (whole, [])
    alone = battery(protocol("coloured", needs="colour"))
    with pytest.raises(insilico.UserError, match="nothing of the .* suits this model: eye takes"):
        alone.suiting(card.display, lacking(card, probe))


def test_units_at_one_place_are_not_asked_about_places():
    card = ModelCard("eye", SMALL)
    alone = lacking(card, insilico.Probe(network(), ["1"], display=SMALL))
    assert "look at one place" in alone["places"]
    spread = insilico.Probe(network(), ["1"], display=SMALL, sites="lattice")
    assert "places" not in lacking(card, spread)
    assert len(spread.units) == 25 * 6
    # 48 px, five ranges of 9.6 px: their middles.
    assert sorted(set(spread.units["row"])) == [4, 14, 24, 33, 43]


def test_full_holds_every_experiment_of_the_others():
    full = find_battery("full").battery
    assert full.partial
    names = {each.name for each in full.protocols}
    for other in (
        standard.BATTERY.protocols,
        shared.PHENOMENA,
        (COLOUR, BORDER_OWNERSHIP, ECCENTRICITY, NATURAL_IMAGES),
    ):
        assert {each.name for each in other} <= names


def test_every_protocol_is_estimated():
    probe, _ = placed_probe(network(), "1", place=insilico.Placement(), display=SMALL)
    found = estimates(probe, standard.BATTERY, insilico.Placement())
    assert list(found) == [
        "receptive_field",
        "orientation",
        "size",
        "textures",
        "texture_surround",
    ]
    # At most: every unit might prefer something else.
    assert found["size"].n_stimuli == 6 * 28 * 8


def test_sizes_are_shown_at_what_units_prefer_or_not_at_all():
    units = xr.Dataset(
        {
            "strongest_orientation": ("unit", [91.0, np.nan, 178.0, 20.0]),
            "preferred_spatial_frequency": ("unit", [2.1, 2.1, 4.0, np.nan]),
        }
    )
    table = preferred_grating(units)
    np.testing.assert_array_equal(table["orientation"], [90, 0, 0, np.nan])
    np.testing.assert_allclose(table["spatial_frequency"], [2, 2, 4, np.nan])
    assert SIZE.after == ("orientation", "spatial_frequency", "receptive_field")
    assert set(gratings(SMALL, Position()).conditions) > set(table)


@pytest.mark.parametrize("name", BATTERIES)
def test_protocols_measure_what_they_declare(name):
    """Nobody rehearses batteries of this package but this test."""
    battery = find_battery(name).battery
    found = rehearse(
        name,
        battery.protocols,
        rates_from=battery.rates_from,
        references=battery.references,
        background=battery.background,
    )
    if not packaged_photographs():
        found[NATURAL_IMAGES.name] = Rehearsed(NATURAL_IMAGES.measures, {})
    assert {each: found[each] for each in battery.rehearsed} == battery.rehearsed


def test_batteries_of_this_package_are_believed_and_ones_own_rehearsed(monkeypatch):
    asked = []
    monkeypatch.setattr(
        "insilico.experiments.battery.rehearse", lambda name, *_, **__: asked.append(name) or {}
    )
    protocols = find_battery("standard").battery.protocols
    assert Battery("declared", protocols, declared=True).rehearsed["size"].properties == (
        SIZE.measures
    )
    Battery("mine", protocols)
    quick(find_battery("standard").battery)
    assert asked == ["mine"]


def test_a_part_of_a_battery_is_not_rehearsed_again(monkeypatch):
    whole = find_battery("standard").battery
    monkeypatch.setattr(
        "insilico.experiments.battery.rehearse", lambda *_, **__: pytest.fail("rehearsed again")
    )
    part = whole.only(["size"])
    assert part.rehearsed == {each.name: whole.rehearsed[each.name] for each in part.protocols}
