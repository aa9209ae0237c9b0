"""Which experiments have a meaning for a model: what it does not offer, and why."""

from insilico.models.card import ModelCard

__all__ = ["lacking"]


def lacking(card: ModelCard) -> dict[str, str]:
    """Say what experiments may need (`Protocol.needs`) and a model does not offer.

    Parameters
    ----------
    card : ModelCard
        Of the model.

    Returns
    -------
    dict of str to str
        The reason for each, as it is told.
    """
    if card.channels == 1:
        return {"colour": f"{card.name} takes grey pictures, of one channel"}
    return {}
