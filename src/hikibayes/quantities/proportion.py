"""Share of participants at a level of a category."""

from __future__ import annotations

from .kind import Kind

KIND = Kind(
    name="proportion",
    meaning="share of participants at a level",
    words="proportion",
    needs=("of", "level"),
    may=("group",),
    low=0,
    high=1,
    unit="proportion",
    value=lambda run, address: run.share(address.of, str(address.level), address.group),
)
