"""Five kinds of models, each of which suits other experiments: filters of 48 px of 6 deg."""

from functools import partial

import numpy as np
import torch
from torch import nn

PIXELS, DEGREES = 48, 6
CHANNELS = 16
SIDE = 11  # px


def filters(n=CHANNELS, colours=1, frames=0):
    """Gabor functions of several orientations, frequencies and phases; of movies, that drift."""
    x, y = np.meshgrid(np.arange(SIDE) - SIDE // 2, SIDE // 2 - np.arange(SIDE))
    weights = []
    for i in range(n):
        angle, cycles = np.pi * i / n, (0.1, 0.16)[i % 2]
        across = x * np.sin(angle) - y * np.cos(angle)
        drift = 0.25 * np.arange(max(frames, 1))[:, None, None]
        carrier = np.cos(2 * np.pi * (cycles * across - drift) + i)
        gabor = np.exp(-(x**2 + y**2) / 12) * carrier
        gabor -= gabor.mean((-2, -1), keepdims=True)
        opposed = np.array([1.0, (-0.8, 1.0)[i % 2], 0.2])[:colours]
        weights.append(opposed[:, None, None, None] * gabor)
    weights = torch.tensor(np.array(weights)).float() * 0.3
    return weights if frames else weights[:, :, 0]


class Static(nn.Module):
    """Filters and rectifiers, for grey pictures, or for colours."""

    def __init__(self, n=CHANNELS, colours=1):
        super().__init__()
        self.conv = nn.Conv2d(colours, n, SIDE, padding=SIDE // 2, bias=False)
        self.conv.weight = nn.Parameter(filters(n, colours=colours))
        self.units = nn.Identity()

    def forward(self, images):
        return self.units(torch.relu(self.conv(images)))


class Noisy(Static):
    """The same, with noise that grows with the response."""

    def forward(self, images):
        mean = torch.relu(self.conv(images))
        return self.units(mean + 0.2 * mean.sqrt() * torch.randn_like(mean))


class Recurrent(Static):
    """The same, with a leaky memory of the frames before."""

    state = None

    def forward(self, images):
        now = self.conv(images)
        self.state = now if self.state is None else now + 0.6 * self.state
        return self.units(torch.relu(self.state))


class Movies(nn.Module):
    """Filters of space and time, for movies (batch, channel, time, height, width)."""

    def __init__(self, n=CHANNELS):
        super().__init__()
        pads = (1, SIDE // 2, SIDE // 2)
        self.conv = nn.Conv3d(1, n, (3, SIDE, SIDE), padding=pads, bias=False)
        self.conv.weight = nn.Parameter(filters(n, frames=3))
        self.units = nn.Identity()

    def forward(self, movies):
        return self.units(torch.relu(self.conv(movies)))


# Of each: what makes it, of so many channels or `CHANNELS`, and what has to be said of it.
MODELS = {
    "static": (Static, {"channels": 1}),
    "colour": (partial(Static, colours=3), {"channels": 3}),
    "noisy": (Noisy, {"channels": 1}),
    "recurrent": (Recurrent, {"channels": 1, "time": "frames", "frame_rate": 10}),
    "movies": (Movies, {"channels": 1, "frame_rate": 10}),
}

# What a run of everything must leave out, and why.
SKIPPED = {
    "static": {"colour": "grey pictures", "direction": "these stimuli move", "variability": "same"},
    "colour": {"direction": "these stimuli move", "variability": "same way"},
    "noisy": {"colour": "grey pictures", "direction": "these stimuli move"},
    "recurrent": {"colour": "grey pictures", "variability": "same way"},
    "movies": {"colour": "grey pictures", "variability": "same way"},
}

# What it must measure that others do not.
OWN = {
    "static": "circular_variance",
    "colour": "s_weight",
    "noisy": "fano_factor",
    "recurrent": "direction_index",
    "movies": "direction_index",
}
