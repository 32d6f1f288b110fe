"""Which printed numbers are about an estimand, and what they say of its size and of its standard error."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations

from scipy.special import stdtrit

from ..estimands import KINDS
from .facts import Fact
from .intervals import Interval, image
from .measures import term_parts
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
    facts = [(fact, own) for fact in facts_of(study, estimand) if fact.relation == "=" and (own := in_sd(study, fact))]
    if estimand.of and estimand.between:
        if len(facts) != 2:
            return None
        first, second = (own for _, own in facts)
        return PrintedEffect(facts=tuple(fact.id for fact, _ in facts), estimate=first - second, df=df)
    return _with_se(study, facts[0][0], df, facts[0][0].quantity) if facts else None


def facts_of(study: Study, estimand: Estimand) -> Iterator[Fact]:
    """Yield the facts that print an estimand: for a difference of slopes the first slope, then the second."""
    for quantity, address in KINDS[estimand.kind].printed(estimand, study.outline()):
        yield from study.facts_of(quantity, **address)


def in_sd(study: Study, fact: Fact) -> Interval | None:
    """Return what rounding leaves of a printed number in the estimand's unit, SD per SD; None where it has none there.

    Notes
    -----
    A raw coefficient times the SDs of the measures that it is of, over the outcome's; of a step whose products are not
    of centred scores only what has no product with it. Of the groups it is the whole gap.
    """
    if fact.quantity.removesuffix("_se") not in ("slope", "coefficient"):
        return fact.interval
    of, analysis = str(fact.term or fact.of), study.analysis
    if of == analysis.group and (fact.coding or analysis.coding) != "dummy":
        return None
    if analysis.standardised if fact.standardised is None else fact.standardised:
        return fact.interval
    raw_products = (fact.products or analysis.products) in ("raw", "z_again")
    if fact.term and raw_products and any(term_parts(of) < term_parts(term) for term in study.terms(str(fact.step))):
        return None
    numbers = [name for name in term_parts(of) if study.measure(name.partition("[")[0]).kind != "category"]
    sds = [sd_of_all(study, name) for name in (study.outcome(str(fact.step)), *numbers)]
    known = [sd for sd in sds if sd and sd.low > 0]
    if len(known) < len(sds):
        return None
    return image(lambda b, outcome, *own: b * math.prod(own) / outcome, fact.interval, *known)


def sd_of_all(study: Study, of: str) -> Interval | None:
    """Return a measure's SD over all participants, as printed or by the groups' means and SDs; None without either."""
    if printed := study.facts_of("sd", of=of, group=None):
        return min((fact.interval for fact in printed), key=lambda interval: interval.half_width)
    return sd_of_groups(study, of)


def sd_of_groups(study: Study, of: str) -> Interval | None:
    """Return a measure's SD over all participants by the groups' sizes, means and SDs; None where one of them lacks."""
    groups = []
    for group in study.group_names:
        means, sds, n = (*(study.facts_of(kind, of=of, group=group) for kind in ("mean", "sd")), study.n_of(group))
        if not (means and sds and n):
            return None
        groups.append((n, means[0].interval, sds[0].interval))
    total = sum(n for n, _, _ in groups)
    if total < 2:
        return None
    within = [Interval((n - 1) * sd.low**2, (n - 1) * sd.high**2) for n, _, sd in groups]
    apart = [_squared_gap(one, other, n * m / total) for (n, one, _), (m, other, _) in combinations(groups, 2)]
    ends = (sum(getattr(part, end) for part in (*within, *apart)) for end in ("low", "high"))
    return Interval(*(math.sqrt(end / (total - 1)) for end in ends))


def _squared_gap(one: Interval, other: Interval, times: float) -> Interval:
    gaps = sorted((abs(one.low - other.high), abs(one.high - other.low)))
    return Interval(0.0 if one.meets(other) else times * gaps[0] ** 2, times * gaps[1] ** 2)


def _product(study: Study, estimand: Estimand) -> Fact | None:
    """Find the printed coefficient of the product that a difference of slopes is."""
    wanted = set(KINDS[estimand.kind].term(estimand, study.analysis.group).split(":"))
    if len(wanted) == 1:
        return None
    facts = [f for f in study.facts_of("coefficient", step=estimand.step) if set((f.term or "").split(":")) == wanted]
    return next((fact for fact in facts if fact.relation == "=" and in_sd(study, fact)), None)


def _with_se(study: Study, fact: Fact, df: int, quantity: str, *, mirrored: bool = False) -> PrintedEffect:
    estimate = in_sd(study, fact) or fact.interval
    address = {key: value for key, value in fact.address.items() if key in ("of", "group", "term", "step")}
    facts, se, source = [fact.id], None, ""
    for of in study.facts_of(f"{quantity}_se", **address):
        facts, se, source = [*facts, of.id], in_sd(study, of), "printed se"
    for of in study.facts_of(f"{quantity}_p", **address):
        if se is None and of.relation == "=":
            facts, se, source = [*facts, of.id], _se_of_p(estimate, of.interval, df), "printed p"
    if mirrored:
        estimate = -estimate
    return PrintedEffect(facts=tuple(facts), estimate=estimate, df=df, se=se, se_from=source)


def _se_of_p(estimate: Interval, p: Interval, df: int) -> Interval | None:
    """Return the standard errors that print a two-sided p; None where the estimate or its t may be 0."""
    t_low, t_high = (float(-stdtrit(df, value / 2)) for value in (p.high, p.low))
    sizes = sorted((abs(estimate.low), abs(estimate.high)))
    if estimate.low * estimate.high <= 0 or t_low <= 0:
        return None
    return Interval(sizes[0] / t_high, sizes[1] / t_low)
