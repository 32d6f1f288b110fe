"""Verbs of one model on one table: fit, engines, models."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..defaults import DEFAULT_STUDY
from .options import (
    end_with,
    json_option,
    list_shipped,
    options,
    out_option,
    pairs_of,
    say_remarks,
    seed_option,
    show,
)

if TYPE_CHECKING:
    from ..inference.fit import Fit

fit_arguments = options(
    click.argument("model"),
    click.argument("data", type=click.Path(path_type=Path)),
    click.option(
        "--study",
        help=f"Whose measures and estimands these are.  [default: {DEFAULT_STUDY}; of a formula, the table itself]",
    ),
    click.option("--prior", "variant", default="weakly_informative", show_default=True, help="Variant of the priors."),
    click.option(
        "--column",
        "columns",
        multiple=True,
        metavar="MEASURE=HEADER",
        callback=pairs_of,
        help="The header of a measure's column, where it is not the measure's id; may be repeated.",
    ),
    click.option("--mapping", type=click.Path(path_type=Path), help="TOML file: headers, labels, missing codes."),
    seed_option,
    json_option,
    out_option,
)


def numbers_of(context: click.Context, parameter: click.Parameter, pairs: tuple[str, ...]) -> dict[str, list[float]]:
    """Turn repeated COLUMN=NUMBER,NUMBER into a mapping."""
    try:
        return {
            name: [float(number) for number in numbers.split(",")]
            for name, numbers in pairs_of(context, parameter, pairs).items()
        }
    except ValueError:
        raise click.BadParameter(f"write it as {parameter.metavar}") from None


formula_options = options(
    click.option(
        "--reference",
        multiple=True,
        metavar="COLUMN=LEVEL",
        callback=pairs_of,
        help="Reference level of a category; may be repeated.",
    ),
    click.option("--rows", default="", metavar="CONDITION", help="Rows to use, such as 'grade == 4'."),
    click.option(
        "--set-prior",
        "priors",
        multiple=True,
        metavar="TERM=PRIOR",
        callback=pairs_of,
        help="Prior of a term, such as 'group:x=Normal(0, .25)'; may be repeated.",
    ),
    click.option("--steps", default="", metavar="TERMS;TERMS", help="Steps whose shares of variance are wanted."),
    click.option(
        "--at",
        multiple=True,
        metavar="COLUMN=NUMBER,NUMBER",
        callback=numbers_of,
        help="Values of a number at which conditional effects are wanted; may be repeated.",
    ),
    click.option("--family", default="gaussian", show_default=True, help="gaussian, or t: errors with heavy tails."),
    click.option("--sigma-by", default="", metavar="COLUMN", help="A category whose levels each have their own sigma."),
    click.option("--scaling", type=click.Choice(["sample", "raw"]), default="sample", show_default=True),
)


@click.command()
@fit_arguments
@formula_options
@click.option(
    "--engine",
    type=click.Choice(["nuts", "exact"]),
    help="[default: nuts; of a formula, exact where that is possible]",
)
@click.option(
    "--store",
    type=click.Path(file_okay=False, path_type=Path),
    help="Keep NUTS runs here; equal ones are not run again.",
)
@click.option("--raw", is_flag=True, help="Add the estimands in the measures' own units.")
def fit(
    *,
    model: str,
    data: Path,
    study: str | None,
    variant: str,
    columns: dict[str, str],
    mapping: Path | None,
    seed: int,
    as_json: bool,
    out: Path | None,
    engine: Any,
    store: Path | None,
    raw: bool,
    **choices: Any,
) -> None:
    """Fit one MODEL to one table of participants, DATA (CSV, TSV, SPSS).

    MODEL is a formula such as 'y ~ group * x + age' over the table's columns, a shipped model, or a model file.
    """
    from ..inference.answers.estimates import Reporting
    from ..inference.fit import Sampling
    from ..inference.fit import fit as run
    from ..inference.saved_fit import fit_files
    from ..provenance import Stopwatch
    from ..reporting.results import run_folder, write_run

    watch = Stopwatch()
    sampling = Sampling(progress=sys.stderr.isatty())
    result = run(
        model,
        data,
        seed=seed,
        study=study,
        engine=engine,
        variant=variant,
        columns=columns,
        mapping=mapping,
        sampling=sampling,
        reporting=Reporting(raw=raw or "~" in model),
        store=store,
        **_chosen(choices),
    )
    arguments = {"model": model, "data": str(data), "study": study, "engine": result.engine, "prior": variant}
    record = watch.record(
        "fit",
        {**arguments, "columns": columns, "mapping": str(mapping or ""), "raw": raw or "~" in model}
        | {"choices": _chosen(choices)},
        seed=seed,
        inputs=_inputs(result, model=model, study=study, data=data, mapping=mapping),
    )
    folder = run_folder(result.study.id, "fit", out)
    write_run(folder, fit_files(result), record)
    say_remarks(result.remarks)
    shown = result.estimates[result.estimates["note"] == ""][
        ["estimand", "engine", "unit", "mean", "sd", "lower", "upper", "p_positive", "p_rope", "bf10"]
    ]
    show(result.estimates, shown, as_json, title=f"{model} ({variant}), {result.engine}, seed {seed}")
    for why, left_out in result.estimates.query("note != ''").groupby("note", sort=False):
        click.echo(f"not estimated: {', '.join(left_out['estimand'])}: {why}", err=True)
    end_with(result.diagnostics, folder, as_json)


@click.command()
@fit_arguments
def engines(
    *,
    model: str,
    data: Path,
    study: str | None,
    variant: str,
    columns: dict[str, str],
    mapping: Path | None,
    seed: int,
    as_json: bool,
    out: Path | None,
) -> None:
    """Hold the exact engine against Bambi and a long NUTS run, on one MODEL and one table, DATA."""
    from ..provenance import Stopwatch
    from ..reporting.results import run_folder, write_run
    from ..validation.engines import engines as run

    watch, study = Stopwatch(), study or DEFAULT_STUDY
    result = run(model, data, seed=seed, study=study, variant=variant, columns=columns, mapping=mapping)
    arguments = {"model": model, "data": str(data), "study": study, "prior": variant}
    record = watch.record(
        "engines",
        {**arguments, "columns": columns, "mapping": str(mapping or "")},
        seed=seed,
        inputs=_inputs(result.nuts, model=model, study=study, data=data, mapping=mapping),
    )
    folder = run_folder(result.nuts.study.id, "engines", out)
    write_run(folder, {"engines.csv": result.table}, record)
    say_remarks(result.nuts.remarks)
    show(result.table, result.verdict, as_json, title=f"{model} ({variant}), seed {seed}")
    end_with(result.verdict, folder, as_json)


def _chosen(choices: dict[str, Any]) -> dict[str, Any]:
    """Return what was chosen with a formula; what is as usual is left out."""
    usual = {"family": "gaussian", "scaling": "sample"}
    return {name: value for name, value in choices.items() if value and value != usual.get(name)}


def _inputs(result: Fit, *, model: str, study: str | None, data: Path, mapping: Path | None) -> dict[str, str]:
    """Return the digest of everything that went into a fit, by its name."""
    from ..provenance import file_digest
    from ..spec import digest

    files = {str(path): file_digest(path) for path in (data, mapping) if path is not None}
    return {model: digest(result.model), study or result.study.id: digest(result.study), **files}


@click.command()
@click.option("--schema", is_flag=True, help="Print the JSON Schema of a model file.")
@json_option
def models(*, schema: bool, as_json: bool) -> None:
    """List the models that come with the package."""
    import pandas as pd

    from ..inference.models.specs import ModelSpec, load_model, shipped_models
    from ..spec import json_schema

    if schema:
        click.echo(json_schema(ModelSpec))
        return
    loaded = {name: load_model(name) for name in shipped_models()}
    rows = [{"model": n, "priors": ", ".join(m.variant_names), "description": m.description} for n, m in loaded.items()]
    list_shipped(pd.DataFrame(rows), as_json)
