"""Which experiments have a meaning for a model: what it does not offer, and why."""

from collections.abc import Collection

from insilico.models.card import ModelCard
from insilico.recording.probe import Probe
from stimuli.packaged import INSTALL, packaged_photographs

__all__ = ["lacking"]


def lacking(card: ModelCard, probe: Probe, needed: Collection[str] = ()) -> dict[str, str]:
    """Say what experiments may need (`Protocol.needs`) and a model does not offer.

    Parameters
    ----------
    card : ModelCard
        Of the model.
    probe : Probe
        In the model, with the units that are to be recorded.
    needed : collection of str
        What experiments ask for: what only shows when pictures are shown is looked for if asked.

    Returns
    -------
    dict of str to str
        The reason for each, as it is told.
    """
    reasons = {}
    if card.channels == 1:
        reasons["colour"] = f"{card.name} takes grey pictures, of one channel"
    if card.display.frame_rate is None:
        reasons["time"] = (
            f"{card.name} takes pictures, and these stimuli move: say how it takes time with "
            "--time frames, time_first or channel_first (time=...), or have a static one shown "
            "every frame by itself, with --time phases"
        )
    vectors = [layer for layer, chart in probe.maps.items() if chart.layout == "vector"]
    if not vectors and len(probe.units[["x", "y"]].drop_duplicates()) == 1:
        reasons["places"] = (
            "all recorded units look at one place, and it needs several: --sites lattice "
            "(sites='lattice')"
        )
        reasons["known places"] = reasons["places"]
    if vectors:
        # They may look anywhere, or all at one place.
        reasons["known places"] = (
            f"nothing says where the units of {', '.join(vectors)} look; if at several places, "
            "ask for the eccentricity battery itself"
        )
    if probe.deterministic:
        reasons["noise"] = (
            f"{card.name} answers a picture in the same way every time, and no spikes are drawn "
            "(--spikes poisson)"
        )
    if "photographs" in needed and not packaged_photographs():
        reasons["photographs"] = (
            "there are no photographs: give a folder of yours, --photographs FOLDER "
            f"(with_photographs), or install scikit-image and scikit-learn: {INSTALL}"
        )
    if "gradients" in needed and not probe.differentiable:
        reasons["gradients"] = f"{card.name} gives no gradients of its responses to pictures"
    return reasons
