"""What `power` leaves in its run folder, and what `reanalyze` takes of it: file name to content."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import partial
from typing import Any

from ..inference.models import ModelSpec, load_model
from ..planning.designs import Simulation
from ..planning.diagnose import REPLICATES_FILE, Diagnosis
from ..planning.proposal import proposal
from ..planning.replicates import write_replicates
from ..record.study import Study
from ..spec import digest, spec_text
from .results import Content

__all__ = ["diagnosis_files", "inputs_of", "planning_tables", "power_files"]


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


def planning_tables(diagnosis: Diagnosis, models: Mapping[str, ModelSpec] | None = None) -> dict[str, Content]:
    """Return the tables of a plan, and ``planning.json``: the plan itself, its priors, its warnings and its paragraph.

    Parameters
    ----------
    diagnosis : Diagnosis
        What the simulated studies say.
    models : mapping of str to ModelSpec, optional
        Models by the name that the simulation has for them; others are looked up.

    Returns
    -------
    dict of str to content
        ``power.csv``, ``sample_size.csv``, ``surface.csv``, ``planning.json``.
    """
    simulation = diagnosis.replicates.simulation
    content = {
        "simulation": simulation.model_dump(mode="json", by_alias=True, exclude_none=True),
        "rules": [
            {"decision": d.name, "estimand": d.estimand, "rule": str(d.rule), "meaning": d.meaning}
            for d in simulation.decisions
        ],
        "analysis_priors": _priors(simulation, models or {}),
        "warnings": list(diagnosis.warnings),
        "proposal": proposal(diagnosis),
    }
    return {
        "power.csv": diagnosis.power,
        "sample_size.csv": diagnosis.sample_size,
        "surface.csv": diagnosis.surface,
        "planning.json": json.dumps(content, indent=2, ensure_ascii=False) + "\n",
    }


def _priors(simulation: Simulation, models: Mapping[str, ModelSpec]) -> list[dict[str, Any]]:
    """Return each analysis' prior: its description, and the terms whose priors the variants do not share."""
    found = []
    for name in simulation.models:
        model = models.get(name) or load_model(name)
        written = {v: model.prior_set(v) for v in simulation.axes.prior if not model.prior_set(v).rule}
        terms = [term for term in model.priors if len({str(each.priors[term]) for each in written.values()}) > 1]
        for variant in simulation.axes.prior:
            own = model.prior_set(variant)
            about = model.variants[variant].description if variant in model.variants else "The model's own priors."
            found.append(
                {
                    "model": name,
                    "prior": variant,
                    "about": about,
                    "terms": [] if own.rule else [{"term": t, "prior": str(own.priors[t])} for t in terms],
                }
            )
    return found
