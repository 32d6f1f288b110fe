"""The command line: each verb loads, calls the function of the same name, and writes.

Exit codes: 0 done and sound; 1 done, but something is not sound; 2 the input is wrong, with one message.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

DEFAULT_STUDY = "nonaka2021"
DEFAULT_SEED = 20210525
"""The shipped study's publication date: taken, printed and recorded wherever a person gives no seed."""


class Verbs(click.Group):
    """A group whose verbs turn a person's mistake into one message and exit code 2."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the verb; raises `SystemExit` with the exit code."""
        from .spec import InputError

        try:
            return super().invoke(ctx)
        except InputError as error:
            click.echo(f"hikibayes: {error}", err=True)
            sys.exit(2)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """List the verbs in the order of the work, not of the alphabet."""
        return list(self.commands)


@click.group(cls=Verbs, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="hikibayes")
def main() -> None:
    """Question a published study from its printed numbers: audit, reconstruct, fit, doubt, plan."""


def _pairs(_: click.Context, parameter: click.Parameter, pairs: tuple[str, ...]) -> dict[str, str]:
    chosen = dict(pair.partition("=")[::2] for pair in pairs)
    if wrong := [name for name, value in chosen.items() if not value]:
        form = parameter.metavar
        raise click.BadParameter(f"{wrong[0]!r}: write it as {form}")
    return chosen


study_argument = click.argument("study", default=DEFAULT_STUDY)
reading_option = click.option(
    "--reading",
    "readings",
    multiple=True,
    metavar="READING=OPTION",
    callback=_pairs,
    help="Decide an ambiguous place of the paper; may be repeated.",
)
out_option = click.option(
    "-o",
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder for the files.  [default: results/STUDY/VERB]",
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print the result as one JSON document.")
seed_option = click.option("--seed", type=click.IntRange(min=0), default=DEFAULT_SEED, show_default=True)


def options(*decorators: Callable[..., Any]) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Apply several click options, first named first in the help."""

    def apply(function: Callable[..., Any]) -> Callable[..., Any]:
        for decorator in reversed(decorators):
            function = decorator(function)
        return function

    return apply


# -- the record -----------------------------------------------------------------------------------------------------


@main.command()
@options(study_argument, reading_option, json_option, out_option)
def audit(*, study: str, readings: dict[str, str], as_json: bool, out: Path | None) -> None:
    """Check whether the printed numbers agree with each other."""
    from .provenance import Stopwatch
    from .record.audit import audit as run
    from .record.study import load_study
    from .reporting.results import run_folder, write_run
    from .reporting.tables import json_text, terminal_table
    from .spec import digest

    watch = Stopwatch()
    loaded = load_study(study)
    table = run(loaded.settle(**readings))
    record = watch.record("audit", {"study": study, "readings": readings}, seed=None, inputs={study: digest(loaded)})
    folder = run_folder(loaded.id, "audit", out)
    write_run(folder, {"audit.csv": table}, record)
    if as_json:
        click.echo(json_text(table))
    else:
        styles = {"inconsistent": "bold red", "ambiguous": "yellow", "underdetermined": "cyan"}
        shown = table[["verdict", "check", "note"]]
        click.echo(terminal_table(shown, title=loaded.citation.title, styles=styles, style_by="verdict"))
        counts = table["verdict"].value_counts()
        click.echo(", ".join(f"{count} {verdict}" for verdict, count in counts.items()) + f"; {folder}/audit.csv")
    sys.exit(int((table["verdict"] == "inconsistent").any()))


# -- one model, one table --------------------------------------------------------------------------------------------

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
        callback=_pairs,
        help="The header of a measure's column, where it is not the measure's id; may be repeated.",
    ),
    seed_option,
    json_option,
    out_option,
)


@main.command()
@fit_arguments
@click.option("--engine", type=click.Choice(["nuts", "exact"]), default="nuts", show_default=True)
@click.option("--raw", is_flag=True, help="Add the estimands in the measures' own units.")
def fit(
    *,
    model: str,
    data: Path,
    study: str,
    variant: str,
    columns: dict[str, str],
    seed: int,
    as_json: bool,
    out: Path | None,
    engine: Any,
    raw: bool,
) -> None:
    """Fit one MODEL to one table of participants, DATA (CSV)."""
    from .inference.estimates import Reporting
    from .inference.fit import Sampling
    from .inference.fit import fit as run
    from .provenance import Stopwatch, file_digest
    from .reporting.results import run_folder, write_run
    from .spec import digest

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
        sampling=sampling,
        reporting=Reporting(raw=raw),
    )
    arguments = {"model": model, "data": str(data), "study": study, "engine": engine, "prior": variant}
    record = watch.record(
        "fit",
        {**arguments, "columns": columns, "raw": raw},
        seed=seed,
        inputs={model: digest(result.model), study: digest(result.study), str(data): file_digest(data)},
    )

    def draws(path: Path) -> None:
        result.posterior.to_netcdf(path, engine="h5netcdf")

    folder = run_folder(result.study.id, "fit", out)
    tables = {"estimates.csv": result.estimates, "diagnostics.csv": result.diagnostics}
    write_run(folder, {"posterior.nc": draws, **tables}, record)
    if result.participants.notice:
        click.echo(result.participants.notice, err=True)
    shown = result.estimates[["estimand", "engine", "unit", "mean", "sd", "lower", "upper", "p_positive", "p_rope", "bf10"]]
    _result(result.estimates, shown, as_json, title=f"{model} ({variant}), {engine}, seed {seed}")
    _verdict(result.diagnostics, folder, as_json)


@main.command()
@fit_arguments
def engines(
    *,
    model: str,
    data: Path,
    study: str,
    variant: str,
    columns: dict[str, str],
    seed: int,
    as_json: bool,
    out: Path | None,
) -> None:
    """Hold the exact engine against Bambi and a long NUTS run, on one MODEL and one table, DATA."""
    from .provenance import Stopwatch, file_digest
    from .reporting.results import run_folder, write_run
    from .spec import digest
    from .validation.engines import engines as run

    watch = Stopwatch()
    result = run(model, data, seed=seed, study=study, variant=variant, columns=columns)
    record = watch.record(
        "engines",
        {"model": model, "data": str(data), "study": study, "prior": variant, "columns": columns},
        seed=seed,
        inputs={model: digest(result.nuts.model), study: digest(result.nuts.study), str(data): file_digest(data)},
    )
    folder = run_folder(result.nuts.study.id, "engines", out)
    write_run(folder, {"engines.csv": result.table}, record)
    _result(result.table, result.verdict, as_json, title=f"{model} ({variant}), seed {seed}")
    _verdict(result.verdict, folder, as_json)


def _result(table: Any, shown: Any, as_json: bool, title: str) -> None:
    from .reporting.tables import json_text, terminal_table

    click.echo(json_text(table) if as_json else terminal_table(shown, title=title))


def _verdict(checks: Any, folder: Path, as_json: bool) -> None:
    """Say whether every check is passed and where the files are; raises `SystemExit` with 0 or 1."""
    failed = checks.loc[~checks["ok"]]
    for row in failed.itertuples():
        click.echo(f"not sound: {row.check} {row.of}: {row.value:g}, accepted {row.accepted}", err=True)
    if not as_json:
        click.echo(f"{'sound' if failed.empty else 'NOT SOUND'}; {folder}")
    sys.exit(int(not failed.empty))


# -- what is shipped -------------------------------------------------------------------------------------------------


@main.command()
@click.option("--schema", is_flag=True, help="Print the JSON Schema of a study file.")
@click.option("--new", type=click.Path(dir_okay=False, path_type=Path), help="Write a commented template to FILE.")
@json_option
def studies(*, schema: bool, new: Path | None, as_json: bool) -> None:
    """List the studies that come with the package."""
    import pandas as pd

    from .record.study import Study, load_study, shipped_studies
    from .spec import json_schema

    if schema:
        click.echo(json_schema(Study))
    elif new:
        _write_template("hikibayes.record", "template.toml", new)
    else:
        rows = [{"study": name, "description": load_study(name).description} for name in shipped_studies()]
        _listing(pd.DataFrame(rows), as_json)


@main.command()
@click.option("--schema", is_flag=True, help="Print the JSON Schema of a model file.")
@json_option
def models(*, schema: bool, as_json: bool) -> None:
    """List the models that come with the package."""
    import pandas as pd

    from .inference.models import ModelSpec, load_model, shipped_models
    from .spec import json_schema

    if schema:
        click.echo(json_schema(ModelSpec))
        return
    loaded = {name: load_model(name) for name in shipped_models()}
    rows = [{"model": n, "priors": ", ".join(m.variant_names), "description": m.description} for n, m in loaded.items()]
    _listing(pd.DataFrame(rows), as_json)


def _listing(table: Any, as_json: bool) -> None:
    from .reporting.tables import json_text, terminal_table

    click.echo(json_text(table) if as_json else terminal_table(table))


def _write_template(package: str, name: str, path: Path) -> None:
    from importlib.resources import files

    from .spec import InputError

    try:
        with path.open("x", encoding="utf-8") as target:
            target.write((files(package) / name).read_text(encoding="utf-8"))
    except FileExistsError:
        raise InputError("exists already; nothing was written", source=path) from None
    except OSError as error:
        raise InputError(f"cannot be written ({error.strerror})", source=path) from None
    click.echo(f"wrote {path}")
