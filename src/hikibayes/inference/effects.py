"""Slopes and gaps on draws: weighted sums of coefficients, or average marginal effects where the outcome is bounded."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.special import expit

from ..record.study import Estimand
from .design import Design
from .estimands import Answers
from .graph import sum_score_limits
from .layout import coefficient_draws
from .models import INTERCEPT
from .sufficient import FloatArray

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["effect_draws"]


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
    beta, _ = coefficient_draws(tree, design)
    if design.model.family != "beta_binomial":
        return np.asarray(np.einsum("cdp,kp->cdk", beta, found.weights[0]))
    intercept = np.asarray(tree["posterior"][INTERCEPT].transpose("chain", "draw").values)
    score = _ExpectedScore(design, beta.reshape(-1, beta.shape[-1]), intercept.reshape(-1))
    draws = [score.effect(estimand).reshape(intercept.shape) for estimand in found.linear]
    return np.stack(draws, axis=-1) if draws else np.empty((*intercept.shape, 0))


class _ExpectedScore:
    """Average expected score of the participants, some of their measures changed, in SD of the score."""

    def __init__(self, design: Design, beta: FloatArray, intercept: FloatArray) -> None:
        self.design, self.beta, self.intercept = design, beta, intercept
        low, high = sum_score_limits(design)
        self.unit = (high - low) / design.scaling.scale[design.model.outcome][0]

    def effect(self, estimand: Estimand) -> FloatArray:
        """Draws of a slope, a difference of slopes or a gap, shape (S,)."""
        group = self.design.study.analysis.group
        match estimand.kind:
            case "group_gap" if estimand.between:
                first, second = (self.average(fixed={group: name}) for name in estimand.between)
                return first - second
            case "slope_difference" if estimand.between and estimand.of:
                first, second = (self.slope(estimand.of, {group: name}) for name in estimand.between)
                return first - second
            case _:
                return self.slope(estimand.of or "", {group: estimand.group} if estimand.group else {})

    def slope(self, of: str, fixed: Mapping[str, Any]) -> FloatArray:
        """Change of the average by one SD of a measure, or by one level."""
        if levels := [level.id for level in self.design.study.measure(of).levels]:
            return self.average(fixed={**fixed, of: levels[1]}) - self.average(fixed={**fixed, of: levels[0]})
        half = 0.5 if self.design.standardised else 0.5 * float(self.design.scaling.scale[of][0])
        return self.average(fixed=fixed, shift={of: half}) - self.average(fixed=fixed, shift={of: -half})

    def average(self, **changes: Any) -> FloatArray:
        rows = self.design.changed_rows(**changes)[0]
        return np.asarray(self.unit * expit(self.intercept[:, None] + self.beta @ rows.T).mean(axis=1))
