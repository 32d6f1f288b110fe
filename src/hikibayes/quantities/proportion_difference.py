"""Difference of two groups' shares at a level of a category."""

from __future__ import annotations

from ..moments.tails import Array
from .analysis import Analysis
from .kind import Address, Kind


def _value(run: Analysis, address: Address) -> Array:
    first, second = (run.share(address.of, str(address.level), group) for group in address.between or ())
    return first - second


KIND = Kind(
    name="proportion_difference",
    meaning="share in the first group minus share in the second",
    words="proportion difference",
    needs=("of", "level", "between"),
    low=-1,
    high=1,
    unit="proportion",
    value=_value,
)
