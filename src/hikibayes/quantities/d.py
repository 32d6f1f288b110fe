"""Standardised difference of two group means: Cohen's d and its relatives."""

from __future__ import annotations

from ..moments.tails import Array
from .analysis import Analysis
from .kind import Address, Kind

NAMES = {
    "cohen": "d",
    "hedges": "hedges_g",
    "average": "d_average",
    "glass_first": "glass_first",
    "glass_second": "glass_second",
    "divisor_n": "d_divisor_n",
}
"""What `hikibayes.moments` calls them."""


def _value(run: Analysis, address: Address) -> Array:
    found = run.comparison(address.between or ("", ""))
    values: Array = getattr(found, NAMES[address.kind])
    return values[..., run.moments.position(address.of)]


KIND = Kind(
    name="d",
    meaning="mean difference over an SD; Cohen's pools the groups'",
    words="d",
    needs=("of", "between"),
    may=("kind",),
    unit="sd",
    conventions=("kind",),
    settled_by="the means and SDs of both groups, or t",
    value=_value,
)
