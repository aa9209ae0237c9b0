"""netCDF files, of which some come from others: what is wrong with one is said in a sentence."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from insilico.errors import UserError

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["check_self_contained", "opened", "write_netcdf"]

# Of the processor, to look at a file.
SECONDS = 5

# Opens a file, and reads a little of everything in it, within seconds of the processor. What is
# wrong is said by whoever reads it next: here an exception is no failure.
LOOK = f"""
import sys
import h5netcdf
try:
    import resource
    used = resource.getrusage(resource.RUSAGE_SELF)
    limit = int(used.ru_utime + used.ru_stime) + {SECONDS}
    resource.setrlimit(resource.RLIMIT_CPU, (limit, limit))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
except ImportError:
    pass  # not on Windows
def look(group):
    dict(group.attrs)
    for variable in group.variables.values():
        dict(variable.attrs)
        if all(variable.shape):
            variable[(0,) * len(variable.shape)]
            variable[(-1,) * len(variable.shape)]
try:
    with h5netcdf.File(sys.argv[1], "r") as file:
        look(file)
except Exception:
    pass
"""


@contextmanager
def opened(path: Path, *, remedy: str, **options: Any) -> Iterator["xr.Dataset"]:
    """Open a netCDF file, and blame it for whatever goes wrong while it is read.

    Parameters
    ----------
    path : Path
        The file.
    remedy : str
        What the user can do about damage, as a sentence.
    **options : Any
        Passed on to `xarray.open_dataset`.

    Yields
    ------
    Dataset
        Not yet in memory.

    Raises
    ------
    UserError
        If there is no such file, it is damaged, or takes its values from other files.
    """
    import xarray as xr

    if not path.is_file():
        raise UserError(f"there is no file {path}. Look at its name and folder.")
    try:
        _check_survived(path)
        check_self_contained(path)
        with xr.open_dataset(path, **options) as content:
            yield content
    except UserError:
        raise
    # A damaged file breaks the reader wherever it likes.
    except Exception as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise UserError(
            f"{path} cannot be read as netCDF, or is damaged: {reason:.300}. {remedy}"
        ) from error


def write_netcdf(content: "xr.Dataset | xr.DataArray", path: Path) -> None:
    """Write a netCDF file so that it is whole, or not there.

    HDF5 crashes where a disk is full; so it writes to memory, and what it gives is written then.

    Parameters
    ----------
    content : Dataset or DataArray
        What it is to hold.
    path : Path
        The file; what it held is replaced.
    """
    whole = content.to_netcdf(engine="h5netcdf")
    partial = path.with_name(f"{path.name}.partial")
    partial.write_bytes(whole)
    partial.replace(path)


def _check_survived(path: Path) -> None:
    """Refuse a file in which the HDF5 library goes round in circles, or crashes.

    It does both with some damaged files. So a process of its own looks first.
    """
    if not path.is_file():
        return
    looked = subprocess.run(  # -P: no module of the current folder takes the place of h5netcdf
        [sys.executable, "-P", "-c", LOOK, str(path)], check=False, capture_output=True, timeout=600
    )
    if looked.returncode != 0:
        raise OSError("the HDF5 library does not come back from reading it")


def check_self_contained(path: Path) -> None:
    """Refuse a file that would have others read: HDF5 can take an array out of any of them.

    Parameters
    ----------
    path : Path
        A netCDF file.

    Raises
    ------
    UserError
        If it holds a link to another file, or an array whose values lie in one.
    """
    import h5py

    if not h5py.is_hdf5(path):
        return
    with h5py.File(path, "r") as file:
        waiting: list[h5py.Group] = [file]
        seen = set()
        while waiting:
            group = waiting.pop()
            for name in group:
                if isinstance(group.get(name, getlink=True), h5py.ExternalLink):
                    raise _leads_out(path, name)
                item = group[name]
                if isinstance(item, h5py.Dataset) and (item.external or item.is_virtual):
                    raise _leads_out(path, name)
                # Groups may hold each other.
                if isinstance(item, h5py.Group) and item.id not in seen:
                    seen.add(item.id)
                    waiting.append(item)


def _leads_out(path: Path, name: str) -> UserError:
    return UserError(
        f"{path} takes {name!r} from another file, and was not read. Copy all of it into one file: "
        "xarray.open_dataset(...).load().to_netcdf(...)."
    )
