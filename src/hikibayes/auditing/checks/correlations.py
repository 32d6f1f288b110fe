"""Checks of correlations: whether a table of them can be one of real data."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from ...study.facts import Fact
from ...study.intervals import Interval, image
from ...study.study import Study
from .descriptives import most_precise, size
from .rows import Check, found, number, signed
from .tails import compare_p


def correlation_between(
    study: Study, one: str, other: str, group: str | None, beside: Fact | None = None
) -> Fact | None:
    """Return the printed correlation of two measures, in either order; one from the place of another fact, if any."""
    pairs = ((one, other), (other, one))
    facts = [f for a, b in pairs for f in study.facts_of("correlation", of=a, with_=b, group=group)]
    there = [fact for fact in facts if beside and fact.source == beside.source]
    return most_precise(there or facts)


def checks_of_correlation_p(study: Study) -> Iterator[Check]:
    """Compare the p of a correlation with the correlation and the number of people."""
    for p in study.facts_of("p"):
        if not p.with_:
            continue
        r, n = correlation_between(study, str(p.of), p.with_, p.group, p), size(study, p.group)
        if r and n > 2:
            t = image(lambda value, n=n: value * math.sqrt((n - 2) / max(1 - value**2, 1e-12)), signed(r))
            yield compare_p(
                "p of a correlation", p, (r,), [(t, Interval(n - 2, n - 2))], f"r = {r.printed} of {n} people"
            )


def checks_of_correlations(study: Study) -> Iterator[Check]:
    """Ask whether the correlations printed for the same people can be those of one table of data.

    Notes
    -----
    A correlation matrix has no negative eigenvalue. Correlations within half a unit h of the printed ones change each
    eigenvalue of a k x k matrix by at most (k - 1) h (Weyl), so that a least eigenvalue below -(k - 1) h is impossible.
    Only sets in which each pair is printed are looked at: all of the measures, or else each three of them.
    """
    for group in (None, *study.group_names):
        facts = [
            fact for fact in study.facts_of("correlation", group=group) if fact.relation == "=" and not fact.absolute
        ]
        pairs = {frozenset((str(fact.of), str(fact.with_))): fact for fact in facts if fact.of != fact.with_}
        names = sorted({name for pair in pairs for name in pair})
        sets = [tuple(names)] if len(pairs) == len(names) * (len(names) - 1) // 2 else list(_triangles(names, pairs))
        bad = [each for each in sets if len(each) > 2 and _impossible(each, pairs)]
        for each in bad:
            note = (
                f"No data have these correlations of {', '.join(each)} at once: two of them fix the third more closely."
            )
            yield found("correlations together", _among(each, pairs), "inconsistent", note, about=len(each))
        sound = [each for each in sets if len(each) > 2 and each not in bad]
        if sound:
            used = dict.fromkeys(fact.id for each in sound for fact in _among(each, pairs))
            kept = [fact for fact in facts if fact.id in used]
            note = f"The {number(len(kept))} correlations can be those of one table of data."
            yield found("correlations together", kept, "consistent", note, about=len(kept))


def _triangles(names: list[str], pairs: dict[frozenset[str], Fact]) -> Iterator[tuple[str, ...]]:
    for i, a in enumerate(names):
        for j, b in enumerate(names[i + 1 :], i + 1):
            for c in names[j + 1 :]:
                if {frozenset((a, b)), frozenset((a, c)), frozenset((b, c))} <= set(pairs):
                    yield a, b, c


def _among(names: tuple[str, ...], pairs: dict[frozenset[str], Fact]) -> list[Fact]:
    return [fact for pair, fact in pairs.items() if pair <= set(names)]


def _impossible(names: tuple[str, ...], pairs: dict[frozenset[str], Fact]) -> bool:
    matrix = np.eye(len(names))
    slack = 0.0
    for pair, fact in pairs.items():
        if pair <= set(names):
            i, j = (names.index(name) for name in pair)
            matrix[i, j] = matrix[j, i] = fact.interval.middle
            slack = max(slack, fact.interval.half_width)
    return float(np.linalg.eigvalsh(matrix)[0]) < -(len(names) - 1) * slack - 1e-9
