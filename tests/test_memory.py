"""Free memory: of the host, of control groups of both versions, and of `ulimit -v`."""

import subprocess
import sys
from pathlib import Path

import pytest

from insilico.recording.memory import available_memory

GIB = 2**30
FREE = 64 * GIB

V2 = "30 1 0:26 {top} {at} rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate\n"
V1 = "30 1 0:26 {top} {at} rw,nosuid shared:9 - cgroup cgroup rw,memory\n"
OTHER = "31 1 0:27 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu,cpuacct\n"


class Machine:
    """A tree like that of Linux."""

    def __init__(self, root):
        self.root = root
        self.write("proc/meminfo", f"MemTotal: 99\nMemAvailable: {FREE // 1024} kB\n")

    def write(self, name, text):
        path = self.root / name.lstrip("/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(str(text))

    def groups(self, group, mount, *, top="/", at="/sys/fs/cgroup"):
        self.write("proc/self/cgroup", group)
        self.write("proc/self/mountinfo", OTHER + mount.format(top=top, at=at))

    def v2(self, folder, limit, used, *, inactive=0, high="max"):
        place = f"sys/fs/cgroup/{folder}"
        self.write(f"{place}/memory.max", f"{limit}\n")
        self.write(f"{place}/memory.high", f"{high}\n")
        self.write(f"{place}/memory.current", f"{used}\n")
        self.write(f"{place}/memory.stat", f"anon 5\ninactive_file {inactive}\nslab 3\n")

    def v1(self, folder, limit, used, *, inactive=0):
        place = f"sys/fs/cgroup/memory/{folder}"
        self.write(f"{place}/memory.limit_in_bytes", f"{limit}\n")
        self.write(f"{place}/memory.usage_in_bytes", f"{used}\n")
        self.write(f"{place}/memory.stat", f"inactive_file 1\ntotal_inactive_file {inactive}\n")

    @property
    def free(self):
        return available_memory(self.root)


@pytest.fixture
def machine(tmp_path):
    return Machine(tmp_path)


def test_the_host_alone(machine):
    assert machine.free == FREE


def test_a_system_that_does_not_tell(tmp_path):
    assert available_memory(tmp_path) is None


def test_version_2_in_a_job_of_slurm(machine):
    """The limit stands on the job, and not on the step in which the process is."""
    step = "system.slice/slurmstepd.scope/job_7/step_0/user/task_0"
    machine.groups(f"0::/{step}\n", V2)
    machine.v2(step, "max", GIB)
    machine.v2("system.slice/slurmstepd.scope/job_7", 8 * GIB, 3 * GIB)
    machine.v2("system.slice", 100 * GIB, 60 * GIB)
    assert machine.free == 5 * GIB


def test_version_2_in_a_container(machine):
    machine.groups("0::/\n", V2)
    machine.v2("", 2 * GIB, GIB, inactive=GIB // 2)
    assert machine.free == 1.5 * GIB


def test_version_2_slows_down_above_high(machine):
    machine.groups("0::/\n", V2)
    machine.v2("", 4 * GIB, GIB, high=2 * GIB)
    assert machine.free == GIB


def test_version_2_in_a_container_that_sees_the_names_of_the_host(machine):
    machine.groups("0::/docker/abc\n", V2, top="/docker/abc")
    machine.v2("", 3 * GIB, GIB)
    machine.v2("docker/abc", GIB, 0)
    assert machine.free == 2 * GIB


def test_version_2_without_a_limit(machine):
    machine.groups("0::/user.slice\n", V2)
    machine.v2("user.slice", "max", GIB)
    assert machine.free == FREE


def test_version_1_in_a_job_of_slurm(machine):
    lines = "9:cpu,cpuacct:/x\n4:memory:/slurm/uid_5/job_7/step_0\n0::/system.slice\n"
    machine.groups(lines, V1, at="/sys/fs/cgroup/memory")
    machine.v1("slurm/uid_5/job_7/step_0", 9223372036854771712, GIB)
    machine.v1("slurm/uid_5/job_7", 4 * GIB, 2 * GIB, inactive=GIB)
    machine.v1("", 9223372036854771712, 9 * GIB)
    assert machine.free == 3 * GIB


def test_version_1_in_a_container(machine):
    """The group has the name that the host gives it, and is mounted as the top one."""
    machine.groups("4:memory:/docker/abc\n", V1, top="/docker/abc", at="/sys/fs/cgroup/memory")
    machine.v1("", GIB, GIB // 4)
    assert machine.free == 0.75 * GIB


def test_a_group_that_is_full_leaves_nothing(machine):
    machine.groups("0::/\n", V2)
    machine.v2("", GIB, 2 * GIB)
    assert machine.free == 0


@pytest.mark.parametrize("text", ["", "0\n", "::", "0::\n", "4:memory:\n", "0::/../../..\n", "\0"])
def test_odd_files_say_nothing(machine, text):
    machine.groups(text, V2)
    machine.write("proc/self/mountinfo", "a b\n" + text + " - cgroup2\n")
    machine.write("sys/fs/cgroup/memory.max", "much\n")
    assert machine.free == FREE


@pytest.mark.skipif(sys.platform != "linux", reason="ulimit -v, and where the system tells of it")
def test_ulimit():
    """In a process of its own, of which 4 GiB of addresses are left at most."""
    module = Path(sys.modules[available_memory.__module__].__file__)
    script = f"import runpy; print(runpy.run_path({str(module)!r})['available_memory']())"
    free = [
        int(
            subprocess.run(
                ["sh", "-c", f'{limit}"$0" -c "$1"', sys.executable, script],
                check=True,
                capture_output=True,
                text=True,
            ).stdout
        )
        for limit in ("", "ulimit -v 4194304; ", "ulimit -v 1048576; ")
    ]
    assert free[1] <= min(free[0], 4 * GIB)
    assert free[1] - free[2] > 2 * GIB or free[0] < 4 * GIB
    assert 0 < free[2] < GIB
