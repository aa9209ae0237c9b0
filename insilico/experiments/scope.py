"""Which experiments have a meaning for a model: what it does not offer, and why."""

from collections.abc import Collection
from typing import TYPE_CHECKING

from insilico.models.card import ModelCard

if TYPE_CHECKING:
    from insilico.recording.probe import Probe

__all__ = ["lacking"]


def lacking(
    card: ModelCard, probe: "Probe | None" = None, needed: Collection[str] = ()
) -> dict[str, str]:
    """Say what experiments may need (`Protocol.needs`) and a model does not offer.

    Parameters
    ----------
    card : ModelCard
        Of the model.
    probe : Probe, optional
        In the model: without it, what only shows when pictures are shown is not looked for.
    needed : collection of str
        What experiments ask for.

    Returns
    -------
    dict of str to str
        The reason for each, as it is told.
    """
    found = {}
    if card.channels == 1:
        found["colour"] = f"{card.name} takes grey pictures, of one channel"
    if probe is not None and "gradients" in needed and not probe.differentiable:
        found["gradients"] = f"{card.name} gives no gradients of its responses to pictures"
    return found
