"""Kinds of estimands, one file each: truth in a population, draws, contrast of the exact engine, words.

Study files, both engines, planning and the reports read this one description. A new kind is one new file and its line
here.
"""

from . import adjusted_difference, delta_r2, interaction, r2, slope, slope_change, slope_difference
from .kind import Asked, Kind, Names, Outline, Scenario

__all__ = ["KINDS", "Asked", "Kind", "Names", "Outline", "Scenario"]

KINDS: dict[str, Kind] = {
    module.KIND.name: module.KIND
    for module in (
        slope,
        slope_difference,
        slope_change,
        adjusted_difference,
        interaction,
        r2,
        delta_r2,
    )
}
