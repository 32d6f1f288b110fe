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
    click.option("--study", default=DEFAULT_STUDY, show_default=True, help="Whose measures and estimands these are."),
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


@click.command()
@fit_arguments
@click.option("--engine", type=click.Choice(["nuts", "exact"]), default="nuts", show_default=True)
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
    study: str,
    variant: str,
    columns: dict[str, str],
    mapping: Path | None,
    seed: int,
    as_json: bool,
    out: Path | None,
    engine: Any,
    store: Path | None,
    raw: bool,
) -> None:
    """Fit one MODEL to one table of participants, DATA (CSV, TSV, SPSS)."""
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
        reporting=Reporting(raw=raw),
        store=store,
    )
    arguments = {"model": model, "data": str(data), "study": study, "engine": engine, "prior": variant}
    record = watch.record(
        "fit",
        {**arguments, "columns": columns, "mapping": str(mapping or ""), "raw": raw},
        seed=seed,
        inputs=_inputs(result, model=model, study=study, data=data, mapping=mapping),
    )
    folder = run_folder(result.study.id, "fit", out)
    write_run(folder, fit_files(result), record)
    say_remarks(result.remarks)
    shown = result.estimates[result.estimates["note"] == ""][
        ["estimand", "engine", "unit", "mean", "sd", "lower", "upper", "p_positive", "p_rope", "bf10"]
    ]
    show(result.estimates, shown, as_json, title=f"{model} ({variant}), {engine}, seed {seed}")
    for why, left_out in result.estimates.query("note != ''").groupby("note", sort=False):
        click.echo(f"not estimated: {', '.join(left_out['estimand'])}: {why}", err=True)
    end_with(result.diagnostics, folder, as_json)


@click.command()
@fit_arguments
def engines(
    *,
    model: str,
    data: Path,
    study: str,
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

    watch = Stopwatch()
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


def _inputs(result: Fit, *, model: str, study: str, data: Path, mapping: Path | None) -> dict[str, str]:
    """Return the digest of everything that went into a fit, by its name."""
    from ..provenance import file_digest
    from ..spec import digest

    files = {str(path): file_digest(path) for path in (data, mapping) if path is not None}
    return {model: digest(result.model), study: digest(result.study), **files}


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
