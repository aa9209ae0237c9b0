"""What the units of a network prefer while it is trained, checkpoint by checkpoint."""

import logging
import time
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

import insilico
from insilico import reference
from insilico.checksums import MANIFEST
from insilico.comparison.population import counting
from insilico.errors import UserError
from insilico.experiments.batteries import find_battery
from insilico.figures.style import save_figure
from insilico.figures.tracks import tracks
from insilico.models.card import ModelCard, attach
from insilico.runs.progress import is_complete
from insilico.runs.results import Results, open_results
from insilico.training.checkpoint import blamed_on, read_checkpoint
from insilico.training.opened import Opened, network_of
from insilico.training.processes import find_device
from insilico.training.state import CHECKPOINT
from stimuli import Display

__all__ = ["FIGURE", "Moment", "track", "track_table", "write_tracks"]

logger = logging.getLogger(__name__)

# Of the folder of a track: a run for each moment, and what is drawn from them.
MOMENTS = "step*"
FIGURE = "tracks"

# What comes round has no median; and where receptive fields are is where units were looked for.
LEFT_OUT = (
    "preferred_orientation",
    "strongest_orientation",
    "receptive_field_x",
    "receptive_field_y",
)


class Moment(NamedTuple):
    """A moment of the training that was measured.

    Parameters
    ----------
    step, epoch : int
        How many were done.
    folder : Path
        Of the run that measured it.
    """

    step: int
    epoch: int
    folder: Path


def track(
    folder: Path | str,
    layers: Sequence[str],
    *,
    out: Path | str | None = None,
    battery: str = "standard",
    degrees: float = 8.0,
    device: str = "cpu",
    once: bool = False,
    every: float = 30.0,
    trust_code: bool = False,
    **options: Any,
) -> Iterator[Moment]:
    """Measure the checkpoints of a training run, as they appear.

    The network before its first step is measured too.

    Parameters
    ----------
    folder : path
        That of the training run.
    layers : sequence of str
        What is recorded.
    out : path, optional
        Where the runs go, one for each checkpoint; ``track`` in the folder by default. What is
        measured there is not measured again.
    battery : str
        Which experiments.
    degrees : float
        Side of the visual field that the network's input stands for.
    device : str
        Where to record; ``auto`` is a CUDA device if there is one.
    once : bool
        Whether to end when what is there is measured, and not with the training.
    every : float
        Seconds between two looks.
    trust_code : bool
        Whether the run may name a network that is code of its own.
    **options : Any
        Further arguments of `insilico.run`.

    Yields
    ------
    Moment
        As soon as it is measured.

    Raises
    ------
    UserError
        If there is no training run, no layer, no such battery or device, or no wait between two
        looks; or checkpoints could not be measured: the others are, first.
    """
    folder = Path(folder)
    place = Path(out) if out is not None else folder / "track"
    if not (folder / CHECKPOINT).is_file() and (once or not layers or not folder.is_dir()):
        raise UserError(
            f"{folder} holds no training run: {CHECKPOINT} is missing. `insilico train` writes it."
        )
    if not layers:
        raise UserError("which layer is V1? Name at least one with --layer, as for `insilico run`.")
    # A wait of nothing would look without a pause, and one below it cannot be waited.
    if not 0 < every < np.inf:
        raise UserError(f"every must be seconds between two looks, above 0; got {every:g}.")
    # What no checkpoint could be measured with is said once, and before the first is opened.
    find_battery(battery)
    where = find_device(device)
    seen: dict[Path, int] = {}
    failures: dict[Path, str] = {}
    begun = ended = False
    while not ended:
        ended = once
        for path in _checkpoints(folder):
            written = path.stat().st_mtime_ns
            if seen.get(path) == written:
                continue
            seen[path] = written
            # The network before its first step is told by any checkpoint.
            for untrained in (False,) if begun else (True, False):
                try:
                    saved = read_checkpoint(path)
                    ended |= path.name == CHECKPOINT and _is_last(saved, path)
                    moment = _moment(saved, path, place, untrained=untrained)
                    begun = True
                    if is_complete(moment.folder):
                        continue
                    network = network_of(saved, path, trust_code=trust_code, untrained=untrained)
                    _describe(network, degrees, folder.name, moment.step)
                    model = network.model.to(where).eval()
                    insilico.run(model, list(layers), battery=battery, out=moment.folder, **options)
                except UserError as error:
                    failures[path] = f"{path.name}: {error}"
                    logger.warning("%s", failures[path])
                else:
                    yield moment
        if not ended:
            time.sleep(every)
    if failures:
        told = next(iter(failures.values()))
        raise UserError(f"{len(failures)} checkpoints could not be measured: {told}")


def track_table(out: Path | str) -> pd.DataFrame:
    """Collect what was measured at each moment.

    Parameters
    ----------
    out : path
        Folder of the track.

    Returns
    -------
    DataFrame, one row per moment, layer and property
        ``step``, ``layer``, ``property``, ``label``, ``units``; ``value``, the median of the units
        that responded, with its quartiles ``low`` and ``high``, or the share of those for which it
        is true (``kind``: median or share); ``n``, of how many; ``macaque``, that of the first
        published distribution it is compared with. NaN where no unit has a value, or nothing is
        published. Without what comes round, which has no median, and places of receptive fields.

    Raises
    ------
    UserError
        If nothing is measured yet, or something is damaged.
    """
    rows = [
        {"step": int(folder.name.removeprefix("step")), **row}
        for folder in sorted(Path(out).glob(MOMENTS))
        if is_complete(folder)
        for row in _rows_of(folder, (folder / MANIFEST).stat().st_mtime_ns)
    ]
    if not rows:
        raise UserError(f"{out} holds no moment of a training run that is measured.")
    return pd.DataFrame(rows)


def write_tracks(out: Path | str) -> Path:
    """Draw every property against the training step.

    Parameters
    ----------
    out : path
        Folder of the track: gets the figure, and its numbers as csv.

    Returns
    -------
    Path
        The figure.
    """
    table = track_table(out)
    return save_figure(tracks(table), out, FIGURE, numbers=table)[0]


def _checkpoints(folder: Path) -> list[Path]:
    """List what is there: those that stay, and the one that is written again and again."""
    last = folder / CHECKPOINT
    return [*sorted(folder.glob("epoch_*.pt")), *([last] if last.is_file() else [])]


def _is_last(saved: Any, path: Path) -> bool:
    with blamed_on(path):
        return int(saved["epoch"]) >= int(saved["config"]["epochs"])


def _moment(saved: Any, path: Path, place: Path, *, untrained: bool) -> Moment:
    with blamed_on(path):
        step = 0 if untrained else int(saved["schedule"]["last_epoch"])
        epoch = 0 if untrained else int(saved["epoch"])
    return Moment(step, epoch, place / f"step{step:09d}")


def _describe(network: Opened, degrees: float, name: str, step: int) -> None:
    """Say what a network is, and have it normalise pictures for itself."""
    data = network.config.data
    mean, std = (values * 3 if len(values) == 1 else values for values in (data.mean, data.std))
    card = ModelCard(
        f"{name}, step {step}",
        Display.square(data.image_size, degrees),
        weights=f"after step {step}",
        trained=step > 0,
        mean=mean,
        std=std,
    )
    attach(network.model, card)


@cache
def _rows_of(folder: Path, _written: int) -> list[dict[str, Any]]:
    """Look at a run once, however often the figure is drawn."""
    return list(_rows(open_results(folder)))


def _rows(results: Results) -> Iterator[dict[str, Any]]:
    known_of = map(reference.load, set(results.comparison["reference"]) & set(reference.names()))
    published = {each.property: each for each in sorted(known_of, key=lambda each: each.name)}
    layers = results.units["layer"].to_numpy().astype(str)
    for name, values in results.units.data_vars.items():
        if values.dims != ("unit",) or name in LEFT_OUT or "protocol" not in values.attrs:
            continue
        counts = counting(results.units, values)
        for layer in pd.unique(layers):
            known = values.to_numpy().astype(float)[counts & (layers == layer)]
            known = known[np.isfinite(known)]
            yield {
                "layer": layer,
                "property": str(name),
                "label": values.attrs.get("long_name", str(name)),
                "units": values.attrs.get("units", "1"),
                **_middle(known, published.get(str(name))),
            }


def _middle(known: Any, of: reference.ReferenceDistribution | None) -> dict[str, Any]:
    """Say where values lie, and where those of macaques do."""
    found: dict[str, Any] = {"kind": "median", "n": len(known), "macaque": np.nan}
    low, value, high = np.quantile(known, (0.25, 0.5, 0.75)) if len(known) else (np.nan,) * 3
    if of is not None:
        found["macaque"] = of.median
    if of is not None and of.scale == "binary":
        found |= {"kind": "share", "macaque": of.probabilities[1]}
        low, value, high = np.nan, known.mean() if len(known) else np.nan, np.nan
    return {**found, "value": value, "low": low, "high": high}
