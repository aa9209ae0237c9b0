"""The rig without a browser: the hand, what the units say, what is kept, and who may come in."""

import asyncio
import contextlib
import http.client
import json
import runpy
import socket
import threading
import urllib.error
import urllib.request
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import rig_model
import torch
import xarray as xr
from PIL import Image
from torch import nn

import insilico
from insilico.cli.app import main
from insilico.errors import UserError
from insilico.experiments.protocol import Placement
from insilico.experiments.rehearsal import preferences
from insilico.rig.desk import Desk
from insilico.rig.drawing import picture, shown
from insilico.rig.explored import COLUMNS, FIRST, Explored, by_hand, map_by_hand, read_explored
from insilico.rig.hand import KINDS, PARAMETERS, Hand, limits, read
from insilico.rig.latency import latency
from insilico.rig.measuring import SHARED
from insilico.rig.opening import opened
from insilico.rig.pictures import LARGEST, copied
from insilico.rig.plots import curve_parts
from insilico.rig.rates import rates_of
from insilico.rig.rig import PHOTOGRAPHS, SCRIPT_NAME
from insilico.rig.script import repeated, script, shown_again
from insilico.rig.server import LOOPBACK, listening_on, serve
from insilico.runs.placed_probe import placed_probe
from insilico.tuning.rates import to_rates
from stimuli import Display

DISPLAY = Display.square(rig_model.PIXELS, rig_model.DEGREES)
CLI = [rig_model.SPEC, "--pixels", str(rig_model.PIXELS), "--degrees", str(rig_model.DEGREES)]
UNIT = {3: ("1", 3, 7, 7)}


@pytest.fixture(scope="module")
def probe():
    model = insilico.load_model(rig_model.SPEC, pixels=rig_model.PIXELS, degrees=rig_model.DEGREES)
    return placed_probe(model, rig_model.LAYER, place=Placement())[0]


@pytest.fixture
def rig(probe, tmp_path):
    with opened(probe, folder=tmp_path / "explored", script="print('again')") as rig:
        yield rig


@pytest.fixture(scope="module")
def photograph(tmp_path_factory):
    path = tmp_path_factory.mktemp("photographs") / "cat.png"
    levels = np.random.default_rng(0).integers(0, 255, (40, 60), dtype=np.uint8)
    Image.fromarray(levels).save(path)
    return path


class TestHand:
    def test_what_the_display_cannot_show_is_brought_within_it(self):
        hand = read({"kind": "grating", "spatial_frequency": 99, "x": -99, "contrast": 5}, DISPLAY)
        assert hand.spatial_frequency == DISPLAY.nyquist
        assert (hand.x, hand.contrast) == (-2, 1)
        assert np.isfinite(picture(DISPLAY, hand).numpy()).all()

    @pytest.mark.parametrize("value", [None, "a", float("nan"), float("inf"), True, [1]])
    def test_what_is_no_number_is_as_by_default(self, value):
        assert read(dict.fromkeys((*PARAMETERS, "kind"), value), DISPLAY) == Hand()

    def test_angles_come_round(self):
        hand = read({"orientation": -10, "phase": 370, "turn": 181}, DISPLAY)
        assert (hand.orientation, hand.phase, hand.turn) == (170, 10, 1)

    @pytest.mark.parametrize("kind", KINDS)
    @pytest.mark.parametrize("place", [(0.0, 0.0), (1.23, -0.71), (2.0, 2.0)])
    def test_one_picture_is_that_of_the_stimulus_set(self, kind, place, photograph):
        for diameter, orientation in ((0.07, 0.0), (0.9, 33.0), (8.0, 120.0)):
            hand = Hand(
                kind, *place, orientation=orientation, diameter=diameter, contrast=-0.7, phase=40
            )
            quick = picture(DISPLAY, hand, (photograph,))
            assert torch.equal(quick, shown(DISPLAY, [hand], (photograph,)).images())

    @pytest.mark.parametrize("mode", ["L", "RGB"])
    def test_a_photograph_that_is_higher_than_wide(self, tmp_path, mode):
        path = tmp_path / "tall.png"
        levels = np.random.default_rng(0).integers(0, 255, (80, 10, len(mode)), dtype=np.uint8)
        Image.fromarray(levels.squeeze(), mode).save(path)
        hand = Hand("photograph", x=0.3, y=-0.2, diameter=0.3)
        assert torch.equal(
            picture(DISPLAY, hand, (path,)), shown(DISPLAY, [hand], (path,)).images()
        )

    def test_a_set_is_of_one_kind(self):
        with pytest.raises(ValueError, match="drawn by one function; got bar, spot"):
            shown(DISPLAY, [Hand("bar"), Hand("spot")])

    def test_photographs_are_copied_small(self, tmp_path, photograph):
        Image.new("RGB", (1000, 500), (250, 10, 10)).save(tmp_path / "red.jpg")
        copies = copied([photograph, tmp_path / "red.jpg"], tmp_path)
        assert [path.name for path in copies] == ["0-cat.png", "1-red.png"]
        assert Image.open(copies[1]).size == (LARGEST, LARGEST // 2)
        assert [path.name for path in copied([], tmp_path)] == ["0-tex-im05.png"]
        turned, deep = tmp_path / "turned.jpg", tmp_path / "deep.png"
        exif = Image.Exif()
        exif[0x0112] = 6  # Taken with the camera on its side.
        Image.new("L", (60, 40)).save(turned, exif=exif)
        Image.fromarray(np.full((4, 4), 32896, dtype=np.uint16)).save(deep)
        copies = copied([turned, deep], tmp_path)
        assert Image.open(copies[0]).size == (40, 60)
        assert Image.open(copies[1]).getpixel((0, 0)) == 128
        with pytest.raises(ValueError, match="there is no picture"):
            copied([tmp_path / "none.png"], tmp_path)


class TestListening:
    @pytest.mark.parametrize("kind", KINDS)
    def test_units_say_what_the_probe_records(self, rig, probe, kind):
        rig.pair()
        hands = [
            Hand(kind, x=x, y=-x, orientation=orientation, diameter=1.0, width=0.2)
            for x, orientation in ((0.0, 0.0), (0.1, 40.0), (-0.3, 90.0))
        ]
        said = np.array([rig.look(hand).responses for hand in hands])
        recording = probe.record(
            shown(probe.display, hands, rig.photographs), probe.units.iloc[list(rig.chosen)]
        )
        np.testing.assert_allclose(said, recording.T, rtol=1e-5, atol=1e-6)
        assert np.ptp(said) > 0

    def test_units_that_see_everything_are_shown_everything(self, tmp_path):
        net = nn.Sequential(*rig_model.build(), nn.AdaptiveAvgPool2d(1), nn.Flatten())
        probe, _ = placed_probe(net, "3", place=Placement(), pixels=64, degrees=4)
        with opened(probe, folder=tmp_path) as rig:
            hand = Hand("grating", diameter=8)
            said = rig.look(hand).responses
            units = probe.units.iloc[list(rig.chosen)]
            recording = probe.record(shown(probe.display, [hand]), units)
            np.testing.assert_allclose(said, recording[:, 0], rtol=1e-5)
            assert rig.field(rig.chosen[0]).proven == (-2, -2, 4, 4)

    def test_the_picture_is_what_was_shown(self, rig):
        hand = Hand("spot", x=0.5, y=0.5, diameter=1, contrast=-1)
        image = rig.look(hand).picture
        assert image.dtype == np.uint8
        assert (image[32 - 8, 32 + 8], image[0, 0]) == (0, 128)

    def test_a_spot_on_the_field_is_heard_and_one_beside_it_is_not(self, rig):
        unit = rig.chosen[0]
        x, y = rig.field(unit).center
        bar = Hand("bar", x=x, y=y, orientation=180 * unit / rig_model.ORIENTATIONS, diameter=2)
        assert rig.look(bar).rates[0] > rig.blanks[0] + 5
        assert rig.look(replace(bar, x=2, y=2, diameter=0.1)).rates[0] == rig.blanks[0]

    def test_rates_are_those_of_a_run(self, rig):
        rate_map = replace(
            rig.survey.rate_map, layer=("a", "b"), slope=(2.0, 3.0), offset=(-1.0, 1.0)
        )
        activation = np.array([-1.0, 0.2, 4.0, 4.0])
        coords = {"layer": ("unit", list("aaab")), "blank": ("unit", np.zeros(4))}
        recording = xr.DataArray(activation[:, None], coords, ("unit", "shown"))
        np.testing.assert_allclose(
            rates_of(rate_map, list("aaab"), activation), to_rates(recording, rate_map)[:, 0]
        )

    def test_a_model_that_says_nothing(self, tmp_path):
        probe, _ = placed_probe(rig_model.silent(), "1", place=Placement(), pixels=64, degrees=4)
        with (
            pytest.raises(UserError, match="nothing to hear in 1: none of its 8 units"),
            opened(probe, folder=tmp_path),
        ):
            pass

    def test_the_model_is_given_back_as_it_was(self, tmp_path):
        net = rig_model.build().train()
        probe, _ = placed_probe(net, "1", place=Placement(), pixels=64, degrees=4)
        with opened(probe, folder=tmp_path) as rig:
            rig.step(1)
            rig.look(Hand())
            assert not net.training
        assert net.training

    def test_one_thread_answers_and_all_of_them_measure(self, probe, tmp_path, monkeypatch):
        before = torch.get_num_threads()
        torch.set_num_threads(2)
        try:
            with opened(probe, folder=tmp_path) as rig:
                assert torch.get_num_threads() == 1
                used = []
                monkeypatch.setattr(
                    rig.measurements, "measure", lambda *_: used.append(torch.get_num_threads())
                )
                rig.measure(lambda *_: None)
                assert used == [2]
                assert torch.get_num_threads() == 1
            assert torch.get_num_threads() == 2
        finally:
            torch.set_num_threads(before)

    def test_the_latency_is_told(self, rig):
        assert "a second)" in latency(rig)
        assert rig.explored.n_shown == 0
        assert np.isnan(rig.latency())


class TestUnits:
    def test_units_are_gone_through_in_the_order_of_a_ranking(self, rig):
        assert rig.order == np.argsort(-rig.survey.evoked, kind="stable").tolist()
        rig.rank("number")
        assert rig.order == list(range(rig_model.ORIENTATIONS))
        rig.rank("number", ascending=True)
        assert rig.order == list(range(rig_model.ORIENTATIONS))[::-1]
        rig.rank("number")
        rig.choose([6])
        rig.step(1)
        rig.step(1)
        assert rig.chosen == (0,)
        rig.step(-1)
        assert rig.chosen == (7,)

    def test_two_side_by_side(self, rig):
        rig.rank("number")
        rig.choose([2])
        rig.pair()
        assert rig.chosen == (2, 3)
        rig.step(1)
        assert rig.chosen == (4, 3)
        heard = rig.look(Hand())
        assert heard.rates.shape == rig.blanks.shape == (2,)
        rig.pair()
        assert rig.chosen == (4,)

    def test_two_are_never_the_same(self, rig):
        rig.rank("number")
        rig.choose([2, 3])
        rig.step(1)
        assert rig.chosen == (4, 3)
        rig.step(-1)
        assert rig.chosen == (2, 3)
        rig.choose([5, 5])
        assert rig.chosen == (5,)
        assert rig.look(Hand()).rates.shape == (1,)

    def test_a_model_of_one_unit(self, tmp_path):
        net = nn.Sequential(nn.Conv2d(1, 1, 15, stride=4, padding=7), nn.ReLU())
        net[0].weight.data = rig_model.build()[0].weight.data[:1]
        probe, _ = placed_probe(net, "1", place=Placement(), pixels=64, degrees=4)
        with opened(probe, folder=tmp_path) as rig:
            rig.pair()
            rig.step(1)
            assert rig.chosen == (0,)
            assert rig.look(Hand()).rates.shape == (1,)

    def test_by_the_answer_to_what_is_under_the_hand(self, rig):
        rig.look(Hand("grating", orientation=67.5, diameter=2, spatial_frequency=2.0))
        rig.rank("now")
        assert rig.order[0] == 3


@pytest.fixture(scope="module")
def measured(probe, tmp_path_factory):
    """A rig whose unit 3 was measured, and what was told of how far that was."""
    told = []
    with opened(probe, folder=tmp_path_factory.mktemp("measured")) as rig:
        rig.choose([3])
        rig.measure(lambda name, share: told.append((name, share)))
        yield rig, told


class TestMeasuring:
    def test_properties_are_those_of_a_run(self, measured):
        rig, _ = measured
        results = insilico.run(
            rig_model.build(),
            "1",
            pixels=rig_model.PIXELS,
            degrees=rig_model.DEGREES,
            battery="contrast",
            protocols=["receptive_field", "orientation", "orientation_mean", "size", "contrast"],
        )
        found = {
            name: float(value[0])
            for each in rig.measurements.of(3).values()
            for name, value in each.properties.items()
        }
        assert {"receptive_field_x", "circular_variance", "contrast_gain"} <= set(found)
        for name, value in found.items():
            if name in results.units:
                np.testing.assert_allclose(value, results.units[name][3], rtol=1e-6, err_msg=name)
        # And of all that are shown the same, to rank by.
        np.testing.assert_allclose(
            rig.measurements.properties()["circular_variance"], results.units["circular_variance"]
        )

    def test_the_true_curve_lies_over_the_dots(self, measured):
        rig, _ = measured
        best = rig.measurements.best(3, "orientation")
        assert best.dims == ("orientation",)
        frequency = float(rig.measurements.of(3)["spatial_frequency"].properties[
            "preferred_spatial_frequency"
        ][0])  # fmt: skip
        hands = [
            Hand("grating", orientation=67.5, spatial_frequency=frequency, diameter=8, phase=phase)
            for phase in np.arange(0, 360, 30.0)
        ]
        dots = [rig.look(hand).rates[0] for hand in hands]
        assert max(dots) == pytest.approx(float(best.sel(orientation=67.5)), rel=0.05)
        assert rig.measurements.best(3, "size").dims == ("diameter",)
        assert rig.measurements.best(3, "contrast").dims == ("contrast",)

    def test_the_figures_hold_the_dots_and_the_true_curves(self, measured):
        rig, _ = measured
        x, y = rig.field(3).center
        for contrast in (-1.0, -0.5, 0.25):
            rig.look(Hand("grating", x=x, y=y, diameter=0.9, contrast=contrast))
        parts = curve_parts(rig, "grating", "contrast", limits(DISPLAY))
        # Gratings have no sign.
        assert parts["dots-0"]["place"][-3:].tolist() == [1, 0.5, 0.25]
        assert len(parts["best-0"]["place"]) == len(parts["curve-0"]["rate"]) == 13
        assert not any(len(each["place"]) for name, each in parts.items() if name.endswith("1"))
        assert not len(curve_parts(rig, "spot", "orientation", limits(DISPLAY))["dots-0"]["rate"])

    def test_it_says_how_far_it_is_and_does_nothing_twice(self, measured):
        rig, told = measured
        assert {name for name, _ in told} == {
            "receptive_field", "orientation", "size", "contrast"
        }  # fmt: skip
        assert told[-1] == ("contrast", 1.0)
        assert all(0 <= share <= 1 for _, share in told)
        again = []
        rig.measure(lambda *share: again.append(share))
        assert again == []

    def test_the_measured_field_is_where_the_unit_looks(self, measured):
        rig, _ = measured
        field = rig.field(3)
        left, bottom, width, height = field.proven
        x, y, diameter = field.measured
        assert left < x < left + width
        assert bottom < y < bottom + height
        assert 0 < diameter < width

    def test_units_are_ranked_by_what_was_measured(self, measured):
        rig, _ = measured
        rig.rank("preferred_orientation")
        values = rig.measurements.properties()["preferred_orientation"][rig.order]
        assert (np.diff(values) <= 0).all()
        assert rig.value(rig.order[0]) == values[0]

    def test_nothing_is_shown_at_an_optimum_that_there_is_not(self, tmp_path, monkeypatch):
        net = rig_model.build()
        net[0].weight.data[2], net[0].bias.data[2] = 0, -1
        probe, _ = placed_probe(net, "1", place=Placement(), pixels=32, degrees=2)
        with opened(probe, folder=tmp_path) as rig:
            rig.choose([2])
            rig.measure(lambda *_: None)
            assert rig.field(2).measured is None
            assert np.ptp(rig.measurements.best(2, "contrast").to_numpy()) == 0
            unknown = pd.DataFrame({"orientation": [np.nan], "spatial_frequency": [2.0]})
            monkeypatch.setattr(
                "insilico.rig.measuring.preferences",
                lambda protocol, *known: (
                    unknown if protocol.name == "size" else preferences(protocol, *known)
                ),
            )
            rig.choose([3])
            rig.measure(lambda *_: None)
            assert list(rig.measurements.of(3)) == [each.name for each in SHARED]
            assert rig.measurements.best(3, "contrast") is None

    def test_what_was_measured_before_it_was_given_up_is_kept(self, rig):
        def stop(name, share):
            if name == "orientation":
                raise KeyError("enough")

        with pytest.raises(KeyError, match="enough"):
            rig.measure(stop)
        assert list(rig.measurements.shared) == ["receptive_field"]
        assert rig.look(Hand()).responses.shape == (1,)


class TestExplored:
    def test_the_table_is_read_as_it_was_written(self, tmp_path):
        explored = Explored(tmp_path / "new" / "explored.csv")
        explored.save()
        assert not explored.path.parent.exists()
        rng = np.random.default_rng(0)
        for number in range(3):
            hand = Hand("grating", *rng.normal(size=2), orientation=rng.uniform(0, 180))
            explored.add(hand, UNIT | {4: ("=1+1", 4, 7, 7)}, rng.normal(size=2), [0.1, 0], number)
            explored.save()
        table = read_explored(explored.path)
        assert tuple(table.columns) == COLUMNS
        assert table["layer"].tolist() == ["1", "=1+1"] * 3
        pd.testing.assert_frame_equal(table, explored.table(), check_dtype=False, check_exact=True)
        assert table["width"].isna().all()
        assert [path.name for path in explored.path.parent.iterdir()] == ["explored.csv"]

    def test_what_was_there_stays_whole_while_it_is_written(self, tmp_path, monkeypatch):
        explored = Explored(tmp_path / "explored.csv")
        explored.add(Hand(), UNIT, [1.0], [0.0], 0.0)
        explored.save()
        explored.add(Hand(), UNIT, [2.0], [0.0], 0.0)
        monkeypatch.setattr("pathlib.Path.replace", lambda *_: (_ for _ in ()).throw(OSError))
        with pytest.raises(OSError):
            explored.save()
        assert read_explored(explored.path)["response"].tolist() == [1.0]

    def test_a_long_session(self, tmp_path):
        explored = Explored(tmp_path / "explored.csv")
        for number in range(2 * FIRST + 1):
            explored.add(Hand("spot", x=number), UNIT, [number], [0.0], number)
        explored.add(Hand("bar"), UNIT, [0], [0.0], number)
        assert explored.of(3, "spot")["x"].tolist() == list(range(2 * FIRST + 1))
        assert len(explored.of(3, "bar")) == 1
        assert len(explored.of(5, "bar")) == 0

    def test_the_best_of_each_bin_makes_a_curve(self):
        dots = pd.DataFrame(
            {"orientation": [0.0, 178.0, 3.0, 44.0, 90.0], "response": [1.0, 5.0, 2.0, 3.0, -1.0]}
        )
        place, best = by_hand(dots, "orientation", limits(DISPLAY))
        assert place.tolist() == [44, 90, 178]
        assert best.tolist() == [3, -1, 5]
        assert by_hand(dots[:0], "orientation", limits(DISPLAY)).shape == (2, 0)

    def test_the_mean_of_each_place_makes_a_map(self):
        dots = pd.DataFrame({"x": [-1.5, -1.6, 1.5], "y": [0.5, 0.6, -1.9], "response": [1, 3, 7]})
        x, y, chart = map_by_hand(dots, limits(DISPLAY), 1.0)
        assert x.tolist() == y.tolist() == [-1.5, -0.5, 0.5, 1.5]
        assert chart[2, 0] == 2
        assert chart[0, 3] == 7
        assert np.isnan(chart).sum() == 14

    def test_it_is_saved_as_one_explores_and_when_the_rig_is_closed(
        self, probe, tmp_path, monkeypatch
    ):
        monkeypatch.setattr("insilico.rig.rig.EVERY", 0.0)
        monkeypatch.setattr("insilico.rig.rig.SHARE", 1e6)
        folder = tmp_path / "explored"
        with pytest.raises(KeyboardInterrupt), opened(probe, folder=folder, script="pass") as rig:
            rig.look(Hand("photograph"))
            rig.save_if_due()
            assert len(read_explored(folder / "explored.csv")) == 1
            monkeypatch.setattr("insilico.rig.rig.EVERY", 1e6)
            rig.look(Hand())
            rig.save_if_due()
            assert len(read_explored(folder / "explored.csv")) == 1
            raise KeyboardInterrupt
        assert len(read_explored(folder / "explored.csv")) == 2
        assert (folder / SCRIPT_NAME).read_text() == "pass"
        assert len(list((folder / PHOTOGRAPHS).iterdir())) == 1

    def test_the_script_shows_it_again(self, tmp_path, capsys):
        model = insilico.load_model(rig_model.SPEC, pixels=64, degrees=4)
        probe, card = placed_probe(model, "1", place=Placement())
        with opened(probe, folder=tmp_path / "rig", script=script(card, probe.layers)) as rig:
            rng = np.random.default_rng(0)
            for kind in KINDS:
                rig.pair()
                rig.look(Hand(kind, *rng.normal(0, 0.2, 2), orientation=rng.uniform(0, 180)))
        program = tmp_path / "rig" / SCRIPT_NAME
        runpy.run_path(str(program))
        said = capsys.readouterr().out
        assert "9 responses; the largest difference is" in said
        assert float(said.split()[-1]) < 1e-5
        explored = read_explored(program.with_name("explored.csv"))
        copies = sorted(program.parent.joinpath(PHOTOGRAPHS).iterdir())
        wrong = shown_again(probe, explored.assign(x=explored["x"] + 0.3), copies)
        assert (wrong["repeated"] - wrong["response"]).abs().max() > 0.01
        with pytest.raises(UserError, match="no unit at channel 99, row 8, column 8"):
            shown_again(probe, explored.assign(channel=99))
        with pytest.raises(UserError, match="no explored.csv"):
            repeated(model, ["1"], tmp_path / "nowhere")


class TestDesk:
    @pytest.fixture
    def desk(self, rig):
        desk = Desk(rig)
        yield desk
        desk.close()

    def ask(self, desk, *commands, hand=None, known=None):
        question = {"hand": hand, "do": commands, "known": known}
        said, picture = desk.answer(json.loads(json.dumps(question)))
        return json.loads(json.dumps(said, allow_nan=False)), picture

    def test_a_question_is_answered(self, desk, rig):
        said, picture = self.ask(desk, hand=vars(Hand("spot")))
        assert said["hand"] == vars(Hand("spot"))
        assert said["rates"] == rig.rates(said["responses"]).tolist()
        assert picture.shape == (64, 64)
        assert said["units"][0]["number"] == rig.chosen[0]
        assert "units" not in self.ask(desk, known=said["version"])[0]

    def test_every_page_is_told_of_what_another_one_did(self, desk):
        one = self.ask(desk)[0]["version"]
        other = self.ask(desk)[0]["version"]
        assert "units" in self.ask(desk, ["next", 0], known=one)[0]
        assert "units" in self.ask(desk, known=other)[0]

    def test_commands(self, desk, rig):
        before = rig.chosen
        said, picture = self.ask(desk, ["next", None], ["pair", None])
        assert picture is None
        assert len(said["units"]) == 2
        chosen = rig.chosen
        self.ask(desk, ["swap", None])
        assert rig.chosen == chosen[::-1]
        self.ask(desk, ["swap", None])
        assert rig.chosen[0] != before[0]
        said, _ = self.ask(desk, ["rank", "number"], ["first", None])
        assert (said["ranking"], rig.chosen[0]) == ("number", 0)
        said, _ = self.ask(desk, ["turn", None], ["first", None])
        assert (said["ascending"], rig.chosen[0]) == (True, rig_model.ORIENTATIONS - 1)
        assert self.ask(desk, ["rank", "nonsense"])[0]["ranking"] == "number"

    @pytest.mark.parametrize(
        "question", [{"do": 3}, {"do": [1, ["a"], [None, None], ["next"]]}, {"hand": [1]}, {}]
    )
    def test_what_is_no_question_changes_nothing(self, desk, rig, question):
        before = rig.chosen
        said, picture = desk.answer(question)
        assert picture is None
        assert said["trouble"] == ""
        assert rig.chosen == before

    def test_a_model_that_raises_is_said_on_the_page(self, desk, rig, monkeypatch):
        def fail(_hand):
            raise UserError("the model raised ValueError: no.")

        with monkeypatch.context() as patch:
            patch.setattr(rig, "look", fail)
            said, picture = self.ask(desk, hand=vars(Hand()))
        assert picture is None
        assert said["trouble"] == "the model raised ValueError: no."
        assert said["units"]

    def test_responses_that_are_no_numbers(self, desk, rig, monkeypatch):
        heard = rig.look(Hand())
        nan = replace(heard, responses=np.array([np.nan]), rates=np.array([np.nan]))
        monkeypatch.setattr(rig, "look", lambda _hand: nan)
        said, _ = self.ask(desk, hand=vars(Hand()))
        assert said["rates"] == said["responses"] == [None]

    @pytest.mark.parametrize(
        ("raised", "trouble"),
        [
            (UserError("it is too large."), "it is too large."),
            (MemoryError("full"), "The measurement failed: MemoryError: full"),
        ],
    )
    def test_a_measurement_that_fails_is_said(self, desk, rig, monkeypatch, raised, trouble):
        def fail(_done):
            raise raised

        monkeypatch.setattr(rig, "measure", fail)
        self.ask(desk, ["measure", None])
        desk.close()
        assert self.ask(desk)[0]["trouble"] == trouble

    def test_a_disk_that_is_full_is_said(self, desk, rig, monkeypatch):
        def fail():
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(rig, "save_if_due", fail)
        desk.save()
        assert "(No space left on device): make room" in self.ask(desk)[0]["trouble"]

    @pytest.mark.parametrize("unit", [-1, 8, None, "3"])
    def test_a_unit_that_is_not_there(self, desk, rig, unit):
        before = rig.chosen
        said, _ = self.ask(desk, ["unit", unit])
        assert said["trouble"] == f"There is no unit {unit}: they go from 0 to 7."
        assert rig.chosen == before
        assert self.ask(desk, ["unit", 5])[0]["trouble"] == ""
        assert rig.chosen == (5,)


class TestServer:
    @pytest.fixture
    def address(self, rig):
        """A server in a thread; the address that it tells."""
        told, ready = [], threading.Event()

        def run():
            asyncio.set_event_loop(asyncio.new_event_loop())
            loops.append(asyncio.get_event_loop())
            with listening_on(0) as bound:
                serve(
                    Desk(rig),
                    "a rig",
                    bound=bound,
                    told=lambda address: (told.append(address), ready.set()),
                )

        loops = []
        thread = threading.Thread(target=run)
        thread.start()
        assert ready.wait(20)
        yield told[0]
        loops[0].call_soon_threadsafe(loops[0].stop)
        thread.join(20)
        assert not thread.is_alive()

    def status(self, address):
        try:
            with urllib.request.urlopen(address, timeout=20) as answer:
                return answer.status
        except urllib.error.HTTPError as error:
            return error.code

    def test_only_with_its_token_and_only_on_this_machine(self, address):
        assert address.startswith(f"http://{LOOPBACK}:")
        assert self.status(address) == 200
        bare, _, token = address.partition("?")
        name, _, signed = token.partition("=")
        other = signed[:-1] + ("A" if signed[-1] != "A" else "B")
        assert self.status(bare) == 403
        assert self.status(f"{bare}?{name}={other}") == 403
        assert self.status(f"{bare}?{name}=guess") == 403
        assert self.status(f"{bare}?bokeh-token=guess") == 403
        assert self.status(f"{bare}metadata") == self.status(f"{bare}autoload.js") == 404
        port = int(bare.rpartition(":")[2].strip("/"))
        with socket.socket() as elsewhere, pytest.raises(OSError):
            # Another address of this machine's own.
            elsewhere.connect(("127.0.0.2", port))

    def shaken(self, address, *, origin, token):
        """The status of a handshake for the line."""
        host = address.split("/")[2]
        with contextlib.closing(http.client.HTTPConnection(host, timeout=20)) as connection:
            connection.request("GET", "/line", headers={
                "Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13",
                "Sec-WebSocket-Key": 22 * "x" + "==", "Sec-WebSocket-Protocol": f"rig, {token}",
                "Origin": origin,
            })  # fmt: skip
            return connection.getresponse().status

    def test_the_line_is_for_our_page_with_its_token(self, address):
        origin, token = address.partition("/?")[0], address.partition("=")[2]
        assert self.shaken(address, origin=origin, token=token) == 101
        assert self.shaken(address, origin=origin, token=token[:-1]) == 403
        assert self.shaken(address, origin=origin, token="guess") == 403
        assert self.shaken(address, origin="http://elsewhere.example", token=token) == 403
        assert self.shaken(address, origin="null", token=token) == 403

    def test_a_port_that_is_taken(self):
        with (
            listening_on(0) as taken,
            pytest.raises(UserError, match="--port 0 for any free one"),
            listening_on(taken.getsockname()[1]),
        ):
            pass

    @pytest.mark.parametrize("port", [-1, 65536])
    def test_a_port_that_there_is_not(self, port):
        with pytest.raises(UserError, match=f"from 0 .* to 65535; got {port}"), listening_on(port):
            pass


class TestCommand:
    def test_a_mistake_is_one_sentence(self, tmp_path, capsys):
        with listening_on(0) as taken:
            port = str(taken.getsockname()[1])
            for arguments, said in (
                ([*CLI, "--layer", "1", "--port", port], f"port {port} of {LOOPBACK} cannot"),
                ([*CLI, "--port", "0"], "which layer is V1?"),
                ([*CLI, "--layer", "nine", "--port", "0"], "has no layer 'nine'"),
                (
                    [CLI[0].replace("build", "silent"), *CLI[1:], "--layer", "1", "--port", "0"],
                    "nothing to hear in 1",
                ),
                (
                    [*CLI, "--layer", "1", "--port", "0", "--photograph", str(tmp_path / "no.png")],
                    "there is no picture",
                ),
            ):
                assert main(["rig", *arguments, "--out", str(tmp_path / "out")]) == 2
                error = capsys.readouterr().err
                assert said in error
                assert error.count("\n") == 1
        assert not (tmp_path / "out").exists()
