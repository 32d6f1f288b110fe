"""What would have to be true for a conclusion to fail: the rows of ``tipping.csv``."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

COLUMNS = ("analysis", "what", "value", "lower", "upper", "sentence")
"""A row says which analysis, what would have to reach which value, its 5 % and 95 % quantile over the data sets (empty
for one data set), and all that in a sentence that a clinician can repeat."""
NOWHERE = (float("nan"), float("nan"))
"""Limits of a value that is one, whatever the data set."""


def tipping_row(
    analysis: str, what: str, value: float, limits: tuple[float, float], sentence: str
) -> dict[str, str | float]:
    """Return a row with `COLUMNS`."""
    return dict(zip(COLUMNS, (analysis, what, value, *limits, sentence), strict=True))


def over_data_sets(values: ArrayLike) -> tuple[float, float]:
    """Return the 5 % and 95 % quantile of a value over those data sets that have one; `NOWHERE` over one alone."""
    known = np.asarray(values, dtype=np.float64)
    known = known[np.isfinite(known)]
    low, high = np.quantile(known, [0.05, 0.95]).tolist() if len(known) > 1 else NOWHERE
    return low, high
