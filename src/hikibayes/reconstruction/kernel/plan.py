"""A study as plain arrays, the form in which the compiled density takes it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "ABS_T",
    "CORRELATION",
    "DF",
    "ESTIMATE",
    "INCREMENT",
    "KINDS",
    "MEAN",
    "MEAN_DIFFERENCE",
    "R2",
    "SD",
    "SE",
    "VIF",
    "D",
    "Plan",
    "T",
]

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
