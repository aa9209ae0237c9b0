"""Which experiments have a meaning for a model: what it does not offer, and why."""

from insilico.models.card import ModelCard
from insilico.recording.probe import Probe

__all__ = ["lacking"]


def lacking(card: ModelCard, probe: Probe) -> dict[str, str]:
    """Say what experiments may need (`Protocol.needs`) and a model does not offer.

    Parameters
    ----------
    card : ModelCard
        Of the model.
    probe : Probe
        In the model, with the units that are to be recorded.

    Returns
    -------
    dict of str to str
        The reason for each, as it is told.
    """
    reasons = {}
    if card.channels == 1:
        reasons["colour"] = f"{card.name} takes grey pictures, of one channel"
    # Units of a vector may look anywhere.
    charted = all(chart.layout != "vector" for chart in probe.maps.values())
    if charted and len(probe.units[["x", "y"]].drop_duplicates()) == 1:
        reasons["places"] = (
            "all recorded units look at one place, and it needs several: --sites lattice "
            "(sites='lattice')"
        )
    return reasons
