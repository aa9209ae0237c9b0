"""netCDF files, of which some come from others: what is wrong with one is said in a sentence."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from insilico.errors import UserError

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["check_self_contained", "opened"]


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

    try:
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
