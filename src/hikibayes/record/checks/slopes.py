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
from dataclasses import dataclass

from ..facts import Fact
from ..intervals import Interval, image
from ..study import Study
from .coefficients import Estimate, checks_of_estimate, inflation, standard_error
from .descriptives import only
from .rows import Check, Verdict, absolute, between, found, number, one_of, possible
from .steps import explained, residual_df

__all__ = ["checks_of_slopes"]


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

    @property
    def difference(self) -> Interval:
        """Slope of the second group minus slope of the reference group."""
        first, second = (fact.interval for fact in self.facts)
        return Interval(second.low - first.high, second.high - first.low)

    def coefficients(self) -> dict[str, Interval]:
        """Return what the measure's own coefficient would be under each coding of the groups."""
        first, second = (fact.interval for fact in self.facts)
        mean = image(lambda a, b: (a + b) / 2, first, second)
        return {"effect coding": mean, "dummy coding": first, "dummy coding with the groups swapped": second}

    def products(self) -> dict[str, list[Interval]]:
        """Return what the coefficient of the product can be under each coding of the groups."""
        gap = self.difference
        return {"dummy": [gap], "effect": [gap, Interval(gap.low / 2, gap.high / 2)]}


def _slope(study: Study, fact: Fact) -> Estimate:
    where = {"of": fact.of, "group": fact.group, "step": fact.step}
    return Estimate(
        name=f"the slope of {fact.of} in the {fact.group} group",
        step=str(fact.step),
        value=fact,
        se=only(study, "slope_se", **where),
        p=only(study, "slope_p", **where),
    )


def _pairs(study: Study) -> Iterator[Slopes]:
    places = dict.fromkeys((str(fact.of), str(fact.step)) for fact in study.facts_of("slope"))
    for of, step in places:
        facts = [only(study, "slope", of=of, step=step, group=group) for group in study.group_ids]
        if facts[0] and facts[1]:
            yield Slopes(of=of, step=step, each=(_slope(study, facts[0]), _slope(study, facts[1])))


def checks_of_slopes(study: Study) -> Iterator[Check]:
    """Compare the simple slopes with everything that is printed about them and about their interaction."""
    for fact in study.facts_of("slope"):
        estimate = _slope(study, fact)
        yield from checks_of_estimate(study, estimate)
        if check := _dummy_inflation(study, estimate):
            yield check
    for slopes in _pairs(study):
        yield from _interaction(study, slopes)
        yield from _interaction_p(study, slopes)
        yield from _own_coefficients(study, slopes)


def _error(study: Study, estimate: Estimate) -> Interval | None:
    if estimate.se:
        return estimate.se.interval
    df = residual_df(study, estimate.step)
    return standard_error(estimate.value.interval, estimate.p.interval, df) if estimate.p and df >= 1 else None


def _dummy_inflation(study: Study, estimate: Estimate) -> Check | None:
    """Bound the measure's VIF in a model that codes this group 0: there the slope is the measure's own coefficient."""
    df, reached, se = residual_df(study, estimate.step), explained(study, estimate.step), _error(study, estimate)
    fact = estimate.value
    standardised = study.analysis.standardised if fact.standardised is None else fact.standardised
    if df < 1 or not (standardised and reached.known and se and math.isfinite(se.high)):
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
    """Compare the slopes' difference with the product's coefficient, under each coding that is possible."""
    term = f"{study.analysis.group}:{slopes.of}"
    product = only(study, "coefficient", step=slopes.step, term=term)
    given, gap = tuple(reversed(slopes.facts)), slopes.difference
    half = Interval(gap.low / 2, gap.high / 2)
    if product is None:
        note = (
            f"The slopes differ by {_number_or_range(gap)}, so the product of group and {slopes.of} in {slopes.step} "
            f"has that coefficient, or {_number_or_range(half)} with the groups coded -1 and 1; "
            f"that row of the table would settle it."
        )
        yield found("interaction from slopes", given, "underdetermined", note, gap, about=2)
        return
    codings = {product.coding} if product.coding else {"dummy", "effect"}
    by_coding = {coding: ranges for coding, ranges in slopes.products().items() if coding in codings}
    fits = [coding for coding, ranges in by_coding.items() if any(possible(product, each) for each in ranges)]
    note = (
        f"The slopes differ by {_number_or_range(gap)}, and the product's coefficient is printed as {product.printed}"
    )
    note += f", which agrees with {one_of(fits)} coding." if fits else ", which no coding of the groups gives."
    yield found("interaction from slopes", (product, *given), "consistent" if fits else "inconsistent", note, gap)


def _number_or_range(interval: Interval) -> str:
    return f"{number(interval.low)} to {number(interval.high)}"


def _interaction_p(study: Study, slopes: Slopes) -> Iterator[Check]:
    """Compare the slopes' standard errors with the interaction's p.

    Notes
    -----
    The standard error of a difference lies between the difference and the sum of the two standard errors, whatever
    their correlation.
    """
    p = only(study, "coefficient_p", step=slopes.step, term=f"{study.analysis.group}:{slopes.of}")
    errors = [_error(study, each) for each in slopes.each]
    if not (p and errors[0] and errors[1]) or residual_df(study, slopes.step) < 1:
        return
    wanted = standard_error(slopes.difference, p.interval, residual_df(study, slopes.step))
    gap = Interval(errors[0].low - errors[1].high, errors[0].high - errors[1].low)
    bounds = Interval(absolute(gap).low, errors[0].high + errors[1].high)
    left = bounds.meet(wanted.widened())
    left = left.meet(Interval(0, math.inf)) if left else None
    facts = (p, *(fact for each in slopes.each for fact in each.facts))
    start = f"The difference of the slopes of {slopes.of} has the printed p {p.printed} if its standard error is "
    end = f"{between(wanted, 0)}, and the slopes' own standard errors allow {between(bounds, 0)}"
    note = f"{start}{end}{'' if left else '; these exclude each other'}."
    yield found("interaction p", facts, "consistent" if left else "inconsistent", note, left)


def _own_coefficients(study: Study, slopes: Slopes) -> Iterator[Check]:
    """Ask whether a printed coefficient of the measure can be one of the step that the slopes are of."""
    would = slopes.coefficients()
    said = one_of(f"{_number_or_range(interval)} ({coding})" for coding, interval in would.items())
    start = f"From the slopes, the coefficient of {slopes.of} in {slopes.step} is {said}; the printed"
    nested = [slopes.step, *_earlier(study, slopes.step)]
    for fact in study.facts_of("coefficient", term=slopes.of):
        if fact.step in nested:
            fits = [name for name, interval in would.items() if possible(fact, interval)]
            verdict, ending = _placed(fact, slopes.step, fits)
            note = f"{start} {fact.printed} {ending}."
            facts = (fact, *reversed(slopes.facts))
            yield found("step of a coefficient", facts, verdict, note, would["effect coding"])


def _placed(fact: Fact, step: str, fits: list[str]) -> tuple[Verdict, str]:
    """Say whether a coefficient that fits under some codings of a step is of this step or of an earlier one."""
    if fact.step == step:
        allowed = [name for name in fits if fact.coding is None or name.startswith(fact.coding)]
        return ("consistent", f"fits {one_of(allowed)}") if allowed else ("inconsistent", "fits none of these")
    if fits:
        settled = "the coefficient's rows of both steps would settle it"
        return "ambiguous", f"of {fact.step} could be of {step} too, and {settled}"
    return "consistent", f"is none of these, so it belongs to {fact.step}"


def _earlier(study: Study, step: str) -> Iterator[str]:
    while before := study.step(step).after:
        yield before
        step = before
