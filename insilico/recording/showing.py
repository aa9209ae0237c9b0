"""Show stimuli to a model, each picture once if that is enough, and hand on what it responds."""

from bisect import bisect_left
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from insilico.errors import UserError
from insilico.recording.crops import Place
from insilico.recording.forward import Forward
from insilico.recording.pictures import batches, fingerprints, first_alike, pictures
from insilico.recording.remembered import Fingerprint
from insilico.recording.responses import Responses
from insilico.recording.tiles import Tiles, show_tiles
from insilico.recording.together import Together
from insilico.recording.windows import Crop
from stimuli import StimulusSet

__all__ = ["show"]


def show(
    forward: Forward,
    together: Together,
    place: Place,
    places: npt.NDArray[np.intp],
    crop: Crop,
    responses: Responses,
    tiles: Tiles | None = None,
) -> Iterator[int]:
    """Record units through one crop, or through windows of which each holds one stimulus.

    Parameters
    ----------
    forward : Forward
        The model, ready.
    together : Together
        What is shown.
    place : Place
        Where the units are.
    places : array, shape (group, unit)
        Where those of each group come out.
    crop : Crop
        What is shown of the display.
    responses : Responses
        Where the responses go; those that it has are not asked for again.
    tiles : Tiles, optional
        What is shown instead of most stimuli, for the few units that see anything of them.

    Yields
    ------
    int
        How many stimuli were dealt with.
    """
    done, n = responses.done, len(together.stimuli)
    yield min(done, n)
    if tiles is None:
        runs = [(range(done, together.end), False)]
    else:
        runs = [*tiles.runs(range(min(done, n), n)), (range(max(done, n), together.end), False)]
    for rows, tiled in runs:
        if tiled:
            assert tiles is not None
            yield from show_tiles(forward, together, tiles, rows, responses)
        else:
            with crop.applied(forward):
                yield from _show(forward, together, place, places, crop, responses, rows)
    if tiles is not None:
        responses.answer_elsewhere(tiles.asked())


def _show(
    forward: Forward,
    together: Together,
    place: Place,
    places: npt.NDArray[np.intp],
    crop: Crop,
    responses: Responses,
    some: range,
) -> Iterator[int]:
    """Show some stimuli through one crop."""
    device, stimuli, n_units = forward.device, together.stimuli, len(place.order)
    every = range(together.end)
    first = first_alike(together, crop, some.start) if responses.recalls else every
    keys: dict[int, Fingerprint] = {}
    # Where the units of each group come out; None if there is but one.
    own = torch.from_numpy(places).to(device) if len(places) > 1 else None
    for rows in batches(forward, together, crop, n_units=n_units, shown=some):
        # What is known to show the same as another is not drawn, if that can be recalled.
        drawn = [
            row
            for row in rows
            if first[row] == row
            or (first[row] < rows.start and not responses.knows(keys[first[row]]))
        ]
        images = pictures(stimuli, crop, drawn, device) if drawn else None
        if images is not None:
            keys |= zip(drawn, fingerprints(images, together.shown_to(drawn)), strict=True)
        shown = [keys[first[row]] for row in rows]
        new = responses.unknown(shown)
        if images is None or not new:
            found = torch.empty((0, places.shape[1] * responses.answers), device=device)
        else:
            chosen = images[[bisect_left(drawn, rows[n]) for n in new]]
            found = _answers(forward, stimuli, chosen, place, responses.answers)
            if own is not None:
                groups = torch.from_numpy(together.shown_to([rows[n] for n in new]))
                found = _own(found, own[groups.to(device)], responses.answers)
        responses.add(rows, shown, new, found)
        yield max(0, min(len(rows), len(stimuli) - rows.start))


def _answers(
    forward: Forward, stimuli: StimulusSet, images: Tensor, place: Place, answers: int
) -> Tensor:
    """Respond to pictures, (n, unit), or to movies, (n, time and unit)."""
    if not stimuli.time:
        return forward.record(images, place.layers, place.take)
    measured = sum(moment >= 0 for moment in stimuli.time)
    found = forward.record(images, place.layers, place.take, measured=measured)
    if found.shape[1] != answers:
        raise UserError(
            f"{', '.join(place.layers)} gave {found.shape[1]} answers to the {measured} frames "
            f"that are measured, and {answers} were expected: the model needs more frames "
            "before the first answer. Show movies with a longer lead_in."
        )
    return found.flatten(1)


def _own(found: Tensor, places: Tensor, answers: int) -> Tensor:
    """Take of each row, (time and unit), the units at some places of it."""
    by_unit = found.reshape(len(found), answers, -1)
    return by_unit.gather(2, places[:, None].expand(-1, answers, -1)).flatten(1)
