"""Digital neurons: linear readouts of a layer that were fitted to recorded responses."""

import dataclasses
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from insilico.errors import UserError
from insilico.folders import check_free
from insilico.models.card import ModelCard, attach, left_to_apply
from insilico.models.sources import Loaded, Request
from insilico.models.weights import weights_hash
from insilico.recording.hooks import layer_outputs

__all__ = ["DigitalNeurons", "open_digital"]

# The layer to record, with one channel per neuron.
READOUT = "readout"

RECORD = "neurons.json"
TENSORS = "readout.safetensors"


class DigitalNeurons(nn.Module):
    """Neurons that are read out of a layer of a model.

    Parameters
    ----------
    model : nn.Module
        The model.
    layer : str
        The layer.
    weights : array, shape (feature, neuron)
        One column per neuron, in the order of the flattened output of the layer.
    offset : array, shape (neuron,)
        The response where all features are 0.
    neurons : sequence of str
        Their names.
    card : ModelCard
        That of the model.
    fitted_to : str
        Name of the data.

    Attributes
    ----------
    readout : nn.Linear
        The layer to record: channel i is neuron i.
    neurons : tuple of str
        Names of the neurons.
    """

    def __init__(
        self,
        model: nn.Module,
        layer: str,
        weights: npt.NDArray[Any],
        offset: npt.NDArray[Any],
        *,
        neurons: Sequence[str],
        card: ModelCard,
        fitted_to: str,
    ) -> None:
        super().__init__()
        self.model = model
        self.layer = layer
        self.neurons = tuple(neurons)
        self.fitted_to = fitted_to
        self.base = card
        self.readout = nn.Linear(*weights.shape)
        with torch.no_grad():
            self.readout.weight.copy_(torch.from_numpy(np.ascontiguousarray(weights.T)))
            self.readout.bias.copy_(torch.from_numpy(offset))
        mean, std = left_to_apply(model, card)
        attach(
            self.eval(),
            dataclasses.replace(
                card,
                name=f"digital neurons: {layer} of {card.name}",
                layers=(READOUT,),
                weights=f"{card.weights}; readout fitted to {fitted_to}",
                mean=mean or (0.0,) * card.channels,
                std=std or (1.0,) * card.channels,
                # The readout holds for pictures of the degrees that it was fitted to.
                drawn_in_degrees=True,
                arguments={},
            ),
        )

    def forward(self, images: Tensor) -> Tensor:
        """Responses (image, neuron) to images; they can be differentiated."""
        read = layer_outputs(
            self.model,
            [self.layer],
            images,
            lambda _, output: output.flatten(1).clone(),
            gradients=torch.is_grad_enabled(),
        )
        return self.readout(read[self.layer])

    def save(self, folder: Path | str) -> Path:
        """Write the readout, and how to load the model, to a folder.

        Parameters
        ----------
        folder : path
            Must not exist, or be empty.

        Returns
        -------
        Path
            The folder: ``insilico run digital:FOLDER`` probes these neurons.

        Raises
        ------
        UserError
            If the folder already holds something; or if the model was not loaded by
            `insilico.load_model`, or with options that cannot be written down.
        """
        from safetensors.torch import save_file

        if not self.base.arguments:
            raise UserError(
                f"{self.base.name} cannot be loaded again by name. Make it with "
                "insilico.load_model (path/to/file.py:function for a model of your own), or keep "
                "these neurons in memory."
            )
        folder = Path(folder)
        check_free(folder)
        record = {
            "model": _from_anywhere(self.base.arguments),
            "weights_hash": weights_hash(self.model),
            "layer": self.layer,
            "neurons": list(self.neurons),
            "fitted_to": self.fitted_to,
        }
        try:
            text = json.dumps(record, indent=2)
        except TypeError as error:
            raise UserError(
                f"{self.base.name} was loaded with options that cannot be written down: {error}. "
                "Give load_model plain numbers, words and lists."
            ) from error
        folder.mkdir(parents=True, exist_ok=True)
        save_file(
            {name: value.detach().cpu() for name, value in self.readout.state_dict().items()},
            folder / TENSORS,
        )
        (folder / RECORD).write_text(f"{text}\n", encoding="utf-8")
        return folder


def open_digital(name: str, request: Request, *, load: Callable[..., nn.Module]) -> Loaded:
    """Load neurons that `DigitalNeurons.save` wrote to a folder, and their model by ``load``."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    folder = Path(name)
    if not (folder / RECORD).is_file():
        raise UserError(
            f"{folder} holds no digital neurons: {RECORD} is missing. Give a folder that "
            "`insilico predict --neurons FOLDER` wrote."
        )
    if request.pixels is not None or request.degrees is not None or request.options:
        raise UserError(
            "digital neurons were fitted to one model, shown pictures of one size: leave degrees, "
            "pixels and options out."
        )
    try:
        record = json.loads((folder / RECORD).read_text(encoding="utf-8"))
        arguments = dict(record["model"])
        spec = arguments.pop("spec")
        kept = {name: record[name] for name in ("weights_hash", "layer", "neurons", "fitted_to")}
        readout = load_file(folder / TENSORS)
        weights, offset = (readout[name].numpy() for name in ("weight", "bias"))
    except (OSError, ValueError, KeyError, TypeError, SafetensorError) as error:
        raise UserError(f"{folder} is damaged: {error}. Fit the neurons again.") from error
    model = load(spec, **arguments)
    if weights_hash(model) != kept["weights_hash"]:
        raise UserError(
            f"the weights of {spec} are not those that the neurons in {folder} "
            "were fitted to. Give back the file of weights, or fit the neurons again."
        )
    found = DigitalNeurons(
        model,
        kept["layer"],
        weights.T,
        offset,
        neurons=kept["neurons"],
        # nn.Module declares its attributes as tensors and modules.
        card=model.card,  # type: ignore[arg-type]
        fitted_to=kept["fitted_to"],
    )
    card = found.card
    assert isinstance(card, ModelCard)
    return found, dataclasses.replace(card, name=request.spec)


def _from_anywhere(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Name files so that they are found from other folders too."""
    found = dict(arguments)
    file, colon, function = str(found["spec"]).rpartition(":")
    if file.endswith(".py"):
        found["spec"] = f"{Path(file).resolve()}{colon}{function}"
    weights = found.get("weights")
    if weights is not None and Path(weights).is_file():
        found["weights"] = str(Path(weights).resolve())
    return found
