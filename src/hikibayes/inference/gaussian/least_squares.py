"""Least squares of designs of any rank: what it says where columns are sums of each other, and what it cannot say.

A singular design has no coefficients of its own, but it has fitted values, and sums of coefficients that every solution
agrees on. A generalised inverse gives these; what it would give for anything else is left empty.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ...arrays import BoolArray, FloatArray, IntArray
from .sufficient import SufficientStatistics

SINGULAR = 1e-10
"""Share of a standardised column's variance below which what the others leave of it is rounding."""
OUTSIDE = 1e-5
"""Share of a contrast outside what the rows span above which least squares does not know it."""


@dataclass(frozen=True, kw_only=True)
class LeastSquares:
    """Ordinary least squares in B data sets of p columns.

    Parameters
    ----------
    stats : SufficientStatistics
        Of the data sets.
    """

    stats: SufficientStatistics

    @cached_property
    def _inverted(self) -> tuple[FloatArray, IntArray]:
        return generalised_inverse(self.stats.sxx)

    @property
    def inverse(self) -> FloatArray:
        """A generalised inverse of the columns' cross-products, (B, p, p)."""
        return self._inverted[0]

    @property
    def rank(self) -> IntArray:
        """How many columns are independent, (B,)."""
        return self._inverted[1]

    @property
    def df(self) -> IntArray:
        """Residual degrees of freedom, (B,); 0 where the rows are no more than the coefficients."""
        return np.asarray(np.maximum(self.stats.n - self.rank - 1, 0))

    @cached_property
    def coefficients(self) -> FloatArray:
        """One solution, (B, p); in a singular design only what `estimable` lets through means anything."""
        return np.asarray(np.einsum("bij,bj->bi", self.inverse, self.stats.sxy))

    @cached_property
    def residual(self) -> FloatArray:
        """Residual sum of squares of the outcome, (B,)."""
        return np.asarray(self.stats.syy - np.einsum("bi,bi->b", self.coefficients, self.stats.sxy))

    def estimates(self, weights: FloatArray) -> FloatArray:
        """Return the values of contrasts (B, k, p), shape (B, k); NaN where least squares does not know them."""
        values = np.einsum("bkp,bp->bk", weights, self.coefficients)
        return np.where(self.estimable(weights), values, np.nan)

    def estimable(self, weights: FloatArray) -> BoolArray:
        """Tell which contrasts (B, k, p) have one value in every solution, shape (B, k)."""
        back = np.einsum("bkp,bpi,bij->bkj", weights, self.inverse, self.stats.sxx)
        size = 1 / np.sqrt(np.diagonal(self.stats.sxx, axis1=1, axis2=2))[:, None]
        outside, whole = (np.sqrt(np.sum((part * size) ** 2, axis=-1)) for part in (weights - back, weights))
        return np.asarray(outside <= OUTSIDE * whole)


def generalised_inverse(sxx: FloatArray) -> tuple[FloatArray, IntArray]:
    """Invert cross-products (B, p, p) of any rank and unit; return the inverses and the ranks (B,)."""
    scale = np.sqrt(np.diagonal(sxx, axis1=-2, axis2=-1))
    scale = np.where(scale > 0, scale, 1.0)
    outer = scale[..., :, None] * scale[..., None, :]
    values, vectors = np.linalg.eigh(sxx / outer)
    kept = values > SINGULAR * values.shape[-1]
    inverse = np.where(kept, 1 / np.where(kept, values, 1.0), 0.0)
    return (vectors * inverse[..., None, :]) @ vectors.swapaxes(-1, -2) / outer, kept.sum(axis=-1)


def dependencies(stats: SufficientStatistics) -> Iterator[tuple[str, ...]]:
    """Yield, for each column of the first data set that is a sum of earlier ones, its name and theirs."""
    scale = np.sqrt(np.diagonal(stats.sxx[0]))
    correlation = stats.sxx[0] / np.outer(scale, scale)
    independent: list[int] = []
    for j, name in enumerate(stats.names):
        of_others = correlation[np.ix_(independent, independent)]
        weights = np.linalg.solve(of_others, correlation[independent, j])
        if 1 - weights @ correlation[independent, j] > SINGULAR * len(stats.names):
            independent.append(j)
        else:
            yield (
                name,
                *(stats.names[i] for i, weight in zip(independent, weights, strict=True) if abs(weight) > OUTSIDE),
            )
