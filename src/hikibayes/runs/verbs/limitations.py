"""`limitations`: under what each limit of the study would bring its conclusion down."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from ..options import mapped
from ..verb import Outcome, verb
from .sensitivity import TARGET, analysed, outcome

if TYPE_CHECKING:
    from ..run import Run


SHOWN = ["limitation", "answered", "estimate", "mean", "lower", "upper", "p_positive", "value", "known", "assumed"]


def _measures(context: click.Context, parameter: click.Parameter, pairs: tuple[str, ...]) -> dict[str, list[str]]:
    """Turn repeated LIMITATION=MEASURE,MEASURE into lists."""
    return {kind: names.split(",") for kind, names in mapped(context, parameter, pairs).items()}


def _numbers(context: click.Context, parameter: click.Parameter, pairs: tuple[str, ...]) -> dict[str, dict[str, float]]:
    """Turn repeated LIMITATION.NUMBER=VALUE into numbers by limitation."""
    found: dict[str, dict[str, float]] = {}
    for name, value in mapped(context, parameter, pairs).items():
        kind, dot, number = name.partition(".")
        try:
            found.setdefault(kind, {})[number] = float(value)
        except ValueError:
            dot = ""
        if not dot:
            raise click.BadParameter(f"{name}={value}: write it as {parameter.metavar}, such as panel.share=0.3")
    return found


@verb(
    *TARGET,
    click.Option(["--only"], multiple=True, metavar="LIMITATION", help="May be repeated.  [default: all]"),
    click.Option(
        ["--about"],
        multiple=True,
        metavar="LIMITATION=MEASURE,...",
        callback=_measures,
        help="Measures that a limitation is about, such as duration=months_ill.  [default: the study file's]",
    ),
    click.Option(
        ["--set", "numbers"],
        multiple=True,
        metavar="LIMITATION.NUMBER=VALUE",
        callback=_numbers,
        help="A number that a limitation assumes.  [default: the study file's]",
    ),
    files=("limitations.csv", "limitation_*.csv", "tipping.csv", "figures/"),
    pictured=True,
)
def limitations(run: Run, **given: Any) -> Outcome:
    """Ask of each limit of the study under what the conclusion would fail.

    Takes a study, or the folder of a fit.
    """
    from ...robustness.limitations.sensitivity import limitations

    found, case = analysed(run, limitations, **given)
    title = f"{given['what']}: {case.estimand.name} under each limitation, seed {run.seed}"
    shown = found.table[found.table["answered"]][SHOWN].drop(columns="answered")
    left_out = list(found.table.loc[~found.table["answered"].astype(bool), "sentence"])
    done = outcome(found, case, found.table, shown, title)
    return replace(done, remarks=[*done.remarks, *left_out])
