"""Correlations: Pearson's of two measures, one of which may be the groups' (a point-biserial one), and Spearman's."""

from __future__ import annotations

import numpy as np
from scipy.special import ndtri

from ..moments.tails import Array, namespace
from .analysis import Analysis
from .kind import Address, Kind


def _correlation(run: Analysis, address: Address) -> Array:
    own, pair = run.outline.group, (address.of, str(address.with_))
    if own not in pair:
        own_spread = [run.variance(name, address.group) for name in pair]
        return run.covariance(*pair, address.group) / (own_spread[0] * own_spread[1]) ** 0.5
    other = pair[0] if pair[1] == own else pair[1]
    first, second = run.outline.groups
    n, total = run.moments.n, run.moments.total_n
    gap = run.mean(other, second) - run.mean(other, first)
    return gap / run.variance(other, None) ** 0.5 * (n[0] * n[1] / total / (total - 1)) ** 0.5


def correlation_and_error(run: Analysis, address: Address) -> tuple[Array, Array, Array]:
    """Return a correlation, the standard error of its t test, and the degrees of freedom."""
    r, df = _correlation(run, address), run.size(address.group) - 2
    return r, ((1 - r**2) / df) ** 0.5, df


def _limit(name: str, words: str, sign: int) -> Kind:
    def compute(run: Analysis, address: Address) -> Array:
        # Fisher's z
        r, xp = _correlation(run, address), namespace(run.moments.mean)
        far = ndtri((1 + address.confidence) / 2) / np.sqrt(run.size(address.group) - 3)
        return xp.tanh(xp.arctanh(r) + sign * far)

    return Kind(
        name=name,
        meaning=f"its {words} (Fisher's z)",
        words=f"{words} of the correlation",
        needs=("of", "with"),
        may=("group", "confidence", "errors"),
        low=-1,
        high=1,
        conventions=("confidence",),
        settled_by="the correlation it belongs to",
        value=compute,
        estimate="correlation",
        role=name.removeprefix("correlation_"),
    )


KINDS = (
    Kind(
        name="correlation",
        meaning="Pearson correlation",
        words="correlation",
        needs=("of", "with"),
        may=("group",),
        low=-1,
        high=1,
        settled_by="an R2 of a step that has the measure in it",
        value=_correlation,
        estimate="correlation",
    ),
    _limit("correlation_ci_low", "lower confidence limit", -1),
    _limit("correlation_ci_high", "upper confidence limit", 1),
    Kind(
        name="spearman",
        meaning="Spearman's rank correlation; kept, its range checked",
        words="rank correlation",
        needs=("of", "with"),
        may=("group",),
        low=-1,
        high=1,
        settled_by="the participants' rows",
    ),
)
