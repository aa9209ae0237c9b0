"""Results of an imaginary run: the shapes and names of a real one, with invented numbers."""

import dataclasses

import numpy as np
import xarray as xr

from insilico.comparison.table import score
from insilico.runs.results import Results

NAMES = (
    "ringach2002.circular_variance",
    "ringach2002.orientation_selective",
    "ringach2002.modulation_ratio",
    "ringach2002.maximum_response",
    "devalois1982b.preferred_spatial_frequency",
    "cavanaugh2002a.suppression_index",
    "cavanaugh2002a.grating_summation_field",
)

MAP = ("offset_y", "offset_x")

PROPERTIES = {
    "preferred_orientation": ("Preferred orientation", "deg", "orientation"),
    "circular_variance": ("Circular variance", "1", "orientation"),
    "orientation_half_bandwidth": ("Half-bandwidth", "deg", "orientation"),
    "modulation_ratio": ("F1/F0", "1", "orientation"),
    "maximum_response": ("Maximum response", "spikes/s", "orientation"),
    "orientation_selective": ("Orientation-selective", "1", "orientation"),
    "preferred_spatial_frequency": ("Preferred spatial frequency", "cpd", "spatial_frequency"),
    "suppression_index": ("Suppression index", "1", "size"),
    "grating_summation_field": ("Grating summation field", "deg", "size"),
    "receptive_field_x": ("Receptive-field centre, x", "deg", "receptive_field"),
    "receptive_field_y": ("Receptive-field centre, y", "deg", "receptive_field"),
    "receptive_field_diameter": ("Receptive-field diameter", "deg", "receptive_field"),
}


def curves(n, *, seed=0):
    """Invented tuning curves of ``n`` units, with the unit coordinates of a recording."""
    rng = np.random.default_rng(seed)
    unit = {
        "layer": ("unit", np.full(n, "conv1")),
        "channel": ("unit", np.arange(n)),
        "row": ("unit", np.full(n, 28)),
        "column": ("unit", np.full(n, 28)),
        "x": ("unit", np.full(n, 0.1)),
        "y": ("unit", np.full(n, -0.1)),
        "blank": ("unit", rng.uniform(0, 3, n)),
    }
    column = lambda low, high: rng.uniform(low, high, n)[:, None]  # noqa: E731
    height, blank = column(5, 90), unit["blank"][1][:, None]
    orientation = np.arange(0, 180, 7.5)
    distance = np.deg2rad(2 * (orientation - column(0, 180)))
    frequency = np.geomspace(0.4, 12, 20)
    diameter = np.geomspace(0.2, 8, 12)
    offset = np.linspace(-1.5, 1.5, 13)
    summation, strength = column(0.3, 1.2), column(0, 1.2)
    center = 1 - np.exp(-((diameter / summation) ** 2))
    surround = 1 - np.exp(-((diameter / (4 * summation)) ** 2))
    place = (column(-0.3, 0.3), column(-0.3, 0.3), column(0.25, 0.8))
    y = np.exp(-((offset - place[1]) ** 2) / (2 * place[2] ** 2))
    x = np.exp(-((offset - place[0]) ** 2) / (2 * place[2] ** 2))
    values = {
        "orientation": (
            ("orientation",),
            {"orientation": orientation},
            np.exp((np.cos(distance) - 1) * 10 ** column(-1, 1)),
        ),
        "spatial_frequency": (
            ("spatial_frequency",),
            {"spatial_frequency": frequency},
            np.exp(-(np.log2(frequency / column(1, 6)) ** 2) / (2 * column(0.4, 1.2) ** 2)),
        ),
        "size": (("diameter",), {"diameter": diameter}, center / (1 + strength * surround)),
        "receptive_field": (
            ("offset_y", "offset_x"),
            {"offset_y": offset, "offset_x": offset},
            y[:, :, None] * x[:, None, :],
        ),
    }
    made = {}
    for name, (dims, coords, shape) in values.items():
        tall = (n, *[1] * len(dims))
        rates = blank.reshape(tall) + height.reshape(tall) * shape
        made[name] = xr.DataArray(
            rates, dims=("unit", *dims), coords=coords | unit, attrs={"units": "spikes/s"}
        )
    for name in ("spatial_frequency", "size"):
        made[name] = made[name].assign_coords(modulated=("unit", np.arange(n) % 2 == 0))
    middle = {"centre_x": ("unit", np.full(n, 0.1)), "centre_y": ("unit", np.full(n, -0.1))}
    made["receptive_field"] = made["receptive_field"].assign_coords(middle)
    return made


def units(made, *, seed=0):
    """One invented value per property and unit, a few undefined."""
    rng = np.random.default_rng(seed)
    orientation, size = made["orientation"], made["size"]
    n = orientation.sizes["unit"]
    resultant = abs(
        (orientation * np.exp(2j * np.deg2rad(orientation["orientation"]))).sum("orientation")
    )
    variance = (1 - resultant / orientation.sum("orientation")).to_numpy()
    peak = size.max("diameter")
    field = size["diameter"].to_numpy()[(size >= 0.95 * peak).argmax("diameter").to_numpy()]
    values = {
        "preferred_orientation": orientation.idxmax("orientation").to_numpy(),
        "circular_variance": variance,
        "orientation_half_bandwidth": np.where(variance < 0.8, 12 + 60 * variance, np.nan),
        "modulation_ratio": rng.beta(0.7, 0.9, n) * 2,
        "maximum_response": orientation.max("orientation").to_numpy(),
        "orientation_selective": (variance < 0.8).astype(float),
        "preferred_spatial_frequency": made["spatial_frequency"]
        .idxmax("spatial_frequency")
        .to_numpy(),
        "suppression_index": (1 - size.isel(diameter=-1) / peak).to_numpy(),
        "grating_summation_field": field,
        "receptive_field_x": 0.1 + _center(made["receptive_field"], "offset_x"),
        "receptive_field_y": -0.1 + _center(made["receptive_field"], "offset_y"),
        "receptive_field_diameter": rng.uniform(0.5, 2, n),
    }
    protocols = ["orientation", "spatial_frequency", "size", "receptive_field"]
    responsive = rng.uniform(size=(n, len(protocols))) > 0.1
    table = xr.Dataset(
        {
            name: (
                "unit",
                values[name],
                dict(zip(("long_name", "units", "protocol"), row, strict=True)),
            )
            for name, row in PROPERTIES.items()
        },
        coords={
            name: orientation[name] for name in ("layer", "channel", "row", "column", "x", "y")
        },
    )
    table["responsive"] = (("unit", "protocol"), responsive)
    return table.assign_coords(protocol=protocols)


def _center(chart, offset):
    weight = chart - chart["blank"]
    place = ("offset_y", "offset_x")
    return ((weight * chart[offset]).sum(place) / weight.sum(place)).to_numpy()


def results(n=40, *, layers=("conv1", "conv2"), names=NAMES, seed=0, warnings=(), **provenance):
    """A whole run: ``n`` units, shared out among the layers."""
    split = np.array(layers, dtype=str)[np.arange(n) * len(layers) // max(n, 1)]
    made = {
        name: curve.assign_coords(layer=("unit", split))
        for name, curve in curves(n, seed=seed).items()
    }
    table = units(made, seed=seed)
    return Results(
        battery="standard",
        units=table,
        comparison=score(table, names, seed=seed, n_resamples=50),
        curves=made,
        recordings={},
        provenance={
            "model": "imaginary",
            "weights": "invented",
            "trained": True,
            "weights_hash": "0123456789abcdef",
            "normalisation": "mean 0.5, std 0.5",
            "citation": "Nobody (2026)",
            "layers": list(layers),
            "display": {
                "height_px": 224,
                "width_px": 224,
                "px_per_deg": 28.0,
                "background": 0.5,
                "degrees": 8.0,
            },
            "battery": "standard",
            "n_stimuli": 5000,
            "seed": 0,
            "versions": {"insilico-ephys": "0.1.0"},
            "date": "2026-01-01T00:00:00+00:00",
            "seconds": 12.3,
        }
        | provenance,
        warnings=tuple(warnings),
    )


def with_textures(run, *, checksum=0, seed=0):
    """The same run, shown textures as well: 15 families, alone and in surrounds."""
    rng = np.random.default_rng(seed)
    n = run.units.sizes["unit"]
    unit = {name: run.units[name] for name in ("layer", "channel", "row", "column", "x", "y")}
    unit |= {"blank": ("unit", rng.uniform(0, 3, n)), "checksum": checksum}
    sizes = {
        "textures": {"type": (1, 2), "family": range(1, 16), "sample": range(1, 4)},
        "texture_surround": {"surround": (0, 1, 2), "family": range(1, 16)},
    }
    made = {
        name: xr.DataArray(
            rng.uniform(5, 50, (n, *map(len, levels.values()))),
            {key: list(values) for key, values in levels.items()} | unit,
            ("unit", *levels),
            attrs={"units": "spikes/s"},
        )
        for name, levels in sizes.items()
    }
    responsive = run.units["responsive"]
    more = xr.DataArray(
        rng.uniform(size=(n, 2)) > 0.1, {"protocol": list(sizes)}, ("unit", "protocol")
    )
    table = run.units.drop_vars(["responsive", "protocol"])
    table["responsive"] = xr.concat([responsive, more], "protocol")
    protocols = {
        name: {
            "citation": "Nobody (2026), with the pictures of mine (own)",
            "question": "",
            "figure": "texture_surround" if name == "texture_surround" else "texture_modulation",
            "section": "textures",
        }
        for name in sizes
    }
    return dataclasses.replace(
        run,
        units=table,
        curves={**run.curves, **made},
        provenance={**run.provenance, "protocols": protocols},
    )


def replaced(results, **facts):
    """The same run, with other provenance."""
    return dataclasses.replace(results, provenance=dict(results.provenance) | facts)


def with_comparison(results, table, **others):
    """The same run, compared otherwise."""
    return dataclasses.replace(results, comparison=table, **others)


def uncompared(results):
    """The same run, compared with nothing."""
    return with_comparison(results, results.comparison.iloc[:0])
