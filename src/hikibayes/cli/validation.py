"""Verbs that check the machinery itself: validate strangers."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from .options import json_option, options, out_option, progress_bar, seed_option, show


@click.group()
def validate() -> None:
    """Check the machinery itself."""


@validate.command()
@options(
    click.option("--count", type=click.IntRange(min=1), default=20, show_default=True, help="How many studies."),
    click.option("--workers", type=click.IntRange(min=1), default=1, show_default=True, help="Processes."),
    seed_option,
    json_option,
    out_option,
)
def strangers(*, count: int, workers: int, seed: int, as_json: bool, out: Path | None) -> None:
    """Take random studies, printed from raw tables by other software, through every verb.

    An interrupted run goes on where it was; studies in which something failed are left in failures/.
    """
    from ..provenance import Stopwatch
    from ..reporting.results import run_folder, write_file, write_run
    from ..validation.strangers.bench import validate as run

    watch, folder = Stopwatch(), run_folder("strangers", "validate", out)
    with progress_bar("studies") as tell:
        found = run(count=count, seed=seed, workers=workers, store=folder, progress=tell)
    write_run(folder, found.files, watch.record("validate", {"count": count}, seed=seed, inputs={}))
    write_file(folder / "times.csv", found.times)
    overall = found.table[found.table["stratum"] == "all"].drop(columns=["stratum", "value"])
    show(found.table, overall, as_json, title=f"{count} strangers, seed {seed}")
    if not as_json:
        for reason, times in found.reasons.head(10).items():
            click.echo(f"{times} x {reason}", err=True)
        click.echo(f"{'sound' if found.sound else 'NOT SOUND'}; {folder}")
    sys.exit(int(not found.sound))
