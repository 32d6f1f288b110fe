"""The marginal posterior of sigma: a smooth density on a fine grid of log sigma, integrated by a cubic spline."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar, Self

import numpy as np
from scipy.interpolate import CubicSpline

from ...arrays import FloatArray
from .mixture import safeguarded_newton
from .sufficient import ExactEngineError


@dataclass(frozen=True, kw_only=True)
class ResidualSD:
    """Posterior of the residual sd for each of B data sets, in the outcome's unit.

    Parameters
    ----------
    log_sigma : array, shape (B, POINTS)
        An even grid of log sigma that holds all of the posterior.
    density : array, shape (B, POINTS)
        Density per unit of the grid's *index scaled to [0, 1]*, with integral 1.
    """

    POINTS: ClassVar[int] = 513
    log_sigma: FloatArray
    density: FloatArray

    @classmethod
    def from_log_density(cls, log_sigma: FloatArray, log_density: FloatArray) -> Self:
        """Normalise a log density given on an even grid of log sigma."""
        relative = np.exp(log_density - log_density.max(axis=1, keepdims=True))
        return cls(log_sigma=log_sigma, density=relative / relative.mean(axis=1, keepdims=True))

    def mean(self) -> FloatArray:
        """Posterior mean of sigma, shape (B,)."""
        return np.asarray((self.density * np.exp(self.log_sigma)).mean(axis=1))

    def sd(self) -> FloatArray:
        """Posterior sd of sigma, shape (B,)."""
        deviation = np.exp(self.log_sigma) - self.mean()[:, None]
        return np.sqrt((self.density * deviation**2).mean(axis=1))

    def cdf(self, sigma: FloatArray | float) -> FloatArray:
        """Posterior probability of a residual sd of at most `sigma`, a number or shape (B, ...)."""
        B = len(self.density)
        values = np.broadcast_to(sigma, (B, *np.shape(sigma)[1:]))
        first, last = self.log_sigma[:, [0]], self.log_sigma[:, [-1]]
        position = np.clip((np.log(values.reshape(B, -1)) - first) / (last - first), 0.0, 1.0)
        return self._cdf_and_density(position)[0].reshape(values.shape)

    def quantile(self, q: float) -> FloatArray:
        """Posterior quantile of sigma, shape (B,)."""
        if not 0 < q < 1:
            raise ExactEngineError(f"a quantile needs a probability strictly between 0 and 1, got {q}")
        return self._inverse(np.full((len(self.density), 1), q))[:, 0]

    def eti(self, prob: float = 0.95) -> tuple[FloatArray, FloatArray]:
        """Equal-tailed interval of sigma with posterior probability `prob`, each limit of shape (B,)."""
        return self.quantile((1 - prob) / 2), self.quantile((1 + prob) / 2)

    def draws(self, rng: np.random.Generator, size: int) -> FloatArray:
        """Independent draws of sigma, shape (B, size)."""
        return self._inverse(rng.random((len(self.density), size)))

    @cached_property
    def _spline(self) -> FloatArray:
        """Distribution functions as polynomials of degree 4 between the grid points, shape (5, POINTS - 1, B)."""
        unit = np.linspace(0.0, 1.0, self.POINTS)
        together = CubicSpline(unit, np.nan_to_num(self.density), axis=1).antiderivative()
        total = np.where(np.isfinite(self.density[:, 0]), together(1.0), np.nan)
        return np.asarray(together.c / total)

    def _cdf_and_density(self, u: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Evaluate at positions on the grid scaled to [0, 1], shape (B, S)."""
        intervals = self.POINTS - 1
        index = np.clip(np.nan_to_num(u * intervals).astype(int), 0, intervals - 1)
        c, x = self._spline[:, index, np.arange(len(u))[:, None]], u - index / intervals
        cdf = (((c[0] * x + c[1]) * x + c[2]) * x + c[3]) * x + c[4]
        return cdf, ((4 * c[0] * x + 3 * c[1]) * x + 2 * c[2]) * x + c[3]

    def _inverse(self, q: FloatArray) -> FloatArray:
        intervals = self.POINTS - 1
        knots = np.column_stack([self._spline[4].T, self._cdf_and_density(np.ones((len(q), 1)))[0]])
        below = np.array([np.searchsorted(row, each) for row, each in zip(knots, q, strict=True)]) - 1
        index = np.clip(below, 0, intervals - 1)
        low, high = index / intervals, (index + 1) / intervals

        def excess(u: FloatArray) -> tuple[FloatArray, FloatArray]:
            cdf, density = self._cdf_and_density(u)
            return cdf - q, density

        u = safeguarded_newton(excess, 0.5 * (low + high), low, high, np.full_like(q, 1e-14))
        first, last = self.log_sigma[:, [0]], self.log_sigma[:, [-1]]
        return np.asarray(np.exp(first + (last - first) * u))
