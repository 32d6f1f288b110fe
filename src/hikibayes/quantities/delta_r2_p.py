"""p of the F test of what a step adds."""

from __future__ import annotations

from .delta_r2 import steps
from .kind import Kind

KIND = Kind(
    name="delta_r2_p",
    meaning="p of the F test of that difference",
    words="p of ΔR²",
    needs=("step",),
    low=0,
    high=1,
    settled_by="the increase it belongs to",
    value=lambda run, address: steps(run, address)[2],
)
