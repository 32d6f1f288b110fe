"""Every regression of a study from the saturated columns' moments, and back.

One Cholesky factor of a chain of nested steps holds all of them: a step is a leading block, its R2 a sum of squared
whitened coefficients, and a printed coefficient a product with one row of the inverse factor.
"""

# mypy: disallow-untyped-decorators=False, warn-return-any=False

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from .algebra import (
    add,
    add_outer,
    cholesky,
    cholesky_backward,
    dot,
    helper,
    inverse_factor,
    product,
    times,
    transposed,
)
from .plan import Coordinates, FloatArray, IntArray, Plan
from .predictors import Bars, Free, Moments

__all__ = [
    "Columns",
    "RegressionBars",
    "Regressions",
    "no_regression_bars",
    "printed_columns",
    "regressions",
    "regressions_backward",
]


class Columns(NamedTuple):
    """The printed coefficients' weights and columns at given moments (see `Plan`)."""

    weights: FloatArray
    column: FloatArray
    log_factor: FloatArray
    variance: FloatArray
    mean_over_sd: FloatArray


class Regressions(NamedTuple):
    """The regressions at given moments.

    Attributes
    ----------
    roots, inverses : shape (chains, k, k)
    scores : shape (f, k)
        A printed coefficient is a score's product with its chain's whitened coefficients; the score's squared length
        is the coefficient's variance over that of the residuals.
    rows : shape (m, k)
        What turns saturated coefficients into coordinates.
    precision, back, pull
        Of the coordinates: inverse covariance, and its products with what is missing and with the printed numbers.
    coefficients : shape (k,)
    white : shape (chains, k)
        Whitened coefficients.
    r2 : shape (s,)
    unexplained : float
        Share of the outcome's variance that the saturated regression leaves.
    """

    roots: FloatArray
    inverses: FloatArray
    scores: FloatArray
    rows: FloatArray
    precision: FloatArray
    back: FloatArray
    pull: FloatArray
    coefficients: FloatArray
    white: FloatArray
    r2: FloatArray
    unexplained: float


class RegressionBars(NamedTuple):
    """Derivatives with respect to what targets read off regressions."""

    log_factor: FloatArray
    variance: FloatArray
    scores: FloatArray
    coefficients: FloatArray
    white: FloatArray
    r2: FloatArray
    unexplained: FloatArray


@helper
def no_regression_bars(plan: Plan) -> RegressionBars:
    """Return derivatives that are all 0."""
    f, k = plan.printed.weights.shape
    return RegressionBars(
        np.zeros(f),
        np.zeros(f),
        np.zeros((f, k)),
        np.zeros(k),
        np.zeros((plan.steps.order.shape[0], k)),
        np.zeros(plan.steps.chain.size),
        np.zeros(1),
    )


# -- printed columns -------------------------------------------------------------------------------------------------


@helper
def printed_columns(plan: Plan, made: Moments) -> Columns:
    """Return weights, columns, factors and variances of the printed coefficients' columns."""
    p, f_count = plan.sample.predictors, plan.printed.shifted.size
    mean_over_sd = np.empty(p)
    for j in range(p):
        mean_over_sd[j] = made.location[j] * np.exp(-made.log_scale[j])
    weights, column = plan.printed.weights.copy(), plan.printed.column.copy()
    log_factor, variance = np.zeros(f_count), np.zeros(f_count)
    for f in range(f_count):
        for j in range(p):
            weights[f, 1 + p + j] -= plan.printed.at_zero[f, 1 + p + j] * mean_over_sd[j]
        if plan.printed.shifted[f] >= 0:
            column[f, 0] += mean_over_sd[plan.printed.shifted[f]]
        variance[f] = dot(column[f], times(made.saturated, column[f]))
        by_column_sd = 0.5 * plan.printed.by_column_sd[f] * np.log(variance[f])
        log_factor[f] = dot(plan.printed.scales[f], made.log_scale) + by_column_sd
    return Columns(weights, column, log_factor, variance, mean_over_sd)


@helper
def _printed_columns_backward(
    plan: Plan, made: Moments, columns: Columns, weights_bar: FloatArray, own: RegressionBars, bars: Bars
) -> None:
    p = made.difference.size
    mean_over_sd_bar = np.zeros(p)
    for f in range(plan.printed.shifted.size):
        variance_bar = own.variance[f] + 0.5 * plan.printed.by_column_sd[f] * own.log_factor[f] / columns.variance[f]
        add(bars.log_scale, own.log_factor[f], plan.printed.scales[f])
        if variance_bar != 0:
            add_outer(bars.saturated, variance_bar, columns.column[f], columns.column[f])
            if plan.printed.shifted[f] >= 0:
                through_mean = dot(made.saturated[0], columns.column[f])
                mean_over_sd_bar[plan.printed.shifted[f]] += 2 * variance_bar * through_mean
        for j in range(p):
            mean_over_sd_bar[j] -= plan.printed.at_zero[f, 1 + p + j] * weights_bar[f, 1 + p + j]
    for j in range(p):
        bars.location[j] += mean_over_sd_bar[j] * np.exp(-made.log_scale[j])
        bars.log_scale[j] -= mean_over_sd_bar[j] * columns.mean_over_sd[j]


# -- regressions -----------------------------------------------------------------------------------------------------


@helper
def regressions(plan: Plan, made: Moments, columns: Columns, numbers: Free) -> tuple[Regressions, float, bool]:
    """Return the regressions, the log density of the printed coefficients, and whether there is a sample like this."""
    k, f_count, chains = plan.printed.weights.shape[1], plan.printed.shifted.size, plan.steps.order.shape[0]
    s = made.saturated
    roots, inverses, fine = _factors(plan, s)
    scores = np.zeros((f_count, k))
    for f in range(f_count):
        step = plan.printed.step[f]
        h = plan.steps.chain[step]
        for i in range(plan.steps.size[step]):
            for j in range(i + 1):
                scores[f, i] += inverses[h, i, j] * columns.weights[f, plan.steps.order[h, j]]
    rows = _coordinate_rows(plan, s, columns, roots, scores)
    coefficients, value, precision, back, pull, ok = _conditioned(plan.coordinates, rows, numbers)
    fine = fine and ok
    white = np.zeros((chains, k))
    for h in range(chains):
        for i in range(k):
            for j in range(i + 1):
                white[h, j] += roots[h, i, j] * coefficients[plan.steps.order[h, i]]
    r2 = np.zeros(plan.steps.chain.size)
    for i in range(r2.size):
        if plan.steps.chain[i] >= 0:
            for j in range(plan.steps.size[i]):
                r2[i] += white[plan.steps.chain[i], j] ** 2
    unexplained = 1 - dot(white[0], white[0])
    found = Regressions(roots, inverses, scores, rows, precision, back, pull, coefficients, white, r2, unexplained)
    return found, value, fine and unexplained > 1e-9


@helper
def _factors(plan: Plan, s: FloatArray) -> tuple[FloatArray, FloatArray, bool]:
    """Return each chain's lower factor and its inverse, and whether all of them exist."""
    k, chains, fine = s.shape[0], plan.steps.order.shape[0], True
    roots, inverses = np.zeros((chains, k, k)), np.zeros((chains, k, k))
    for h in range(chains):
        permuted = np.empty((k, k))
        for i in range(k):
            for j in range(k):
                permuted[i, j] = s[plan.steps.order[h, i], plan.steps.order[h, j]]
        root, ok = cholesky(permuted)
        fine = fine and ok
        inverse = inverse_factor(root) if ok else root
        for i in range(k):
            for j in range(i + 1):
                roots[h, i, j], inverses[h, i, j] = root[i, j], inverse[i, j]
    return roots, inverses, fine


@helper
def regressions_backward(
    plan: Plan,
    numbers: Free,
    made: Moments,
    columns: Columns,
    fits: Regressions,
    own: RegressionBars,
    bars: Bars,
    ends: IntArray,
    gradient: FloatArray,
) -> None:
    """Carry derivatives back to the saturated moments, units and free numbers."""
    k, chains = plan.printed.weights.shape[1], plan.steps.order.shape[0]
    add(own.white[0], -2 * own.unexplained[0], fits.white[0])
    for i in range(fits.r2.size):
        if plan.steps.chain[i] >= 0:
            h, size = plan.steps.chain[i], plan.steps.size[i]
            add(own.white[h, :size], 2 * own.r2[i], fits.white[h, :size])
    roots_bar = np.zeros((chains, k, k))
    for h in range(chains):
        for i in range(k):
            place = plan.steps.order[h, i]
            add(roots_bar[h, i], fits.coefficients[place], own.white[h])
            own.coefficients[place] += dot(fits.roots[h, i], own.white[h])
    rows_bar = _conditioned_backward(plan.coordinates, numbers, fits, own.coefficients, ends, gradient)
    _coordinate_rows_backward(plan, made, columns, fits, rows_bar, roots_bar, own, bars)
    weights_bar = np.zeros(plan.printed.weights.shape)
    inverses_bar = np.zeros((chains, k, k))
    for f in range(plan.printed.shifted.size):
        step = plan.printed.step[f]
        h = plan.steps.chain[step]
        for i in range(plan.steps.size[step]):
            for j in range(i + 1):
                inverses_bar[h, i, j] += own.scores[f, i] * columns.weights[f, plan.steps.order[h, j]]
                weights_bar[f, plan.steps.order[h, j]] += own.scores[f, i] * fits.inverses[h, i, j]
    for h in range(chains):
        turned = transposed(fits.inverses[h])
        through_inverse = product(turned, product(inverses_bar[h], turned))
        for i in range(k):
            add(roots_bar[h, i], -1.0, through_inverse[i])
            if h == 0:
                roots_bar[h, i, i] += (plan.priors.eta - 1) / fits.roots[0, i, i]
        permuted_bar = cholesky_backward(fits.roots[h], fits.inverses[h], roots_bar[h])
        for i in range(k):
            for j in range(k):
                bars.saturated[plan.steps.order[h, i], plan.steps.order[h, j]] += permuted_bar[i, j]
    _printed_columns_backward(plan, made, columns, weights_bar, own, bars)


# -- coordinates -----------------------------------------------------------------------------------------------------


@helper
def _coordinate_rows(plan: Plan, s: FloatArray, columns: Columns, roots: FloatArray, scores: FloatArray) -> FloatArray:
    m_f, m_c, k = plan.coordinates.functionals, plan.coordinates.columns.size, s.shape[0]
    rows = np.zeros((m_f + m_c, k))
    for f in range(m_f):
        h = plan.steps.chain[plan.printed.step[f]]
        spread = times(roots[h], scores[f])
        for i in range(k):
            rows[f, plan.steps.order[h, i]] = np.exp(columns.log_factor[f]) * spread[i]
    for i in range(m_c):
        column = plan.coordinates.columns[i]
        add(rows[m_f + i], 1 / np.sqrt(s[column, column]), s[column])
    return rows


@helper
def _coordinate_rows_backward(
    plan: Plan,
    made: Moments,
    columns: Columns,
    fits: Regressions,
    rows_bar: FloatArray,
    roots_bar: FloatArray,
    own: RegressionBars,
    bars: Bars,
) -> None:
    m_f = plan.coordinates.functionals
    for f in range(m_f):
        h = plan.steps.chain[plan.printed.step[f]]
        own.log_factor[f] += dot(rows_bar[f], fits.rows[f])
        for i in range(fits.coefficients.size):
            push = np.exp(columns.log_factor[f]) * rows_bar[f, plan.steps.order[h, i]]
            add(own.scores[f], push, fits.roots[h, i])
            add(roots_bar[h, i], push, fits.scores[f])
    for i in range(plan.coordinates.columns.size):
        # the column's own variance is constant: 1, or that of the group's code
        column = plan.coordinates.columns[i]
        add(bars.saturated[column], 1 / np.sqrt(made.saturated[column, column]), rows_bar[m_f + i])


@helper
def _conditioned(
    coordinates: Coordinates, rows: FloatArray, numbers: Free
) -> tuple[FloatArray, float, FloatArray, FloatArray, FloatArray, bool]:
    """Draw the coefficients given the printed ones, as `posterior.assembly.conditioned` does."""
    sd = coordinates.prior_sd
    coefficients = np.zeros(sd.size)
    for j in range(sd.size):
        coefficients[j] = numbers.free[j] * sd[j]
    m = rows.shape[0]
    if m == 0:
        return coefficients, 0.0, np.zeros((0, 0)), np.zeros(0), np.zeros(0), True
    scaled = _by_prior_sd(rows, sd)
    covariance, missing = product(scaled, transposed(scaled)), np.empty(m)
    for i in range(m):
        covariance[i, i] += coordinates.spread[i] ** 2
        missing[i] = coordinates.middle[i] + coordinates.spread[i] * numbers.offset[i] - dot(scaled[i], numbers.free)
    root, ok = cholesky(covariance)
    if not ok:
        return coefficients, 0.0, root, np.zeros(m), np.zeros(m), False
    inverse = inverse_factor(root)
    precision = product(transposed(inverse), inverse)
    back, pull = times(precision, missing), times(precision, coordinates.middle)
    log_density = -0.5 * dot(coordinates.middle, pull)
    for i in range(m):
        log_density -= np.log(root[i, i])
        for j in range(sd.size):
            coefficients[j] += sd[j] * scaled[i, j] * back[i]
    return coefficients, log_density, precision, back, pull, True


@helper
def _by_prior_sd(rows: FloatArray, sd: FloatArray) -> FloatArray:
    scaled = np.empty(rows.shape)
    for i in range(rows.shape[0]):
        for j in range(sd.size):
            scaled[i, j] = rows[i, j] * sd[j]
    return scaled


@helper
def _conditioned_backward(
    coordinates: Coordinates,
    numbers: Free,
    fits: Regressions,
    coefficients_bar: FloatArray,
    ends: IntArray,
    gradient: FloatArray,
) -> FloatArray:
    """Return the derivative with respect to the rows; those of the free numbers go into the gradient."""
    sd, rows, back, pull = coordinates.prior_sd, fits.rows, fits.back, fits.pull
    m, k = rows.shape
    spread_out = np.empty(k)
    for j in range(k):
        spread_out[j] = sd[j] * coefficients_bar[j]
        gradient[ends[5] + j] += spread_out[j]
    scaled = _by_prior_sd(rows, sd)
    missing_bar = times(fits.precision, times(scaled, spread_out))
    covariance_bar = np.empty((m, m))
    for i in range(m):
        gradient[ends[6] + i] += coordinates.spread[i] * missing_bar[i]
        for j in range(m):
            twice = pull[i] * pull[j] - fits.precision[i, j]
            covariance_bar[i, j] = twice - missing_bar[i] * back[j] - missing_bar[j] * back[i]
    rows_bar = product(covariance_bar, scaled)
    for i in range(m):
        for j in range(k):
            gradient[ends[5] + j] -= scaled[i, j] * missing_bar[i]
            scaled_bar = rows_bar[i, j] + back[i] * spread_out[j] - missing_bar[i] * numbers.free[j]
            rows_bar[i, j] = sd[j] * scaled_bar
    return rows_bar
