"""Every sensitivity analysis of a case: what would have to be true for its conclusion to fail.

It is a function of a case whose result has tables, to be written as files, and tipping rows, for the one page on which
all stand side by side. A new one is a line in `ANALYSES`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Protocol

import pandas as pd

from ..spec import InputError
from .assumptions.sensitivity import assumptions
from .case import Case
from .confounding.sensitivity import confounding
from .imbalance.sensitivity import imbalance
from .limitations.sensitivity import limitations
from .priors.sensitivity import priors


class Sensitivity(Protocol):
    """What the result of a sensitivity analysis offers."""

    @property
    def tables(self) -> Mapping[str, pd.DataFrame]:
        """By file name without ``.csv``."""

    @property
    def tipping(self) -> pd.DataFrame:
        """With the columns of `hikibayes.robustness.tipping`; a row for each way in which the conclusion can fail."""


class Analysis(Protocol):
    """A sensitivity analysis: a function of a case."""

    def __call__(self, case: Case, /, *, seed: int, tell: Callable[[str], None] | None = None) -> Sensitivity:
        """Run it; raises `InputError` where the case has nothing for it to ask about."""
        ...


ANALYSES: Mapping[str, Analysis] = {
    "priors": partial(priors, shares=False, design=False),
    "confounding": confounding,
    "imbalance": imbalance,
    "limitations": limitations,
    "assumptions": assumptions,
}
"""Every sensitivity analysis that takes seconds, in the order of the report."""


def sensitivity_analyses(
    case: Case, *, seed: int, tell: Callable[[str], None] | None = None
) -> dict[str, pd.DataFrame]:
    """Run every sensitivity analysis of a case; one that has nothing to ask about is left out, and said.

    Parameters
    ----------
    case : Case
        What is analysed.
    seed : int
        Everything random follows from it.
    tell : callable, optional
        Told what begins.

    Returns
    -------
    dict of str to pandas.DataFrame
        Every analysis' tables by file name, and ``tipping``: the tipping rows of all of them.
    """
    done: list[Sensitivity] = []
    for name, analysis in ANALYSES.items():
        try:
            done.append(analysis(case, seed=seed, tell=tell))
        except InputError as error:
            # not every study has a category in which its groups could differ, say
            if tell:
                tell(f"leaving {name} out: {error}")
    tables = {name: table for each in done for name, table in each.tables.items()}
    return {**tables, "tipping": pd.concat([each.tipping for each in done if len(each.tipping)], ignore_index=True)}
