"""Samples drawn from worlds by the thousand, reduced at once to what a regression needs of them.

Within a cell the scores and the outcome are jointly Gaussian, so the mean and the scatter of n participants can be
drawn directly: the mean is normal, the scatter Wishart, by Bartlett's decomposition. The cost does not grow with n.
Where that is not allowed (scores as whole numbers, loss that depends on a score, cells of fewer participants than a
Wishart needs) participants are drawn one by one and reduced as they come.

Eight samples are drawn side by side, and each from numbers that depend on its own index alone (Philox): how many are
drawn, in which order and by whom changes nothing. Importing this module imports numba.

References
----------
.. [1] Smith W. B., Hocking R. R. (1972). Algorithm AS 53: Wishart variate generator. Applied Statistics 21(3),
   341-345. https://doi.org/10.2307/2346290
.. [2] Welford B. P. (1962). Note on a method for calculating corrected sums of squares and products. Technometrics
   4(3), 419-420. https://doi.org/10.1080/00401706.1962.10490022
"""

# mypy: disable-error-code="no-untyped-def, no-untyped-call, untyped-decorator"
from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba import njit

from ...arrays import FloatArray, IntArray
from ...inference.gaussian import algebra, lanes, philox
from ...inference.gaussian.algebra import compiled
from ...inference.gaussian.lanes import (
    WIDTH,
    all_below,
    exponential,
    floor,
    larger,
    load,
    part,
    smaller,
    square_root,
    store,
    where_below,
)
from ...inference.gaussian.lanes import lanes as every
from ...inference.gaussian.philox import Stream, normals, root_chi2, uniform
from ...inference.gaussian.sufficient import SufficientStatistics
from ...reconstruction.compiled import compiler
from .columns import CellColumns
from .worlds import Worlds


class Roots(NamedTuple):
    """Worlds as the generator takes them; c = m + d + 1: scores, products of two of them, and then the outcome."""

    mean: FloatArray
    """(W, C, c)"""
    root: FloatArray
    """(W, C, c, c) lower Cholesky factors of the covariance within a cell; where the last row meets the column of a
    product of scores, the outcome's slope on it."""


class MeasurementModel(NamedTuple):
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
    dropout_on: int
    """Index of the score on which the loss depends; -1 for none."""
    dropout_intercept: float
    dropout_slope: float
    """Of the log odds of being lost."""
    fixed_scores: bool
    """Whether the scores have exactly the world's mean and covariance in every sample."""
    products: IntArray
    """(d, 2) the scores whose products there are: they are no Gaussian variables, and need rows."""


NOTHING = np.zeros(0)
GAUSSIAN = MeasurementModel(
    NOTHING, NOTHING, NOTHING, NOTHING, NOTHING, -1, 0.0, 0.0, False, np.zeros((0, 2), dtype=np.int64)
)
"""Scores as they are, nobody lost: moments are drawn directly."""


def roots(worlds: Worlds) -> Roots:
    """Factor the joint covariance of scores and outcome in every cell of every world."""
    (W, C, k), m = worlds.slope.shape, worlds.mean.shape[-1]
    of_scores, slope = np.linalg.cholesky(worlds.cov)[:, worlds.frame.group_of], worlds.slope[..., :m]
    root = np.zeros((W, C, k + 1, k + 1))
    root[..., :m, :m] = of_scores
    root[..., range(m, k), range(m, k)] = 1.0
    root[..., k, :m] = np.einsum("wcji,wcj->wci", of_scores, slope)
    root[..., k, m:k] = worlds.slope[..., m:]
    root[..., k, k] = worlds.sigma[:, worlds.frame.group_of]
    outcome = worlds.level + np.einsum("wcm,wcm->wc", slope, worlds.mean)
    return Roots(np.concatenate([worlds.mean, np.zeros((W, C, k - m)), outcome[..., None]], axis=-1), root)


def draw_statistics(
    population: Roots,
    counts: IntArray,
    stream: Stream,
    columns: CellColumns,
    measurement: MeasurementModel = GAUSSIAN,
    *,
    alike: int = 1,
) -> SufficientStatistics:
    """Draw one sample from each world, as the sufficient statistics of a model's design.

    Parameters
    ----------
    population : Roots
        Worlds.
    counts : array of int, shape (W, C)
        Participants by cell, of the first W worlds.
    stream : Stream
        Source of randomness: sample i has index ``stream.first + i``, and is the same whatever design it is reduced to.
    columns : CellColumns
        The model's columns; each uses at most one score in a cell.
    measurement : MeasurementModel
        What becomes of the scores.
    alike : int
        So many neighbouring cells have one covariance, and nobody asks for their scatters apart: their sum is drawn at
        once.

    Returns
    -------
    SufficientStatistics
        Of W data sets.
    """
    pooled = _Pooled.empty(len(counts), len(columns.names))
    counts = np.ascontiguousarray(counts, dtype=np.int64)
    _draw_pooled(stream, _as_many(population, counts), counts, measurement, alike, _Design.of(columns), pooled)
    return SufficientStatistics(names=columns.names, **pooled._asdict())


def _as_many(population: Roots, counts: IntArray) -> Roots:
    """Keep a population for each row of counts: the loops run over populations, and look at the counts of each."""
    return _plain(Roots(*(values[: len(counts)] for values in population)))


def _plain(population: Roots) -> Roots:
    return Roots(*(np.ascontiguousarray(values) for values in population))


class _Pooled(NamedTuple):
    """Fields of `SufficientStatistics`, to be filled."""

    n: IntArray
    x_mean: FloatArray
    y_mean: FloatArray
    sxx: FloatArray
    sxy: FloatArray
    syy: FloatArray

    @classmethod
    def empty(cls, W: int, p: int) -> _Pooled:
        sizes = ((W, p), (W,), (W, p, p), (W, p), (W,))
        return cls(np.empty(W, dtype=np.int64), *(np.empty(size) for size in sizes))


class _Design(NamedTuple):
    """A design as the loops take it; in a cell a column is constant, or a constant plus a weight times one score."""

    constant: FloatArray
    """(C, p)"""
    moving: IntArray
    """(C, p) the columns that move with a score, first; then padding."""
    moves: IntArray
    """(C,) how many these are."""
    score: IntArray
    """(C, p) the score that a column moves with."""
    weight: FloatArray
    """(C, p)"""

    @classmethod
    def of(cls, columns: CellColumns) -> _Design:
        # a model without scores has nothing that moves, and argmax no answer for nothing
        linear = columns.linear if columns.linear.shape[-1] else np.zeros((*columns.constant.shape, 1))
        used = linear != 0
        still = ~used.any(axis=-1)
        parts = (
            columns.constant,
            np.argsort(still, axis=1, kind="stable"),
            (~still).sum(axis=1),
            used.argmax(axis=-1),
            linear.sum(axis=-1),
        )
        return cls(*(np.ascontiguousarray(part) for part in parts))


# -- eight at a time; "(c)" stands for shape (c, 8) -------------------------------------------------------------------

OF_MEAN, OF_FACTOR, OF_CHI, _OF_CHI_TOO, OF_ROWS, OF_LOSS = range(6)
"""Kinds of random blocks in a cell, of eight."""


class _Eight(NamedTuple):
    """Room for eight samples."""

    index: Any
    """(1) their indices"""
    mean: Any
    """(C, c) of the worlds"""
    root: Any
    """(C, c, c) of the worlds"""
    counts: Any
    """(C) participants, and then those who are left"""
    centre: Any
    """(C, c)"""
    scatter: Any
    """(C, c, c) lower triangles"""
    factor: Any
    """(c, c)"""
    work: Any
    """(c, c)"""
    row: Any
    """(c + 1)"""
    away: Any
    """(c + 1)"""


@njit  # makes arrays, which `compiled` functions do not
def _room(C, c):
    return _Eight(
        np.zeros((1, WIDTH), np.uint64), np.zeros((C, c, WIDTH)), np.zeros((C, c, c, WIDTH)), np.zeros((C, WIDTH)),
        np.zeros((C, c, WIDTH)), np.zeros((C, c, c, WIDTH)), np.zeros((c, c, WIDTH)), np.zeros((c, c, WIDTH)),
        np.zeros((c + 1, WIDTH)), np.zeros((c + 1, WIDTH)),
    )  # fmt: skip


@compiled
def _load(stream, population, counts, first, eight):
    """Put worlds into lanes; the last block repeats its last world."""
    W, C, c = population.mean.shape
    for lane in range(WIDTH):
        w = min(first + lane, W - 1)
        eight.index[0, lane] = np.uint64(stream.first + w)
        for cell in range(C):
            eight.counts[cell, lane] = counts[w, cell]
            for i in range(c):
                eight.mean[cell, i, lane] = population.mean[w, cell, i]
                for j in range(i + 1):
                    eight.root[cell, i, j, lane] = population.root[w, cell, i, j]


@compiled
def _draw_eight(stream, measurement, alike, eight):
    C, c = eight.mean.shape[0], eight.mean.shape[1]
    by_rows = len(measurement.grain) > 0 or measurement.dropout_on >= 0 or len(measurement.products) > 0
    fixed = c - 1 if measurement.fixed_scores else 0
    for first in range(0, C, alike):
        df = every(0.0)
        for cell in range(first, first + alike):
            df += larger(load(eight.counts, (cell,)) - 1.0, every(0.0))
        # Bartlett's decomposition needs more degrees of freedom than there are scores and outcome
        enough = where_below(every(float(c)), df, every(-1.0 if by_rows else 1.0), every(-1.0))
        if not by_rows:
            for cell in range(first, first + alike):
                _draw_mean(stream, cell, fixed, eight)
            _draw_scatter(stream, first, larger(df, every(float(c + 1))), fixed, eight)
            for cell in range(first + 1, first + alike):
                eight.scatter[cell] = 0.0
        if not all_below(every(0.0), enough):
            for cell in range(first, first + alike):
                _draw_rows(stream, cell, measurement, enough, eight)


@compiled
def _draw_mean(stream, cell, fixed, eight):
    """Draw the means of a cell; scores before `fixed` have exactly theirs."""
    c, index = eight.mean.shape[1], load(eight.index, (0,))
    shrink = 1.0 / square_root(larger(load(eight.counts, (cell,)), every(1.0)))
    for pair in range((c + 1) // 2):
        a, b = normals(stream, index, pair, 8 * cell + OF_MEAN)
        store(eight.row, (2 * pair,), a * shrink if 2 * pair >= fixed else every(0.0))
        store(eight.row, (2 * pair + 1,), b * shrink if 2 * pair + 1 >= fixed else every(0.0))
    for i in range(c):
        value = load(eight.mean, (cell, i))
        for j in range(i + 1):
            value += load(eight.root, (cell, i, j)) * load(eight.row, (j,))
        store(eight.centre, (cell, i), value)


@compiled
def _draw_scatter(stream, cell, df, fixed, eight):
    """Draw a scatter of `df` degrees of freedom; scores before `fixed` have exactly df times their covariance."""
    c, factor, work = eight.mean.shape[1], eight.factor, eight.work
    _draw_factor(stream, cell, df, fixed, eight)
    for i in range(c):
        for j in range(i + 1):
            total = every(0.0)
            for k in range(j, i + 1):
                total += load(eight.root, (cell, i, k)) * load(factor, (k, j))
            store(work, (i, j), total)
    for i in range(c):
        for j in range(i + 1):
            total = every(0.0)
            for k in range(j + 1):
                total += load(work, (i, k)) * load(work, (j, k))
            store(eight.scatter, (cell, i, j), total)


@compiled
def _draw_factor(stream, cell, df, fixed, eight):
    """Draw Bartlett's triangular factor of a standard Wishart matrix."""
    c, index, factor = eight.mean.shape[1], load(eight.index, (0,)), eight.factor
    drawn, spare = 0, every(0.0)
    for i in range(c):
        for j in range(i):
            if i < fixed:
                store(factor, (i, j), every(0.0))
                continue
            if drawn % 2 == 0:
                value, spare = normals(stream, index, drawn // 2, 8 * cell + OF_FACTOR)
            else:
                value = spare
            drawn += 1
            store(factor, (i, j), value)
        if i < fixed:
            store(factor, (i, i), square_root(df))
        else:
            store(factor, (i, i), root_chi2(stream, index, i, 8 * cell + OF_CHI, df - float(i)))


@compiled
def _draw_rows(stream, cell, measurement, enough, eight):
    """Draw participants one by one where `enough` is below 0, reduce them as they come, and count who is left."""
    c, index, factor, row, away = eight.mean.shape[1], load(eight.index, (0,)), eight.factor, eight.row, eight.away
    n = where_below(enough, every(0.0), load(eight.counts, (cell,)), every(0.0))
    left, number = every(0.0), 0
    for i in range(c):
        for j in range(i + 1):
            store(factor, (i, j), every(0.0))
            kept = where_below(enough, every(0.0), every(0.0), load(eight.scatter, (cell, i, j)))
            store(eight.scatter, (cell, i, j), kept)
        store(eight.centre, (cell, i), where_below(enough, every(0.0), every(0.0), load(eight.centre, (cell, i))))
    while not all_below(n, every(number + 0.5)):
        present = where_below(every(float(number)), n, every(1.0), every(0.0))
        _draw_row(stream, cell, number, index, measurement, eight)
        if measurement.dropout_on >= 0:
            log_odds = measurement.dropout_intercept + measurement.dropout_slope * load(row, (measurement.dropout_on,))
            lost = 1.0 / (1.0 + exponential(-log_odds))
            present = where_below(uniform(stream, index, number, 8 * cell + OF_LOSS), lost, every(0.0), present)
        for i in range(len(measurement.grain)):
            if measurement.grain[i] > 0:
                store(row, (i,), _recorded(load(row, (i,)), measurement, i))
        for k in range(len(measurement.products)):
            store(row, (c - 1 - len(measurement.products) + k,), _product(measurement, k, eight))
        left += present
        share = present / larger(left, every(1.0))
        for i in range(c):
            store(away, (i,), load(row, (i,)) - load(eight.centre, (cell, i)))
        for i in range(c):
            mine = load(away, (i,))
            store(eight.centre, (cell, i), load(eight.centre, (cell, i)) + mine * share)
            for j in range(i + 1):
                product = mine * load(away, (j,)) * share * (left - 1.0)
                store(eight.scatter, (cell, i, j), load(eight.scatter, (cell, i, j)) + product)
        number += 1
    store(eight.counts, (cell,), where_below(enough, every(0.0), left, load(eight.counts, (cell,))))


@compiled
def _draw_row(stream, cell, number, index, measurement, eight):
    c, pairs = eight.mean.shape[1], (eight.mean.shape[1] + 1) // 2
    m = c - 1 - len(measurement.products)
    for pair in range(pairs):
        a, b = normals(stream, index, number * pairs + pair, 8 * cell + OF_ROWS)
        store(eight.away, (2 * pair,), a)
        store(eight.away, (2 * pair + 1,), b)
    for i in range(c):
        if m <= i < c - 1:  # a product takes the place of its noise
            store(eight.away, (i,), _product(measurement, i - m, eight))
        value = load(eight.mean, (cell, i))
        for j in range(i + 1):
            value += load(eight.root, (cell, i, j)) * load(eight.away, (j,))
        store(eight.row, (i,), value)


@compiled
def _product(measurement, k, eight):
    return load(eight.row, (measurement.products[k, 0],)) * load(eight.row, (measurement.products[k, 1],))


@compiled
def _recorded(value, measurement, i):
    """Round a score to what its instrument can give, and return it in SD units again."""
    grain, low = measurement.grain[i], measurement.low[i]
    raw = measurement.location[i] + measurement.scale[i] * value
    raw = low + grain * floor((raw - low) / grain + 0.5)
    raw = smaller(larger(raw, every(low)), every(measurement.high[i]))
    return (raw - measurement.location[i]) / measurement.scale[i]


@compiled
def _pool_eight(design, at, mean, cross, eight):
    """Means (p + 1) and cross-products (p + 1, p + 1) of columns and outcome over the cells, the outcome last."""
    C, p, c = eight.mean.shape[0], mean.shape[0] - 1, eight.mean.shape[1]
    n = every(0.0)
    for cell in range(C):
        n += load(eight.counts, (cell,))
    for j in range(p + 1):
        total = every(0.0)
        for cell in range(C):
            if j < p:
                value = every(design.constant[cell, j])
                if design.weight[cell, j] != 0:
                    value += design.weight[cell, j] * load(eight.centre, (cell, design.score[cell, j]))
            else:
                value = load(eight.centre, (cell, c - 1))
            store(at, (cell, j), value)
            total += load(eight.counts, (cell,)) * value
        total = total / n
        store(mean, (j,), total)
        for cell in range(C):
            store(at, (cell, j), load(at, (cell, j)) - total)
    for j in range(p + 1):
        for k in range(j + 1):
            total = every(0.0)
            for cell in range(C):
                total += load(eight.counts, (cell,)) * load(at, (cell, j)) * load(at, (cell, k))
            store(cross, (j, k), total)
    for cell in range(C):
        _add_within(design, cell, cross, eight)
    return n


@compiled
def _add_within(design, cell, cross, eight):
    p, outcome = cross.shape[0] - 1, eight.mean.shape[1] - 1
    for a in range(design.moves[cell]):
        j = design.moving[cell, a]
        mine, weight = design.score[cell, j], design.weight[cell, j]
        for b in range(a + 1):
            k = design.moving[cell, b]
            other = design.score[cell, k]
            product = load(eight.scatter, (cell, max(mine, other), min(mine, other)))
            store(cross, (j, k), load(cross, (j, k)) + weight * design.weight[cell, k] * product)
        store(cross, (p, j), load(cross, (p, j)) + weight * load(eight.scatter, (cell, outcome, mine)))
    store(cross, (p, p), load(cross, (p, p)) + load(eight.scatter, (cell, outcome, outcome)))


@compiled
def _unload_pooled(first, n, mean, cross, pooled):
    """Write the statistics of eight samples, or as many as are asked for, out of their lanes."""
    p = mean.shape[0] - 1
    for lane in range(min(WIDTH, len(pooled.n) - first)):
        w = first + lane
        pooled.n[w] = int(part(n, lane))
        pooled.y_mean[w], pooled.syy[w] = mean[p, lane], cross[p, p, lane]
        for j in range(p):
            pooled.x_mean[w, j], pooled.sxy[w, j] = mean[j, lane], cross[p, j, lane]
            for k in range(j + 1):
                pooled.sxx[w, j, k] = pooled.sxx[w, k, j] = cross[j, k, lane]


on_disk = compiler(lanes, algebra, philox)(nogil=True, fastmath=set(lanes.FAST))


@on_disk
def _draw_pooled(
    stream: Stream,
    population: Roots,
    counts: IntArray,
    measurement: MeasurementModel,
    alike: int,
    design: _Design,
    pooled: _Pooled,
) -> None:
    W, C, c = population.mean.shape
    p = pooled.sxy.shape[1]
    eight = _room(C, c)
    at, mean, cross = np.zeros((C, p + 1, WIDTH)), np.zeros((p + 1, WIDTH)), np.zeros((p + 1, p + 1, WIDTH))
    for first in range(0, W, WIDTH):
        _load(stream, population, counts, first, eight)
        _draw_eight(stream, measurement, alike, eight)
        n = _pool_eight(design, at, mean, cross, eight)
        _unload_pooled(first, n, mean, cross, pooled)
