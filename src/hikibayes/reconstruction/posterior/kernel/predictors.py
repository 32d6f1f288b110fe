"""From free numbers to the moments of predictors and of the saturated columns, and back."""

# mypy: disallow-untyped-decorators=False, warn-return-any=False

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from .algebra import (
    add,
    cholesky,
    cholesky_backward,
    helper,
    inverse_factor,
    logistic,
    product,
    softplus,
    times,
    transposed,
)
from .plan import FloatArray, IntArray, Plan, Sample

__all__ = ["Bars", "Free", "Moments", "free_numbers", "moments", "moments_backward", "no_bars", "no_moments"]


class Free(NamedTuple):
    """The free numbers on their own scales; `posterior.problem.Problem.shapes` has their shapes."""

    share: FloatArray
    difference: FloatArray
    log_variance_ratio: FloatArray
    partial: FloatArray
    gap: FloatArray
    free: FloatArray
    offset: FloatArray
    residual_ratio: FloatArray
    location: FloatArray
    log_scale: FloatArray


class Moments(NamedTuple):
    """Moments of the predictors (see `hikibayes.reconstruction.posterior.assembly.Predictors`) and what led to them."""

    location: FloatArray
    log_scale: FloatArray
    difference: FloatArray
    factor: FloatArray
    tanh: FloatArray
    left: FloatArray
    within: FloatArray
    root: FloatArray
    shape: FloatArray
    unscaled: FloatArray
    wanted: FloatArray
    stretch: FloatArray
    first: FloatArray
    second: FloatArray
    saturated: FloatArray


class Bars(NamedTuple):
    """Derivatives of the log density, gathered from everything that uses what is named."""

    location: FloatArray
    log_scale: FloatArray
    difference: FloatArray
    left: FloatArray
    first: FloatArray
    second: FloatArray
    saturated: FloatArray
    residual_ratio: FloatArray


@helper
def no_bars(p: int) -> Bars:
    """Return derivatives that are all 0."""
    k = 2 * p + 1
    return Bars(
        np.zeros(p + 1),
        np.zeros(p + 1),
        np.zeros(p),
        np.zeros((p, p)),
        np.zeros((p, p)),
        np.zeros((p, p)),
        np.zeros((k, k)),
        np.zeros(1),
    )


# -- free numbers and their priors -----------------------------------------------------------------------------------


@helper
def _ends(plan: Plan) -> IntArray:
    """Return where each free number begins in the flat vector, and the vector's length."""
    p = plan.sample.predictors
    c, r, m = plan.sample.categories, plan.sample.raw.size, plan.coordinates.middle.size
    one = plan.priors.residual_ratio.shape[1]
    sizes = (2 * c, p - c, p - c, p * (p - 1) // 2, p * (p + 1) // 2, 2 * p + 1, m, one, r, r)
    ends = np.zeros(len(sizes) + 1, np.int64)
    for i in range(len(sizes)):
        ends[i + 1] = ends[i] + sizes[i]
    return ends


@helper
def free_numbers(plan: Plan, x: FloatArray, gradient: FloatArray) -> tuple[Free, float, IntArray]:
    """Return the free numbers, their log prior density and where they stand; the gradient takes up the prior's."""
    ends = _ends(plan)
    c = plan.sample.categories
    value = 0.0
    share = np.zeros((2, c))
    for g in range(2):
        for j in range(c):
            z = x[g * c + j]
            a, b = plan.priors.share[g, j, 0], plan.priors.share[g, j, 1]
            share[g, j] = logistic(z)
            value += -a * softplus(-z) - b * softplus(z)
            gradient[g * c + j] += a * (1 - share[g, j]) - b * share[g, j]
    for i in range(ends[1], x.size):
        # partial correlations have their own density
        if i < ends[3] or i >= ends[4]:
            value -= 0.5 * x[i] * x[i]
            gradient[i] -= x[i]
    numbers = Free(
        share,
        _scaled(plan.priors.difference, x[ends[1] : ends[2]]),
        _scaled(plan.priors.log_variance_ratio, x[ends[2] : ends[3]]),
        x[ends[3] : ends[4]],
        x[ends[4] : ends[5]],
        x[ends[5] : ends[6]],
        x[ends[6] : ends[7]],
        _scaled(plan.priors.residual_ratio, x[ends[7] : ends[8]]),
        _scaled(plan.priors.location, x[ends[8] : ends[9]]),
        _scaled(plan.priors.log_scale, x[ends[9] : ends[10]]),
    )
    return numbers, value, ends


@helper
def _scaled(prior: FloatArray, z: FloatArray) -> FloatArray:
    """Return normals with the means and SDs of a prior."""
    found = np.empty(z.size)
    for i in range(z.size):
        found[i] = prior[0, i] + prior[1, i] * z[i]
    return found


# -- moments ---------------------------------------------------------------------------------------------------------


@helper
def no_moments(p: int) -> Moments:
    """Return empty moments, for a point that describes no sample."""
    none, square, k = np.zeros(p), np.zeros((p, p)), 2 * p + 1
    wide = np.zeros(p + 1)
    return Moments(
        wide, wide, none, square, square, square, square, square, square, square, none, none, square, square,
        np.zeros((k, k)),
    )  # fmt: skip


@helper
def moments(plan: Plan, numbers: Free) -> tuple[Moments, bool]:
    """Return the moments, and whether the free numbers describe a sample."""
    p, c = plan.sample.predictors, plan.sample.categories
    total = plan.sample.n[0] + plan.sample.n[1]
    location, log_scale = _units(plan.sample, numbers)
    difference = np.zeros(p)
    for j in range(c):
        difference[j] = (numbers.share[1, j] - numbers.share[0, j]) * np.exp(-log_scale[j])
    for j in range(c, p):
        difference[j] = numbers.difference[j - c]
    factor, tanh, left = _correlation_factor(numbers.partial, p)
    correlation = product(factor, transposed(factor))
    within, kappa = np.empty((p, p)), _kappa(plan.sample)
    for i in range(p):
        for j in range(p):
            within[i, j] = correlation[i, j] - kappa * difference[i] * difference[j]
    root, ok = cholesky(within)
    if not ok:
        return no_moments(p), False
    shape = _split_shape(numbers.gap, plan.priors.gap_size, p)
    unscaled = product(product(root, shape), transposed(root))
    wanted = np.zeros(p)
    for j in range(c):
        s = numbers.share[0, j]
        wanted[j] = plan.sample.n[0] / (total - 1) * s * (1 - s) * np.exp(-2 * log_scale[j])
    for j in range(c, p):
        odds = (plan.sample.n[1] - 1) / (plan.sample.n[0] - 1) * np.exp(numbers.log_variance_ratio[j - c])
        wanted[j] = within[j, j] / (1 + odds)
    stretch = np.zeros(p)
    for j in range(p):
        if not unscaled[j, j] > 0:
            return no_moments(p), False
        stretch[j] = np.sqrt(wanted[j] / unscaled[j, j])
    first, second = np.empty((p, p)), np.empty((p, p))
    for i in range(p):
        for j in range(p):
            first[i, j] = unscaled[i, j] * stretch[i] * stretch[j]
            second[i, j] = within[i, j] - first[i, j]
    saturated = _saturated(plan.sample, correlation, first, second, difference)
    made = Moments(
        location, log_scale, difference, factor, tanh, left, within, root, shape, unscaled, wanted, stretch, first,
        second, saturated,
    )  # fmt: skip
    return made, True


@helper
def moments_backward(
    plan: Plan, numbers: Free, made: Moments, bars: Bars, ends: IntArray, gradient: FloatArray
) -> None:
    """Carry the derivatives with respect to moments back to the free numbers' gradient."""
    p, c = plan.sample.predictors, plan.sample.categories
    correlation_bar = _saturated_backward(plan.sample, made, bars)
    within_bar, unscaled_bar = np.empty((p, p)), np.empty((p, p))
    stretch_bar, share_bar = np.zeros(p), np.zeros((2, c))
    for i in range(p):
        for j in range(p):
            first_bar = bars.first[i, j] - bars.second[i, j]
            within_bar[i, j] = bars.second[i, j]
            unscaled_bar[i, j] = first_bar * made.stretch[i] * made.stretch[j]
            stretch_bar[i] += 2 * first_bar * made.unscaled[i, j] * made.stretch[j]
    for j in range(p):
        wanted_bar = 0.5 * stretch_bar[j] * made.stretch[j] / made.wanted[j]
        unscaled_bar[j, j] -= 0.5 * stretch_bar[j] * made.stretch[j] / made.unscaled[j, j]
        if j < c:
            s = numbers.share[0, j]
            share_bar[0, j] += wanted_bar * made.wanted[j] * (1 / s - 1 / (1 - s))
            bars.log_scale[j] -= 2 * wanted_bar * made.wanted[j]
        else:
            part = made.wanted[j] / made.within[j, j]
            within_bar[j, j] += wanted_bar * part
            ratio_bar = -wanted_bar * made.wanted[j] * (1 - part)
            gradient[ends[2] + j - c] += ratio_bar * plan.priors.log_variance_ratio[1, j - c]

    half_root_bar = product(unscaled_bar, made.root)
    shape_bar = product(transposed(made.root), half_root_bar)
    half_root_bar = product(half_root_bar, made.shape)
    through_root = cholesky_backward(made.root, inverse_factor(made.root), half_root_bar)
    for i in range(p):
        for j in range(p):
            within_bar[i, j] += 2 * through_root[i, j]
            correlation_bar[i, j] += within_bar[i, j]
    difference_bar = bars.difference.copy()
    add(difference_bar, -2 * _kappa(plan.sample), times(within_bar, made.difference))
    half_factor_bar = product(correlation_bar, made.factor)
    _correlation_factor_backward(made, half_factor_bar, bars.left, gradient[ends[3] : ends[4]])
    q = ends[4]
    for i in range(p):
        for j in range(i + 1):
            gradient[q] += plan.priors.gap_size * (np.sqrt(2.0) * shape_bar[i, i] if i == j else 2 * shape_bar[i, j])
            q += 1
    for j in range(c):
        inverse_scale = np.exp(-made.log_scale[j])
        share_bar[0, j] -= difference_bar[j] * inverse_scale
        share_bar[1, j] += difference_bar[j] * inverse_scale
        bars.log_scale[j] -= difference_bar[j] * made.difference[j]
    for j in range(c, p):
        gradient[ends[1] + j - c] += difference_bar[j] * plan.priors.difference[1, j - c]
    gradient[ends[7]] += bars.residual_ratio[0] * plan.priors.residual_ratio[1, 0]
    _units_backward(plan, numbers, made, bars, share_bar, ends, gradient)


@helper
def _kappa(sample: Sample) -> float:
    """Return what turns a squared difference of means into its part of the total variance."""
    total = sample.n[0] + sample.n[1]
    return sample.n[0] * sample.n[1] / total / (total - 1)


@helper
def _units(sample: Sample, numbers: Free) -> tuple[FloatArray, FloatArray]:
    """Return raw means and log raw SDs; 0 for a number whose raw units nobody speaks of."""
    p, c = sample.predictors, sample.categories
    total = sample.n[0] + sample.n[1]
    location, log_scale = np.zeros(p + 1), np.zeros(p + 1)
    for j in range(c):
        mean = (sample.n[0] * numbers.share[0, j] + sample.n[1] * numbers.share[1, j]) / total
        location[j] = mean
        log_scale[j] = 0.5 * np.log(mean * (1 - mean) * total / (total - 1))
    for r in range(sample.raw.size):
        location[sample.raw[r]] = numbers.location[r]
        log_scale[sample.raw[r]] = numbers.log_scale[r]
    return location, log_scale


@helper
def _units_backward(
    plan: Plan, numbers: Free, made: Moments, bars: Bars, share_bar: FloatArray, ends: IntArray, gradient: FloatArray
) -> None:
    c = plan.sample.categories
    for j in range(c):
        mean = made.location[j]
        mean_bar = bars.location[j] + bars.log_scale[j] * 0.5 * (1 / mean - 1 / (1 - mean))
        for g in range(2):
            share_bar[g, j] += mean_bar * plan.sample.n[g] / (plan.sample.n[0] + plan.sample.n[1])
            s = numbers.share[g, j]
            gradient[g * c + j] += share_bar[g, j] * s * (1 - s)
    for r in range(plan.sample.raw.size):
        gradient[ends[8] + r] += bars.location[plan.sample.raw[r]] * plan.priors.location[1, r]
        gradient[ends[9] + r] += bars.log_scale[plan.sample.raw[r]] * plan.priors.log_scale[1, r]


@helper
def _correlation_factor(partial: FloatArray, p: int) -> tuple[FloatArray, FloatArray, FloatArray]:
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


@helper
def _correlation_factor_backward(
    made: Moments, half_factor_bar: FloatArray, left_bar: FloatArray, partial_bar: FloatArray
) -> None:
    """Add the derivatives with respect to the partial correlations."""
    p = made.factor.shape[0]
    q = 0
    for i in range(p):
        remaining = 0.0
        for j in range(i):
            after = 0.0
            for k in range(j + 1, i + 1):
                after += half_factor_bar[i, k] * made.factor[i, k]
            r = made.tanh[i, j]
            own = 2 * half_factor_bar[i, j] * np.exp(0.5 * remaining) * (1 - r * r)
            partial_bar[q] += own - 2 * r * (left_bar[i, j] + after)
            remaining += made.left[i, j]
            q += 1


@helper
def _split_shape(gap: FloatArray, size: float, p: int) -> FloatArray:
    """Return the identity plus a symmetric matrix of free numbers, those on the diagonal times the root of 2."""
    shape = np.zeros((p, p))
    q = 0
    for i in range(p):
        shape[i, i] = 1.0
        for j in range(i + 1):
            step = size * gap[q]
            if i == j:
                shape[i, i] += np.sqrt(2.0) * step
            else:
                shape[i, j] += step
                shape[j, i] += step
            q += 1
    return shape


# -- the saturated columns -------------------------------------------------------------------------------------------


@helper
def _powers(sample: Sample) -> FloatArray:
    """Return sums of powers of the codes, over n - 1; the last is corrected for the mean of a product."""
    total = sample.n[0] + sample.n[1]
    powers = np.zeros(5)
    for k in range(5):
        powers[k] = (sample.n[0] * sample.codes[0] ** k + sample.n[1] * sample.codes[1] ** k) / (total - 1)
    powers[4] -= powers[2] ** 2 * (total - 1) / total
    return powers


@helper
def _saturated(
    sample: Sample, correlation: FloatArray, first: FloatArray, second: FloatArray, difference: FloatArray
) -> FloatArray:
    p = correlation.shape[0]
    powers = _powers(sample)
    s = np.empty((2 * p + 1, 2 * p + 1))
    s[0, 0] = powers[2]
    c0, c1 = sample.codes[0], sample.codes[1]
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


@helper
def _saturated_backward(sample: Sample, made: Moments, bars: Bars) -> FloatArray:
    """Return the derivative with respect to the predictors' correlations; the others are added to the bars."""
    p = made.difference.size
    powers = _powers(sample)
    c0, c1 = sample.codes[0], sample.codes[1]
    s_bar = np.empty(bars.saturated.shape)
    for i in range(2 * p + 1):
        for j in range(2 * p + 1):
            s_bar[i, j] = 0.5 * (bars.saturated[i, j] + bars.saturated[j, i])
    correlation_bar = np.zeros((p, p))
    for i in range(p):
        bars.difference[i] += 2 * (powers[2] * s_bar[0, 1 + i] + powers[3] * s_bar[0, 1 + p + i])
        for j in range(p):
            cross = s_bar[1 + i, 1 + p + j] + s_bar[1 + j, 1 + p + i]
            square = s_bar[1 + p + i, 1 + p + j]
            correlation_bar[i, j] = s_bar[1 + i, 1 + j]
            bars.first[i, j] += c0 * cross + c0**2 * square
            bars.second[i, j] += c1 * cross + c1**2 * square
            bars.difference[i] += 2 * (powers[3] * cross + powers[4] * square) * made.difference[j]
    return correlation_bar
