"""Stimuli that move: where they are at every frame, and what frames can show."""

import numpy as np
import pytest
import torch
from PIL import Image

from insilico.cli.app import main
from insilico.errors import UserError
from insilico.experiments.examples import example
from insilico.figures import contact_sheet, save_movie
from insilico.figures.movie import frames
from stimuli import (
    Display,
    StimulusSet,
    chirp,
    counterphase_grating,
    drifting_grating,
    drifting_plaid,
    factorial,
    frame_times,
    grating,
    moving_bar,
    plaid,
    random_dots,
)
from stimuli.catalogue import MOVIES, STIMULI
from stimuli.frames import whole_cycles

SCREEN = Display.square(48, 4, frame_rate=20)
TIMES = frame_times(SCREEN, 0.5, lead_in=0.1)
WAVE = {"spatial_frequency": 1.0, "temporal_frequency": 2.0}


def middle(covered):
    """Where the light is, in deg: x and y of each frame."""
    covered = covered.double()
    total = covered.sum((-2, -1))
    x, y = torch.tensor(SCREEN.x()), torch.tensor(SCREEN.y())
    across = (covered.sum(-2) * x).sum(-1) / total
    return torch.stack([across, (covered.sum(-1) * y).sum(-1) / total], -1).numpy()


# --- frames


def test_frames_begin_at_0_and_those_before_lead_in():
    assert TIMES[:3] == (-0.1, -0.05, 0.0)
    assert len(TIMES) == 12
    assert frame_times(Display(frame_rate=24), 1.0)[-1] == pytest.approx(23 / 24)


@pytest.mark.parametrize(("seconds", "lead_in"), [(0.0, 0.0), (1.0, -1.0), (np.inf, 0.0), (1, 1j)])
def test_movies_that_last_no_time_are_refused(seconds, lead_in):
    with pytest.raises((ValueError, TypeError)):
        frame_times(SCREEN, seconds, lead_in=lead_in)


def test_a_display_without_a_frame_rate_shows_no_movie():
    still = Display.square(48, 4)
    for draw in (
        lambda: frame_times(still, 1.0),
        lambda: drifting_grating(still, time=TIMES, direction=0, **WAVE),
        lambda: moving_bar(still, time=TIMES, direction=0, speed=1, length=1, width=1),
    ):
        with pytest.raises(ValueError, match="frame_rate=60.*time='frames'"):
            draw()
    with pytest.raises(ValueError, match="frame_rate must be a finite number above 0"):
        Display(frame_rate=0)


@pytest.mark.parametrize("name", ["drifting_grating", "counterphase_grating", "drifting_plaid"])
def test_what_the_frames_cannot_carry_is_refused(name):
    angle = {"orientation" if name.startswith("counter") else "direction": 0.0}
    draw = {
        "drifting_grating": drifting_grating,
        "counterphase_grating": counterphase_grating,
        "drifting_plaid": drifting_plaid,
    }[name]
    draw(SCREEN, time=TIMES, spatial_frequency=1, temporal_frequency=10.0, **angle)
    for rate in (10.1, -10.1):
        with pytest.raises(ValueError, match="carry at most 10 Hz"):
            draw(SCREEN, time=TIMES, spatial_frequency=1, temporal_frequency=rate, **angle)


def test_whole_cycles_fit_into_the_time_and_the_frames():
    odd = Display(frame_rate=29.97)
    rates = whole_cycles(odd, 1.0, [1, 2, 8, 12])
    np.testing.assert_allclose(rates, np.array([1, 2, 8]) * 29.97 / 30)
    times = np.array(frame_times(odd, 1.0))
    assert abs(np.exp(2j * np.pi * rates[:, None] * times).sum(1)).max() < 1e-9


# --- what moves


@pytest.mark.parametrize("direction", [0.0, 90.0, 215.0])
def test_a_drifting_grating_is_a_grating_whose_phase_falls(direction):
    movie = drifting_grating(
        SCREEN, time=TIMES, direction=direction, phase=30, diameter=3, x=0.4, contrast=0.7, **WAVE
    )
    for frame, time in zip(movie[0], TIMES, strict=True):
        still = grating(
            SCREEN,
            orientation=direction + 90,
            spatial_frequency=1,
            phase=30 - 360 * 2 * time,
            diameter=3,
            x=0.4,
            contrast=0.7,
        )
        torch.testing.assert_close(frame, still[0], rtol=0, atol=1e-6)


@pytest.mark.parametrize("direction", [0.0, 60.0, 90.0, 215.0])
def test_what_drifts_moves_along_its_direction(direction):
    """By the wave: the grating of a later time is the earlier one, further on."""
    first, later = drifting_grating(SCREEN, time=(0.0, 0.05), direction=direction, **WAVE)[0]
    step = 2.0 * 0.05 / 1.0
    heading = np.deg2rad(direction)
    moved = drifting_grating(
        SCREEN,
        time=(0.0,),
        direction=direction,
        x=step * np.cos(heading),
        y=step * np.sin(heading),
        **WAVE,
    )[0, 0]
    torch.testing.assert_close(later, moved, rtol=0, atol=1e-5)
    assert (later - first).abs().max() > 0.1


def test_counterphase_is_the_sum_of_two_gratings_that_drift_against_each_other():
    shown = {"spatial_frequency": 1, "temporal_frequency": 3, "phase": 20}
    both = counterphase_grating(SCREEN, time=TIMES, orientation=90, **shown)
    left, right = (
        drifting_grating(
            SCREEN, time=TIMES, direction=0, contrast=0.5, **shown | {"temporal_frequency": rate}
        )
        for rate in (3, -3)
    )
    torch.testing.assert_close(both, left + right - 0.5, rtol=0, atol=1e-6)


def test_a_plaid_is_its_two_gratings():
    movie = drifting_plaid(SCREEN, time=TIMES, direction=[0, 90], mask_phase=40, **WAVE)
    for row, direction in enumerate((0, 90)):
        parts = [
            drifting_grating(
                SCREEN, time=TIMES, direction=direction + turn, contrast=0.5, phase=phase, **WAVE
            )
            for turn, phase in ((60, 0), (-60, 40))
        ]
        torch.testing.assert_close(movie[row], (parts[0] + parts[1] - 0.5)[0], rtol=0, atol=1e-6)
    still = plaid(SCREEN, orientation=150, mask_orientation=30, spatial_frequency=1, mask_phase=40)
    torch.testing.assert_close(movie[0, 2], still[0], rtol=0, atol=1e-6)


def test_a_bar_is_where_its_speed_takes_it():
    movie = moving_bar(
        SCREEN, time=TIMES, direction=[0, 120], speed=3, length=1, width=0.4, passes=0.2, x=0.1
    )
    way = 3 * (np.array(TIMES) - 0.2)[:, None]
    for shown, direction in zip(movie, (0, 120), strict=True):
        angle = np.deg2rad(direction)
        place = np.array([0.1, 0.0]) + way * [np.cos(angle), np.sin(angle)]
        np.testing.assert_allclose(middle(shown[:, 0] - 0.5), place, atol=2e-3)


DOTS = {"direction": 0.0, "speed": 2.0, "density": 3.0, "element": 0.25, "seed": 1}


def test_dots_that_all_move_go_round_the_square_together():
    """After the time that it takes to cross the square, they are where they were."""
    times = tuple(np.arange(0, 41) / 20)
    movie = random_dots(SCREEN, time=times, coherence=1.0, **DOTS)[0, :, 0]
    torch.testing.assert_close(movie[40], movie[0])
    # A frame is 0.1 deg, 1.2 px: five of them are 6 px.
    torch.testing.assert_close(movie[5, :, 10:-10], movie[0, :, 4:-16])
    assert (movie[0] > 0.5).float().mean() > 0.05


def test_dots_without_coherence_do_not_move():
    movie = random_dots(SCREEN, time=TIMES, coherence=[0.0, 0.5], **DOTS)[:, :, 0] - 0.5
    for shown, follows in zip(movie, (0.0, 0.5), strict=True):
        here, there = shown[:-5, :, 4:-16], shown[5:, :, 10:-10]
        alike = np.corrcoef(here.flatten(), there.flatten())[0, 1]
        assert alike == pytest.approx(follows**5, abs=0.15)
    again = random_dots(SCREEN, time=TIMES, coherence=[0.0, 0.5], **DOTS)[:, :, 0] - 0.5
    assert torch.equal(movie, again)
    with pytest.raises(ValueError, match="coherence must lie in"):
        random_dots(SCREEN, time=TIMES, coherence=1.5, **DOTS)


# --- sets


def drifting(**changed):
    factors = {"direction": [0.0, 90.0, 180.0]}
    return factorial(
        "drifting", SCREEN, drifting_grating, factors, **{"time": TIMES, **WAVE, **changed}
    )


def test_sets_of_movies_draw_frames():
    movies = drifting()
    assert movies.images([1, 2]).shape == (2, 12, 1, 48, 48)
    assert movies.content_hash() != drifting(time=TIMES[1:]).content_hash()
    still = factorial("still", SCREEN, grating, {"orientation": [0.0]}, spatial_frequency=1.0)
    assert still.images().shape == (1, 1, 48, 48)


@pytest.mark.parametrize("time", [(0.1, 0.0), (0.0, 0.0), (-0.2, -0.1)])
def test_frames_that_do_not_follow_each_other_are_refused(time):
    with pytest.raises(ValueError, match="must follow each other in time"):
        drifting(time=time)


def test_frames_of_a_movie_as_pictures():
    movies = drifting()
    pictures = frames(movies)
    assert pictures.dims == ("direction", "time")
    assert len(pictures) == 3 * 10
    torch.testing.assert_close(pictures.images([12])[0], movies.images([1])[0, 4])


# --- previews


def test_a_movie_is_written_and_seen_at_its_speed(tmp_path):
    save_movie(example("drifting_grating", pixels=32, degrees=4, frame_rate=20), tmp_path / "m.gif")
    with Image.open(tmp_path / "m.gif") as movie:
        assert movie.n_frames == 20
        assert movie.info["duration"] == 50
        assert movie.size[0] > 3 * 160
    assert contact_sheet(drifting()).get_suptitle().startswith("drifting: 30 stimuli")


@pytest.mark.parametrize("name", sorted(STIMULI | MOVIES))
def test_every_drawing_has_an_example(name):
    shown = example(name, pixels=48, degrees=4, frame_rate=20)
    assert shown.images(slice(0, 1)).isfinite().all()


def test_the_command_writes_movies(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    small = ["--pixels", "32", "--degrees", "4", "--frame-rate", "10"]
    assert main(["stimuli", "random_dots", "--out", "dots.gif", *small]) == 0
    assert (tmp_path / "dots.gif").is_file()
    assert main(["stimuli", "drifting_plaid", "--out", "plaid.png", *small]) == 0
    assert main(["stimuli", "plaid", "--out", "plaid.gif", *small]) == 2
    assert "does not move" in capsys.readouterr().err
    monkeypatch.setenv("PATH", "")
    assert main(["stimuli", "drifting_plaid", "--out", "plaid.mp4", *small]) == 2
    assert "needs the program ffmpeg" in capsys.readouterr().err
    assert isinstance(example("plaid", pixels=32, degrees=4), StimulusSet)
    assert example("plaid", pixels=32, degrees=4).display.frame_rate is None


# --- chirps


def test_a_chirp_sweeps_frequency_and_contrast():
    times = frame_times(SCREEN, 3.0, lead_in=0.5)
    sweep = {"temporal_frequency": 1.0, "last_temporal_frequency": 3.0, "duration": 2.0}
    said = {**sweep, "first_contrast": 0.2, "contrast": 0.8, "diameter": 2.0}
    movie = chirp(SCREEN, time=times, **said)[0, :, 0]
    # Phase by small steps: 1 Hz before, 3 Hz when the end is reached.
    fine = np.arange(-0.5, 3, 1e-4)
    rate, depth = (np.interp(fine, [0, 2], ends) for ends in ([1, 3], [0.2, 0.8]))
    turns = np.concatenate([[0], np.cumsum((rate[1:] + rate[:-1]) / 2) * 1e-4])
    course = depth * np.cos(2 * np.pi * (turns - np.interp(0, fine, turns)))
    expected = 0.5 * (1 + np.interp(times, fine, course))
    np.testing.assert_allclose(movie[:, 24, 24], expected, atol=1e-3)
    assert (movie[:, 0, 0] == 0.5).all()
    still = {"spatial_frequency": 1.0, "orientation": 90.0}
    even = {**sweep, "last_temporal_frequency": 1.0}
    torch.testing.assert_close(
        chirp(SCREEN, time=times, **even, **still),
        counterphase_grating(SCREEN, time=times, temporal_frequency=1.0, **still),
    )


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"last_temporal_frequency": 11.0}, "11 Hz is above what the display can show"),
        ({"temporal_frequency": 11.0}, "11 Hz is above what the display can show"),
        ({"duration": 0.0}, "duration must be above 0 s"),
    ],
)
def test_a_chirp_that_cannot_be_shown_is_refused(changed, message):
    sweep = {"temporal_frequency": 1.0, "last_temporal_frequency": 3.0, "duration": 2.0}
    with pytest.raises(ValueError, match=message):
        chirp(SCREEN, time=TIMES, **{**sweep, **changed})


# --- with ffmpeg, or what stands for it


def stand_in(folder, ends):
    """A program named ffmpeg that notes down what it is given, and then ends so."""
    folder.mkdir()
    program = folder / "ffmpeg"
    lines = ["#!/bin/sh", f'printf "%s\\n" "$@" > {folder}/said', f"cat > {folder}/shown", ends]
    program.write_text("\n".join(lines) + "\n")
    program.chmod(0o755)
    return folder


def test_ffmpeg_is_given_every_frame_at_the_rate_of_the_display(tmp_path, monkeypatch):
    folder = stand_in(tmp_path / "bin", "exit 0")
    monkeypatch.setenv("PATH", str(folder), prepend=":")
    movies = factorial("moving", SCREEN, drifting_grating, {"direction": [0]}, time=TIMES, **WAVE)
    save_movie(movies, tmp_path / "out.mp4")
    said = (folder / "said").read_text().split("\n")
    assert said[said.index("-r") + 1] == "20"
    assert said[-2] == str(tmp_path / "out.mp4")
    width, height = map(int, said[said.index("-s") + 1].split("x"))
    assert width % 2 == height % 2 == 0
    assert (folder / "shown").stat().st_size == len(TIMES) * width * height * 3


def test_what_ffmpeg_says_is_passed_on(tmp_path, monkeypatch):
    folder = stand_in(tmp_path / "bin", "echo no such codec >&2; exit 1")
    monkeypatch.setenv("PATH", str(folder), prepend=":")
    movies = factorial("moving", SCREEN, drifting_grating, {"direction": [0]}, time=TIMES, **WAVE)
    with pytest.raises(UserError, match="ffmpeg could not write .*out.mp4: no such codec"):
        save_movie(movies, tmp_path / "out.mp4")
