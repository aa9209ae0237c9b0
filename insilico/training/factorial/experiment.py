"""The factorial experiment: train and measure every combination of the components.

Every network is a job with a folder of its own. What is done is not done again, so that the
experiment can be stopped at any moment and started again.
"""

import json
import logging
import time
from collections.abc import Generator
from concurrent.futures import as_completed
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from insilico.checksums import sealed
from insilico.errors import UserError
from insilico.netcdf import write_netcdf
from insilico.progress import progress_bar
from insilico.recording.hooks import find_layer
from insilico.training.checkpoint import blamed_on, write_atomically
from insilico.training.config import TrainingConfig
from insilico.training.factorial.config import COMPONENTS, FactorialConfig, cells
from insilico.training.factorial.measuring import measure_units, scores
from insilico.training.factorial.resolution import dense_side
from insilico.training.loop import train
from insilico.training.networks import make_network
from insilico.training.pictures.exemplars import histogram_accuracy, load_regions
from insilico.worker_processes import worker_processes

__all__ = ["Job", "run_factorial", "run_job"]

logger = logging.getLogger(__name__)

# What says, in the folder of a job, that it is done; and what in that of the experiment.
SUMMARY = "summary.json"
BASELINES = "baselines.json"
SETTINGS = "settings.json"


@dataclass(frozen=True)
class Job:
    """One network of the experiment.

    Parameters
    ----------
    cell : str
        Its components.
    seed : int
        Of its weights and of the order of the pictures.
    dense : bool
        Whether it is the resolution control of its cell.
    """

    cell: str
    seed: int
    dense: bool = False

    @property
    def name(self) -> str:
        """Name of its folder."""
        return f"{self.cell}{'-dense' if self.dense else ''}-seed{self.seed}"


def run_factorial(config: FactorialConfig, folder: Path | str, *, progress: bool = False) -> None:
    """Train and measure what is not done yet.

    Parameters
    ----------
    config : FactorialConfig
        The experiment.
    folder : path
        Where it lies: ``runs/CELL-seedN/`` for each network, with summary.json once it is done.
    progress : bool
        Show a progress bar.

    Raises
    ------
    UserError
        If the networks have no such layer, or the folder holds an experiment with other settings;
        nothing is trained then. If networks failed: the others are done first.
    """
    _check_layer(config)
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    _check_settings(config, folder)
    if config.training.data.kind == "exemplars" and not (folder / BASELINES).exists():
        regions = load_regions()
        baselines = {
            "classes": len(regions.names),
            "chance": 1 / len(regions.names),
            "colour_histogram": histogram_accuracy(regions),
        }
        write_atomically(folder / BASELINES, json.dumps(baselines, indent=2).encode())
    waiting = [job for job in _jobs(config) if not (_place(folder, job) / SUMMARY).exists()]
    failures: list[str] = []
    with (
        progress_bar(
            total=len(_jobs(config)),
            initial=len(_jobs(config)) - len(waiting),
            unit="network",
            smoothing=0,
            show=progress,
        ) as bar,
        closing(_work(config, waiting, folder)) as done,
    ):
        for job, error in done:
            bar.update()
            bar.set_postfix_str(job.name)
            if error is not None:
                failures.append(f"{job.name} ({type(error).__name__}: {error})")
                logger.error("failed: %s", failures[-1])
    if failures:
        raise UserError(
            f"{len(failures)} of {len(waiting)} networks failed: {'; '.join(failures)}. The others "
            "are done; the same command tries these again."
        )


def run_job(config: FactorialConfig, job: Job, folder: Path) -> dict[str, Any]:
    """Train and measure one network.

    Parameters
    ----------
    config : FactorialConfig
        The experiment.
    job : Job
        Which network.
    folder : Path
        That of the experiment.

    Returns
    -------
    dict
        What summary.json says: accuracies, scores at each place, seconds of the processor.
    """
    own = _place(folder, job)
    # Of the processor: on a machine that does other things too, it is what can be compared.
    started = time.process_time()
    trained = train(_training(config, job), own / "training")
    seconds = {"training": time.process_time() - started}
    measured: dict[str, Any] = {}
    plan = config.measure
    for place, positions in plan.places.items():
        started = time.process_time()
        units = measure_units(
            trained.model,
            name=job.name,
            layer=plan.layer,
            data=config.training.data,
            degrees=plan.degrees,
            positions=[(x, y) for x, y in positions],
            maximum_distance=plan.maximum_distance,
            seed=job.seed,
        )
        write_netcdf(units, own / f"units-{place}.nc")
        measured[place] = {"units": units.sizes["unit"], **scores(units, seed=job.seed)}
        seconds[place] = time.process_time() - started
    summary = {
        **asdict(job),
        "components": job.cell.split("+"),
        "accuracy": trained.test.accuracy,
        "n_test": trained.test.n,
        "parameters": sum(each.numel() for each in trained.model.parameters()),
        "places": measured,
        "seconds": seconds,
    }
    # Written last: it says that the job is done.
    write_atomically(own / SUMMARY, sealed(summary).encode())
    return summary


def _jobs(config: FactorialConfig) -> list[Job]:
    """List the networks, whole replicates first, and the controls last."""
    plain = [Job(cell, seed) for seed in config.seeds for cell in cells()]
    return plain + [
        Job(cell, seed, dense=True) for seed in config.seeds for cell in config.controls
    ]


def _place(folder: Path, job: Job) -> Path:
    return folder / "runs" / job.name


def _training(config: FactorialConfig, job: Job) -> TrainingConfig:
    """Say how a network is trained."""
    training = config.training
    options = dict(training.model.options)
    for name in job.cell.split("+"):
        options |= COMPONENTS.get(name, {})
    model = replace(training.model, options=options)
    if job.dense:
        first = next(iter(config.measure.places.values()))[0]
        side = dense_side(
            training.data.image_size,
            degrees=config.measure.degrees,
            position=(first[0], first[1]),
            mode=options.get("mode", "corrected"),
        )
        model = replace(
            model,
            name="densely_sampled_resnet",
            options={**options, "side": side},
        )
    return replace(training, model=model, seed=job.seed)


def _work(
    config: FactorialConfig, jobs: list[Job], folder: Path
) -> Generator[tuple[Job, Exception | None], None, None]:
    """Do jobs, several at a time, and tell each as it ends, with what stopped it."""
    if config.workers == 1:
        for job in jobs:
            try:
                run_job(config, job, folder)
            except Exception as error:  # noqa: BLE001  # the other networks are still to be done
                yield job, error
            else:
                yield job, None
        return
    with worker_processes(config.workers) as pool:
        running = {pool.submit(run_job, config, job, folder): job for job in jobs}
        for done in as_completed(running):
            failure = done.exception()
            if failure is not None and not isinstance(failure, Exception):
                raise failure
            yield running[done], failure


def _check_layer(config: FactorialConfig) -> None:
    """Refuse a layer that is not there before the networks are trained, and not after."""
    training = config.training
    network = make_network(
        training.model, num_classes=2, input_size=training.data.image_size, seed=0
    )
    find_layer(network, config.measure.layer)


def _check_settings(config: FactorialConfig, folder: Path) -> None:
    """Refuse to mix two experiments; more seeds and other workers are the same one."""
    settings = asdict(config)
    for free in ("seeds", "controls", "workers"):
        del settings[free]
    text = json.dumps(settings, indent=2, default=list)
    path = folder / SETTINGS
    if not path.exists():
        write_atomically(path, text.encode())
        return
    with blamed_on(path, remedy="Give another folder with --out."):
        known = json.loads(path.read_text(encoding="utf-8"))
    if known != json.loads(text):
        raise UserError(
            f"{folder} holds an experiment with other settings, see {path}. Give another folder, "
            "or the same settings; seeds, controls and workers may differ."
        )
