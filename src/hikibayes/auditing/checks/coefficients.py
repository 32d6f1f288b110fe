"""Checks of regression coefficients: B, standard error, p, R2 and variance inflation against each other.

Notes
-----
The variance of a coefficient is s2 VIF / ((n - 1) Var(x)), where s2 = (1 - R2) Var(y) (n - 1) / df is the residual
variance. With outcome and predictor in SD units this is SE2 = (1 - R2) VIF / df: the printed p gives the standard
error, and the standard error gives the variance inflation factor.

References
----------
O'Brien, R. M. (2007). A caution regarding rules of thumb for variance inflation factors. Quality & Quantity, 41,
673-690. https://doi.org/10.1007/s11135-006-9018-6
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from ...moments.tails import t_below
from ...quantities import KINDS
from ...study.facts import Fact
from ...study.intervals import Interval, image
from ...study.study import Study
from .descriptives import only, size
from .estimates import Estimate, checks_together, gathered, heads, is_standardised
from .rows import Check, absolute, between, compared, found, signed
from .steps import Explained, columns, explained, of_everybody, people, residual_df
from .tails import compare_p


def two_sided(p: Fact) -> Interval:
    """Return the two-sided p of an estimate; a one-sided one is half of it, or what is left of it, by the sign."""
    if p.tail in (None, "two"):
        return p.interval
    doubled = image(lambda x: min(1.0, 2 * x), p.interval)
    return doubled if p.tail == "one" else Interval(0.0, 1.0)


def estimates(study: Study) -> Iterator[Estimate]:
    """Yield the printed coefficients and intercepts of a study's regressions."""
    for head in heads(study, "coefficient", "intercept"):
        if head.term in study.terms(str(head.step)) and columns(study, (head.term,)) > 1:
            # a term of several columns has an F test
            continue
        scales = {
            is_standardised(study, fact) for fact in study.facts_of("coefficient", step=head.step, term=head.term)
        }
        name = "beta" if is_standardised(study, head) and len(scales) > 1 else "B"
        of = f"{name} of {head.term}" if head.term else "the intercept"
        yield estimate(study, head, f"{of} in {head.step}")


def estimate(study: Study, head: Fact, name: str) -> Estimate:
    """Gather what is printed of a coefficient or slope, with the increase of a step that adds it alone."""
    printed = gathered(study, head)
    if head.term and KINDS[head.quantity].estimate == "coefficient":
        printed = {**_as_a_step(study, head), **printed}
    return Estimate(
        name=name,
        printed=printed,
        degrees=tuple(degrees(study, head, printed.get("df"))),
        r2=explained(study, str(head.step)).interval,
    )


def _as_a_step(study: Study, head: Fact) -> dict[str, Fact]:
    """Return F, p and size of the increase of a step that adds one column, as its coefficient's."""
    step = study.step(str(head.step))
    later = {part for term in study.terms(step.id) if ":" in term and term not in step.adds for part in term.split(":")}
    if step.after is None or step.adds != (head.term,) or columns(study, step.adds) != 1 or head.term in later:
        return {}
    roles = {"f": "delta_r2_f", "p": "delta_r2_p", "sr2": "delta_r2"}
    found_ = {role: only(study, quantity, step=step.id) for role, quantity in roles.items()}
    return {role: fact for role, fact in found_.items() if fact and not fact.adjusted and not fact.errors}


def degrees(study: Study, head: Fact, printed: Fact | None = None) -> list[float]:
    """Return the degrees of freedom that an estimate can have: as printed; a slope's model may be its group's alone."""
    ways = (False, True) if head.group and head.separate is None else (head.separate,)
    known = [estimate_df(study, head.replace(separate=way) if way else head) for way in ways]
    return [printed.interval.middle] if printed else [float(df) for df in known if df >= 1]


def estimate_df(study: Study, value: Fact) -> int:
    """Return residual degrees of freedom; those of a group's own regression for a slope that is said to be from it."""
    if not value.separate or not value.group:
        return residual_df(study, str(value.step))
    group = study.analysis.group
    alone = tuple(term for term in study.terms(str(value.step)) if group not in term.split(":"))
    return size(study, value.group) - 1 - columns(study, alone)


def standard_error(value: Interval, p: Interval, df: float) -> Interval:
    """Return the standard errors with which an estimate has a two-sided p.

    Parameters
    ----------
    value, p : Interval
        The estimate and its p.
    df : float
        Residual degrees of freedom.

    Returns
    -------
    Interval
        |value| / t, from 0 (p = 0) to infinity (p = 1).
    """
    # p = 1 would need a value of exactly 0: a t that is almost 0 stands for it
    size, greatest_t, least_t = absolute(value), max(-t_below(p.low / 2, df), 1e-9), -t_below(p.high / 2, df)
    return Interval(size.low / greatest_t, size.high / least_t if least_t > 0 else math.inf)


def inflation(se: Interval, r2: Interval, df: float) -> Interval:
    """Return the variance inflation factors behind a standardised coefficient's standard error: SE2 df / (1 - R2).

    Notes
    -----
    A factor below 1 does not exist; the result may hold such values, and a check compares it with 1.
    """
    low = se.low**2 * df / (1 - r2.low) if r2.low < 1 else math.inf
    return Interval(low, se.high**2 * df / (1 - r2.high) if r2.high < 1 else math.inf)


# -- B, SE and p ----------------------------------------------------------------------------------------------------


def checks_of_coefficients(study: Study) -> Iterator[Check]:
    """Compare each coefficient with its standard error and p, and these with the variance inflation they imply."""
    for estimate in estimates(study):
        yield from checks_of_estimate(study, estimate)
        if check := _inflation_of(study, estimate):
            yield check
        if check := _within_increase(study, estimate):
            yield check


def _within_increase(study: Study, estimate: Estimate) -> Check | None:
    """Bound t of a term by the R2 of its step and of the one before: it explains at most what all added terms do.

    Notes
    -----
    Its semi-partial r2 is t2 (1 - R2) / df. Where it is added alone, it explains just the increase. Rows of a step may
    be those of a later one, unless the step has none after it.
    """
    step, df = study.step(estimate.step), estimate.df
    last = all(other.after != step.id for other in study.steps)
    term, t = estimate.facts[0].term, _ratio(estimate)
    if not (last and step.after and term in step.adds and t and df >= 1 and estimate.least_squares):
        return None
    if set(_as_a_step(study, estimate.facts[0])) & set(estimate.printed):
        # a printed increase goes together with its other statistics, or does not
        return None
    before, after = explained(study, step.after), explained(study, step.id)
    if not (before.known and after.known) or people(study, step.after) != people(study, step.id):
        return None
    increase = Interval(max(after.interval.low - before.interval.high, 0.0), after.interval.high - before.interval.low)
    explains = image(lambda x, r2: x**2 * (1 - r2) / df, absolute(t), after.interval)
    alone = columns(study, step.adds) == 1
    allowed = increase if alone else Interval(0.0, increase.high)
    fits = allowed.widened().meets(explains.widened())
    said = f"{estimate.name} alone explains {between(explains)} of the outcome by its t, and its step adds"
    note = f"{said} {between(increase, 0)}{'' if fits else ': these exclude each other'}."
    facts = (*estimate.facts, *before.facts, *after.facts)
    return found("term and increase of its step", facts, "consistent" if fits else "inconsistent", note, explains)


def _ratio(estimate: Estimate) -> Interval | None:
    """Return the t of an estimate: as printed, or from its value and standard error."""
    if "t" in estimate.printed:
        return signed(estimate.printed["t"])
    if estimate.se and "" in estimate.printed and estimate.se.interval.low > 0:
        return _t_of(signed(estimate.value), estimate.se.interval)
    return None


def checks_of_estimate(study: Study, estimate: Estimate) -> Iterator[Check]:
    """Compare an estimate with everything that is printed about it."""
    if set(estimate.spans) - {"", "se", "p"}:
        yield from checks_together(estimate)
        return
    p, df = estimate.p, estimate.df
    if df < 1 or not p or "" not in estimate.printed:
        return
    if estimate.se:
        t = _t_of(signed(estimate.value), estimate.se.interval)
        what = f"{estimate.name} from its standard error"
        ways = [(t, Interval(each, each)) for each in estimate.degrees]
        yield compare_p("p from B and SE", p, (estimate.value, estimate.se), ways, what)
        return
    se = standard_error(estimate.value.interval, two_sided(p), df)
    given = f"{estimate.value.printed}, p {_relation(p)} and {df:g} degrees of freedom"
    note = f"The standard error of {estimate.name} is {between(se, 0)}, from its value {given}."
    yield found("SE from B and p", (estimate.value, p), "consistent", note, se, about=2)


def _relation(p: Fact) -> str:
    return p.printed if p.relation != "=" else f"= {p.printed}"


def _t_of(value: Interval, se: Interval) -> Interval:
    def ratio(a: float, b: float) -> float:
        return a / b if b else math.copysign(math.inf, a) if a else 0.0

    return image(ratio, value, se)


# -- variance inflation ---------------------------------------------------------------------------------------------


def _spread_ratio(study: Study, fact: Fact) -> tuple[Interval, tuple[Fact, ...]] | None:
    """Return SD(x) / SD(y), the facts it comes from, or None where the record does not hold it."""
    measure = study.measure(str(fact.term)) if fact.term and not set(":[") & set(fact.term) else None
    if measure is None or measure.kind == "category":
        return None
    if is_standardised(study, fact):
        return Interval(1, 1), ()
    if not of_everybody(study, str(fact.step)):
        return None
    x, y = (only(study, "sd", of=name, group=None) for name in (measure.id, study.outcome(str(fact.step))))
    if not (x and y and y.interval.low > 0):
        return None
    return image(lambda a, b: a / b, x.interval, y.interval), (x, y)


def _inflation_of(study: Study, estimate: Estimate) -> Check | None:
    if estimate.df < 1 or not estimate.least_squares or "" not in estimate.printed or not estimate.value.term:
        return None
    ratio, reached, se = _spread_ratio(study, estimate.value), explained(study, estimate.step), estimate.error
    if ratio is None or not reached.known or not se:
        return None
    scaled = Interval(se.low * ratio[0].low, se.high * ratio[0].high)
    given = (*estimate.facts, *ratio[1], *reached.facts)
    return _judged(study, estimate, inflation(scaled, reached.interval, estimate.df), given, reached)


def _judged(study: Study, estimate: Estimate, vif: Interval, given: tuple[Fact, ...], reached: Explained) -> Check:
    term = estimate.value.term
    printed = [fact for fact in study.facts_of("vif", step=estimate.step) if fact.term in (None, term)]
    allowed = vif.widened().meet(Interval(1, math.inf))
    what = f"The standard error of {estimate.name} means a variance inflation factor {between(vif, 1)}"
    name, facts = "variance inflation", (estimate.value, *printed, *given)
    if allowed is None:
        return found(name, facts, "inconsistent", f"{what}, but none is below 1.", vif)
    clash = [fact for fact in printed if not inflation_limits(fact).widened().meets(allowed)]
    if clash:
        return found(name, facts, "inconsistent", f"{what}, which contradicts the printed {clash[0].printed}.", vif)
    ending = f", which the printed VIF {printed[0].printed} allows" if printed else ""
    return found(name, facts, "consistent", f"{what}{ending}.", allowed)


def inflation_limits(fact: Fact) -> Interval:
    """Return what a printed VIF leaves to one term's; the greatest of a step bounds each of them from above only."""
    if fact.term or fact.relation in (">", ">="):
        return fact.interval
    return Interval(1.0, fact.interval.high)


def checks_of_collinearity(study: Study) -> Iterator[Check]:
    """Compare printed VIFs with printed correlations of predictors: a VIF is at least 1 / (1 - r2)."""
    for vif in study.facts_of("vif"):
        terms = study.terms(str(vif.step))
        if columns(study, terms) == 1:
            yield compared("VIF and correlation", vif, (), Interval(1, 1), f"The VIF of the only term of {vif.step}")
        pairs = [
            fact
            for fact in study.facts_of("correlation", group=None)
            if {fact.of, fact.with_} <= set(terms) and vif.term in (None, fact.of, fact.with_)
            if of_everybody(study, str(vif.step))
        ]
        for fact in pairs:
            least = absolute(fact.interval).low ** 2
            bound = 1 / (1 - least) if least < 1 else math.inf
            what = f"With r = {fact.printed} between {fact.of} and {fact.with_}, a VIF in {vif.step}"
            yield compared("VIF and correlation", vif, (fact,), Interval(bound, math.inf), what)
