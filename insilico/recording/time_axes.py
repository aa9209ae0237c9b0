"""Find out how a model of movies takes them, and where its layers have their time."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from insilico.errors import UserError
from insilico.recording.blame import ModelError
from insilico.recording.forward import Forward
from insilico.recording.hooks import first_tensor
from insilico.recording.movies import CALLS, FORMS, LEAD_IN, STILL, Form, Movies, TimeAxis
from insilico.recording.movies import takes_movies as takes
from stimuli import Display
from stimuli.gratings import blank_screen

__all__ = ["calls_for_a_movie", "how_time_is_taken"]

# Lengths of the movies by which time is told from place: the axis that follows them is time. The
# longer ones are for models that take no shorter. Apart by what common strides divide.
LENGTHS = ((16, 64), (32, 80))

TOLD = {
    "time_first": "(batch, time, channel, height, width)",
    "channel_first": "(batch, channel, time, height, width)",
}


def how_time_is_taken(
    forward: Forward, layers: Sequence[str], display: Display, form: str | None
) -> tuple[Movies | None, list[str]]:
    """Find out how a model is shown movies.

    Parameters
    ----------
    forward : Forward
        Runs the model, and is ready.
    layers : sequence of str
        The layers that will be read.
    display : Display
        The screen.
    form : str, optional
        How the model takes time, as for `insilico.Probe`; tried out if it filters time and nobody
        says.

    Returns
    -------
    movies : Movies or None
        None for a model of pictures.
    notes : list of str
        What a user should know.

    Raises
    ------
    UserError
        If the display has no frame rate, neither or both orders of the axes are taken, or a layer
        has no time.
    """
    if not takes(forward.model, form):
        return None, []
    if form is not None and form not in FORMS:
        raise UserError(f"time must be one of {', '.join(FORMS)}; got {form!r}.")
    if display.frame_rate is None:
        raise UserError(
            "a model of movies needs to know how long a frame lasts: make the display with a frame "
            "rate, Display(..., frame_rate=60), in Hz."
        )
    if form == "phases":
        return Movies("phases", display), [
            "the model is static: what moves was shown to it as a series of pictures, each "
            "answered by itself, so that it has no direction and no temporal frequency of its own"
        ]
    still, lead = (max(1, round(seconds * display.frame_rate)) for seconds in (STILL, LEAD_IN))
    if form == "frames":
        movies = Movies("frames", display, lead, still)
        return movies, _forgetful(forward, layers, movies)
    forms: list[Form] = [each for each in ("time_first", "channel_first") if form in (None, each)]
    taken = {each: found for each in forms if (found := _tried(forward, layers, display, each))}
    if form is None and len(taken) != 1:
        said = " and ".join(f"time={each!r} for {order}" for each, order in TOLD.items())
        raise UserError(
            f"{type(forward.model).__name__} filters time, and takes movies in "
            f"{'either' if taken else 'neither'} order of their axes; say which is meant: {said} "
            "(--time on the command line)."
        )
    if not taken:
        # Says what it raises.
        _shapes(forward, layers, display, forms[0], LENGTHS[-1])
    [(chosen, (shortest, axes))] = taken.items()
    notes = [f"the model takes movies as {TOLD[chosen]}: found by trial"] if form is None else []
    return Movies(chosen, display, max(lead, shortest - still), still, axes), notes


def calls_for_a_movie(
    forward: Forward, layers: Sequence[str], display: Display, form: str | None
) -> dict[str, list[Any]]:
    """Show a blank movie, in the order of axes that the model takes, and copy every call.

    Parameters
    ----------
    forward, layers, display, form
        As for `how_time_is_taken`; ``form`` is that of whole movies, or None to try.

    Returns
    -------
    dict of str to list
        As from `insilico.recording.hooks.every_call`, for the first order that is taken.

    Raises
    ------
    UserError
        If neither is.
    """
    forms: list[Form] = [each for each in ("time_first", "channel_first") if form in (None, each)]
    blank = blank_screen(display, device=forward.device)
    attempts = [(length, each) for _, length in LENGTHS for each in forms]
    for number, (length, each) in enumerate(attempts, start=1):
        movie = blank[:, None].expand(1, length, *blank.shape[1:])
        try:
            return forward.every_call(movie, layers, Movies(each, display))
        except ModelError:
            if number == len(attempts):
                raise
    raise AssertionError("there are attempts")


def _tried(
    forward: Forward, layers: Sequence[str], display: Display, form: Form
) -> tuple[int, dict[str, TimeAxis]] | None:
    """Show blank movies of two lengths; None if the model takes no such movies."""
    for lengths in LENGTHS:
        try:
            short, long = _shapes(forward, layers, display, form, lengths)
        except ModelError:
            continue
        axes = {layer: _axis(layer, short[layer], long[layer], lengths) for layer in layers}
        return lengths[0], axes
    return None


def _shapes(
    forward: Forward,
    layers: Sequence[str],
    display: Display,
    form: Form,
    lengths: tuple[int, int],
) -> list[dict[str, tuple[int, ...]]]:
    """Shapes of what layers put out for one movie of each length, their calls in front."""
    found = []
    blank = blank_screen(display, device=forward.device)
    for frames in lengths:
        movie = blank[:, None].expand(1, frames, *blank.shape[1:])
        calls = forward.every_call(movie, layers, Movies(form, display))
        forward.put_back(generators=True)
        silent = [layer for layer in layers if not calls[layer]]
        if silent:
            raise UserError(
                f"{', '.join(silent)} put out nothing: the model does not call it for a movie. "
                "Choose a layer that is used in evaluation."
            )
        found.append(
            {layer: (len(each), *_shape(layer, each[-1])) for layer, each in calls.items()}
        )
    return found


def _shape(layer: str, output: object) -> tuple[int, ...]:
    return tuple(first_tensor(layer, output).shape)


def _axis(
    layer: str, first: tuple[int, ...], second: tuple[int, ...], lengths: tuple[int, int]
) -> TimeAxis:
    """Tell which axis follows the length of the movie, and by how many frames a step."""
    same = len(first) == len(second)
    follow = [n for n, (one, two) in enumerate(zip(first, second, strict=False)) if one != two]
    if same and not follow:
        raise UserError(
            f"layer {layer!r} puts out {' x '.join(map(str, first[1:]))} for movies of "
            f"{lengths[0]} and of {lengths[1]} frames alike: it has no time. Record a layer ahead "
            "of the one that pools over time."
        )
    # The calls come first.
    axis = follow[0] - 1 if follow else 0
    steps = (first[axis + 1], second[axis + 1])
    stride = (lengths[1] - lengths[0]) / max(1, steps[1] - steps[0])
    if (
        not same
        or len(follow) > 1
        or steps[1] < steps[0]
        or stride != round(stride)
        or steps[1] > lengths[1]
        or (axis == CALLS and steps != lengths)
    ):
        raise UserError(
            f"layer {layer!r} puts out {' x '.join(map(str, first[1:]))} in {first[0]} calls for a "
            f"movie of {lengths[0]} frames, and {' x '.join(map(str, second[1:]))} in {second[0]} "
            f"for one of {lengths[1]}: where its time is cannot be told. Record another layer, one "
            "that has an axis of time, or is called for every frame."
        )
    return TimeAxis(axis, round(stride))


def _forgetful(forward: Forward, layers: Sequence[str], movies: Movies) -> list[str]:
    """Note a model that is shown frame by frame and remembers nothing."""
    blank = blank_screen(movies.display, device=forward.device)
    ramp = torch.linspace(0, 1, blank.shape[-1], device=forward.device).expand_as(blank)
    last: list[dict[str, Tensor]] = []
    forward.movies = movies
    try:
        for before in (blank, ramp):
            movie = torch.stack([before, before, blank], 1)
            answers = forward.run(movie, layers, lambda _layer, output: output.clone(), measured=1)
            last.append(dict(answers))
            forward.put_back(generators=True)
    finally:
        # Whoever asks decides how movies are shown.
        forward.movies = None
    if all(torch.equal(last[0][layer], last[1][layer]) for layer in layers):
        return [
            f"{', '.join(layers)}: what was shown before makes no difference to the answer to a "
            "frame: the model was shown movies frame by frame, and does not remember them"
        ]
    return []
