"""The pages that protocols ask for by name: one for the curves of all units of an experiment."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from insilico.errors import UserError
from insilico.experiments.battery import Battery
from insilico.figures.border_ownership import border_plate
from insilico.figures.colour import colour_plate
from insilico.figures.context import matrix_plate, relative_plate
from insilico.figures.eccentricity import eccentricity_plate
from insilico.figures.motion import plaid_plate
from insilico.figures.natural_images import natural_image_plate
from insilico.figures.plate import Plate, Shown
from insilico.figures.structure import optimal_plate, structure_plate
from insilico.figures.textures import modulation_plate, surround_plate
from insilico.figures.variability import variability_plate
from insilico.runs.results import Results

__all__ = ["check_pages", "protocol_plates"]

# By the name that a protocol carries.
PAGES: Mapping[str, Callable[[Shown], Plate]] = {
    "texture_modulation": modulation_plate,
    "texture_surround": surround_plate,
    "suppression": relative_plate,
    "contrast_pairs": matrix_plate,
    "structure": structure_plate,
    "optimal": optimal_plate,
    "variability": variability_plate,
    "cone_weights": colour_plate,
    "plaid_motion": plaid_plate,
    "border_ownership": border_plate,
    "eccentricity": eccentricity_plate,
    "natural_images": natural_image_plate,
}


def check_pages(battery: Battery) -> None:
    """Refuse a battery that asks for a page which nobody can draw.

    Parameters
    ----------
    battery : Battery
        What is about to be recorded.

    Raises
    ------
    UserError
        Says which protocol, and which pages there are.
    """
    for protocol in battery.protocols:
        if protocol.figure and protocol.figure not in PAGES:
            raise UserError(
                f"protocol {protocol.name!r} asks for the page {protocol.figure!r}, and there are "
                f"{', '.join(PAGES)}. Leave figure= out, and its curves are drawn unit by unit."
            )


def protocol_plates(results: Results, layers: Sequence[str], *, width: float) -> list[Plate]:
    """Draw the pages that protocols ask for, of the units of some layers that respond in them.

    Parameters
    ----------
    results : Results
        A run.
    layers : sequence of str
        The layers.
    width : float
        In inches.

    Returns
    -------
    list of Plate
        None for a protocol in which no such unit responds.
    """
    made = []
    for name, curve in results.curves.items():
        about = results.protocol(name)
        page = PAGES.get(about.get("figure", ""))
        if page is None:
            continue
        counts = results.units["responsive"].sel(protocol=name).to_numpy().astype(bool)
        counts &= np.isin(curve["layer"].to_numpy().astype(str), list(layers))
        if counts.any():
            citation = about.get("citation", "")
            source = f"After {citation.removeprefix('after ')}. " if citation else ""
            shown = curve.isel(unit=counts)
            made.append(page(Shown(name, about["section"], source, shown, width)))
    return made
