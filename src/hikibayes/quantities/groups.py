"""Several groups compared: F of a one-way comparison with η², χ² of counts by group."""

from __future__ import annotations

from functools import partial

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


def _of(
    estimate: str, settled_by: str, name: str, *words: str, high: float = INFINITY, value: Value | None = None
) -> Kind:
    """Return a kind of number about a measure in all groups; ``words`` are its meaning and what a report calls it."""
    return Kind(
        name=name,
        meaning=words[0],
        words=words[1],
        needs=("of",),
        low=0,
        high=high,
        whole=name in ("f_df1", "chi2_df"),
        settled_by=settled_by,
        value=value,
        estimate=estimate,
        role=name,
    )


_of_f = partial(_of, "f", "the groups' means and SDs")
_of_counts = partial(_of, "chi2", "counts or shares of the levels in every group")
KINDS = (
    _of_f("f", "F of a one-way comparison of all groups", "F", value=_f),
    _of_f(
        "f_df1", "its first degrees of freedom", "df of F", value=lambda run, at: 0 * _f(run, at) + _between(run, at)[2]
    ),
    _of_f(
        "f_df2",
        "its second degrees of freedom",
        "df of F",
        value=lambda run, at: 0 * _f(run, at) + _between(run, at)[3],
    ),
    _of_f("f_p", "its p", "p of F", high=1, value=lambda run, at: f_p(_f(run, at), *_between(run, at)[2:])),
    _of_f("eta2", "share of variance between the groups", "η²", high=1, value=_eta2),
    _of_counts("chi2", "Pearson's χ² of a category by group", "χ²"),
    _of_counts("chi2_df", "its degrees of freedom", "df of χ²"),
    _of_counts("chi2_p", "its p", "p of χ²", high=1),
)
