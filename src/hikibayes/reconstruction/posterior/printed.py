"""Facts as statements about the smooth numbers that calibration works with.

A printed p-value is a statement about |t|, a p of an F test one about R2: the degrees of freedom are known, so that
these translations are made once, here, and the sampler sees plain intervals.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import fdtri, stdtrit

from ...study.facts import Fact
from ...study.study import Study
from .layout import Layout
from .priors import Priors

__all__ = ["Functional", "Target", "functional", "targets"]

type FloatArray = NDArray[np.float64]

DUMMY, EFFECT = "dummy", "effect"
TOTAL = 2
"""Index of the total sample where 0 and 1 are the groups."""

SOFTNESS = {
    "estimate": 0.002,
    "abs_t": 0.03,
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
}
"""How far a log-sigmoid wall reaches, in the units of the quantity."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Functional:
    """A printed coefficient as a linear function of a step's saturated coefficients.

    The printed number is ``factor * weights @ b``, where ``b`` are the step's coefficients in saturated columns. Parts
    of it depend on moments: ``weights`` on the products named in ``at_zero`` carry minus the predictor's mean over its
    SD (the group's coefficient speaks of people whose predictors are 0), and the factor is a product of SDs.

    Attributes
    ----------
    step : int
    weights, at_zero, column : ndarray, shape (2p + 1,)
        ``column`` are the weights with which saturated columns make the printed one, for its VIF and SD.
    shifted : int
        Predictor whose mean over SD is further the weight of the group in ``column`` (an uncentred product), or -1.
    scales : ndarray, shape (p + 1,)
        Exponents of the raw SDs of predictors and outcome in the factor.
    by_column_sd : bool
        Whether the factor contains the SD of the printed column.
    """

    step: int
    weights: FloatArray
    at_zero: FloatArray
    column: FloatArray
    shifted: int
    scales: FloatArray
    by_column_sd: bool


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
    functional : Functional or None
        For coefficients.
    """

    fact: str
    kind: str
    index: tuple[int, ...] = ()
    weights: tuple[float, ...] = ()
    absolute: bool = False
    low: float = -math.inf
    high: float = math.inf
    functional: Functional | None = None
    term: str = ""
    """For a VIF: the term it is of."""

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
    known = {layout.group, layout.outcome, *layout.predictors}
    found = []
    for fact in study.facts:
        named = {fact.of, fact.with_, *(fact.term or "").split(":")} - {None, ""}
        if fact.usual and fact.quantity in TRANSLATORS and named <= known:
            found += TRANSLATORS[fact.quantity](fact, study, layout)
    signed = [_signed(target, layout, priors.signs) for target in found]
    said = {target.index for target in signed if target.kind == "correlation" and not target.absolute}
    last = layout.p + 1
    for name, sign in priors.signs.items():
        if name in layout.predictors and (index := (TOTAL, layout.predictors.index(name) + 1, last)) not in said:
            low, high = (0.0, math.inf) if sign > 0 else (-math.inf, 0.0)
            signed.append(Target(fact=f"sign of {name}", kind="correlation", index=index, low=low, high=high))
    return tuple(signed)


def _signed(target: Target, layout: Layout, signs: dict[str, int]) -> Target:
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
    """Translate a statement about first minus second of ``between`` into one about second group minus reference."""

    def translate(fact: Fact, study: Study, layout: Layout) -> list[Target]:
        low, high = _ends(fact)
        turned = fact.between == layout.groups and not fact.absolute and kind != "df"
        if kind == "mean_difference" and fact.level and _is_first_level(fact, study):
            turned = not turned
        if turned:
            low, high = -high, -low
        index = (_measure(fact.of, layout), int(fact.test == "student"))
        return [Target(fact=fact.id, kind=kind, index=index, low=low, high=high, absolute=fact.absolute)]

    return translate


def _comparison_p(fact: Fact, study: Study, layout: Layout) -> list[Target]:
    student = fact.test == "student"
    fewest, most = (sum(layout.n) - 2,) * 2 if student else _welch_df(fact, study, layout)
    # the same p belongs to a smaller t where there are more degrees of freedom
    low, high = _abs_t(_ends(fact), most)[0], _abs_t(_ends(fact), fewest)[1]
    index = (_measure(fact.of, layout), int(student))
    return [Target(fact=fact.id, kind="t", index=index, absolute=True, low=low, high=high)]


def _welch_df(fact: Fact, study: Study, layout: Layout) -> tuple[float, float]:
    """Return the fewest and the most degrees of freedom of Welch's test that the printed SDs leave possible.

    Notes
    -----
    With r the ratio of the groups' squared standard errors, df is ``(r + 1)^2 / (r^2 / (n1 - 1) + 1 / (n2 - 1))``,
    which rises to n1 + n2 - 2 at ``r = (n1 - 1) / (n2 - 1)`` and falls after it.
    """
    n1, n2 = layout.n
    sds = [
        next(
            (sd.interval for sd in study.facts_of("sd") if (sd.of, sd.group, sd.relation) == (fact.of, name, "=")), None
        )
        for name in layout.groups
    ]
    if sds[0] is None or sds[1] is None or min(sds[0].low, sds[1].low) <= 0:
        return min(n1, n2) - 1, n1 + n2 - 2
    ends = sds[0].low / sds[1].high, sds[0].high / sds[1].low
    low, high = (end**2 * n2 / n1 for end in ends)
    best = (n1 - 1) / (n2 - 1)
    found = [(r + 1) ** 2 / (r**2 / (n1 - 1) + 1 / (n2 - 1)) for r in (low, high, min(max(best, low), high))]
    return min(found), max(found)


def _correlation(fact: Fact, study: Study, layout: Layout) -> list[Target]:
    names = (layout.group, *layout.predictors, layout.outcome)
    first, second = sorted((names.index(str(fact.of)), names.index(str(fact.with_))))
    low, high = _ends(fact)
    index = (_where(fact, layout), first, second)
    return [Target(fact=fact.id, kind="correlation", index=index, absolute=fact.absolute, low=low, high=high)]


# -- R2 --------------------------------------------------------------------------------------------------------------


def _r2(fact: Fact, study: Study, layout: Layout) -> list[Target]:
    s = layout.step(str(fact.step))
    low, high = _ends(fact)
    return [Target(fact=fact.id, kind="r2", index=(s, -1), weights=(1.0, 0.0), low=low, high=high)]


def _shrinkage(layout: Layout, s: int) -> float:
    """Return (n - 1)/df: adjusted R2 is 1 - (1 - R2) times this."""
    return (sum(layout.n) - 1) / layout.steps[s].df if s >= 0 else 1.0


def _adjusted_r2(fact: Fact, study: Study, layout: Layout) -> list[Target]:
    s = layout.step(str(fact.step))
    low, high = (1 - (1 - end) / _shrinkage(layout, s) for end in _ends(fact))
    return [Target(fact=fact.id, kind="r2", index=(s, -1), weights=(1.0, 0.0), low=low, high=high)]


def _delta_r2(fact: Fact, study: Study, layout: Layout) -> list[Target]:
    s = layout.step(str(fact.step))
    before = layout.steps[s].before
    low, high = _ends(fact)
    here, there = (_shrinkage(layout, s), _shrinkage(layout, before)) if fact.adjusted else (1.0, 1.0)
    shift = here - there
    return [
        Target(fact=fact.id, kind="r2", index=(s, before), weights=(here, -there), low=low + shift, high=high + shift)
    ]


def _f_ends(fact: Fact, added: int, df: int) -> tuple[float, float]:
    """Return the interval of F times added / df, which is the share explained over the share left."""
    low, high = _ends(fact)
    smallest = float(fdtri(added, df, 1 - high)) * added / df if math.isfinite(high) else -math.inf
    largest = float(fdtri(added, df, 1 - low)) * added / df if low > 0 else math.inf
    return smallest, largest


def _r2_p(fact: Fact, study: Study, layout: Layout) -> list[Target]:
    s = layout.step(str(fact.step))
    step = layout.steps[s]
    low, high = _f_ends(fact, len(step.columns), step.df)
    return [Target(fact=fact.id, kind="increment", index=(s, -1), low=low, high=high)]


def _delta_r2_p(fact: Fact, study: Study, layout: Layout) -> list[Target]:
    s = layout.step(str(fact.step))
    step = layout.steps[s]
    added = len(step.columns) - (len(layout.steps[step.before].columns) if step.before >= 0 else 0)
    low, high = _f_ends(fact, added, step.df)
    return [Target(fact=fact.id, kind="increment", index=(s, step.before), low=low, high=high)]


# -- coefficients ----------------------------------------------------------------------------------------------------


def _abs_t(ends: tuple[float, float], df: float) -> tuple[float, float]:
    low, high = ends
    smallest = -float(stdtrit(df, min(high, 1.0) / 2)) if high < 1 else -math.inf
    return smallest, -float(stdtrit(df, low / 2)) if low > 0 else math.inf


def functional(fact: Fact, study: Study, layout: Layout) -> Functional:
    """Write the coefficient (or simple slope) that a fact is about as a function of saturated coefficients."""
    analysis = study.analysis
    s, group = layout.step(str(fact.step)), layout.group
    products = fact.products or analysis.products
    standardised = analysis.standardised if fact.standardised is None else fact.standardised
    reference_code = layout.codes[0] if (fact.coding or analysis.coding) == DUMMY else layout.codes[0] + 0.5
    code = 0.0 if products == "centred" else reference_code
    in_step = {layout.columns[column] for column in layout.steps[s].columns}
    weights, at_zero, column = (np.zeros(len(layout.columns)) for _ in range(3))
    shifted, scales = -1, np.zeros(layout.p + 1)
    parts = {str(fact.of)} if fact.quantity.startswith("slope") else set(str(fact.term).split(":"))
    name = (parts - {group} or {group}).pop()

    if name == group:
        weights[0] = column[0] = 1.0
        for j, predictor in enumerate(layout.predictors):
            if f"{group}:{predictor}" in in_step and (products == "raw" or (products == "z" and j < layout.categories)):
                at_zero[1 + layout.p + j] = 1.0
    else:
        j = layout.predictors.index(name)
        main, product = 1 + j, 1 + layout.p + j
        if fact.quantity.startswith("slope"):
            code = layout.codes[layout.groups.index(str(fact.group))]
        if len(parts) == 2:
            weights[product] = column[product] = 1.0
            column[main] = 0.0 if products == "centred" else -reference_code
            shifted = j if products == "raw" or (products == "z" and j < layout.categories) else -1
        else:
            weights[main] = column[main] = 1.0
            weights[product] = code if f"{group}:{name}" in in_step else 0.0
        if not standardised or (j < layout.categories and products == "z") or fact.quantity.startswith("slope"):
            # standardised slopes and coefficients of z-scores count a predictor's own SD as 1, of a category as it is
            scales[j] = -1.0 if not standardised or j < layout.categories else 0.0
    if not standardised:
        scales[layout.p] = 1.0
    own_sd = standardised and products != "z" and not fact.quantity.startswith("slope")
    return Functional(
        step=s,
        weights=weights,
        at_zero=at_zero,
        column=column,
        shifted=shifted,
        scales=scales,
        by_column_sd=own_sd,
    )


def _coefficient(kind: str) -> Callable[[Fact, Study, Layout], list[Target]]:
    def translate(fact: Fact, study: Study, layout: Layout) -> list[Target]:
        low, high = _ends(fact)
        about = functional(fact, study, layout)
        if kind == "abs_t":
            low, high = _abs_t((low, high), layout.steps[about.step].df)
        return [
            Target(
                fact=fact.id,
                kind=kind,
                low=low,
                high=high,
                absolute=fact.absolute and kind == "estimate",
                functional=about,
            )
        ]

    return translate


def _vif(fact: Fact, study: Study, layout: Layout) -> list[Target]:
    low, high = _ends(fact)
    terms = (fact.term,) if fact.term else study.terms(str(fact.step))
    if not fact.term and fact.relation == "=":
        # the greatest of a step: each is at most that
        low = -math.inf
    return [
        Target(
            fact=fact.id,
            kind="vif",
            low=low,
            high=high,
            term=term,
            functional=functional(fact.replace(term=term, quantity="vif"), study, layout),
        )
        for term in terms
    ]


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
    "correlation": _correlation,
    "r2": _r2,
    "adjusted_r2": _adjusted_r2,
    "r2_p": _r2_p,
    "delta_r2": _delta_r2,
    "delta_r2_p": _delta_r2_p,
    "coefficient": _coefficient("estimate"),
    "coefficient_se": _coefficient("se"),
    "coefficient_p": _coefficient("abs_t"),
    "vif": _vif,
    "slope": _coefficient("estimate"),
    "slope_se": _coefficient("se"),
    "slope_p": _coefficient("abs_t"),
}
