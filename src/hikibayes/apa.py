"""Numbers as the APA has them: two decimals, a real minus sign, no leading zero where a value cannot exceed 1."""

from __future__ import annotations

import math

MINUS = "−"
EMPTY = "–"


def number(x: float | None, decimals: int = 2) -> str:
    """Return a number with a leading zero; a dash for a missing one.

    Examples
    --------
    >>> number(-0.256), number(None)
    ('−0.26', '–')
    """
    if x is None or math.isnan(x):
        return EMPTY
    text = f"{x:.{decimals}f}"
    # -0.001 rounds to "-0.00", which reads as if it were negative
    text = text.removeprefix("-") if not text.strip("-0.") else text
    return text.replace("-", MINUS)


def bounded(x: float | None, decimals: int = 2) -> str:
    """Return a number that cannot exceed 1 in size, such as a standardised slope, without its leading zero.

    Examples
    --------
    >>> bounded(0.4), bounded(-0.051), bounded(1.02)
    ('.40', '−.05', '1.02')
    """
    return _bare(number(x, decimals))


def _bare(text: str) -> str:
    return text.replace("0.", ".", 1) if text.removeprefix(MINUS).startswith("0.") else text


def normal(mu: float, sigma: float, name: str = "Normal") -> str:
    """Return a normal prior of something bounded, with the digits that a person wrote.

    Examples
    --------
    >>> normal(0, 0.25), normal(-0.5, 1, "N")
    ('Normal(0, .25²)', 'N(−.5, 1²)')
    """
    return f"{name}({_bare(f'{mu:g}'.replace('-', MINUS))}, {_bare(f'{sigma:g}')}²)"


def value(x: float | None, unit: str, decimals: int = 2) -> str:
    """Return an estimate in a unit of the estimands: standardised slopes and shares of variance are bounded."""
    return number(x, decimals) if unit == "sd" else bounded(x, decimals)


def written_out(p: float) -> str:
    """Return a probability that a person wrote, with all its digits and two at least.

    Examples
    --------
    >>> written_out(0.8), written_out(0.9999)
    ('.80', '.9999')
    """
    decimals = len(f"{p:.10f}".rstrip("0").partition(".")[2])
    return bounded(p, max(decimals, 2))


def interval(low: float, high: float, unit: str = "", decimals: int = 2) -> str:
    """Return an interval in brackets.

    Examples
    --------
    >>> interval(-0.1, 0.4)
    '[−.10, .40]'
    """
    if math.isnan(low) or math.isnan(high):
        return EMPTY
    return f"[{value(low, unit, decimals)}, {value(high, unit, decimals)}]"


def probability(p: float | None) -> str:
    """Return a probability with two decimals, three next to the ends, never 0 or 1.

    Examples
    --------
    >>> probability(0.5), probability(0.9934), probability(1.0), probability(2e-5)
    ('.50', '.993', '> .999', '< .001')
    """
    if p is None or math.isnan(p):
        return EMPTY
    if p > 0.9995:
        return "> .999"
    if p < 0.0005:
        return "< .001"
    return bounded(p, 3 if p > 0.95 or p < 0.05 else 2)


def stated(p: float | None) -> str:
    """Return a probability with its sign, for a sentence or an equation.

    Examples
    --------
    >>> stated(0.93), stated(0.99999)
    ('= .93', '> .999')
    """
    text = probability(p)
    return text if text[0] in "<>" else f"= {text}"


def as_printed(text: object) -> str:
    """Return a number as the paper printed it, with a real minus sign; a dash where nothing was printed."""
    return text.replace("-", MINUS) if isinstance(text, str) else EMPTY


def percent(p: float | None, decimals: int = 0) -> str:
    """Return a share as a percentage."""
    return EMPTY if p is None or math.isnan(p) else f"{number(100 * p, decimals)}%"


SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
LARGE, SMALL = 10_000, 0.0005


def plain(x: float | None, decimals: int = 3) -> str:
    """Return any number in at most a dozen characters: by powers of ten where it is very large or very small.

    Examples
    --------
    >>> plain(0.5), plain(-1234.5678), plain(3e110), plain(0.00002), plain(0.0), plain(float("inf"))
    ('0.500', '−1,234.568', '3.0 × 10¹¹⁰', '2.0 × 10⁻⁵', '0', '∞')
    """
    if x is None or math.isnan(x):
        return EMPTY
    if math.isinf(x):
        return "∞" if x > 0 else f"{MINUS}∞"
    if x == 0 or SMALL <= abs(x) < LARGE:
        return f"{x:,.{decimals}f}".replace("-", MINUS) if x else "0"
    digits, _, power = f"{x:.1e}".partition("e")
    return f"{digits.replace('-', MINUS)} × 10{str(int(power)).translate(SUPERSCRIPTS)}"


def cell(x: float | None, column: str) -> str:
    """Return a number as a table shows it, by what its column is called: the one rule of terminal and report.

    Parameters
    ----------
    x : float or None
    column : str
        ``p`` and ``p_...`` are probabilities, ``bf10...`` Bayes factors; everything else is a plain number.

    Examples
    --------
    >>> cell(1e110, "bf10"), cell(2e-5, "p_positive"), cell(0.24, "mean"), cell(None, "sd")
    ('> 1,000', '< .001', '0.240', '')
    """
    if x is None or math.isnan(x):
        return ""
    if column == "p" or column.startswith("p_"):
        return probability(x)
    return bayes_factor(x) if column.startswith("bf") else plain(x)


def bayes_factor(x: float | None) -> str:
    """Return a Bayes factor with two significant digits, bounded where more would be pretence.

    Examples
    --------
    >>> bayes_factor(11.83), bayes_factor(0.456), bayes_factor(2e5), bayes_factor(0.0004)
    ('12', '0.46', '> 1,000', '< 0.001')
    """
    if x is None or math.isnan(x):
        return EMPTY
    if x > 1000:
        return "> 1,000"
    if x < 0.001:
        return "< 0.001"
    # what rounds to 10 has its two digits without a decimal
    return f"{x:.0f}" if x >= 9.95 else f"{x:.1f}" if x >= 1 else f"{x:.2g}"
