"""Whole-number columns: how each measure is counted in steps, and where it may go.

A score is counted in steps of its grain (1 for a sum of items, 1/k for a mean of k) from an origin in the middle of its
range. The outcome comes last.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property

import numpy as np

from ...arrays import BoolArray, FloatArray, IntArray
from ...spec import InputError
from ...study.measures import Measure
from ...study.study import Study


@dataclass(frozen=True, kw_only=True)
class Columns:
    """The measures that are searched together, and how they are counted.

    Attributes
    ----------
    measures : tuple of Measure, length m
        The outcome is the last.
    group : str
        The measure that holds the groups.
    sizes : tuple of int
        Participants in each group, the reference first.
    products : tuple of (int, int)
        Positions of two measures whose product regressions use.
    origin, grain : ndarray, shape (m,)
        A cell holding ``u`` means ``origin + grain * u``; a category counts its second level.
    lowest, highest : ndarray of int, shape (k, m)
        Limits of the cells in each group.
    """

    measures: tuple[Measure, ...]
    group: str
    sizes: tuple[int, ...]
    products: tuple[tuple[int, int], ...]
    origin: FloatArray
    grain: FloatArray
    lowest: IntArray
    highest: IntArray

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Ids of the measures, in order."""
        return tuple(measure.id for measure in self.measures)

    @cached_property
    def binary(self) -> BoolArray:
        """Which measures are categories, shape (m,)."""
        return np.array([measure.kind == "category" for measure in self.measures])

    @cached_property
    def fine(self) -> BoolArray:
        """Which measures are continuous, shape (m,)."""
        return np.array([measure.kind != "category" and measure.grain == 0 for measure in self.measures])

    @cached_property
    def two_items(self) -> BoolArray:
        """Which measures are scales of two items, shape (m,)."""
        return np.array([measure.kind == "scale" and measure.items == 2 for measure in self.measures])

    def values(self, rows: FloatArray) -> FloatArray:
        """Translate rows of counts, shape (n, m), into values in the measures' own units."""
        return self.origin + self.grain * rows


def lay_out(study: Study, reconstructed: Sequence[str]) -> Columns:
    """Choose the measures that have to be searched together, and how each is counted.

    Parameters
    ----------
    study : Study
        Without open readings.
    reconstructed : sequence of str
        The measures that a reconstruction has.

    Returns
    -------
    Columns
        The reconstructed measures, every scale, and whatever a correlation or a step speaks of; the outcome last.

    Raises
    ------
    InputError
        A regression needs a measure that is not reconstructed, or a category with more than two levels.
    """
    group, outcome = study.analysis.group, study.analysis.outcome
    linked = {*(name for name in reconstructed if ":" not in name), *_correlated(study)} | {
        measure.id for measure in study.measures if measure.kind == "scale" and measure.only_in is None
    }
    regressors = {name for step in study.steps for term in study.terms(step.id) for name in term.split(":")} - {group}
    for name in sorted((regressors | {outcome}) - set(reconstructed)):
        raise InputError(f"measure {name!r} is in a regression, and the reconstructions do not have it")
    names = [name for name in (measure.id for measure in study.measures) if name in linked - {group, outcome}]
    return columns_of(study, [study.measure(name) for name in (*names, outcome)], study.products)


def columns_of(study: Study, measures: Sequence[Measure], products: Sequence[str] = ()) -> Columns:
    """Say how measures are counted that are searched together; raises `InputError` for one of three levels and more."""
    for measure in measures:
        if measure.kind == "category" and len(measure.levels) != 2:
            raise InputError(f"measure {measure.id!r} has {len(measure.levels)} levels; a correlation needs two")
    place = {measure.id: index for index, measure in enumerate(measures)}
    grain = np.array([grain_of(study, measure) for measure in measures])
    low, high = np.array([limits_of(study, measure) for measure in measures]).T
    category = [measure.kind == "category" for measure in measures]
    origin = low + grain * np.where(category, 0, np.rint((high - low) / grain) // 2)
    limits = np.array([[limits_of(study, measure, name) for measure in measures] for name in study.samples])
    by_group = np.rint((limits - origin[:, None]) / grain[:, None]).astype(np.int64)
    return Columns(
        measures=tuple(measures),
        group=study.analysis.group,
        sizes=tuple(study.samples.values()),
        products=tuple((place[one], place[other]) for one, _, other in (name.partition(":") for name in products)),
        origin=origin,
        grain=grain,
        lowest=by_group[..., 0],
        highest=by_group[..., 1],
    )


def _correlated(study: Study) -> set[str]:
    facts = study.facts_of("correlation")
    return {name for fact in facts for name in (fact.of, fact.with_) if name}


def grain_of(study: Study, measure: Measure) -> float:
    """Return the step in which a measure is counted: its grain; finer than any printed mean if it has none."""
    if measure.kind == "category":
        return 1.0
    if measure.grain:
        return measure.grain
    facts = [fact for fact in study.facts if fact.of == measure.id]
    exponents = [value.as_tuple().exponent for fact in facts if (value := fact.value)] or [Decimal("0.1").as_tuple()[2]]
    return float(10.0 ** min(int(exponent) for exponent in exponents))


def limits_of(study: Study, measure: Measure, group: str | None = None) -> tuple[float, float]:
    """Return the lowest and highest value that range and printed extremes allow, in a group or at all."""
    if measure.kind == "category":
        return 0.0, 1.0
    low, high = measure.limits
    for fact in study.facts:
        if fact.of == measure.id and fact.group in (None, group):
            if fact.quantity == "minimum":
                low = max(low, fact.interval.low)
            if fact.quantity == "maximum":
                high = min(high, fact.interval.high)
    return low, high
