"""What the generator draws, seen cell by cell: planning's own kernel, before anything is pooled for a model."""

# mypy: disable-error-code="no-untyped-def, no-untyped-call, untyped-decorator"
from __future__ import annotations

from typing import NamedTuple

import numpy as np

from hikibayes.arrays import FloatArray, IntArray
from hikibayes.inference.gaussian.lanes import WIDTH
from hikibayes.inference.gaussian.philox import Stream
from hikibayes.inference.gaussian.sufficient import SufficientStatistics
from hikibayes.planning.populations import samples
from hikibayes.planning.populations.columns import CellColumns
from hikibayes.planning.populations.samples import (
    GAUSSIAN,
    MeasurementModel,
    Roots,
    _Design,
    _draw_eight,
    _load,
    _pool_eight,
    _Pooled,
    _room,
    _unload_pooled,
    on_disk,
)


class Moments(NamedTuple):
    """Samples, one from each world, as moments by cell."""

    counts: IntArray
    """(W, C) participants."""
    centre: FloatArray
    """(W, C, c) means of the scores and the outcome."""
    scatter: FloatArray
    """(W, C, c, c) their cross-products around these."""


def draw_moments(
    population: Roots, counts: IntArray, stream: Stream, measurement: MeasurementModel = GAUSSIAN, *, alike: int = 1
) -> Moments:
    """Draw one sample from each world, as moments by cell."""
    population = samples._as_many(population, counts)
    W, C, c = population.mean.shape
    drawn = Moments(np.empty((W, C), dtype=np.int64), np.empty((W, C, c)), np.empty((W, C, c, c)))
    _draw(stream, population, np.ascontiguousarray(counts, dtype=np.int64), measurement, alike, drawn)
    return drawn


def pool(drawn: Moments, columns: CellColumns) -> SufficientStatistics:
    """Pool moments by cell into the sufficient statistics of a model's design."""
    pooled = _Pooled.empty(len(drawn.counts), len(columns.names))
    plain = (np.ascontiguousarray(values) for values in (drawn.centre, drawn.scatter))
    _pool(Moments(np.ascontiguousarray(drawn.counts), *plain), _Design.of(columns), pooled)
    return SufficientStatistics(names=columns.names, **pooled._asdict())


@on_disk
def _draw(
    stream: Stream, population: Roots, counts: IntArray, measurement: MeasurementModel, alike: int, drawn: Moments
) -> None:
    W, C, c = population.mean.shape
    eight = _room(C, c)
    for first in range(0, W, WIDTH):
        _load(stream, population, counts, first, eight)
        _draw_eight(stream, measurement, alike, eight)
        for lane in range(min(WIDTH, W - first)):
            for cell in range(C):
                drawn.counts[first + lane, cell] = int(eight.counts[cell, lane])
                for i in range(c):
                    drawn.centre[first + lane, cell, i] = eight.centre[cell, i, lane]
                    for j in range(i + 1):
                        value = eight.scatter[cell, i, j, lane]
                        drawn.scatter[first + lane, cell, i, j] = drawn.scatter[first + lane, cell, j, i] = value


@on_disk
def _pool(drawn: Moments, design: _Design, pooled: _Pooled) -> None:
    W, C, c = drawn.centre.shape
    p = pooled.sxy.shape[1]
    eight = _room(C, c)
    at, mean, cross = np.zeros((C, p + 1, WIDTH)), np.zeros((p + 1, WIDTH)), np.zeros((p + 1, p + 1, WIDTH))
    for first in range(0, W, WIDTH):
        for lane in range(WIDTH):
            w = min(first + lane, W - 1)
            for cell in range(C):
                eight.counts[cell, lane] = drawn.counts[w, cell]
                for i in range(c):
                    eight.centre[cell, i, lane] = drawn.centre[w, cell, i]
                    for j in range(i + 1):
                        eight.scatter[cell, i, j, lane] = drawn.scatter[w, cell, i, j]
        n = _pool_eight(design, at, mean, cross, eight)
        _unload_pooled(first, n, mean, cross, pooled)
