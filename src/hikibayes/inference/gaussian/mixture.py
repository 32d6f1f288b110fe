"""Marginals as finite mixtures of normals: what integrating out sigma leaves of a contrast of coefficients.

Shapes: B data sets, k contrasts, K components (one for each node of sigma). Every summary has shape (B, k).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.special import logsumexp, ndtr, ndtri

from ...arrays import FloatArray
from .sufficient import ExactEngineError

TOLERANCE = 1e-13
"""Newton stops at a step this small, in posterior sds."""


@dataclass(frozen=True, kw_only=True)
class Mixture:
    """A Gaussian mixture for each of k contrasts in each of B data sets.

    Parameters
    ----------
    weights : array, shape (B, K)
        Component weights; NaN throughout for a data set that was refused.
    means, sds : array, shape (B, k, K)
        Component means and sds, in outcome units per unit of the contrast.
    prior_mean, prior_sd : array, shape (B, k), optional
        Normal prior of the contrast; None under a flat prior, which has no Bayes factor.
    at_zero : callable, optional
        Computes the log posterior density at 0, shape (B, k), where that needs more care than the mixture gives: its
        components cover the posterior, not the far tail in which 0 may lie.
    """

    weights: FloatArray
    means: FloatArray
    sds: FloatArray
    prior_mean: FloatArray | None = None
    prior_sd: FloatArray | None = None
    at_zero: Callable[[], FloatArray] | None = None

    def mean(self) -> FloatArray:
        """Posterior mean."""
        return self._average(self.means)

    def sd(self) -> FloatArray:
        """Posterior standard deviation: within components and between them."""
        between = (self.means - self.mean()[..., None]) ** 2
        return np.sqrt(self._average(self.sds**2 + between))

    def cdf(self, x: FloatArray | float) -> FloatArray:
        """Posterior probability of a value of at most `x`, a number or shape (B, k)."""
        return self._average(ndtr(self._z(x)))

    def density(self, x: FloatArray | float) -> FloatArray:
        """Posterior density at `x`, a number or shape (B, k)."""
        return np.exp(self.log_density(x))

    def log_density(self, x: FloatArray | float) -> FloatArray:
        """Log posterior density at `x`, a number or shape (B, k); finite far out in the tails."""
        log_normal = -0.5 * self._z(x) ** 2 - np.log(self.sds) - 0.5 * np.log(2 * np.pi)
        return np.asarray(logsumexp(log_normal, axis=-1, b=self.weights[:, None, :]))

    def p_positive(self) -> FloatArray:
        """Posterior probability of a value above 0."""
        return self._average(ndtr(-self._z(0.0)))

    def probability(self, low: float, high: float) -> FloatArray:
        """Posterior probability of the range from `low` to `high`, such as a region of practical equivalence.

        Raises
        ------
        ExactEngineError
            If `low` is not below `high`.
        """
        if not low < high:
            raise ExactEngineError(f"the range from {low} to {high} is empty; give low < high")
        return self.cdf(high) - self.cdf(low)

    def quantile(self, q: float) -> FloatArray:
        """Posterior quantile.

        Parameters
        ----------
        q : float
            Probability strictly between 0 and 1.

        Returns
        -------
        array, shape (B, k)

        Raises
        ------
        ExactEngineError
            If `q` is not strictly between 0 and 1.
        """
        if not 0 < q < 1:
            raise ExactEngineError(f"a quantile needs a probability strictly between 0 and 1, got {q}")
        # Only lower tails are solved for: the upper tail is the lower tail of the mirrored mixture, without 1 - q.
        if q > 0.5:
            mirrored = Mixture(weights=self.weights, means=-self.means, sds=self.sds)
            return -mirrored._lower_quantile(1 - q)
        return self._lower_quantile(q)

    def eti(self, prob: float = 0.95) -> tuple[FloatArray, FloatArray]:
        """Equal-tailed interval with posterior probability `prob`: lower and upper limits, each (B, k)."""
        _require_probability(prob)
        tail = (1 - prob) / 2
        return self.quantile(tail), -Mixture(weights=self.weights, means=-self.means, sds=self.sds).quantile(tail)

    def summary(self, prob: float = 0.95) -> dict[str, FloatArray]:
        """Mean, SD, equal-tailed interval and probability above 0, by the names that tables have, each (B, k)."""
        lower, upper = self.eti(prob)
        summed = {"mean": self.mean(), "sd": self.sd(), "lower": lower, "upper": upper}
        return summed | {"p_positive": self.p_positive()}

    def hdi(self, prob: float = 0.95) -> tuple[FloatArray, FloatArray]:
        """Highest-density interval of a marginal with one peak: lower and upper limits, each (B, k).

        Notes
        -----
        Newton on the two equations cdf(u) - cdf(l) = prob and log density(u) = log density(l), from the equal-tailed
        interval. A row where that does not settle is NaN.
        """
        lower, upper = self.eti(prob)
        scale = self.sd()
        for _ in range(50):
            step_lower, step_upper = self._hdi_step(lower, upper, prob)
            step_lower, step_upper = (np.clip(s, -0.5 * scale, 0.5 * scale) for s in (step_lower, step_upper))
            lower, upper = lower + step_lower, upper + step_upper
            settled = np.maximum(np.abs(step_lower), np.abs(step_upper)) <= 1e-11 * scale
            if np.all(settled | np.isnan(scale)):
                break
        return np.where(settled, lower, np.nan), np.where(settled, upper, np.nan)

    def log_bf01(self) -> FloatArray:
        """Log Bayes factor for the value 0 against this contrast's Normal prior, by Savage and Dickey.

        Returns
        -------
        array, shape (B, k)
            log posterior density at 0, minus log prior density at 0.

        Raises
        ------
        ExactEngineError
            Under a flat prior, which has no Bayes factor.

        Notes
        -----
        For a coefficient this is the ratio of the evidences of the models without and with it. For any other contrast
        the model "without" is the one whose prior is this prior, given that the contrast is 0.

        References
        ----------
        .. [1] Dickey J. M. (1971). The weighted likelihood ratio, linear hypotheses on normal location parameters.
           Annals of Mathematical Statistics 42(1), 204-223. https://doi.org/10.1214/aoms/1177693507
        """
        if self.prior_mean is None or self.prior_sd is None:
            raise ExactEngineError("a flat prior has no Bayes factor; give the coefficients Normal priors")
        log_prior = -0.5 * (self.prior_mean / self.prior_sd) ** 2 - np.log(self.prior_sd) - 0.5 * np.log(2 * np.pi)
        return np.asarray((self.at_zero() if self.at_zero else self.log_density(0.0)) - log_prior)

    def log_bf10(self) -> FloatArray:
        """Log Bayes factor against the value 0; see `log_bf01`."""
        return -self.log_bf01()

    def _average(self, values: FloatArray) -> FloatArray:
        return np.asarray(np.einsum("bK,bkK->bk", self.weights, values))

    def _z(self, x: FloatArray | float) -> FloatArray:
        return np.asarray((np.asarray(x)[..., None] - self.means) / self.sds)

    def _cdf_and_density(self, x: FloatArray) -> tuple[FloatArray, FloatArray]:
        z = self._z(x)
        normal = np.exp(-0.5 * z * z) / (np.sqrt(2 * np.pi) * self.sds)
        return self._average(ndtr(z)), self._average(normal)

    def _lower_quantile(self, q: float) -> FloatArray:
        # A mixture's quantile lies between the smallest and the largest of its components'.
        components = self.means + ndtri(q) * self.sds
        scale = self.sd()
        start = np.clip(self.mean() + ndtri(q) * scale, components.min(-1), components.max(-1))

        def excess(x: FloatArray) -> tuple[FloatArray, FloatArray]:
            F, f = self._cdf_and_density(x)
            return F - q, f

        return safeguarded_newton(excess, start, components.min(-1), components.max(-1), TOLERANCE * scale)

    def _hdi_step(self, lower: FloatArray, upper: FloatArray, prob: float) -> tuple[FloatArray, FloatArray]:
        (F_l, f_l), (F_u, f_u) = self._cdf_and_density(lower), self._cdf_and_density(upper)
        slope_l, slope_u = self._log_density_slope(lower, f_l), self._log_density_slope(upper, f_u)
        coverage, balance = F_u - F_l - prob, np.log(f_u / f_l)
        # Jacobian [[-f_l, f_u], [-slope_l, slope_u]] of (coverage, balance) in (lower, upper), by Cramer's rule.
        determinant = -f_l * slope_u + f_u * slope_l
        return (f_u * balance - slope_u * coverage) / determinant, (f_l * balance - slope_l * coverage) / determinant

    def _log_density_slope(self, x: FloatArray, density: FloatArray) -> FloatArray:
        z = self._z(x)
        return self._average(-z * np.exp(-0.5 * z * z) / (np.sqrt(2 * np.pi) * self.sds**2)) / density


def safeguarded_newton(
    excess: Callable[[FloatArray], tuple[FloatArray, FloatArray]],
    x: FloatArray,
    low: FloatArray,
    high: FloatArray,
    tolerance: FloatArray,
) -> FloatArray:
    """Find the root of an increasing function between `low` and `high`, everywhere at once.

    SciPy's `elementwise.find_root` asks for values of some elements only; these functions have one for all or none.

    Parameters
    ----------
    excess : callable
        Returns the function's value and its slope.
    x, low, high : array
        Start and bracket.
    tolerance : array
        A root is found when the step is at most this long.

    Returns
    -------
    array
        The roots; NaN where the function is NaN.
    """
    for _ in range(100):
        value, slope = excess(x)
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            proposal = x - value / slope
        # Convergence is judged before the bracket: a root on the bracket's edge would otherwise be thrown away.
        found = np.abs(proposal - x) <= tolerance + 4 * np.spacing(np.abs(x))
        low, high = np.where(value < 0, x, low), np.where(value < 0, high, x)
        outside = ~((proposal > low) & (proposal < high)) & ~found
        x = np.where(outside, 0.5 * (low + high), proposal)
        found |= high - low <= tolerance
        if np.all(found | np.isnan(value)):
            return x
    return np.where(found, x, np.nan)


def _require_probability(prob: float) -> None:
    if not 0 < prob < 1:
        raise ExactEngineError(f"an interval needs a probability strictly between 0 and 1, got {prob}")
