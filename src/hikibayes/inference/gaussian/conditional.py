"""The Gaussian regression given sigma: everything that is closed form, as a function of sigma.

Notes
-----
With v = sigma², prior means m, prior precision P (of independent coefficients diag(1/sd²)), X and y centred, r the
outcome less X m:

- coefficients given v: N(m + (Sxx + vP)⁻¹ Sxr, v (Sxx + vP)⁻¹);
- evidence given v: ``-½ [n log 2π + (n - p) log v + log|Sxx + vP| - log|P| + log(1 + n sa²/v)
  + n (ȳ - ma)²/(v + n sa²) + (Srr - Srx (Sxx + vP)⁻¹ Sxr)/v]``, where the centred intercept is N(ma, sa²).

For all v at once: factor M = Sxx + v0 P = LL' at one v0 and take the eigenvectors U and eigenvalues θ of v0 L⁻¹ P L⁻ᵀ,
which lie in [0, 1]. Then Sxx + vP = L U diag(1 - θ + θ v/v0) U' L'. A triangular factor does not mind badly scaled
columns, and θ needs no relative precision, so neither units nor collinear columns cost digits; P = 0 is the flat prior.
L comes from a QR decomposition of the factor of Sxx on top of that of v0 P, without their sum: where columns are linear
combinations of each other, a prior many orders of magnitude weaker than the data still tells them apart.

References
----------
.. [1] Gelman A. et al. (2013). Bayesian Data Analysis, 3rd ed., sections 14.2 and 14.8. CRC Press.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...arrays import BoolArray, FloatArray, IntArray
from .normal_priors import Aligned
from .sufficient import ExactEngineError, Refusal, SufficientStatistics

PERFECT_FIT = 1e-9
"""Data sets whose RSS / total is below this are refused: too few digits of the residual are left."""
COLLINEAR = 1e-14
"""A column with a smaller share of its variation left, after the columns before it, is a linear combination of them."""


@dataclass(frozen=True, kw_only=True)
class ConditionalForm:
    """The regression given v = sigma², for every v at once (see the module's notes)."""

    n: FloatArray
    prior_mean: FloatArray
    """(B, p)"""
    v0: FloatArray
    """(B,) reference variance at which the cross-products were factored."""
    theta: FloatArray
    """(B, p) share of prior precision along each direction at v0."""
    basis: FloatArray
    """(B, p, p) L⁻ᵀ U: directions in which likelihood and prior are both diagonal."""
    score: FloatArray
    """(B, p) cross-products of the directions with the outcome less its prior mean."""
    total: FloatArray
    """(B,) sum of squares of the outcome less its prior mean."""
    log_volume: FloatArray
    """(B,) log|Sxx + v0 P| - log|P|."""
    y_mean: FloatArray
    saturated: BoolArray
    """(B,) as many independent columns as rows allow: without the priors, nothing would be left of the outcome."""
    priors: Aligned

    def take(self, index: IntArray) -> Self:
        """Return the data sets that `index` selects."""
        arrays = {f.name: getattr(self, f.name)[index] for f in fields(self) if f.name != "priors"}
        return replace(self, priors=self.priors.take(index), **arrays)

    @property
    def df(self) -> FloatArray:
        """Rows less predictors, shape (B,)."""
        return np.asarray(self.n - self.theta.shape[1])

    def spectrum(self, v: FloatArray) -> FloatArray:
        """Diagonal of (Sxx + vP) in the basis, shape (B, K, p), for `v` of shape (B, K)."""
        theta = self.theta[:, None, :]
        return np.asarray((1 - theta) + (v / self.v0[:, None])[..., None] * theta)

    def residual(self, v: FloatArray) -> FloatArray:
        """Penalised residual sum of squares, shape (B, K)."""
        left = self.total[:, None] - np.einsum("bKp,bp->bK", 1 / self.spectrum(v), self.score**2)
        if self.saturated.any():
            # the total is what all directions fit: a difference that would be nothing but rounding where v is small
            left[self.saturated] = self.take(np.flatnonzero(self.saturated))._penalty(v[self.saturated])
        return np.asarray(left)

    def _penalty(self, v: FloatArray) -> FloatArray:
        """Fitted sum of squares at v = 0 less that at v, direction by direction, shape (B, K)."""
        ratio, share = v / self.v0[:, None], 1 - self.theta
        fitted = np.where(share > COLLINEAR, self.score**2 * self.theta / np.maximum(share, COLLINEAR), 0.0)
        return np.asarray(ratio * np.einsum("bKp,bp->bK", 1 / self.spectrum(v), fitted))

    def residual_range(self) -> tuple[FloatArray, FloatArray]:
        """Residual sums of squares without the priors, and with coefficients and intercept at their prior means."""
        least = self.residual(1e-10 * self.v0[:, None])[:, 0]
        return np.where(self.saturated, 0.0, least), self.total + self._distance()

    def _distance(self) -> FloatArray:
        if self.priors.sigma is None:
            return np.zeros_like(self.n)
        return np.asarray(self.n * (self.y_mean - self.priors.intercept_mean) ** 2)

    def start(self) -> FloatArray:
        """Return a rough log sigma to begin with, shape (B,)."""
        residual = np.maximum(self.residual(0.5 * self.v0[:, None])[:, 0], 1e-12 * self.total)
        return np.asarray(0.5 * np.log(residual / self.n))

    def support(self) -> tuple[FloatArray, FloatArray]:
        """Return a range of log sigma outside of which there is nothing, each end of shape (B,)."""
        least, most = self.residual_range()
        low = 0.5 * np.log(np.maximum(least, 1e-40 * self.total) / self.n) - 3
        # with few degrees of freedom the density falls as slowly as sigma to the power of minus these
        return low, 0.5 * np.log(most / self.n) + 6 + 45 / np.maximum(self.df - 1, 1)

    def one_peak(self, first: FloatArray, last: FloatArray) -> BoolArray:
        """Tell where the density surely rises up to log sigma `first` and falls from `last` on, shape (B,).

        Notes
        -----
        Where priors and data conflict, a small sigma may suit the data and a large one the priors: two peaks. With e(v)
        the residual sum of squares at the coefficients that v leads to, which grows with v from the least one, and d
        minus the slope of the log prior density in log sigma, which grows too, the slope of the log density is at least
        e/v - n + 1 - d, and at most r/v + distance/(v + n sa²) + 2 - (n - p) - d.
        """
        v, d = np.exp(2 * first), self._prior_fall(first)
        least, most = self.residual_range()
        one = least > (self.n - 1 + d) * v
        v, d = np.exp(2 * last), self._prior_fall(last)
        fall = self.df - 2 + d
        one &= fall > 0
        while (ahead := one & (v < most / np.where(one, fall, 1.0))).any():
            bound = self.residual(2 * v[:, None])[:, 0] + self._distance() * v / (v + self._spread())
            one &= ~ahead | (bound < fall * v)
            v = np.where(ahead, 2 * v, v)
        return np.asarray(one)

    def _spread(self) -> FloatArray:
        """Return n sa², the scale of the intercept's prior on that of v."""
        precision = self.priors.intercept_precision
        return np.asarray(np.where(precision > 0, self.n / np.where(precision > 0, precision, 1.0), np.inf))

    def _prior_fall(self, log_sigma: FloatArray) -> FloatArray:
        """Minus the slope of sigma's log prior density in log sigma."""
        if self.priors.sigma is None:
            return np.zeros_like(log_sigma)
        h = 1e-4
        up, down = (self.priors.sigma.log_density(np.exp(log_sigma + step)) for step in (h, -h))
        return np.asarray((down - up) / (2 * h))

    def log_density(self, log_sigma: FloatArray) -> FloatArray:
        """Log of the joint density of the data and log sigma, shape (B, K)."""
        v, t = np.exp(2 * log_sigma), 2 * log_sigma
        n, p, a = self.n[:, None], self.theta.shape[1], self.priors
        core = (n - p) * t + self.log_volume[:, None] + np.log(self.spectrum(v)).sum(-1) + self.residual(v) / v
        if a.sigma is None:
            return np.asarray(-0.5 * (core - t))
        n_sa2 = n / a.intercept_precision[:, None]
        distance = n * (self.y_mean - a.intercept_mean)[:, None] ** 2
        core = core + n * np.log(2 * np.pi) + np.log1p(n_sa2 / v) + distance / (v + n_sa2)
        return np.asarray(-0.5 * core + a.sigma.log_density(np.exp(log_sigma)) + log_sigma)

    def contrast(self, v: FloatArray, c: FloatArray, weight: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Mean and variance of contrasts `c`, plus `weight` centred intercepts, given v; each (B, k, K)."""
        rotated, inverse = c @ self.basis, (1 / self.spectrum(v)).swapaxes(1, 2)
        at_prior = (c @ self.prior_mean[..., None])[..., 0]
        mean = at_prior[..., None] + (rotated * self.score[:, None, :]) @ inverse
        variance = v[:, None, :] * (rotated**2 @ inverse)
        if not weight.any():
            return mean, variance
        intercept, its_variance = self.intercept(v)
        weight = weight[..., None]
        return mean + weight * intercept[:, None], variance + weight**2 * its_variance[:, None]

    def intercept(self, v: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Mean and variance of the centred intercept given v, each (B, K)."""
        n, prior = self.n[:, None], self.priors.intercept_precision[:, None]
        variance = 1 / (n / v + prior)
        mean = variance * (n / v * self.y_mean[:, None] + prior * self.priors.intercept_mean[:, None])
        return mean, variance


def check_priors(stats: SufficientStatistics, a: Aligned, refusals: IntArray) -> None:
    """Refuse data sets whose own priors are not proper numbers, or to which a flat prior gives no posterior."""
    B, p = stats.sxy.shape
    if len(a.mean) not in {1, B}:
        raise ExactEngineError(f"priors for {len(a.mean)} data sets, but there are {B}; give one for all or one each")
    sound = np.isfinite(a.mean) & np.isfinite(a.precision)
    if a.sigma is None:
        refusals[(stats.n < p + 2) & (refusals == 0)] = Refusal.TOO_FEW_ROWS
    else:
        sound &= np.isfinite(a.log_scale)[:, None]
        sound &= a.precision > 0
        scale = a.sigma.parameters()[0]
        if scale.shape not in {(), (1,), (B,)}:
            raise ExactEngineError(f"sigma's prior has shape {scale.shape}; give one number or one for each of {B}")
    refusals[~np.broadcast_to(sound.all(1), (B,)) & (refusals == 0)] = Refusal.BAD_PRIOR


def with_stand_ins(stats: SufficientStatistics, a: Aligned, refusals: IntArray) -> tuple[SufficientStatistics, Aligned]:
    """Put dull numbers in the place of refused data sets, so that the batch can be computed without exceptions."""
    bad = refusals != Refusal.ACCEPTED
    if not bad.any():
        return stats, a

    def patched(values: NDArray[Any], dull: ArrayLike) -> NDArray[Any]:
        return np.where(bad.reshape(-1, *(1,) * (values.ndim - 1)), dull, values)

    p = len(stats.names)
    dull: dict[str, ArrayLike] = {"n": p + 10, "x_mean": 0.0, "y_mean": 0.0, "sxx": np.eye(p), "sxy": 0.0, "syy": 1.0}
    stats = SufficientStatistics(
        names=stats.names, **{name: patched(getattr(stats, name), value) for name, value in dull.items()}
    )
    return stats, a._replace(
        mean=patched(a.mean, 0.0),
        precision=patched(a.precision, 1.0),
        log_scale=patched(a.log_scale, 0.0),
        intercept_mean=patched(a.intercept_mean, 0.0),
        intercept_precision=patched(a.intercept_precision, 1.0),
    )


def diagonalise(stats: SufficientStatistics, a: Aligned, refusals: IntArray) -> ConditionalForm:
    """Bring Sxx and the prior precision to diagonal form together, refusing what cannot be."""
    B, p = stats.sxy.shape
    mean = np.broadcast_to(a.mean, (B, p))
    sxr = stats.sxy - np.einsum("bij,bj->bi", stats.sxx, mean)
    total = stats.syy - np.einsum("bi,bi->b", mean, stats.sxy + sxr)
    v0 = stats.syy / stats.n
    factor, rank = factored(stats.sxx)
    rank = np.minimum(rank, stats.n - 1)  # rounding may leave a pivot more
    if a.sigma is None:
        lost = rank < p
        refusals[lost & (refusals == 0)] = Refusal.COLLINEAR
        factor[lost] = np.eye(p)
    root = np.sqrt(v0)[:, None, None] * a.precision_root
    stacked = np.concatenate([factor.swapaxes(1, 2), root], axis=1)
    L = np.linalg.qr(stacked, mode="r").swapaxes(1, 2)
    inverse = np.linalg.inv(L)
    W = inverse @ root.swapaxes(1, 2)
    theta, U = np.linalg.eigh(W @ W.swapaxes(1, 2))
    basis = inverse.swapaxes(1, 2) @ U
    unknown = np.arange(p) >= rank[:, None]  # directions of which the data say nothing: the last ones
    form = ConditionalForm(
        n=stats.n.astype(np.float64),
        prior_mean=mean,
        v0=v0,
        theta=np.where(unknown, 1.0, np.clip(theta, 0.0, 1.0)),
        basis=basis,
        score=np.where(unknown, 0.0, np.einsum("bpi,bp->bi", basis, sxr)),
        total=total,
        log_volume=2 * np.log(np.abs(np.diagonal(L, axis1=1, axis2=2))).sum(1) + 2 * a.log_scale,
        y_mean=stats.y_mean,
        saturated=stats.n - 1 <= rank,
        priors=a,
    )
    leftover, _ = form.residual_range()
    perfect = ~form.saturated & ~(leftover >= PERFECT_FIT * np.maximum(stats.syy, total))
    refusals[perfect & (refusals == 0)] = Refusal.PERFECT_FIT
    return form


def factored(sxx: FloatArray) -> tuple[FloatArray, IntArray]:
    """Cholesky factors of a batch, and their ranks; a column that others explain gets nothing of its own."""
    left, factor = sxx.copy(), np.zeros_like(sxx)
    rank = np.zeros(len(sxx), dtype=np.int64)
    for j in range(sxx.shape[1]):
        pivot = left[:, j, j]
        kept = pivot > COLLINEAR * sxx[:, j, j]
        column = np.where(kept[:, None], left[:, j:, j] / np.sqrt(np.where(kept, pivot, 1.0))[:, None], 0.0)
        left[:, j:, j:] -= column[:, :, None] * column[:, None, :]
        factor[:, j:, j] = column
        rank += kept
    return factor, rank
