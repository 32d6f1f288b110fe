"""`audit`: whether the printed numbers agree with each other."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from .. import options
from ..verb import Outcome, verb

if TYPE_CHECKING:
    from ..run import Run

STYLES = {"inconsistent": "bold red", "ambiguous": "yellow", "underdetermined": "cyan"}
"""Colour by verdict, the gravest first."""
MATTERS = ("inconsistent", "ambiguous")


@verb(
    options.study,
    click.Option(["--all", "every"], is_flag=True, help="Show what agrees, and what nothing bears on, too."),
    options.reading,
    seed=None,
    files=("audit.csv", "studies.csv"),
    passing=("every",),
)
def audit(run: Run, study: str, readings: Mapping[str, str], every: bool = True) -> Outcome:
    """Check whether the printed numbers agree with each other.

    Shows what contradicts itself or depends on a reading, with the ids of the facts; the rest is counted. STUDY may
    be a folder of study files: a row a study, with the questions of INSPECT-SR that numbers can answer.
    """
    from ...auditing.audit import audit
    from ...auditing.suspects import LIKELIEST

    if Path(study).is_dir():
        return _of_folder(run, Path(study), readings)
    about = run.study(study, readings)
    run.say("auditing the record")
    table = audit(about)
    gravity = table["verdict"].map([*STYLES, "consistent"].index) - 0.5 * (table["check"] == LIKELIEST)
    shown = table.iloc[gravity.argsort(kind="stable")]
    shown = shown[every | shown["verdict"].isin(MATTERS)][["verdict", "check", "facts", "note"]]
    counts = ", ".join(f"{count} {verdict}" for verdict, count in table["verdict"].value_counts().items())
    return Outcome(
        study=about.id,
        files={"audit.csv": table},
        table=table,
        shown=[(about.title, shown)] if len(shown) else [],
        styles=STYLES,
        verdict=counts if every else f"{counts} (--all shows them)",
        sound=not (table["verdict"] == "inconsistent").any(),
    )


def _of_folder(run: Run, folder: Path, readings: Mapping[str, str]) -> Outcome:
    """Audit every study file of a folder."""
    from ...auditing.many import QUESTIONS, audit_many, study_files
    from ...spec import InputError

    if readings:
        raise InputError("--reading decides a place of one study; give a study file, not a folder", source=folder)
    paths = study_files(folder)
    for path in paths:
        run.takes_file(str(path))
    studies, rows = audit_many(paths, run.say)
    unread = studies["unread"] != ""
    wrong = studies["inconsistent"].fillna(0) > 0
    asked = {name: name.removeprefix("inspect_sr_").replace("_", ".") for name in QUESTIONS}
    shown = studies[["file", "facts", "inconsistent", "ambiguous", *QUESTIONS, "gravest"]].rename(columns=asked)
    return Outcome(
        study=folder.resolve().name,
        files={"studies.csv": studies, "audit.csv": rows},
        table=studies,
        shown=[(str(folder), shown[~unread])],
        said=[f"INSPECT-SR {asked[name]}: {question}" for name, (question, _) in QUESTIONS.items()],
        remarks=[f"{row.file}: {row.unread}" for row in studies[unread].itertuples()],
        verdict=f"{len(studies)} studies: {wrong.sum()} with contradictions, {unread.sum()} unread",
        sound=not (wrong.any() or unread.any()),
    )
