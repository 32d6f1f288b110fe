"""The usual summaries of many exact posteriors at once: compiled, under one prior or several, or by the reference."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np
from scipy.special import ndtri, stdtr, stdtrit

from ...arrays import BoolArray, FloatArray, IntArray
from .conditional import PERFECT_FIT, check_priors, factored, with_stand_ins
from .exact import NODES, Contrasts, contrast_matrix, posterior
from .normal_priors import Aligned, FlatPrior, NormalPriors, Priors
from .reference_quadrature import EVERYWHERE, MANY, PLENTY, SOME
from .sufficient import ExactEngineError, Refusal, SufficientStatistics

if TYPE_CHECKING:
    from .fit import Data, Task


@dataclass(frozen=True, kw_only=True)
class Summaries:
    """What the posteriors of k contrasts in B data sets say; NaN where a data set was refused.

    Parameters
    ----------
    mean, sd : array, shape (B, k)
        Posterior mean and sd, in the contrast's unit.
    lower, upper : array, shape (B, k)
        Limits of the equal-tailed interval.
    p_positive, p_rope : array, shape (B, k)
        Posterior probability of a value above 0, and inside the region of practical equivalence.
    log_bf10 : array, shape (B, k)
        Log Bayes factor against 0, by Savage and Dickey; NaN under a flat prior.
    log_evidence : array, shape (B,)
        Log marginal likelihood; NaN under a flat prior.
    refusals : array of int, shape (B,)
        A `Refusal` for each data set.
    """

    mean: FloatArray
    sd: FloatArray
    lower: FloatArray
    upper: FloatArray
    p_positive: FloatArray
    p_rope: FloatArray
    log_bf10: FloatArray
    log_evidence: FloatArray
    refusals: IntArray

    @property
    def ok(self) -> BoolArray:
        """Which data sets have a posterior, shape (B,)."""
        return np.asarray(self.refusals == Refusal.ACCEPTED)


PER_CONTRAST = ("mean", "sd", "lower", "upper", "p_positive", "p_rope", "log_bf10")
RULES = ((NODES, PLENTY), (MANY, SOME), (EVERYWHERE[0], 2))
"""Nodes of sigma, and the degrees of freedom from which they are tried."""


class _Asked(NamedTuple):
    contrasts: FloatArray
    prob: float
    rope: tuple[float, float]

    @property
    def tail(self) -> float:
        return (1 - self.prob) / 2


def summaries(
    stats: SufficientStatistics,
    priors: Priors,
    contrasts: Contrasts | None = None,
    *,
    prob: float = 0.95,
    rope: Sequence[float] = (-0.1, 0.1),
    engine: Literal["compiled", "numpy"] = "compiled",
) -> Summaries:
    """Summarise contrasts of the coefficients in every data set of a batch.

    Parameters
    ----------
    stats : SufficientStatistics
        B data sets.
    priors : NormalPriors or FlatPrior
        One set of priors for all data sets, or one for each.
    contrasts : array_like of shape (k, p), names, or a mapping of named weights
        By default every coefficient.
    prob : float
        Probability of the equal-tailed interval.
    rope : pair of float
        Region of practical equivalence, in the contrast's unit.
    engine : {"compiled", "numpy"}
        Eight data sets at a time, or the readable reference. Both are right to 1e-7 posterior sd. What the compiled one
        cannot certify (hardly more than what has to be refused) it hands to the reference by itself.

    Returns
    -------
    Summaries
        A data set that cannot be fitted is flagged, not raised. Each data set's numbers depend on nothing but itself.

    Raises
    ------
    ExactEngineError
        If a name is unknown, a contrast is empty or differs between data sets, or a number is out of range.
    """
    asked = _asked(stats, contrasts, prob, rope)
    return _by_reference(stats, priors, asked) if engine == "numpy" else _compiled(stats, [priors], asked)[0]


def summaries_by_prior(
    stats: SufficientStatistics,
    priors: Sequence[Priors],
    contrasts: Contrasts | None = None,
    *,
    prob: float = 0.95,
    rope: Sequence[float] = (-0.1, 0.1),
) -> list[Summaries]:
    """Summarise contrasts of the coefficients in every data set of a batch, under each of several priors.

    Parameters
    ----------
    stats : SufficientStatistics
        B data sets.
    priors : sequence of NormalPriors or FlatPrior, length V
        Each as for `summaries`. Those that differ in the one coefficient asked about alone are fitted together: that
        coefficient's prior is divided out of the posterior, and another put in its place.
    contrasts, prob, rope
        As for `summaries`.

    Returns
    -------
    list of Summaries, length V
        What `summaries` gives for each prior.

    Raises
    ------
    ExactEngineError
        As `summaries`.
    """
    asked = _asked(stats, contrasts, prob, rope)
    found: dict[int, Summaries] = {}
    for family in _families(stats, priors, asked.contrasts):
        found |= zip(family, _compiled(stats, [priors[i] for i in family], asked), strict=True)
    return [found[i] for i in range(len(priors))]


def _asked(stats: SufficientStatistics, contrasts: Contrasts | None, prob: float, rope: Sequence[float]) -> _Asked:
    c = contrast_matrix(stats.names if contrasts is None else contrasts, stats.names)
    if c.ndim != 2 or not (c != 0).any(axis=1).all():
        raise ExactEngineError("contrasts must be the same for all data sets, each with a weight other than 0")
    if not (0 < prob < 1 and len(rope) == 2 and rope[0] < rope[1]):
        raise ExactEngineError(f"got prob {prob}, rope {tuple(rope)}; give 0 < prob < 1 and rope low < high")
    return _Asked(c, prob, (float(rope[0]), float(rope[1])))


def _by_reference(stats: SufficientStatistics, priors: Priors, asked: _Asked) -> Summaries:
    if isinstance(priors, FlatPrior):
        return _t(stats, asked)
    fitted = posterior(stats, priors, on_error="flag")
    marginal = fitted.marginal(asked.contrasts)
    lower, upper = marginal.eti(asked.prob)
    return Summaries(
        mean=marginal.mean(),
        sd=marginal.sd(),
        lower=lower,
        upper=upper,
        p_positive=marginal.p_positive(),
        p_rope=marginal.probability(*asked.rope),
        log_bf10=marginal.log_bf10(),
        log_evidence=fitted.log_evidence,
        refusals=fitted.refusals,
    )


def _t(stats: SufficientStatistics, asked: _Asked) -> Summaries:
    """Under the flat prior every contrast is a t distribution, in closed form; up to 2 df it has no sd."""
    a, refusals = FlatPrior().align(stats.names), stats.screen()
    check_priors(stats, a, refusals)
    safe, _ = with_stand_ins(stats, a, refusals)
    factor, rank = factored(safe.sxx)
    lost = rank < len(stats.names)
    refusals[lost & (refusals == 0)] = Refusal.COLLINEAR
    factor[lost] = np.eye(len(stats.names))
    score = np.linalg.solve(factor, safe.sxy[..., None])
    wide = np.linalg.solve(factor, np.broadcast_to(asked.contrasts.T, (len(stats), *asked.contrasts.T.shape)))
    left = safe.syy - (score**2).sum(axis=(1, 2))
    refusals[~(left >= PERFECT_FIT * safe.syy) & (refusals == 0)] = Refusal.PERFECT_FIT
    bad = (refusals != 0)[:, None]
    df = np.where(bad, np.nan, (safe.n - 1 - len(stats.names))[:, None])
    mean = (wide * score).sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        scale = np.sqrt(left[:, None] / df * (wide**2).sum(axis=1))
        reach = -stdtrit(df, asked.tail) * scale
        sd = np.where(df > 2, scale * np.sqrt(df / np.where(df > 2, df - 2, 1.0)), scale * np.inf)
    inside = stdtr(df, (asked.rope[1] - mean) / scale) - stdtr(df, (asked.rope[0] - mean) / scale)
    nothing = np.full(mean.shape, np.nan)
    return Summaries(
        mean=np.where(bad, np.nan, mean),
        sd=sd,
        lower=mean - reach,
        upper=mean + reach,
        p_positive=stdtr(df, mean / scale),
        p_rope=inside,
        log_bf10=nothing,
        log_evidence=nothing[:, 0],
        refusals=refusals,
    )


def _compiled(stats: SufficientStatistics, family: Sequence[Priors], asked: _Asked) -> list[Summaries]:
    """Fit eight data sets at a time, under priors that differ in the one coefficient asked about."""
    first, V = family[0], len(family)
    if not isinstance(first, NormalPriors):
        return [_t(stats, asked)]
    from .fit import fit, rule

    B, df = len(stats), stats.n - len(stats.names)
    a = first.align(stats.names)
    # before priors that are made of the data, or that mix columns; else it is done on the way
    ahead = len(a.mean) > 1 or a.correlation is not None
    refusals = stats.screen() if ahead else np.zeros(B, dtype=np.int64)
    check_priors(stats, a, refusals)
    out = np.full((B, max(V, len(asked.contrasts)), len(PER_CONTRAST)), np.nan)
    log_evidence = np.full((B, V), np.nan)
    if a.correlation is None or len(a.mean) == 1:
        data, task = _task_of(stats, family, asked)
        for count, least in RULES:
            waiting = np.flatnonzero((refusals == 0) & np.isnan(log_evidence[:, 0]) & (df >= least))
            if len(waiting):
                fit(data, task, rule(count), waiting, out, log_evidence, refusals)
        out[..., -1] += _log_prior_at_zero(a, asked.contrasts)
    rows = [slice(v, v + 1) for v in range(V)] if V > 1 else [slice(None)]
    return [
        _completed(stats, prior, asked, (out[:, row], log_evidence[:, v]), refusals.copy(), alone=V == 1)
        for v, (prior, row) in enumerate(zip(family, rows, strict=True))
    ]


def _completed(
    stats: SufficientStatistics,
    priors: Priors,
    asked: _Asked,
    computed: tuple[FloatArray, FloatArray],
    refusals: IntArray,
    *,
    alone: bool,
) -> Summaries:
    """Fit by itself what could not be certified beside others, and by the reference what could not by itself."""
    out, log_evidence = computed
    columns = {name: out[..., j] for j, name in enumerate(PER_CONTRAST)}
    left = np.flatnonzero((refusals == 0) & np.isnan(log_evidence))
    if len(left):
        some, theirs = stats.take(left), priors.take(left)
        again = _by_reference(some, theirs, asked) if alone else _compiled(some, [theirs], asked)[0]
        for name, column in columns.items():
            column[left] = getattr(again, name)
        log_evidence[left], refusals[left] = again.log_evidence, again.refusals
    return Summaries(**columns, log_evidence=log_evidence, refusals=refusals)


def _task_of(stats: SufficientStatistics, family: Sequence[Priors], asked: _Asked) -> tuple[Data, Task]:
    from .fit import Data, Task

    first, *others = (priors.align(stats.names) for priors in family)
    column = int(np.argmax(asked.contrasts[0]))
    normals = [(a.mean[0, column], a.precision[0, column] ** -0.5) for a in (first, *others)]
    stats, mean, sd, contrasts = _whitened(stats, first, asked.contrasts)
    sigma = first.sigma
    if sigma is None:
        raise ExactEngineError("a flat prior is not integrated")
    scale, shape = sigma.parameters()
    with np.errstate(divide="ignore", invalid="ignore"):
        intercept_sd = first.intercept_precision**-0.5

    def plain(values: object) -> FloatArray:
        # one memory layout and one type for every array, so that numba compiles once
        array = np.array(values, dtype=np.float64, order="C", copy=None, ndmin=1)
        return array if array.flags.writeable else array.copy()

    of_data = (plain(getattr(stats, name)) for name in Data._fields[1:])
    data = Data(np.array(stats.n, dtype=np.int64, order="C"), *of_data)
    task = Task(
        prior_mean=plain(mean),
        prior_sd=plain(sd),
        intercept_mean=plain(first.intercept_mean),
        intercept_sd=plain(intercept_sd),
        sigma_kind=sigma.code,
        sigma_scale=plain(scale),
        sigma_shape=float(shape),
        contrasts=plain(contrasts),
        others=plain(normals if others else np.zeros((0, 2))),
        tail=asked.tail,
        z_tail=float(ndtri(asked.tail)),
        rope_low=asked.rope[0],
        rope_high=asked.rope[1],
    )
    return data, task


def _whitened(
    stats: SufficientStatistics, a: Aligned, c: FloatArray
) -> tuple[SufficientStatistics, FloatArray, FloatArray, FloatArray]:
    """Return the same regression in coefficients that are independent beforehand, with their means and sds."""
    with np.errstate(divide="ignore", invalid="ignore"):
        sd = a.precision**-0.5
    if a.correlation is None:
        return stats, a.mean, sd, c
    root = np.linalg.inv(a.precision_root[0])
    turned = SufficientStatistics(
        names=stats.names,
        n=stats.n,
        x_mean=np.zeros_like(stats.x_mean),
        y_mean=stats.y_mean,
        sxx=root.T @ stats.sxx @ root,
        sxy=stats.sxy @ root,
        syy=stats.syy,
    )
    return turned, a.mean @ a.precision_root[0].T, np.ones_like(sd), c @ root


def _log_prior_at_zero(a: Aligned, c: FloatArray) -> FloatArray:
    """Log prior density of each contrast at 0, shape (1 or B, k)."""
    with np.errstate(divide="ignore", invalid="ignore"):
        variance = a.variance(c)
    return np.asarray(-0.5 * ((a.mean @ c.T) ** 2 / variance + np.log(2 * np.pi * variance)))


def _families(stats: SufficientStatistics, priors: Sequence[Priors], c: FloatArray) -> Iterator[list[int]]:
    """Group priors that differ in the coefficient asked about alone; the widest, the easiest to fit, comes first."""
    left = list(range(len(priors)))
    aligned = [prior.align(stats.names) for prior in priors]
    one = c.shape[:-1] == (1,) and np.count_nonzero(c) == 1 and c.sum() == 1
    while left:
        first, column = left[0], int(np.argmax(c[0])) if one else 0
        family = [i for i in left if i == first or (one and _differ_in(column, aligned[first], aligned[i]))]
        left = [i for i in left if i not in family]
        yield sorted(family, key=lambda i: float(aligned[i].precision[0, column]))


def _differ_in(column: int, one: Aligned, other: Aligned) -> bool:
    """Tell whether two sets of independent Normal priors, each for all data sets, are equal but for a column."""
    if one.sigma is None or other.sigma is None or len(one.mean) > 1 or len(other.mean) > 1:
        return False
    if one.correlation is not None or other.correlation is not None:
        return False
    others = np.arange(one.mean.shape[1]) != column
    sigmas = zip(one.sigma.parameters(), other.sigma.parameters(), strict=True)
    pairs = [
        (one.mean[:, others], other.mean[:, others]),
        (one.precision[:, others], other.precision[:, others]),
        (one.intercept_mean, other.intercept_mean),
        (one.intercept_precision, other.intercept_precision),
        *sigmas,
    ]
    return type(one.sigma) is type(other.sigma) and all(np.array_equal(a, b) for a, b in pairs)
