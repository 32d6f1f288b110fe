"""p of a simple slope."""

from __future__ import annotations

from ..moments.tails import Array
from .analysis import Analysis
from .kind import Address, Kind
from .slope import slope_and_error
from .tails import p_of


def _statistic(run: Analysis, address: Address) -> tuple[Array, Array]:
    slope, error, df = slope_and_error(run, address)
    return slope / error, 0 * slope + df


KIND = Kind(
    name="slope_p",
    meaning="its p",
    words="p of the slope",
    needs=("of", "group", "step"),
    may=("separate", "tail"),
    low=0,
    high=1,
    conventions=("separate", "tail"),
    settled_by="the slope",
    value=p_of(_statistic),
    statistic=_statistic,
)
