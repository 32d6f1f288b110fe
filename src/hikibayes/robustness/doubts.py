"""Every doubt about a case, one after the other: what would have to be true for the claim to fail.

A doubt is a function of a case whose result has tables, to be written as files, and tipping rows, for the one page on
which all doubts stand side by side. Adding a doubt is adding it to `doubts`.
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

__all__ = ["TIPPING_COLUMNS", "Doubt", "doubts"]

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


def doubts(case: Case, *, seed: int, tell: Callable[[str], None] | None = None) -> dict[str, pd.DataFrame]:
    """Raise every doubt about a case, as far as it takes seconds.

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
    raised: list[Doubt] = [priors_of(case, seed=seed, tell=tell), confounding_of(case, seed=seed, tell=tell)]
    try:
        raised.append(imbalance_of(case, seed=seed, tell=tell))
    except InputError as error:
        # not every study has a category in which its groups could differ
        if tell:
            tell(f"leaving the imbalance out: {error}")
    tables = {name: table for doubt in raised for name, table in doubt.tables.items()}
    return {**tables, "tipping": pd.concat([doubt.tipping for doubt in raised], ignore_index=True)}
