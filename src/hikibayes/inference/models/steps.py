"""The models of a reanalysis: one for each step of the published analysis, shipped or made by rule.

A step says which terms its regression has; a model adds a prior for each. Where a model file of the step's name comes
with the package, its priors are taken. A term that it does not have, or a whole step that nobody wrote a file for, gets
the default prior of its kind: a study of one's own needs no model file, and a reading with fewer terms needs no other.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...estimands import KINDS
from ...study.measures import term_parts
from ...study.study import Estimand, Study
from .default_priors import Priors, default_priors, default_variants
from .specs import ModelSpec, load_model, shipped_models


def step_models(study: Study) -> dict[str, ModelSpec]:
    """Return a model for each step, by the step's id.

    Parameters
    ----------
    study : Study
        With its readings decided.

    Returns
    -------
    dict
        Models named as the steps, whose ``estimands`` are those that `step_of` gives to the step.
    """
    return {step.id: model_of(study, step.id) for step in study.steps}


def model_of(study: Study, step: str) -> ModelSpec:
    """Return the model of one step: the shipped one of that name as far as its terms go, default priors beyond.

    Raises
    ------
    InputError
        The study has no such step.
    """
    terms = study.terms(step)
    measures = {term: term_parts(term) for term in terms}
    formula = f"{study.analysis.outcome} ~ {' + '.join(terms)}"
    made = ModelSpec.model_validate(
        {
            "name": step,
            "description": study.step(step).label,
            "formula": formula,
            "priors": default_priors(study, measures),
            "variants": default_variants(study, measures),
            "estimands": [estimand.name for estimand in study.estimands if step_of(study, estimand) == step],
        }
    )
    shipped = load_model(step) if step in shipped_models() else None
    return made if shipped is None or shipped.outcome != made.outcome else _with_priors_of(shipped, made)


def step_of(study: Study, estimand: Estimand) -> str:
    """Return the step whose model answers an estimand: its own, but for shares of variance the fullest of theirs.

    Notes
    -----
    R² and ΔR² of all steps come from one posterior, that of the fullest step, so that they are parts of one whole and
    never a difference between separate fits.
    """
    if KINDS[estimand.kind].scenarios:
        return estimand.step
    asked = [other.step for other in study.estimands if not KINDS[other.kind].scenarios]
    containing = [step for step in asked if set(study.terms(estimand.step)) <= set(study.terms(step))]
    return max(containing, key=lambda step: len(study.terms(step)))


# -- priors of a shipped model --------------------------------------------------------------------------------------


def _with_priors_of(shipped: ModelSpec, made: ModelSpec) -> ModelSpec:
    """Return the made model with the shipped one's words, priors and variants, where its terms have them."""
    wanted = {term_parts(name): name for name in made.parameters}

    def carried(priors: Mapping[str, Any]) -> Priors:
        dumped = {name: prior.model_dump(exclude_unset=True) for name, prior in priors.items()}
        return {wanted[term_parts(name)]: prior for name, prior in dumped.items() if term_parts(name) in wanted}

    variants = {
        name: {
            **variant.model_dump(exclude_unset=True),
            **({} if variant.rule else {"priors": carried(variant.priors)}),
        }
        for name, variant in shipped.variants.items()
    }
    content = made.model_dump(exclude_unset=True)
    content["priors"] |= carried(shipped.priors)
    content["variants"] = {
        name: content for name, content in variants.items() if content.get("rule") or content["priors"]
    }
    same = {term_parts(term) for term in shipped.terms} == {term_parts(term) for term in made.terms}
    content["description"] = shipped.description if same else made.description
    return ModelSpec.model_validate(content)
