"""Verbs of planning: power, diagnose, simulations."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from .options import SEED, json_option, list_shipped, options, out_option, say, show, write_template

if TYPE_CHECKING:
    import pandas as pd

    from ..planning.designs.simulation import Simulation
    from ..planning.results.diagnose import Diagnosis

MOST_ROWS = 24
"""A longer table of sizes is shown for the first rule and the first prior only; the files have the rest."""


@click.command()
@options(
    click.argument("simulation", default="followup"),
    click.option(
        "--replicates", type=click.IntRange(10, 10**7), help="Simulated studies a cell.  [default: the file's]"
    ),
    click.option("--seed", type=SEED, help="[default: the file's]"),
    click.option(
        "--reconstructions",
        type=click.Path(dir_okay=False),
        help="What `calibrate` wrote (reconstructions.nc).  [default: those shipped with the study, else drawn first]",
    ),
    click.option("--workers", type=click.IntRange(1, 256), help="Threads.  [default: one for each core]"),
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
    from ..planning.designs.simulation import load_simulation
    from ..planning.power import forget
    from ..planning.power import power as run
    from ..planning.run.meter import Meter
    from ..provenance import Stopwatch, file_digest
    from ..reporting.html import with_report
    from ..reporting.planning_files import inputs_of, models_of, power_files
    from ..reporting.results import run_folder, write_run
    from ..study.study_file import load_study

    watch, began = Stopwatch(), time.time()
    study = load_study(load_simulation(simulation).study)
    folder = run_folder(study.id, "power", out)
    store = folder / ".unfinished"
    found = run(
        simulation,
        study=study,
        reconstructions=reconstructions,
        replicates=replicates,
        seed=seed,
        store=store,
        workers=workers,
        dask=dask,
        progress=Meter(sys.stderr),
        tell=say,
        any_size=yes,
    )
    chosen = found.replicates.simulation
    arguments = {"simulation": simulation, "replicates": chosen.run.replicates, "reconstructions": reconstructions}
    models = models_of(chosen)
    inputs = inputs_of(chosen, study, models) | (
        {reconstructions: file_digest(Path(reconstructions))} if reconstructions else {}
    )
    record = watch.record("power", arguments, seed=chosen.run.seed, inputs=inputs)
    write_run(folder, with_report(power_files(found, study, models), record), record)
    forget(store, began)
    _tell(found, folder, as_json)


@click.command()
@options(
    click.argument("folder", type=click.Path(file_okay=False, path_type=Path)),
    json_option,
    click.option(
        "-o",
        "--out",
        type=click.Path(file_okay=False, path_type=Path),
        help="Folder for the files.  [default: FOLDER itself]",
    ),
)
def diagnose(*, folder: Path, as_json: bool, out: Path | None) -> None:
    """Reduce the replicates that a FOLDER holds to power and sample sizes again, there or in another folder."""
    from ..planning.results.diagnose import REPLICATES_FILE
    from ..planning.results.diagnose import diagnose as run
    from ..provenance import Stopwatch, file_digest
    from ..reporting.planning_files import diagnosis_files, saved_models
    from ..reporting.results import write_file, write_run

    watch = Stopwatch()
    found = run(folder)
    files = diagnosis_files(found, saved_models(folder))
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
    rule = simulation.decisions[0].rule
    if simulation.targets.power:
        show(found.power, _sizes(found.sample_size, simulation), as_json, title=f"smallest sizes: {rule}")
    else:
        show(found.power, _shares(found.power, simulation), as_json, title=f"probability of the claim: {rule}")
    if not as_json:
        click.echo(f"{'' if found.sound else 'NOT SOUND; '}seed {simulation.run.seed}; {folder}")
    sys.exit(int(not found.sound))


def _sizes(sizes: pd.DataFrame, simulation: Simulation) -> pd.DataFrame:
    """Keep the sizes that fit a terminal; ≤ where the smallest simulated one reaches the target already."""
    found = ["n_per_group", "n_total", "lower", "upper", "limiting_assurance"]
    shown = _first_rule(sizes, simulation, found)
    bound = sizes.loc[shown.index, "at_most"].map({True: "≤ ", False: ""})
    for name in found[:2]:
        shown[name] = (bound + shown[name].astype("string")).fillna("")
    return shown


def _shares(power: pd.DataFrame, simulation: Simulation) -> pd.DataFrame:
    """Keep of every cell how probable the claim is, where no target asks for a size."""
    return _first_rule(power, simulation, ["n_per_group", "n_total", "power", "assurance", "failed"]).dropna(
        axis="columns", how="all"
    )


def _first_rule(table: pd.DataFrame, simulation: Simulation, found: list[str]) -> pd.DataFrame:
    """Keep the first rule's rows, of too many the first analysis' and mix's, and the axes on which they differ."""
    from ..planning.designs.cells import OTHER_AXES

    table = table[table["decision"] == simulation.decisions[0].name]
    for axis in ("model", "prior", "mix") if len(table) > MOST_ROWS else ():
        table = table[table[axis] == table[axis].iloc[0]]
    axes = ["worlds", "target", "allocation", *OTHER_AXES]
    differ = [name for name in table if name in axes and (name == "worlds" or len(set(table[name])) > 1)]
    return table[[*differ, *found]]


@click.command()
@click.option("--schema", is_flag=True, help="Print the JSON Schema of a simulation file.")
@click.option("--new", type=click.Path(dir_okay=False, path_type=Path), help="Write a commented template to FILE.")
@json_option
def simulations(*, schema: bool, new: Path | None, as_json: bool) -> None:
    """List the simulations that come with the package."""
    import pandas as pd

    from ..planning.designs.simulation import Simulation, load_simulation, shipped_simulations
    from ..spec import json_schema

    if schema:
        click.echo(json_schema(Simulation))
    elif new:
        write_template("hikibayes.planning.designs", "template.toml", new)
    else:
        rows = [{"simulation": n, "description": load_simulation(n).description} for n in shipped_simulations()]
        list_shipped(pd.DataFrame(rows), as_json)
