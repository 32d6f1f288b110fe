"""Which answers rest on raw means and SDs that nobody printed, and which do not.

A slope in SD per SD is a function of what a calibration draws; in raw units it is that times the ratio of two raw SDs.
Where these are assumed, so is most of what a raw-unit answer says about its own uncertainty.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
import xarray as xr

from ..arrays import FloatArray
from ..moments import simple_slope
from ..spec import InputError
from ..study.analysis import PublishedAnalysis
from ..study.study import Estimand, Study
from .participants.columns import lay_out
from .participants.known import Known
from .participants.targets import Draws, TargetMaker

COLUMNS = ("estimand", "unit", "mean", "sd_between", "sd_within", "from_raw_units", "rests_on")
ENOUGH = 500
"""Draws that a raw SD is drawn for; more would not change the second digit of a share."""


def answers_by_unit(study: Study, reconstructions: xr.Dataset, *, seed: int) -> pd.DataFrame:
    """Compute each slope that the study is about, standardised and in raw units, and what its spread comes from.

    Parameters
    ----------
    study : Study
        With its readings decided.
    reconstructions : xarray.Dataset
        Draws from `hikibayes.reconstruction.calibrate`.
    seed : int
        Of the raw SDs, which are drawn as assumed where they are not printed.

    Returns
    -------
    pandas.DataFrame
        ``estimand, unit`` (``sd_per_sd``, or the outcome's unit per the measure's), ``mean`` over the reconstructions,
        ``sd_between`` them, ``sd_within`` (the mean standard error), ``from_raw_units`` (the share of the variance
        between reconstructions that goes with the raw SDs: adjusted R2 of the answer on their logarithms, at least 0)
        and ``rests_on`` (the assumptions about these SDs; empty where they are printed or do not matter). A slope
        whose raw SDs are neither printed nor assumed has its standardised row only.
    """
    step = max(1, reconstructions.sizes["draw"] // ENOUGH)
    few = reconstructions.isel(draw=slice(None, None, step))
    scales = _RawScales(study=study, reconstructions=few, seed=seed)
    rows = [row for estimand in study.estimands if _is_slope(estimand) for row in _rows(study, few, estimand, scales)]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _is_slope(estimand: Estimand) -> bool:
    return estimand.kind in ("slope", "slope_difference") and not (estimand.by or estimand.at)


@dataclass(frozen=True, kw_only=True)
class _RawScales:
    """Raw SDs of measures, a number for each reconstruction."""

    study: Study
    reconstructions: xr.Dataset
    seed: int

    def of(self, measure: str) -> FloatArray | None:
        """Return the raw SDs of a measure; None where neither a fact nor an assumption gives them."""
        draws = Draws.of(self.reconstructions, self.study)
        columns = lay_out(self.study, draws.names)
        maker = TargetMaker(study=self.study, columns=columns, known=Known(self.study), draws=draws)
        i = columns.names.index(measure)
        sd = np.sqrt(draws.cov[:, :, draws.names.index(measure), draws.names.index(measure)])
        # a stream of its own: the SDs of a measure do not depend on which others are asked for
        rng = np.random.default_rng(np.random.SeedSequence(self.seed, spawn_key=(i,)))
        try:
            return np.array([maker.raw_scale(draw, i, sd[draw], rng)[0] for draw in range(len(sd))])
        except InputError:
            return None


def _rows(
    study: Study, reconstructions: xr.Dataset, estimand: Estimand, scales: _RawScales
) -> Iterator[dict[str, object]]:
    outcome, measure = study.measure(study.analysis.outcome), study.measure(str(estimand.of))
    value, error = _standardised(PublishedAnalysis(study, reconstructions), estimand)
    numerator, denominator = scales.of(outcome.id), scales.of(measure.id)
    if numerator is None or denominator is None:
        yield _row(estimand, "sd_per_sd", value, error, None, "")
        return
    logs = np.log(np.stack([numerator, denominator], axis=-1))
    yield _row(estimand, "sd_per_sd", value, error, logs, "")
    ratio = numerator / denominator
    unit = f"{outcome.unit or 'points'} per {measure.unit or 'point'}"
    assumed = ", ".join(name for m in (outcome, measure) for name in _assumptions(study, m.id))
    yield _row(estimand, unit, value * ratio, error * ratio, logs, assumed)


def _row(
    estimand: Estimand, unit: str, value: FloatArray, error: FloatArray, logs: FloatArray | None, assumed: str
) -> dict[str, object]:
    share = _adjusted_r2(value, logs) if logs is not None else 0.0
    spread = float(value.std(ddof=1)), float(error.mean())
    return dict(zip(COLUMNS, (estimand.name, unit, float(value.mean()), *spread, share, assumed), strict=True))


def _standardised(analysis: PublishedAnalysis, estimand: Estimand) -> tuple[FloatArray, FloatArray]:
    """Return a slope, or a difference of slopes, and its standard error, in SD per SD."""
    measure, fit = str(estimand.of), analysis.regression(estimand.step)
    if estimand.kind == "slope" and estimand.group is None:
        at = fit.design.position(measure)
        return fit.standardised[..., at], fit.standardised_se[..., at]
    groups = estimand.between or (str(estimand.group),)
    first, *second = (analysis.run.index(name) for name in groups)
    return simple_slope(fit, measure, first, minus=second[0] if second else None, standardised=True)


def _assumptions(study: Study, measure: str) -> Iterator[str]:
    """Name the assumption behind a raw SD, if it is not printed."""
    if any(fact.of == measure for fact in study.facts_of("sd")):
        return
    own = [a for a in study.assumptions if a.quantity == "raw_sd"]
    yield from [a.id for a in own if measure in a.about] or [a.id for a in own if not a.about]


def _adjusted_r2(value: FloatArray, regressors: FloatArray) -> float:
    """Return the share of the variance of ``value`` (n,) that goes with ``regressors`` (n, k)."""
    n, k = regressors.shape
    varying = regressors[:, regressors.std(axis=0) > 1e-12]
    if not varying.shape[1] or n <= k + 1:
        return 0.0
    X = np.column_stack([np.ones(n), varying])
    left = value - X @ np.linalg.lstsq(X, value, rcond=None)[0]
    total = value - value.mean()
    ratio = float(left @ left) / float(total @ total)
    adjusted: float = 1 - ratio * (n - 1) / (n - 1 - varying.shape[1])
    return max(0.0, adjusted)
