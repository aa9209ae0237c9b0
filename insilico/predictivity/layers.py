"""Which layer is V1: how well layers predict neurons, beside how V1-like their tuning is."""

import pandas as pd

from insilico.errors import UserError
from insilico.predictivity.prediction import Predictivity
from insilico.runs.results import Results

__all__ = ["check_same_model", "with_properties"]

SCORES = ("similarity", "skill")


def with_properties(found: Predictivity, results: Results) -> pd.DataFrame:
    """Set the tuning of layers beside their predictivity.

    Parameters
    ----------
    found : Predictivity
        Of some layers of a model.
    results : Results
        Of a run of the same model: `insilico.run` on the same layers.

    Returns
    -------
    DataFrame
        ``found.layers`` and, of the run: ``similarity`` and ``skill``, means over properties, in
        which categories of the published benchmark have the same weight, and so have properties
        without one; ``n_properties``, how many have a score; ``n_units``, how many units were
        measured. NaN for a layer without any score, or that was not recorded.

    Raises
    ------
    UserError
        If the run is of another model, other weights or another visual field.

    Examples
    --------
    >>> found = insilico.predict(model, data, layers)  # doctest: +SKIP
    >>> with_properties(found, insilico.run(model, layers, battery="marques2020"))  # doctest: +SKIP
    """
    check_same_model(found.provenance, results)
    units = results.units["layer"].to_series().astype(str).value_counts()
    scores = _means(results.comparison).assign(n_units=units)
    joined = found.layers.join(scores.reindex(found.layers["layer"].astype(str)), on="layer")
    return joined.fillna({"n_properties": 0, "n_units": 0}).astype(
        {"n_properties": int, "n_units": int}
    )


def check_same_model(provenance: dict[str, object], results: Results) -> None:
    """Refuse a run of another model than the one that predicts.

    Parameters
    ----------
    provenance : dict
        ``weights_hash``, ``pixels``, ``degrees`` and ``normalisation`` of the model that predicts.
    results : Results
        The run.

    Raises
    ------
    UserError
        If any of them differ.
    """
    screen = results.provenance["display"]
    theirs = {
        "weights_hash": results.provenance["weights_hash"],
        "pixels": screen["height_px"],
        "degrees": screen["degrees"],
        "normalisation": results.provenance["normalisation"],
    }
    differ = [
        f"{name.replace('_', ' ')} {value} there, {provenance[name]} here"
        for name, value in theirs.items()
        if provenance[name] != value
    ]
    if differ:
        raise UserError(
            f"these results of {results.provenance['model']} are not of the model that predicts: "
            f"{'; '.join(differ)}. Give a run of the same weights, size and normalisation."
        )


def _means(comparison: pd.DataFrame) -> pd.DataFrame:
    """Mean scores of each layer, and over how many properties."""
    if comparison.empty:
        return pd.DataFrame(columns=[*SCORES, "n_properties"], dtype=float)
    scored = comparison[comparison["similarity"].notna()]
    layer = scored["layer"].astype(str).rename("layer")
    group = scored["category"].where(scored["category"].astype(bool), scored["property"])
    by_group = scored[[*SCORES]].groupby([layer, group.rename("group")]).mean()
    n_properties = layer.value_counts().rename("n_properties")
    return by_group.groupby("layer").mean().join(n_properties)
