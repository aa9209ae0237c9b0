"""Ctrl-C and SIGTERM: one line, the exit code that shells know, and nothing half written."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from insilico.cli.app import main
from insilico.cli.stopping import Terminated, interruptible

# Says that it is shown pictures, and then takes for ever.
SLOW = """
import time
from pathlib import Path

def respond(images):
    Path("begun").touch()
    time.sleep(600)

def make():
    return respond
"""


@pytest.mark.skipif(sys.platform == "win32", reason="signals of Unix")
@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_run_ends_with_one_line(tmp_path, number, code):
    (tmp_path / "slow.py").write_text(SLOW)
    words = ["run", "slow.py:make", "--pixels", "32", "--out", "out", "-q"]
    process = subprocess.Popen(
        [sys.executable, "-m", "insilico", *words],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[1])},
        stderr=subprocess.PIPE,
        text=True,
        # A test run in the background of a shell ignores Ctrl-C, and hands that on.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    while not (tmp_path / "begun").exists():
        assert process.poll() is None, process.stderr.read()
        time.sleep(0.05)
    process.send_signal(number)
    _, said = process.communicate(timeout=60)
    assert process.returncode == code
    assert said.strip().splitlines() == [
        "insilico: stopped: the same command goes on where it stopped."
    ]
    assert {path.name for path in tmp_path.iterdir()} <= {"slow.py", "begun", "__pycache__"}


def test_a_command_that_is_stopped(monkeypatch, capsys):
    for error, code in ((KeyboardInterrupt, 130), (Terminated, 143)):
        monkeypatch.setattr("insilico.cli.app.app", lambda *_, error=error, **__: throw(error))
        assert main(["train", "paper"]) == code
        said = capsys.readouterr().err
        assert said == "\ninsilico: stopped: the same command goes on from the last checkpoint.\n"
        assert main(["layers", "vone"]) == code
        assert capsys.readouterr().err == "\ninsilico: stopped.\n"


def throw(error):
    raise error


def test_signals_are_as_before_afterwards():
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    with pytest.raises(Terminated), interruptible():
        assert signal.getsignal(signal.SIGTERM) not in before
        signal.raise_signal(signal.SIGTERM)
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before


@pytest.fixture
def heard():
    """Ctrl-C is heard: a shell lets what it runs in the background ignore it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("heard")
def test_a_second_signal_ends_the_tidying_up():
    with pytest.raises(KeyboardInterrupt), interruptible():
        try:
            signal.raise_signal(signal.SIGINT)
        finally:
            assert signal.getsignal(signal.SIGINT) == signal.SIG_DFL
            assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL


def test_ignored_signals_stay_so():
    before = signal.signal(signal.SIGTERM, signal.SIG_IGN)
    try:
        with interruptible():
            signal.raise_signal(signal.SIGTERM)
        assert signal.getsignal(signal.SIGTERM) == signal.SIG_IGN
    finally:
        signal.signal(signal.SIGTERM, before)


def test_other_threads_receive_no_signals():
    failures = []

    def enter():
        try:
            with interruptible():
                pass
        except ValueError as error:
            failures.append(error)

    thread = threading.Thread(target=enter)
    thread.start()
    thread.join()
    assert not failures
