"""Correlations as a list: a row a measure or a pair, a column a group."""

from __future__ import annotations

import re

from ....quantities import KINDS
from ..columns import Known, Number, Understood, assigned, columns_of, rows_of
from ..grids import Grid

WITH = re.compile(
    r"(?i)correlations?(?: coefficients?)? (?:of .+? )?with (?:the )?(.+?)(?= by| in| for| among|[,.;(]|$)"
)
PAIR = re.compile(r"^(.{2,}?)(?:\s+[–—-]\s+|\s+(?:with|and|×|x|vs\.?)\s+)(.{2,})$")
QUANTITIES = {
    "r": "correlation",
    "p": "p",
    "rho": "spearman",
    "ci_low": "correlation_ci_low",
    "ci_high": "correlation_ci_high",
}


def fits(grid: Grid) -> bool:
    """Tell whether a column is headed r, and rows or title name the other side."""
    told = {name for column in columns_of(grid) for name in column.statistics}
    sides = bool(WITH.search(grid.title)) or any(PAIR.match(row.label) for row in rows_of(grid))
    return bool(told & {"r", "rho"}) and not told & {"b", "beta"} and sides


def read(grid: Grid, known: Known) -> Understood:
    """Return the correlations of each row, by group where the columns say so."""
    found, titled = Understood("pairs"), WITH.search(grid.title)
    for column in columns_of(grid):
        group = {"group": column.contexts[0]} if column.contexts else {}
        found.meanings[column.index] = ", ".join(column.statistics) + "".join(f" in {name}" for name in column.contexts)
        if column.size and group and column.statistics[:1] != ("p",):
            found.numbers.append(Number("n", column.size, group))
        for row in rows_of(grid):
            pair = PAIR.match(row.label)
            sides = (pair[1], pair[2]) if pair else (row.label, titled[1] if titled else "")
            for name, text in assigned(grid.numbers(row.index, column.index) or (), column.statistics):
                where = {"of": sides[0], "with": sides[1]}
                number = Number(QUANTITIES.get(name, ""), text, where, group, cell=(row.index, column.index))
                if number.quantity in KINDS and sides[1]:
                    found.numbers.append(number)
                else:
                    found.left.append((f"{text} of {row.heading.text}", f"no kind of number is known for {name!r}"))
    return found
