"""Sizes, means and covariances by group, and the total sample's."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from ..arrays import FloatArray, IntArray
from ..spec import InputError, unknown_name
from .tails import Array, namespace


@dataclass(frozen=True, kw_only=True, eq=False)
class GroupMoments:
    """Moments of k groups, NumPy or JAX arrays alike; leading dims (draws) are carried through.

    Attributes
    ----------
    names : tuple of str, length m
        The base columns: measures, and products of two measures, named ``x:z``.
    n : ndarray, shape (k,)
        Participants of each group.
    mean : ndarray, shape (..., k, m)
    cov : ndarray, shape (..., k, m, m)
        Divisor n - 1.
    categories : frozenset of str
        Measures that are 0/1 indicators, which no convention turns into z scores.
    origins : mapping of str to (float or ndarray, float or ndarray)
        For each product ``x:z`` among the names, the a and b (of all or of each draw) of the column
        ``(x - a)(z - b)`` whose moments are given.
    """

    names: tuple[str, ...]
    n: Array
    mean: Array
    cov: Array
    categories: frozenset[str] = frozenset()
    origins: Mapping[str, tuple[Array, Array]] = field(default_factory=dict)

    @property
    def groups(self) -> int:
        """How many groups there are."""
        return int(self.mean.shape[-2])

    @property
    def total_n(self) -> Array:
        """Participants in all."""
        return self.n.sum()

    @cached_property
    def total(self) -> tuple[Array, Array]:
        """Mean (..., m) and covariance (..., m, m; divisor n - 1) over all participants."""
        xp, n = namespace(self.mean), self.n
        mean = xp.einsum("k,...km->...m", n / n.sum(), self.mean)
        gap = self.mean - mean[..., None, :]
        within = xp.einsum("k,...kij->...ij", n - 1, self.cov)
        return mean, (within + xp.einsum("k,...ki,...kj->...ij", n, gap, gap)) / (n.sum() - 1)

    @cached_property
    def sd(self) -> Array:
        """SD (..., m) over all participants."""
        xp = namespace(self.mean)
        return xp.sqrt(xp.diagonal(self.total[1], axis1=-2, axis2=-1))

    def position(self, name: str) -> int:
        """Return the index of a base column; raises `InputError` with the names there are."""
        if name not in self.names:
            raise InputError(unknown_name("measure", name, self.names))
        return self.names.index(name)

    def product(self, first: str, second: str) -> tuple[int, Array, Array]:
        """Return index and origins (of the first, of the second) of a product's base column.

        Raises
        ------
        InputError
            Its moments are not among those given.
        """
        for name, swapped in ((f"{first}:{second}", False), (f"{second}:{first}", True)):
            if name in self.names:
                a, b = self.origins.get(name, (0.0, 0.0))
                return self.names.index(name), *((b, a) if swapped else (a, b))
        raise InputError(
            f"the moments of the product {first}:{second} are not given; group moments do not determine them"
        )


def group_moments(
    rows: FloatArray,
    group: IntArray,
    names: Sequence[str],
    *,
    categories: Iterable[str] = (),
    products: Iterable[tuple[str, str]] = (),
) -> GroupMoments:
    """Compute group moments from rows.

    Parameters
    ----------
    rows : ndarray, shape (n, m)
        A column for each measure; categories as 0/1.
    group : ndarray of int, shape (n,)
        Which group each row belongs to, 0 to k - 1.
    names : sequence of str, length m
    categories : iterable of str
        Which measures are indicators.
    products : iterable of (str, str)
        Pairs of measures whose product a regression uses; held around the measures' means.

    Returns
    -------
    GroupMoments
    """
    names, mean = list(names), rows.mean(axis=0)
    columns, origins = [rows], {}
    for first, second in products:
        i, j = names.index(first), names.index(second)
        columns.append(((rows[:, i] - mean[i]) * (rows[:, j] - mean[j]))[:, None])
        origins[f"{first}:{second}"] = float(mean[i]), float(mean[j])
    table = np.hstack(columns)
    parts = [table[group == g] for g in range(int(group.max()) + 1)]
    return GroupMoments(
        names=(*names, *origins),
        n=np.array([len(part) for part in parts], dtype=float),
        mean=np.stack([part.mean(axis=0) for part in parts]),
        cov=np.stack([np.cov(part, rowvar=False).reshape(table.shape[1], -1) for part in parts]),
        categories=frozenset(categories),
        origins=origins,
    )


def correlations(moments: GroupMoments, group: int | None = None) -> Array:
    """Return the correlation matrix (..., m, m) of one group, or of all participants."""
    xp = namespace(moments.mean)
    cov = moments.total[1] if group is None else moments.cov[..., group, :, :]
    sd = xp.sqrt(xp.diagonal(cov, axis1=-2, axis2=-1))
    return cov / (sd[..., :, None] * sd[..., None, :])
