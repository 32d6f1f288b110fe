"""Cronbach's alpha; group moments do not determine it."""

from __future__ import annotations

from .kind import Kind

KIND = Kind(
    name="alpha",
    meaning="Cronbach's alpha",
    words="Cronbach’s α",
    needs=("of",),
    may=("group", "subscale"),
    high=1,
)
