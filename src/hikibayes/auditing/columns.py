"""Whether columns of a table were interchanged, or one moved by a row: many contradictions with one cause."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

from ..study.facts import Fact
from ..study.study import Study
from .checks.rows import one_of
from .trials import Trial

ROW = ("of", "with_", "term", "level")
"""What a row of a table is about; the rest of an address says which column."""
FEWEST = 3
"""Contradictions that one mistake of a column has to explain, and rows that a column has."""

type Column = tuple[Fact, ...]


def mistaken_columns(trial: Trial) -> list[tuple[str, Column, int]]:
    """Return the mistake of whole columns that explains the most: in words, whose numbers, contradictions left.

    Returns
    -------
    list of (str, tuple of Fact, int)
        Empty where no such mistake explains `FEWEST` contradictions and two thirds of all.
    """
    wrong = trial.wrong
    best, least = list[tuple[str, Column, int]](), min(len(wrong) - FEWEST, len(wrong) // 3)
    if least < 0:
        return []
    named = {name for row in wrong for name in row.facts}
    for words, facts, changes in _mistakes([column for column in _columns(trial.study) if _accused(column, named)]):
        if least >= 0 and (left := trial.left(changes, least)) is not None:
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
        rows = {row_of(fact): fact for fact in other}
        pairs = [(fact, rows[row_of(fact)]) for fact in one if row_of(fact) in rows]
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
        opposite = {(f.quantity, row_of(f)): f for f in facts if f.group == other}
        here = [f for f in facts if f.group == one and (f.quantity, row_of(f)) in opposite]
        pairs = [(f, opposite[f.quantity, row_of(f)]) for f in here]
        kinds = list(dict.fromkeys(f.quantity for f, _ in pairs))
        if len(kinds) > 1:
            changes = {f.id: g for pair in pairs for f, g in (pair, pair[::-1])}
            words = f"the columns of {one} and {other} ({one_of(kinds, 'and')}) interchanged"
            yield words, tuple(f for pair in pairs for f in pair), dict(changes)


def row_of(fact: Fact) -> tuple[object, ...]:
    """Return what the row of a table is about that a fact stands in."""
    return tuple(getattr(fact, key) for key in ROW)


def _names(*columns: Column) -> Iterator[str]:
    """Yield what columns are called: the kind of number, and where it stands."""
    for fact, *_ in columns:
        parts = {"between": "/".join(fact.between or ()), "at": " and ".join(f"{x} = {at}" for x, at in fact.at or ())}
        where = [str(value) for value in (fact.group, parts["between"], parts["at"], fact.step) if value]
        yield f"{fact.quantity} ({', '.join(where)})" if where else fact.quantity
