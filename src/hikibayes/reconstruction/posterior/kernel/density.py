"""The whole: forward through moments, regressions and targets, and back."""

# mypy: disallow-untyped-decorators=False, warn-return-any=False

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ...compiled import compiler
from . import algebra, predictors, targets
from . import plan as plan_module
from . import regressions as regressions_module
from .algebra import helper
from .plan import Plan
from .predictors import Bars, Moments, free_numbers, moments, moments_backward, no_bars
from .regressions import (
    RegressionBars,
    Regressions,
    no_regression_bars,
    printed_columns,
    regressions,
    regressions_backward,
)
from .targets import aim

__all__ = ["log_density"]

type FloatArray = NDArray[np.float64]

compiled = compiler(algebra, plan_module, predictors, regressions_module, targets)


@compiled(nogil=True)
def log_density(plan: Plan, x: FloatArray, temperature: float) -> tuple[float, FloatArray]:
    """Return the log density at a flat vector of free numbers, and its gradient; minus infinity where nothing fits.

    Parameters
    ----------
    plan : Plan
    x : ndarray
        Free numbers: log odds of the shares, arctanh partial correlations, standard normals for everything else, in
        the order of `hikibayes.reconstruction.posterior.problem.Problem.shapes`.
    temperature : float
        Stretches the tolerances of all targets.

    Returns
    -------
    log_density : float
    gradient : ndarray
    """
    gradient = np.zeros(x.size)
    numbers, value, ends = free_numbers(plan, x, gradient)
    made, ok = moments(plan, numbers)
    if not ok:
        return -np.inf, gradient
    columns = printed_columns(plan, made)
    fits, add, ok = regressions(plan, made, columns, numbers)
    if not ok:
        return -np.inf, gradient
    bars, own = no_bars(made.difference.size), no_regression_bars(plan)
    value += add + _correlations(plan, made, fits, own, bars)
    value += aim(plan, temperature, made, columns, fits, numbers, own, bars)
    regressions_backward(plan, numbers, made, columns, fits, own, bars, ends, gradient)
    moments_backward(plan, numbers, made, bars, ends, gradient)
    return value, gradient


@helper
def _correlations(plan: Plan, made: Moments, fits: Regressions, own: RegressionBars, bars: Bars) -> float:
    """Return the LKJ density of the joint correlations; `regressions_backward` adds the first factor's derivative."""
    p = made.difference.size
    value = (plan.priors.eta - 1) * np.log(fits.unexplained)
    for i in range(2 * p + 1):
        value += (plan.priors.eta - 1) * np.log(fits.roots[0, i, i])
    for i in range(p):
        for j in range(i):
            # the density of the predictors' own matrix, over the determinant that the groups' replace
            power = plan.priors.eta + (p - 2 - j) / 2 - (plan.priors.eta - 1)
            value += power * made.left[i, j]
            bars.left[i, j] += power
    own.unexplained[0] += (plan.priors.eta - 1) / fits.unexplained
    return value
