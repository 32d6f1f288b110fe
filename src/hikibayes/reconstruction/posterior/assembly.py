"""From free numbers to moments: the arithmetic of a calibration, for NumPy (thousands of draws) and JAX (one point).

The free numbers are unconstrained and nearly independent a priori; the moments made from them satisfy by construction
what must hold for any sample (positive definite covariances, unit variances, 0/1 indicators) and the printed
coefficients: these are linear in the coefficients of the saturated regression, which are drawn from their prior given
what was printed. A point that describes no sample gives NaN.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
import xarray as xr

from ...moments import Design, GroupMoments, design_of
from ...moments.designs import CODINGS, Products
from ...moments.tails import Array, namespace
from .layout import Layout
from .printed import Contrast, Target

type Values = Mapping[str, Array]
"""Free numbers by name, each with the same leading dims; `hikibayes.reconstruction.posterior.problem` lists them."""
type Conventions = tuple[int, str, Products]
"""A step, its coding and its product convention: which regression."""


class Data(NamedTuple):
    """The numbers of a problem: what the compiled functions take as arguments, so that equal shapes share them.

    Attributes
    ----------
    n : shape (2,)
    share : shape (2, c, 2)
        Beta parameters.
    difference, log_variance_ratio, residual_ratio, location, log_scale : shape (2, ...)
        Mean and SD of normals, for the free ones.
    outcome_difference : shape (2,)
    lower, upper : shape (p - c + 1,)
        Limits of the differences, the outcome's last.
    eta, gap_size : float
        LKJ parameter; size of a unit of the correlations' gap.
    middle, spread : shape (m,)
        Of the coordinates: midpoint, and SD of a uniform distribution over the printed interval.
    prior_sd : shape (2p + 1,)
        Of the saturated coefficients.
    low, high, soft : shape (t,)
        Of the targets.
    welch : shape (t, 2, d)
        Log of the lower and upper limit of |t| as polynomials in 1/df, for the targets that need it.
    """

    n: Array
    share: Array
    difference: Array
    log_variance_ratio: Array
    residual_ratio: Array
    location: Array
    log_scale: Array
    outcome_difference: Array
    lower: Array
    upper: Array
    eta: Array
    gap_size: Array
    middle: Array
    spread: Array
    prior_sd: Array
    low: Array
    high: Array
    soft: Array
    welch: Array


@dataclass(frozen=True, kw_only=True, eq=False)
class Predictors:
    """Moments of the predictors, in SD units of the total sample, and the regressions that they determine.

    Attributes
    ----------
    layout : Layout
    n, codes : ndarray, shape (2,)
    difference : ndarray, shape (..., p)
        Second group's mean minus the first's.
    left : ndarray, shape (..., p, p)
        Log of what each partial correlation leaves, below the diagonal.
    groups : ndarray, shape (..., 2, p, p)
        Centred cross-products within each group, over n - 1 of the total sample.
    location, scale : ndarray, shape (..., p + 1)
        Raw mean and SD of predictors and outcome; of a number whose raw units nobody speaks of: 0 and 1.
    """

    layout: Layout
    n: Array
    codes: Array
    difference: Array
    left: Array
    groups: Array
    location: Array
    scale: Array

    @cached_property
    def moments(self) -> GroupMoments:
        """Group moments of the predictors in raw units."""
        mean = self.codes[:, None] * self.difference[..., None, :]
        cov = self.groups * ((self.n.sum() - 1) / (self.n - 1))[:, None, None]
        return _in_units(self.layout, self.layout.predictors, (self.n, mean, cov), self.location, self.scale)

    @cached_property
    def _saturated(self) -> tuple[Design, Array]:
        """The saturated columns, and the SD of the measure in each."""
        xp, layout = namespace(self.scale), self.layout
        # the codes' mean is 0 and the groups differ by 1
        design = design_of(
            self.moments, layout.columns, codes={layout.group: CODINGS["dummy"]}, products="centred_both"
        )
        scale = self.scale[..., : layout.p]
        return design, xp.concatenate([xp.ones_like(scale[..., :1]), scale, scale], axis=-1)

    @cached_property
    def saturated(self) -> Array:
        """Moments (..., 2p + 1, 2p + 1) of the saturated columns, over n - 1."""
        design, scale = self._saturated
        return design.scatter / (scale[..., :, None] * scale[..., None, :]) / (self.n.sum() - 1)

    def design(self, key: Conventions) -> Design:
        """Return the columns of a step under its conventions."""
        step, coding, products = key
        terms = self.layout.steps[step].terms
        return design_of(self.moments, terms, codes={self.layout.group: CODINGS[coding]}, products=products)

    def betas(self, design: Design) -> Array:
        """Return the matrix (..., T, 2p + 1) that turns saturated coefficients into the betas of a design."""
        xp = namespace(self.scale)
        saturated, scale = self._saturated
        cross = design.cross(saturated.columns, saturated.group_mean) / scale[..., None, :]
        return design.inverse @ (cross / design.root[..., None] / xp.sqrt(xp.asarray(self.n.sum() - 1.0)))


def predictors(layout: Layout, raw: Sequence[int], data: Data, values: Values) -> Predictors:
    """Build the predictors' moments; NaN where the free numbers describe no sample."""
    xp, n, c = namespace(values["share"]), data.n, layout.categories
    n1, n2, total = n[0], n[1], n.sum()
    location, scale = _units(layout, raw, n, values)
    share = values["share"]
    share_gap = (share[..., 1, :] - share[..., 0, :]) / scale[..., :c]
    difference = xp.concatenate([share_gap, values["difference"]], axis=-1)

    factor, left = _correlation_factor(values["partial"], layout.p)
    between = difference[..., :, None] * difference[..., None, :]
    within = factor @ _turned(factor) - between * (n1 * n2 / total / (total - 1))
    root = cholesky(within)
    first = root @ (np.eye(layout.p) + data.gap_size * _symmetric(values["gap"], layout.p)) @ _turned(root)
    wanted = _first_group_variance(layout, n, within, values, scale)
    stretch = xp.sqrt(wanted / xp.diagonal(first, axis1=-2, axis2=-1))
    first = first * stretch[..., :, None] * stretch[..., None, :]
    return Predictors(
        layout=layout,
        n=n,
        codes=xp.stack([-n2 / total, n1 / total]),
        difference=difference,
        left=left,
        groups=xp.stack([first, within - first], axis=-3),
        location=location,
        scale=scale,
    )


def _correlation_factor(partial: Array, p: int) -> tuple[Array, Array]:
    """Return the Cholesky factor of a correlation matrix, from arctanh partial correlations, row by row.

    The second array holds log(1 - r2) of each partial correlation.

    References
    ----------
    Lewandowski, Kurowicka & Joe (2009), doi:10.1016/j.jmva.2009.04.008.
    """
    xp = namespace(partial)
    square = _below(xp.tanh(partial), p, -1)
    away = xp.abs(partial)
    left = _below(2 * (np.log(2.0) - away - xp.log1p(xp.exp(-2 * away))), p, -1)
    before = 0.5 * (xp.cumsum(left, axis=-1) - left)
    return (square + np.eye(p)) * xp.exp(before), left


def _below(entries: Array, p: int, diagonal: int) -> Array:
    """Put entries below the diagonal (on it too: ``diagonal`` 0), by gathering: an array of JAX takes no assignment."""
    xp = namespace(entries)
    where = np.full((p, p), entries.shape[-1])
    where[np.tril_indices(p, diagonal)] = np.arange(entries.shape[-1])
    return xp.concatenate([entries, xp.zeros((*entries.shape[:-1], 1))], axis=-1)[..., where]


def _units(layout: Layout, raw: Sequence[int], n: Array, values: Values) -> tuple[Array, Array]:
    xp, share, c = namespace(n), values["share"], layout.categories
    mean = xp.einsum("k,...kc->...c", n / n.sum(), share)
    sd = xp.sqrt(mean * (1 - mean) * n.sum() / (n.sum() - 1))
    zero = xp.zeros((*share.shape[:-2], 1))
    where = np.full(layout.p + 1, c + len(raw))
    where[:c], where[list(raw)] = np.arange(c), c + np.arange(len(raw))
    location = xp.concatenate([mean, values["location"], zero], axis=-1)[..., where]
    return location, xp.concatenate([sd, xp.exp(values["log_scale"]), zero + 1.0], axis=-1)[..., where]


def _first_group_variance(layout: Layout, n: Array, within: Array, values: Values, scale: Array) -> Array:
    """Return each predictor's scatter in the reference group, in the units of ``within``."""
    xp, c = namespace(within), layout.categories
    number = xp.diagonal(within, axis1=-2, axis2=-1)[..., c:]
    number = number * (n[0] - 1) / (n[0] - 1 + (n[1] - 1) * xp.exp(values["log_variance_ratio"]))
    share = values["share"][..., 0, :]
    category = n[0] * share * (1 - share) / (n.sum() - 1) / scale[..., :c] ** 2
    return xp.concatenate([category, number], axis=-1)


def _symmetric(entries: Array, p: int) -> Array:
    """Fill a symmetric matrix with standard normals, those on the diagonal times the square root of 2.

    A matrix of such numbers looks the same in every rotated basis (the Gaussian orthogonal ensemble), so that no order
    of the predictors is favoured.
    """
    below = _below(entries, p, 0)
    return below + _turned(below) + (np.sqrt(2.0) - 2) * np.eye(p) * below


def _turned(matrix: Array) -> Array:
    return namespace(matrix).swapaxes(matrix, -1, -2)


def cholesky(matrix: Array) -> Array:
    """Return the Cholesky factors; NaN for those that are not positive definite."""
    xp = namespace(matrix)
    try:
        return xp.linalg.cholesky(matrix)
    except np.linalg.LinAlgError:
        if matrix.ndim == 2:
            return np.full_like(matrix, np.nan)
        return np.stack([cholesky(one) for one in matrix])


def log_diagonal(factor: Array) -> Array:
    """Return the sum of the logs of a factor's diagonal."""
    xp = namespace(factor)
    return xp.log(xp.diagonal(factor, axis1=-2, axis2=-1)).sum(axis=-1)


# -- coefficients ----------------------------------------------------------------------------------------------------


def coordinate_rows(coordinates: Sequence[Target], made: Predictors) -> Array:
    """Return the matrix (..., m, 2p + 1) that turns saturated coefficients into the printed numbers.

    Coefficients come first, then correlations with the outcome, as `Problem.coordinates` has them.
    """
    xp = namespace(made.scale)
    by_design: dict[Conventions, list[int]] = {}
    for i, target in enumerate(coordinates):
        if target.contrast is not None:
            by_design.setdefault(target.contrast.design, []).append(i)
    rows, order = [xp.zeros((*made.difference.shape[:-1], 0, len(made.layout.columns)))], []
    for key, which in by_design.items():
        design = made.design(key)
        weights, factor = contrast_weights(design, [coordinates[i].contrast for i in which], made)
        rows.append((factor[..., None] * weights) @ made.betas(design))
        order += which
    columns = [target.index[1] for target in coordinates if target.contrast is None]
    variance = xp.diagonal(made.saturated, axis1=-2, axis2=-1)
    rows.append(made.saturated[..., columns, :] / xp.sqrt(variance[..., columns])[..., None])
    order += [i for i, target in enumerate(coordinates) if target.contrast is None]
    return xp.concatenate(rows, axis=-2)[..., np.argsort(order).astype(int), :]


def contrast_weights(design: Design, contrasts: Sequence[Contrast | None], made: Predictors) -> tuple[Array, Array]:
    """Return the weights (..., C, T) with which betas make numbers of a table, and a last factor (..., C)."""
    xp, layout, chosen = namespace(made.scale), made.layout, [contrast for contrast in contrasts if contrast]
    of_term = [i for i, contrast in enumerate(chosen) if contrast.term is not None]
    slopes = [i for i, contrast in enumerate(chosen) if contrast.term is None]
    t = np.array([design.position(str(chosen[i].term)) for i in of_term], dtype=int)
    j = np.array([layout.predictors.index(str(chosen[i].of)) for i in slopes], dtype=int)
    group = np.array([chosen[i].group for i in slopes], dtype=int)
    by_slope = xp.swapaxes(design.columns[..., group, 1 + j], -1, -2)
    lead = (*design.root.shape[:-1], len(t), len(design.terms))
    weights = xp.concatenate([xp.broadcast_to(np.eye(len(design.terms))[t], lead), by_slope], axis=-2)
    unit = xp.concatenate([design.unit[..., t], xp.where(j < layout.categories, 1.0, made.scale[..., j])], axis=-1)
    order = np.argsort([*of_term, *slopes])
    standardised = np.array([contrast.standardised for contrast in chosen])
    factor = xp.where(standardised, unit[..., order] / made.scale[..., -1:], 1.0)
    slope = made.scale[..., -1:] * xp.sqrt(xp.asarray(made.n.sum() - 1.0)) / design.root
    return weights[..., order, :] * slope[..., None, :], factor


def conditioned(rows: Array, data: Data, values: Values) -> tuple[Array, Array, Array]:
    r"""Draw saturated coefficients from their prior, given the printed numbers.

    Parameters
    ----------
    rows : ndarray, shape (..., m, k)
        What turns coefficients into printed numbers.
    data : Data
        Midpoints and spread of the printed numbers, prior SD of the coefficients (independent normal around 0).
    values : mapping
        ``free`` (..., k) and ``offset`` (..., m), standard normal.

    Returns
    -------
    coefficients : ndarray, shape (..., k)
    white : ndarray, shape (..., m)
        The midpoints, whitened by their covariance under the prior: their log density is minus half its square, minus
    log_root : ndarray, shape (...)

    Notes
    -----
    With prior covariance :math:`V`, rounding :math:`W` and :math:`M = CVC' + W`, the draw is
    :math:`g + VC'M^{-1}(b + e - Cg)` for :math:`g \sim N(0, V)` and :math:`e \sim N(0, W)`; and :math:`b \sim N(0, M)`.
    """
    xp = namespace(rows)
    free, offset = values["free"], values["offset"]
    start = free * data.prior_sd
    if rows.shape[-2] == 0:
        return start, 0.0 * offset, xp.zeros(free.shape[:-1])
    scaled = rows * data.prior_sd
    root = cholesky(scaled @ _turned(scaled) + xp.eye(len(data.spread)) * data.spread**2)
    missing = data.middle + data.spread * offset - xp.einsum("...ik,...k->...i", scaled, free)
    both = xp.stack([missing, data.middle + 0.0 * missing], axis=-1)
    white = _solved(root, both)
    back = _solved(_turned(root), white[..., :1], lower=False)[..., 0]
    coefficients = start + data.prior_sd * xp.einsum("...ik,...i->...k", scaled, back)
    return coefficients, white[..., 1], log_diagonal(root)


def _solved(root: Array, right: Array, *, lower: bool = True) -> Array:
    """Solve with a triangular matrix."""
    if namespace(root) is np:
        return np.linalg.solve(root, right)
    from jax.scipy.linalg import solve_triangular

    return solve_triangular(root, right, lower=lower)


# -- the whole sample ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, eq=False)
class Sample:
    """Predictors and outcome: what a point of a calibration stands for.

    Attributes
    ----------
    made : Predictors
    coefficients : ndarray, shape (..., 2p + 1)
        Of the saturated regression, outcome in SD units.
    unexplained : ndarray, shape (...)
        Share of the outcome's variance that the saturated regression leaves.
    gap : ndarray, shape (...)
        Second group's mean of the outcome minus the first's, in SD.
    mean, cov : ndarray, shapes (..., 2, p + 1) and (..., 2, p + 1, p + 1)
        In SD units of the total sample, around the total means; the outcome last.
    """

    made: Predictors
    coefficients: Array
    unexplained: Array
    gap: Array
    mean: Array
    cov: Array

    @cached_property
    def moments(self) -> GroupMoments:
        """Group moments in raw units."""
        made, layout = self.made, self.made.layout
        names = (*layout.predictors, layout.outcome)
        return _in_units(layout, names, (made.n, self.mean, self.cov), made.location, made.scale)


def sample_of(made: Predictors, coefficients: Array, residual_ratio: Array) -> Sample:
    """Add the outcome to the predictors; the residual variances' log ratio (...) says how the groups share the rest."""
    xp, n, p = namespace(coefficients), made.n, made.layout.p
    slopes = coefficients[..., None, 1 : 1 + p] + made.codes[:, None] * coefficients[..., None, 1 + p :]
    xy = xp.einsum("...kij,...kj->...ki", made.groups, slopes)
    fitted = xp.einsum("...ik,...k->...i", made.saturated, coefficients)
    left = 1 - (fitted * coefficients).sum(-1)
    weight = (n - 1) * xp.stack([xp.ones_like(residual_ratio), xp.exp(residual_ratio)], axis=-1)
    yy = (xy * slopes).sum(-1) + left[..., None] * weight / weight.sum(-1)[..., None]
    upper = xp.concatenate([made.groups, xy[..., None]], axis=-1)
    lower = xp.concatenate([xy, yy[..., None]], axis=-1)[..., None, :]
    gap = fitted[..., 0] / made.saturated[..., 0, 0]
    return Sample(
        made=made,
        coefficients=coefficients,
        unexplained=left,
        gap=gap,
        mean=made.codes[:, None] * xp.concatenate([made.difference, gap[..., None]], axis=-1)[..., None, :],
        cov=xp.concatenate([upper, lower], axis=-2) * ((n.sum() - 1) / (n - 1))[:, None, None],
    )


def _in_units(
    layout: Layout, names: Sequence[str], moments: tuple[Array, Array, Array], location: Array, scale: Array
) -> GroupMoments:
    n, mean, cov = moments
    shift, own = location[..., None, : len(names)], scale[..., None, : len(names)]
    return GroupMoments(
        names=tuple(names),
        n=n,
        mean=shift + own * mean,
        cov=cov * own[..., :, None] * own[..., None, :],
        categories=frozenset(layout.predictors[: layout.categories]),
    )


def to_dataset(sample: Sample, kinds: Sequence[str]) -> xr.Dataset:
    """Return group moments of predictors and outcome with one leading dim ``draw``.

    Numbers and scales are in SD units of the total sample around their total mean, categories are 0/1.
    """
    made, layout = sample.made, sample.made.layout
    category = np.arange(layout.p + 1) < layout.categories
    location, scale = np.where(category, made.location, 0.0), np.where(category, made.scale, 1.0)
    names = [*layout.predictors, layout.outcome]
    found = _in_units(layout, names, (made.n, sample.mean, sample.cov), location, scale)
    return xr.Dataset(
        {
            "n": ("group", np.array(layout.n)),
            "mean": (("draw", "group", "measure"), found.mean),
            "cov": (("draw", "group", "measure", "measure_2"), found.cov),
        },
        coords={
            "group": list(layout.groups),
            "measure": names,
            "measure_2": names,
            "kind": ("measure", list(kinds)),
        },
    )
