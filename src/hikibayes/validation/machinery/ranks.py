"""Are ranks uniform? What simulation-based calibration asks of a sampler.

A truth drawn from the prior and independent draws from the posterior of data that it generated are exchangeable, so the
truth's rank among them is uniform (Cook, Gelman & Rubin 2006; Talts et al. 2018; Modrák et al. 2023, who add quantities
that depend on the data, such as the log likelihood).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy import stats

from ...arrays import FloatArray

DRAWS = 99
"""Posterior draws for each simulation: a rank is then one of 100."""
BINS = 20
FALSE_ALARM = 0.001
"""Chance that a check calls machinery wrong that is right, over all the quantities that it looks at."""
LEVEL = 0.9
BAND, BAND_SIMULATIONS = 0.99, 1000


def rank(truth: ArrayLike, draws: ArrayLike) -> FloatArray:
    """Return how many of the draws (last axis, `DRAWS` of them) lie below each truth."""
    return np.asarray((np.asarray(draws) < np.asarray(truth)[..., None]).sum(axis=-1), dtype=np.float64)


def uniformity(ranks: Mapping[str, FloatArray]) -> pd.DataFrame:
    """Test whether each quantity's ranks are uniform.

    Parameters
    ----------
    ranks : mapping of str to array, shape (simulations,)
        Of each quantity, 0 to `DRAWS`.

    Returns
    -------
    pandas.DataFrame
        A row a quantity: ``quantity, tried, coverage`` (share of truths in the central 90 %), ``p``. Three tests share
        it by Bonferroni: chi-squared of 20 bins, and the mean and the spread of normal scores, which see a shift and a
        wrong width sooner.
    """
    rows: list[dict[str, Any]] = []
    for name, found in ranks.items():
        # the middle of a rank's hundredth: its normal score is finite
        share = (found + 0.5) / (DRAWS + 1)
        counts = np.histogram(share, bins=BINS, range=(0, 1))[0]
        scores = stats.norm.ppf(share)
        expected = stats.norm.ppf((np.arange(DRAWS + 1) + 0.5) / (DRAWS + 1))
        size, variance = len(found), float((expected**2).mean())
        tail = float((expected**4).mean()) - variance**2
        shift = abs(scores.mean()) / np.sqrt(variance / size)
        width = abs((scores**2).mean() - variance) / np.sqrt(tail / size)
        p = 3 * min(stats.chisquare(counts).pvalue, 2 * stats.norm.sf(shift), 2 * stats.norm.sf(width))
        inside = np.abs(share - 0.5) < LEVEL / 2
        rows.append({"quantity": name, "tried": size, "coverage": float(inside.mean()), "p": min(float(p), 1.0)})
    return pd.DataFrame(rows)


def band(size: int, rng: np.random.Generator) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return points, and ArviZ's simultaneous 99 % band of the ECDF of `size` uniform ranks less what is expected."""
    from arviz_stats.ecdf_utils import ecdf_pit

    points, _, lower, upper = (np.asarray(v) for v in ecdf_pit(rng.random(size), BAND, BAND_SIMULATIONS, rng=rng))
    return points, lower - points, upper - points


def off_uniform(ranks: FloatArray, points: FloatArray) -> FloatArray:
    """Return the share of ranks below each point, less what is expected."""
    share = np.sort((ranks + 0.5) / (DRAWS + 1))
    return np.asarray(np.searchsorted(share, points, side="right") / len(ranks) - points)
