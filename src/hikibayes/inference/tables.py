"""A table of participants as a person hands it in, made fit for a model or refused with one message.

Columns carry the study's measure ids in any case and spacing, or are mapped to them; a total that is not there is made
of its items. What a model does not use is not looked at. Rows with an empty cell in what it uses are left out, and the
result says which and why.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import numpy as np
import pandas as pd

from ..record.facts import Fact
from ..record.measures import Measure
from ..record.study import Study
from ..spec import InputError, unknown_name
from .table_files import RawTable, as_text, read_table
from .table_mapping import TableMapping, load_mapping, plain

__all__ = ["Participants", "participants", "read_participants"]

NUMBER = re.compile(r"[+-]?(\d+([.,]\d*)?|[.,]\d+)(e[+-]?\d+)?", re.IGNORECASE)
THOUSANDS = re.compile(r"[+-]?\d{1,3}(,\d{3})+")
OPPOSITE = 3.0
"""Standard errors by which a difference must be on the other side of 0 than the printed one to be remarked upon."""


@dataclass(frozen=True, kw_only=True)
class Participants:
    """Complete rows, and what became of the others.

    Parameters
    ----------
    frame : pandas.DataFrame
        A row a participant, columns named by measure id: floats, and labels for categories.
    left_out : mapping of int to str
        Why a row of the table is not in the frame, by its number (the first row below the header is 1).
    warnings : tuple of str
        What can be used and is odd nevertheless: totals that are not the sum of their items, a measure that looks as
        if it were scored the other way round.
    """

    frame: pd.DataFrame
    left_out: Mapping[int, str]
    warnings: tuple[str, ...] = ()

    @property
    def notice(self) -> str:
        """One sentence on the rows that were left out; empty where there are none."""
        if not self.left_out:
            return ""
        by_reason: dict[str, list[int]] = {}
        for row, why in self.left_out.items():
            by_reason.setdefault(why, []).append(row)
        total = len(self.left_out) + len(self.frame)
        reasons = "; ".join(f"{why} ({_runs(rows)})" for why, rows in by_reason.items())
        return f"{len(self.left_out)} of {total} rows are left out: {reasons}"


def read_participants(
    path: str | Path,
    study: Study,
    measures: Sequence[str],
    *,
    columns: Mapping[str, str] | None = None,
    mapping: str | Path | TableMapping | None = None,
) -> Participants:
    """Read a file of participants: CSV, TSV or SPSS (see `hikibayes.inference.table_files.read_table`).

    Parameters
    ----------
    path : str or Path
        The file.
    study : Study
        What the measures are.
    measures : sequence of str
        The measures that are needed.
    columns : mapping of str to str, optional
        Header by measure id, for measures whose column is called otherwise; goes before the mapping's.
    mapping : str, Path or TableMapping, optional
        What headers, labels and codes mean, or a file that says so.

    Returns
    -------
    Participants

    Raises
    ------
    InputError
        The file cannot be read or has no rows, and whatever `participants` raises.
    """
    stated = load_mapping(mapping)
    raw = read_table(path)
    try:
        return participants(raw, study, measures, columns=columns, mapping=stated)
    except InputError as error:
        raise InputError(str(error), source=path) from None


def participants(
    table: pd.DataFrame | RawTable,
    study: Study,
    measures: Sequence[str],
    *,
    columns: Mapping[str, str] | None = None,
    mapping: str | Path | TableMapping | None = None,
) -> Participants:
    """Check a table against a study's measures, and leave out what is incomplete.

    Parameters
    ----------
    table : pandas.DataFrame or RawTable
        A row a participant.
    study, measures, columns, mapping
        As in `read_participants`.

    Returns
    -------
    Participants

    Raises
    ------
    InputError
        A header that is not there (the nearest is named), two measures on one column, text or a value outside the
        measure's range, an unknown label, a code for missing that is a possible value, a group without participants, a
        measure with the same value in every row, or no complete row at all.
    """
    stated = load_mapping(mapping).with_columns(columns or {})
    stated.check(study)
    raw = table if isinstance(table, RawTable) else RawTable(table, {})
    places = _places(raw.frame, study, measures, stated)
    read = {name: _read(raw, study.measure(name), headers, stated) for name, headers in places.items()}
    frame = pd.DataFrame({name: column.values for name, column in read.items()})
    reasons = [", ".join(filter(None, row)) for row in zip(*(column.why for column in read.values()), strict=True)]
    kept = frame[[not why for why in reasons]].reset_index(drop=True)
    if kept.empty:
        raise InputError(f"none of the {len(frame)} rows has all of {', '.join(measures)}")
    _check_variation(kept, study)
    return Participants(
        frame=kept,
        left_out={row: why for row, why in enumerate(reasons, start=1) if why},
        warnings=(*_unequal_totals(raw, study, read, places, stated), *_opposite(kept, study)),
    )


@dataclass(frozen=True, kw_only=True)
class _Column:
    """A measure's values, and for each row that has none why."""

    values: list[float] | list[str | None]
    why: list[str]


# -- headers ----------------------------------------------------------------------------------------------------------


def _places(
    table: pd.DataFrame, study: Study, measures: Sequence[str], stated: TableMapping
) -> dict[str, tuple[str, ...]]:
    """Return the header of each measure's column, or the headers of its items' columns."""
    places = {name: _place(table, study.measure(name), stated) for name in measures}
    used = [header for headers in places.values() for header in headers]
    if twice := sorted({header for header in used if used.count(header) > 1}):
        both = " and ".join(name for name, headers in places.items() if twice[0] in headers)
        raise InputError(f"column {twice[0]!r} is mapped to {both}; a column holds one measure")
    return places


def _place(table: pd.DataFrame, measure: Measure, stated: TableMapping) -> tuple[str, ...]:
    wanted = stated.columns.get(measure.id, measure.id)
    if found := _header(table, wanted):
        return (found,)
    items = _items(table, measure, stated)
    if any(items.values()):
        if absent := [name for name, header in items.items() if not header]:
            raise InputError(f"{len(items) - len(absent)} of {len(items)} item columns are there; no {absent[0]!r}")
        return tuple(header for header in items.values() if header)
    kind = f"column for {measure.id!r}," if wanted != measure.id else "column"
    raise InputError(unknown_name(kind, wanted, map(str, table.columns)))


def _items(table: pd.DataFrame, measure: Measure, stated: TableMapping) -> dict[str, str | None]:
    """Return the headers of a scale's items by ``<measure>_<nn>``; none for what is no scale."""
    names = [f"{measure.id}_{number:02d}" for number in range(1, (measure.items or 0) + 1)]
    return {name: _header(table, stated.columns.get(name, name)) for name in names}


def _header(table: pd.DataFrame, wanted: str) -> str | None:
    known = [str(header) for header in table.columns]
    found = [header for header in known if header == wanted] or [h for h in known if plain(h) == plain(wanted)]
    if len(found) > 1:
        raise InputError(f"column {found[0]!r} occurs {len(found)} times; a header must be there once")
    return found[0] if found else None


# -- cells ------------------------------------------------------------------------------------------------------------


def _read(raw: RawTable, measure: Measure, headers: tuple[str, ...], stated: TableMapping) -> _Column:
    missing = _missing_codes(measure, stated)
    if measure.kind == "category":
        cells = _cells(raw.frame[headers[0]], headers[0], missing, measure.id)
        levels = _labels(cells.values, measure, headers[0], stated, raw.value_labels.get(headers[0], {}))
        return _Column(values=levels, why=cells.why)
    from_items = len(headers) > 1
    limits = tuple(map(float, measure.response)) if from_items and measure.response else measure.limits
    parts = []
    for number, header in enumerate(headers, start=1):
        cells = _cells(raw.frame[header], header, missing, f"{measure.id}_{number:02d}" if from_items else measure.id)
        parts.append(_Column(values=_numbers(cells.values, measure, header, limits), why=cells.why))
    table = np.array([part.values for part in parts], dtype=float)
    total = table.mean(axis=0) if from_items and measure.score == "mean" else table.sum(axis=0)
    if measure.id in stated.reversed:
        total = sum(measure.limits) - total
    why = [", ".join(filter(None, row)) for row in zip(*(part.why for part in parts), strict=True)]
    return _Column(values=total.tolist(), why=why)


def _cells(values: pd.Series, header: str, missing: frozenset[str], name: str) -> _Column:
    """Texts of a column; where there is none, why."""
    texts = [as_text(value) for value in values]
    declared = [text is not None and _code(text) in missing for text in texts]
    why = [
        f"no {name}" if text is None else f"{name} is {text}, declared missing" if gone else ""
        for text, gone in zip(texts, declared, strict=True)
    ]
    return _Column(values=[None if gone else text for text, gone in zip(texts, declared, strict=True)], why=why)


def _labels(
    texts: Iterable[object], measure: Measure, header: str, stated: TableMapping, value_labels: Mapping[str, str]
) -> list[str | None]:
    levels = {plain(name): level.id for level in measure.levels for name in (level.label, level.id)}
    own = {plain(found): level for found, level in stated.labels.get(measure.id, {}).items()}
    labels: list[str | None] = []
    for row, text in enumerate(texts, start=1):
        says = [str(text), value_labels.get(str(text), "")]
        label = next((found for s in says for known in (own, levels) if (found := known.get(plain(s)))), None)
        if text is not None and label is None:
            accepted = unknown_name("label", says[1] or says[0], [level.id for level in measure.levels])
            how = f"say what it means under [labels.{measure.id}] of a mapping file, or declare it missing"
            raise InputError(f"row {row}: {accepted}; {how}", key=f"column {header!r}")
        labels.append(None if text is None else label)
    return labels


def _numbers(texts: Iterable[object], measure: Measure, header: str, limits: tuple[float, ...]) -> list[float]:
    low, high = limits
    numbers = []
    for row, text in enumerate(texts, start=1):
        # up to 999 a comma can only be a decimal one; beyond, 1,234 could be either, and is refused
        ambiguous = high >= 1000 and THOUSANDS.fullmatch(str(text))
        number = np.nan if text is None or ambiguous else _number(str(text))
        if text is not None and not low <= number <= high:
            accepted = f"{measure.label} runs from {low:g} to {high:g}"
            raise InputError(f"row {row}: found {text!r}; {accepted}", key=f"column {header!r}")
        numbers.append(number)
    return numbers


def _number(text: str) -> float:
    return float(text.replace(",", ".")) if NUMBER.fullmatch(text) else np.nan


def _missing_codes(measure: Measure, stated: TableMapping) -> frozenset[str]:
    """Codes for missing in a measure's column; one for every column must not be a possible value of this one."""
    if measure.kind != "category":
        low, high = measure.limits
        for code in stated.missing:
            if low <= _number(code) <= high:
                raise InputError(
                    f"{code} is a possible value of {measure.label} ({low:g} to {high:g});"
                    " name the measures that it is missing in under [missing_in]",
                    key="missing",
                )
    return frozenset(map(_code, (*stated.missing, *stated.missing_in.get(measure.id, ()))))


def _code(text: str) -> str:
    """Write a code so that 9, 9.0 and 9,0 are one."""
    number = _number(text)
    return plain(text) if np.isnan(number) else f"{number:g}"


# -- what is odd ------------------------------------------------------------------------------------------------------


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


def _unequal_totals(
    raw: RawTable,
    study: Study,
    read: Mapping[str, _Column],
    places: Mapping[str, tuple[str, ...]],
    stated: TableMapping,
) -> list[str]:
    """Compare totals with the sums of their items, where a table has both."""
    found = []
    for name, headers in places.items():
        measure = study.measure(name)
        items = _items(raw.frame, measure, stated)
        if len(headers) > 1 or not items or not all(items.values()):
            continue
        summed = _read(raw, measure, tuple(filter(None, items.values())), stated)
        pairs = np.array([read[name].values, summed.values], dtype=float)
        if unequal := (np.flatnonzero(np.abs(pairs[0] - pairs[1]) > 1e-6) + 1).tolist():
            found.append(f"{name}: the total is not what its items make in {_runs(unequal)}; the total is used")
    return found


def _opposite(frame: pd.DataFrame, study: Study) -> list[str]:
    """Name the measures whose groups differ the other way round than the study printed."""
    printed: dict[str, Fact] = {fact.of: fact for fact in study.facts if fact.of and fact.quantity in {"t", "d"}}
    found = []
    for name, fact in printed.items():
        if name not in frame or study.analysis.group not in frame or fact.absolute or not fact.between:
            continue
        first, second = (frame.loc[frame[study.analysis.group] == group, name] for group in fact.between)
        error = np.sqrt(first.var() / len(first) + second.var() / len(second))
        difference = (first.mean() - second.mean()) * np.sign(float(fact.value))
        if difference < -OPPOSITE * error:
            higher, lower = fact.between if fact.value > 0 else fact.between[::-1]
            found.append(
                f"{name}: the study has it higher in {higher} than in {lower}, this table lower;"
                f" if it is scored the other way round, say reversed = [{name!r}] in a mapping file"
            )
    return found


def _runs(rows: Sequence[int]) -> str:
    """Write row numbers with their runs drawn together: ``rows 3, 5-9``."""
    key: Callable[[tuple[int, int]], int] = lambda pair: pair[1] - pair[0]  # noqa: E731
    runs = [[row for _, row in run] for _, run in groupby(enumerate(rows), key)]
    text = ", ".join(f"{run[0]}-{run[-1]}" if len(run) > 1 else str(run[0]) for run in runs)
    return f"row {text}" if len(rows) == 1 else f"rows {text}"
