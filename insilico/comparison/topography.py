"""Maps over the sheet of a layer: how alike neighbours are, and pinwheels.

For layers whose sites have weights of their own. Where they share them, as in a convolution, a
channel prefers the same everywhere, and shuffling its sites changes nothing.
"""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr

from insilico.errors import UserError

__all__ = ["sheet_maps", "similarity_over_distance", "topography"]

Array = npt.NDArray[np.float64]

# Of preferences that come round: after so many deg.
ROUND = {"preferred_orientation": 180.0, "preferred_direction": 360.0}

# A map has to have so many sites along each side.
FEWEST = 3

# Sites further apart than half of the map's diagonal are few pairs.
FAR = 0.5


def sheet_maps(units: xr.Dataset, layer: str, *, of: str = "preferred_orientation") -> xr.DataArray:
    """Lay a preference out over the sites of a layer.

    Parameters
    ----------
    units : Dataset, dim "unit"
        Of a run with several sites: ``sites="all"``, ``"lattice"``, ...
    layer : str
        The layer.
    of : {"preferred_orientation", "preferred_direction"}
        What comes round.

    Returns
    -------
    DataArray, dims ("channel", "row", "column")
        In deg. NaN where a site was not recorded, or its unit has no preference.

    Raises
    ------
    UserError
        If the table has no such property or layer, or too few sites.
    """
    if of not in ROUND or of not in units:
        known = [name for name in ROUND if name in units]
        raise UserError(
            f"of must be a preference that comes round and was measured: {', '.join(known)}; got "
            f"{of!r}."
        )
    members = units.isel(unit=units["layer"].to_numpy().astype(str) == layer)
    names = ("channel", "row", "column")
    levels = [np.unique(members[name].to_numpy(), return_inverse=True) for name in names]
    shape = tuple(len(level) for level, _ in levels)
    if min(shape[1:], default=0) < FEWEST:
        raise UserError(
            f"a map needs at least {FEWEST} x {FEWEST} sites, and {shape[1]} x {shape[2]} of "
            f"{layer!r} were recorded. Record more: sites='all' or 'lattice'."
        )
    values = np.full(shape, np.nan)
    values[tuple(place for _, place in levels)] = members[of].to_numpy()
    coords = {name: level for name, (level, _) in zip(names, levels, strict=True)}
    return xr.DataArray(values, coords, names, name=of, attrs={"period": ROUND[of]})


def similarity_over_distance(
    maps: xr.DataArray, *, n_shuffles: int = 200, seed: int = 0
) -> pd.DataFrame:
    """Mean cosine of the difference of two sites of a channel, by their distance.

    Parameters
    ----------
    maps : DataArray, dims ("channel", "row", "column")
        Of `sheet_maps`.
    n_shuffles : int
        How often sites are put in random order, all channels alike.
    seed : int
        Of the orders.

    Returns
    -------
    DataFrame, one row per distance
        ``distance``, in steps between recorded sites; ``similarity``: 1 where sites prefer the
        same, 0 where they have nothing in common, the angle being taken round its period;
        ``low``, ``high``: central 95 % of the shuffles; ``p``: share of the shuffles that are as
        alike, the map itself being counted as one. NaN without pairs.
    """
    angle: Array = 2 * np.pi / maps.attrs["period"] * maps.to_numpy()
    known = np.isfinite(angle)
    # What is not known adds nothing.
    waves = known * (np.cos(np.nan_to_num(angle)) + 1j * np.sin(np.nan_to_num(angle)))
    far = max(1, int(FAR * np.hypot(maps.sizes["row"], maps.sizes["column"])))
    n_sites = angle[0].size
    rng = np.random.default_rng(seed)
    orders = [np.arange(n_sites), *(rng.permutation(n_sites) for _ in range(n_shuffles))]
    found = np.array([_by_distance(waves, known, far, order) for order in orders])
    own, chance = found[0], found[1:]
    low, high = np.quantile(chance, [0.025, 0.975], axis=0)
    p = (1 + (chance >= own - 1e-12).sum(0)) / (1 + n_shuffles)
    return pd.DataFrame(
        {
            "distance": np.arange(1, far + 1),
            "similarity": own,
            "low": low,
            "high": high,
            "p": np.where(np.isfinite(own), p, np.nan),
        }
    )


def topography(
    units: xr.Dataset,
    *,
    of: str = "preferred_orientation",
    n_shuffles: int = 200,
    seed: int = 0,
) -> pd.DataFrame:
    """Say of each layer whether neighbours prefer the like, and how dense its pinwheels are.

    Parameters
    ----------
    units, of
        As for `sheet_maps`.
    n_shuffles, seed
        As for `similarity_over_distance`.

    Returns
    -------
    DataFrame, one row per layer
        ``layer``, ``n_channels``, ``n_sites``; ``similarity``, ``low``, ``high`` and ``p`` of
        neighbours; ``pinwheels``, their mean number in the map of a channel: loops of 2 x 2 sites
        around which the preference goes round once; ``hypercolumn``, the wavelength of the maps in
        steps between sites, from the mean frequency weighted by squared power; and ``density``,
        pinwheels per hypercolumn squared.

    Raises
    ------
    UserError
        As from `sheet_maps`.
    """
    rows = []
    for layer in map(str, pd.unique(units["layer"].to_numpy().astype(str))):
        maps = sheet_maps(units, layer, of=of)
        near = similarity_over_distance(maps, n_shuffles=n_shuffles, seed=seed).iloc[0]
        pinwheels, wavelength = _pinwheels(maps), _wavelength(maps)
        loops = (maps.sizes["row"] - 1) * (maps.sizes["column"] - 1)
        rows.append(
            {
                "layer": layer,
                "n_channels": maps.sizes["channel"],
                "n_sites": maps.sizes["row"] * maps.sizes["column"],
                **{name: near[name] for name in ("similarity", "low", "high", "p")},
                "pinwheels": pinwheels,
                "hypercolumn": wavelength,
                "density": pinwheels * wavelength**2 / loops,
            }
        )
    return pd.DataFrame(rows)


def _by_distance(
    waves: npt.NDArray[np.complex128],
    known: npt.NDArray[np.bool_],
    far: int,
    order: npt.NDArray[np.intp],
) -> Array:
    """Mean similarity at each distance, the sites being in some order."""
    shape = tuple(2 * side for side in waves.shape[1:])
    # Sums over pairs of sites, by how far they are apart along rows and columns.
    alike, counted = (
        np.fft.ifft2(
            (
                np.abs(
                    np.fft.fft2(each.reshape(len(each), -1)[:, order].reshape(each.shape), shape)
                )
                ** 2
            ).sum(0)
        ).real
        for each in (waves, known)
    )
    rows, columns = (np.fft.fftfreq(side, 1 / side) for side in shape)
    apart, within = np.rint(np.hypot(rows[:, None], columns)).astype(int).ravel(), far + 1
    total = np.bincount(apart, alike.ravel(), within)[1:within]
    n = np.bincount(apart, np.rint(counted).ravel(), within)[1:within]
    return np.divide(total, n, out=np.full(far, np.nan), where=n > 0)


def _pinwheels(maps: xr.DataArray) -> float:
    """Mean number of loops of 2 x 2 sites around which the preference goes round."""
    turn = 2 * np.pi / maps.attrs["period"] * maps.to_numpy()
    corners = (turn[:, :-1, :-1], turn[:, :-1, 1:], turn[:, 1:, 1:], turn[:, 1:, :-1])
    around = sum(_turned(one, other) for one, other in _in_turn(corners))
    # NaN where a corner is not known: no pinwheel is seen there.
    return float((np.abs(np.nan_to_num(around)) > np.pi).sum((1, 2)).mean())


def _in_turn(corners: tuple[Array, ...]) -> Iterator[tuple[Array, Array]]:
    yield from zip(corners, (*corners[1:], corners[0]), strict=True)


def _turned(one: Array, other: Array) -> Array:
    return (other - one + np.pi) % (2 * np.pi) - np.pi


def _wavelength(maps: xr.DataArray) -> float:
    """Wavelength of maps, in steps: one over the frequency where their spectra have their power."""
    turn = 2 * np.pi / maps.attrs["period"] * maps.to_numpy()
    waves = np.nan_to_num(np.exp(1j * turn))
    # Power squared: edges of a map have harmonics, which have little.
    power = np.abs(np.fft.fft2(waves - waves.mean((1, 2), keepdims=True))) ** 4
    rows, columns = (np.fft.fftfreq(side) for side in waves.shape[1:])
    frequency = np.hypot(rows[:, None], columns)
    total = power.sum()
    # A map that is the same everywhere has none.
    return float(total / (power * frequency).sum()) if total > 1e-9 * waves.size else float("nan")
