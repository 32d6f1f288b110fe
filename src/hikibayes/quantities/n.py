"""Number of participants."""

from __future__ import annotations

from ..moments.tails import Array
from .analysis import Analysis
from .kind import Address, Kind


def _value(run: Analysis, address: Address) -> Array:
    return run.moments.n[run.index(address.group)] if address.group else run.moments.total_n


KIND = Kind(
    name="n",
    meaning="number of participants",
    words="number of participants",
    may=("group",),
    low=0,
    unit="participants",
    whole=True,
    settled_by="the sizes of both groups and of the whole sample together",
    value=_value,
)
