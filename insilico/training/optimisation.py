"""What is optimised, and at which rate: weight-decay groups and schedules."""

import math
from collections.abc import Sequence
from typing import Any

from torch import nn
from torch.optim import SGD
from torch.optim.lr_scheduler import LambdaLR

from insilico.errors import UserError
from insilico.training.config import OptimiserConfig, ScheduleConfig

__all__ = ["learning_rate_factor", "make_optimiser", "make_schedule", "parameter_groups"]

# Last parts of the names of parameters that are widths of Gaussians, in the components.
WIDTHS = ("sigma1", "sigma2_scale", "sigmas", "sigma", "rho")

NORMALISATION = (
    nn.modules.batchnorm._NormBase,
    nn.LayerNorm,
    nn.GroupNorm,
)


def parameter_groups(
    model: nn.Module, config: OptimiserConfig, train_only: Sequence[str] = ()
) -> list[dict[str, Any]]:
    """Tell parameters that decay from those that do not.

    Parameters
    ----------
    model : nn.Module
        Its parameters that are not to be trained stop requiring a gradient.
    config : OptimiserConfig
        Which ones decay.
    train_only : sequence of str
        How the names of those begin that are trained; all of them by default.

    Returns
    -------
    list of dict
        One or two parameter groups, as optimisers take them.

    Raises
    ------
    UserError
        If no parameter has such a name.
    """
    spared = set()
    if not config.decay_normalisation:
        spared |= {
            id(parameter)
            for module in model.modules()
            if isinstance(module, NORMALISATION)
            for parameter in module.parameters(recurse=False)
        }
        spared |= {id(p) for name, p in model.named_parameters() if name.endswith("bias")}
    if not config.decay_widths:
        spared |= {
            id(parameter)
            for name, parameter in model.named_parameters()
            if name.rpartition(".")[2] in WIDTHS
        }
    trained = []
    for name, parameter in model.named_parameters():
        if train_only and not name.startswith(tuple(train_only)):
            parameter.requires_grad_(False)
        if parameter.requires_grad:
            trained.append(parameter)
    if not trained:
        top = dict.fromkeys(name.partition(".")[0] for name, _ in model.named_parameters())
        raise UserError(
            f"model.train_only = {list(train_only)} names no parameter; the names of this network "
            f"begin with {', '.join(top)}."
        )
    groups = (
        ([p for p in trained if id(p) not in spared], config.weight_decay),
        ([p for p in trained if id(p) in spared], 0.0),
    )
    return [{"params": group, "weight_decay": decay} for group, decay in groups if group]


def make_optimiser(
    model: nn.Module, config: OptimiserConfig, train_only: Sequence[str] = ()
) -> SGD:
    """Make the optimiser.

    Parameters
    ----------
    model, config, train_only
        As in `parameter_groups`.

    Returns
    -------
    SGD
    """
    return SGD(
        parameter_groups(model, config, train_only),
        lr=config.learning_rate,
        momentum=config.momentum,
        nesterov=config.nesterov,
    )


def make_schedule(
    optimiser: SGD, config: ScheduleConfig, *, epochs: int, steps_per_epoch: int
) -> LambdaLR:
    """Make the schedule, which counts steps.

    Parameters
    ----------
    optimiser : SGD
        Whose rate it sets.
    config : ScheduleConfig
        Which schedule.
    epochs, steps_per_epoch : int
        How long the run is.

    Returns
    -------
    LambdaLR
    """
    return LambdaLR(
        optimiser,
        lambda step: learning_rate_factor(
            step, config, epochs=epochs, steps_per_epoch=steps_per_epoch
        ),
    )


def learning_rate_factor(
    step: int, config: ScheduleConfig, *, epochs: int, steps_per_epoch: int
) -> float:
    """Tell the learning rate of a step, as a share of the nominal one.

    Parameters
    ----------
    step : int
        Counted from 0 over the whole run.
    config : ScheduleConfig
        Which schedule.
    epochs, steps_per_epoch : int
        How long the run is.

    Returns
    -------
    float

    Examples
    --------
    >>> paper = ScheduleConfig(milestones=(60, 80), factor=0.5)
    >>> [learning_rate_factor(e, paper, epochs=100, steps_per_epoch=1) for e in (0, 59, 60, 80)]
    [1.0, 1.0, 0.5, 0.25]
    """
    epoch = step / steps_per_epoch
    warming = config.warmup_epochs
    rising = epoch < warming
    if config.kind == "milestones":
        passed = sum(epoch >= milestone for milestone in config.milestones)
        return config.factor**passed * (epoch / warming if rising else 1.0)
    if rising:
        risen = epoch / warming
        return (1 - math.cos(math.pi * risen)) / 2 if config.kind == "one_cycle" else risen
    # At the end of the run the epoch is the last one, and the rate zero.
    fallen = min((epoch - warming) / max(epochs - warming, 1e-9), 1.0)
    return (1 + math.cos(math.pi * fallen)) / 2
