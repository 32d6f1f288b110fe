"""One fit, every prior: what another prior on one coefficient would have given, without fitting again.

At each node of sigma the posterior of a coefficient is Normal, so its own Normal prior can be divided out, and what is
left is a likelihood: any Normal prior on it is closed form, and any other prior a one-dimensional sum.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.interpolate import CubicSpline
from scipy.special import logsumexp

from .exact import GaussianPosterior
from .mixture import Mixture
from .sufficient import ExactEngineError, FloatArray

__all__ = ["Likelihood", "NormalRefits", "NumericalRefit", "likelihood", "refit_density", "refit_normal"]


@dataclass(frozen=True, kw_only=True)
class Likelihood:
    """What one data set says about one coefficient b, everything else integrated out: Σ exp(log_mass - λb²/2 + hb).

    Parameters
    ----------
    log_mass : array, shape (K,)
        Log joint mass of data and node of sigma, at b = 0.
    precision : array, shape (K,)
        λ, at least 0.
    pull : array, shape (K,)
        h: precision times the value of b that fits best.
    """

    log_mass: FloatArray
    precision: FloatArray
    pull: FloatArray

    def log_density(self, b: FloatArray) -> FloatArray:
        """Log marginal likelihood of `b`, same shape as `b`."""
        b = np.asarray(b, dtype=np.float64)[..., None]
        return np.asarray(logsumexp(self.log_mass - 0.5 * self.precision * b**2 + self.pull * b, axis=-1))


@dataclass(frozen=True, kw_only=True)
class NormalRefits:
    """Posteriors of one coefficient under R Normal priors.

    Parameters
    ----------
    log_evidence : array, shape (R,)
        Log marginal likelihood of the data under each prior.
    marginal : Mixture
        Of one contrast in R "data sets", one for each prior; its Bayes factors are against b = 0.
    """

    log_evidence: FloatArray
    marginal: Mixture


@dataclass(frozen=True, kw_only=True)
class NumericalRefit:
    """The posterior of one coefficient under a prior that is not Normal."""

    log_evidence: float
    mean: float
    sd: float
    p_positive: float
    log_bf10: float


def likelihood(posterior: GaussianPosterior, coefficient: str, *, dataset: int = 0) -> Likelihood:
    """Divide a coefficient's own prior out of its posterior.

    Parameters
    ----------
    posterior : GaussianPosterior
        Fitted under Normal priors; the wider this coefficient's, the less there is to divide out. `nodes` = 21 or more
        keeps priors far from the data exact too.
    coefficient : str
        Its name.
    dataset : int
        Which data set of the batch.

    Returns
    -------
    Likelihood

    Raises
    ------
    ExactEngineError
        If the posterior has a flat prior, or the data set was refused.
    """
    marginal = posterior.marginal([coefficient])
    if marginal.prior_mean is None or marginal.prior_sd is None:
        raise ExactEngineError("a flat prior gives no evidence to compare; fit with Normal priors first")
    if not posterior.ok[dataset]:
        raise ExactEngineError(posterior.stats.describe(int(posterior.refusals[dataset]), dataset))
    m0, s0 = marginal.prior_mean[dataset, 0], marginal.prior_sd[dataset, 0]
    m, s = marginal.means[dataset, 0], marginal.sds[dataset, 0]
    log_mass = posterior.log_weights[dataset] + np.log(s0 / s) - 0.5 * (m / s) ** 2 + 0.5 * (m0 / s0) ** 2
    precision = np.maximum(1 / s**2 - 1 / s0**2, 0.0)
    return Likelihood(log_mass=log_mass, precision=precision, pull=m / s**2 - m0 / s0**2)


def refit_normal(data: Likelihood, mean: ArrayLike, sd: ArrayLike) -> NormalRefits:
    """Posteriors of a coefficient under other Normal priors, all at once.

    Parameters
    ----------
    data : Likelihood
        Of the coefficient, by `likelihood`.
    mean, sd : array_like, broadcasting to shape (R,)
        The priors.

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
    m1, s1 = mean[:, None], sd[:, None]
    precision = data.precision + 1 / s1**2
    centre = (data.pull + m1 / s1**2) / precision
    log_mass = data.log_mass - np.log(s1) - 0.5 * np.log(precision) + 0.5 * (precision * centre**2 - (m1 / s1) ** 2)
    log_evidence = logsumexp(log_mass, axis=1)
    log_prior_at_zero = -0.5 * (m1 / s1) ** 2 - np.log(s1) - 0.5 * np.log(2 * np.pi)
    marginal = Mixture(
        weights=np.exp(log_mass - log_evidence[:, None]),
        means=centre[:, None, :],
        sds=1 / np.sqrt(precision)[:, None, :],
        prior_mean=m1,
        prior_sd=s1,
        at_zero=lambda: data.log_density(np.zeros_like(m1)) + log_prior_at_zero - log_evidence[:, None],
    )
    return NormalRefits(log_evidence=log_evidence, marginal=marginal)


def refit_density(
    data: Likelihood, log_prior: Callable[[FloatArray], FloatArray], *, points: int = 801
) -> NumericalRefit:
    """Posterior of a coefficient under any prior density, by a trapezoid over the coefficient.

    Parameters
    ----------
    data : Likelihood
        Of the coefficient, by `likelihood`.
    log_prior : callable
        Normalised log prior density, from an array of coefficients to an array of the same shape.
    points : int, odd
        Points of the sum, over 9 sds of the likelihood to either side.

    Returns
    -------
    NumericalRefit

    Raises
    ------
    ExactEngineError
        If half as many points disagree by more than 1e-6: a prior too narrow, or with too sharp a corner, for them.
    """
    if not (data.precision > 0).all():
        raise ExactEngineError("the data say nothing about this coefficient; only a Normal prior can be exchanged")
    centre, width = data.pull / data.precision, 9 / np.sqrt(data.precision)
    b = np.linspace((centre - width).min(), (centre + width).max(), points)
    log_density = data.log_density(b) + log_prior(b)
    log_evidence = float(logsumexp(log_density) + np.log(b[1] - b[0]))
    halved = float(logsumexp(log_density[::2]) + np.log(b[2] - b[0]))
    if not abs(halved - log_evidence) < 1e-6:
        raise ExactEngineError(f"{points} points are too few for this prior; raise `points`")
    mass = np.exp(log_density - logsumexp(log_density))
    mean = float(mass @ b)
    below = CubicSpline(b, mass / (b[1] - b[0])).antiderivative()(np.clip(0.0, b[0], b[-1]))
    return NumericalRefit(
        log_evidence=log_evidence,
        mean=mean,
        sd=float(np.sqrt(mass @ (b - mean) ** 2)),
        p_positive=float(1 - below),
        log_bf10=log_evidence - float(data.log_density(np.zeros(1))[0]),
    )
