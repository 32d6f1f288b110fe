"""Columns without a printed relation to the outcome: numbers and categories of which only their own facts are known.

A number is searched as all others are, by itself, from means and SDs as printed, assumed or guessed. A category's facts
are counts.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ...arrays import FloatArray
from ...auditing.feasibility import counts
from ...spec import InputError
from ...study.facts import Fact
from ...study.measures import Measure
from ...study.study import Study
from .columns import Columns, columns_of, limits_of
from .known import Known, sample
from .search import Search
from .targets import Targets


@dataclass(frozen=True, kw_only=True)
class IndependentNumber:
    """A number that nothing printed ties to another measure.

    Attributes
    ----------
    known : Known
        The measure's own facts and assumptions (``raw_mean``, ``raw_sd``, by group or for all) are used. A mean that is
        neither printed nor assumed is drawn around the middle of the range, an SD around a quarter of it.
    measure : Measure
    """

    known: Known
    measure: Measure

    @cached_property
    def _columns(self) -> Columns:
        return columns_of(self.known.study, [self.measure])

    @cached_property
    def _search(self) -> Search:
        return Search(self.known.study, self._columns)

    def draw(self, rng: np.random.Generator) -> FloatArray:
        """Draw a column that prints every fact about the measure, or misses few.

        Returns
        -------
        ndarray, shape (n,)
            The reference group first; NaN in a group that does not have the measure.
        """
        rows = self._search.rows(self._targets(rng), rng, reflect=False)
        group = np.repeat(list(self.known.study.samples), self._columns.sizes)
        absent = (group != self.measure.only_in) & (self.measure.only_in is not None)
        return np.where(absent, np.nan, self._columns.values(rows)[:, 0])

    def _targets(self, rng: np.random.Generator) -> Targets:
        columns = self._columns
        mean, sd = np.array([self._guess(group, rng) for group in self.known.study.samples]).T[..., None]
        return Targets(
            mean=(mean - columns.origin) / columns.grain,
            cov=(sd / columns.grain)[..., None] ** 2,
            alpha=np.full(1, np.nan),
            odd_share=np.ones(1),
            bend=np.zeros((len(mean), 0)),
        )

    def _guess(self, group: str, rng: np.random.Generator) -> tuple[float, float]:
        """Return a mean and an SD to start from: as printed, else as assumed, else from the range."""
        low, high = limits_of(self.known.study, self.measure, group)
        found = []
        for quantity, middle, spread in (("mean", (low + high) / 2, 0.1), ("sd", (high - low) / 4, 0.02)):
            printed = [
                fact
                for fact in self.known.printed(quantity, self.measure.id)
                if fact.usual and fact.group in (group, None) and fact.interval.bounded
            ]
            assumed = self.known.assumed(f"raw_{quantity}", self.measure.id, group)
            if printed:
                interval = min(printed, key=lambda fact: fact.group is None).interval
                found.append(float(rng.uniform(interval.low, interval.high)))
            elif assumed is not None:
                found.append(sample(assumed, rng))
            else:
                found.append(float(rng.normal(middle, spread * (high - low))))
        return found[0], max(found[1], 1e-3 * (high - low))


# -- categories ------------------------------------------------------------------------------------------------------


def independent_category(study: Study, measure: Measure, rng: np.random.Generator) -> NDArray[np.str_]:
    """Draw a column of level ids that prints every proportion and count; levels without one share the rest evenly.

    Raises
    ------
    InputError
        No whole numbers of people print them.
    """
    facts = [fact for fact in study.facts if fact.of == measure.id and fact.quantity in ("proportion", "count")]
    by_group = {name: [fact for fact in facts if fact.group == name] for name in study.samples}
    if not any(by_group.values()):
        return _labels(study, measure, facts, sum(study.samples.values()), rng)
    columns = [_labels(study, measure, by_group[name], n, rng) for name, n in study.samples.items()]
    return np.concatenate(columns)


def _labels(
    study: Study, measure: Measure, facts: Sequence[Fact], n: int, rng: np.random.Generator
) -> NDArray[np.str_]:
    levels = [level.id for level in measure.levels]
    ranges = [_people(n, [fact for fact in facts if fact.level == level]) for level in levels]
    if any(len(found) == 0 for found in ranges):
        raise _no_counts(study, measure, facts)
    low = np.array([found[0] for found in ranges])
    room = np.array([found[-1] for found in ranges]) - low
    missing = n - int(low.sum())
    if not 0 <= missing <= room.sum():
        raise _no_counts(study, measure, facts)
    found = low.copy()
    while missing:
        open_levels = np.flatnonzero(found - low < room)
        found[rng.choice(open_levels)] += 1
        missing -= 1
    return rng.permutation(np.repeat(levels, found))


def _people(n: int, facts: Sequence[Fact]) -> range:
    """Return how many of ``n`` people may be at a level."""
    allowed = [range(n + 1), *(_people_of(n, fact) for fact in facts)]
    return range(max(one.start for one in allowed), min(one.stop for one in allowed))


def _people_of(n: int, fact: Fact) -> range:
    if fact.quantity == "proportion":
        return counts(n, fact.interval)
    return range(math.ceil(fact.interval.low), math.floor(min(fact.interval.high, n)) + 1)


def _no_counts(study: Study, measure: Measure, facts: Sequence[Fact]) -> InputError:
    named = ", ".join(repr(fact.id) for fact in facts)
    return InputError(
        f"no whole numbers of people at the levels of {measure.id!r} print {named}", source=f"study {study.id}"
    )
