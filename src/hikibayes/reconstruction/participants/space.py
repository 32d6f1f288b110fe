"""Where the cells of a table may go, and what its rows say about the groups."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ...arrays import BoolArray, FloatArray, IntArray


@dataclass(frozen=True, kw_only=True)
class Space:
    """The rows that are searched: n of them, in k groups, with m columns counted in steps of their grain.

    Attributes
    ----------
    group : ndarray of int, shape (n,)
        The rows of a group stand together, group 0 first.
    origin, grain : ndarray, shape (m,)
        A cell holding ``u`` means ``origin + grain * u``.
    lowest, highest : ndarray, shape (n, m)
        Limits of the cells.
    fine : ndarray of bool, shape (m,)
        Columns of continuous scores, whose cells are any real number.
    binary : ndarray of bool, shape (m,)
        Columns of categories, whose cells trade places within a group.
    odd_cap : ndarray of int, shape (m,)
        How many scores may be an odd number of steps from the scale's own zero; n where it does not matter.
    frozen : ndarray of bool, shape (n, m)
        Cells that stay as they are (a printed minimum, for example).
    products : tuple of (int, int), length q
        Pairs of columns whose product numbers depend on.
    """

    group: IntArray
    origin: FloatArray
    grain: FloatArray
    lowest: FloatArray
    highest: FloatArray
    fine: BoolArray
    binary: BoolArray
    odd_cap: IntArray
    frozen: BoolArray
    products: tuple[tuple[int, int], ...] = ()

    @cached_property
    def parts(self) -> tuple[slice, ...]:
        """The rows of each group."""
        ends = np.cumsum(np.bincount(self.group))
        return tuple(slice(int(end - size), int(end)) for end, size in zip(ends, np.bincount(self.group), strict=True))

    @cached_property
    def capped(self) -> BoolArray:
        """Columns in which odd scores are few."""
        return self.odd_cap < len(self.group)

    @cached_property
    def scale(self) -> tuple[FloatArray, FloatArray]:
        """Origins and grains of the columns and of their products, shape (m + q,): a product is around the origins."""
        grains = [self.grain[one] * self.grain[other] for one, other in self.products]
        return np.append(self.origin, np.zeros(len(grains))), np.append(self.grain, grains)

    def with_products(self, rows: FloatArray) -> FloatArray:
        """Return rows with the products of their cells beside them, shape (n, m + q)."""
        return np.column_stack([rows, *(rows[:, one] * rows[:, other] for one, other in self.products)])

    def is_odd(self, rows: FloatArray) -> BoolArray:
        """Tell which scores are an odd number of steps from the scale's own zero."""
        return np.asarray((rows + np.rint(self.origin / self.grain)) % 2 == 1)


def moments(space: Space, rows: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return means and covariances (divisor n - 1) of the groups, in the measures' own units.

    Shapes are (k, m + q) and (k, m + q, m + q); products come last.
    """
    (origin, grain), rows = space.scale, space.with_products(rows)
    values = [rows[part] for part in space.parts]
    mean = np.stack([part.mean(axis=0) for part in values])
    cov = np.stack([np.cov(part, rowvar=False).reshape(rows.shape[1], -1) for part in values])
    return origin + grain * mean, cov * np.outer(grain, grain)
