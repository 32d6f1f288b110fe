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
from .specs import INTERCEPT, ModelSpec, load_model, shipped_models

__all__ = ["model_of", "step_models", "step_of"]

type Priors = dict[str, dict[str, Any]]


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
    formula = f"{study.analysis.outcome} ~ {' + '.join(terms)}"
    made = ModelSpec.model_validate(
        {
            "name": step,
            "description": study.step(step).label,
            "formula": formula,
            "priors": _default_priors(study, terms),
            "variants": _default_variants(study, terms),
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


# -- priors by rule -------------------------------------------------------------------------------------------------


def _default_priors(study: Study, terms: tuple[str, ...]) -> Priors:
    priors = {
        INTERCEPT: _normal(0, 1, "The outcome is in SD units and the predictors are centred; 1 is generous."),
        "sigma": {
            "dist": "HalfStudentT",
            "nu": 4,
            "sigma": 1,
            "reason": "Residual SD of an outcome with SD 1; half its mass is below .74, and the heavy tail gives way.",
        },
    }
    return priors | {term: _default_prior(study, term) for term in terms}


def _default_prior(study: Study, term: str) -> dict[str, Any]:
    if ":" in term:
        return _normal(0, 0.25, "Slopes rarely differ between groups by more than their own size: 95 % within .5.")
    if study.measure(term).kind == "category":
        return _normal(0, 1, "A difference between two levels in SD of the outcome; 95 % within 2 either way.")
    return _normal(0, 0.5, "SD of the outcome per SD; 95 % within 1 either way.")


def _default_variants(study: Study, terms: tuple[str, ...]) -> dict[str, dict[str, Any]]:
    made: dict[str, dict[str, Any]] = {}
    product = f"{study.analysis.group}:{study.analysis.focal}"
    if product in terms:
        sceptical = _normal(0, 0.1, "Differences beyond .2 SD per SD are given 5 % before the data.")
        hopeful = _normal(0.2, 0.2, "Positive with probability .84; not taken from the data that it meets.")
        made["sceptical"] = {
            "description": "Someone who holds that the groups' slopes differ little.",
            "priors": {product: sceptical},
        }
        made["enthusiastic"] = {
            "description": "Someone who holds that the slope is steeper in the second group.",
            "priors": {product: hopeful},
        }
    made["bambi_default"] = {
        "description": "Bambi's own, which scales itself by each data set.",
        "rule": "bambi_default",
    }
    made["flat"] = {"description": "Proportional to 1/sigma: its intervals are those of the t test.", "rule": "flat"}
    return made


def _normal(mu: float, sigma: float, reason: str) -> dict[str, Any]:
    return {"dist": "Normal", "mu": mu, "sigma": sigma, "reason": reason}


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
