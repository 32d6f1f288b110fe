"""The log density of a calibration and its gradient, compiled once for every study.

A general-purpose compiler takes minutes over this density, and does so again for every study. The arithmetic is a
short chain of matrix operations, so that its reverse mode is written out here: each ``_forward`` step has its
``_backward`` beside it, and a study is data (`Plan`), never code. `hikibayes.reconstruction.density` says the same
in plain NumPy, slowly, and a test holds one against the other.

In the backward steps a name that ends in ``_bar`` is the derivative of the log density with respect to what is named.
Derivatives of Cholesky factors follow Murray (2016), arXiv:1602.07527.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

__all__ = ["KINDS", "Plan", "log_density"]

type FloatArray = NDArray[np.float64]
type IntArray = NDArray[np.int64]

KINDS = (
    "estimate",
    "se",
    "abs_t",
    "vif",
    "r2",
    "increment",
    "correlation",
    "mean",
    "sd",
    "mean_difference",
    "d",
    "t",
    "df",
)
ESTIMATE, SE, ABS_T, VIF, R2, INCREMENT, CORRELATION, MEAN, SD, MEAN_DIFFERENCE, D, T, DF = range(len(KINDS))
TINY = 1e-12
LIMIT_SOFTNESS = 0.01


class Plan(NamedTuple):
    """A study as arrays: p predictors (c categories first), k = 2p + 1 saturated columns.

    Attributes
    ----------
    n, codes : shape (2,)
        Participants and codes of the groups.
    categories : int
    gap_size, eta : float
        Size of a unit of ``gap``; LKJ parameter.
    share : shape (2, c, 2)
    difference, log_variance_ratio, residual_ratio, location, log_scale : shape (2, ...)
        Mean and SD of the normal priors.
    outcome_difference : shape (2,)
    lower, upper : shape (p - c + 1,)
        Limits of the differences, the outcome's last.
    coefficient_sd : shape (k,)
    raw : shape (r,)
        Numbers whose raw units are free.
    weights, at_zero, column : shape (f, k)
    shifted, functional_step : shape (f,)
    scales : shape (f, p + 1)
    by_column_sd : shape (f,)
        The functionals, those of coordinates first (see `hikibayes.reconstruction.printed.Functional`).
    coordinate_functionals : int
    coordinate_columns : shape (m,)
        Columns whose correlation with the outcome is a coordinate; they come after the functionals.
    middle, spread : shape (m + coordinate_functionals,)
    order : shape (chains, k)
    step_chain, step_size, step_df : shape (s,)
    kind, functional : shape (t,)
    index : shape (t, 3)
    step_weights : shape (t, 2)
    absolute, two_sided : shape (t,)
    low, high, soft : shape (t,)
        The targets.
    """

    n: FloatArray
    codes: FloatArray
    categories: int
    gap_size: float
    eta: float
    share: FloatArray
    difference: FloatArray
    log_variance_ratio: FloatArray
    residual_ratio: FloatArray
    location: FloatArray
    log_scale: FloatArray
    outcome_difference: FloatArray
    lower: FloatArray
    upper: FloatArray
    coefficient_sd: FloatArray
    raw: IntArray
    weights: FloatArray
    at_zero: FloatArray
    column: FloatArray
    shifted: IntArray
    functional_step: IntArray
    scales: FloatArray
    by_column_sd: FloatArray
    coordinate_functionals: int
    coordinate_columns: IntArray
    middle: FloatArray
    spread: FloatArray
    order: IntArray
    step_chain: IntArray
    step_size: IntArray
    step_df: FloatArray
    kind: IntArray
    functional: IntArray
    index: IntArray
    step_weights: FloatArray
    absolute: NDArray[np.bool_]
    two_sided: NDArray[np.bool_]
    low: FloatArray
    high: FloatArray
    soft: FloatArray


# -- small linear algebra --------------------------------------------------------------------------------------------


@njit(cache=True)
def _cholesky(a):
    """Return the lower factor and whether the matrix was positive definite."""
    k = a.shape[0]
    root = np.zeros((k, k))
    for i in range(k):
        for j in range(i + 1):
            total = a[i, j]
            for q in range(j):
                total -= root[i, q] * root[j, q]
            if i == j:
                if not total > 1e-13:
                    return root, False
                root[i, i] = np.sqrt(total)
            else:
                root[i, j] = total / root[j, j]
    return root, True


@njit(cache=True)
def _inverse_factor(root):
    k = root.shape[0]
    inverse = np.zeros((k, k))
    for j in range(k):
        inverse[j, j] = 1.0 / root[j, j]
        for i in range(j + 1, k):
            total = 0.0
            for q in range(j, i):
                total += root[i, q] * inverse[q, j]
            inverse[i, j] = -total / root[i, i]
    return inverse


@njit(cache=True)
def _cholesky_backward(root, inverse, root_bar):
    """Return the symmetric derivative with respect to the matrix."""
    k = root.shape[0]
    inner = root.T @ np.tril(root_bar)
    for i in range(k):
        inner[i, i] *= 0.5
        for j in range(i + 1, k):
            inner[i, j] = 0.0
    full = inverse.T @ inner @ inverse
    return 0.5 * (full + full.T)


@njit(cache=True)
def _softplus(x):
    return x + np.log1p(np.exp(-x)) if x > 0 else np.log1p(np.exp(x))


@njit(cache=True)
def _logistic(x):
    return 1.0 / (1.0 + np.exp(-x)) if x > 0 else np.exp(x) / (1.0 + np.exp(x))


# -- the free numbers ------------------------------------------------------------------------------------------------


@njit(cache=True)
def _ends(plan):
    """Return where each free number begins in the flat vector, and the vector's length."""
    p = plan.scales.shape[1] - 1
    c, r, m = plan.categories, plan.raw.size, plan.middle.size
    sizes = np.array([2 * c, p - c, p - c, p * (p - 1) // 2, p * (p + 1) // 2, 2 * p + 1, m, 1, r, r])
    return np.concatenate((np.zeros(1, np.int64), np.cumsum(sizes)))


@njit(cache=True)
def _units(plan, share, location_free, log_scale_free):
    p, c = plan.scales.shape[1] - 1, plan.categories
    total = plan.n.sum()
    location, log_scale = np.zeros(p + 1), np.zeros(p + 1)
    for j in range(c):
        mean = (plan.n[0] * share[0, j] + plan.n[1] * share[1, j]) / total
        location[j] = mean
        log_scale[j] = 0.5 * np.log(mean * (1 - mean) * total / (total - 1))
    for r in range(plan.raw.size):
        location[plan.raw[r]] = location_free[r]
        log_scale[plan.raw[r]] = log_scale_free[r]
    return location, log_scale


# -- moments of the predictors ---------------------------------------------------------------------------------------


@njit(cache=True)
def _correlation_factor(partial, p):
    """Return the factor of the correlation matrix, the partial correlations and their ``log(1 - r^2)``."""
    factor, tanh, left = np.zeros((p, p)), np.zeros((p, p)), np.zeros((p, p))
    q = 0
    for i in range(p):
        remaining = 0.0
        for j in range(i):
            z = partial[q]
            tanh[i, j] = np.tanh(z)
            left[i, j] = 2 * (np.log(2.0) - np.abs(z) - np.log1p(np.exp(-2 * np.abs(z))))
            factor[i, j] = tanh[i, j] * np.exp(0.5 * remaining)
            remaining += left[i, j]
            q += 1
        factor[i, i] = np.exp(0.5 * remaining)
    return factor, tanh, left


@njit(cache=True)
def _correlation_factor_backward(factor, tanh, left, factor_bar, left_bar):
    p = factor.shape[0]
    partial_bar = np.zeros(p * (p - 1) // 2)
    q = 0
    for i in range(p):
        remaining = 0.0
        for j in range(i):
            after = 0.0
            for k in range(j + 1, i + 1):
                after += factor_bar[i, k] * factor[i, k]
            own = factor_bar[i, j] * np.exp(0.5 * remaining) * (1 - tanh[i, j] ** 2)
            partial_bar[q] = own - 2 * tanh[i, j] * (left_bar[i, j] + 0.5 * after)
            remaining += left[i, j]
            q += 1
    return partial_bar


@njit(cache=True)
def _split_shape(gap, size, p):
    """Return the identity plus a symmetric matrix of the free numbers."""
    shape = np.eye(p)
    q = 0
    for i in range(p):
        for j in range(i + 1):
            if i == j:
                shape[i, i] += size * np.sqrt(2.0) * gap[q]
            else:
                shape[i, j] += size * gap[q]
                shape[j, i] += size * gap[q]
            q += 1
    return shape


@njit(cache=True)
def _wanted_variance(plan, within, share, ratio, log_scale):
    """Return every predictor's scatter in the first group."""
    p, c = within.shape[0], plan.categories
    n1, n2 = plan.n[0], plan.n[1]
    wanted = np.zeros(p)
    for j in range(c):
        s = share[0, j]
        wanted[j] = n1 / (n1 + n2 - 1) * s * (1 - s) * np.exp(-2 * log_scale[j])
    for j in range(c, p):
        wanted[j] = within[j, j] * (n1 - 1) / (n1 - 1 + (n2 - 1) * np.exp(ratio[j - c]))
    return wanted


@njit(cache=True)
def _saturated(plan, correlation, first, second, difference):
    p = correlation.shape[0]
    powers = _powers(plan)
    s = np.empty((2 * p + 1, 2 * p + 1))
    s[0, 0] = powers[2]
    c0, c1 = plan.codes[0], plan.codes[1]
    for i in range(p):
        s[0, 1 + i] = s[1 + i, 0] = powers[2] * difference[i]
        s[0, 1 + p + i] = s[1 + p + i, 0] = powers[3] * difference[i]
        for j in range(p):
            between = difference[i] * difference[j]
            cross = c0 * first[i, j] + c1 * second[i, j] + powers[3] * between
            s[1 + i, 1 + j] = correlation[i, j]
            s[1 + i, 1 + p + j] = s[1 + p + j, 1 + i] = cross
            s[1 + p + i, 1 + p + j] = c0**2 * first[i, j] + c1**2 * second[i, j] + powers[4] * between
    return s


@njit(cache=True)
def _powers(plan):
    """Return sums of powers of the codes, over n - 1; the last is corrected for the mean of a product."""
    total = plan.n.sum()
    powers = np.zeros(5)
    for k in range(5):
        powers[k] = np.sum(plan.n * plan.codes**k) / (total - 1)
    powers[4] -= powers[2] ** 2 * (total - 1) / total
    return powers


@njit(cache=True)
def _saturated_backward(plan, s_bar, difference):
    """Return derivatives with respect to correlation, first, second (symmetric) and difference."""
    p = difference.size
    powers = _powers(plan)
    c0, c1 = plan.codes[0], plan.codes[1]
    xx = s_bar[1 : 1 + p, 1 : 1 + p]
    xz = s_bar[1 : 1 + p, 1 + p :] + s_bar[1 + p :, 1 : 1 + p].T
    zz = s_bar[1 + p :, 1 + p :]
    first = c0 * xz + c0**2 * zz
    second = c1 * xz + c1**2 * zz
    between = powers[3] * xz + powers[4] * zz
    difference_bar = (between + between.T) @ difference
    difference_bar += powers[2] * (s_bar[0, 1 : 1 + p] + s_bar[1 : 1 + p, 0])
    difference_bar += powers[3] * (s_bar[0, 1 + p :] + s_bar[1 + p :, 0])
    return (xx + xx.T) / 2, (first + first.T) / 2, (second + second.T) / 2, difference_bar


# -- coefficients given the printed ones -----------------------------------------------------------------------------


@njit(cache=True)
def _conditioned(plan, rows, free, offset):
    """Return the coefficients, the log density of the printed numbers and what the backward step needs."""
    sd = plan.coefficient_sd
    start = free * sd
    m = rows.shape[0]
    if m == 0:
        return start, 0.0, np.zeros((0, 0)), np.zeros(0), np.zeros(0), True
    scaled = rows * sd
    root, ok = _cholesky(scaled @ scaled.T + np.diag(plan.spread**2))
    if not ok:
        return start, 0.0, root, np.zeros(m), np.zeros(m), False
    inverse = _inverse_factor(root)
    precision = inverse.T @ inverse
    back = precision @ (plan.middle + plan.spread * offset - rows @ start)
    pull = precision @ plan.middle
    log_density = -0.5 * (plan.middle @ pull) - np.log(np.diag(root)).sum()
    return start + sd * (scaled.T @ back), log_density, precision, back, pull, True


@njit(cache=True)
def _conditioned_backward(plan, rows, free, precision, back, pull, coefficients_bar):
    """Return derivatives with respect to rows, free and offset."""
    sd = plan.coefficient_sd
    if rows.shape[0] == 0:
        return np.zeros(rows.shape), coefficients_bar * sd, np.zeros(0)
    scaled, start = rows * sd, free * sd
    spread_out = sd * coefficients_bar
    missing_bar = precision @ (scaled @ spread_out)
    scaled_bar = np.outer(back, spread_out)
    m_bar = -np.outer(missing_bar, back) + 0.5 * np.outer(pull, pull) - 0.5 * precision
    scaled_bar += (m_bar + m_bar.T) @ scaled
    rows_bar = scaled_bar * sd - np.outer(missing_bar, start)
    free_bar = sd * (coefficients_bar - rows.T @ missing_bar)
    return rows_bar, free_bar, plan.spread * missing_bar


# -- the targets -----------------------------------------------------------------------------------------------------


@njit(cache=True)
def _toward(plan, t, number, temperature):
    """Return a target's log density at a number, and its derivative."""
    sign = 1.0
    if plan.absolute[t]:
        smooth = np.sqrt(number * number + TINY)
        sign, number = number / smooth, smooth
    low, high = plan.low[t], plan.high[t]
    if plan.two_sided[t]:
        sd = 0.35 * (high - low) * temperature
        away = (number - 0.5 * (low + high)) / sd
        return -0.5 * away * away, -sign * away / sd
    soft = plan.soft[t] * temperature
    if np.isfinite(low):
        room = (number - low) / soft
        return -_softplus(-room), sign * _logistic(-room) / soft
    room = (high - number) / soft
    return -_softplus(-room), -sign * _logistic(-room) / soft


@njit(cache=True)
def _group_scatter(plan, within, coefficients, group, unexplained, ratio):
    """Return cross-products of predictors and outcome in a group, and the group's slopes and residual weight."""
    p = within.shape[0]
    slopes = coefficients[1 : 1 + p] + plan.codes[group] * coefficients[1 + p :]
    n1, n2 = plan.n[0], plan.n[1]
    whole = (n1 - 1) + (n2 - 1) * np.exp(ratio)
    weight = (n1 - 1) / whole if group == 0 else (n2 - 1) * np.exp(ratio) / whole
    scatter = np.empty((p + 1, p + 1))
    scatter[:p, :p] = within
    cross = within @ slopes
    scatter[:p, p] = cross
    scatter[p, :p] = cross
    scatter[p, p] = slopes @ cross + unexplained * weight
    return scatter, slopes, weight


@njit(cache=True)
def _group_scatter_backward(plan, within, slopes, weight, group, unexplained, scatter_bar):
    """Return derivatives with respect to within, coefficients, unexplained and ratio."""
    p = within.shape[0]
    corner = scatter_bar[p, p]
    edge = scatter_bar[:p, p] + scatter_bar[p, :p] + corner * slopes
    within_bar = scatter_bar[:p, :p] + np.outer(edge, slopes)
    slopes_bar = within @ edge + corner * (within @ slopes)
    coefficients_bar = np.zeros(2 * p + 1)
    coefficients_bar[1 : 1 + p] = slopes_bar
    coefficients_bar[1 + p :] = plan.codes[group] * slopes_bar
    sign = -1.0 if group == 0 else 1.0
    ratio_bar = sign * corner * unexplained * weight * (1 - weight)
    return (within_bar + within_bar.T) / 2, coefficients_bar, corner * weight, ratio_bar


@njit(cache=True)
def _compare(plan, t, temperature, difference, outcome, g1, g2, location, log_scale):
    """Return a mean's, SD's or comparison's log density and its derivatives.

    The derivatives are with respect to the difference of the groups and to both groups' scatters, location, log scale.
    """
    kind, p = plan.kind[t], difference.size
    first, second = plan.index[t, 0], plan.index[t, 1]
    j, which = (second, first) if kind <= SD else (first, second)
    gap = outcome if j == p else difference[j]
    scale = np.exp(log_scale[j])
    n1, n2 = plan.n[0], plan.n[1]
    total = n1 + n2
    v1, v2 = g1[j, j] * (total - 1) / (n1 - 1), g2[j, j] * (total - 1) / (n2 - 1)
    bars, gap_bar, v1_bar, v2_bar = np.zeros(4), 0.0, 0.0, 0.0
    if kind == MEAN:
        code = plan.codes[which] if which < 2 else 0.0
        add, bar = _toward(plan, t, location[j] + scale * code * gap, temperature)
        bars[2], bars[3], gap_bar = bar, bar * scale * code * gap, bar * scale * code
    elif kind == SD:
        variance = v1 if which == 0 else (v2 if which == 1 else 1.0)
        number = scale * np.sqrt(variance)
        add, bar = _toward(plan, t, number, temperature)
        bars[3] = bar * number
        if which == 0:
            v1_bar = 0.5 * bar * number / v1
        elif which == 1:
            v2_bar = 0.5 * bar * number / v2
    elif kind == MEAN_DIFFERENCE:
        add, bar = _toward(plan, t, scale * gap, temperature)
        bars[3], gap_bar = bar * scale * gap, bar * scale
    else:
        # variance of which the root is the denominator, as a weighted sum of v1 and v2
        a1, a2 = 1 / n1, 1 / n2
        if kind == D or (which == 1 and kind == T):
            size = 1.0 if kind == D else 1 / n1 + 1 / n2
            a1, a2 = size * (n1 - 1) / (total - 2), size * (n2 - 1) / (total - 2)
        error = a1 * v1 + a2 * v2
        if kind != DF:
            number = gap / np.sqrt(error)
            add, bar = _toward(plan, t, number, temperature)
            gap_bar = bar / np.sqrt(error)
            v1_bar, v2_bar = -0.5 * bar * number / error * a1, -0.5 * bar * number / error * a2
        else:
            e1, e2 = v1 / n1, v2 / n2
            below = e1**2 / (n1 - 1) + e2**2 / (n2 - 1)
            number = error**2 / below if which == 0 else total - 2
            add, bar = _toward(plan, t, number, temperature)
            if which == 0:
                v1_bar = bar * (2 * error / below - number / below * 2 * e1 / (n1 - 1)) / n1
                v2_bar = bar * (2 * error / below - number / below * 2 * e2 / (n2 - 1)) / n2
    bars[0] = v1_bar * (total - 1) / (n1 - 1)
    bars[1] = v2_bar * (total - 1) / (n2 - 1)
    return add, gap_bar, bars


# -- the whole -------------------------------------------------------------------------------------------------------


@njit(cache=True)
def _prior(x, mean, sd, gradient):
    """Add the standard normal prior of free numbers and return the values they stand for."""
    gradient -= x
    return mean + sd * x, -0.5 * (x @ x)


@njit(cache=True)
def _shares(plan, x, gradient):
    """Return the shares whose log odds are given, and the log density of their beta priors on the log odds."""
    c = plan.categories
    share, log_density = np.zeros((2, c)), 0.0
    for g in range(2):
        for j in range(c):
            z = x[g * c + j]
            s = _logistic(z)
            a, b = plan.share[g, j, 0], plan.share[g, j, 1]
            share[g, j] = s
            log_density += -a * _softplus(-z) - b * _softplus(z)
            gradient[g * c + j] += a * (1 - s) - b * s
    return share, log_density


@njit(cache=True)
def _limits(plan, difference, outcome, difference_bar):
    """Return the log density of the outcome's assumed difference and of the limits, and the outcome's derivative."""
    away = (outcome - plan.outcome_difference[0]) / plan.outcome_difference[1]
    log_density, outcome_bar = -0.5 * away * away, -away / plan.outcome_difference[1]
    last = plan.lower.size - 1
    for j in range(last + 1):
        value = outcome if j == last else difference[j]
        push = 0.0
        if np.isfinite(plan.lower[j]):
            room = (value - plan.lower[j]) / LIMIT_SOFTNESS
            log_density -= _softplus(-room)
            push += _logistic(-room) / LIMIT_SOFTNESS
        if np.isfinite(plan.upper[j]):
            room = (plan.upper[j] - value) / LIMIT_SOFTNESS
            log_density -= _softplus(-room)
            push -= _logistic(-room) / LIMIT_SOFTNESS
        if j == last:
            outcome_bar += push
        else:
            difference_bar[j] += push
    return log_density, outcome_bar


@njit(cache=True, nogil=True)
def log_density(plan, x, temperature):
    """Return the log density at a flat vector of free numbers, and its gradient; minus infinity where nothing fits.

    Parameters
    ----------
    plan : Plan
    x : ndarray
        Free numbers: log odds of the shares, standard normals, arctanh partial correlations (see `Problem.shapes`).
    temperature : float
        Stretches the tolerances of all targets.
    """
    p, c = plan.scales.shape[1] - 1, plan.categories
    k, f_count, chains = 2 * p + 1, plan.shifted.size, plan.order.shape[0]
    total = plan.n.sum()
    gradient = np.zeros(x.size)
    nothing = -np.inf
    ends = _ends(plan)

    # free numbers
    share, value = _shares(plan, x[ends[0] : ends[1]], gradient[ends[0] : ends[1]])
    numbers, add = _prior(x[ends[1] : ends[2]], plan.difference[0], plan.difference[1], gradient[ends[1] : ends[2]])
    value += add
    ratio, add = _prior(
        x[ends[2] : ends[3]], plan.log_variance_ratio[0], plan.log_variance_ratio[1], gradient[ends[2] : ends[3]]
    )
    value += add
    gap, free, offset = x[ends[4] : ends[5]], x[ends[5] : ends[6]], x[ends[6] : ends[7]]
    gradient[ends[4] : ends[7]] -= x[ends[4] : ends[7]]
    value += -0.5 * (gap @ gap) - 0.5 * (free @ free) - 0.5 * (offset @ offset)
    residual, add = _prior(
        x[ends[7] : ends[8]], plan.residual_ratio[0], plan.residual_ratio[1], gradient[ends[7] : ends[8]]
    )
    value += add
    place, add = _prior(x[ends[8] : ends[9]], plan.location[0], plan.location[1], gradient[ends[8] : ends[9]])
    value += add
    width, add = _prior(x[ends[9] : ends[10]], plan.log_scale[0], plan.log_scale[1], gradient[ends[9] : ends[10]])
    value += add

    # predictors
    location, log_scale = _units(plan, share, place, width)
    difference = np.zeros(p)
    for j in range(c):
        difference[j] = (share[1, j] - share[0, j]) * np.exp(-log_scale[j])
    difference[c:] = numbers
    factor, tanh, left = _correlation_factor(x[ends[3] : ends[4]], p)
    correlation = factor @ factor.T
    kappa = plan.n[0] * plan.n[1] / total / (total - 1)
    within = correlation - kappa * np.outer(difference, difference)
    root, ok = _cholesky(within)
    if not ok:
        return nothing, gradient
    shape = _split_shape(gap, plan.gap_size, p)
    unscaled = root @ shape @ root.T
    wanted = _wanted_variance(plan, within, share, ratio, log_scale)
    stretch = np.zeros(p)
    for j in range(p):
        if not unscaled[j, j] > 0:
            return nothing, gradient
        stretch[j] = np.sqrt(wanted[j] / unscaled[j, j])
    first = unscaled * np.outer(stretch, stretch)
    second = within - first
    s = _saturated(plan, correlation, first, second, difference)

    # printed columns
    mean_over_sd = location[:p] * np.exp(-log_scale[:p])
    weights, column = plan.weights.copy(), plan.column.copy()
    log_factor, column_variance = np.zeros(f_count), np.zeros(f_count)
    for f in range(f_count):
        for j in range(p):
            weights[f, 1 + p + j] -= plan.at_zero[f, 1 + p + j] * mean_over_sd[j]
        if plan.shifted[f] >= 0:
            column[f, 0] += mean_over_sd[plan.shifted[f]]
        column_variance[f] = column[f] @ (s @ column[f])
        log_factor[f] = plan.scales[f] @ log_scale + 0.5 * plan.by_column_sd[f] * np.log(column_variance[f])

    # regressions
    roots, inverses = np.zeros((chains, k, k)), np.zeros((chains, k, k))
    for h in range(chains):
        permuted = np.empty((k, k))
        for i in range(k):
            for j in range(k):
                permuted[i, j] = s[plan.order[h, i], plan.order[h, j]]
        found, ok = _cholesky(permuted)
        if not ok:
            return nothing, gradient
        roots[h] = found
        inverses[h] = _inverse_factor(found)
    scores = np.zeros((f_count, k))
    for f in range(f_count):
        step = plan.functional_step[f]
        h = plan.step_chain[step]
        for i in range(plan.step_size[step]):
            for j in range(i + 1):
                scores[f, i] += inverses[h, i, j] * weights[f, plan.order[h, j]]
    m_f, m_c = plan.coordinate_functionals, plan.coordinate_columns.size
    rows = np.zeros((m_f + m_c, k))
    for f in range(m_f):
        h = plan.step_chain[plan.functional_step[f]]
        spread = roots[h] @ scores[f]
        for i in range(k):
            rows[f, plan.order[h, i]] = np.exp(log_factor[f]) * spread[i]
    for i in range(m_c):
        col = plan.coordinate_columns[i]
        rows[m_f + i] = s[col] / np.sqrt(s[col, col])
    coefficients, add, precision, back, pull, ok = _conditioned(plan, rows, free, offset)
    if not ok:
        return nothing, gradient
    value += add
    white = np.zeros((chains, k))
    for h in range(chains):
        white[h] = roots[h].T @ coefficients[plan.order[h]]
    r2_saturated = white[0] @ white[0]
    unexplained = 1 - r2_saturated
    if not unexplained > 1e-9:
        return nothing, gradient
    r2 = np.zeros(plan.step_chain.size)
    for i in range(r2.size):
        if plan.step_chain[i] >= 0:
            part = white[plan.step_chain[i], : plan.step_size[i]]
            r2[i] = part @ part

    # what the paper prints
    s_bar, coefficients_bar = np.zeros((k, k)), np.zeros(k)
    first_bar, second_bar = np.zeros((p, p)), np.zeros((p, p))
    difference_bar = np.zeros(p)
    location_bar, log_scale_bar = np.zeros(p + 1), np.zeros(p + 1)
    log_factor_bar, column_variance_bar = np.zeros(f_count), np.zeros(f_count)
    scores_bar, white_bar = np.zeros((f_count, k)), np.zeros((chains, k))
    r2_bar = np.zeros(r2.size)
    unexplained_bar, residual_bar = 0.0, 0.0

    outcome = s[0] @ coefficients / s[0, 0]
    numbers_bar = np.zeros(p - c)
    add, outcome_bar = _limits(plan, numbers, outcome, numbers_bar)
    difference_bar[c:] += numbers_bar
    value += add

    by_group = False
    for t in range(plan.kind.size):
        if plan.kind[t] >= MEAN or (plan.kind[t] == CORRELATION and plan.index[t, 0] < 2):
            by_group = True
    g1, slopes1, w1 = _group_scatter(plan, first, coefficients, 0, unexplained, residual[0])
    g2, slopes2, w2 = _group_scatter(plan, second, coefficients, 1, unexplained, residual[0])
    g1_bar, g2_bar = np.zeros((p + 1, p + 1)), np.zeros((p + 1, p + 1))

    for t in range(plan.kind.size):
        kind = plan.kind[t]
        if kind <= VIF:
            f = plan.functional[t]
            step = plan.functional_step[f]
            h = plan.step_chain[step]
            length = scores[f] @ scores[f]
            length_bar = 0.0
            if kind == VIF:
                add, bar = _toward(plan, t, length * column_variance[f], temperature)
                length_bar += bar * column_variance[f]
                column_variance_bar[f] += bar * length
            elif kind == ESTIMATE:
                number = np.exp(log_factor[f]) * (scores[f] @ white[h])
                add, bar = _toward(plan, t, number, temperature)
                log_factor_bar[f] += bar * number
                scores_bar[f] += bar * np.exp(log_factor[f]) * white[h]
                white_bar[h] += bar * np.exp(log_factor[f]) * scores[f]
            else:
                left_over = (1 - r2[step]) / plan.step_df[step]
                variance_bar = 0.0
                if kind == SE:
                    number = np.exp(log_factor[f]) * np.sqrt(length * left_over)
                    add, bar = _toward(plan, t, number, temperature)
                    log_factor_bar[f] += bar * number
                    variance_bar = bar * number / (2 * length * left_over)
                else:
                    estimate = scores[f] @ white[h]
                    number = np.sqrt(estimate**2 / (length * left_over) + TINY)
                    add, bar = _toward(plan, t, number, temperature)
                    estimate_bar = bar * estimate / (length * left_over) / number
                    variance_bar = -0.5 * estimate_bar * estimate / (length * left_over)
                    scores_bar[f] += estimate_bar * white[h]
                    white_bar[h] += estimate_bar * scores[f]
                length_bar += variance_bar * left_over
                r2_bar[step] -= variance_bar * length / plan.step_df[step]
            scores_bar[f] += 2 * length_bar * scores[f]
        elif kind == R2 or kind == INCREMENT:
            here, there = plan.index[t, 0], plan.index[t, 1]
            before = r2[there] if there >= 0 else 0.0
            if kind == R2:
                here_weight, there_weight = plan.step_weights[t, 0], plan.step_weights[t, 1]
                add, bar = _toward(plan, t, here_weight * r2[here] + there_weight * before, temperature)
            else:
                here_weight, there_weight = (1 - before) / (1 - r2[here]) ** 2, -1 / (1 - r2[here])
                add, bar = _toward(plan, t, (r2[here] - before) / (1 - r2[here]), temperature)
            r2_bar[here] += bar * here_weight
            if there >= 0:
                r2_bar[there] += bar * there_weight
        elif kind == CORRELATION:
            which, i, j = plan.index[t, 0], plan.index[t, 1], plan.index[t, 2]
            if which < 2:
                g, g_bar = (g1, g1_bar) if which == 0 else (g2, g2_bar)
                i, j = i - 1, j - 1
                number = g[i, j] / np.sqrt(g[i, i] * g[j, j])
                add, bar = _toward(plan, t, number, temperature)
                g_bar[i, j] += bar * number / g[i, j] if g[i, j] != 0 else bar / np.sqrt(g[i, i] * g[j, j])
                g_bar[i, i] -= 0.5 * bar * number / g[i, i]
                g_bar[j, j] -= 0.5 * bar * number / g[j, j]
            else:
                unit = np.sqrt(s[0, 0]) if i == 0 else 1.0
                if j == p + 1:
                    add, bar = _toward(plan, t, (s[i] @ coefficients) / unit, temperature)
                    s_bar[i] += bar / unit * coefficients
                    coefficients_bar += bar / unit * s[i]
                else:
                    add, bar = _toward(plan, t, s[i, j] / unit, temperature)
                    s_bar[i, j] += bar / unit
        else:
            add, gap_push, bars = _compare(
                plan, t, temperature, difference, outcome, g1, g2, location, log_scale
            )
            j = plan.index[t, 1] if kind <= SD else plan.index[t, 0]
            if j == p:
                outcome_bar += gap_push
            else:
                difference_bar[j] += gap_push
            g1_bar[j, j] += bars[0]
            g2_bar[j, j] += bars[1]
            location_bar[j] += bars[2]
            log_scale_bar[j] += bars[3]
        value += add

    # correlation matrix of everything
    left_bar = np.zeros((p, p))
    for i in range(p):
        for j in range(i):
            power = plan.eta + (p - 2 - j) / 2
            value += power * left[i, j]
            left_bar[i, j] = power
    value += (plan.eta - 1) * (np.log(np.diag(roots[0])).sum() - left.sum() + np.log(unexplained))
    left_bar -= (plan.eta - 1) * np.tril(np.ones((p, p)), -1)
    unexplained_bar += (plan.eta - 1) / unexplained

    # and back: groups, regressions
    if by_group:
        add_w, add_c, add_u, add_r = _group_scatter_backward(plan, first, slopes1, w1, 0, unexplained, g1_bar)
        first_bar += add_w
        coefficients_bar += add_c
        unexplained_bar += add_u
        residual_bar += add_r
        add_w, add_c, add_u, add_r = _group_scatter_backward(plan, second, slopes2, w2, 1, unexplained, g2_bar)
        second_bar += add_w
        coefficients_bar += add_c
        unexplained_bar += add_u
        residual_bar += add_r
    s_bar[0] += outcome_bar / s[0, 0] * coefficients
    coefficients_bar += outcome_bar / s[0, 0] * s[0]
    white_bar[0] -= 2 * unexplained_bar * white[0]
    for i in range(r2.size):
        if plan.step_chain[i] >= 0:
            h, size = plan.step_chain[i], plan.step_size[i]
            white_bar[h, :size] += 2 * r2_bar[i] * white[h, :size]
    roots_bar = np.zeros((chains, k, k))
    for i in range(k):
        roots_bar[0, i, i] = (plan.eta - 1) / roots[0, i, i]
    for h in range(chains):
        ordered = coefficients[plan.order[h]]
        roots_bar[h] += np.outer(ordered, white_bar[h])
        push = roots[h] @ white_bar[h]
        for i in range(k):
            coefficients_bar[plan.order[h, i]] += push[i]
    rows_bar, free_bar, offset_bar = _conditioned_backward(
        plan, rows, free, precision, back, pull, coefficients_bar
    )
    gradient[ends[5] : ends[6]] += free_bar
    gradient[ends[6] : ends[7]] += offset_bar
    for i in range(m_c):
        col = plan.coordinate_columns[i]
        s_bar[col] += rows_bar[m_f + i] / np.sqrt(s[col, col])
    for f in range(m_f):
        h = plan.step_chain[plan.functional_step[f]]
        log_factor_bar[f] += rows_bar[f] @ rows[f]
        push = np.exp(log_factor[f]) * rows_bar[f][plan.order[h]]
        scores_bar[f] += roots[h].T @ push
        roots_bar[h] += np.outer(push, scores[f])
    inverses_bar, weights_bar = np.zeros((chains, k, k)), np.zeros((f_count, k))
    for f in range(f_count):
        step = plan.functional_step[f]
        h = plan.step_chain[step]
        for i in range(plan.step_size[step]):
            for j in range(i + 1):
                inverses_bar[h, i, j] += scores_bar[f, i] * weights[f, plan.order[h, j]]
                weights_bar[f, plan.order[h, j]] += scores_bar[f, i] * inverses[h, i, j]
    for h in range(chains):
        factor_push = roots_bar[h] - inverses[h].T @ inverses_bar[h] @ inverses[h].T
        permuted_bar = _cholesky_backward(roots[h], inverses[h], factor_push)
        for i in range(k):
            for j in range(k):
                s_bar[plan.order[h, i], plan.order[h, j]] += permuted_bar[i, j]

    # printed columns and units
    mean_over_sd_bar = np.zeros(p)
    for f in range(f_count):
        log_scale_bar += log_factor_bar[f] * plan.scales[f]
        column_variance_bar[f] += 0.5 * plan.by_column_sd[f] * log_factor_bar[f] / column_variance[f]
        if column_variance_bar[f] != 0:
            s_bar += column_variance_bar[f] * np.outer(column[f], column[f])
            if plan.shifted[f] >= 0:
                mean_over_sd_bar[plan.shifted[f]] += 2 * column_variance_bar[f] * (s[0] @ column[f])
        for j in range(p):
            mean_over_sd_bar[j] -= plan.at_zero[f, 1 + p + j] * weights_bar[f, 1 + p + j]
    location_bar[:p] += mean_over_sd_bar * np.exp(-log_scale[:p])
    log_scale_bar[:p] -= mean_over_sd_bar * mean_over_sd

    # predictors
    correlation_bar, add_first, add_second, add_difference = _saturated_backward(plan, s_bar, difference)
    difference_bar += add_difference
    first_bar += add_first - add_second - second_bar
    within_bar = add_second + second_bar
    stretch_bar = 2 * (first_bar * unscaled) @ stretch
    unscaled_bar = first_bar * np.outer(stretch, stretch)
    share_bar, ratio_bar = np.zeros((2, c)), np.zeros(p - c)
    n1, n2 = plan.n[0], plan.n[1]
    for j in range(p):
        wanted_bar = 0.5 * stretch_bar[j] * stretch[j] / wanted[j]
        unscaled_bar[j, j] -= 0.5 * stretch_bar[j] * stretch[j] / unscaled[j, j]
        if j < c:
            share_bar[0, j] += wanted_bar * wanted[j] * (1 / share[0, j] - 1 / (1 - share[0, j]))
            log_scale_bar[j] -= 2 * wanted_bar * wanted[j]
        else:
            part = wanted[j] / within[j, j]
            within_bar[j, j] += wanted_bar * part
            ratio_bar[j - c] -= wanted_bar * within[j, j] * part * (1 - part)
    shape_bar = root.T @ unscaled_bar @ root
    root_bar = 2 * unscaled_bar @ root @ shape
    within_bar += _cholesky_backward(root, _inverse_factor(root), root_bar)
    correlation_bar += within_bar
    difference_bar -= 2 * kappa * (within_bar @ difference)
    partial_bar = _correlation_factor_backward(factor, tanh, left, 2 * correlation_bar @ factor, left_bar)
    gap_bar = np.zeros(gap.size)
    q = 0
    for i in range(p):
        for j in range(i + 1):
            gap_bar[q] = plan.gap_size * (np.sqrt(2.0) * shape_bar[i, i] if i == j else 2 * shape_bar[i, j])
            q += 1
    for j in range(c):
        inverse_scale = np.exp(-log_scale[j])
        share_bar[0, j] -= difference_bar[j] * inverse_scale
        share_bar[1, j] += difference_bar[j] * inverse_scale
        log_scale_bar[j] -= difference_bar[j] * difference[j]
        mean = location[j]
        mean_bar = location_bar[j] + log_scale_bar[j] * 0.5 * (1 / mean - 1 / (1 - mean))
        for g in range(2):
            share_bar[g, j] += mean_bar * plan.n[g] / total
            z = g * c + j
            gradient[z] += share_bar[g, j] * share[g, j] * (1 - share[g, j])
    gradient[ends[1] : ends[2]] += difference_bar[c:] * plan.difference[1]
    gradient[ends[2] : ends[3]] += ratio_bar * plan.log_variance_ratio[1]
    gradient[ends[3] : ends[4]] += partial_bar
    gradient[ends[4] : ends[5]] += gap_bar
    gradient[ends[7] : ends[8]] += residual_bar * plan.residual_ratio[1]
    for r in range(plan.raw.size):
        gradient[ends[8] + r] += location_bar[plan.raw[r]] * plan.location[1, r]
        gradient[ends[9] + r] += log_scale_bar[plan.raw[r]] * plan.log_scale[1, r]
    return value, gradient
