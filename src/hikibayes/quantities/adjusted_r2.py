"""Adjusted coefficient of determination of a step."""

from __future__ import annotations

from .kind import Kind

KIND = Kind(
    name="adjusted_r2",
    meaning="adjusted coefficient of determination of a step",
    words="adjusted R²",
    needs=("step",),
    high=1,
    value=lambda run, address: run.regression(address.step).adjusted_r2,
)
