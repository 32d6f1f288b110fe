"""What a check says: a row with its facts, the recomputed interval, a verdict and one plain sentence."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from ...study.facts import Fact
from ...study.intervals import Interval

Verdict = Literal["consistent", "inconsistent", "ambiguous", "underdetermined"]


@dataclass(frozen=True, kw_only=True)
class Check:
    """One consistency check.

    Parameters
    ----------
    check : str
        What was checked, in a few words.
    facts : tuple of str
        Ids of the facts involved; the first is the one the check is about.
    printed : str
        The number (or numbers) it is about, as printed.
    recomputed : Interval or None
        What the other facts leave possible for it; None where nothing was recomputed.
    verdict : {"consistent", "inconsistent", "ambiguous", "underdetermined"}
        Whether the numbers can be true together; ``ambiguous`` where that depends on how the paper is read, and
        ``underdetermined`` where the record does not hold enough to tell.
    note : str
        The finding in a plain sentence.
    explained : frozenset of str, optional
        Ids of the facts each of which, with another value, removes the contradiction; by default any of ``facts``.
    interchanged : tuple of (str, str)
        Ids of facts that are as they should be once they change places.
    """

    check: str
    facts: tuple[str, ...]
    printed: str
    recomputed: Interval | None = None
    verdict: Verdict
    note: str
    explained: frozenset[str] | None = None
    interchanged: tuple[tuple[str, str], ...] = ()

    def row(self) -> dict[str, object]:
        """Return the row of ``audit.csv``; an interval that was not recomputed is NaN at both ends."""
        ends = (self.recomputed.low, self.recomputed.high) if self.recomputed else (math.nan, math.nan)
        return {
            "check": self.check,
            "facts": ", ".join(self.facts),
            "printed": self.printed,
            "recomputed_low": ends[0],
            "recomputed_high": ends[1],
            "verdict": self.verdict,
            "note": self.note,
        }


def found(
    check: str,
    facts: Iterable[Fact | None],
    verdict: Verdict,
    note: str,
    recomputed: Interval | None = None,
    about: int = 1,
) -> Check:
    """Make a row about the first ``about`` of some facts; facts that are not there (None) are left out."""
    present = list(dict.fromkeys(fact.id for fact in facts if fact))
    printed = "; ".join({fact.id: fact.printed for fact in facts if fact}[name] for name in present[:about])
    return Check(check=check, facts=tuple(present), printed=printed, recomputed=recomputed, verdict=verdict, note=note)


def compared(check: str, fact: Fact, given: Iterable[Fact | None], recomputed: Interval, what: str) -> Check:
    """Compare a printed number with what other facts leave possible for it.

    Parameters
    ----------
    check : str
        Name of the check.
    fact : Fact
        The printed number.
    given : iterable of Fact or None
        The facts it was recomputed from.
    recomputed : Interval
        What they leave possible.
    what : str
        The beginning of the note, for example ``"Welch's t from the means and SDs"``.
    """
    agrees = possible(fact, recomputed)
    ending = "which agrees with" if agrees else "which contradicts"
    note = f"{what} is {between(recomputed)}, {ending} the printed {fact.printed}."
    return found(check, (fact, *given), "consistent" if agrees else "inconsistent", note, recomputed)


def possible(fact: Fact, recomputed: Interval) -> bool:
    """Tell whether some number of an interval prints as the fact."""
    if fact.absolute:
        recomputed = absolute(recomputed)
    return fact.interval.widened().meets(recomputed.widened())


def signed(fact: Fact) -> Interval:
    """Return a fact's interval, on both sides of 0 where its sign was not printed."""
    return Interval(-fact.interval.high, fact.interval.high) if fact.absolute else fact.interval


def absolute(interval: Interval) -> Interval:
    """Return the absolute values of an interval's numbers."""
    ends = abs(interval.low), abs(interval.high)
    return Interval(0.0 if 0.0 in interval else min(ends), max(ends))


def between(interval: Interval, least: float = -math.inf) -> str:
    """Say an interval in words; one that begins at the ``least`` possible value or below has an upper end only."""
    low, high = number(interval.low), number(interval.high)
    if interval.low <= least and math.isfinite(interval.high):
        return f"at most {high}"
    if low == high:
        return low
    if math.isinf(interval.high):
        return f"at least {low}" if math.isfinite(interval.low) else "anything"
    return f"at most {high}" if math.isinf(interval.low) else f"between {low} and {high}"


def number(value: float) -> str:
    """Write a number to four figures, or two decimals where these are more.

    Examples
    --------
    >>> number(192.3712), number(0.24652), number(7745.0), number(0.0)
    ('192.37', '0.2465', '7745', '0')
    """
    if value == 0:
        return "0"
    if abs(value) < 1e-4:
        return f"{value:.1e}"
    if math.isinf(value) or abs(value) < 100:
        return f"{value:.4g}"
    return f"{value:.2f}".rstrip("0").rstrip(".")


def one_of(items: Iterable[object], conjunction: str = "or") -> str:
    """Join words as a sentence does.

    Examples
    --------
    >>> one_of([5, 6, 7])
    '5, 6 or 7'
    """
    words = [str(item) for item in items]
    return f" {conjunction} ".join(filter(None, (", ".join(words[:-1]), words[-1]))) if words else "none"
