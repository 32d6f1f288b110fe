"""Files that are there as a whole or not at all; netCDF by way of memory.

The netCDF library ends the process where a disk is full, so nothing is written through it: the bytes are made in memory
and written like any other file, aside and then renamed. Whatever is wrong with a file that is read is one message, and
so is a file of a format that only a newer version knows.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .spec import InputError

if TYPE_CHECKING:
    import xarray as xr

FORMAT = 1
"""Of run folders, netCDF and Parquet: rises when an older version could not read a newer one's. Without one it is 0."""
STAMP = "hikibayes_format"
"""The attribute of a netCDF file that holds it."""

type Content = bytes | str | Callable[[Path], None]


def put(path: Path, content: Content) -> None:
    """Write a file where it is, making folders that are not there; raises `OSError`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if callable(content):
        content(path)
    else:
        path.write_bytes(content.encode() if isinstance(content, str) else content)


def write_whole(path: Path, content: Content) -> None:
    """Write a file aside, then rename it; folders that are not there are made.

    Parameters
    ----------
    path : Path
    content : bytes, str or function
        Text is written as UTF-8; a function writes to the path that it is given.

    Raises
    ------
    InputError
        It cannot be written, or the disk is full; what was there before is still there, and nothing else.
    """
    # several processes may write the same file: each has its own aside, and the last one wins
    aside = path.with_name(f".writing-{os.getpid()}-{path.name}")
    try:
        put(aside, content)
        aside.replace(path)
    except OSError as error:
        raise InputError(f"cannot be written ({error.strerror or error})", source=path) from None
    finally:
        _remove(aside)


def _remove(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except OSError:  # its folder is a file, or gone
        return


def known_format(found: int, path: Path) -> None:
    """Refuse a format that is newer than `FORMAT`; raises `InputError`."""
    if found > FORMAT:
        raise InputError(f"is of format {found}, and this version reads up to {FORMAT}; update hikibayes", source=path)


def netcdf_bytes(data: xr.Dataset | xr.DataTree, encoding: Mapping[str, Mapping[str, Any]] | None = None) -> bytes:
    """Return a data set, or a tree of them, as the bytes of a netCDF file."""
    options: dict[str, Any] = {"encoding": dict(encoding)} if encoding else {}
    stamped = data.copy()
    stamped.attrs[STAMP] = FORMAT
    with memoryview(stamped.to_netcdf(engine="h5netcdf", **options)) as view:
        return bytes(view)


def read_dataset(path: Path, group: str | None = None) -> xr.Dataset:
    """Read one group of a netCDF file, by default the one at its root.

    Raises
    ------
    InputError
        There is no such file or group, the file is damaged or no netCDF, or a newer version wrote it.
    """
    import xarray as xr

    return _read(path, lambda: xr.load_dataset(path, group=group, engine="h5netcdf"))


def read_tree(path: Path) -> xr.DataTree:
    """Read every group of a netCDF file; raises like `read_dataset`."""
    import xarray as xr

    return _read(path, lambda: xr.load_datatree(path, engine="h5netcdf"))


def _read[T: (xr.Dataset, xr.DataTree)](path: Path, read: Callable[[], T]) -> T:
    if not path.is_file():
        raise InputError("cannot be read (No such file)", source=path)
    try:
        known_format(_stamped(path), path)
        found = read()
    except InputError:
        raise
    except Exception as error:
        said = (str(error).splitlines() or [type(error).__name__])[0]
        raise InputError(f"is damaged, or not the netCDF file it should be ({said[:200]})", source=path) from None
    found.attrs.pop(STAMP, None)
    return found


def _stamped(path: Path) -> int:
    """Return a file's format: it stands at the root, whichever group is read."""
    import h5netcdf

    with h5netcdf.File(path) as file:
        return int(file.attrs.get(STAMP, 0))
