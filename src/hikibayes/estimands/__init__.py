"""Kinds of estimands, one file each: truth in a population, draws, contrast of the exact engine, words.

Study files, both engines, planning and the reports read this one description. A new kind is one new file and its line
here.
"""

from . import delta_r2, group_gap, r2, slope, slope_change, slope_difference
from .kind import Asked, Kind, Names, Outline, Scenario

__all__ = ["KINDS", "Asked", "Kind", "Names", "Outline", "Scenario"]

KINDS: dict[str, Kind] = {
    module.KIND.name: module.KIND
    for module in (
        slope,
        slope_difference,
        slope_change,
        group_gap,
        r2,
        delta_r2,
    )
}
