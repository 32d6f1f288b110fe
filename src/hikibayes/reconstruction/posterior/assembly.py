"""From free numbers to moments: the arithmetic of a calibration, in plain NumPy, for one point or thousands of draws.

The free numbers are unconstrained and nearly independent a priori; the moments made from them satisfy by construction
what must hold for any sample (positive definite covariances, unit variances, 0/1 indicators) and the printed
coefficients. `hikibayes.reconstruction.posterior.kernel` does the same for one point, with derivatives.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from .layout import Layout
from .printed import Functional, Target
from .priors import Priors

__all__ = ["Predictors", "Values", "conditioned", "coordinate_rows", "correlation_factor", "predictors", "to_dataset"]

type FloatArray = NDArray[np.float64]
type Values = Mapping[str, FloatArray]
"""Free numbers by name, each with the same leading dims; `hikibayes.reconstruction.posterior.problem` lists them."""


@dataclass(frozen=True, kw_only=True)
class Predictors:
    """Moments of the predictors, in SD units of the total sample, around the total means.

    Attributes
    ----------
    difference : ndarray, shape (..., p)
        Second group's mean minus the first's.
    correlation : ndarray, shape (..., p, p)
        In the total sample.
    log_joint_ratio : ndarray, shape (...)
        Log of the determinant of the joint correlation matrix of predictors and group over that of the predictors.
    groups : ndarray, shape (..., 2, p, p)
        Centred cross-products within each group, over n - 1 of the total sample.
    saturated : ndarray, shape (..., 2p + 1, 2p + 1)
        Of the saturated columns, over n - 1 of the total sample.
    location, scale : ndarray, shape (..., p + 1)
        Raw mean and SD of predictors and outcome; of a number whose raw units nobody speaks of: 0 and 1.
    """

    difference: FloatArray
    correlation: FloatArray
    log_joint_ratio: FloatArray
    groups: FloatArray
    saturated: FloatArray
    location: FloatArray
    scale: FloatArray


def predictors(layout: Layout, priors: Priors, raw: Sequence[int], values: Values) -> Predictors:
    """Build the predictors' moments; NaN where the free numbers describe no sample."""
    n1, n2 = layout.n
    n, p = n1 + n2, layout.p
    location, scale = _units(layout, raw, values)
    share = values["share"]
    share_gap = (share[..., 1, :] - share[..., 0, :]) / scale[..., : layout.categories]
    difference = np.concatenate([share_gap, values["difference"]], axis=-1)

    factor = correlation_factor(values["partial"], p)
    correlation = factor @ np.swapaxes(factor, -1, -2)
    between = difference[..., :, None] * difference[..., None, :]
    within = correlation - between * (n1 * n2 / n / (n - 1))
    root = _cholesky(within)
    shape = np.eye(p) + (n2 - 1) / (n - 2) * priors.correlation_gap * _symmetric(values["gap"], p)
    first = root @ shape @ np.swapaxes(root, -1, -2)
    wanted = _first_group_variance(layout, within, values, scale)
    stretch = np.sqrt(wanted / np.diagonal(first, axis1=-2, axis2=-1))
    first = first * stretch[..., :, None] * stretch[..., None, :]
    groups = np.stack([first, within - first], axis=-3)
    return Predictors(
        difference=difference,
        correlation=correlation,
        log_joint_ratio=2 * (_log_diagonal(root) - _log_diagonal(factor)),
        groups=groups,
        saturated=_saturated(layout, groups, difference),
        location=location,
        scale=scale,
    )


def correlation_factor(partial: FloatArray, p: int) -> FloatArray:
    """Return the Cholesky factor of a correlation matrix, from arctanh partial correlations, row by row.

    References
    ----------
    Lewandowski, Kurowicka & Joe (2009), doi:10.1016/j.jmva.2009.04.008.
    """
    square = np.zeros((*partial.shape[:-1], p, p))
    square[..., *np.tril_indices(p, -1)] = np.tanh(partial)
    left = 0.5 * np.log1p(-(square**2))
    before = np.cumsum(left, axis=-1) - left
    return np.asarray((square + np.eye(p)) * np.exp(before))


def _units(layout: Layout, raw: Sequence[int], values: Values) -> tuple[FloatArray, FloatArray]:
    lead = values["partial"].shape[:-1]
    location, scale = np.zeros((*lead, layout.p + 1)), np.ones((*lead, layout.p + 1))
    location[..., list(raw)] = values["location"]
    scale[..., list(raw)] = np.exp(values["log_scale"])
    share, n = values["share"], np.array(layout.n, dtype=float)
    mean = np.einsum("k,...kc->...c", n / n.sum(), share)
    location[..., : layout.categories] = mean
    scale[..., : layout.categories] = np.sqrt(mean * (1 - mean) * n.sum() / (n.sum() - 1))
    return location, scale


def _first_group_variance(layout: Layout, within: FloatArray, values: Values, scale: FloatArray) -> FloatArray:
    """Return each predictor's scatter in the reference group, in the units of ``within``."""
    n1, n2 = layout.n
    number = np.diagonal(within, axis1=-2, axis2=-1)[..., layout.categories :]
    number = number * (n1 - 1) / (n1 - 1 + (n2 - 1) * np.exp(values["log_variance_ratio"]))
    share = values["share"][..., 0, :]
    category = n1 * share * (1 - share) / (n1 + n2 - 1) / scale[..., : layout.categories] ** 2
    return np.concatenate([category, number], axis=-1)


def _saturated(layout: Layout, groups: FloatArray, difference: FloatArray) -> FloatArray:
    n = np.array(layout.n, dtype=float)
    total = n.sum()
    codes = np.array(layout.codes)
    means = codes[:, None] * difference[..., None, :]
    second = groups + np.einsum("k,...ki,...kj->...kij", n / (total - 1), means, means)
    product_mean = np.einsum("k,...ki->...i", n * codes / total, means)
    xx = second.sum(axis=-3)
    xz = np.einsum("k,...kij->...ij", codes, second)
    zz = np.einsum("k,...kij->...ij", codes**2, second)
    zz = zz - total / (total - 1) * product_mean[..., :, None] * product_mean[..., None, :]
    gx = np.einsum("k,...ki->...i", n * codes, means)[..., None, :] / (total - 1)
    gz = np.einsum("k,...ki->...i", n * codes**2, means)[..., None, :] / (total - 1)
    gg = np.broadcast_to(np.sum(n * codes**2) / (total - 1), (*gx.shape[:-2], 1, 1))
    top = np.concatenate([gg, gx, gz], axis=-1)
    middle = np.concatenate([np.swapaxes(gx, -1, -2), xx, xz], axis=-1)
    bottom = np.concatenate([np.swapaxes(gz, -1, -2), np.swapaxes(xz, -1, -2), zz], axis=-1)
    return np.concatenate([top, middle, bottom], axis=-2)


def _symmetric(entries: FloatArray, p: int) -> FloatArray:
    """Fill a symmetric matrix with standard normals, those on the diagonal times the square root of 2.

    A matrix of such numbers looks the same in every rotated basis (the Gaussian orthogonal ensemble), so that no order
    of the predictors is favoured.
    """
    square = np.zeros((*entries.shape[:-1], p, p))
    rows, columns = np.tril_indices(p)
    square[..., rows, columns] = entries
    square[..., columns, rows] = entries
    return np.asarray(square * np.where(np.eye(p) == 1, np.sqrt(2.0), 1.0))


def _cholesky(matrix: FloatArray) -> FloatArray:
    """Return the Cholesky factors; NaN for those that are not positive definite."""
    try:
        return np.linalg.cholesky(matrix)
    except np.linalg.LinAlgError:
        if matrix.ndim == 2:
            return np.full_like(matrix, np.nan)
        return np.stack([_cholesky(one) for one in matrix])


def _log_diagonal(factor: FloatArray) -> FloatArray:
    return np.asarray(np.log(np.diagonal(factor, axis1=-2, axis2=-1)).sum(axis=-1))


# -- coefficients ----------------------------------------------------------------------------------------------------


def coordinate_rows(layout: Layout, coordinates: Sequence[Target], made: Predictors) -> FloatArray:
    """Return the matrix (..., coordinates, 2p + 1) that turns saturated coefficients into the printed numbers."""
    rows = [_row(layout, target, made) for target in coordinates]
    return np.stack(rows, axis=-2) if rows else np.zeros((*made.difference.shape[:-1], 0, len(layout.columns)))


def _row(layout: Layout, target: Target, made: Predictors) -> FloatArray:
    s = made.saturated
    if target.functional is None:
        column = target.index[1]
        return np.asarray(s[..., column, :] / np.sqrt(s[..., column, column])[..., None])
    about = target.functional
    columns = list(layout.steps[about.step].columns)
    block = s[..., columns, :]
    solved = np.linalg.solve(block[..., columns], block)
    weights = _weights(layout, about, made)[..., columns]
    return np.asarray(_factor(layout, about, made)[..., None] * np.einsum("...i,...ij->...j", weights, solved))


def _mean_over_sd(layout: Layout, made: Predictors) -> FloatArray:
    return np.asarray(made.location / made.scale)[..., : layout.p]


def _weights(layout: Layout, about: Functional, made: Predictors) -> FloatArray:
    zeros = _mean_over_sd(layout, made)
    padded = np.concatenate([np.zeros((*zeros.shape[:-1], 1 + layout.p)), zeros], axis=-1)
    return np.asarray(about.weights - about.at_zero * padded)


def _factor(layout: Layout, about: Functional, made: Predictors) -> FloatArray:
    factor = np.exp(np.log(made.scale) @ about.scales)
    if about.by_column_sd:
        column = np.broadcast_to(about.column, (*made.difference.shape[:-1], len(about.column))).copy()
        if about.shifted >= 0:
            column[..., 0] += _mean_over_sd(layout, made)[..., about.shifted]
        factor = factor * np.sqrt(np.einsum("...i,...ij,...j->...", column, made.saturated, column))
    return np.asarray(factor)


def conditioned(
    rows: FloatArray,
    *,
    middle: FloatArray,
    spread: FloatArray,
    prior_sd: FloatArray,
    free: FloatArray,
    offset: FloatArray,
) -> tuple[FloatArray, FloatArray]:
    r"""Draw saturated coefficients from their prior, given the printed numbers.

    Parameters
    ----------
    rows : ndarray, shape (..., m, k)
        What turns coefficients into printed numbers.
    middle, spread : ndarray, shape (m,)
        Midpoints of the printed intervals, and the standard deviation that stands for their width.
    prior_sd : ndarray, shape (k,)
        The prior is independent normal around 0.
    free : ndarray, shape (..., k)
        Standard normal.
    offset : ndarray, shape (..., m)
        Standard normal.

    Returns
    -------
    coefficients : ndarray, shape (..., k)
    log_density : ndarray, shape (...)
        Of the midpoints under the prior, without the constant.

    Notes
    -----
    With prior covariance :math:`V`, rounding :math:`W` and :math:`M = CVC' + W`, the draw is
    :math:`g + VC'M^{-1}(b + e - Cg)` for :math:`g \sim N(0, V)` and :math:`e \sim N(0, W)`; and :math:`b \sim N(0, M)`.
    """
    start = free * prior_sd
    if rows.shape[-2] == 0:
        return start, np.zeros(free.shape[:-1])
    scaled = rows * prior_sd
    root = _cholesky(np.einsum("...ik,...jk->...ij", scaled, scaled) + np.diag(spread**2))
    missing = middle + spread * offset - np.einsum("...ik,...k->...i", rows, start)
    white = np.linalg.solve(root, np.stack([missing, np.broadcast_to(middle, missing.shape)], axis=-1))
    back = np.linalg.solve(np.swapaxes(root, -1, -2), white[..., :1])[..., 0]
    coefficients = start + prior_sd * np.einsum("...ik,...i->...k", scaled, back)
    return coefficients, -0.5 * (white[..., 1] ** 2).sum(axis=-1) - _log_diagonal(root)


# -- the labelled result ---------------------------------------------------------------------------------------------


def to_dataset(
    layout: Layout, made: Predictors, coefficients: FloatArray, residual_ratio: FloatArray, kinds: Sequence[str]
) -> xr.Dataset:
    """Return group moments of predictors and outcome with one leading dim ``draw``.

    Numbers and scales are in SD units of the total sample around their total mean, categories are 0/1; ``location`` and
    ``scale`` hold the raw units of those that have them.
    """
    n = np.array(layout.n, dtype=float)
    total, codes, c = n.sum(), np.array(layout.codes), layout.categories
    slopes = coefficients[..., None, 1 : 1 + layout.p] + codes[:, None] * coefficients[..., None, 1 + layout.p :]
    xy = np.einsum("...kij,...kj->...ki", made.groups, slopes)
    explained = np.einsum("...ki,...ki->...k", xy, slopes)
    fitted = np.einsum("...ik,...k->...i", made.saturated, coefficients)
    left = 1 - np.einsum("...i,...i->...", fitted, coefficients)
    weight = (n - 1) * np.stack([np.ones_like(residual_ratio), np.exp(residual_ratio)], axis=-1)
    yy = explained + left[..., None] * weight / weight.sum(axis=-1, keepdims=True)
    upper = np.concatenate([made.groups, xy[..., None]], axis=-1)
    lower = np.concatenate([xy, yy[..., None]], axis=-1)[..., None, :]
    cov = np.concatenate([upper, lower], axis=-2) * ((total - 1) / (n - 1))[:, None, None]
    y_gap = fitted[..., 0] / made.saturated[..., 0, 0]
    mean = codes[:, None] * np.concatenate([made.difference, y_gap[..., None]], axis=-1)[..., None, :]

    own = np.concatenate([made.scale[..., :c], np.ones((*made.scale.shape[:-1], layout.p + 1 - c))], axis=-1)
    shift = np.concatenate([made.location[..., :c], np.zeros((*made.scale.shape[:-1], layout.p + 1 - c))], axis=-1)
    names = [*layout.predictors, layout.outcome]
    return xr.Dataset(
        {
            "n": ("group", np.array(layout.n)),
            "mean": (("draw", "group", "measure"), mean * own[..., None, :] + shift[..., None, :]),
            "cov": (
                ("draw", "group", "measure", "measure_2"),
                cov * own[..., None, :, None] * own[..., None, None, :],
            ),
        },
        coords={
            "group": list(layout.groups),
            "measure": names,
            "measure_2": names,
            "kind": ("measure", list(kinds)),
        },
    )
