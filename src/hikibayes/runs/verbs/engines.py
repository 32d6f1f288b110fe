"""`engines`: whether the exact engine says what NUTS says, on one fit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .. import options
from ..verb import Outcome, verb
from .fit import loaded

if TYPE_CHECKING:
    from ..run import Run


@verb(*options.table, files=("engines.csv",))
def engines(run: Run, **given: Any) -> Outcome:
    """Hold the exact engine against Bambi and a long NUTS run, on one MODEL and one table, DATA."""
    from ...inference.answers.diagnostics import failures
    from ...inference.answers.remarks import told
    from ...validation.engines import engines

    how = loaded(run, **given)
    run.say("holding the exact engine against NUTS")
    found = engines(**how)
    return Outcome(
        study=found.nuts.study.id,
        files={"engines.csv": found.table},
        table=found.table,
        shown=[(f"{given['model']} ({given['prior']}), seed {run.seed}", found.verdict)],
        remarks=[*told(found.nuts.remarks), *failures(found.verdict)],
        verdict="sound" if found.agree else "NOT SOUND",
        sound=found.agree,
    )
