"""A matrix of correlations, one triangle or both, with means and SDs as columns or rows."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace

from ..columns import SEXES, WHOLE, Column, Known, Number, Row, Understood, assigned, columns_of, rows_of
from ..grids import Grid
from ..headings import Heading, read_heading

DESCRIBING = {"mean": "mean", "sd": "sd", "alpha": "alpha", "n": "n", "minimum": "minimum", "maximum": "maximum"}
NUMBERED = re.compile(r"^\(?(\d{1,2})[.)]")
ONE = re.compile(r"^[(\[]?1(?:[.]0+)?[)\]]?$")


def fits(grid: Grid) -> bool:
    """Tell whether the columns are of the same things as the rows."""
    return len(_partners(grid)) > 1


def read(grid: Grid, known: Known) -> Understood:
    """Return the correlations of a triangle, the lower one if there is one, and what describes each measure."""
    found, partners = Understood("correlations"), _partners(grid)
    columns = {column.index: column for column in columns_of(grid)}
    rows = _rows(grid)
    order = {label: place for place, label in enumerate(dict.fromkeys([*map(_entity, rows), *partners.values()]))}
    sides: dict[bool, list[Number]] = {True: [], False: []}
    whose = {column.index: _whose(column, [*columns.values()], known) for column in columns.values()}
    for row in rows:
        for index, partner in partners.items():
            if _entity(row) == partner or row.heading.statistics:
                _of_one(found, grid, row, columns[index], partner)
                continue
            for name, text in assigned(grid.numbers(row.index, index) or (), ("r",)):
                quantity = {"r": "correlation", "p": "p"}.get(name, "")
                number = Number(quantity, text, {"of": _entity(row)}, {"with": partner}, cell=(row.index, index))
                sides[order[_entity(row)] > order[partner]].append(number)
        for index in columns.keys() - partners.keys():
            for name, text in assigned(grid.numbers(row.index, index) or (), columns[index].statistics):
                _describe(found, name, text, _entity(row), columns[index], whose[index])
    _take_a_side(found, grid, sides)
    found.meanings = {
        index: f"correlation with {partners[index]}"
        if index in partners
        else (", ".join(column.statistics) or "not understood") + (f" of {whose[index]}" if whose[index] else "")
        for index, column in columns.items()
    }
    return found


def _take_a_side(found: Understood, grid: Grid, sides: dict[bool, list[Number]]) -> None:
    """Enter one triangle; where the two differ, which people each is of is not known."""
    below, above = sides[True], sides[False]
    said = re.search(r"(?i)above the diagonal|upper (?:right )?triangle", f"{grid.note} {grid.title}")
    mirrored = {(n.column["with"], n.row["of"], n.quantity): n.text for n in above}
    differ = [n for n in below if mirrored.get((n.row["of"], n.column["with"], n.quantity), n.text) != n.text]
    if below and above and (differ or said):
        what = f"{len(above)} numbers above the diagonal"
        found.left.append(
            (what, "the two triangles differ, so they are of different people: enter each with its group")
        )
        found.unknown.append('of whom the triangle below the diagonal is (add group = "..." to its table)')
    elif below:
        found.repeated += len(above)
    found.numbers += below or above


def _of_one(found: Understood, grid: Grid, row: Row, column: Column, partner: str) -> None:
    """Read the diagonal, and rows of means and SDs below a matrix."""
    for name, text in assigned(grid.numbers(row.index, column.index) or (), row.heading.statistics or ("alpha",)):
        if row.heading.statistics:
            _describe(found, name, text, partner, column)
        elif not ONE.match(text) and re.search(r"(?i)diagonal|alpha|α|reliabilit", f"{grid.note} {grid.title}"):
            _describe(found, "alpha", text, partner, column)
        elif ONE.match(text):
            found.repeated += 1
        else:
            found.left.append((f"{text} on the diagonal", "nothing says what it is"))


def _whose(column: Column, columns: Iterable[Column], known: Known) -> str | None:
    """Return the group that a column describes, empty for everybody; None where the table has several unknown ones."""
    group = next((c for c in column.contexts if c in known.sizes or c.lower() in SEXES), "")
    if group or not column.contexts:
        return group
    same = {other.contexts for other in columns if other.statistics == column.statistics}
    return None if len(same) > 1 and not WHOLE.match(column.contexts[-1]) else ""


def _describe(found: Understood, name: str, text: str, of: str, column: Column, group: str | None = "") -> None:
    if group is None:
        what = f"{text} of {of} ({column.heading})"
        found.left.append((what, f'a group\'s, or not: where it is, --group "{column.contexts[-1]}=N"'))
    elif name in DESCRIBING and name != "n":
        found.numbers.append(Number(DESCRIBING[name], text, {"of": of}, {"group": group} if group else {}))
    else:
        found.left.append((f"{text} of {of} ({column.heading})", "no kind of number is known for this column"))


def _rows(grid: Grid) -> list[Row]:
    """Return the rows; what stands in brackets behind a measure's name is its unit: ``2. Grip (N)``."""
    heads = {(grid.heading(index) or ("",))[-1] for index in range(grid.labels, len(grid.head[-1]))}
    return [
        replace(row, heading=replace(row.heading, context=row.heading.text, statistics=()))
        if _has_unit(row.heading, heads)
        else row
        for row in rows_of(grid)
    ]


def _has_unit(heading: Heading, heads: set[str]) -> bool:
    """Tell whether brackets hold a unit; ``Patients (M)`` is of means, where it is no numbered or heading measure."""
    found = re.fullmatch(r"(.*\w.*?)\s*[(\[][^)\]]*[)\]]", heading.text)
    if not found or not heading.statistics or read_heading(found[1]).statistics:
        return False
    listed = heading.text in heads or bool(NUMBERED.match(heading.text))
    return listed or not {*heading.statistics} & {"mean", "sd", "n"}


def _entity(row: Row) -> str:
    return row.label


def _partners(grid: Grid) -> dict[int, str]:
    """Return the columns that are measures: headed by a row's number, or by a row's name."""
    if not grid.head:
        return {}
    rows = [row for row in _rows(grid) if not row.heading.statistics]
    names = [row.label for row in rows]
    numbers = {str(k): name for k, name in enumerate(names, 1)}
    numbers |= {found[1]: row.label for row in rows if (found := NUMBERED.match(row.heading.text))}
    partners = {}
    for index in range(grid.labels, len(grid.head[-1])):
        head = (grid.heading(index) or ("",))[-1]
        plain = re.sub(r"^\(?\d{1,2}[.)]\s*(?=\D)", "", head).strip()
        bare = head.strip("().")
        if plain in names:
            partners[index] = plain
        elif bare in numbers:
            partners[index] = numbers[bare]
    numbered = all((grid.heading(i) or ("",))[-1].strip("().").isdigit() for i in partners)
    outside = [i for i in range(grid.labels, len(grid.head[-1])) if i not in partners]
    clear = all(read_heading((grid.heading(i) or ("",))[-1]).statistics for i in outside)
    return partners if clear or not numbered or len(partners) > 2 else {}
