"""Looks at a study while it runs: when, and what ends it early."""

from __future__ import annotations

from math import ceil
from typing import Annotated, Self

import numpy as np
from pydantic import Field, model_validator
from scipy.optimize import brentq
from scipy.special import ndtr, ndtri

from ...arrays import FloatArray
from ...spec import Number, Probability, Spec
from .rules import Rule

MOST_LOOKS = 10
NODES = 160
FAR = 9.0
"""Standard errors beyond which a z has no mass that counts."""


class Predictive(Spec):
    """Futility by the predictive probability that the conclusion will be drawn at the last look."""

    predictive_below: Probability


class Looks(Spec):
    """When a running study is looked at; it ends as soon as it concludes, or as going on is futile.

    Notes
    -----
    It concludes by the first decision's ``rule``, or by the one ``against`` it. Both, and futility, are binding.
    """

    at: Annotated[tuple[Annotated[Number, Field(gt=0, le=1)], ...], Field(min_length=1, max_length=MOST_LOOKS)]
    """Shares of the participants at which it is looked at, rising; the last is 1."""
    futility: Predictive | Rule | None = None
    """What ends it before the last look without a conclusion: a rule, or ``{predictive_below = 0.1}``."""

    @model_validator(mode="after")
    def _rising(self) -> Self:
        if any(later <= earlier for earlier, later in zip(self.at, self.at[1:], strict=False)) or self.at[-1] != 1:
            found = ", ".join(f"{share:g}" for share in self.at)
            raise ValueError(f"looks rise, and the last is at 1, all the participants; found {found}")
        return self

    def sizes(self, whole: tuple[int, ...]) -> list[tuple[int, ...]]:
        """Participants by group at each look, of so many in the end; each look has more than the one before."""
        return [tuple(ceil(share * n - 1e-9) for n in whole) for share in self.at]


def crossing(share: FloatArray, low: FloatArray, high: FloatArray, drift: float = 0.0) -> tuple[FloatArray, FloatArray]:
    """Return the probabilities that a z first leaves a corridor at each look, below and above.

    Parameters
    ----------
    share : array, shape (K,)
        Information at each look, over that at the last.
    low, high : array, shape (K,)
        The corridor; a look without a lower end has ``-inf``.
    drift : float
        Expected z at the last look.

    Returns
    -------
    below, above : array, shape (K,)

    References
    ----------
    .. [1] Armitage P., McPherson C. K., Rowe B. C. (1969). Repeated significance tests on accumulating data. Journal
       of the Royal Statistical Society A 132(2), 235-244. https://doi.org/10.2307/2343787
    """
    x, weights = np.polynomial.legendre.leggauss(NODES)
    below, above = np.zeros(len(share)), np.zeros(len(share))
    points, mass = np.zeros(1), np.ones(1)
    before = 0.0
    for k, now in enumerate(share):
        mean = points * np.sqrt(before / now) + drift * (now - before) / np.sqrt(now)
        sd = np.sqrt((now - before) / now)
        below[k] = mass @ ndtr((low[k] - mean) / sd)
        above[k] = mass @ ndtr((mean - high[k]) / sd)
        centre = drift * np.sqrt(now)
        ends = np.clip([low[k], high[k]], centre - FAR, centre + FAR)
        points, before = ends.mean() + np.ptp(ends) / 2 * x, now
        density = np.exp(-0.5 * ((points[:, None] - mean) / sd) ** 2) / (sd * np.sqrt(2 * np.pi))
        mass = np.ptp(ends) / 2 * weights * (density @ mass)
    return below, above


def calibrated(at: tuple[float, ...], error: float = 0.025) -> float:
    """Return the posterior probability that keeps the chance of a false conclusion over all looks.

    Parameters
    ----------
    at : tuple of float
        Shares of the participants at each look.
    error : float
        Chance that P(> 0) passes the threshold at some look where the effect is 0, under a flat prior.

    Notes
    -----
    In normal form; one threshold for all looks, which is Pocock's boundary. A prior around 0 errs less often.
    """
    share = np.array(at)

    def excess(bound: float) -> float:
        nowhere = np.full(len(share), -np.inf)
        return float(crossing(share, nowhere, np.full(len(share), bound))[1].sum() - error)

    return float(ndtr(brentq(excess, float(ndtri(1 - error)) - 1e-9, FAR - 1, xtol=1e-12)))
