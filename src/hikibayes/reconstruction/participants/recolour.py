"""Columns of a group brought to given means and covariances, as far as the limits of their cells let them."""

from __future__ import annotations

import numpy as np

from ...arrays import BoolArray, FloatArray
from .space import Space

ROUNDS = 12
LEAST = 1e-9


def recolour(space: Space, rows: FloatArray, mean: FloatArray, cov: FloatArray, columns: BoolArray) -> FloatArray:
    """Bring some columns to means and covariances, among themselves and with the others, which stay as they are.

    Parameters
    ----------
    space : Space
    rows : ndarray, shape (n, m)
    mean, cov : ndarray, shape (k, m) and (k, m, m)
        Of the groups, in steps of the grains; divisor n - 1.
    columns : ndarray of bool, shape (m,)
        Which to change.

    Notes
    -----
    The part of the columns that the others explain is replaced by what it should be, the rest is multiplied so that its
    covariance is right, and cells beyond their limits are put on them; several times, because that changes the moments.
    """
    rows = rows.copy()
    given, free = np.flatnonzero(~columns), np.flatnonzero(columns)
    for g, part in enumerate(space.parts):
        here = rows[part]
        ends = space.lowest[part][:, free], space.highest[part][:, free]
        fixed = here[:, given] - here[:, given].mean(axis=0)
        slope = np.linalg.pinv(cov[g][np.ix_(given, given)]) @ cov[g][np.ix_(given, free)]
        rest = cov[g][np.ix_(free, free)] - cov[g][np.ix_(free, given)] @ slope
        wanted, moved = _root(rest), here[:, free]
        for _ in range(ROUNDS):
            left = moved - moved.mean(axis=0)
            left = left - fixed @ np.linalg.lstsq(fixed, left, rcond=None)[0]
            found = _root(left.T @ left / (len(here) - 1))
            left = np.linalg.solve(found, left.T).T @ wanted.T
            wished = mean[g, free] + fixed @ slope + left
            moved = np.clip(wished, *ends)
            if (moved == wished).all():
                break
        rows[part, free] = np.where(space.frozen[part][:, free], here[:, free], moved)
    return rows


def _root(cov: FloatArray) -> FloatArray:
    """Return a triangular root of a covariance that may be singular."""
    size, axes = np.linalg.eigh(cov)
    least = LEAST * max(float(size.max(initial=0.0)), LEAST)
    return np.asarray(np.linalg.cholesky((axes * np.maximum(size, least)) @ axes.T))
