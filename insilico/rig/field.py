"""Where a unit looks: its proven window, and its field once it was measured."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import xarray as xr

from insilico.recording.probe import Probe

__all__ = ["Field", "field_of"]

MEASURED = ("receptive_field_x", "receptive_field_y", "receptive_field_diameter")


@dataclass(frozen=True)
class Field:
    """Where a unit looks, in deg.

    Parameters
    ----------
    proven : tuple of float
        Left, bottom, width and height of the window outside which it is proven to see nothing: the
        whole display where nothing was proven.
    status : str
        Why that window, in words.
    measured : tuple of float, optional
        Centre x and y, and diameter, once the receptive field was measured.
    """

    proven: tuple[float, float, float, float]
    status: str
    measured: tuple[float, float, float] | None = None

    @property
    def center(self) -> tuple[float, float]:
        """Its middle: that of the measured field, where there is one."""
        left, bottom, width, height = self.proven
        return self.measured[:2] if self.measured else (left + width / 2, bottom + height / 2)

    @property
    def side(self) -> float:
        """Its size: that of the measured field, where there is one."""
        return self.measured[2] if self.measured else max(self.proven[2:])


def field_of(probe: Probe, unit: int, properties: Mapping[str, xr.DataArray] | None) -> Field:
    """Say where a unit looks.

    Parameters
    ----------
    probe : Probe
        In the model.
    unit : int
        Row of its table.
    properties : mapping, optional
        Those of the receptive field of this unit, if it was measured.

    Returns
    -------
    Field
    """
    crop, display = probe.crop(probe.units.iloc[[unit]]), probe.display
    window = crop.window
    left, top = display.position(window.top - 0.5, window.left - 0.5)
    height, width = window.height / display.px_per_deg, window.width / display.px_per_deg
    measured = None
    if properties is not None:
        x, y, diameter = (float(properties[name][0]) for name in MEASURED)
        measured = (x, y, diameter) if np.isfinite([x, y, diameter]).all() else None
    return Field((left, top - height, width, height), crop.status, measured)
