"""`assumptions`: how far each answer moves when an assumption is another."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import click

from .. import options
from ..verb import Outcome, verb

if TYPE_CHECKING:
    from ..run import Run

SHOWN = ("assumption", "change", "how", "effective", "mean", "sd", "p_positive", "moved_sds")


@verb(
    options.study,
    options.reading,
    click.Option(["--refit"], is_flag=True, help="Draw again where weights cannot tell; each takes a calibration."),
    files=("assumptions.csv", "evidence.csv"),
)
def assumptions(run: Run, study: str, readings: Mapping[str, str], refit: bool) -> Outcome:
    """Ask how far each answer moves when an assumption's centre or width is another."""
    from ...reconstruction.reconstructions import has_converged, reconstructions_note
    from ...robustness.assumptions.sensitivity import assumptions
    from ...spec import spec_text
    from ...study.wording import estimand_name

    settled = run.study(study, readings).read()
    found = assumptions(settled, refit=refit, seed=run.seed, tell=run.say)
    main = settled.focal_estimand
    shown = found.table[found.table["estimand"] == main.name][list(SHOWN)]
    return Outcome(
        study=settled.id,
        files={
            **{f"{name}.csv": table for name, table in found.tables.items()},
            **reconstructions_note(found.verdict),
            "study.json": spec_text(settled),
        },
        table=found.table,
        shown=[(f"{estimand_name(settled, main)}, under other assumptions", shown)],
        said=found.sentences,
        verdict=f"reconstructions {found.verdict}" if found.verdict else "done",
        sound=has_converged(found.verdict),
    )
