"""Code of the user's own, named by module or by file: the one place where it is imported."""

import difflib
import importlib
import importlib.util
import operator
import sys
import traceback
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

from insilico.errors import UserError

__all__ = ["did_you_mean", "failure", "found", "in_file", "in_module", "nearest", "own_object"]

# Where this package lies: what is raised elsewhere is the user's own.
PACKAGE = str(Path(__file__).parent)


def own_object(spec: str) -> Any:
    """Find what a name in a module or a file of the user's own stands for.

    Parameters
    ----------
    spec : str
        ``package.module:NAME`` or ``path/to/file.py:NAME``. Its code is run.

    Returns
    -------
    object

    Raises
    ------
    UserError
        If there is no such file, module or name, or importing it fails; says where.
    """
    place, _, _ = spec.rpartition(":")
    with (in_file if place.endswith(".py") else in_module)(spec) as (module, name):
        return found(module, name)


@contextmanager
def in_module(spec: str) -> Iterator[tuple[ModuleType, str]]:
    """Import ``package.module:NAME``; the current folder is looked in first.

    Parameters
    ----------
    spec : str
        The module and the name.

    Yields
    ------
    tuple of module and str
        The module, and the name: its neighbours can be imported meanwhile.

    Raises
    ------
    UserError
        If there is no such module, or importing it fails.
    """
    path, _, name = spec.rpartition(":")
    with _importable(Path.cwd()):
        try:
            module = importlib.import_module(path)
        except ModuleNotFoundError as error:
            # A package that the user's module imports in its turn is another matter.
            if error.name is None or not f"{path}.".startswith(f"{error.name}."):
                raise failure(f"importing {path}", error) from error
            raise UserError(
                f"no module {error.name!r}; it was looked for in {Path.cwd()} and among the "
                "installed packages."
            ) from error
        except (Exception, SystemExit) as error:
            raise failure(f"importing {path}", error) from error
        yield module, name


@contextmanager
def in_file(spec: str) -> Iterator[tuple[ModuleType, str]]:
    """Import ``path/to/file.py:NAME``; the file may import its neighbours.

    Parameters
    ----------
    spec : str
        The file and the name.

    Yields
    ------
    tuple of module and str
        The module, and the name: its neighbours can be imported meanwhile.

    Raises
    ------
    UserError
        If there is no such file, or importing it fails.
    """
    place, _, name = spec.rpartition(":")
    path = Path(place).resolve()
    if not path.is_file():
        raise UserError(f"there is no file {place} (looked for at {path}).")
    with _importable(path.parent):
        identity = f"insilico_model_{path.stem}"
        found = importlib.util.spec_from_file_location(identity, path)
        assert found is not None and found.loader is not None
        module = importlib.util.module_from_spec(found)
        # Dataclasses, among others, look their module up here.
        sys.modules[identity] = module
        try:
            found.loader.exec_module(module)
        except (Exception, SystemExit) as error:
            del sys.modules[identity]
            raise failure(f"importing {path.name}", error) from error
        yield module, name


def found(module: ModuleType, name: str) -> Any:
    """Find a name in a module.

    Parameters
    ----------
    module : module
        The user's.
    name : str
        May have dots.

    Returns
    -------
    object

    Raises
    ------
    UserError
        If there is none of the name; says which come near.
    """
    try:
        return operator.attrgetter(name)(module)
    except AttributeError as error:
        public = [word for word in vars(module) if not word.startswith("_")]
        raise UserError(
            f"{Path(module.__file__ or module.__name__).name} has no {name!r}. "
            f"{nearest(name, public)}"
        ) from error


def failure(doing: str, error: BaseException) -> UserError:
    """Say in one line what went wrong in the user's code, and where.

    Parameters
    ----------
    doing : str
        What was done with it.
    error : exception
        What it raised; or that it ended the program.

    Returns
    -------
    UserError
    """
    frames = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if "importlib" not in frame.filename and not frame.filename.startswith(PACKAGE)
    ]
    where = f" ({Path(frames[-1].filename).name}, line {frames[-1].lineno})" if frames else ""
    said = "it ended the program with" if isinstance(error, SystemExit) else ""
    what = " ".join(f"{said} {type(error).__name__}: {error}".split())
    return UserError(f"{doing} failed: {what}{where}.")


def nearest(word: str, known: Iterable[str]) -> str:
    """Say which names come nearest to a wrong one, or what there is.

    Parameters
    ----------
    word : str
        The wrong one.
    known : iterable of str
        Those that there are.

    Returns
    -------
    str
        A sentence.
    """
    known = list(known)
    meant = did_you_mean(word, known)
    if meant:
        return meant
    shown = ", ".join(known[:8])
    return f"It has {shown}{', ...' if len(known) > 8 else ''}." if known else "It is empty."


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Ask for the names that come nearest to a wrong one, or say nothing.

    Parameters
    ----------
    word : str
        The wrong one.
    known : iterable of str
        Those that there are.

    Returns
    -------
    str
        A question; empty where nothing is near.
    """
    near = difflib.get_close_matches(word, list(known), n=5)
    return f"Did you mean {', '.join(near)}?" if near else ""


@contextmanager
def _importable(folder: Path) -> Iterator[None]:
    """Let modules that lie in a folder be imported, as if Python had been started there."""
    sys.path.insert(0, str(folder))
    try:
        yield
    finally:
        sys.path.remove(str(folder))
