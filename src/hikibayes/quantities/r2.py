"""Coefficient of determination of a step."""

from __future__ import annotations

from .kind import Kind

KIND = Kind(
    name="r2",
    meaning="coefficient of determination of a step",
    words="R²",
    needs=("step",),
    low=0,
    high=1,
    settled_by="the adjusted R2, or the step's p",
    value=lambda run, address: run.regression(address.step).r2,
)
