"""What results say of where they come from."""

import time
from datetime import UTC, datetime
from typing import Any

from insilico.experiments.battery import Battery
from insilico.experiments.protocol import Protocol
from insilico.models.card import ModelCard
from insilico.models.weights import weights_hash
from insilico.recording.probe import Probe
from insilico.runs.session import Session
from insilico.runs.software import package_versions

__all__ = ["provenance"]


def provenance(
    card: ModelCard,
    probe: Probe,
    plan: Battery,
    session: Session,
    started: float,
) -> dict[str, Any]:
    """Gather what results say of where they come from.

    Parameters
    ----------
    card : ModelCard
        Of the model.
    probe : Probe
        That recorded it.
    plan : Battery
        What was shown.
    session : Session
        What was recorded.
    started : float
        When, by `time.perf_counter`.

    Returns
    -------
    dict of str to object
        Fit for JSON.
    """
    recordings, rate_map = session.recordings, session.rate_map
    shown = {id(recording): recording for recording in recordings.values()}.values()
    screen = card.display
    return {
        "model": card.name,
        "weights": card.weights,
        "trained": card.trained,
        "weights_hash": weights_hash(probe.model),
        "normalisation": card.normalisation,
        "citation": card.citation,
        "record": dict(card.record),
        "layers": list(probe.layers),
        "display": {
            "height_px": screen.height,
            "width_px": screen.width,
            "px_per_deg": screen.px_per_deg,
            "degrees": max(screen.degrees),
            # Lists, as they are read again.
            "background": [*screen.levels] if len(screen.levels) > 1 else screen.background,
            "transfer": screen.transfer,
            "cones": [[*row] for row in screen.cones],
            "frame_rate": screen.frame_rate,
        },
        "battery": plan.name,
        "protocols": {protocol.name: _described(protocol) for protocol in plan.protocols},
        "candidates": session.n_candidates,
        "selected": session.n_selected,
        "rates": None if rate_map is None else rate_map.summary(),
        "crop": {name: part.attrs["crop"] for name, part in recordings.items()},
        "n_stimuli": int(sum(part.attrs["n_stimuli"] for part in shown)),
        "n_pictures": int(sum(part.attrs["n_pictures"] for part in shown)),
        "kept": {name: part.attrs["kept"] for name, part in recordings.items()},
        "time": None if probe.forward.movies is None else probe.forward.movies.form,
        "precision": probe.forward.precision,
        "seed": probe.forward.seed,
        "device": str(probe.forward.device),
        "versions": package_versions(),
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "seconds": round(time.perf_counter() - started, 1),
    }


def _described(protocol: Protocol) -> dict[str, str]:
    """Keep what figures and the report have to know of a protocol when results are opened."""
    return {
        "citation": protocol.citation,
        "question": protocol.question,
        "figure": protocol.figure,
        "section": protocol.section,
    }
