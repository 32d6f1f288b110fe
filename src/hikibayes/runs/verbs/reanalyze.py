"""`reanalyze`: the main job."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from .. import options
from ..verb import Outcome, verb

if TYPE_CHECKING:
    from ..run import Run

SHOWN = ["estimand", "printed", "ols", "mean", "lower", "upper", "p_positive", "sd_within", "sd_between"]


@verb(
    options.study,
    click.Option(["--fast"], is_flag=True, help="The exact engine only; leave NUTS out."),
    click.Option(
        ["--datasets"], type=click.IntRange(min=2), default=200, show_default=True, help="Synthetic data sets."
    ),
    click.Option(
        ["--nuts-datasets"],
        type=click.IntRange(min=1),
        default=20,
        show_default=True,
        help="Of these, by NUTS too.",
    ),
    options.reconstructions,
    options.reading,
    files=("published.csv", "estimates.csv", "tipping.csv", "power.csv", "report.html"),
    reported=True,
)
def reanalyze(
    run: Run,
    study: str,
    readings: Mapping[str, str],
    fast: bool,
    datasets: int,
    nuts_datasets: int,
    reconstructions: str | None,
) -> Outcome:
    """Reanalyse a published study: audit, reconstruct, fit, combine, report."""
    from ...reanalysis import reanalysis_files, reanalyze

    about = run.study(study, readings)
    run.takes_file(reconstructions)
    chosen: dict[str, Any] = {"datasets": datasets, "nuts_datasets": nuts_datasets, "fast": fast}
    found = reanalyze(about, seed=run.seed, progress=run.say, reconstructions=reconstructions, **chosen)
    return Outcome(
        study=about.id,
        files=reanalysis_files(found),
        table=found.published,
        shown=[(f"{about.title}: published against posterior", found.published[SHOWN])],
        said=[f"reconstructions {found.verdict}"] if found.verdict else [],
        verdict=f"seed {run.seed}; {'; '.join(found.unsound) or 'sound'}; report.html in",
        sound=not found.unsound,
    )
