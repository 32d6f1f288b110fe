"""Verbs of the reconstructions: calibrate, synthesize."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from .options import (
    json_option,
    options,
    out_option,
    progress_bar,
    reading_option,
    say,
    seed_option,
    show,
    study_argument,
)

SHOWN = ["quantity", "printed", "mean", "sd", "q05", "q95", "between_over_within", "pinned"]


@click.command()
@options(
    study_argument,
    click.option("--draws", type=click.IntRange(min=4), default=2000, show_default=True, help="How many to keep."),
    click.option("--thin", type=click.IntRange(min=1), default=2, show_default=True, help="Sampled draws for each."),
    reading_option,
    seed_option,
    json_option,
    out_option,
)
def calibrate(
    *, study: str, draws: int, thin: int, readings: dict[str, str], seed: int, as_json: bool, out: Path | None
) -> None:
    """Draw from the posterior over a study's sample moments: versions of its sample."""
    from ..provenance import Stopwatch
    from ..reconstruction.calibrate import calibrate as run
    from ..reporting.reconstruction_files import calibration_files
    from ..reporting.results import run_folder, write_run
    from ..spec import digest
    from ..study.study_file import load_study

    watch = Stopwatch()
    loaded = load_study(study)
    chosen: dict[str, Any] = {"draws": draws, "thin": thin}
    decisions: dict[str, Any] = dict(readings)
    say("looking for starting points (the first run on a machine compiles for about a minute)")
    with progress_bar("sampling") as tell:
        result = run(loaded, seed=seed, progress=tell, **chosen, **decisions)
    arguments = {"study": study, **chosen, "readings": readings}
    record = watch.record("calibrate", arguments, seed=seed, inputs={study: digest(loaded)})
    folder, files = run_folder(loaded.id, "calibrate", out), calibration_files(result, seed=seed)
    write_run(folder, files, record)
    show(result.table, result.table[SHOWN], as_json, title=f"{loaded.id}: what the record pins down, seed {seed}")
    if not as_json:
        if (by_unit := files.get("units.csv")) is not None:
            show(by_unit, by_unit, False, title="the same answers by unit, and what their spread rests on")
        click.echo(f"{result.verdict}; {folder}")
    sys.exit(int(not result.verdict.sound))


@click.command()
@options(
    study_argument,
    click.option("-n", "--datasets", type=click.IntRange(min=1), default=10, show_default=True, help="How many."),
    click.option("--items", is_flag=True, help="Add the answers to single items, with the printed reliabilities."),
    click.option(
        "--reconstructions",
        type=click.Path(dir_okay=False),
        help="What `calibrate` wrote (reconstructions.nc).  [default: those shipped with the study, else drawn first]",
    ),
    reading_option,
    seed_option,
    json_option,
    out_option,
)
def synthesize(
    *,
    study: str,
    datasets: int,
    items: bool,
    reconstructions: str | None,
    readings: dict[str, str],
    seed: int,
    as_json: bool,
    out: Path | None,
) -> None:
    """Make integer data sets that reproduce every printed number."""
    from ..provenance import Stopwatch, file_digest
    from ..reconstruction.calibrate import chosen_reconstructions
    from ..reconstruction.reconstructions import has_converged
    from ..reconstruction.synthesize import synthesize as run
    from ..reporting.reconstruction_files import synthesis_files
    from ..reporting.results import run_folder, write_run
    from ..spec import digest
    from ..study.study_file import load_study

    watch = Stopwatch()
    loaded = load_study(study)
    decided = loaded.read(**readings)
    draws = chosen_reconstructions(decided, reconstructions, seed=seed, tell=say)
    with progress_bar("data sets") as tell:
        result = run(decided, draws, datasets=datasets, seed=seed, items=items, progress=tell)
    chosen = {"datasets": datasets, "items": items, "reconstructions": reconstructions, "readings": readings}
    inputs = {study: digest(loaded)} | (
        {reconstructions: file_digest(Path(reconstructions))} if reconstructions else {}
    )
    record = watch.record("synthesize", {"study": study, **chosen}, seed=seed, inputs=inputs)
    folder = run_folder(loaded.id, "synthesize", out)
    write_run(folder, synthesis_files(decided, result), record)
    facts = result.verification.groupby("fact", sort=False)
    columns = {"printed": ("printed", "first"), "data sets": ("matches", "size"), "matching": ("matches", "sum")}
    show(result.verification, facts.agg(**columns).reset_index(), as_json, title=f"{loaded.id}, SYNTHETIC, seed {seed}")
    missed = int((~result.verification["matches"].astype(bool)).sum())
    if not as_json:
        click.echo(f"reconstructions {result.verdict or 'as given'}")
        click.echo(f"{datasets} data sets, {missed} facts missed; {folder}")
    sys.exit(int(missed > 0 or not has_converged(result.verdict)))
