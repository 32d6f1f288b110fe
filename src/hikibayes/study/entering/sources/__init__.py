"""Where tables come from: a kind of file each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from ....spec import InputError, read_text
from ..grids import Grid
from . import delimited, markup, pasted

SOURCES: Mapping[str, Callable[[str, str], list[Grid]]] = {
    ".md": markup.of_markdown,
    ".markdown": markup.of_markdown,
    ".html": markup.of_html,
    ".htm": markup.of_html,
    ".xhtml": markup.of_html,
    ".csv": delimited.of_delimited,
    ".tsv": delimited.of_delimited,
    ".tab": delimited.of_delimited,
    ".txt": pasted.of_text,
    "": pasted.of_text,
}
"""Reader by the ending of a file's name: from its text and its name to grids."""
OTHERS = {
    ".pdf": "is a PDF, which has no tables but letters; copy the table into a .txt file, or save the web page",
    ".docx": "is a Word file; copy the table into a spreadsheet and save it as CSV, or save the document as HTML",
    ".doc": "is a Word file; save it as HTML",
    ".xlsx": "is a spreadsheet; save the sheet with the table as CSV",
    ".xls": "is a spreadsheet; save the sheet with the table as CSV",
    ".ods": "is a spreadsheet; save the sheet with the table as CSV",
    ".rtf": "is an RTF file; save it as HTML",
}
"""What to do with files that are not read."""

LONGEST_LINE = 20_000
"""Letters; what parts a line into cells takes time by their square."""


def read_grids(path: Path) -> list[Grid]:
    """Read the tables of a file.

    Raises
    ------
    InputError
        It is of a kind that is not read (and what to do), cannot be read, or has no table.
    """
    ending = path.suffix.lower()
    if ending in OTHERS:
        raise InputError(OTHERS[ending], source=path)
    if ending not in SOURCES:
        known = ", ".join(filter(None, SOURCES))
        raise InputError(f"is of a kind that is not read; tables are read from {known}", source=path)
    text = read_text(path)
    longest = max(map(len, text.splitlines()), default=0)
    if longest > LONGEST_LINE and SOURCES[ending] is not markup.of_html:
        raise InputError(f"has a line of {longest:,} letters; at most {LONGEST_LINE:,} are read", source=path)
    grids = SOURCES[ending](text, path.name)
    if not grids:
        raise InputError("has no table with numbers; a table has a heading and rows of cells", source=path)
    return grids
