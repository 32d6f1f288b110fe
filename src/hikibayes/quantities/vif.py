"""Variance inflation factor of a term, or the greatest of a step."""

from __future__ import annotations

from ..moments.tails import Array
from .analysis import Analysis
from .kind import Address, Kind


def _value(run: Analysis, address: Address) -> Array:
    fit = run.regression(address.step, address.coding, address.products)  # type: ignore[arg-type]
    if address.term:
        return fit.vif[..., fit.design.position(address.term)]
    return fit.vif.min(-1) if address.least else fit.vif.max(-1)


KIND = Kind(
    name="vif",
    meaning="variance inflation factor; without term: greatest",
    words="VIF",
    needs=("step",),
    may=("term", "coding", "products"),
    low=1,
    conventions=("coding", "products"),
    settled_by="a coefficient with its standard error or p in the same step, or the VIF column of its table",
    value=_value,
)
