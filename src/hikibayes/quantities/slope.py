"""Simple slope of a measure in a group: from one model with products, or from a regression of that group alone."""

from __future__ import annotations

from ..moments import simple_slope
from ..moments.tails import Array
from .analysis import Analysis
from .kind import Address, Kind

__all__ = ["slope_and_error"]


def slope_and_error(run: Analysis, address: Address) -> tuple[Array, Array, Array]:
    """Return a slope, its standard error and the degrees of freedom, raw or standardised."""
    at = run.index(str(address.group))
    # a slope is free of any coding; raw products need no z scores of the columns
    fit = run.of_group(address.step, str(address.group)) if address.separate else run.regression(address.step)
    slope, error = simple_slope(fit, address.of, 0 if address.separate else at, standardised=address.standardised)
    return slope, error, fit.df


KIND = Kind(
    name="slope",
    meaning="simple slope of a measure in a group",
    words="slope",
    needs=("of", "group", "step"),
    may=("standardised", "separate"),
    conventions=("separate",),
    settled_by="its standard error or p",
    value=lambda run, address: slope_and_error(run, address)[0],
)
