"""Rows moved by whole steps until every fact is met.

Around given moments every number is linear in them, and a step in one cell changes them by an amount that is linear in
the row. So thousands of steps, and pairs of opposite steps that keep a mean, are judged at once; the best are made, in
rows of their own, and the numbers computed anew.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ...arrays import FloatArray, IntArray
from .numbers import HAIR, Numbers
from .space import Space, moments

EDGE = 0.05
"""How far inside its interval a number is pulled, as a share of the half width."""
NEAR = 3.0
"""A number farther inside its interval than this many widths is left out of account."""
PAIRS = 2500
SHORTLIST = 300
AT_ONCE = 40
PATIENCE = 4
KICK = 6


class Aim(NamedTuple):
    """The intervals of one table's numbers: ends, and the width that counts as 1; shape (goals,) each."""

    low: FloatArray
    high: FloatArray
    width: FloatArray

    def outside(self, values: FloatArray, edge: float = 0.0) -> FloatArray:
        """Return how far numbers are outside, or less than ``edge`` inside, in widths."""
        below, above = (self.low - values) / self.width + edge, (values - self.high) / self.width + edge
        return np.maximum(np.maximum(below, above), 0.0)


class _Changes(NamedTuple):
    """Changes of two cells each: rows, columns and steps, shape (changes, 2); a step of 0 leaves its cell alone."""

    row: IntArray
    column: IntArray
    step: FloatArray

    def take(self, index: IntArray) -> _Changes:
        return _Changes(self.row[index], self.column[index], self.step[index])

    def make(self, index: int, rows: FloatArray) -> None:
        np.add.at(rows, (self.row[index], self.column[index]), self.step[index])


def move(
    space: Space, numbers: Numbers, rows: FloatArray, aim: Aim, rng: np.random.Generator, rounds: int
) -> tuple[FloatArray, FloatArray]:
    """Move whole-number cells until every number is in its interval.

    Parameters
    ----------
    space, numbers
    rows : ndarray, shape (n, m)
    aim : Aim
    rng : numpy.random.Generator
    rounds : int
        How often to judge steps at most.

    Returns
    -------
    rows : ndarray, shape (n, m)
        The best there were.
    outside : ndarray, shape (goals,)
        How far their numbers are outside; all 0 where every fact is met.
    """
    rows = rows.copy()
    mean, cov = moments(space, rows)
    value, *slopes = numbers.linear(mean, cov)
    best, best_loss, stalled = rows.copy(), np.inf, 0
    for _ in range(rounds):
        value = numbers.values(*moments(space, rows))
        if (aim.outside(value, HAIR) == 0).all():
            return rows, np.zeros(len(value))
        loss = float((aim.outside(value, EDGE) ** 2).sum())
        if loss < 0.999 * best_loss:
            best, best_loss, stalled = rows.copy(), loss, 0
        else:
            stalled += 1
            if stalled % PATIENCE == 1:
                slopes = list(numbers.linear(*moments(space, rows))[1:])
            if stalled % PATIENCE == 0:
                rows = best.copy()
                _kick(space, rows, rng)
                value = numbers.values(*moments(space, rows))
        _improve(space, rows, value, (slopes[0], slopes[1]), aim, rng)
    return best, aim.outside(numbers.values(*moments(space, best)))


# -- changes there are ----------------------------------------------------------------------------------------------


def _changes(space: Space, rows: FloatArray, rng: np.random.Generator) -> _Changes:
    """Draw single steps, opposite steps in a column of a group, any two, and trades of categories."""
    row, column, step = _steps(space, rows)
    found = []
    if len(row):
        one, two = rng.integers(len(row), size=(2, PAIRS))
        two = np.where(np.arange(PAIRS) % 4 > 0, _opposite(space, row, column, step, one, rng), two)
        found.append(_pair(row[one], column[one], step[one], row[one], column[one], 0 * step[one]))
        apart = (two >= 0) & (row[one] != row[two])
        one, two = one[apart], two[apart]
        found.append(_pair(row[one], column[one], step[one], row[two], column[two], step[two]))
    found += _trades(space, rows, rng)
    return _Changes(*(np.concatenate(part) for part in zip(*found, strict=True)))


def _pair(
    row: IntArray, column: IntArray, step: FloatArray, row_2: IntArray, column_2: IntArray, step_2: FloatArray
) -> _Changes:
    return _Changes(np.stack([row, row_2], 1), np.stack([column, column_2], 1), np.stack([step, step_2], 1))


def _steps(space: Space, rows: FloatArray) -> tuple[IntArray, IntArray, FloatArray]:
    """Return every step up and down that leaves a cell inside its limits."""
    movable = ~space.frozen & ~space.fine & ~space.binary
    odd = space.is_odd(rows)
    full = odd.sum(axis=0) >= space.odd_cap
    found = []
    for step in (1.0, -1.0, 2.0, -2.0):
        fits = movable & (rows + step <= space.highest) & (rows + step >= space.lowest)
        # where odd scores are few, long steps, and short ones that do not make more than there may be
        fits &= space.capped if abs(step) == 2 else (~space.capped | odd | ~full)
        found.append((*np.nonzero(fits), np.full(int(fits.sum()), step)))
    return (
        np.concatenate([row for row, _, _ in found]),
        np.concatenate([column for _, column, _ in found]),
        np.concatenate([step for *_, step in found]),
    )


def _opposite(
    space: Space, row: IntArray, column: IntArray, step: FloatArray, one: IntArray, rng: np.random.Generator
) -> IntArray:
    """Draw for some steps the opposite one of another person of the group; -1 where there is none."""
    width = int(column.max()) + 1
    key = (space.group[row] * width + column) * 8 + step.astype(np.int64)
    order = np.argsort(key, kind="stable")
    wanted = key[one] - 2 * step[one].astype(np.int64)
    left, right = np.searchsorted(key[order], wanted), np.searchsorted(key[order], wanted, side="right")
    drawn = left + (rng.random(len(one)) * (right - left)).astype(np.int64)
    return np.where(right > left, order[np.minimum(drawn, len(order) - 1)], -1)


def _trades(space: Space, rows: FloatArray, rng: np.random.Generator) -> list[_Changes]:
    """Draw people of a group, one at each level of a category, who trade places."""
    found, size = [], PAIRS // (4 * max(int(space.binary.sum()), 1))
    for j in np.flatnonzero(space.binary):
        for part in space.parts:
            sides = [part.start + np.flatnonzero((rows[part, j] == level) & ~space.frozen[part, j]) for level in (0, 1)]
            if all(map(len, sides)):
                low, high = (rng.choice(side, size) for side in sides)
                at, one = np.full(size, j), np.ones(size)
                found.append(_pair(low, at, one, high, at, -one))
    return found


# -- which to make ---------------------------------------------------------------------------------------------------


def _improve(
    space: Space,
    rows: FloatArray,
    value: FloatArray,
    slopes: tuple[FloatArray, FloatArray],
    aim: Aim,
    rng: np.random.Generator,
) -> None:
    """Make the best changes there are, in rows of their own; ``rows`` is changed in place."""
    inside = np.minimum(value - aim.low, aim.high - value) / aim.width
    used = np.flatnonzero(inside < NEAR)
    here, now = Aim(aim.low[used], aim.high[used], aim.width[used]), value[used]
    changes, sizes = _changes(space, rows, rng), effects(space, rows, slopes, used)

    def loss(numbers: FloatArray) -> FloatArray:
        return np.asarray((here.outside(numbers, EDGE) ** 2).sum(axis=-1))

    if (count := len(changes.row)) > SHORTLIST:
        # a part at a time stays in the processor's cache
        parts = np.array_split(np.arange(count), count // SHORTLIST)
        losses = [loss(now + _effect_of(space, changes.take(part), *sizes)) for part in parts]
        changes = changes.take(np.argpartition(np.concatenate(losses), SHORTLIST)[:SHORTLIST])
    effect = _effect_of(space, changes, *sizes)
    current, free = float(loss(now)), np.ones(len(effect), dtype=bool)
    taken = np.zeros(len(rows), dtype=bool)
    while free.any() and current > 0 and taken.sum() < AT_ONCE:
        score = np.where(free, loss(now + effect), np.inf)
        at = int(score.argmin())
        if score[at] >= current - 1e-12:
            return
        changes.make(at, rows)
        current, now = float(score[at]), now + effect[at]
        taken[changes.row[at]] = True
        free &= ~taken[changes.row].any(axis=1)


def _effect_of(space: Space, changes: _Changes, linear: FloatArray, square: FloatArray) -> FloatArray:
    """Return what changes add to the numbers, shape (changes, t)."""
    m, t = linear.shape[1:]
    linear, square = linear.reshape(-1, t), square.reshape(-1, t)
    total = np.zeros((len(changes.row), t))
    for rows, columns, steps in zip(changes.row.T, changes.column.T, changes.step.T, strict=True):
        made = np.flatnonzero(steps)
        row, column, step = rows[made], columns[made], steps[made, None]
        more = step * square.take(space.group[row] * m + column, axis=0)
        more += linear.take(row * m + column, axis=0)
        total[made] += step * more
    return total


def _kick(space: Space, rows: FloatArray, rng: np.random.Generator) -> None:
    """Make a few changes at random."""
    changes = _changes(space, rows, rng)
    for index in rng.choice(len(changes.row), size=min(KICK, len(changes.row)), replace=False):
        changes.make(int(index), rows)
    np.clip(rows, space.lowest, space.highest, out=rows)


def effects(
    space: Space, rows: FloatArray, slopes: tuple[FloatArray, FloatArray], used: IntArray
) -> tuple[FloatArray, FloatArray]:
    """Return what a step of 1 in each cell adds to some numbers: linear (n, m, t), and quadratic (k, m, t)."""
    by_mean, by_cov = slopes[0][used], slopes[1][used]
    (t, k, _), m, (_, grain) = by_mean.shape, rows.shape[1], space.scale
    extended = space.with_products(rows)
    linear, square = np.empty((*extended.shape, t)), np.empty((k, m, t))
    for g, part in enumerate(space.parts):
        here = extended[part]
        size = len(here)
        centred = (here - here.mean(axis=0)) * grain
        # a stack of small products: one large one would be shared among threads that wait for each other
        effect = 2 / (size - 1) * (centred @ by_cov[:, g]) + by_mean[:, None, g] / size
        linear[part] = np.moveaxis(effect * grain, 0, -1)
        square[g] = (np.diagonal(by_cov[:, g], axis1=1, axis2=2)[:, :m] / size).T * space.grain[:, None] ** 2
    for place, (one, other) in enumerate(space.products, start=m):
        # a cell changes its products by as much as the other factor is; of the square that is left out
        linear[:, one] += linear[:, place] * rows[:, [other]]
        linear[:, other] += linear[:, place] * rows[:, [one]]
    return linear[:, :m], square
