"""Samples drawn from worlds by the thousand, reduced at once to what a regression needs of them.

Within a cell the scores and the outcome are jointly Gaussian, so the mean and the scatter of n participants can be
drawn directly: the mean is normal, the scatter Wishart, by Bartlett's decomposition. The cost does not grow with n.
Where that is not allowed (scores as whole numbers, loss that depends on a score, cells of fewer participants than a
Wishart needs) participants are drawn one by one and reduced as they come.

Importing this module imports numba.

References
----------
.. [1] Smith W. B., Hocking R. R. (1972). Algorithm AS 53: Wishart variate generator. Applied Statistics 21(3),
   341-345. https://doi.org/10.2307/2346290
.. [2] Welford B. P. (1962). Note on a method for calculating corrected sums of squares and products. Technometrics
   4(3), 419-420. https://doi.org/10.1080/00401706.1962.10490022
"""

from __future__ import annotations

from math import exp, floor, sqrt
from typing import NamedTuple

import numpy as np

from ..inference.gaussian.lanes import FAST
from ..reconstruction.compiled import compiler
from .columns import FloatArray
from .worlds import IntArray, Worlds

__all__ = ["GAUSSIAN", "Moments", "Recording", "Roots", "draw_moments", "roots"]


compiled = compiler()(nogil=True, fastmath=set(FAST))


class Roots(NamedTuple):
    """Worlds as the generator takes them; c = m + 1: the scores and then the outcome."""

    mean: FloatArray
    """(W, C, c)"""
    root: FloatArray
    """(W, C, c, c) lower Cholesky factors of the covariance within a cell."""


class Recording(NamedTuple):
    """What becomes of a participant's scores until they are data.

    The first five have shape (c,), the outcome last, or (0,) where scores stay as they are.
    """

    location: FloatArray
    """Raw mean of the published sample, where scores become whole numbers."""
    scale: FloatArray
    """Raw SD of the published sample."""
    low: FloatArray
    high: FloatArray
    """Range of the instrument."""
    grain: FloatArray
    """Distance between neighbouring values; 0 leaves a score as it is."""
    lost_on: int
    """Index of the score on which the loss depends; -1 for none."""
    lost_intercept: float
    lost_slope: float
    """Of the log odds of being lost."""
    fixed_scores: bool
    """Whether the scores have exactly the world's mean and covariance in every sample."""


NOTHING = np.zeros(0)
GAUSSIAN = Recording(NOTHING, NOTHING, NOTHING, NOTHING, NOTHING, -1, 0.0, 0.0, False)
"""Scores as they are, nobody lost: moments are drawn directly."""


def roots(worlds: Worlds) -> Roots:
    """Factor the joint covariance of scores and outcome in every cell of every world."""
    W, C, m = worlds.slope.shape
    of_scores = np.linalg.cholesky(worlds.cov)[:, worlds.frame.group_of]
    root = np.zeros((W, C, m + 1, m + 1))
    root[..., :m, :m] = of_scores
    root[..., m, :m] = np.einsum("wcji,wcj->wci", of_scores, worlds.slope)
    root[..., m, m] = worlds.sigma[:, worlds.frame.group_of]
    outcome = worlds.level + np.einsum("wcm,wcm->wc", worlds.slope, worlds.mean)
    return Roots(np.concatenate([worlds.mean, outcome[..., None]], axis=-1), root)


class Moments(NamedTuple):
    """Samples, one from each world, as moments by cell."""

    counts: IntArray
    """(W, C) participants."""
    centre: FloatArray
    """(W, C, c) means of the scores and the outcome."""
    scatter: FloatArray
    """(W, C, c, c) their cross-products around these."""


def draw_moments(
    population: Roots,
    counts: IntArray,
    rng: np.random.Generator,
    recording: Recording = GAUSSIAN,
    *,
    alike: int = 1,
) -> Moments:
    """Draw one sample from each world, as moments by cell.

    Parameters
    ----------
    population : Roots
        W worlds.
    counts : array of int, shape (W, C)
        Participants by cell.
    rng : numpy.random.Generator
        Source of randomness; `numpy.random.SFC64` is the fastest.
    recording : Recording
        What becomes of the scores.
    alike : int
        So many neighbouring cells have one covariance, and nobody asks for their scatters apart: the sum of these is
        drawn at once and stands in the first of them.

    Returns
    -------
    Moments
        Of those who are left.
    """
    drawn = Moments(counts.astype(np.int64), np.empty_like(population.mean), np.empty_like(population.root))
    _draw(rng, population, recording, alike, drawn)
    return drawn


class _Scratch(NamedTuple):
    factor: FloatArray
    work: FloatArray


@compiled
def _draw(rng: np.random.Generator, population: Roots, recording: Recording, alike: int, drawn: Moments) -> None:
    W, C, c = population.mean.shape
    by_rows = len(recording.grain) > 0 or recording.lost_on >= 0
    scratch = _Scratch(np.zeros((c, c)), np.zeros((c, c)))
    fixed = c - 1 if recording.fixed_scores else 0
    for w in range(W):
        for first in range(0, C, alike):
            df = 0
            for cell in range(first, first + alike):
                df += max(drawn.counts[w, cell] - 1, 0)
            for cell in range(first, first + alike):
                n, mean, root = drawn.counts[w, cell], population.mean[w, cell], population.root[w, cell]
                centre, scatter = drawn.centre[w, cell], drawn.scatter[w, cell]
                if by_rows or df < c:
                    drawn.counts[w, cell] = _draw_rows(rng, n, mean, root, recording, centre, scatter, scratch)
                    continue
                _draw_mean(rng, n, mean, root, fixed, centre)
                if cell == first:
                    _draw_scatter(rng, df, root, fixed, scatter, scratch)
                else:
                    scatter[:] = 0.0


@compiled
def _draw_mean(
    rng: np.random.Generator, n: int, mean: FloatArray, root: FloatArray, first: int, centre: FloatArray
) -> None:
    """Draw the mean of n participants; scores before `first` have exactly theirs."""
    c = len(mean)
    for i in range(c):
        centre[i] = mean[i]
    for j in range(first, c):
        z = rng.standard_normal() / sqrt(max(n, 1))
        for i in range(j, c):
            centre[i] += root[i, j] * z


@compiled
def _draw_scatter(
    rng: np.random.Generator, df: int, root: FloatArray, first: int, scatter: FloatArray, scratch: _Scratch
) -> None:
    """Draw a scatter of `df` degrees of freedom; scores before `first` have exactly df times their covariance."""
    c, factor, work = len(root), scratch.factor, scratch.work
    for i in range(first):
        for j in range(i):
            factor[i, j] = 0.0
        factor[i, i] = sqrt(df)
    for i in range(first, c):
        for j in range(i):
            factor[i, j] = rng.standard_normal()
        factor[i, i] = sqrt(2 * rng.standard_gamma(0.5 * (df - i)))
    for i in range(c):
        for j in range(i + 1):
            total = 0.0
            for k in range(j, i + 1):
                total += root[i, k] * factor[k, j]
            work[i, j] = total
    for i in range(c):
        for j in range(i + 1):
            total = 0.0
            for k in range(j + 1):
                total += work[i, k] * work[j, k]
            scatter[i, j] = scatter[j, i] = total


@compiled
def _draw_rows(
    rng: np.random.Generator,
    n: int,
    mean: FloatArray,
    root: FloatArray,
    recording: Recording,
    centre: FloatArray,
    scatter: FloatArray,
    scratch: _Scratch,
) -> int:
    """Draw n participants, reduce them as they come, and return how many are left."""
    c, row, away = len(mean), scratch.factor[0], scratch.work[0]
    centre[:] = 0.0
    scatter[:] = 0.0
    left = 0
    for _ in range(n):
        _draw_row(rng, mean, root, row, away)
        if recording.lost_on >= 0:
            log_odds = recording.lost_intercept + recording.lost_slope * row[recording.lost_on]
            if rng.random() < 1 / (1 + exp(-log_odds)):
                continue
        for i in range(len(recording.grain)):
            if recording.grain[i] > 0:
                row[i] = _recorded(row[i], recording, i)
        left += 1
        for i in range(c):
            away[i] = row[i] - centre[i]
        for i in range(c):
            centre[i] += away[i] / left
            for j in range(i + 1):
                scatter[i, j] += away[i] * away[j] * (left - 1) / left
                scatter[j, i] = scatter[i, j]
    return left


@compiled
def _draw_row(rng: np.random.Generator, mean: FloatArray, root: FloatArray, row: FloatArray, z: FloatArray) -> None:
    for i in range(len(mean)):
        z[i] = rng.standard_normal()
        row[i] = mean[i]
        for j in range(i + 1):
            row[i] += root[i, j] * z[j]


@compiled
def _recorded(value: float, recording: Recording, i: int) -> float:
    """Round a score to what its instrument can give, and return it in SD units again."""
    grain, low = recording.grain[i], recording.low[i]
    raw = recording.location[i] + recording.scale[i] * value
    raw = low + grain * floor((raw - low) / grain + 0.5)
    raw = min(max(raw, low), recording.high[i])
    return float((raw - recording.location[i]) / recording.scale[i])
