"""Accuracy on corrupted pictures: the folders of ImageNet-C and Tiny-ImageNet-C.

References
----------
Hendrycks D, Dietterich T (2019). Benchmarking neural network robustness to common corruptions and
perturbations. ICLR.
"""

import logging
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pandas as pd
from torch import nn

from insilico.errors import UserError
from insilico.progress import progress_bar
from insilico.tables import read_csv
from insilico.training.config import DataConfig
from insilico.training.evaluation import score
from insilico.training.pictures.data import pictures_to_tensors
from insilico.training.pictures.folders import class_folders

__all__ = [
    "CORRUPTIONS",
    "SEVERITIES",
    "corruption_accuracies",
    "mean_corruption_error",
    "read_accuracies",
]

logger = logging.getLogger(__name__)

# In the order of the published table.
CORRUPTIONS = (
    "gaussian_noise", "shot_noise", "impulse_noise",
    "defocus_blur", "glass_blur", "motion_blur", "zoom_blur",
    "snow", "frost", "fog", "brightness",
    "contrast", "elastic_transform", "pixelate", "jpeg_compression",
)  # fmt: skip
SEVERITIES = (1, 2, 3, 4, 5)


def corruption_accuracies(
    model: nn.Module,
    folder: Path | str,
    classes: Sequence[str],
    config: DataConfig,
    *,
    progress: bool = False,
) -> pd.DataFrame:
    """Classify the pictures of every corruption and severity that the folder holds.

    Parameters
    ----------
    model : nn.Module
        Takes normalised pictures.
    folder : path
        With ``CORRUPTION/SEVERITY/CLASS/*``; the corruptions may lie in folders of their own kind,
        ``noise`` for one, as they are distributed.
    classes : sequence of str
        The classes of the model, in its order.
    config : DataConfig
        Size and normalisation of pictures. Those of ImageNet-C are already cut, and only resized.
    progress : bool
        Show a progress bar.

    Returns
    -------
    DataFrame, 75 rows
        ``corruption``, ``severity``; ``accuracy``, NaN where the folder has no such pictures; their
        number ``n``, and the number ``unreadable``.

    Raises
    ------
    UserError
        If the folder has another layout: says which is expected, and what was found.
    """
    folder = Path(folder)
    places = _places(folder)
    # ImageNet-C is already cut, as the clean pictures are; Tiny-ImageNet-C is not.
    shown = config if config.kind == "tiny_imagenet" else replace(config, augmentation="none")
    transform = pictures_to_tensors(shown)
    rows = []
    cells = [(corruption, severity) for corruption in CORRUPTIONS for severity in SEVERITIES]
    with progress_bar(show=progress, total=len(cells), unit="cell") as bar:
        for corruption, severity in cells:
            row = {"corruption": corruption, "severity": severity, "accuracy": float("nan")}
            place = places.get(corruption, folder) / str(severity)
            if corruption in places and place.is_dir():
                result = score(model, class_folders(place, transform, classes), config)
                for message in result.unreadable:
                    logger.warning("left out, cannot be read: %s", message)
                row |= {"accuracy": result.accuracy, "n": result.n}
                row |= {"unreadable": len(result.unreadable)}
            rows.append(row)
            bar.update()
    table = pd.DataFrame(rows, columns=["corruption", "severity", "accuracy", "n", "unreadable"])
    return table.fillna({"n": 0, "unreadable": 0}).astype({"n": int, "unreadable": int})


def read_accuracies(place: Path | str) -> pd.DataFrame:
    """Read a table that `insilico evaluate` wrote.

    Parameters
    ----------
    place : path
        The table, or its folder.

    Returns
    -------
    DataFrame
        What `corruption_accuracies` gave.

    Raises
    ------
    UserError
        If there is none, or it is of another kind.
    """
    place = Path(place)
    path = place / "corruptions.csv" if place.is_dir() else place
    if not path.is_file():
        raise UserError(
            f"there is no table {path}. A baseline is the folder of another evaluation, "
            "RUN/evaluation for one, or the corruptions.csv in it."
        )
    remedy = "Bring it back from a copy, or evaluate the baseline again."
    try:
        table = read_csv(path)
    except Exception as error:
        raise UserError(f"{path} cannot be read as a csv file: {error}. {remedy}") from error
    _check_columns(table)
    accuracy = pd.to_numeric(table["accuracy"], errors="coerce")
    right = accuracy.between(0, 1) | table["accuracy"].isna()
    if not right.all() or table.duplicated(["corruption", "severity"]).any():
        raise UserError(
            f"{path} is damaged: every corruption and severity must have one accuracy, between 0 "
            f"and 1. {remedy}"
        )
    return table


def mean_corruption_error(
    accuracies: pd.DataFrame, baseline: pd.DataFrame
) -> tuple[float, pd.Series]:
    """Average the errors of the corruptions, each over that of a baseline.

    Parameters
    ----------
    accuracies, baseline : DataFrame
        What `corruption_accuracies` gives for the model, and for the one it is compared with.

    Returns
    -------
    float
        The mean corruption error, 1 for a model like the baseline; NaN unless every cell of both
        is there.
    Series
        The error of each corruption: the sum of the error rates over severities, over that of the
        baseline.

    Raises
    ------
    UserError
        If the baseline table is of another kind, or makes no error in a corruption.

    Examples
    --------
    >>> cells = [(corruption, severity) for corruption in CORRUPTIONS for severity in SEVERITIES]
    >>> table = pd.DataFrame(cells, columns=["corruption", "severity"])
    >>> ours, theirs = table.assign(accuracy=0.7), table.assign(accuracy=0.4)
    >>> round(mean_corruption_error(ours, theirs)[0], 6)
    0.5
    """
    errors = []
    for table in (accuracies, baseline):
        _check_columns(table)
        wide = (1 - table.set_index(["corruption", "severity"])["accuracy"]).unstack()
        wide = wide.reindex(index=list(CORRUPTIONS), columns=list(SEVERITIES))
        errors.append(wide.sum(axis=1, skipna=False))
    ours, theirs = errors
    perfect = theirs.index[theirs == 0]
    if len(perfect):
        raise UserError(
            f"the baseline makes no error in {', '.join(perfect)}, and nothing can be measured "
            "against that. Take another baseline."
        )
    relative = (ours / theirs).rename("corruption_error")
    return float(relative.mean(skipna=False)), relative


def _check_columns(table: pd.DataFrame) -> None:
    missing = {"corruption", "severity", "accuracy"} - set(table.columns)
    if missing:
        raise UserError(
            "a table of corruptions has the columns corruption, severity and accuracy, as "
            f"`insilico evaluate` writes it; {', '.join(sorted(missing))} missing."
        )


def _places(folder: Path) -> dict[str, Path]:
    """Find the folder of each corruption, at the top or one below."""
    if not folder.is_dir():
        raise UserError(f"there is no folder {folder}.")
    places: dict[str, Path] = {}
    for pattern in ("*", "*/*"):
        for each in sorted(folder.glob(pattern)):
            if each.is_dir() and each.name in CORRUPTIONS:
                places.setdefault(each.name, each)
    if not places:
        found = sorted(each.name for each in folder.iterdir())[:6]
        raise UserError(
            f"{folder} must hold CORRUPTION/SEVERITY/CLASS/PICTURES, as in "
            f"{CORRUPTIONS[0]}/1; found {', '.join(found) or 'nothing'}."
        )
    return places
