"""Verbs of the record: audit, studies."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from .options import json_option, list_shipped, options, out_option, reading_option, study_argument, write_template

STYLES = {"inconsistent": "bold red", "ambiguous": "yellow", "underdetermined": "cyan"}
"""Colour by verdict, the gravest first."""
MATTERS = ("inconsistent", "ambiguous")


@click.command()
@options(
    study_argument,
    click.option("--all", "every", is_flag=True, help="Show what agrees, and what nothing bears on, too."),
    reading_option,
    json_option,
    out_option,
)
def audit(*, study: str, every: bool, readings: dict[str, str], as_json: bool, out: Path | None) -> None:
    """Check whether the printed numbers agree with each other.

    Shows what contradicts itself or depends on a reading, with the ids of the facts; the rest is counted.
    """
    from ..auditing.audit import audit as run
    from ..provenance import Stopwatch
    from ..reporting.results import run_folder, write_run
    from ..reporting.tables import json_text, terminal_table
    from ..spec import digest
    from ..study.study_file import load_study

    watch = Stopwatch()
    loaded = load_study(study)
    table = run(loaded.settle(**readings))
    record = watch.record("audit", {"study": study, "readings": readings}, seed=None, inputs={study: digest(loaded)})
    folder = run_folder(loaded.id, "audit", out)
    write_run(folder, {"audit.csv": table}, record)
    if as_json:
        click.echo(json_text(table))
    else:
        gravity = table["verdict"].map([*STYLES, "consistent"].index) - 0.5 * (table["check"] == "likeliest misprint")
        shown = table.iloc[gravity.argsort(kind="stable")]
        shown = shown[every | shown["verdict"].isin(MATTERS)][["verdict", "check", "facts", "note"]]
        if len(shown):
            click.echo(terminal_table(shown, title=loaded.title, styles=STYLES, style_by="verdict"))
        counts = table["verdict"].value_counts()
        said = ", ".join(f"{count} {verdict}" for verdict, count in counts.items())
        click.echo(f"{said}{'' if every else ' (--all shows them)'}; {folder}/audit.csv")
    sys.exit(int((table["verdict"] == "inconsistent").any()))


@click.command()
@click.option("--schema", is_flag=True, help="Print the JSON Schema of a study file.")
@click.option("--new", type=click.Path(dir_okay=False, path_type=Path), help="Write a commented template to FILE.")
@json_option
def studies(*, schema: bool, new: Path | None, as_json: bool) -> None:
    """List the studies that come with the package."""
    import pandas as pd

    from ..spec import json_schema
    from ..study.study import Study
    from ..study.study_file import load_study, shipped_studies

    if schema:
        click.echo(json_schema(Study))
    elif new:
        write_template("hikibayes.study", "template.toml", new)
    else:
        rows = [{"study": name, "description": load_study(name).description} for name in shipped_studies()]
        list_shipped(pd.DataFrame(rows), as_json)
