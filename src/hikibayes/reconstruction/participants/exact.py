"""Whole-number columns with exactly given sums, sums of squares and cross-products.

Column by column: with the others as they are, sum and cross-products are linear in a column's cells, and opposite steps
of two people change them by little where the two are alike. Steps bring a column near; what is left is closed by two
changes on either side that add up to it exactly, which sorting finds among billions.
"""

from __future__ import annotations

import numpy as np
from scipy.spatial import KDTree

from ...arrays import BoolArray, FloatArray, IntArray
from .space import Space

TRIES = 8
"""Orders of people in which a column is tried."""
POOL = 3000
COMBINED = 150_000
NEIGHBOURS = 12
STEPS = 400
SPLITS = 6


def exact_rows(space: Space, rows: FloatArray, products: IntArray, rng: np.random.Generator) -> FloatArray | None:
    """Bring the whole-number columns to given cross-products.

    Parameters
    ----------
    space : Space
    rows : ndarray, shape (n, m)
        Near their cross-products; categories have the right sums.
    products : ndarray of int, shape (k, 1 + m, 1 + m)
        Cross-products of a column of ones and the columns, by group; those of continuous columns are not read.
    rng : numpy.random.Generator

    Returns
    -------
    ndarray, shape (n, m), or None
        None where no such rows were found.
    """
    rows = rows.copy()
    whole = np.flatnonzero(~space.fine)
    order = whole[np.argsort(((space.highest - space.lowest).max(axis=0) + ~space.binary)[whole], kind="stable")]
    for g, part in enumerate(space.parts):
        here = rows[part]
        for place, j in enumerate(order):
            known = order[:place]
            wanted = np.concatenate(
                [[products[g, 0, 1 + j]], products[g, 1 + known, 1 + j], [products[g, 1 + j, 1 + j]]]
            )
            limits = float(space.lowest[part.start, j]), float(space.highest[part.start, j])
            column = _Column(here[:, known], limits, space.frozen[part, j])
            found = column.solved(here[:, j], wanted.astype(float), rng)
            if found is None:
                return None
            here[:, j] = found
        rows[part] = here
    return rows


class _Column:
    """One column of a group, beside columns that stay as they are."""

    def __init__(self, known: FloatArray, limits: tuple[float, float], frozen: BoolArray) -> None:
        self.known, self.limits, self.frozen = known, limits, frozen
        self.beside = np.column_stack([np.ones(len(known)), known])

    def sums(self, x: FloatArray) -> FloatArray:
        return np.append(self.beside.T @ x, x @ x)

    def solved(self, x: FloatArray, wanted: FloatArray, rng: np.random.Generator) -> FloatArray | None:
        """Return a column with exactly these sums, or None."""
        first = self._near(x, wanted) if self.limits[1] - self.limits[0] > 1 else x
        for _ in range(TRIES):
            found = self._stepped(first.copy(), wanted, rng)
            for _ in range(SPLITS):
                left = wanted - self.sums(found)
                if not left.any():
                    return found
                if left[0] or not self._closed(found, left, rng):
                    break
        return None

    def _near(self, x: FloatArray, wanted: FloatArray) -> FloatArray:
        """Round the real column that has the wanted sums."""
        x = np.array(x)
        for _ in range(4):
            fit = np.linalg.lstsq(self.beside, x, rcond=None)[0]
            slope = np.linalg.lstsq(self.beside.T @ self.beside, wanted[:-1], rcond=None)[0]
            rest = x - self.beside @ fit
            explained = self.beside @ slope
            spread = np.sqrt(max(wanted[-1] - explained @ explained, 0.0) / max(rest @ rest, 1e-9))
            x = np.clip(explained + spread * rest, *self.limits)
        return np.rint(x)

    def _changes(
        self, x: FloatArray, rng: np.random.Generator, rows: IntArray, *, alike: bool
    ) -> tuple[IntArray, FloatArray, FloatArray]:
        """Return opposite steps of two people of some rows: who, steps, and what they add."""
        who = _people(np.column_stack([self.known, x])[rows], rng, alike)
        one, two = rows[who[:, 0]], rows[who[:, 1]]
        step = rng.choice(np.array([1.0, -1.0, 2.0, -2.0]), size=len(one), p=[0.4, 0.4, 0.1, 0.1])
        fits = self._inside(x[one] + step) & self._inside(x[two] - step) & ~self.frozen[one] & ~self.frozen[two]
        one, two, step = one[fits], two[fits], step[fits]
        added = np.column_stack(
            [step[:, None] * (self.known[one] - self.known[two]), 2 * step * (x[one] - x[two]) + 2 * step**2]
        )
        return np.stack([one, two], 1), step, added

    def _inside(self, values: FloatArray) -> BoolArray:
        return (values >= self.limits[0]) & (values <= self.limits[1])

    def _stepped(self, x: FloatArray, wanted: FloatArray, rng: np.random.Generator) -> FloatArray:
        """Come near by single steps while the sum is wrong, then by opposite steps of two people."""
        everyone = np.arange(len(x))
        scale = np.sqrt((self.beside**2).mean(axis=0) + 1.0)
        alike = False
        for _ in range(STEPS):
            left = wanted - self.sums(x)
            if left[0]:
                step = np.sign(left[0])
                fits = self._inside(x + step) & ~self.frozen
                if not fits.any():
                    return x
                after = left[:-1] - step * self.beside
                loss = ((after / scale) ** 2).sum(axis=1) + ((left[-1] - 2 * step * x - 1) / scale[-1]) ** 2 * 0.1
                x[int(np.where(fits, loss, np.inf).argmin())] += step
                continue
            who, steps, added = self._changes(x, rng, everyone, alike=alike)
            if not len(who):
                return x
            unit = np.sqrt((added**2).mean(axis=0)) + 0.5
            loss = (((left[1:] - added) / unit) ** 2).sum(axis=1)
            best = int(loss.argmin())
            if loss[best] >= ((left[1:] / unit) ** 2).sum() - 1e-9:
                if alike:
                    return x
                alike = True
                continue
            x[who[best, 0]] += steps[best]
            x[who[best, 1]] -= steps[best]
        return x

    def _closed(self, x: FloatArray, left: FloatArray, rng: np.random.Generator) -> bool:
        """Find changes of two halves of the people that add up to what is left; make them in place."""
        shuffled = rng.permutation(len(x))
        sides = [_Side(*self._changes(x, rng, half, alike=True), rng) for half in np.array_split(shuffled, 2)]
        weights = rng.integers(1, 2**31, size=len(left) - 1) * 2 + 1
        hashes = [side.hashes(weights) for side in sides]
        order = np.argsort(hashes[1])
        sorted_, wanted = hashes[1][order], left[1:].astype(np.int64) @ weights - hashes[0]
        place = np.minimum(np.searchsorted(sorted_, wanted), len(order) - 1)
        for one in np.flatnonzero(sorted_[place] == wanted).tolist():
            two = int(order[place[one]])
            if (sides[0].added(one) + sides[1].added(two) == left[1:]).all():
                for side, at in zip(sides, (one, two), strict=True):
                    side.make(x, at)
                return True
        return False


class _Side:
    """No change, one change, and two changes of different people, in this order: only what each adds is worked out.

    Parameters
    ----------
    who, step, added : ndarray
        Single changes: who steps, by how much, and what that adds.
    rng : numpy.random.Generator
    """

    def __init__(self, who: IntArray, step: FloatArray, added: FloatArray, rng: np.random.Generator) -> None:
        self._who, self._step, self._added = who, step, added
        self._one = self._two = np.zeros(0, dtype=np.int64)
        if len(who):
            one, two = rng.integers(len(who), size=(2, COMBINED))
            first, second = who[one], who[two]
            apart = np.all([first[:, a] != second[:, b] for a in (0, 1) for b in (0, 1)], axis=0)
            self._one, self._two = one[apart], two[apart]

    def hashes(self, weights: IntArray) -> IntArray:
        """Return one whole number for what each adds; that of a sum is the sum."""
        own: IntArray = self._added.astype(np.int64) @ weights
        return np.concatenate([np.zeros(1, dtype=np.int64), own, own[self._one] + own[self._two]])

    def added(self, at: int) -> FloatArray:
        """Return what one of them adds."""
        total: FloatArray = self._added[self._changes(at)].sum(axis=0)
        return total

    def make(self, x: FloatArray, at: int) -> None:
        """Make one of them in place."""
        for change in self._changes(at):
            x[self._who[change]] += self._step[change] * np.array([1.0, -1.0])

    def _changes(self, at: int) -> list[int]:
        if at <= len(self._who):
            return [int(at) - 1] if at else []
        pair = at - len(self._who) - 1
        return [int(self._one[pair]), int(self._two[pair])]


def _people(points: FloatArray, rng: np.random.Generator, alike: bool) -> IntArray:
    """Draw pairs of people, every one where there are few, alike or any where there are many; shape (pairs, 2)."""
    n = len(points)
    if n * (n - 1) <= POOL:
        one, two = np.nonzero(~np.eye(n, dtype=bool))
        return np.stack([one, two], 1)
    if not alike:
        drawn = rng.integers(n, size=(POOL, 2))
        apart: IntArray = drawn[drawn[:, 0] != drawn[:, 1]]
        return apart
    near = min(NEIGHBOURS, n - 1)
    chosen = rng.choice(n, size=min(n, POOL // near), replace=False)
    jitter = points + rng.uniform(-0.3, 0.3, size=points.shape)
    _, found = KDTree(jitter).query(jitter[chosen], k=near + 1)
    pairs: IntArray = np.stack([np.repeat(chosen, near), found[:, 1:].ravel()], 1)
    return pairs
