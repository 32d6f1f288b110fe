"""When two labels, or two headers, are the same: exactly first; but for case and blanks where that is unique.

Punctuation tells labels apart: ``-1`` from ``1``, ``<6m`` from ``>6m``, ``A+`` from ``A-``.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping

from ...spec import InputError

BETWEEN_WORDS = re.compile(r"(?<=\w)[\s_-]+(?=\w)")


def exact(text: str) -> str:
    r"""Write a label so that only its characters count, not how a file encodes them or how a number was stored.

    Examples
    --------
    >>> exact(" -1.0 "), exact("\u22121"), exact("A+") == exact("A-")
    ('-1', '-1', False)
    """
    # a million cells come by here
    composed = text if text.isascii() else unicodedata.normalize("NFC", text).replace("\N{MINUS SIGN}", "-")
    composed = composed.strip()
    return re.sub(r"^(-?\d+)\.0$", r"\1", composed) if composed.endswith(".0") else composed


def loose(text: str) -> str:
    """Write a label so that case and blanks do not matter; between words, blank, hyphen and underscore are one.

    Examples
    --------
    >>> loose(" ABS-H 01 "), loose("< 6 M"), loose("-1") == loose("1")
    ('abs_h_01', '<6_m', False)
    """
    folded = unicodedata.normalize("NFKC", exact(text)).casefold().strip()
    return re.sub(r"\s+", "", BETWEEN_WORDS.sub("_", folded))


def named(wanted: str, names: Iterable[str]) -> list[str]:
    """Return the names that are the wanted one exactly, or, where none is, those that loosely are."""
    known = list(names)
    return [n for n in known if exact(n) == exact(wanted)] or [n for n in known if loose(n) == loose(wanted)]


def read_labels(
    texts: Iterable[str], known: Iterable[Mapping[str, str]], beside: Mapping[str, str]
) -> tuple[dict[str, str], dict[str, str]]:
    """Find the level that each label of a column means.

    Parameters
    ----------
    texts : iterable of str
        What the column says, each once.
    known : iterable of mapping of str to str
        Level by what it is called; earlier mappings go before later ones.
    beside : mapping of str to str
        What a file itself says that a code means (SPSS).

    Returns
    -------
    levels : dict of str to str
        Level by text; a text that means none is not in it.
    loosely : dict of str to str
        The part of these in which case or blanks differ.

    Raises
    ------
    InputError
        A text that may mean two levels, or two texts that would become one level only by overlooking case and blanks.
    """
    names = list(known)
    levels: dict[str, str] = {}
    loosely: dict[str, str] = {}
    for text in texts:
        for same in (exact, loose):
            said = [same(text), *([same(beside[text])] if text in beside else [])]
            hits = [{level for name, level in each.items() if same(name) == what} for what in said for each in names]
            found = next(filter(None, hits), set())
            if len(found) > 1:
                raise InputError(f"{text!r} may mean {' or '.join(sorted(found))}; say which in a mapping file")
            if found:
                levels[text] = found.pop()
                loosely |= {text: levels[text]} if same is loose else {}
                break
    _refuse_merging(levels, loosely)
    return levels, loosely


def _refuse_merging(levels: Mapping[str, str], loosely: Mapping[str, str]) -> None:
    for text, level in loosely.items():
        others = [other for other, same in levels.items() if same == level and exact(other) != exact(text)]
        if others:
            raise InputError(
                f"{others[0]!r} and {text!r} would both be read as {level};"
                " if they are one, say so of each in a mapping file"
            )
