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
    lowest, highest : ndarray, shape (m,)
        Limits of the cells.
    fine : ndarray of bool, shape (m,)
        Columns of continuous scores, whose cells are any real number.
    binary : ndarray of bool, shape (m,)
        Columns of categories, whose cells trade places within a group.
    odd_cap : ndarray of int, shape (m,)
        How many scores may be an odd number of steps from the scale's own zero; n where it does not matter.
    frozen : ndarray of bool, shape (n, m)
        Cells that stay as they are (a printed minimum, for example).
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

    @cached_property
    def parts(self) -> tuple[slice, ...]:
        """The rows of each group."""
        ends = np.cumsum(np.bincount(self.group))
        return tuple(slice(int(end - size), int(end)) for end, size in zip(ends, np.bincount(self.group), strict=True))

    @cached_property
    def capped(self) -> BoolArray:
        """Columns in which odd scores are few."""
        return self.odd_cap < len(self.group)

    def is_odd(self, rows: FloatArray) -> BoolArray:
        """Tell which scores are an odd number of steps from the scale's own zero."""
        return np.asarray((rows + np.rint(self.origin / self.grain)) % 2 == 1)


def moments(space: Space, rows: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return means (k, m) and covariances (k, m, m; divisor n - 1) of the groups, in the measures' own units."""
    values = [rows[part] for part in space.parts]
    mean = np.stack([part.mean(axis=0) for part in values])
    cov = np.stack([np.cov(part, rowvar=False).reshape(rows.shape[1], -1) for part in values])
    return space.origin + space.grain * mean, cov * np.outer(space.grain, space.grain)
