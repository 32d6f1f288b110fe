"""p of a regression coefficient."""

from __future__ import annotations

from ..moments.tails import Array
from .analysis import Analysis
from .coefficient import estimate_and_error
from .kind import Address, Kind
from .tails import p_of


def _statistic(run: Analysis, address: Address) -> tuple[Array, Array]:
    estimate, error, df = estimate_and_error(run, address)
    return estimate / error, 0 * estimate + df


KIND = Kind(
    name="coefficient_p",
    meaning="its p",
    words="p of the coefficient",
    needs=("step", "term"),
    may=("coding", "products", "tail"),
    low=0,
    high=1,
    conventions=("coding", "products", "tail"),
    settled_by="its coefficient and standard error in the table of the regression",
    value=p_of(_statistic),
    statistic=_statistic,
)
