"""A monitor that somebody measured, as a TOML file says it: its light, and what cones see of it."""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from insilico.errors import UserError
from stimuli import Display

__all__ = ["read_monitor"]

KEYS = ("transfer", "cones", "background")


def read_monitor(monitor: Path | str | Mapping[str, Any]) -> dict[str, Any]:
    """Read what a monitor is.

    Parameters
    ----------
    monitor : path or mapping
        A TOML file, or what it says: ``transfer`` and ``cones``, as for `stimuli.Display`, and
        ``background``, the levels of red, green and blue of a screen that is not grey. What is
        left out is as on any display.

    Returns
    -------
    dict of str to object
        The same keys, checked, for `stimuli.Display`.

    Raises
    ------
    UserError
        For a file that cannot be read, another key, or a value that no display has.

    Examples
    --------
    >>> read_monitor({"transfer": "gamma:2.2"})
    {'transfer': 'gamma:2.2'}
    """
    said, source = monitor, "a monitor"
    if not isinstance(said, Mapping):
        said, source = _read(Path(said)), str(monitor)
    unknown = [key for key in said if key not in KEYS]
    if unknown or not said:
        got = f"got {unknown[0]!r}" if unknown else "got nothing"
        raise UserError(
            f"{source} has the keys {', '.join(KEYS)}, any of them; {got}. How large the display "
            "is, and how many frames a second it has, is said apart (--degrees, --pixels, "
            "--frame-rate)."
        )
    if not isinstance(said.get("transfer", ""), str):
        raise UserError(
            f'transfer of {source} is a word, such as "srgb" or "gamma:2.2"; got '
            f"{said['transfer']!r:.60}."
        )
    levels = said.get("background", (0.4, 0.5, 0.6))
    if not isinstance(levels, list | tuple) or len(set(map(str, levels))) < 2:
        raise UserError(
            f"background of {source} is [red, green, blue], not all the same: how light a grey "
            f"screen is, the battery says; got {levels!r:.60}. Leave it out for a grey one."
        )
    try:
        display = Display(**{name: _as_tuple(value) for name, value in said.items()})
    except (ValueError, TypeError) as error:
        raise UserError(f"{source}: {error}") from error
    return {name: getattr(display, name) for name in said}


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise UserError(f"there is no file {path} of a monitor.") from error
    except (OSError, ValueError, RecursionError) as error:
        raise UserError(f"{path} is no TOML file: {error}.") from error


def _as_tuple(value: Any) -> Any:
    return tuple(map(_as_tuple, value)) if isinstance(value, list | tuple) else value
