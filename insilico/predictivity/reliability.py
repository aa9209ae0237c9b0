r"""How well neurons predict themselves: correlations, and the ceiling that noise sets on them.

Two means of the same repetitions correlate by the reliability :math:`\rho` of such a mean. The
halves are smaller than the whole, and Spearman and Brown say what the whole would reach:
:math:`\rho = 2r / (1 + r)`. A model that knows the noiseless response correlates with the mean by
:math:`\sqrt\rho` at most, so that :math:`r^2 / \rho` is the explained share of the variance that
can be explained. Until January 2026 the published benchmark divided by :math:`\rho` before it
squared, which gives a perfect model a score of :math:`1 / \rho`.

References
----------
Spearman C (1910). Correlation calculated from faulty data. Br J Psychol 3:271-295.
Brown W (1910). Some experimental results in the correlation of mental abilities. Br J Psychol
3:296-322.
"""

import numpy as np
import numpy.typing as npt
import xarray as xr

from insilico.predictivity.splits import repetition_halves

__all__ = ["correlations", "half_means", "reliabilities"]

Array = npt.NDArray[np.float64]

# A column whose spread is this share of its size, or less, is constant but for rounding.
CONSTANT = 1e-12


def correlations(first: Array, second: Array, weights: Array) -> Array:
    """Pearson correlation over images, image by image as often as the weights say.

    Parameters
    ----------
    first, second : array, shape (..., image, neuron)
        What is correlated; NaN in either leaves an image out, for that neuron.
    weights : array, shape (resample, image)
        How often each image counts in each resample; 0 leaves it out.

    Returns
    -------
    array, shape (..., resample, neuron)
        NaN where either is constant over the images that count, or none does.
    """
    known = np.isfinite(first) & np.isfinite(second)
    shown = np.maximum(known.sum(axis=-2, keepdims=True), 1)
    first, second = (np.where(known, each, 0) for each in (first, second))
    # What all images share is taken off first: sums of squares would drown the rest in it.
    first, second = (
        np.where(known, each - each.sum(axis=-2, keepdims=True) / shown, 0)
        for each in (first, second)
    )
    n = weights @ known
    with np.errstate(invalid="ignore", divide="ignore"):
        means = [weights @ each / n for each in (first, second)]
        products = [
            weights @ (a * b) / n for a, b in ((first, first), (second, second), (first, second))
        ]
        spreads = [products[0] - means[0] ** 2, products[1] - means[1] ** 2]
        together = products[2] - means[0] * means[1]
        found = together / np.sqrt(spreads[0] * spreads[1])
    constant = [
        spread <= CONSTANT * square for spread, square in zip(spreads, products, strict=False)
    ]
    undefined = constant[0] | constant[1] | (n == 0)
    return np.where(undefined, np.nan, np.clip(found, -1, 1))


def half_means(responses: xr.DataArray) -> Array | None:
    """Mean responses of both halves of the repetitions, for several ways to halve them.

    Parameters
    ----------
    responses : DataArray, dims ("stimulus", "neuron", "repetition")
        NaN where there was no trial.

    Returns
    -------
    array, shape (2, way, stimulus, neuron), or None
        NaN where a half has no trial; None where there are not two repetitions.
    """
    if responses.sizes["repetition"] < 2:
        return None
    values = responses.transpose("stimulus", "neuron", "repetition").to_numpy()
    halves = repetition_halves(values.shape[-1]).astype(float)
    recorded = np.isfinite(values)
    sums, counts = (
        np.einsum("inr,whr->hwin", each, halves, optimize=True)
        for each in (np.where(recorded, values, 0), recorded.astype(float))
    )
    with np.errstate(invalid="ignore"):
        return sums / counts


def reliabilities(halves: Array, weights: Array) -> Array:
    """Estimate the reliability of mean responses from halves of the repetitions.

    Parameters
    ----------
    halves : array, shape (2, way, image, neuron)
        From `half_means`.
    weights : array, shape (resample, image)
        As for `correlations`.

    Returns
    -------
    array, shape (way, resample, neuron)
        Corrected by Spearman and Brown for the length of the halves. Images of which a half has
        no trial are left out; NaN where a half is constant over those that are left.
    """
    half = correlations(halves[0], halves[1], weights)
    with np.errstate(divide="ignore", invalid="ignore"):
        return 2 * half / (1 + half)
