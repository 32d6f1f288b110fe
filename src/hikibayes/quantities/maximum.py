"""The largest value in a sample; group moments do not determine it."""

from __future__ import annotations

from .kind import Kind

KIND = Kind(
    name="maximum",
    meaning="largest value in the sample",
    words="maximum",
    needs=("of",),
    may=("group",),
    unit="measure",
    whole=True,
    settled_by="a mean",
)
