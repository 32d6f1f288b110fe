"""Item answers under given totals: as reliable as printed.

With the totals fixed, Cronbach's alpha depends on the items' variances alone. The items start as unanimous as whole
numbers allow, which is as reliable as these totals can be; then answers are shifted within a person from one item to
another, which keeps the total, until the printed reliabilities are reached.
"""

# compiled functions take arrays by position, and numba's decorator has no types
# mypy: disable-error-code="untyped-decorator, misc, no-any-return"

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

from ..record.facts import Fact
from ..record.measures import Measure
from ..record.study import Study
from ..spec import InputError
from .assumed import Assumptions, sample
from .item_columns import item_columns, subscale_columns

__all__ = ["Reliability", "answer", "reliabilities"]

type Floats = NDArray[np.float64]
type Ints = NDArray[np.int64]

PROPOSALS_PER_CELL = 60
TOLERANCE = 0.01
"""How near an assumed reliability is reached; a printed one is reached to its decimals."""
INSIDE = 0.1
"""How far inside its interval a printed reliability ends, as a share of the half width (or of .01)."""
NOT_PRINTED = (0.7, 0.9)
"""Reliability of a scale of which nothing is printed or assumed."""


@dataclass(frozen=True, kw_only=True)
class Reliability:
    """An interval for the alpha of some items in some rows.

    Attributes
    ----------
    items : ndarray of bool, shape (items,)
    group : int
        0 or 1; 2 for all rows.
    low, high : float
    """

    items: NDArray[np.bool_]
    group: int
    low: float
    high: float


def reliabilities(
    study: Study, assumptions: Assumptions, measure: Measure, drawn: float, rng: np.random.Generator
) -> list[Reliability]:
    """Return what is asked of the items of a scale.

    Parameters
    ----------
    study, assumptions, measure
        Facts of quantity ``alpha``, for the whole scale, a subscale or each of them, in a group or in all; an assumed
        ``alpha`` where no single number is printed.
    drawn : float
        The alpha of a scale of two items that its totals were made for; NaN if there is none.
    rng : numpy.random.Generator

    Raises
    ------
    InputError
        A reliability is printed of a scale of one item, or of one that is not a scale.
    """
    facts = study.facts_of("alpha", of=measure.id)
    if facts and (measure.items or 1) < 2:
        raise InputError(
            f"measure {measure.id!r}: {measure.items or 'no'} items cannot have the printed reliability "
            f"({facts[0].id!r}); at least 2 are needed",
            source=f"study {study.id}",
        )
    columns = item_columns(measure)
    asked: dict[tuple[str, int], tuple[float, float]] = {}
    for fact in facts:
        group = study.group_ids.index(fact.group) if fact.group else 2
        for name in _parts(measure, fact):
            low, high = asked.get((name, group), (-math.inf, 1.0))
            bounds = _inside(fact)
            asked[name, group] = max(low, bounds[0]), min(high, bounds[1])
    if not any(name == "" and fact.relation == "=" for fact in facts for name in _parts(measure, fact)):
        low, high = asked.get(("", 2), (-math.inf, 1.0))
        wished = drawn if math.isfinite(drawn) else _wished(assumptions, measure, rng)
        wished = min(max(wished, low + TOLERANCE), high - TOLERANCE)
        asked["", 2] = wished - TOLERANCE, wished + TOLERANCE
    parts = {"": columns, **(subscale_columns(measure) if measure.subscales else {})}
    return [
        Reliability(items=np.isin(columns, parts[name]), group=group, low=low, high=high)
        for (name, group), (low, high) in asked.items()
    ]


def _parts(measure: Measure, fact: Fact) -> list[str]:
    if fact.subscale is None:
        return [""]
    return [subscale.id for subscale in measure.subscales] if fact.subscale == "any" else [fact.subscale]


def _inside(fact: Fact) -> tuple[float, float]:
    low, high = fact.interval.low, fact.interval.high
    edge = INSIDE * (fact.interval.half_width if fact.relation in ("=", "about") else 0.01)
    return low + edge, high - edge


def _wished(assumptions: Assumptions, measure: Measure, rng: np.random.Generator) -> float:
    assumed = assumptions.find("alpha", measure.id)
    return sample(assumed, rng) if assumed is not None else float(rng.uniform(*NOT_PRINTED))


def answer(
    measure: Measure, scores: Floats, group: Ints, asked: list[Reliability], rng: np.random.Generator
) -> Ints | None:
    """Divide every participant's score into item answers.

    Parameters
    ----------
    measure : Measure
        A scale.
    scores : ndarray, shape (n,)
        Sums or means of the items, as the measure says.
    group : ndarray of int, shape (n,)
        0 or 1.
    asked : list of Reliability
    rng : numpy.random.Generator

    Returns
    -------
    ndarray of int, shape (n, items), or None
        None where these totals do not allow these reliabilities.
    """
    k, (low, high) = measure.items or 1, measure.response or (0, 1)
    totals = np.rint(scores * (k if measure.score == "mean" else 1)).astype(np.int64)
    items = _unanimous(totals, k, rng)
    if k == 1:
        return items
    rows = np.stack([np.ones(len(group), bool) if one.group == 2 else group == one.group for one in asked])
    members = np.stack([one.items for one in asked])
    bounds = np.array([[one.low, one.high] for one in asked])
    done = _shift(rng, items, np.array([low, high]), rows, members, bounds, PROPOSALS_PER_CELL * items.size)
    return items if done else None


def _unanimous(totals: Ints, k: int, rng: np.random.Generator) -> Ints:
    """Divide totals evenly; what is left over goes to the same items first, the easy ones."""
    easy = np.argsort(rng.permutation(k))
    items: Ints = totals[:, None] // k + (easy[None, :] < (totals % k)[:, None])
    return items


@njit(cache=True)
def _alpha(k: float, n: float, sums: Floats) -> float:
    """Return alpha from the sum of squared answers, of squared item sums, of totals and of squared totals."""
    of_items = (sums[0] - sums[1] / n) / (n - 1)
    of_total = (sums[3] - sums[2] * sums[2] / n) / (n - 1)
    return k / (k - 1) * (1 - of_items / of_total) if of_total > 0 else -np.inf


@njit(cache=True)
def _miss(alpha: float, low: float, high: float) -> float:
    return max(low - alpha, alpha - high, 0.0)


@njit(cache=True)
def _shift(  # noqa: PLR0917
    rng: np.random.Generator,
    items: Ints,
    limits: Ints,
    rows: NDArray[np.bool_],
    members: NDArray[np.bool_],
    bounds: Floats,
    proposals: int,
) -> bool:
    """Shift answers within persons until every alpha is within its bounds; ``items`` is changed in place."""
    n, k = items.shape
    count = bounds.shape[0]
    item_sum, total = np.zeros((count, k)), np.zeros((count, n))
    sums, trial = np.zeros((count, 4)), np.zeros((count, 4))
    size = np.zeros((count, 2))
    for c in range(count):
        size[c, 0], size[c, 1] = members[c].sum(), rows[c].sum()
        for i in range(n):
            for j in range(k):
                if rows[c, i] and members[c, j]:
                    sums[c, 0] += items[i, j] ** 2
                    item_sum[c, j] += items[i, j]
                    total[c, i] += items[i, j]
        sums[c, 1] = (item_sum[c] ** 2).sum()
        sums[c, 2], sums[c, 3] = total[c].sum(), (total[c] ** 2).sum()
    loss = np.inf
    for attempt in range(proposals + 1):
        i, a, b = int(rng.random() * n), int(rng.random() * k), int(rng.random() * k)
        x, y = items[i, a], items[i, b]
        idle = attempt == 0
        if not idle and (a == b or x >= limits[1] or y <= limits[0]):
            continue
        new = 0.0
        for c in range(count):
            trial[c] = sums[c]
            if rows[c, i] and not idle:
                move = 0.0
                if members[c, a]:
                    trial[c, 0] += 2 * x + 1
                    trial[c, 1] += 2 * item_sum[c, a] + 1
                    move += 1
                if members[c, b]:
                    trial[c, 0] += 1 - 2 * y
                    trial[c, 1] += 1 - 2 * item_sum[c, b]
                    move -= 1
                trial[c, 2] += move
                trial[c, 3] += move * (2 * total[c, i] + move)
            new += _miss(_alpha(size[c, 0], size[c, 1], trial[c]), bounds[c, 0], bounds[c, 1]) ** 2
        if new >= loss:
            continue
        loss = new
        if not idle:
            items[i, a], items[i, b] = x + 1, y - 1
            for c in range(count):
                sums[c] = trial[c]
                if rows[c, i]:
                    if members[c, a]:
                        item_sum[c, a] += 1
                        total[c, i] += 1
                    if members[c, b]:
                        item_sum[c, b] -= 1
                        total[c, i] -= 1
        if loss == 0:
            return True
    return False
