"""Groups of units that are recorded together, each shown stimuli of its own."""

import numpy as np
import pytest
import small_battery as small
import xarray as xr

from insilico.recording.forward import Forward
from insilico.recording.probe import Probe
from insilico.recording.reductions import Harmonics, Maximum
from insilico.recording.tape import Tape
from insilico.recording.together import Together, alike
from stimuli import factorial, grating

SITES = [(8, 8), (20, 20)]


def probe(**options):
    return Probe(
        small.Filters(**options), ["rectified"], display=small.DISPLAY, channels=1, sites=SITES
    )


def shown(frequency, *, orientations=4, x=0.0):
    """Gratings at what a group prefers; one without contrast is the blank."""
    factors = {
        "contrast": [0.0, 1.0],
        "orientation": np.arange(orientations) * 180 / orientations,
        "phase": np.arange(0, 360, 90),
    }
    return factorial(
        "some", small.DISPLAY, grating, factors, spatial_frequency=frequency, diameter=2.0, x=x
    )


def groups(at):
    """Groups of one unit or two, at one site, at the other, or at both; the last sees less."""
    first, second = (at.units[at.units["row"] == row] for row, _ in SITES)
    members = [
        first.iloc[:1], first.iloc[1:2], second.iloc[:1], first.iloc[2:4], second.iloc[1:2],
        at.units.loc[[first.index[2], second.index[2]]],
        at.units.loc[[first.index[3], second.index[3]]],
        first.iloc[2:3],
    ]  # fmt: skip
    sets = [shown(0.5 + 0.25 * number, x=0.1 * number) for number in range(len(members) - 1)]
    return list(zip([*sets, shown(1.0, orientations=2)], members, strict=True))


@pytest.mark.parametrize("reduction", [None, Maximum(("phase",)), Harmonics()])
def test_groups_that_share_passes_answer_as_each_does_by_itself(reduction, monkeypatch):
    at = probe()
    every = groups(at)
    passes, record = [], Forward.record

    def counted(self, images, *others):
        passes.append(len(images))
        return record(self, images, *others)

    monkeypatch.setattr(Forward, "record", counted)
    expected = [at.record(*each, reduction=reduction, crops_checked=True) for each in every]
    alone, n_alone = sum(passes), len(passes)
    passes.clear()
    found = at.record_groups(every, [reduction] * len(every))
    for one, other in zip(found, expected, strict=True):
        xr.testing.assert_allclose(one.array(), other, rtol=1e-5, atol=1e-6)
        assert one.array().attrs == other.attrs
        assert list(one.array().coords) == list(other.coords)
    assert sum(passes) == alone
    # Two, two, two and two others; the windows of the last two differ.
    assert len(passes) < n_alone


def test_who_is_recorded_together():
    every = groups(probe())
    numbers = alike(every, [None] * len(every), deterministic=True)
    assert numbers == [[0, 1], [2, 4], [3], [5, 6], [7]]
    kept = [Harmonics(), *[None] * (len(every) - 1)]
    assert alike(every, kept, deterministic=True)[:2] == [[0], [1]]
    # Noise is the same whatever is recorded with a group.
    assert alike(every, [None] * len(every), deterministic=False) == [[n] for n in range(8)]


def test_tables_of_many_groups_stay_small(monkeypatch):
    every = groups(probe())
    monkeypatch.setattr("insilico.recording.together.MOST_STIMULI", 32)
    assert alike(every, [None] * len(every), deterministic=True) == [[n] for n in range(8)]


def test_the_same_picture_is_shown_to_every_group_once():
    at = probe()
    stimuli = shown(1.0)
    units = [at.units.iloc[[n]] for n in range(3)]
    found = at.record_groups([(stimuli, each) for each in units], [None] * 3)
    # 4 orientations at 4 phases, and the blank, which all without contrast show.
    assert [each.attrs["n_pictures"] for each in found] == [17] * 3
    for one, members in zip(found, units, strict=True):
        np.testing.assert_allclose(
            one.values, at.record(stimuli, members, crops_checked=True), rtol=1e-5, atol=1e-6
        )


@pytest.mark.parametrize("reduction", [None, Maximum(("phase",)), Harmonics()])
def test_groups_that_were_stopped_go_on(tmp_path, monkeypatch, reduction):
    """After each of some batches the recording is stopped, and goes on where it was."""
    every = groups(probe())
    monkeypatch.setattr("insilico.recording.pictures.DRAWN_PIXELS", 0)
    monkeypatch.setattr("insilico.recording.pictures.DRAWN", 8)
    monkeypatch.setattr(Forward, "batch", lambda *_: 8)
    monkeypatch.setattr("insilico.recording.tape.SECONDS", 0)
    monkeypatch.setattr("insilico.recording.tape.PRICE", 0)
    shown_so_far, record = [], Forward.record

    def counted(self, images, *others):
        if len(shown_so_far) in stops:
            stops.discard(len(shown_so_far))
            raise KeyboardInterrupt
        shown_so_far.append(len(images))
        return record(self, images, *others)

    def recorded(tape=None):
        return [each.array() for each in probe().record_groups(every, [reduction] * 8, tape=tape)]

    stops = set()
    expected = recorded()
    monkeypatch.setattr(Forward, "record", counted)
    stops = {1, 3, 4, 9}
    while True:
        try:
            again = recorded(Tape(tmp_path / "tape", "this"))
            break
        except KeyboardInterrupt:
            continue
    assert not stops
    assert sum(shown_so_far) == sum(each.attrs["n_pictures"] for each in expected)
    for one, other in zip(again, expected, strict=True):
        xr.testing.assert_identical(one, other)


def test_who_is_shown_what():
    at = probe()
    together = Together.of([(shown(1.0), at.units.iloc[:2]), (shown(2.0), at.units.iloc[2:4])])
    assert (together.members, together.each, together.end) == (2, 32, 66)
    assert together.shown_to([0, 31, 32, 63, 64, 65]).tolist() == [0, 0, 1, 1, 0, 1]
    # Units may answer in another order than they were asked in.
    places, own = together.places(np.array([1, 0, 3, 2]))
    assert places.tolist() == [[0, 1], [2, 3]]
    assert own.tolist() == [1, 0]
