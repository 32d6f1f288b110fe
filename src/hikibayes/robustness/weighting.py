"""Participants who count for more or fewer people than one: rows under weights, as sufficient statistics."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..arrays import FloatArray, IntArray
from ..inference.gaussian.sufficient import SufficientStatistics


@dataclass(frozen=True, kw_only=True)
class Population:
    """Whom to count, and how much, in U uses of data sets of n participants.

    Parameters
    ----------
    weights : array, shape (U, n)
        Everybody's weight; their sum is how many people a data set counts for.
    index : array of int, shape (U,)
        Which data set each use is of.
    """

    weights: FloatArray
    index: IntArray


def weighted_statistics(
    rows: FloatArray, outcome: FloatArray, names: tuple[str, ...], population: Population
) -> SufficientStatistics:
    """Reduce rows to weighted sufficient statistics.

    Parameters
    ----------
    rows : array, shape (B, n, p)
        Columns.
    outcome : array, shape (B, n)
        Their outcome.
    names : tuple of str, length p
        Of the columns.
    population : Population
        U uses of the B data sets. The sum of a use's weights is rounded to whole people, and the weights with it.

    Returns
    -------
    SufficientStatistics
        Of U data sets.
    """
    w, X, y = population.weights, rows[population.index], outcome[population.index]
    n = np.rint(w.sum(axis=1))
    w = w * (n / w.sum(axis=1))[:, None]
    x_mean, y_mean = np.einsum("ui,uip->up", w, X) / n[:, None], (w * y).sum(axis=1) / n
    Xc, yc = X - x_mean[:, None], y - y_mean[:, None]
    weighted = (w[:, :, None] * Xc).swapaxes(1, 2)
    return SufficientStatistics(
        names=names,
        n=n.astype(np.int64),
        x_mean=x_mean,
        y_mean=y_mean,
        sxx=weighted @ Xc,
        sxy=(weighted @ yc[:, :, None])[..., 0],
        syy=np.einsum("ui,ui,ui->u", yc, w, yc),
    )
