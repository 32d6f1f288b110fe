"""Climb to a starting point: L-BFGS with backtracking, which shrugs at points where nothing fits.

Library optimisers give up when a step lands where the density is zero. Here a step is simply halved until it does not.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

__all__ = ["climb"]

type FloatArray = NDArray[np.float64]

MEMORY = 12
ENOUGH = 1e-4
"""Armijo's share of the promised gain that a step must bring."""


def climb(
    density: Callable[[FloatArray], tuple[float, FloatArray]], start: FloatArray, *, steps: int, gain: float = 1e-4
) -> FloatArray:
    """Return a point of higher log density.

    Parameters
    ----------
    density : callable
        Returns log density (minus infinity where nothing fits) and gradient.
    start : ndarray
        A point of finite density.
    steps : int
        Most iterations.
    gain : float
        Stop when ten steps together bring less than this.
    """
    x = start.copy()
    value, gradient = density(x)
    pairs: deque[tuple[FloatArray, FloatArray, float]] = deque(maxlen=MEMORY)
    history = [value]
    for _ in range(steps):
        direction = _direction(gradient, pairs)
        slope = float(direction @ gradient)
        if slope <= 0:
            pairs.clear()
            direction, slope = gradient, float(gradient @ gradient)
        length = 1.0 if pairs else min(1.0, 1.0 / float(np.linalg.norm(direction)))
        for _ in range(40):
            moved = x + length * direction
            new_value, new_gradient = density(moved)
            if np.isfinite(new_value) and new_value >= value + ENOUGH * length * slope:
                break
            length /= 2
        else:
            if not pairs:
                break
            pairs.clear()
            continue
        change, turn = moved - x, gradient - new_gradient
        if (curvature := float(change @ turn)) > 1e-12 * float(turn @ turn):
            pairs.append((change, turn, curvature))
        x, value, gradient = moved, new_value, new_gradient
        history.append(value)
        if len(history) > 10 and value - history[-11] < gain:
            break
    return x


def _direction(gradient: FloatArray, pairs: deque[tuple[FloatArray, FloatArray, float]]) -> FloatArray:
    """Apply the inverse Hessian's approximation (Nocedal & Wright 2006, algorithm 7.4)."""
    direction = gradient.copy()
    weights = []
    for change, turn, curvature in reversed(pairs):
        weight = float(change @ direction) / curvature
        direction -= weight * turn
        weights.append(weight)
    if pairs:
        _, turn, curvature = pairs[-1]
        direction *= curvature / float(turn @ turn)
    for (change, turn, curvature), weight in zip(pairs, reversed(weights), strict=True):
        direction += (weight - float(turn @ direction) / curvature) * change
    return direction
