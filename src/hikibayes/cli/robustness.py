"""Verbs of doubt: priors, imbalance, confounding."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path
from typing import Any

import click

from ..defaults import DEFAULT_STUDY
from .options import json_option, options, out_option, pairs_of, reading_option, say, say_remarks, seed_option, show

case_arguments = options(
    click.argument("what", default=DEFAULT_STUDY, metavar="[STUDY or FIT FOLDER]"),
    click.option(
        "--datasets", type=click.IntRange(min=2), default=200, show_default=True, help="Synthetic data sets of a study."
    ),
    reading_option,
    seed_option,
    json_option,
    out_option,
)


def shares_of(context: click.Context, parameter: click.Parameter, pairs: tuple[str, ...]) -> dict[str, float]:
    """Turn repeated NAME=SHARE into numbers."""
    written = pairs_of(context, parameter, pairs)
    try:
        return {name: float(value) for name, value in written.items()}
    except ValueError as error:
        raise click.BadParameter(f"{error}; write a share as a number, such as 0.5") from None


@click.command()
@options(
    case_arguments,
    click.option(
        "--design/--no-design",
        default=True,
        show_default=True,
        help="Simulate what the width of the analysis' prior costs a follow-up.",
    ),
)
def priors(
    *,
    what: str,
    datasets: int,
    readings: dict[str, str],
    seed: int,
    as_json: bool,
    out: Path | None,
    design: bool,
) -> None:
    """Ask what other priors would have given, and which prior tips the claim.

    Takes a study, or the folder of a fit.
    """
    from ..robustness.priors.sensitivity import priors_of

    result, verdict = _doubted(
        "priors", partial(priors_of, shares=True), what, datasets, readings, seed, out, {"design": design}
    )
    columns = ["prior", "mean", "sd", "lower", "upper", "p_positive", "bf10"]
    focal = str(result.prior_widths["estimand"].iloc[0])
    title = f"{focal} under the model's named priors, seed {seed}"
    show(result.priors, result.priors.loc[result.priors["estimand"] == focal, columns], as_json, title=title)
    _tell(result, verdict, as_json)


@click.command()
@options(
    case_arguments,
    click.option("--balance", metavar="MEASURE", help="The category that is out of balance.  [default: the record's]"),
    click.option(
        "--share",
        "--women",
        "shares",
        multiple=True,
        metavar="GROUP=SHARE",
        callback=shares_of,
        help="A mix to look at: share of the category's level (women, for sex) in a group; once for each group.",
    ),
    click.option(
        "--mix",
        multiple=True,
        metavar="LEVEL=SHARE",
        callback=shares_of,
        help="A mix for both groups: share of each level; they must sum to 1.",
    ),
)
def imbalance(
    *,
    what: str,
    datasets: int,
    readings: dict[str, str],
    seed: int,
    as_json: bool,
    out: Path | None,
    balance: str | None,
    shares: dict[str, float],
    mix: dict[str, float],
) -> None:
    """Ask what the groups' imbalance in a category, such as sex, does to the answer.

    Takes a study, or the folder of a fit.
    """
    from ..robustness.imbalance.sensitivity import imbalance_of

    chosen = {"balance": balance, "shares": shares, "mix": mix}
    result, verdict = _doubted("imbalance", imbalance_of, what, datasets, readings, seed, out, chosen)
    own = result.imbalance["estimand"] == result.case.estimand.name
    columns = ["approach", "what", "n", "mean", "lower", "upper", "p_positive", "ols", "change"]
    title = f"{result.case.estimand.name}: what the imbalance of {result.balance.measure} does, seed {seed}"
    show(result.imbalance, result.imbalance[own][columns], as_json, title=title)
    _tell(result, verdict, as_json)


@click.command()
@options(
    case_arguments,
    click.option(
        "--benchmark", "benchmarks", multiple=True, metavar="MEASURE", help="May be repeated.  [default: all]"
    ),
    click.option("-k", "k", multiple=True, type=float, default=(1, 2, 3), show_default=True, help="Times as strong."),
    click.option("--alpha", type=float, default=0.05, show_default=True, help="Two-sided error of the limits."),
)
def confounding(
    *,
    what: str,
    datasets: int,
    readings: dict[str, str],
    seed: int,
    as_json: bool,
    out: Path | None,
    benchmarks: tuple[str, ...],
    k: tuple[float, ...],
    alpha: float,
) -> None:
    """Ask how strong something that nobody measured must be to explain the answer away.

    Takes a study, or the folder of a fit.
    """
    from ..robustness.confounding.sensitivity import confounding_of

    chosen = {"benchmarks": list(benchmarks), "k": list(k), "alpha": alpha}
    result, verdict = _doubted("confounding", confounding_of, what, datasets, readings, seed, out, chosen)
    columns = ["estimand", "basis", "estimate", "se", "df", "partial_r2", "rv", "rv_alpha", "e_value", "e_value_limit"]
    show(result.table, result.table[columns], as_json, title=f"{what}: unmeasured confounding, seed {seed}")
    _tell(result, verdict, as_json)


def _doubted(
    verb: str,
    run: Any,
    what: str,
    datasets: int,
    readings: dict[str, str],
    seed: int,
    out: Path | None,
    chosen: dict[str, Any],
) -> tuple[Any, str]:
    """Find the case, raise the doubt, write the folder; return what was found and the reconstructions' verdict."""
    from ..provenance import Stopwatch
    from ..reporting.doubt_files import doubt_files, inputs_of
    from ..reporting.results import run_folder, write_run
    from ..robustness.case import case_of

    watch = Stopwatch()
    case = case_of(what, datasets=datasets, seed=seed, tell=say, **readings)
    say_remarks(case.remarks)
    result = run(case, seed=seed, tell=say, **chosen)
    arguments = {"what": what, "datasets": datasets, "readings": readings, **chosen}
    record = watch.record(verb, arguments, seed=seed, inputs=inputs_of(what))
    write_run(folder := run_folder(case.study.id, verb, out), doubt_files(result, case, record), record)
    click.echo(folder, err=True)
    return result, case.verdict


def _tell(result: Any, verdict: str, as_json: bool) -> None:
    """Say what would tip the claim, and what it rests on; raises `SystemExit` where that has not converged."""
    from ..reconstruction.reconstructions import has_converged

    if not as_json:
        for sentence in result.tipping["sentence"]:
            click.echo(sentence)
        if verdict:
            click.echo(f"reconstructions {verdict}")
    sys.exit(int(not has_converged(verdict)))
