"""What `power` and `diagnose` leave in their run folders: file name to content."""

from __future__ import annotations

from functools import partial

from ..inference.models import load_model
from ..planning.designs import Simulation
from ..planning.diagnose import REPLICATES_FILE, Diagnosis
from ..planning.proposal import proposal
from ..planning.replicates import write_replicates
from ..planning.tables import planning_tables
from ..record.study import Study
from ..spec import digest, spec_text
from .results import Content

__all__ = ["diagnosis_files", "inputs_of", "power_files"]


def power_files(diagnosis: Diagnosis, study: Study) -> dict[str, Content]:
    """Return the files of a run of `power`.

    Parameters
    ----------
    diagnosis : Diagnosis
        What the simulated studies say.
    study : Study
        Which study the worlds are of, its readings open.

    Returns
    -------
    dict of str to content
        ``replicates.parquet``, ``study.json`` and those of `diagnosis_files`.
    """
    return {
        REPLICATES_FILE: partial(write_replicates, diagnosis.replicates),
        "study.json": spec_text(study),
        **diagnosis_files(diagnosis),
    }


def diagnosis_files(diagnosis: Diagnosis) -> dict[str, Content]:
    """Return the files that a saved table of replicates is reduced to: those of `planning_tables`, and a proposal."""
    return {**planning_tables(diagnosis), "proposal.txt": proposal(diagnosis) + "\n"}


def inputs_of(simulation: Simulation, study: Study) -> dict[str, str]:
    """Return the digests of what a simulation names: its study and its models."""
    names = {simulation.worlds.model or simulation.models[0], *simulation.models}
    return {simulation.study: digest(study)} | {name: digest(load_model(name)) for name in sorted(names)}
