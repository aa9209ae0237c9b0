"""Networks out of the checkpoints of a training run."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from torch import nn

from insilico.models.weights import fit_weights
from insilico.training.checkpoint import blamed_on
from insilico.training.config import TrainingConfig, check_network, from_mapping
from insilico.training.networks import make_network

__all__ = ["Opened", "network_of"]


class Opened(NamedTuple):
    """A network, and how it was trained.

    Parameters
    ----------
    model : nn.Module
        With the weights of the checkpoint; takes normalised pictures.
    config : TrainingConfig
        How it was trained.
    classes : tuple of str
        Its classes.
    epoch : int
        How many epochs were done.
    """

    model: nn.Module
    config: TrainingConfig
    classes: tuple[str, ...]
    epoch: int


def network_of(
    saved: Mapping[str, Any], path: Path, *, trust_code: bool = False, untrained: bool = False
) -> Opened:
    """Make the network of a checkpoint.

    Parameters
    ----------
    saved : mapping
        What `insilico.training.checkpoint.read_checkpoint` read.
    path : Path
        The file.
    trust_code : bool
        Whether it may name a network that is code of its own, which is then run with all your
        rights. Networks of this package, torchvision and timm need no trust.
    untrained : bool
        Whether the network is wanted as it was before training.

    Returns
    -------
    Opened

    Raises
    ------
    UserError
        If the file does not hold what it should, or names code that is not trusted.
    """
    with blamed_on(path):
        config = from_mapping(TrainingConfig, saved["config"])
        check_network(config.model, path, trust_code=trust_code)
        # The weights it started from are not needed later, and may be gone.
        described = config.model if untrained else replace(config.model, weights="")
        model = make_network(
            described,
            num_classes=len(saved["classes"]),
            input_size=config.data.image_size,
            seed=config.seed,
        )
        if not untrained:
            fit_weights(model, saved["model"], source=str(path))
        epoch = 0 if untrained else int(saved["epoch"])
        return Opened(model, config, tuple(map(str, saved["classes"])), epoch)
