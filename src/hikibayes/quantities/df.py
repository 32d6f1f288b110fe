"""Degrees of freedom of a comparison of two group means."""

from __future__ import annotations

from .kind import Kind
from .t import t_and_df

KIND = Kind(
    name="df",
    meaning="degrees of freedom of that t",
    words="df",
    needs=("of", "between"),
    may=("test",),
    low=0,
    conventions=("test",),
    settled_by="the SDs of both groups",
    value=lambda run, address: t_and_df(run, address)[1],
)
