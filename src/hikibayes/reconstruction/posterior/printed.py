"""Facts as statements about the smooth numbers that calibration works with.

A printed p is a statement about t, with the sign of what it belongs to (about |t| where no sign is printed), one of an
F test about R2. Where the degrees of freedom are known these translations are made once, here, and the sampler sees
plain intervals; Welch's depend on the moments, so that the limits of its t do too.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

from scipy.special import fdtri, stdtrit

from ...moments.designs import Products
from ...quantities.conventions import DECLARED
from ...study.addresses import measures_of
from ...study.facts import Fact
from ...study.study import Study
from ..statistics import f_degrees, known_sign, t_degrees
from .layout import Layout
from .priors import Priors

TOTAL = -1
"""Index of the total sample where 0 to k - 1 are the groups."""

SOFTNESS = {
    "estimate": 0.002,
    "contrast_t": 0.03,
    "welch_p": 0.03,
    "se": 0.001,
    "vif": 0.03,
    "r2": 0.002,
    "increment": 0.002,
    "correlation": 0.004,
    "mean": 0.01,
    "sd": 0.01,
    "mean_difference": 0.01,
    "d": 0.01,
    "t": 0.03,
    "df": 0.3,
    "f": 0.1,
}
"""How far a log-sigmoid wall reaches, in the units of the quantity."""


@dataclass(frozen=True, kw_only=True)
class Contrast:
    """A coefficient of a step, or a simple slope of a measure, under the conventions of its table.

    Attributes
    ----------
    step : int
        Index of the step in the layout.
    coding, products : str
        Names of `hikibayes.moments`.
    standardised : bool
    term : str or None
    of : str or None
        The measure of a slope, in the group with index ``group``.
    at : tuple of (str, float, bool)
        Where a slope holds other measures: at a value, or so many SDs from their mean.
    """

    step: int
    coding: str
    products: Products
    standardised: bool
    term: str | None = None
    of: str | None = None
    group: int = 0
    at: tuple[tuple[str, float, bool], ...] = ()

    @property
    def design(self) -> tuple[int, str, Products]:
        """Step and conventions: which regression it is a number of."""
        return self.step, self.coding, self.products


@dataclass(frozen=True, kw_only=True, eq=False)
class Target:
    """An interval for one number; an infinite end is no statement.

    Attributes
    ----------
    fact : str
        Id of the fact (or assumption) that it comes from.
    kind : str
        What the number is, a key of `SOFTNESS`.
    index : tuple of int
        Which one of its kind.
    weights : tuple of float
        For ``r2``: weights of two steps' R2.
    absolute : bool
        Whether the statement is about the absolute value.
    low, high : float
    contrast : Contrast or None
        For coefficients and slopes, their standard errors, t and VIF.
    p : (float, float) or None
        For ``welch_p``: the interval of p; ``low`` and ``high`` are then about where t stands between the limits that
        it has at Welch's degrees of freedom (0 is the lower one, 1 the upper; one-sided: the distance from it).
    sign : int
        Of the t that a p belongs to; 0 where nothing printed tells it.
    """

    fact: str
    kind: str
    index: tuple[int, ...] = ()
    weights: tuple[float, ...] = ()
    absolute: bool = False
    low: float = -math.inf
    high: float = math.inf
    contrast: Contrast | None = None
    p: tuple[float, float] | None = None
    sign: int = 0

    @property
    def two_sided(self) -> bool:
        """Whether both ends are printed."""
        return math.isfinite(self.low) and math.isfinite(self.high)

    @property
    def softness(self) -> float:
        """Width of the wall of a one-sided target."""
        return SOFTNESS[self.kind]


def targets(study: Study, layout: Layout, priors: Priors) -> tuple[Target, ...]:
    """Translate every fact (and assumed sign) that speaks of the layout's measures and steps."""
    found, known = [], {layout.outcome, *layout.predictors}
    for fact in study.facts:
        named = measures_of(study, fact) if fact.usual and fact.quantity in TRANSLATORS else None
        if named is not None and named <= known:
            found += TRANSLATORS[fact.quantity](fact, study, layout)
    signed = [_with_assumed_sign(target, layout, priors.signs) for target in found]
    said = {target.index for target in signed if target.kind == "correlation" and not target.absolute}
    last = layout.p + 1
    for name, sign in priors.signs.items():
        if name in layout.predictors and (index := (TOTAL, layout.predictors.index(name) + 1, last)) not in said:
            low, high = (0.0, math.inf) if sign > 0 else (-math.inf, 0.0)
            signed.append(Target(fact=f"sign of {name}", kind="correlation", index=index, low=low, high=high))
    return tuple(signed)


def _with_assumed_sign(target: Target, layout: Layout, signs: dict[str, int]) -> Target:
    """Drop the absolute value of a correlation whose sign is assumed."""
    if not target.absolute or target.kind != "correlation" or target.index[2] != layout.p + 1:
        return target
    position = target.index[1] - 1
    sign = signs.get(layout.predictors[position], 0) if 0 <= position < layout.p else 0
    if sign == 0:
        return target
    low = max(target.low, 0.0)
    ends = (low, target.high) if sign > 0 else (-target.high, -low)
    return Target(fact=target.fact, kind=target.kind, index=target.index, low=ends[0], high=ends[1])


def _ends(fact: Fact) -> tuple[float, float]:
    """Return the printed interval; where an inequality says nothing, the end is infinite."""
    interval = fact.interval
    if fact.relation in ("<", "<="):
        return -math.inf, interval.high
    if fact.relation in (">", ">="):
        return interval.low, math.inf
    return interval.low, interval.high


# -- p and t ---------------------------------------------------------------------------------------------------------

NEAR_ONE, NEAR_ZERO = 0.92, 0.1
"""Beyond such a p, or below such a |t|, an unsigned p has one mode at either side of 0: its lower limit is dropped."""


def _abs_t(ends: tuple[float, float], df: int) -> tuple[float, float]:
    """Return the limits of |t| that belong to a p."""
    low, high = ends
    smallest = -float(stdtrit(df, min(high, 1.0) / 2)) if high < 1 else -math.inf
    return smallest, -float(stdtrit(df, low / 2)) if low > 0 else math.inf


def signed_t(low: float, high: float, sign: int) -> tuple[float, float, bool]:
    """Return limits of t with a known sign, or of |t| without one, and whether they are of |t|."""
    if sign == 0:
        return (low if low > NEAR_ZERO else -math.inf), high, True
    return (low, high, False) if sign > 0 else (-high, -low, False)


# -- descriptive statistics ------------------------------------------------------------------------------------------


def _where(fact: Fact, layout: Layout) -> int:
    return layout.groups.index(fact.group) if fact.group else TOTAL


def _measure(name: str | None, layout: Layout) -> int:
    return (*layout.predictors, layout.outcome).index(str(name))


def _descriptive(kind: str) -> Callable[[Fact, Study, Layout], list[Target]]:
    def translate(fact: Fact, study: Study, layout: Layout) -> list[Target]:
        if fact.of == layout.group:
            return []
        low, high = _ends(fact)
        index = (_where(fact, layout), _measure(fact.of, layout))
        return [Target(fact=fact.id, kind=kind, index=index, low=low, high=high, absolute=fact.absolute)]

    return translate


def _is_first_level(fact: Fact, study: Study) -> bool:
    return study.measure(str(fact.of)).levels[0].id == fact.level


def _proportion(fact: Fact, study: Study, layout: Layout) -> list[Target]:
    if fact.of == layout.group:
        return []
    low, high = _ends(fact)
    if _is_first_level(fact, study):
        low, high = 1 - high, 1 - low
    index = (_where(fact, layout), _measure(fact.of, layout))
    return [Target(fact=fact.id, kind="mean", index=index, low=low, high=high)]


def _comparison(kind: str) -> Callable[[Fact, Study, Layout], list[Target]]:
    """Translate a statement about first minus second of ``between``."""

    def translate(fact: Fact, study: Study, layout: Layout) -> list[Target]:
        low, high = _ends(fact)
        if kind == "mean_difference" and fact.level and _is_first_level(fact, study) and not fact.absolute:
            low, high = -high, -low
        index = _compared(fact, layout)
        return [Target(fact=fact.id, kind=kind, index=index, low=low, high=high, absolute=fact.absolute)]

    return translate


def _compared(fact: Fact, layout: Layout) -> tuple[int, int, int, int]:
    """Return measure, test, first and second group."""
    first, second = (layout.groups.index(name) for name in fact.between or ())
    return _measure(fact.of, layout), int(fact.test == "student"), first, second


def _comparison_p(fact: Fact, study: Study, layout: Layout) -> list[Target]:
    sign, index, ends = known_sign(study, fact), _compared(fact, layout), _ends(fact)
    if df := t_degrees(study, fact):
        low, high, absolute = signed_t(*_abs_t(ends, df), sign)
        return [Target(fact=fact.id, kind="t", index=index, absolute=absolute, low=low, high=high)]
    # the limits are functions of Welch's df; |t| is 0 at a p of 1
    lowest, highest = max(ends[0], 0.0), min(ends[1], 1.0)
    upper = lowest > 0
    lower = highest < (NEAR_ONE if sign == 0 else 1.0)
    if not (lower or upper):
        return []
    low, high = (0.0, 1.0) if lower and upper else (0.0, math.inf) if lower else (-math.inf, 0.0)
    return [Target(fact=fact.id, kind="welch_p", index=index, low=low, high=high, p=(lowest, highest), sign=sign)]


def _correlation(fact: Fact, study: Study, layout: Layout) -> list[Target]:
    names = (layout.group, *layout.predictors, layout.outcome)
    first, second = sorted((names.index(str(fact.of)), names.index(str(fact.with_))))
    low, high = _ends(fact)
    index = (_where(fact, layout), first, second)
    return [Target(fact=fact.id, kind="correlation", index=index, absolute=fact.absolute, low=low, high=high)]


def _f(fact: Fact, study: Study, layout: Layout) -> list[Target]:
    """Translate F of a one-way comparison, its p, or the share of variance between the groups."""
    low, high = _f_ends(fact, study) if fact.quantity == "f_p" else _ends(fact)
    if fact.quantity == "eta2":
        low, high = (end / (1 - end) if end < 1 else math.inf for end in (max(low, 0.0), high))
    if fact.quantity != "f":
        between, within = f_degrees(study, fact)
        low, high = (end * within / between for end in (low, high))
    return [Target(fact=fact.id, kind="f", index=(_measure(fact.of, layout),), low=low, high=high)]


# -- R2 --------------------------------------------------------------------------------------------------------------


def _r2(fact: Fact, study: Study, layout: Layout) -> list[Target]:
    s = layout.step(str(fact.step))
    low, high = _ends(fact)
    if fact.quantity == "adjusted_r2":
        low, high = (1 - (1 - end) / _shrinkage(layout, s) for end in (low, high))
    return [Target(fact=fact.id, kind="r2", index=(s, -1), weights=(1.0, 0.0), low=low, high=high)]


def _shrinkage(layout: Layout, s: int) -> float:
    """Return (n - 1)/df: adjusted R2 is 1 - (1 - R2) times this."""
    return (sum(layout.n) - 1) / layout.steps[s].df if s >= 0 else 1.0


def _delta_r2(fact: Fact, study: Study, layout: Layout) -> list[Target]:
    s = layout.step(str(fact.step))
    before = layout.steps[s].before
    low, high = _ends(fact)
    here, there = (_shrinkage(layout, s), _shrinkage(layout, before)) if fact.adjusted else (1.0, 1.0)
    shift = here - there
    return [
        Target(fact=fact.id, kind="r2", index=(s, before), weights=(here, -there), low=low + shift, high=high + shift)
    ]


def _f_ends(fact: Fact, study: Study) -> tuple[float, float]:
    """Return the interval of F times added / df, which is the share explained over the share left."""
    (added, df), (low, high) = f_degrees(study, fact), _ends(fact)
    smallest = float(fdtri(added, df, 1 - high)) * added / df if math.isfinite(high) else -math.inf
    largest = float(fdtri(added, df, 1 - low)) * added / df if low > 0 else math.inf
    return smallest, largest


def _increment(fact: Fact, study: Study, layout: Layout) -> list[Target]:
    """Translate the p of a whole step, or of its increase."""
    s = layout.step(str(fact.step))
    before = layout.steps[s].before if fact.quantity == "delta_r2_p" else -1
    low, high = _f_ends(fact, study)
    return [Target(fact=fact.id, kind="increment", index=(s, before), low=low, high=high)]


# -- coefficients ----------------------------------------------------------------------------------------------------


def contrast_of(fact: Fact, study: Study, layout: Layout) -> Contrast:
    """Return the coefficient or simple slope that a fact is about."""
    analysis = study.analysis
    slope = fact.quantity.startswith("slope")
    return Contrast(
        step=layout.step(str(fact.step)),
        coding=DECLARED["coding"][fact.coding or analysis.coding][0],
        products=cast("Products", DECLARED["products"][fact.products or analysis.products][0]),
        standardised=analysis.standardised if fact.standardised is None else fact.standardised,
        term=None if slope else fact.term,
        of=fact.of if slope else None,
        group=layout.groups.index(fact.group) if slope and fact.group else 0,
        at=tuple(_held(study, name, value) for name, value in fact.at or ()),
    )


def _held(study: Study, name: str, value: float | str) -> tuple[str, float, bool]:
    levels = [level.id for level in study.measure(name).levels]
    return name, float(levels.index(str(value)) if levels else value), not isinstance(value, str)


def _coefficient(kind: str) -> Callable[[Fact, Study, Layout], list[Target]]:
    def translate(fact: Fact, study: Study, layout: Layout) -> list[Target]:
        low, high = _ends(fact)
        contrast, absolute = contrast_of(fact, study, layout), fact.absolute and kind == "estimate"
        if kind == "contrast_t":
            limits = _abs_t((low, high), layout.steps[contrast.step].df)
            low, high, absolute = signed_t(*limits, known_sign(study, fact))
        return [Target(fact=fact.id, kind=kind, low=low, high=high, absolute=absolute, contrast=contrast)]

    return translate


def _vif(fact: Fact, study: Study, layout: Layout) -> list[Target]:
    low, high = _ends(fact)
    terms = (fact.term,) if fact.term else study.columns(str(fact.step))
    if not fact.term and fact.relation == "=":
        # the greatest of a step: each is at most that
        low = -math.inf
    contrasts = [contrast_of(fact.replace(term=term), study, layout) for term in terms]
    return [Target(fact=fact.id, kind="vif", low=low, high=high, contrast=contrast) for contrast in contrasts]


TRANSLATORS: dict[str, Callable[[Fact, Study, Layout], list[Target]]] = {
    "mean": _descriptive("mean"),
    "sd": _descriptive("sd"),
    "proportion": _proportion,
    "proportion_difference": _comparison("mean_difference"),
    "mean_difference": _comparison("mean_difference"),
    "t": _comparison("t"),
    "df": _comparison("df"),
    "p": _comparison_p,
    "d": _comparison("d"),
    "f": _f,
    "f_p": _f,
    "eta2": _f,
    "correlation": _correlation,
    "r2": _r2,
    "adjusted_r2": _r2,
    "r2_p": _increment,
    "delta_r2": _delta_r2,
    "delta_r2_p": _increment,
    "coefficient": _coefficient("estimate"),
    "coefficient_se": _coefficient("se"),
    "coefficient_p": _coefficient("contrast_t"),
    "vif": _vif,
    "slope": _coefficient("estimate"),
    "slope_se": _coefficient("se"),
    "slope_p": _coefficient("contrast_t"),
}
