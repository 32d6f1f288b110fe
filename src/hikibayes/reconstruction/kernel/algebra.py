"""Small dense linear algebra with its derivatives.

Derivatives of Cholesky factors follow Murray (2016), arXiv:1602.07527.
"""

# mypy: disallow-untyped-decorators=False, warn-return-any=False

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

__all__ = ["cholesky", "cholesky_backward", "inverse_factor", "logistic", "softplus"]

type FloatArray = NDArray[np.float64]


@njit(cache=True)
def cholesky(a: FloatArray) -> tuple[FloatArray, bool]:
    """Return the lower factor and whether the matrix was positive definite."""
    k = a.shape[0]
    root = np.zeros((k, k))
    for i in range(k):
        for j in range(i + 1):
            total = a[i, j]
            for q in range(j):
                total -= root[i, q] * root[j, q]
            if i == j:
                if not total > 1e-13:
                    return root, False
                root[i, i] = np.sqrt(total)
            else:
                root[i, j] = total / root[j, j]
    return root, True


@njit(cache=True)
def inverse_factor(root: FloatArray) -> FloatArray:
    """Return the inverse of a lower factor."""
    k = root.shape[0]
    inverse = np.zeros((k, k))
    for j in range(k):
        inverse[j, j] = 1.0 / root[j, j]
        for i in range(j + 1, k):
            total = 0.0
            for q in range(j, i):
                total += root[i, q] * inverse[q, j]
            inverse[i, j] = -total / root[i, i]
    return inverse


@njit(cache=True)
def cholesky_backward(root: FloatArray, inverse: FloatArray, root_bar: FloatArray) -> FloatArray:
    """Return the symmetric derivative with respect to the matrix."""
    k = root.shape[0]
    inner = root.T @ np.tril(root_bar)
    for i in range(k):
        inner[i, i] *= 0.5
        for j in range(i + 1, k):
            inner[i, j] = 0.0
    full = inverse.T @ inner @ inverse
    return 0.5 * (full + full.T)


@njit(cache=True)
def softplus(x: float) -> float:
    """Return log(1 + exp(x))."""
    return x + np.log1p(np.exp(-x)) if x > 0 else np.log1p(np.exp(x))


@njit(cache=True)
def logistic(x: float) -> float:
    """Return 1 / (1 + exp(-x))."""
    return 1.0 / (1.0 + np.exp(-x)) if x > 0 else np.exp(x) / (1.0 + np.exp(x))
