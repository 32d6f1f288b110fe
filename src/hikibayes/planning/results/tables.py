"""A diagnosis as files that a report is made of: tables, and the plan itself in one JSON document."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pandas as pd

from ...inference.models.specs import ModelSpec, load_model
from ..designs.simulation import Simulation
from .diagnose import Diagnosis
from .proposal import further_rules, of_whom, proposal


def planning_tables(
    diagnosis: Diagnosis, models: Mapping[str, ModelSpec] | None = None
) -> dict[str, pd.DataFrame | str]:
    """Return the tables of a plan, and ``planning.json``: the plan itself, its priors, its warnings and its paragraph.

    Parameters
    ----------
    diagnosis : Diagnosis
        What the simulated studies say.
    models : mapping of str to ModelSpec, optional
        Models by the name that the simulation has for them; others are looked up.

    Returns
    -------
    dict of str to table or text
        ``power.csv``, ``sample_size.csv``, ``surface.csv``, ``looks.csv`` where there are looks,
        ``planning.json``.
    """
    simulation = diagnosis.replicates.simulation
    further = ["", *(found for _, found in further_rules(diagnosis))]
    content = {
        "simulation": simulation.model_dump(mode="json", by_alias=True, exclude_none=True),
        "rules": [
            {"decision": d.name, "estimand": d.estimand, "rule": str(d.rule), "meaning": d.meaning, "found": found}
            | ({"against": str(d.against)} if d.against else {})
            for d, found in zip(simulation.decisions, further, strict=True)
        ],
        "analysis_priors": _priors(simulation, models or {}),
        "whom": of_whom(diagnosis),
        "warnings": list(diagnosis.warnings),
        "proposal": proposal(diagnosis),
    }
    return {
        "power.csv": diagnosis.power,
        "sample_size.csv": diagnosis.sample_size,
        "surface.csv": diagnosis.surface,
        **({"detectable.csv": diagnosis.detectable} if simulation.targets.detectable else {}),
        **({"looks.csv": diagnosis.looks} if simulation.looks else {}),
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
