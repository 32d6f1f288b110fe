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

from ..spec import InputError, unknown_name
from .groups import GroupMoments
from .tails import Array, inverse, namespace

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
        return inverse(self.scatter / (self.root[..., :, None] * self.root[..., None, :]))

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
    factors = _codes(moments, terms, codes, products)
    columns = factors[..., None] * _affine(moments, terms, codes, products)[..., None, :]
    group_mean = column_means(moments, columns)
    mean = xp.einsum("k,...tk->...t", moments.n / moments.total_n, group_mean)
    scatter = _cross(moments, columns, group_mean, columns, group_mean)
    if products == "z":
        unit = _z_units(moments, terms, codes)
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


# -- the columns: codes of the groups times an affine function of measures, the same in every group ------------------


def _codes(moments: GroupMoments, terms: Sequence[str], codes: Codes, products: Products) -> Array:
    """Return what each column is multiplied by in each group, shape (T, k)."""
    xp = namespace(moments.mean)
    single = np.array([":" not in term for term in terms])
    found = xp.ones((len(terms), moments.groups))
    for name, values in codes.items():
        own = xp.asarray(np.asarray(values, dtype=float))
        # a product may need the code around its mean
        middle = moments.n @ own / moments.total_n if products == "centred_both" else 0.0
        within = np.array([name in term.split(":") for term in terms])
        found = found * xp.where(within[:, None], own - middle * ~single[:, None], 1.0)
    return found


def _affine(moments: GroupMoments, terms: Sequence[str], codes: Codes, products: Products) -> Array:
    """Return the measures' part of each column as weights (..., T, 1 + m) of the base columns."""
    xp = namespace(moments.mean)
    measures = [[part for part in term.split(":") if part not in codes] for term in terms]
    if long := [term for term, parts in zip(terms, measures, strict=True) if len(parts) > 2]:
        raise InputError(f"term {long[0]!r}: a product of more than two measures needs moments that are not given")
    width = 1 + len(moments.names)
    where = np.array([1 + moments.position(parts[0]) if len(parts) == 1 else 0 for parts in measures])
    mean = xp.concatenate([xp.zeros_like(moments.total[0][..., :1]), moments.total[0]], axis=-1)
    centred = np.array(
        [
            len(parts) == 1 and _is_centred(moments, parts[0], products, single=":" not in term)
            for term, parts in zip(terms, measures, strict=True)
        ]
    )
    shift = mean[..., where] * centred
    found = xp.asarray(np.eye(width)[where]) - shift[..., None] * np.eye(width)[0]
    if not any(len(parts) == 2 for parts in measures):
        return found
    rows = [
        _measure_product(moments, parts, products) if len(parts) == 2 else found[..., t, :]
        for t, parts in enumerate(measures)
    ]
    return xp.stack(rows, axis=-2)


def _is_centred(moments: GroupMoments, name: str, products: Products, *, single: bool) -> bool:
    """Tell whether a factor is centred before it is multiplied; a z score by itself is centred too."""
    number = name not in moments.categories
    return {
        "z": number,
        "z_again": number,
        "raw": False,
        "centred": number and not single,
        "centred_both": not single,
    }[products]


def _measure_product(moments: GroupMoments, measures: Sequence[str], products: Products) -> Array:
    """Write (x - c)(z - d) in base columns, from the product around other origins.

    With P = (x - a)(z - b): ``P + (b - d)(x - a) + (a - c)(z - b) + (a - c)(b - d)``.
    """
    index, *origins = moments.product(measures[0], measures[1])
    i, j = (moments.position(name) for name in measures)
    mean, unit = moments.total[0], np.eye(1 + len(moments.names))
    a, b = (0.0 * mean[..., :1] + namespace(mean).asarray(origin)[..., None] for origin in origins)
    c, d = (
        mean[..., [k]] if _is_centred(moments, name, products, single=False) else 0.0 * mean[..., :1]
        for k, name in zip((i, j), measures, strict=True)
    )
    left, right = a - c, b - d
    x, z = unit[1 + i] - a * unit[0], unit[1 + j] - b * unit[0]
    return unit[1 + index] + right * x + left * z + left * right * unit[0]


def _z_units(moments: GroupMoments, terms: Sequence[str], codes: Codes) -> Array:
    """Return the SDs of the numbers in each term, multiplied; shape (..., T)."""
    xp = namespace(moments.mean)
    sd = xp.concatenate([moments.sd, xp.ones_like(moments.sd[..., :1])], axis=-1)
    last = len(moments.names)

    def position(name: str) -> int:
        return last if name in codes or name in moments.categories else moments.position(name)

    pairs = np.array([[*(position(part) for part in term.split(":")), last, last][:3] for term in terms])
    return sd[..., pairs].prod(-1)
