"""Tables pasted as text: columns parted by tabs, bars, or blanks."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ..cells import plain
from ..grids import CALLED, NOTE, Grid, grid_of
from ..headings import read_heading

TITLE = re.compile(rf"(?i)^\W{{0,3}}{CALLED}")
CELL = re.compile(r"\[[^\]]*\]|\([^)]*\)|\S+")


def of_text(text: str, name: str, *, title: str = "") -> list[Grid]:
    """Return the tables of a text; a line "Table …" begins one, and so does an empty line before another heading."""
    blocks = list(_blocks(text, title))
    grids = []
    for position, (heading, lines, notes) in enumerate(blocks, 1):
        place = f"{name}, table {position}" if len(blocks) > 1 else name
        grids.append(grid_of(_cells(lines), place, title=heading, note=notes))
    return [grid for grid in grids if grid]


def _blocks(text: str, title: str) -> Iterator[tuple[str, list[str], str]]:
    lines: list[str] = []
    notes: list[str] = []
    for line in [*text.splitlines(), ""]:
        if TITLE.match(line) or (not line.strip() and lines):
            if lines:
                yield title, lines, " ".join(notes)
                lines, notes = [], []
            title = line.strip() or title
        elif NOTE.match(line) and lines:
            notes.append(line.strip())
        elif line.strip():
            lines.append(line)
    if lines:
        yield title, lines, " ".join(notes)


def _cells(lines: list[str]) -> list[list[str]]:
    """Part lines into cells by the sign that most of them have; several rows on a line are parted by semicolons."""
    for sign in ("\t", "|"):
        if sum(sign in line for line in lines) > len(lines) / 2:
            # bars around a line are its frame; a bar in front alone parts an empty cell off
            framed = all(line.strip().startswith("|") and line.strip().endswith("|") for line in lines)
            texts = [line.strip()[1:-1] if framed else line.strip("\r\n ") for line in lines]
            rows = [[cell.strip() for cell in text.split(sign)] for text in texts]
            return [row for row in rows if not all(re.fullmatch(r"[-:= ]*", cell) for cell in row)]
    lines = [line for line in lines if not re.fullmatch(r"[-=_\s+|]+", line)]
    if sum(bool(re.search(r"\S {2,}\S|\S\t", line.strip())) for line in lines) > len(lines) / 2:
        return _as_wide([re.split(r" {2,}|\t", line.rstrip()) for line in lines])
    parts = [part for line in lines for part in re.split(r";\s+", line)]
    return _as_wide([_by_blanks(part, heading=not at) for at, part in enumerate(parts)])


def _as_wide(rows: list[list[str]]) -> list[list[str]]:
    """Part headings that blanks do not: ``Mean Std. Deviation`` over two columns of numbers."""
    width, head = max(map(len, rows)), rows[0]
    if len(head) < width:
        head = [part for cell in head for part in _statistics(cell)]
    if len(head) == width - 1 and read_heading(head[0]).statistics:
        head = ["", *head]
    return [head, *rows[1:]]


def _statistics(cell: str) -> tuple[str, ...]:
    told = read_heading(cell)
    return told.statistics if told.statistics and not told.context else (cell,)


def _by_blanks(line: str, *, heading: bool) -> list[str]:
    """Part a line whose cells are parted by single blanks: words first, then a number a cell."""
    if "|" in line:
        return [cell.strip() for cell in line.split("|")]
    if heading:
        words = line.split()
        return [words[0], *words[1:]] if not read_heading(words[0]).statistics else ["", *words]
    # a label ends where the numbers begin; "M1" and "12-item" are words
    start = re.search(r"(?<!\S)[(\[<>=]*\s*[-−–+]?(?:\d+(?:[.,]\d+)?|[.,]\d+)[%*†]*[)\]]?(?=\s|$|[,;)\]])", plain(line))
    text = plain(line)
    at = start.start() if start else len(text)
    return [text[:at].strip(), *CELL.findall(text[at:])]
