"""What a cell of a printed table holds: numbers with their marks, in brackets or not."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from ...texts import shown
from ..values import EMPTY, MINUS

NUMBER = r"[-+]?(?:\d+(?:\.\d+)?|\.\d+)"
TOKEN = re.compile(
    rf"(?P<bracket>[(\[])?\s*(?P<relation><=|>=|[<>=]|)\s*(?P<number>{NUMBER})\s?(?P<percent>%?)"
    r"\s?(?P<marks>\*+|[†‡]|n\.?s\.?(?![a-z])|)",
    re.IGNORECASE,
)
ONLY_MARKS = re.compile(r"\*+|[†‡]|n\.?\s?s\.?", re.IGNORECASE)
WORDS = re.compile(
    r"\b(?:to|and|bis|ci|ll|ul|se|sd|df|p|t|n|m)\b|[][(){},;:/±|=]|(?<=[\d*%])\s?[a-i](?:,\s?[a-i])*\b", re.IGNORECASE
)
"""What may stand between the numbers of a cell: words, punctuation, letters of footnotes."""

MIXED = re.compile(r"\d\.\d{2,}\D*[(\[] ?-?\d+,\d{2,} ?[)\]]|\d,\d{2,}\D*[(\[] ?-?\d*\.\d{2,} ?[)\]]")
"""One number with a decimal point and one with a comma in a cell: ``62.61 (9,38)``."""


@dataclass(frozen=True)
class Piece:
    """A number as printed (``<.001``, ``-.24**``), and whether it stands in brackets."""

    text: str
    bracketed: bool = False


def plain(text: str) -> str:
    """Return a text with one kind of minus, space, square and star."""
    text = shown(text).translate(MINUS).replace("²", "2").replace("≤", "<=").replace("≥", ">=").replace("\\*", "*")
    return re.sub(r"\s+", " ", text.replace("⁎", "*").replace("＊", "*").replace("∆", "Δ").replace("△", "Δ")).strip()


def pieces(cell: str, *, decimal_commas: bool = False) -> tuple[Piece, ...] | None:
    """Return the numbers of a cell in their order; nothing where it is empty, None where it is of words.

    Examples
    --------
    >>> [piece.text for piece in pieces("−.24** (.06)")], pieces("Age")
    (['-.24**', '.06'], None)
    >>> [piece.text for piece in pieces("[-0.35–0.12]")]
    ['-0.35', '0.12']
    """
    text = plain(cell)
    if text in EMPTY or re.fullmatch(r"(?i)ref\w*\.?|n/?a|--+", text):
        return ()
    if ONLY_MARKS.fullmatch(text):
        return (Piece(text),)
    # a dash after a figure stands between two numbers; one before a figure only is a minus
    text = re.sub(r"(?<=[\d%)*])(?:-| - )(?=[-\d.])", " ; ", text)
    if decimal_commas:
        text = re.sub(r"(?<=\d),(?=\d)|(?<!\d),(?=\d)", ".", text)
    else:
        text = re.sub(r"(?<![\d.])\d{1,3}(?:,\d{3})+(?!\d)", lambda found: found[0].replace(",", ""), text)
    # marks behind what stands in brackets are of the number before them
    text = re.sub(rf"^({NUMBER})(\s*[(\[][^)\]*]*[)\]])\s?(\*+|[†‡])$", r"\1\3\2", text)
    rest = WORDS.sub(" ", TOKEN.sub(" ", re.sub(r"(?<=\d)\s?[a-i](?:,\s?[a-i])*(?=$|[\s)])", "", text)))
    found = list(TOKEN.finditer(text))
    if not found or re.search(r"[^\W_]", rest):
        return None
    inside = [text.count("(", 0, f.start("number")) + text.count("[", 0, f.start("number")) for f in found]
    closed = [text.count(")", 0, f.start("number")) + text.count("]", 0, f.start("number")) for f in found]
    return tuple(
        Piece(f"{f['relation'].strip('=')}{f['number'].lstrip('+')}{f['percent']}{f['marks']}", opened > shut)
        for f, opened, shut in zip(found, inside, closed, strict=True)
    )


def has_decimal_commas(cells: Iterable[str]) -> bool:
    """Tell whether a table's commas are decimal signs.

    Raises
    ------
    ValueError
        It has decimal commas and decimal points; or its commas may be either signs.
    """
    texts = [plain(cell) for cell in cells]
    commas = [text for text in texts if re.search(r"(?<![\d.])-?(?:\d+,\d{1,2}|0?,\d+)(?![\d,.])", text)]
    # a bound such as <.001 is written so beside either sign
    points = [t for t in texts if re.search(r"(?<![\d,])\d*\.\d", t) and not re.fullmatch(r"[<>=]+ ?0?\.0*[15]", t)]
    single = [text for text in commas if re.fullmatch(r"\D*\d*,\d+\D*", text) or MIXED.search(text)]
    if single and points:
        raise ValueError(f"has decimal commas ({single[0]!r}) and decimal points ({points[0]!r}); write one kind")
    either = next((text for text in texts if re.search(r"(?<![\d.,])[1-9]\d{0,2},\d{3}(?![\d,])", text)), "")
    if either and not (commas or points):
        raise ValueError(f"{either!r} may have a decimal comma or thousands; write its decimals with a point")
    return bool(commas) and not points
