"""Numbers as people write them, read by the whole column: a cell alone does not tell what its comma stands for.

Signs for per cent and currencies, units, separated thousands and brackets for negative numbers are read where the whole
column agrees on them, and that is said; what can be read in two ways is refused.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable
from itertools import islice
from typing import NamedTuple

import numpy as np
import pandas as pd

NUMBER = re.compile(r"[+-]?(\d+([.,]\d*)?|[.,]\d+)(e[+-]?\d+)?", re.IGNORECASE)
GAPS = frozenset({"none", "-", "--", "\N{EN DASH}", "\N{EM DASH}", "?"})
"""What stands for nothing in a column of numbers, and may be a level among texts."""
CURRENCY = "$€£¥₹₽"
APART = " \N{NO-BREAK SPACE}\N{THIN SPACE}\N{NARROW NO-BREAK SPACE}'\N{RIGHT SINGLE QUOTATION MARK}"
"""What separates thousands and is no decimal sign."""
CELL = re.compile(
    rf"(?P<open>\()?\s*(?P<sign>[+-]?)\s*(?P<before>[A-Z]{{0,3}}[{CURRENCY}]|EUR|USD|GBP|CHF|JPY|)\s*(?P<inner>[+-]?)"
    rf"\s*(?P<body>[.,]?\d[\d.,{APART}]*?)(?P<exponent>[eE][+-]?\d+|)"
    rf"\s*(?P<after>(?: ?[^\W\d_][23]?|[%‰°²³/·.{CURRENCY}]){{0,15}})\s*(?P<close>\))?"
)
LONGEST = 60
"""Letters of a cell that may be a number."""
GROUPED = re.compile(rf"\d{{1,3}}(?:[{APART}]\d{{3}})+(?:([.,])\d*)?")
BOTH = re.compile(r"\d{1,3}(?:(,)(?:\d{3},)*\d{3}(\.)\d*|(\.)(?:\d{3}\.)*\d{3}(,)\d*)")
REPEATED = re.compile(r"\d{1,3}([.,])\d{3}(?:\1\d{3})+")
SINGLE = re.compile(r"\d*(?:([.,])\d*)?")
EITHER = re.compile(r"[1-9]\d{0,2}[.,]\d{3}")
"""A number whose only sign may be the decimal one, or separate thousands."""
PLAIN = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?")
OTHER = {".": ",", ",": ".", "": ""}
ALONE = "write the numbers alone, all in one unit"
OPEN = (
    "if {!r} separates thousands, leave it out, and if it is the decimal sign, write a point and three decimals in"
    " every cell"
)
ENOUGH = 1_000
"""Different cells of another column that are asked for their decimal sign."""


class Numbers(NamedTuple):
    """The different texts of a column as numbers.

    Parameters
    ----------
    of : dict of str to float
        Number by text, NaN where it is none.
    said : str
        How they were read, where there is more to them than digits and a decimal sign.
    problem, at : str
        Why they cannot be used as numbers though they look like some, and the first text that it is about.
    """

    of: dict[str, float]
    said: str = ""
    problem: str = ""
    at: str = ""


def number_of(text: str) -> float:
    """Return a text as a number, with a decimal point or comma; NaN where it is none."""
    text = text.replace("\N{MINUS SIGN}", "-")
    return float(text.replace(",", ".")) if NUMBER.fullmatch(text) else np.nan


def numbers_written(texts: Iterable[str], elsewhere: Callable[[], str], *, below_thousand: bool = False) -> Numbers:
    """Read the different texts of a column.

    Parameters
    ----------
    texts : iterable of str
        Each once.
    elsewhere : callable
        Which decimal sign the table has elsewhere, empty if that is not known; asked where the column leaves it open.
    below_thousand : bool
        Whether nothing in the column can be a thousand or more, so that nothing separates thousands.

    Examples
    --------
    >>> numbers_written(["1 250 kg", "987,5 kg"], str).of
    {'1 250 kg': 1250.0, '987,5 kg': 987.5}
    >>> numbers_written(["5.1%", "12"], str).problem
    "found '5.1%' beside '12'; write the numbers alone, all in one unit"
    >>> numbers_written(["1,250", "987"], lambda: ".").said
    "'1,250' as 1250"
    """
    texts = list(texts)
    if plain := _plain(texts):
        return Numbers(plain)
    cells = {text: _cell(text) for text in texts}
    found = [cell for cell in cells.values() if cell]
    none = dict.fromkeys(cells, np.nan)
    # what is in brackets everywhere is no negative number
    if 2 * len(found) < len(cells) or all(cell.bracketed for cell in found):
        return Numbers(none)
    beside = _first((cell.beside, cell.text) for cell in found)
    units = sum(any(map(str.isalpha, unit)) for unit in beside)
    # 1a, 1b and 2a are names, and so are 6m, 12m and "later"
    if units > 1 or (units and len(found) < len(cells)):
        return Numbers(none)
    if len(beside) > 1:
        counts = Counter(cell.beside for cell in found)
        return _unclear(none, [beside[unit] for unit in sorted(beside, key=lambda unit: counts[unit])], ALONE)
    decimal = _decimal_sign(found, elsewhere, below_thousand=below_thousand)
    if isinstance(decimal, tuple):
        return _unclear(none, *decimal)
    sure = below_thousand or any(cell.decimal or cell.thousands for cell in found)
    telling = _telling(found, decimal, sure=sure)
    numbers = none | {cell.text: cell.number(decimal) for cell in found}
    return Numbers(numbers, said=", ".join(f"{text!r} as {numbers[text]:.15g}" for text in telling))


def _plain(texts: list[str]) -> dict[str, float]:
    """Read what leaves nothing open at once, for it may be a million cells; nothing where there is more to it."""
    if not all(map(PLAIN.fullmatch, texts)):
        return {}
    pointed = [text for text in texts if "." in text]
    sure = not pointed or any(not EITHER.fullmatch(text.lstrip("+-")) for text in pointed)
    return {text: float(text) for text in texts} if sure else {}


class _Cell(NamedTuple):
    """A number, and what stands at its sides."""

    text: str
    beside: str
    bracketed: bool
    negative: bool
    body: str
    exponent: str
    decimal: str = ""
    """The sign that can only be the decimal one; then those that only separate thousands, and that may be either."""
    thousands: str = ""
    either: str = ""

    def number(self, decimal: str) -> float:
        kept = "".join(sign for sign in self.body if sign.isdecimal() or sign == decimal)
        return float(f"{'-' * self.negative}{kept.replace(decimal, '.')}{self.exponent}")


def _cell(text: str) -> _Cell | None:
    match = CELL.fullmatch(text.replace("\N{MINUS SIGN}", "-")) if len(text) <= LONGEST else None
    if match is None:
        return None
    signs, bracketed, body = match["sign"] + match["inner"], bool(match["open"]), match["body"]
    roles = _roles(body, match["exponent"])
    if roles is None or len(signs) + bracketed > 1 or bracketed != bool(match["close"]):
        return None
    beside = f"{match['before']} {match['after']}".strip()
    return _Cell(text, beside, bracketed, bracketed or signs == "-", body, match["exponent"], *roles)


def _roles(body: str, exponent: str) -> tuple[str, str, str] | None:
    """Return a number's decimal sign, its sign between thousands, and what may be either; None if it is none."""
    if grouped := GROUPED.fullmatch(body):
        return grouped[1] or "", "", ""
    if both := BOTH.fullmatch(body):
        return both[2] or both[4], both[1] or both[3], ""
    if repeated := REPEATED.fullmatch(body):
        return "", repeated[1], ""
    if (single := SINGLE.fullmatch(body)) is None:
        return None
    sign = single[1] or ""
    return ("", "", sign) if EITHER.fullmatch(body) and not exponent else (sign, "", "")


def _decimal_sign(
    cells: list[_Cell], elsewhere: Callable[[], str], *, below_thousand: bool
) -> str | tuple[list[str], str]:
    """Return the decimal sign of a column; or texts that leave it open, and what to do."""
    decimal, thousands, either = (_first((str(c[role]), c.text) for c in cells if c[role]) for role in (6, 7, 8))
    if below_thousand:
        decimal, either = {**either, **decimal}, {}
    if len(decimal) > 1:
        return list(decimal.values()), "write one decimal sign in the whole column"
    sure = next(iter(decimal), "") or OTHER[next(iter(thousands), "")]
    if sure in thousands:
        return [thousands[sure], decimal.get(sure) or thousands[OTHER[sure]]], OPEN.format(sure)
    whole = [c.text for c in cells if not (c.decimal or c.thousands or c.either) and c.number(".")]
    for sign, text in either.items():
        if sign == sure or sign in thousands:
            continue
        there = elsewhere()
        if there and sure in ("", there) and (there != sign or not whole):
            sure = there
        elif sign == "." and not (sure or there or whole or len(either) > 1):
            # as software writes numbers, and few people their thousands
            sure = sign
        else:
            return [text, *decimal.values(), *whole, *(set(either.values()) - {text})], OPEN.format(sign)
    return sure or "."


def _first(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Return the first text of each kind."""
    found: dict[str, str] = {}
    for kind, text in pairs:
        found.setdefault(kind, text)
    return found


def _unclear(none: dict[str, float], texts: list[str], what: str) -> Numbers:
    return Numbers(none, problem=f"found {' beside '.join(map(repr, texts[:2]))}; {what}", at=texts[0])


def _telling(cells: list[_Cell], decimal: str, *, sure: bool) -> list[str]:
    """Return a text of each kind that somebody might have read otherwise."""
    kinds = (
        [c.text for c in cells if c.beside],
        [c.text for c in cells if set(c.body) - set(f"0123456789{decimal}") or (c.either and not sure)],
        [c.text for c in cells if c.bracketed],
    )
    return list(dict.fromkeys(texts[0] for texts in kinds if texts))


def decimal_sign(frame: pd.DataFrame) -> str:
    """Return the decimal sign of a table's columns where they agree on one, else nothing."""
    signs = {sign for i in range(frame.shape[1]) for sign in _signs(frame.iloc[:, i])}
    return signs.pop() if len(signs) == 1 else ""


def _signs(column: pd.Series) -> set[str]:
    if pd.api.types.is_float_dtype(column.dtype):
        return {"."} if (column.dropna() % 1 != 0).any() else set()
    if not pd.api.types.is_object_dtype(column.dtype) and not pd.api.types.is_string_dtype(column.dtype):
        return set()
    texts = [text.strip() for text in islice(dict.fromkeys(column.dropna()), ENOUGH) if isinstance(text, str)]
    found = [cell for text in texts if (cell := _cell(text))]
    return {cell.decimal for cell in found if cell.decimal} if 2 * len(found) > len(texts) else set()
