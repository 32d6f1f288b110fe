"""Verbs of planning: power, diagnose, simulations."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import click

from .options import json_option, list_shipped, options, out_option, progress_bar, show, write_template


@click.command()
@options(
    click.argument("simulation", default="followup"),
    click.option("--replicates", type=click.IntRange(min=1), help="Simulated studies a cell.  [default: the file's]"),
    click.option("--seed", type=click.IntRange(min=0), help="[default: the file's]"),
    click.option("--workers", type=click.IntRange(min=1), help="Threads.  [default: one for each core]"),
    click.option("--dask", metavar="ADDRESS", help="A dask scheduler that does the work."),
    click.option("--yes", is_flag=True, help="Run a grid of any size."),
    json_option,
    out_option,
)
def power(
    *,
    simulation: str,
    replicates: int | None,
    seed: int | None,
    workers: int | None,
    dask: str | None,
    yes: bool,
    as_json: bool,
    out: Path | None,
) -> None:
    """Simulate planned studies: power, assurance, precision, sample size.

    SIMULATION is the name of a shipped one or a file. An interrupted run goes on where it stopped.
    """
    from ..planning.designs import load_simulation
    from ..planning.power import forget
    from ..planning.power import power as run
    from ..provenance import Stopwatch
    from ..reporting.results import run_folder, write_run
    from ..spec import digest

    watch = Stopwatch()
    loaded = load_simulation(simulation)
    folder = run_folder(loaded.study, "power", out)
    store = folder / ".unfinished"
    with progress_bar("replicates") as tell:
        found = run(
            loaded,
            replicates=replicates,
            seed=seed,
            store=store,
            workers=workers,
            dask=dask,
            progress=tell,
            any_size=yes,
        )
    arguments = {"simulation": simulation, "replicates": replicates, "yes": yes}
    used = found.replicates.simulation.run.seed
    record = watch.record("power", arguments, seed=used, inputs={simulation: digest(loaded)})
    write_run(folder, _files(found, record), record)
    forget(store)
    _tell(found, folder, as_json)


@click.command()
@options(click.argument("folder", type=click.Path(file_okay=False, path_type=Path)), json_option)
def diagnose(*, folder: Path, as_json: bool) -> None:
    """Reduce the replicates that a FOLDER holds to power and sample sizes again."""
    from ..planning.diagnose import diagnose as run
    from ..reporting.results import write_file

    found = run(folder)
    for name in ("power", "sample_size"):
        write_file(folder / f"{name}.csv", getattr(found, name))
    _tell(found, folder, as_json)


def _files(found: Any, record: Any) -> dict[str, Any]:
    from ..planning.proposal import proposal
    from ..planning.replicates import write_replicates
    from ..reporting.figures import figure_files
    from ..reporting.saved import SavedRun

    tables = {"power.csv": found.power, "sample_size.csv": found.sample_size, "surface.csv": found.surface}
    texts = {"proposal.txt": proposal(found) + "\n"}
    figures = figure_files(SavedRun.of_contents({**tables, **texts}, record))
    return {"replicates.parquet": partial(write_replicates, found.replicates), **tables, **texts, **figures}


def _tell(found: Any, folder: Path, as_json: bool) -> None:
    for warning in found.warnings:
        click.echo(f"note: {warning}", err=True)
    sizes = found.sample_size
    # a grid's axes of one value would only crowd the terminal out; the files have them
    telling = sizes.loc[:, sizes.nunique(dropna=False) > 1] if len(sizes) > 1 else sizes
    show(found.power, telling, as_json, title="smallest sample sizes")
    if not as_json:
        click.echo(folder)


@click.command()
@click.option("--schema", is_flag=True, help="Print the JSON Schema of a simulation file.")
@click.option("--new", type=click.Path(dir_okay=False, path_type=Path), help="Write a commented template to FILE.")
@json_option
def simulations(*, schema: bool, new: Path | None, as_json: bool) -> None:
    """List the simulations that come with the package."""
    import pandas as pd

    from ..planning.designs import Simulation, load_simulation, shipped_simulations
    from ..spec import json_schema

    if schema:
        click.echo(json_schema(Simulation))
    elif new:
        write_template("hikibayes.planning", "template.toml", new)
    else:
        rows = [{"simulation": n, "description": load_simulation(n).description} for n in shipped_simulations()]
        list_shipped(pd.DataFrame(rows), as_json)
