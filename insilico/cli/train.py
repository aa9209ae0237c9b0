"""``insilico train``."""

import logging
import os
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from insilico.cli.options import Words

__all__ = ["train"]


def train(
    config: str,
    /,
    *,
    out: Path,
    set_: Annotated[Words, Parameter(name="--set")] = (),
    trust_code: Annotated[bool, Parameter(negative="")] = False,
    quiet: Annotated[bool, Parameter(name=["--quiet", "-q"], negative="")] = False,
) -> None:
    """Train a network, or go on with a run that was stopped.

    Several processes: torchrun --nproc-per-node 4 -m insilico train CONFIG --out FOLDER.

    Parameters
    ----------
    config : str
        A TOML file, or one that comes with the package: 'paper' (the published recipe, on your
        ImageNet) or 'exemplars' (a small task that needs no data).
    out : Path
        Folder of the run. If it holds the same run, stopped, that run goes on.
    set_ : tuple of str
        KEY=VALUE in place of what the file says: data.path=/data/imagenet, epochs=10.
    trust_code : bool
        Run the code that the file names as its network, with all your rights. Only for files of
        your own, or of somebody whose programs you would start. With --set model.name=... the name
        is yours, and needs no trust.
    quiet : bool
        No progress bar.
    """
    from insilico.training.config import read_training_config
    from insilico.training.loop import train as run
    from insilico.training.state import WEIGHTS

    logging.basicConfig(level=logging.INFO, format="%(message)s")
    settings = read_training_config(config, set_, trust_code=trust_code)
    trained = run(settings, out, progress=not quiet)
    if os.environ.get("RANK", "0") != "0":  # one of several that torchrun started has the say
        return
    print(
        f"accuracy on the test part: {trained.test.accuracy:.4f} ({trained.test.n} pictures)\n"
        f"weights of epoch {trained.epoch}: {out / WEIGHTS}"
    )
    if trained.unreadable:
        print(f"{len(trained.unreadable)} pictures could not be read; the first is "
              f"{trained.unreadable[0]}")  # fmt: skip
