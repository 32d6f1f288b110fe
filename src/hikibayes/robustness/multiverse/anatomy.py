"""What the specifications differ by: how much of their spread each choice makes, and what the evidence says of them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy.special import logsumexp
from scipy.stats import norm

from ...arrays import FloatArray

POINTS = 161
"""At which the distribution of an average is evaluated, between which it is nearly straight."""
DATA = ("reading", "excluded", "outliers", "scale")
"""Choices that change the data: models have comparable evidence only where these are the same."""


def variance_by_choice(table: pd.DataFrame, choices: Sequence[str]) -> pd.DataFrame:
    """Decompose the variance of the specifications' estimates over the choices.

    Parameters
    ----------
    table : pandas.DataFrame
        A row a specification, with the choices and ``mean``.
    choices : sequence of str
        Columns that differ between rows.

    Returns
    -------
    pandas.DataFrame
        Columns ``choice, alone, total``: share of the variance between the means of a choice's options (first-order
        index), and share that is left within specifications alike in all else (total index). Where not every
        combination is there, the total has only what can be compared. The last row, ``combinations``, has what no
        choice makes alone.

    Notes
    -----
    Over all combinations these are Sobol's indices: first-order ones sum to 1 less the interactions.
    """
    values = table["mean"]
    whole = float(values.var(ddof=0))

    def between(names: Sequence[str]) -> float:
        """Share of the variance that lies between specifications that differ in these."""
        if not names or not whole:
            return 0.0
        return float(values.groupby([table[name] for name in names]).transform("mean").var(ddof=0)) / whole

    alone = [between([choice]) for choice in choices]
    # the means of groups and what is left within them are uncorrelated
    total = [1 - between([name for name in choices if name != choice]) if whole else 0.0 for choice in choices]
    left = max(1 - sum(alone), 0.0) if whole else 0.0
    return pd.DataFrame(
        {"choice": [*choices, "combinations"], "alone": [*alone, left], "total": [*total, float("nan")]}
    )


def by_option(table: pd.DataFrame, choices: Sequence[str]) -> pd.DataFrame:
    """Return, for each option, how the specifications that have it decide.

    Returns
    -------
    pandas.DataFrame
        Columns ``choice, option, specifications, mean, p_positive`` (means) and ``decided`` (share whose 95 % interval
        lies on the estimate's side of 0).
    """
    rows = []
    for choice in choices:
        for option, own in table.groupby(choice, sort=False):
            sizes = {"specifications": len(own), "mean": own["mean"].mean(), "p_positive": own["p_positive"].mean()}
            rows.append({"choice": choice, "option": str(option), **sizes, "decided": own["decided"].mean()})
    return pd.DataFrame(rows)


def averaged(table: pd.DataFrame, means: FloatArray, sds: FloatArray, log_evidence: FloatArray) -> pd.DataFrame:
    """Average models by their evidence wherever they share data and scale.

    Parameters
    ----------
    table : pandas.DataFrame
        A row a specification, with the choices.
    means, sds, log_evidence : array, shape (specifications, B)
        Of each specification's posterior in each data set; evidence is NaN under a flat prior, which takes no part.

    Returns
    -------
    pandas.DataFrame
        A row for each combination of choices about data: ``mean, lower, upper, p_positive`` of the average over models
        (equally likely beforehand) and then over data sets, ``models`` of them, ``effective`` (the inverse of the sum
        of squared weights) and ``most``, the weight of the likeliest.
    """
    rows = []
    for keys, own in table.groupby(list(DATA), sort=False):
        index = own.index.to_numpy()[np.isfinite(log_evidence[own.index]).all(axis=1)]
        if not len(index):
            continue
        weights = np.exp(log_evidence[index] - logsumexp(log_evidence[index], axis=0))
        share = weights / weights.shape[1]
        mean, sd = means[index], sds[index]
        middle = float((share * mean).sum())
        wide = float(np.sqrt((share * (sd**2 + mean**2)).sum() - middle**2))
        grid = np.linspace(middle - 8 * wide, middle + 8 * wide, POINTS)
        seen = share > 1e-9
        below = np.array([(share[seen] * norm.cdf(point, mean[seen], sd[seen])).sum() for point in (*grid, 0.0)])
        lower, upper = np.interp([0.025, 0.975], below[:-1], grid)
        likely = weights.mean(axis=1)
        rows.append(
            {
                **dict(zip(DATA, keys, strict=True)),
                "models": len(index),
                **{"mean": middle, "lower": lower, "upper": upper, "p_positive": 1 - below[-1]},
                **{"effective": float(1 / (likely**2).sum()), "most": float(likely.max())},
            }
        )
    return pd.DataFrame(rows)
