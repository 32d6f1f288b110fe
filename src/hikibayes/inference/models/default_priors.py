"""The weakly informative priors that a model gets where nobody wrote any, each with its reason."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...study.study import Study
from .specs import FAMILIES, INTERCEPT

type Priors = dict[str, dict[str, Any]]


def default_priors(
    study: Study, terms: Mapping[str, frozenset[str]], *, family: str = "gaussian", varying: tuple[str, ...] = ()
) -> Priors:
    """Return a prior for everything that needs one, in SD units.

    Parameters
    ----------
    study : Study
        What the measures are.
    terms : mapping of str to frozenset of str
        The measures in each term of the design.
    family : str
        Of the outcome.
    varying : tuple of str
        Varying intercepts, ``1|school``.
    """
    priors = {INTERCEPT: _normal(0, 1, "The outcome is in SD units and the predictors are centred; 1 is generous.")}
    priors |= {term: _of_term(study, term, measures) for term, measures in terms.items()}
    spread = {"dist": "HalfNormal", "sigma": 0.5, "reason": "Groups differ by less than the people in them do."}
    return priors | dict.fromkeys(varying, spread) | {name: _OWN[name] for name in FAMILIES[family]}


def default_variants(study: Study, terms: Mapping[str, frozenset[str]]) -> dict[str, dict[str, Any]]:
    """Return the variants: sceptical and enthusiastic of the focal product, Bambi's own, flat."""
    made: dict[str, dict[str, Any]] = {}
    focal = {study.analysis.group, study.analysis.focal}
    product = next((term for term, measures in terms.items() if measures == focal and term.count(":") == 1), None)
    if product and len(study.groups) == 2:
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


_OWN: dict[str, dict[str, Any]] = {
    "sigma": {
        "dist": "HalfStudentT",
        "nu": 4,
        "sigma": 1,
        "reason": "Residual SD of an outcome with SD 1; half its mass is below .74, and the heavy tail gives way.",
    },
    "nu": {
        "dist": "Exponential",
        "lam": 0.1,
        "reason": "Mean 10: errors from very heavy tails (2) to nearly normal ones (30).",
    },
    "kappa": {
        "dist": "LogNormal",
        "mu": 2.5,
        "sigma": 1,
        "reason": "Spread beyond the binomial; median 12, 95 % from 1.7 to 87.",
    },
}


def _of_term(study: Study, term: str, measures: frozenset[str]) -> dict[str, Any]:
    prior = _by_kind(study, term, measures)
    if any(len(study.measure(name).levels) > 2 for name in measures):
        # otherwise the reference level would be nearer to every other than these are to each other
        prior |= {"exchangeable": True, "reason": f"{prior['reason']} The same for every pair of levels."}
    return prior


def _by_kind(study: Study, term: str, measures: frozenset[str]) -> dict[str, Any]:
    categories = [name for name in measures if study.measure(name).kind == "category"]
    if term.count(":") and len(measures) > 1:
        if not categories:
            return _normal(0, 0.25, "A slope rarely changes by more than its own size per SD: 95 % within .5.")
        if len(categories) == len(measures):
            return _normal(0, 0.5, "Differences rarely differ by more than their own size: 95 % within 1.")
        return _normal(0, 0.25, "Slopes rarely differ between groups by more than their own size: 95 % within .5.")
    if categories:
        return _normal(0, 1, "A difference between two levels in SD of the outcome; 95 % within 2 either way.")
    return _normal(0, 0.5, "SD of the outcome per SD; 95 % within 1 either way.")


def _normal(mu: float, sigma: float, reason: str) -> dict[str, Any]:
    return {"dist": "Normal", "mu": mu, "sigma": sigma, "reason": reason}
