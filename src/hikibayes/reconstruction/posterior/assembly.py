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

from ...kept import kept
from ...moments import Design, GroupMoments, design_of, slope_weights
from ...moments.designs import Products
from ...moments.tails import Array, namespace
from ...quantities import Address, Analysis
from ...quantities.analysis import codes_of
from .layout import Layout, contrasts
from .printed import Target

type Values = Mapping[str, Array]
"""Free numbers by name, each with the same leading dims; `hikibayes.reconstruction.posterior.problem` lists them."""


class Data(NamedTuple):
    """The numbers of a problem: what the compiled functions take as arguments, so that equal shapes share them.

    Attributes
    ----------
    n : shape (k,)
    codes : shape (k, k - 1)
        `Layout.codes`; ``between`` is the inverse of their moments over n - 1.
    share : shape (k, c, 2)
        Beta parameters.
    difference, log_variance_ratio, residual_ratio, location, log_scale : shape (2, ...)
        Mean and SD of normals, for the free ones.
    product_scale : shape (2, q)
        Of the log SD of each product of z scores, over that of normal scores.
    outcome_difference : shape (2,)
    lower, upper : shape (p - q - c + 1,)
        Limits of two groups' differences, the outcome's last.
    eta : float
        LKJ parameter.
    gap_size : shape (k, k - 1)
        What a unit of each difference between the groups' correlations adds in each group.
    middle, spread : shape (m,)
        Of the coordinates: midpoint, and SD of a uniform distribution over the printed interval.
    prior_sd : shape (k (p + 1) - 1,)
        Of the saturated coefficients.
    low, high, soft : shape (t,)
        Of the targets.
    welch : shape (t, 2, d)
        Log of the lower and upper limit of |t| as polynomials in 1/df, for the targets that need it.
    """

    n: Array
    codes: Array
    between: Array
    share: Array
    difference: Array
    product_scale: Array
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

    There are p predictors, q of them products, in k groups, and K = k (p + 1) - 1 saturated columns.

    Attributes
    ----------
    layout : Layout
    n : ndarray, shape (k,)
    codes : ndarray, shape (k, k - 1)
    difference : ndarray, shape (..., k - 1, p - q - c)
        Of the groups' means of the numbers, by contrast.
    mean : ndarray, shape (..., k, p)
    left : ndarray, shape (..., p, p)
        Log of what each partial correlation leaves, below the diagonal.
    groups : ndarray, shape (..., k, p, p)
        Centred cross-products within each group, over n - 1 of the total sample.
    location, scale : ndarray, shape (..., p + 1)
        Raw mean and SD of predictors and outcome; of a number whose raw units nobody speaks of: 0 and 1.
    unit : ndarray, shape (..., q)
        What the product of two z scores is in raw units.
    """

    layout: Layout
    n: Array
    codes: Array
    difference: Array
    mean: Array
    left: Array
    groups: Array
    location: Array
    scale: Array
    unit: Array

    @cached_property
    def moments(self) -> GroupMoments:
        """Group moments of the predictors in raw units."""
        cov = self.groups * ((self.n.sum() - 1) / (self.n - 1))[:, None, None]
        return _in_units(self.layout, self.layout.predictors, (self.n, self.mean, cov), self.location, self.scale)

    @cached_property
    def _saturated(self) -> tuple[Design, Array]:
        """The saturated columns, and the SD of the measure in each."""
        xp, layout = namespace(self.scale), self.layout
        codes = dict(zip(layout.contrasts, contrasts(layout.k).T, strict=True))
        design = design_of(self.moments, layout.columns, codes=codes, products="centred_both")
        scale, h = self.scale[..., : layout.p], layout.k - 1
        return design, xp.concatenate([xp.ones((*scale.shape[:-1], h)), *[scale] * layout.k], axis=-1)

    @cached_property
    def saturated(self) -> Array:
        """Moments (..., K, K) of the saturated columns, over n - 1."""
        design, scale = self._saturated
        return design.scatter / (scale[..., :, None] * scale[..., None, :]) / (self.n.sum() - 1)

    @kept
    def regression(self, step: str, coding: str, products: Products) -> tuple[Design, Array]:
        """Return the columns of a step, and the matrix (..., T, K) that turns saturated coefficients into betas."""
        xp, layout = namespace(self.scale), self.layout
        codes = codes_of(layout.group, layout.groups, coding)
        design = design_of(self.moments, layout.outline.terms[step], codes=codes, products=products)
        saturated, scale = self._saturated
        cross = design.cross(saturated.columns, saturated.group_mean) / scale[..., None, :]
        root = design.root[..., None] * xp.sqrt(xp.asarray(self.n.sum() - 1.0))
        return design, design.inverse @ (cross / root)


def predictors(layout: Layout, raw: Sequence[int], data: Data, values: Values) -> Predictors:
    """Build the predictors' moments; NaN where the free numbers describe no sample."""
    xp, n, c = namespace(values["share"]), data.n, layout.categories
    location, scale = _units(layout, raw, n, values)
    share, difference = values["share"], values["difference"]
    away = share - xp.einsum("k,...kc->...c", n / n.sum(), share)[..., None, :]
    numbers = xp.einsum("kh,...hm->...km", data.codes, difference)
    mean = xp.concatenate([away / scale[..., None, :c], numbers], axis=-1)

    factor, left = _correlation_factor(values["partial"], layout.p)
    groups = _groups(layout, data, values, mean, factor, scale)
    unit = scale[..., :0]
    if layout.products:
        mean, own_location, own_scale = _with_products(layout, data, values, mean, groups)
        groups = _groups(layout, data, values, mean, factor, scale)
        one, other = np.array(layout.pairs).T
        unit = scale[..., one] * scale[..., other]
        base = layout.p - layout.products
        location = xp.concatenate([location[..., :base], own_location * unit, location[..., -1:]], axis=-1)
        scale = xp.concatenate([scale[..., :base], own_scale * unit, scale[..., -1:]], axis=-1)
    return Predictors(
        layout=layout,
        n=n,
        codes=data.codes,
        difference=difference,
        mean=mean,
        left=left,
        groups=groups,
        location=location,
        scale=scale,
        unit=unit,
    )


def _groups(layout: Layout, data: Data, values: Values, mean: Array, factor: Array, scale: Array) -> Array:
    """Return the groups' scatters (..., k, m, m) of the first m predictors, whose means are known.

    What the groups differ by is made in all but the last; that has the rest of what there is within groups.
    """
    xp, n, m = namespace(mean), data.n, mean.shape[-1]
    between = xp.einsum("k,...ki,...kj->...ij", n / (n.sum() - 1), mean, mean)
    within = factor[..., :m, :m] @ _turned(factor[..., :m, :m]) - between
    root = cholesky(within)[..., None, :, :]
    gap = xp.einsum("gh,...hij->...gij", data.gap_size[:-1], _symmetric(values["gap"], layout.p)[..., :m, :m])
    first = root @ (np.eye(m) + gap) @ _turned(root)
    wanted = _variances(layout, n, within, values, scale)[..., :-1, :]
    stretch = xp.sqrt(wanted / xp.diagonal(first, axis1=-2, axis2=-1))
    first = first * stretch[..., :, None] * stretch[..., None, :]
    return xp.concatenate([first, (within - first.sum(-3))[..., None, :, :]], axis=-3)


def _with_products(
    layout: Layout, data: Data, values: Values, mean: Array, groups: Array
) -> tuple[Array, Array, Array]:
    """Append the products' group means to the measures'; return their total means and SDs, of z scores, too.

    The mean of a product around the total means follows from the measures' covariances and means in each group.
    """
    xp, n, (one, other) = namespace(mean), data.n, np.array(layout.pairs).T
    total = n.sum()
    within = groups[..., one, other] * ((total - 1) / n)[:, None]
    found = within + mean[..., one] * mean[..., other]
    location = xp.einsum("k,...kq->...q", n / total, found)
    r = location * total / (total - 1)
    scale = xp.exp(values["product_scale"]) * xp.sqrt(1 + r**2)
    own = (found - location[..., None, :]) / scale[..., None, :]
    return xp.concatenate([mean, own], axis=-1), location, scale


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


def _variances(layout: Layout, n: Array, within: Array, values: Values, scale: Array) -> Array:
    """Return each predictor's scatter in each group, in the units of ``within``."""
    xp, c = namespace(within), layout.categories
    number = xp.diagonal(within, axis1=-2, axis2=-1)[..., c:]
    weight = _weights(n, values["log_variance_ratio"])[..., : number.shape[-1]]
    share = values["share"]
    category = n[:, None] * share * (1 - share) / (n.sum() - 1) / scale[..., None, :c] ** 2
    return xp.concatenate([category, number[..., None, :] * weight], axis=-1)


def _weights(n: Array, log_ratio: Array) -> Array:
    """Return how k groups share what is within them, (..., k, m), by contrasts (..., k - 1, m) of log variances."""
    xp = namespace(log_ratio)
    found = (n - 1)[:, None] * xp.exp(xp.einsum("kh,...hm->...km", contrasts(len(n)), log_ratio))
    return found / found.sum(-2)[..., None, :]


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
    """Return the matrix (..., m, K) that turns saturated coefficients into the printed numbers."""
    xp = namespace(made.scale)
    empty = xp.zeros((*made.scale.shape[:-1], 0, len(made.layout.columns)))
    rows = (_coordinate_row(target.address, made)[..., None, :] for target in coordinates)
    return xp.concatenate([empty, *rows], axis=-2)


def _coordinate_row(address: Address, made: Predictors) -> Array:
    """Return the weights (..., K) of a coefficient, a slope, or a correlation with the outcome."""
    xp, layout = namespace(made.scale), made.layout
    if with_outcome := layout.with_outcome(address):
        at = layout.columns.index(with_outcome)
        return made.saturated[..., at, :] / xp.sqrt(made.saturated[..., at, at])[..., None]
    design, betas = made.regression(address.step, address.coding, address.products)  # type: ignore[arg-type]
    if address.term:
        at = design.position(address.term)
        weights, unit = np.eye(len(design.terms))[at], design.unit[..., at]
    else:
        at, run = layout.predictors.index(address.of), Analysis(layout.outline, made.moments)
        group = run.index(address.group) if address.group else 0
        weights = slope_weights(design, address.of, group, run.held(address.at))
        unit = made.scale[..., at] if at >= layout.categories else 1.0 + 0.0 * made.scale[..., at]
    unit = (unit if address.standardised else made.scale[..., -1]) * xp.sqrt(xp.asarray(made.n.sum() - 1.0))
    return unit[..., None] * xp.einsum("...t,...tk->...k", weights / design.root, betas)


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
    coefficients : ndarray, shape (..., K)
        Of the saturated regression, outcome in SD units.
    unexplained : ndarray, shape (...)
        Share of the outcome's variance that the saturated regression leaves.
    gap : ndarray, shape (..., k - 1)
        Of the groups' means of the outcome, in SD, by contrast.
    mean, cov : ndarray, shapes (..., k, p + 1) and (..., k, p + 1, p + 1)
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


def sample_of(made: Predictors, data: Data, coefficients: Array, residual_ratio: Array) -> Sample:
    """Add the outcome to the predictors; contrasts (..., k - 1) of log variances say how the groups share the rest."""
    xp, n, p, h = namespace(coefficients), made.n, made.layout.p, made.layout.k - 1
    beside = coefficients[..., h + p :].reshape(*coefficients.shape[:-1], h, p)
    slopes = coefficients[..., None, h : h + p] + xp.einsum("kh,...hp->...kp", made.codes, beside)
    xy = xp.einsum("...kij,...kj->...ki", made.groups, slopes)
    fitted = xp.einsum("...ik,...k->...i", made.saturated, coefficients)
    left = 1 - (fitted * coefficients).sum(-1)
    yy = (xy * slopes).sum(-1) + left[..., None] * _weights(n, residual_ratio[..., None])[..., 0]
    upper = xp.concatenate([made.groups, xy[..., None]], axis=-1)
    lower = xp.concatenate([xy, yy[..., None]], axis=-1)[..., None, :]
    gap = xp.einsum("hj,...j->...h", data.between, fitted[..., :h])
    own = xp.einsum("kh,...h->...k", made.codes, gap)
    return Sample(
        made=made,
        coefficients=coefficients,
        unexplained=left,
        gap=gap,
        mean=xp.concatenate([made.mean, own[..., None]], axis=-1),
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
        origins={
            layout.predictors[layout.p - layout.products + q]: (location[..., one], location[..., other])
            for q, (one, other) in enumerate(layout.pairs)
        },
    )


def to_dataset(sample: Sample, kinds: Sequence[str]) -> xr.Dataset:
    """Return group moments of predictors and outcome with one leading dim ``draw``.

    Numbers and scales are in SD units of the total sample around their total mean, categories are 0/1; products are of
    such numbers.
    """
    made, layout = sample.made, sample.made.layout
    category = np.arange(layout.p + 1) < layout.categories
    location, scale = np.where(category, made.location, 0.0), np.where(category, made.scale, 1.0)
    last = slice(layout.p - layout.products, layout.p)
    location[..., last], scale[..., last] = (made.location[..., last] / made.unit, made.scale[..., last] / made.unit)
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
