"""Processes that work for another end with it, however it ends."""

import os
import signal
import subprocess
import sys
import time

import pytest

PROGRAM = """
import os, time
from insilico.worker_processes import worker_processes

def number(_):
    time.sleep(0.2)
    return os.getpid()

if __name__ == "__main__":
    with worker_processes(2) as pool:
        print(*set(pool.map(number, range(8))), flush=True)
        time.sleep(60)
"""


def alive(number):
    try:
        os.kill(number, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_workers_end_with_the_first_process(tmp_path, how):
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    first = subprocess.Popen(
        [sys.executable, program],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        # A test that was started in the background would hand on that Ctrl-C is ignored.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    workers = [int(each) for each in first.stdout.readline().split()]
    assert workers
    assert all(map(alive, workers))
    first.send_signal(how)
    first.wait(30)
    until = time.monotonic() + 30
    while any(map(alive, workers)) and time.monotonic() < until:
        time.sleep(0.05)
    left = [each for each in workers if alive(each)]
    for each in left:
        os.kill(each, signal.SIGKILL)
    assert not left
