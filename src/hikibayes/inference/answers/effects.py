"""Slopes and gaps on draws: weighted sums of coefficients, or average marginal effects where the outcome is bounded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.special import expit

from ...arrays import FloatArray
from ...study.study import Estimand
from ..estimands import Answers, changes_of
from ..models.design import Design
from ..models.layout import coefficient_draws
from ..models.specs import INTERCEPT
from ..nuts.graph import sum_score_limits

if TYPE_CHECKING:
    import xarray as xr


def effect_draws(tree: xr.DataTree, design: Design, found: Answers) -> FloatArray:
    """Return draws of the slopes and gaps that a model answers, in SD of the outcome.

    Parameters
    ----------
    tree : xarray.DataTree
        Group ``posterior`` with Bambi's variables.
    design : Design
        What was fitted.
    found : Answers
        The estimands on that design.

    Returns
    -------
    array, shape (chain, draw, k)

    Notes
    -----
    A sum score between its ends is not linear in the coefficients. There a slope is the average, over the participants,
    of what the expected score changes by from half an SD of the measure below the participant's own to half an SD
    above, everybody being in the group in question; a gap is the average change when everybody moves to the other
    group. Divided by the sample's SD of the score these are the units of a Gaussian model.
    """
    if design.model.family == "beta_binomial":
        return score_effects(tree, design, found.linear)
    return np.asarray(np.einsum("cdp,kp->cdk", coefficient_draws(tree, design)[0], found.weights[0]))


def score_effects(tree: xr.DataTree, design: Design, estimands: Sequence[Estimand]) -> FloatArray:
    """Return draws of the slopes and gaps of a sum score between its ends; see `effect_draws`."""
    beta, _ = coefficient_draws(tree, design)
    intercept = np.asarray(tree["posterior"][INTERCEPT].transpose("chain", "draw").values)
    score = _ExpectedScore(design, beta.reshape(-1, beta.shape[-1]), intercept.reshape(-1))
    draws = [score.effect(estimand).reshape(intercept.shape) for estimand in estimands]
    return np.stack(draws, axis=-1) if draws else np.empty((*intercept.shape, 0))


class _ExpectedScore:
    """Average expected score of the participants, some of their measures changed, in SD of the score."""

    def __init__(self, design: Design, beta: FloatArray, intercept: FloatArray) -> None:
        self.design, self.beta, self.intercept = design, beta, intercept
        low, high = sum_score_limits(design.model, design.study)
        self.unit = (high - low) / design.scaling.scale[design.model.outcome][0]

    def effect(self, estimand: Estimand) -> FloatArray:
        """Draws of a slope, a difference of slopes or a gap, shape (S,)."""
        parts = [weight * self.average(change) for weight, change in changes_of(estimand, self.design)]
        return np.asarray(sum(parts))

    def average(self, change: Mapping[str, Mapping[str, Any]]) -> FloatArray:
        rows = self.design.changed_rows(**change)[0]
        return np.asarray(self.unit * expit(self.intercept[:, None] + self.beta @ rows.T).mean(axis=1))
