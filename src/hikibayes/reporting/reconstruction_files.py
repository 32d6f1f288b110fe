"""What `calibrate` and `synthesize` leave in their run folders: file name to content."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from ..reconstruction.calibrate import Calibration
from ..reconstruction.participants.codebook import codebook, marked
from ..reconstruction.participants.item_columns import item_columns
from ..reconstruction.raw_units import answers_by_unit
from ..reconstruction.reconstructions import reconstructions_note
from ..reconstruction.shipped import reconstructions_file
from ..reconstruction.synthesize import Synthesis
from ..study.study import Study
from .figures import as_svg
from .figures_calibration import calibration_figure
from .figures_participants import dataset_figure
from .results import Content

__all__ = ["calibration_files", "synthesis_files"]


def calibration_files(calibration: Calibration, *, seed: int) -> Mapping[str, Content]:
    """Return the files of a calibration.

    Parameters
    ----------
    calibration : Calibration
    seed : int
        Of the raw SDs that are drawn as assumed, for the table of answers by unit.

    Returns
    -------
    mapping of str to content
        ``reconstructions.nc``, ``calibration.csv`` (what is pinned, diagnostics), ``units.csv`` (which answers rest on
        assumed raw units; left out where the study asks for no slope), ``figures/calibration.svg``.
    """
    study, table = calibration.study, calibration.table
    by_unit = answers_by_unit(study, calibration.reconstructions, seed=seed)

    files: dict[str, Content] = {
        "reconstructions.nc": reconstructions_file(calibration.reconstructions),
        "calibration.csv": table,
    }
    if len(by_unit):
        files["units.csv"] = by_unit
    return files | {"figures/calibration.svg": as_svg(lambda: calibration_figure(study, table))}


def synthesis_files(study: Study, synthesis: Synthesis) -> Mapping[str, Content]:
    """Return the files of a synthesis.

    Parameters
    ----------
    study : Study
    synthesis : Synthesis

    Returns
    -------
    mapping of str to content
        ``dataset-0001.csv`` ... (its first column marks every row as synthetic), ``codebook.csv``,
        ``verification.csv``, ``reconstructions.json`` (their convergence), ``figures/dataset-0001.svg`` (a look at the
        first).
    """
    tables: dict[str, pd.DataFrame] = {
        f"dataset-{number:04d}.csv": marked(table, number) for number, table in enumerate(synthesis.datasets, start=1)
    }
    look = as_svg(lambda: dataset_figure(study, synthesis.datasets[0]))
    items = any(name in synthesis.datasets[0] for measure in study.measures for name in item_columns(measure))
    return {
        **tables,
        "codebook.csv": codebook(study, items=items),
        "verification.csv": synthesis.verification,
        **reconstructions_note(synthesis.verdict),
        "figures/dataset-0001.svg": look,
    }
