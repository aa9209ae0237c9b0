"""Which images are learned from and which are predicted, as in the published benchmark."""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from insilico.errors import UserError

__all__ = ["Split", "image_splits", "repetition_halves"]

Places = npt.NDArray[np.intp]

# Of the published benchmark: of the images, and of the repetitions.
N_SPLITS = 10
TRAIN_SHARE = 0.9
SEED = 1

# Two images correlate by 1 or -1, whatever they are.
FEWEST = 3


class Split(NamedTuple):
    """Places of the images that are learned from, and of those that are predicted."""

    train: Places
    test: Places


def image_splits(
    n_images: int,
    strata: npt.NDArray[Any] | None = None,
    *,
    n_splits: int = N_SPLITS,
    train_share: float = TRAIN_SHARE,
    seed: int = SEED,
) -> list[Split]:
    """Split images at random, several times, each stratum in the same proportion.

    Parameters
    ----------
    n_images : int
        How many images there are.
    strata : array, shape (n_images,), optional
        What is to be balanced: the type of texture, say.
    n_splits : int
        How many splits.
    train_share : float
        Share of the images that are learned from.
    seed : int
        Of the splits; the published one by default.

    Returns
    -------
    list of Split
        Drawn by scikit-learn, as the published ones are.

    Raises
    ------
    UserError
        If there are too few images, or images of one stratum, to split, or to correlate.
    """
    from sklearn.model_selection import ShuffleSplit, StratifiedShuffleSplit

    kind = ShuffleSplit if strata is None else StratifiedShuffleSplit
    splitter = kind(n_splits=n_splits, train_size=train_share, random_state=seed)
    try:
        found = list(splitter.split(np.zeros(n_images), strata))
    except ValueError as error:
        raise UserError(
            f"{n_images} images cannot be split, {train_share:g} of them to learn from: {error} "
            "Record more images, or set stratify to none."
        ) from error
    n_test = len(found[0][1])
    if n_test < FEWEST:
        raise UserError(
            f"{n_images} images leave {n_test} to predict in each split, too few for a "
            f"correlation: there must be {FEWEST}. Record more images."
        )
    return [Split(train, test) for train, test in found]


def repetition_halves(
    n_repetitions: int, *, n_splits: int = N_SPLITS, seed: int = SEED
) -> npt.NDArray[np.bool_]:
    """Split repetitions at random into halves, several times.

    Parameters
    ----------
    n_repetitions : int
        How many repetitions there are, 2 or more.
    n_splits : int
        How many splits.
    seed : int
        Of the splits; the published one by default.

    Returns
    -------
    array of bool, shape (n_splits, 2, n_repetitions)
        Who is in which half. Of an odd number, one is in neither half's favour: the second half
        has one more.
    """
    from sklearn.model_selection import ShuffleSplit

    splitter = ShuffleSplit(n_splits=n_splits, train_size=0.5, random_state=seed)
    halves = np.zeros((n_splits, 2, n_repetitions), dtype=bool)
    for number, pair in enumerate(splitter.split(np.zeros(n_repetitions))):
        for half, places in enumerate(pair):
            halves[number, half, places] = True
    return halves
