"""Run folders: every file written aside and renamed, and a record of the run beside them.

Two equal runs write equal bytes, apart from ``run.json``, which holds time and machine.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import pandas as pd

from ..files import put, write_whole
from ..provenance import RunRecord, file_digest, read_record
from ..spec import InputError

__all__ = ["Content", "csv_text", "run_folder", "write_file", "write_run"]

type Content = pd.DataFrame | str | bytes | Callable[[Path], None]
"""A table, a text, bytes, or a function that writes to the path it is given."""


def run_folder(study: str, verb: str, out: Path | None) -> Path:
    """Return where a run's files go: what the person said, or ``results/<study>/<verb>/``."""
    return out or Path("results") / study / verb


def csv_text(table: pd.DataFrame) -> str:
    """Return a table as CSV, the same bytes everywhere: eight digits, line feeds, empty for missing."""
    return table.to_csv(index=False, float_format="%.8g", lineterminator="\n")


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
        The folder cannot be written to, or the disk is full; nothing is left behind then.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        aside = Path(tempfile.mkdtemp(prefix=".writing-", dir=folder))
    except OSError as error:
        raise InputError(f"cannot be written to ({error.strerror}); choose another with --out", source=folder) from None
    earlier = _written_before(folder, record.inputs)
    try:
        for name, content in contents.items():
            put(aside / name, _plain(content))
        # netCDF holds creation properties of its library and is compared by values, not bytes
        digests = {name: file_digest(aside / name) for name in sorted(contents) if not name.endswith(".nc")}
        put(aside / "run.json", record.replace(outputs=digests).model_dump_json(indent=2) + "\n")
        for name in (*contents, "run.json"):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (aside / name).replace(folder / name)
        for name in earlier - {*contents, "run.json"}:
            _remove(folder, name)
    except OSError as error:
        raise InputError(f"writing failed ({error.strerror}); nothing was left behind", source=folder) from None
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def _written_before(folder: Path, inputs: Iterable[str]) -> set[str]:
    """Return the files of the run that a folder holds, as its record lists them, and the report made of them.

    None where the record cannot be read, or where the new run has read from the folder: it builds on the earlier one.
    """
    if any(folder.resolve() in Path(name).resolve().parents for name in inputs):
        return set()
    try:
        return {*read_record(folder).outputs, "report.html"}
    except InputError:
        return set()


def _remove(folder: Path, name: str) -> None:
    """Remove a file of an earlier run, and the folder it was alone in; a name that leads elsewhere is left alone."""
    path = folder / name
    if folder.resolve() not in path.resolve().parents:
        return
    path.unlink(missing_ok=True)
    while path.parent != folder and not any(path.parent.iterdir()):
        path = path.parent
        path.rmdir()


def write_file(path: Path, content: Content) -> None:
    """Write one file beside those of a run: aside, then renamed; raises `InputError` like `write_run`."""
    write_whole(path, _plain(content))


def _plain(content: Content) -> str | bytes | Callable[[Path], None]:
    return csv_text(content) if isinstance(content, pd.DataFrame) else content
