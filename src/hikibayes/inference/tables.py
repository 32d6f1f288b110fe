"""A table of participants as a person hands it in, made fit for a model or refused with one message.

Columns carry the study's measure ids, or are mapped to them. What a model does not use is not looked at. Rows with an
empty cell in what it uses are left out, and the result says which and why.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from ..record.measures import Measure
from ..record.study import Study
from ..spec import InputError, unknown_name

__all__ = ["Participants", "participants", "read_participants"]


@dataclass(frozen=True, kw_only=True)
class Participants:
    """Complete rows, and what became of the others.

    Parameters
    ----------
    frame : pandas.DataFrame
        A row a participant, columns named by measure id: floats, and labels for categories.
    left_out : mapping of int to str
        Why a row of the table is not in the frame, by its number (the first row below the header is 1).
    """

    frame: pd.DataFrame
    left_out: Mapping[int, str]

    @property
    def notice(self) -> str:
        """One sentence on the rows that were left out; empty where there are none."""
        if not self.left_out:
            return ""
        rows = [f"{row} ({why})" for row, why in self.left_out.items()]
        more = f" and {len(rows) - 10} more" if len(rows) > 10 else ""
        total = len(self.left_out) + len(self.frame)
        return f"{len(rows)} of {total} rows are left out for empty cells: {', '.join(rows[:10])}{more}"


def read_participants(
    path: str | Path, study: Study, measures: Sequence[str], *, columns: Mapping[str, str] | None = None
) -> Participants:
    """Read a CSV file of participants (UTF-8, comma, one header line).

    Parameters
    ----------
    path : str or Path
        The file.
    study : Study
        What the measures are.
    measures : sequence of str
        The measures that are needed.
    columns : mapping of str to str, optional
        Header by measure id, for measures whose column is called otherwise.

    Returns
    -------
    Participants

    Raises
    ------
    InputError
        The file cannot be read or has no rows, and whatever `participants` raises.
    """
    try:
        # as text: what is a number and what is not is decided per measure, with a message of our own
        raw = pd.read_csv(path, dtype=str, encoding="utf-8-sig")
    except OSError as error:
        raise InputError(f"cannot be read ({error.strerror})", source=path) from None
    except UnicodeDecodeError:
        raise InputError("is not UTF-8 text; save it as UTF-8", source=path) from None
    except (pd.errors.EmptyDataError, pd.errors.ParserError) as error:
        raise InputError(f"is not a CSV table with one header line: {error}", source=path) from None
    try:
        return participants(raw, study, measures, columns=columns)
    except InputError as error:
        raise InputError(str(error), source=path) from None


def participants(
    table: pd.DataFrame, study: Study, measures: Sequence[str], *, columns: Mapping[str, str] | None = None
) -> Participants:
    """Check a table against a study's measures, and leave out what is incomplete.

    Parameters
    ----------
    table : pandas.DataFrame
        A row a participant.
    study, measures, columns
        As in `read_participants`.

    Returns
    -------
    Participants

    Raises
    ------
    InputError
        A header that is not there (the nearest is named), two measures on one column, text or a value outside the
        measure's range, an unknown label, a group without participants, a measure with the same value in every row, or
        no complete row at all.
    """
    headers = _headers(table, study, measures, columns or {})
    typed = {name: _typed(table[header], study.measure(name), header) for name, header in headers.items()}
    frame = pd.DataFrame(typed)
    empty = frame.isna()
    complete = ~empty.any(axis=1).to_numpy()
    left_out = {
        int(i) + 1: "no " + ", ".join(str(name) for name in frame.columns[empty.iloc[i].to_numpy()])
        for i in np.flatnonzero(~complete)
    }
    kept = frame[complete].reset_index(drop=True)
    if kept.empty:
        raise InputError(f"none of the {len(frame)} rows has all of {', '.join(measures)}")
    _check_variation(kept, study)
    return Participants(frame=kept, left_out=left_out)


def _headers(table: pd.DataFrame, study: Study, measures: Sequence[str], columns: Mapping[str, str]) -> dict[str, str]:
    for name in columns:
        study.measure(name)
    known = [str(header) for header in table.columns]
    headers = {name: columns.get(name, name) for name in measures}
    for name, header in headers.items():
        if header not in known:
            raise InputError(unknown_name(f"column for {name!r}," if header != name else "column", header, known))
        if known.count(header) > 1:
            raise InputError(f"column {header!r} occurs {known.count(header)} times; a header must be there once")
    used = list(headers.values())
    if twice := sorted({header for header in used if used.count(header) > 1}):
        both = " and ".join(name for name, header in headers.items() if header == twice[0])
        raise InputError(f"column {twice[0]!r} is mapped to {both}; a column holds one measure")
    return headers


def _typed(values: pd.Series, measure: Measure, header: str) -> pd.Series:
    return _labels(values, measure, header) if measure.kind == "category" else _numbers(values, measure, header)


def _labels(values: pd.Series, measure: Measure, header: str) -> pd.Series:
    levels = [level.id for level in measure.levels]
    labels = [None if empty else str(value).strip() for value, empty in zip(values, values.isna(), strict=True)]
    for row, label in enumerate(labels, start=1):
        if label is not None and label not in levels:
            raise InputError(f"row {row}: {unknown_name('label', label, levels)}", key=f"column {header!r}")
    return pd.Series(labels, index=values.index, dtype=object)


def _numbers(values: pd.Series, measure: Measure, header: str) -> pd.Series:
    numbers = pd.to_numeric(values, errors="coerce").astype(float)
    low, high = measure.limits
    wrong = values.notna() & ~((numbers >= low) & (numbers <= high))
    if wrong.any():
        row = int(np.flatnonzero(wrong)[0])
        accepted = f"{measure.label} runs from {low:g} to {high:g}"
        raise InputError(f"row {row + 1}: found {str(values.iloc[row])!r}; {accepted}", key=f"column {header!r}")
    return numbers


def _check_variation(frame: pd.DataFrame, study: Study) -> None:
    group = study.analysis.group
    if group in frame:
        counts = frame[group].value_counts()
        for name in study.group_ids:
            if name not in counts:
                found = ", ".join(f"{n} in {label}" for label, n in counts.items())
                raise InputError(f"group {name!r} has no complete row ({found}); both groups are needed", key=group)
    for measure, values in frame.items():
        if values.nunique() < 2:
            raise InputError(f"has the same value in every row ({values.iloc[0]}); it must vary", key=str(measure))
