"""How tables are laid out in print, a layout a file; the first that fits a grid reads it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ..columns import Known, Understood
from ..grids import Grid
from . import comparisons, correlations, pairs, regressions, slopes


@dataclass(frozen=True)
class Layout:
    """A way to lay a table out: whether a grid is of it, and what its numbers are."""

    name: str
    fits: Callable[[Grid], bool]
    read: Callable[[Grid, Known], Understood]


LAYOUTS = (
    Layout("correlations", correlations.fits, correlations.read),
    Layout("pairs", pairs.fits, pairs.read),
    Layout("slopes", slopes.fits, slopes.read),
    Layout("regressions", regressions.fits, regressions.read),
    Layout("comparisons", comparisons.fits, comparisons.read),
)
