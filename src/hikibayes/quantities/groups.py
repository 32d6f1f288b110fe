"""Several groups compared: F of a one-way comparison with η², χ² of counts by group."""

from __future__ import annotations

from ..moments.tails import Array, f_p
from .analysis import Analysis
from .kind import INFINITY, Address, Kind, Value


def _between(run: Analysis, address: Address) -> tuple[Array, Array, float, Array]:
    """Return sums of squares between and within the groups, and their degrees of freedom."""
    at, n = run.moments.position(address.of), run.moments.n
    gap = run.moments.mean[..., at] - run.moments.total[0][..., at][..., None]
    within = (run.moments.cov[..., at, at] * (n - 1)).sum(-1)
    return (n * gap**2).sum(-1), within, run.moments.groups - 1.0, run.moments.total_n - run.moments.groups


def _f(run: Analysis, address: Address) -> Array:
    between, within, df1, df2 = _between(run, address)
    return between / df1 / (within / df2)


def _eta2(run: Analysis, address: Address) -> Array:
    between, within, *_ = _between(run, address)
    return between / (between + within)


def _of_f(name: str, meaning: str, words: str, high: float, value: Value | None, *, whole: bool = False) -> Kind:
    return Kind(
        name=name,
        meaning=meaning,
        words=words,
        needs=("of",),
        low=0,
        high=high,
        whole=whole,
        settled_by="the groups' means and SDs",
        value=value,
        estimate="f",
        role=name,
    )


def _of_counts(name: str, meaning: str, words: str, high: float, *, whole: bool = False) -> Kind:
    return Kind(
        name=name,
        meaning=meaning,
        words=words,
        needs=("of",),
        low=0,
        high=high,
        whole=whole,
        settled_by="counts or shares of the levels in every group",
        estimate="chi2",
        role=name,
    )


KINDS = (
    _of_f("f", "F of a one-way comparison of all groups", "F", INFINITY, _f),
    _of_f(
        "f_df1",
        "its first degrees of freedom",
        "df of F",
        INFINITY,
        lambda run, address: 0 * _f(run, address) + _between(run, address)[2],
        whole=True,
    ),
    _of_f(
        "f_df2",
        "its second degrees of freedom",
        "df of F",
        INFINITY,
        lambda run, address: 0 * _f(run, address) + _between(run, address)[3],
    ),
    _of_f("f_p", "its p", "p of F", 1, lambda run, address: f_p(_f(run, address), *_between(run, address)[2:])),
    _of_f("eta2", "share of variance between the groups", "η²", 1, _eta2),
    _of_counts("chi2", "Pearson's χ² of a category by group", "χ²", INFINITY),
    _of_counts("chi2_df", "its degrees of freedom", "df of χ²", INFINITY, whole=True),
    _of_counts("chi2_p", "its p", "p of χ²", 1),
)
