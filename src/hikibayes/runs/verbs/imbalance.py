"""`imbalance`: what if the groups had been alike."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from ..options import mapped
from ..verb import Outcome, verb
from .sensitivity import TARGET, analysed, outcome

if TYPE_CHECKING:
    from ..run import Run

SHOWN = ["approach", "what", "n", "mean", "lower", "upper", "p_positive", "ols", "change"]


def _shares(context: click.Context, parameter: click.Parameter, pairs: tuple[str, ...]) -> dict[str, float]:
    """Turn repeated NAME=SHARE into numbers."""
    written = mapped(context, parameter, pairs)
    try:
        return {name: float(value) for name, value in written.items()}
    except ValueError as error:
        raise click.BadParameter(f"{error}; write a share as a number, such as 0.5") from None


@verb(
    *TARGET,
    click.Option(
        ["--balance"], metavar="MEASURE", help="The category that is out of balance.  [default: the record's]"
    ),
    click.Option(
        ["--share", "--women", "shares"],
        multiple=True,
        metavar="GROUP=SHARE",
        callback=_shares,
        help="A mix to look at: share of the category's level (women, for sex) in a group; once for each group.",
    ),
    click.Option(
        ["--mix"],
        multiple=True,
        metavar="LEVEL=SHARE",
        callback=_shares,
        help="A mix for every group: share of each level; they must sum to 1.",
    ),
    files=("imbalance.csv", "imbalance_*.csv", "tipping.csv", "figures/"),
    pictured=True,
)
def imbalance(run: Run, **given: Any) -> Outcome:
    """Ask what the groups' imbalance in a category, such as sex, does to the answer.

    Takes a study, or the folder of a fit.
    """
    from ...robustness.imbalance.sensitivity import imbalance

    found, case = analysed(run, imbalance, **given)
    title = f"{case.estimand.name}: what the imbalance of {found.balance.measure} does, seed {run.seed}"
    own = found.imbalance["estimand"] == case.estimand.name
    return outcome(found, case, found.imbalance, found.imbalance[own][SHOWN], title)
