"""Many data sets, eight at a time: loaded into lanes, reduced, integrated, described."""

# mypy: disable-error-code="no-untyped-def, no-untyped-call, untyped-decorator"
from __future__ import annotations

from math import lgamma, log, pi
from typing import Any, NamedTuple

import numpy as np

from ...reconstruction.compiled import compiler
from . import algebra, lanes, marginals, quadrature
from . import reference_quadrature as rules
from .algebra import compiled, tridiagonal
from .lanes import WIDTH, all_below, larger, load, logarithm, square_root, store, where_below
from .lanes import lanes as every
from .marginals import CENTRE, FEATURES, LOG_BF10, SPREAD, describe, log_density_at_zero, refit
from .quadrature import (
    AT_PRIOR,
    CONSTANT,
    DISTANCE,
    HALF_NORMAL,
    HALF_T,
    LOG_2PI,
    OUTCOME,
    ROWS,
    SCALE,
    TOTAL,
    WEIGHT,
    Form,
    everywhere,
    integrate,
    residual_left,
)
from .quadrature import SPREAD as INTERCEPT
from .sufficient import FloatArray

__all__ = ["Rule", "Task", "fit", "rule"]

PERFECT = 1e-9
"""Share of the outcome's variation below which a residual has too few digits."""
FAR = 0.5
"""As `hikibayes.inference.gaussian.exact` has it."""


class Task(NamedTuple):
    """Data, priors and questions; R is 1 where all data sets share the numbers, else B."""

    n: FloatArray
    y_mean: FloatArray
    sxx: FloatArray
    sxy: FloatArray
    syy: FloatArray
    prior_mean: FloatArray
    prior_sd: FloatArray
    """(R, p)"""
    intercept_mean: FloatArray
    intercept_sd: FloatArray
    sigma_kind: int
    sigma_scale: FloatArray
    """(R,)"""
    sigma_shape: float
    contrasts: FloatArray
    """(k, p)"""
    others: FloatArray
    """(V, 2) mean and sd of the priors of contrast 0, that in the numbers above first; (0, 2) if there is but one."""
    tail: float
    """Probability below the lower limit, and above the upper one."""
    z_tail: float
    """Standard normal quantile of `tail`."""
    rope_low: float
    rope_high: float


class Rule(NamedTuple):
    """Nodes of sigma: around the peak, or everywhere."""

    around: bool
    grid: FloatArray
    drop: float
    halved: float
    """What leaving out every other node does to the integral of a Gaussian, in logs."""


def rule(count: int) -> Rule:
    """Return the rule of so many nodes, as `hikibayes.inference.gaussian.reference_quadrature` has them."""
    grid, drop = np.linspace(-1.0, 1.0, count), np.pi / 2 * (count - 1)
    gaussian = np.exp(-drop * grid**2)
    return Rule(count <= rules.MANY, grid, float(drop), float(np.log(2 * gaussian[::2].sum() / gaussian.sum())))


class Memory(NamedTuple):
    """Room for eight data sets."""

    A: Any
    u: Any
    w: Any
    mixture: Any
    """(5, K)"""
    given: Any
    """(k, K, 3)"""
    out: Any
    """(max(k, V), 7)"""
    evidence: Any
    """(max(1, V)) log evidence; NaN where something is not certified."""
    order: Any
    key: Any


@compiled
def _row(values, i):
    return i if values.shape[0] > 1 else 0


@compiled
def _sorted_columns(task, i, memory):
    """Columns of data set i by their diagonal in A, largest first."""
    sd, order, key = task.prior_sd[_row(task.prior_sd, i)], memory.order, memory.key
    for j in range(len(sd)):
        key[j] = -task.sxx[i, j, j] * sd[j] * sd[j]
        order[j] = j
    for j in range(1, len(sd)):
        value, column, t = key[j], order[j], j - 1
        while t >= 0 and key[t] > value:
            key[t + 1], order[t + 1] = key[t], order[t]
            t -= 1
        key[t + 1], order[t + 1] = value, column


@compiled
def _load(task, i, lane, form, memory):
    """Put data set i into a lane."""
    _sorted_columns(task, i, memory)
    p, k, order = task.sxy.shape[1], len(task.contrasts), memory.order
    mean, sd = task.prior_mean[_row(task.prior_mean, i)], task.prior_sd[_row(task.prior_sd, i)]
    total, n, facts = task.syy[i], task.n[i], form.facts
    for x in range(p):
        j = order[x]
        score = task.sxy[i, j]
        for y in range(p):
            score -= task.sxx[i, j, y] * mean[y]
        total -= mean[j] * (task.sxy[i, j] + score)
        form.rows[0, x, lane] = sd[j] * score
        for q in range(k):
            form.rows[1 + q, x, lane] = sd[j] * task.contrasts[q, j]
        for y in range(x + 1):
            memory.A[x, y, lane] = sd[j] * sd[order[y]] * task.sxx[i, j, order[y]]
    away = task.y_mean[i] - task.intercept_mean[_row(task.intercept_mean, i)]
    scale = task.sigma_scale[_row(task.sigma_scale, i)]
    facts[ROWS, lane], facts[TOTAL, lane], facts[OUTCOME, lane] = n, total, task.syy[i]
    facts[INTERCEPT, lane] = n * task.intercept_sd[_row(task.intercept_sd, i)] ** 2
    facts[DISTANCE, lane], facts[SCALE, lane] = n * away * away, scale
    facts[CONSTANT, lane] = -0.5 * n * LOG_2PI + _log_constant(task.sigma_kind, scale, task.sigma_shape)
    for q in range(k):
        at_prior = 0.0
        for j in range(p):
            at_prior += task.contrasts[q, j] * mean[j]
        facts[AT_PRIOR + q, lane] = at_prior


@compiled
def _log_constant(kind, scale, shape):
    """Return what normalises sigma's prior."""
    if kind == HALF_T:
        of_t = lgamma((shape + 1) / 2) - lgamma(shape / 2) - 0.5 * log(shape * pi)
        return log(2.0) + of_t - log(scale)
    if kind == HALF_NORMAL:
        return 0.5 * log(2 / pi) - log(scale)
    return log(scale)


@compiled
def _start(form):
    """Rough log sigma: two steps of a fixed point."""
    n, total = load(form.facts, (ROWS,)), load(form.facts, (TOTAL,))
    left = residual_left(form, 0.5 * total / n)
    left = residual_left(form, larger(left, 1e-12 * total) / n)
    return 0.5 * logarithm(larger(left, 1e-12 * total) / n)


@compiled
def _fit_eight(task, form, chosen, memory):
    """Everything about the eight data sets that are loaded."""
    tridiagonal(memory.A, form.rows, form.diagonal, form.beside, memory.u, memory.w)
    n, mixture, given = load(form.facts, (ROWS,)), memory.mixture, memory.given
    total, outcome = load(form.facts, (TOTAL,)), load(form.facts, (OUTCOME,))
    mode = _start(form)
    if chosen.around:
        evidence, mode, fine = integrate(form, -1, mode, chosen.grid, chosen.drop, chosen.halved, mixture, given)
    else:
        evidence, fine = everywhere(form, -1, mixture, given)
    left = residual_left(form, 1e-10 * outcome / n)
    fine = where_below(left, PERFECT * larger(total, outcome), every(0.0), fine)
    for t in range(mixture.shape[1]):  # at 0 below, other weights take the place of these
        store(given, (0, t, 2), load(mixture, (WEIGHT, t)))
    for q in range(len(task.contrasts)):
        for t in range(mixture.shape[1]):
            store(mixture, (CENTRE, t), load(given, (q, t, 0)))
            store(mixture, (SPREAD, t), load(given, (q, t, 1)))
            store(mixture, (WEIGHT, t), load(given, (0, t, 2)))
        mean, sd, smooth = describe(mixture, task.tail, task.z_tail, task.rope_low, task.rope_high, memory.out, q)
        fine = fine * smooth
        at_zero, certain = _at_zero(form, q, mode, evidence, mean / sd, chosen, memory)
        fine = fine * certain
        store(memory.out, (q, LOG_BF10), -at_zero)
    store(memory.evidence, (0,), where_below(every(0.5), fine, evidence, every(np.nan)))
    for other in range(1, len(task.others)):
        gained, holds = refit(
            mixture, given, task.others[0, 0], task.others[0, 1], task.others[other, 0], task.others[other, 1]
        )
        _, _, smooth = describe(mixture, task.tail, task.z_tail, task.rope_low, task.rope_high, memory.out, other)
        # the coefficient's density at 0, of data and coefficient together, is the same under every prior on it
        store(memory.out, (other, LOG_BF10), load(memory.out, (0, LOG_BF10)) + gained)
        holds = fine * holds * smooth
        store(memory.evidence, (other,), where_below(every(0.5), holds, evidence + gained, every(np.nan)))


@compiled
def _at_zero(form, q, mode, evidence, z, chosen, memory):
    """Log posterior density of contrast q at 0, and 1 where it is certified.

    Far from 0, a contrast of 0 asks for a larger sigma than the posterior allows, and the peak is found anew.
    """
    near, n = log_density_at_zero(memory.mixture), load(form.facts, (ROWS,))
    if not chosen.around:
        joint, fine = everywhere(form, q, memory.mixture, memory.given)
        return joint - evidence, fine
    tilt = 0.5 * logarithm(1.0 + z * z / n)
    far = tilt * square_root(2.0 * n)
    if all_below(far, every(FAR)):
        return near, every(1.0)
    joint, _, fine = integrate(
        form, q, mode + tilt, chosen.grid, chosen.drop, chosen.halved, memory.mixture, memory.given
    )
    return where_below(far, every(FAR), near, joint - evidence), where_below(far, every(FAR), every(1.0), fine)


@compiler(rules, lanes, algebra, quadrature, marginals)(nogil=True, fastmath=set(lanes.FAST))
def fit(task: Task, chosen: Rule, wanted: Any, out: FloatArray, log_evidence: FloatArray) -> None:
    """Summarise the data sets listed in `wanted`.

    Parameters
    ----------
    task : Task
        Data, priors and questions.
    chosen : Rule
        How sigma is integrated.
    wanted : array of int
        Which data sets: those that passed the screening, with more rows than predictors and one.
    out : array, shape (B, max(k, V), 7)
        Filled in the order of `FEATURES`; ``log_bf10`` is minus the log posterior density at 0, the prior's is added by
        the caller. With several priors rows are priors, and the first prior's is what is missing for all.
    log_evidence : array, shape (B, max(1, V))
        Filled; NaN where something is not certified.
    """
    p, k, K, V = task.sxy.shape[1], len(task.contrasts), len(chosen.grid), max(1, len(task.others))
    form = Form(
        task.sigma_kind, task.sigma_shape, np.zeros((AT_PRIOR + k, WIDTH)), np.zeros((p, WIDTH)),
        np.zeros((p, WIDTH)), np.zeros((1 + k, p, WIDTH)), np.zeros((p, WIDTH)), np.zeros((p, WIDTH)),
    )  # fmt: skip
    memory = Memory(
        np.zeros((p, p, WIDTH)), np.zeros((p, WIDTH)), np.zeros((p, WIDTH)), np.zeros((5, K, WIDTH)),
        np.zeros((k, K, 3, WIDTH)), np.zeros((max(k, V), len(FEATURES), WIDTH)), np.zeros((V, WIDTH)),
        np.zeros(p, np.int64), np.zeros(p),
    )  # fmt: skip
    for first in range(0, len(wanted), WIDTH):
        for lane in range(WIDTH):
            _load(task, wanted[min(first + lane, len(wanted) - 1)], lane, form, memory)
        _fit_eight(task, form, chosen, memory)
        for lane in range(min(WIDTH, len(wanted) - first)):
            i = wanted[first + lane]
            for row in range(out.shape[1]):
                for feature in range(out.shape[2]):
                    out[i, row, feature] = memory.out[row, feature, lane]
            for row in range(log_evidence.shape[1]):
                log_evidence[i, row] = memory.evidence[row, lane]
