"""Every doubt about a case, one after the other: what would have to be true for the claim to fail.

A doubt is a function of a case whose result has tables, to be written as files, and tipping rows, for the one page on
which all stand side by side. A new one is a line in `ANALYSES`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

import pandas as pd

from ..spec import InputError
from .case import Case
from .confounding.sensitivity import confounding_of
from .imbalance.sensitivity import imbalance_of
from .priors.sensitivity import priors_of

__all__ = ["ANALYSES", "TIPPING_COLUMNS", "Doubt", "doubts"]

TIPPING_COLUMNS = ("doubt", "what", "value", "lower", "upper", "sentence")
"""A row says which doubt, what would have to reach which value, its 5 % and 95 % quantile over the data sets (empty for
one data set), and all that in a sentence that a clinician can repeat."""


class Doubt(Protocol):
    """What a doubt's result offers."""

    @property
    def tables(self) -> Mapping[str, pd.DataFrame]:
        """By file name without ``.csv``."""

    @property
    def tipping(self) -> pd.DataFrame:
        """With `TIPPING_COLUMNS`; a row for each way in which the claim can fail."""


class Analysis(Protocol):
    """A sensitivity analysis: a function of a case."""

    def __call__(self, case: Case, *, seed: int, tell: Callable[[str], None] | None = None) -> Doubt:
        """Run it; raises `InputError` where the case has nothing for it to ask about."""
        ...


ANALYSES: Mapping[str, Analysis] = {
    "priors": priors_of,
    "confounding": confounding_of,
    "imbalance": imbalance_of,
}
"""Every sensitivity analysis that takes seconds, in the order of the report."""


def doubts(case: Case, *, seed: int, tell: Callable[[str], None] | None = None) -> dict[str, pd.DataFrame]:
    """Run every sensitivity analysis of a case; one that has nothing to ask about is left out, and said.

    Parameters
    ----------
    case : Case
        What is doubted.
    seed : int
        Everything random follows from it.
    tell : callable, optional
        Told what begins.

    Returns
    -------
    dict of str to pandas.DataFrame
        Every doubt's tables by file name, and ``tipping``: the tipping rows of all of them.
    """
    raised: list[Doubt] = []
    for name, analysis in ANALYSES.items():
        try:
            raised.append(analysis(case, seed=seed, tell=tell))
        except InputError as error:
            # not every study has a category in which its groups could differ, say
            if tell:
                tell(f"leaving {name} out: {error}")
    tables = {name: table for doubt in raised for name, table in doubt.tables.items()}
    return {**tables, "tipping": pd.concat([doubt.tipping for doubt in raised], ignore_index=True)}
