"""Local search on whole numbers: from rows that are nearly right to rows that print every fact.

Two greedy descents share one idea. The rows enter every printed number through their cross-products by group; changing
one cell changes one row of these; so a proposed change is judged without touching the other data.

`approach` pulls the cross-products of both groups to those of one reconstruction. `reach` then pulls the printed
numbers into their intervals.

Columns of the rows: a constant 1, the group's indicator, then the measures; all whole numbers (held as floats, which
are exact here and spare conversions), shifted near 0.
"""

# compiled functions take arrays by position, and the decorator that compiles them has no types
# mypy: disable-error-code="untyped-decorator, misc, no-any-return"

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from . import cross_products as numbers
from . import goals as goal_types
from .compiled import compiler
from .cross_products import (
    copy_work,
    mark_near,
    new_work,
    plain_state,
    plain_value,
    regression_state,
    regression_values,
)
from .goals import EVEN_STEP, FIXED, SWAP, Bools, Chains, Floats, Goals, Ints, Space

__all__ = ["approach", "cross_products", "reach", "values"]


compiled = compiler(goal_types, numbers)


class Cell(NamedTuple):
    """A step in one cell."""

    row: int
    column: int
    step: float


class Change(NamedTuple):
    """A step in one cell, and a step back in another cell of the same column (``other`` -1: none)."""

    column: int
    row: int
    step: float
    other: int
    back: float


@compiled
def cross_products(rows: Floats, group: Ints) -> Floats:
    """Return the cross-products of the columns by group, shape (2, columns, columns)."""
    n, m = rows.shape
    S = np.zeros((2, m, m))
    for i in range(n):
        for a in range(m):
            for b in range(m):
                S[group[i], a, b] += rows[i, a] * rows[i, b]
    return S


@compiled
def values(rows: Floats, space: Space, goals: Goals) -> tuple[Floats, Floats]:
    """Return the numbers that the plain goals and the regression goals speak of, NaN where undetermined."""
    S = cross_products(rows, space.group)
    plain = np.zeros(goals.plain.shape[0])
    for f in range(plain.shape[0]):
        plain[f] = plain_value(S, goals.plain, f)
    work = new_work(goals)
    if not regression_values(S, goals, work):
        work.values[:] = np.nan
    return plain, work.values


# -- changes ---------------------------------------------------------------------------------------------------------


@compiled
def _draw_partner(rng: np.random.Generator, space: Space, i: int) -> int:
    """Draw a row of the same group."""
    g = space.group[i]
    return space.start[g] + int(rng.random() * (space.start[g + 1] - space.start[g]))


@compiled
def _step(rng: np.random.Generator, stride: int) -> float:
    length = 1.0 + int(rng.random() * stride)
    return length if rng.random() < 0.5 else -length


@compiled
def _propose(rng: np.random.Generator, space: Space, rows: Floats, cumulative: Floats) -> Change:
    """Draw a change; its step is 0 where nothing would come of it.

    Half of the changes of a column that can step leave its mean in the group as it is: two cells trade a step, or
    their values.
    """
    j = min(np.searchsorted(cumulative, rng.random(), side="right"), rows.shape[1] - 1)
    i = int(rng.random() * rows.shape[0])
    column = space.columns[j]
    move, stride = column["move"], column["stride"]
    if move == FIXED:
        return Change(j, i, 0.0, -1, 0.0)
    if move != SWAP and rng.random() < 0.5:
        return Change(j, i, _step(rng, stride), -1, 0.0)
    k = _draw_partner(rng, space, i)
    if k == i:
        return Change(j, i, 0.0, -1, 0.0)
    step = rows[k, j] - rows[i, j] if move == SWAP or rng.random() < 0.3 else _step(rng, stride)
    return Change(j, i, step, k, -step)


@compiled
def _allowed(space: Space, rows: Floats, odd: Ints, change: Change) -> bool:
    j, i, k = change.column, change.row, change.other
    if change.step == 0 or not _inside(space, j, i, rows[i, j] + change.step):
        return False
    if k >= 0 and not _inside(space, j, k, rows[k, j] + change.back):
        return False
    column = space.columns[j]
    if column["move"] != EVEN_STEP:
        return True
    more = _more_odd(column["parity"], rows, change)
    return more <= 0 or odd[j] + more <= column["odd_cap"]


@compiled
def _inside(space: Space, j: int, i: int, value: float) -> bool:
    column = space.columns[j]
    return not space.frozen[i, j] and column["lowest"] <= value <= column["highest"]


@compiled
def _more_odd(parity: int, rows: Floats, change: Change) -> int:
    """Return by how many a change raises the number of odd scores in its column."""
    j = change.column
    before = int(rows[change.row, j] + parity) % 2
    more = int(before + change.step) % 2 - before
    if change.other >= 0:
        before = int(rows[change.other, j] + parity) % 2
        more += int(before + change.back) % 2 - before
    return more


@compiled
def _count_odd(space: Space, rows: Floats) -> Ints:
    odd = np.zeros(rows.shape[1], np.int64)
    for i in range(rows.shape[0]):
        for j in range(rows.shape[1]):
            odd[j] += int(rows[i, j] + space.columns[j]["parity"]) % 2
    return odd


@compiled
def _shift_cell(S: Floats, rows: Floats, group: Ints, cell: Cell) -> None:
    """Add a step to a cell and keep the cross-products true."""
    g, j, step = group[cell.row], cell.column, cell.step
    row = rows[cell.row]
    for a in range(row.shape[0]):
        S[g, j, a] += step * row[a]
        S[g, a, j] = S[g, j, a]
    # the square of the new value: the loop has added step * value once
    S[g, j, j] += step * row[j] + step * step
    row[j] += step


@compiled
def _apply(S: Floats, rows: Floats, space: Space, odd: Ints, change: Change) -> None:
    j = change.column
    if space.columns[j]["move"] == EVEN_STEP:
        odd[j] += _more_odd(space.columns[j]["parity"], rows, change)
    _shift_cell(S, rows, space.group, Cell(change.row, j, change.step))
    if change.other >= 0:
        _shift_cell(S, rows, space.group, Cell(change.other, j, change.back))


@compiled
def _undo(S: Floats, rows: Floats, space: Space, odd: Ints, change: Change) -> None:
    _apply(S, rows, space, odd, Change(change.column, change.row, -change.step, change.other, -change.back))


# -- towards a reconstruction's moments ------------------------------------------------------------------------------


@compiled
def _gain(S: Floats, rows: Floats, space: Space, target: Floats, weight: Floats, change: Change) -> float:
    """Return by how much a change raises the weighted sum of squared differences."""
    g, j, step, back = space.group[change.row], change.column, change.step, change.back
    one, other, now = rows[change.row], rows[max(change.other, 0)], S[g, j]
    wanted, heavy = target[g, j], weight[g, j]
    gain = 0.0
    for a in range(one.shape[0]):
        more = step * one[a] + back * other[a]
        gain += heavy[a] * more * (2 * (now[a] - wanted[a]) + more)
    # a column's own sum of squares grows twice as fast, and by the squares of the steps
    more = step * one[j] + back * other[j]
    gain -= heavy[j] * more * (2 * (now[j] - wanted[j]) + more)
    more = 2 * more + step * step + back * back
    return gain + heavy[j] * more * (2 * (now[j] - wanted[j]) + more)


@compiled
def approach(
    rng: np.random.Generator,
    rows: Floats,
    space: Space,
    cumulative: Floats,
    target: Floats,
    weight: Floats,
    proposals: int,
) -> float:
    """Pull the cross-products of both groups to a reconstruction's; ``rows`` is changed in place.

    Parameters
    ----------
    rng : numpy.random.Generator
    rows : ndarray, shape (n, columns)
        Whole numbers.
    space : Space
    cumulative : ndarray, shape (columns,)
        Cumulative probability that a proposal is about a column.
    target, weight : ndarray, shape (2, columns, columns)
        The cross-products to reach, and the weight of each squared difference.
    proposals : int
        How many changes to try.

    Returns
    -------
    float
        The weighted sum of squared differences that is left.
    """
    S = cross_products(rows, space.group)
    odd = _count_odd(space, rows)
    for _ in range(proposals):
        change = _propose(rng, space, rows, cumulative)
        if _allowed(space, rows, odd, change) and _gain(S, rows, space, target, weight, change) < 0:
            _apply(S, rows, space, odd, change)
    left = 0.0
    for g in range(2):
        for a in range(rows.shape[1]):
            for b in range(a + 1):
                left += weight[g, a, b] * (S[g, a, b] - target[g, a, b]) ** 2
    return left


# -- towards the printed numbers -------------------------------------------------------------------------------------


@compiled
def reach(
    rng: np.random.Generator,
    rows: Floats,
    space: Space,
    cumulative: Floats,
    goals: Goals,
    proposals: int,
    temperature: float,
) -> tuple[int, float, int, int]:
    """Pull every printed number into its interval; ``rows`` is changed in place.

    Parameters
    ----------
    rng : numpy.random.Generator
    rows : ndarray, shape (n, columns)
        Whole numbers.
    space : Space
    cumulative : ndarray, shape (columns,)
        Cumulative probability that a proposal is about a column.
    goals : Goals
    proposals : int
        How many changes to try at most.
    temperature : float
        0 for a greedy descent. Otherwise a change that raises the loss by x is accepted with probability
        ``exp(-x / t)``, where t falls from this temperature to 0.

    Returns
    -------
    missed : int
        How many numbers are farther outside than their slack; 0 when every fact is reached.
    loss : float
        Sum of squared distances outside the intervals that the numbers are pulled to.
    tried, accepted : int
        How many changes were judged, and made.
    """
    S = cross_products(rows, space.group)
    odd = _count_odd(space, rows)
    work, trial = new_work(goals), new_work(goals)
    in_chain = _in_chain(goals.chains, rows.shape[1])
    plain_now = plain_state(S, goals.plain)
    regression_now = regression_state(S, goals, work, -1, np.inf)
    mark_near(goals, work)
    copy_work(trial, work)
    tried, accepted = 0, 0
    while tried < proposals and plain_now.missed + regression_now.missed > 0:
        tried += 1
        change = _propose(rng, space, rows, cumulative)
        j = change.column
        # a column that no regression uses can only help where a number without a regression is missed
        if (plain_now.loss == 0 and not in_chain[j]) or not _allowed(space, rows, odd, change):
            continue
        _apply(S, rows, space, odd, change)
        limit = plain_now.loss + regression_now.loss
        if temperature > 0:
            limit -= temperature * (1 - tried / proposals) * np.log(1 - rng.random())
        plain_next, regression_next = plain_state(S, goals.plain), regression_now
        tested = in_chain[j] and plain_next.loss < limit
        if tested:
            regression_next = regression_state(S, goals, trial, j, limit - plain_next.loss)
        if plain_next.loss + regression_next.loss < limit:
            plain_now, regression_now = plain_next, regression_next
            accepted += 1
            mark_near(goals, trial)
            copy_work(work, trial)
        else:
            _undo(S, rows, space, odd, change)
            if tested:
                copy_work(trial, work)
    return plain_now.missed + regression_now.missed, plain_now.loss + regression_now.loss, tried, accepted


@compiled
def _in_chain(chains: Chains, columns: int) -> Bools:
    found = np.zeros(columns, np.bool_)
    for c in range(chains.length.shape[0]):
        for i in range(chains.length[c] + 1):
            found[chains.base[c, i]] = True
    return found
