"""`fit`: one model on one table."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from ...defaults import DEFAULT_STUDY
from .. import options
from ..verb import Outcome, verb

if TYPE_CHECKING:
    import pandas as pd

    from ...inference.fit import Fit
    from ..run import Run

SHOWN = ["effect", "mean", "sd", "lower", "upper", "p_positive", "bf10", "ols", "raw", "raw_lower", "raw_upper"]
PRIORS_DECIDE = {"few_rows", "collinear", "priors_overrule"}
"""Kinds of remarks that say that an answer is the priors' as much as the rows'."""


def _numbers(context: click.Context, parameter: click.Parameter, pairs: tuple[str, ...]) -> dict[str, list[float]]:
    """Turn repeated COLUMN=NUMBER,NUMBER into a mapping."""
    written = options.mapped(context, parameter, pairs)
    try:
        return {name: [float(number) for number in numbers.split(",")] for name, numbers in written.items()}
    except ValueError:
        raise click.BadParameter(f"write it as {parameter.metavar}") from None


FORMULA = (
    click.Option(
        ["--reference"],
        multiple=True,
        metavar="COLUMN=LEVEL",
        callback=options.mapped,
        help="Reference level of a category; may be repeated.",
    ),
    click.Option(["--rows"], default="", metavar="CONDITION", help="Rows to use, such as 'grade == 4'."),
    click.Option(
        ["--set-prior", "priors"],
        multiple=True,
        metavar="TERM=PRIOR",
        callback=options.mapped,
        help="Prior of a term, such as 'group:x=Normal(0, .25)'; may be repeated.",
    ),
    click.Option(["--steps"], default="", metavar="TERMS;TERMS", help="Steps whose shares of variance are wanted."),
    click.Option(
        ["--at"],
        multiple=True,
        metavar="COLUMN=NUMBER,NUMBER",
        callback=_numbers,
        help="Values of a number at which conditional effects are wanted; may be repeated.",
    ),
    click.Option(
        ["--contrasts"],
        type=click.Choice(["pairwise", "reference"]),
        help="Compare every pair of levels, or each with the reference.  [default: pairwise, up to 500 estimands]",
    ),
    click.Option(["--family"], default="gaussian", show_default=True, help="gaussian, or t: errors with heavy tails."),
    click.Option(
        ["--sigma-by"], default="", metavar="COLUMN", help="A category whose levels each have their own sigma."
    ),
    click.Option(["--scaling"], type=click.Choice(["sample", "raw"]), default="sample", show_default=True),
)
"""What is chosen with a formula."""
MANY_ROWS = 100_000
"""Rows from which the memory they took is said."""


@verb(
    *options.table,
    *FORMULA,
    options.estimand,
    click.Option(
        ["--engine"],
        type=click.Choice(["nuts", "exact"]),
        help="[default: nuts; of a formula, exact where that is possible]",
    ),
    click.Option(
        ["--store"],
        type=click.Path(file_okay=False),
        help="Keep NUTS runs here; equal ones are not run again.",
    ),
    click.Option(["--raw"], is_flag=True, help="Add the estimands in the measures' own units."),
    files=(
        *("posterior.nc", "estimates.csv", "summary.csv", "orderings.csv", "sensitivity.csv", "diagnostics.csv"),
        *("remarks.csv", "johnson_neyman.csv", "report.html", "figures/"),
    ),
    passing=("store",),
    reported=True,
)
def fit(run: Run, engine: Any, raw: bool, estimand: str = "", store: str | None = None, **given: Any) -> Outcome:
    """Fit one MODEL to one table of participants, DATA (CSV, TSV, SPSS).

    MODEL is a formula such as 'y ~ group * x + age' over the table's columns, a shipped model, or a model file.
    """
    from ...inference.answers.diagnostics import failures
    from ...inference.answers.estimates import Reporting
    from ...inference.answers.remarks import told
    from ...inference.fit import Sampling, fit
    from ...inference.saved_fit import fit_files
    from ...study.wording import question

    formula = "~" in given["model"]
    chosen = {str(option.name): given.pop(str(option.name)) for option in FORMULA}
    how = {**loaded(run, **given), "set_prior": chosen.pop("priors"), **chosen}
    sampling, reporting = Sampling(progress=sys.stderr.isatty()), Reporting(raw=raw or formula)
    made = fit(
        **how, engine=engine, estimand=estimand, sampling=sampling, reporting=reporting, store=store, tell=run.say
    )
    if formula:
        run.takes(given["model"], made.model)
        run.takes(given["study"] or made.study.id, made.study)
    left_out = made.estimates.query("note != ''").groupby("note", sort=False)["estimand"]
    answers = made.summary()[SHOWN]
    return Outcome(
        study=made.study.id,
        files=fit_files(made),
        table=made.estimates,
        shown=[
            *(
                [(f"{given['model']} ({made.variant}), {made.engine}, seed {run.seed}", answers)]
                if len(answers)
                else []
            ),
            *_likeliest(made.orderings()),
        ],
        remarks=[
            question(made.study),
            *told(made.remarks),
            *(f"not estimated: {', '.join(own)}: {why}" for why, own in left_out),
            *failures(made.diagnostics),
            *_memory(len(made.participants.frame)),
        ],
        verdict=_verdict(made, len(answers)),
        sound=made.sound,
    )


def _verdict(made: Fit, answered: int) -> str:
    """Say whether the engine is to be trusted, and whether a remark says that the priors decide."""
    parts = ["sound" if made.sound else "NOT SOUND"]
    if not answered:
        parts.append("no effect was estimated")
    if PRIORS_DECIDE & set(made.remarks["kind"]):
        parts.append("see the remarks: the priors decide")
    return "; ".join(parts)


def _memory(rows: int) -> list[str]:
    """Say how much memory a large table took; it differs from machine to machine, and stands in no file."""
    try:
        import resource  # not on Windows
    except ImportError:
        return []
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1e9 if sys.platform == "darwin" else 1e6)
    return [f"{rows:,} rows took up to {peak:.1f} GB of memory"] if rows >= MANY_ROWS else []


def _likeliest(orders: pd.DataFrame) -> list[tuple[str, pd.DataFrame]]:
    if orders.empty:
        return []
    first = orders.sort_values("posterior", ascending=False).groupby(["of", "by"], sort=False).head(2)
    return [("Orders, the two likeliest; orderings.csv has all", first)]


def loaded(
    run: Run,
    *,
    model: str,
    data: str,
    study: str | None,
    prior: str,
    columns: Mapping[str, str],
    mapping: str | None,
) -> dict[str, Any]:
    """Return what goes into a fit, by the names of the Python function's arguments; the run notes its inputs.

    A formula, and the study of one, stay as they were written: what they say depends on the table.
    """
    from ...inference.models.specs import load_model

    for path in (data, mapping):
        run.takes_file(path)
    how = {"data": data, "prior": prior, "columns": columns, "mapping": mapping or None, "seed": run.seed}
    if "~" in model:
        return {"model": model, "study": study, **how}
    spec = next(iter(run.again.models.values())) if run.again and run.again.has("models.json") else load_model(model)
    run.takes(model, spec)
    return {"model": spec, "study": run.study(study or DEFAULT_STUDY, {}), **how}
