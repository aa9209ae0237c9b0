"""How long the analysis of the published benchmark takes: all grating properties of 10,000 units.

    python benchmarks/marques2020_properties.py [UNITS]

Responses are in memory, as firing rates. Prints the seconds of each protocol and of all, and the
milliseconds of each score with 1000 resamples; the targets are 1.5 s on two cores, and 20 ms.
"""

import sys
import time

import numpy as np
import pandas as pd

from insilico import reference
from insilico.comparison.similarity import similarity
from insilico.experiments.marques2020 import BATTERY
from insilico.recording.schema import UNIT_COORDINATES, label
from insilico.tuning.rates import fit_rates, to_rates
from stimuli import Display
from stimuli.marques2020 import sets as published

REPEATS = 3


def recording(stimuli, n_units, *, rng):
    """Random responses: the time does not depend on them."""
    units = pd.DataFrame({name: np.zeros(n_units, dtype=int) for name in UNIT_COORDINATES})
    units["layer"] = "v1"
    responses = rng.gamma(1.0, size=(n_units, len(stimuli)))
    blank = np.full(n_units, 0.2)
    return label(
        responses,
        conditions=stimuli.conditions,
        dims=stimuli.dims,
        units=units,
        blank=blank,
        attrs={},
    )


def main() -> None:
    n_units = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    display = Display.square(background=published.BACKGROUND)
    rng = np.random.default_rng(0)
    protocols = [protocol for protocol in BATTERY.protocols if protocol.scale == "rates"]
    makers = dict.fromkeys(protocol.stimuli for protocol in protocols)
    shown = {make: make(display, published.POSITION) for make in makers}
    activations = {make: recording(shown[make], n_units, rng=rng) for make in makers}
    rate_map = fit_rates(activations[published.orientation])
    rates = {make: to_rates(activations[make], rate_map) for make in makers}
    del activations
    best = np.inf
    for _ in range(REPEATS):
        seconds = {}
        for protocol in protocols:
            started = time.perf_counter()
            curve = protocol.curve(rates[protocol.stimuli])
            middle = time.perf_counter()
            for measure in protocol.properties:
                measure(curve)
            protocol.responsive(curve)
            seconds[protocol.name] = (middle - started, time.perf_counter() - middle)
        total = sum(map(sum, seconds.values()))
        if total < best:
            best, fastest = total, seconds
    for name, (curve_seconds, property_seconds) in fastest.items():
        print(f"{name:15s} curve {curve_seconds:6.3f} s, properties {property_seconds:6.3f} s")
    print(f"all grating properties of {n_units} units: {best:.2f} s (best of {REPEATS})")
    for name in BATTERY.references:
        distribution = reference.load(name)
        values = distribution.sample(n_units, rng=rng)
        started = time.perf_counter()
        similarity(values, distribution, rng=rng, n_resamples=1000)
        print(f"score of {name:70s} {1000 * (time.perf_counter() - started):6.1f} ms")


if __name__ == "__main__":
    main()
