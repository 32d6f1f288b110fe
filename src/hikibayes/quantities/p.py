"""p of a comparison of two group means, or of a correlation."""

from __future__ import annotations

from ..moments.tails import Array
from .analysis import Analysis
from .correlation import correlation
from .kind import Address, Kind
from .t import t_and_df
from .tails import p_of


def _statistic(run: Analysis, address: Address) -> tuple[Array, Array]:
    if address.between:
        return t_and_df(run, address)
    r = correlation(run, address)
    n = run.moments.n[run.index(address.group)] if address.group else run.moments.total_n
    return r * ((n - 2) / (1 - r**2)) ** 0.5, 0 * r + n - 2


KIND = Kind(
    name="p",
    meaning="p of that t, or (`with`) of a correlation",
    words="p",
    needs=("of", "between|with"),
    may=("test", "group", "tail"),
    low=0,
    high=1,
    conventions=("test", "tail"),
    settled_by="the t or correlation it belongs to, or means and SDs,",
    value=p_of(_statistic),
    statistic=_statistic,
)
