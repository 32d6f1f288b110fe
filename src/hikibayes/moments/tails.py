"""What differs between the two array libraries: the incomplete beta function of p values, and linear algebra."""

from __future__ import annotations

import math
from importlib import import_module
from typing import Any

from scipy import special

type Array = Any
"""An array of NumPy or of JAX (traced or not)."""


def namespace(array: Array) -> Any:
    """Return the library (``numpy`` or ``jax.numpy``) that an array belongs to."""
    return array.__array_namespace__()


def _betainc(a: Array, b: Array, x: Array) -> Array:
    # JAX takes seconds to import: only what comes from JAX needs it
    special = import_module("scipy.special" if namespace(x).__name__ == "numpy" else "jax.scipy.special")
    return special.betainc(a, b, x)


def two_sided_p(t: Array, df: Array) -> Array:
    """Return the two-sided p of a t statistic (arrays of any shape; ``df`` may be broken)."""
    xp = namespace(t)
    return _betainc(xp.asarray(df) / 2.0, xp.asarray(0.5), df / (df + t**2))


def f_p(f: Array, df1: Array, df2: Array) -> Array:
    """Return the upper-tail p of an F statistic."""
    xp = namespace(f)
    return _betainc(xp.asarray(df2) / 2.0, xp.asarray(df1) / 2.0, df2 / (df2 + df1 * f))


def t_below(share: float, df: float) -> float:
    """Return the t below which a share lies, without an end at 0 and 1; of infinite degrees of freedom a deviate."""
    if not 0 < share < 1:
        return math.copysign(math.inf, share - 0.5)
    return float(special.ndtri(share) if math.isinf(df) else special.stdtrit(df, share))


def f_above(p: float, df1: float, df2: float) -> float:
    """Return the F beyond which a share lies, without an end at 0."""
    return float(special.fdtri(df1, df2, 1 - min(p, 1.0))) if p > 0 else math.inf


def inverse(matrix: Array) -> Array:
    """Return the inverses (..., k, k) of positive definite matrices; of others NaN, infinities, or what NumPy makes."""
    xp = namespace(matrix)
    if xp.__name__ == "numpy":
        return xp.linalg.inv(matrix)
    # a Cholesky factor takes a tenth of the operations that JAX spells out for a general inverse
    solve_triangular = import_module("jax.scipy.linalg").solve_triangular
    root = xp.linalg.cholesky(matrix)
    back = solve_triangular(root, xp.broadcast_to(xp.eye(matrix.shape[-1]), matrix.shape), lower=True)
    return xp.swapaxes(back, -1, -2) @ back
