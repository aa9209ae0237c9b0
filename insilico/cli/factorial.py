"""``insilico factorial``."""

import logging
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from insilico.cli.options import Words

__all__ = ["factorial"]


def factorial(
    config: str = "factorial",
    /,
    *,
    out: Path,
    set_: Annotated[Words, Parameter(name="--set")] = (),
    tables: Path | None = None,
    quiet: Annotated[bool, Parameter(name=["--quiet", "-q"], negative="")] = False,
) -> None:
    """Train and measure every combination of the components, and estimate what each does.

    Stopped at any moment, the same command goes on; done, it writes the tables again.

    Parameters
    ----------
    config : str
        A TOML file, or 'factorial', the small experiment that comes with the package.
    out : Path
        Folder of the experiment.
    set_ : tuple of str
        KEY=VALUE in place of what the file says: workers=1, training.epochs=2.
    tables : Path, optional
        Where tables and figures go; the folder of the experiment by default.
    quiet : bool
        No progress bar.
    """
    from insilico.training.factorial.config import read_factorial_config
    from insilico.training.factorial.experiment import run_factorial
    from insilico.training.factorial.tables import write_tables

    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    run_factorial(read_factorial_config(config, set_), out, progress=not quiet)
    print(f"tables: {write_tables(out, tables)}")
