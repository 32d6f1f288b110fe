"""Which printed numbers are about an estimand, and what they say of its size and of its standard error."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from scipy.special import stdtrit

from ..estimands import KINDS
from .facts import Fact
from .intervals import Interval
from .study import Estimand, Study


@dataclass(frozen=True, kw_only=True)
class PrintedEffect:
    """An estimand as the paper prints it.

    Parameters
    ----------
    facts : tuple of str
        Ids of the facts.
    estimate : Interval
        What rounding leaves possible, standardised.
    df : int
        Residual degrees of freedom of its step: participants less terms less 1.
    se : Interval, optional
        Of the estimate, printed or from a printed p; None where neither is.
    se_from : str
        ``printed se``, ``printed p``, or empty.
    """

    facts: tuple[str, ...]
    estimate: Interval
    df: int
    se: Interval | None = None
    se_from: str = ""


def printed_effect(study: Study, estimand: Estimand) -> PrintedEffect | None:
    """Find what was printed of a slope, a difference of slopes or a gap between the groups.

    Parameters
    ----------
    study : Study
        With its readings decided.
    estimand : Estimand
        Of that study.

    Returns
    -------
    PrintedEffect, optional
        None where its value was not printed.

    Notes
    -----
    A difference of slopes is the product's coefficient where that was printed, and else the difference of two printed
    slopes, whose standard error does not follow from theirs.
    """
    df = sum(study.samples.values()) - len(study.columns(estimand.step)) - 1
    product = _product(study, estimand)
    if product:
        mirrored = estimand.between is not None and estimand.between != study.group_names[::-1]
        return _with_se(study, product, df, "coefficient", mirrored=mirrored)
    facts = [fact for fact in facts_of(study, estimand) if fact.relation == "=" and comparable(study, fact)]
    if estimand.of and estimand.between:
        if len(facts) != 2:
            return None
        first, second = (fact.interval for fact in facts)
        gap = Interval(first.low - second.high, first.high - second.low)
        return PrintedEffect(facts=tuple(fact.id for fact in facts), estimate=gap, df=df)
    return _with_se(study, facts[0], df, facts[0].quantity) if facts else None


def facts_of(study: Study, estimand: Estimand) -> Iterator[Fact]:
    """Yield the facts that print an estimand: for a difference of slopes the first slope, then the second."""
    for quantity, address in KINDS[estimand.kind].printed(estimand, study.outline()):
        yield from study.facts_of(quantity, **address)


def comparable(study: Study, fact: Fact) -> bool:
    """Tell whether a printed number is in the estimand's unit: standardised, and for the group the whole gap."""
    if fact.quantity not in ("slope", "coefficient"):
        return True
    standardised = study.analysis.standardised if fact.standardised is None else fact.standardised
    coding = fact.coding or study.analysis.coding
    return standardised and (fact.term != study.analysis.group or coding == "dummy")


def _product(study: Study, estimand: Estimand) -> Fact | None:
    """Find the printed coefficient of the product that a difference of slopes is."""
    wanted = set(KINDS[estimand.kind].term(estimand, study.analysis.group).split(":"))
    if len(wanted) == 1:
        return None
    facts = [f for f in study.facts_of("coefficient", step=estimand.step) if set((f.term or "").split(":")) == wanted]
    return next((fact for fact in facts if fact.relation == "=" and comparable(study, fact)), None)


def _with_se(study: Study, fact: Fact, df: int, quantity: str, *, mirrored: bool = False) -> PrintedEffect:
    estimate = fact.interval
    address = {key: value for key, value in fact.address.items() if key in ("of", "group", "term", "step")}
    facts, se, source = [fact.id], None, ""
    for of in study.facts_of(f"{quantity}_se", **address):
        facts, se, source = [*facts, of.id], of.interval, "printed se"
    for of in study.facts_of(f"{quantity}_p", **address):
        if se is None and of.relation == "=":
            facts, se, source = [*facts, of.id], _se_of_p(estimate, of.interval, df), "printed p"
    if mirrored:
        estimate = Interval(-estimate.high, -estimate.low)
    return PrintedEffect(facts=tuple(facts), estimate=estimate, df=df, se=se, se_from=source)


def _se_of_p(estimate: Interval, p: Interval, df: int) -> Interval | None:
    """Return the standard errors that print a two-sided p; None where the estimate or its t may be 0."""
    t_low, t_high = (float(-stdtrit(df, value / 2)) for value in (p.high, p.low))
    sizes = sorted((abs(estimate.low), abs(estimate.high)))
    if estimate.low * estimate.high <= 0 or t_low <= 0:
        return None
    return Interval(sizes[0] / t_high, sizes[1] / t_low)
