"""Many data sets, eight at a time: loaded into lanes, reduced, integrated, described."""

# mypy: disable-error-code="no-untyped-def, no-untyped-call, untyped-decorator"
from __future__ import annotations

from math import lgamma, log, pi
from typing import Any, NamedTuple

import numpy as np
from numba import njit

from ...arrays import FloatArray, IntArray
from ...reconstruction.compiled import compiler
from . import algebra, lanes, marginals, quadrature, sufficient
from . import reference_quadrature as rules
from .algebra import compiled, tridiagonal
from .lanes import (
    WIDTH,
    all_below,
    exponent,
    floor,
    larger,
    load,
    logarithm,
    magnitude,
    square_root,
    store,
    where_below,
)
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
    rough_mode,
)
from .quadrature import SPREAD as INTERCEPT
from .sufficient import RELATIVE_CONSTANT, Refusal

NOT_FINITE, CONSTANT_OUTCOME, CONSTANT_COLUMN = (
    float(Refusal.NOT_FINITE), float(Refusal.CONSTANT_OUTCOME), float(Refusal.CONSTANT_COLUMN)
)  # fmt: skip

PERFECT = 1e-9
"""Share of the outcome's variation below which a residual has too few digits."""
FAR = 0.5
"""As `hikibayes.inference.gaussian.exact` has it."""


class Data(NamedTuple):
    """B data sets, as `SufficientStatistics` has them."""

    n: IntArray
    x_mean: FloatArray
    y_mean: FloatArray
    sxx: FloatArray
    sxy: FloatArray
    syy: FloatArray


class Task(NamedTuple):
    """Priors and questions; R is 1 where all data sets share the numbers, else B."""

    prior_mean: FloatArray
    """(R, p)"""
    prior_sd: FloatArray
    """(R, p)"""
    intercept_mean: FloatArray
    """(R,)"""
    intercept_sd: FloatArray
    """(R,)"""
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
    """Room for eight data sets; the outcome is the last of the p + 1 columns."""

    n: Any
    """(1)"""
    mean: Any
    """(p + 1)"""
    cross: Any
    """(p + 1, p + 1) lower triangle of the cross-products; then that of A and the score."""
    prior_mean: Any
    """(p), and so on"""
    prior_sd: Any
    of_rest: Any
    """(3) mean and sd of the intercept's prior, and scale or rate of sigma's"""
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
    refusal: Any
    """(1)"""
    size: Any
    """(p) a column's diagonal in A, by powers of 256"""
    order: Any
    """(p) columns by size, of one lane"""


@compiled
def load_data(data, i, lane, memory):
    """Put data set i into a lane."""
    p = data.sxy.shape[1]
    memory.n[0, lane], memory.mean[p, lane], memory.cross[p, p, lane] = data.n[i], data.y_mean[i], data.syy[i]
    for j in range(p):
        memory.mean[j, lane], memory.cross[p, j, lane] = data.x_mean[i, j], data.sxy[i, j]
        for k in range(j + 1):
            memory.cross[j, k, lane] = data.sxx[i, j, k]


@compiled
def _load_priors(task, i, lane, memory):
    for j in range(task.prior_sd.shape[1]):
        memory.prior_mean[j, lane] = task.prior_mean[_row(task.prior_mean, i), j]
        memory.prior_sd[j, lane] = task.prior_sd[_row(task.prior_sd, i), j]
    memory.of_rest[0, lane] = task.intercept_mean[_row(task.intercept_mean, i)]
    memory.of_rest[1, lane] = task.intercept_sd[_row(task.intercept_sd, i)]
    memory.of_rest[2, lane] = task.sigma_scale[_row(task.sigma_scale, i)]


@compiled
def _row(values, i):
    return i if values.shape[0] > 1 else 0


@compiled
def _screen(memory):
    """Fill `refusal`, as `SufficientStatistics.screen` does, and put accepted data in the place of refused ones.

    Returns whether there are any.
    """
    p, n = memory.cross.shape[0] - 1, load(memory.n, (0,))
    finite, varies, outcome = every(1.0), every(1.0), every(1.0)
    for j in range(p + 1):
        mean = load(memory.mean, (j,))
        finite = where_below(magnitude(mean), every(1e308), finite, every(0.0))
        for k in range(j + 1):
            finite = where_below(magnitude(load(memory.cross, (j, k))), every(1e308), finite, every(0.0))
        own = where_below(RELATIVE_CONSTANT * n * mean * mean, load(memory.cross, (j, j)), every(1.0), every(0.0))
        if j < p:
            varies = varies * own
        else:
            outcome = own
    refusal = where_below(varies, every(0.5), every(CONSTANT_COLUMN), every(0.0))
    refusal = where_below(outcome, every(0.5), every(CONSTANT_OUTCOME), refusal)
    refusal = where_below(finite, every(0.5), every(NOT_FINITE), refusal)
    store(memory.refusal, (0,), refusal)
    if all_below(refusal, every(0.5)):
        return True
    accepted = 0
    while accepted < WIDTH and memory.refusal[0, accepted] > 0:
        accepted += 1
    if accepted == WIDTH:
        return False
    for lane in range(WIDTH):
        if memory.refusal[0, lane] > 0:
            _copy(memory, accepted, lane)
    return True


@compiled
def _copy(memory, source, lane):
    memory.n[0, lane] = memory.n[0, source]
    for j in range(memory.cross.shape[0]):
        memory.mean[j, lane] = memory.mean[j, source]
        for k in range(j + 1):
            memory.cross[j, k, lane] = memory.cross[j, k, source]
    for j in range(memory.prior_sd.shape[0]):
        memory.prior_mean[j, lane] = memory.prior_mean[j, source]
        memory.prior_sd[j, lane] = memory.prior_sd[j, source]
    for j in range(3):
        memory.of_rest[j, lane] = memory.of_rest[j, source]


@compiled
def _standardise(task, form, memory):
    """Bring the cross-products to A and the score, and fill the facts."""
    p, cross, facts, n = memory.prior_sd.shape[0], memory.cross, form.facts, load(memory.n, (0,))
    total = outcome = load(cross, (p, p))
    for j in range(p):
        score, mean = load(cross, (p, j)), load(memory.prior_mean, (j,))
        total -= mean * score
        for k in range(p):
            score -= load(cross, (max(j, k), min(j, k))) * load(memory.prior_mean, (k,))
        total -= mean * score
        store(cross, (p, j), score * load(memory.prior_sd, (j,)))
    for j in range(p):
        for k in range(j + 1):
            product = load(memory.prior_sd, (j,)) * load(memory.prior_sd, (k,))
            store(cross, (j, k), load(cross, (j, k)) * product)
        store(memory.size, (j,), floor(exponent(load(cross, (j, j))) * 0.125))
    scale, sd = load(memory.of_rest, (2,)), load(memory.of_rest, (1,))
    away = load(memory.mean, (p,)) - load(memory.of_rest, (0,))
    store(facts, (ROWS,), n)
    store(facts, (TOTAL,), total)
    store(facts, (OUTCOME,), outcome)
    store(facts, (INTERCEPT,), n * sd * sd)
    store(facts, (DISTANCE,), n * away * away)
    store(facts, (SCALE,), scale)
    store(facts, (CONSTANT,), _log_constant(task.sigma_kind, scale, task.sigma_shape) - 0.5 * LOG_2PI * n)
    for q in range(len(task.contrasts)):
        at_prior = every(0.0)
        for j in range(p):
            at_prior += task.contrasts[q, j] * load(memory.prior_mean, (j,))
        store(facts, (AT_PRIOR + q,), at_prior)


@compiled
def _sort(size, lane, order):
    """Sort columns by size, largest first; those of one size stay in their order."""
    for j in range(len(order)):
        t = j - 1
        while t >= 0 and size[order[t], lane] < size[j, lane]:
            order[t + 1] = order[t]
            t -= 1
        order[t + 1] = j


@compiled
def _arrange(task, form, memory):
    """Sort columns by their diagonal in A; by powers of 256, so that eight data sets mostly have one order."""
    p, alike = len(memory.order), True
    for j in range(p):
        alike &= all_below(magnitude(load(memory.size, (j,)) - memory.size[j, 0]), every(0.5))
    _sort(memory.size, 0, memory.order)
    if alike:
        _move(task, form, memory)
        return
    for lane in range(WIDTH):
        _sort(memory.size, lane, memory.order)
        _move_one(task, lane, form, memory)


@compiled
def _move(task, form, memory):
    p, order, cross = len(memory.order), memory.order, memory.cross
    for x in range(p):
        j = order[x]
        store(form.rows, (0, x), load(cross, (p, j)))
        for q in range(len(task.contrasts)):
            store(form.rows, (1 + q, x), load(memory.prior_sd, (j,)) * task.contrasts[q, j])
        for y in range(x + 1):
            store(memory.A, (x, y), load(cross, (max(j, order[y]), min(j, order[y]))))


@compiled
def _move_one(task, lane, form, memory):
    p, order, cross = len(memory.order), memory.order, memory.cross
    for x in range(p):
        j = order[x]
        form.rows[0, x, lane] = cross[p, j, lane]
        for q in range(len(task.contrasts)):
            form.rows[1 + q, x, lane] = memory.prior_sd[j, lane] * task.contrasts[q, j]
        for y in range(x + 1):
            memory.A[x, y, lane] = cross[max(j, order[y]), min(j, order[y]), lane]


@compiled
def _log_constant(kind, scale, shape):
    """Return what normalises sigma's prior."""
    if kind == HALF_T:
        of_t = lgamma((shape + 1) / 2) - lgamma(shape / 2) - 0.5 * log(shape * pi)
        return log(2.0) + of_t - logarithm(scale)
    if kind == HALF_NORMAL:
        return 0.5 * log(2 / pi) - logarithm(scale)
    return logarithm(scale)


@njit  # makes arrays, which `compiled` functions do not
def room(task, chosen, p):
    """Return form and memory for eight data sets of p predictors."""
    k, K, V = len(task.contrasts), len(chosen.grid), max(1, len(task.others))
    form = Form(
        task.sigma_kind, task.sigma_shape, np.zeros((AT_PRIOR + k, WIDTH)), np.zeros((p, WIDTH)),
        np.zeros((p, WIDTH)), np.zeros((1 + k, p, WIDTH)), np.zeros((p, WIDTH)), np.zeros((p, WIDTH)),
    )  # fmt: skip
    memory = Memory(
        np.zeros((1, WIDTH)), np.zeros((p + 1, WIDTH)), np.zeros((p + 1, p + 1, WIDTH)), np.zeros((p, WIDTH)),
        np.zeros((p, WIDTH)), np.zeros((3, WIDTH)), np.zeros((p, p, WIDTH)), np.zeros((p, WIDTH)),
        np.zeros((p, WIDTH)), np.zeros((5, K, WIDTH)), np.zeros((k, K, 3, WIDTH)),
        np.zeros((max(k, V), len(FEATURES), WIDTH)), np.zeros((V, WIDTH)), np.zeros((1, WIDTH)),
        np.zeros((p, WIDTH)), np.zeros(p, np.int64),
    )  # fmt: skip
    return form, memory


@compiled
def unload(i, lane, memory, out, log_evidence, refusals):
    """Write what was found of one lane's data set to row i; nothing where it was refused."""
    refusals[i] = int(memory.refusal[0, lane])
    if refusals[i] > 0:
        return
    for row in range(out.shape[1]):
        for feature in range(out.shape[2]):
            out[i, row, feature] = memory.out[row, feature, lane]
    for row in range(log_evidence.shape[1]):
        log_evidence[i, row] = memory.evidence[row, lane]


@compiled
def fit_eight(task, form, chosen, memory):
    """Everything about the eight data sets that are loaded, but those that are refused."""
    if not _screen(memory):
        return
    _standardise(task, form, memory)
    _arrange(task, form, memory)
    tridiagonal(memory.A, form.rows, form.diagonal, form.beside, memory.u, memory.w)
    n, mixture, given = load(form.facts, (ROWS,)), memory.mixture, memory.given
    total, outcome = load(form.facts, (TOTAL,)), load(form.facts, (OUTCOME,))
    mode = rough_mode(form)
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


@compiler(rules, sufficient, lanes, algebra, quadrature, marginals)(nogil=True, fastmath=set(lanes.FAST))
def fit(
    data: Data,
    task: Task,
    chosen: Rule,
    wanted: IntArray,
    out: FloatArray,
    log_evidence: FloatArray,
    refusals: IntArray,
) -> None:
    """Summarise the data sets listed in `wanted`.

    Parameters
    ----------
    data : Data
        The data sets.
    task : Task
        Priors and questions.
    chosen : Rule
        How sigma is integrated.
    wanted : array of int
        Which data sets.
    out : array, shape (B, max(k, V), 7)
        Filled in the order of `FEATURES`; ``log_bf10`` is minus the log posterior density at 0, the prior's is added by
        the caller. With several priors rows are priors, and the first prior's is what is missing for all.
    log_evidence : array, shape (B, max(1, V))
        Filled; NaN where something is not certified.
    refusals : array of int, shape (B,)
        Filled with a `Refusal` where the data themselves are at fault.
    """
    form, memory = room(task, chosen, data.sxy.shape[1])
    for first in range(0, len(wanted), WIDTH):
        for lane in range(WIDTH):
            i = wanted[min(first + lane, len(wanted) - 1)]
            load_data(data, i, lane, memory)
            _load_priors(task, i, lane, memory)
        fit_eight(task, form, chosen, memory)
        for lane in range(min(WIDTH, len(wanted) - first)):
            unload(wanted[first + lane], lane, memory, out, log_evidence, refusals)
