"""The smallest change of continuous scores that puts every number inside its interval.

Numbers are nearly linear in the cells. Among all changes that bring them inside, the one of the smallest sum of squares
(in SDs of each column) is a projection on a polyhedron, which non-negative least squares finds. Cells near their limits
hardly move, those that reach one stay there, and a few rounds settle what is not linear.
"""

from __future__ import annotations

import numpy as np
from scipy.linalg import cholesky
from scipy.optimize import nnls

from ...arrays import BoolArray, FloatArray
from .moves import Aim, effects
from .numbers import HAIR, Numbers
from .space import Space, moments

MARGINS = (0.3, 0.1, 0.03, 0.01)
"""How far inside their intervals numbers are asked for, in widths; less where they do not get there."""
ROUNDS = 5
ROOM = 20.0
"""A cell moves freely where it is more than 1/20 of the range from its limits."""
SOFT = 1e-7
"""What a number left outside costs less than: a ridge, in the mean square effect of all cells."""


def change_least(
    space: Space, numbers: Numbers, rows: FloatArray, aim: Aim, columns: BoolArray
) -> tuple[FloatArray, FloatArray]:
    """Change cells of some columns as little as every number allows.

    Parameters
    ----------
    space, numbers
    rows : ndarray, shape (n, m)
    aim : Aim
    columns : ndarray of bool, shape (m,)
        Which columns may change; their cells become any real number within the limits.

    Returns
    -------
    rows : ndarray, shape (n, m)
        The best there were.
    outside : ndarray, shape (goals,)
        How far their numbers are outside; all 0 where every number is inside.
    """
    best, best_worst = rows, np.inf
    for margin in MARGINS:
        here = best if best_worst < np.inf else rows
        for _ in range(ROUNDS):
            value, by_mean, by_cov = numbers.linear(*moments(space, here))
            outside = aim.outside(value, HAIR)
            worst = float(outside.max(initial=0.0))
            if worst < best_worst:
                best, best_worst = here, worst
            if worst == 0:
                return here, outside
            here = _projected(space, here, aim, margin, columns, value, (by_mean, by_cov))
    return best, aim.outside(numbers.values(*moments(space, best)))


def _projected(
    space: Space,
    rows: FloatArray,
    aim: Aim,
    margin: float,
    columns: BoolArray,
    value: FloatArray,
    slopes: tuple[FloatArray, FloatArray],
) -> FloatArray:
    used = np.arange(len(value))
    linear, _ = effects(space, rows, slopes, used)
    span = space.highest - space.lowest
    room = np.minimum(rows - space.lowest, space.highest - rows) / span
    sd = np.maximum(rows.std(axis=0), 1e-9)
    weight = np.where(columns, sd**2, 0.0) * np.clip(ROOM * room, 1e-3, 1.0) * ~space.frozen
    effect = (linear / aim.width).reshape(-1, len(value))
    gram = effect.T @ (effect * weight.reshape(-1, 1))
    low, high = (aim.low - value) / aim.width + margin, (aim.high - value) / aim.width - margin
    force = project(gram, low, np.maximum(high, low))
    moved = rows + weight * (effect @ force).reshape(rows.shape)
    return np.clip(moved, space.lowest, space.highest)


def project(gram: FloatArray, low: FloatArray, high: FloatArray) -> FloatArray:
    """Return multipliers of the smallest change that brings numbers between two ends.

    Parameters
    ----------
    gram : ndarray, shape (t, t)
        Products of the numbers' effects.
    low, high : ndarray, shape (t,)
        Ends for the numbers' changes; infinite ones are left out.

    Returns
    -------
    ndarray, shape (t,)
        With effects G (t, cells) and ``gram = G G'`` the change is ``G' force``.

    Notes
    -----
    Least distance programming by non-negative least squares; Lawson & Hanson (1974), chapter 23.
    """
    root = cholesky(gram + SOFT * max(float(np.trace(gram)) / len(gram), 1e-12) * np.eye(len(gram)), lower=True)
    sides = [(root[np.isfinite(low)], low[np.isfinite(low)]), (-root[np.isfinite(high)], -high[np.isfinite(high)])]
    walls, ends = (np.concatenate(part) for part in zip(*sides, strict=True))
    if (ends <= 0).all():
        return np.zeros(len(gram))
    system = np.vstack([walls.T, ends])
    wanted = np.append(np.zeros(len(gram)), 1.0)
    found, _ = nnls(system, wanted, maxiter=30 * system.shape[1])
    left = system @ found - wanted
    return np.asarray(np.linalg.solve(root.T, -left[:-1] / left[-1]))
