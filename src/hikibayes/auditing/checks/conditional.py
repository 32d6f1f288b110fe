"""Checks of what is printed at values of a measure: slopes, predicted values, Johnson-Neyman bounds.

Notes
-----
Along a moderator a slope is a straight line, and so is a predicted value along a measure: what is printed at two values
says what lies between. The square of a slope's t is a ratio of two quadratics; where it meets a quantile there is a
bound. Far out t is the product's own, so where the product is significant the slope is so outside the bounds.

References
----------
Bauer, D. J., & Curran, P. J. (2005). Probing interactions in fixed and multilevel regression: Inferential and graphical
techniques. Multivariate Behavioral Research, 40, 373-400. https://doi.org/10.1207/s15327906mbr4003_5
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise

from ...study.facts import Fact
from ...study.intervals import Interval, image
from ...study.study import Study
from .descriptives import only
from .estimates import is_standardised
from .rows import Check, between, compared, found, number, one_of
from .slopes import times_any
from .steps import of_everybody

DEFAULT_CONFIDENCE = 0.95


@dataclass(frozen=True)
class _Along:
    """Numbers of one kind at two values of a measure, all else held."""

    measure: str
    facts: tuple[Fact, Fact]
    at: tuple[float, float]
    raw: bool
    """Whether the values are scores of the measure, or SDs from its mean."""

    @property
    def rise(self) -> Interval:
        """The difference of the numbers for one more of what the values are in."""
        gap, width = self.facts[1].interval - self.facts[0].interval, self.at[1] - self.at[0]
        return Interval(gap.low / width, gap.high / width)

    @property
    def words(self) -> str:
        """The two values."""
        return f"at {self.at[0]:g} and {self.at[1]:g}{'' if self.raw else ' SD'} of {self.measure}"


def checks_of_conditional_effects(study: Study) -> Iterator[Check]:
    """Compare slopes and predicted values at values of a measure with what they imply of the regression."""
    for along in _neighbours(study, "slope"):
        first = along.facts[0]
        for product in study.facts_of("coefficient", step=first.step):
            same = is_standardised(study, product) == is_standardised(study, first)
            if same and set(str(product.term).split(":")) == {first.of, along.measure}:
                yield _product(study, along, product)
    for along in _neighbours(study, "predicted"):
        for slope in _slopes_along(study, along):
            yield _predicted(study, along, slope)
    yield from _bounds(study)


def _neighbours(study: Study, quantity: str) -> Iterator[_Along]:
    """Yield each two numbers of a kind that stand at neighbouring values of one measure."""
    places: dict[tuple[object, ...], dict[float, Fact]] = {}
    for fact in study.facts_of(quantity):
        for name, value in fact.at or ():
            if (value_ := _value(value)) is None:
                continue
            others = tuple(pair for pair in fact.at or () if pair[0] != name)
            scale = is_standardised(study, fact)
            place = name, isinstance(value, str), fact.of, fact.step, fact.group, others, scale, fact.separate
            places.setdefault(place, {}).setdefault(value_, fact)
    for (measure, raw, *_), facts in places.items():
        for low, high in pairwise(sorted(facts)):
            yield _Along(str(measure), (facts[low], facts[high]), (low, high), bool(raw))


def _value(value: object) -> float | None:
    """Return a value of a measure as a number; None for a level."""
    try:
        return float(str(value))
    except ValueError:
        return None


# -- slopes ---------------------------------------------------------------------------------------------------------


def _product(study: Study, along: _Along, product: Fact) -> Check:
    """Compare slopes at two values with the product's coefficient.

    Notes
    -----
    Their difference is the coefficient times the distance of the values: per SD of the moderator where the product is
    one of z scores; with raw coefficients times its SD, which follows where it is not printed.
    """
    sd = _sd(study, along)
    standardised = is_standardised(study, product)
    exact = along.raw or (standardised and _of_z_scores(study, product))
    scaled = bool(sd and not along.raw and not standardised)
    given = [product, *along.facts, *([sd] if scaled else [])]
    would = _per_score(along, sd) if scaled else along.rise if exact else times_any(along.rise)
    what = f"The product's coefficient from the slopes {along.words}"
    check = compared("slopes at values and product", product, given, would, what)
    if check.verdict == "consistent" and not exact and not sd and not product.interval.meets(Interval(0, 0)):
        implied = image(lambda gap, x: gap / x, along.rise, product.interval)
        check = replace(check, note=f"{check.note} The SD of {along.measure} would be {between(implied)}.")
    return check


def _sd(study: Study, along: _Along) -> Fact | None:
    """Return the SD of the measure where it is that of the regression's people."""
    same = of_everybody(study, str(along.facts[0].step))
    return only(study, "sd", of=along.measure, group=None) if same else None


def _per_score(along: _Along, sd: Fact | None) -> Interval:
    """Return the rise for one more point of the measure."""
    if along.raw or not sd:
        return along.rise
    return image(lambda gap, s: gap / s, along.rise, Interval(max(sd.interval.low, 1e-12), sd.interval.high))


def _of_z_scores(study: Study, product: Fact) -> bool:
    return "z" in (product.products, study.analysis.products if "products" in study.analysis.model_fields_set else "")


# -- predicted values -----------------------------------------------------------------------------------------------


def _slopes_along(study: Study, along: _Along) -> Iterator[Fact]:
    """Yield the raw slopes that predicted values rise by: printed so, or a coefficient where there are no products."""
    first = along.facts[0]
    others = tuple(pair for pair in first.at or () if pair[0] != along.measure)
    for fact in study.facts_of("slope", of=along.measure, step=first.step):
        if (fact.group, fact.at or ()) == (first.group, others) and not (is_standardised(study, fact) or fact.separate):
            yield fact
    if not any(along.measure in term.split(":") for term in study.terms(str(first.step)) if ":" in term):
        for fact in study.facts_of("coefficient", step=first.step, term=along.measure):
            if not is_standardised(study, fact):
                yield fact


def _predicted(study: Study, along: _Along, slope: Fact) -> Check:
    sd = _sd(study, along)
    scaled = along.raw or sd is not None
    would = _per_score(along, sd) if scaled else times_any(along.rise)
    given = [*along.facts, *([sd] if sd and not along.raw else [])]
    what = f"The slope of {along.measure} from the predicted values {along.words}"
    return compared("predicted values and slope", slope, given, would, what)


# -- Johnson-Neyman bounds ------------------------------------------------------------------------------------------


def _bounds(study: Study) -> Iterator[Check]:
    """Ask whether slopes are significant where the two bounds of a region say so."""
    for low in study.facts_of("jn_low"):
        highs = study.facts_of("jn_high", of=low.of, with_=low.with_, step=low.step, group=low.group)
        for high in highs[:1]:
            if "bootstrap" not in (low.errors, high.errors):
                yield _region(study, low, high)


def _region(study: Study, low: Fact, high: Fact) -> Check:
    name, alpha = "Johnson-Neyman bounds and slopes", 1 - float(low.confidence or DEFAULT_CONFIDENCE)
    if low.interval.low >= high.interval.high:
        note = f"The lower bound {low.printed} is above the upper one, {high.printed}."
        return found(name, (low, high), "inconsistent", note, about=2)
    products = [
        fact
        for fact in study.facts_of("coefficient_p", step=low.step)
        if set(str(fact.term).split(":")) == {low.of, low.with_}
    ]
    # outside the bounds the slope is what the product is
    told = {True: list[Fact](), False: list[Fact]()}
    for fact, outside in [*((p, True) for p in products), *_places(study, low, high)]:
        if (significant := _significant(fact, alpha)) is not None:
            told[significant == outside].append(fact)
    if not (told[True] or told[False]):
        note = (
            "Neither the product's p nor that of a slope at a value of the moderator is printed; each would settle it."
        )
        return found(name, (low, high), "underdetermined", note, about=2)
    said = f"between {low.printed} and {high.printed} of {low.with_}"
    if told[True] and told[False]:
        sides = (one_of((f"{fact.id} ({fact.printed})" for fact in facts), "and") for facts in told.values())
        note = (
            f"The slope of {low.of} changes between significant and not only at its bounds, {said}; {next(sides)} and"
            f" {next(sides)} say the opposite of each other about what lies outside."
        )
        return found(name, (low, high, *told[True], *told[False]), "inconsistent", note, about=2)
    where = "outside" if told[True] else "inside"
    note = f"The slope of {low.of} is significant at {number(alpha)} {where} the bounds, {said}, as the printed p say."
    return found(name, (low, high, *told[True], *told[False]), "consistent", note, about=2)


def _places(study: Study, low: Fact, high: Fact) -> Iterator[tuple[Fact, bool]]:
    """Yield the p of slopes at values that lie outside the bounds (True) or inside (False), whatever rounding did."""
    for fact in study.facts_of("slope_p", of=low.of, step=low.step, group=low.group):
        (name, value), *others = fact.at or (("", ""),)
        if name != low.with_ or others or fact.separate:
            continue
        scores = _scores(study, name, value, step=str(low.step))
        if scores and all(each.high < low.interval.low or each.low > high.interval.high for each in scores):
            yield fact, True
        elif scores and all(each.low > low.interval.high and each.high < high.interval.low for each in scores):
            yield fact, False


def _scores(study: Study, measure: str, value: object, step: str) -> list[Interval]:
    """Return what a value can be in the unit of the bounds: a score, a score less the mean, SDs; none if not known."""
    if (value_ := _value(value)) is None:
        return []
    mean, sd = (only(study, quantity, of=measure, group=None) for quantity in ("mean", "sd"))
    if isinstance(value, str):
        centred = [image(lambda m: value_ - m, mean.interval)] if mean else []
        return [Interval(value_, value_), *centred]
    if not (mean and sd and of_everybody(study, step)):
        return []
    score = image(lambda m, s: m + value_ * s, mean.interval, sd.interval)
    return [score, image(lambda s: value_ * s, sd.interval), Interval(value_, value_)]


def _significant(p: Fact, alpha: float) -> bool | None:
    """Tell whether a two-sided p is below alpha; None where that cannot be told."""
    if p.tail not in (None, "two") or p.errors == "bootstrap":
        return None
    if p.interval.high <= alpha:
        return True
    return False if p.interval.low >= alpha else None
