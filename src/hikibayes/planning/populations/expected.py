"""The sufficient statistics that a study can be expected to have."""

from __future__ import annotations

import numpy as np

from ...arrays import FloatArray
from ...inference.gaussian.sufficient import SufficientStatistics
from .columns import CellColumns
from .worlds import Worlds


def expected(columns: CellColumns, worlds: Worlds, counts: FloatArray) -> SufficientStatistics:
    """Return the sufficient statistics that a model's design can be expected to have in each of W worlds.

    Parameters
    ----------
    columns : CellColumns
        The model's columns, p of them.
    worlds : Worlds
        Populations.
    counts : array, shape (C,) or (W, C)
        Participants by cell; shares of one participant give cross-products per participant.
    """
    mean, cov = worlds.predictor_moments()
    counts = np.broadcast_to(counts, mean.shape[:2])
    n, many = counts.sum(axis=1), len(mean)
    # the outcome is one more column
    every = np.concatenate(
        [np.broadcast_to(columns.linear, (many, *columns.linear.shape)), worlds.slope[:, :, None]], 2
    )
    constant = np.broadcast_to(columns.constant, (many, *columns.constant.shape))
    at = np.concatenate([constant, worlds.level[..., None]], axis=2) + np.einsum("wcpm,wcm->wcp", every, mean)
    total = np.einsum("wc,wcp->wp", counts, at) / n[:, None]
    away, weighted = at - total[:, None], counts[..., None, None] * every
    cross = (counts[..., None] * away).swapaxes(1, 2) @ away
    cross += (weighted @ cov @ every.swapaxes(2, 3)).sum(axis=1)
    residual = (counts * worlds.sigma[:, worlds.frame.group_of] ** 2).sum(axis=1)
    return SufficientStatistics(
        names=columns.names,
        n=np.floor(n + 1e-9),
        x_mean=total[:, :-1],
        y_mean=total[:, -1],
        sxx=cross[:, :-1, :-1],
        sxy=cross[:, -1, :-1],
        syy=cross[:, -1, -1] + residual,
    )
