"""Difference of two groups' means."""

from __future__ import annotations

from .kind import Kind

KIND = Kind(
    name="mean_difference",
    meaning="mean of the first group minus mean of the second",
    words="mean difference",
    needs=("of", "between"),
    unit="measure",
    raw=True,
    settled_by="the means of both groups",
    value=lambda run, address: (
        run.mean(address.of, (address.between or ("", ""))[0]) - run.mean(address.of, (address.between or ("", ""))[1])
    ),
)
