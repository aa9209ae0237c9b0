"""From a span back to the features of a layer: readouts that respond as recorded neurons did."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import xarray as xr
from torch import nn

from insilico.errors import UserError
from insilico.models.card import ModelCard
from insilico.models.digital import DigitalNeurons
from insilico.predictivity.features import Features
from insilico.predictivity.mappings import Span, find_mapping

__all__ = ["Fitting"]


@dataclass(frozen=True, eq=False)
class Fitting:
    """What digital neurons are fitted from.

    Parameters
    ----------
    model : nn.Module
        The model.
    card : ModelCard
        Its card.
    features : Features
        What its layers make of the images.
    products : mapping of str to array, shape (image, image)
        Inner products of the images in each layer.
    responses : DataArray, dims ("stimulus", "neuron", "repetition")
        Of the neurons.
    mapping : str
        The mapping that is used where no other is asked for.
    data : str
        Name of the recording.
    n_axes : int, optional
        Principal components of the images that are kept; all by default.
    """

    model: nn.Module
    card: ModelCard
    features: Features
    products: Mapping[str, npt.NDArray[np.float64]]
    responses: xr.DataArray
    mapping: str
    data: str
    n_axes: int | None = None

    def neurons(self, layer: str, mapping: str | None) -> DigitalNeurons:
        """Fit neurons, as `insilico.Predictivity.fit_neurons` says."""
        if layer not in self.products:
            raise UserError(
                f"layer must be one of {', '.join(self.products)}, those predicted from; got "
                f"{layer!r}."
            )
        means = self.responses.mean("repetition").transpose("stimulus", "neuron").to_numpy()
        inner, every = self.products[layer], np.arange(len(means))
        span = Span.of(inner, every, n_axes=self.n_axes)
        readout = find_mapping(mapping or self.mapping, device=self.features.forward.device)(
            span.coordinates(inner, every), means
        )
        weights, centre = self.features.combine(layer, span.axes @ readout.weights)
        return DigitalNeurons(
            self.model,
            layer,
            weights,
            readout.offset - centre @ weights,
            neurons=[str(neuron) for neuron in self.responses["neuron"].to_numpy()],
            card=self.card,
            fitted_to=self.data,
        )
