"""From moments by cell to what a model's regression needs: its columns' means and cross-products over all cells.

Importing this module imports numba.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ..inference.gaussian.lanes import FAST
from ..inference.sufficient import SufficientStatistics
from ..reconstruction.compiled import compiler
from .columns import CellColumns, FloatArray
from .samples import Moments
from .worlds import IntArray

__all__ = ["pool"]

compiled = compiler()(nogil=True, fastmath=set(FAST))


def pool(drawn: Moments, columns: CellColumns) -> SufficientStatistics:
    """Pool moments by cell into the sufficient statistics of a model's design.

    Parameters
    ----------
    drawn : Moments
        Of W samples.
    columns : CellColumns
        The model's columns; each uses at most one score in a cell.

    Returns
    -------
    SufficientStatistics
        Of W data sets.
    """
    W, p = len(drawn.counts), len(columns.names)
    mean, cross = np.empty((W, p + 1)), np.empty((W, p + 1, p + 1))
    _pool(drawn, _Columns.of(columns), mean, cross)
    return SufficientStatistics(
        names=columns.names,
        n=drawn.counts.sum(axis=1),
        x_mean=mean[:, :p],
        y_mean=mean[:, p],
        sxx=np.ascontiguousarray(cross[:, :p, :p]),
        sxy=np.ascontiguousarray(cross[:, p, :p]),
        syy=cross[:, p, p],
    )


class _Columns(NamedTuple):
    """A design as the loop takes it; in a cell a column is constant, or a constant plus a weight times one score."""

    constant: FloatArray
    """(C, p)"""
    moving: IntArray
    """(C, p) the columns that move with a score, first; then padding."""
    moves: IntArray
    """(C,) how many these are."""
    score: IntArray
    """(C, p) the score that a column moves with."""
    weight: FloatArray
    """(C, p)"""

    @classmethod
    def of(cls, columns: CellColumns) -> _Columns:
        used = columns.linear != 0
        still = ~used.any(axis=-1)
        moving = np.argsort(still, axis=1, kind="stable")
        # a model without a score has nothing to look for
        score = used.argmax(axis=-1) if used.size else np.zeros_like(moving)
        return cls(columns.constant, moving, (~still).sum(axis=1), score, columns.linear.sum(axis=-1))


@compiled
def _pool(drawn: Moments, columns: _Columns, total: FloatArray, cross: FloatArray) -> None:
    """Pool means and cross-products of columns and outcome over the cells, the outcome last."""
    W, C = drawn.counts.shape
    at = np.empty((C, total.shape[1]))
    for w in range(W):
        _pool_means(drawn.counts[w], drawn.centre[w], columns, total[w], at)
        pooled = cross[w]
        pooled[:] = 0.0
        for cell in range(C):
            _add_between(drawn.counts[w, cell], at[cell], pooled)
            if drawn.scatter[w, cell, -1, -1] > 0:
                _add_within(drawn.scatter[w, cell], cell, columns, pooled)
        for j in range(len(pooled)):
            for k in range(j):
                pooled[k, j] = pooled[j, k]


@compiled
def _pool_means(counts: IntArray, centre: FloatArray, columns: _Columns, mean: FloatArray, at: FloatArray) -> None:
    """Fill the pooled mean of each column, and how far each cell's is away from it."""
    p, n = len(mean) - 1, 0
    mean[:] = 0.0
    for cell in range(len(counts)):
        n += counts[cell]
        for j in range(p):
            at[cell, j] = columns.constant[cell, j]
        for i in range(columns.moves[cell]):
            j = columns.moving[cell, i]
            at[cell, j] += columns.weight[cell, j] * centre[cell, columns.score[cell, j]]
        at[cell, p] = centre[cell, -1]
        for j in range(p + 1):
            mean[j] += counts[cell] * at[cell, j]
    for j in range(p + 1):
        mean[j] /= n
        for cell in range(len(counts)):
            at[cell, j] -= mean[j]


@compiled
def _add_between(n: int, away: FloatArray, pooled: FloatArray) -> None:
    for j in range(len(away)):
        by = n * away[j]
        for k in range(j + 1):
            pooled[j, k] += by * away[k]


@compiled
def _add_within(scatter: FloatArray, cell: int, columns: _Columns, pooled: FloatArray) -> None:
    score, weight, moving = columns.score[cell], columns.weight[cell], columns.moving[cell]
    p, outcome = len(score), len(scatter) - 1
    for i in range(columns.moves[cell]):
        j = moving[i]
        for other in range(i + 1):
            k = moving[other]
            pooled[j, k] += weight[j] * weight[k] * scatter[score[j], score[k]]
        pooled[p, j] += weight[j] * scatter[outcome, score[j]]
    pooled[p, p] += scatter[outcome, outcome]
