"""`audit`: whether the printed numbers agree with each other."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import click

from .. import options
from ..verb import Outcome, verb

if TYPE_CHECKING:
    from ..run import Run

__all__ = ["audit"]

STYLES = {"inconsistent": "bold red", "ambiguous": "yellow", "underdetermined": "cyan"}
"""Colour by verdict, the gravest first."""
MATTERS = ("inconsistent", "ambiguous")


@verb(
    options.study,
    click.Option(["--all", "every"], is_flag=True, help="Show what agrees, and what nothing bears on, too."),
    options.reading,
    seed=None,
    files=("audit.csv",),
    passing=("every",),
)
def audit(run: Run, study: str, readings: Mapping[str, str], every: bool = True) -> Outcome:
    """Check whether the printed numbers agree with each other.

    Shows what contradicts itself or depends on a reading, with the ids of the facts; the rest is counted.
    """
    from ...auditing.audit import audit
    from ...auditing.suspects import LIKELIEST

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
