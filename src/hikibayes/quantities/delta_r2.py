"""What a step explains beyond the one it follows; a first step, beyond nothing."""

from __future__ import annotations

from ..moments import increment
from ..moments.tails import Array
from .analysis import Analysis
from .kind import Address, Kind

__all__ = ["steps"]


def steps(run: Analysis, address: Address) -> tuple[Array, Array, Array]:
    """Return the increase of R2, its F and its p."""
    before = run.outline.after[address.step]
    return increment(run.regression(address.step), run.regression(before) if before else None)


def _value(run: Analysis, address: Address) -> Array:
    if not address.adjusted:
        return steps(run, address)[0]
    before = run.outline.after[address.step]
    less = run.regression(before).adjusted_r2 if before else 0.0
    return run.regression(address.step).adjusted_r2 - less


KIND = Kind(
    name="delta_r2",
    meaning="R2 of a step minus R2 of the step it follows",
    words="ΔR²",
    needs=("step",),
    may=("adjusted",),
    low=-1,
    high=1,
    conventions=("adjusted",),
    settled_by="the R2 of both steps, or its p",
    value=_value,
)
