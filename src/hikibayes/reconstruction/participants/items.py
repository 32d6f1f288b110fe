"""Item answers under given totals: as reliable as printed.

With the totals fixed, Cronbach's alpha depends on the items' variances alone. The items start as unanimous as whole
numbers allow, which is as reliable as these totals can be; then answers are shifted within a person from one item to
another, which keeps the total, until the printed reliabilities are reached.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ...arrays import BoolArray, FloatArray, IntArray
from ...spec import InputError
from ...study.facts import Fact
from ...study.measures import Measure
from .item_columns import item_columns, subscale_columns
from .known import Known, sample

TRIALS, PATIENCE = 16, 60
"""Trials at a time, and how many times in a row none of them may bring the reliabilities nearer."""
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
    return _shifted(items, limits, group, asked, rng)


def _unanimous(totals: IntArray, k: int, rng: np.random.Generator) -> IntArray:
    """Divide totals evenly; what is left over goes to the same items first, the easy ones."""
    easy = np.argsort(rng.permutation(k))
    items: IntArray = totals[:, None] // k + (easy[None, :] < (totals % k)[:, None])
    return items


def _shifted(
    items: IntArray, limits: tuple[int, int], group: IntArray, asked: list[Reliability], rng: np.random.Generator
) -> IntArray:
    """Shift answers within people until every reliability is within its bounds: the best of several trials at a time.

    A trial shifts one answer of everybody, of half of the people, or of fewer: far from the bounds and near to them.
    """
    (n, k), loss, failed = items.shape, float(_misses(items[None], group, asked)[0]), 0
    while loss > 0 and failed < PATIENCE:
        up, down = rng.integers(k, size=(2, TRIALS, n))
        people = np.arange(n)
        fits = (up != down) & (items[people, up] < limits[1]) & (items[people, down] > limits[0])
        trial, person = np.nonzero(
            fits & (rng.random((TRIALS, n)) < 2.0 ** -np.linspace(0, np.log2(n), TRIALS)[:, None])
        )
        tried = np.repeat(items[None], TRIALS, axis=0)
        tried[trial, person, up[trial, person]] += 1
        tried[trial, person, down[trial, person]] -= 1
        misses = _misses(tried, group, asked)
        best = int(misses.argmin())
        failed = 0 if misses[best] < loss else failed + 1
        if not failed:
            items, loss = tried[best], float(misses[best])
    return items


def _misses(items: IntArray, group: IntArray, asked: list[Reliability]) -> FloatArray:
    """Return the squared distances of the reliabilities from their bounds, summed; of items (trials, n, k)."""
    total = np.zeros(len(items))
    for one in asked:
        answers = (items if one.group < 0 else items[:, group == one.group])[..., one.items].astype(float)
        k, spread = answers.shape[2], answers.sum(axis=2).var(axis=1)
        with np.errstate(divide="ignore", invalid="ignore"):
            alpha = k / (k - 1) * (1 - answers.var(axis=1).sum(axis=1) / spread)
        outside = np.maximum(np.maximum(one.low - alpha, alpha - one.high), 0.0)
        total += np.where(spread > 0, outside, np.inf) ** 2
    return total
