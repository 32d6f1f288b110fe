"""The smallest value in a sample; group moments do not determine it."""

from __future__ import annotations

from .kind import Kind

KIND = Kind(
    name="minimum",
    meaning="smallest value in the sample",
    words="minimum",
    needs=("of",),
    may=("group",),
    unit="measure",
    whole=True,
    settled_by="a mean",
)
