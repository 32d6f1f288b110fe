"""`replicate`: what a new study says of a published one."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .. import options
from ..verb import Outcome, verb
from .sensitivity import asked_about

if TYPE_CHECKING:
    from ...replication.replicate import Replication
    from ..run import Run

SHOWN = {"label": "", "mean": "effect", "lower": "lower", "upper": "upper", "p_positive": "p_positive", "bf10": "bf10"}


@verb(
    click.Argument(["original"], metavar="ORIGINAL"),
    click.Argument(["new"], metavar="NEW"),
    options.estimand,
    *(option for option in options.table if option.name in ("prior", "columns", "mapping")),
    click.Option(["--own-scale"], is_flag=True, help="Standardise NEW by its own SDs: another instrument."),
    click.Option(
        ["--share"],
        type=click.Choice(["effect", "all"]),
        default="effect",
        show_default=True,
        help="What both have in common; all: one regression of both studies' rows.",
    ),
    click.Option(["--more"], is_flag=True, help="Add sceptical p and Bayes factor, and other widths of the prior."),
    click.Option(
        ["--datasets"],
        type=click.IntRange(min=2),
        default=100,
        show_default=True,
        help="Reconstructions of a study.",
    ),
    options.reading,
    files=("joint.csv", "replication.csv", "remarks.csv", "report.html", "figures/"),
    reported=True,
)
def replicate(
    run: Run,
    original: str,
    new: str,
    readings: Mapping[str, str],
    prior: str,
    **asked: Any,
) -> Outcome:
    """Ask whether NEW replicates ORIGINAL, and what is known of both together.

    ORIGINAL is a study, or the folder of a fit of its rows. NEW is a table of the same measures (CSV, TSV, SPSS), the
    folder of a fit, another study known from print, or a made-up example: nonaka2021_made_up.
    """
    from ...replication.replicate import replicate

    about, undecided = asked_about(run, original, dict(readings))
    takes_new(run, new)
    run.takes_file(asked["mapping"])
    found = replicate(about, new, prior=prior, seed=run.seed, tell=run.say, **asked, **undecided)
    return _outcome(found, new, prior)


def takes_new(run: Run, new: str) -> None:
    """Note the new study among the run's inputs: a table, an example, or the folder of a fit."""
    from ...replication.pair import examples

    run.takes_file(str(examples().get(new, new)))
    run.takes_file(str(Path(new) / "posterior.nc"))


def _outcome(found: Replication, new: str, prior: str) -> Outcome:
    from ...inference.answers.remarks import told
    from ...reconstruction.reconstructions import has_converged, reconstructions_note
    from ...spec import spec_text
    from ...study.wording import estimand_name, question

    case, table = found.case, found.joint
    title = f"{estimand_name(case.study, case.estimand)}: {new}. Model {case.model.name}, {prior}"
    return Outcome(
        study=case.study.id,
        files={
            "joint.csv": table,
            "replication.csv": found.replication,
            "remarks.csv": found.remarks,
            **reconstructions_note(found.verdict),
            "study.json": spec_text(case.study),
            "models.json": spec_text({case.model.name: case.model}),
        },
        table=table,
        shown=[(title, table[list(SHOWN)].rename(columns=SHOWN))],
        said=found.sentences,
        remarks=[question(case.study), *told(found.remarks), *([found.warning] if found.warning else [])],
        verdict=f"reconstructions {found.verdict}" if found.verdict else "done",
        sound=found.sound and has_converged(found.verdict),
    )
