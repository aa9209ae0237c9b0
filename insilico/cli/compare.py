"""``insilico compare``."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from insilico.cli.options import Whole

if TYPE_CHECKING:
    from insilico.runs.results import Results

__all__ = ["compare", "write_comparison"]


def compare(
    folders: tuple[Path, ...] = (),
    /,
    *,
    out: Path = Path("results/comparison"),
    seeds: Literal["apart", "together"] = "apart",
    seed: Whole = 0,
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
    """
    from insilico.checks import check_asked
    from insilico.folders import check_free
    from insilico.runs.side_by_side import open_runs

    check_asked(seed=seed)
    check_free(out)
    write_comparison(open_runs(folders), out, seeds=seeds, seed=seed)


def write_comparison(
    runs: Mapping[str, "Results"], out: Path, *, seeds: str = "apart", seed: int = 0
) -> None:
    """Compare runs, write the page, and print the ranking.

    Parameters
    ----------
    runs : mapping of str to Results
        The runs.
    out : Path
        Folder of the page.
    seeds, seed
        As for `insilico.runs.side_by_side.compare_runs`.
    """
    from insilico.cli.terminal import aligned, wrapped
    from insilico.reporting.side_by_side import write_side_by_side
    from insilico.reporting.side_by_side_tables import readable_tables
    from insilico.runs.side_by_side import compare_runs

    side = compare_runs(runs, seeds=seeds, seed=seed)
    page = write_side_by_side(side, out)
    for _, ranking in readable_tables(side)["ranking"].groupby("By", sort=False):
        print(f"{aligned(ranking)}\n")
    for warning in side.warnings:
        print(wrapped(warning, "warning: "))
    print(f"comparison: {page}")
