"""Standard error of a regression coefficient."""

from __future__ import annotations

from .coefficient import estimate_and_error
from .kind import Kind

KIND = Kind(
    name="coefficient_se",
    meaning="its standard error",
    words="SE of the coefficient",
    needs=("step", "term"),
    may=("standardised", "coding", "products"),
    low=0,
    conventions=("coding", "products"),
    settled_by="its coefficient in the table of the regression",
    value=lambda run, address: estimate_and_error(run, address)[1],
)
