"""Which data could meet a rule, in normal form: whether any can, whether all do, and whether a study can go on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import ndtr, ndtri

from ...arrays import BoolArray
from ...spec import InputError
from ..designs.cells import Sample
from ..designs.rules import Found, Rule
from .analyses import Analysis
from .precision import prior_variance, squared_error

if TYPE_CHECKING:
    from .plan import Plan

AWAY = np.linspace(-12, 12, 2401)
"""Posterior SDs between an estimate and a value that a rule names."""
PRECISIONS = 10.0 ** np.arange(-24, 9, 2)
"""Times the squared error of the largest study: hardly anybody, and more than there are."""


def could_find(plan: Plan, analysis: Analysis, squared: float, rules: tuple[Rule, ...]) -> Found:
    """Return the posteriors that data of a given precision can lead to, from one end of the line to the other.

    Parameters
    ----------
    plan : Plan
        With the region of practical equivalence.
    analysis : Analysis
        Whose prior counts; infinite variance under a flat one.
    squared : float
        Squared standard error of the first decision's estimand.
    rules : tuple of Rule
        Near whose values posteriors are looked at.
    """
    prior = prior_variance(analysis)
    prior = np.inf if np.isnan(prior) else prior
    sd, rope = (1 / (1 / squared + 1 / prior)) ** 0.5, plan.simulation.rope
    values = {0.0, sum(rope) / 2, *rope, *(value for rule in rules for value in _values(rule))}
    mean = np.concatenate([value + sd * AWAY for value in sorted(values)])
    z = float(ndtri((1 + plan.simulation.interval) / 2))
    return {
        "mean": mean,
        "sd": np.full(len(mean), sd),
        "lower": mean - z * sd,
        "upper": mean + z * sd,
        "p_positive": ndtr(mean / sd),
        "p_rope": ndtr((rope[1] - mean) / sd) - ndtr((rope[0] - mean) / sd),
        "log_bf10": 0.5 * (np.log(sd**2 / prior) + (mean / sd) ** 2) if np.isfinite(prior) else mean * np.nan,
    }


def _values(rule: Rule) -> Iterator[float]:
    """Yield the values near which it changes, and the middle of a region."""
    for part in rule.parts:
        yield from _values(part)
    if not rule.parts and rule.interval:
        ends = np.atleast_1d(np.asarray(rule.value, dtype=float))
        yield from (*ends, float(ends.mean()))


def told(plan: Plan, analysis: Analysis, *rules: Rule) -> bool:
    """Tell whether rules can be judged in normal form: about one estimate, under a prior that they can be asked of."""
    flat = not np.isfinite(prior_variance(analysis))
    of_share = plan.simulation.decisions[0].estimand in plan.shares
    return not of_share and not any(rule.of_original or (flat and rule.needs_bayes_factor) for rule in rules)


def within_reach(plan: Plan, sample: Sample, analysis: Analysis, rule: Rule) -> bool:
    """Tell whether data as precise as expected can meet a rule about the first decision's estimand."""
    if not told(plan, analysis, rule):
        return True
    return bool(rule.decides(could_find(plan, analysis, squared_error(plan, sample, analysis), (rule,))).any())


def check_rules(plan: Plan) -> None:
    """Refuse rules of the first decision that no data can meet, or that all do, however many take part.

    Raises
    ------
    InputError
        Also where whatever counts against the conclusion counts for it.
    """
    decision = plan.simulation.decisions[0]
    if plan.engine == "nuts":
        return
    sample = max(plan.simulation.samples(), key=lambda each: sum(each.sizes))
    for analysis in plan.analyses:
        if not told(plan, analysis, *decision.rules):
            continue
        squared = squared_error(plan, sample, analysis)
        found = [could_find(plan, analysis, squared * times, decision.rules) for times in PRECISIONS]
        met = [_met_by(rule, found) for rule in decision.rules]
        key = f"decision {decision.name!r}"
        for rule, data in zip(decision.rules, met, strict=True):
            if data.all() or not data.any():
                which = "all data meet" if data.all() else "no data can meet"
                raise InputError(f"{which} {rule}, however many take part", key=key)
        if decision.against and not (met[1] & ~met[0]).any():
            raise InputError("what counts against the conclusion counts for it, too; nothing is left of it", key=key)


def _met_by(rule: Rule, found: list[Found]) -> BoolArray:
    return np.concatenate([rule.decides(each) for each in found])
