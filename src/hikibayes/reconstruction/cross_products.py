"""Every number that a paper prints, from the cross-products of whole-number columns by group.

``S[g, a, b]`` is the sum over the rows of group ``g`` of column ``a`` times column ``b``; column 0 is the constant 1.
A chain of nested regressions has one Cholesky factor of the cross-products of its regressors and the outcome; the
factor of every shorter regression stands in its upper left corner, and so does the inverse that standard errors need.
"""

# compiled functions take arrays by position, and the decorator that compiles them has no types
# mypy: disable-error-code="untyped-decorator, misc, no-any-return"

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from . import goals as goal_types
from .compiled import compiler
from .goals import (
    ADJUSTED_R2,
    COEFFICIENT,
    CORRELATION,
    DELTA_ADJUSTED_R2,
    DELTA_R2,
    DIFFERENCE,
    MEAN,
    R2,
    SD,
    SD_OF_COLUMN,
    SD_OF_MEASURE,
    STUDENT_T,
    VIF,
    WELCH_DF,
    WELCH_T,
    WELCH_Z,
    Bools,
    Chains,
    F,
    Floats,
    Goals,
    Records,
    T,
)

__all__ = [
    "State",
    "Work",
    "copy_work",
    "mark_near",
    "new_work",
    "plain_state",
    "plain_value",
    "regression_state",
    "regression_values",
]

compiled = compiler(goal_types)

HOPELESS = 1e6
"""Miss of a number that cannot be computed, because regressors depend on each other linearly."""


class State(NamedTuple):
    """Sum of squared misses, and how many are larger than their slack."""

    loss: float
    missed: int


class Work(NamedTuple):
    """Cholesky factors and inverses of all chains, the values of all regression goals, and which are nearly missed."""

    factor: Floats
    inverse: Floats
    values: Floats
    near: Bools


@compiled
def new_work(goals: Goals) -> Work:
    """Return room for the factors and values of all regressions."""
    (count, size), known = goals.chains.base.shape, goals.regression.shape[0]
    shape = (count, size, size)
    return Work(np.zeros(shape), np.zeros(shape), np.zeros(known), np.ones(known, np.bool_))


@compiled
def copy_work(into: Work, source: Work) -> None:
    """Make one work the same as another."""
    into.factor[:] = source.factor
    into.inverse[:] = source.inverse
    into.values[:] = source.values
    into.near[:] = source.near


@compiled
def _miss(value: float, absolute: bool, low: float, high: float, width: float) -> float:
    """Return how far a number is outside the interval it is pulled to, in widths."""
    if absolute:
        value = abs(value)
    if value < low:
        return (low - value) / width
    if value > high:
        return (value - high) / width
    return HOPELESS if np.isnan(value) else 0.0


# -- one or two columns ----------------------------------------------------------------------------------------------


@compiled
def _mean(S: Floats, a: int) -> float:
    """Return the mean of a column over all rows."""
    return (S[0, 0, a] + S[1, 0, a]) / (S[0, 0, 0] + S[1, 0, 0])


@compiled
def _covariance(S: Floats, a: int, b: int, scope: int) -> float:
    """Return the covariance of two columns in a group (0, 1) or over all rows (2)."""
    if scope < 2:
        n = S[scope, 0, 0]
        return (S[scope, a, b] - S[scope, 0, a] * S[scope, 0, b] / n) / (n - 1)
    n = S[0, 0, 0] + S[1, 0, 0]
    return (S[0, a, b] + S[1, a, b] - (S[0, 0, a] + S[1, 0, a]) * (S[0, 0, b] + S[1, 0, b]) / n) / (n - 1)


@compiled
def _comparison(S: Floats, kind: int, a: int) -> float:
    """Compare the group means of a column: second group minus first."""
    n0, n1 = S[0, 0, 0], S[1, 0, 0]
    gap = S[1, 0, a] / n1 - S[0, 0, a] / n0
    if kind == DIFFERENCE:
        return gap
    v0, v1 = _covariance(S, a, a, 0), _covariance(S, a, a, 1)
    pooled = ((n0 - 1) * v0 + (n1 - 1) * v1) / (n0 + n1 - 2)
    error = v0 / n0 + v1 / n1
    if kind == STUDENT_T:
        return gap / np.sqrt(pooled * (1 / n0 + 1 / n1))
    if kind == WELCH_T:
        return gap / np.sqrt(error)
    if kind in (WELCH_DF, WELCH_Z):
        df = error**2 / ((v0 / n0) ** 2 / (n0 - 1) + (v1 / n1) ** 2 / (n1 - 1))
        return df if kind == WELCH_DF else _normal_of_t(gap / np.sqrt(error), df)
    return gap / np.sqrt(pooled)


@compiled
def _normal_of_t(t: float, df: float) -> float:
    """Return the standard normal deviate with the same p as a t (Peizer & Pratt 1968; p to a thousandth, df > 10)."""
    z = (df - 2 / 3 + 1 / (10 * df)) * np.sqrt(np.log1p(t * t / df) / (df - 5 / 6))
    return z if t > 0 else -z


@compiled
def plain_value(S: Floats, plain: Records, f: int) -> float:
    """Return the number that goal ``f`` of one or two columns speaks of."""
    goal = plain[f]
    kind, a, b, scope, factor = goal["kind"], goal["first"], goal["second"], goal["scope"], goal["factor"]
    if kind == CORRELATION:
        return _covariance(S, a, b, scope) / np.sqrt(_covariance(S, a, a, scope) * _covariance(S, b, b, scope))
    if kind == MEAN:
        return goal["shift"] + factor * (S[scope, 0, a] / S[scope, 0, 0] if scope < 2 else _mean(S, a))
    if kind == SD:
        return factor * np.sqrt(max(_covariance(S, a, a, scope), 0.0))
    return factor * _comparison(S, kind, a)


@compiled
def plain_state(S: Floats, plain: Records) -> State:
    """Return how far the numbers of one or two columns are from where they have to be."""
    loss, missed = 0.0, 0
    for f in range(plain.shape[0]):
        goal = plain[f]
        miss = _miss(plain_value(S, plain, f), goal["absolute"], goal["low"], goal["high"], goal["width"])
        loss += miss * miss
        missed += miss > goal["slack"]
    return State(loss, missed)


# -- regressions -----------------------------------------------------------------------------------------------------


@compiled(fastmath={"reassoc", "contract", "nsz"})
def _factorise(S: Floats, chains: Chains, c: int, L: Floats, inverse: Floats, start: int) -> bool:
    """Fill the Cholesky factor of a chain's cross-products (outcome last) and its inverse.

    Rows before ``start`` are taken as they are. False where a regressor depends on those before it.
    """
    p = chains.length[c]
    for i in range(start, p + 1):
        for j in range(i + 1):
            a, b = chains.base[c, i], chains.base[c, j]
            value = S[1, a, b]
            if not (chains.product[c, i] or chains.product[c, j]):
                value += S[0, a, b]
            for k in range(j):
                value -= L[i, k] * L[j, k]
            if j < i:
                L[i, j] = value * inverse[j, j]
            elif value <= 1e-9:
                return False
            else:
                L[i, i] = np.sqrt(value)
                inverse[i, i] = 1 / L[i, i]
        if i == p:
            break
        for j in range(i):
            inverse[i, j] = 0.0
        for k in range(i):
            for j in range(k + 1):
                inverse[i, j] -= L[i, k] * inverse[k, j]
        for j in range(i):
            inverse[i, j] *= inverse[i, i]
    return True


@compiled
def _residual(L: Floats, p: int, q: int) -> float:
    """Return the residual sum of squares of the first q regressors of a chain of p."""
    rss = L[p, p] ** 2
    for i in range(q, p):
        rss += L[p, i] ** 2
    return rss


@compiled
def _fit_value(kind: int, n: float, q: int, q0: int, L: Floats, p: int) -> float:
    """Return a number about the fit of q regressors, or about what they add to the first q0."""
    tss, rss, rss0 = _residual(L, p, 1), _residual(L, p, q), _residual(L, p, q0)
    if kind == R2:
        return 1 - rss / tss
    if kind == ADJUSTED_R2:
        return 1 - rss / tss * (n - 1) / (n - q)
    if kind == F:
        return (tss - rss) / (q - 1) / (rss / (n - q))
    if kind == DELTA_R2:
        return (rss0 - rss) / tss
    if kind == DELTA_ADJUSTED_R2:
        return (rss0 / (n - q0) - rss / (n - q)) * (n - 1) / tss
    return (rss0 - rss) / (q - q0) / (rss / (n - q))


@compiled
def _column_scatter(S: Floats, regression: Records, f: int) -> float:
    """Return the centred sum of squares of the regressor as it was printed."""
    goal = regression[f]
    a, origin = goal["column"], goal["origin"]
    if goal["origin_mean"] != 0:
        origin += goal["origin_mean"] * _mean(S, a)
    total, squares = 0.0, 0.0
    for g in range(2):
        code = goal["code_0"] if g == 0 else goal["code_1"]
        total += code * (S[g, 0, a] - origin * S[g, 0, 0])
        squares += code**2 * (S[g, a, a] - 2 * origin * S[g, 0, a] + origin**2 * S[g, 0, 0])
    return squares - total**2 / (S[0, 0, 0] + S[1, 0, 0])


@compiled
def _combine(S: Floats, goals: Goals, f: int, c: int, q: int, L: Floats, inverse: Floats) -> tuple[float, float]:
    """Return a combination of coefficients, and its variance in units of the residual variance.

    With ``v`` the inverse factor times the weights these are ``v'z`` and ``v'v``, where ``z`` is the outcome's row.
    """
    p, first, parts = goals.chains.length[c], goals.regression[f]["first_part"], goals.regression[f]["parts"]
    estimate, quadratic = 0.0, 0.0
    for i in range(q):
        v = 0.0
        for k in range(first, first + parts):
            part = goals.parts[k]
            j, weight = part["regressor"], part["weight"]
            if j > i:
                continue
            if part["weight_mean"] != 0:
                weight += part["weight_mean"] * _mean(S, goals.chains.base[c, j])
            v += weight * inverse[i, j]
        estimate += v * L[p, i]
        quadratic += v * v
    return estimate, quadratic


@compiled
def _term_value(S: Floats, goals: Goals, f: int, c: int, L: Floats, inverse: Floats) -> float:
    """Return a number about a combination of coefficients."""
    goal = goals.regression[f]
    kind, p = goal["kind"], goals.chains.length[c]
    q, n = goals.chains.steps[goal["step"]]["length"], S[0, 0, 0] + S[1, 0, 0]
    estimate, quadratic = _combine(S, goals, f, c, q, L, inverse)
    if kind == VIF:
        return _column_scatter(S, goals.regression, f) * quadratic
    error = np.sqrt(_residual(L, p, q) / (n - q) * quadratic)
    if kind == T:
        return estimate / error
    unit = goal["factor"]
    if goal["unit"] == SD_OF_MEASURE:
        unit *= np.sqrt(_covariance(S, goal["column"], goal["column"], 2))
    elif goal["unit"] == SD_OF_COLUMN:
        unit *= np.sqrt(_column_scatter(S, goals.regression, f) / (n - 1))
    if goal["per_outcome"]:
        outcome = goals.chains.base[c, p]
        unit /= np.sqrt(_covariance(S, outcome, outcome, 2))
    return unit * (estimate if kind == COEFFICIENT else error)


@compiled
def _first_position(chains: Chains, c: int, column: int) -> int:
    """Return the first regressor of a chain that is made of a column; 0 if every one may have changed (-1)."""
    i = 0
    while column >= 0 and i <= chains.length[c] and chains.base[c, i] != column:
        i += 1
    return i


@compiled
def _factorise_all(S: Floats, goals: Goals, work: Work, column: int) -> bool:
    """Bring the factors of all chains up to date after a change in a column (-1: in any of them)."""
    for c in range(goals.chains.length.shape[0]):
        start = _first_position(goals.chains, c, column)
        if start > goals.chains.length[c]:
            continue
        if not _factorise(S, goals.chains, c, work.factor[c], work.inverse[c], start):
            return False
    return True


@compiled
def _goal_value(S: Floats, goals: Goals, work: Work, f: int) -> float:
    kind, step = goals.regression[f]["kind"], goals.chains.steps[goals.regression[f]["step"]]
    c = step["chain"]
    if kind >= COEFFICIENT:
        return _term_value(S, goals, f, c, work.factor[c], work.inverse[c])
    q0 = goals.chains.steps[step["before"]]["length"] if step["before"] >= 0 else 1
    n = S[0, 0, 0] + S[1, 0, 0]
    return _fit_value(kind, n, step["length"], q0, work.factor[c], goals.chains.length[c])


@compiled
def regression_values(S: Floats, goals: Goals, work: Work) -> bool:
    """Fill in the value of every regression goal; False if some regressors depend on each other."""
    if not _factorise_all(S, goals, work, -1):
        return False
    for f in range(goals.regression.shape[0]):
        work.values[f] = _goal_value(S, goals, work, f)
    return True


@compiled
def regression_state(S: Floats, goals: Goals, work: Work, column: int, limit: float) -> State:
    """Return how far the numbers of all regressions are from where they have to be, after a change in a column.

    The goals that were missed or nearly missed come first; when they alone lose as much as ``limit``, the change is
    not worth the rest, and the numbers of the others are left as they were.
    """
    if not _factorise_all(S, goals, work, column):
        return State(HOPELESS**2, goals.regression.shape[0] + 1)
    loss, missed = 0.0, 0
    for near in (True, False):
        for f in range(goals.regression.shape[0]):
            if work.near[f] != near:
                continue
            goal = goals.regression[f]
            work.values[f] = _goal_value(S, goals, work, f)
            miss = _miss(work.values[f], goal["absolute"], goal["low"], goal["high"], goal["width"])
            loss += miss * miss
            missed += miss > goal["slack"]
        if loss >= limit:
            break
    return State(loss, missed)


@compiled
def mark_near(goals: Goals, work: Work) -> None:
    """Note which numbers are missed or close to an end of their interval."""
    for f in range(goals.regression.shape[0]):
        goal = goals.regression[f]
        value = abs(work.values[f]) if goal["absolute"] else work.values[f]
        work.near[f] = min(value - goal["low"], goal["high"] - value) < 0.5 * goal["width"]
