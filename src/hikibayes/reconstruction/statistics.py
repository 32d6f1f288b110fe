"""What a printed p, or a number without its sign, says of a statistic: its degrees of freedom and its sign."""

from __future__ import annotations

from ..study.facts import Fact
from ..study.study import Study

SAME = ("of", "with_", "group", "step", "term", "coding", "products", "at")
"""What an estimate and the p of its test have in common, beside the groups that are compared."""
OF_COMPARISONS = ("t", "d", "mean_difference")


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
    return _sign(first.low - second.high, first.high - second.low)
