"""A table as people have it, read as text: CSV and TSV from whichever spreadsheet, and SPSS files.

What is a number and what is a label is decided later, measure by measure (see `hikibayes.inference.data.tables`).
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterable, Mapping
from math import isnan
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ...arrays import FloatArray
from ...spec import InputError
from ...texts import shown, unguarded

DELIMITERS = "\t;,"
EMPTY = frozenset({"na", "n/a", "nan", "null", "none", ".", "#n/a"})
"""Texts that say that there is nothing, in any case, unless they are a level's own label."""
EXACT = 2.0**53
"""Floats hold every whole number below this."""


MOSTLY_EMPTY, FEW_CELLS = 10, 100_000
"""How many times as many cells as it has a table may be filled up to, and cells that do not count."""


class RawTable(NamedTuple):
    """A table of texts.

    Parameters
    ----------
    frame : pandas.DataFrame
        Columns in the file's order under their headers; cells are texts, or None where they are empty.
    value_labels : mapping of str to mapping
        By header, the label of each code, where the file has such (SPSS).
    rows : tuple of int
        Which rows of a file these are, where they are some of its rows; empty where they are all.
    """

    frame: pd.DataFrame
    value_labels: Mapping[str, Mapping[str, str]]
    rows: tuple[int, ...] = ()

    def numbered(self, positions: Iterable[int]) -> list[int]:
        """Return the numbers in the file of rows by their positions here; the first row below the header is 1."""
        return [self.rows[i] if self.rows else i + 1 for i in map(int, positions)]


def read_table(path: str | Path) -> RawTable:
    """Read a table by its ending: ``.sav`` and ``.zsav`` are SPSS files, everything else is CSV or TSV.

    Parameters
    ----------
    path : str or Path
        The file: UTF-8 with or without a byte-order mark, or UTF-16 with one; separated by commas, semicolons or tabs;
        one header line.

    Returns
    -------
    RawTable

    Raises
    ------
    InputError
        The file cannot be read, is no text or no such table, or pyreadstat, which reads SPSS files, is not installed.
    """
    path = Path(path)
    if path.suffix.lower() in {".sav", ".zsav"}:
        return _spss(path)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InputError(f"cannot be read ({error.strerror})", source=path) from None
    if content.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0")):
        raise InputError("is a workbook (Excel, LibreOffice); save the sheet as CSV", source=path)
    return RawTable(_rows(_text(content, path), path), {})


def raw_table(data: object) -> RawTable:
    """Take a table as Python has it: a path, a DataFrame of pandas or what turns into one, a mapping of columns.

    Named levels of an index are columns, too.

    Raises
    ------
    InputError
        As `read_table`; the table is empty, has headers in several rows, or is nothing of the above.
    """
    if isinstance(data, str | Path):
        return read_table(data)
    if isinstance(data, Mapping):
        try:
            data = pd.DataFrame(dict(data))
        except ValueError as error:
            raise InputError(f"is no table: {error}", key="data") from None
    elif not isinstance(data, pd.DataFrame) and hasattr(data, "to_pandas"):
        data = data.to_pandas()
    if not isinstance(data, pd.DataFrame):
        raise InputError(
            f"found {type(data).__name__}; a path, a DataFrame or a mapping of columns is expected", key="data"
        )
    if data.empty:
        raise InputError(
            f"has {len(data)} rows and {data.shape[1]} columns; a row for each person is expected", key="data"
        )
    if data.columns.nlevels > 1:
        raise InputError(f"has {data.columns.nlevels} rows of headers; join them to one name a column", key="data")
    if beside := [name for name in data.index.names if isinstance(name, str) and name not in data]:
        data = data.reset_index(level=beside)
    return RawTable(data.set_axis(list(map(str, data.columns)), axis=1), {})


def as_text(value: object) -> str | None:
    """Return a cell as text without spaces around it, whole numbers without decimals, or None where it is empty.

    Examples
    --------
    >>> as_text(2.0), as_text(" Control "), as_text(float("nan")), as_text(" ")
    ('2', 'Control', None, None)
    """
    if value is None or value is pd.NA or value is pd.NaT or (isinstance(value, float) and isnan(value)):
        return None
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return shown(str(value)).strip() or None


def numbers_of(cells: pd.Series) -> FloatArray | None:
    """Return a column of numbers as floats, NaN where it is empty; None where cells have to be read one by one."""
    if pd.api.types.is_bool_dtype(cells.dtype) or not pd.api.types.is_numeric_dtype(cells.dtype):
        return None
    if cells.dtype.kind == "c":
        raise InputError("holds complex numbers; real ones are expected", key=f"column {cells.name!r}")
    values = cells.to_numpy(dtype=np.float64, na_value=np.nan)
    # whole numbers that no float holds exactly are names
    return values if not (np.abs(values) >= EXACT).any() or cells.dtype.kind == "f" else None


def each_once[T](cells: pd.Series, read: Callable[[Any], T | None]) -> NDArray[np.object_]:
    """Read every cell, and each different text once: a category has few of them."""
    if pd.api.types.infer_dtype(cells, skipna=True) != "string":
        return np.fromiter(map(read, cells.tolist()), dtype=object, count=len(cells))
    codes, distinct = pd.factorize(cells)
    # empty cells have the code -1, the last place
    return np.array([*map(read, distinct), read(None)], dtype=object)[codes]


def _text(content: bytes, path: Path) -> str:
    encoding = "utf-16" if content[:2] in {b"\xff\xfe", b"\xfe\xff"} else "utf-8-sig"
    try:
        return content.decode(encoding)
    except UnicodeDecodeError as error:
        raise InputError(f"is not UTF-8 text (byte {error.start}); save it as UTF-8", source=path) from None


def _rows(text: str, path: Path) -> pd.DataFrame:
    # what else Python ends a line at stands inside cells
    lines = [line for line in re.split(r"\r\n?|\n", text) if line.strip()]
    if not lines:
        raise InputError("is empty; a table with one header line is expected", source=path)
    # the separator is what the header has most of; a comma in another's cells is a decimal one
    delimiter = max(DELIMITERS, key=_outside_quotes(lines[0]).count)
    try:
        header, *rows = csv.reader(io.StringIO("\n".join(lines)), delimiter=delimiter, strict=True)
    except csv.Error as error:
        raise InputError(f"is not a table with one header line: {error}", source=path) from None
    if not rows:
        raise InputError("has a header line and no row below it; a row for each person is expected", source=path)
    for number, row in enumerate(rows, start=1):
        if len(row) > len(header) and any(cell.strip() for cell in row[len(header) :]):
            raise InputError(f"row {number} has {len(row)} cells under {len(header)} headers", source=path)
    width = len(header)
    if width * len(rows) > MOSTLY_EMPTY * (sum(map(len, rows)) + FEW_CELLS):
        raise InputError(f"has {width:,} headers over {len(rows):,} rows that have hardly any cells", source=path)
    cells = [[unguarded(as_text(cell)) for cell in (row + [""] * width)[:width]] for row in rows]
    return pd.DataFrame(cells, columns=[unguarded(as_text(name) or "") for name in header], dtype=object)


def _outside_quotes(line: str) -> str:
    return "".join(line.split('"')[::2])


def _spss(path: Path) -> RawTable:
    try:
        import pyreadstat  # type: ignore[import-not-found,unused-ignore]
    except ImportError:
        raise InputError(
            "SPSS files need an extra: pip install 'hikibayes[spss]'; or save as CSV", source=path
        ) from None
    if not path.is_file():
        raise InputError("cannot be read (No such file or directory)", source=path)
    try:
        frame, meta = pyreadstat.read_sav(str(path))
    except Exception as error:  # pyreadstat has its own errors, which it keeps in a private module
        raise InputError(f"is not an SPSS file: {error}", source=path) from None
    labels = {
        header: {str(as_text(code)): as_text(label) or "" for code, label in codes.items()}
        for header, codes in meta.variable_value_labels.items()
    }
    return RawTable(pd.DataFrame({name: frame[name].map(as_text) for name in frame}, dtype=object), labels)
