r"""From the features of a layer to the responses of neurons: linear maps, learned from images.

Features outnumber images by far, and every linear map that is learned from n images by least
squares, with or without a penalty on the size of its weights, lies in the span of these n. So
features are first rotated into that span: nothing is lost, and 100,000 features become n - 1. The
span needs only the inner products of the images (`insilico.predictivity.features`).

References
----------
Wold S, Sjoestroem M, Eriksson L (2001). PLS-regression: a basic tool of chemometrics. Chemometr
Intell Lab Syst 58:109-130, doi:10.1016/S0169-7439(01)00155-1.
Hastie T, Tibshirani R (2004). Efficient quadratic regularization for expression arrays.
Biostatistics 5:329-340, doi:10.1093/biostatistics/5.3.329.
"""

import warnings
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch

from insilico.errors import UserError
from insilico.predictivity.optional import check_scikit_learn

__all__ = ["MAPPINGS", "Mapping", "Readout", "Span", "find_mapping", "pls", "ridge"]

Array = npt.NDArray[np.float64]

# Of the published benchmark.
PLS_COMPONENTS = 25

# Directions in which images differ by less than this share of the variance are rounding.
ROUNDING = 1e-11

# Penalties that are tried, relative to the mean variance of a direction.
PENALTIES = np.logspace(-6, 6, 49)

# Neurons whose penalties are compared at a time.
NEURONS = 256


class Readout(NamedTuple):
    """A linear map: ``features @ weights + offset``.

    Parameters
    ----------
    weights : array, shape (feature, neuron)
        One column per neuron.
    offset : array, shape (neuron,)
        The response where all features are 0.
    """

    weights: Array
    offset: Array


Mapping = Callable[[Array, Array], Readout]


class Span(NamedTuple):
    """Axes within the span of some images about their mean, from their inner products.

    Parameters
    ----------
    axes : array, shape (image, axis)
        Weight of each image in each axis; axes are orthonormal in the space of features, and
        ordered by the variance along them.
    train : array of int, shape (image,)
        Places of the images.
    """

    axes: Array
    train: npt.NDArray[np.intp]

    @classmethod
    def of(
        cls, products: Array, train: npt.NDArray[np.intp], *, n_axes: int | None = None
    ) -> "Span":
        """Find the span of images.

        Parameters
        ----------
        products : array, shape (image, image)
            Inner products of all images.
        train : array of int
            Those that span it.
        n_axes : int, optional
            Keep only so many, those with the largest variance: principal components.

        Returns
        -------
        Span
        """
        inner = products[np.ix_(train, train)]
        centred = inner - inner.mean(axis=0) - inner.mean(axis=1)[:, None] + inner.mean()
        variance, vectors = np.linalg.eigh(centred)
        variance, vectors = variance[::-1], vectors[:, ::-1]
        kept = int((variance > ROUNDING * max(variance[0], 0)).sum())
        kept = min(kept, n_axes or kept)
        axes = vectors[:, :kept] / np.sqrt(variance[:kept])
        # Weights that add up to 0 need no mean taken off what they are applied to.
        return cls(axes - axes.mean(axis=0), train)

    def coordinates(self, products: Array, images: npt.NDArray[np.intp]) -> Array:
        """Place images within the span, about the mean of those that span it.

        Parameters
        ----------
        products : array, shape (image, image)
            Inner products of all images.
        images : array of int
            Which of them.

        Returns
        -------
        array, shape (len(images), axis)
        """
        inner = products[:, self.train]
        return (inner[images] - inner[self.train].mean(axis=0)) @ self.axes


def pls(features: Array, responses: Array, *, n_components: int = PLS_COMPONENTS) -> Readout:
    """Partial least squares, all neurons together: the published mapping.

    Parameters
    ----------
    features : array, shape (image, feature)
        Of the images that are learned from.
    responses : array, shape (image, neuron)
        To the same images.
    n_components : int
        How many components; fewer where there are not so many features.

    Returns
    -------
    Readout
        As scikit-learn fits it, without scaling.
    """
    from sklearn.cross_decomposition import PLSRegression
    from sklearn.exceptions import ConvergenceWarning

    n_components = min(n_components, *features.shape)
    if not n_components:
        return _means_only(features, responses)
    with warnings.catch_warnings():
        # The published fit stops after 500 iterations too, and is not told from a converged one.
        warnings.simplefilter("ignore", ConvergenceWarning)
        # Constant responses are predicted exactly, and have no r.
        warnings.filterwarnings("ignore", "y residual is constant", UserWarning)
        fitted = PLSRegression(n_components=n_components, scale=False).fit(features, responses)
    weights = fitted.coef_.T
    return Readout(weights, responses.mean(axis=0) - features.mean(axis=0) @ weights)


def ridge(features: Array, responses: Array, *, device: str | torch.device = "cpu") -> Readout:
    """Ridge regression, with a penalty for each neuron that best predicts every image left out.

    Parameters
    ----------
    features : array, shape (image, feature)
        Of the images that are learned from.
    responses : array, shape (image, neuron)
        To the same images.
    device : torch device
        Where it is computed, in double precision.

    Returns
    -------
    Readout
    """
    if not features.shape[1]:
        return _means_only(features, responses)
    x, y = (
        torch.tensor(each, dtype=torch.float64, device=device) for each in (features, responses)
    )
    x_mean, y_mean = x.mean(0), y.mean(0)
    left, size, right = torch.linalg.svd(x - x_mean, full_matrices=False)
    variance = size**2
    penalties = torch.tensor(PENALTIES, device=device) * variance.mean()
    # (penalty, axis): how much of the response along each axis is believed.
    share = variance / (variance + penalties[:, None])
    along = left.T @ (y - y_mean)
    # The leverage of an image, the mean included, turns its residual into the one that it would
    # have had if it had been left out.
    leverage = 1 / len(x) + share @ (left**2).T
    kept = (1 - leverage).clamp_min(1e-12)[..., None]
    best = torch.cat(
        [
            (((part - left @ (share[..., None] * (left.T @ part))) / kept) ** 2).mean(1).argmin(0)
            for part in torch.split(y - y_mean, NEURONS, dim=1)
        ]
    )
    # The smallest penalty may be as good as none, and an axis of no size carries nothing.
    inverse = torch.where(size > 0, share[best] / size.clamp_min(1e-300), 0)
    weights = right.T @ (inverse.T * along)
    return Readout(weights.cpu().numpy(), (y_mean - x_mean @ weights).cpu().numpy())


def _means_only(features: Array, responses: Array) -> Readout:
    """Predict the mean where images do not differ in any feature."""
    return Readout(np.zeros((features.shape[1], responses.shape[1])), responses.mean(axis=0))


MAPPINGS = ("pls", "ridge")


def find_mapping(name: str, *, device: str | torch.device = "cpu") -> Mapping:
    """Look a mapping up.

    Parameters
    ----------
    name : {"pls", "ridge"}
        Which.
    device : torch device
        Where ridge is computed.

    Returns
    -------
    callable
        ``fit(features, responses)`` returns a `Readout`.

    Raises
    ------
    UserError
        For another name, or if scikit-learn, which draws the splits for both, is not installed.
    """
    check_scikit_learn()
    if name == "pls":
        return pls
    if name == "ridge":
        # Apple's GPUs lack double precision.
        place = torch.device(device)
        return partial(ridge, device="cpu" if place.type == "mps" else place)
    raise UserError(f"mapping must be one of {', '.join(MAPPINGS)}; got {name!r}.")
