"""Digital neurons: linear readouts of a layer that were fitted to recorded responses."""

import dataclasses
import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from insilico.checksums import check_files, sha256, write_manifest
from insilico.errors import UserError
from insilico.folders import check_free, inside
from insilico.models.built_in import BUILT_IN
from insilico.models.card import ModelCard, attach, left_to_apply
from insilico.models.sources import Loaded, Request
from insilico.models.trust import check_trusted
from insilico.models.weights import weights_hash
from insilico.recording.hooks import layer_outputs

__all__ = ["DigitalNeurons", "open_digital"]

# The layer to record, with one channel per neuron.
READOUT = "readout"

RECORD = "neurons.json"
TENSORS = "readout.safetensors"
# The folder of the model's own weights, if they came from a file.
WEIGHTS = "weights"

# What is known of every model; the others are options of its own.
COMMON = ("weights", "mean", "std", "degrees", "pixels", "channels", "monitor", "seed")
# What is for the user to say, and not for a file.
FOR_THE_USER = ("device", "layers", "trust_code")

# What the record says beside it.
NEEDED = ("model", "weights_hash", "layer", "neurons", "fitted_to")

REMEDY = "Bring the folder back from a copy, or fit the neurons again."


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
            The folder: ``insilico run digital:FOLDER`` probes these neurons. Weights that came
            from a file are copied into it.

        Raises
        ------
        UserError
            If the folder already holds something; or if the model was not loaded by
            `insilico.load_model`, or with options that cannot be written down.
        """
        from safetensors.torch import save_file

        if str(self.base.arguments.get("spec", "digital:")).startswith("digital:"):
            raise UserError(
                f"{self.base.name} cannot be loaded again by name. Make it with "
                "insilico.load_model (path/to/file.py:function for a model of your own), or keep "
                "these neurons in memory."
            )
        folder = Path(folder)
        check_free(folder)
        arguments, code, weights = _from_anywhere(self.base.arguments)
        record = {
            "model": arguments,
            "code_sha256": code,
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
        if weights is not None:
            (folder / WEIGHTS).mkdir()
            shutil.copyfile(weights, folder / WEIGHTS / weights.name)
        save_file(
            {name: value.detach().cpu() for name, value in self.readout.state_dict().items()},
            folder / TENSORS,
        )
        (folder / RECORD).write_text(f"{text}\n", encoding="utf-8")
        write_manifest(folder)
        return folder


def open_digital(name: str, request: Request, *, load: Callable[..., nn.Module]) -> Loaded:
    """Load neurons that `DigitalNeurons.save` wrote to a folder, and their model by ``load``.

    Nothing that the folder names is run before it is compared with its checksums, and is a model
    that runs no code of its own; or the user trusts that code.
    """
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
    files = check_files(folder, (RECORD, TENSORS), remedy=REMEDY)
    record, readout = _read(folder)
    spec, arguments = _described(record, folder, files, trust_code=request.trust_code)
    try:
        model = load(spec, **arguments)
    except UserError:
        raise
    except Exception as error:
        raise UserError(
            f"the model that {folder} names, {spec}, cannot be made: {type(error).__name__}: "
            f"{error}. {REMEDY}"
        ) from error
    if weights_hash(model) != record["weights_hash"]:
        raise UserError(
            f"the weights of {spec} are not those that the neurons in {folder} "
            "were fitted to. Give back the file of weights, or fit the neurons again."
        )
    try:
        found = DigitalNeurons(
            model,
            record["layer"],
            readout["weight"].numpy().T,
            readout["bias"].numpy(),
            neurons=record["neurons"],
            # nn.Module declares its attributes as tensors and modules.
            card=model.card,  # type: ignore[arg-type]
            fitted_to=record["fitted_to"],
        )
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        raise _damaged(folder, error) from error
    card = found.card
    assert isinstance(card, ModelCard)
    return found, dataclasses.replace(card, name=request.spec)


def _read(folder: Path) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """Read the record and the readout."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        record = json.loads((folder / RECORD).read_text(encoding="utf-8"))
        absent = [name for name in NEEDED if name not in record]
        if absent or not isinstance(record["model"], dict):
            raise KeyError(*absent or ["model"])
        return record, load_file(folder / TENSORS)
    except (OSError, ValueError, KeyError, TypeError, RecursionError, SafetensorError) as error:
        raise _damaged(folder, error) from error


def _described(
    record: Mapping[str, Any], folder: Path, files: Sequence[str], *, trust_code: bool
) -> tuple[str, dict[str, Any]]:
    """Say how the model is loaded, if it may be."""
    arguments = dict(record["model"])
    spec = arguments.pop("spec", None)
    options = {name: value for name, value in arguments.items() if name not in COMMON}
    check_trusted(spec, options, built_in=BUILT_IN, source=folder / RECORD, trust_code=trust_code)
    forbidden = [name for name in FOR_THE_USER if name in options]
    # Neurons read out of neurons could be read out of themselves.
    monitor = arguments.get("monitor")
    strange = forbidden or not (monitor is None or isinstance(monitor, dict))
    if not isinstance(spec, str) or spec.startswith("digital:") or strange:
        raise _damaged(folder, ValueError(f"its model is {record['model']}"))
    weights = arguments.get("weights")
    if weights is not None and weights != "pretrained":
        path = inside(folder, str(weights))
        kept, _ = _whole_file(str(path))
        if kept not in [folder / file for file in files]:
            raise _damaged(folder, ValueError(f"there are no checksums of its weights, {weights}"))
        arguments["weights"] = path
    file = spec.rpartition(":")[0]
    code = Path(file)
    if file.endswith(".py") and code.is_file() and sha256(code) != record.get("code_sha256"):
        raise UserError(
            f"{code} is not the code that the neurons in {folder} were fitted with, and was not "
            "run. Give back the file as it was, or fit the neurons again."
        )
    return spec, arguments


def _damaged(folder: Path, error: Exception) -> UserError:
    reason = " ".join(f"{type(error).__name__}: {error}".split())
    return UserError(f"{folder} is damaged: {reason:.300}. {REMEDY}")


def _from_anywhere(
    arguments: Mapping[str, Any],
) -> tuple[dict[str, Any], str | None, Path | None]:
    """Name files so that they are found from other folders too.

    Also says the checksum of the user's own code, and the file of weights to be kept beside it.
    """
    found = dict(arguments)
    file, colon, function = str(found["spec"]).rpartition(":")
    code = None
    if file.endswith(".py"):
        found["spec"] = f"{Path(file).resolve()}{colon}{function}"
        code = sha256(Path(file))
    weights = found.get("weights")
    if weights in (None, "pretrained"):
        return found, code, None
    kept, part = _whole_file(str(weights))
    if not kept.is_file():
        raise UserError(f"the file of weights, {kept}, is not there any more. Put it back.")
    found["weights"] = f"{WEIGHTS}/{kept.name}{part}"
    return found, code, kept


def _whole_file(weights: str) -> tuple[Path, str]:
    """Tell a file of weights from the part of it that is meant, as in ``net.pth#ema``."""
    name, mark, part = weights.rpartition("#")
    if not mark or Path(weights).is_file():
        return Path(weights), ""
    return Path(name), f"{mark}{part}"
