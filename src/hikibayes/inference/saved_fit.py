"""A fit as a folder: what is written so that it can be questioned later, and how it is read again.

The folder needs nothing beside it. It holds the study and the model as they were, and the rows that were used.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from ..files import netcdf_bytes, read_dataset
from ..folders import csv_table, read_record, write_run
from ..provenance import RunRecord, Stopwatch
from ..spec import InputError, read_object, read_text, spec_text, validated
from ..study.study import Study
from .answers.johnson_neyman import region_table
from .answers.remarks import remark_table
from .answers.summary import (
    conditional_means,
    orderings,
    people,
    prior_and_posterior,
    residuals,
    sensitivity,
    summary,
)
from .fit import Fit
from .models.specs import DEFAULT_VARIANT, ModelSpec
from .own.files import resolved_files

POSTERIOR = "posterior.nc"
"""The file of a fit's folder that holds draws and rows."""
REMARKS = "remarks.csv"
"""The file that holds reference levels and what is odd about the table."""
ROWS = "participants"
"""Group of the netCDF file that holds the rows, in the measures' own units."""

type Files = Mapping[str, pd.DataFrame | str | bytes]


@dataclass(frozen=True, kw_only=True)
class SavedFit:
    """What was fitted.

    Parameters
    ----------
    record : RunRecord
        How it was made.
    study, model, variant
        As `fit` was given them.
    participants : pandas.DataFrame
        The rows that were used, columns named by measure id, in the measures' own units.
    remarks : pandas.DataFrame
        As the fit made them; empty where an older version wrote the folder.
    """

    record: RunRecord
    study: Study
    model: ModelSpec
    variant: str
    participants: pd.DataFrame
    remarks: pd.DataFrame


def fit_files(made: Fit) -> Files:
    """Return a fit as files, name to content: draws and rows, estimates, diagnostics, remarks, study and model."""
    tree = made.draws.copy()
    tree[ROWS] = _plain(made.participants.frame).rename_axis("participant").to_xarray()
    return {
        POSTERIOR: netcdf_bytes(tree),
        "estimates.csv": made.estimates,
        "diagnostics.csv": made.diagnostics,
        REMARKS: made.remarks,
        **_regions(made),
        "study.json": spec_text(made.study),
        "models.json": spec_text({made.model.name: made.model}),
        **_tables(made),
        **(resolved_files(made.own.study, made.own.model, made.own.mapping) if made.own else {}),
    }


def save_fit(made: Fit, folder: Path) -> Path:
    """Write a fit's folder; of a table that Python had, the record cannot say how to make it again."""
    arguments = {"model": made.model.formula, "study": made.study.id, "prior": made.variant, "engine": made.engine}
    write_run(folder, fit_files(made), Stopwatch().record("fit", arguments, seed=made.seed, inputs={}))
    return folder


def _tables(made: Fit) -> dict[str, pd.DataFrame]:
    """Return what the report and the figures of a fit are made of."""
    lines = conditional_means(made)
    of = [str(lines[name].iloc[0]) for name in ("along", "by", "and_by") if len(lines)]
    found = {
        "summary.csv": summary(made),
        "orderings.csv": orderings(made),
        "sensitivity.csv": sensitivity(made),
        "effects.csv": lines,
        "effects_people.csv": people(made, *of) if of else lines,
        "prior_posterior.csv": prior_and_posterior(made, most=1),
        "residuals.csv": residuals(made),
    }
    return {name: table for name, table in found.items() if len(table)}


def _regions(made: Fit) -> dict[str, pd.DataFrame]:
    """Return where effects exclude 0, along every moderator of a model that has an exact posterior."""
    found = made.regions()
    if not found:
        return {}
    bands = [jn.band.assign(moderator=jn.moderator, effect=jn.effect) for jn in found]
    return {
        "johnson_neyman.csv": pd.concat([region_table(jn) for jn in found], ignore_index=True),
        "johnson_neyman_band.csv": pd.concat(bands, ignore_index=True),
    }


def load_fit(folder: str | Path) -> SavedFit:
    """Read the folder of a fit.

    Parameters
    ----------
    folder : str or Path
        What `hikibayes fit` has written.

    Returns
    -------
    SavedFit

    Raises
    ------
    InputError
        The folder is none that a run has written, another verb wrote it, or a file of it is missing or unusable.
    """
    folder = Path(folder)
    record = read_record(folder)
    if record.verb != "fit":
        raise InputError(f"is a run of {record.verb!r}; give a folder that `hikibayes fit` has written", source=folder)
    study = validated(Study, _object(folder, "study.json"), folder / "study.json")
    models = _object(folder, "models.json")
    if len(models) != 1:
        raise InputError(f"holds {len(models)} models; a fit has one", source=folder / "models.json")
    name, model = next(iter(models.items()))
    return SavedFit(
        record=record,
        study=study,
        model=validated(ModelSpec, model, folder / f"models.json: {name}"),
        variant=str(record.arguments.get("prior", DEFAULT_VARIANT)),
        participants=_participants(folder),
        remarks=_remarks(folder / REMARKS),
    )


def _object(folder: Path, name: str) -> dict[str, Any]:
    path = folder / name
    if not path.is_file():
        raise InputError(f"has no {name}; an older version wrote it: run the fit again", source=folder)
    return read_object(read_text(path), path)


def _remarks(path: Path) -> pd.DataFrame:
    if not path.is_file():
        return remark_table(())
    try:
        found = csv_table(read_text(path), na_values=[])
    except (pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        raise InputError(f"is not a table: {error}", source=path) from None
    if missing := [name for name in remark_table(()) if name not in found]:
        raise InputError(f"has no column {missing[0]!r}", source=path)
    return found


def _participants(folder: Path) -> pd.DataFrame:
    return _plain(read_dataset(folder / POSTERIOR, group=ROWS).to_dataframe().reset_index(drop=True))


def _plain(frame: pd.DataFrame) -> pd.DataFrame:
    """Return labels as plain objects: netCDF has no other type for them."""
    return frame.astype({name: object for name in frame if not pd.api.types.is_numeric_dtype(frame[name])})
