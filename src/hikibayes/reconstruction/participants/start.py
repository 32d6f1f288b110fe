"""First rows of a data set: Gaussian scores with exactly the wanted covariances, put on each measure's range."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from scipy.special import betaln, gammaln, ndtr

from ...arrays import BoolArray, FloatArray, IntArray
from ...study.study import Study
from .columns import Columns
from .targets import Targets

CORRECTIONS = 3
MANY_LEVELS = 400
"""Above this many possible values a rounded normal is as good as a beta-binomial."""


def first_rows(columns: Columns, targets: Targets, rng: np.random.Generator) -> FloatArray:
    """Draw rows near the targets; shape (n, m), in counts.

    Notes
    -----
    A score put on few levels correlates with its latent score by some a < 1, and two such scores by about
    ``r a_i a_j``. The latent correlations are raised by as much: otherwise all correlations would come out too small,
    and the search would only find its way back to the next printed bound.
    """
    parts = []
    for k, size in enumerate(columns.sizes):
        cov = targets.cov[k]
        sd = np.sqrt(np.diag(cov))
        correlation = cov / np.outer(sd, sd)
        independent = _white_scores(size, len(sd), rng)
        latent = independent @ np.linalg.cholesky(correlation).T
        ladders = [_ladder(columns, targets, k, i, sd[i]) for i in range(len(sd))]
        kept = _agreement(_climbed(columns, targets, k, ladders, latent), latent)
        latent = independent @ _raised(correlation, kept).T
        parts.append(_climbed(columns, targets, k, ladders, latent))
    return np.concatenate(parts).astype(float)


def bent(columns: Columns, targets: Targets, rows: FloatArray) -> FloatArray:
    """Give the outcome, the last column, the slopes on products that a reconstruction has; its variance stays."""
    if not columns.products:
        return rows
    rows, ends = rows.copy(), np.cumsum([0, *columns.sizes])
    scores = (rows - rows.mean(axis=0)) / rows.std(axis=0, ddof=1)
    products = np.column_stack([scores[:, one] * scores[:, other] for one, other in columns.products])
    for g, (begin, end) in enumerate(pairwise(ends)):
        x = np.column_stack([np.ones(end - begin), rows[begin:end, :-1]])
        both = np.column_stack([rows[begin:end, -1], products[begin:end] @ targets.bend[g]])
        fitted = x @ np.linalg.lstsq(x, both, rcond=None)[0]
        left, more = (both - fitted).T
        rest = max(1 - float(more @ more) / max(float(left @ left), 1e-9), 0.05)
        rows[begin:end, -1] = fitted[:, 0] + more + np.sqrt(rest) * left
    lowest, highest = (np.repeat(ends[:, -1], columns.sizes) for ends in (columns.lowest, columns.highest))
    rows[:, -1] = np.clip(rows[:, -1] if columns.fine[-1] else np.rint(rows[:, -1]), lowest, highest)
    return rows


def _white_scores(size: int, m: int, rng: np.random.Generator) -> FloatArray:
    """Draw z-scores that are exactly uncorrelated where there are people enough."""
    scores = rng.standard_normal((size, m))
    scores -= scores.mean(axis=0)
    if size > m + 1:
        found = np.linalg.cholesky(np.cov(scores, rowvar=False).reshape(m, m))
        scores = np.linalg.solve(found, scores.T).T
    return scores


def _agreement(x: FloatArray, z: FloatArray) -> FloatArray:
    """Return the correlation of each column of x with its latent score, at least a half."""
    x, z = x - x.mean(axis=0), z - z.mean(axis=0)
    scale = np.sqrt((x**2).sum(axis=0) * (z**2).sum(axis=0))
    found: FloatArray = np.clip((x * z).sum(axis=0) / np.where(scale > 0, scale, 1.0), 0.5, 1.0)
    return np.where(scale > 0, found, 1.0)


def _raised(correlation: FloatArray, kept: FloatArray) -> FloatArray:
    """Return a factor of correlations divided by what coarse scores keep of them, or of the nearest there can be."""
    raised = correlation / np.outer(kept, kept)
    np.fill_diagonal(raised, 1.0)
    size, axes = np.linalg.eigh(raised)
    factor = axes * np.sqrt(np.maximum(size, 1e-3))
    rows: FloatArray = factor / np.sqrt((factor**2).sum(axis=1, keepdims=True))
    return rows


def _ladder(columns: Columns, targets: Targets, k: int, i: int, sd: float) -> FloatArray:
    """Return the cumulative probabilities of a measure's levels in a group; none where levels are not needed."""
    low, high = int(columns.lowest[k, i]), int(columns.highest[k, i])
    if columns.binary[i] or high - low > MANY_LEVELS:
        return np.zeros(0)
    values, mean = np.arange(low, high + 1), targets.mean[k, i]
    odd = (values + round(columns.origin[i] / columns.grain[i])) % 2 == 1
    asked_mean, asked_sd = mean, sd
    for _ in range(CORRECTIONS):
        weights = with_few_odd(level_weights(asked_mean, asked_sd, low, high), odd, targets.odd_share[i])
        found_mean = float(weights @ values)
        found_sd = np.sqrt(max(float(weights @ (values - found_mean) ** 2), 1e-6))
        # few odd levels, and levels at all, change mean and spread: ask for as much less
        asked_mean, asked_sd = asked_mean + mean - found_mean, asked_sd * np.clip(sd / found_sd, 0.5, 2.0)
    return np.cumsum(weights)[:-1]


def _climbed(columns: Columns, targets: Targets, k: int, ladders: list[FloatArray], scores: FloatArray) -> FloatArray:
    """Put the latent scores of a group on the measures' ranges."""
    found, share = np.empty(scores.shape), ndtr(scores)
    for i, ladder in enumerate(ladders):
        if columns.binary[i]:
            found[:, i] = _top(scores[:, i], round(targets.mean[k, i] * len(scores)))
        elif len(ladder):
            found[:, i] = columns.lowest[k, i] + np.searchsorted(ladder, share[:, i])
        else:
            values = targets.mean[k, i] + np.sqrt(targets.cov[k, i, i]) * scores[:, i]
            found[:, i] = np.clip(np.rint(values), columns.lowest[k, i], columns.highest[k, i])
    return found


def _top(scores: FloatArray, count: int) -> IntArray:
    """Return 1 for the highest scores, 0 for the others."""
    flags = np.zeros(len(scores), np.int64)
    flags[np.argsort(scores)[len(scores) - count :]] = 1
    return flags


def level_weights(mean: float, sd: float, low: int, high: int) -> FloatArray:
    """Return probabilities of the whole numbers from ``low`` to ``high`` with about this mean and SD.

    Notes
    -----
    A beta-binomial distribution: the natural bell, skew or U of a bounded score. A spread that it cannot have (below
    the binomial's) takes a rounded normal.
    """
    values, top = np.arange(high - low + 1), high - low
    p = np.clip((mean - low) / top, 0.02, 0.98)
    ratio = sd**2 / (top * p * (1 - p))
    if 1.02 < ratio < 0.98 * top:
        total = (top - ratio) / (ratio - 1)
        a, b = p * total, (1 - p) * total
        choose = gammaln(top + 1) - gammaln(values + 1) - gammaln(top - values + 1)
        weights = np.exp(choose + betaln(values + a, top - values + b) - betaln(a, b))
    else:
        weights = ndtr((values + 0.5 + low - mean) / sd) - ndtr((values - 0.5 + low - mean) / sd) + 1e-12
    normed: FloatArray = weights / weights.sum()
    return normed


def with_few_odd(weights: FloatArray, odd: BoolArray, share: float) -> FloatArray:
    """Return weights of which at most a share is on the odd numbers."""
    found = weights[odd].sum()
    if found <= share:
        return weights
    return np.where(odd, weights * share / found, weights * (1 - share) / (1 - found))


def freeze_extremes(study: Study, columns: Columns, rows: FloatArray) -> BoolArray:
    """Put a printed minimum or maximum into the rows (in place) and return the cells that hold it, shape of rows.

    Notes
    -----
    The cell that is nearest already is taken, in the group that the fact is about.
    """
    frozen = np.zeros(rows.shape, np.bool_)
    group = np.repeat(np.arange(len(columns.sizes)), columns.sizes)
    for fact in study.facts:
        if fact.quantity not in ("minimum", "maximum") or fact.of not in columns.names or fact.relation != "=":
            continue
        j = columns.names.index(fact.of)
        value = round((float(fact.value) - columns.origin[j]) / columns.grain[j])
        rank = rows[:, j] if fact.quantity == "minimum" else -rows[:, j]
        within = fact.group or study.measure(fact.of).only_in
        allowed = ~frozen[:, j] & ((group == study.group_names.index(within)) if within else True)
        cell = int(np.argmin(np.where(allowed, rank, np.inf)))
        rows[cell, j], frozen[cell, j] = value, True
    return frozen
