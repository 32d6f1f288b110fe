"""What rounding leaves of the moments of some measures: a box, every point of which is a set of group moments."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np

from ...arrays import BoolArray, FloatArray
from ...moments import GroupMoments
from ...study.facts import Fact
from ...study.intervals import Interval, image
from ...study.study import Study
from ..feasibility import counts
from .correlations import correlation_between
from .descriptives import only, size, total_sd
from .rows import absolute


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
        root = np.sqrt(np.diagonal(found.cov, axis1=-2, axis2=-1))
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


def _share(study: Study, name: str, group: str | None) -> tuple[Interval, Fact]:
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
    A regression without products depends on the total covariances only, so any groups that add up to these will do:
    both are given the same covariances. A correlation with the group itself is as printed, or follows from the groups'
    means.
    """
    coordinates = _Coordinates([], [], [])
    try:
        pairs = [
            coordinates.add(fact.interval, fact)
            for a, b in combinations(measures, 2)
            if (fact := _printed(correlation_between(study, a, b, None)))
        ]
        gaps = [coordinates.add(*_with_group(study, name)) for name in measures] if with_group else []
        n = _sizes(study) if with_group else _parts(study)
    except IncompleteError:
        return None
    sds: list[int | None] = []
    for name in measures:
        sd = _sd_over_all(study, name)
        sds.append(coordinates.add(*sd) if sd else None)
    unitless = frozenset(name for name, at in zip(measures, sds, strict=True) if at is None)
    where = list(combinations(range(len(measures)), 2))
    categories = frozenset(name for name in measures if study.measure(name).kind == "category")

    def build(points: FloatArray) -> GroupMoments:
        r = np.tile(np.eye(len(measures)), (len(points), 1, 1))
        for (i, j), at in zip(where, pairs, strict=True):
            r[:, i, j] = r[:, j, i] = points[:, at]
        gap = points[:, gaps] if gaps else np.zeros((len(points), len(measures)))
        sd = np.stack([points[:, at] if at is not None else np.ones(len(points)) for at in sds], axis=-1)
        return replace(_split(tuple(measures), n, r, gap, sd), categories=categories)

    return coordinates.box("the correlations of the whole sample", unitless, build)


def _split(
    names: tuple[str, ...], n: FloatArray, r: FloatArray, with_group: FloatArray, sd: FloatArray
) -> GroupMoments:
    """Return groups of equal covariance with these correlations in total, among themselves and with the group."""
    total = n.sum()
    if len(n) != 2:
        within = np.repeat((total - 1) / (total - len(n)) * r[:, None], len(n), axis=1)
        mean = np.zeros((len(r), len(n), len(names)))
        return GroupMoments(names=names, n=n, mean=mean, cov=within * sd[:, None, :, None] * sd[:, None, None, :])
    gap = with_group * np.sqrt(total * (total - 1) / n.prod())
    within = ((total - 1) * r - n.prod() / total * gap[:, :, None] * gap[:, None, :]) / (total - 2)
    mean = np.stack([-gap * n[1] / total, gap * n[0] / total], axis=1)
    cov = np.stack([within, within], axis=1)
    return GroupMoments(
        names=names, n=n, mean=mean * sd[:, None, :], cov=cov * sd[:, None, :, None] * sd[:, None, None, :]
    )


def _parts(study: Study) -> FloatArray:
    """Return any sizes of groups that add up to the sample: a regression without them does not depend on these."""
    k, total = len(samples(study)), size(study)
    if total < 2 * k:
        raise IncompleteError
    return np.array([total - (k - 1) * (total // k), *[total // k] * (k - 1)], dtype=float)


def _with_group(study: Study, name: str) -> tuple[Interval, *tuple[Fact, ...]]:
    if len(study.group_names) != 2:
        raise IncompleteError
    if fact := correlation_between(study, name, study.analysis.group, None):
        return _printed(fact).interval, fact
    n1, n2 = _sizes(study)
    gap, u, v, *facts = _of_groups(study, name)
    factor = math.sqrt(n1 * n2 / (n1 + n2) / (n1 + n2 - 1))
    r = image(lambda g, a, b: factor * g / max(total_sd(n1, n2, g, a, b), 1e-12), gap, u, v)
    return r, *facts


def _of_groups(study: Study, name: str) -> tuple[Interval, Interval, Interval, *tuple[Fact, ...]]:
    """Return the difference of a measure's means (second group minus reference) and both SDs."""
    first, second = study.group_ids
    a, b = (_printed(only(study, "mean", of=name, group=group)) for group in (first, second))
    u, v = (_printed(only(study, "sd", of=name, group=group)) for group in (first, second))
    gap = Interval(b.interval.low - a.interval.high, b.interval.high - a.interval.low)
    return gap, u.interval, v.interval, a, b, u, v


def _sd_over_all(study: Study, name: str) -> tuple[Interval, *tuple[Fact, ...]] | None:
    """Return a measure's SD over all participants: as printed, or from the groups, or from a category's share."""
    try:
        if study.measure(name).kind == "category":
            share, fact = _share(study, name, None)
            # the SD of a share rises up to one half
            sd = image(lambda p: float(_sd_of_share(np.array(p), size(study))), share)
            return None if 0.5 in share else (sd, fact)
        if printed := only(study, "sd", of=name, group=None):
            return _printed(printed).interval, printed
        if len(study.group_names) != 2:
            return None
        n1, n2 = _sizes(study)
        gap, u, v, *facts = _of_groups(study, name)
        return image(lambda g, a, b: total_sd(n1, n2, g, a, b), absolute(gap), u, v), *facts
    except IncompleteError:
        return None
