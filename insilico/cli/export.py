"""``insilico export``."""

from pathlib import Path

__all__ = ["export"]


def export(folder: Path, file: Path, /) -> None:
    """Write results to one file that others read: netCDF-4 or NWB.

    Parameters
    ----------
    folder : Path
        Results of 'insilico run'.
    file : Path
        A new file, whose name ends with .nc (netCDF-4; a group for the units, and for each curve,
        recording and table) or .nwb (Neurodata Without Borders; needs the extra nwb).
    """
    from insilico.runs.export import export as write
    from insilico.runs.results import open_results

    print(f"file: {write(open_results(folder), file)}")
