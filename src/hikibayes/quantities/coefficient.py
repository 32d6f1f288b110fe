"""Regression coefficient: B, or beta by one of the conventions for products."""

from __future__ import annotations

from ..moments.tails import Array
from .analysis import Analysis
from .kind import Address, Kind

__all__ = ["estimate_and_error"]


def estimate_and_error(run: Analysis, address: Address) -> tuple[Array, Array, Array]:
    """Return a coefficient, its standard error and the degrees of freedom, raw or standardised."""
    fit = run.regression(address.step, address.coding, address.products)  # type: ignore[arg-type]
    at = fit.design.position(str(address.term))
    if address.standardised:
        return fit.standardised[..., at], fit.standardised_se[..., at], fit.df
    return fit.coefficient[..., at], fit.se[..., at], fit.df


KIND = Kind(
    name="coefficient",
    meaning="regression coefficient",
    words="coefficient",
    needs=("step", "term"),
    may=("standardised", "coding", "products"),
    conventions=("coding", "products"),
    settled_by="its standard error or p in the table of the regression",
    value=lambda run, address: estimate_and_error(run, address)[0],
)
