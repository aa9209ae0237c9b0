"""How much memory there is."""

from pathlib import Path

__all__ = ["available_memory"]


def available_memory() -> int | None:
    """Tell how much memory can be had without swapping.

    Returns
    -------
    int or None
        Bytes; None where the system does not tell.
    """
    meminfo = Path("/proc/meminfo")
    if not meminfo.exists():
        return None
    for line in meminfo.read_text().splitlines():
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) * 1024
    return None
