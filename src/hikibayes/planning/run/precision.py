"""How precise a planned study can be expected to be, before any is simulated."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ...inference.gaussian.normal_priors import FlatPrior
from ..designs.cells import Sample
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


def prior_variance(analysis: Analysis) -> float:
    """Return the prior variance of the first decision's estimand; infinite under a flat prior, NaN without one."""
    if isinstance(analysis.priors, FlatPrior):
        return np.inf
    if analysis.priors is None:
        return np.nan
    return float(analysis.priors.align(analysis.columns.names).variance(analysis.weights[:1])[0, 0])
