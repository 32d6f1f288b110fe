"""Johnson-Neyman bounds against slopes and their standard errors at values of the moderator.

Notes
-----
Along the moderator w a slope is a straight line through two printed ones, and its squared standard error a parabola
through three, or through two with the product's own squared standard error as its curvature. At a bound the square of
the slope is t squared times that parabola. At a fixed w both sides are intervals that rounding leaves exactly, so a
bound is possible where they meet.

References
----------
Bauer, D. J., & Curran, P. J. (2005). Probing interactions in fixed and multilevel regression: Inferential and graphical
techniques. Multivariate Behavioral Research, 40, 373-400. https://doi.org/10.1207/s15327906mbr4003_5
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from scipy.special import ndtri, stdtrit

from ...arrays import FloatArray
from ...study.facts import Fact
from ...study.intervals import Interval, image
from ...study.study import Study
from .coefficients import estimate
from .descriptives import only
from .estimates import Estimate, is_standardised
from .rows import Check, Verdict, between, found
from .steps import of_everybody

POINTS, REACH, SLACK = 20_001, 2.0, 1e-9
"""Values of the moderator that are looked at, and how many spans of the printed ones beyond them."""


@dataclass(frozen=True)
class _Line:
    """Slopes with their standard errors at values of a moderator, by rising value; ``curvature`` is a squared SE."""

    at: tuple[float, ...]
    each: tuple[Estimate, ...]
    curvature: Interval | None = None

    @property
    def facts(self) -> tuple[Fact, ...]:
        return tuple(fact for each in self.each for fact in each.facts)

    def slope(self, w: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return the least and the greatest slope at values: what every two printed slopes leave."""
        pairs = [
            _combined([(each.value.interval, weight) for each, weight in zip(pair, _weights(ends, w), strict=True)])
            for pair, ends in zip(combinations(self.each, 2), combinations(self.at, 2), strict=True)
        ]
        return np.maximum.reduce([low for low, _ in pairs]), np.minimum.reduce([high for _, high in pairs])

    def squared_error(self, w: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return the least and the greatest squared standard error at values."""
        squares = [Interval(e.low**2, e.high**2) for each in self.each if (e := each.error)]
        if len(self.at) > 2:
            nodes = (0, len(self.at) // 2, len(self.at) - 1)
            weights = _weights([self.at[k] for k in nodes], w)
            return _combined([(squares[k], weight) for k, weight in zip(nodes, weights, strict=True)])
        one, two = self.at
        parts = list(zip(squares, _weights(self.at, w), strict=True))
        assert self.curvature is not None
        return _combined([*parts, (self.curvature, (w - one) * (w - two))])

    def excess(self, w: FloatArray, t: float) -> tuple[FloatArray, FloatArray]:
        """Return the least and the greatest squared slope less t squared times its squared error, at values."""
        low, high = self.slope(w)
        least, most = self.squared_error(w)
        far = np.maximum(abs(low), abs(high)) ** 2
        near = np.where(low * high <= 0, 0.0, np.minimum(abs(low), abs(high)) ** 2)
        return near - t**2 * most * (1 + SLACK), far * (1 + SLACK) - t**2 * least.clip(0)


def _weights(nodes: Sequence[float], w: FloatArray) -> list[FloatArray]:
    """Return the weights with which a polynomial through nodes has its values."""
    return [np.prod([(w - other) / (node - other) for other in nodes if other != node], axis=0) for node in nodes]


def _combined(parts: Sequence[tuple[Interval, FloatArray]]) -> tuple[FloatArray, FloatArray]:
    ends = [np.stack([interval.low * weight, interval.high * weight]) for interval, weight in parts]
    return np.sum([each.min(axis=0) for each in ends], axis=0), np.sum([each.max(axis=0) for each in ends], axis=0)


def checks_of_bounds(study: Study) -> Iterator[Check]:
    """Ask of each bound whether slopes and errors within rounding have it, in any unit that the moderator can be in."""
    for bound in (*study.facts_of("jn_low"), *study.facts_of("jn_high")):
        if bound.errors == "bootstrap" or bound.relation != "=":
            continue
        for raw in (True, False):
            line = _line(study, bound, raw=raw)
            if line and (check := _judged(study, bound, line, raw=raw)):
                yield check


def _line(study: Study, bound: Fact, *, raw: bool) -> _Line | None:
    """Return the slopes at scores (raw), or at SDs from the mean, whose errors are known; None where too few are."""
    places: dict[float, Fact] = {}
    for fact in study.facts_of("slope", of=bound.of, step=bound.step, group=bound.group):
        (name, at), *others = fact.at or ((None, None),)
        if name == bound.with_ and not others and not fact.separate and isinstance(at, str) == raw:
            try:
                places.setdefault(float(str(at)), fact)
            except ValueError:
                continue
    values = sorted(places)
    each = [estimate(study, places[value], "the slope") for value in values]
    known = [k for k, one in enumerate(each) if one.error and one.df >= 1 and "bootstrap" not in _errors(one)]
    curvature = _curvature(study, bound, places[values[0]], raw=raw) if len(known) == 2 else None
    if len(known) < 2 or (len(known) == 2 and curvature is None):
        return None
    return _Line(tuple(values[k] for k in known), tuple(each[k] for k in known), curvature)


def _errors(one: Estimate) -> set[str | None]:
    return {fact.errors for fact in one.facts}


def _curvature(study: Study, bound: Fact, slope: Fact, *, raw: bool) -> Interval | None:
    """Return the squared standard error of the product's coefficient, in the unit of the slopes' values."""
    for fact in study.facts_of("coefficient_se", step=bound.step):
        same = is_standardised(study, fact) == is_standardised(study, slope)
        usual = raw and same and not is_standardised(study, fact) and not bound.group
        if usual and set(str(fact.term).split(":")) == {bound.of, bound.with_}:
            return Interval(fact.interval.low**2, fact.interval.high**2)
    return None


def _scales(study: Study, bound: Fact, *, raw: bool) -> Iterator[tuple[Interval, tuple[Fact, ...]]]:
    """Yield the bound in the unit of the slopes' values: scores, scores less their mean, or SDs."""
    mean, sd = (only(study, quantity, of=bound.with_, group=None) for quantity in ("mean", "sd"))
    printed = bound.interval
    if raw:
        yield printed, ()
        if mean:
            yield image(lambda b, m: b + m, printed, mean.interval), (mean,)
        return
    if not (mean and sd and sd.interval.low > 0 and of_everybody(study, str(bound.step))):
        return
    yield image(lambda b, m, s: (b - m) / s, printed, mean.interval, sd.interval), (mean, sd)
    yield image(lambda b, s: b / s, printed, sd.interval), (sd,)
    yield printed, ()


def _judged(study: Study, bound: Fact, line: _Line, *, raw: bool) -> Check | None:
    scales = list(_scales(study, bound, raw=raw))
    if not scales:
        return None
    share, df = (1 + float(bound.confidence or 0.95)) / 2, line.each[0].df
    t, normal = float(stdtrit(df, share)), float(ndtri(share))
    fits = any(_may_be(line, place, quantile) for place, _ in scales for quantile in (t, normal))
    place, given = scales[0]
    would = _nearest(line, place, t)
    unit = "" if raw else f" (in SDs of {bound.with_} from its mean)"
    what = f"The bound of {bound.of} from its slopes and standard errors{unit}"
    what += f" is {between(would)}, which" if would else " is nowhere near, which"
    verdict: Verdict = "consistent" if fits else "inconsistent"
    note = f"{what} {'agrees with' if fits else 'contradicts'} the printed {bound.printed}."
    return found("Johnson-Neyman bound from slopes", (bound, *line.facts, *given), verdict, note, would)


def _may_be(line: _Line, place: Interval, t: float) -> bool:
    """Tell whether the slope can be just significant somewhere in an interval; signs that change say that it is."""
    low, high = line.excess(np.linspace(place.low, place.high, 101), t)
    return bool(((low <= 0) & (high >= 0)).any() or ((low > 0).any() and (high < 0).any()))


def _nearest(line: _Line, place: Interval, t: float) -> Interval | None:
    """Return the values next to a bound, all beside each other, at which the slope can be just significant."""
    first, last = min(line.at[0], place.low), max(line.at[-1], place.high)
    w = np.linspace(first - REACH * (last - first), last + REACH * (last - first), POINTS)
    low, high = line.excess(w, t)
    there = np.flatnonzero((low <= 0) & (high >= 0))
    if not there.size:
        return None
    runs = np.split(there, np.flatnonzero(np.diff(there) > 1) + 1)
    run = min(runs, key=lambda each: min(abs(w[each] - place.middle)))
    return Interval(float(w[run[0]]), float(w[run[-1]]))
