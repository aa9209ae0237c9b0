"""How well repeats fix every property: trials are halved, and everything is measured again.

Trials are those of a model with noise of its own, or Poisson spikes drawn at the rates of one that
has none. A trial is a pass through all that an experiment shows; of pictures that were climbed, it
is one showing of those that were reached, for the climb follows the mean response. What a property
is measured on is never more than that of a few halves at a time.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from zlib import crc32

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr

from insilico.comparison.statistics.half_samples import halves, spread
from insilico.errors import UserError
from insilico.experiments.measuring import Measured, measure, measure_curve, scaled, with_given
from insilico.experiments.optimal_stimuli import final_pictures
from insilico.experiments.protocol import Protocol, prerequisites
from insilico.experiments.variability import WINDOW
from insilico.recording.reductions import Ascent
from insilico.runs.session import Session
from insilico.tuning.properties.values import names as property_names
from insilico.tuning.rates import RateMap, to_rates
from stimuli.conventions import PERIODS

__all__ = ["check_trials", "intervals_over_repeats"]

Array = npt.NDArray[np.float64]

# Of fewer, halves say little; odd numbers have no half.
FEWEST_TRIALS = 8

# Halves of the trials that everything is measured on.
HALVES = 200

# Responses of some halves that are measured at a time.
BYTES = 32 * 2**20

# Of properties that come round, by how their names end.
ROUND = PERIODS | {"polar_angle": 360.0}

# Responses to pictures that are kept themselves.
REACHED = "reached"

Values = Mapping[str, xr.DataArray]


@dataclass(frozen=True)
class Trials:
    """What an experiment gave on every trial.

    Parameters
    ----------
    template : DataArray, dims ("unit", <factors>)
        Responses of one trial, whose values do not count; pictures, with the coordinate ``reached``
        in the place of responses.
    values : array, shape (unit, response, trial)
        Those of all trials, that to the blank last.
    line : (slope, offset) or None
        How activations become the rates of the trials, where activations are measured.
    """

    template: xr.DataArray
    values: npt.NDArray[np.float32]
    line: tuple[Array, Array] | None = None

    def mean_of(self, which: npt.NDArray[np.intp]) -> xr.DataArray:
        """Average the trials of some halves, (half, trial); halves stand below each other."""
        weights = np.zeros((self.values.shape[2], len(which)), dtype=np.float32)
        weights[which.T, np.arange(len(which))] = 1 / which.shape[1]
        mean = np.moveaxis(self.values @ weights, 2, 0).astype(np.float64)
        if self.line is not None:
            slope, offset = (each[:, None] for each in self.line)
            mean = np.clip((mean - offset) / slope, 0, None)
        made = _tiled(self.template, len(which))
        flat = mean.reshape(-1, mean.shape[2])
        made = made.assign_coords(blank=("unit", flat[:, -1]))
        if REACHED in made.coords:
            return made.assign_coords({REACHED: (("unit", "picture"), flat[:, :-1])})
        return made.copy(data=flat[:, :-1].reshape(made.shape))


def intervals_over_repeats(
    session: Session,
    protocols: Sequence[Protocol],
    *,
    n_trials: int,
    seed: int,
    spikes: bool,
    n_halves: int = HALVES,
) -> tuple[pd.DataFrame, list[str]]:
    """Measure every property on halves of the trials.

    Parameters
    ----------
    session : Session
        What was recorded, and measured.
    protocols : sequence of Protocol
        Of the battery.
    n_trials : int
        An even number of trials, of spikes.
    seed : int
        Of spikes, and of halves.
    spikes : bool
        Whether spikes are drawn at the rates that were recorded; if not, recordings have trials.
    n_halves : int
        An even number of halves.

    Returns
    -------
    table : DataFrame, one row per unit and property
        ``unit``, ``layer``, ``channel``, ``property``; ``value``, as in the table of units;
        ``estimate``, on the mean of all trials; ``low``, ``high`` and ``standard_error`` as in
        `insilico.comparison.statistics.half_samples.Spread`; ``defined``, the share of the halves
        that give a value.
    notes : list of str
        Which experiments have no intervals, and why.
    """
    rows, notes = [], []
    for protocol in protocols:
        recording = session.recordings[protocol.name]
        rng = np.random.default_rng([seed, crc32(protocol.name.encode())])
        own = session.measured[protocol.name]
        if "trial" in own.curve.dims:
            n = own.curve.sizes["trial"]
            if n < FEWEST_TRIALS:
                notes.append(f"{protocol.name} has no intervals over repeats: it shows {n}")
                continue
            answers = _of_curve(own, halves(n - n % 2, n_halves, rng))
            estimate: Values = own.properties
        elif (lacks := _lacking(protocol, spikes)) is not None:
            notes.append(f"{protocol.name} has no intervals over repeats: {lacks}")
            continue
        else:
            if isinstance(protocol.reduction, Ascent):
                recording = final_pictures(recording)
                notes.extend(_of_pictures(protocol))
                protocol = _of_responses(protocol)
            before = prerequisites(protocols, protocol.after)
            known = {name: each for name, each in session.measured.items() if name in before}
            trials = _trials(session, protocol, recording, known, spikes, n_trials, rng)
            n = trials.values.shape[2]
            every = trials.mean_of(np.arange(n)[None])
            estimate = _measured(protocol, every, known, 1)
            answers = _of_trials(protocol, trials, known, halves(n, n_halves, rng))
        values = {name: own.properties[name] for name in estimate}
        rows.append(_table(recording, values, estimate, list(answers)))
    return (pd.concat(rows, ignore_index=True) if rows else pd.DataFrame()), notes


def check_trials(
    trials: int, spikes: str | None, *, model: str, deterministic: bool, harmonics: bool
) -> None:
    """Refuse repeats that there cannot be.

    Parameters
    ----------
    trials, spikes
        As for `insilico.run`.
    model : str
        Its name.
    deterministic : bool
        Whether it answers a picture in the same way every time.
    harmonics : bool
        Whether F0 and F1 are kept in place of every phase.

    Raises
    ------
    UserError
        Says what there can be.
    """
    whole = isinstance(trials, int) and not isinstance(trials, bool)
    if not whole or trials < FEWEST_TRIALS or trials % 2:
        raise UserError(
            f"trials must be an even number from {FEWEST_TRIALS} on, for they are halved; got "
            f"{trials!r}."
        )
    if harmonics:
        raise UserError(
            "single trials are not kept as harmonics; leave out phases='harmonics' (--phases)."
        )
    if deterministic and spikes is None:
        raise UserError(
            f"{model} answers a picture in the same way every time: its trials differ only in "
            "spikes that are drawn, spikes='poisson' (--spikes poisson)."
        )
    if not deterministic and spikes is not None:
        raise UserError(
            f"{model} has noise of its own, which makes its trials differ; leave out the spikes."
        )


def _lacking(protocol: Protocol, spikes: bool) -> str | None:
    """Say why there is no single trial of what an experiment keeps, if there is none."""
    if protocol.scale != "signed":
        return None
    if not isinstance(protocol.reduction, Ascent):
        return "its maps are kept, and not what single trials add to them"
    if not spikes:
        return "its pictures are climbed on noisy responses, and are not shown again"
    return None


def _of_pictures(protocol: Protocol) -> list[str]:
    """Say which properties of pictures have no repeat."""
    names = [name for each in protocol.pictured for name in property_names(each)]
    if not names:
        return []
    return [
        f"{', '.join(names)}: no intervals over repeats, for pictures are found once, on the mean "
        "response; what differs is the response to them"
    ]


def _of_responses(protocol: Protocol) -> Protocol:
    """Leave the properties that responses to the pictures change."""
    left = tuple(each for each in protocol.properties if each not in protocol.pictured)
    return replace(protocol, properties=left, pictured=())


def _trials(
    session: Session,
    protocol: Protocol,
    recording: xr.DataArray,
    known: Mapping[str, Measured],
    spikes: bool,
    n_trials: int,
    rng: np.random.Generator,
) -> Trials:
    """Find what every trial gave, or draw it."""
    rate_map = session.rate_map
    template = scaled(protocol, recording, rate_map)
    if protocol.prefer is not None:
        table = xr.Dataset(
            {name: value for each in known.values() for name, value in each.properties.items()}
        )
        template = with_given(protocol, template, table)
    if not spikes:
        if "trial" not in recording.dims:
            raise UserError(f"the recording of {protocol.name} has no trials.")
        values = template.transpose("unit", ..., "trial").to_numpy()
        flat = values.reshape(len(values), -1, values.shape[-1])
        blank = np.broadcast_to(
            template["blank"].to_numpy()[:, None, None], (len(values), 1, flat.shape[2])
        )
        one = template.isel(trial=[0])
        return Trials(one, np.concatenate([flat, blank], 1).astype(np.float32))
    if rate_map is None:
        raise UserError(
            "spikes are drawn at firing rates, and activations were not mapped to any; leave out "
            "the trials."
        )
    responses = recording[REACHED] if REACHED in recording.coords else recording
    rates = to_rates(responses, rate_map)
    expected = np.concatenate(
        [rates.to_numpy().reshape(len(rates), -1), rates["blank"].to_numpy()[:, None]], axis=1
    )
    shown = np.isfinite(expected)
    drawn = np.empty((*expected.shape, n_trials), dtype=np.float32)
    # A trial at a time: whole numbers of the generator take twice the memory.
    for trial in range(n_trials):
        drawn[..., trial] = rng.poisson(np.where(shown, expected, 0) * WINDOW) / WINDOW
    drawn[~shown] = np.nan
    return Trials(template, drawn, _line(protocol, recording, rate_map))


def _line(
    protocol: Protocol, recording: xr.DataArray, rate_map: RateMap
) -> tuple[Array, Array] | None:
    if protocol.scale == "rates":
        return None
    return rate_map.lines(recording["layer"].to_numpy().astype(str).tolist())


def _of_trials(
    protocol: Protocol,
    trials: Trials,
    known: Mapping[str, Measured],
    which: npt.NDArray[np.intp],
) -> Iterator[dict[str, Array]]:
    """Measure the mean of each half, some halves at a time."""
    # Pictures are many more numbers than the responses to them.
    each = max(trials.template.size, int(np.prod(trials.values.shape[:2])))
    step = max(1, BYTES // max(1, 8 * each))
    for start in range(0, len(which), step):
        some = which[start : start + step]
        found = _measured(protocol, trials.mean_of(some), known, len(some))
        yield _stacked(found, len(some))


def _of_curve(own: Measured, which: npt.NDArray[np.intp]) -> Iterator[dict[str, Array]]:
    """Measure curves that keep their trials on each half of them."""
    whole = own.curve.transpose("unit", ..., "trial")
    one = whole.isel(trial=slice(which.shape[1]))
    step = max(1, BYTES // max(1, whole.nbytes // 2))
    for start in range(0, len(which), step):
        some = which[start : start + step]
        parts = whole.to_numpy()[..., some]
        tiled = _tiled(one, len(some))
        curve = tiled.copy(data=np.moveaxis(parts, -2, 0).reshape(tiled.shape))
        yield _stacked(measure_curve(own.protocol, curve), len(some))


def _measured(
    protocol: Protocol, responses: xr.DataArray, known: Mapping[str, Measured], n: int
) -> Values:
    """Measure responses to some halves, with curves of before as they were."""
    before = {
        name: replace(each, curve=_tiled(each.curve, n))
        for name, each in known.items()
        if name == protocol.beside
    }
    return measure(protocol, responses, before).properties


def _tiled(array: xr.DataArray, n: int) -> xr.DataArray:
    """Put units below each other n times, each time in layers of their own."""
    size = array.sizes["unit"]
    tiled = array.isel(unit=np.tile(np.arange(size), n))
    if n == 1:
        return tiled
    layer = array["layer"].to_numpy().astype(str)
    number = np.repeat(np.arange(n), size).astype(str)
    return tiled.assign_coords(layer=("unit", np.char.add(np.tile(layer, n), number)))


def _stacked(found: Values, n: int) -> dict[str, Array]:
    """Values of each property, (half, unit)."""
    return {name: each.to_numpy().reshape(n, -1) for name, each in found.items()}


def _table(
    recording: xr.DataArray,
    values: Values,
    estimate: Values,
    answers: Sequence[Mapping[str, Array]],
) -> pd.DataFrame:
    """Tabulate intervals, the units of a property below each other."""
    which = {name: recording[name].to_numpy() for name in ("layer", "channel")}
    parts = []
    for name, value in values.items():
        all_trials = estimate[name].to_numpy()
        found = np.concatenate([each[name] for each in answers])
        around = spread(all_trials, found, _period(name))
        parts.append(
            pd.DataFrame(
                {
                    "unit": np.arange(len(value)),
                    **which,
                    "property": name,
                    "value": value.to_numpy(),
                    "estimate": all_trials,
                    **around._asdict(),
                }
            )
        )
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()


def _period(name: str) -> float | None:
    return next((period for end, period in ROUND.items() if name.endswith(end)), None)
