"""``insilico compare``."""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import Parameter

from insilico.cli.options import Whole

if TYPE_CHECKING:
    from insilico.runs.results import Results
    from insilico.runs.side_by_side import SideBySide

__all__ = ["compare", "write_comparison"]

# Figures and tables take as long as so many runs that are opened, or compared.
PAGE = 6


def compare(
    folders: tuple[Path, ...] = (),
    /,
    *,
    out: Path = Path("results/comparison"),
    seeds: Literal["apart", "together"] = "apart",
    seed: Whole = 0,
    quiet: Annotated[bool, Parameter(name=["--quiet", "-q"], negative="")] = False,
) -> None:
    """Set models, layers or training seeds side by side: scores, differences and a ranking.

    Parameters
    ----------
    folders : tuple of Path
        Folders of finished runs; every layer in them is a column. Runs of different batteries are
        compared on what they share.
    out : Path
        New folder for the page, the tables and the figures. Nothing is overwritten.
    seeds : {"apart", "together"}
        Whether runs of the same model, layer and visual field, whose weights differ, are columns of
        their own, or are training seeds of one model whose units are taken together.
    seed : int
        Of the resampling.
    quiet : bool
        No progress bar.
    """
    from insilico.checks import check_asked
    from insilico.folders import check_free
    from insilico.runs.side_by_side import open_runs

    check_asked(seed=seed)
    check_free(out)
    with _bar(2 * len(folders), quiet) as bar:
        runs = open_runs(folders, progress=bar.update)
        side, page = _compared(runs, out, bar, seeds=seeds, seed=seed)
    _tell(side, page)


def write_comparison(
    runs: Mapping[str, "Results"], out: Path, *, seed: int = 0, quiet: bool = False
) -> None:
    """Compare runs, write the page, and print the ranking.

    Parameters
    ----------
    runs : mapping of str to Results
        The runs.
    out : Path
        Folder of the page.
    seed : int
        Of the resampling.
    quiet : bool
        No progress bar.
    """
    with _bar(len(runs), quiet) as bar:
        side, page = _compared(runs, out, bar, seeds="apart", seed=seed)
    _tell(side, page)


def _bar(n_runs: int, quiet: bool) -> AbstractContextManager[Any]:
    from insilico.progress import progress_bar

    return progress_bar(
        show=not quiet,
        desc="comparison",
        total=n_runs + PAGE,
        bar_format="{desc}: {percentage:3.0f}%|{bar}| [{elapsed}<{remaining}]",
        smoothing=0,
    )


def _compared(
    runs: Mapping[str, "Results"], out: Path, bar: Any, *, seeds: str, seed: int
) -> tuple["SideBySide", Path]:
    from insilico.reporting.side_by_side import write_side_by_side
    from insilico.runs.side_by_side import compare_runs

    side = compare_runs(runs, seeds=seeds, seed=seed, progress=bar.update)
    page = write_side_by_side(side, out)
    bar.update(PAGE)
    return side, page


def _tell(side: "SideBySide", page: Path) -> None:
    from insilico.cli.terminal import aligned, wrapped
    from insilico.reporting.side_by_side_tables import readable_tables

    for _, ranking in readable_tables(side)["ranking"].groupby("By", sort=False):
        print(f"{aligned(ranking)}\n")
    for warning in side.warnings:
        print(wrapped(warning, "warning: "))
    print(f"comparison: {page}")
