"""The Gaussian regression given sigma: everything that is closed form, as a function of sigma.

Notes
-----
With v = sigma², prior means m, prior precisions P = diag(1/sd²), X and y centred, r the outcome less X m:

- coefficients given v: N(m + (Sxx + vP)⁻¹ Sxr, v (Sxx + vP)⁻¹);
- evidence given v: ``-½ [n log 2π + (n - p) log v + log|Sxx + vP| + 2 Σ log sd + log(1 + n sa²/v)
  + n (ȳ - ma)²/(v + n sa²) + (Srr - Srx (Sxx + vP)⁻¹ Sxr)/v]``, where the centred intercept is N(ma, sa²).

For all v at once: factor M = Sxx + v0 P = LL' at one v0 and take the eigenvectors U and eigenvalues θ of v0 L⁻¹ P L⁻ᵀ,
which lie in [0, 1]. Then Sxx + vP = L U diag(1 + (v/v0 - 1) θ) U' L'. A Cholesky factor does not mind badly scaled
columns, and θ needs no relative precision, so neither units nor collinear columns cost digits; P = 0 is the flat prior.

References
----------
.. [1] Gelman A. et al. (2013). Bayesian Data Analysis, 3rd ed., sections 14.2 and 14.8. CRC Press.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .normal_priors import Aligned
from .sufficient import ExactEngineError, FloatArray, IntArray, Refusal, SufficientStatistics

__all__ = ["COLLINEAR", "PERFECT_FIT", "ConditionalForm", "check_priors", "diagonalise", "with_stand_ins"]

PERFECT_FIT = 1e-9
"""Data sets whose RSS / total is below this are refused: too few digits of the residual are left."""
COLLINEAR = 1e-13
"""Smallest share of a column's variation, after the columns before it, that double precision resolves."""


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
    """(B,) log|Sxx + v0 P| + 2 Σ log sd."""
    y_mean: FloatArray
    priors: Aligned

    def take(self, index: IntArray, priors: Aligned) -> ConditionalForm:
        """Return the data sets that `index` selects, whose priors are `priors`."""
        arrays = {f.name: getattr(self, f.name)[index] for f in fields(self) if f.name != "priors"}
        return ConditionalForm(priors=priors, **arrays)

    def spectrum(self, v: FloatArray) -> FloatArray:
        """Diagonal of (Sxx + vP) in the basis, shape (B, K, p), for `v` of shape (B, K)."""
        ratio = v / self.v0[:, None]
        return np.asarray(1 + (ratio[..., None] - 1) * self.theta[:, None, :])

    def residual(self, v: FloatArray) -> FloatArray:
        """Penalised residual sum of squares, shape (B, K)."""
        return np.asarray(self.total[:, None] - np.einsum("bKp,bp->bK", 1 / self.spectrum(v), self.score**2))

    def residual_range(self) -> tuple[FloatArray, FloatArray]:
        """Residual sums of squares without the priors, and with coefficients and intercept at their prior means."""
        distance = 0.0 if self.priors.sigma is None else self.n * (self.y_mean - self.priors.intercept_mean) ** 2
        return self.residual(1e-10 * self.v0[:, None])[:, 0], self.total + distance

    def start(self, refusals: IntArray) -> FloatArray:
        """Return a rough log sigma to begin with, shape (B,)."""
        residual = np.maximum(self.residual(0.5 * self.v0[:, None])[:, 0], 1e-12 * self.total)
        return np.asarray(0.5 * np.log(np.where(refusals == 0, residual / self.n, 1.0)))

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
    """Refuse the data sets whose own priors are not proper numbers; priors for all were checked when made."""
    B = len(stats)
    if len(a.mean) not in {1, B}:
        raise ExactEngineError(f"priors for {len(a.mean)} data sets, but there are {B}; give one for all or one each")
    sound = np.isfinite(a.mean) & np.isfinite(a.precision)
    if a.sigma is not None:
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
    numbers = (patched(a.mean, 0.0), patched(a.precision, 1.0), patched(a.log_scale, 0.0))
    return stats, Aligned(*numbers, patched(a.intercept_mean, 0.0), patched(a.intercept_precision, 1.0), a.sigma)


def diagonalise(stats: SufficientStatistics, a: Aligned, refusals: IntArray) -> ConditionalForm:
    """Bring Sxx and the prior precision to diagonal form together, refusing what cannot be."""
    B, p = stats.sxy.shape
    mean = np.broadcast_to(a.mean, (B, p))
    sxr = stats.sxy - np.einsum("bij,bj->bi", stats.sxx, mean)
    total = stats.syy - np.einsum("bi,bi->b", mean, stats.sxy + sxr)
    v0 = stats.syy / stats.n
    prior = v0[:, None] * a.precision
    M = stats.sxx + prior[:, :, None] * np.eye(p)
    L = _cholesky(M, refusals)
    # Collinear columns leave a pivot that is pure rounding.
    pivots = np.diagonal(L, axis1=1, axis2=2)
    lost = pivots**2 < COLLINEAR * np.diagonal(M, axis1=1, axis2=2)
    refusals[lost.any(1) & (refusals == 0)] = Refusal.COLLINEAR
    inverse = np.linalg.inv(L)
    W = inverse * np.sqrt(prior)[:, None, :]
    theta, U = np.linalg.eigh(W @ W.swapaxes(1, 2))
    basis = inverse.swapaxes(1, 2) @ U
    form = ConditionalForm(
        n=stats.n.astype(np.float64),
        prior_mean=mean,
        v0=v0,
        theta=np.clip(theta, 0.0, 1.0),
        basis=basis,
        score=np.einsum("bpi,bp->bi", basis, sxr),
        total=total,
        log_volume=2 * np.log(pivots).sum(1) + 2 * a.log_scale,
        y_mean=stats.y_mean,
        priors=a,
    )
    leftover, _ = form.residual_range()
    refusals[~(leftover >= PERFECT_FIT * np.maximum(stats.syy, total)) & (refusals == 0)] = Refusal.PERFECT_FIT
    return form


def _cholesky(M: FloatArray, refusals: IntArray) -> FloatArray:
    """Cholesky factors of a batch; a matrix that has none becomes the identity, and its data set is refused."""
    try:
        return np.linalg.cholesky(M)
    except np.linalg.LinAlgError:
        factors = np.broadcast_to(np.eye(M.shape[1]), M.shape).copy()
        for i, matrix in enumerate(M):
            try:
                factors[i] = np.linalg.cholesky(matrix)
            except np.linalg.LinAlgError:
                refusals[i] = refusals[i] or Refusal.COLLINEAR
        return factors
