"""Tables of CSV and TSV files."""

from __future__ import annotations

import csv
import io

from ..cells import plain
from ..grids import Grid, grid_of, is_title


def of_delimited(text: str, name: str) -> list[Grid]:
    """Return the tables of a file: cells are parted by what makes most rows equally wide, tables by empty lines."""
    delimiter = max("\t;,", key=lambda sign: _agreement(text, sign))
    tables: list[list[list[str]]] = [[]]
    for row in csv.reader(io.StringIO(text), delimiter=delimiter):
        if any(cell.strip() for cell in row):
            tables[-1].append(row)
        elif tables[-1]:
            tables.append([])
    tables = _with_titles(tables)
    places = [f"{name}, table {k}" if len(tables) > 1 else name for k in range(1, len(tables) + 1)]
    return [grid for rows, place in zip(tables, places, strict=True) if (grid := grid_of(rows, place))]


def _agreement(text: str, delimiter: str) -> tuple[int, int]:
    widths = [len(row) for row in csv.reader(io.StringIO(text), delimiter=delimiter) if row]
    usual = max(set(widths), key=widths.count, default=1)
    return (widths.count(usual) if usual > 1 else 0, usual)


def _with_titles(tables: list[list[list[str]]]) -> list[list[list[str]]]:
    """Put a title, or a note, that an empty line parts from its table beside it."""
    whole: list[list[list[str]]] = []
    title: list[list[str]] = []
    for rows in tables:
        single = all(is_title(tuple(map(plain, row))) for row in rows)
        if rows and single and whole and rows[0][0].lower().startswith(("note", "*", "p ")):
            whole[-1] = [*whole[-1], *rows]
        elif rows and single:
            title = [*title, *rows]
        elif rows:
            whole.append([*title, *rows])
            title = []
    return whole
