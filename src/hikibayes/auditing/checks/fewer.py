"""Comparisons of fewer people than the groups have: a printed df says so where values are missing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

import numpy as np

from ... import moments
from .comparisons import Comparison
from .rows import Check

type Checks = Callable[[Comparison], Iterable[Check]]

LEAST_SHARE = 0.5
"""The smallest share of a group that is considered."""
MOST = 400
"""How many sizes of a group are looked at."""


def unless_fewer(comparison: Comparison, checks: Checks) -> Iterator[Check]:
    """Leave contradictions open that a smaller number of people removes, all of them at once.

    Notes
    -----
    Only where printed degrees of freedom contradict the groups' sizes: they tell how many people a test had.
    """
    rows = list(checks(comparison))
    wrong = [row for row in rows if row.verdict == "inconsistent"]
    df = comparison.printed.get("df")
    evidence = df and any(row.facts[0] == df.id for row in wrong)
    sizes = _fitting(comparison, checks) if evidence and comparison.described else None
    for row in rows:
        if sizes and row in wrong:
            n = comparison.sizes
            note = (
                f"{row.note} They agree if, for example, {sizes[0]} and {sizes[1]} of the {n[0]} and {n[1]} people "
                f"have a value; the number of these would settle it."
            )
            yield replace(row, verdict="ambiguous", note=note)
        else:
            yield row


def _fitting(comparison: Comparison, checks: Checks) -> tuple[int, int] | None:
    """Return the greatest sizes below the printed ones at which nothing contradicts itself."""
    for sizes in _near(comparison):
        if all(row.verdict != "inconsistent" for row in checks(replace(comparison, sizes=sizes))):
            return sizes
    return None


def _near(comparison: Comparison, tries: int = 40) -> list[tuple[int, int]]:
    """Return the sizes whose t and df are nearest to the printed ones, the most people first."""
    axes = [np.unique(np.linspace(max(3, LEAST_SHARE * n), n, MOST).astype(int)) for n in comparison.sizes]
    n1, n2 = np.meshgrid(*axes, indexing="ij")
    v, w = (each.middle for each in comparison.variances)
    at = moments.Comparison(n1, n2, np.full(n1.shape, comparison.gap.middle), np.array(v), np.array(w))
    miss = np.full(n1.shape, np.inf)
    for test in comparison.tests:
        values = {"t": at.welch_t, "df": at.welch_df} if test == "welch" else {"t": at.student_t, "df": at.student_df}
        off = np.zeros(n1.shape)
        for name, value in values.items():
            if (fact := comparison.printed.get(name)) and fact.interval.bounded:
                size = np.abs(value) if fact.absolute else value
                off = np.maximum(off, np.abs(size - fact.interval.middle) / max(fact.interval.half_width, 1e-3))
        miss = np.minimum(miss, off)
    best = np.argsort(miss, axis=None)[:tries]
    pairs = [(int(n1.flat[i]), int(n2.flat[i])) for i in best]
    return sorted(pairs, key=lambda pair: -sum(pair))
