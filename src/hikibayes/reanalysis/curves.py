"""What the figures of a report are drawn from: curves over the width of a prior and over the focal measure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from ..inference.compile import exact_posterior, exact_priors
from ..inference.design import Design
from ..inference.ensemble import StepFit
from ..inference.estimands import Answers
from ..inference.estimates import pooled
from ..inference.exact import GaussianPosterior, Mixture, NormalPriors
from ..inference.johnson_neyman import gap_weights
from ..inference.moment_design import MomentDesign
from ..inference.reprior import likelihood, refit_normal
from ..inference.sufficient import FloatArray
from ..spec import InputError

__all__ = ["conditional_effects", "group_gap_curve", "prior_width_curve"]

WIDTH_COLUMNS = (
    *("model", "estimand", "coefficient", "prior_sd", "is_models"),
    *("bf10", "bf10_low", "bf10_high", "mean", "lower", "upper", "p_positive"),
)
WIDTHS = np.geomspace(0.02, 2.0, 25)
"""Prior SDs of the curve over a prior's width, in SD per SD."""
TOLERANCE = 1e-9
FINE_NODES = 21
"""Nodes over sigma: priors far from the data ask for more than the usual."""
REACH = np.linspace(-2.5, 2.5, 41)
"""Values of the focal measure, in SD."""


def prior_width_curve(fits: Mapping[str, StepFit], estimands: Sequence[str], *, ci_prob: float = 0.95) -> pd.DataFrame:
    """Follow the posterior and the Bayes factor of single coefficients over the width of their own prior.

    Parameters
    ----------
    fits : mapping of str to StepFit
        By step.
    estimands : sequence of str
        Which; those that are no single coefficient of a model are left out.
    ci_prob : float
        Probability of the equal-tailed interval.

    Returns
    -------
    pandas.DataFrame
        Columns ``model, estimand, coefficient, prior_sd, is_models, bf10, bf10_low, bf10_high, mean, lower, upper,
        p_positive``. The prior is Normal at 0; ``is_models`` marks the width that the model itself has. The Bayes
        factor is the median over the data sets, with their 5 % and 95 % quantiles.
    """
    rows = [row for fit in fits.values() if fit.answers for row in _widths_of(fit, fit.answers, estimands, ci_prob)]
    return pd.DataFrame(rows, columns=list(WIDTH_COLUMNS))


def group_gap_curve(fit: StepFit, focal: str, *, ci_prob: float = 0.95) -> pd.DataFrame:
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
    for group in study.group_ids:
        at = [_mean_row(fit.design, group, focal, value) for value in (0.0, 1.0)]
        row = at[0][:, None] + REACH[:, None] * (at[1] - at[0])[:, None]
        centred = row - fit.design.statistics.x_mean[:, None]
        mixture = found.marginal(centred, intercept=np.ones(len(REACH)))
        rows.append(_followed(mixture, ci_prob).assign(group=group, value=REACH))
    return pd.concat(rows, ignore_index=True)[["group", "value", "mean", "lower", "upper"]]


def _mean_row(design: Design | MomentDesign, group: str, focal: str, value: float) -> FloatArray:
    return design.mean_row(fixed={design.study.analysis.group: group, focal: value})


def _followed(mixture: Mixture, ci_prob: float) -> pd.DataFrame:
    whole = pooled(mixture)
    lower, upper = whole.eti(ci_prob)
    columns = {"mean": whole.mean(), "lower": lower, "upper": upper, "p_positive": whole.p_positive()}
    return pd.DataFrame({name: values[0] for name, values in columns.items()})


# -- over the width of a prior --------------------------------------------------------------------------------------


def _widths_of(fit: StepFit, found: Answers, estimands: Sequence[str], ci_prob: float) -> Iterator[dict[str, Any]]:
    single = {name: column for name, column in _single_coefficients(found) if name in estimands}
    priors = exact_priors(fit.design)
    if not single or not isinstance(priors, NormalPriors):
        return
    fitted = exact_posterior(fit.design, nodes=FINE_NODES)
    own_sd = priors.align(fit.design.columns).precision[0] ** -0.5
    for name, column in single.items():
        widths = sorted({*WIDTHS.tolist(), float(own_sd[column])})
        coefficient = fit.design.columns[column]
        label = {"model": fit.model.name, "estimand": name, "coefficient": coefficient}
        for width, mixture, log_bf10 in _refitted(fitted, coefficient, widths):
            low, middle, high = np.exp(np.quantile(log_bf10, [0.05, 0.5, 0.95]))
            factors = {"bf10": middle, "bf10_low": low, "bf10_high": high}
            about = {"prior_sd": width, "is_models": width == own_sd[column]}
            yield label | about | factors | _followed(mixture, ci_prob).iloc[0].to_dict()


def _refitted(
    fitted: GaussianPosterior, coefficient: str, widths: Sequence[float]
) -> Iterator[tuple[float, Mixture, FloatArray]]:
    """Yield, for each width, the posterior in every data set and the log Bayes factors."""
    data_sets = range(len(fitted.stats))
    refits = [refit_normal(likelihood(fitted, coefficient, dataset=b), 0.0, widths).marginal for b in data_sets]
    log_bf10 = np.concatenate([refit.log_bf10() for refit in refits], axis=1)
    for r, width in enumerate(widths):
        yield (
            width,
            Mixture(
                weights=np.stack([refit.weights[r] for refit in refits]),
                means=np.stack([refit.means[r] for refit in refits]),
                sds=np.stack([refit.sds[r] for refit in refits]),
            ),
            log_bf10[r],
        )


def _single_coefficients(found: Answers) -> Iterator[tuple[str, int]]:
    """Yield the estimands that are one coefficient in every data set, with its column."""
    for j, estimand in enumerate(found.linear):
        used = np.flatnonzero((np.abs(found.weights[:, j]) > TOLERANCE).any(axis=0))
        if len(used) == 1 and np.allclose(found.weights[:, j, used[0]], 1.0):
            yield estimand.name, int(used[0])
