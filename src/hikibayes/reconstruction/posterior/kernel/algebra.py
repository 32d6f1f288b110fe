"""Small dense linear algebra with its derivatives.

Sums are written as loops: for a handful of columns they are as fast as array expressions, and each array expression
would add a second to the compilation. Derivatives of Cholesky factors follow Murray (2016), arXiv:1602.07527.
"""

# mypy: disallow-untyped-decorators=False, warn-return-any=False

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

__all__ = [
    "add",
    "add_outer",
    "cholesky",
    "cholesky_backward",
    "dot",
    "helper",
    "inverse_factor",
    "logistic",
    "product",
    "softplus",
    "times",
    "transposed",
]

type FloatArray = NDArray[np.float64]

helper = njit(no_cpython_wrapper=True, no_cfunc_wrapper=True, error_model="numpy")
"""Compile a function that only compiled functions call: without what a call from Python needs."""


# -- products --------------------------------------------------------------------------------------------------------


@helper
def dot(x: FloatArray, y: FloatArray) -> float:
    """Return x'y."""
    total = 0.0
    for i in range(x.size):
        total += x[i] * y[i]
    return total


@helper
def times(a: FloatArray, x: FloatArray) -> FloatArray:
    """Return the product of a matrix and a vector."""
    found = np.zeros(a.shape[0])
    for i in range(a.shape[0]):
        for j in range(a.shape[1]):
            found[i] += a[i, j] * x[j]
    return found


@helper
def product(a: FloatArray, b: FloatArray) -> FloatArray:
    """Return the product of two matrices."""
    found = np.zeros((a.shape[0], b.shape[1]))
    for i in range(a.shape[0]):
        for q in range(a.shape[1]):
            factor = a[i, q]
            if factor != 0:
                for j in range(b.shape[1]):
                    found[i, j] += factor * b[q, j]
    return found


@helper
def transposed(a: FloatArray) -> FloatArray:
    """Return a transposed copy."""
    found = np.empty((a.shape[1], a.shape[0]))
    for i in range(a.shape[0]):
        for j in range(a.shape[1]):
            found[j, i] = a[i, j]
    return found


@helper
def add(total: FloatArray, factor: float, x: FloatArray) -> None:
    """Add a multiple of a vector."""
    for i in range(x.size):
        total[i] += factor * x[i]


@helper
def add_outer(total: FloatArray, factor: float, x: FloatArray, y: FloatArray) -> None:
    """Add a multiple of xy'."""
    for i in range(x.size):
        for j in range(y.size):
            total[i, j] += factor * x[i] * y[j]


# -- Cholesky factors ------------------------------------------------------------------------------------------------


@helper
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


@helper
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


@helper
def cholesky_backward(root: FloatArray, inverse: FloatArray, root_bar: FloatArray) -> FloatArray:
    """Return the symmetric derivative with respect to the matrix; above the diagonal ``root_bar`` is not read."""
    k = root.shape[0]
    inner = np.zeros((k, k))
    for i in range(k):
        for q in range(i, k):
            for j in range(i + 1):
                inner[i, j] += root[q, i] * root_bar[q, j]
        inner[i, i] *= 0.5
    full = product(transposed(inverse), product(inner, inverse))
    for i in range(k):
        for j in range(i + 1):
            full[i, j] = full[j, i] = 0.5 * (full[i, j] + full[j, i])
    return full


# -- logistic curves -------------------------------------------------------------------------------------------------


@helper
def softplus(x: float) -> float:
    """Return log(1 + exp(x))."""
    return x + np.log1p(np.exp(-x)) if x > 0 else np.log1p(np.exp(x))


@helper
def logistic(x: float) -> float:
    """Return 1 / (1 + exp(-x))."""
    return 1.0 / (1.0 + np.exp(-x)) if x > 0 else np.exp(x) / (1.0 + np.exp(x))
