"""What figures of a report are drawn from: curves over the focal measure."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ..arrays import FloatArray
from ..inference.answers.ensemble import StepFit
from ..inference.answers.estimates import pooled
from ..inference.answers.johnson_neyman import gap_weights
from ..inference.gaussian.mixture import Mixture
from ..inference.models.design import Design
from ..inference.models.moment_design import MomentDesign
from ..spec import InputError

REACH = np.linspace(-2.5, 2.5, 41)
"""Values of the focal measure, in SD."""


def difference_curve(fit: StepFit, focal: str, *, ci_prob: float = 0.95) -> pd.DataFrame:
    """Follow the gap between the groups along the focal measure: the Johnson-Neyman curve of the ensemble.

    Returns
    -------
    pandas.DataFrame
        Columns ``value`` (SD of the focal measure), ``mean, lower, upper, p_positive`` of the gap, second group minus
        reference, in SD of the outcome. Empty where the gap does not change with the measure.
    """
    try:
        at_zero, slope = gap_weights(fit.design, focal)
    except InputError:
        return pd.DataFrame(columns=["value", "mean", "lower", "upper", "p_positive"])
    weights = at_zero[:, None] + REACH[:, None] * slope[:, None]
    return _followed(fit.posterior().marginal(weights), ci_prob).assign(value=REACH)[
        ["value", "mean", "lower", "upper", "p_positive"]
    ]


def conditional_effects(fit: StepFit, focal: str, *, ci_prob: float = 0.95) -> pd.DataFrame:
    """Follow the expected outcome along the focal measure in each group, everything else at its mean.

    Returns
    -------
    pandas.DataFrame
        Columns ``group, value`` (SD of the focal measure), ``mean, lower, upper`` of the expected outcome in SD.
    """
    study, found, rows = fit.design.study, fit.posterior(), []
    for group in study.group_names or ("",):
        at = [_mean_row(fit.design, group, focal, value) for value in (0.0, 1.0)]
        row = at[0][:, None] + REACH[:, None] * (at[1] - at[0])[:, None]
        centred = row - fit.design.statistics.x_mean[:, None]
        mixture = found.marginal(centred, intercept=np.ones(len(REACH)))
        rows.append(_followed(mixture, ci_prob).assign(group=group, value=REACH))
    return pd.concat(rows, ignore_index=True)[["group", "value", "mean", "lower", "upper"]]


def _mean_row(design: Design | MomentDesign, group: str, focal: str, value: float) -> FloatArray:
    named = {design.study.analysis.group: group} if group else {}
    return design.mean_row(fixed={**named, focal: value})


def _followed(mixture: Mixture, ci_prob: float) -> pd.DataFrame:
    columns = pooled(mixture).summary(ci_prob)
    return pd.DataFrame({name: values[0] for name, values in columns.items() if name != "sd"})
