"""What leaves no run of its own: a report made anew, a run made again, and lists of what is shipped."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import click

from ..runs import options
from .verbs import say, show

schema = click.Option(["--schema"], is_flag=True, help="Print the JSON Schema of such a file.")
new = click.Option(["--new"], type=click.Path(dir_okay=False), help="Write a commented template to FILE.")


docx = click.Option(["--docx"], is_flag=True, help="Write it as a Word document, too (extra docx).")


@click.command(params=[options.folder, docx])
def report(*, folder: str, docx: bool) -> None:
    """Make the HTML report of a run FOLDER and its figures anew, from its saved files alone."""
    from ..folders import REPORT, renew_files
    from ..reporting.html import report
    from ..reporting.word import DOCUMENT, word

    document = {DOCUMENT: word(folder)} if docx else {}
    made = report(folder)
    renew_files(Path(folder), {**made.figures, REPORT: made, **document})
    for name in (REPORT, *document):
        click.echo(Path(folder) / name)


@click.command(params=[options.folder, options.json])
def replay(*, folder: str, as_json: bool) -> None:
    """Make the run of a FOLDER again from its record, and compare."""
    from ..runs.replay import replay, same

    comparison = replay(folder, progress=say)
    show(comparison, title=f"{folder}, made again", as_json=as_json)
    sys.exit(int(not same(comparison)))


@click.command(
    params=[
        click.Argument(["what"], metavar="[STUDY | FIT | SIMULATION]", required=False),
        click.Option(["--port"], type=click.IntRange(0, 65535), default=0, help="[default: any that is free]"),
        click.Option(["--browser/--no-browser"], default=True, help="Open a browser.  [default: yes]"),
    ]
)
def planner(*, what: str | None, port: int, browser: bool) -> None:
    """Plan a study in the browser by moving its settings: after a STUDY, a FIT, a SIMULATION, or an effect alone."""
    from ..planning.planner import planner
    from ..spec import InputError

    try:
        from ..app.browser import serve
    except ModuleNotFoundError as error:
        raise InputError(f"the planner needs {error.name}: install hikibayes[app]") from None
    say("making the plan ready")
    made = planner(what)
    click.echo("the planner runs on this computer alone; Ctrl-C ends it", err=True)
    serve(made, port=port, launch=browser)


tables = click.Option(
    ["--from", "tables"],
    multiple=True,
    metavar="TABLES",
    help="Draft what --new writes from a paper's tables (.md, .html, .csv, .tsv, .txt); may be repeated.",
)
outcome = click.Option(["--outcome"], default="", help="What the regressions of --from explain, as its tables call it.")
group = click.Option(
    ["--group", "groups"],
    multiple=True,
    metavar="LABEL[=N]",
    help="A group of --from as its tables call it, and its size; the reference first; may be repeated.",
)
page = click.Option(["--show", "page"], metavar="STUDY", help="Print a record as a page.")


@click.command(params=[schema, new, tables, outcome, group, page, options.json])
def studies(*, tables: tuple[str, ...], outcome: str, groups: tuple[str, ...], page: str | None, **asked: Any) -> None:
    """List the studies that come with the package; draft one from a paper's tables; print one as a page."""
    from ..study.page import page as text_of
    from ..study.study import Study
    from ..study.study_file import load_study, shipped_studies

    if not tables and (outcome or groups):
        raise click.UsageError(f"{'--outcome' if outcome else '--group'} is of tables: give --from, too")
    if tables:
        labels = [each.partition("=")[0] for each in groups]
        if twice := next((label for label in labels if labels.count(label) > 1), None):
            raise click.UsageError(f"--group {twice} is given twice")
        sizes = dict(each.partition("=")[::2] for each in groups)
        _draft([Path(table) for table in tables], asked["new"], outcome, sizes)
    elif page:
        click.echo(text_of(load_study(page)))
    else:
        _shelf("study", Study, shipped_studies(), load_study, template="study", **asked)


@click.command(params=[schema, new, options.json])
def models(**asked: Any) -> None:
    """List the models that come with the package."""
    from ..inference.models.specs import ModelSpec, load_model, shipped_models

    asked |= {"template": "inference.models", "priors": lambda m: ", ".join(m.variant_names)}
    _shelf("model", ModelSpec, shipped_models(), load_model, **asked)


@click.command(params=[schema, new, options.json])
def simulations(**asked: Any) -> None:
    """List the simulations that come with the package."""
    from ..planning.designs.simulation import Simulation, load_simulation, shipped_simulations

    _shelf("simulation", Simulation, shipped_simulations(), load_simulation, template="planning.designs", **asked)


def _draft(tables: list[Path], new: str | None, outcome: str, groups: dict[str, str]) -> None:
    """Draft a study file from tables, and say what was understood, what was left and what is left to a person."""
    import pandas as pd

    from ..files import write_whole
    from ..spec import InputError
    from ..study.entering.columns import Known
    from ..study.entering.draft import draft
    from ..study.entering.writing import file_text

    if not new:
        raise InputError("needs --new FILE: where the study that is drafted from the tables goes", source="--from")
    path = _free(Path(new))
    made = draft(tables, Known(outcome, groups), path.stem)
    said = " ".join([*(f"--from {table}" for table in tables), f"--new {path}"])
    write_whole(path, file_text(made, f"hikibayes studies {said}"))
    show(pd.DataFrame(made.columns, columns=["table", "column", "understood as"]))
    if made.left:
        show(pd.DataFrame(made.left, columns=["table", "not entered", "because"]))
    for what in made.conflicts:
        click.echo(f"tables disagree: {what}; the file holds both, and the audit names them")
    for what in made.unknown:
        click.echo(f"left to you: {what}")
    click.echo(f"wrote {path}: {made.entered} of {made.printed} printed numbers; next: hikibayes audit {path}")
    try:
        made.study(path)
    except InputError as error:
        click.echo(f"it does not load yet:\n{error}")
        sys.exit(1)
    sys.exit(int(bool(made.conflicts)))


def _shelf(
    kind: str,
    spec: Any,
    shipped: Mapping[str, Path],
    load: Callable[[str], Any],
    *,
    schema: bool,
    as_json: bool,
    new: str | None = None,
    template: str = "",
    **columns: Callable[[Any], str],
) -> None:
    """Show what is shipped of a kind, how a file of it is written, or write a commented template."""
    import pandas as pd

    from ..spec import json_schema

    if schema:
        click.echo(json_schema(spec))
    elif new:
        _write_template(f"hikibayes.{template}", Path(new))
    else:
        columns["description"] = lambda loaded: loaded.description
        loaded = {name: load(name) for name in shipped}
        rows = [{kind: name, **{key: of(it) for key, of in columns.items()}} for name, it in loaded.items()]
        show(pd.DataFrame(rows), as_json=as_json)


def _write_template(package: str, path: Path) -> None:
    """Write a template that a person fills in; a file that is there already is left alone."""
    from importlib.resources import files

    from ..files import write_whole

    write_whole(_free(path), (files(package) / "template.toml").read_text(encoding="utf-8"))
    click.echo(f"wrote {path}")


def _free(path: Path) -> Path:
    """Return a path that nothing is at, in a folder that is there; raises `InputError`."""
    from ..spec import InputError

    if path.exists():
        raise InputError("exists already; nothing was written", source=path)
    if not path.parent.is_dir():
        raise InputError("cannot be written (there is no such folder)", source=path)
    return path
