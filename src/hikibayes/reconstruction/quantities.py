"""What a calibration reports: every printed fact again, and every number of the same kind that was not printed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd
import xarray as xr

from ..arrays import BoolArray, FloatArray
from ..moments import correlations, simple_slope
from ..study.analysis import PublishedAnalysis
from ..study.facts import Fact
from ..study.study import Study

PINNED = 0.15
"""A quantity is pinned when it varies between reconstructions by at most this share of its sampling error."""


@dataclass(frozen=True, kw_only=True)
class Quantity:
    """One number over the draws.

    Attributes
    ----------
    name : str
    fact : Fact or None
        The fact, if the number is printed.
    values : ndarray, shape (draws,)
    error : ndarray, shape (draws,), or None
        Its standard error in a sample of the study's size, where there is one.
    """

    name: str
    fact: Fact | None
    values: FloatArray
    error: FloatArray | None

    @property
    def inside(self) -> BoolArray:
        """Which draws are inside the printed interval; all, if nothing is printed."""
        if self.fact is None:
            return np.ones(len(self.values), dtype=bool)
        interval = self.fact.interval.widened()
        values = np.abs(self.values) if self.fact.absolute else self.values
        return (values >= interval.low) & (values <= interval.high)


def reported_quantities(study: Study, reconstructions: xr.Dataset) -> dict[str, Quantity]:
    """Compute every printed fact and every unprinted quantity, by name.

    Printed facts are named by their id. The others: ``<step>: b of <term>``, ``<step>: R2``,
    ``<step>: slope of <measure> in <group>``, ``<step>: slope difference of <measure>``, ``r(<measure>, <measure>)``,
    ``difference of <measure>`` (second group minus reference, over the pooled SD) and ``SD ratio of <measure>`` (second
    over reference); of three groups and more, each with the reference: ``difference of <measure> (<group>)``.
    """
    analysis = PublishedAnalysis(study, reconstructions)
    found: dict[str, Quantity] = {}
    for fact in study.facts:
        if analysis.determines(fact):
            values = analysis.value(fact)
            if values.ndim:
                found[fact.id] = Quantity(name=fact.id, fact=fact, values=values.values, error=None)
    for quantity in (
        *_of_regressions(study, analysis),
        *_of_slopes(study, analysis),
        *_of_groups(study, analysis),
        *_of_correlations(study, analysis),
    ):
        found[quantity.name] = quantity
    return found


def _quantity(name: str, values: FloatArray, error: FloatArray) -> Quantity:
    return Quantity(name=name, fact=None, values=values, error=np.broadcast_to(error, values.shape))


def _of_regressions(study: Study, analysis: PublishedAnalysis) -> Iterator[Quantity]:
    for step in study.steps:
        fit = analysis.regression(step.id)
        # the sampling error of R2 in large samples (Olkin & Finn 1995, doi:10.1037/0033-2909.118.1.155)
        error = 2 * fit.r2**0.5 * (1 - fit.r2) / np.sqrt(fit.design.moments.total_n)
        yield _quantity(f"{step.id}: R2", fit.r2, error)
        for at, term in enumerate(study.columns(step.id)):
            yield _quantity(f"{step.id}: b of {term}", fit.standardised[..., at], fit.standardised_se[..., at])


def _of_slopes(study: Study, analysis: PublishedAnalysis) -> Iterator[Quantity]:
    for step in study.steps:
        fit = analysis.regression(step.id)
        parts = [[p for p in t.split(":") if p != study.analysis.group] for t in study.terms(step.id) if ":" in t]
        for measure in dict.fromkeys(names[0] for names in parts if len(names) == 1):
            for g, name in enumerate(study.group_names):
                slope = simple_slope(fit, measure, g, standardised=True)
                yield _quantity(f"{step.id}: slope of {measure} in {name}", *slope)
            for g, name in enumerate(study.group_names[1:], start=1):
                difference = simple_slope(fit, measure, g, minus=0, standardised=True)
                yield _quantity(f"{step.id}: slope difference of {measure}{_which(study, name)}", *difference)


def _which(study: Study, group: str) -> str:
    """Say which group is compared with the reference, where there are several."""
    return f" ({group})" if len(study.groups) > 2 else ""


def _of_groups(study: Study, analysis: PublishedAnalysis) -> Iterator[Quantity]:
    for other in study.group_names[1:]:
        which, pair = _which(study, other), analysis.run.comparison((other, study.group_names[0]))
        for j, name in enumerate(analysis.run.moments.names):
            if ":" in name:
                continue
            yield _quantity(f"difference of {name}{which}", pair.d[..., j], np.sqrt(1 / pair.n1 + 1 / pair.n2))
            if name not in analysis.run.moments.categories:
                ratio = np.sqrt(pair.v1[..., j] / pair.v2[..., j])
                error = ratio * np.sqrt(0.5 / (pair.n1 - 1) + 0.5 / (pair.n2 - 1))
                yield _quantity(f"SD ratio of {name}{which}", ratio, error)


def _of_correlations(study: Study, analysis: PublishedAnalysis) -> Iterator[Quantity]:
    matrix, names = correlations(analysis.run.moments), analysis.run.moments.names
    for i, j in combinations(range(len(names)), 2):
        if ":" not in names[i] + names[j]:
            r = matrix[..., i, j]
            error = (1 - r**2) / np.sqrt(analysis.run.moments.total_n - 2)
            yield _quantity(f"r({names[i]}, {names[j]})", r, error)


def summarise(quantities: dict[str, Quantity], chains: int, lanes: int = 1) -> pd.DataFrame:
    """Return one row a quantity: what ``calibration.csv`` holds.

    Parameters
    ----------
    quantities : dict of str to Quantity
        Values chain by chain, in each lane by lane.
    chains : int
        R-hat is between these.
    lanes : int
        Short chains of each; the effective sample size is over all of them.

    Returns
    -------
    pandas.DataFrame
        ``quantity, fact`` (the fact in words, empty if not printed), ``printed, mean, sd, q05, q95``, ``inside`` (share
        of draws in the printed interval), ``sampling_error`` (its mean), ``between_over_within`` (sd over it),
        ``pinned``, ``rhat, ess``.
    """
    import arviz as az

    values = np.stack([quantity.values for quantity in quantities.values()], axis=-1)
    by_chain, by_lane = (
        xr.Dataset({"q": (("chain", "draw", "k"), values.reshape(count, -1, values.shape[-1]))})
        for count in (chains, chains * lanes)
    )
    still = values.std(axis=0) < 1e-12
    rhat = np.where(still, 1.0, az.rhat(by_chain)["q"].values)
    ess = np.where(still, float(len(values)), az.ess(by_lane, method="bulk")["q"].values)
    rows = [_row(quantity) for quantity in quantities.values()]
    return pd.DataFrame(rows).assign(rhat=rhat, ess=ess)


def _row(quantity: Quantity) -> dict[str, object]:
    fact, sd = quantity.fact, float(quantity.values.std(ddof=1))
    error = float(quantity.error.mean()) if quantity.error is not None else np.nan
    pinned = fact is not None or (bool(sd <= PINNED * error) if np.isfinite(error) else False)
    low, high = np.quantile(quantity.values, [0.05, 0.95])
    return {
        "quantity": quantity.name,
        "fact": "" if fact is None else str(fact),
        "printed": "" if fact is None else fact.printed,
        "mean": float(quantity.values.mean()),
        "sd": sd,
        "q05": float(low),
        "q95": float(high),
        "inside": float(quantity.inside.mean()) if fact is not None else np.nan,
        "sampling_error": error,
        "between_over_within": sd / error if np.isfinite(error) else np.nan,
        "pinned": pinned,
    }
