"""The regression as a tridiagonal system: one Householder reduction, after which every sigma costs O(p).

With D the prior sds and A = D Sxx D, coefficients are prior mean + D γ with γ ~ N(0, I). Given v = sigma² everything
follows from (A + vI)⁻¹. An orthogonal Q makes T = Q'AQ tridiagonal; T + vI stays so. D Sxr and the contrasts D c are
rotated along. Columns come sorted by their diagonal in A, largest first: then the reduction keeps the digits of small
ones, whatever units and prior sds they have.

Arrays end in the axis of the lanes; "(p)" below stands for shape (p, 8).

References
----------
.. [1] Golub G. H., Van Loan C. F. (2013). Matrix Computations, 4th ed., sections 4.3.6 and 8.3.1. Johns Hopkins.
"""

# mypy: disable-error-code="no-untyped-def, no-untyped-call, untyped-decorator"
from __future__ import annotations

from numba import njit

from .lanes import FAST, lanes, larger, load, logarithm, square_root, store, where_below

compiled = njit(nogil=True, error_model="numpy", fastmath=set(FAST), _nrt=False)
"""For functions that are compiled into those that call them; what is called from Python is cached on disk. They neither
make nor keep arrays, so nothing is counted for them."""


@compiled
def tridiagonal(A, rows, diagonal, beside, u, w):
    """Reduce A (p, p), of which the lower triangle is read and overwritten, and rotate `rows` (1 + k, p) along.

    Fills `diagonal` (p) and `beside` (p); `u` and `w` (p) are for intermediate results.
    """
    p = A.shape[0]
    for k in range(p - 2):
        first, h = _reflector(A, k, u)
        store(diagonal, (k,), load(A, (k, k)))
        store(beside, (k,), first)
        _times(A, k, u, w)
        _subtract_rank_two(A, k, h, u, w)
        _reflect(rows, k, h, u)
    if p > 1:
        store(diagonal, (p - 2,), load(A, (p - 2, p - 2)))
        store(beside, (p - 2,), load(A, (p - 1, p - 2)))
    store(diagonal, (p - 1,), load(A, (p - 1, p - 1)))


@compiled
def _reflector(A, k, u):
    """Fill u with the reflector I - h u u' that clears column k below its first element; return that element and h."""
    s = lanes(0.0)
    for i in range(k + 1, A.shape[0]):
        a = load(A, (i, k))
        store(u, (i,), a)
        s += a * a
    below, root = load(u, (k + 1,)), square_root(s)
    first = where_below(lanes(0.0), below, -root, root)
    store(u, (k + 1,), below - first)
    return first, 1.0 / larger(s - first * below, lanes(1e-300))


@compiled
def _times(A, k, u, w):
    """Fill w with A u over rows and columns after k, from the lower triangle of A."""
    p, first = A.shape[0], k + 1
    if (p - first) % 2:
        store(w, (first,), load(A, (first, first)) * load(u, (first,)))
        first += 1
    for i in range(first, p, 2):  # two rows at a time share what they load
        ui, vi, total, other = load(u, (i,)), load(u, (i + 1,)), lanes(0.0), lanes(0.0)
        for j in range(k + 1, i):
            a, b, uj = load(A, (i, j)), load(A, (i + 1, j)), load(u, (j,))
            total += a * uj
            other += b * uj
            store(w, (j,), load(w, (j,)) + a * ui + b * vi)
        between = load(A, (i + 1, i))
        store(w, (i,), total + load(A, (i, i)) * ui + between * vi)
        store(w, (i + 1,), other + between * ui + load(A, (i + 1, i + 1)) * vi)


@compiled
def _subtract_rank_two(A, k, h, u, w):
    """Replace A by the reflected one, A - u w' - w u', with w = h A u less its part along u."""
    p, c = A.shape[0], lanes(0.0)
    for i in range(k + 1, p):
        t = load(w, (i,)) * h
        store(w, (i,), t)
        c += t * load(u, (i,))
    c *= 0.5 * h
    for i in range(k + 1, p):
        store(w, (i,), load(w, (i,)) - c * load(u, (i,)))
    first = k + 1
    if (p - first) % 2:
        store(A, (first, first), load(A, (first, first)) - 2.0 * load(u, (first,)) * load(w, (first,)))
        first += 1
    for i in range(first, p, 2):
        ui, wi, vi, xi = load(u, (i,)), load(w, (i,)), load(u, (i + 1,)), load(w, (i + 1,))
        for j in range(k + 1, i + 1):
            uj, wj = load(u, (j,)), load(w, (j,))
            store(A, (i, j), load(A, (i, j)) - ui * wj - wi * uj)
            store(A, (i + 1, j), load(A, (i + 1, j)) - vi * wj - xi * uj)
        store(A, (i + 1, i + 1), load(A, (i + 1, i + 1)) - 2.0 * vi * xi)


@compiled
def _reflect(rows, k, h, u):
    p = rows.shape[1]
    for q in range(rows.shape[0]):
        t = lanes(0.0)
        for i in range(k + 1, p):
            t += load(u, (i,)) * load(rows, (q, i))
        t *= h
        for i in range(k + 1, p):
            store(rows, (q, i), load(rows, (q, i)) - t * load(u, (i,)))


@compiled
def solve_at(v, factor, diagonal, beside, rows, inverse, multiplier):
    """Factor T + vI; return the fitted sum of squares and log(factor |T + vI|).

    Fills `inverse` (p), of the pivots, and `multiplier` (p), from which `contrast_at` continues. Two pivots d and D/d
    share one division.
    """
    p = diagonal.shape[0]
    fitted, product, log_determinant, f, i = lanes(0.0), factor, lanes(0.0), lanes(0.0), lanes(0.0)
    if p % 2:
        f, d = load(rows, (0, 0)), load(diagonal, (0,)) + v
        i = 1.0 / d
        store(inverse, (0,), i)
        fitted, product = f * f * i, d * factor
    for j in range(p % 2, p, 2):
        e = load(beside, (j - 1,)) if j else lanes(0.0)
        g, m = load(beside, (j,)), e * i
        d = load(diagonal, (j,)) + v - m * e
        D = (load(diagonal, (j + 1,)) + v) * d - g * g
        r = 1.0 / (d * D)
        i = r * D
        store(inverse, (j,), i)
        store(multiplier, (j,), m)
        f = load(rows, (0, j)) - m * f
        fitted += f * f * i
        m, i = g * i, r * d * d
        store(inverse, (j + 1,), i)
        store(multiplier, (j + 1,), m)
        f = load(rows, (0, j + 1)) - m * f
        fitted += f * f * i
        product *= D
        if j % 8 > 5:  # a few at a time: a logarithm is dear, and a product of all could overflow
            log_determinant += logarithm(product)
            product = lanes(1.0)
    return fitted, log_determinant + logarithm(product)


@compiled
def contrast_at(q, rows, inverse, multiplier):
    """Mean, less the prior's, and variance over v of contrast q at the v that was last solved for."""
    f, c, i = load(rows, (0, 0)), load(rows, (1 + q, 0)), load(inverse, (0,))
    mean, variance = f * c * i, c * c * i
    for j in range(1, rows.shape[1]):
        m, i = load(multiplier, (j,)), load(inverse, (j,))
        f = load(rows, (0, j)) - m * f
        c = load(rows, (1 + q, j)) - m * c
        t = c * i
        mean += f * t
        variance += c * t
    return mean, variance
