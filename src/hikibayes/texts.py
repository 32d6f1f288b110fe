"""Texts that others wrote, kept from being taken for commands: by a terminal, by XML, or by a spreadsheet."""

from __future__ import annotations

import re

CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]")
"""Characters that no text shows: they move a terminal's cursor, turn the direction of writing, or have no place in XML.

Tabs and line breaks are none.
"""
_FORMULA = re.compile(r"'*(?:[=@\t\r]|[-+](?![\d\s.,;:%<>()\[\]/+–-]*$))")
"""How a cell begins that a spreadsheet computes; numbers with a sign, and several of them, are none."""


def shown(text: str) -> str:
    """Return a text with a blank for every character that no text shows."""
    return text if text.isprintable() else CONTROL.sub(" ", text)


def guarded[T](cell: T) -> T | str:
    """Return a cell of CSV as a spreadsheet takes it for a text; `unguarded` returns what it was.

    Examples
    --------
    >>> guarded("=1+1"), guarded("+dose"), guarded("-1.18; -0.31"), guarded("'quoted'"), guarded(-2.0)
    ("'=1+1", "'+dose", '-1.18; -0.31', "'quoted'", -2.0)
    """
    return f"'{cell}" if isinstance(cell, str) and _FORMULA.match(cell) else cell


def unguarded[T](cell: T) -> T | str:
    """Return a cell of CSV as it was before `guarded`.

    Examples
    --------
    >>> unguarded("'=1+1"), unguarded("'quoted'"), unguarded(guarded("'=x"))
    ('=1+1', "'quoted'", "'=x")
    """
    return cell[1:] if isinstance(cell, str) and cell[:1] == "'" and _FORMULA.match(cell[1:]) else cell
