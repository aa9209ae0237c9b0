"""A page that is one file: its frame, its scripts, and how numbers and figures are put into it."""

import base64
import re
from hashlib import sha256
from importlib.resources import files
from pathlib import Path
from typing import Any

import jinja2
import numpy as np
from markupsafe import Markup, escape

from insilico.figures.plate import Plate
from insilico.figures.style import within_sentence

__all__ = ["inline", "number", "p_value", "render", "score", "without_dimension", "write_page"]

NO_VALUE = "\N{EN DASH}"
NEXT_TO_NOTHING = 1e-4  # of a rate, an angle or an index, a number below it is rounding noise
SMALLEST_P = 0.001  # smaller ones are not told apart
MILLIMETRES = 25.4  # in an inch


def render(template: str, *, libraries: tuple[str, ...] = (), **context: Any) -> str:
    """Fill a page.

    Parameters
    ----------
    template : str
        Name of a template beside this file; it extends ``base.html.jinja``.
    libraries : tuple of str
        Scripts to put in before the page's own.
    **context
        What the template asks for.

    Returns
    -------
    str
        The page. Its policy lets it run the scripts that are in it here, known by their hashes,
        and none that a name or a path may bring; and it can fetch nothing.
    """
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("insilico", "reporting"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "number": number,
        "score": score,
        "anchor": _anchor,
        "units": without_dimension,
        "inline": within_sentence,
        "data": _data,
        "code": _code,
        "after": lambda citation: citation.removeprefix("after "),
        "untrained": _untrained,
    }
    scripts = [*libraries, _own("page.js")]
    if libraries:
        scripts.append(_own("explorer.js"))
    return environment.get_template(template).render(
        scripts=[Markup(script) for script in scripts],
        allowed=[_allowed(script) for script in scripts],
        **context,
    )


def write_page(text: str, page: Path) -> Path:
    """Write a page so that it is whole, or not there: beside its place, and then renamed."""
    partial = page.with_name(f".{page.name}.partial")
    partial.write_text(text, encoding="utf-8")
    return partial.replace(page)


def inline(plate: Plate, folder: Path) -> dict[str, Any]:
    """Put a figure that was saved to a folder, and its numbers, into a page as data."""

    def data(kind: str, ending: str) -> str:
        content = (folder / f"{plate.name}.{ending}").read_bytes()
        if ending == "svg":
            content = re.sub(rb">\s+<", b"><", content)
            # Browsers round the widths of small letters unless told not to.
            content = content.replace(b"<svg ", b'<svg text-rendering="geometricPrecision" ', 1)
        return f"data:{kind};base64,{base64.b64encode(content).decode()}"

    return {
        "kind": plate.kind,
        "layer": plate.layer,
        "name": plate.name,
        "title": plate.title,
        "caption": plate.caption,
        "image": data("image/svg+xml", "svg"),
        "numbers": data("text/csv", "csv"),
        "width": round(plate.figure.get_figwidth() * MILLIMETRES),
    }


def number(value: float) -> str:
    """Write a number for reading, or a dash where there is none.

    Examples
    --------
    >>> number(0.12345), number(12345.6), number(float("nan"))
    ('0.123', '12346', '–')
    """
    if np.isnan(value):
        return NO_VALUE
    if 0 < abs(value) < NEXT_TO_NOTHING:
        return "\N{ALMOST EQUAL TO}\N{THIN SPACE}0"
    text = f"{value:.3g}"
    return _minus(f"{value:.0f}" if "e" in text and abs(value) >= 1 else text)


def score(value: float) -> str:
    """Write a score with two digits, or a dash where there is none."""
    # Adding 0 makes of a negative zero a plain one.
    return NO_VALUE if np.isnan(value) else _minus(f"{round(value, 2) + 0.0:.2f}")


def p_value(p: float) -> str:
    """Write a p-value with two digits, or a dash where there is none.

    Examples
    --------
    >>> p_value(0.0123), p_value(1e-9)
    ('0.012', '< 0.001')
    """
    if np.isnan(p):
        return NO_VALUE
    return f"< {SMALLEST_P}" if p < SMALLEST_P else f"{p:.2g}"


def without_dimension(units: str) -> str:
    """Leave out the units of numbers that have none."""
    return "" if units in ("", "1") else units


def _untrained(weights: str) -> str:
    """Say that weights are random, once."""
    return weights if weights.startswith("random") else f"random ({weights})"


def _code(text: str) -> Markup:
    """Show what docstrings write between backticks as code; long names break between words."""

    def shown(name: re.Match[str]) -> str:
        return f"<code>{name[2].replace('_', '_<wbr>')}</code>"

    return Markup(re.sub(r"(`+)(.+?)\1", shown, str(escape(text))))


def _minus(text: str) -> str:
    return text.replace("-", "\N{MINUS SIGN}")


def _anchor(name: str) -> str:
    return re.sub(r"[^\w-]+", "-", name)


def _own(name: str) -> str:
    return files("insilico.reporting").joinpath(name).read_text("utf-8")


def _allowed(script: str) -> str:
    digest = base64.b64encode(sha256(script.encode()).digest()).decode()
    return f"'sha256-{digest}'"


def _data(text: str) -> Markup:
    """Make JSON safe within a script element: it holds no letter that HTML would read."""
    for letter in "<>&":
        text = text.replace(letter, f"\\u{ord(letter):04x}")
    return Markup(text)
