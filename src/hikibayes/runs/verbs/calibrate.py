"""`calibrate`: what the record says about the sample's moments, and what it leaves open."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import click

from .. import options
from ..verb import Outcome, verb

if TYPE_CHECKING:
    import pandas as pd

    from ...folders import Content
    from ...reconstruction.calibrate import Calibration
    from ..run import Run

SHOWN = ["quantity", "printed", "mean", "sd", "q05", "q95", "between_over_within", "pinned"]


@verb(
    options.study,
    click.Option(["--draws"], type=click.IntRange(min=4), default=2000, show_default=True, help="How many to keep."),
    click.Option(["--thin"], type=click.IntRange(min=1), default=1, show_default=True, help="Sampled draws for each."),
    options.reading,
    files=("reconstructions.nc", "calibration.csv", "units.csv", "figures/calibration.svg"),
)
def calibrate(run: Run, study: str, readings: Mapping[str, str], draws: int, thin: int) -> Outcome:
    """Draw from the posterior over a study's sample moments: versions of its sample."""
    from ...reconstruction.calibrate import calibrate
    from ...reconstruction.raw_units import answers_by_unit

    about = run.study(study, readings)
    run.say("looking for starting points (a record of a new shape compiles for up to a minute)")
    with run.bar("steps of sampling") as tell:
        found = calibrate(about, seed=run.seed, draws=draws, thin=thin, progress=tell)
    by_unit = answers_by_unit(found.study, found.reconstructions, seed=run.seed)
    shown = [(f"{about.id}: what the record pins down, seed {run.seed}", found.table[SHOWN])]
    shown += [("the same answers by unit, and what their spread rests on", by_unit)] if len(by_unit) else []
    return Outcome(
        study=about.id,
        files=calibration_files(found, by_unit),
        table=found.table,
        shown=shown,
        verdict=str(found.verdict),
        sound=found.verdict.sound,
    )


def calibration_files(calibration: Calibration, by_unit: pd.DataFrame) -> dict[str, Content]:
    """Return the files of a calibration; which answers rest on assumed raw units only where the study has any."""
    from ...reconstruction.shipped import reconstructions_file
    from ...reporting.drawing import as_svg
    from ...reporting.figures_calibration import calibration_figure

    study, table = calibration.study, calibration.table
    return {
        "reconstructions.nc": reconstructions_file(calibration.reconstructions),
        "calibration.csv": table,
        **({"units.csv": by_unit} if len(by_unit) else {}),
        "figures/calibration.svg": as_svg(lambda: calibration_figure(study, table)),
    }
