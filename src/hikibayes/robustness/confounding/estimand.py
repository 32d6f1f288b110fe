"""One estimand beside confounders of every strength: from printed numbers, by least squares, on posterior draws.

References
----------
.. [1] Cinelli C., Hazlett C. (2020). Making sense of sensitivity: extending omitted variable bias. Journal of the Royal
   Statistical Society B 82(1), 39-67. https://doi.org/10.1111/rssb.12348
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import stdtrit

from ...arrays import BoolArray, FloatArray, IntArray
from ...inference.gaussian.exact import Draws
from ...study.printed import PrintedEffect, printed_effect
from ...study.study import Estimand
from ..case import Case
from ..treatment import Treatment, covariate_columns
from .omitted import (
    Strength,
    adjusted_estimate,
    adjusted_se,
    as_strong_as,
    bias,
    breaking_multiple,
    e_value,
    partial_r2,
    risk_ratio,
    robustness_value,
)

COLUMNS = (
    *("study", "estimand", "unit", "basis", "facts", "estimate", "se", "se_from", "df", "datasets"),
    *("partial_r2", "partial_r2_lower", "partial_r2_upper", "rv", "rv_lower", "rv_upper"),
    *("alpha", "rv_alpha", "rv_alpha_lower", "rv_alpha_upper", "e_value", "e_value_limit"),
)
"""Columns of ``confounding.csv``: a row for each estimand and basis (printed, data sets, posterior)."""

BOUNDS = (
    *("study", "estimand", "unit", "basis", "benchmark", "k", "r2_treatment", "r2_outcome"),
    *("estimate", "lower", "upper", "p_same_sign", "possible", "breaks_at", "breaks_at_lower", "breaks_at_upper"),
)
"""Columns of ``confounding_bounds.csv``: a row for each estimand, basis, covariate and multiple."""

STRENGTHS = np.round(np.linspace(0, 1, 101), 2)

type Row = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class ConfoundedEstimand:
    """One estimand, and the draws and data sets that it is analysed on.

    Parameters
    ----------
    case : Case
        B data sets.
    estimand : Estimand
        Which of the model's.
    weights : array, shape (B, p)
        Its weights over the design's columns.
    draws : Draws
        From the posteriors of the data sets.
    alpha : float
        Two-sided error of the limits.
    k : tuple of float
        Multiples of a covariate's strength.
    """

    case: Case
    estimand: Estimand
    weights: FloatArray
    draws: Draws
    alpha: float
    k: tuple[float, ...]

    @cached_property
    def treatment(self) -> Treatment:
        """Return the estimand as the coefficient of one column."""
        return Treatment(stats=self.case.design.statistics, weights=self.weights)

    @cached_property
    def covariates(self) -> dict[str, IntArray]:
        """Return the columns of each measure that it can be benchmarked against."""
        return covariate_columns(self.case.design, self.estimand, self.weights)

    @cached_property
    def drawn(self) -> tuple[FloatArray, FloatArray]:
        """The estimand, positive on the side of its mean, and the sd of its algebra; each (B, S)."""
        value, sd = self.treatment.of_draws(self.draws)
        return value * self.side, sd

    @cached_property
    def side(self) -> float:
        """On which side of 0 the posterior mean lies: 1 or -1."""
        return 1.0 if self.treatment.of_draws(self.draws)[0].mean() >= 0 else -1.0

    @cached_property
    def rv(self) -> FloatArray:
        """Robustness value of every draw, (B, S); 0 for one on the other side of 0."""
        value, sd = self.drawn
        return robustness_value(np.maximum(value, 0) / sd, self.treatment.df[:, None])

    def labels(self, basis: str) -> Row:
        """Return what a row of any table begins with."""
        return {
            "study": self.case.study.id,
            "estimand": self.estimand.name,
            "unit": self.estimand.unit,
            "basis": basis,
            "datasets": len(self.case.data_sets),
        }

    # -- how strong -------------------------------------------------------------------------------------------------

    @property
    def rows(self) -> Iterator[Row]:
        """Yield a row of `COLUMNS` for each basis; printed numbers only for a published study."""
        found = printed_effect(self.case.study, self.estimand) if self.case.synthetic else None
        if found is not None:
            yield self._printed(found)
        yield self._by_least_squares()
        yield self._posterior()

    def _printed(self, found: PrintedEffect) -> Row:
        """From printed numbers; what rounding leaves possible from the weakest t to the strongest."""
        usual = float(self.treatment.se.mean())
        se = (found.se.low, found.se.middle, found.se.high) if found.se else (usual,) * 3
        sizes = sorted((abs(found.estimate.low), abs(found.estimate.high)))
        crosses = found.estimate.low < 0 < found.estimate.high
        middle = found.estimate.middle
        t = np.array([0.0 if crosses else sizes[0] / se[2], abs(middle) / se[1], sizes[1] / se[0]])
        row = {"facts": ",".join(found.facts), "estimate": middle, "se": se[1], "df": found.df}
        row |= {"se_from": found.se_from or "recomputed"}
        row |= self._strengths(t, found.df) | self._e_values(middle, abs(middle) - self._reach(found.df) * se[1])
        return self.labels("printed") | row

    def _by_least_squares(self) -> Row:
        treatment, df = self.treatment, int(self.treatment.df[0])
        t = np.abs(treatment.estimate / treatment.se)
        estimate, se = float(np.median(treatment.estimate)), float(np.median(treatment.se))
        row = {"estimate": estimate, "se": se, "df": df, "se_from": "data sets" if self.case.synthetic else "data"}
        row |= self._strengths(np.quantile(t, [0.05, 0.5, 0.95]), df)
        return self.labels("data_sets") | row | self._e_values(estimate, abs(estimate) - self._reach(df) * se)

    def _posterior(self) -> Row:
        value, sd = self.drawn
        df, tail = int(self.treatment.df[0]), self.alpha / 2
        r2 = partial_r2(np.maximum(value, 0) / sd, df)
        mean, limit = float(value.mean()), float(np.quantile(value, tail))
        row = {"estimate": mean * self.side, "se": float(value.std(ddof=1)), "df": df, "se_from": "posterior sd"}
        row |= _spread("partial_r2", np.quantile(r2, [tail, 0.5, 1 - tail]))
        row |= _spread("rv", np.quantile(self.rv, [tail, 0.5, 1 - tail]))
        row |= {"alpha": self.alpha, "rv_alpha": float(np.quantile(self.rv, tail))}
        return self.labels("posterior") | row | self._e_values(mean, limit)

    def _reach(self, df: int) -> float:
        return -float(stdtrit(df, self.alpha / 2))

    def _strengths(self, t: FloatArray, df: int) -> Row:
        row: Row = {"alpha": self.alpha} | _spread("partial_r2", partial_r2(t, df))
        row |= _spread("rv", robustness_value(t, df))
        return row | _spread("rv_alpha", robustness_value(t, df, alpha=self.alpha))

    @staticmethod
    def _e_values(estimate: float, limit: float) -> Row:
        """Return E-values of an estimate of either sign, and of how far its limit is from 0 on the same side."""
        at_limit = e_value(risk_ratio(limit)) if limit > 0 else 1.0
        return {"e_value": float(e_value(risk_ratio(estimate))), "e_value_limit": float(at_limit)}

    # -- as strong as -----------------------------------------------------------------------------------------------

    def bounds(self, benchmarks: Sequence[str]) -> Iterator[Row]:
        """Yield rows of `BOUNDS` for the named covariates, by default for all."""
        for name in benchmarks or self.covariates:
            columns = self.covariates[name]
            explained = self.treatment.explained_by(columns)
            in_draws = Strength(explained.treatment[:, None], self.treatment.explained_in_draws(columns, self.draws))
            breaks = self._breaks(explained), self._breaks_in_draws(in_draws)
            for k in self.k:
                yield {"benchmark": name, "k": k} | self._bounded(as_strong_as(k, *explained)) | breaks[0]
                yield {"benchmark": name, "k": k} | self._bounded_draws(as_strong_as(k, *in_draws)) | breaks[1]

    def _bounded(self, strength: Strength) -> Row:
        treatment, df = self.treatment, self.treatment.df
        left = adjusted_estimate(treatment.estimate, treatment.se, df, strength)
        reach = self._reach(int(df[0]) - 1) * adjusted_se(treatment.se, df, strength)
        columns = strength._asdict() | {"estimate": left, "lower": left - reach, "upper": left + reach}
        return self.labels("data_sets") | _medians(columns) | _shares(left, treatment.estimate * left > 0)

    def _bounded_draws(self, strength: Strength) -> Row:
        value, sd = self.drawn
        left = value - bias(sd, self.treatment.df[:, None], strength)
        row = self.labels("posterior") | _medians(strength._asdict()) | _shares(left, left > 0)
        if not (kept := left[np.isfinite(left)] * self.side).size:
            return row
        lower, upper = np.quantile(kept, [self.alpha / 2, 1 - self.alpha / 2])
        return row | {"estimate": float(np.median(kept)), "lower": float(lower), "upper": float(upper)}

    def _breaks(self, explained: Strength) -> Row:
        t = self.treatment.estimate / self.treatment.se
        return _spread("breaks_at", np.quantile(breaking_multiple(t, self.treatment.df, *explained), [0.05, 0.5, 0.95]))

    def _breaks_in_draws(self, explained: Strength) -> Row:
        value, sd = self.drawn
        multiples = breaking_multiple(np.maximum(value, 0) / sd, self.treatment.df[:, None], *explained)
        return _spread("breaks_at", np.quantile(multiples, [self.alpha / 2, 0.5, 1 - self.alpha / 2]))

    # -- at every strength ------------------------------------------------------------------------------------------

    @property
    def strengths(self) -> pd.DataFrame:
        """Return how probable it is that the estimate keeps its side of 0, at each of `STRENGTHS`."""
        kept = (self.rv.ravel() > STRENGTHS[:, None]).mean(axis=1)
        table = pd.DataFrame({"strength": STRENGTHS, "p_same_sign": kept})
        return table.assign(study=self.case.study.id, estimand=self.estimand.name)[
            ["study", "estimand", "strength", "p_same_sign"]
        ]


def _spread(name: str, values: FloatArray) -> Row:
    """Write a low, a middle and a high value as columns."""
    low, middle, high = (float(value) for value in values)
    return {name: middle, f"{name}_lower": low, f"{name}_upper": high}


def _medians(columns: Mapping[str, FloatArray]) -> Row:
    """Take medians over what is possible; empty where nothing is."""
    named = {{"treatment": "r2_treatment", "outcome": "r2_outcome"}.get(name, name): v for name, v in columns.items()}
    return {name: float(np.median(v[np.isfinite(v)])) for name, v in named.items() if np.isfinite(v).any()}


def _shares(left: FloatArray, same_sign: BoolArray) -> Row:
    """Tell how often a confounder can be so strong, and how often the estimate then keeps its side of 0."""
    possible = np.isfinite(left)
    kept = float(same_sign[possible].mean()) if possible.any() else float("nan")
    return {"possible": float(possible.mean()), "p_same_sign": kept}
