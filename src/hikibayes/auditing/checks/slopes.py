"""Checks of simple slopes: against their p, against the interaction, and against coefficients under either coding.

Notes
-----
With the reference group coded 0 and the other 1 (dummy), the measure's own coefficient is the slope of the reference
group and the product's is the difference of the slopes. With the groups coded symmetrically (effect), the measure's
coefficient is the mean of the slopes; the product's is their difference for -1/2 and 1/2, half of it for -1 and 1.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

from ...study.facts import Fact
from ...study.intervals import Interval, image
from ...study.study import Study
from .coefficients import checks_of_estimate, estimate, inflation, standard_error, two_sided
from .descriptives import size
from .estimates import Estimate, heads, is_standardised
from .rows import Check, Verdict, absolute, between, found, number, one_of, possible
from .steps import explained, residual_df


@dataclass(frozen=True, kw_only=True)
class Slopes:
    """The simple slopes of a measure in one step, reference group first."""

    of: str
    step: str
    each: tuple[Estimate, Estimate]

    @property
    def facts(self) -> tuple[Fact, Fact]:
        """The two slopes' facts."""
        return self.each[0].value, self.each[1].value

    def standardised(self, study: Study) -> bool:
        """Tell whether they are in SD units."""
        return is_standardised(study, self.facts[0])

    @property
    def difference(self) -> Interval:
        """Slope of the second group minus slope of the reference group."""
        first, second = (fact.interval for fact in self.facts)
        return second - first

    def coefficients(self, share: float | None) -> dict[str, Interval]:
        """Return what the measure's own coefficient would be under each coding; ``share`` is the second group's."""
        first, second = (fact.interval for fact in self.facts)
        mean = image(lambda a, b: (a + b) / 2, first, second)
        low, high = (0.0, 1.0) if share is None else (share, share)
        weighted = image(lambda a, b, w: (1 - w) * a + w * b, first, second, Interval(low, high))
        return {
            "effect coding": mean,
            "dummy coding": first,
            "dummy coding with the groups swapped": second,
            "centred codes": weighted,
        }


def _slope(study: Study, fact: Fact) -> Estimate:
    where = [f"in the {fact.group} group"] if fact.group else []
    where += [f"at {name} {value if isinstance(value, str) else f'{value:+g} SD'}" for name, value in fact.at or ()]
    return estimate(study, fact, f"the slope of {fact.of} {one_of(where, 'and')}")


def _pairs(study: Study) -> Iterator[Slopes]:
    """Yield the slopes of a measure in both groups, those on the same scale and from the same model together."""
    places: dict[tuple[object, ...], dict[str, Fact]] = {}
    for fact in study.facts_of("slope", at=None):
        place = fact.of, fact.step, is_standardised(study, fact), fact.separate
        known = places.setdefault(place, {}).setdefault(str(fact.group), fact)
        if fact.interval.half_width < known.interval.half_width:
            places[place][str(fact.group)] = fact
    for (of, step, *_), facts in places.items():
        if len(facts) == 2 and len(study.group_names) == 2:
            each = _slope(study, facts[study.group_ids[0]]), _slope(study, facts[study.group_ids[1]])
            yield Slopes(of=str(of), step=str(step), each=each)


def checks_of_slopes(study: Study) -> Iterator[Check]:
    """Compare the simple slopes with everything that is printed about them and about their interaction."""
    for fact in heads(study, "slope"):
        estimate_ = _slope(study, fact)
        yield from checks_of_estimate(study, estimate_)
        if "" in estimate_.printed and (check := _dummy_inflation(study, estimate_)):
            yield _unless_separate((fact,), check)
    for slopes in _pairs(study):
        if slopes.facts[0].separate and _differ_apart(study, slopes):
            continue
        for check in (*_interaction(study, slopes), *_own_coefficients(study, slopes)):
            yield _unless_separate(slopes.facts, check) if _differ_apart(study, slopes) else check
        if not slopes.facts[0].separate:
            yield from (_unless_separate(slopes.facts, check) for check in _interaction_p(study, slopes))


def _differ_apart(study: Study, slopes: Slopes) -> bool:
    """Tell whether regressions of each group alone can have other slopes.

    They can with more terms than the group, the measure and their product, and in SDs, which may be the group's own.
    """
    terms = study.terms(slopes.step)
    others = any(set(term.split(":")) - {study.analysis.group, slopes.of} for term in terms)
    return others or slopes.standardised(study)


def _unless_separate(slopes: tuple[Fact, ...], check: Check) -> Check:
    """Leave open what regressions of each group alone could explain, where the paper does not say that there were none.

    References
    ----------
    Weaver, B., & Wuensch, K. L. (2013). SPSS and SAS programs for comparing Pearson correlations and OLS regression
    coefficients. Behavior Research Methods, 45, 880-895. https://doi.org/10.3758/s13428-012-0289-7
    """
    if check.verdict != "inconsistent" or any(fact.separate is not None for fact in slopes):
        return check
    note = f"{check.note} Separate regressions of the groups could give such slopes; the paper's words would settle it."
    return replace(check, verdict="ambiguous", note=note)


def _dummy_inflation(study: Study, estimate: Estimate) -> Check | None:
    """Bound the measure's VIF in a model that codes this group 0: there the slope is the measure's own coefficient."""
    df, reached, se, fact = estimate.df, explained(study, estimate.step), estimate.error, estimate.value
    joint = is_standardised(study, fact) and not fact.separate and not fact.at and estimate.least_squares
    if df < 1 or not (joint and reached.known and se and math.isfinite(se.high)):
        return None
    vif = inflation(se, reached.interval, df)
    allowed = vif.widened().meet(Interval(1, math.inf))
    note = (
        f"If the {fact.group} group is the reference, {fact.of} has a variance inflation factor {between(vif, 1)} in "
        f"{fact.step}" + ("." if allowed else ", but none is below 1.")
    )
    facts = (*estimate.facts, *reached.facts)
    return found("VIF behind a slope", facts, "consistent" if allowed else "inconsistent", note, allowed or vif)


def _interaction(study: Study, slopes: Slopes) -> Iterator[Check]:
    """Compare the slopes' difference with the product's coefficient, under each coding and kind of product."""
    products = [fact for fact in _products(study, slopes) if is_standardised(study, fact) == slopes.standardised(study)]
    given, gap = tuple(reversed(slopes.facts)), slopes.difference
    half = Interval(gap.low / 2, gap.high / 2)
    if not products:
        note = (
            f"The slopes differ by {_number_or_range(gap)}, so the product of group and {slopes.of} in {slopes.step} "
            f"has that coefficient, or {_number_or_range(half)} with the groups coded -1 and 1; "
            f"that row of the table would settle it."
        )
        yield found("interaction from slopes", given, "underdetermined", note, gap, about=2)
    for product in products:
        ways = product_coefficients(study, slopes, product)
        fits = [name for name, interval in ways.items() if possible(product, interval)]
        start = f"The slopes differ by {_number_or_range(gap)}, and the product's coefficient is printed as"
        ending = f"which agrees with {one_of(fits)}" if fits else "which no coding of the groups gives"
        note = f"{start} {product.printed}, {ending}."
        yield found("interaction from slopes", (product, *given), "consistent" if fits else "inconsistent", note, gap)


def _products(study: Study, slopes: Slopes) -> list[Fact]:
    return [f for f in study.facts_of("coefficient", step=slopes.step) if _is_product(study, f, slopes.of)]


def _is_product(study: Study, fact: Fact, of: str) -> bool:
    """Tell whether a fact is about the product of the group and a measure, in either order of its name."""
    return set(str(fact.term).split(":")) == {study.analysis.group, of}


def product_coefficients(study: Study, slopes: Slopes, product: Fact) -> dict[str, Interval]:
    """Return what the product's coefficient can be, by coding of the groups and kind of product.

    Notes
    -----
    Raw coefficients, and standardised ones of products of z scores, are the difference of the slopes or half of it. A
    beta of a product's column is that times SD(column) / SD(measure): of its sign, and of its size where the groups'
    means and SDs of the measure are printed.
    """
    gap = slopes.difference
    codings = {product.coding} if product.coding else {"dummy", "effect"}
    plain = {"dummy coding": gap} if "dummy" in codings else {}
    if "effect" in codings:
        plain["effect coding"] = gap
        plain["effect coding (-1 and 1)"] = Interval(gap.low / 2, gap.high / 2)
    said = product.products or (study.analysis.products if "products" in study.analysis.model_fields_set else None)
    if not is_standardised(study, product) or said == "z":
        return plain
    # the SD of a product's column is not printed
    betas = {f"a beta of the product's own column, {name}": times_any(gap) for name in plain}
    return betas if said else plain | betas


def times_any(interval: Interval) -> Interval:
    """Return an interval times any positive number."""
    return Interval(-math.inf if interval.low < 0 else 0.0, math.inf if interval.high > 0 else 0.0)


def _number_or_range(interval: Interval) -> str:
    return f"{number(interval.low)} to {number(interval.high)}"


def _interaction_p(study: Study, slopes: Slopes) -> Iterator[Check]:
    """Compare the slopes' standard errors with the interaction's p.

    Notes
    -----
    The standard error of a difference lies between the difference and the sum of the two standard errors, whatever
    their correlation.
    """
    facts = [f for f in study.facts_of("coefficient_p", step=slopes.step) if _is_product(study, f, slopes.of)]
    p = min(facts, key=lambda fact: fact.interval.half_width, default=None)
    errors = [each.error for each in slopes.each]
    if not (p and errors[0] and errors[1]) or residual_df(study, slopes.step) < 1:
        return
    wanted = standard_error(slopes.difference, two_sided(p), residual_df(study, slopes.step))
    bounds = Interval(absolute(errors[0] - errors[1]).low, errors[0].high + errors[1].high)
    left = bounds.meet(wanted.widened())
    left = left.meet(Interval(0, math.inf)) if left else None
    given = (p, *(fact for each in slopes.each for fact in each.facts))
    start = f"The difference of the slopes of {slopes.of} has the printed p {p.printed} if its standard error is "
    end = f"{between(wanted, 0)}, and the slopes' own standard errors allow {between(bounds, 0)}"
    note = f"{start}{end}{'' if left else '; these exclude each other'}."
    yield found("interaction p", given, "consistent" if left else "inconsistent", note, left)


def _own_coefficients(study: Study, slopes: Slopes) -> Iterator[Check]:
    """Ask whether a printed coefficient of the measure can be one of the step that the slopes are of."""
    sizes = [size(study, group) for group in study.group_ids]
    would = slopes.coefficients(sizes[1] / sum(sizes) if all(sizes) else None)
    same = [
        fact
        for fact in study.facts_of("coefficient", term=slopes.of)
        if is_standardised(study, fact) == slopes.standardised(study)
    ]
    own = [fact for fact in same if fact.step == slopes.step]
    earlier = [] if own else list(_earlier(study, slopes.step))  # a row of the step's own settles which is which
    for fact in same:
        if fact in own or fact.step in earlier:
            fits = [name for name, interval in would.items() if possible(fact, interval)]
            verdict, ending = _placed(fact, slopes.step, fits)
            shown = dict.fromkeys([*list(would)[:3], *fits])
            said = one_of(f"{_number_or_range(would[coding])} ({coding})" for coding in shown)
            start = f"From the slopes, the coefficient of {slopes.of} in {slopes.step} is {said}"
            note = f"{start}; the printed {fact.printed} {ending}."
            facts = (fact, *reversed(slopes.facts))
            yield found("step of a coefficient", facts, verdict, note, would["effect coding"])


def _placed(fact: Fact, step: str, fits: list[str]) -> tuple[Verdict, str]:
    """Say whether a coefficient that fits under some codings of a step is of this step or of an earlier one."""
    if fact.step == step:
        allowed = [name for name in fits if fact.coding is None or name.startswith((fact.coding, "centred"))]
        return ("consistent", f"fits {one_of(allowed)}") if allowed else ("inconsistent", "fits none of these")
    if fits:
        settled = "the coefficient's rows of both steps would settle it"
        return "ambiguous", f"of {fact.step} could be of {step} too, and {settled}"
    return "consistent", f"is none of these, so it belongs to {fact.step}"


def _earlier(study: Study, step: str) -> Iterator[str]:
    while before := study.step(step).after:
        yield before
        step = before
