"""Columns without a printed relation to the outcome: numbers and categories of which only their own facts are known.

A number's facts (mean, SD, t, df, d, by group) depend on its sums and sums of squares alone. These are whole numbers,
so they are searched first; then a column is made that has exactly these sums. A category's facts are counts.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtr

from ...arrays import FloatArray, IntArray
from ...auditing.feasibility import counts
from ...spec import InputError
from ...study.facts import Fact
from ...study.measures import Measure
from ...study.study import Study
from .columns import grain_of, limits_of
from .known import Known, sample
from .start import levels_of

CLOUD = 400
QUICK_ROUNDS, ROUNDS = 15, 80
TRIES = 5
TINY = 1e-9
STRETCHES = 20
FINE = 100.0
"""An SD of more grains than this: single values are so fine that sums need not be hit exactly."""
SWEEPS = 20_000
REACH = 0.05
"""Squared distance to the start, in SDs, at which sums are accepted in the first round; grows with every round."""
LOYALTY = 5.0
"""Weight of the squared distance to the start, in SDs, against the logarithm of the squared misses."""
SKEWED = 1.5
"""A mean nearer to its bound than this many SDs, with the other bound far away, takes a log-normal shape."""


@dataclass(frozen=True, kw_only=True)
class Part:
    """One group's share of a number: how many values, their limits, and values that have to occur (in counts)."""

    size: int
    low: int
    high: int
    attained: tuple[int, ...]


def independent_number(known: Known, measure: Measure, rng: np.random.Generator) -> FloatArray:
    """Draw a column of numbers that prints every fact about it.

    Parameters
    ----------
    known, measure
        The measure's own facts and assumptions (``raw_mean``, ``raw_sd``, by group or for all) are used. A mean that is
        neither printed nor assumed is drawn around the middle of the range, an SD around a quarter of it.
    rng : numpy.random.Generator

    Returns
    -------
    ndarray, shape (n,)
        The reference group first; NaN in a group that does not have the measure.

    Raises
    ------
    InputError
        No whole numbers print the facts; the message names those that are missed.
    """
    number = _Number(study=known.study, measure=measure)
    for _ in range(TRIES):
        start = np.array([number.guess(known, group, rng) for group in known.study.samples])
        sums = number.find_sums(start, rng)
        if sums is not None and (column := _column(number, sums, rng)) is not None:
            return column
    raise number.impossible()


def _column(number: _Number, sums: IntArray, rng: np.random.Generator) -> FloatArray | None:
    ends = np.cumsum([0, *(part.size for part in number.parts)])
    column = np.full(ends[-1], np.nan)
    for k in number.used:
        values = _with_sums(number.parts[k], int(sums[k, 0]), int(sums[k, 1]), rng)
        if values is None:
            return None
        column[ends[k] : ends[k + 1]] = values * number.grain
    return column


@dataclass(frozen=True, kw_only=True)
class _Number:
    """A measure with what is printed about it."""

    study: Study
    measure: Measure

    @cached_property
    def facts(self) -> tuple[Fact, ...]:
        return tuple(fact for fact in self.study.facts if fact.usual and fact.of == self.measure.id)

    @cached_property
    def grain(self) -> float:
        return grain_of(self.study, self.measure)

    @cached_property
    def used(self) -> list[int]:
        return [k for k, name in enumerate(self.study.samples) if self.measure.only_in in (None, name)]

    @cached_property
    def parts(self) -> list[Part]:
        return [self._part(group) for group in self.study.samples]

    @cached_property
    def n(self) -> FloatArray:
        return np.array([part.size for part in self.parts], dtype=float)

    def _part(self, group: str) -> Part:
        low, high = limits_of(self.study, self.measure, group)
        # an extreme of the whole sample has to occur somewhere: the last group holds it
        last = [*self.study.samples][self.used[-1]]
        extremes = [
            fact
            for fact in self.facts
            if fact.quantity in ("minimum", "maximum") and fact.relation == "=" and (fact.group or last) == group
        ]
        attained = tuple(sorted({round(float(fact.value) / self.grain) for fact in extremes}))
        return Part(
            size=self.study.samples[group],
            low=round(low / self.grain),
            high=round(high / self.grain),
            attained=attained,
        )

    def guess(self, known: Known, group: str, rng: np.random.Generator) -> tuple[float, float]:
        """Return a mean and an SD to start from: as printed, else as assumed, else from the range."""
        low, high = limits_of(self.study, self.measure, group)
        found = []
        for quantity, middle, spread in (("mean", (low + high) / 2, 0.1), ("sd", (high - low) / 4, 0.02)):
            printed = [
                fact
                for fact in self.facts
                if fact.quantity == quantity and fact.group in (group, None) and fact.interval.bounded
            ]
            printed.sort(key=lambda fact: fact.group is None)
            assumed = known.assumed(f"raw_{quantity}", self.measure.id, group)
            if printed:
                found.append(float(rng.uniform(printed[0].interval.low, printed[0].interval.high)))
            elif assumed is not None:
                found.append(sample(assumed, rng))
            else:
                found.append(float(rng.normal(middle, spread * (high - low))))
        return found[0] / self.grain, max(found[1], 1e-3 * (high - low)) / self.grain

    # -- sums --------------------------------------------------------------------------------------------------------

    def find_sums(self, start: FloatArray, rng: np.random.Generator) -> IntArray | None:
        """Return sums and sums of squares by group, in counts, that print every fact; shape (k, 2). None if not found.

        Clouds of means and SDs around the best so far, wide and narrow together, are rounded to sums that whole
        numbers can have. Among proposals that print everything the nearest to the start is taken.
        """
        best, best_score = start, math.inf
        unit = start[:, 1:]
        for number in range(1, ROUNDS + 1):
            count = CLOUD if number <= QUICK_ROUNDS else 25 * CLOUD
            shape = (count, *start.shape)
            width = unit * np.exp(rng.uniform(-8, 0, size=shape))
            moved = rng.random(shape) < 0.6
            cloud = best + moved * width * rng.standard_normal(shape)
            cloud[0], cloud[..., 1] = best, np.abs(cloud[..., 1])
            sums = self._whole(cloud)
            loss = self._loss(sums)
            distance = (((cloud - start) / unit) ** 2).sum(axis=(1, 2))
            # near the start first: a t can also be had from absurd SDs
            reached = (loss == 0) & (distance < REACH * number**2)
            if reached.any():
                nearest: IntArray = np.rint(sums[np.argmin(np.where(reached, distance, np.inf))]).astype(np.int64)
                return nearest
            score = np.log1p(loss) + LOYALTY * distance
            if score.min() < best_score:
                best, best_score = cloud[np.argmin(score)], score.min()
        return None

    def _whole(self, moments: FloatArray) -> FloatArray:
        """Round means and SDs to a sum and a sum of squares, which have the same parity."""
        total = np.rint(self.n * moments[..., 0])
        squares = (self.n - 1) * moments[..., 1] ** 2 + total**2 / self.n
        squares = total + 2 * np.rint((squares - total) / 2)
        for k in self.used:
            low = self.parts[k].low
            if self.parts[k].high == low + 1:
                # two values only: the sum decides
                squares[..., k] = total[..., k] * (2 * low + 1) - self.n[k] * low * (low + 1)
        return np.stack([total, squares], axis=-1)

    def _loss(self, sums: FloatArray) -> FloatArray:
        """Return the squared misses of all facts, shape (candidates,); infinite where no column has such sums."""
        mean = sums[..., 0] / self.n
        variance = (sums[..., 1] - self.n * mean**2) / (self.n - 1)
        loss = np.zeros(len(sums))
        for k in self.used:
            low, high, n = self.parts[k].low, self.parts[k].high, self.n[k]
            widest = (mean[:, k] - low) * (high - mean[:, k]) * n / (n - 1)
            rest = mean[:, k] % 1
            narrowest = rest * (1 - rest) * n / (n - 1)
            loss[(variance[:, k] < narrowest - TINY) | (variance[:, k] > widest + TINY)] = np.inf
        variance = np.maximum(variance, 1e-12)
        for fact in self.facts:
            value = self._statistic(fact, mean, variance)
            if value is not None:
                loss += _misses(fact, np.abs(value) if fact.absolute else value)
        return loss

    def _statistic(self, fact: Fact, mean: FloatArray, variance: FloatArray) -> FloatArray | None:
        """Return the number that a fact speaks of, for every candidate; None where sums do not determine it."""
        if fact.quantity in ("mean", "sd"):
            return self.grain * self._moment(fact, mean, variance)
        if fact.between is None:
            return None
        pair = [self.study.group_names.index(name) for name in fact.between]
        n, variance = self.n[pair], variance[:, pair]
        gap = mean[:, pair[0]] - mean[:, pair[1]]
        pooled = variance @ (n - 1) / (n.sum() - 2)
        shares = variance / n
        error = shares.sum(axis=1)
        df = error**2 / (shares**2 / (n - 1)).sum(axis=1)
        if fact.test == "student":
            error, df = pooled * (1 / n).sum(), np.full(len(gap), n.sum() - 2)
        t = gap / np.sqrt(error)
        if fact.quantity == "p":
            return np.asarray(2 * stdtr(df, -np.abs(t)))
        found = {"mean_difference": self.grain * gap, "t": t, "df": df, "d": gap / np.sqrt(pooled)}
        return found.get(fact.quantity)

    def _moment(self, fact: Fact, mean: FloatArray, variance: FloatArray) -> FloatArray:
        if fact.group or self.measure.only_in:
            k = self.study.group_names.index(fact.group or self.measure.only_in or "")
            return mean[:, k] if fact.quantity == "mean" else np.sqrt(variance[:, k])
        total = mean @ self.n / self.n.sum()
        if fact.quantity == "mean":
            return np.asarray(total)
        scatter = variance @ (self.n - 1) + ((mean - total[:, None]) ** 2) @ self.n
        return np.sqrt(scatter / (self.n.sum() - 1))

    def impossible(self) -> InputError:
        """Return the error that names the facts which nothing prints."""
        named = ", ".join(repr(fact.id) for fact in self.facts)
        kind = "whole numbers" if self.measure.integer else "numbers"
        return InputError(
            f"no {kind} within the range of {self.measure.id!r} print all of {named}", source=f"study {self.study.id}"
        )


def _misses(fact: Fact, value: FloatArray) -> FloatArray:
    interval = fact.interval
    rounded = interval.bounded and interval.half_width > 0
    width = interval.half_width if rounded else 0.05 * (1 + abs(float(fact.value)))
    outside: FloatArray = np.maximum(np.maximum(interval.low - value, value - interval.high), 0.0) / width
    # ends belong to a rounding interval, up to floating-point error; they do not where the paper says "less than"
    outside[outside < 1e-9] = 0.0
    if fact.relation in ("<", ">"):
        outside[value == float(fact.value)] = 1e-3
    return outside**2


# -- a column with given sums ----------------------------------------------------------------------------------------


def _with_sums(part: Part, total: int, squares: int, rng: np.random.Generator) -> IntArray | None:
    """Return whole numbers with exactly this sum and sum of squares (nearly, where they are fine), or None.

    From a column of the right shape, single steps bring the sum, and pairs of opposite steps the sum of squares.
    """
    n, kept = part.size, len(part.attained)
    mean, sd = total / n, math.sqrt(max(squares - total**2 / n, 1e-9) / (n - 1))
    free = _shape(rng, n - kept, mean, sd, part)
    values = np.concatenate([np.array(part.attained, dtype=np.int64), free])
    if sd > FINE:
        return _stretched(values, kept, mean, sd, part)[rng.permutation(n)]
    order = rng.permutation(n - kept) + kept
    missing = total - int(values.sum())
    for i in np.resize(order, (part.high - part.low) * max(n - kept, 1)):
        if missing == 0:
            break
        step = 1 if missing > 0 else -1
        if part.low <= values[i] + step <= part.high:
            values[i] += step
            missing -= step
    return _with_squares(values, kept, squares, part, rng) if missing == 0 else None


def _stretched(values: IntArray, kept: int, mean: float, sd: float, part: Part) -> IntArray:
    """Move and stretch all but the kept values until mean and SD are right up to the rounding of single values."""
    n, fixed = len(values), values[:kept]
    wanted = (n * mean - fixed.sum()) / (n - kept)
    squares = (n - 1) * sd**2 + n * mean**2 - (fixed.astype(float) ** 2).sum()
    spread = math.sqrt(max(squares / (n - kept) - wanted**2, 0.0))
    free = values[kept:].astype(float)
    for _ in range(STRETCHES):
        free = np.clip(wanted + (free - free.mean()) * spread / free.std(), part.low, part.high)
    return np.concatenate([fixed, np.rint(free).astype(np.int64)])


def _with_squares(values: IntArray, kept: int, squares: int, part: Part, rng: np.random.Generator) -> IntArray | None:
    n = len(values)
    missing = squares - int((values**2).sum())
    for _ in range(SWEEPS):
        if missing == 0:
            return values[rng.permutation(n)]
        a, b = (int(rng.integers(kept, n)) for _ in range(2))
        step = 1 + int(rng.integers(0, 1 + int(abs(missing) ** 0.5) // 4))
        if a == b or values[a] + step > part.high or values[b] - step < part.low:
            continue
        change = 2 * step * int(values[a] - values[b] + step)
        if abs(missing - change) < abs(missing):
            values[a] += step
            values[b] -= step
            missing -= change
    return None


def _shape(rng: np.random.Generator, n: int, mean: float, sd: float, part: Part) -> IntArray:
    scores = rng.permutation(rng.standard_normal(n))
    from_low = mean - part.low
    if from_low < SKEWED * sd and part.high - mean > 2 * SKEWED * sd and from_low > 0:
        spread = math.sqrt(math.log1p((sd / from_low) ** 2))
        values = part.low + from_low * np.exp(spread * scores - spread**2 / 2)
        return np.clip(np.rint(values), part.low, part.high).astype(np.int64)
    return levels_of(scores, mean, sd, part.low, part.high)


# -- categories ------------------------------------------------------------------------------------------------------


def independent_category(study: Study, measure: Measure, rng: np.random.Generator) -> NDArray[np.str_]:
    """Draw a column of level ids that prints every proportion; levels without one share the rest evenly.

    Raises
    ------
    InputError
        No whole numbers of people print the proportions.
    """
    facts = [fact for fact in study.facts if fact.of == measure.id and fact.quantity == "proportion"]
    by_group = {name: [fact for fact in facts if fact.group == name] for name in study.samples}
    if not any(by_group.values()):
        return _labels(study, measure, facts, sum(study.samples.values()), rng)
    columns = [_labels(study, measure, by_group[name], n, rng) for name, n in study.samples.items()]
    return np.concatenate(columns)


def _labels(
    study: Study, measure: Measure, facts: Sequence[Fact], n: int, rng: np.random.Generator
) -> NDArray[np.str_]:
    levels = [level.id for level in measure.levels]
    printed = {fact.level: fact for fact in facts}
    ranges = [counts(n, printed[level].interval) if level in printed else range(n + 1) for level in levels]
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


def _no_counts(study: Study, measure: Measure, facts: Sequence[Fact]) -> InputError:
    named = ", ".join(repr(fact.id) for fact in facts)
    return InputError(
        f"no whole numbers of people at the levels of {measure.id!r} print {named}", source=f"study {study.id}"
    )
