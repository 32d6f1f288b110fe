"""Looks at a study while it runs: when, and what ends it early."""

from __future__ import annotations

from math import ceil
from typing import Annotated, Self

import numpy as np
from pydantic import Field, model_validator
from scipy.optimize import brentq
from scipy.special import ndtr, ndtri

from ...arrays import FloatArray
from ...spec import InputError, Number, Probability, Spec
from .rules import Rule

KEY = "looks.success"
MOST_LOOKS = 10
NODES = 160
FAR = 9.0
"""Standard errors beyond which a z has no mass that counts."""


class Hopeless(Spec):
    """Futility by the predictive probability that the conclusion will be drawn at the last look."""

    predictive_below: Probability


class Foreseen(Spec):
    """Success by the predictive probability that the conclusion will be drawn at the last look."""

    predictive_above: Probability


class Looks(Spec):
    """When a running study is looked at; it ends as soon as it concludes, or as going on is futile.

    Notes
    -----
    It concludes by the first decision's ``rule``, or by the one ``against`` it. Both, and futility, are binding. With
    ``success`` the rule is asked at the last look alone.
    """

    at: Annotated[tuple[Annotated[Number, Field(gt=0, le=1)], ...], Field(min_length=1, max_length=MOST_LOOKS)]
    """Shares of the participants at which it is looked at, rising; the last is 1."""
    success: Foreseen | Rule | None = None
    """What concludes before the last look, instead of the decision's rule: another one, such as
    ``{p_positive_above = 0.999}``, or ``{predictive_above = 0.95}``."""
    futility: Hopeless | Rule | None = None
    """What ends it before the last look without a conclusion: a rule, or ``{predictive_below = 0.1}``."""

    @model_validator(mode="after")
    def _rising(self) -> Self:
        if any(later <= earlier for earlier, later in zip(self.at, self.at[1:], strict=False)) or self.at[-1] != 1:
            found = ", ".join(f"{share:g}" for share in self.at)
            raise ValueError(f"looks rise, and the last is at 1, all the participants; found {found}")
        if any(rule.uncalibrated for rule in self.early):
            raise ValueError("'calibrated' is a threshold for the decision's rule; success and futility name theirs")
        return self

    @property
    def early(self) -> tuple[Rule, ...]:
        """The rules that are asked before the last look alone."""
        return tuple(each for each in (self.success, self.futility) if isinstance(each, Rule))

    @property
    def predictive(self) -> bool:
        """Whether something is asked of the predictive probability."""
        return isinstance(self.success, Foreseen) or isinstance(self.futility, Hopeless)

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


def calibrated(looks: Looks, error: float = 0.025) -> float:
    """Return the posterior probability that keeps the chance of a false conclusion over all looks.

    Parameters
    ----------
    looks : Looks
        When the study is looked at, and what concludes before the last look.
    error : float
        Chance that P(> 0) passes the threshold at some look where the effect is 0, under a flat prior.

    Notes
    -----
    In normal form, and without futility; one threshold for all looks, which is Pocock's boundary, or for the last look
    alone where something else concludes before. A prior around 0 errs less often.

    Raises
    ------
    InputError
        What concludes before the last look is no probability, or errs more often than that by itself.
    """
    share = np.array(looks.at)

    def excess(bound: float) -> float:
        nowhere = np.full(len(share), -np.inf)
        return float(crossing(share, nowhere, _bounds(looks, share, bound))[1].sum() - error)

    if excess(FAR - 1) > 0:
        raise InputError(f"concludes by itself in more than {error:.1%} where there is no effect", key=KEY)
    return float(ndtr(brentq(excess, float(ndtri(1 - error)) - 1e-9, FAR - 1, xtol=1e-12)))


def _bounds(looks: Looks, share: FloatArray, bound: float) -> FloatArray:
    """Return from which z a study concludes at each look, under a flat prior, if it does so from `bound` at the end."""
    success = looks.success
    if success is None:
        return np.full(len(share), bound)
    if isinstance(success, Foreseen):
        early = np.sqrt(share) * bound + np.sqrt(1 - share) * ndtri(success.predictive_above)
    elif isinstance(success.p_positive_above, float):
        early = np.full(len(share), ndtri(success.p_positive_above))
    else:
        raise InputError(f"a calibrated rule goes with p_positive_above or predictive_above; found {success}", key=KEY)
    return np.append(early[:-1], bound)
