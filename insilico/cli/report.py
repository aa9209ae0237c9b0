"""``insilico report``."""

from pathlib import Path

__all__ = ["report"]


def report(folder: Path, /) -> None:
    """Write the report of a finished run again.

    Parameters
    ----------
    folder : Path
        The folder of results.
    """
    from insilico.reporting.report import write_report
    from insilico.runs.results import open_results

    print(f"report: {write_report(open_results(folder), folder)}")
