"""Everything `insilico evaluate` asks of a trained network, and the files it leaves."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from matplotlib.figure import Figure
from torch import Tensor, nn

from insilico.errors import UserError
from insilico.figures.style import ACCENT, MODEL, TWO_COLUMNS, new_figure
from insilico.models.components.mode import check_positive
from insilico.training.batches import Source, Subset, fixed_loader
from insilico.training.checkpoint import read_checkpoint
from insilico.training.config import DataConfig
from insilico.training.evaluation import normalise
from insilico.training.opened import Opened, network_of
from insilico.training.processes import find_device
from insilico.training.robustness.attacks import fast_gradient, projected_gradient
from insilico.training.robustness.corruptions import CORRUPTIONS, SEVERITIES
from insilico.training.state import CHECKPOINT, WEIGHTS

__all__ = ["ATTACKS", "attack_accuracies", "corruption_figure", "open_run"]

# Radii in use in the literature, for values in [0, 1].
RADII: Mapping[str, Sequence[float]] = {"linf": (1 / 255, 4 / 255), "l2": (0.25, 0.5)}

ATTACKS: Mapping[str, Callable[..., Tensor]] = {"fgsm": fast_gradient, "pgd": projected_gradient}

BATCH_SIZE = 128


def open_run(folder: Path | str, *, device: str = "cpu", trust_code: bool = False) -> Opened:
    """Open a folder that `insilico train` wrote.

    Parameters
    ----------
    folder : path
        The folder.
    device : str
        Where the network goes; ``auto`` is a CUDA device if there is one.
    trust_code : bool
        Whether the run may name a network that is code of its own, which is then run with all your
        rights. Networks of this package, torchvision and timm need no trust.

    Returns
    -------
    Opened
        With the weights that were kept, in evaluation mode.

    Raises
    ------
    UserError
        If it holds no weights that were kept, or names code that is not trusted, or the device
        cannot be used.
    """
    path = Path(folder) / WEIGHTS
    if not path.is_file():
        begun = (Path(folder) / CHECKPOINT).exists()
        why = "the run in it has kept no weights yet" if begun else "it holds no training run"
        raise UserError(f"{folder} cannot be evaluated: {why}. `insilico train` writes {WEIGHTS}.")
    saved = read_checkpoint(path)
    opened = network_of(saved, path, trust_code=trust_code)
    return opened._replace(model=opened.model.to(find_device(device)).eval())


def attack_accuracies(
    model: nn.Module,
    source: Source,
    config: DataConfig,
    *,
    radii: Mapping[str, Sequence[float]] = RADII,
    steps: int = 20,
    limit: int = 1000,
    seed: int = 0,
) -> pd.DataFrame:
    """Classify pictures that were changed so as to be mistaken.

    Parameters
    ----------
    model : nn.Module
        Takes normalised pictures.
    source : Source
        The pictures.
    config : DataConfig
        How they are normalised; attacks change what comes before, values in [0, 1].
    radii : mapping of str to sequence of float
        Largest changes, by norm: ``linf``, of any value, and ``l2``, of the whole picture.
    steps : int
        Of projected gradient descent.
    limit : int
        Pictures at most, evenly spread over the source.
    seed : int
        Of the random starts.

    Returns
    -------
    DataFrame, one row per attack, norm and radius
        ``accuracy`` and ``n``; the first row is that without attack.

    Raises
    ------
    UserError
        If there is nothing to attack, or no step to take.
    """
    check_positive(steps=steps, limit=limit)
    device = next(model.parameters()).device

    def network(images: Tensor) -> Tensor:
        return model(normalise(images, config))

    attacks = [("none", "", 0.0)] + [
        (name, norm, radius) for name in ATTACKS for norm in radii for radius in radii[norm]
    ]
    right = torch.zeros(len(attacks), dtype=torch.float64)
    n = 0
    generator = torch.Generator().manual_seed(seed)
    for batch in fixed_loader(_spread(source, limit), batch_size=BATCH_SIZE):
        images, labels = batch.images.to(device), batch.labels.to(device)
        if not len(labels):
            continue
        n += len(labels)
        for number, (name, norm, radius) in enumerate(attacks):
            changed = images
            if name != "none":
                options: dict[str, Any] = {"radius": radius, "norm": norm}
                if name == "pgd":
                    options |= {"steps": steps, "generator": generator}
                changed = ATTACKS[name](network, images, labels, **options)
            with torch.no_grad():
                right[number] += int((network(changed).argmax(1) == labels).sum())
    if not n:
        raise UserError("none of the pictures that were to be attacked can be read.")
    table = pd.DataFrame(attacks, columns=["attack", "norm", "radius"])
    return table.assign(accuracy=(right / n).numpy(), n=n)


def corruption_figure(accuracies: pd.DataFrame, clean: float) -> Figure:
    """Draw the accuracy for each corruption over its severity.

    Parameters
    ----------
    accuracies : DataFrame
        What `insilico.training.robustness.corruptions.corruption_accuracies` gives.
    clean : float
        Accuracy without corruption: the dashed line.

    Returns
    -------
    Figure
    """
    figure = new_figure(TWO_COLUMNS, 4.2)
    axes = figure.subplots(3, 5, sharex=True, sharey=True)
    wide = accuracies.pivot(index="corruption", columns="severity", values="accuracy")
    for ax, corruption in zip(axes.flat, CORRUPTIONS, strict=True):
        ax.axhline(clean, color=ACCENT, linewidth=0.8, linestyle="--")
        ax.plot(SEVERITIES, wide.loc[corruption, list(SEVERITIES)], "o-", color=MODEL, markersize=3)
        ax.set_title(corruption.replace("_", " "))
        ax.set_xticks(SEVERITIES)
    axes[0, 0].set_ylim(0, 1)
    figure.supxlabel("Severity", fontsize="medium")
    figure.supylabel("Accuracy", fontsize="medium")
    return figure


def _spread(source: Source, limit: int) -> Source:
    if len(source) <= limit:
        return source
    return Subset(source, torch.linspace(0, len(source) - 1, limit).round().long())
