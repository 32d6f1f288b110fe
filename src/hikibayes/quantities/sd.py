"""Standard deviation of a measure."""

from __future__ import annotations

from .kind import Kind

KIND = Kind(
    name="sd",
    meaning="standard deviation (divisor n - 1)",
    words="SD",
    needs=("of",),
    may=("group",),
    low=0,
    unit="measure",
    raw=True,
    settled_by="the mean it belongs to",
    value=lambda run, address: run.variance(address.of, address.group) ** 0.5,
)
