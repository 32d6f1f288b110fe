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
from dataclasses import dataclass

from scipy.special import stdtrit

from ..facts import Fact
from ..intervals import Interval, image
from ..study import Study
from .comparisons import p_of_t
from .descriptives import only
from .rows import Check, absolute, between, compared, found, possible
from .steps import Explained, explained, residual_df

__all__ = [
    "Estimate",
    "checks_of_coefficients",
    "checks_of_collinearity",
    "checks_of_estimate",
    "inflation",
    "standard_error",
]

ADDRESS = ("step", "term", "coding", "products")


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """One estimate of a regression as printed: its value, and its standard error and p where there are any."""

    name: str
    step: str
    value: Fact
    se: Fact | None
    p: Fact | None

    @property
    def facts(self) -> tuple[Fact, ...]:
        """The facts there are."""
        return tuple(fact for fact in (self.value, self.se, self.p) if fact)


def estimates(study: Study) -> Iterator[Estimate]:
    """Yield the printed regression coefficients of a study."""
    for value in study.facts_of("coefficient"):
        address = {key: value.address.get(key) for key in ADDRESS}
        yield Estimate(
            name=f"B of {value.term} in {value.step}",
            step=str(value.step),
            value=value,
            se=_belonging(study, "coefficient_se", value, address),
            p=_belonging(study, "coefficient_p", value, address),
        )


def _belonging(study: Study, quantity: str, value: Fact, address: dict[str, object]) -> Fact | None:
    """Return the SE or p of a coefficient; what it leaves unsaid (coding, products) is that of the coefficient."""
    exact = study.facts_of(quantity, **address)
    loose = study.facts_of(quantity, step=value.step, term=value.term)
    fitting = [fact for fact in loose if all(address[key] in (None, fact.address.get(key)) for key in address)]
    return min(exact or fitting, key=lambda fact: fact.interval.half_width, default=None)


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
    size, greatest_t, least_t = absolute(value), max(_t_quantile(p.low, df), 1e-9), _t_quantile(p.high, df)
    return Interval(size.low / greatest_t, size.high / least_t if least_t > 0 else math.inf)


def _t_quantile(p: float, df: float) -> float:
    if p <= 0:
        return math.inf
    return float(-stdtrit(df, p / 2)) if p < 1 else 0.0


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


def checks_of_estimate(study: Study, estimate: Estimate) -> Iterator[Check]:
    """Compare an estimate, its standard error and its p."""
    df = residual_df(study, estimate.step)
    if df < 1 or not estimate.p:
        return
    if estimate.se:
        recomputed = _p_range(estimate.value.interval, estimate.se.interval, df)
        what = f"The p of {estimate.name} from its standard error"
        yield compared("p from B and SE", estimate.p, (estimate.value, estimate.se), recomputed, what)
        return
    se = standard_error(estimate.value.interval, estimate.p.interval, df)
    given = f"{estimate.value.printed}, p {_relation(estimate.p)} and {df} degrees of freedom"
    note = f"The standard error of {estimate.name} is {between(se, 0)}, from its value {given}."
    yield found("SE from B and p", (estimate.value, estimate.p), "consistent", note, se, about=2)


def _relation(p: Fact) -> str:
    return p.printed if p.relation != "=" else f"= {p.printed}"


def _p_range(value: Interval, se: Interval, df: float) -> Interval:
    size = absolute(value)
    t = size.low / se.high if se.high else math.inf, size.high / se.low if se.low else math.inf
    return Interval(p_of_t(t[1], df), p_of_t(t[0], df))


# -- variance inflation ---------------------------------------------------------------------------------------------


def _spread_ratio(study: Study, fact: Fact) -> tuple[Interval, tuple[Fact, ...]] | None:
    """Return SD(x) / SD(y), the facts it comes from, or None where the record does not hold it."""
    measure = study.measure(str(fact.term)) if fact.term and ":" not in fact.term else None
    if measure is None or measure.kind == "category":
        return None
    standardised = study.analysis.standardised if fact.standardised is None else fact.standardised
    if standardised:
        return Interval(1, 1), ()
    x, y = (only(study, "sd", of=name, group=None) for name in (measure.id, study.analysis.outcome))
    if not (x and y and y.interval.low > 0):
        return None
    return image(lambda a, b: a / b, x.interval, y.interval), (x, y)


def _inflation_of(study: Study, estimate: Estimate) -> Check | None:
    df = residual_df(study, estimate.step)
    ratio = _spread_ratio(study, estimate.value)
    reached = explained(study, estimate.step)
    if df < 1 or ratio is None or not reached.known or not (estimate.se or estimate.p):
        return None
    if estimate.se:
        se = estimate.se.interval
    else:
        assert estimate.p is not None
        se = standard_error(estimate.value.interval, estimate.p.interval, df)
    scaled = Interval(se.low * ratio[0].low, se.high * ratio[0].high)
    given = (*estimate.facts, *ratio[1], *reached.facts)
    return _judged(study, estimate, inflation(scaled, reached.interval, df), given, reached)


def _judged(study: Study, estimate: Estimate, vif: Interval, given: tuple[Fact, ...], reached: Explained) -> Check:
    term = estimate.value.term
    printed = [fact for fact in study.facts_of("vif", step=estimate.step) if fact.term in (None, term)]
    allowed = vif.widened().meet(Interval(1, math.inf))
    what = f"The standard error of {estimate.name} means a variance inflation factor {between(vif, 1)}"
    name, facts = "variance inflation", (estimate.value, *printed, *given)
    if allowed is None:
        return found(name, facts, "inconsistent", f"{what}, but none is below 1.", vif)
    clash = [fact for fact in printed if not possible(fact, allowed)]
    if clash:
        return found(name, facts, "inconsistent", f"{what}, which contradicts the printed {clash[0].printed}.", vif)
    ending = f", which the printed VIF {printed[0].printed} allows" if printed else ""
    return found(name, facts, "consistent", f"{what}{ending}.", allowed)


def checks_of_collinearity(study: Study) -> Iterator[Check]:
    """Compare printed VIFs with printed correlations of predictors: a VIF is at least 1 / (1 - r2)."""
    for vif in study.facts_of("vif"):
        terms = study.terms(str(vif.step))
        pairs = [
            fact
            for fact in study.facts_of("correlation", group=None)
            if {fact.of, fact.with_} <= set(terms) and vif.term in (None, fact.of, fact.with_)
        ]
        for fact in pairs:
            least = absolute(fact.interval).low ** 2
            bound = 1 / (1 - least) if least < 1 else math.inf
            what = f"With r = {fact.printed} between {fact.of} and {fact.with_}, a VIF in {vif.step}"
            yield compared("VIF and correlation", vif, (fact,), Interval(bound, math.inf), what)
