"""A number as it stands in print: ``<.001``, ``.05``, ``12.4%``, ``n.s.``, ``**``, ``.24**``, ``−0,34``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

STARS: Mapping[str, Decimal] = {
    "†": Decimal("0.10"),
    "*": Decimal("0.05"),
    "**": Decimal("0.01"),
    "***": Decimal("0.001"),
}
"""What marks of significance mean where a table's note says nothing else."""
NOT_SIGNIFICANT = "n.s."
EMPTY = ("", "-", "–", "—", "−", "…", "...")
"""Cells without a number."""
RELATIONS = {"≤": "<=", "≥": ">=", "": "="}
MINUS = str.maketrans({"−": "-", "–": "-", "‐": "-", "‑": "-", "﹣": "-", "\u00a0": " ", "\u2009": " ", "∗": "*"})
NUMBER = r"[-+]? ?(?:\d{1,3}(?:,\d{3})+\.\d+|\d{1,3}(?:,\d{3}){2,}|\d+[.,]\d+|[.,]\d+|\d+)"
VALUE = re.compile(
    rf"(?:p\s*)?(?P<relation><=|>=|[<>=≤≥]|)\s*(?P<number>{NUMBER})\s*(?P<percent>%?)\s*"
    r"(?P<stars>\*+|[†‡+]|n\.?\s?s\.?|)",
    re.IGNORECASE,
)
MARKS = re.compile(r"(?P<stars>\*+|[†‡+]|n\.?\s?s\.?)", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class PrintedValue:
    """What a cell holds: a number with a relation, marks of significance, or both."""

    number: Decimal | None = None
    relation: str = "="
    percent: bool = False
    marks: str = ""

    def threshold(self, stars: Mapping[str, Decimal]) -> dict[str, Any]:
        """Return relation and value of the p that the marks stand for.

        Raises
        ------
        ValueError
            `stars` does not say what the marks mean.
        """
        known = {**stars, NOT_SIGNIFICANT: stars.get("*") or max(stars.values(), default=STARS["*"])}
        if self.marks not in known:
            raise ValueError(f"{self.marks!r} is no mark of this table; its stars are {', '.join(stars)}")
        return {"relation": ">=" if self.marks == NOT_SIGNIFICANT else "<", "value": known[self.marks]}


def read_value(text: str) -> PrintedValue:
    """Read a printed number.

    Raises
    ------
    ValueError
        It is none, or a comma in it may be a decimal sign or may not.

    Examples
    --------
    >>> read_value("< .001")
    PrintedValue(number=Decimal('0.001'), relation='<', percent=False, marks='')
    >>> read_value("−.24**").number, read_value("ns").marks
    (Decimal('-0.24'), 'n.s.')
    """
    plain = text.translate(MINUS).strip()
    if marks := MARKS.fullmatch(plain):
        return PrintedValue(marks=_mark(marks["stars"]))
    found = VALUE.fullmatch(plain)
    if not found:
        raise ValueError(f"{text!r} is no number; such as 0.24, '<.001', '12.4%', 'n.s.' or '**' is accepted")
    relation = RELATIONS.get(found["relation"], found["relation"])
    number = number_in(found["number"])
    return PrintedValue(number=number, relation=relation, percent=bool(found["percent"]), marks=_mark(found["stars"]))


def number_in(text: str) -> Decimal:
    """Return a number with its decimals; a comma is a decimal sign where it cannot separate thousands.

    Raises
    ------
    ValueError
        ``1,234`` may be either.
    """
    plain = text.translate(MINUS).replace(" ", "").lstrip("+")
    if re.fullmatch(r"-?[1-9]\d{0,2},\d{3}", plain):
        raise ValueError(f"{text!r} may be {plain.replace(',', '')} or {plain.replace(',', '.')}; write it as meant")
    thousands = "." in plain or plain.count(",") > 1
    return Decimal(plain.replace(",", "" if thousands else "."))


def is_p(quantity: str) -> bool:
    """Tell whether a kind of number is a p, which a threshold or a mark of significance can stand for."""
    return quantity == "p" or quantity.endswith("_p")


def _mark(marks: str) -> str:
    return NOT_SIGNIFICANT if marks[:1].lower() == "n" else marks.replace("+", "†").replace("‡", "†")
