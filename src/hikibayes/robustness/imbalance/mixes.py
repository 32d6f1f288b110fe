"""Other people than those who took part: reweighted to another mix, matched, or of one level only.

All are weights. Weights of 1 are the participants as they are, unequal ones make another mix, 0 and 1 choose people.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...arrays import FloatArray, IntArray
from ...inference.gaussian.sufficient import SufficientStatistics
from .balance import Balance


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


def everybody(balance: Balance) -> Population:
    """Count each participant of every data set once."""
    return Population(weights=np.ones(balance.group.shape), index=np.arange(len(balance.group)))


def reweighting(balance: Balance, shares: FloatArray) -> Population:
    """Weigh participants so that each group has another mix.

    Parameters
    ----------
    balance : Balance
        The category.
    shares : array, shape (B, 2)
        Share of its level by group.

    Returns
    -------
    Population
        Each group counts for as many people as its weights are worth: the square of their sum over the sum of their
        squares [1]_. Unequal weights cost precision, and the posterior must show it.

    References
    ----------
    .. [1] Kish L. (1965). Survey Sampling. Wiley, section 11.7.
    """
    wanted, found = balance.by_person(shares), balance.by_person(balance.shares)
    raw = np.where(balance.has_level, wanted / found, (1 - wanted) / (1 - found))
    mine = np.stack([np.where(balance.group == g, raw, 0.0) for g in (0, 1)], axis=1)
    worth = mine.sum(axis=-1) / (mine**2).sum(axis=-1)
    return Population(weights=raw * balance.by_person(worth), index=np.arange(len(raw)))


def matching(balance: Balance, rng: np.random.Generator, *, times: int = 1) -> Population:
    """Choose at random as many participants of each level in one group as in the other, so many times a data set."""
    index = np.repeat(np.arange(len(balance.group)), times)
    group, has_level, counts = balance.group[index], balance.has_level[index], balance.counts[index]
    order, chosen = rng.random(group.shape), np.zeros(group.shape)
    for j, has in enumerate((True, False)):
        wanted = counts[:, :, j].min(axis=1, keepdims=True)
        for g in (0, 1):
            cell = (group == g) & (has_level == has)
            rank = np.argsort(np.argsort(np.where(cell, order, 2.0), axis=1), axis=1)
            chosen[cell & (rank < wanted)] = 1.0
    return Population(weights=chosen, index=index)


def within(balance: Balance, level: str, at_least: int) -> Population:
    """Choose the participants of one level, in the data sets where both groups have so many of them."""
    has = balance.has_level if level == balance.level else ~balance.has_level
    enough = (balance.counts[:, :, 0 if level == balance.level else 1] >= at_least).all(axis=1)
    return Population(weights=has[enough].astype(np.float64), index=np.flatnonzero(enough))


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
