"""A report as a Word document: its words, its tables as Word tables, its figures as pictures."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import lxml.html

from ..spec import InputError
from ..texts import shown
from .drawing import picture
from .html import report
from .saved import SavedRun
from .topics import FIGURES

DOCUMENT = "report.docx"
_HEADINGS = {"h1": 0, "h2": 1, "h3": 2, "summary": 3}
_TEXT = {"p", "li", "pre"}
_BOLD, _ITALIC = {"b", "strong", "th"}, {"i", "em", "q"}
_LEFT_OUT = {"svg", "nav", "style"}
_WIDTH = 11.5
"""Centimetres of a picture."""


def word(folder: str | Path) -> bytes:
    """Make the report of a run folder as a Word document.

    Parameters
    ----------
    folder : str or Path
        What a run has written.

    Returns
    -------
    bytes
        A ``.docx`` file.

    Raises
    ------
    InputError
        The folder is none that a run has written, a file of it is missing or damaged, or python-docx is not installed.
    """
    try:
        import docx
    except ImportError:
        raise InputError("needs python-docx: install hikibayes with the extra 'docx'", source="--docx") from None
    run, page = SavedRun.of_folder(Path(folder)), report(folder)
    pictures = {name: picture(figure, run) for name, figure in FIGURES.items() if figure.wanted(run)}
    document = docx.Document()
    _write(document, lxml.html.fromstring(page).find(".//div[@class='sheet']"), pictures)
    whole = io.BytesIO()
    document.save(whole)
    return whole.getvalue()


def _write(document: Any, element: Any, pictures: Mapping[str, bytes]) -> None:
    """Write what is inside an element, in the order of the page."""
    from docx.shared import Cm

    for child in element:
        if child.tag in _LEFT_OUT:
            continue
        if child.tag in _HEADINGS:
            document.add_heading(_plain(child), _HEADINGS[child.tag])
        elif child.tag in _TEXT:
            _runs(document.add_paragraph(style="List Bullet" if child.tag == "li" else None), child)
        elif child.tag == "table":
            _table(document, child)
        elif child.tag == "figure":
            if (name := child.get("data-name")) in pictures:
                document.add_picture(io.BytesIO(pictures[name]), width=Cm(_WIDTH))
            for caption in child.iter("figcaption"):
                _runs(document.add_paragraph(style="Caption"), caption)
        else:
            _write(document, child, pictures)


def _table(document: Any, table: Any) -> None:
    """Write a table under its caption; a cell over several columns stays one."""
    for caption in table.iter("caption"):
        _runs(document.add_paragraph(style="Caption"), caption)
    rows = [
        [(cell, int(cell.get("colspan", 1))) for cell in row if cell.tag in ("td", "th")] for row in table.iter("tr")
    ]
    made = document.add_table(len(rows), max(sum(span for _, span in row) for row in rows), style="Light List")
    for cells, row in zip(made.rows, rows, strict=True):
        at, own = 0, cells.cells
        for cell, span in row:
            into = own[at] if span == 1 else own[at].merge(own[at + span - 1])
            _runs(into.paragraphs[0], cell)
            at += span


def _runs(paragraph: Any, element: Any, *, bold: bool = False, italic: bool = False) -> None:
    """Write an element's text, bold and italic where it is."""
    bold, italic = bold or element.tag in _BOLD, italic or element.tag in _ITALIC

    def add(text: str | None) -> None:
        if text and (spaced := re.sub(r"\s+", " ", shown(text))):
            written = paragraph.add_run(spaced)
            written.bold, written.italic = bold or None, italic or None

    add(element.text)
    for child in element:
        add("\n" if child.tag == "br" else None)
        _runs(paragraph, child, bold=bold, italic=italic)
        add(child.tail)


def _plain(element: Any) -> str:
    return re.sub(r"\s+", " ", shown(element.text_content())).strip()
