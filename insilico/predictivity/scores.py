"""How well layers of a model predict recorded neurons: correlations, ceilings, intervals.

The procedure is that of the published benchmark on the responses of Freeman, Ziemba et al. (2013)
(Schrimpf et al. 2018): ten stratified splits of the images, a linear map learned from nine tenths,
Pearson's r per neuron on the last tenth, the median over neurons, the mean over splits.

References
----------
Schrimpf M, Kubilius J, Hong H, et al. (2018). Brain-Score: which artificial neural network for
object recognition is most brain-like? bioRxiv, doi:10.1101/407007.
Freeman J, Ziemba CM, Heeger DJ, Simoncelli EP, Movshon JA (2013). A functional and perceptual
signature of the second visual area in primates. Nat Neurosci 16:974-981, doi:10.1038/nn.3402.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr

from insilico.predictivity.mappings import Mapping as Fit
from insilico.predictivity.mappings import Span
from insilico.predictivity.reliability import correlations, half_means, reliabilities
from insilico.predictivity.splits import Split, image_splits

__all__ = ["Scores", "explained_variance", "predictions", "published_splits", "score_layers"]

Array = npt.NDArray[np.float64]

N_RESAMPLES = 1000
LEVEL = (2.5, 97.5)

# Resamples that are dealt with at a time.
BLOCK = 100


@dataclass(frozen=True)
class Scores:
    """How well layers predict neurons.

    Parameters
    ----------
    layers : DataFrame
        One row per layer: ``r``, ``ceiling`` and both normalisations, each with the ends of its
        interval (``_low``, ``_high``).
    neurons : DataFrame
        One row per layer and neuron: ``r``, ``ceiling``, ``explained_variance``.
    """

    layers: pd.DataFrame
    neurons: pd.DataFrame


class _Resamples(NamedTuple):
    """How often each image counts, and which neurons there are; the sample itself comes first."""

    images: Array  # (resample, image)
    neurons: npt.NDArray[np.intp]  # (resample, neuron)

    @classmethod
    def draw(cls, n_images: int, n_neurons: int, n: int, seed: int) -> "_Resamples":
        rng = np.random.default_rng(seed)
        images = rng.multinomial(n_images, np.full(n_images, 1 / n_images), size=n)
        neurons = rng.integers(n_neurons, size=(n, n_neurons))
        return cls(
            np.concatenate([np.ones((1, n_images)), images]),
            np.concatenate([np.arange(n_neurons)[None], neurons]),
        )

    def blocks(self) -> Iterator["_Resamples"]:
        for start in range(0, len(self.images), BLOCK):
            part = slice(start, start + BLOCK)
            yield _Resamples(self.images[part], self.neurons[part])

    def median(self, values: Array) -> Array:
        """Median (..., resample) over the drawn neurons of values (..., resample, neuron)."""
        drawn = np.take_along_axis(values, np.broadcast_to(self.neurons, values.shape), axis=-1)
        # NaN sorts last: a neuron without a value is left out.
        ordered = np.sort(drawn, axis=-1)
        n = np.isfinite(drawn).sum(axis=-1, keepdims=True)
        middle = [
            np.take_along_axis(ordered, np.maximum(place, 0), axis=-1)
            for place in ((n - 1) // 2, n // 2)
        ]
        return np.where(n > 0, (middle[0] + middle[1]) / 2, np.nan)[..., 0]


def explained_variance(r: npt.ArrayLike, ceiling: npt.ArrayLike) -> Array:
    r"""Share of the explainable variance that is explained: :math:`r^2` over the ceiling.

    Parameters
    ----------
    r : array
        Correlation of predictions with mean responses.
    ceiling : array
        Reliability of these means.

    Returns
    -------
    array
        0 where r is negative: a prediction that goes the wrong way explains nothing. NaN where
        the ceiling is not above 0: noise alone cannot be explained.
    """
    r, ceiling = np.asarray(r, dtype=float), np.asarray(ceiling, dtype=float)
    return np.asarray(np.maximum(r, 0) ** 2 / np.where(ceiling > 0, ceiling, np.nan))


def score_layers(
    products: Mapping[str, Array],
    responses: xr.DataArray,
    fit: Fit,
    *,
    splits: Sequence[Split] | None = None,
    n_axes: int | None = None,
    n_resamples: int = N_RESAMPLES,
    seed: int = 0,
) -> Scores:
    """Predict neurons from layers, and score the predictions.

    Parameters
    ----------
    products : mapping of str to array, shape (image, image)
        Inner products of the images in each layer (`insilico.predictivity.features`).
    responses : DataArray, dims ("stimulus", "neuron", "repetition")
        Of the neurons, to the same images; NaN where there was no trial.
    fit : callable
        The mapping. It is given the features and mean responses of the images that are learned
        from, and nothing else.
    splits : sequence of Split, optional
        The published ones by default, balanced over the coordinate ``stratum`` if there is one.
    n_axes : int, optional
        Principal components of the images learned from that are kept; all by default.
    n_resamples : int
        Bootstrap samples of images and neurons for the intervals.
    seed : int
        Of the bootstrap.

    Returns
    -------
    Scores
    """
    means = responses.mean("repetition").transpose("stimulus", "neuron").to_numpy()
    splits = published_splits(responses) if splits is None else splits
    n_images, n_neurons = means.shape
    drawn = _Resamples.draw(n_images, n_neurons, n_resamples, seed)
    ceiling, ceilings = _ceilings(half_means(responses), splits, drawn, n_neurons)
    rows, neurons = [], []
    for layer, inner in products.items():
        r, correlation = _correlations(inner, means, splits, fit, n_axes, drawn)
        scored = {
            "r": r,
            "ceiling": ceiling,
            "explained_variance": explained_variance(r, ceiling),
            "explained_variance_before_2026": explained_variance(
                r, np.where(ceiling > 0, ceiling, np.nan) ** 2
            ),
        }
        rows.append({"layer": layer, "n_images": n_images, "n_neurons": n_neurons})
        for name, values in scored.items():
            rows[-1] |= _with_interval(name, values)
        table = {"layer": layer, "neuron": responses["neuron"].to_numpy(), "r": correlation}
        table |= {
            "ceiling": ceilings,
            "explained_variance": explained_variance(correlation, ceilings),
        }
        neurons.append(pd.DataFrame(table))
    return Scores(pd.DataFrame(rows), pd.concat(neurons, ignore_index=True))


def published_splits(responses: xr.DataArray) -> list[Split]:
    """Split the images as the published benchmark does.

    Parameters
    ----------
    responses : DataArray, with the dim "stimulus"
        Balanced over its coordinate ``stratum`` if there is one.

    Returns
    -------
    list of Split

    Raises
    ------
    UserError
        If there are too few images.
    """
    strata = responses["stratum"].to_numpy() if "stratum" in responses.coords else None
    return image_splits(responses.sizes["stimulus"], strata)


def predictions(
    inner: Array, means: Array, split: Split, fit: Fit, *, n_axes: int | None = None
) -> Array:
    """Predict the responses to the images that were not learned from.

    Parameters
    ----------
    inner : array, shape (image, image)
        Inner products of the images in a layer.
    means : array, shape (image, neuron)
        Mean responses; those to the predicted images are not looked at.
    split : Split
        Which is which.
    fit, n_axes
        As for `score_layers`.

    Returns
    -------
    array, shape (len(split.test), neuron)
    """
    span = Span.of(inner, split.train, n_axes=n_axes)
    readout = fit(span.coordinates(inner, split.train), means[split.train])
    return span.coordinates(inner, split.test) @ readout.weights + readout.offset


def _correlations(
    inner: Array,
    means: Array,
    splits: Sequence[Split],
    fit: Fit,
    n_axes: int | None,
    drawn: _Resamples,
) -> tuple[Array, Array]:
    """Give the mean over splits of the median r, per resample; and the mean r of each neuron."""
    medians, correlation = [], []
    for split in splits:
        predicted = predictions(inner, means, split, fit, n_axes=n_axes)
        found = correlations(predicted, means[split.test], drawn.images[:, split.test])
        medians.append(drawn.median(found))
        correlation.append(found[0])
    return _mean(np.stack(medians)), _mean(np.stack(correlation))


def _ceilings(
    halves: Array | None, splits: Sequence[Split], drawn: _Resamples, n_neurons: int
) -> tuple[Array, Array]:
    """Do the same for reliabilities, on the images that are learned from."""
    if halves is None:
        return np.full(len(drawn.images), np.nan), np.full(n_neurons, np.nan)
    medians, every = [], []
    for split in splits:
        learned = halves[:, :, split.train]
        found = []
        for number, block in enumerate(drawn.blocks()):
            values = reliabilities(learned, block.images[:, split.train])
            found.append(_mean(block.median(values)))
            if number == 0:
                every.append(_mean(values[:, 0]))
        medians.append(np.concatenate(found))
    return _mean(np.stack(medians)), _mean(np.stack(every))


def _mean(values: Array) -> Array:
    """Mean over the first axis of what has a value; NaN where nothing has."""
    valid = np.isfinite(values)
    with np.errstate(invalid="ignore"):
        return np.where(valid, values, 0).sum(axis=0) / valid.sum(axis=0)


def _with_interval(name: str, values: Array) -> dict[str, float]:
    """Split an estimate from the resamples behind it."""
    resamples = values[1:][np.isfinite(values[1:])]
    low, high = np.percentile(resamples, LEVEL) if len(resamples) else (np.nan, np.nan)
    return {name: float(values[0]), f"{name}_low": float(low), f"{name}_high": float(high)}
