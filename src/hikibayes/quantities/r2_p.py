"""p of the F test of a whole step."""

from __future__ import annotations

from .kind import Kind

KIND = Kind(
    name="r2_p",
    meaning="p of the F test of a whole step",
    words="p of R²",
    needs=("step",),
    low=0,
    high=1,
    value=lambda run, address: run.regression(address.step).f_p,
)
