"""Item answers under given totals: as reliable as printed.

With the totals fixed, Cronbach's alpha depends on the items' variances alone. The items start as unanimous as whole
numbers allow, which is as reliable as these totals can be; then answers are shifted within a person from one item to
another, which keeps the total, until the printed reliabilities are reached.
"""

# compiled functions take arrays by position, and the decorator that compiles them has no types
# mypy: disable-error-code="untyped-decorator, misc, no-any-return"

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from ...arrays import BoolArray, FloatArray, IntArray
from ...spec import InputError
from ...study.facts import Fact
from ...study.measures import Measure
from ..compiled import compiler
from .item_columns import item_columns, subscale_columns
from .known import Known, sample

compiled = compiler()


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
        Which one; -1 for all rows.
    low, high : float
    """

    items: BoolArray
    group: int
    low: float
    high: float


@dataclass(frozen=True, kw_only=True)
class Questionnaire:
    """A scale, and what is known of the reliability of its items.

    Parameters
    ----------
    known : Known
        Facts of quantity ``alpha``, for the whole scale, a subscale or each of them, in a group or in all; an assumed
        ``alpha`` where no single number is printed.
    measure : Measure
        A scale.

    Raises
    ------
    InputError
        A reliability is printed of a scale of one item.
    """

    known: Known
    measure: Measure

    def __post_init__(self) -> None:
        refuse_reliability_without_items(self.known, self.measure)

    @cached_property
    def facts(self) -> tuple[str, ...]:
        """Ids of the facts about the scale's reliability."""
        return tuple(fact.id for fact in self.known.printed("alpha", self.measure.id))

    @cached_property
    def printed(self) -> tuple[Reliability, ...]:
        """Return the intervals that are printed."""
        groups, found = self.known.study.group_names, dict[tuple[str, int], tuple[float, float]]()
        for fact in self.known.printed("alpha", self.measure.id):
            group = groups.index(fact.group) if fact.group else -1
            for name in _parts(self.measure, fact):
                low, high = found.get((name, group), (-math.inf, 1.0))
                bounds = _inside(fact)
                found[name, group] = max(low, bounds[0]), min(high, bounds[1])
        columns = item_columns(self.measure)
        parts = {"": columns, **(subscale_columns(self.measure) if self.measure.subscales else {})}
        return tuple(
            Reliability(items=np.isin(columns, parts[name]), group=group, low=low, high=high)
            for (name, group), (low, high) in found.items()
        )

    def asked(self, drawn: float, rng: np.random.Generator) -> list[Reliability]:
        """Return what the items of one data set are to have.

        Parameters
        ----------
        drawn : float
            The alpha of a scale of two items that its totals were made for; NaN if there is none.
        rng : numpy.random.Generator
            Draws the reliability of a scale of which no single number is printed.
        """
        whole = [one for one in self.printed if one.items.all() and one.group < 0]
        if any(one.high - one.low <= 2 * TOLERANCE for one in whole):
            return list(self.printed)
        low, high = (whole[0].low, whole[0].high) if whole else (-math.inf, 1.0)
        wished = drawn if math.isfinite(drawn) else self._wished(rng)
        wished = min(max(wished, low + TOLERANCE), high - TOLERANCE)
        every = np.ones(self.measure.items or 1, dtype=bool)
        drawn_one = Reliability(items=every, group=-1, low=wished - TOLERANCE, high=wished + TOLERANCE)
        return [drawn_one, *(one for one in self.printed if one not in whole)]

    def _wished(self, rng: np.random.Generator) -> float:
        assumed = self.known.assumed("alpha", self.measure.id)
        return sample(assumed, rng) if assumed is not None else float(rng.uniform(*NOT_PRINTED))


def refuse_reliability_without_items(known: Known, measure: Measure) -> None:
    """Raise `InputError` where a reliability is printed of a measure that has fewer than two items."""
    facts = known.printed("alpha", measure.id)
    if facts and (measure.items or 0) < 2:
        raise InputError(
            f"measure {measure.id!r}: {measure.items or 'no'} item cannot have the printed reliability "
            f"({facts[0].id!r}); at least 2 items are needed",
            source=f"study {known.study.id}",
        )


def _parts(measure: Measure, fact: Fact) -> list[str]:
    if fact.subscale is None:
        return [""]
    return [subscale.id for subscale in measure.subscales] if fact.subscale == "any" else [fact.subscale]


def _inside(fact: Fact) -> tuple[float, float]:
    low, high = fact.interval.low, fact.interval.high
    edge = INSIDE * (fact.interval.half_width if fact.relation in ("=", "about") else 0.01)
    return low + edge, high - edge


def answer(
    measure: Measure, scores: FloatArray, group: IntArray, asked: list[Reliability], rng: np.random.Generator
) -> IntArray:
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
    ndarray of int, shape (n, items)
        As reliable as asked, or as near to it as these totals were found to allow.
    """
    k, limits = measure.items or 1, measure.response or (0, 1)
    totals = np.rint(scores * (k if measure.score == "mean" else 1)).astype(np.int64)
    items = _unanimous(totals, k, rng)
    if k == 1:
        return items
    wanted = Wanted(
        rows=np.stack([np.ones(len(group), bool) if one.group < 0 else group == one.group for one in asked]),
        members=np.stack([one.items for one in asked]),
        bounds=np.array([[one.low, one.high] for one in asked]),
    )
    _shift(rng, items, np.array(limits), wanted, PROPOSALS_PER_CELL * items.size)
    return items


def _unanimous(totals: IntArray, k: int, rng: np.random.Generator) -> IntArray:
    """Divide totals evenly; what is left over goes to the same items first, the easy ones."""
    easy = np.argsort(rng.permutation(k))
    items: IntArray = totals[:, None] // k + (easy[None, :] < (totals % k)[:, None])
    return items


class Wanted(NamedTuple):
    """Reliabilities as compiled code reads them: rows (c, n), members (c, items), bounds (c, 2)."""

    rows: BoolArray
    members: BoolArray
    bounds: FloatArray


class Shift(NamedTuple):
    """One person's answer to item ``up`` rises from ``lower``, and to item ``down`` falls from ``higher``."""

    person: int
    up: int
    down: int
    lower: int
    higher: int


class Tally(NamedTuple):
    """The sums that alphas depend on.

    Attributes
    ----------
    of_item : ndarray, shape (c, items)
        Sums of the answers to each item.
    of_person : ndarray, shape (c, n)
        Sums of each person's answers.
    sums : ndarray, shape (c, 4)
        Of squared answers, of squared item sums, of persons' sums, of squared persons' sums.
    """

    of_item: FloatArray
    of_person: FloatArray
    sums: FloatArray


@compiled
def _tally(items: IntArray, wanted: Wanted) -> Tally:
    (n, k), count = items.shape, wanted.bounds.shape[0]
    tally = Tally(np.zeros((count, k)), np.zeros((count, n)), np.zeros((count, 4)))
    for c in range(count):
        for i in range(n):
            for j in range(k):
                if wanted.rows[c, i] and wanted.members[c, j]:
                    tally.sums[c, 0] += items[i, j] ** 2
                    tally.of_item[c, j] += items[i, j]
                    tally.of_person[c, i] += items[i, j]
        tally.sums[c, 1] = (tally.of_item[c] ** 2).sum()
        tally.sums[c, 2] = tally.of_person[c].sum()
        tally.sums[c, 3] = (tally.of_person[c] ** 2).sum()
    return tally


@compiled
def _miss(wanted: Wanted, c: int, sums: FloatArray) -> float:
    """Return how far an alpha is outside its bounds."""
    k, n = wanted.members[c].sum(), wanted.rows[c].sum()
    of_items = (sums[0] - sums[1] / n) / (n - 1)
    of_total = (sums[3] - sums[2] * sums[2] / n) / (n - 1)
    alpha = k / (k - 1) * (1 - of_items / of_total) if of_total > 0 else -np.inf
    return max(wanted.bounds[c, 0] - alpha, alpha - wanted.bounds[c, 1], 0.0)


@compiled
def _after(wanted: Wanted, tally: Tally, c: int, shift: Shift, sums: FloatArray) -> None:
    """Fill in the sums of one reliability as they are after a shift."""
    sums[:] = tally.sums[c]
    if not wanted.rows[c, shift.person]:
        return
    more = 0.0
    if wanted.members[c, shift.up]:
        sums[0] += 2 * shift.lower + 1
        sums[1] += 2 * tally.of_item[c, shift.up] + 1
        more += 1
    if wanted.members[c, shift.down]:
        sums[0] += 1 - 2 * shift.higher
        sums[1] += 1 - 2 * tally.of_item[c, shift.down]
        more -= 1
    sums[2] += more
    sums[3] += more * (2 * tally.of_person[c, shift.person] + more)


@compiled
def _keep(wanted: Wanted, tally: Tally, shift: Shift, sums: FloatArray) -> None:
    for c in range(sums.shape[0]):
        tally.sums[c] = sums[c]
        if wanted.rows[c, shift.person]:
            up, down = wanted.members[c, shift.up], wanted.members[c, shift.down]
            tally.of_item[c, shift.up] += up
            tally.of_item[c, shift.down] -= down
            tally.of_person[c, shift.person] += np.int64(up) - np.int64(down)


@compiled
def _shift(rng: np.random.Generator, items: IntArray, limits: IntArray, wanted: Wanted, proposals: int) -> bool:
    """Shift answers within persons until every alpha is within its bounds; ``items`` is changed in place."""
    n, k = items.shape
    tally = _tally(items, wanted)
    sums = tally.sums.copy()
    loss = 0.0
    for c in range(sums.shape[0]):
        loss += _miss(wanted, c, sums[c]) ** 2
    for _ in range(proposals):
        if loss == 0:
            return True
        i, up, down = int(rng.random() * n), int(rng.random() * k), int(rng.random() * k)
        shift = Shift(i, up, down, items[i, up], items[i, down])
        if up == down or shift.lower >= limits[1] or shift.higher <= limits[0]:
            continue
        new = 0.0
        for c in range(sums.shape[0]):
            _after(wanted, tally, c, shift, sums[c])
            new += _miss(wanted, c, sums[c]) ** 2
        if new < loss:
            loss = new
            _keep(wanted, tally, shift, sums)
            items[i, up] += 1
            items[i, down] -= 1
    return loss == 0
