"""How precise a planned study can be expected to be, before any is simulated."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.special import ndtr, ndtri

from ...inference.gaussian.normal_priors import FlatPrior
from ..designs.cells import Sample
from ..designs.rules import Rule
from ..populations.expected import expected
from .analyses import Analysis

if TYPE_CHECKING:
    from .plan import Plan


def squared_error(plan: Plan, sample: Sample, analysis: Analysis) -> float:
    """Return the squared standard error of the first decision's estimand, by the expected moments of the design."""
    worlds = plan.population(sample, 0, 1).worlds
    counts = plan.counts(sample, worlds, np.random.default_rng(0))[0].astype(float)
    weights = analysis.weights[0]
    spread = float(np.mean(worlds.sigma[0] ** 2))
    return spread * float(weights @ np.linalg.solve(expected(analysis.columns, worlds, counts).sxx[0], weights))


NARROW = ("bf10_below", "inside", "narrower_than", "p_rope_above")
"""Conditions that need precision, whatever the data show."""


def prior_variance(analysis: Analysis) -> float:
    """Return the prior variance of the first decision's estimand; infinite under a flat prior, NaN without one."""
    if isinstance(analysis.priors, FlatPrior):
        return np.inf
    if analysis.priors is None:
        return np.nan
    return float(analysis.priors.align(analysis.columns.names).variance(analysis.weights[:1])[0, 0])


def within_reach(plan: Plan, sample: Sample, analysis: Analysis, rule: Rule) -> bool:
    """Tell whether data as precise as expected can meet a rule about the first decision's estimand, in normal form."""
    if rule.parts:
        return (all if rule.all else any)(within_reach(plan, sample, analysis, part) for part in rule.parts)
    if rule.condition not in NARROW:
        return True
    error, prior = squared_error(plan, sample, analysis), prior_variance(analysis)
    sd, z = (1 / (1 / error + 1 / prior)) ** 0.5, float(ndtri((1 + (rule.interval or 0.95)) / 2))
    if rule.bf10_below is not None:
        return not (error / (error + prior)) ** 0.5 >= rule.bf10_below
    if rule.inside is not None or rule.narrower_than is not None:
        width = rule.narrower_than or rule.value[1] - rule.value[0]
        return not 2 * z * sd >= width
    low, high = plan.simulation.rope
    return not 2 * float(ndtr((high - low) / 2 / sd)) - 1 <= rule.value
