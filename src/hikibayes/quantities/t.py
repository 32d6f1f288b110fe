"""t of a difference of two group means: Welch's or Student's."""

from __future__ import annotations

from ..moments.tails import Array
from .analysis import Analysis
from .kind import Address, Kind

__all__ = ["t_and_df"]


def t_and_df(run: Analysis, address: Address) -> tuple[Array, Array]:
    """Return t and its degrees of freedom."""
    found, at = run.comparison(address.between or ("", "")), run.moments.position(address.of)
    if address.test == "student":
        return found.student_t[..., at], 0 * found.student_t[..., at] + found.student_df
    return found.welch_t[..., at], found.welch_df[..., at]


KIND = Kind(
    name="t",
    meaning="t of the difference of two group means",
    words="t",
    needs=("of", "between"),
    may=("test",),
    conventions=("test",),
    value=lambda run, address: t_and_df(run, address)[0],
)
