"""The plan of a replication: an original study as prior of its effect, and what would count as having replicated it.

What is known of the effect (by the original, or by it and a study after it) enters twice: as the populations that are
planned for, and as ``[original]``, the prior under which rules of a replication are asked.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from ..defaults import DEFAULT_SEED
from ..inference.fit import Fit
from ..inference.gaussian.reprior import Likelihood
from ..planning.after_fit import Beginning, after_rows
from ..planning.designs.follow_up import follow_up
from ..planning.designs.simulation import Simulation
from ..renamed import renamed
from ..robustness.case import Case, Question, question_of
from ..study.study import Study
from . import measures as m
from .pair import alone, both_studies, paired

HETEROGENEITY = 0.25
"""How much studies may differ beside not at all: SD between their effects, in SDs of the effect's prior."""


@renamed()
def next_study(
    original: str | Path | Study | Fit | Case,
    new: str | Path | Study | pd.DataFrame | None = None,
    *,
    estimand: str = "",
    columns: Mapping[str, str] | None = None,
    mapping: str | Path | None = None,
    datasets: int = 100,
    seed: int = DEFAULT_SEED,
    tell: Callable[[str], None] | None = None,
    **readings: str,
) -> Beginning:
    """Plan the replication of a study, or the study after both it and a new one; `hikibayes.power` runs the plan.

    Parameters
    ----------
    original : str, Path, Study, Fit or Case
        A shipped study, a study file, or the folder of a fit of the original's rows.
    new : str, Path, Study or pandas.DataFrame, optional
        A study that came after it, as `hikibayes.replicate` takes it: then the plan is of what comes after both.
    estimand : str
        By default the one that the original rests on.
    columns, mapping
        What headers and labels of a new table mean, as `hikibayes.fit` takes them.
    datasets : int
        Reconstructions of a printed original, for what it says of the effect.
    seed : int
        Of everything random.
    tell : callable, optional
        Told what begins.
    **readings : str
        Option by reading, of the original.

    Returns
    -------
    Beginning
        Its ``simulation`` is the plan: populations left possible by the original, as printed, and with half its effect
        (after both studies, those that both leave possible); studies that do not differ, and that do by a quarter of
        the SD of the effect's prior; success by the replication Bayes factor, by both studies together, by what the
        original still counts, and by the new study's own interval.

    Raises
    ------
    InputError
        As `hikibayes.replicate`; or the effect is no single coefficient of the model with a Normal prior.
    """
    begun = _asked_again(question_of(original, estimand, **readings), seed)
    case, fresh = both_studies(
        original,
        new,
        estimand=begun.simulation.decisions[0].estimand,
        columns=columns,
        mapping=mapping,
        share="effect",
        datasets=datasets,
        seed=seed,
        tell=tell,
        **readings,
    )
    if fresh is None:
        _, each, prior = alone(case)
        known = m.pooled(m.normalised(each, prior))
    else:
        pair = paired(case, fresh)
        prior = pair.prior
        known = m.pooled(pair.effects.common())
    name = "" if new is None else "a table" if isinstance(new, pd.DataFrame) else str(getattr(new, "id", new))
    return Beginning(**vars(begun) | {"simulation": _plan(begun.simulation, known, prior, case.study.id, name)})


def _asked_again(case: Question, seed: int) -> Beginning:
    """Return the plan of asking the original's main question again, without a word of replication."""
    if isinstance(case, Case) and not case.synthetic:
        return after_rows(case.study, case.model, case.data_sets[0], case.variant, seed=seed)
    plan = follow_up(case.study, case.model.name, upwards=True, seed=seed)
    return Beginning(simulation=plan, study=case.study, models={case.model.name: case.model})


def _plan(plan: Simulation, known: Likelihood, prior: m.NormalPrior, original: str, new: str) -> Simulation:
    """Put what is known of the effect, and what counts as replicating it, into a plan."""
    estimate, se = (float(f"{part.item():.4g}") for part in m.flat_estimate(known))
    estimand = plan.decisions[0].estimand
    whose = f"{original} and {new}" if new else original
    content = plan.model_dump(by_alias=True, exclude_unset=True) | {
        "description": f"The study after {whose}" if new else f"A replication of {original}",
        "original": {"estimate": estimate, "se": se},
        "decision": [rule | {"estimand": estimand} for rule in _rules(estimate > 0)],
    }
    content["axes"] = {**content["axes"], "tau": [0.0, float(f"{HETEROGENEITY * prior.sd:.3g}")]}
    if new:
        found = m.posterior(known, prior)
        numbers = {"mu": float(f"{found.mean().item():.4g}"), "sigma": float(f"{found.sd().item():.4g}")}
        reason = f"the posterior of {whose} together, as if they did not differ"
        content["worlds"] = {
            **content["worlds"],
            "source": ["posterior"],
            "effect": {estimand: {"dist": "Normal", **numbers, "reason": reason}},
        }
    return Simulation.model_validate(content)


def _rules(upwards: bool) -> list[dict[str, Any]]:
    side, probability = ("above", 0.975) if upwards else ("below", 0.025)
    return [
        {
            "name": "replicated",
            "rule": {"replication_bf_above": 3.0},
            "against": {"replication_bf_below": 1 / 3},
            "meaning": "the new data are three times likelier if the original was right than if there is nothing",
        },
        {
            "name": f"both_{side}_zero",
            "rule": {f"joint_p_positive_{side}": probability},
            "meaning": "both studies together have the effect on the original's side",
        },
        {
            "name": "original_counts",
            "rule": {"original_weight_above": 0.5},
            "meaning": "the original's posterior foretells the new data better than the prior before it",
        },
        {
            "name": f"interval_{side}_zero",
            "rule": {"interval": 0.95, side: 0.0},
            "meaning": "by the new study alone, under the model's own prior",
        },
    ]
