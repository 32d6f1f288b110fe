"""`confounding`: how strong something must be that nobody measured."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from ..verb import Outcome, verb
from .sensitivity import TARGET, analysed, outcome

if TYPE_CHECKING:
    from ..run import Run

SHOWN = ["estimand", "basis", "estimate", "se", "df", "partial_r2", "rv", "rv_alpha", "e_value", "e_value_limit"]


@verb(
    *TARGET,
    click.Option(
        ["--benchmark", "benchmarks"], multiple=True, metavar="MEASURE", help="May be repeated.  [default: all]"
    ),
    click.Option(["-k", "k"], multiple=True, type=float, default=(1, 2, 3), show_default=True, help="Times as strong."),
    click.Option(["--alpha"], type=float, default=0.05, show_default=True, help="Two-sided error of the limits."),
    files=("confounding.csv", "confounding_*.csv", "tipping.csv", "figures/"),
    pictured=True,
)
def confounding(run: Run, **given: Any) -> Outcome:
    """Ask how strong something that nobody measured must be to explain the answer away.

    Takes a study, or the folder of a fit.
    """
    from ...robustness.confounding.sensitivity import confounding

    found, case = analysed(run, confounding, **given)
    title = f"{given['what']}: unmeasured confounding, seed {run.seed}"
    return outcome(found, case, found.table, found.table[SHOWN], title)
