"""Progress in a log: a line now and then, and never a carriage return."""

import io

import pytest

from insilico import progress


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def clock(monkeypatch):
    now = [0.0]
    monkeypatch.setattr("insilico.progress.time.monotonic", lambda: now[0])
    return now


def test_a_log_gets_a_line_every_ten_seconds(monkeypatch, clock):
    stream = io.StringIO()
    monkeypatch.setattr("sys.stderr", stream)
    with progress.progress_bar(show=True, total=100, desc="size", mininterval=0) as bar:
        for _ in range(100):
            clock[0] += 0.5
            bar.update()
            bar.refresh()
    said = stream.getvalue()
    assert "\r" not in said
    assert 6 <= len(said.splitlines()) <= 7
    assert said.splitlines()[-1].startswith("size: 100%")


def test_a_terminal_gets_a_bar(monkeypatch):
    stream = Terminal()
    monkeypatch.setattr("sys.stderr", stream)
    with progress.progress_bar(show=True, total=2, mininterval=0) as bar:
        bar.update()
    assert "\r" in stream.getvalue()


def test_nothing_is_shown_unless_asked(monkeypatch):
    stream = io.StringIO()
    monkeypatch.setattr("sys.stderr", stream)
    assert list(progress.progress_bar([1, 2], show=False)) == [1, 2]
    assert stream.getvalue() == ""
