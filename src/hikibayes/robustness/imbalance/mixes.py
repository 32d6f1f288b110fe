"""Other people than those who took part: reweighted to another mix, matched, or of one level only.

All are weights. Weights of 1 are the participants as they are, unequal ones make another mix, 0 and 1 choose people.
"""

from __future__ import annotations

import numpy as np

from ...arrays import FloatArray
from ..weighting import Population
from .balance import Balance


def everybody(balance: Balance) -> Population:
    """Count each participant of every data set once."""
    return Population.of_each(np.ones(balance.group.shape))


def reweighting(balance: Balance, shares: FloatArray) -> Population:
    """Weigh participants so that each group has another mix.

    Parameters
    ----------
    balance : Balance
        The category.
    shares : array, shape (B, G)
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
    mine = np.stack([np.where(balance.group == g, raw, 0.0) for g in range(shares.shape[1])], axis=1)
    worth = mine.sum(axis=-1) / (mine**2).sum(axis=-1)
    return Population.of_each(raw * balance.by_person(worth))


def matching(balance: Balance, rng: np.random.Generator, *, times: int = 1) -> Population:
    """Choose at random as many participants of each level in one group as in any other, so many times a data set."""
    index = np.repeat(np.arange(len(balance.group)), times)
    group, has_level, counts = balance.group[index], balance.has_level[index], balance.counts[index]
    order, chosen = rng.random(group.shape), np.zeros(group.shape)
    for j, has in enumerate((True, False)):
        wanted = counts[:, :, j].min(axis=1, keepdims=True)
        for g in range(counts.shape[1]):
            cell = (group == g) & (has_level == has)
            rank = np.argsort(np.argsort(np.where(cell, order, 2.0), axis=1), axis=1)
            chosen[cell & (rank < wanted)] = 1.0
    return Population(weights=chosen, index=index)


def within(balance: Balance, level: str, at_least: int) -> Population:
    """Choose the participants of one level, in the data sets where every group has so many of them."""
    has = balance.has_level if level == balance.level else ~balance.has_level
    enough = (balance.counts[:, :, 0 if level == balance.level else 1] >= at_least).all(axis=1)
    return Population(weights=has[enough].astype(np.float64), index=np.flatnonzero(enough))
