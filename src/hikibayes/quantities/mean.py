"""Mean of a measure."""

from __future__ import annotations

from .kind import Kind

KIND = Kind(
    name="mean",
    meaning="mean",
    words="mean",
    needs=("of",),
    may=("group",),
    unit="measure",
    raw=True,
    settled_by="its SD, or the means of the groups",
    value=lambda run, address: run.mean(address.of, address.group),
)
