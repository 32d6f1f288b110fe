"""The columns of a regression, and their moments.

Conventions, as published analyses have them:

=============== =======================================================================================================
products        a product's factors, and the unit of a standardised coefficient
=============== =======================================================================================================
``z``           numbers as z scores, categories and codes as they are; b of these products in SD of the outcome
``z_again``     the same columns, standardised once more (SPSS's beta of a product of z scores)
``raw``         raw scores; standardised: b times SD of the column over SD of the outcome
``centred``     numbers centred at the mean of all participants, categories and codes left alone
``centred_both`` every factor centred, the codes of the groups too
=============== =======================================================================================================
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from ..spec import InputError, unknown_name
from .groups import GroupMoments
from .tails import Array, namespace

__all__ = ["CODINGS", "PRODUCTS", "Codes", "Design", "Products", "design_of"]

type Products = Literal["z", "z_again", "raw", "centred", "centred_both"]
type Codes = Mapping[str, Sequence[float]]
"""What stands for the groups: a code for each group, by the name that terms use."""

PRODUCTS: tuple[str, ...] = get_args(Products.__value__)
CODINGS: dict[str, tuple[float, float]] = {"dummy": (0.0, 1.0), "effect": (-1.0, 1.0), "half": (-0.5, 0.5)}
"""Codes of two groups, the reference first."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Design:
    """The columns of a regression and their moments; T terms, k groups, m base columns.

    Attributes
    ----------
    moments : GroupMoments
    terms : tuple of str
    columns : ndarray, shape (..., T, k, 1 + m)
        Each column as weights of ``[1, x_1, ..., x_m]`` in each group.
    group_mean : ndarray, shape (..., T, k)
    mean : ndarray, shape (..., T)
    scatter : ndarray, shape (..., T, T)
        Centred cross-products.
    unit : ndarray, shape (..., T)
        What one unit of a standardised coefficient's column is in units of the column.
    """

    moments: GroupMoments
    terms: tuple[str, ...]
    columns: Array
    group_mean: Array
    mean: Array
    scatter: Array
    unit: Array

    @cached_property
    def root(self) -> Array:
        """Square roots (..., T) of the scatter's diagonal."""
        xp = namespace(self.scatter)
        return xp.sqrt(xp.diagonal(self.scatter, axis1=-2, axis2=-1))

    @cached_property
    def inverse(self) -> Array:
        """Inverse (..., T, T) of the columns' correlation matrix; its diagonal holds the VIFs."""
        xp = namespace(self.scatter)
        return xp.linalg.inv(self.scatter / (self.root[..., :, None] * self.root[..., None, :]))

    def cross(self, columns: Array, group_mean: Array) -> Array:
        """Return centred cross-products (..., T, U) with other columns (..., U, k, 1 + m) of the same base."""
        return _cross(self.moments, self.columns, self.group_mean, columns, group_mean)

    def position(self, term: str) -> int:
        """Return a term's index (``x:group`` is ``group:x``); raises `InputError` with the terms there are."""
        wanted = set(term.split(":"))
        for index, own in enumerate(self.terms):
            if set(own.split(":")) == wanted:
                return index
        raise InputError(unknown_name("term", term, self.terms))


def design_of(moments: GroupMoments, terms: Sequence[str], *, codes: Codes, products: Products = "z") -> Design:
    """Build the columns of a regression and their moments.

    Parameters
    ----------
    moments : GroupMoments
    terms : sequence of str
        Measures, codes, and products of them joined by ``:`` (at most two measures).
    codes : mapping of str to sequence of float, length k
        The groups' codes by the name that terms use: ``{"arm": CODINGS["dummy"]}``; for three groups two dummies.
    products : {"z", "z_again", "raw", "centred", "centred_both"}
        See the module.

    Raises
    ------
    InputError
        An unknown term or convention, a product of three measures, or one whose moments are not given.
    """
    if products not in PRODUCTS:
        raise InputError(unknown_name("convention for products", products, PRODUCTS))
    xp = namespace(moments.mean)
    columns = xp.stack([_column(moments, term, codes, products) for term in terms], axis=-3)
    group_mean = column_means(moments, columns)
    mean = xp.einsum("k,...tk->...t", moments.n / moments.total_n, group_mean)
    scatter = _cross(moments, columns, group_mean, columns, group_mean)
    if products == "z":
        unit = xp.stack([_z_unit(moments, term) for term in terms], axis=-1)
    else:
        unit = xp.sqrt(xp.diagonal(scatter, axis1=-2, axis2=-1) / (moments.total_n - 1))
    return Design(
        moments=moments,
        terms=tuple(terms),
        columns=columns,
        group_mean=group_mean,
        mean=mean,
        scatter=scatter,
        unit=unit,
    )


def column_means(moments: GroupMoments, columns: Array) -> Array:
    """Return the means (..., T, k) of columns in each group."""
    xp = namespace(columns)
    return columns[..., 0] + xp.einsum("...tkm,...km->...tk", columns[..., 1:], moments.mean)


def _cross(moments: GroupMoments, left: Array, left_mean: Array, right: Array, right_mean: Array) -> Array:
    """Return centred cross-products of columns, from within the groups and between them."""
    xp, n = namespace(left), moments.n
    share = n / moments.total_n
    spread = xp.einsum("k,...tki,...kij->...tkj", n - 1, left[..., 1:], moments.cov)
    within = xp.einsum("...tkj,...ukj->...tu", spread, right[..., 1:])
    gap = left_mean - xp.einsum("k,...tk->...t", share, left_mean)[..., None]
    other = right_mean - xp.einsum("k,...uk->...u", share, right_mean)[..., None]
    return within + xp.einsum("k,...tk,...uk->...tu", n, gap, other)


# -- one column ------------------------------------------------------------------------------------------------------


def _column(moments: GroupMoments, term: str, codes: Codes, products: Products) -> Array:
    """Return a term as an affine column (..., k, 1 + m)."""
    parts = term.split(":")
    measures = [part for part in parts if part not in codes]
    single = len(parts) == 1
    if len(measures) > 2:
        raise InputError(f"term {term!r}: a product of more than two measures needs moments that are not given")
    shifts = [_shift(moments, name, products, single=single) for name in measures]
    if not measures:
        column = _constant(moments)
    elif len(measures) == 1:
        column = _raw(moments, measures[0]) - shifts[0][..., None, None] * _constant(moments)
    else:
        column = _measure_product(moments, measures, shifts)
    for name in (part for part in parts if part in codes):
        column = _code(moments, codes[name], centred=products == "centred_both" and not single) * column
    return column


def _code(moments: GroupMoments, codes: Sequence[float], *, centred: bool) -> Array:
    """Return the groups' codes as a factor (k, 1)."""
    xp = namespace(moments.mean)
    values = xp.asarray(np.asarray(codes, dtype=float))
    return (values - (moments.n @ values / moments.total_n if centred else 0.0))[:, None]


def _shift(moments: GroupMoments, name: str, products: Products, *, single: bool) -> Array:
    """Return what is taken off a factor before it is multiplied; a z score by itself is centred too."""
    mean = moments.total[0][..., moments.position(name)]
    number = name not in moments.categories
    centred = {
        "z": number,
        "z_again": number,
        "raw": False,
        "centred": number and not single,
        "centred_both": not single,
    }[products]
    return mean if centred else 0.0 * mean


def _raw(moments: GroupMoments, name: str) -> Array:
    return _basis(moments, 1 + moments.position(name))


def _constant(moments: GroupMoments) -> Array:
    return _basis(moments, 0)


def _basis(moments: GroupMoments, index: int) -> Array:
    unit: NDArray[np.float64] = np.zeros((moments.groups, 1 + len(moments.names)))
    unit[:, index] = 1.0
    return namespace(moments.mean).asarray(np.broadcast_to(unit, (*moments.mean.shape[:-2], *unit.shape)))


def _measure_product(moments: GroupMoments, measures: Sequence[str], shifts: Sequence[Array]) -> Array:
    """Write (x - c)(z - d) in base columns, from the product around other origins.

    With P = (x - a)(z - b): ``P + (b - d)(x - a) + (a - c)(z - b) + (a - c)(b - d)``.
    """
    index, a, b = moments.product(measures[0], measures[1])
    left, right = (a - shifts[0])[..., None, None], (b - shifts[1])[..., None, None]
    one = _constant(moments)
    x, z = _raw(moments, measures[0]) - a * one, _raw(moments, measures[1]) - b * one
    return _basis(moments, 1 + index) + right * x + left * z + left * right * one


def _z_unit(moments: GroupMoments, term: str) -> Array:
    """Return the SDs of the numbers in a term, multiplied."""
    unit = namespace(moments.mean).ones_like(moments.sd[..., 0])
    for part in term.split(":"):
        if part in moments.names and part not in moments.categories:
            unit = unit * moments.sd[..., moments.position(part)]
    return unit
