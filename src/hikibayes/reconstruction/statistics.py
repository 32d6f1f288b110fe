"""What stands for a printed number where moments are sought that print it: of a p its t or F, smooth where p is not.

A p, or a number without its sign, says something of a statistic once that statistic's degrees of freedom and sign are
known.
"""

from __future__ import annotations

import math

from ..moments.tails import Array, f_above, t_below
from ..quantities import KINDS, Address, Analysis
from ..study.facts import Fact
from ..study.study import Study

OF_F = {"f_p": "f", "r2_p": "r2_f", "delta_r2_p": "delta_r2_f"}
"""Each p of an F test, and its F."""

SAME = ("of", "with_", "group", "step", "term", "coding", "products", "at")
"""What an estimate and the p of its test have in common, beside the groups that are compared."""
OF_COMPARISONS = ("t", "d", "mean_difference")


def stand_in(run: Analysis, quantity: str, address: Address) -> Array:
    """Return the number that stands for a printed one: of a p its t or F, otherwise itself."""
    kind = KINDS[OF_F.get(quantity, quantity)]
    if kind.statistic is not None:
        return kind.statistic(run, address)[0]
    assert kind.value is not None
    return kind.value(run, address)


def limits(study: Study, fact: Fact, df: float | None = None) -> tuple[float, float]:
    """Return the interval of what stands for a number; of a two-sided p of a t that of |t|.

    Without its degrees of freedom (``df``) a normal deviate stands for t.
    """
    low, high = fact.interval.low, fact.interval.high
    if fact.quantity in OF_F:
        return f_above(high, *f_degrees(study, fact)), f_above(low, *f_degrees(study, fact))
    if KINDS[fact.quantity].statistic is None:
        return low, high
    sides = 2 if fact.tail in (None, "two") else 1
    ends = -t_below(high / sides, df or math.inf), -t_below(low / sides, df or math.inf)
    if fact.tail == "lower":
        return -ends[1], -ends[0]
    return (max(ends[0], 0.0), ends[1]) if sides == 2 else ends


def f_degrees(study: Study, fact: Fact) -> tuple[int, int]:
    """Return the degrees of freedom of the F that a p belongs to: of all groups, a whole step, or its increase."""
    n = sum(study.samples.values())
    if not fact.step:
        return len(study.samples) - 1, n - len(study.samples)
    terms, before = len(study.columns(fact.step)), study.step(fact.step).after
    added = terms - (len(study.columns(before)) if before and fact.quantity.startswith("delta") else 0)
    return added, n - terms - 1


def t_degrees(study: Study, fact: Fact) -> int | None:
    """Return the degrees of freedom of a fact's t whatever the moments; None where they, or an F, change it."""
    if fact.step:
        of_one = (fact.term or fact.of) and not fact.separate
        return sum(study.samples.values()) - len(study.columns(fact.step)) - 1 if of_one else None
    if fact.test == "student" and fact.between:
        return sum(study.sizes[name] for name in fact.between) - 2
    return None


def known_sign(study: Study, fact: Fact) -> int:
    """Return the printed sign of what a p, or an absolute value, is of (coefficient, slope, t, d ...), or 0."""
    kinds = OF_COMPARISONS if fact.between else (_estimate(fact),)
    for other in (other for kind in kinds for other in study.facts_of(kind)):
        turned = fact.between is not None and other.between == fact.between[::-1]
        if (
            not other.absolute
            and other.relation in ("=", "about")
            and all(getattr(other, key) == getattr(fact, key) for key in SAME)
            and (turned or other.between == fact.between)
            and (sign := _sign(other.interval.low, other.interval.high))
        ):
            return -sign if turned else sign
    return _sign_of_means(study, fact) if fact.between else 0


def _estimate(fact: Fact) -> str:
    return "correlation" if fact.with_ and not fact.step else fact.quantity.removesuffix("_p")


def _sign(low: float, high: float) -> int:
    return 1 if low > 0 else -1 if high < 0 else 0


def _sign_of_means(study: Study, fact: Fact) -> int:
    """Return the sign of the difference of two printed means, if rounding leaves one."""
    means = [
        [each.interval for each in study.facts_of("mean", of=fact.of, group=group) if each.relation == "="]
        for group in fact.between or ()
    ]
    if not all(means):
        return 0
    (first, *_), (second, *_) = means
    gap = first - second
    return _sign(gap.low, gap.high)
