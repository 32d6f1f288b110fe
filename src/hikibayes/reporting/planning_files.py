"""What `power` and `diagnose` leave in their run folders: file name to content."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path

from ..inference.models.specs import ModelSpec, load_model
from ..planning.designs.simulation import Simulation
from ..planning.results.diagnose import REPLICATES_FILE, Diagnosis
from ..planning.results.proposal import proposal
from ..planning.results.tables import planning_tables
from ..planning.run.replicates import write_replicates
from ..reconstruction.reconstructions import reconstructions_note
from ..spec import digest, read_object, spec_text, validated
from ..study.study import Study
from .results import Content

__all__ = ["diagnosis_files", "inputs_of", "models_of", "power_files", "saved_models"]

MODELS_FILE = "models.json"


def power_files(diagnosis: Diagnosis, study: Study, models: Mapping[str, ModelSpec]) -> dict[str, Content]:
    """Return the files of a run of `power`.

    Parameters
    ----------
    diagnosis : Diagnosis
        What the simulated studies say.
    study : Study
        Which study the worlds are of, its readings open.
    models : mapping of str to ModelSpec
        Of the worlds and the analyses, by the name that the simulation has for them.

    Returns
    -------
    dict of str to content
        ``replicates.parquet``, ``study.json``, ``models.json`` and those of `diagnosis_files`.
    """
    return {
        REPLICATES_FILE: partial(write_replicates, diagnosis.replicates),
        "study.json": spec_text(study),
        MODELS_FILE: spec_text(models),
        **diagnosis_files(diagnosis, models),
    }


def diagnosis_files(diagnosis: Diagnosis, models: Mapping[str, ModelSpec] | None = None) -> dict[str, Content]:
    """Return what a saved table of replicates is reduced to: `planning_tables`, a proposal, the draws' verdict."""
    note = reconstructions_note(diagnosis.replicates.verdict)
    return {**planning_tables(diagnosis, models), "proposal.txt": proposal(diagnosis) + "\n", **note}


def models_of(simulation: Simulation) -> dict[str, ModelSpec]:
    """Return the models that a simulation names, by the name it has for them."""
    names = {simulation.worlds.model or simulation.models[0], *simulation.models}
    return {name: load_model(name) for name in sorted(names)}


def saved_models(folder: Path) -> dict[str, ModelSpec]:
    """Return the models that a run has saved, by the name that its simulation has for them; none in an old folder."""
    path = folder / MODELS_FILE
    if not path.is_file():
        return {}
    content = read_object(path.read_text(encoding="utf-8", errors="replace"), path)
    return {name: validated(ModelSpec, model, path) for name, model in content.items()}


def inputs_of(simulation: Simulation, study: Study, models: Mapping[str, ModelSpec]) -> dict[str, str]:
    """Return the digests of what a simulation names: its study and its models."""
    return {simulation.study: digest(study)} | {name: digest(model) for name, model in models.items()}
