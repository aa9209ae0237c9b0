"""Finds the figures of gallery scripts, those that pyplot does not know of among them."""

from pathlib import Path

import matplotlib.pyplot as plt
from matplotlib.figure import Figure

from insilico.figures import style

# Figures are as wide as a journal page; on a screen their type may be somewhat larger.
ENLARGED = 1.2
DPI = 200

# In px: figures up to this are still read when they are made as wide as a phone.
NARROW = 550

IMAGE = """
.. image:: /{path}
   :alt: {alt}
   :class: {kind}
   :width: {width}px
"""


def every_figure(_block, block_vars, gallery_conf):
    """Save the figures that a block of a script has made, and return the text that shows them."""
    names = block_vars["example_globals"]
    shown = names.setdefault("_shown", [])
    figures = [plt.figure(number) for number in plt.get_fignums()]
    figures += [value for value in names.values() if isinstance(value, Figure)]
    text = []
    for figure in dict.fromkeys(figures):
        if figure in shown:
            continue
        shown.append(figure)
        path = next(block_vars["image_path_iterator"])
        width = round(figure.get_figwidth() * 96 * ENLARGED)
        with style():
            figure.savefig(path, dpi=DPI)
        text.append(
            IMAGE.format(
                path=path.removeprefix(f"{gallery_conf['src_dir']}/"),
                alt=f"Drawn by {Path(block_vars['src_file']).name}",
                kind="sphx-glr-single-img" + " narrow" * (width <= NARROW),
                width=width,
            )
        )
    plt.close("all")
    return "".join(text)
