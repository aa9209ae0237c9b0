"""A signal by itself, a mask or surround by itself, and the two together."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr

from insilico.tuning.curves import first_harmonic, mean_response
from stimuli import Display, StimulusSet
from stimuli.sets import crossed

__all__ = ["FEW_PHASES", "in_context", "with_each_alone"]

# Enough where responses to one grating are compared with each other; a field takes eight.
FEW_PHASES = np.arange(0, 360, 90.0)

ALONE = [0.0, 1.0]


def with_each_alone(
    name: str,
    display: Display,
    draw: Callable[..., Any],
    factors: Mapping[str, npt.ArrayLike],
    *,
    derive: Callable[[pd.DataFrame], pd.DataFrame],
    labels: tuple[str, ...] = (),
    **constants: Any,
) -> StimulusSet:
    """Cross factors of a mask or surround, and show it and the signal by themselves too.

    Parameters
    ----------
    name, display, draw
        As in `stimuli.StimulusSet`.
    factors : mapping of str to values
        Factors of the context, the phases of its grating among them.
    derive : callable
        Adds the contrasts, and what else follows: its table has the columns ``signal`` and
        ``context``, 1 where the one or the other is shown.
    labels : tuple of str
        Further columns that are no parameters of ``draw``.
    **constants : float
        Parameters that every stimulus shares.

    Returns
    -------
    StimulusSet
        Dims ``signal``, ``context``, the factors and ``phase``. The signal alone is shown once: at
        the first value of every factor.
    """
    crossed_with = {"signal": ALONE, "context": ALONE, **factors, "phase": FEW_PHASES}
    table = derive(crossed(crossed_with, **constants))
    shown = table["context"].to_numpy() == 1
    first = table["signal"].to_numpy() == 1
    for each, values in factors.items():
        first = first & (table[each].to_numpy() == np.asarray(values)[0])
    kept = table[shown | first].reset_index(drop=True)
    own = ("signal", "context", *labels)
    return StimulusSet(name, display, kept, tuple(crossed_with), draw, own)


def in_context(response: xr.DataArray, *, phase: str | None = None) -> xr.DataArray:
    r"""Amplitudes of the response to a signal in context, less the blank.

    Parameters
    ----------
    response : DataArray
        Recording of a set of `with_each_alone`.
    phase : str, optional
        The factor that is the phase of the mask or surround. Amplitudes are averaged over it.

    Returns
    -------
    DataArray, dims ("unit", \*factors)
        Mean less blank, or modulation at the signal's phases, whichever is larger in the unit's
        strongest condition. The coordinate ``alone`` is that of the signal alone; ``context_alone``
        is the mean less blank or the modulation, whichever is larger, of the context alone over
        its own phases; ``mean_alone`` and ``mean_context_alone`` are the means less blank.
    """
    averaged = () if phase is None else (phase,)
    both = response.sel(signal=1, context=1, drop=True)
    factors = [dim for dim in both.dims if dim not in ("unit", "phase", "harmonic")]
    alone = response.sel(signal=1, context=0, drop=True).isel(dict.fromkeys(factors, 0), drop=True)
    blank = response["blank"]
    means = [mean_response(each) - blank for each in (both, alone)]
    modulations = [first_harmonic(each) for each in (both, alone)]
    means[0], modulations[0] = means[0].mean(averaged), modulations[0].mean(averaged)
    modulated = _largest(modulations) > _largest(means)
    together, single = (
        mean.where(~modulated, modulation)
        for mean, modulation in zip(means, modulations, strict=True)
    )
    # Without the signal its phase is nobody's: that of the context takes its place.
    context = mean_response(response.sel(signal=0, context=1, drop=True))
    strength = mean_context = context - blank
    if phase is not None:
        own = context.rename({phase: "phase"})
        mean_context = mean_response(own) - blank
        modulation = first_harmonic(own)
        strength = mean_context.where(mean_context > modulation, modulation)
    left = [dim for dim in together.dims if dim != "unit"]
    return (
        together.transpose("unit", *left)
        .assign_coords(
            modulated=modulated,
            alone=("unit", single.to_numpy()),
            mean_alone=("unit", means[1].to_numpy()),
            context_alone=(("unit", *left), strength.transpose("unit", *left).to_numpy()),
            mean_context_alone=(
                ("unit", *left), mean_context.transpose("unit", *left).to_numpy()
            ),
        )
        .assign_attrs(response.attrs)
    )  # fmt: skip


def _largest(parts: list[xr.DataArray]) -> xr.DataArray:
    together, alone = parts
    best = together.max([dim for dim in together.dims if dim != "unit"])
    return best.where(best > alone, alone)
