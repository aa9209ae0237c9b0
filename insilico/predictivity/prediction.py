"""Predict recorded neurons from the layers of a model: from a model and data to a table."""

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd
import torch
import xarray as xr
from torch import nn

from insilico.errors import UserError
from insilico.folders import check_free
from insilico.models.card import ModelCard, left_to_apply
from insilico.models.digital import DigitalNeurons
from insilico.models.preparation import prepared
from insilico.models.weights import weights_hash
from insilico.predictivity.features import Features
from insilico.predictivity.fitting import Fitting
from insilico.predictivity.mappings import find_mapping
from insilico.predictivity.neurons import NeuralData
from insilico.predictivity.scores import N_RESAMPLES, published_splits, score_layers
from insilico.progress import progress_bar
from insilico.recording.forward import Forward
from insilico.recording.model_examination import examine
from insilico.tables import write_csv
from stimuli import Position, photographs

__all__ = ["Predictivity", "predict"]

# Of the display around the pictures: the published one.
BACKGROUND = 128 / 255

PROVENANCE = "provenance.json"

# Fewer images in a split than this deserve a warning.
FEW_IMAGES = 10


@dataclass(frozen=True)
class Predictivity:
    """How well the layers of a model predict recorded neurons.

    Parameters
    ----------
    layers : DataFrame
        One row per layer, with the ends of 95 % intervals (``_low``, ``_high``): ``r``, the mean
        over splits of the median over neurons; ``ceiling``, the reliability of the neurons;
        ``explained_variance``, r squared over the ceiling; ``explained_variance_before_2026``,
        (r over the ceiling) squared, as the published benchmark scored until January 2026.
    neurons : DataFrame
        One row per layer and neuron: ``r``, ``ceiling``, ``explained_variance``.
    provenance : mapping
        Model, weights, display, mapping, data: what it takes to do it again.
    warnings : tuple of str
        What a reader must know before believing a number.
    fitting : Fitting, optional
        What `fit_neurons` starts from; in memory only.
    """

    layers: pd.DataFrame
    neurons: pd.DataFrame = field(repr=False)
    provenance: dict[str, Any] = field(repr=False)
    warnings: tuple[str, ...] = ()
    fitting: Fitting | None = field(default=None, repr=False)

    @property
    def best(self) -> str:
        """The layer that predicts best; the first where none has an r."""
        return str(self.layers["layer"].iloc[int(self.layers["r"].fillna(-1).argmax())])

    def fit_neurons(
        self, layer: str | None = None, *, mapping: str | None = None
    ) -> DigitalNeurons:
        """Fit digital neurons: readouts of a layer that respond as the recorded neurons did.

        All images are learned from.

        Parameters
        ----------
        layer : str, optional
            The layer; the one that predicts best by default.
        mapping : {"pls", "ridge"}, optional
            As in `predict`, whose mapping is the default.

        Returns
        -------
        DigitalNeurons
            A module with one channel per neuron, which can be probed like any model:
            ``insilico.run(neurons)``.

        Raises
        ------
        UserError
            If the layer was not predicted from, or this was opened from disk.
        """
        if self.fitting is None:
            raise UserError("neurons are fitted where the model is: call insilico.predict first.")
        return self.fitting.neurons(layer or self.best, mapping)

    def save(self, folder: Path | str) -> Path:
        """Write the tables and the provenance to a new folder.

        Parameters
        ----------
        folder : path
            Must not exist, or be empty.

        Returns
        -------
        Path
            The folder, with layers.csv, neurons.csv and provenance.json.

        Raises
        ------
        UserError
            If the folder already holds something.
        """
        folder = Path(folder)
        check_free(folder)
        folder.mkdir(parents=True, exist_ok=True)
        write_csv(self.layers, folder / "layers.csv")
        write_csv(self.neurons, folder / "neurons.csv")
        record = {"warnings": list(self.warnings), "provenance": self.provenance}
        (folder / PROVENANCE).write_text(json.dumps(record, indent=2) + "\n")
        return folder


def predict(
    model: nn.Module | Callable[..., Any] | str,
    data: NeuralData,
    layers: Sequence[str] | str | None = None,
    *,
    mapping: str = "pls",
    principal_components: int | None = None,
    degrees: float | None = None,
    pixels: int | None = None,
    mean: Sequence[float] | float | None = None,
    std: Sequence[float] | float | None = None,
    channels: int | None = None,
    position: Position = Position(),  # noqa: B008 (a named tuple is immutable)
    device: str | torch.device | None = None,
    batch_size: int | None = None,
    n_resamples: int = N_RESAMPLES,
    seed: int = 0,
    progress: bool = False,
) -> Predictivity:
    """Score how well layers of a model predict recorded neurons.

    Parameters
    ----------
    model : nn.Module, callable or str
        As for `insilico.run`.
    data : NeuralData
        Responses and pictures, from `insilico.open_neurons`.
    layers : sequence of str, optional
        The layers; those that the model's card names by default.
    mapping : {"pls", "ridge"}
        Partial least squares with 25 components, as published; or ridge regression, with a penalty
        per neuron by leaving out one image at a time.
    principal_components : int, optional
        Of the images learned from, so many are kept; all by default, which loses nothing.
    degrees, pixels, mean, std, channels, device, batch_size
        As for `insilico.run`.
    position : Position
        Where the pictures are shown, in deg; the centre by default.
    n_resamples : int
        Bootstrap samples of images and neurons for the intervals.
    seed : int
        Of untrained weights, of the noise of the model, and of the bootstrap; 0 or more. The splits
        have the published seed.
    progress : bool
        Show a progress bar.

    Returns
    -------
    Predictivity

    Raises
    ------
    UserError
        For a layer, model, mapping or number that does not fit; says what would.

    Examples
    --------
    >>> import insilico
    >>> data = insilico.open_neurons("responses.npy", "images.csv", degrees=4)  # doctest: +SKIP
    >>> insilico.predict("vone", data).layers["explained_variance"]  # doctest: +SKIP
    """
    if principal_components is not None and principal_components < 1:
        raise UserError(f"principal_components must be 1 or more; got {principal_components}.")
    if n_resamples < 0:
        raise UserError(f"n_resamples must be 0 or more; got {n_resamples}.")
    find_mapping(mapping)  # refuses another name before the long part
    module, card = prepared(
        model,
        display=None,
        degrees=degrees,
        pixels=pixels,
        mean=mean,
        std=std,
        channels=channels,
        seed=seed,
        background=BACKGROUND,
    )
    chosen = [layers] if isinstance(layers, str) else list(layers or card.layers)
    if not chosen:
        raise UserError(
            "which layers? Name at least one: layers=[...] in Python, --layer NAME on the command "
            "line. `insilico layers MODEL` lists them."
        )
    responses, notes = _complete(data.responses)
    splits = published_splits(responses)
    notes += _few(len(splits[0].test))
    features = _features(module, card, data, chosen, position, device, batch_size, seed)
    with progress_bar(show=progress, total=features.n_shown(), unit="image", leave=False) as bar:
        products = features.products(progress=bar.update)
    scores = score_layers(
        products,
        responses,
        find_mapping(mapping, device=features.forward.device),
        splits=splits,
        n_axes=principal_components,
        n_resamples=n_resamples,
        seed=seed,
    )
    scores.layers.insert(1, "n_features", scores.layers["layer"].map(features.sizes()))
    caution = [card.caution] if card.caution else []
    return Predictivity(
        layers=scores.layers,
        neurons=scores.neurons,
        provenance={
            "model": card.name,
            "weights": card.weights,
            "trained": card.trained,
            "weights_hash": weights_hash(module),
            "normalisation": card.normalisation,
            "pixels": card.display.height,
            "degrees": card.display.degrees[0],
            "layers": list(features.layers),
            "data": data.name,
            **data.chosen,
            "images": len(data.pictures),
            "image_degrees": data.degrees,
            "images_hash": features.images.content_hash(),
            "neurons": responses.sizes["neuron"],
            "repetitions": responses.sizes["repetition"],
            "responses_hash": hashlib.sha256(data.responses.to_numpy().tobytes()).hexdigest()[:16],
            "mapping": mapping,
            "principal_components": principal_components,
            "resamples": n_resamples,
            "seed": seed,
        },
        warnings=(*caution, *notes, *features.forward.kind.notes, *_doubts(data, card)),
        fitting=Fitting(
            module, card, features, products, responses, mapping, data.name, principal_components
        ),
    )


def _features(
    module: nn.Module,
    card: ModelCard,
    data: NeuralData,
    layers: Sequence[str],
    position: Position,
    device: str | torch.device | None,
    batch_size: int | None,
    seed: int,
) -> Features:
    column = [
        None if values is None else torch.tensor(values)[:, None, None]
        for values in left_to_apply(module, card)
    ]
    forward = Forward(
        module,
        device=device,
        channels=card.channels,
        mean=column[0],
        std=column[1],
        seed=seed,
        batch_size=batch_size,
    )
    images = photographs(card.display, data.pictures, degrees=data.degrees, position=position)
    with forward.ready():
        examine(forward, layers, card.display)
    return Features(forward, tuple(dict.fromkeys(layers)), images)


def _complete(responses: xr.DataArray) -> tuple[xr.DataArray, list[str]]:
    """Leave out neurons that were not recorded with every image."""
    complete = responses.notnull().any("repetition").all("stimulus")
    missing = int((~complete).sum())
    if missing == responses.sizes["neuron"]:
        raise UserError(
            "no neuron has a response to every image. Leave the images out that were not shown to "
            "all neurons."
        )
    notes = []
    if missing:
        notes.append(
            f"{missing} of {responses.sizes['neuron']} neurons were not recorded with every image, "
            "and are left out"
        )
    kept = responses.isel(neuron=complete.to_numpy())
    means = kept.mean("repetition")
    constant = int((means.max("stimulus") == means.min("stimulus")).sum())
    if constant:
        notes.append(
            f"{constant} neurons respond to all images alike: they have no r, and do not count"
        )
    trials = kept.notnull().sum("repetition")
    fewest, most = int(trials.min()), int(trials.max())
    if most < 2:
        notes.append(
            "every image was shown once: there is no ceiling, and nothing is normalised by it"
        )
    elif fewest < most:
        notes.append(
            f"images were shown {fewest} to {most} times: those shown least are noisier than the "
            "ceiling allows for"
        )
    return kept, notes


def _few(n_test: int) -> list[str]:
    """Say whether splits predict few images."""
    if n_test >= FEW_IMAGES:
        return []
    return [
        f"each split predicts {n_test} images: correlations over so few vary much by chance, and "
        "intervals lie too high"
    ]


def _doubts(data: NeuralData, card: ModelCard) -> list[str]:
    """Say what makes the scores doubtful."""
    notes = []
    content = [hashlib.sha256(path.read_bytes()).digest() for path in data.pictures]
    if repeated := len(content) - len(set(content)):
        notes.append(
            f"{repeated} pictures are the same as an earlier one under another name: they are "
            "learned from and predicted at once, which flatters every layer"
        )
    field = min(card.display.degrees)
    if data.degrees > field:
        notes.append(
            f"the pictures are {data.degrees:g} deg wide and the visual field {field:g}: what lies "
            "outside is not shown"
        )
    return notes
