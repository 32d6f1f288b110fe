"""One fit, every prior: what another prior on one contrast would have given, without fitting again.

At each node of sigma the posterior of a contrast is Normal, so its own Normal prior can be divided out, and what is
left is a likelihood: any Normal prior on it is closed form, and any other prior a one-dimensional sum. A contrast is a
coefficient, or a weighted sum of several; what the others are given its value stays as it was.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike
from scipy.interpolate import CubicSpline, PPoly
from scipy.special import logsumexp

from ...arrays import FloatArray
from .exact import Contrasts, GaussianPosterior
from .mixture import Mixture
from .sufficient import ExactEngineError

POINTS = tuple(2**k + 1 for k in range(10, 16))
"""Points of the sum over a prior that is not Normal: the first that agree with every fourth of theirs are enough."""
AGREEMENT = 1e-6
"""How near, in log evidence: a quarter of the points is then far worse than all, and quantiles are good to 1e-6."""
SDS = 9.0
UNINFORMED = 1e-12
"""A likelihood wider than a million times the prior says nothing."""
BLOCK = 2**20
"""Numbers that are held in memory at once, by each of a handful of arrays."""


@dataclass(frozen=True, kw_only=True)
class Likelihood:
    """What B data sets say about one contrast b, everything else integrated out: Σ exp(log_mass - λb²/2 + hb).

    Parameters
    ----------
    log_mass : array, shape (B, K)
        Log joint mass of data and node of sigma, at b = 0.
    precision : array, shape (B, K)
        λ, at least 0.
    pull : array, shape (B, K)
        h: precision times the value of b that fits best.
    """

    log_mass: FloatArray
    precision: FloatArray
    pull: FloatArray

    def __len__(self) -> int:
        """Return the number of data sets."""
        return len(self.log_mass)

    def take(self, index: slice) -> Likelihood:
        """Return the likelihoods of the data sets that `index` selects."""
        return Likelihood(log_mass=self.log_mass[index], precision=self.precision[index], pull=self.pull[index])

    def log_density(self, b: ArrayLike) -> FloatArray:
        """Log marginal likelihood in each data set, shape (B, ...), of values `b` of shape (...) common to them."""
        b = np.asarray(b, dtype=np.float64)[..., None]
        shape = (len(self), *(1,) * (b.ndim - 1), -1)
        log_mass, precision, pull = (array.reshape(shape) for array in (self.log_mass, self.precision, self.pull))
        return np.asarray(logsumexp(log_mass - 0.5 * precision * b**2 + pull * b, axis=-1))


@dataclass(frozen=True, kw_only=True)
class NormalRefits:
    """Posteriors of one contrast in B data sets under R Normal priors.

    Parameters
    ----------
    log_evidence : array, shape (R, B)
        Log marginal likelihood of the data under each prior.
    log_bf10 : array, shape (R, B)
        Log Bayes factor against b = 0.
    weights, means, sds : array, shape (R, B, K)
        Components of each posterior.
    """

    log_evidence: FloatArray
    log_bf10: FloatArray
    weights: FloatArray
    means: FloatArray
    sds: FloatArray

    def of_each(self) -> Mixture:
        """Return the posterior in each data set: a mixture of R contrasts times B, as R * B data sets of one."""
        K = self.weights.shape[-1]
        return Mixture(
            weights=self.weights.reshape(-1, K), means=self.means.reshape(-1, 1, K), sds=self.sds.reshape(-1, 1, K)
        )

    def together(self) -> Mixture:
        """Return the posterior under each prior with every data set weighing the same, as R data sets of one."""
        R, B, K = self.weights.shape
        return Mixture(
            weights=self.weights.reshape(R, B * K) / B,
            means=self.means.reshape(R, 1, B * K),
            sds=self.sds.reshape(R, 1, B * K),
        )


@dataclass(frozen=True, kw_only=True)
class Tabulated:
    """Densities of one quantity on a common grid.

    Parameters
    ----------
    place : array, shape (P,)
        Evenly spaced; the values are ``scale * sinh(place)``, and beyond them there is nothing.
    scale : float
        About 0 the values are as dense as this asks for, far from it as dense as their size does.
    mass : array, shape (B, P)
        Probability of each value; sums to 1.
    """

    place: FloatArray
    scale: float
    mass: FloatArray

    @property
    def b(self) -> FloatArray:
        """The values, shape (P,)."""
        return np.asarray(self.scale * np.sinh(self.place))

    def together(self) -> Tabulated:
        """Return the average of the densities."""
        return Tabulated(place=self.place, scale=self.scale, mass=self.mass.mean(axis=0, keepdims=True))

    def mean(self) -> FloatArray:
        """Mean, shape (B,)."""
        return np.asarray(self.mass @ self.b)

    def sd(self) -> FloatArray:
        """SD, shape (B,)."""
        return np.asarray(np.sqrt(np.einsum("bp,bp->b", self.mass, (self.b - self.mean()[:, None]) ** 2)))

    def cdf(self, x: float) -> FloatArray:
        """Probability of a value of at most `x`, shape (B,)."""
        return self._below(np.clip(x, self.b[0], self.b[-1]))

    def p_positive(self) -> FloatArray:
        """Probability of a value above 0, shape (B,)."""
        return 1 - self.cdf(0.0)

    def quantile(self, q: float) -> FloatArray:
        """Quantile, shape (B,), by bisection of all at once; `PPoly.solve` takes 40 times as long."""
        low, high = (np.full(len(self.mass), end) for end in (self.b[0], self.b[-1]))
        for _ in range(60):
            middle = 0.5 * (low + high)
            below = np.diagonal(self._below(middle)) < q
            low, high = np.where(below, middle, low), np.where(below, high, middle)
        return np.asarray(0.5 * (low + high))

    @cached_property
    def _integral(self) -> PPoly:
        return CubicSpline(self.place, self.mass / (self.place[1] - self.place[0]), axis=1).antiderivative()

    def _below(self, x: float | FloatArray) -> FloatArray:
        return np.asarray(self._integral(np.arcsinh(np.asarray(x) / self.scale)), dtype=np.float64)


@dataclass(frozen=True, kw_only=True)
class NumericalRefit:
    """Posteriors of one contrast in B data sets under a prior that is not Normal.

    Parameters
    ----------
    log_evidence, log_bf10 : array, shape (B,)
        Log marginal likelihood, and log Bayes factor against 0.
    marginal : Tabulated
        Of B data sets.
    """

    log_evidence: FloatArray
    log_bf10: FloatArray
    marginal: Tabulated


def likelihood(posterior: GaussianPosterior, contrast: str | Contrasts) -> Likelihood:
    """Divide a contrast's own prior out of its posterior.

    Parameters
    ----------
    posterior : GaussianPosterior
        Of B data sets. The wider this contrast's Normal prior, the less there is to divide out; under a flat prior
        there is nothing. `nodes` = 21 or more keeps priors far from the data exact too.
    contrast : str or contrasts
        Name of a coefficient, or the weights of one contrast (see `GaussianPosterior.marginal`).

    Returns
    -------
    Likelihood
        Under a flat prior, up to one constant for all values: evidences are then comparable among themselves only.

    Raises
    ------
    ExactEngineError
        If a data set was refused.
    """
    marginal, log_weights = posterior.marginal_and_weights([contrast] if isinstance(contrast, str) else contrast)
    if refused := np.flatnonzero(posterior.refusals).tolist():
        raise ExactEngineError(posterior.stats.describe(int(posterior.refusals[refused[0]]), refused[0]))
    m, s = marginal.means[:, 0], marginal.sds[:, 0]
    if marginal.prior_mean is None or marginal.prior_sd is None:
        log_mass = log_weights - np.log(s) - 0.5 * np.log(2 * np.pi) - 0.5 * (m / s) ** 2
        return Likelihood(log_mass=log_mass, precision=s**-2, pull=m / s**2)
    m0, s0 = marginal.prior_mean[:, :1], marginal.prior_sd[:, :1]
    log_mass = log_weights + np.log(s0 / s) - 0.5 * (m / s) ** 2 + 0.5 * (m0 / s0) ** 2
    precision = np.maximum(1 / s**2 - 1 / s0**2, 0.0)
    return Likelihood(log_mass=log_mass, precision=precision, pull=m / s**2 - m0 / s0**2)


def refit_normal(data: Likelihood, mean: ArrayLike, sd: ArrayLike) -> NormalRefits:
    """Posteriors of a contrast under other Normal priors, all priors and all data sets at once.

    Parameters
    ----------
    data : Likelihood
        Of the contrast in B data sets, by `likelihood`.
    mean, sd : array_like, broadcasting to shape (R,) or (R, B)
        The priors: the same for all data sets, or one for each.

    Returns
    -------
    NormalRefits

    Raises
    ------
    ExactEngineError
        If a sd is not finite and above 0.
    """
    mean, sd = np.broadcast_arrays(np.atleast_1d(np.asarray(mean, float)), np.atleast_1d(np.asarray(sd, float)))
    if not (np.isfinite(mean).all() and np.isfinite(sd).all() and (sd > 0).all()):
        raise ExactEngineError("priors need a finite mean, and a sd that is finite and above 0")
    m1, s1 = (values.reshape(len(values), -1, 1) for values in (mean, sd))
    precision = data.precision + 1 / s1**2
    centre = (data.pull + m1 / s1**2) / precision
    log_mass = data.log_mass - np.log(s1) - 0.5 * np.log(precision) + 0.5 * (precision * centre**2 - (m1 / s1) ** 2)
    # one exponential instead of the two that logsumexp and its difference take: this is what prior surfaces wait for
    highest = log_mass.max(axis=-1, keepdims=True)
    weights = np.exp(log_mass - highest)
    total = weights.sum(axis=-1, keepdims=True)
    log_evidence = (highest + np.log(total))[..., 0]
    return NormalRefits(
        log_evidence=log_evidence,
        log_bf10=log_evidence - data.log_density(0.0),
        weights=weights / total,
        means=centre,
        sds=1 / np.sqrt(precision),
    )


def refit_density(
    data: Likelihood, log_prior: Callable[[FloatArray], FloatArray], *, scale: float = 1.0
) -> NumericalRefit:
    """Posterior of a contrast under any prior density, by a trapezoid over the contrast that refines itself.

    Parameters
    ----------
    data : Likelihood
        Of the contrast in B data sets, by `likelihood`.
    log_prior : callable
        Normalised log prior density, from an array of values to an array of the same shape.
    scale : float
        About how wide the prior is around 0: says how dense the points are there, nothing else.

    Returns
    -------
    NumericalRefit

    Raises
    ------
    ExactEngineError
        The data say nothing about the contrast; or a quarter of the densest grid still disagrees with all of it by more
        than 1e-6: a prior far narrower than `scale`, or with too sharp a corner.

    Notes
    -----
    The points are evenly spaced in arcsinh(b / scale). Priors that narrow towards 0 and likelihoods of any width are
    then smooth on one grid, whose error falls exponentially with the number of points.
    """
    if not (data.precision * scale**2 > UNINFORMED).all():
        raise ExactEngineError("the data say nothing about this coefficient; only a Normal prior can be exchanged")
    low, high = _reach(data, scale)
    for points in POINTS:
        place = np.linspace(np.arcsinh(low / scale), np.arcsinh(high / scale), points)
        step = place[1] - place[0]
        b = scale * np.sinh(place)
        log_density = _in_blocks(data, b) + log_prior(b) + np.log(scale * np.cosh(place))
        whole = logsumexp(log_density, axis=1, keepdims=True)
        log_evidence = whole[:, 0] + np.log(step)
        fewer = logsumexp(log_density[:, ::4], axis=1) + np.log(4 * step)
        if (np.abs(fewer - log_evidence) < AGREEMENT).all():
            break
    else:
        raise ExactEngineError(f"a prior too narrow, or with too sharp a corner, for a grid of {POINTS[-1]} points")
    return NumericalRefit(
        log_evidence=log_evidence,
        log_bf10=log_evidence - data.log_density(0.0),
        marginal=Tabulated(place=place, scale=scale, mass=np.exp(log_density - whole)),
    )


def _reach(data: Likelihood, scale: float) -> tuple[float, float]:
    """Return ends that hold any product of the likelihoods with a prior of this width around 0."""
    centre, sd = data.pull / data.precision, 1 / np.sqrt(data.precision)
    near = SDS * np.minimum(sd, scale)
    return float(np.minimum(centre - SDS * sd, -near).min()), float(np.maximum(centre + SDS * sd, near).max())


def _in_blocks(data: Likelihood, b: FloatArray) -> FloatArray:
    """Evaluate the log likelihoods, at as many values at a time as memory likes."""
    at_once = max(1, BLOCK // data.precision.size)
    return np.concatenate([data.log_density(b[i : i + at_once]) for i in range(0, len(b), at_once)], axis=1)
