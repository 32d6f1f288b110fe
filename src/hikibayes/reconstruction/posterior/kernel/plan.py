"""A study as plain arrays, the form in which the compiled density takes it.

p predictors (c categories first), k = 2p + 1 saturated columns, f printed coefficients, m coordinates, s steps, t
targets. The parts are tuples of their own, because a compiled function pays for every array that is handed to it.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["KINDS", "Aims", "Coordinates", "FreePriors", "Plan", "Printed", "Sample", "Steps"]

type FloatArray = NDArray[np.float64]
type IntArray = NDArray[np.int64]
type BoolArray = NDArray[np.bool_]

KINDS = (
    *("estimate", "se", "abs_t", "vif", "r2", "increment", "correlation"),
    *("mean", "sd", "mean_difference", "d", "t", "df"),
)
ESTIMATE, SE, ABS_T, VIF, R2, INCREMENT, CORRELATION, MEAN, SD, MEAN_DIFFERENCE, D, T, DF = range(len(KINDS))


class Sample(NamedTuple):
    """The two groups' sizes and codes, the numbers of predictors and of categories, and whose raw units are free."""

    n: FloatArray
    codes: FloatArray
    predictors: int
    categories: int
    raw: IntArray


class FreePriors(NamedTuple):
    """Priors of the free numbers.

    Attributes
    ----------
    share : shape (2, c, 2)
        Beta parameters.
    difference, log_variance_ratio, residual_ratio, location, log_scale : shape (2, ...)
        Mean and SD of normals.
    outcome_difference : shape (2,)
    lower, upper : shape (p - c + 1,)
        Limits of the differences, the outcome's last.
    eta, gap_size : float
        LKJ parameter; size of a unit of the correlations' gap.
    """

    share: FloatArray
    difference: FloatArray
    log_variance_ratio: FloatArray
    residual_ratio: FloatArray
    location: FloatArray
    log_scale: FloatArray
    outcome_difference: FloatArray
    lower: FloatArray
    upper: FloatArray
    eta: float
    gap_size: float


class Printed(NamedTuple):
    """Printed coefficients, those of coordinates first (see `hikibayes.reconstruction.posterior.printed.Functional`).

    Attributes
    ----------
    weights, at_zero, column : shape (f, k)
    shifted, step : shape (f,)
    scales : shape (f, p + 1)
    by_column_sd : shape (f,)
    """

    weights: FloatArray
    at_zero: FloatArray
    column: FloatArray
    shifted: IntArray
    step: IntArray
    scales: FloatArray
    by_column_sd: FloatArray


class Coordinates(NamedTuple):
    """The printed numbers that coefficients are drawn given: first functionals, then correlations with the outcome.

    Attributes
    ----------
    functionals : int
    columns : shape (m - functionals,)
        Saturated columns whose correlation with the outcome is printed.
    middle, spread : shape (m,)
    prior_sd : shape (k,)
        Of the saturated coefficients.
    """

    functionals: int
    columns: IntArray
    middle: FloatArray
    spread: FloatArray
    prior_sd: FloatArray


class Steps(NamedTuple):
    """Chains of nested steps: the order of columns in each; every step's chain (-1: unused), size and df."""

    order: IntArray
    chain: IntArray
    size: IntArray
    df: FloatArray


class Aims(NamedTuple):
    """The targets (see `hikibayes.reconstruction.posterior.printed.Target`); ``where`` has shape (t, 3)."""

    kind: IntArray
    functional: IntArray
    where: IntArray
    weights: FloatArray
    absolute: BoolArray
    two_sided: BoolArray
    low: FloatArray
    high: FloatArray
    soft: FloatArray


class Plan(NamedTuple):
    """A study as arrays."""

    sample: Sample
    priors: FreePriors
    printed: Printed
    coordinates: Coordinates
    steps: Steps
    aims: Aims
