"""What the factorial experiment is told."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from insilico.errors import UserError
from insilico.training.config import TrainingConfig, check_network, from_mapping, read_table

__all__ = ["COMPONENTS", "FactorialConfig", "MeasureConfig", "cells", "read_factorial_config"]

# Short names of the components, and what turns each of them on.
COMPONENTS: Mapping[str, Mapping[str, Any]] = {
    "CS": {"center_surround": True},
    "LRF": {"local": True},
    "TN": {"normalization": "tuned"},
    "CM": {"magnification": True},
}

PLAIN = "none"

# What comes with the package.
SHIPPED = "factorial"

PLACE = re.compile(r"\w[\w.-]*")


@dataclass(frozen=True)
class MeasureConfig:
    """How the trained networks are measured.

    Parameters
    ----------
    layer : str
        The layer that stands for V1.
    degrees : float
        Side of the visual field that the input stands for.
    maximum_distance : float
        Units are measured whose receptive field has its centre within so many deg of the stimuli.
    places : mapping of str to list of (x, y)
        Names of places, and where in deg the stimuli of each are shown: all units that look at any
        of the positions of a place are one population. The first place is the main one.
    """

    layer: str = "layer1"
    degrees: float = 8.0
    maximum_distance: float = 0.15
    places: Mapping[str, Any] = field(
        default_factory=lambda: {"published": [[0.5 + 0.5 / 56, -0.5 - 0.5 / 56]]}
    )


@dataclass(frozen=True)
class FactorialConfig:
    """The factorial experiment: all 16 combinations of four components, several seeds.

    Parameters
    ----------
    training : TrainingConfig
        How each network is trained; its seed and the components are set by the experiment.
    measure : MeasureConfig
        How each network is measured.
    seeds : tuple of int
        Of the replicates.
    controls : tuple of str
        Cells without CM, as in ``none`` or ``CS+LRF``, that are also trained with the sampling
        density that magnification gives the main place, and no magnification.
    workers : int
        Networks that are trained at a time, each on one core.
    """

    training: TrainingConfig = field(default_factory=TrainingConfig)
    measure: MeasureConfig = field(default_factory=MeasureConfig)
    seeds: tuple[int, ...] = (0, 1)
    controls: tuple[str, ...] = (PLAIN,)
    workers: int = 2

    def __post_init__(self) -> None:
        if self.training.model.name != "constrained_resnet":
            raise UserError(
                "the factorial experiment is about constrained_resnet; got training.model.name = "
                f"{self.training.model.name!r}."
            )
        if self.workers < 1:
            raise UserError(f"workers must be at least 1; got {self.workers}.")
        for name in ("degrees", "maximum_distance"):
            if not getattr(self.measure, name) > 0:
                raise UserError(
                    f"measure.{name} must be above 0 deg; got {getattr(self.measure, name):g}."
                )
        if not self.measure.places:
            raise UserError("measure.places must name at least one place.")
        if not self.seeds or len(set(self.seeds)) < len(self.seeds):
            raise UserError(f"seeds must be different numbers, at least one; got {self.seeds}.")
        allowed = [cell for cell in cells() if "CM" not in cell.split("+")]
        wrong = [cell for cell in self.controls if cell not in allowed]
        if wrong:
            raise UserError(f"controls must be among {', '.join(allowed)}; got {wrong[0]!r}.")
        for name, positions in self.measure.places.items():
            if not PLACE.fullmatch(name):
                raise UserError(
                    "the names of measure.places become those of files, and are made of letters, "
                    f"digits, '-', '_' and '.'; got {name!r}."
                )
            if not _are_positions(positions):
                raise UserError(
                    f"measure.places.{name} must be a list of [x, y] in deg; got {positions!r}."
                )


def _are_positions(value: Any) -> bool:
    """Tell a list of pairs of numbers from all else that a file may hold."""
    return (
        isinstance(value, Sequence)
        and len(value) > 0
        and all(
            isinstance(each, Sequence)
            and len(each) == 2
            and all(isinstance(number, int | float) for number in each)
            for each in value
        )
    )


def read_factorial_config(source: Path | str, overrides: Sequence[str] = ()) -> FactorialConfig:
    """Read the description of a factorial experiment.

    Parameters
    ----------
    source, overrides
        As in `insilico.training.config.read_training_config`; ``factorial`` comes with the package.

    Returns
    -------
    FactorialConfig
    """
    config = from_mapping(FactorialConfig, read_table(source, overrides, shipped=[SHIPPED]))
    check_network(config.training.model, source, trust_code=False)
    return config


def cells() -> tuple[str, ...]:
    """Name all combinations of the components.

    Returns
    -------
    tuple of str
        From ``none`` to ``CS+LRF+TN+CM``.
    """
    names = tuple(COMPONENTS)
    chosen = (
        [name for bit, name in enumerate(names) if number >> bit & 1]
        for number in range(2 ** len(names))
    )
    return tuple("+".join(each) or PLAIN for each in chosen)
