"""The analysis' prior is part of the design: how many people a follow-up needs, by how sceptical its analysis will be.

All widths analyse the same simulated studies, so what differs between them is the prior's doing.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from ...inference.answers.ensemble import moments_of
from ...inference.gaussian.normal_priors import NormalPriors
from ...spec import InputError
from ..case import TOLERANCE, Case
from .surface import FocalPrior

if TYPE_CHECKING:
    from ...planning.run.plan import Plan

DESIGN_WIDTHS = (0.2, 0.4, 0.6, 1.0, 2.0, 4.0)
"""Prior SDs of the follow-up's analysis, in the model's own."""
PER_GROUP = (25, 50, 75, 100, 150, 200, 300, 400, 600)
REPLICATES = 2000
TARGET = 0.8
WORLDS = ("printed", "posterior")


def followup_sizes(focal: FocalPrior, *, seed: int) -> pd.DataFrame:
    """Find the smallest follow-up whose 95 % interval leaves out 0 with probability .8, by its analysis' prior.

    Parameters
    ----------
    focal : FocalPrior
        Of a case.
    seed : int
        Of the simulated studies.

    Returns
    -------
    pandas.DataFrame
        Columns ``worlds`` (``printed``: the data sets taken as the population, so a power; ``posterior``: drawn from
        their posterior, so an assurance), ``prior_sd, is_models, target, n_per_group, n_total, lower, upper, reached,
        replicates``. ``lower`` and ``upper`` are a bootstrap interval of ``n_per_group``.

    Raises
    ------
    InputError
        A model that planning does not take, or a focal estimand that is a sum of several coefficients.
    """
    from ...planning.results.sample_size import sample_sizes
    from ...planning.run.simulate import simulate

    own = focal.own[1]
    widths = [own * share for share in DESIGN_WIDTHS]
    found = sample_sizes(simulate(_plan(focal, widths, seed)))
    found = found.assign(prior_sd=found["prior"].astype(float), replicates=REPLICATES)
    found["is_models"] = np.isclose(found["prior_sd"], own)
    columns = ["worlds", "prior_sd", "is_models", "target", "n_per_group", "n_total", "lower", "upper", "reached"]
    return found[[*columns, "replicates"]].sort_values(["worlds", "prior_sd"]).reset_index(drop=True)


def _plan(focal: FocalPrior, widths: list[float], seed: int) -> Plan:
    from ...planning.designs.simulation import Simulation
    from ...planning.populations.columns import Frame, cell_columns
    from ...planning.populations.reconstructed import ensemble
    from ...planning.populations.sources import posterior_source, printed_source
    from ...planning.run.analyses import analysis_of
    from ...planning.run.plan import Plan

    case = focal.case
    column = _coefficient(case)
    upwards = focal.upwards
    simulation = Simulation.model_validate(
        {
            "description": "What the width of the analysis' prior costs",
            "study": case.study.id,
            "model": case.model.name,
            "worlds": {"source": WORLDS},
            "axes": {"n_per_group": PER_GROUP, "allocation": [":".join("1" * max(len(case.study.groups), 1))]},
            "decision": [
                {
                    "name": "interval",
                    "estimand": case.estimand.name,
                    "rule": {"interval": 0.95, "above" if upwards else "below": 0},
                }
            ],
            "targets": {"power": [TARGET]},
            "run": {"replicates": REPLICATES, "seed": seed, "refine": False},
        }
    )
    columns = cell_columns(case.model, Frame.of_model(case.study, case.model))
    moments = moments_of(case.study, case.data_sets)
    # one table has its rows; moments know no category of three levels
    worlds = ensemble(columns, moments, case.design if len(case.data_sets) == 1 else None)
    made = analysis_of(columns, case.variant, simulation, [case.estimand], worlds.mix)
    if not isinstance(made.priors, NormalPriors):
        raise InputError(f"variant {case.variant!r} makes its own priors; this needs one whose width is written down")
    by_width = {repr(width): made.priors.with_normals([column], 0.0, width) for width in widths}
    return Plan(
        simulation=simulation,
        study=case.study,
        frame=columns.frame,
        estimands=(case.estimand,),
        analyses=tuple(replace(made, variant=name, priors=priors) for name, priors in by_width.items()),
        sources={"printed": printed_source(worlds), "posterior": posterior_source(worlds, case.variant)},
        reconstructions=moments,
        identity="",
    )


def _coefficient(case: Case) -> int:
    """Return the one column that the focal estimand is the coefficient of."""
    if case.coefficient is None:
        names = ", ".join(case.design.columns[j] for j in np.flatnonzero(np.abs(case.focal).max(axis=0) > TOLERANCE))
        raise InputError(f"{case.estimand.name!r} is made of {names}; the width of a prior is that of one coefficient")
    return case.coefficient[0]
