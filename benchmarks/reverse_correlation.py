"""Memory and time of reverse correlation that streams: many frames, many units.

    python benchmarks/reverse_correlation.py [--json] [--frames 100000] [--units 1000]
                                             [--shuffles 19] [--device cpu] [--tape FOLDER]

Shows so many frames of white noise, each in both polarities, with all sparse frames and Hartley
gratings, to random rectified filters of 24 x 24 elements. Prints the seconds, by the clock and of
the processor, the largest resident memory that the recording added to what was there before (of
the device, on a GPU), the largest error of a filter found from the white noise, relative to its
norm, and the share of the units of which the covariance finds the one dimension that they have.
With a tape, what was killed goes on where it was when it is started again. The target: 100,000
frames for 1,000 units within 4 GB, and as much for 10,000 frames.
"""

import argparse
import json
import time
from pathlib import Path

import torch
from torch import nn

from insilico.experiments.reverse_correlation import ELEMENTS, noise_and_gratings
from insilico.recording.probe import Probe
from insilico.recording.reductions import Correlation
from insilico.recording.tape import Tape
from stimuli import Display, Position

DISPLAY = Display.square(ELEMENTS, 2)


class Filters(nn.Module):
    """Rectified linear units that see all of the display."""

    def __init__(self, n):
        super().__init__()
        generator = torch.Generator().manual_seed(0)
        weights = torch.randn(n, ELEMENTS**2, generator=generator) / ELEMENTS
        self.weights = nn.Parameter(weights, requires_grad=False)
        self.v1 = nn.ReLU()

    def forward(self, images):
        return self.v1((2 * images - 1).flatten(1) @ self.weights.T)


def memory(device):
    if device == "cpu":
        status = Path("/proc/self/status").read_text()
        return int(status.split("VmHWM:")[1].split()[0]) * 1024
    return torch.cuda.max_memory_allocated()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--frames", type=int, default=100_000)
    parser.add_argument("--units", type=int, default=1000)
    parser.add_argument("--shuffles", type=int, default=19)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--tape", type=Path)
    asked = parser.parse_args()

    model = Filters(asked.units)
    probe = Probe(model, ["v1"], display=DISPLAY, channels=1, device=asked.device)
    stimuli = noise_and_gratings(
        DISPLAY, Position(), element=1 / DISPLAY.px_per_deg, frames=asked.frames
    )
    before = memory(asked.device)
    tape = None if asked.tape is None else Tape(asked.tape, f"{asked.frames} x {asked.units}")
    started, worked = time.perf_counter(), time.process_time()
    recording = probe.record(stimuli, reduction=Correlation(shuffles=asked.shuffles), tape=tape)
    seconds, worked = time.perf_counter() - started, time.process_time() - worked
    found = recording.sel(technique="white noise").sum("polarity").to_numpy()
    truth = model.weights.cpu().numpy().reshape(-1, ELEMENTS, ELEMENTS)[:, ::-1] / 2
    error = ((found - truth) ** 2).sum((1, 2)) ** 0.5 / (truth**2).sum((1, 2)) ** 0.5
    result = {
        "frames": asked.frames,
        "units": asked.units,
        "seconds": round(seconds),
        "seconds of the processor": round(worked),
        "memory added, MB": round((memory(asked.device) - before) / 1e6),
        "largest error of a filter": float(f"{error.max():.1g}"),
        "units of one dimension": round(float((recording["n_excitatory"] == 1).mean()), 3),
    }
    if asked.json:
        print(json.dumps(result))
    else:
        for name, value in result.items():
            print(f"{name:28} {value}")


if __name__ == "__main__":
    main()
