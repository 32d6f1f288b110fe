"""The sufficient statistics that a study can be expected to have."""

from __future__ import annotations

from math import floor

import numpy as np

from ...arrays import FloatArray
from ...inference.gaussian.sufficient import SufficientStatistics
from .columns import CellColumns
from .worlds import Worlds


def expected(columns: CellColumns, worlds: Worlds, counts: FloatArray) -> SufficientStatistics:
    """Return the sufficient statistics that a model's design can be expected to have in the first of the worlds.

    Parameters
    ----------
    columns : CellColumns
        The model's columns, p of them.
    worlds : Worlds
        Populations.
    counts : array, shape (C,)
        Participants by cell; shares of one participant give cross-products per participant.
    """
    group, n = worlds.frame.group_of, counts.sum()
    first = worlds.take(np.array([0]))
    mean, cov = (each[0] for each in first.predictor_moments())
    slope = worlds.slope[0]
    every = np.concatenate([columns.linear, slope[:, None]], axis=1)  # the outcome is one more column
    at = np.concatenate([columns.constant, worlds.level[0][:, None]], axis=1) + np.einsum("cpm,cm->cp", every, mean)
    total = counts @ at / n
    cross = np.einsum("c,cp,cq->pq", counts, at - total, at - total)
    cross += np.einsum("c,cpi,cij,cqj->pq", counts, every, cov, every)
    return SufficientStatistics(
        names=columns.names,
        n=np.array([floor(n + 1e-9)]),
        x_mean=total[None, :-1],
        y_mean=total[-1:],
        sxx=cross[None, :-1, :-1],
        sxy=cross[None, -1, :-1],
        syy=cross[-1:, -1] + counts @ worlds.sigma[0][group] ** 2,
    )
