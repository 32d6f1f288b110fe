"""Run folders: the files of a run and the record of how they were made, as a whole or not at all.

A run is made aside, in a hidden folder inside its own; one rename says that it is complete, and only then do its files
take the places of an earlier run's. Whoever opens a folder in between finishes the move first: after a crash at any
moment a reader finds the earlier run or the new one, never files of both.

Two equal runs write equal bytes, apart from ``run.json``, which holds time and machine.
"""

from __future__ import annotations

import io
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pandas as pd

from .files import known_format, put
from .provenance import RunRecord, file_digest
from .spec import InputError, read_object, read_text, validated
from .texts import guarded, unguarded

type Content = pd.DataFrame | str | bytes | Callable[[Path], None]
"""A table, a text, bytes, or a function that writes to the path it is given."""

RECORD = "run.json"
"""The file of a run folder that says how it was made."""
REPORT = "report.html"
COMPLETE = ".complete"
"""Inside a run folder: a whole run whose files have not all taken their places yet."""


def csv_text(table: pd.DataFrame) -> str:
    """Return a table as CSV, the same bytes everywhere: eight digits, line feeds, empty for missing.

    A text that a spreadsheet would compute has an apostrophe in front of it.
    """
    return _each_text(table, guarded).to_csv(index=False, float_format="%.8g", lineterminator="\n")


def csv_table(text: str, **options: Any) -> pd.DataFrame:
    """Read a table as `csv_text` writes it, with pandas' options; only an empty cell is missing."""
    table = pd.read_csv(io.StringIO(text), **{"keep_default_na": False, "na_values": [""], **options})
    return _each_text(table, unguarded)


def _each_text(table: pd.DataFrame, change: Callable[[Any], Any]) -> pd.DataFrame:
    texts = table.select_dtypes(["object", "string", "category"])
    return table.assign(**{str(name): texts[name].map(change, na_action="ignore") for name in texts}).rename(
        columns=change
    )


def write_run(folder: Path, contents: Mapping[str, Content], record: RunRecord) -> None:
    """Write a run's files, all of them or none.

    Parameters
    ----------
    folder : Path
        Made if it is not there. Files of the same names are replaced, and those that an earlier run wrote there and
        this one does not are removed, unless this one was made of them; others are left alone.
    contents : mapping of str to table, text, bytes or function
        File name to content.
    record : RunRecord
        Becomes ``run.json``, with the digests of the files.

    Raises
    ------
    InputError
        The folder cannot be written to, or the disk is full; what was there before is still there.
    """
    _write(folder, contents, lambda digests: record.replace(outputs=digests))


def renew_files(folder: Path, contents: Mapping[str, Content]) -> None:
    """Write some of a run's files anew, all of them or none; its record stays, with their digests.

    Raises
    ------
    InputError
        The folder is none that a run has written, or it cannot be written to.
    """
    record = read_record(folder)

    def renewed(digests: Mapping[str, str]) -> RunRecord:
        # a report is made of any run; only a run that wrote one itself vouches for it
        own = {name: digest for name, digest in digests.items() if name in record.outputs}
        return record.replace(outputs={**record.outputs, **own})

    _write(folder, contents, renewed)


def try_out(folder: Path) -> None:
    """Refuse a folder that cannot be written to, before the work is done; nothing is made.

    Raises
    ------
    InputError
        The folder, or the nearest one above it that is there, cannot be written to.
    """
    there = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    try:
        tempfile.TemporaryFile(dir=there).close()
    except OSError as error:
        raise InputError(f"cannot be written to ({error.strerror}); choose another with --out", source=folder) from None


def read_record(folder: Path) -> RunRecord:
    """Return the record of a run folder; a move that was interrupted is finished first.

    Raises
    ------
    InputError
        There is no such folder, it is empty or no run's, its record cannot be read, or a newer version wrote it.
    """
    if not folder.is_dir():
        raise InputError("there is no such folder; give one that a run has written", source=folder)
    finish(folder)
    path = folder / RECORD
    if not path.is_file():
        what = "is empty" if not any(folder.iterdir()) else f"has no {RECORD}"
        raise InputError(f"{what}; give a folder that a run has written", source=folder)
    record = _record(path)
    known_format(record.format, path)
    return record


def _record(path: Path) -> RunRecord:
    try:
        return validated(RunRecord, read_object(read_text(path), path.name), path.name)
    except InputError as error:
        raise InputError(f"is not the record of a run ({str(error).splitlines()[0]})", source=path) from None


def _write(folder: Path, contents: Mapping[str, Content], record: Callable[[dict[str, str]], RunRecord]) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        aside = Path(tempfile.mkdtemp(prefix=".writing-", dir=folder))
    except OSError as error:
        raise InputError(f"cannot be written to ({error.strerror}); choose another with --out", source=folder) from None
    try:
        finish(folder)
        for name, content in contents.items():
            if not _is_inside(aside, Path(name)):
                raise ValueError(f"{name} is no file of a run folder")
            put(aside / name, csv_text(content) if isinstance(content, pd.DataFrame) else content)
        # netCDF holds creation properties of its library and is compared by values, not bytes
        digests = {name: file_digest(aside / name) for name in sorted(contents) if not name.endswith(".nc")}
        put(aside / RECORD, record(digests).model_dump_json(indent=2) + "\n")
        with _alone(folder):
            _move(folder, folder / COMPLETE)
            aside.replace(folder / COMPLETE)
    except OSError as error:
        raise InputError(f"writing failed ({error.strerror}); nothing was left behind", source=folder) from None
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    finish(folder)


def finish(folder: Path) -> None:
    """Move a complete run to its place, if there is one; after an interruption the next call goes on from there.

    Whoever reads a file of a run folder without `read_record` calls this first.

    Raises
    ------
    InputError
        Its files cannot be moved.
    """
    if not (folder / COMPLETE).exists(follow_symlinks=False):
        return
    try:
        with _alone(folder):
            _move(folder, folder / COMPLETE)
    except OSError as error:
        raise InputError(f"a complete run lies in it and cannot be moved ({error.strerror})", source=folder) from None


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Keep other processes from moving files of a folder meanwhile, where the system has locks."""
    try:
        import fcntl  # not on Windows
    except ImportError:
        yield
        return
    held = os.open(folder, os.O_RDONLY)
    try:
        with suppress(OSError):  # some file systems have none
            fcntl.flock(held, fcntl.LOCK_EX)
        yield
    finally:
        os.close(held)


def _move(folder: Path, complete: Path) -> None:
    if complete.is_symlink():
        raise OSError(None, f"{COMPLETE} leads out of it")
    if (complete / RECORD).is_file():
        for name in _left_behind(folder, complete):
            _remove(folder, name)
        moved = [path.relative_to(complete) for path in sorted(complete.rglob("*")) if path.is_file()]
        # the record comes last: as long as it is here, there is something to do
        for path in sorted(moved, key=lambda path: path == Path(RECORD)):
            if not _is_inside(folder, path):
                raise OSError(None, f"{path} leads out of it")
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (complete / path).replace(folder / path)
    shutil.rmtree(complete, ignore_errors=True)


def _is_inside(folder: Path, name: Path) -> bool:
    """Tell whether a name stays in a folder, which may have come from somebody else, with links in it."""
    return ".." not in name.parts and folder.resolve() in ((folder / name).parent.resolve() / name.name).parents


def _left_behind(folder: Path, complete: Path) -> set[str]:
    """Return the files of the earlier run, as its record lists them, that the new one does not have.

    None where that record cannot be read, or where the new run has read from the folder: it builds on the earlier one.
    """
    new = _record(complete / RECORD)
    if not (folder / RECORD).is_file() or any(folder.resolve() in Path(name).resolve().parents for name in new.inputs):
        return set()
    try:
        return {*_record(folder / RECORD).outputs, REPORT} - {*new.outputs, RECORD}
    except InputError:
        return set()


def _remove(folder: Path, name: str) -> None:
    """Remove a file of an earlier run, and the folder it was alone in; a name that leads elsewhere is left alone."""
    path = folder / name
    if not _is_inside(folder, Path(name)):
        return
    path.unlink(missing_ok=True)
    while path.parent != folder and path.parent.is_dir() and not any(path.parent.iterdir()):
        path = path.parent
        path.rmdir()
