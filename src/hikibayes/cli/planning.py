"""Verbs of planning: power, diagnose, simulations."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from .options import json_option, list_shipped, options, out_option, show, write_template

if TYPE_CHECKING:
    import pandas as pd

    from ..planning.designs import Simulation
    from ..planning.diagnose import Diagnosis

MOST_ROWS = 24
"""A longer table of sizes is shown for the first rule and the first prior only; the files have the rest."""


@click.command()
@options(
    click.argument("simulation", default="followup"),
    click.option("--replicates", type=click.IntRange(min=10), help="Simulated studies a cell.  [default: the file's]"),
    click.option("--seed", type=click.IntRange(min=0), help="[default: the file's]"),
    click.option(
        "--reconstructions",
        type=click.Path(dir_okay=False),
        help="What `calibrate` wrote (reconstructions.nc).  [default: those shipped with the study, else drawn first]",
    ),
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
    reconstructions: str | None,
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
    from ..planning.meter import Meter
    from ..planning.power import forget
    from ..planning.power import power as run
    from ..provenance import Stopwatch, file_digest
    from ..record.study_file import load_study
    from ..reporting.html import with_report
    from ..reporting.planning_files import inputs_of, power_files
    from ..reporting.results import run_folder, write_run

    watch = Stopwatch()
    loaded = load_simulation(simulation)
    study = load_study(loaded.study)
    folder = run_folder(study.id, "power", out)
    store = folder / ".unfinished"
    found = run(
        loaded,
        study=study,
        reconstructions=reconstructions,
        replicates=replicates,
        seed=seed,
        store=store,
        workers=workers,
        dask=dask,
        progress=Meter(sys.stderr),
        any_size=yes,
    )
    chosen = found.replicates.simulation
    arguments = {"simulation": simulation, "replicates": chosen.run.replicates, "reconstructions": reconstructions}
    inputs = inputs_of(chosen, study) | (
        {reconstructions: file_digest(Path(reconstructions))} if reconstructions else {}
    )
    record = watch.record("power", arguments, seed=chosen.run.seed, inputs=inputs)
    write_run(folder, with_report(power_files(found, study), record), record)
    forget(store)
    _tell(found, folder, as_json)


@click.command()
@options(click.argument("folder", type=click.Path(file_okay=False, path_type=Path)), json_option, out_option)
def diagnose(*, folder: Path, as_json: bool, out: Path | None) -> None:
    """Reduce the replicates that a FOLDER holds to power and sample sizes again, there or in another folder."""
    from ..planning.diagnose import REPLICATES_FILE
    from ..planning.diagnose import diagnose as run
    from ..provenance import Stopwatch, file_digest
    from ..reporting.planning_files import diagnosis_files
    from ..reporting.results import write_file, write_run

    watch = Stopwatch()
    found = run(folder)
    files = diagnosis_files(found)
    if out is None:
        for name, content in files.items():
            write_file(folder / name, content)
    else:
        source = str(folder / REPLICATES_FILE)
        arguments, inputs = {"folder": str(folder)}, {source: file_digest(Path(source))}
        seed = found.replicates.simulation.run.seed
        write_run(out, files, watch.record("diagnose", arguments, seed=seed, inputs=inputs))
    _tell(found, out or folder, as_json)


def _tell(found: Diagnosis, folder: Path, as_json: bool) -> None:
    for warning in found.warnings:
        click.echo(f"note: {warning}", err=True)
    simulation = found.replicates.simulation
    sizes = _shown(found.sample_size, simulation)
    show(found.power, sizes, as_json, title=f"smallest sizes: {simulation.decisions[0].rule}")
    if not as_json:
        click.echo(f"seed {simulation.run.seed}; {folder}")


def _shown(sizes: pd.DataFrame, simulation: Simulation) -> pd.DataFrame:
    """Keep the rows and columns that fit a terminal: the first rule, and what differs between its rows."""
    if len(sizes):
        sizes = sizes[sizes["decision"] == simulation.decisions[0].name]
    for axis in ("model", "prior", "mix") if len(sizes) > MOST_ROWS else ():
        sizes = sizes[sizes[axis] == sizes[axis].iloc[0]]
    found = ["n_per_group", "n_total", "lower", "upper", "ceiling"]
    differ = [name for name in sizes if name not in found and (name == "worlds" or len(set(sizes[name])) > 1)]
    return sizes[[name for name in (*differ, *found) if name in sizes and name not in ("reached", "estimand")]]


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
