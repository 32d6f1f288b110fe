"""Checks of an estimate and its statistics, all numbers at once: one estimate and standard error print everything.

Notes
-----
With estimate b and standard error s, a printed t says that ``t_low s <= b <= t_high s``; so do a p, an F, a partial or
semi-partial correlation, f2 and d of a term, which are functions of t. Confidence limits are ``b - q s`` and
``b + q s``. All of these are lines in the plane of (b, s): what they leave is a polygon, found without a grid.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import cached_property
from itertools import product

from ...moments.tails import t_below
from ...quantities import KINDS
from ...quantities.coefficient import EFFECT_SIZES, SIGNED, UNBOUNDED
from ...study.facts import Fact
from ...study.intervals import Interval, image
from ...study.study import Study
from .descriptives import size
from .polygons import HalfPlane, Polygon, clipped
from .rows import Check, Verdict, absolute, between, found, number, one_of
from .steps import residual_df
from .tails import TAILS, p_range

NORMAL = math.inf
"""Degrees of freedom of a t that is looked up in a table of z."""
HUGE, NEAR_ONE = 1e150, 1 - 1e-12
"""Where effect sizes without a bound end, and those that are at most 1."""
LEAST = 3.0
"""The fewest degrees of freedom there may be where no number of people is printed."""
FEWEST = 0.6
"""Share of the people that an estimate may rest on without the paper saying so."""
LEAST_P = Decimal("0.0015")
PLACE = ("step", "term", "of", "with_", "group", "between", "at")
CONVENTIONS = ("coding", "products", "separate", "test")
LOCATION = ("", "se", "ci_low", "ci_high")
WORDS = {
    "": "estimate",
    "se": "SE",
    "ci_low": "lower limit",
    "ci_high": "upper limit",
    "f": "F",
    "sr": "sr",
    "sr2": "sr²",
    "partial_r": "partial r",
    "partial_eta2": "partial η²",
    "f2": "f²",
}
SWAPPED = {
    "estimate and SE interchanged": ("", "se"),
    "SE and t interchanged": ("se", "t"),
    "t and p interchanged": ("t", "p"),
    "estimate and t interchanged": ("", "t"),
    "the limits interchanged": ("ci_low", "ci_high"),
}
"""Columns that stand beside each other."""


# -- what is printed of one estimate ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class Span:
    """What a printed number leaves of a statistic; of its absolute value where its sign is not printed."""

    interval: Interval
    unsigned: bool = False

    def turned(self) -> Span:
        """Return it with the other sign."""
        return replace(self, interval=-self.interval)


@dataclass(frozen=True)
class Way:
    """A way to understand an estimate's statistics."""

    df: float
    confidence: float = 0.95
    tail: str = "two"
    least_df: float | None = None
    """Where the degrees of freedom may be anything down to a number, as Welch's."""

    @property
    def quantile(self) -> float:
        """How many standard errors the confidence limits are away."""
        return t_below((1 + self.confidence) / 2, self.df)

    @property
    def farthest(self) -> float:
        """How many they may be away at most."""
        return t_below((1 + self.confidence) / 2, self.least_df or self.df)


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """One estimate as printed: facts by their role (`hikibayes.quantities.estimates.ROLES`, effect sizes of a term).

    Attributes
    ----------
    name : str
    printed : mapping of str to Fact
    degrees : tuple of float
        The degrees of freedom that it can have, the likeliest first; none are known where empty.
    r2 : Interval
        The share explained by its regression.
    """

    name: str
    printed: Mapping[str, Fact]
    degrees: tuple[float, ...]
    r2: Interval
    least_df: float | None = None

    @property
    def value(self) -> Fact:
        """The estimate's own fact."""
        return self.printed[""]

    @property
    def p(self) -> Fact | None:
        """Its p."""
        return self.printed.get("p")

    @property
    def se(self) -> Fact | None:
        """Its standard error."""
        return self.printed.get("se")

    @property
    def step(self) -> str:
        """The regression that it is of."""
        return str(self.facts[0].step)

    @property
    def df(self) -> float:
        """The likeliest degrees of freedom; 0 where none are known."""
        return self.degrees[0] if self.degrees else 0

    @property
    def facts(self) -> tuple[Fact, ...]:
        """The facts there are, the estimate's own first."""
        return tuple(self.printed[role] for role in sorted(self.printed, key=lambda role: role != ""))

    @property
    def least_squares(self) -> bool:
        """Whether its standard error is that of ordinary least squares, as far as is declared."""
        return not any(fact.errors for fact in self.facts)

    @cached_property
    def spans(self) -> dict[str, Span]:
        """What is printed of it that goes together; a bootstrap's limits and p are no functions of its SE."""
        kept = {role: fact for role, fact in self.printed.items() if fact.errors != "bootstrap" and role != "df"}
        if not self.degrees:
            # without a number of people a t says nothing of effect sizes
            kept = {role: fact for role, fact in kept.items() if role in (*LOCATION, "t", "p", "f")}
        spans = {role: Span(_left(fact).widened(), fact.absolute) for role, fact in kept.items()}
        if self.p and "p" in spans and self.p.value.as_tuple().digits == (1,) and self.p.value < LEAST_P:
            # .001 is often the least p that a table has
            spans["p"] = Span(Interval(0.0, spans["p"].interval.high))
        return spans

    @cached_property
    def error(self) -> Interval | None:
        """The standard errors there can be: as printed, else as the other statistics have it."""
        if self.se or len(self.spans) < 2 or self.df < 1 or not set(LOCATION) & set(self.spans):
            return self.se.interval if self.se else None
        polygons = region(self.spans, self._usual, self.r2)
        return implied("se", polygons, self._usual, self.r2) if polygons else None

    @property
    def _usual(self) -> Way:
        return next(self.ways())

    def ways(self) -> Iterator[Way]:
        """Yield the ways in which its statistics can be understood, the usual one first."""
        limits = [self.printed[role] for role in ("ci_low", "ci_high") if role in self.printed]
        levels = {fact.confidence for fact in limits if fact.confidence} or (0.95, 0.9, 0.99)
        tails = [self.p.tail] if self.p and self.p.tail else list(TAILS)
        least = self.least_df if self.degrees else LEAST
        for df in dict.fromkeys((*self.degrees, NORMAL)):
            for level, tail in product(levels if limits else (0.95,), tails if self.p else ("two",)):
                yield Way(df, level, tail, least)


def is_standardised(study: Study, fact: Fact) -> bool:
    """Tell whether a coefficient or slope is in SD units, by itself or by the study's analysis."""
    return study.analysis.standardised if fact.standardised is None else fact.standardised


def _left(fact: Fact) -> Interval:
    """Return what a printed number leaves; an increase may be the difference of two R2 that were rounded before."""
    again = fact.interval.half_width if fact.quantity == "delta_r2" else 0.0
    return Interval(fact.interval.low - again, fact.interval.high + again)


def gathered(study: Study, head: Fact) -> dict[str, Fact]:
    """Return what is printed of the estimate that a fact is of, by role: on its scale, by its conventions."""
    kind = KINDS[head.quantity]
    located = "standardised" in kind.may
    printed: dict[str, Fact] = {}
    for fact in study.facts:
        own = KINDS[fact.quantity]
        if own.estimate != kind.estimate or any(getattr(fact, key) != getattr(head, key) for key in PLACE):
            continue
        if any(getattr(fact, key) not in (None, getattr(head, key)) for key in CONVENTIONS):
            continue
        if located and "standardised" in own.may and is_standardised(study, fact) != is_standardised(study, head):
            continue
        known = printed.get(own.role)
        if known is None or fact.interval.half_width < known.interval.half_width:
            printed[own.role] = fact
    return printed


def heads(study: Study, *estimates: str) -> Iterator[Fact]:
    """Yield one fact of each estimate, its own value where that is printed; raw and standardised ones apart."""
    known: dict[tuple[object, ...], Fact] = {}
    shared: dict[tuple[object, ...], Fact] = {}
    facts = [fact for fact in study.facts if KINDS[fact.quantity].estimate in estimates]
    for fact in sorted(facts, key=lambda fact: (KINDS[fact.quantity].role != "", _unsaid(fact))):
        kind = KINDS[fact.quantity]
        place = (kind.estimate, *(getattr(fact, key) for key in PLACE))
        if kind.role in LOCATION:
            scale = is_standardised(study, fact) if "standardised" in kind.may else None
            said = tuple(getattr(fact, key) for key in CONVENTIONS)
            if _unsaid(fact) == len(CONVENTIONS) and any(key[: len(place) + 1] == (*place, scale) for key in known):
                continue
            known.setdefault((*place, scale, *said), fact)
        else:
            shared.setdefault(place, fact)
    placed = {key[: len(PLACE) + 1] for key in known}
    yield from known.values()
    yield from (fact for place, fact in shared.items() if place not in placed)


def _unsaid(fact: Fact) -> int:
    return sum(getattr(fact, key) is None for key in CONVENTIONS)


def checks_of_other_estimates(study: Study) -> Iterator[Check]:
    """Compare means, differences of means and predicted values with their standard errors, tests and limits."""
    for head in heads(study, "mean", "mean_difference", "predicted"):
        printed = gathered(study, head)
        if not set(printed) & {"se", "ci_low", "ci_high"}:
            continue
        # t, df and p of a comparison are held against means and SDs elsewhere
        kept = {role: fact for role, fact in printed.items() if role in LOCATION}
        most, least = _degrees(study, head, printed.get("df"))
        known = Estimate(name=_name(head), printed=kept, degrees=(most,), r2=Interval(0.0, 1.0), least_df=least)
        yield from checks_together(known)


def _name(head: Fact) -> str:
    what = KINDS[head.quantity].estimate.replace("_", " ")
    who = [head.group] if head.group else [" minus ".join(head.between)] if head.between else []
    who += [f"{name} {value}" for name, value in head.at or ()]
    return f"the {what} of {head.of or head.step}" + (f" ({', '.join(who)})" if who else "")


def _degrees(study: Study, head: Fact, printed: Fact | None) -> tuple[float, float | None]:
    """Return the degrees of freedom of a mean, a comparison or a prediction, and the least there are by Welch."""
    if printed:
        return printed.interval.high, printed.interval.low
    if head.step:
        return float(residual_df(study, head.step)), None
    sizes = [size(study, group) for group in head.between or (head.group,)]
    return float(sum(sizes) - len(sizes)), float(min(sizes) - 1) if len(sizes) > 1 else None


# -- which estimates and standard errors print it --------------------------------------------------------------------


def t_of(role: str, span: Span, way: Way, r2: Interval) -> Span | None:
    """Return what a statistic says of t; None where it says nothing of it."""
    df, interval = (1e9 if math.isinf(way.df) else way.df), span.interval
    if role == "p":
        return _t_of_p(interval, way)
    if role not in EFFECT_SIZES:
        return span if role == "t" else None
    low, high = -HUGE if role in SIGNED else 0.0, HUGE if role in UNBOUNDED else NEAR_ONE
    within = Interval(*(min(max(end, low if low == 0 else -high), high) for end in (interval.low, interval.high)))
    t = image(lambda x, r: EFFECT_SIZES[role].to_t(x, df, min(r, NEAR_ONE)), within, r2)
    return Span(t, unsigned=True) if low == 0 else replace(span, interval=t)


def _t_of_p(p: Interval, way: Way) -> Span:
    """Return the t that a p belongs to, at the degrees of freedom that there can be."""
    times = 2 if way.tail == "two" else 1
    low, high = (min(max(end, 0.0), 1.0) / times for end in (p.low, p.high))
    least = way.least_df or way.df
    if way.tail in ("two", "one"):
        ends = -t_below(high, way.df), -t_below(low, least)
        return Span(Interval(*(max(end, 0.0) for end in ends)), unsigned=True)
    sign = 1 if way.tail == "lower" else -1
    both = [sign * t_below(share, df) for share in (low, high) for df in (way.df, least)]
    return Span(Interval(min(both), max(both)))


def _lines(role: str, span: Span, way: Way, r2: Interval, sign: int) -> Iterator[HalfPlane]:
    """Yield the half-planes of (b, s) that a statistic allows, for estimates of a sign."""
    if role in LOCATION:
        near, far = way.quantile, way.farthest
        ends_of = {"ci_low": (-near, -far), "ci_high": (far, near), "": (0.0, 0.0), "se": (1.0, 1.0)}
        above, below = ends_of[role]
        b, low, high = 0.0 if role == "se" else 1.0, span.interval.low, span.interval.high
        if span.unsigned and sign < 0:
            low, high = -high, -low
        ends = ((HalfPlane(b, above, -low), low), (HalfPlane(-b, -below, high), high))
        yield from (line for line, end in ends if math.isfinite(end))
    elif t := t_of(role, span, way, r2):
        low, high = t.interval.low, t.interval.high
        turn = sign if t.unsigned else 1
        if math.isfinite(low):
            yield HalfPlane(turn, -low)
        if math.isfinite(high):
            yield HalfPlane(-turn, high)


def region(spans: Mapping[str, Span], way: Way, r2: Interval) -> list[Polygon]:
    """Return the estimates and standard errors with which all that is printed is as it is; empty where none are."""
    ends = [abs(end) for role in LOCATION if role in spans for end in _finite(spans[role].interval)]
    scale = max([end for end in ends if end > 0], default=1.0)
    far, near = (1e3 if ends else 1.0) * scale, 1e-7 * scale
    regions = []
    for sign in (1, -1):
        polygon = [(0.0, near), (sign * far, near), (sign * far, far), (0.0, far)]
        for role, span in spans.items():
            for line in _lines(role, span, way, r2, sign):
                polygon = clipped(polygon, line) if polygon else []
        if polygon:
            regions.append(polygon)
    return regions


def _finite(interval: Interval) -> Iterator[float]:
    yield from (end for end in (interval.low, interval.high) if math.isfinite(end))


def implied(role: str, polygons: list[Polygon], way: Way, r2: Interval) -> Interval:
    """Return what some estimates and standard errors leave of a statistic."""
    points = [point for polygon in polygons for point in polygon]
    if role in LOCATION:
        away = {"ci_low": -way.quantile, "ci_high": way.quantile}.get(role, 0.0)
        values = [s if role == "se" else b + away * s for b, s in points]
        return Interval(min(values), max(values))
    ratios = [b / s for b, s in points]
    t, df = Interval(min(ratios), max(ratios)), (1e9 if math.isinf(way.df) else way.df)
    if role == "p":
        return p_range(t, Interval(df, df), way.tail)
    if role == "t":
        return t
    size = t if role in SIGNED else absolute(t)
    return image(lambda x, r: EFFECT_SIZES[role].of_t(x, df, r), size, r2)


# -- the check -------------------------------------------------------------------------------------------------------


def checks_together(estimate: Estimate) -> Iterator[Check]:
    """Ask for one estimate and standard error with which every printed statistic is as it is."""
    spans = estimate.spans
    order = _order(spans)
    if not _overdetermined(order):
        return
    facts = [estimate.printed[role] for role in order]
    said = one_of(map(_word, order), "and")
    fits = _first(estimate, spans)
    if fits:
        rest = implied(order[0], _without(spans, order[0], fits, estimate.r2), fits, estimate.r2)
        note = f"{_capital(estimate.name)}: {said} go together{_understood(estimate, fits)}."
        yield found("statistics of an estimate", facts, "consistent", note, rest, about=len(facts))
        return
    yield _accused(estimate, order, said)


def _order(spans: Mapping[str, Span]) -> list[str]:
    """Return the roles, those that follow from estimate and standard error first."""
    last = ["se", ""]
    return [role for role in spans if role not in last] + [role for role in last if role in spans]


def _overdetermined(roles: list[str]) -> bool:
    ratios = [role for role in roles if role not in LOCATION]
    located = len(roles) - len(ratios)
    return len(roles) > 2 and bool(ratios or located > 2) if located else len(ratios) > 1


def _first(estimate: Estimate, spans: Mapping[str, Span]) -> Way | None:
    return next((way for way in estimate.ways() if region(spans, way, estimate.r2)), None)


def _without(spans: Mapping[str, Span], role: str, way: Way, r2: Interval) -> list[Polygon]:
    return region({key: span for key, span in spans.items() if key != role}, way, r2)


def _understood(estimate: Estimate, way: Way) -> str:
    """Say what is unusual about a way."""
    usual, said = estimate._usual, []
    if way.df != usual.df:
        said.append("by the normal distribution" if math.isinf(way.df) else f"with {way.df:g} degrees of freedom")
    if way.confidence != usual.confidence:
        said.append(f"with limits of {100 * way.confidence:g} %")
    if way.tail != usual.tail:
        said.append(f"with a p {TAILS[way.tail]}")
    return f", {one_of(said, 'and')}" if said else ""


def _accused(estimate: Estimate, order: list[str], said: str) -> Check:
    """Name the statistic without which the others agree, and what a mistake in it would be."""
    fitting: dict[str, Way] = {}
    for role in order:
        if way := _first(estimate, {key: span for key, span in estimate.spans.items() if key != role}):
            fitting[role] = way
    # what needs no unusual reading of the others is likelier
    likeliest = sorted(fitting, key=lambda role: fitting[role] != estimate._usual)
    alone = {
        role: implied(role, _without(estimate.spans, role, fitting[role], estimate.r2), fitting[role], estimate.r2)
        for role in likeliest
    }
    first = [*alone, *(role for role in order if role not in alone)]
    note = f"{_capital(estimate.name)}: no estimate and standard error within rounding print {said} together"
    if alone:
        would = (f"the {_word(role)}, which would have to be {between(span)}" for role, span in alone.items())
        note += f"; the others agree without {one_of(would)}"
    swaps = [words for words in SWAPPED if _swapped(estimate, *SWAPPED[words])]
    hints = [*swaps, *_mistakes(estimate)]
    note += f". They would be right with {one_of(hints)}." if hints else "."
    verdict: Verdict = "inconsistent"
    if people := _fewer(estimate):
        verdict = "ambiguous"
        note += f" They agree with {number(people)} degrees of freedom, those of fewer people."
    row = found(
        "statistics of an estimate",
        [estimate.printed[role] for role in first],
        verdict,
        note,
        alone[first[0]] if alone else None,
    )
    ids = {role: fact.id for role, fact in estimate.printed.items()}
    return replace(
        row,
        explained=frozenset(ids[role] for role in alone),
        interchanged=tuple((ids[one], ids[other]) for one, other in map(SWAPPED.__getitem__, swaps)),
    )


def _swapped(estimate: Estimate, one: str, other: str) -> bool:
    """Tell whether everything agrees once two statistics change places."""
    spans = estimate.spans
    return {one, other} <= {*spans} and bool(_first(estimate, {**spans, one: spans[other], other: spans[one]}))


def _mistakes(estimate: Estimate) -> Iterator[str]:
    """Yield the mistakes of one number after which everything agrees."""
    spans = estimate.spans
    for role in ("", "t", "ci_low", "ci_high"):
        if role in spans and _first(estimate, {**spans, role: spans[role].turned()}):
            yield f"the other sign of the {_word(role)}"
    for role in spans:
        for digits, span in _interchanged(estimate.printed[role]):
            if _first(estimate, {**spans, role: span}):
                yield f"{digits} as the {_word(role)}"


def _interchanged(fact: Fact) -> Iterator[tuple[str, Span]]:
    """Yield a printed number with two neighbouring digits interchanged."""
    text = str(fact.value)
    for i in range(len(text) - 1):
        pair = text[i : i + 2]
        if pair.isdigit() and pair[0] != pair[1] and fact.relation == "=":
            digits = text[:i] + pair[::-1] + text[i + 2 :]
            moved = float(digits) - float(text)
            interval = fact.interval.widened()
            yield digits, Span(Interval(interval.low + moved, interval.high + moved), fact.absolute)


def _fewer(estimate: Estimate) -> float | None:
    """Return degrees of freedom of fewer people with which everything agrees."""
    if not estimate.degrees or "df" in estimate.printed:
        return None
    usual = estimate.degrees[0]
    tried = (round(usual * share) for share in (0.95, 0.9, 0.8, 0.7, FEWEST))
    for df in tried:
        if df >= 1 and _first(replace(estimate, degrees=(float(df),)), estimate.spans):
            return df
    return None


def _word(role: str) -> str:
    return WORDS.get(role, role)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
