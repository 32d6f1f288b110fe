"""The marginal posterior of sigma: a smooth density on a fine grid of log sigma, integrated by a cubic spline."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
from scipy.interpolate import CubicSpline, PPoly

from .mixture import safeguarded_newton
from .sufficient import ExactEngineError, FloatArray

__all__ = ["ResidualSD"]


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
        values = np.broadcast_to(sigma, (len(self.density), *np.shape(sigma)[1:]))
        return np.array(
            [
                cdf(np.clip(_position(grid, np.log(x)), 0.0, 1.0))
                for cdf, grid, x in zip(self._cdfs(), self.log_sigma, values, strict=True)
            ]
        )

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

    def _cdfs(self) -> list[PPoly]:
        unit = np.linspace(0.0, 1.0, self.POINTS)
        together = CubicSpline(unit, np.nan_to_num(self.density), axis=1).antiderivative()
        total = np.where(np.isfinite(self.density[:, 0]), together(1.0), np.nan)
        return [PPoly.construct_fast(together.c[..., i] / total[i], unit) for i in range(len(total))]

    def _inverse(self, q: FloatArray) -> FloatArray:
        rows = []
        for cdf, grid, row in zip(self._cdfs(), self.log_sigma, q, strict=True):
            table = cdf(np.linspace(0.0, 1.0, self.POINTS))
            index = np.clip(np.searchsorted(table, row) - 1, 0, self.POINTS - 2)
            low, high = index / (self.POINTS - 1), (index + 1) / (self.POINTS - 1)
            rows.append(grid[0] + (grid[-1] - grid[0]) * _invert(cdf, row, low, high))
        return np.exp(np.array(rows))


def _invert(cdf: PPoly, q: FloatArray, low: FloatArray, high: FloatArray) -> FloatArray:
    slope = cdf.derivative()

    def excess(u: FloatArray) -> tuple[FloatArray, FloatArray]:
        return cdf(u) - q, slope(u)

    return safeguarded_newton(excess, 0.5 * (low + high), low, high, np.full_like(q, 1e-14))


def _position(grid: FloatArray, log_sigma: FloatArray) -> FloatArray:
    return np.asarray((log_sigma - grid[0]) / (grid[-1] - grid[0]))
