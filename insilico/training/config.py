"""What a training run is told: dataclasses, by default the paper's recipe, and TOML files."""

import dataclasses
import sys
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.resources import files
from operator import attrgetter
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from insilico.errors import UserError
from insilico.models.trust import check_trusted

__all__ = [
    "NETWORKS",
    "DataConfig",
    "ModelConfig",
    "OptimiserConfig",
    "ScheduleConfig",
    "TrainingConfig",
    "check_network",
    "from_mapping",
    "read_table",
    "read_training_config",
]

Config = TypeVar("Config")

# What comes with the package.
SHIPPED = ("exemplars", "paper")

# Built-in networks. The second is the resolution control of the factorial experiment.
NETWORKS = ("constrained_resnet", "densely_sampled_resnet")

# Settings by the least that they may be.
LEAST: Mapping[int, tuple[str, ...]] = {
    1: (
        "epochs", "batch_size", "data.image_size", "data.crop_size", "data.resize_size",
        "data.crops_per_class",
    ),
    0: (
        "seed", "checkpoint_steps", "keep_every", "label_smoothing", "data.workers",
        "optimiser.learning_rate", "optimiser.momentum", "optimiser.weight_decay",
        "schedule.warmup_epochs",
    ),
}  # fmt: skip


@dataclass(frozen=True)
class ModelConfig:
    """Which network is trained.

    Parameters
    ----------
    name : str
        ``constrained_resnet``, ``torchvision:NAME``, ``timm:NAME``, or ``package.module:function``:
        a function that takes ``num_classes``.
    options : mapping
        Passed on to it.
    weights : str
        A file of weights to start from; those of the classifier may have other classes.
    train_only : tuple of str
        How the names of the parameters begin that are trained, the others stay fixed: ``fc`` for
        the transfer to other classes. All are trained by default.
    """

    name: str = "constrained_resnet"
    options: Mapping[str, Any] = field(default_factory=dict)
    weights: str = ""
    train_only: tuple[str, ...] = ()


@dataclass(frozen=True)
class DataConfig:
    """Which pictures the network learns.

    Parameters
    ----------
    kind : {"folders", "tiny_imagenet", "exemplars"}
        ``train/CLASS/*`` and ``val/CLASS/*``; Tiny-ImageNet as it is distributed; or regions of the
        photographs that come with scikit-image and scikit-learn.
    path : str
        The folder; exemplars need none.
    image_size : int
        Side of what the network sees, in px.
    augmentation : {"crop_and_flip", "flip", "none"}
        Of training pictures: a random crop, resized to ``crop_size``, and a mirror image or not.
    crop_size, resize_size : int
        Test pictures are resized to ``resize_size`` and cut to ``crop_size``; then training and
        test pictures alike are resized to ``image_size``. With ``flip`` or ``none`` neither is cut.
    validation_fraction : float
        Part of the training pictures that is held out to choose the best checkpoint.
    mean, std : tuple of float
        Normalisation of pictures in [0, 1].
    workers : int
        Processes that read pictures.
    crops_per_class : int
        Of exemplars: crops drawn from each class in an epoch.
    """

    kind: Literal["folders", "tiny_imagenet", "exemplars"] = "folders"
    path: str = ""
    image_size: int = 64
    augmentation: Literal["crop_and_flip", "flip", "none"] = "crop_and_flip"
    crop_size: int = 224
    resize_size: int = 256
    validation_fraction: float = 0.02
    mean: tuple[float, ...] = (0.5,)
    std: tuple[float, ...] = (0.5,)
    workers: int = 4
    crops_per_class: int = 50


@dataclass(frozen=True)
class OptimiserConfig:
    """Stochastic gradient descent.

    Parameters
    ----------
    learning_rate, momentum, weight_decay : float
        As usual.
    nesterov : bool
        Whether the momentum is Nesterov's.
    decay_widths : bool
        Whether the widths of centre-surround and of normalization pools decay too.
    decay_normalisation : bool
        Whether batch normalisation and biases decay too.
    """

    learning_rate: float = 0.1
    momentum: float = 0.9
    weight_decay: float = 1e-5
    nesterov: bool = False
    decay_widths: bool = True
    decay_normalisation: bool = True


@dataclass(frozen=True)
class ScheduleConfig:
    """How the learning rate changes.

    Parameters
    ----------
    kind : {"milestones", "cosine", "one_cycle"}
        Steps at epochs; half a cosine down to zero; or up and down again, as in Smith & Topin
        (2019), by half a cosine each.
    milestones : tuple of int
        Epochs at which the rate is multiplied by ``factor``.
    factor : float
        See ``milestones``.
    warmup_epochs : float
        Epochs of a linear rise from zero; of ``one_cycle``, all of the rise.
    """

    kind: Literal["milestones", "cosine", "one_cycle"] = "milestones"
    milestones: tuple[int, ...] = (60, 80)
    factor: float = 0.1
    warmup_epochs: float = 0.0


@dataclass(frozen=True)
class TrainingConfig:
    """A training run; the defaults are those of Pogoncheff, Granley & Beyeler (2023).

    Parameters
    ----------
    model, data, optimiser, schedule
        See there.
    epochs : int
        Passes over the training pictures.
    batch_size : int
        Pictures per step, over all processes.
    label_smoothing : float
        Share of each label that is spread over all classes.
    precision : {"auto", "float32", "float16", "bfloat16"}
        ``auto`` is mixed precision, float16 with a scaled loss, on a CUDA device, and float32
        elsewhere.
    seed : int
        Of weights, order, crops and splits.
    select : {"validation", "last"}
        Whether the weights that are kept are those of the epoch that was best on the held-out part
        of the training pictures, or the last.
    checkpoint_steps : int
        Steps between checkpoints; 0 writes one after each epoch only.
    keep_every : int
        Every so many epochs a checkpoint is kept for good; 0 keeps none.
    tensorboard : bool
        Whether to write a TensorBoard log beside log.csv.
    device : str
        ``cpu``, ``cuda``, ...; the best there is by default.
    """

    model: ModelConfig = ModelConfig()
    data: DataConfig = DataConfig()
    optimiser: OptimiserConfig = OptimiserConfig()
    schedule: ScheduleConfig = ScheduleConfig()
    epochs: int = 100
    batch_size: int = 128
    label_smoothing: float = 0.0
    precision: Literal["auto", "float32", "float16", "bfloat16"] = "auto"
    seed: int = 0
    select: Literal["validation", "last"] = "validation"
    checkpoint_steps: int = 0
    keep_every: int = 10
    tensorboard: bool = False
    device: str = "auto"

    def __post_init__(self) -> None:
        for least, names in LEAST.items():
            for name in names:
                value = attrgetter(name)(self)
                if value < least:
                    raise UserError(f"{name} must be at least {least}; got {value:g}.")
        if self.label_smoothing > 1:
            raise UserError(f"label_smoothing must be at most 1; got {self.label_smoothing:g}.")
        if self.optimiser.nesterov and not self.optimiser.momentum:
            raise UserError("optimiser.nesterov needs optimiser.momentum above 0.")
        fraction = self.data.validation_fraction
        if not 0 <= fraction < 1:
            raise UserError(f"data.validation_fraction must lie in [0, 1); got {fraction:g}.")
        if self.select == "validation" and fraction == 0:
            raise UserError(
                "select = 'validation' needs pictures held out of the training part: set "
                "data.validation_fraction above 0, or select = 'last'."
            )


def read_training_config(
    source: Path | str, overrides: Sequence[str] = (), *, trust_code: bool = False
) -> TrainingConfig:
    """Read the description of a training run.

    Parameters
    ----------
    source : path or str
        A TOML file, or the name of one that comes with the package: ``paper``, ``exemplars``.
    overrides : sequence of str
        ``KEY=VALUE`` in place of what the file says, as in ``data.path=/data/imagenet``.
    trust_code : bool
        Whether the file may name a network that is code of its own, which is then run with all
        your rights. A network named in ``overrides`` is your own word.

    Returns
    -------
    TrainingConfig

    Raises
    ------
    UserError
        For a key or a value that is not allowed; says what is.
    """
    config = from_mapping(TrainingConfig, read_table(source, overrides, shipped=SHIPPED))
    named = any(each.partition("=")[0] in ("model", "model.name") for each in overrides)
    check_network(config.model, source, trust_code=trust_code or named)
    return config


def check_network(config: ModelConfig, source: Path | str, *, trust_code: bool) -> None:
    """Refuse a network that a file describes, if making it would run code of its own.

    Parameters
    ----------
    config : ModelConfig
        What the file says.
    source : path or str
        The file, for the message.
    trust_code : bool
        Whether the user said that it may be run.

    Raises
    ------
    UserError
        As in `insilico.models.trust.check_trusted`.
    """
    check_trusted(
        config.name, config.options, built_in=NETWORKS, source=source, trust_code=trust_code
    )


def read_table(
    source: Path | str, overrides: Sequence[str] = (), *, shipped: Sequence[str]
) -> dict[str, Any]:
    """Read a TOML file, or one of some that come with the package, and replace some values."""
    path = Path(source)
    if path.is_file():
        content = path.read_bytes()
    elif str(source) in shipped:
        content = files(f"{__package__}.configs").joinpath(f"{source}.toml").read_bytes()
    else:
        raise UserError(
            f"there is no file {source}. Give a TOML file, or what comes with the package: "
            f"{', '.join(shipped)}."
        )
    try:
        table = tomllib.loads(content.decode())
        for override in overrides:
            _replace(table, override)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise UserError(f"{source} is no TOML file: {error}.") from error
    return table


def from_mapping(kind: type[Config], table: Mapping[str, Any], where: str = "") -> Config:
    """Make a dataclass of a mapping, refusing unknown keys and values of another type.

    Parameters
    ----------
    kind : type
        A dataclass whose fields are numbers, words, tuples of them, mappings or dataclasses.
    table : mapping
        What a TOML file holds.
    where : str
        Name of the table, with a dot behind, for messages.

    Returns
    -------
    object
        Of that kind.
    """
    hints = get_type_hints(kind)
    allowed = [each.name for each in dataclasses.fields(kind)]  # type: ignore[arg-type]
    unknown = [name for name in table if name not in allowed]
    if unknown:
        raise UserError(
            f"there is no setting {where}{unknown[0]}; "
            f"{where.rstrip('.') or 'the file'} takes {', '.join(allowed)}."
        )
    values = {name: _value(hints[name], value, where + name) for name, value in table.items()}
    return kind(**values)


def _value(hint: Any, value: Any, name: str) -> Any:
    origin, arguments = get_origin(hint), get_args(hint)
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        if not isinstance(value, Mapping):
            raise UserError(f"{name} must be a table, [{name}]; got {value!r}.")
        return from_mapping(hint, value, f"{name}.")
    if origin is Literal:
        if value not in arguments:
            raise UserError(f"{name} must be one of {', '.join(arguments)}; got {value!r}.")
        return value
    if origin is tuple:
        if isinstance(value, list | tuple):
            return tuple(_value(arguments[0], each, name) for each in value)
        raise UserError(f"{name} must be a list; got {value!r}.")
    if origin in (Union, UnionType):
        kind = next(each for each in arguments if each is not NoneType)
        return _value(kind, value, name)
    plain = dict if origin is not None else hint
    if plain is float and isinstance(value, int) and not isinstance(value, bool):
        # A whole number may have more digits than there are floats.
        if abs(value) > sys.float_info.max:
            raise UserError(f"{name} is too large a number.")
        return float(value)
    if not isinstance(value, plain) or (plain is int and isinstance(value, bool)):
        raise UserError(f"{name} must be of type {plain.__name__}; got {value!r}.")
    return value


def _replace(table: dict[str, Any], override: str) -> None:
    key, equals, text = override.partition("=")
    if not key or not equals:
        raise UserError(f"a setting is KEY=VALUE, as in data.path=/data; got {override!r}.")
    try:
        value = tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        value = text
    *sections, name = key.split(".")
    for section in sections:
        table = table.setdefault(section, {})
        if not isinstance(table, dict):
            raise UserError(f"{section} is a setting and has none below it; got {override!r}.")
    table[name] = value
