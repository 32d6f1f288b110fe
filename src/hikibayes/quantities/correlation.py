"""Pearson correlation of two measures, one of which may be the groups' (a point-biserial one)."""

from __future__ import annotations

from ..moments.tails import Array
from .analysis import Analysis
from .kind import Address, Kind

__all__ = ["correlation"]


def correlation(run: Analysis, address: Address) -> Array:
    """Return a correlation in a group, or over all."""
    own, pair = run.outline.group, (address.of, str(address.with_))
    if own not in pair:
        own_spread = [run.variance(name, address.group) for name in pair]
        return run.covariance(*pair, address.group) / (own_spread[0] * own_spread[1]) ** 0.5
    other = pair[0] if pair[1] == own else pair[1]
    first, second = run.outline.groups
    n, total = run.moments.n, run.moments.total_n
    gap = run.mean(other, second) - run.mean(other, first)
    return gap / run.variance(other, None) ** 0.5 * (n[0] * n[1] / total / (total - 1)) ** 0.5


KIND = Kind(
    name="correlation",
    meaning="Pearson correlation",
    words="correlation",
    needs=("of", "with"),
    may=("group",),
    low=-1,
    high=1,
    settled_by="an R2 of a step that has the measure in it",
    value=correlation,
)
