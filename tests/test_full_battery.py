"""Everything that there is, on five kinds of models: each says what it skips, and why."""

import pytest
from five_models import CHANNELS, DEGREES, MODELS, OWN, PIXELS, SKIPPED

import insilico


@pytest.mark.parametrize(
    ("n", "channels", "quick"),
    [(1, 4, True), pytest.param(16, CHANNELS, False, marks=pytest.mark.slow)],
)
@pytest.mark.parametrize("kind", MODELS)
def test_each_model_goes_through_and_says_what_it_skips(kind, n, channels, quick):
    make, said = MODELS[kind]
    results = insilico.run(
        make(channels),
        ["units"],
        battery="full",
        most_units=n,
        quick=quick,
        pixels=PIXELS,
        degrees=DEGREES,
        mean=0.5,
        std=0.5,
        **said,
    )
    told = {note.partition(" ")[0]: note for note in results.warnings if " is left out: " in note}
    for name, why in SKIPPED[kind].items():
        assert why in told[name]
        assert name not in results.recordings
    assert results.units[OWN[kind]].notnull().any()
    for other, name in OWN.items():
        protocols = {"colour": "colour", "noisy": "variability"}
        if protocols.get(other, "direction") in told:
            assert name == OWN["static"] or name not in results.units
