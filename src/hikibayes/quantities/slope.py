"""Conditional effects: simple slopes, predicted values, and where a slope begins to differ from 0.

A slope of a measure is that in a group, at values of moderators, or both; from one model with products, or from a
regression of the group alone.
"""

from __future__ import annotations

from ..moments import predicted_value, simple_slope
from ..moments.tails import Array
from .analysis import Analysis
from .estimates import Estimate, kinds_of
from .kind import Address, Kind


def slope_and_error(run: Analysis, address: Address) -> tuple[Array, Array, Array]:
    """Return a slope, its standard error and the degrees of freedom, raw or standardised."""
    apart = address.separate and address.group
    at = 0 if apart or not address.group else run.index(address.group)
    # a slope is free of any coding; raw products need no z scores of the columns
    fit = run.of_group(address.step, str(address.group)) if apart else run.regression(address.step)
    held = run.held(address.at)
    slope, error = simple_slope(fit, address.of, at, held, standardised=address.standardised)
    return slope, error, fit.df


def _predicted(run: Analysis, address: Address) -> tuple[Array, Array, Array]:
    fit = run.regression(address.step)
    at = run.index(address.group) if address.group else 0
    return *predicted_value(fit, at, run.held(address.at)), fit.df


SLOPE = Estimate(
    name="slope",
    meaning="simple slope of a measure: in a group, at values of other measures",
    words="slope",
    needs=("of", "step"),
    may=("group", "at", "standardised", "separate"),
    conventions=("separate",),
    settled_by="its standard error or p",
    compute=slope_and_error,
)
PREDICTED = Estimate(
    name="predicted",
    meaning="predicted (adjusted) mean of the outcome: in a group, at values of measures, others at their means",
    words="predicted value",
    needs=("step",),
    may=("group", "at"),
    settled_by="the coefficients of its step",
    compute=_predicted,
    roles=("", "se", "ci_low", "ci_high"),
)


def _bound(name: str, meaning: str) -> Kind:
    return Kind(
        name=name,
        meaning=f"{meaning} value of a moderator (`with`) at which the slope is just significant",
        words=f"{meaning} Johnson-Neyman bound",
        needs=("of", "with", "step"),
        may=("group", "confidence", "errors"),
        conventions=("confidence",),
        settled_by="slopes at values of the moderator",
    )


KINDS = (*kinds_of(SLOPE), *kinds_of(PREDICTED), _bound("jn_low", "lower"), _bound("jn_high", "upper"))
