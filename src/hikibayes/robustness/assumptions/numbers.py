"""What an assumption is about, read back off reconstructions, and how its density changes when it is another.

A reconstruction's group moments determine the numbers that calibration draws (but for the differences between the
groups' correlations), so that draws under one assumption are draws under another once they are weighted by the ratio of
the two densities.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import xarray as xr

from ...arrays import FloatArray
from ...distributions import Distribution
from ...reconstruction.posterior.layout import Layout
from ...reconstruction.posterior.priors import reported_columns
from ...study.facts import Assumption
from ...study.moments import total_moments
from ...study.study import Study

type Numbers = dict[str, FloatArray]
"""Of R reconstructions, by what each number is of."""


@dataclass(frozen=True, kw_only=True)
class Reconstructed:
    """Reconstructions as calibration has them.

    Parameters
    ----------
    study : Study
        With its readings decided.
    layout : Layout
        Its groups and predictors.
    moments : xarray.Dataset
        Group moments of R draws, numbers in SD units of the total sample, categories 0/1.
    """

    study: Study
    layout: Layout
    moments: xr.Dataset

    def mean(self, name: str) -> FloatArray:
        """Return a measure's group means, shape (R, k)."""
        chosen = self.moments["mean"].sel(measure=name, group=list(self.layout.groups))
        return np.asarray(chosen.transpose("draw", "group").values)

    def cov(self, rows: list[str], columns: list[str]) -> FloatArray:
        """Return covariances within groups, shape (R, k, rows, columns)."""
        chosen = self.moments["cov"].sel(group=list(self.layout.groups), measure=rows, measure_2=columns)
        return np.asarray(chosen.transpose("draw", "group", "measure", "measure_2").values)

    @property
    def two(self) -> bool:
        """Whether there are two groups, so that "one minus the other" is one number."""
        return self.layout.k == 2

    @property
    def numbers(self) -> list[str]:
        """Every predictor that is a number, and no product."""
        return list(self.layout.measures[self.layout.categories :])

    def within(self) -> tuple[FloatArray, FloatArray]:
        """Return slopes (R, k, p), in SD per SD, and residual variances (R, k) of each group's own regression."""
        names, outcome = list(self.layout.predictors), [self.layout.outcome]
        xx, xy, yy = self.cov(names, names), self.cov(names, outcome), self.cov(outcome, outcome)
        slope = np.linalg.solve(xx, xy)[..., 0]
        left = yy[..., 0, 0] - np.einsum("rkp,rkp->rk", slope, xy[..., 0])
        _, total = total_moments(self.moments)
        sd = np.ones((len(slope), self.layout.p))
        for j, name in enumerate(names[: self.layout.categories]):
            sd[:, j] = np.sqrt(total.sel(measure=name, measure_2=name).values)
        return slope * sd[:, None], left


# -- the numbers of each kind of assumption --------------------------------------------------------------------------


def _differences(made: Reconstructed) -> Numbers:
    names = [*made.numbers, made.layout.outcome] if made.two else []
    return {name: np.diff(made.mean(name), axis=1)[:, 0] for name in names}


def _variance_ratios(made: Reconstructed) -> Numbers:
    names = made.numbers if made.two else []
    return {name: np.diff(np.log(made.cov([name], [name])[..., 0, 0]), axis=1)[:, 0] for name in names}


def _residual_ratio(made: Reconstructed) -> Numbers:
    if not made.two or made.layout.products:
        return {}
    return {made.layout.outcome: np.diff(np.log(made.within()[1]), axis=1)[:, 0]}


def _coefficients(made: Reconstructed) -> Numbers:
    """Return the coefficients of the saturated regression that nothing was printed of, without those of groups."""
    layout = made.layout
    if layout.k > 2 or layout.products:
        return {}
    slope, codes = made.within()[0], layout.codes
    beside = np.diff(slope, axis=1)[:, 0] / np.diff(codes[:, 0]) if made.two else slope[:, :0, 0]
    common = slope[:, 0] - codes[0, 0] * beside if made.two else slope[:, 0]
    every = dict(zip(layout.columns[layout.k - 1 :], np.concatenate([common, beside], axis=1).T, strict=True))
    reported = reported_columns(made.study, layout)
    return {name: values for name, values in every.items() if name not in reported}


def _raw(made: Reconstructed, variable: str, fact: str) -> Numbers:
    """Return raw means, or logs of raw SDs, that facts in raw units speak of and that are not printed themselves."""
    printed = {f.of for f in made.study.facts_of(fact) if f.group is None}
    names = [name for name in (*made.numbers, made.layout.outcome) if name not in printed]
    found = {name: made.moments[variable].sel(measure=name).values for name in names if variable in made.moments}
    return {name: values for name, values in found.items() if np.isfinite(values).all()}


KINDS: Mapping[str, Callable[[Reconstructed], Numbers]] = {
    "standardised_difference": _differences,
    "log_variance_ratio": _variance_ratios,
    "residual_log_variance_ratio": _residual_ratio,
    "coefficient": lambda made: {name: v for name, v in _coefficients(made).items() if ":" not in name},
    "interaction": lambda made: {name: v for name, v in _coefficients(made).items() if ":" in name},
    "proportion": lambda made: {
        f"{name}, {group}": made.mean(name)[:, i]
        for name in made.layout.measures[: made.layout.categories]
        for i, group in enumerate(made.layout.groups)
    },
    "raw_mean": lambda made: _raw(made, "location", "mean"),
    "raw_sd": lambda made: {name: np.log(v) for name, v in _raw(made, "scale", "sd").items()},
    "correlation_matrix": lambda made: {},
    "correlation_difference": lambda made: {},
}
"""What calibration draws for each kind of assumption that standardised answers can follow; of the last two nothing that
the moments determine one by one."""
CENTRED = ("coefficient", "interaction", "correlation_difference")
"""Kinds whose distributions are around 0, whatever a file says."""


def enters(assumption: Assumption, made: Reconstructed) -> bool:
    """Tell whether calibration draws anything by an assumption."""
    if assumption.quantity not in KINDS:
        return False
    known = {*made.layout.predictors, made.layout.outcome}
    speaks_of_none = assumption.about and not known & set(assumption.about)
    return not speaks_of_none and (not assumption.quantity.startswith("raw_") or bool(numbers_of(assumption, made)))


def numbers_of(assumption: Assumption, made: Reconstructed) -> Numbers:
    """Return the numbers that one assumption governs, and no other; none where the moments do not determine them."""

    def governs(label: str) -> bool:
        name, _, group = label.partition(", ")
        return made.study.assumed(assumption.quantity, name, group or None) is assumption

    return {label: values for label, values in KINDS[assumption.quantity](made).items() if governs(label)}


# -- other assumptions -----------------------------------------------------------------------------------------------


def changed(assumption: Assumption, shift: float, stretch: float) -> Distribution | None:
    """Return an assumption's distribution with its centre moved and its width changed; None where it cannot be.

    Parameters
    ----------
    assumption : Assumption
    shift : float
        In its own SDs.
    stretch : float
        Of its SD; of LKJ's eta the inverse.
    """
    distribution, numbers = assumption.distribution, assumption.distribution.parameters
    if shift and assumption.quantity in CENTRED:
        return None
    if distribution.dist in ("Normal", "TruncatedNormal"):
        sigma = numbers["sigma"]
        found = {**numbers, "mu": numbers.get("mu", 0.0) + shift * sigma, "sigma": sigma * stretch}
        return Distribution.model_validate({"dist": distribution.dist, **found})
    if distribution.dist == "LKJ" and not shift:
        return Distribution.model_validate({"dist": "LKJ", "eta": numbers["eta"] / stretch})
    return _beta(numbers, shift, stretch) if distribution.dist == "Beta" else None


def _beta(numbers: Mapping[str, float], shift: float, stretch: float) -> Distribution | None:
    from scipy import stats  # half a second, which a report need not wait for

    own = stats.beta(numbers["alpha"], numbers["beta"])
    mean, sd = float(own.mean() + shift * own.std()), float(own.std() * stretch)
    size = mean * (1 - mean) / sd**2 - 1
    if not 0 < mean < 1 or size <= 0:
        return None
    return Distribution.model_validate({"dist": "Beta", "alpha": mean * size, "beta": (1 - mean) * size})


def log_ratio(values: FloatArray, assumption: Assumption, now: Distribution) -> FloatArray:
    """Return the log density of numbers under another distribution over that as assumed, but for a constant.

    The limits of a truncated normal are walls for the draws whatever its centre. A raw SD is drawn on the log scale.
    """

    def log_density(of: Distribution) -> FloatArray:
        if assumption.quantity == "raw_sd":
            mu, sigma = of.parameters["mu"], of.parameters["sigma"]
            return np.asarray(-0.5 * ((values - np.log(mu)) * mu / sigma) ** 2)
        if of.dist == "Beta":
            a, b = of.parameters["alpha"], of.parameters["beta"]
            return np.asarray((a - 1) * np.log(values) + (b - 1) * np.log1p(-values))
        return np.asarray(-0.5 * ((values - of.parameters.get("mu", 0.0)) / of.parameters["sigma"]) ** 2)

    return log_density(now) - log_density(assumption.distribution)
