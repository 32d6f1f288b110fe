"""`validate`: whether the machinery itself is right."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import click

from ..verb import Outcome, verb

if TYPE_CHECKING:
    from ..run import Run

TIMES = "times.csv"
"""Beside the run's files: processor seconds differ from run to run."""


LIMIT = "Processor seconds of a stage: one that takes longer has failed."


@verb(
    click.Argument(["what"], type=click.Choice(["strangers"]), default="strangers"),
    click.Option(["--count"], type=click.IntRange(min=1), default=20, show_default=True, help="How many studies."),
    click.Option(["--misprints"], is_flag=True, help="Plant a misprint in each study: is it named among three?"),
    click.Option(["--max-n"], type=click.IntRange(min=30), default=3000, show_default=True, help="Largest study."),
    click.Option(["--limit"], type=click.IntRange(min=1), default=600, show_default=True, help=LIMIT),
    click.Option(["--workers"], type=click.IntRange(min=1), default=1, show_default=True, help="Processes."),
    files=("strangers.csv", "stages.csv", "contrasts.csv"),
    passing=("workers",),
)
def validate(
    run: Run, what: str, count: int, misprints: bool = False, max_n: int = 3000, limit: int = 600, workers: int = 1
) -> Outcome:
    """Take random studies, printed from raw tables by other software, through every verb.

    An interrupted run goes on where it was; studies in which something failed are left in failures/.
    """
    from ...files import write_whole
    from ...folders import csv_text
    from ...validation.strangers.bench import validate
    from ...validation.strangers.misprints import MISPRINTS
    from ...validation.strangers.stages import STAGES, Effort

    # a folder of its own: the two benches keep other things of the same studies
    name, stages = (f"{what}-misprints", MISPRINTS) if misprints else (what, STAGES)
    folder = run.folder(name)
    with run.bar("studies") as tell:
        store = None if run.again else folder
        found = validate(
            count=count,
            seed=run.seed,
            effort=Effort(seconds=limit),
            stages=stages,
            max_n=max_n,
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
