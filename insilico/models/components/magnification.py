"""Cortical magnification: maps of polar angle by eccentricity."""

import numpy as np
import numpy.typing as npt
import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from insilico.errors import UserError
from insilico.models.components.mode import MODES, check_choice, check_unused
from insilico.models.components.polar import (
    RELEASED_EDGES,
    RELEASED_SIDE,
    mean_operator,
    released_operator,
)

__all__ = ["CorticalMagnification", "radial_profile"]

DENSITIES = ("inverse", "inverse_square")

# Share of half the shorter side within which log-polar rows are evenly spaced.
FOVEA = 1 / 16

# Of the release.
SECTORS = 30


def radial_profile(
    rows: int, radius: float, *, density: str = "inverse", fovea: float = FOVEA
) -> npt.NDArray[np.float64]:
    """Radii between the rows of a magnified map.

    Parameters
    ----------
    rows : int
        Number of rows.
    radius : float
        Half the shorter side of the map, in pixels; the last row ends at 23/16 of it, as in the
        release: just beyond the corners.
    density : {"inverse", "inverse_square"}
        Fall of the number of samples per area with eccentricity: about 1 / eccentricity, with the
        rings of the release, or 1 / eccentricity ** 2, log-polar.
    fovea : float
        Radius within which the log-polar rows are evenly spaced, as a share of ``radius``.

    Returns
    -------
    array, shape (rows + 1,)
        In pixels, from 0.

    Examples
    --------
    >>> radial_profile(3, 16).round(2)
    array([ 0.,  6., 12., 23.])
    >>> radial_profile(3, 16, density="inverse_square").round(2)
    array([ 0.  ,  1.88,  7.32, 23.  ])
    """
    step = np.linspace(0, 1, rows + 1)
    edges = np.array(RELEASED_EDGES) * 2 / RELEASED_SIDE
    if density == "inverse":
        return radius * np.interp(step, np.linspace(0, 1, len(edges)), edges)
    return radius * fovea * ((1 + edges[-1] / fovea) ** step - 1)


class CorticalMagnification(nn.Module):
    """Turn maps of the visual field into maps of eccentricity (rows) by polar angle (columns).

    Row 0 is the centre of gaze; columns go counter-clockwise from rightward. Every row has the same
    number of columns, so the centre is magnified. In a network it takes the place of a pooling
    layer.

    Parameters
    ----------
    size : int or (int, int)
        Height and width of the maps; at least 2.
    output_size : int or (int, int), optional
        Number of rows and columns of the result; half of ``size``, rounded up, by default.
    mode : {"corrected", "as_released"}
        See Notes.
    density : {"inverse", "inverse_square"}
        Fall of the number of samples per area with eccentricity: about as 1 / eccentricity, which
        is what the release does, or as 1 / eccentricity ** 2, log-polar.
    fovea : float
        Radius within which the log-polar rows are evenly spaced, as a share of half the shorter
        side. Log-polar maps only.
    antialias : bool
        Whether the resize of the release is antialiased: True with torchvision 0.17 and later, and
        False with those that existed when the paper came out, with which its networks were almost
        certainly trained. Released mode only.
    pad_radius : bool
        Whether the release's rings are padded too, as in the network that its authors submitted to
        Brain-Score. Released mode only.
    ring_edges : sequence of float, optional
        Radii between the rings of the release, in pixels; those published for maps of 32 x 32,
        scaled to the map, by default. Released mode only.
    sectors : int
        Number of sectors of the release. Released mode only.
    dtype : torch.dtype, optional
        Precision in which the operator is stored; torch's default otherwise.

    Attributes
    ----------
    entries : Tensor, shape (n,)
        Entries of the operator that are not zero, row by row.
    pixels : Tensor, shape (n,)
        The pixel that each of them belongs to.
    starts : Tensor, shape (output rows * output columns + 1,)
        Where each row of the operator begins among them.

    Notes
    -----
    - corrected: every output is the mean of the map, interpolated bilinearly, over the area of its
      polar cell; beyond the map it is held constant along the ray. No cell is empty, constants are
      preserved, and the angle axis closes on itself.
    - as released: pixels are sorted into cells, and empty cells are filled by their order in the
      list instead of their angle, or stay zero in the outer rings; then a resize of the whole map
      blurs it again, with a seam at angle 0.

    Both are one matrix with under 2 % of its entries not zero. It is applied as a sparse product,
    in which a pixel reaches no cell but its own.

    References
    ----------
    Pogoncheff, Granley & Beyeler (2023), NeurIPS 36, arXiv 2305.11275.

    Examples
    --------
    >>> component = CorticalMagnification(32)
    >>> maps = component(torch.ones(1, 64, 32, 32))
    >>> tuple(maps.shape), bool(torch.allclose(maps, torch.ones(())))
    ((1, 64, 16, 16), True)
    """

    entries: Tensor
    pixels: Tensor
    starts: Tensor

    def __init__(
        self,
        size: int | tuple[int, int],
        *,
        output_size: int | tuple[int, int] | None = None,
        mode: str = "corrected",
        density: str = "inverse",
        fovea: float = FOVEA,
        antialias: bool = True,
        pad_radius: bool = False,
        ring_edges: tuple[float, ...] | None = None,
        sectors: int = SECTORS,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        check_choice("mode", mode, MODES)
        check_choice("density", density, DENSITIES)
        height, width = (size, size) if isinstance(size, int) else size
        if output_size is None:
            output_size = ((height + 1) // 2, (width + 1) // 2)
        rows, columns = (output_size,) * 2 if isinstance(output_size, int) else output_size
        if min(height, width) < 2 or min(rows, columns) < 1:
            raise UserError(
                "CorticalMagnification needs maps of at least 2 x 2 and an output of at least "
                f"1 x 1; got {height} x {width} and {rows} x {columns}."
            )
        if fovea <= 0:
            raise UserError(f"fovea must be positive; got {fovea:g}.")
        if mode == "as_released":
            check_unused(
                "mode='corrected': the release has no log-polar map", density=(density, "inverse")
            )
        else:
            check_unused(
                "mode='as_released'",
                antialias=(antialias, True),
                pad_radius=(pad_radius, False),
                ring_edges=(ring_edges, None),
                sectors=(sectors, SECTORS),
            )
        if density != "inverse_square":
            check_unused("density='inverse_square'", fovea=(fovea, FOVEA))
        self.size, self.output_size = (height, width), (rows, columns)
        self.mode, self.density = mode, density
        radius = min(height, width) / 2
        if mode == "corrected":
            profile = radial_profile(rows, radius, density=density, fovea=fovea)
            operator = mean_operator(self.size, self.output_size, profile=profile)
        else:
            scale = 2 * radius / RELEASED_SIDE
            operator = released_operator(
                self.size,
                self.output_size,
                edges=np.array(RELEASED_EDGES) * scale if ring_edges is None else ring_edges,
                sectors=sectors,
                antialias=antialias,
                pad_radius=pad_radius,
            )
        dtype = torch.get_default_dtype() if dtype is None else dtype
        entries = torch.as_tensor(operator.data, dtype=dtype)
        pixels, starts = (
            torch.as_tensor(indices, dtype=torch.int64)
            for indices in (operator.indices, operator.indptr)
        )
        self.register_buffer("entries", entries, persistent=False)
        self.register_buffer("pixels", pixels, persistent=False)
        self.register_buffer("starts", starts, persistent=False)

    def operator(self) -> Float[Tensor, "cell pixel"]:
        """Write out the whole matrix, zeros included."""
        shape = (len(self.starts) - 1, self.size[0] * self.size[1])
        # Told how many there are, a GPU need not be waited for.
        rows = torch.repeat_interleave(self.starts.diff(), output_size=len(self.pixels))
        return self.entries.new_zeros(shape).index_put((rows, self.pixels), self.entries)

    def forward(
        self, maps: Float[Tensor, "batch channel height width"]
    ) -> Float[Tensor, "batch channel rows columns"]:
        """Magnify the middle of the maps."""
        if maps.shape[2:] != self.size:
            height, width = self.size
            raise UserError(
                f"CorticalMagnification is made for maps of {height} x {width}; got shape "
                f"{tuple(maps.shape)}. Make it with size=({maps.shape[2]}, {maps.shape[3]})."
            )
        if maps.is_cuda and self.training:
            return self._dense(maps)
        # A matrix in compressed rows times the maps: "bags" are its rows. Several times as fast as
        # torch.sparse, and it can be exported.
        resampled = functional.embedding_bag(
            self.pixels,
            maps.flatten(2).flatten(0, 1).T.contiguous(),
            self.starts,
            mode="sum",
            per_sample_weights=self.entries.to(maps.dtype),
            include_last_offset=True,
        )
        return resampled.T.reshape(*maps.shape[:2], *self.output_size)

    def _dense(
        self, maps: Float[Tensor, "batch channel height width"]
    ) -> Float[Tensor, "batch channel rows columns"]:
        """Multiply the zeros too, which takes a GPU less time than to look the others up.

        NaN times 0 is NaN, and where a unit looks is proven by NaN: for training only.
        """
        # From the left, so that channels that come last are so still.
        resampled = self.operator().to(maps.dtype) @ maps.flatten(2).mT
        return resampled.mT.reshape(*maps.shape[:2], *self.output_size)

    def extra_repr(self) -> str:
        """Say the sizes before and after, and the density of the sampling."""
        return (
            f"{self.size}, output_size={self.output_size}, mode={self.mode!r}, "
            f"density={self.density!r}"
        )
