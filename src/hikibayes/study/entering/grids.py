"""A printed table as rectangles of text: title, heading rows, body, note."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from itertools import pairwise

from ...spec import InputError
from ..values import STARS
from .cells import Piece, has_decimal_commas, pieces, plain
from .headings import read_heading

NOTE = re.compile(r"(?i)^\s*(?:notes?\b|n\.?b\.|\*+\s*p|†|[a-e]\s+[A-Z]|p\s*<|\*)")
STAR = re.compile(r"(\*+|[†‡+]|\b[a-e])\s*(?:=\s*)?p\s*(?:<|≤|<=)\s*(0?[.,]\d+)", re.IGNORECASE)
CALLED = r"(?:table|tab\.|tabelle|tableau|tabla|appendix|supplement\w*)\s*(?:\w*\d+\w*|[IVX]+\b)"
RAISED = re.compile(r"(?<=\d)\s?([a-e](?:,\s?[a-e])*)(?=$|[\s)\]])")
"""Letters of footnotes behind a figure."""

LONGEST_CELL, LONGEST_WORDS = 500, 5_000
"""Letters of a cell, and of a title or note; what is longer is cut, for no table prints it."""
MOST_CELLS = 100_000
"""Of a table, short rows filled up and merged cells repeated."""


@dataclass(frozen=True)
class Grid:
    """A table as it is printed.

    Parameters
    ----------
    title, note : str
    head : tuple of rows
        Its heading rows; merged cells repeat their text.
    body : tuple of rows
        As wide as the heading.
    place : str
        File, and the how-manieth table of it.
    """

    title: str
    note: str
    head: tuple[tuple[str, ...], ...]
    body: tuple[tuple[str, ...], ...]
    place: str

    @property
    def locator(self) -> str:
        """What the paper calls it."""
        found = re.match(rf"(?i)\s*({CALLED})", self.title)
        words = found.group(1).split() if found else []
        return (
            " ".join(word.capitalize() if len(word) > 3 else word for word in words)
            if found
            else self.title[:60] or self.place
        )

    @cached_property
    def stars(self) -> dict[str, Decimal]:
        """What marks mean by its note."""
        found = _marks(f"{self.note} {self.title}")
        return {_as_star(marks.replace("+", "†").replace("‡", "†"), p): p for marks, p in found.items()}

    @cached_property
    def decimal_commas(self) -> bool:
        """Whether its commas are decimal signs."""
        # numbers of people have no decimals
        counts = {k for k, text in enumerate(self.head[-1]) if read_heading(text).statistics == ("n",)}
        return has_decimal_commas(cell for row in self.body for k, cell in enumerate(row) if k and k not in counts)

    def numbers(self, row: int, column: int) -> tuple[Piece, ...] | None:
        """Return the numbers of a cell; None where it is of words."""
        return pieces(self._starred(self.body[row][column]), decimal_commas=self.decimal_commas)

    def pointed(self, text: str) -> str:
        """Return words with decimal points: ``R² = ,23`` where the table has commas."""
        return re.sub(r"(?<=[=<>])(\s*-?\d*),(?=\d)", r"\1.", plain(text)) if self.decimal_commas else text

    def _starred(self, cell: str) -> str:
        """Return a cell with stars for the letters that stand for a p in the note."""
        letters = self._letters
        return RAISED.sub(lambda found: _strongest(re.findall(r"[a-e]", found[1]), letters), cell) if letters else cell

    @cached_property
    def _letters(self) -> dict[str, Decimal]:
        return {mark: p for mark, p in _marks(f"{self.note} {self.title}").items() if mark.isalpha()}

    @cached_property
    def labels(self) -> int:
        """How many leading columns hold words."""
        wide = len(self.head[-1]) if self.head else 0
        for column in range(wide):
            cells = [row[column] for row in self.body if row[column].strip()]
            if column and cells and sum(pieces(cell) is not None for cell in cells) > len(cells) / 2:
                return column
            if column and not cells:
                return column
        return wide

    def heading(self, column: int) -> tuple[str, ...]:
        """Return a column's headings from top to bottom, without repetitions."""
        return tuple(dict.fromkeys(plain(row[column]) for row in self.head if plain(row[column])))


def _marks(text: str) -> dict[str, Decimal]:
    return {marks: Decimal(p.replace(",", ".")) for marks, p in STAR.findall(plain(text))}


def _as_star(mark: str, p: Decimal) -> str:
    """Return the stars that are usual for the p of a letter."""
    return next((star for star, usual in STARS.items() if usual == p), "*") if mark.isalpha() else mark


def _strongest(letters: Iterable[str], known: Mapping[str, Decimal]) -> str:
    told = {letter: known[letter] for letter in letters if letter in known}
    least = min(told, key=told.__getitem__, default="")
    return _as_star(least, told[least]) if told else ""


def grid_of(
    rows: Sequence[Sequence[str]], place: str, *, title: str = "", note: str = "", heads: int = 0
) -> Grid | None:
    """Return a table of rows of cells: title and notes off, heading and body apart; None where it has no numbers.

    Parameters
    ----------
    rows : sequence of rows of text
    heads : int
        How many rows are marked as heading; the others are looked at.
    """
    width = max((len(row) for row in rows), default=0)
    refuse_cells(width * len(rows), place)
    full = [tuple(plain(cell[:LONGEST_CELL]) for cell in (*row, *[""] * (width - len(row)))) for row in rows]
    full = [row for row in full if any(row)]
    if width < 2 or len(full) < 2:
        return None
    while full and heads == 0 and is_title(full[0]):
        title, full = f"{title} {' '.join(dict.fromkeys(filter(None, full[0])))}".strip(), full[1:]
    while full and (len({cell for cell in full[-1] if cell}) == 1 or not any(full[-1][1:])) and NOTE.match(full[-1][0]):
        note, full = f"{full[-1][0]} {note}".strip(), full[:-1]
    first = max(heads, 1)
    while first < len(full) and _is_heading(full[first], full[0]):
        first += 1
    body = tuple(full[first:])
    if not body or not any(pieces(cell) for row in body for cell in row[1:]):
        return None
    return Grid(title[:LONGEST_WORDS], note[:LONGEST_WORDS], _merged(full[:first]), body, place)


def is_title(row: tuple[str, ...]) -> bool:
    """Tell whether a row is one text, or begins with what a table is called."""
    return len({cell for cell in row if cell}) == 1 or bool(
        re.match(rf"(?i)\W*{CALLED}", row[0]) and not any(read_heading(cell).statistics for cell in row)
    )


def refuse_cells(count: int, place: str) -> None:
    """Refuse a table that no paper prints, before it is filled up; raises `InputError`."""
    if count > MOST_CELLS:
        raise InputError(f"has more than {MOST_CELLS:,} cells; at most so many are read", source=place)


def _is_heading(row: tuple[str, ...], top: tuple[str, ...]) -> bool:
    """Tell whether a row goes on with the heading: words over several columns, and no number."""
    cells = [cell for cell in row[1:] if cell]
    if not cells or any(pieces(cell) and not read_heading(cell).statistics for cell in cells):
        return False
    return len({*cells}) > 1 and (not row[0] or not top[0] or row[0] == top[0])


def _merged(head: Sequence[tuple[str, ...]]) -> tuple[tuple[str, ...], ...]:
    """Let a heading go on over the empty cells to its right, where a lower heading stands there."""
    rows = [list(row) for row in head]
    for upper, lower in pairwise(rows):
        for column in range(2, len(upper)):
            if not upper[column] and lower[column]:
                upper[column] = upper[column - 1]
    return tuple(map(tuple, rows))
