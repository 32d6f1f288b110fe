"""A table of participants as a person hands it in, made fit for a model or refused with one message.

Columns carry the study's measure ids in any case and spacing, or are mapped to them; a total that is not there is made
of its items. What a model does not use is not looked at. Rows with an empty cell in what it uses are left out, and the
result says which and why.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from math import isfinite
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ...spec import InputError, unknown_name
from ...study.measures import Measure
from ...study.study import Study
from ..answers.remarks import Remark, row_runs, table_remarks
from .files import EMPTY, RawTable, as_text, each_once, numbers_of, raw_table, read_table
from .labels import exact, loose, named, read_labels
from .mapping import TableMapping, load_mapping
from .numbers import GAPS, decimal_sign, number_of, numbers_written

CODE = re.compile(r"-?\d{1,9}(\.\d{1,6})?")
"""A number as short as codes for no answer are."""


@dataclass(frozen=True, kw_only=True)
class Participants:
    """Complete rows, and what became of the others.

    Parameters
    ----------
    frame : pandas.DataFrame
        A row a participant, columns named by measure id: floats, and labels for categories.
    left_out : mapping of int to str
        Why a row of the table is not in the frame, by its number (the first row below the header is 1).
    remarks : tuple of Remark
        The rows that were left out, and what can be used and is odd nevertheless: see
        `hikibayes.inference.answers.remarks`.
    """

    frame: pd.DataFrame
    left_out: Mapping[int, str]
    remarks: tuple[Remark, ...] = ()


def participants(
    table: str | Path | pd.DataFrame | RawTable,
    study: Study,
    measures: Sequence[str],
    *,
    columns: Mapping[str, str] | None = None,
    mapping: str | Path | TableMapping | None = None,
) -> Participants:
    """Check a table against a study's measures, and leave out what is incomplete.

    Parameters
    ----------
    table : str, Path, pandas.DataFrame or RawTable
        A file (see `hikibayes.inference.data.files.read_table`), or a table, with a row a participant.
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
        The file cannot be read; a header that is not there (the nearest is named), two measures on one column, text or
        a value outside the measure's range, an unknown label, a code for missing that is a possible value, a group
        without participants, a measure with the same value in every row, or no complete row at all.
    """
    if isinstance(table, str | Path):
        stated, raw = load_mapping(mapping), read_table(table)
        try:
            return participants(raw, study, measures, columns=columns, mapping=stated)
        except InputError as error:
            raise InputError(str(error), source=table) from None
    stated = load_mapping(mapping).with_columns(columns or {})
    stated.check(study)
    raw = table if isinstance(table, RawTable) else raw_table(table)
    places = _places(raw.frame, study, measures, stated)
    read = {name: _read(raw, study.measure(name), headers, stated) for name, headers in places.items()}
    frame = pd.DataFrame({name: column.values for name, column in read.items()})
    incomplete = _together([column.why for column in read.values()])
    kept = frame.drop(index=list(incomplete)).reset_index(drop=True)
    left_out = dict(zip(raw.numbered(incomplete), incomplete.values(), strict=True))
    if kept.empty:
        raise InputError(f"none of the {len(frame)} rows has all of {', '.join(measures)}")
    _check_variation(kept, study)
    odd = [remark for column in read.values() for remark in column.remarks]
    groups = read[study.analysis.group].values if study.analysis.group in read else None
    remarks = (
        *_left_out(left_out, len(frame)),
        *_loose_headers(places, stated),
        *odd,
        *_unequal_totals(raw, study, read, places, stated),
        *(each for each in table_remarks(raw, kept, groups, study) if _begins(each) not in map(_begins, odd)),
    )
    return Participants(frame=kept, left_out=left_out, remarks=remarks)


@dataclass(frozen=True, kw_only=True)
class _Column:
    """A measure's values, by position of each row that has none why, and what is odd about them."""

    values: Any
    why: dict[int, str]
    remarks: tuple[Remark, ...] = ()


def _begins(remark: Remark) -> tuple[str, str]:
    """Return what a remark is of, and its first word: a code that a file labels need not be suspected once more."""
    return remark.of, remark.text.partition(" ")[0]


def _together(reasons: Sequence[Mapping[int, str]]) -> dict[int, str]:
    """Put the reasons of several columns together, in the order of the rows."""
    rows = sorted(set().union(*reasons))
    return {row: ", ".join(why[row] for why in reasons if row in why) for row in rows}


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
    found = named(wanted, map(str, table.columns))
    if len(set(found)) > 1:
        both = " and ".join(map(repr, found))
        raise InputError(f"columns {both} may each be {wanted!r}; say which under [columns] of a mapping file")
    if len(found) > 1:
        raise InputError(f"column {found[0]!r} occurs {len(found)} times; a header must be there once")
    return found[0] if found else None


def _loose_headers(places: Mapping[str, tuple[str, ...]], stated: TableMapping) -> Iterator[Remark]:
    """Say which columns were found only by overlooking case and blanks."""
    said = []
    for name, headers in places.items():
        wanted = [name] if len(headers) == 1 else [f"{name}_{number:02d}" for number in range(1, len(headers) + 1)]
        pairs = zip(wanted, headers, strict=True)
        said += [f"{w} = {h!r}" for w, h in pairs if exact(h) != exact(stated.columns.get(w, w))]
    if said:
        text = f"columns found by overlooking case and blanks: {', '.join(said)}"
        yield Remark(kind="loose_headers", of="", count=len(said), text=text)


# -- cells ------------------------------------------------------------------------------------------------------------


def _read(raw: RawTable, measure: Measure, headers: tuple[str, ...], stated: TableMapping) -> _Column:
    missing = _missing_codes(measure, stated)
    if measure.kind == "category":
        return _category(raw, measure, headers[0], missing, stated)
    from_items = len(headers) > 1
    limits = tuple(map(float, measure.response)) if from_items and measure.response else measure.possible
    parts = []
    for number, header in enumerate(headers, start=1):
        name = f"{measure.id}_{number:02d}" if from_items else measure.id
        labels = raw.value_labels.get(header, {})
        column = None if missing else _plain(raw.frame[header], name, limits)
        if column is None:
            column = _numbers(_cells(raw.frame[header], missing, name, gaps=EMPTY | GAPS), measure, header, limits, raw)
        labelled = tuple(_labelled_codes(name, column.values, labels)) if labels else ()
        parts.append(replace(column, remarks=(*column.remarks, *labelled)))
    table = np.array([part.values for part in parts], dtype=float)
    total = table.mean(axis=0) if from_items and measure.score == "mean" else table.sum(axis=0)
    if measure.id in stated.reversed:
        total = sum(measure.limits) - total
    why = _together([part.why for part in parts])
    return _Column(values=total, why=why, remarks=tuple(r for part in parts for r in part.remarks))


def _plain(cells: pd.Series, name: str, limits: tuple[float, ...]) -> _Column | None:
    """Read numbers that the table has as such; None where cells have to be read one by one, or refused."""
    values = numbers_of(cells)
    if values is None or not (np.isnan(values) | ((values >= limits[0]) & (values <= limits[1]))).all():
        return None
    return _Column(values=values, why=dict.fromkeys(np.flatnonzero(np.isnan(values)).tolist(), f"no {name}"))


def _cells(
    values: pd.Series,
    missing: frozenset[str],
    name: str,
    labels: frozenset[str] = frozenset(),
    gaps: frozenset[str] = EMPTY,
) -> _Column:
    """Texts of a column; where there is none, why."""

    def reason(value: object) -> str | None:
        text = as_text(value)
        if text is not None and missing and _code(text) in missing:
            return f"{name} is {text}, declared missing"
        return f"no {name}" if text is None or (text.lower() in gaps and exact(text) not in labels) else None

    texts, why = each_once(values, as_text), each_once(values, reason)
    rows = np.flatnonzero(pd.notna(why))
    texts[rows] = None
    return _Column(values=texts, why={row: why[row] for row in rows.tolist()})


def _category(raw: RawTable, measure: Measure, header: str, missing: frozenset[str], stated: TableMapping) -> _Column:
    own = stated.labels.get(measure.id, {})
    names = {name: level.id for level in measure.levels for name in (level.label, level.id)}
    value_labels = raw.value_labels.get(header, {})
    cells = _cells(raw.frame[header], missing, measure.id, frozenset(map(exact, (*own, *names))))
    where = f"column {header!r}"
    try:
        levels, loosely = read_labels(pd.unique(cells.values[pd.notna(cells.values)]), (own, names), value_labels)
    except InputError as error:
        raise InputError(f"{error}, under [labels.{measure.id}]", key=where) from None
    for text in pd.unique(cells.values):
        if text is not None and text not in levels:
            row = raw.numbered([cells.values.tolist().index(text)])[0]
            accepted = unknown_name(
                "label", _short(value_labels.get(text, text)), [level.id for level in measure.levels]
            )
            how = f"say what it means under [labels.{measure.id}] of a mapping file, or declare it missing"
            raise InputError(f"row {row}: {accepted}; {how}", key=where)
    said = ", ".join(f"{text!r} as {level}" for text, level in loosely.items())
    remarks = [
        Remark(
            kind="loose_labels", of=measure.id, count=len(loosely), text=f"read by overlooking case and blanks: {said}"
        )
    ]
    return _Column(
        values=each_once(pd.Series(cells.values, dtype=object), lambda text: text and levels[text]),
        why=cells.why,
        remarks=tuple(remarks if said else ()),
    )


def _numbers(cells: _Column, measure: Measure, header: str, limits: tuple[float, ...], raw: RawTable) -> _Column:
    """Return texts as numbers within limits."""
    low, high = limits
    value_labels, where = raw.value_labels.get(header, {}), f"column {header!r}"
    texts = pd.unique(cells.values[pd.notna(cells.values)])
    elsewhere = partial(decimal_sign, raw.frame.drop(columns=header))
    read = numbers_written(texts, elsewhere, below_thousand=max(-low, high) < 1000)
    outside = [text for text, number in read.of.items() if not low <= number <= high]
    # where few cells are numbers none is read; the message is about one that cannot be
    bad = [read.at] if read.at else [text for text in outside if not low <= number_of(text) <= high] or outside
    if bad:
        text = bad[0]
        row = raw.numbered([cells.values.tolist().index(text)])[0]
        count = int(np.isin(cells.values.astype(str), outside).sum())
        advice = (
            f", and {count} of {len(cells.values)} values are outside; is it in another unit?"
            if 2 * count > len(cells.values) and isfinite(number_of(text))
            else _how_missing(measure, text, limits, value_labels)
        )
        accepted = f"{measure.label} runs from {low:g} to {high:g}{advice}"
        labelled = f", labelled {value_labels[text]!r}" if text in value_labels else ""
        found = read.problem or f"found {_short(text)!r}{labelled}; {accepted}"
        raise InputError(f"row {row}: {found}", key=where)
    values = np.array([np.nan if text is None else read.of[text] for text in cells.values])
    return replace(cells, values=values, remarks=tuple(as_written(measure.id, read.said, len(values))))


def as_written(of: str, said: str, count: int) -> Iterator[Remark]:
    """Say how numbers were read that are more than digits and a decimal sign."""
    if said:
        yield Remark(kind="read_as_numbers", of=of, count=count, text=f"read as numbers: {said}")


def _how_missing(measure: Measure, text: str, limits: tuple[float, ...], value_labels: Mapping[str, str]) -> str:
    """Say how codes are declared missing; all those at once that a file labels and that are outside the range."""
    low, high = limits
    outside = [code for code in dict.fromkeys((text, *value_labels)) if not low <= number_of(code) <= high]
    if not CODE.fullmatch(text):
        return ""
    codes = ", ".join(filter(CODE.fullmatch, outside))
    return f"; if it means no answer, say so in a mapping file: under [missing_in], {measure.id} = [{codes}]"


def _labelled_codes(name: str, values: Sequence[float], value_labels: Mapping[str, str]) -> Iterator[Remark]:
    """Name the values that a file labels where it does not label most: ``99 = DK``, not ``1 = never``."""
    counts = pd.Series(values, dtype=float).value_counts()
    labelled = {value: value_labels[text] for value in counts.index if (text := f"{value:.15g}") in value_labels}
    if 2 * len(labelled) > len(counts):
        return
    for value, label in labelled.items():
        text = (
            f"{value:g} occurs {counts[value]} times and is labelled {label!r} in the file; if it means no answer,"
            f" say so in a mapping file: under [missing_in], {name} = [{value:g}]"
        )
        yield Remark(kind="labelled_code", of=name, count=int(counts[value]), text=text)


def _short(text: str) -> str:
    return text if len(text) <= 60 else f"{text[:57]}..."


def _missing_codes(measure: Measure, stated: TableMapping) -> frozenset[str]:
    """Codes for missing in a measure's column; one for every column must not be a possible value of this one."""
    if measure.kind == "scale" or measure.range:
        low, high = measure.limits
        for code in stated.missing:
            if low <= number_of(code) <= high:
                raise InputError(
                    f"{code} is a possible value of {measure.label} ({low:g} to {high:g});"
                    " name the measures that it is missing in under [missing_in]",
                    key="missing",
                )
    return frozenset(map(_code, (*stated.missing, *stated.missing_in.get(measure.id, ()))))


def _code(text: str) -> str:
    """Write a code so that 9, 9.0 and 9,0 are one."""
    number = number_of(text)
    return loose(text) if np.isnan(number) else repr(number)


# -- what is odd ------------------------------------------------------------------------------------------------------


def _check_variation(frame: pd.DataFrame, study: Study) -> None:
    group = study.analysis.group
    if group in frame:
        counts = frame[group].value_counts()
        for name in (group.id for group in study.groups):
            if name not in counts:
                found = ", ".join(f"{n} in {label}" for label, n in counts.items())
                raise InputError(f"group {name!r} has no complete row ({found}); each group is needed", key=group)
    for measure, values in frame.items():
        if not (values != values.iloc[0]).any():
            raise InputError(f"has the same value in every row ({values.iloc[0]}); it must vary", key=str(measure))


def _unequal_totals(
    raw: RawTable,
    study: Study,
    read: Mapping[str, _Column],
    places: Mapping[str, tuple[str, ...]],
    stated: TableMapping,
) -> Iterator[Remark]:
    """Compare totals with the sums of their items, where a table has both."""
    for name, headers in places.items():
        measure = study.measure(name)
        items = _items(raw.frame, measure, stated)
        if len(headers) > 1 or not items or not all(items.values()):
            continue
        summed = _read(raw, measure, tuple(filter(None, items.values())), stated)
        pairs = np.array([read[name].values, summed.values], dtype=float)
        if unequal := raw.numbered(np.flatnonzero(np.abs(pairs[0] - pairs[1]) > 1e-6)):
            text = f"the total is not what its items make in {row_runs(unequal)}; the total is used"
            yield Remark(kind="unequal_totals", of=name, count=len(unequal), text=text)


def _left_out(left_out: Mapping[int, str], total: int) -> Iterator[Remark]:
    """One sentence on the rows that are left out."""
    if left_out:
        by_reason: dict[str, list[int]] = {}
        for row, why in left_out.items():
            by_reason.setdefault(why, []).append(row)
        reasons = "; ".join(f"{why} ({row_runs(rows)})" for why, rows in by_reason.items())
        text = f"{len(left_out)} of {total} rows are left out: {reasons}"
        yield Remark(kind="left_out", of="", count=len(left_out), text=text)
