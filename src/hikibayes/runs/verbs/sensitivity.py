"""What the verbs share that ask what would have to be true for a conclusion to fail."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ...defaults import DEFAULT_STUDY
from .. import options
from ..verb import Outcome

if TYPE_CHECKING:
    import pandas as pd

    from ...folders import Content
    from ...robustness.analyses import Sensitivity
    from ...robustness.case import Case
    from ...study.study import Study
    from ..run import Run

TARGET = (
    click.Argument(["what"], default=DEFAULT_STUDY, metavar="[STUDY or FIT FOLDER]"),
    click.Option(
        ["--datasets"],
        type=click.IntRange(min=2),
        default=200,
        show_default=True,
        help="Synthetic data sets of a study.",
    ),
    options.reading,
    options.estimand,
)


def analysed(
    run: Run,
    ask: Callable[..., Any],
    what: str,
    datasets: int,
    readings: dict[str, Any],
    estimand: str = "",
    **chosen: Any,
) -> tuple[Any, Case]:
    """Find what is asked about, a study's data sets or a fit, and ask; return the answer and what it is about."""
    case = case_for(run, what, datasets, readings, estimand)
    return ask(case, seed=run.seed, tell=run.say, **chosen), case


def case_for(run: Run, what: str, datasets: int, readings: dict[str, Any], estimand: str = "") -> Case:
    """Return a study's data sets, or a fit's rows; the run notes its inputs."""
    from ...robustness.case import case_of

    asked, open_readings = asked_about(run, what, readings)
    return case_of(asked, datasets=datasets, seed=run.seed, estimand=estimand, tell=run.say, **open_readings)


def asked_about(run: Run, what: str, readings: dict[str, Any]) -> tuple[str | Study, dict[str, Any]]:
    """Return a study as it is read, or a fit's folder and the readings that it does not have; the run notes it."""
    from ...inference.saved_fit import POSTERIOR
    from ...robustness.case import is_folder

    if is_folder(what):
        run.takes_file(str(Path(what) / POSTERIOR))
        return what, readings
    return run.study(what, readings).read(), {}


def outcome(found: Sensitivity, case: Case, table: pd.DataFrame, shown: pd.DataFrame, title: str) -> Outcome:
    """Say what was found, what would tip the conclusion, and what it rests on."""
    from ...inference.answers.remarks import told
    from ...reconstruction.reconstructions import has_converged
    from ...study.wording import question

    return Outcome(
        study=case.study.id,
        files=sensitivity_files(found, case),
        table=table,
        shown=[(title, shown)],
        remarks=[question(case.study), *told(case.remarks)],
        said=list(found.tipping["sentence"]),
        verdict=f"reconstructions {case.verdict}" if case.verdict else "done",
        sound=has_converged(case.verdict),
    )


def sensitivity_files(found: Sensitivity, case: Case) -> dict[str, Content]:
    """Return the files: a CSV a table, ``tipping.csv``, a fit's remarks, the study and the model as they were."""
    from ...inference.saved_fit import REMARKS
    from ...reconstruction.reconstructions import reconstructions_note
    from ...spec import spec_text

    return {
        **{f"{name}.csv": table for name, table in found.tables.items()},
        **({"tipping.csv": found.tipping} if len(found.tipping) else {}),
        **({REMARKS: case.remarks} if len(case.remarks) else {}),
        **reconstructions_note(case.verdict),
        "study.json": spec_text(case.study),
        "models.json": spec_text({case.model.name: case.model}),
    }
