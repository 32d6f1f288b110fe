"""What leaves no run of its own: a report made anew, a run made again, and lists of what is shipped."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import click

from ..runs import options
from .verbs import say, show

__all__ = ["models", "replay", "report", "simulations", "studies"]

schema = click.Option(["--schema"], is_flag=True, help="Print the JSON Schema of such a file.")
new = click.Option(["--new"], type=click.Path(dir_okay=False), help="Write a commented template to FILE.")


@click.command(params=[options.folder])
def report(*, folder: str) -> None:
    """Make the HTML report of a run FOLDER anew, from its saved files alone."""
    from ..folders import REPORT, renew_files
    from ..reporting.html import report

    renew_files(Path(folder), {REPORT: report(folder)})
    click.echo(Path(folder) / REPORT)


@click.command(params=[options.folder, options.json])
def replay(*, folder: str, as_json: bool) -> None:
    """Make the run of a FOLDER again from its record, and compare."""
    from ..runs.replay import replay, same

    comparison = replay(folder, progress=say)
    show(comparison, title=f"{folder}, made again", as_json=as_json)
    sys.exit(int(not same(comparison)))


@click.command(params=[schema, new, options.json])
def studies(**asked: Any) -> None:
    """List the studies that come with the package."""
    from ..study.study import Study
    from ..study.study_file import load_study, shipped_studies

    _shelf("study", Study, shipped_studies(), load_study, template="study", **asked)


@click.command(params=[schema, options.json])
def models(**asked: Any) -> None:
    """List the models that come with the package."""
    from ..inference.models.specs import ModelSpec, load_model, shipped_models

    _shelf("model", ModelSpec, shipped_models(), load_model, priors=lambda m: ", ".join(m.variant_names), **asked)


@click.command(params=[schema, new, options.json])
def simulations(**asked: Any) -> None:
    """List the simulations that come with the package."""
    from ..planning.designs.simulation import Simulation, load_simulation, shipped_simulations

    _shelf("simulation", Simulation, shipped_simulations(), load_simulation, template="planning.designs", **asked)


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
    from ..spec import InputError

    if path.exists():
        raise InputError("exists already; nothing was written", source=path)
    if not path.parent.is_dir():
        raise InputError("cannot be written (there is no such folder)", source=path)
    write_whole(path, (files(package) / "template.toml").read_text(encoding="utf-8"))
    click.echo(f"wrote {path}")
