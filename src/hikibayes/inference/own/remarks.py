"""What is said of the columns of one's own table: texts read as numbers, and what may be neither group nor number."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from ..answers.remarks import ID_HEADERS, Remark
from ..data.labels import loose
from ..data.tables import as_written
from .columns import OwnColumn

MANY, SMALL = 10, 5
"""Levels from which a column of texts is asked about; people a level up to which it is, beyond two levels."""


def own_remarks(
    columns: Mapping[str, OwnColumn], levels: Mapping[str, Sequence[str]], outcome: str
) -> Iterator[Remark]:
    """Look over the columns of a formula.

    Parameters
    ----------
    columns : mapping of str to OwnColumn
        By name.
    levels : mapping of str to sequence of str
        Levels of the columns that are taken for groups.
    outcome : str
        Name of the outcome.
    """
    for name, column in columns.items():
        if name in levels:
            yield from _many_levels(name, column, len(levels[name]))
            continue
        yield from as_written(name, column.said, len(column.cells))
        yield from _gap(name, column)
        if name != outcome:
            yield from _labelled(name, column)
            yield from _id(name, column)


def _gap(name: str, column: OwnColumn) -> Iterator[Remark]:
    """Name a word that is an empty cell among numbers and may be a level, as ``none`` of a dose is."""
    if column.gap:
        text = f"{column.gap!r} reads as an empty cell among numbers; is it a level? then C({name})"
        yield Remark(kind="empty_word", of=name, count=int((~column.known).sum()), text=text)


def _many_levels(name: str, column: OwnColumn, count: int) -> Iterator[Remark]:
    people, numeric = int(column.known.sum()), all(text[0].isdigit() for text in column.distinct)
    if column.numbers is None and count > 2 and (numeric or count > MANY or people < SMALL * count):
        looks = ", which look like numbers with something beside them" * numeric
        yield Remark(
            kind="many_levels",
            of=name,
            count=count,
            text=f"{count} texts in {people} rows{looks}, taken for groups; if they are numbers, write them as such,"
            f" and if they only tell the rows apart, leave {name} out",
        )


def _labelled(name: str, column: OwnColumn) -> Iterator[Remark]:
    """Name the numbers all of whose values a file labels: answers from 1 to 5, or groups."""
    if not column.labels:
        return
    found = column.distinct
    if len(found) > 2 and all(text in column.labels for text in found):
        shown = ", ".join(f"{text} = {column.labels[text]}" for text in found[:4]) + (", ..." if len(found) > 4 else "")
        yield Remark(
            kind="labelled_levels",
            of=name,
            count=len(found),
            text=f"taken for a number, and the file labels each of its values ({shown}); if they are groups, write"
            f" C({name}) in the formula",
        )


def _id(name: str, column: OwnColumn) -> Iterator[Remark]:
    """Name a predictor that is called an id and differs in every row."""
    numbers = np.asarray(column.numbers)[column.known]
    if ID_HEADERS.fullmatch(loose(column.header)) and len(np.unique(numbers)) == len(numbers):
        text = (
            "taken for a number, is another one in every row and called an id; leave it out if it only numbers people"
        )
        yield Remark(kind="id", of=name, count=len(numbers), text=text)
