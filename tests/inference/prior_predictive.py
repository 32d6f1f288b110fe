"""What a model expects before it has seen the outcome: draws from the prior, and whether they are of this world."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from hikibayes.inference.gaussian.sufficient import FloatArray
from hikibayes.inference.models.design import Design
from hikibayes.inference.models.specs import DEFAULT_VARIANT
from hikibayes.inference.nuts.graph import OUTCOME, Graph, graph, pymc_model, quiet_compilation, sum_score_limits

__all__ = ["PriorPredictive", "prior_check", "prior_predictive"]

SPREAD = (0.5, 4.0)
"""Accepted median SD of the outcome, in SD of the one in the table."""
POSSIBLE = 0.5
"""Smallest accepted share of outcomes within the instrument's range."""


@dataclass(frozen=True, kw_only=True)
class PriorPredictive:
    """Draws from the joint prior of parameters and outcome, on the design of a table.

    Parameters
    ----------
    parameters : mapping of str to array, shape (S, ...)
        Every variable of the graph, ``beta`` among them.
    outcome : array, shape (S, n)
        As the graph has it: in the model's units, or steps above a sum score's lowest value.
    raw : array, shape (S, n)
        The outcome in its own unit.
    """

    parameters: dict[str, FloatArray]
    outcome: FloatArray
    raw: FloatArray


def prior_predictive(
    design: Design, *, seed: int, draws: int = 500, variant: str = DEFAULT_VARIANT, made: Graph | None = None
) -> PriorPredictive:
    """Draw parameters from the prior, and an outcome from each.

    Parameters
    ----------
    design : Design
        Of one data set; its outcome is used for its unit alone.
    seed : int
        Of the draws.
    draws : int
        S.
    variant : str
        Which priors.
    made : Graph, optional
        The design's graph, where there is one already.

    Returns
    -------
    PriorPredictive

    Raises
    ------
    InputError
        As `hikibayes.inference.nuts.graph.graph`.
    """
    import pymc as pm

    model = pymc_model(made or graph(design, variant))
    with quiet_compilation():
        drawn: Any = pm.sample_prior_predictive(
            draws, model=model, random_seed=seed, compile_kwargs={"mode": "FAST_COMPILE"}
        )
    prior = drawn["prior"].to_dataset()
    parameters = {str(name): np.asarray(values)[0] for name, values in prior.data_vars.items()}
    outcome = np.asarray(drawn["prior_predictive"][OUTCOME])[0]
    return PriorPredictive(parameters=parameters, outcome=outcome, raw=_raw(design, outcome))


def prior_check(design: Design, drawn: PriorPredictive) -> pd.DataFrame:
    """Hold prior predictive draws against what the instrument allows and the table's own spread.

    Parameters
    ----------
    design : Design
        Of one data set.
    drawn : PriorPredictive
        On that design.

    Returns
    -------
    pandas.DataFrame
        Columns ``check, of, value, accepted, ok``: the median SD of the simulated outcomes, in SD of the table's, and
        the share of them within the instrument's range. A prior that gives most of its mass to impossible outcomes has
        not been thought about in the outcome's unit.
    """
    outcome = design.study.measure(design.model.outcome)
    low, high = outcome.limits
    spread = float(np.median(drawn.raw.std(axis=1, ddof=1)) / design.raw_outcome().std(ddof=1))
    possible = float(((drawn.raw >= low) & (drawn.raw <= high)).mean())
    rows = [
        ("prior_sd", spread, f"{SPREAD[0]:g} to {SPREAD[1]:g}", SPREAD[0] <= spread <= SPREAD[1]),
        ("prior_in_range", possible, f">= {POSSIBLE:g}", possible >= POSSIBLE),
    ]
    table = pd.DataFrame(rows, columns=["check", "value", "accepted", "ok"])
    table.insert(1, "of", outcome.id)
    return table


def _raw(design: Design, outcome: FloatArray) -> FloatArray:
    if design.model.family == "beta_binomial":
        return np.asarray(outcome + sum_score_limits(design.model, design.study)[0])
    name, scaling = design.model.outcome, design.scaling
    if not design.standardised:
        return outcome
    return np.asarray(scaling.location[name][0] + scaling.scale[name][0] * outcome)
