"""Tables of web pages and of Markdown."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from ..cells import pieces
from ..grids import Grid, grid_of, refuse_cells
from . import pasted


def of_markdown(text: str, name: str) -> list[Grid]:
    """Return the tables of a Markdown text; a fenced block is read as pasted text."""
    from markdown_it import MarkdownIt

    parser = MarkdownIt("commonmark", {"html": True}).enable("table")
    fenced = [token.content for token in parser.parse(text) if token.type in ("fence", "code_block")]
    grids = of_html(parser.render(text), name) if "<t" in text or "|" in text else []
    if not grids and not fenced:
        return pasted.of_text(text, name)
    title = next((line.lstrip("# ") for line in text.splitlines() if line.startswith("#")), "")
    return [*grids, *(grid for block in fenced for grid in pasted.of_text(block, name, title=title))]


def of_html(text: str, name: str) -> list[Grid]:
    """Return the tables of a web page, merged cells repeated in every place that they cover."""
    from lxml import html

    if not text.strip():
        return []
    page = html.fromstring(f"<div>{text}</div>" if "<html" not in text.lower() else text)
    found = [table for table in page.iter("table") if table.find(".//table") is None]
    grids = []
    for position, table in enumerate(found, 1):
        place = f"{name}, table {position}" if len(found) > 1 else name
        rows, heads = _rows(table, place)
        title, note = _around(table)
        grids.append(grid_of(rows, place, title=title, note=note, heads=heads))
    return [grid for grid in grids if grid]


def _rows(table: Any, place: str) -> tuple[list[list[str]], int]:
    """Return the cells of a table, and how many rows are marked as heading."""
    rows: list[list[str]] = []
    below: dict[int, tuple[int, str]] = {}
    heads = cells = 0
    for tr in table.iter("tr"):
        row: list[str] = []
        for cell in tr.iterchildren("td", "th"):
            _pass_down(row, below)
            text = _text(cell)
            for across in range(min(_span(cell, "colspan"), 100)):
                # words are of every column that they stand over; a number is one number
                here = "" if across and cell.tag == "td" and pieces(text) else text
                if (down := _span(cell, "rowspan")) > 1:
                    below[len(row)] = (down - 1, here)
                row.append(here)
        _pass_down(row, below)
        headed = tr.getparent().tag == "thead" or all(c.tag == "th" for c in tr.iterchildren("td", "th"))
        heads += headed and heads == len(rows)
        rows.append(row)
        refuse_cells(cells := cells + len(row), place)
    return rows, heads


def _pass_down(row: list[str], below: dict[int, tuple[int, str]]) -> None:
    """Repeat the cells that reach down from the rows above."""
    while len(row) in below:
        left, text = below.pop(len(row))
        if left > 1:
            below[len(row)] = (left - 1, text)
        row.append(text)


def _span(cell: Any, key: str) -> int:
    found = re.match(r"\d+", cell.get(key, ""))
    return max(int(found[0]), 1) if found else 1


def _text(cell: Any) -> str:
    """Return a cell's text; raised letters are footnotes but behind a number, raised figures and stars are not."""
    parts = [cell.text or ""]
    for child in cell.iterchildren():
        if isinstance(child.tag, str):
            raised = (
                child.tag == "sup"
                and not pieces("".join(parts))
                and re.fullmatch(r"[a-z](?:\s*,\s*[a-z])*", (child.text_content() or "").strip())
            )
            parts.append("" if raised else " " if child.tag == "br" else _text(child))
        parts.append(child.tail or "")
    return "".join(parts)


def _around(table: Any) -> tuple[str, str]:
    """Return the title above a table and the note below it."""
    caption = [" ".join(part.text_content().split()) for part in table.iterchildren("caption")]
    foot = [" ".join(part.text_content().split()) for part in table.iter("tfoot")]
    above = next(_texts(table, "preceding"), "")
    below = next(_texts(table, "following"), "")
    if pasted.TITLE.match(below):  # of the next table
        below = ""
    title = caption[0] if caption else above if re.match(r"(?i)\W*(?:table|tab\.|supp|appendix)", above) else ""
    return title, " ".join([*foot, below if re.search(r"(?i)\bnotes?\b|p\s*<|SD|=", below) else ""]).strip()


def _texts(table: Any, direction: str) -> Iterator[str]:
    """Yield the text beside a table, or beside what wraps it."""
    here = table
    for _ in range(3):
        for other in here.itersiblings(preceding=direction == "preceding"):
            if isinstance(other.tag, str) and other.tag != "table" and (text := " ".join(other.text_content().split())):
                yield text[:600]
                return
        here = here.getparent()
        if here is None or len(list(here.iter("table"))) > 1:
            return
