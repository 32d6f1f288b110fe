"""Whole-number moments that meet every fact: a mixed-integer program on a reduced lattice.

Sums, cross-products and (half of) sums of squares of whole scores are whole numbers, and where three-decimal p-values
are printed few of them meet every fact. Single units change such a p by many times its rounding; combinations of units
hardly change it. Lattice reduction finds these, and a program whose unknowns count them branches on what matters.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import sys
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from scipy.linalg import block_diag
from scipy.optimize import Bounds, LinearConstraint, milp

from ...arrays import FloatArray, IntArray
from .moves import Aim
from .numbers import HAIR, Numbers
from .space import Space

LOVASZ = 0.9
NEARNESS = 0.2
"""Weight of a unit's distance in SDs beside the numbers it changes, in half widths, in what counts as short."""
VIOLATION = 400.0
FAR = 40
ROUNDS = 6
SECONDS = 2.0
EDGE = 0.01
SHARE = 0.3


class Places(NamedTuple):
    """Which whole-number moments there are, d of them; each array has shape (d,).

    Attributes
    ----------
    group, first, second : ndarray of int
        Each is a cross-product of two columns of a group; column 0 is the constant. Where both are the same column it
        is half of the sum of squares less the sum.
    """

    group: IntArray
    first: IntArray
    second: IntArray


def cross_products(space: Space, rows: FloatArray) -> FloatArray:
    """Return the cross-products (k, 1 + m, 1 + m) of a constant and the columns, by group."""
    beside = np.column_stack([np.ones(len(rows)), rows])
    return np.stack([beside[part].T @ beside[part] for part in space.parts])


def places_of(space: Space, *, fine: bool = False) -> Places:
    """Return group, first and second column of every moment that may change: of whole columns, or those of others."""
    real, binary = np.append(False, space.fine), np.append(True, space.binary)
    pairs = [
        (a, b)
        for b in range(1, len(real))
        for a in range(b + 1)
        if (real[a] or real[b]) == fine and not (binary[b] and a in (0, b))
    ]
    found = [(g, a, b) for g in range(len(space.parts)) for a, b in pairs]
    return Places(*np.array(found, dtype=np.int64).reshape(-1, 3).T)


def _slopes(space: Space, by_mean: FloatArray, by_cov: FloatArray, products: FloatArray, places: Places) -> FloatArray:
    """Return what a unit of each whole-number moment adds to the numbers, shape (t, d)."""
    sizes = np.array([part.stop - part.start for part in space.parts], dtype=float)
    mean = products[:, 0, 1:] / products[:, :1, 0]
    grain = space.grain
    cov = by_cov * np.outer(grain, grain) / (sizes - 1)[:, None, None]
    sums = by_mean * grain / sizes[:, None] - 2 * np.einsum("tgij,gj->tgi", cov, mean)
    # a sum of squares is twice the unit plus the sum
    sums = sums + np.diagonal(cov, axis1=2, axis2=3)
    group, first, second = places
    crossed = 2 * cov[:, group, first - 1, second - 1]
    return np.asarray(np.where(first == 0, sums[:, group, second - 1], crossed))


def _units(products: FloatArray, places: Places) -> FloatArray:
    """Read the moments out of cross-products (k, 1 + m, 1 + m)."""
    group, first, second = places
    found = products[group, first, second]
    return np.where(first == second, (found - products[group, 0, second]) / 2, found)


def _with_units(products: FloatArray, places: Places, values: FloatArray) -> FloatArray:
    """Put moments into cross-products."""
    products = products.copy()
    group, first, second = places
    sums = first == 0
    for chosen in (sums, ~sums):
        g, a, b = group[chosen], first[chosen], second[chosen]
        found = np.where(a == b, 2 * values[chosen] + products[g, 0, b], values[chosen])
        products[g, a, b] = products[g, b, a] = found
    return products


def moments_of(space: Space, products: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return means and covariances, in the measures' own units, of cross-products of counts."""
    n = products[:, 0, 0]
    mean = products[:, 0, 1:] / n[:, None]
    cov = products[:, 1:, 1:] - n[:, None, None] * mean[:, :, None] * mean[:, None, :]
    cov = cov / (n - 1)[:, None, None] * np.outer(space.grain, space.grain)
    return space.origin + space.grain * mean, cov


def whole_moments(space: Space, numbers: Numbers, aim: Aim, products: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Choose the moments nearest to given ones that meet every fact, whole numbers where scores are whole.

    Parameters
    ----------
    space, numbers
    aim : Aim
        Facts that are not to be looked at have no ends.
    products : ndarray, shape (k, 1 + m, 1 + m)
        Cross-products of a constant and the columns, by group.

    Returns
    -------
    products : ndarray, shape (k, 1 + m, 1 + m)
        Whole where they have to be.
    outside : ndarray, shape (goals,)
        How far the numbers are outside; all 0 where every fact is met.
    """
    places = Places(*(np.concatenate(pair) for pair in zip(places_of(space), places_of(space, fine=True), strict=True)))
    wanted, spread = _units(products, places), _spread(products, places)
    d = len(places_of(space).group)
    now = np.append(np.rint(wanted[:d]), wanted[d:])
    basis: FloatArray | None = None
    best, best_outside = products, np.full(len(aim.low), np.inf)
    for number in range(ROUNDS):
        made = _with_units(products, places, now)
        value, by_mean, by_cov = numbers.linear(*moments_of(space, made))
        outside = aim.outside(value, HAIR)
        if outside.sum() < best_outside.sum():
            best, best_outside = made, outside
        if not outside.any():
            break
        slopes = _slopes(space, by_mean, by_cov, made, places) / aim.width[:, None]
        if basis is None:
            by_unit = slopes * np.append(np.ones(d), spread[d:])
            lattice = reduced(np.hstack([_left_by(by_unit, d).T, np.diag(NEARNESS / spread[:d])]))
            basis = np.asarray(block_diag(lattice, np.diag(spread[d:])), dtype=float)
        step = _program(value, slopes, aim, basis, wanted - now, spread, d, EDGE * (1 + 3 * number))
        if step is None or not step.any():
            break
        now = now + step
    return best, best_outside


def _left_by(effects: FloatArray, d: int) -> FloatArray:
    """Return the effects of units of the first moments, less what the others, which are real numbers, can undo.

    Parameters
    ----------
    effects : ndarray, shape (t, moments)
        Of a unit of the first moments, and of a spread of the others.
    d : int
        Whole-number moments.
    """
    real = effects[:, d:]
    undone = real @ np.linalg.solve(real.T @ real + NEARNESS**2 * np.eye(real.shape[1]), real.T)
    return np.asarray(effects[:, :d] - undone @ effects[:, :d])


def _spread(products: FloatArray, places: Places) -> FloatArray:
    """Return about three tenths of the sampling error of each moment, at least 1."""
    n = products[:, 0, 0]
    mean = products[:, 0, :] / n[:, None]
    squares = np.diagonal(products, axis1=1, axis2=2) / n[:, None]
    sd = np.sqrt(np.maximum(squares - mean**2, 1e-6))
    sd[:, 0] = 1.0
    group, first, second = places
    found = np.sqrt(n)[group] * sd[group, first] * sd[group, second]
    return np.maximum(SHARE * np.where(first == second, found / np.sqrt(2), found), 1.0)


def _program(
    value: FloatArray,
    slopes: FloatArray,
    aim: Aim,
    basis: FloatArray,
    wished: FloatArray,
    spread: FloatArray,
    whole: int,
    edge: float,
) -> FloatArray | None:
    """Return steps of the moments: those of least violation, then of least distance to what is wished.

    They are combinations of the rows of ``basis``, of the first ones by whole numbers.
    """
    used = np.flatnonzero(np.isfinite(aim.low) | np.isfinite(aim.high))
    width = aim.width[used]
    low, high = (aim.low[used] - value[used]) / width + edge, (aim.high[used] - value[used]) / width - edge
    d, t = len(basis), len(used)
    combined = slopes[used] @ basis.T
    at = np.linalg.solve(basis.T, wished)
    length = np.sqrt(((basis / spread) ** 2).sum(axis=1)) / np.sqrt(d)
    cost = np.concatenate([np.zeros(d), np.full(t, VIOLATION), length])
    eye, none = np.eye(d), np.zeros((d, t))
    rows = np.vstack(
        [
            np.hstack([combined, np.eye(t), np.zeros((t, d))]),
            np.hstack([combined, -np.eye(t), np.zeros((t, d))]),
            np.hstack([eye, none, -eye]),
            np.hstack([eye, none, eye]),
        ]
    )
    infinite = np.full(max(t, d), np.inf)
    ends = (
        np.concatenate([low, -infinite[:t], -infinite[:d], at]),
        np.concatenate([infinite[:t], high, at, infinite[:d]]),
    )
    bounds = Bounds(
        np.concatenate([np.floor(at) - FAR, np.zeros(t + d)]),
        np.concatenate([np.ceil(at) + FAR, np.full(t + d, np.inf)]),
    )
    limits = LinearConstraint(rows, *ends)
    with _nothing_printed():
        found = milp(
            cost,
            constraints=limits,
            integrality=(np.arange(len(cost)) < whole).astype(int),
            bounds=bounds,
            options={"time_limit": SECONDS, "mip_rel_gap": 0.2},
        )
    if found.x is None:
        return None
    return np.asarray(np.append(np.rint(found.x[:whole]), found.x[whole:d]) @ basis)


@contextlib.contextmanager
def _nothing_printed() -> Iterator[None]:
    """Keep standard output free of what the solver says now and then, whatever it is told: results go there."""
    sys.stdout.flush()
    kept, nowhere = os.dup(1), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    try:
        yield
    finally:
        # what C has still to write must go before the old output is back
        with contextlib.suppress(OSError, AttributeError, TypeError):
            ctypes.CDLL(None).fflush(None)
        os.dup2(kept, 1)
        os.close(kept)
        os.close(nowhere)


def reduced(rows: FloatArray) -> IntArray:
    """Return whole combinations of rows that are short and nearly at right angles: Lenstra, Lenstra & Lovasz (1982).

    Parameters
    ----------
    rows : ndarray, shape (d, q)
        Linearly independent.

    Returns
    -------
    ndarray of int, shape (d, d)
        Unimodular; the reduced rows are its product with ``rows``.
    """
    d = len(rows)
    basis = np.eye(d, dtype=np.int64)
    order = np.argsort((rows**2).sum(axis=1), kind="stable")
    basis = basis[order]
    b = rows[order].copy()
    mu, norm, star = np.eye(d), np.zeros(d), np.zeros_like(b)

    def orthogonal(k: int) -> None:
        mu[k, :k] = (star[:k] @ b[k]) / norm[:k]
        star[k] = b[k] - mu[k, :k] @ star[:k]
        norm[k] = star[k] @ star[k]

    orthogonal(0)
    k, ready = 1, 0
    while k < d:
        ready = max(ready, k)
        orthogonal(k)
        for j in range(k - 1, -1, -1):
            q = np.rint(mu[k, j])
            if q:
                b[k] -= q * b[j]
                basis[k] -= int(q) * basis[j]
                mu[k, : j + 1] -= q * mu[j, : j + 1]
        if norm[k] >= (LOVASZ - mu[k, k - 1] ** 2) * norm[k - 1]:
            k += 1
            continue
        b[[k - 1, k]], basis[[k - 1, k]] = b[[k, k - 1]], basis[[k, k - 1]]
        orthogonal(k - 1)
        k = max(k - 1, 1)
    return basis
