"""The focal estimand under every prior: over its location and width, and under families with heavier tails.

Nothing is fitted again. Each data set's likelihood of the estimand is taken from one exact fit, and every prior on it
is exchanged in closed form; what the model holds about everything else stays as it was.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy import stats as st

from ...arrays import FloatArray
from ...inference.gaussian.reprior import Likelihood, NormalRefits, likelihood, refit_density, refit_normal
from ...inference.models.specs import DEFAULT_VARIANT
from ...spec import InputError
from ..case import Case
from ..treatment import Treatment

NODES = 21
"""Nodes over sigma: priors far from the data ask for more than the usual."""
CI = 0.95
LOCATIONS = np.linspace(-2, 2, 13)
"""Prior means of the surface, in the model's own prior SDs."""
SURFACE_WIDTHS = np.geomspace(0.08, 4, 13)
"""Prior SDs of the surface, in the model's own."""
CURVE_ENDS = (0.08, 8.0)
"""Between which prior SDs the curve at a prior mean of 0 runs, in the model's own; further where the data ask."""
CURVE_STEPS = 16
"""Its points per factor of ten."""
SPOKEN = 1e-9
"""Precision of the data, relative to the prior's, below which they are taken to say nothing."""
FAMILIES: Mapping[str, Any] = {"Normal": st.norm, "StudentT(3)": st.t(3), "Cauchy": st.cauchy}
"""Families with location 0, by name; scaled so that their quartiles are those of the model's own prior."""


@dataclass(frozen=True, kw_only=True)
class FocalPrior:
    """The focal estimand of a case, its own prior, and what the data say without it.

    Parameters
    ----------
    case : Case
        What is analysed.
    """

    case: Case

    @cached_property
    def data(self) -> Likelihood:
        """What each data set says about the estimand."""
        return likelihood(self.case.posterior(nodes=NODES), self.case.focal[:, None])

    @cached_property
    def own(self) -> tuple[float, float]:
        """Mean and SD of the model's own prior: of its default where the case's is flat; median over data sets."""
        for variant in (self.case.variant, DEFAULT_VARIANT):
            marginal = self.case.posterior(variant).marginal(self.case.focal[:, None])
            if marginal.prior_mean is not None and marginal.prior_sd is not None:
                return float(np.median(marginal.prior_mean)), float(np.median(marginal.prior_sd))
        raise InputError(f"model {self.case.model.name!r} has only flat priors; a prior's width needs one that has it")

    @cached_property
    def turns(self) -> tuple[float, float]:
        """Widths of a prior at 0 below which no conclusion stands, and at which the data count for most; all data sets.

        Notes
        -----
        With an estimate b and its standard error s, a prior of SD τ leaves |b| τ / (s √(τ² + s²)) standard deviations
        between mean and 0: less than 1.96 of them, and a Bayes factor below 3, wherever τ < s² / |b|.
        """
        precision, pull = (np.median(part, axis=1) for part in (self.data.precision, self.data.pull))
        known = precision * self.own[1] ** 2 > SPOKEN
        if not known.any():
            return self.own[1], self.own[1]
        se, estimate = precision[known] ** -0.5, np.abs(pull[known] / precision[known])
        return float((se / np.maximum(estimate / se, 1)).min()), float(np.maximum(se, estimate).max())

    def widths(self, ends: tuple[float, float], steps: int, *, beyond: float = 1.0) -> FloatArray:
        """Return widths between multiples `ends` of the model's own prior SD, `steps` of them per factor of ten.

        They go on, at the same distance, to `beyond` times further than `turns` where that is further: a model's own
        prior may be far wider than anything that the data leave possible, or far narrower.
        """
        first, last = (end * self.own[1] for end in ends)
        low, high = self.turns[0] / beyond, self.turns[1] * beyond
        below, above = (max(0, int(np.ceil(steps * np.log10(ratio)))) for ratio in (first / low, high / last))
        within = round(steps * np.log10(last / first))
        return np.asarray(first * 10.0 ** (np.arange(-below, within + above + 1) / steps))

    @cached_property
    def least_squares(self) -> tuple[float, float]:
        """Least-squares estimate and standard error, means over the data sets; NaN where the design tells none."""
        by_rows = Treatment(stats=self.case.design.statistics, weights=self.case.focal)
        return (float(by_rows.estimate.mean()), float(by_rows.se.mean())) if by_rows.known else (np.nan, np.nan)

    @cached_property
    def upwards(self) -> bool:
        """Whether the estimate is above 0: by least squares, or by the posterior mean where the design is singular."""
        by_rows = self.least_squares[0]
        return bool((by_rows if np.isfinite(by_rows) else self.case.marginal.mean().mean()) >= 0)

    def under(self, mean: ArrayLike, sd: ArrayLike) -> NormalRefits:
        """Return the posteriors under other Normal priors; raises `InputError` for a width that is none."""
        width = np.asarray(sd, dtype=np.float64)
        if not (np.isfinite(width) & (width > 0)).all():
            wrong = width[~(np.isfinite(width) & (width > 0))][0]
            raise InputError(f"the width of a prior is {wrong:g}; its SD must be finite and above 0")
        return refit_normal(self.data, mean, width)


def width_curve(focal: FocalPrior) -> pd.DataFrame:
    """Follow the answer over the width of a prior that is centred at 0.

    Parameters
    ----------
    focal : FocalPrior
        Of a case.

    Returns
    -------
    pandas.DataFrame
        Columns ``model, estimand, prior_mean, prior_sd, is_models, mean, sd, lower, upper, p_positive, bf10, bf10_low,
        bf10_high``; ``is_models`` marks the width that the model's own prior has.
    """
    own = focal.own[1]
    widths = np.unique([*focal.widths(CURVE_ENDS, CURVE_STEPS), own])
    return _under(focal, np.zeros_like(widths), widths)


def surface(focal: FocalPrior) -> pd.DataFrame:
    """Evaluate the answer over location and width of a Normal prior.

    Parameters
    ----------
    focal : FocalPrior
        Of a case.

    Returns
    -------
    pandas.DataFrame
        A row a prior; columns as `width_curve`.
    """
    own = focal.own[1]
    mean, sd = (grid.ravel() for grid in np.meshgrid(LOCATIONS * own, SURFACE_WIDTHS * own, indexing="ij"))
    return _under(focal, mean, sd)


def families(focal: FocalPrior) -> pd.DataFrame:
    """Evaluate the answer under families of priors with the same quartiles around 0, from light to heavy tails.

    Parameters
    ----------
    focal : FocalPrior
        Of a case.

    Returns
    -------
    pandas.DataFrame
        A row a family; columns ``model, estimand, prior`` (such as ``Cauchy(0, 0.17)``, its scale), ``mean, sd, lower,
        upper, p_positive, bf10, bf10_low, bf10_high``.

    Notes
    -----
    Half of each prior lies within .67 of the model's own prior SD. A Cauchy gives sizes far beyond more room than a
    Normal does, and takes it from the middle.
    """
    quartile = focal.own[1] * st.norm.ppf(0.75)
    rows = []
    for name, family in FAMILIES.items():
        scale = quartile / family.ppf(0.75)
        found = refit_density(focal.data, partial(_scaled, family, scale), scale=scale)
        whole = found.marginal.together()
        summary = {
            "prior": f"{name}, scale {scale:.3g}",
            "mean": whole.mean()[0],
            "sd": whole.sd()[0],
            "lower": whole.quantile((1 - CI) / 2)[0],
            "upper": whole.quantile((1 + CI) / 2)[0],
            "p_positive": whole.p_positive()[0],
        }
        rows.append(summary | _factors(found.log_bf10[None])[0])
    return _labelled(focal, pd.DataFrame(rows))


def _scaled(family: Any, scale: float, b: FloatArray) -> FloatArray:
    return np.asarray(family.logpdf(b / scale) - np.log(scale))


def _summaries(refits: NormalRefits) -> pd.DataFrame:
    summary = pd.DataFrame({name: values[:, 0] for name, values in refits.together().summary(CI).items()})
    return pd.concat([summary, pd.DataFrame(_factors(refits.log_bf10))], axis=1)


def _factors(log_bf10: FloatArray) -> list[dict[str, float]]:
    """Return median, 5 % and 95 % quantile over the data sets of Bayes factors of shape (R, B); no range over one."""
    low, middle, high = np.exp(np.minimum(np.quantile(log_bf10, [0.05, 0.5, 0.95], axis=1), 700.0))
    if log_bf10.shape[1] == 1:
        low, high = np.full_like(low, np.nan), np.full_like(high, np.nan)
    return [
        {"bf10": float(m), "bf10_low": float(a), "bf10_high": float(z)}
        for m, a, z in zip(middle, low, high, strict=True)
    ]


def _labelled(focal: FocalPrior, table: pd.DataFrame) -> pd.DataFrame:
    """Put model and estimand before a table."""
    named = {"model": focal.case.model.name, "estimand": focal.case.estimand.name}
    return table.assign(**named)[[*named, *table]]


def _under(focal: FocalPrior, mean: FloatArray, sd: FloatArray) -> pd.DataFrame:
    """Summarise the answer under Normal priors, and say which of them is the model's own."""
    own = np.isclose(sd, focal.own[1]) & np.isclose(mean, focal.own[0])
    priors = pd.DataFrame({"prior_mean": mean, "prior_sd": sd, "is_models": own})
    return _labelled(focal, pd.concat([priors, _summaries(focal.under(mean, sd))], axis=1))
