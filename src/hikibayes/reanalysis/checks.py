"""Does the model fit what it is given, and did its priors make sense before the data? Predictive checks and LOO."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from ..arrays import FloatArray
from ..inference.gaussian.loo import log_predictive_left_out
from ..inference.gaussian.normal_priors import NormalPriors
from ..inference.models.compile import exact_posterior, exact_priors
from ..inference.models.design import Design, design
from ..inference.models.specs import ModelSpec
from ..study.study import Study

DRAWS = 2000
BINS = 13

type Statistic = Callable[[FloatArray], FloatArray]

STATISTICS: dict[str, Statistic] = {
    "mean": lambda y: y.mean(axis=-1),
    "sd": lambda y: y.std(axis=-1, ddof=1),
    "skewness": lambda y: np.asarray(stats.skew(y, axis=-1)),
    "minimum": lambda y: y.min(axis=-1),
    "maximum": lambda y: y.max(axis=-1),
}


def prior_predictive(
    models: Mapping[str, ModelSpec], participants: pd.DataFrame, study: Study, *, rng: np.random.Generator
) -> pd.DataFrame:
    """Tell what each model expects of the outcome before it sees any.

    Parameters
    ----------
    models : mapping of str to ModelSpec
        By step.
    participants : pandas.DataFrame
        One data set, whose predictors are taken as given.
    study : Study
        With its readings decided.
    rng : numpy.random.Generator
        Source of randomness.

    Returns
    -------
    pandas.DataFrame
        Columns ``model, prior, statistic, median, lower, upper``: quantiles (95 %) over draws from the priors, of
        ``sd`` (of the outcome, in the sample's SD), ``r2`` (share of its variance that the predictors explain) and
        ``outside`` (share of the outcomes beyond the limits of the scale).
    """
    rows = []
    for model in models.values():
        laid_out = design(model, participants, study)
        for variant in model.variant_names:
            priors = exact_priors(laid_out, variant)
            if isinstance(priors, NormalPriors):
                found = _before_data(laid_out, priors, rng)
                rows += [{"model": model.name, "prior": variant, **row} for row in found]
    return pd.DataFrame(rows, columns=["model", "prior", "statistic", "median", "lower", "upper"])


def posterior_predictive(
    model: ModelSpec, participants: pd.DataFrame, study: Study, *, rng: np.random.Generator
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Compare one data set's outcome with what its own posterior predicts, by group, on the bounded scale.

    Returns
    -------
    bins : pandas.DataFrame
        Columns ``group, low, high, observed, mean, lower, upper``: shares of the participants in bins of the outcome in
        its own unit; the first and the last bin are what lies outside the scale.
    statistics : pandas.DataFrame
        Columns ``group, statistic, observed, mean, lower, upper, p``, where ``p`` is the share of replicates at least
        as large as what was observed.
    """
    laid_out = design(model, participants, study)
    group, names = study.analysis.group, study.group_names or ("",)
    groups = participants[group].astype(str).to_numpy(dtype=object) if group else np.full(len(participants), "")
    replicated = _replicates(laid_out, rng)
    observed = participants[model.outcome].to_numpy(dtype=float)
    edges = _edges(study)
    bins, statistics = [], []
    for name in names:
        seen, drawn = observed[groups == name], replicated[:, groups == name]
        bins += [{"group": name, **row} for row in _binned(seen, drawn, edges)]
        statistics += [{"group": name, **row} for row in _compared(seen, drawn, study)]
    return pd.DataFrame(bins), pd.DataFrame(statistics)


def left_out(models: Mapping[str, ModelSpec], data_sets: Sequence[pd.DataFrame], study: Study) -> pd.DataFrame:
    """Compare the steps by how well they predict a participant that they have not seen.

    Returns
    -------
    pandas.DataFrame
        Columns ``model, compared_with, elpd, elpd_low, elpd_high, difference, difference_low, difference_high, se``:
        expected log predictive density by exact leave-one-out, its difference from the step that the model extends, and
        the standard error of that difference; medians over the data sets, with their 5 % and 95 % quantiles.
    """
    pointwise = {}
    for step, model in models.items():
        laid_out = design(model, data_sets, study)
        pointwise[step] = log_predictive_left_out(exact_posterior(laid_out), laid_out.rows, laid_out.y)
    return pd.DataFrame([_left_out_row(step, study, pointwise) for step in models])


# -- before the data ------------------------------------------------------------------------------------------------


def _before_data(laid_out: Design, priors: NormalPriors, rng: np.random.Generator) -> list[dict[str, Any]]:
    aligned = priors.align(laid_out.columns)
    rows = laid_out.rows[0] - laid_out.rows[0].mean(axis=0)
    beta = aligned.mean[0] + rng.standard_normal((DRAWS, rows.shape[1])) * aligned.precision[0] ** -0.5
    intercept = aligned.intercept_mean[0] + rng.standard_normal(DRAWS) * aligned.intercept_precision[0] ** -0.5
    sigma = priors.sigma.draws(rng, DRAWS)
    expected = intercept[:, None] + beta @ rows.T
    outcome = expected + sigma[:, None] * rng.standard_normal(expected.shape)
    explained = expected.var(axis=1, ddof=1)
    low, high = _limits_in_model_units(laid_out)
    values = {
        "sd": outcome.std(axis=1, ddof=1),
        "r2": explained / (explained + sigma**2),
        "outside": ((outcome < low) | (outcome > high)).mean(axis=1),
    }
    return [{"statistic": name, **_quantiles(drawn)} for name, drawn in values.items()]


def _limits_in_model_units(laid_out: Design) -> tuple[float, float]:
    outcome = laid_out.model.outcome
    limits = laid_out.study.measure(outcome).limits
    if not laid_out.standardised:
        return limits
    location, scale = (float(part[outcome][0]) for part in (laid_out.scaling.location, laid_out.scaling.scale))
    return (limits[0] - location) / scale, (limits[1] - location) / scale


def _quantiles(drawn: FloatArray) -> dict[str, float]:
    lower, median, upper = np.quantile(drawn, [0.025, 0.5, 0.975])
    return {"median": float(median), "lower": float(lower), "upper": float(upper)}


# -- after the data -------------------------------------------------------------------------------------------------


def _replicates(laid_out: Design, rng: np.random.Generator) -> FloatArray:
    """Draw new outcomes for the same participants, in the outcome's own unit, shape (draws, n)."""
    drawn = exact_posterior(laid_out).draws(rng, DRAWS)
    expected = drawn.intercept[0][:, None] + drawn.coefficients[0] @ laid_out.rows[0].T
    outcome = expected + drawn.sigma[0][:, None] * rng.standard_normal(expected.shape)
    if not laid_out.standardised:
        return np.asarray(outcome)
    scaling, name = laid_out.scaling, laid_out.model.outcome
    return np.asarray(scaling.location[name][0] + scaling.scale[name][0] * outcome)


def _edges(study: Study) -> FloatArray:
    """Bins that hold whole numbers of possible values, and one beyond either limit."""
    measure = study.measure(study.analysis.outcome)
    low, high = measure.limits
    if not measure.grain:
        inside = np.linspace(low, high, BINS + 1)
    else:
        values = round((high - low) / measure.grain) + 1
        sizes = [len(part) for part in np.array_split(np.arange(values), min(BINS, values))]
        inside = low - measure.grain / 2 + measure.grain * np.cumsum([0, *sizes])
    return np.concatenate([[-np.inf], inside, [np.inf]])


def _binned(seen: FloatArray, drawn: FloatArray, edges: FloatArray) -> list[dict[str, Any]]:
    observed = np.histogram(seen, edges)[0] / len(seen)
    counts = [np.histogram(row, edges)[0] for row in drawn]
    shares = np.asarray(counts, dtype=np.float64) / len(seen)
    lower, upper = np.quantile(shares, [0.025, 0.975], axis=0)
    columns = {"low": edges[:-1], "high": edges[1:], "observed": observed, "mean": shares.mean(axis=0)}
    table = pd.DataFrame({**columns, "lower": lower, "upper": upper})
    return [{str(name): value for name, value in row.items()} for row in table.to_dict("records")]


def _compared(seen: FloatArray, drawn: FloatArray, study: Study) -> list[dict[str, Any]]:
    low, high = study.measure(study.analysis.outcome).limits
    every: dict[str, Statistic] = {**STATISTICS, "outside": lambda y: ((y < low) | (y > high)).mean(axis=-1)}
    rows = []
    for name, statistic in every.items():
        observed, replicated = float(statistic(seen)), statistic(drawn)
        lower, upper = np.quantile(replicated, [0.025, 0.975])
        summary = {"mean": float(replicated.mean()), "lower": float(lower), "upper": float(upper)}
        p = float((replicated >= observed).mean())
        rows.append({"statistic": name, "observed": observed, **summary, "p": p})
    return rows


# -- left out -------------------------------------------------------------------------------------------------------


def _left_out_row(step: str, study: Study, pointwise: Mapping[str, FloatArray]) -> dict[str, Any]:
    here, before = pointwise[step], study.step(step).after
    row: dict[str, Any] = {"model": step, "compared_with": before or ""}
    row |= _over_data_sets("elpd", here.sum(axis=1))
    if before and before in pointwise:
        gap = here - pointwise[before]
        row |= _over_data_sets("difference", gap.sum(axis=1))
        row["se"] = float(np.median(np.sqrt(gap.shape[1] * gap.var(axis=1, ddof=1))))
    return row


def _over_data_sets(name: str, values: FloatArray) -> dict[str, float]:
    low, middle, high = np.quantile(values, [0.05, 0.5, 0.95])
    return {name: float(middle), f"{name}_low": float(low), f"{name}_high": float(high)}
