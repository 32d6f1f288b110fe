"""Sigma integrated out in lanes, by the rules and certificates of `reference_quadrature`."""

# mypy: disable-error-code="no-untyped-def, no-untyped-call, untyped-decorator"
from __future__ import annotations

from math import log, pi
from typing import Any, NamedTuple

from .algebra import compiled, contrast_at, solve_at
from .lanes import (
    all_below,
    exponential,
    lanes,
    larger,
    load,
    logarithm,
    magnitude,
    smaller,
    square_root,
    store,
    where_below,
)
from .reference_quadrature import EVERYWHERE_MAY, FEW_MAY, MANY, MANY_MAY, MATTERS

HALF_T, HALF_NORMAL, EXPONENTIAL = 1, 2, 3
"""Priors of sigma."""
ROWS, TOTAL, SPREAD, DISTANCE, CONSTANT, SCALE, OUTCOME, AT_PRIOR = range(8)
"""Rows of `Form.facts`: n, sum of squares less prior mean, n sa², n (ȳ - ma)², what sigma does not change, scale or
rate of sigma's prior, sum of squares of the outcome, and from here on each contrast of the prior means."""
LOG_WEIGHT, WEIGHT = range(2)
"""Rows of the nodes' memory."""
LOG_2PI = log(2 * pi)
# numba takes constants of other modules, not parts of them
FEW_ERROR, FEW_END = FEW_MAY
MANY_ERROR, MANY_END = MANY_MAY
EVERYWHERE_ERROR, EVERYWHERE_END = EVERYWHERE_MAY


class Form(NamedTuple):
    """Eight regressions as functions of sigma."""

    kind: int
    """Prior of sigma: `HALF_T`, `HALF_NORMAL` or `EXPONENTIAL`."""
    shape: float
    """Degrees of freedom of the half-t."""
    facts: Any
    """(7 + k)"""
    diagonal: Any
    """(p) of the tridiagonal form, and so on: see `algebra`."""
    beside: Any
    rows: Any
    inverse: Any
    multiplier: Any


@compiled
def _solve(form, v, factor):
    return solve_at(v, factor, form.diagonal, form.beside, form.rows, form.inverse, form.multiplier)


@compiled
def log_density(form, q, omega):
    """Log density of data and log sigma; for q >= 0 also of contrast q being 0."""
    v = exponential(2.0 * omega)
    n, scale = load(form.facts, (ROWS,)), load(form.facts, (SCALE,))
    of_mean = v + load(form.facts, (SPREAD,))
    fitted, log_determinant = _solve(form, v, of_mean)
    core = (n - float(form.diagonal.shape[0] + 1)) * 2.0 * omega + log_determinant
    core += (load(form.facts, (TOTAL,)) - fitted) * exponential(-2.0 * omega)
    core += load(form.facts, (DISTANCE,)) / of_mean
    value = load(form.facts, (CONSTANT,)) - 0.5 * core + omega
    if form.kind == HALF_T:
        value -= 0.5 * (form.shape + 1.0) * logarithm(1.0 + v / (scale * scale * form.shape))
    elif form.kind == HALF_NORMAL:
        value -= 0.5 * v / (scale * scale)
    else:
        value -= scale * exponential(omega)
    if q >= 0:
        mean, variance = contrast_at(q, form.rows, form.inverse, form.multiplier)
        mean += load(form.facts, (AT_PRIOR + q,))
        variance *= v
        value -= 0.5 * (mean * mean / variance + logarithm(variance) + LOG_2PI)
    return value


@compiled
def _prior_fall(form, omega):
    """Minus the slope of sigma's log prior density in log sigma."""
    scale, v = load(form.facts, (SCALE,)), exponential(2.0 * omega)
    if form.kind == HALF_T:
        return (form.shape + 1.0) * v / (v + scale * scale * form.shape)
    if form.kind == HALF_NORMAL:
        return v / (scale * scale)
    return scale * exponential(omega)


@compiled
def residual_left(form, v):
    """Penalised residual sum of squares at v."""
    fitted, _ = _solve(form, v, lanes(1.0))
    return load(form.facts, (TOTAL,)) - fitted


@compiled
def rough_mode(form):
    """Mode of log sigma, up to a small part of its sd, where the data say more of it than its prior.

    There v (n - 2 - d + fall of the prior) is the residual sum of squares; that and d, the effective number of
    coefficients, come from a short step of v near its place.
    """
    n, total = load(form.facts, (ROWS,)), load(form.facts, (TOTAL,))
    v = larger(residual_left(form, 0.5 * total / n), 1e-12 * total) / n
    fitted, log_determinant = _solve(form, v, lanes(1.0))
    fitted_above, log_determinant_above = _solve(form, 1.1 * v, lanes(1.0))
    effective = float(form.diagonal.shape[0]) - (log_determinant_above - log_determinant) / log(1.1)
    left = total - fitted - 10.0 * (fitted - fitted_above)  # less what the prior adds: v times its own slope
    df = larger(n - 2.0 - effective + _prior_fall(form, 0.5 * logarithm(v)), lanes(1.0))
    return 0.5 * logarithm(larger(left, 1e-12 * total) / df)


@compiled
def _peak(form, q, mode):
    """Mode of log sigma, half the curvature there, and 1 where Newton got there; lanes that did stay where they are."""
    eps = 0.1 / square_root(2.0 * load(form.facts, (ROWS,)))
    curvature, settled = lanes(-1.0), lanes(0.0)
    for _ in range(60):
        low, middle = log_density(form, q, mode - eps), log_density(form, q, mode)
        high = log_density(form, q, mode + eps)
        slope, bend = (high - low) / (2.0 * eps), (high - 2.0 * middle + low) / (eps * eps)
        uphill = where_below(lanes(0.0), slope, lanes(1.0), lanes(-1.0))
        step = where_below(bend, lanes(0.0), -slope / bend, uphill)
        step = smaller(larger(step, lanes(-0.5)), lanes(0.5))
        mode += where_below(settled, lanes(0.5), step, lanes(0.0))
        curvature = where_below(settled, lanes(0.5), bend, curvature)
        # a third of an sd: what Newton leaves of that is of its square
        settled = where_below(magnitude(step), 3.0 * eps, lanes(1.0), settled)
        if all_below(lanes(0.5), settled):
            break
    return mode, larger(-0.5 * curvature, lanes(0.3)), settled


@compiled
def _one_peak(form, first, last):
    """1 where the density surely rises up to `first` and falls from `last` on: see `ConditionalForm.one_peak`."""
    n, distance, spread = load(form.facts, (ROWS,)), load(form.facts, (DISTANCE,)), load(form.facts, (SPREAD,))
    least = residual_left(form, 1e-10 * load(form.facts, (OUTCOME,)) / n)
    v = exponential(2.0 * first)
    one = where_below((n - 1.0 + _prior_fall(form, first)) * v, least, lanes(1.0), lanes(0.0))
    v = exponential(2.0 * last)
    fall = n - float(form.diagonal.shape[0] + 2) + _prior_fall(form, last)
    one = where_below(lanes(0.0), fall, one, lanes(0.0))
    end = (load(form.facts, (TOTAL,)) + distance) / fall
    for _ in range(200):
        if all_below(where_below(lanes(0.5), one, end, lanes(0.0)), v):
            break
        bound = residual_left(form, 2.0 * v) + distance * v / (v + spread)
        one = where_below(v, end, where_below(bound, fall * v, one, lanes(0.0)), one)
        v *= 2.0
    return one


@compiled
def integrate(form, q, start, grid, drop, halved, nodes, given):
    """Integrate around the peak; with q < 0 keep what the nodes say of each contrast.

    Parameters
    ----------
    form, q
        Density: see `log_density`.
    start : lanes
        Rough mode.
    grid : array, shape (K,)
        Even, from -1 to 1.
    drop, halved : float
        Fall of the log density to the outermost nodes, and what leaving out every other node does to a Gaussian.
    nodes : array (2, K)
        Filled with log weights and weights.
    given : array (k, K, 3)
        Filled with each contrast's mean and sd at each node, where q < 0.

    Returns
    -------
    log integral, mode, and 1 where all is certified
    """
    mode, kappa, fine = _peak(form, q, start)
    reach, K = square_root(drop / kappa), len(grid)
    first = last = mode
    for t in range(K):
        w = grid[t] * reach
        omega = smaller(larger(mode + w + w * w / 3.0 + w * w * w / 9.0, lanes(-300.0)), lanes(300.0))
        step = (grid[1] - grid[0]) * reach * (1.0 + w * (2.0 / 3.0) + w * w / 3.0)
        store(nodes, (LOG_WEIGHT, t), log_density(form, q, omega) + logarithm(step))
        if q < 0:
            _keep(form, omega, t, given)
        if t == 0:
            first = omega
        last = omega
    top, total, every_other = _sum_up(nodes)
    error = magnitude(logarithm(2.0 * every_other / total) - halved)
    fine = where_below(error, lanes(FEW_ERROR if K < MANY else MANY_ERROR), fine, lanes(0.0))
    ends = larger(load(nodes, (LOG_WEIGHT, 0)), load(nodes, (LOG_WEIGHT, K - 1))) - top
    fine = where_below(ends, lanes(FEW_END if K < MANY else MANY_END), fine, lanes(0.0))
    if q < 0:
        fine = fine * _one_peak(form, first, last)
    return top + logarithm(total), mode, fine


@compiled
def everywhere(form, q, nodes, given):
    """Integrate as `integrate` does, on even nodes over all log sigma that matter: one peak or several."""
    n, total = load(form.facts, (ROWS,)), load(form.facts, (TOTAL,))
    df = n - float(form.diagonal.shape[0])
    least = residual_left(form, 1e-10 * load(form.facts, (OUTCOME,)) / n)
    low = 0.5 * logarithm(larger(least, 1e-12 * total) / n) - 3.0
    high = 0.5 * logarithm((total + load(form.facts, (DISTANCE,))) / n) + 6.0 + 45.0 / larger(df - 1.0, lanes(1.0))
    if q >= 0:
        high += 10.0
    K = nodes.shape[1]
    for scan in range(2):  # the second time over what has turned out to matter
        top, h = lanes(-1e308), (high - low) / float(K - 1)
        for t in range(K):
            value = log_density(form, q, low + h * float(t))
            store(nodes, (LOG_WEIGHT, t), value)
            top = larger(top, value)
        if scan == 0:
            a, z = high, low
            for t in range(K):
                omega, value = low + h * float(t), load(nodes, (LOG_WEIGHT, t))
                a = where_below(top - MATTERS, value, smaller(a, omega - h), a)
                z = where_below(top - MATTERS, value, larger(z, omega + h), z)
            low, high = a, z
    if q < 0:
        for t in range(K):
            omega = low + h * float(t)
            _solve(form, exponential(2.0 * omega), lanes(1.0))
            _keep(form, omega, t, given)
    top, total, every_other = _sum_up(nodes)
    fine = where_below(magnitude(logarithm(2.0 * every_other / total)), lanes(EVERYWHERE_ERROR), lanes(1.0), lanes(0.0))
    ends = larger(load(nodes, (LOG_WEIGHT, 0)), load(nodes, (LOG_WEIGHT, K - 1))) - top
    return top + logarithm(total * h), where_below(ends, lanes(EVERYWHERE_END), fine, lanes(0.0))


@compiled
def _keep(form, omega, t, given):
    v = exponential(2.0 * omega)
    for q in range(given.shape[0]):
        mean, variance = contrast_at(q, form.rows, form.inverse, form.multiplier)
        store(given, (q, t, 0), mean + load(form.facts, (AT_PRIOR + q,)))
        store(given, (q, t, 1), square_root(variance * v))


@compiled
def _sum_up(nodes):
    """Largest log weight, and the sums of all and of every other weight relative to it; fills the weights."""
    K, top = nodes.shape[1], lanes(-1e308)
    for t in range(K):
        top = larger(top, load(nodes, (LOG_WEIGHT, t)))
    total, every_other = lanes(0.0), lanes(0.0)
    for t in range(K):
        weight = exponential(load(nodes, (LOG_WEIGHT, t)) - top)
        total += weight
        if t % 2 == 0:
            every_other += weight
        store(nodes, (WEIGHT, t), weight)
    inverse = 1.0 / total
    for t in range(K):
        store(nodes, (WEIGHT, t), load(nodes, (WEIGHT, t)) * inverse)
    return top, total, every_other
