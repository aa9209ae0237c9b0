"""``insilico search``."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from insilico.cli.options import Whole

__all__ = ["search"]


def search(
    file: Path,
    /,
    *,
    out: Path | None = None,
    workers: Whole = 1,
    quiet: Annotated[bool, Parameter(name=["--quiet", "-q"], negative="")] = False,
) -> None:
    """Fit the hyper-parameters of the mechanistic V1 to one half of the macaque cells.

    The other half is never fitted, and is reported. The same command goes on where it stopped.

    Parameters
    ----------
    file : Path
        A TOML file: units, population, seed, split, fresh, scorecard_units, tables start and
        within, and [[stages]] with evaluations, every, step, hold and phenomena. The documentation
        has an example.
    out : Path, optional
        Folder of the search; results/FILE by default.
    workers : int
        Processes that evaluate, each on one core.
    quiet : bool
        Print the end result only.
    """
    from insilico.errors import UserError
    from insilico.search.plan import read_plan
    from insilico.search.searching import search as run_search

    if workers < 1:
        raise UserError(f"--workers must be at least 1; got {workers}.")
    plan = read_plan(file)
    folder = out if out is not None else Path("results") / file.stem
    told = (lambda _: None) if quiet else (lambda line: print(line, flush=True))
    result = run_search(plan, folder, workers=workers, told=told, progress=not quiet)
    print(
        f"fitted half {result['fitted']:.3f}, held-out half {result['held out']:.3f} "
        f"({result['fresh populations']} fresh populations, {result['evaluations']} evaluations): "
        f"{folder / 'result.json'}"
    )
