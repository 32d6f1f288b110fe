"""The columns of one's own table: numbers or categories, and in which order the levels of a category stand."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from typing import Any

import numpy as np
import pandas as pd

from ...arrays import FloatArray
from ...spec import InputError, unknown_name
from ..data.files import EMPTY, RawTable, as_text, each_once, numbers_of
from ..data.labels import exact
from ..data.mapping import TableMapping
from ..data.numbers import GAPS, decimal_sign, numbers_written

MOST_LEVELS = 50
ALWAYS_EMPTY = EMPTY - GAPS
MOST_NUMBERS = 0.5
"""A column of which more cells than this share are numbers is one of numbers."""
DATE = re.compile(r"\d{1,4}([-./])\d{1,2}\1\d{1,4}(\D.*)?|-?\d+ days.*")
CLOCK = re.compile(r"\d{1,2}:\d{2}(:\d{2})?")


@dataclass(frozen=True, kw_only=True)
class OwnColumn:
    """A column as its cells show it.

    Parameters
    ----------
    id, header : str
        Its name in formulas, and in the table.
    cells : array, shape (n,)
        As texts, None where there is nothing; or floats, where the table has numbers, NaN where there is nothing.
    numbers : array of float, shape (n,), or None
        The cells as numbers, NaN where there is nothing; None where they are none.
    order : tuple of str
        The levels of an ordered category, as the table has them.
    labels : mapping of str to str
        What the file calls its codes.
    said : str
        How its numbers were read, where this is more than digits and a decimal sign.
    gap : str
        A word among its numbers that was read as an empty cell and may be a level, as ``none``.
    problem : str
        Why it can be used as groups alone, where somebody asks for these.
    """

    id: str
    header: str
    cells: Any
    numbers: FloatArray | None
    order: tuple[str, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)
    said: str = ""
    gap: str = ""
    problem: str = ""

    @property
    def known(self) -> Any:
        """Which cells hold something, shape (n,)."""
        return pd.notna(self.cells)

    @cached_property
    def distinct(self) -> list[str]:
        """The different cells as texts, numbers by size and texts by the alphabet."""
        first = np.flatnonzero(self.known & ~pd.Series(self.cells).duplicated())
        found = [(self.numbers[i] if self.numbers is not None else 0.0, as_text(self.cells[i])) for i in first]
        return [text for _, text in sorted((number, text) for number, text in found if text)]

    def checked(self, *, groups: bool = True) -> OwnColumn:
        """Return the column itself, if it can be used without being asked for as groups; raises `InputError`."""
        if self.problem:
            instead = f"; or C({self.id}) in the formula, if these are groups" * groups
            raise InputError(f"{self.problem}{instead}", key=f"column {self.header!r}")
        return self

    @property
    def is_category(self) -> bool:
        """Whether it holds groups by itself: texts, truth values, 0 and 1, or two codes that the file labels."""
        if self.numbers is None:
            return True
        if len(pd.unique(self.cells[self.known])) != 2:
            return False
        return set(self.distinct) == {"0", "1"} or set(self.distinct) <= set(self.labels)

    def levels(self, reference: str | None) -> tuple[tuple[str, ...], str]:
        """Return the levels, the reference first, and why it is that one.

        Raises
        ------
        InputError
            Nobody is at the reference, or the levels are too many for groups.
        """
        distinct = [level for level in self.order if level in set(self.distinct)] or self.distinct
        if len(distinct) > MOST_LEVELS:
            raise InputError(
                f"has {len(distinct)} different texts in {len(self.cells)} rows; a category has at most {MOST_LEVELS}",
                key=f"column {self.header!r}",
            )
        if reference is not None:
            named = [level for level in distinct if exact(level) == exact(reference)]
            if not named:
                raise InputError(unknown_name("level", reference, distinct), key=f"--reference {self.header}")
            return (named[0], *(level for level in distinct if level != named[0])), "as asked for"
        lower = [level.lower() for level in distinct]
        if sorted(lower) == ["false", "true"]:
            return tuple(sorted(distinct, key=str.lower)), "false of false and true"
        if self.order:
            return tuple(distinct), "the first of an ordered category"
        return tuple(distinct), "the lowest" if self.numbers is not None else "the first by the alphabet"


def own_columns(raw: RawTable, headers: Mapping[str, str], stated: TableMapping) -> dict[str, OwnColumn]:
    """Read columns.

    Parameters
    ----------
    raw : RawTable
        The table.
    headers : mapping of str to str
        Header by id.
    stated : TableMapping
        Which codes stand for nothing.

    Returns
    -------
    dict of str to OwnColumn

    Raises
    ------
    InputError
        A column of numbers has a text in it, or a column is empty.
    """
    return {id_: _column(id_, header, raw, stated) for id_, header in headers.items()}


def _column(id_: str, header: str, raw: RawTable, stated: TableMapping) -> OwnColumn:
    cells, where = raw.frame[header], f"column {header!r}"
    if (times := list(raw.frame.columns).count(header)) > 1:
        raise InputError(f"occurs {times} times; a header must be there once", key=where)
    gone = {exact(code) for code in (*stated.missing, *stated.missing_in.get(id_, ()))}
    labels = raw.value_labels.get(header, {})
    if not gone and (numbers := numbers_of(cells)) is not None:
        if np.isnan(numbers).all():
            raise InputError("is empty in every row", key=where)
        _refuse_infinite(numbers, raw, where)
        return OwnColumn(id=id_, header=header, cells=numbers, numbers=numbers, labels=labels)
    texts = each_once(cells, lambda value: _cell(value, gone))
    known = pd.notna(texts)
    gaps = np.array([text is not None and text.lower() in GAPS for text in texts], dtype=bool)
    if not known.any():
        raise InputError("is empty in every row", key=where)
    order = tuple(map(str, cells.cat.categories)) if hasattr(cells, "cat") else ()
    ordered = order if order and cells.cat.ordered else ()
    if pd.api.types.is_bool_dtype(cells.dtype) or order:
        return OwnColumn(id=id_, header=header, cells=texts, numbers=None, order=ordered, labels=labels)
    distinct = pd.unique(texts[known & ~gaps])
    if len(distinct) and all(DATE.fullmatch(text) or CLOCK.fullmatch(text) for text in distinct):
        when = f"{distinct[0]!r} is a date or a duration: make a number of it, such as days"
        return OwnColumn(id=id_, header=header, cells=texts, numbers=None, labels=labels, problem=when)
    read = numbers_written(distinct, partial(decimal_sign, raw.frame.drop(columns=header)))
    numbers = each_once(pd.Series(texts, dtype=object), lambda text: read.of.get(text or "", np.nan)).astype(np.float64)
    texts_among = known & ~gaps & np.isnan(numbers)
    plain = OwnColumn(id=id_, header=header, cells=texts, numbers=None, labels=labels)
    none_is_a_number = np.isnan(numbers).all()
    if read.at or (not none_is_a_number and 0 < texts_among.sum() < (1 - MOST_NUMBERS) * known.sum()):
        row = int(np.flatnonzero(texts == read.at if read.at else texts_among)[0])
        found = read.problem or (
            f"found {texts[row]!r} in a column of numbers; if it means no answer, say so in a mapping file: under"
            f' [missing_in], {id_} = ["{texts[row]}"]'
        )
        return replace(plain, problem=f"row {raw.numbered([row])[0]}: {found}")
    _refuse_infinite(numbers, raw, where)
    if texts_among.any() or none_is_a_number:
        return plain
    word = next((text for text in texts[gaps] if text.isalpha()), "")
    texts[gaps] = None
    return replace(plain, cells=texts, numbers=numbers, said=read.said, gap=word)


def _refuse_infinite(numbers: FloatArray, raw: RawTable, where: str) -> None:
    if len(rows := np.flatnonzero(np.isinf(numbers))):
        raise InputError(f"row {raw.numbered(rows[:1])[0]}: infinite, or beyond what a computer holds", key=where)


def _cell(value: object, gone: set[str]) -> str | None:
    if isinstance(value, float) and not gone:
        return as_text(value)
    text = exact(as_text(value) or "")
    # "none" and a dash among texts are a level more often than a gap; among numbers they are gaps
    return None if not text or text in gone or text.lower() in ALWAYS_EMPTY else text
