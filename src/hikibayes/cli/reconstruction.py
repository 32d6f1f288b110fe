"""Verbs of the reconstructions: calibrate, synthesize."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from .options import json_option, options, out_option, progress_bar, reading_option, seed_option, show, study_argument


@click.command()
@options(
    study_argument,
    click.option("--draws", type=click.IntRange(min=4), default=2000, show_default=True, help="How many to keep."),
    reading_option,
    seed_option,
    json_option,
    out_option,
)
def calibrate(*, study: str, draws: int, readings: dict[str, str], seed: int, as_json: bool, out: Path | None) -> None:
    """Draw from the posterior over a study's sample moments: versions of its sample."""
    from ..provenance import Stopwatch
    from ..reconstruction.calibrate import calibrate as run
    from ..reconstruction.shipped import write_reconstructions
    from ..record.study import load_study
    from ..reporting.results import run_folder, write_run
    from ..spec import digest

    watch = Stopwatch()
    loaded = load_study(study)
    with progress_bar("sampling") as tell:
        result = run(loaded.read(**readings), draws=draws, seed=seed, progress=tell)
    arguments = {"study": study, "draws": draws, "readings": readings}
    record = watch.record("calibrate", arguments, seed=seed, inputs={study: digest(loaded)})
    folder = run_folder(loaded.id, "calibrate", out)

    def write(path: Path) -> None:
        write_reconstructions(result.reconstructions, path)

    write_run(folder, {"reconstructions.nc": write, "calibration.csv": result.table}, record)
    show(result.table, result.table, as_json, title=f"{loaded.id}: what the record pins down, seed {seed}")
    if not as_json:
        click.echo(f"{result.verdict}; {folder}")
    sys.exit(int(not result.verdict.sound))


@click.command()
@options(
    study_argument,
    click.option("-n", "--datasets", type=click.IntRange(min=1), default=10, show_default=True, help="How many."),
    click.option("--items", is_flag=True, help="Add the answers to single items, with the printed reliabilities."),
    reading_option,
    seed_option,
    json_option,
    out_option,
)
def synthesize(
    *, study: str, datasets: int, items: bool, readings: dict[str, str], seed: int, as_json: bool, out: Path | None
) -> None:
    """Make integer data sets that reproduce every printed number."""
    from ..provenance import Stopwatch
    from ..reconstruction.synthesize import synthesize as run
    from ..record.study import load_study
    from ..reporting.results import run_folder, write_run
    from ..spec import digest

    watch = Stopwatch()
    loaded = load_study(study)
    with progress_bar("data sets") as tell:
        result = run(loaded.read(**readings), datasets=datasets, seed=seed, items=items, progress=tell)
    arguments = {"study": study, "datasets": datasets, "items": items, "readings": readings}
    record = watch.record("synthesize", arguments, seed=seed, inputs={study: digest(loaded)})
    folder = run_folder(loaded.id, "synthesize", out)
    tables = {f"dataset-{number:04d}.csv": table for number, table in enumerate(result.datasets, start=1)}
    write_run(folder, {**tables, "verification.csv": result.verification}, record)
    facts = result.verification.groupby("fact", sort=False)
    columns = {"printed": ("printed", "first"), "data sets": ("matches", "size"), "matching": ("matches", "sum")}
    show(result.verification, facts.agg(**columns).reset_index(), as_json, title=f"{loaded.id}, SYNTHETIC, seed {seed}")
    missed = int((~result.verification["matches"].astype(bool)).sum())
    if not as_json:
        click.echo(f"{datasets} data sets, {missed} facts missed; {folder}")
    sys.exit(int(missed > 0))
