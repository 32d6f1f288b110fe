"""What calibration assumes about the numbers a paper does not print.

Every entry comes from an `Assumption` of the study where there is one; the defaults below hold for a study that makes
none, and are wide.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from ...arrays import FloatArray
from ...distributions import Distribution
from ...spec import InputError
from ...study.facts import Assumption, Fact
from ...study.study import Study
from .layout import Layout

ETA = 2.0
CORRELATION_GAP = 0.15
LOG_VARIANCE_RATIO = 0.3
RESIDUAL_LOG_VARIANCE_RATIO = 0.2
PRODUCT_SCALE = 0.25
DIFFERENCE = 0.5
COEFFICIENT, PRINTED_COEFFICIENT = 0.3, 0.5
INTERACTION = 0.2
GROUP_COEFFICIENT = 1.0
SHARE = (2.0, 2.0)


@dataclass(frozen=True, kw_only=True)
class Normal:
    """Independent normal distributions, each perhaps cut at a lower and an upper limit."""

    mean: FloatArray
    sd: FloatArray
    lower: FloatArray
    upper: FloatArray


@dataclass(frozen=True, kw_only=True)
class Priors:
    """The prior of every free number of a study's moments; p predictors, c of them categories, q products, k groups.

    Attributes
    ----------
    share : ndarray, shape (k, c, 2)
        Beta parameters of the share of the second level, by group and category.
    difference : Normal, length p - q - c + 1
        One group minus another (of two: the second minus the first), in SD of the total sample: the numbers among the
        predictors, then the outcome.
    log_variance_ratio : Normal, length p - c
        Log of the variance in one group over another (of two: the second over the first).
    product_scale : Normal, length q
        Log of the SD of a product of z scores, over that of normal scores.
    eta : float
        LKJ parameter of the joint correlation matrix of group, predictors and outcome.
    correlation_gap : float
        SD of the difference between the groups' correlations, on the arctanh scale.
    coefficient_sd : ndarray, shape (k (p + 1) - 1,)
        Of the saturated coefficients, around 0.
    residual_log_variance_ratio : Normal, length 1
        Log of the residual variance in one group over another.
    location, log_scale : Normal, length p + 1
        Raw mean and log raw SD of predictors and outcome; the entries of categories and products are empty (NaN).
    signs : dict of str to int
        Assumed sign of a measure's correlation with the outcome.
    """

    share: FloatArray
    difference: Normal
    log_variance_ratio: Normal
    product_scale: Normal
    eta: float
    correlation_gap: float
    coefficient_sd: FloatArray
    residual_log_variance_ratio: Normal
    location: Normal
    log_scale: Normal
    signs: dict[str, int]

    @classmethod
    def of(cls, study: Study, layout: Layout) -> Priors:
        """Collect a study's assumptions.

        Raises
        ------
        InputError
            An assumption in a family that its quantity cannot use here, or one that favours one of several groups.
        """
        numbers = layout.measures[layout.categories :]
        raw = [_raw_units(study, name) for name in (*layout.predictors, layout.outcome)]
        return cls(
            share=_shares(study, layout),
            difference=_between_groups(study, "standardised_difference", (*numbers, layout.outcome), DIFFERENCE),
            log_variance_ratio=_between_groups(
                study, "log_variance_ratio", layout.predictors[layout.categories :], LOG_VARIANCE_RATIO
            ),
            product_scale=_stack([(0.0, PRODUCT_SCALE, -math.inf, math.inf)] * layout.products),
            eta=_parameter(study, "correlation_matrix", "eta", ETA),
            correlation_gap=_parameter(study, "correlation_difference", "sigma", CORRELATION_GAP),
            coefficient_sd=_coefficient_sds(study, layout),
            residual_log_variance_ratio=_between_groups(
                study, "residual_log_variance_ratio", (layout.outcome,), RESIDUAL_LOG_VARIANCE_RATIO
            ),
            location=_stack([location for location, _ in raw]),
            log_scale=_stack([log_scale for _, log_scale in raw]),
            signs={
                name: int(math.copysign(1, assumption.distribution.value or 0))
                for assumption in study.assumptions
                if assumption.quantity == "correlation_sign"
                for name in assumption.about
            },
        )


def _parameter(study: Study, quantity: str, name: str, default: float) -> float:
    assumption = study.assumed(quantity)
    if assumption is None:
        return default
    value = assumption.distribution.parameters.get(name)
    if value is None:
        raise InputError(f"{assumption.distribution} cannot be used; give {name}", key=f"assumption {assumption.id!r}")
    return float(value)


def _between_groups(study: Study, quantity: str, names: tuple[str, ...], default_sd: float) -> Normal:
    chosen = [study.assumed(quantity, name) for name in names]
    found = _stack([_normal(assumption, (0.0, default_sd)) for assumption in chosen])
    lopsided = (found.mean != 0) | np.isfinite(found.lower) | np.isfinite(found.upper)
    if len(study.groups) > 2 and lopsided.any():
        assumption = chosen[int(lopsided.argmax())]
        raise InputError(
            f"{assumption.distribution if assumption else ''} says which of two groups is higher, and there are "
            f"{len(study.groups)}; accepted: Normal around 0, of any two groups",
            key=f"assumption {assumption.id if assumption else ''!r}",
        )
    return found


def _normal(assumption: Assumption | None, default: tuple[float, float]) -> tuple[float, float, float, float]:
    """Return mean, SD and limits of an assumption in a family of the normal's kind."""
    if assumption is None:
        return (*default, -math.inf, math.inf)
    distribution = assumption.distribution
    if distribution.dist == "Constant":
        return distribution.parameters["value"], 0.0, -math.inf, math.inf
    if distribution.dist not in ("Normal", "TruncatedNormal"):
        raise InputError(
            f"{distribution} cannot be used; accepted: Normal, TruncatedNormal, Constant",
            key=f"assumption {assumption.id!r}",
        )
    limits = {"lower": -math.inf, "upper": math.inf, **distribution.parameters}
    return limits["mu"], limits["sigma"], limits["lower"], limits["upper"]


def _stack(rows: list[tuple[float, float, float, float]]) -> Normal:
    table = np.array(rows, dtype=float).reshape(-1, 4)
    return Normal(mean=table[:, 0], sd=table[:, 1], lower=table[:, 2], upper=table[:, 3])


def _shares(study: Study, layout: Layout) -> FloatArray:
    def beta(name: str, group: str) -> tuple[float, float]:
        assumption = study.assumed("proportion", name, group)
        if assumption is None:
            return SHARE
        distribution: Distribution = assumption.distribution
        if distribution.dist != "Beta":
            raise InputError(f"{distribution} cannot be used; accepted: Beta", key=f"assumption {assumption.id!r}")
        return distribution.parameters["alpha"], distribution.parameters["beta"]

    categories = layout.predictors[: layout.categories]
    return np.array([[beta(name, group) for name in categories] for group in layout.groups]).reshape(layout.k, -1, 2)


def _raw_units(study: Study, name: str) -> tuple[tuple[float, float, float, float], tuple[float, float, float, float]]:
    """Return the priors of raw mean and log raw SD; without an assumption they follow from the measure's range."""
    if ":" in name or (measure := study.measure(name)).kind == "category":
        return (math.nan,) * 4, (math.nan,) * 4
    low, high = measure.limits
    location = _normal(study.assumed("raw_mean", name), ((low + high) / 2, (high - low) / 4))
    of_sd = study.assumed("raw_sd", name)
    if of_sd is None:
        return location, (math.log((high - low) / 5), 0.5, -math.inf, math.inf)
    mean, sd, lower, upper = _normal(of_sd, (0.0, 0.0))
    return location, (math.log(mean), sd / mean, math.log(lower) if lower > 0 else -math.inf, math.log(upper))


def _coefficient_sds(study: Study, layout: Layout) -> FloatArray:
    """Small for what was not printed or was called not significant, wide for what was."""
    coefficient = _parameter(study, "coefficient", "sigma", COEFFICIENT)
    interaction = _parameter(study, "interaction", "sigma", INTERACTION)
    reported = reported_columns(study, layout)
    sds = np.where([":" in column for column in layout.columns], interaction, coefficient)
    sds = np.where([column in reported for column in layout.columns], PRINTED_COEFFICIENT, sds)
    sds[: layout.k - 1] = GROUP_COEFFICIENT
    return sds


def reported_columns(study: Study, layout: Layout) -> set[str]:
    """Name the saturated columns of which something was printed: no assumption about coefficients is about these."""
    return {column for fact in study.facts for column in _reported(study, layout, fact)}


def _reported(study: Study, layout: Layout, fact: Fact) -> set[str]:
    """Name the saturated columns about which a fact says more than "not significant"."""
    if fact.quantity in ("coefficient", "coefficient_se") or (
        fact.quantity == "coefficient_p" and fact.relation in ("=", "<", "<=") and fact.value <= 0.05
    ):
        names = layout.measures_of(str(fact.term))
        if not names:
            return set()
        of_groups = len(names) < len(str(fact.term).split(":"))
        product = layout.product(names)
        return {f"{contrast}:{product}" for contrast in layout.contrasts} if of_groups else {product}
    if fact.quantity == "slope":
        moderated = [layout.product((str(fact.of), name)) for name, _ in fact.at or ()]
        beside = [f"{contrast}:{fact.of}" for contrast in layout.contrasts if fact.group]
        return {str(fact.of), *moderated, *beside}
    if fact.quantity == "correlation" and study.analysis.outcome in (fact.of, fact.with_) and fact.relation == "=":
        return {str(fact.of), str(fact.with_)} & set(layout.columns)
    return set()
