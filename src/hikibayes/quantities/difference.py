"""Two groups compared: the difference of means with its statistics, and d by its several definitions."""

from __future__ import annotations

from ..moments.tails import Array
from .analysis import Analysis
from .correlation import correlation_and_error
from .estimates import Estimate, kinds_of, p_of
from .kind import Address, Kind

NAMES = {
    "cohen": "d",
    "hedges": "hedges_g",
    "average": "d_average",
    "glass_first": "glass_first",
    "glass_second": "glass_second",
    "divisor_n": "d_divisor_n",
}
"""What `hikibayes.moments` calls the kinds of d."""


def _difference(run: Analysis, address: Address) -> tuple[Array, Array, Array]:
    found, at = run.comparison(address.between or ("", "")), run.moments.position(address.of)
    gap, v1, v2 = found.difference[..., at], found.v1[..., at], found.v2[..., at]
    if address.test == "student":
        return gap, (found.pooled_variance[..., at] * (1 / found.n1 + 1 / found.n2)) ** 0.5, found.student_df
    return gap, (v1 / found.n1 + v2 / found.n2) ** 0.5, found.welch_df[..., at]


def _statistic(run: Analysis, address: Address) -> tuple[Array, Array]:
    value, error, df = _difference(run, address) if address.between else correlation_and_error(run, address)
    return value / error, 0 * value + df


def _d(run: Analysis, address: Address) -> Array:
    values: Array = getattr(run.comparison(address.between or ("", "")), NAMES[address.kind])
    return values[..., run.moments.position(address.of)]


def _limit_of_d(name: str, words: str) -> Kind:
    return Kind(
        name=name,
        meaning=f"its {words}",
        words=f"{words} of d",
        needs=("of", "between"),
        may=("kind", "confidence"),
        conventions=("kind", "confidence"),
        settled_by="the d it belongs to",
    )


DIFFERENCE = Estimate(
    name="mean_difference",
    meaning="mean of the first group minus mean of the second",
    words="mean difference",
    needs=("of", "between"),
    may=("test",),
    unit="measure",
    raw=True,
    conventions=("test",),
    settled_by="the means of both groups",
    compute=_difference,
    names={"t": "t", "df": "df", "p": "p"},
)
KINDS = (
    *kinds_of(
        DIFFERENCE,
        itself={"may": (), "conventions": ()},
        t={"meaning": "t of the difference of two group means", "words": "t", "settled_by": "means and SDs"},
        df={"meaning": "degrees of freedom of that t", "words": "df", "settled_by": "the SDs of both groups"},
        p={
            "meaning": "p of that t, or (`with`) of a correlation",
            "words": "p",
            "needs": ("of", "between|with"),
            "may": ("test", "group", "tail"),
            "settled_by": "the t or correlation it belongs to, or means and SDs,",
            "value": p_of(_statistic),
            "statistic": _statistic,
        },
    ),
    Kind(
        name="d",
        meaning="mean difference over an SD; Cohen's pools the groups'",
        words="d",
        needs=("of", "between"),
        may=("kind",),
        unit="sd",
        conventions=("kind",),
        settled_by="the means and SDs of both groups, or t",
        value=_d,
    ),
    _limit_of_d("d_ci_low", "lower confidence limit"),
    _limit_of_d("d_ci_high", "upper confidence limit"),
)
