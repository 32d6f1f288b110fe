"""Verbs of the main job: reanalyze, report, replay."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from .options import json_option, options, out_option, reading_option, say, seed_option, show, study_argument

folder_argument = click.argument("folder", type=click.Path(file_okay=False, path_type=Path))


@click.command()
@options(
    study_argument,
    click.option("--fast", is_flag=True, help="The exact engine only; leave NUTS out."),
    click.option("--datasets", type=click.IntRange(min=2), default=200, show_default=True, help="Synthetic data sets."),
    click.option(
        "--nuts-datasets",
        type=click.IntRange(min=1),
        default=20,
        show_default=True,
        help="Of these, by NUTS too.",
    ),
    reading_option,
    seed_option,
    json_option,
    out_option,
)
def reanalyze(
    *,
    study: str,
    fast: bool,
    datasets: int,
    nuts_datasets: int,
    readings: dict[str, str],
    seed: int,
    as_json: bool,
    out: Path | None,
) -> None:
    """Reanalyse a published study: audit, reconstruct, fit, combine, report."""
    from ..provenance import Stopwatch
    from ..reanalysis import reanalysis_files
    from ..reanalysis import reanalyze as run
    from ..reporting.html import with_report
    from ..reporting.results import run_folder, write_run
    from ..spec import digest
    from ..study.study_file import load_study

    watch = Stopwatch()
    loaded = load_study(study)
    chosen: dict[str, Any] = {"datasets": datasets, "nuts_datasets": nuts_datasets, "fast": fast}
    result = run(loaded.settle(**readings), seed=seed, progress=say, **chosen)
    arguments = {"study": study, "readings": readings, **chosen}
    record = watch.record("reanalyze", arguments, seed=seed, inputs={study: digest(loaded)})
    folder = run_folder(loaded.id, "reanalyze", out)
    write_run(folder, with_report(reanalysis_files(result), record), record)
    title = f"{loaded.title}: published against posterior"
    columns = ["estimand", "printed", "ols", "mean", "lower", "upper", "p_positive", "sd_within", "sd_between"]
    show(result.published, result.published[columns], as_json, title=title)
    if not as_json:
        if result.verdict:
            click.echo(f"reconstructions {result.verdict}")
        click.echo(f"seed {seed}; {'; '.join(result.unsound) or 'sound'}; {folder}/report.html")
    sys.exit(int(bool(result.unsound)))


@click.command()
@folder_argument
def report(*, folder: Path) -> None:
    """Make the HTML report of a run FOLDER anew, from its saved files alone."""
    from ..reporting.html import report as run
    from ..reporting.results import write_file

    write_file(folder / "report.html", run(folder))
    click.echo(folder / "report.html")


@click.command()
@options(folder_argument, json_option)
def replay(*, folder: Path, as_json: bool) -> None:
    """Make the run of a FOLDER again from its record, and compare."""
    from ..reporting.replay import replay as run
    from ..reporting.replay import same

    comparison = run(folder, progress=say)
    show(comparison, comparison, as_json, title=f"{folder}, made again")
    sys.exit(int(not same(comparison)))
