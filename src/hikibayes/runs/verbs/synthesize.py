"""`synthesize`: tables of participants that print every fact."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import click

from .. import options
from ..verb import Outcome, verb

if TYPE_CHECKING:
    from ...folders import Content
    from ...reconstruction.synthesize import Synthesis
    from ...study.study import Study
    from ..run import Run


@verb(
    options.study,
    click.Option(["-n", "--datasets"], type=click.IntRange(min=1), default=10, show_default=True, help="How many."),
    click.Option(["--items"], is_flag=True, help="Add the answers to single items, with the printed reliabilities."),
    options.reconstructions,
    options.reading,
    files=("dataset-0001.csv", "codebook.csv", "verification.csv", "reconstructions.json", "figures/dataset-0001.svg"),
)
def synthesize(
    run: Run, study: str, readings: Mapping[str, str], datasets: int, items: bool, reconstructions: str | None
) -> Outcome:
    """Make integer data sets that reproduce every printed number."""
    from ...reconstruction.calibrate import chosen_reconstructions
    from ...reconstruction.reconstructions import has_converged
    from ...reconstruction.synthesize import synthesize

    about = run.study(study, readings).read()
    run.takes_file(reconstructions)
    draws = chosen_reconstructions(about, reconstructions, seed=run.seed, tell=run.say)
    with run.bar("data sets") as tell:
        each = lambda data: tell(data.number, datasets)  # noqa: E731
        made = synthesize(about, draws, datasets=datasets, seed=run.seed, items=items, each=each)
    missed = int((~made.verification["matches"].astype(bool)).sum())
    facts = made.verification.groupby("fact", sort=False)
    columns = {"printed": ("printed", "first"), "data sets": ("matches", "size"), "matching": ("matches", "sum")}
    return Outcome(
        study=about.id,
        files=synthesis_files(about, made),
        table=made.verification,
        shown=[(f"{about.id}, SYNTHETIC, seed {run.seed}", facts.agg(**columns).reset_index())],
        said=[f"reconstructions {made.verdict or 'as given'}"],
        verdict=f"{datasets} data sets, {missed} facts missed",
        sound=not missed and has_converged(made.verdict),
    )


def synthesis_files(study: Study, synthesis: Synthesis) -> dict[str, Content]:
    """Return the files of a synthesis: its tables with a mark in every row, and a look at the first of them."""
    from ...reconstruction.participants.codebook import codebook, marked
    from ...reconstruction.participants.item_columns import item_columns
    from ...reconstruction.reconstructions import reconstructions_note
    from ...reporting.drawing import as_svg
    from ...reporting.figures_participants import dataset_figure

    first = synthesis.datasets[0]
    items = any(name in first for measure in study.measures for name in item_columns(measure))
    return {
        **{f"dataset-{i:04d}.csv": marked(table, i) for i, table in enumerate(synthesis.datasets, start=1)},
        "codebook.csv": codebook(study, items=items),
        "verification.csv": synthesis.verification,
        **reconstructions_note(synthesis.verdict),
        "figures/dataset-0001.svg": as_svg(lambda: dataset_figure(study, first)),
    }
