"""From one reconstruction to the group moments that a data set is pulled to, in counts.

A reconstruction has the outcome, the covariates and the predictors, in SD units. What it does not have is drawn from
the study's assumptions here: raw means and SDs, the number of people at each level of a category, and the scales that
entered no regression.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from ..distributions import Distribution
from ..record.facts import Fact
from ..record.intervals import Interval
from ..record.study import Study
from ..spec import InputError
from .columns import Columns

__all__ = ["Assumptions", "Targets", "draw_targets", "sample"]

type Floats = NDArray[np.float64]

LEAST_ODD = 0.2
"""Smallest variance of the difference of two items (and so, nearly, share of odd totals) that totals are asked for."""
ATTEMPTS = 200


def sample(distribution: Distribution, rng: np.random.Generator) -> float:
    """Draw one number from an assumed distribution."""
    p = distribution.parameters
    match distribution.dist:
        case "Constant":
            return p["value"]
        case "Normal":
            return float(rng.normal(p["mu"], p["sigma"]))
        case "Uniform":
            return float(rng.uniform(p["lower"], p["upper"]))
        case "Beta":
            return float(rng.beta(p["alpha"], p["beta"]))
        case "TruncatedNormal":
            for _ in range(ATTEMPTS):
                if p["lower"] <= (value := float(rng.normal(p["mu"], p["sigma"]))) <= p["upper"]:
                    return value
    return float(distribution.frozen().rvs(random_state=rng))


@dataclass(frozen=True)
class Assumptions:
    """A study's assumptions, looked up by quantity, measure and group."""

    study: Study

    @cached_property
    def _known(self) -> dict[tuple[str, str | None, str | None], Distribution]:
        return {
            (assumption.quantity, name, assumption.group): assumption.distribution
            for assumption in self.study.assumptions
            for name in (assumption.about or (None,))
        }

    def find(self, quantity: str, measure: str | None = None, group: str | None = None) -> Distribution | None:
        """Return the distribution assumed for a measure (in a group), the general one, or nothing."""
        for key in ((quantity, measure, group), (quantity, measure, None), (quantity, None, None)):
            if key in self._known:
                return self._known[key]
        return None

    def draw(self, quantity: str, measure: str, rng: np.random.Generator, default: Distribution) -> float:
        """Draw from what is assumed, or from a default."""
        return sample(self.find(quantity, measure) or default, rng)


@dataclass(frozen=True, kw_only=True)
class Targets:
    """What one data set is pulled to.

    Attributes
    ----------
    mean : ndarray, shape (2, m)
        Group means in counts.
    cov : ndarray, shape (2, m, m)
        Group covariances in counts, divisor n - 1.
    alpha : ndarray, shape (m,)
        Reliability that the items of a scale of two items are to have; NaN where none is printed or assumed.
    odd_share : ndarray, shape (m,)
        Largest share of odd totals that leaves that reliability possible; 1 where it does not matter.
    """

    mean: Floats
    cov: Floats
    alpha: Floats
    odd_share: Floats


def draw_targets(
    study: Study, assumptions: Assumptions, columns: Columns, draw: xr.Dataset, rng: np.random.Generator
) -> Targets:
    """Draw the moments of one data set.

    Parameters
    ----------
    study : Study
        Without open readings.
    assumptions : Assumptions
        Those of the study.
    columns : Columns
        How measures are counted.
    draw : xarray.Dataset
        One reconstruction: ``mean`` (group, measure) and ``cov`` (group, measure, measure_2) in SD units of the total
        sample, categories as 0/1; ``location`` and ``scale`` (measure) where raw mean and SD are known.
    rng : numpy.random.Generator

    Returns
    -------
    Targets
        For the columns in their order.

    Raises
    ------
    InputError
        The raw mean or SD of a scale is neither printed nor assumed.
    """
    names = [name for name in columns.names if name in draw["measure"].values]
    mean = draw["mean"].transpose("group", "measure").sel(measure=names).values.astype(float)
    cov = draw["cov"].transpose("group", "measure", "measure_2").sel(measure=names, measure_2=names).values
    extra = [name for name in columns.names if name not in names]
    mean, cov = _with_other_measures(study, assumptions, columns, names, extra, mean, cov.astype(float), rng)
    order = [[*names, *extra].index(name) for name in columns.names]
    mean, cov = mean[:, order], cov[:, order][:, :, order]

    location, scale, alpha = np.zeros(len(order)), np.ones(len(order)), np.full(len(order), np.nan)
    for i, name in enumerate(columns.names):
        if not columns.binary[i]:
            location[i], scale[i], alpha[i] = _raw_units(study, assumptions, columns, draw, i, name, rng)
    mean, cov = _with_counts(study, columns, mean, cov)
    spread = scale / columns.grain
    variance = spread**2
    share = np.where(np.isnan(alpha), 1.0, 0.9 * variance * (1 - alpha))
    return Targets(
        mean=np.where(columns.binary, mean, (location + mean * scale - columns.origin) / columns.grain),
        cov=cov * spread[:, None] * spread[None, :],
        alpha=alpha,
        odd_share=np.where(columns.two_items, np.minimum(share, 1.0), 1.0),
    )


# -- raw units -------------------------------------------------------------------------------------------------------


def _raw_units(
    study: Study,
    assumptions: Assumptions,
    columns: Columns,
    draw: xr.Dataset,
    i: int,
    name: str,
    rng: np.random.Generator,
) -> tuple[float, float, float]:
    """Return raw mean, raw SD and reliability of a measure in the total sample."""
    location = _raw_number("location", "mean", study, assumptions, draw, name, rng)
    for _ in range(ATTEMPTS):
        scale = _raw_number("scale", "sd", study, assumptions, draw, name, rng)
        if not columns.two_items[i]:
            return location, scale, math.nan
        alpha = _reliability(study, assumptions, name, rng)
        # two items whose sum has this variance differ by too little, for this reliability, to leave odd sums
        if np.isnan(alpha) or (scale / columns.grain[i]) ** 2 * (1 - alpha) >= LEAST_ODD:
            return location, scale, alpha
    return location, scale, alpha


def _raw_number(
    variable: str,
    quantity: str,
    study: Study,
    assumptions: Assumptions,
    draw: xr.Dataset,
    name: str,
    rng: np.random.Generator,
) -> float:
    if variable in draw and name in draw["measure"].values:
        known = float(draw[variable].sel(measure=name))
        if np.isfinite(known):
            return known
    for fact in study.facts_of(quantity, of=name):
        if fact.group is None and fact.relation in ("=", "about"):
            return float(rng.uniform(fact.interval.low, fact.interval.high))
    assumed = assumptions.find(f"raw_{quantity}", name)
    if assumed is None:
        raise InputError(
            f"the {quantity} of measure {name!r} is not printed; an [[assumption]] of quantity 'raw_{quantity}' is needed",
            source=f"study {study.id}",
        )
    return sample(assumed, rng)


def _reliability(study: Study, assumptions: Assumptions, name: str, rng: np.random.Generator) -> float:
    facts = [fact for fact in study.facts_of("alpha", of=name) if not fact.subscale and not fact.group]
    low = max((fact.interval.low for fact in facts), default=-math.inf)
    high = min((fact.interval.high for fact in facts), default=1.0)
    if any(fact.relation == "=" for fact in facts):
        return (low + high) / 2
    assumed = assumptions.find("alpha", name)
    if assumed is None:
        return float(rng.uniform(low, high)) if math.isfinite(low) else math.nan
    edge = 0.02 * (high - max(low, -1.0))
    return float(np.clip(sample(assumed, rng), low + edge, high - edge))


# -- counts of a category --------------------------------------------------------------------------------------------


def _with_counts(study: Study, columns: Columns, mean: Floats, cov: Floats) -> tuple[Floats, Floats]:
    """Round the share of a category's second level to whole people, as near as the facts about it allow."""
    mean, cov = mean.copy(), cov.copy()
    for i in np.flatnonzero(columns.binary):
        counts = _nearest_counts(study, columns, columns.names[i], mean[:, i])
        for k, size in enumerate(columns.sizes):
            mean[k, i] = counts[k] / size
            cov[k, i, i] = counts[k] * (size - counts[k]) / (size * (size - 1))
    return mean, cov


def _nearest_counts(study: Study, columns: Columns, name: str, share: Floats) -> tuple[int, int]:
    first, second = columns.sizes
    pairs = [(a, b) for a in range(1, first) for b in range(1, second)]
    wished = np.array(pairs) / np.array(columns.sizes) - share
    facts = [fact for fact in study.facts if fact.of == name and fact.quantity.startswith("proportion")]
    for index in np.argsort((wished**2).sum(axis=1)):
        if all(_share_fits(study, fact, pairs[index], columns.sizes) for fact in facts):
            return pairs[index]
    raise InputError(f"no counts of {name!r} print {', '.join(fact.id for fact in facts)}", source=f"study {study.id}")


def _share_fits(study: Study, fact: Fact, counts: tuple[int, int], sizes: tuple[int, int]) -> bool:
    if fact.level == study.measure(fact.of or "").levels[0].id:
        counts = sizes[0] - counts[0], sizes[1] - counts[1]
    shares = dict(zip(study.group_ids, (counts[0] / sizes[0], counts[1] / sizes[1]), strict=True))
    if fact.between:
        value = shares[fact.between[0]] - shares[fact.between[1]]
    else:
        value = shares[fact.group] if fact.group else sum(counts) / sum(sizes)
    strict = fact.relation in ("<", ">") and value == float(fact.value) / (100 if fact.unit == "percent" else 1)
    return fact.holds(value) and not strict


# -- measures that the reconstruction does not have ------------------------------------------------------------------


def _with_other_measures(
    study: Study,
    assumptions: Assumptions,
    columns: Columns,
    names: Sequence[str],
    extra: Sequence[str],
    mean: Floats,
    cov: Floats,
    rng: np.random.Generator,
) -> tuple[Floats, Floats]:
    """Append measures one by one: a group difference, a ratio of variances, and correlations as LKJ implies them.

    Notes
    -----
    The canonical partial correlations of a new variable with those before it are independent under an LKJ(eta)
    distribution, Beta on (-1, 1) with parameter ``eta + (D - 1 - j) / 2`` for the j-th of D variables (Lewandowski,
    Kurowicka & Joe 2009). Both groups get the same ones but for a small difference on Fisher's scale. Measures are
    drawn again until the correlations that are printed about them hold.
    """
    known = list(names)
    for name in extra:
        bounds = _correlation_bounds(study, name, known)
        best, best_miss = None, math.inf
        for _ in range(ATTEMPTS):
            candidate = _appended(assumptions, columns, name, len(columns.names), mean, cov, rng)
            miss = _outside(candidate, columns.sizes, bounds)
            if miss < best_miss:
                best, best_miss = candidate, miss
            if miss == 0:
                break
        assert best is not None
        mean, cov = best
        known.append(name)
    return mean, cov


def _appended(
    assumptions: Assumptions,
    columns: Columns,
    name: str,
    dimension: int,
    mean: Floats,
    cov: Floats,
    rng: np.random.Generator,
) -> tuple[Floats, Floats]:
    share = np.array(columns.sizes) / sum(columns.sizes)
    gap = assumptions.draw("standardised_difference", name, rng, Distribution(dist="Normal", mu=0, sigma=0.4))
    log_ratio = assumptions.draw("log_variance_ratio", name, rng, Distribution(dist="Normal", mu=0, sigma=0.3))
    within = max(1 - share[0] * share[1] * gap**2, 0.1)
    ratio = np.exp(np.array([-0.5, 0.5]) * log_ratio)
    sd = np.sqrt(ratio * within / (share @ ratio))
    rows = _correlation_rows(assumptions, dimension, cov, rng)
    size = cov.shape[1]
    grown = np.zeros((2, size + 1, size + 1))
    grown[:, :size, :size] = cov
    for k in range(2):
        grown[k, size, :size] = grown[k, :size, size] = rows[k] * np.sqrt(np.diag(cov[k])) * sd[k]
        grown[k, size, size] = sd[k] ** 2
    return np.column_stack([mean, np.array([-share[1], share[0]]) * gap]), grown


def _correlation_rows(assumptions: Assumptions, dimension: int, cov: Floats, rng: np.random.Generator) -> list[Floats]:
    size = cov.shape[1]
    eta = (assumptions.find("correlation_matrix") or Distribution(dist="LKJ", eta=2)).eta or 2.0
    half = (
        0.5
        * sample(assumptions.find("correlation_difference") or Distribution(dist="Constant", value=0.0), rng)
        * rng.standard_normal(size)
    )
    b = np.maximum(eta + (dimension - 1 - np.arange(1, size + 1)) / 2, 0.5)
    partial = np.arctanh(np.clip(2 * rng.beta(b, b) - 1, -0.99, 0.99))
    rows = []
    for k, sign in enumerate((-1, 1)):
        z = np.tanh(partial + sign * half)
        stick = z * np.sqrt(np.concatenate([[1.0], np.cumprod(1 - z[:-1] ** 2)]))
        sd = np.sqrt(np.diag(cov[k]))
        rows.append(np.linalg.cholesky(cov[k] / np.outer(sd, sd)) @ stick)
    return rows


def _correlation_bounds(study: Study, name: str, known: Sequence[str]) -> list[tuple[int, int | None, Fact]]:
    """Return the printed correlations of a measure with those before it: position, group, fact."""
    bounds = []
    for fact in study.facts_of("correlation"):
        other = {fact.of, fact.with_} - {name}
        if name in (fact.of, fact.with_) and len(other) == 1 and (partner := other.pop()) in known:
            group = study.group_ids.index(fact.group) if fact.group else None
            bounds.append((known.index(partner), group, fact))
    return bounds


def _outside(
    moments: tuple[Floats, Floats], sizes: tuple[int, int], bounds: Sequence[tuple[int, int | None, Fact]]
) -> float:
    """Return how far the last measure's correlations are outside their printed intervals, summed."""
    mean, cov = moments
    n = np.array(sizes)
    gap = mean - n @ mean / n.sum()
    total = (np.einsum("k,kij->ij", n - 1.0, cov) + np.einsum("k,ki,kj->ij", 1.0 * n, gap, gap)) / (n.sum() - 1)
    miss = 0.0
    for position, group, fact in bounds:
        matrix = total if group is None else cov[group]
        r = matrix[-1, position] / math.sqrt(matrix[-1, -1] * matrix[position, position])
        interval: Interval = fact.interval
        value = abs(r) if fact.absolute else r
        miss += max(interval.low - value, value - interval.high, 0.0)
    return miss
