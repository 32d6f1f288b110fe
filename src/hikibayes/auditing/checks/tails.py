"""The p of a t: two-sided, or one-sided where that is declared or where it is what agrees."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from scipy.special import stdtr

from ...quantities.conventions import VALUES, WORDS
from ...study.facts import Fact
from ...study.intervals import Interval, image
from .rows import Check, absolute, between, found, one_of, possible

type Ways = Sequence[tuple[Interval, Interval]]
"""What t and its degrees of freedom can be, a pair for each test that is possible."""

TAILS = {"two": "two-sided", **{tail: WORDS["tail", tail] for tail in VALUES["tail"][1:]}}


def p_range(t: Interval, df: Interval, tail: str) -> Interval:
    """Return the p of some t and degrees of freedom.

    Notes
    -----
    The two-sided p and that in the direction of the estimate fall with |t|, so t is folded at 0 first.
    """
    if tail in ("two", "one"):
        times = 2 if tail == "two" else 1
        return image(lambda size, nu: times * float(stdtr(nu, -size)), absolute(t), df)
    sign = 1 if tail == "lower" else -1
    return image(lambda value, nu: float(stdtr(nu, sign * value)), t, df)


def _together(ways: Ways, tail: str) -> Interval:
    ranges = [p_range(t, df, tail) for t, df in ways]
    return Interval(min(each.low for each in ranges), max(each.high for each in ranges))


def p_possible(p: Fact, ways: Ways) -> bool:
    """Tell whether some t and degrees of freedom print a p, on its declared side, or on any where none is declared."""
    return any(possible(p, _together(ways, tail)) for tail in ((p.tail,) if p.tail else TAILS))


def compare_p(
    check: str,
    p: Fact,
    given: Iterable[Fact | None],
    ways: Ways,
    what: str,
    others: Mapping[str, Ways] | None = None,
) -> Check:
    """Compare a printed p with what t and its degrees of freedom leave of it.

    Parameters
    ----------
    check, p, given
        Name of the check, the fact and the facts it is recomputed from.
    ways : sequence of (Interval, Interval)
        What t and its degrees of freedom can be, a pair for each test that is possible.
    what : str
        What t is, for the note: ``"t = 2.14"``.
    others : mapping of str to sequence of (Interval, Interval)
        What else t might be by a mistake; named where nothing agrees.

    Notes
    -----
    A p whose sides are not declared is two-sided if that agrees, and else one-sided if that does: the note says so. A
    declared one that does not agree is told what it would be.
    """
    ranges = {tail: _together(ways, tail) for tail in TAILS}
    fits = [tail for tail, interval in ranges.items() if possible(p, interval)]
    stated = p.tail or "two"
    facts = (p, *given)
    if stated in fits or (p.tail is None and fits):
        tail = stated if stated in fits else fits[0]
        note = f"{_named(what, tail)} is {between(ranges[tail])}, which agrees with the printed {p.printed}"
        if tail != stated:
            note += f" (two-sided it would be {between(ranges['two'])})"
        return found(check, facts, "consistent", f"{note}.", ranges[tail])
    note = f"{_named(what, stated)} is {between(ranges[stated])}, which contradicts the printed {p.printed}"
    hints = [f"the p {TAILS[tail]}" for tail in fits]
    hints += [name for name, each in (others or {}).items() if possible(p, _together(each, stated))]
    ending = f"; it would be {one_of(hints)}." if hints else "."
    return found(check, facts, "inconsistent", note + ending, ranges[stated])


def _named(what: str, tail: str) -> str:
    return f"The p of {what}" + ("" if tail == "two" else f", {TAILS[tail]},")
