"""Units that are shown the same, and their recordings put together."""

import json
from collections.abc import Sequence

import numpy as np
import pandas as pd
import xarray as xr

from insilico.experiments.battery import Battery
from insilico.experiments.protocol import Placement, Protocol, placed
from insilico.experiments.rehearsal import preferences
from insilico.recording.probe import Probe
from insilico.recording.reductions import Harmonics, Reduction
from insilico.recording.schema import Labelled, coordinates_of, side_by_side
from stimuli import Position, StimulusSet

__all__ = ["grouped", "joined", "reduction", "reductions"]


def reductions(
    protocol: Protocol, groups: Sequence[tuple[StimulusSet, pd.DataFrame]], harmonics: bool
) -> list[Reduction | None]:
    """Say what is kept of the responses to the stimuli of each group.

    Parameters
    ----------
    protocol : Protocol
        The experiment.
    groups : sequence of tuple of StimulusSet and DataFrame
        From `grouped`.
    harmonics : bool
        Whether F0 and F1 are kept in place of every phase.

    Returns
    -------
    list of Reduction or None
        None for every response.
    """
    return [reduction(protocol, stimuli, harmonics) for stimuli, _ in groups]


def reduction(protocol: Protocol, stimuli: StimulusSet, harmonics: bool) -> Reduction | None:
    """Say what is kept of the responses to some stimuli.

    Parameters
    ----------
    protocol : Protocol
        The experiment.
    stimuli : StimulusSet
        What is shown.
    harmonics : bool
        Whether F0 and F1 are kept in place of every phase.

    Returns
    -------
    Reduction or None
        None for every response.
    """
    if protocol.reduction is not None:
        return protocol.reduction
    return Harmonics() if harmonics and "phase" in stimuli.dims else None


def grouped(
    probe: Probe,
    units: pd.DataFrame,
    battery: Battery,
    place: Placement,
    protocol: Protocol,
    known: xr.Dataset | None,
    notes: list[str],
) -> list[tuple[StimulusSet, pd.DataFrame]]:
    """Group units that are shown the same stimuli: they look at one place, and prefer the same.

    Parameters
    ----------
    probe : Probe
        On whose display they are drawn.
    units : DataFrame
        One row per unit.
    battery : Battery
        That the protocol belongs to.
    place : Placement
        Where stimuli are shown.
    protocol : Protocol
        The experiment.
    known : Dataset or None
        What was measured before, dim "unit", where the protocol takes something from there.
    notes : list of str
        Is told of units that are shown nothing.

    Returns
    -------
    list of tuple of StimulusSet and DataFrame
        What is shown, and to which units; one group of no units where there is none to show it to.
    """
    keys = units[["x", "y"]]
    if place.position is not None:
        keys = keys.assign(x=place.position.x, y=place.position.y)
    if known is not None:
        preference = preferences(protocol, known, probe.display)
        keys = keys.assign(**{str(name): preference[name].to_numpy() for name in preference})
        undefined = keys.isna().any(axis=1)
        if undefined.any():
            notes.append(
                f"{int(undefined.sum())} of {len(units)} units have no preference that "
                f"{protocol.name} could be shown at: it was not shown to them"
            )
        units, keys = units[~undefined], keys[~undefined]
    if not len(units):
        # Nobody to show it to; its table says all the same what would have been shown.
        example = battery.example(protocol.name, probe.display, place.position or Position())
        return [(example, units)]
    groups = []
    for key, members in units.groupby([keys[name] for name in keys], sort=False):
        preferred = dict(zip(keys.columns, (float(value) for value in np.array(key)), strict=True))
        groups.append((placed(protocol, probe.display, Position(), preferred), members))
    return groups


def joined(
    parts: Sequence[Labelled], members: Sequence[pd.Index], units: pd.DataFrame
) -> xr.DataArray:
    """Put recordings of groups of units together, the units in their original order.

    Parameters
    ----------
    parts : sequence of Labelled, dims ("unit", ...)
        One recording per group.
    members : sequence of Index
        Which units each holds.
    units : DataFrame
        All units.

    Returns
    -------
    DataArray, dims ("unit", ...)
        Units that were shown nothing are NaN.
    """
    if len(parts) == 1 and len(members[0]) == len(units):
        return parts[0].array()
    joined = side_by_side(parts)
    crops = [json.loads(part.attrs["crop"]) for part in parts]
    joined = joined.assign_attrs(
        crop=json.dumps({layer: status for crop in crops for layer, status in crop.items()}),
        n_stimuli=sum(part.attrs["n_stimuli"] for part in parts),
        n_pictures=sum(part.attrs["n_pictures"] for part in parts),
    )
    # A number for each unit, so that those that are missing can be filled in.
    shown = np.concatenate(members)
    whole = joined.assign_coords(unit=shown).reindex(unit=units.index).drop_vars("unit")
    return whole.assign_coords(
        {name: ("unit", each) for name, each in coordinates_of(units).items()}
    )
