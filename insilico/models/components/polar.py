"""The linear operators of cortical magnification: which pixels each polar cell averages."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy import sparse

__all__ = [
    "RELEASED_EDGES",
    "RELEASED_SIDE",
    "mean_operator",
    "released_cells",
    "released_masks",
    "released_operator",
]

# Radii between the rings of the release, in pixels of a map of 32 x 32.
RELEASED_EDGES = (*map(float, range(15)), 16.0, 18.0, 20.0, 23.0)
RELEASED_SIDE = 32

# A pixel on the edge of a sector belongs to the one that begins there, in spite of rounding.
EDGE = 1e-9

Array = npt.NDArray[np.float64]
Size = tuple[int, int]
Edges = Sequence[float] | Array


def released_masks(size: Size, *, edges: Edges, sectors: int) -> Array:
    """Sort the pixels into polar cells about the pixel right of and below the middle.

    Parameters
    ----------
    size : (int, int)
        Height and width of the map.
    edges : sequence of float
        Radii between the rings, in pixels.
    sectors : int
        Number of equal sectors, counter-clockwise from rightward.

    Returns
    -------
    array, shape (ring, sector, height, width)
        1 in the pixels of a cell, 0 elsewhere; cells may be empty.
    """
    height, width = size
    edges = np.asarray(edges, dtype=float)
    right = np.arange(width) - width // 2
    up = (height // 2 - np.arange(height))[:, None]
    ring = np.searchsorted(edges, np.hypot(right, up), side="right") - 1
    turn = np.arctan2(up, right) / (2 * np.pi) % 1
    sector = np.floor(turn * sectors + EDGE).astype(int) % sectors
    if sectors % 8 == 0:
        # There is an edge at 45 deg, and the single-precision arctan of 1 falls short of it.
        sector -= (right == up) & (up > 0)
    masks = np.zeros((len(edges) - 1, sectors, height, width))
    inside = (ring >= 0) & (ring < len(masks))
    masks[ring[inside], sector[inside], *np.nonzero(inside)] = 1
    return masks


def released_cells(size: Size, *, edges: Edges, sectors: int) -> sparse.csr_array:
    """Average the pixels of every polar cell as the release does.

    Rings whose pixels leave sectors empty have the list of their non-empty masks stretched over
    all sectors, without regard to where those sectors lie; rings that begin outside of the map
    keep empty sectors. Masks and their sums have the rounding of half precision.

    Parameters
    ----------
    size : (int, int)
        Height and width of the map.
    edges : sequence of float
        Radii between the rings, in pixels.
    sectors : int
        Number of equal sectors.

    Returns
    -------
    sparse array, shape (rings * sectors, height * width)
        Rings are the slower axis.
    """
    height, width = size
    masks = released_masks(size, edges=edges, sectors=sectors)
    inner_edges = np.asarray(edges, dtype=float)[:-1]
    for mask, inner in zip(masks, inner_edges, strict=True):
        kept = mask[mask.any((1, 2))]
        if len(kept) and inner <= min(height // 2, width // 2):
            mask[:] = np.tensordot(_stretch(len(kept), sectors), kept, 1)
    counts = masks.sum((2, 3), keepdims=True)
    counts[counts == 0] = 1
    rounded = (values.astype(np.float16).astype(float) for values in (masks, counts))
    return sparse.csr_array(np.divide(*rounded).reshape(-1, height * width))


def _stretch(n: int, m: int) -> Array:
    """Linear interpolation from ``n`` samples to ``m``, the ends held."""
    place = np.clip((np.arange(m) + 0.5) * n / m - 0.5, 0, n - 1)
    return np.maximum(0, 1 - np.abs(place[:, None] - np.arange(n)))


def _resize(n: int, m: int, *, antialias: bool) -> Array:
    """Bilinear resize of one axis, widened to the step of the output where it is antialiased."""
    if not antialias:
        return _stretch(n, m)
    place = (np.arange(m)[:, None] + 0.5) * n / m - 0.5
    weights = np.maximum(0, 1 - np.abs(place - np.arange(n)) / max(n / m, 1))
    return weights / weights.sum(1, keepdims=True)


def _reflect(n: int) -> Array:
    """One reflected sample on either side."""
    return np.eye(n)[np.pad(np.arange(n), 1, mode="reflect")]


def released_operator(
    size: Size,
    output_size: Size,
    *,
    edges: Edges,
    sectors: int = 30,
    antialias: bool = True,
    pad_radius: bool = False,
) -> sparse.csr_array:
    """Compute the whole released transform: cells, reflected borders, and a resize.

    Parameters
    ----------
    size, output_size : (int, int)
        Height and width of the map, and of the result.
    edges : sequence of float
        Radii between the rings, in pixels.
    sectors : int
        Number of equal sectors.
    antialias : bool
        Whether the resize is antialiased: True with torchvision 0.17 and later, False before.
    pad_radius : bool
        Whether the rings are padded too, as in the network that the authors submitted to
        Brain-Score.

    Returns
    -------
    sparse array, shape (output height * output width, height * width)
        Rows are radii first, then angles.
    """
    cells = released_cells(size, edges=edges, sectors=sectors)
    rings = cells.shape[0] // sectors
    radius = _reflect(rings) if pad_radius else np.eye(rings)
    angle = _reflect(sectors)
    rows = _resize(len(radius), output_size[0], antialias=antialias) @ radius
    columns = _resize(len(angle), output_size[1], antialias=antialias) @ angle
    resize = sparse.kron(sparse.csr_array(rows), sparse.csr_array(columns), format="csr")
    return _tidy(resize @ cells)


def mean_operator(size: Size, output_size: Size, *, profile: Array) -> sparse.csr_array:
    """Average the map, interpolated bilinearly, over the area of every polar cell.

    Parameters
    ----------
    size, output_size : (int, int)
        Height and width of the map, and of the result.
    profile : array, one more than there are output rows
        Radii between the rows of the result, in pixels from the middle of the map.

    Returns
    -------
    sparse array, shape (output height * output width, height * width)
        Rows are radii first, then angles, counter-clockwise from rightward. Each sums to 1.
    """
    row, column, value = [], [], []
    for index in range(output_size[0]):
        cell, pixel, weight = _ring(size, output_size[1], profile[index], profile[index + 1])
        row.append(index * output_size[1] + cell)
        column.append(pixel)
        value.append(weight)
    entries = (np.concatenate(value), (np.concatenate(row), np.concatenate(column)))
    shape = (output_size[0] * output_size[1], size[0] * size[1])
    return _tidy(sparse.coo_array(entries, shape=shape).tocsr())


def _ring(
    size: Size, cells: int, inner: float, outer: float
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], Array]:
    """Entries of one ring of cells: their cell, their pixel, and their weight."""
    height, width = size
    # Steps of at most half a pixel, along the radius and along the outer arc.
    along = max(1, int(np.ceil(2 * (outer - inner))))
    around = max(1, int(np.ceil(2 * outer * 2 * np.pi / cells)))
    radius = inner + (np.arange(along)[:, None] + 0.5) * (outer - inner) / along
    angle = 2 * np.pi * (np.arange(cells * around) + 0.5) / (cells * around)
    cosine, sine = np.cos(angle), np.sin(angle)
    middle_x, middle_y = (width - 1) / 2, (height - 1) / 2
    with np.errstate(divide="ignore"):
        border = np.minimum(middle_x / np.abs(cosine), middle_y / np.abs(sine))
    reached = np.minimum(radius, border)  # beyond the map: its border, on the same ray
    x, y = middle_x + reached * cosine, middle_y - reached * sine
    # Left and upper neighbours, such that the right and lower ones exist.
    left = np.clip(np.floor(x).astype(int), 0, width - 2)
    top = np.clip(np.floor(y).astype(int), 0, height - 2)
    right_share, lower_share = np.clip(x - left, 0, 1), np.clip(y - top, 0, 1)
    area = radius / (radius.sum() * around)
    cell = np.broadcast_to(np.arange(cells * around) // around, x.shape)
    pixel = [(top + down) * width + left + right for down in (0, 1) for right in (0, 1)]
    shares = [
        area * vertical * horizontal
        for vertical in (1 - lower_share, lower_share)
        for horizontal in (1 - right_share, right_share)
    ]
    return np.tile(cell.ravel(), 4), np.ravel(pixel), np.ravel(shares)


def _tidy(operator: sparse.csr_array) -> sparse.csr_array:
    """Join entries of the same place, and drop those that are zero."""
    operator.sum_duplicates()
    operator.eliminate_zeros()
    return operator
