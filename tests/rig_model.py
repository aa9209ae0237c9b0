"""A model that is heard in a moment: Gabor filters of eight orientations, rectified."""

import math

import torch
from torch import nn

SPEC = f"{__file__}:build"
LAYER = "1"
PIXELS, DEGREES = 64, 4.0
ORIENTATIONS = 8
SIDE = 15


def build():
    place = torch.arange(SIDE) - SIDE // 2
    y, x = torch.meshgrid(-place, place, indexing="ij")
    angle = math.pi * torch.arange(ORIENTATIONS)[:, None, None] / ORIENTATIONS
    across = x * torch.sin(angle) - y * torch.cos(angle)
    envelope = torch.exp(-(x**2 + y**2) / (2 * 3.0**2))
    filters = nn.Conv2d(1, ORIENTATIONS, SIDE, stride=4, padding=SIDE // 2)
    weight = envelope * torch.cos(2 * math.pi * across / 8)
    filters.weight.data = (weight - weight.mean((1, 2), keepdim=True))[:, None]
    filters.bias.data = torch.linspace(0.01, 0.1, ORIENTATIONS)
    return nn.Sequential(filters, nn.ReLU())


def silent():
    net = build()
    for parameter in net.parameters():
        nn.init.zeros_(parameter)
    return net
