"""Plate: a figure with its caption and numbers; Shown: what the page of a protocol is made of."""

from dataclasses import dataclass

import pandas as pd
import xarray as xr
from matplotlib.figure import Figure

__all__ = ["Plate", "Shown"]


@dataclass(frozen=True)
class Plate:
    """A figure with its caption and its numbers.

    Parameters
    ----------
    kind : str
        Which figure it is.
    layer : str
        The layer that it shows; empty where it shows all of them.
    name : str
        Name of its files.
    title, caption : str
        What it shows, in a few words and in a few sentences.
    figure : Figure
        The drawing.
    numbers : DataFrame
        What is drawn, as a tidy table.
    """

    kind: str
    layer: str
    name: str
    title: str
    caption: str
    figure: Figure
    numbers: pd.DataFrame


@dataclass(frozen=True)
class Shown:
    """What the page of a protocol is drawn from.

    Parameters
    ----------
    protocol : str
        Name of the protocol, and of the files of its page.
    section : str
        Where in the report it stands.
    source : str
        Whose experiment it is, as the beginning of a caption; empty if of nobody in particular.
    curve : DataArray, dims ("unit", ...)
        Responses of the units that count.
    width : float
        Of the figure, in inches.
    """

    protocol: str
    section: str
    source: str
    curve: xr.DataArray
    width: float

    @property
    def title(self) -> str:
        """The name of the protocol, as words."""
        return self.protocol.replace("_", " ").capitalize()

    def plate(self, title: str, caption: str, figure: Figure, numbers: pd.DataFrame) -> Plate:
        """Make the plate of all layers.

        Parameters
        ----------
        title, caption : str
            What it shows; before the caption is set whose experiment it is.
        figure : Figure
            The drawing.
        numbers : DataFrame
            What is drawn.

        Returns
        -------
        Plate
        """
        caption = f"{self.source}{caption}"
        return Plate(self.section, "", self.protocol, title, caption, figure, numbers)
