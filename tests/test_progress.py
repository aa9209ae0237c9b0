"""Progress in a log: a line now and then, and never a carriage return."""

import io
import time

import pytest

from insilico import progress


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def fast(monkeypatch):
    monkeypatch.setattr("insilico.progress.EVERY_LINE", 0.1)
    monkeypatch.setattr("insilico.progress.EVERY_LOOK", 0.1)


def shown_on(stream, monkeypatch, work, **options):
    monkeypatch.setattr("sys.stderr", stream)
    with progress.progress_bar(show=True, **options) as bar:
        work(bar)
    return stream.getvalue()


def many_steps(bar):
    started = time.monotonic()
    for _ in range(200):
        time.sleep(0.002)
        bar.update()
    many_steps.seconds = time.monotonic() - started


def test_a_log_gets_a_line_every_so_often_and_no_carriage_return(monkeypatch, fast):
    said = shown_on(io.StringIO(), monkeypatch, many_steps, total=200, desc="size", mininterval=0)
    lines = said.splitlines()
    assert "\r" not in said
    assert 2 <= len(lines) <= many_steps.seconds / 0.1 + 2
    assert lines[0].startswith("size:") and "<" in lines[0]
    assert lines[-1].startswith("size: 100%")


def test_a_log_hears_of_work_that_takes_long_before_any_is_done(monkeypatch, fast):
    said = shown_on(io.StringIO(), monkeypatch, lambda _: time.sleep(0.35), total=6, unit="run")
    assert len(said.splitlines()) >= 3
    assert all("0/6" in line for line in said.splitlines())


def test_what_fails_at_once_says_only_why(monkeypatch):
    stream = io.StringIO()
    monkeypatch.setattr("sys.stderr", stream)
    with pytest.raises(ValueError), progress.progress_bar(show=True, total=2) as bar:
        bar.update()
        raise ValueError
    assert stream.getvalue() == ""


def test_a_terminal_gets_a_bar_whose_clock_goes_on(monkeypatch, fast):
    said = shown_on(Terminal(), monkeypatch, lambda _: time.sleep(0.35), total=2)
    assert said.count("\r") >= 3


def test_nothing_is_shown_unless_asked(monkeypatch, fast):
    stream = io.StringIO()
    monkeypatch.setattr("sys.stderr", stream)
    with progress.progress_bar(show=False, total=2) as bar:
        bar.update()
        time.sleep(0.2)
    assert stream.getvalue() == ""
