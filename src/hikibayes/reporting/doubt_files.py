"""What a doubt leaves in its run folder, and how it is made again: file name to content."""

from __future__ import annotations

from pathlib import Path

from ..inference.saved_fit import POSTERIOR, REMARKS
from ..provenance import RunRecord, file_digest
from ..reconstruction.reconstructions import reconstructions_note
from ..robustness.case import Case, case_of_fit, case_of_study
from ..robustness.doubts import Doubt
from ..spec import InputError, digest, spec_text
from ..study.study_file import load_study, shipped_studies
from .figures import figure_files
from .results import Content
from .saved import SavedRun

__all__ = ["case_again", "doubt_files", "inputs_of"]


def doubt_files(doubt: Doubt, case: Case, record: RunRecord) -> dict[str, Content]:
    """Return the files of a run that doubts a case.

    Parameters
    ----------
    doubt : Doubt
        What was found.
    case : Case
        What was doubted.
    record : RunRecord
        Of the run.

    Returns
    -------
    dict of str to content
        A CSV a table, ``tipping.csv``, a fit's remarks, the study and the model as they were, and the figures.
    """
    contents: dict[str, Content] = {f"{name}.csv": table for name, table in doubt.tables.items()}
    contents |= {"tipping.csv": doubt.tipping} if len(doubt.tipping) else {}
    contents |= {REMARKS: case.remarks} if len(case.remarks) else {}
    contents |= reconstructions_note(case.verdict)
    contents |= {"study.json": spec_text(case.study), "models.json": spec_text({case.model.name: case.model})}
    return {**contents, **figure_files(SavedRun.of_contents(contents, record))}


def inputs_of(what: str) -> dict[str, str]:
    """Return the digest of what is doubted: of a study, or of a fit's posterior and rows."""
    path = Path(what) / POSTERIOR
    if what not in shipped_studies() and path.is_file():
        return {str(path): file_digest(path)}
    return {what: digest(load_study(what))}


def case_again(record: RunRecord, folder: Path) -> Case:
    """Return the case of a run that doubted one; raises `InputError` where it is not what it was."""
    what, seed = str(record.arguments["what"]), record.seed
    path = str(Path(what) / POSTERIOR)
    if path in record.inputs:
        if inputs_of(what) != dict(record.inputs):
            raise InputError("is not what it was when the run was made; a replay needs the same input", source=path)
        return case_of_fit(what)
    if seed is None:
        raise InputError("has no seed; it cannot be replayed", source=folder)
    return case_of_study(SavedRun.of_folder(folder).study, datasets=int(record.arguments["datasets"]), seed=seed)
