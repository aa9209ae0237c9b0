"""How much memory there is: for this process, not for the machine that it runs on.

A container or a job of Slurm may have a hundredth of what its host has. What the kernel grants is
the least of what the host has free, what the control groups of the process leave (versions 1 and
2), and the limit on its addresses (``ulimit -v``).

References
----------
Linux kernel documentation, "Control Group v2" and "Memory Resource Controller" (version 1);
proc(5), getrlimit(2).
"""

import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path, PurePosixPath
from typing import NamedTuple

__all__ = ["available_memory"]

# Version 1 has no word for "no limit": it is the largest number of pages.
UNLIMITED = 2**62


class Files(NamedTuple):
    """What the files of a version are called: limits, use, and what of the use can be dropped."""

    limits: tuple[str, ...]
    use: str
    dropped: str


# Above "high" the kernel slows a process down until it is hardly running.
VERSION_2 = Files(("memory.max", "memory.high"), "memory.current", "inactive_file")
VERSION_1 = Files(("memory.limit_in_bytes",), "memory.usage_in_bytes", "total_inactive_file")


def available_memory(root: Path | str = "/") -> int | None:
    """Tell how much memory this process can have without swapping, or being killed for it.

    Parameters
    ----------
    root : path
        Where ``proc`` and ``sys`` lie.

    Returns
    -------
    int or None
        Bytes, 0 or more; None where the system does not tell.
    """
    root = Path(root)
    known = [*_free_of_host(root), *_left_by_groups(root), *_left_of_addresses(root)]
    return max(0, min(known)) if known else None


def _free_of_host(root: Path) -> Iterator[int]:
    for line in _lines(root / "proc/meminfo"):
        if line.startswith("MemAvailable:"):
            yield int(line.split()[1]) * 1024


def _left_by_groups(root: Path) -> Iterator[int]:
    """Say what each group leaves that the process is in, from its own to the outermost."""
    for line in _lines(root / "proc/self/cgroup"):
        number, _, rest = line.partition(":")
        controllers, _, group = rest.partition(":")
        if number == "0" and not controllers:
            kind, files = "cgroup2", VERSION_2
        elif "memory" in controllers.split(","):
            kind, files = "cgroup", VERSION_1
        else:
            continue
        for mounted, top in _mounts(root, kind):
            for folder in _folders(root / mounted.lstrip("/"), group, top):
                yield from _left(folder, files)


def _mounts(root: Path, kind: str) -> Iterator[tuple[str, str]]:
    """Find where groups are mounted, and which group is the top one there."""
    for line in _lines(root / "proc/self/mountinfo"):
        before, _, after = line.partition(" - ")
        fields, described = before.split(), after.split()
        if len(fields) < 5 or len(described) < 3 or described[0] != kind:
            continue
        if kind == "cgroup2" or "memory" in described[2].split(","):
            yield fields[4], fields[3]


def _folders(mounted: Path, group: str, top: str) -> Iterator[Path]:
    """Go from the folder of a group up to that of the top one."""
    inner = PurePosixPath(group)
    # In a container the top is its own group, under a name that only the host knows.
    below = inner.relative_to(top) if inner.is_relative_to(top) else PurePosixPath()
    parts = [part for part in below.parts if part not in ("/", "..")]
    for depth in range(len(parts), -1, -1):
        yield mounted.joinpath(*parts[:depth])


def _left(folder: Path, files: Files) -> Iterator[int]:
    used = _number(folder / files.use)
    for name in files.limits:
        limit = _number(folder / name)
        if limit is not None and used is not None and limit < UNLIMITED:
            # Files that were read and are not looked at are the first to go.
            yield limit - max(0, used - _dropped(folder, files))


def _dropped(folder: Path, files: Files) -> int:
    for line in _lines(folder / "memory.stat"):
        name, _, value = line.partition(" ")
        if name == files.dropped:
            return int(value)
    return 0


def _left_of_addresses(root: Path) -> Iterator[int]:
    """Say what ``ulimit -v`` leaves."""
    if sys.platform == "win32":
        return
    import resource

    limit = resource.getrlimit(resource.RLIMIT_AS)[0]
    for line in _lines(root / "proc/self/statm"):
        if limit != resource.RLIM_INFINITY:
            yield limit - int(line.split()[0]) * resource.getpagesize()


def _number(path: Path) -> int | None:
    """Read a number; None where there is none, or it is "max"."""
    for line in _lines(path):
        with suppress(ValueError):
            return int(line)
    return None


def _lines(path: Path) -> list[str]:
    # No such file on this system, or not for us to read: then it says nothing.
    with suppress(OSError, ValueError):
        return path.read_text(encoding="utf-8").splitlines()
    return []
