"""The p of a t on the side that is meant."""

from __future__ import annotations

from ..moments import two_sided_p
from ..moments.tails import Array, namespace
from .analysis import Analysis
from .kind import Address, Statistic, Value

__all__ = ["p_of"]


def p_of(statistic: Statistic) -> Value:
    """Make the value of a p from the t and df it belongs to."""

    def compute(run: Analysis, address: Address) -> Array:
        t, df = statistic(run, address)
        return sided(t, two_sided_p(t, df), address.tail)

    return compute


def sided(t: Array, p: Array, tail: str) -> Array:
    """Turn a two-sided p into that of ``two``, ``one`` (the estimate's direction), ``lower`` or ``upper``."""
    if tail == "two":
        return p
    if tail == "one":
        return p / 2
    outward = t > 0 if tail == "upper" else t < 0
    return namespace(p).where(outward, p / 2, 1 - p / 2)
