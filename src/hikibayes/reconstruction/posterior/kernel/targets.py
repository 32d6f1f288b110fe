"""The printed numbers that are aimed at: each one's log density, and its derivatives."""

# mypy: disallow-untyped-decorators=False, warn-return-any=False

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from .algebra import add, dot, helper, logistic, softplus, times
from .plan import (
    CORRELATION,
    DF,
    ESTIMATE,
    INCREMENT,
    MEAN,
    MEAN_DIFFERENCE,
    R2,
    SD,
    SE,
    VIF,
    Aims,
    D,
    FloatArray,
    FreePriors,
    Plan,
    Sample,
    Steps,
)
from .predictors import Bars, Free, Moments
from .regressions import Columns, RegressionBars, Regressions

__all__ = ["aim"]


TINY = 1e-12
LIMIT_SOFTNESS = 0.01
HALF_WIDTH_SD = 0.35
"""Spread of the normal density around a printed interval, in widths."""


class Aim(NamedTuple):
    """One target."""

    kind: int
    functional: int
    first: int
    second: int
    third: int
    first_weight: float
    second_weight: float
    absolute: bool
    two_sided: bool
    low: float
    high: float
    soft: float


class Groups(NamedTuple):
    """Cross-products (2, p + 1, p + 1) of predictors and outcome in each group, the slopes and residual weights."""

    scatter: FloatArray
    slopes: FloatArray
    weight: FloatArray


@helper
def aim(
    plan: Plan,
    temperature: float,
    made: Moments,
    columns: Columns,
    fits: Regressions,
    numbers: Free,
    own: RegressionBars,
    bars: Bars,
) -> float:
    """Return the log density of limits and targets; derivatives are added to ``own`` and ``bars``."""
    p = made.difference.size
    outcome = dot(made.saturated[0], fits.coefficients) / made.saturated[0, 0]
    outcome_bar = np.zeros(1)
    value = _limits(plan.priors, plan.sample.categories, made.difference, outcome, outcome_bar, bars)
    groups = _groups(plan.sample, made, fits, numbers.residual_ratio[0])
    scatter_bar = np.zeros((2, p + 1, p + 1))
    for t in range(plan.aims.kind.size):
        target = _target(plan.aims, t, temperature)
        if target.kind <= VIF:
            step = plan.printed.step[target.functional]
            value += _coefficient(target, step, plan.steps, columns, fits, own)
        elif target.kind in (R2, INCREMENT):
            value += _explained(target, fits, own)
        elif target.kind == CORRELATION:
            value += _correlation(target, made, fits, groups, scatter_bar, own, bars)
        else:
            value += _description(target, plan.sample, made, outcome, groups, scatter_bar, outcome_bar, bars)
    _groups_backward(plan.sample, made, fits, groups, scatter_bar, own, bars)
    add(bars.saturated[0], outcome_bar[0] / made.saturated[0, 0], fits.coefficients)
    add(own.coefficients, outcome_bar[0] / made.saturated[0, 0], made.saturated[0])
    return value


@helper
def _target(aims: Aims, t: int, temperature: float) -> Aim:
    """Return one target, its tolerance stretched by the temperature."""
    soft = aims.soft[t] * temperature
    if aims.two_sided[t]:
        soft = HALF_WIDTH_SD * (aims.high[t] - aims.low[t]) * temperature
    return Aim(
        aims.kind[t],
        aims.functional[t],
        aims.where[t, 0],
        aims.where[t, 1],
        aims.where[t, 2],
        aims.weights[t, 0],
        aims.weights[t, 1],
        aims.absolute[t],
        aims.two_sided[t],
        aims.low[t],
        aims.high[t],
        soft,
    )


@helper
def _toward(target: Aim, number: float) -> tuple[float, float]:
    """Return a target's log density at a number, and its derivative."""
    sign = 1.0
    if target.absolute:
        smooth = np.sqrt(number * number + TINY)
        sign, number = number / smooth, smooth
    if target.two_sided:
        away = (number - 0.5 * (target.low + target.high)) / target.soft
        return -0.5 * away * away, -sign * away / target.soft
    if np.isfinite(target.low):
        room = (number - target.low) / target.soft
        return -softplus(-room), sign * logistic(-room) / target.soft
    room = (target.high - number) / target.soft
    return -softplus(-room), -sign * logistic(-room) / target.soft


@helper
def _limits(
    priors: FreePriors, c: int, difference: FloatArray, outcome: float, outcome_bar: FloatArray, bars: Bars
) -> float:
    """Return the log density of the outcome's assumed difference and of the limits of all of them."""
    away = (outcome - priors.outcome_difference[0]) / priors.outcome_difference[1]
    value = -0.5 * away * away
    outcome_bar[0] -= away / priors.outcome_difference[1]
    last = priors.lower.size - 1
    for j in range(last + 1):
        number = outcome if j == last else difference[c + j]
        push = 0.0
        if np.isfinite(priors.lower[j]):
            room = (number - priors.lower[j]) / LIMIT_SOFTNESS
            value -= softplus(-room)
            push += logistic(-room) / LIMIT_SOFTNESS
        if np.isfinite(priors.upper[j]):
            room = (priors.upper[j] - number) / LIMIT_SOFTNESS
            value -= softplus(-room)
            push -= logistic(-room) / LIMIT_SOFTNESS
        if j == last:
            outcome_bar[0] += push
        else:
            bars.difference[c + j] += push
    return value


# -- regressions -----------------------------------------------------------------------------------------------------


@helper
def _coefficient(
    target: Aim, step: int, steps: Steps, columns: Columns, fits: Regressions, own: RegressionBars
) -> float:
    """Aim at a coefficient, its standard error, its absolute t or its VIF."""
    kind, f, h = target.kind, target.functional, steps.chain[step]
    score, white, factor = fits.scores[f], fits.white[h], np.exp(columns.log_factor[f])
    length = dot(score, score)
    if kind == ESTIMATE:
        number = factor * dot(score, white)
        value, bar = _toward(target, number)
        own.log_factor[f] += bar * number
        add(own.scores[f], bar * factor, white)
        add(own.white[h], bar * factor, score)
        return value
    if kind == VIF:
        value, bar = _toward(target, length * columns.variance[f])
        own.variance[f] += bar * length
        add(own.scores[f], 2 * bar * columns.variance[f], score)
        return value
    residual = (1 - fits.r2[step]) / steps.df[step]
    variance = length * residual
    if kind == SE:
        number = factor * np.sqrt(variance)
        value, bar = _toward(target, number)
        own.log_factor[f] += bar * number
        variance_bar = bar * number / (2 * variance)
    else:
        estimate = dot(score, white)
        number = np.sqrt(estimate**2 / variance + TINY)
        value, bar = _toward(target, number)
        estimate_bar = bar * estimate / variance / number
        variance_bar = -0.5 * estimate_bar * estimate / variance
        add(own.scores[f], estimate_bar, white)
        add(own.white[h], estimate_bar, score)
    add(own.scores[f], 2 * variance_bar * residual, score)
    own.r2[step] -= variance_bar * length / steps.df[step]
    return value


@helper
def _explained(target: Aim, fits: Regressions, own: RegressionBars) -> float:
    """Aim at a weighted difference of two steps' R2, or a step's increment over what it leaves."""
    here, there = target.first, target.second
    r2, before = fits.r2[here], 0.0
    if there >= 0:
        before = fits.r2[there]
    if target.kind == R2:
        here_weight, there_weight = target.first_weight, target.second_weight
        value, bar = _toward(target, here_weight * r2 + there_weight * before)
    else:
        here_weight, there_weight = (1 - before) / (1 - r2) ** 2, -1 / (1 - r2)
        value, bar = _toward(target, (r2 - before) / (1 - r2))
    own.r2[here] += bar * here_weight
    if there >= 0:
        own.r2[there] += bar * there_weight
    return value


# -- correlations and descriptions of the groups ---------------------------------------------------------------------


@helper
def _groups(sample: Sample, made: Moments, fits: Regressions, ratio: float) -> Groups:
    p = made.difference.size
    whole = (sample.n[0] - 1) + (sample.n[1] - 1) * np.exp(ratio)
    weight = np.array([(sample.n[0] - 1) / whole, (sample.n[1] - 1) * np.exp(ratio) / whole])
    scatter, slopes = np.empty((2, p + 1, p + 1)), np.zeros((2, p))
    for g in range(2):
        within = made.first if g == 0 else made.second
        add(slopes[g], 1.0, fits.coefficients[1 : 1 + p])
        add(slopes[g], sample.codes[g], fits.coefficients[1 + p :])
        cross = times(within, slopes[g])
        for i in range(p):
            scatter[g, i, p] = scatter[g, p, i] = cross[i]
            for j in range(p):
                scatter[g, i, j] = within[i, j]
        scatter[g, p, p] = dot(slopes[g], cross) + fits.unexplained * weight[g]
    return Groups(scatter, slopes, weight)


@helper
def _groups_backward(
    sample: Sample,
    made: Moments,
    fits: Regressions,
    groups: Groups,
    scatter_bar: FloatArray,
    own: RegressionBars,
    bars: Bars,
) -> None:
    p = made.difference.size
    for g in range(2):
        within, within_bar = (made.first, bars.first) if g == 0 else (made.second, bars.second)
        slopes, corner = groups.slopes[g], scatter_bar[g, p, p]
        edge, outer_edge = np.empty(p), np.empty(p)
        for i in range(p):
            edge[i] = scatter_bar[g, i, p] + scatter_bar[g, p, i] + corner * slopes[i]
            outer_edge[i] = edge[i] + corner * slopes[i]
        for i in range(p):
            for j in range(p):
                half = 0.5 * (scatter_bar[g, i, j] + edge[i] * slopes[j])
                within_bar[i, j] += half
                within_bar[j, i] += half
        slopes_bar = times(within, outer_edge)
        add(own.coefficients[1 : 1 + p], 1.0, slopes_bar)
        add(own.coefficients[1 + p :], sample.codes[g], slopes_bar)
        own.unexplained[0] += corner * groups.weight[g]
        sign = -1.0 if g == 0 else 1.0
        bars.residual_ratio[0] += sign * corner * fits.unexplained * groups.weight[0] * groups.weight[1]


@helper
def _correlation(
    target: Aim,
    made: Moments,
    fits: Regressions,
    groups: Groups,
    scatter_bar: FloatArray,
    own: RegressionBars,
    bars: Bars,
) -> float:
    """Aim at a correlation among group (0), predictors and outcome, in total or in a group."""
    which, i, j = target.first, target.second, target.third
    if which < 2:
        scatter = groups.scatter[which]
        a, b = i - 1, j - 1
        unit = np.sqrt(scatter[a, a] * scatter[b, b])
        number = scatter[a, b] / unit
        value, bar = _toward(target, number)
        scatter_bar[which, a, b] += bar / unit
        scatter_bar[which, a, a] -= 0.5 * bar * number / scatter[a, a]
        scatter_bar[which, b, b] -= 0.5 * bar * number / scatter[b, b]
        return value
    unit = np.sqrt(made.saturated[0, 0]) if i == 0 else 1.0
    if j == made.difference.size + 1:
        value, bar = _toward(target, dot(made.saturated[i], fits.coefficients) / unit)
        add(bars.saturated[i], bar / unit, fits.coefficients)
        add(own.coefficients, bar / unit, made.saturated[i])
        return value
    value, bar = _toward(target, made.saturated[i, j] / unit)
    bars.saturated[i, j] += bar / unit
    return value


@helper
def _description(
    target: Aim,
    sample: Sample,
    made: Moments,
    outcome: float,
    groups: Groups,
    scatter_bar: FloatArray,
    outcome_bar: FloatArray,
    bars: Bars,
) -> float:
    """Aim at a mean, an SD, or a comparison of the groups, of one measure."""
    kind, p, n1, n2 = target.kind, made.difference.size, sample.n[0], sample.n[1]
    j, which = (target.second, target.first) if kind <= SD else (target.first, target.second)
    scale, total = np.exp(made.log_scale[j]), n1 + n2
    gap = outcome if j == p else made.difference[j]
    v1 = groups.scatter[0, j, j] * (total - 1) / (n1 - 1)
    v2 = groups.scatter[1, j, j] * (total - 1) / (n2 - 1)
    gap_bar, v1_bar, v2_bar = 0.0, 0.0, 0.0
    if kind == MEAN:
        code = sample.codes[which] if which < 2 else 0.0
        value, bar = _toward(target, made.location[j] + scale * code * gap)
        bars.location[j] += bar
        bars.log_scale[j] += bar * scale * code * gap
        gap_bar = bar * scale * code
    elif kind == SD:
        variance = v1 if which == 0 else (v2 if which == 1 else 1.0)
        number = scale * np.sqrt(variance)
        value, bar = _toward(target, number)
        bars.log_scale[j] += bar * number
        v1_bar = 0.5 * bar * number / v1 if which == 0 else 0.0
        v2_bar = 0.5 * bar * number / v2 if which == 1 else 0.0
    elif kind == MEAN_DIFFERENCE:
        value, bar = _toward(target, scale * gap)
        bars.log_scale[j] += bar * scale * gap
        gap_bar = bar * scale
    elif kind == DF:
        value, v1_bar, v2_bar = _welch_df(target, n1, n2, v1, v2)
    else:
        # the denominator is the root of a weighted sum of the two variances
        a1, a2 = 1 / n1, 1 / n2
        if kind == D or which == 1:
            size = 1.0 if kind == D else 1 / n1 + 1 / n2
            a1, a2 = size * (n1 - 1) / (total - 2), size * (n2 - 1) / (total - 2)
        error = a1 * v1 + a2 * v2
        number = gap / np.sqrt(error)
        value, bar = _toward(target, number)
        gap_bar = bar / np.sqrt(error)
        v1_bar, v2_bar = -0.5 * bar * number / error * a1, -0.5 * bar * number / error * a2
    scatter_bar[0, j, j] += v1_bar * (total - 1) / (n1 - 1)
    scatter_bar[1, j, j] += v2_bar * (total - 1) / (n2 - 1)
    if j == p:
        outcome_bar[0] += gap_bar
    else:
        bars.difference[j] += gap_bar
    return value


@helper
def _welch_df(target: Aim, n1: float, n2: float, v1: float, v2: float) -> tuple[float, float, float]:
    """Return the log density of Welch's degrees of freedom and its derivatives with respect to both variances."""
    if target.second == 1:
        return _toward(target, n1 + n2 - 2)[0], 0.0, 0.0
    e1, e2 = v1 / n1, v2 / n2
    below = e1**2 / (n1 - 1) + e2**2 / (n2 - 1)
    number = (e1 + e2) ** 2 / below
    value, bar = _toward(target, number)
    common = 2 * (e1 + e2) / below
    v1_bar = bar * (common - number / below * 2 * e1 / (n1 - 1)) / n1
    v2_bar = bar * (common - number / below * 2 * e2 / (n2 - 1)) / n2
    return value, v1_bar, v2_bar
