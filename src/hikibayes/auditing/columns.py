"""Whether columns of a table were interchanged, or one moved by a row: many contradictions with one cause."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import combinations
from typing import Any

from pydantic import ValidationError

from ..study.facts import Fact
from ..study.study import Study
from .checks.rows import Check, one_of

ROW = ("of", "with_", "term", "level")
"""What a row of a table is about; the rest of an address says which column."""
NUMBER = ("value", "relation", "within", "absolute", "unit")
FEWEST = 3
"""Contradictions that one mistake of a column has to explain, and rows that a column has."""

type Column = tuple[Fact, ...]


def mistaken_columns(
    study: Study, rows: Iterable[Check], audited: Callable[[Study], Iterable[Check]]
) -> list[tuple[str, Column, int]]:
    """Return the mistake of whole columns that explains the most: in words, whose numbers, contradictions left.

    Parameters
    ----------
    study : Study
        With its readings decided.
    rows : iterable of Check
        What the audit found.
    audited : callable
        The audit of a study with other numbers.

    Returns
    -------
    list of (str, tuple of Fact, int)
        Empty where no such mistake explains `FEWEST` contradictions and two thirds of all.
    """
    wrong = [row for row in rows if row.verdict == "inconsistent"]
    best, least = list[tuple[str, Column, int]](), min(len(wrong) - FEWEST, len(wrong) // 3)
    if least < 0:
        return []
    named = {name for row in wrong for name in row.facts}
    for words, facts, changes in _mistakes([column for column in _columns(study) if _accused(column, named)]):
        if (other := edited(study, changes)) is None:
            continue
        left = sum(row.verdict == "inconsistent" for row in audited(other))
        if left <= least:
            best, least = [(words, facts, left)], left - 1
    return best


def _columns(study: Study) -> list[Column]:
    """Return the numbers of one kind that differ in what their row is about, in the order of the file."""
    columns: dict[tuple[object, ...], list[Fact]] = {}
    for fact in study.facts:
        key = tuple((name, value) for name, value in fact.address.items() if name not in ("with", *ROW))
        columns.setdefault((fact.quantity, *key), []).append(fact)
    return [tuple(column) for column in columns.values() if len(column) >= FEWEST]


def _accused(column: Column, named: set[str]) -> bool:
    return sum(fact.id in named for fact in column) >= FEWEST - 1


def _mistakes(columns: list[Column]) -> Iterator[tuple[str, Column, dict[str, Fact | None]]]:
    """Yield each mistake in words, the numbers it is about, and which number each of them would be instead."""
    for one, other in combinations(columns, 2):
        rows = {_row(fact): fact for fact in other}
        pairs = [(fact, rows[_row(fact)]) for fact in one if _row(fact) in rows]
        if len(pairs) >= FEWEST - 1:
            changes: dict[str, Fact | None] = {}
            for fact, opposite in pairs:
                changes |= {fact.id: opposite, opposite.id: fact}
            facts = tuple(fact for pair in pairs for fact in pair)
            yield f"the columns {one_of(_names(one, other), 'and')} interchanged", facts, changes
    yield from _groups_interchanged(columns)
    for column in columns:
        [name] = _names(column)
        ids = [fact.id for fact in column]
        yield f"the column {name} moved up by a row", column, dict(zip(ids, (*column[1:], None), strict=True))
        yield f"the column {name} moved down by a row", column, dict(zip(ids, (None, *column[:-1]), strict=True))


def _groups_interchanged(columns: list[Column]) -> Iterator[tuple[str, Column, dict[str, Fact | None]]]:
    """Yield two groups' numbers of several kinds interchanged at once: means and SDs under each other's heading."""
    facts = [fact for column in columns for fact in column if fact.group]
    for one, other in combinations(dict.fromkeys(fact.group for fact in facts), 2):
        opposite = {(f.quantity, _row(f)): f for f in facts if f.group == other}
        here = [f for f in facts if f.group == one and (f.quantity, _row(f)) in opposite]
        pairs = [(f, opposite[f.quantity, _row(f)]) for f in here]
        kinds = list(dict.fromkeys(f.quantity for f, _ in pairs))
        if len(kinds) > 1:
            changes = {f.id: g for pair in pairs for f, g in (pair, pair[::-1])}
            words = f"the columns of {one} and {other} ({one_of(kinds, 'and')}) interchanged"
            yield words, tuple(f for pair in pairs for f in pair), dict(changes)


def _row(fact: Fact) -> tuple[object, ...]:
    return tuple(getattr(fact, key) for key in ROW)


def _names(*columns: Column) -> Iterator[str]:
    """Yield what columns are called: the kind of number, and where it stands."""
    for fact, *_ in columns:
        parts = {"between": "/".join(fact.between or ()), "at": " and ".join(f"{x} = {at}" for x, at in fact.at or ())}
        where = [str(value) for value in (fact.group, parts["between"], parts["at"], fact.step) if value]
        yield f"{fact.quantity} ({', '.join(where)})" if where else fact.quantity


def edited(study: Study, changes: Mapping[str, Fact | None]) -> Study | None:
    """Return the study with other numbers at some addresses, without those that have none; None where it cannot be."""
    content: dict[str, Any] = study.model_dump(exclude_unset=True)
    facts = []
    for fact in content["fact"]:
        given = changes.get(fact["id"], study.fact(fact["id"]))
        if given is not None:
            number = given.model_dump(exclude_unset=True, include=set(NUMBER))
            facts.append({key: value for key, value in fact.items() if key not in NUMBER} | number)
    try:
        return Study.model_validate({**content, "fact": facts})
    except ValidationError:
        return None
