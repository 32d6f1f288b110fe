"""Standard error of a simple slope."""

from __future__ import annotations

from .kind import Kind
from .slope import slope_and_error

KIND = Kind(
    name="slope_se",
    meaning="its standard error",
    words="SE of the slope",
    needs=("of", "group", "step"),
    may=("standardised", "separate"),
    low=0,
    conventions=("separate",),
    settled_by="the slope, or means, SDs and correlations of the groups,",
    value=lambda run, address: slope_and_error(run, address)[1],
)
