"""`validate`: whether the machinery itself is right."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import click

from ...defaults import DEFAULT_STUDY
from ..verb import Outcome, verb

if TYPE_CHECKING:
    from ..run import Run

TIMES = "times.csv"
"""Beside the run's files: processor seconds differ from run to run."""


LIMIT = "Strangers: processor seconds of a stage: one that takes longer has failed."


@verb(
    click.Argument(["what"], type=click.Choice(["machinery", "strangers"]), default="machinery"),
    click.Option(["--quick/--full"], default=True, show_default=True, help="Machinery: two minutes, or twenty."),
    click.Option(["--model"], help="Machinery: calibrate the engines on this model file instead of the shipped ones."),
    click.Option(["--study"], default=DEFAULT_STUDY, show_default=True, help="Whose measures the model names."),
    click.Option(["--count"], type=click.IntRange(min=1), default=20, show_default=True, help="Strangers: how many."),
    click.Option(["--misprints"], is_flag=True, help="Strangers: plant one in each: is it among three suspects?"),
    click.Option(["--designs"], is_flag=True, help="Strangers: other designs, audited, with and without a misprint."),
    click.Option(["--max-n"], type=click.IntRange(min=30), default=3000, show_default=True, help="Strangers: largest."),
    click.Option(["--max-scores"], type=click.IntRange(1), default=8, show_default=True, help="Strangers: predictors."),
    click.Option(["--limit"], type=click.IntRange(min=1), default=600, show_default=True, help=LIMIT),
    click.Option(["--workers"], type=click.IntRange(min=1), default=1, show_default=True, help="Processes."),
    files=("machinery.csv", "ranks.csv", "calibration.svg", "strangers.csv", "stages.csv", "contrasts.csv"),
    passing=("workers",),
)
def validate(run: Run, what: str = "strangers", **given: Any) -> Outcome:
    """Ask whether the machinery itself is right.

    WHAT is machinery (simulation-based calibration of every model by both engines, engines against each other,
    synthetic data, power by closed form), or strangers: random studies, printed from raw tables by other software,
    through every verb. An interrupted run of strangers goes on where it was; what failed is left in failures/.
    """
    return (_machinery if what == "machinery" else _strangers)(run, **given)


def _machinery(run: Run, *, quick: bool, model: str | None, study: str, workers: int = 1, **_: Any) -> Outcome:
    from ...inference.models.specs import load_model
    from ...validation.machinery.bench import machinery
    from ...validation.machinery.figure import calibration_figure

    about = run.study(study, {})
    own = load_model(model) if model else None
    if own:
        run.takes("model", own)
    with run.bar("checks") as tell:
        found = machinery(own, study=about, full=not quick, seed=run.seed, workers=workers, progress=tell)
    figure = {"calibration.svg": calibration_figure(found.ranks, run.seed)} if found.ranks else {}
    return Outcome(
        study="machinery",
        files={**found.files, **figure},
        table=found.table,
        shown=[(f"machinery, seed {run.seed}", found.table)],
        verdict="sound" if found.sound else "NOT SOUND",
        sound=found.sound,
    )


def _strangers(
    run: Run,
    *,
    count: int,
    misprints: bool = False,
    designs: bool = False,
    max_n: int = 3000,
    max_scores: int = 8,
    limit: int = 600,
    workers: int = 1,
    **_: Any,
) -> Outcome:
    from ...files import write_whole
    from ...folders import csv_text
    from ...validation.strangers.bench import validate
    from ...validation.strangers.designs import designed
    from ...validation.strangers.misprints import IN_THE_AUDIT, MISPRINTS
    from ...validation.strangers.stages import STAGES, Effort
    from ...validation.strangers.stranger import stranger

    # a folder of its own: the benches keep other things of the same studies
    name, stages = ("strangers-misprints", MISPRINTS) if misprints else ("strangers", STAGES)
    if designs:
        name, stages = "strangers-designs", IN_THE_AUDIT
    folder = run.folder(name)
    with run.bar("studies") as tell:
        store = None if run.again else folder
        found = validate(
            count=count,
            seed=run.seed,
            effort=Effort(seconds=limit),
            stages=stages,
            drawn=designed if designs else stranger,
            max_n=max_n,
            max_scores=max_scores,
            workers=workers,
            store=store,
            progress=tell,
        )
    overall = found.table[found.table["stratum"] == "all"].drop(columns=["stratum", "value"])
    return Outcome(
        study=name,
        files=found.files,
        table=found.table,
        shown=[(f"{count} strangers, seed {run.seed}", overall)],
        remarks=[f"{times} x {reason}" for reason, times in found.reasons.head(10).items()],
        verdict="sound" if found.sound else "NOT SOUND",
        sound=found.sound,
        afterwards=partial(write_whole, folder / TIMES, csv_text(found.times)),
    )
