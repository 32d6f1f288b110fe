"""What rounding leaves of the moments of some measures: a box, every point of which is a set of group moments."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from ...arrays import BoolArray, FloatArray
from ...moments import GroupMoments
from ...study.facts import Fact
from ...study.intervals import Interval, image
from ...study.study import Study
from ..feasibility import counts
from .correlations import correlation_between
from .descriptives import only, size

type _Known = tuple[Interval, Fact]
"""What is left of a number, and where it is printed."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Box:
    """Intervals of printed moments, and how their values make group moments.

    Attributes
    ----------
    source : str
        What the coordinates are, in words.
    centre, half : ndarray, shape (p,)
        Middle and half width of each coordinate.
    coordinates : tuple of Fact or None
        The fact of each coordinate; None where it follows from several.
    facts : tuple of Fact
    unitless : frozenset of str
        Measures whose SD is not known, here 1.
    build : callable
        Group moments of points (P, p).
    """

    source: str
    centre: FloatArray
    half: FloatArray
    coordinates: tuple[Fact | None, ...]
    facts: tuple[Fact, ...]
    unitless: frozenset[str]
    build: Callable[[FloatArray], GroupMoments]

    def moments(self, points: FloatArray) -> tuple[GroupMoments, BoolArray]:
        """Return group moments of points (P, p), and which of the points are moments of some data."""
        found = self.build(points)
        root = np.sqrt(np.maximum(np.diagonal(found.cov, axis1=-2, axis2=-1), 0))
        r = found.cov / np.where(root > 0, root, 1)[..., :, None] / np.where(root > 0, root, 1)[..., None, :]
        possible = np.isfinite(r).all((-3, -2, -1)) & (root > 0).all((-2, -1))
        least = np.linalg.eigvalsh(np.where(possible[:, None, None, None], r, np.eye(r.shape[-1])))[..., 0]
        return found, possible & (least > 1e-9).all(-1)


class IncompleteError(LookupError):
    """A number that a box needs is not printed."""


@dataclass
class _Coordinates:
    """Coordinates gathered so far: each with its interval and the facts it comes from."""

    intervals: list[Interval]
    facts: list[Fact]
    single: list[Fact | None]

    def add(self, interval: Interval, *facts: Fact) -> int:
        if not interval.bounded:
            raise IncompleteError
        self.intervals.append(interval)
        self.facts += facts
        self.single.append(facts[0] if len(facts) == 1 else None)
        return len(self.intervals) - 1

    def box(self, source: str, unitless: frozenset[str], build: Callable[[FloatArray], GroupMoments]) -> Box:
        return Box(
            source=source,
            centre=np.array([each.middle for each in self.intervals]),
            half=np.array([each.half_width for each in self.intervals]),
            coordinates=tuple(self.single),
            facts=tuple(dict.fromkeys(self.facts)),
            unitless=unitless,
            build=build,
        )


def _printed(fact: Fact | None) -> Fact:
    if fact is None or fact.absolute or not fact.interval.bounded:
        raise IncompleteError
    return fact


def group_box(study: Study, measures: Sequence[str], *, guessed: bool = False) -> Box | None:
    """Return the box of the groups' means, SDs and correlations; None where one of them is not printed.

    Parameters
    ----------
    study : Study
    measures : sequence of str
    guessed : bool
        Whether a group's correlation may be guessed from the whole sample's: no number is accused by such a box.

    Notes
    -----
    Of a category with two levels the share is enough.
    """
    coordinates = _Coordinates([], [], [])
    try:
        groups = [_group(study, measures, group, coordinates, guessed=guessed) for group in samples(study)]
        n = _sizes(study)
    except IncompleteError:
        return None
    categories = frozenset(name for name in measures if study.measure(name).kind == "category")
    pairs = list(combinations(range(len(measures)), 2))

    def build(points: FloatArray) -> GroupMoments:
        mean = np.stack([points[:, where.means] for where in groups], axis=1)
        sd = np.stack(
            [
                np.stack(
                    [
                        points[:, j] if j is not None else _sd_of_share(points[:, i], size_)
                        for i, j in zip(where.means, where.sds, strict=True)
                    ],
                    axis=-1,
                )
                for where, size_ in zip(groups, n, strict=True)
            ],
            axis=1,
        )
        r = np.tile(np.eye(len(measures)), (len(points), len(groups), 1, 1))
        for g, where in enumerate(groups):
            for (i, j), at in zip(pairs, where.correlations, strict=True):
                r[:, g, i, j] = r[:, g, j, i] = points[:, at]
        cov = r * sd[..., :, None] * sd[..., None, :]
        return GroupMoments(names=tuple(measures), n=n, mean=mean, cov=cov, categories=categories)

    several = "means, SDs and correlations" if len(measures) > 1 else "means and SDs"
    return coordinates.box(f"the groups' {several}", frozenset(), build)


def samples(study: Study) -> tuple[str | None, ...]:
    """Return the groups, or the one sample there is."""
    return study.group_names or (None,)


def _sizes(study: Study) -> FloatArray:
    """Return the sizes of the groups; raises where one is not printed."""
    n = np.array([size(study, group) for group in samples(study)], dtype=float)
    if (n < 2).any():
        raise IncompleteError
    return n


def _sd_of_share(share: FloatArray, n: float) -> FloatArray:
    return np.asarray(np.sqrt(np.maximum(share * (1 - share), 0) * n / (n - 1)))


@dataclass(frozen=True)
class _Where:
    """Positions of a group's coordinates; no SD for a category."""

    means: list[int]
    sds: list[int | None]
    correlations: list[int]


def _group(
    study: Study, measures: Sequence[str], group: str | None, coordinates: _Coordinates, *, guessed: bool
) -> _Where:
    means: list[int] = []
    sds: list[int | None] = []
    for name in measures:
        if study.measure(name).kind == "category":
            means.append(coordinates.add(*_share(study, name, group)))
            sds.append(None)
        else:
            mean, sd = (_printed(only(study, quantity, of=name, group=group)) for quantity in ("mean", "sd"))
            means.append(coordinates.add(mean.interval, mean))
            sds.append(coordinates.add(sd.interval, sd))
    printed = [correlation_between(study, a, b, group) for a, b in combinations(measures, 2)]
    if guessed and None in printed:
        of_all = (correlation_between(study, a, b, None) for a, b in combinations(measures, 2))
        known = [own or _printed(fact) for own, fact in zip(printed, of_all, strict=True)]
        around = GUESS / math.sqrt(max(size(study, group) - 3, 1))
        ranges = [
            fact.interval if own else _correlations(fact, around) for own, fact in zip(printed, known, strict=True)
        ]
        return _Where(means, sds, [coordinates.add(*each) for each in zip(ranges, known, strict=True)])
    facts = [_printed(fact) for fact in printed]
    return _Where(means, sds, [coordinates.add(fact.interval, fact) for fact in facts])


GUESS = 1.0
"""Standard errors (of Fisher's z) that a guessed correlation may be away from that of the whole sample."""


def _correlations(fact: Fact, around: float) -> Interval:
    z = math.atanh(min(max(fact.interval.middle, -0.99), 0.99))
    return Interval(math.tanh(z - around), math.tanh(z + around))


def _share(study: Study, name: str, group: str | None) -> _Known:
    """Return the share of a category's second level in a group: whole people where the print leaves one number."""
    levels = [level.id for level in study.measure(name).levels]
    if len(levels) != 2:
        raise IncompleteError
    facts = [only(study, "proportion", of=name, level=level, group=group) for level in levels]
    fact = _printed(facts[1] or facts[0])
    n = max(size(study, group), 1)
    people = counts(n, fact.interval)
    share = Interval(people[0] / n, people[-1] / n) if people else fact.interval
    return (share if fact is facts[1] else Interval(1 - share.high, 1 - share.low)), fact


# -- the whole sample ------------------------------------------------------------------------------------------------


def total_box(study: Study, measures: Sequence[str], *, with_group: bool) -> Box | None:
    """Return the box of the whole sample's correlations, and SDs where there are any; None if one is missing.

    Notes
    -----
    A regression without products depends on the groups' means and the covariances within groups, pooled: what is left
    of the total covariances. Every group is given these; without the groups among its terms, any means and sizes that
    add up will do. Two groups' means may stand in a correlation with the group itself.
    """
    coordinates = _Coordinates([], [], [])
    try:
        pairs = [
            coordinates.add(fact.interval, fact)
            for a, b in combinations(measures, 2)
            if (fact := _printed(correlation_between(study, a, b, None)))
        ]
        n = _sizes(study) if with_group else _parts(study)
        where = [_over_all(study, name, coordinates, with_group=with_group) for name in measures]
    except IncompleteError:
        return None
    unitless = frozenset(name for name, each in zip(measures, where, strict=True) if each.unitless)
    categories = frozenset(name for name in measures if study.measure(name).kind == "category")

    def build(points: FloatArray) -> GroupMoments:
        r = np.tile(np.eye(len(measures)), (len(points), 1, 1))
        for (i, j), at in zip(combinations(range(len(measures)), 2), pairs, strict=True):
            r[:, i, j] = r[:, j, i] = points[:, at]
        means, sds = zip(*(each.moments(points, n) for each in where), strict=True)
        mean, sd = np.stack(means, axis=-1) * with_group, np.stack(sds, axis=-1)
        apart = mean - np.einsum("g,pgm->pm", n, mean)[:, None] / n.sum()
        between = np.einsum("g,pgi,pgj->pij", n, apart, apart)
        within = ((n.sum() - 1) * r * sd[:, :, None] * sd[:, None, :] - between) / (n.sum() - len(n))
        cov = np.repeat(within[:, None], len(n), axis=1)
        return GroupMoments(names=tuple(measures), n=n, mean=mean, cov=cov, categories=categories)

    means = "the groups' means and " if any(each.means for each in where) else ""
    return coordinates.box(f"{means}the correlations of the whole sample", unitless, build)


@dataclass(frozen=True)
class _OverAll:
    """Positions of what is printed of a measure over all: its SD or the groups' means and SDs, or r with the group."""

    sd: int | None = None
    means: tuple[int, ...] = ()
    sds: tuple[int, ...] = ()
    with_group: int | None = None
    category: bool = False

    @property
    def unitless(self) -> bool:
        """Whether its SD is not known."""
        return self.sd is None and not self.sds and not (self.category and self.means)

    def moments(self, points: FloatArray, n: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return the groups' means (P, groups), 0 where these do not matter, and the SD (P,), 1 where it is unknown."""
        total = n.sum()
        mean = points[:, self.means] if self.means else np.zeros((len(points), len(n)))
        if self.sd is not None:
            sd = points[:, self.sd]
        elif self.sds:
            apart = mean - (mean @ n / total)[:, None]
            sd = np.sqrt((points[:, self.sds] ** 2 @ (n - 1) + apart**2 @ n) / (total - 1))
        else:
            sd = _sd_of_share(mean @ n / total, total) if self.means else np.ones(len(points))
        if self.with_group is not None:
            gap = points[:, self.with_group] * sd * np.sqrt(total * (total - 1) / n.prod())
            mean = np.stack([-gap * n[1] / total, gap * n[0] / total], axis=1)
        return mean, sd


def _over_all(study: Study, name: str, coordinates: _Coordinates, *, with_group: bool) -> _OverAll:
    """Add what there is of a measure over all; raises where its relation to the groups is needed and not printed."""
    category = study.measure(name).kind == "category"
    printed = None if category else only(study, "sd", of=name, group=None)
    sd = _sd_of_all(study, name) if category else (_printed(printed).interval, printed) if printed else None
    means, sds = _of_groups(study, name, spread=not (category or printed)) if with_group or not sd else ([], [])
    r = None
    if with_group and not means:
        if len(study.group_names) != 2:
            raise IncompleteError
        r = _printed(correlation_between(study, name, study.analysis.group, None))
    return _OverAll(
        sd=coordinates.add(*sd) if sd and not (category and means) else None,
        means=tuple(coordinates.add(*each) for each in means),
        sds=tuple(coordinates.add(*each) for each in sds),
        with_group=coordinates.add(r.interval, r) if r else None,
        category=category,
    )


def _of_groups(study: Study, name: str, *, spread: bool) -> tuple[list[_Known], list[_Known]]:
    """Return the groups' means, or shares, and SDs where these are asked for; nothing where one is not printed."""
    try:
        _sizes(study)
        if study.measure(name).kind == "category":
            return [_share(study, name, group) for group in study.group_names], []
        facts = [
            [_printed(only(study, quantity, of=name, group=group)) for group in study.group_names]
            for quantity in ("mean", "sd")[: 1 + spread]
        ]
    except IncompleteError:
        return [], []
    known = [[(fact.interval, fact) for fact in each] for each in facts]
    return known[0], known[1] if spread else []


def _sd_of_all(study: Study, name: str) -> _Known | None:
    """Return the SD that a category's share over all participants means; None where none is printed, or about half."""
    try:
        share, fact = _share(study, name, None)
    except IncompleteError:
        return None
    # the SD of a share rises up to one half
    return None if 0.5 in share else (image(lambda p: float(_sd_of_share(np.array(p), size(study))), share), fact)


def _parts(study: Study) -> FloatArray:
    """Return the groups' sizes, or any that add up to the sample: without groups among terms these do not matter."""
    try:
        return _sizes(study)
    except IncompleteError:
        k, total = len(samples(study)), size(study)
        if total < 2 * k:
            raise
        return np.array([total - (k - 1) * (total // k), *[total // k] * (k - 1)], dtype=float)
