"""How long a rig takes from the hand to the answer.

    python benchmarks/rig_latency.py

For the built-in VOneBlock and for layer1 of ResNet-50 (random weights, 224 px, 8 deg), one unit and
two, and each kind of stimulus: the median time of drawing it and asking the units, in ms of wall
time and of CPU time (which other work on the machine leaves alone), and how many a second that
makes. A film has thirty. A rig answers with one thread, whatever OMP_NUM_THREADS says.
"""

import tempfile
from pathlib import Path
from time import process_time

import pandas as pd

import insilico
from insilico.experiments.protocol import Placement
from insilico.rig.hand import KINDS
from insilico.rig.latency import FIRST, TIMES, timed
from insilico.rig.opening import opened
from insilico.runs.placed_probe import placed_probe

MODELS = {"vone": None, "torchvision:resnet50": "layer1"}


def main():
    rows = []
    for name, layer in MODELS.items():
        probe, _ = placed_probe(insilico.load_model(name), layer, place=Placement())
        with tempfile.TemporaryDirectory() as place, opened(probe, folder=Path(place)) as rig:
            for units in (1, 2):
                if units == 2:
                    rig.pair()
                for kind in KINDS:
                    began = process_time()
                    wall = timed(rig, kind)
                    cpu = 1000 * (process_time() - began) / (FIRST + TIMES)
                    rows.append((name, units, kind, wall, cpu, 1000 / wall))
    columns = ["model", "units", "stimulus", "wall_ms", "cpu_ms", "per_second"]
    print(pd.DataFrame(rows, columns=columns).round(1).to_string(index=False))


if __name__ == "__main__":
    main()
