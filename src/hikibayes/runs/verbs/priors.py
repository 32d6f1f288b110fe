"""`priors`: what other priors would have given."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from ..verb import Outcome, verb
from .sensitivity import TARGET, analysed, outcome

if TYPE_CHECKING:
    from ..run import Run

SHOWN = ["prior", "mean", "sd", "lower", "upper", "p_positive", "bf10"]


@verb(
    *TARGET,
    click.Option(
        ["--design/--no-design"],
        default=True,
        show_default=True,
        help="Simulate what the width of the analysis' prior costs a follow-up.",
    ),
    files=("priors.csv", "prior_*.csv", "power_scaling.csv", "shrinkage.csv", "tipping.csv", "figures/"),
    pictured=True,
)
def priors(run: Run, **given: Any) -> Outcome:
    """Ask what other priors would have given, and which prior tips the conclusion.

    Takes a study, or the folder of a fit.
    """
    from ...robustness.priors.sensitivity import priors

    found, case = analysed(run, priors, **given)
    focal = str(found.prior_widths["estimand"].iloc[0])
    shown = found.priors.loc[found.priors["estimand"] == focal, SHOWN]
    return outcome(found, case, found.priors, shown, f"{focal} under the model's named priors, seed {run.seed}")
