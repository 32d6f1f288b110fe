"""Ways to take an imbalance between the groups out of an estimate: other models, and other mixes.

Every model here has some of the columns of the fullest one, in which the category, its products with group and with the
focal measure, and the product of all three are added to what the case's model has. So the fullest is laid out once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import Any, Self

import numpy as np
import pandas as pd

from ...arrays import FloatArray, IntArray
from ...inference.answers.estimates import exact_estimates
from ...inference.estimands import Answers, answers
from ...inference.gaussian.exact import posterior
from ...inference.gaussian.least_squares import LeastSquares
from ...inference.gaussian.normal_priors import Priors, bambi_default
from ...inference.gaussian.sufficient import SufficientStatistics
from ...inference.models.compile import exact_priors
from ...inference.models.design import Design, design
from ...inference.models.specs import DEFAULT_VARIANT, INTERCEPT, ModelSpec
from ...study.measures import term_parts
from ..case import Case
from ..weighting import Population
from .balance import Balance

EXTRA_TERMS: dict[str, tuple[str, ...]] = {
    "unadjusted": (),
    "adjusted": ("main",),
    "by_group": ("main", "group"),
    "by_focal": ("main", "focal"),
    "three_way": ("main", "group", "focal", "all"),
}
"""What each model has of the category: itself, its products with group and with the focal measure, that of all."""

PRIORS: Mapping[str, Mapping[str, Any]] = {
    "main": {"sigma": 1.0, "reason": "A difference between two levels in SD of the outcome; 95 % within 2."},
    "group": {"sigma": 0.5, "reason": "How much that difference differs between the groups; 95 % within 1."},
    "focal": {"sigma": 0.25, "reason": "Slopes rarely differ between levels by more than their own size."},
    "all": {"sigma": 0.25, "reason": "Nor do differences of slopes."},
}
"""Of the terms that are added: Normal at 0, in SD units, of the widths that the house gives such terms."""
SLOPES = {"main": "focal", "group": "all"}
"""The term that says how a term without the focal measure changes along it."""


@dataclass(frozen=True, kw_only=True)
class Adjustable:
    """A case's model with everything that a category may do in it, over B data sets.

    Parameters
    ----------
    case : Case
        Its model, data sets and estimands.
    balance : Balance
        The category.
    """

    case: Case
    balance: Balance

    @cached_property
    def design(self) -> Design:
        """The fullest model's."""
        return design(_fullest(self.case, self.balance.measure), self.case.data_sets, self.case.study)

    @cached_property
    def models(self) -> dict[str, tuple[str, ...]]:
        """Those of `EXTRA_TERMS` that the case's model allows; ``three_way`` is the fullest of them in any case."""
        possible = _possible(self.case)
        kept = {name: kinds for name, kinds in EXTRA_TERMS.items() if possible.issuperset(kinds)}
        return kept | {"three_way": tuple(kind for kind in EXTRA_TERMS["three_way"] if kind in possible)}

    def columns(self, extra: str) -> IntArray:
        """Return the columns of one of the `models`."""
        kept = {_term(self.case, self.balance.measure, kind) for kind in self.models[extra]}
        measures, balance = self.design.model.measures, self.balance.measure
        places = self.design.places.items()
        return np.concatenate([own for term, own in places if term in kept or balance not in measures[term]])

    @property
    def own(self) -> str:
        """Which of the models the case's own is; empty where it is none of them."""
        mine = sorted(self.case.design.columns)
        return next((e for e in self.models if sorted(np.array(self.design.columns)[self.columns(e)]) == mine), "")

    # -- estimands --------------------------------------------------------------------------------------------------

    @cached_property
    def answers(self) -> Answers:
        """The case's linear estimands in the fullest model, at the whole sample's mix."""
        return replace(answers(self.design), variance=())

    def at_mix(self, shares: FloatArray) -> Answers:
        """Return the estimands standardised to another mix.

        Parameters
        ----------
        shares : array, shape (B, G)
            Share of the category's level by group.

        Notes
        -----
        The average row of a design is linear in each group's share, and an estimand is a sum over the groups.
        """
        nobody, *everybody = self._corners
        steps = (shares[:, g, None, None] * (of - nobody) for g, of in enumerate(everybody))
        return replace(self.answers, weights=sum(steps, nobody))

    @cached_property
    def _corners(self) -> list[FloatArray]:
        """Weights of the estimands where nobody has the level, and where each group in turn has it altogether."""
        own = {field.name: getattr(self.design, field.name) for field in fields(Design)}
        one = np.eye(count := len(self.balance.study.groups))
        return [
            answers(_AtMix(**own, balance=self.balance, shares=tuple(shares))).weights
            for shares in (np.zeros(count), *one)
        ]

    # -- estimates --------------------------------------------------------------------------------------------------

    def estimates(self, extra: str, population: Population, found: Answers | None = None) -> pd.DataFrame:
        """Estimate a case's estimands in one of the models, among some people.

        Parameters
        ----------
        extra : str
            Which model, a key of `models`.
        population : Population
            Whom to count.
        found : Answers, optional
            The estimands at another mix.

        Returns
        -------
        pandas.DataFrame
            With the columns of ``estimates.csv``, without what the model does not speak of; ``n`` is the median of the
            people counted for, and ``ols`` the mean of the least-squares values.
        """
        columns, found = self.columns(extra), found or self.answers
        stats = population.statistics(self.design, columns)
        here = replace(found, weights=found.weights[population.index][..., columns])
        fitted = posterior(stats, self._priors(columns, stats, population.index))
        flat = LeastSquares(stats=stats).estimates(here.weights)
        # the generator is for shares of variance, of which there are none here
        table = exact_estimates(fitted, here, rng=np.random.default_rng(0))
        datasets = len(np.unique(population.index))
        return table.assign(n=float(np.median(stats.n)), ols=flat.mean(axis=0), datasets=datasets)

    def _priors(self, columns: IntArray, stats: SufficientStatistics, index: IntArray) -> Priors:
        """Return the case's priors of these columns; those that scale themselves by the data look at the data anew."""
        if self.case.model.prior_set(self.case.variant).rule == "bambi_default":
            return bambi_default(stats)
        return self._every_prior.of_columns(stats.names, columns).take(index)

    @cached_property
    def _every_prior(self) -> Priors:
        rule = self.case.model.prior_set(self.case.variant).rule
        return exact_priors(self.design, self.case.variant if rule else DEFAULT_VARIANT)


def _fullest(case: Case, balance: str) -> ModelSpec:
    """Return a case's model with every term of the category; terms that it has already keep their priors."""
    chosen = case.model.prior_set(case.variant)
    terms = [term for term in case.model.terms if balance not in case.model.measures[term]]
    added = {_term(case, balance, kind): kind for kind in EXTRA_TERMS["three_way"] if kind in _possible(case)}
    known = {term_parts(name): prior for name, prior in {**case.model.priors, **chosen.priors}.items()}
    priors = {
        name: prior.model_dump(exclude_unset=True)
        for name in (INTERCEPT, "sigma", *terms, *added)
        if (prior := known.get(term_parts(name)))
    }
    # of three groups or more, for every pair of them alike
    alike = {"exchangeable": True} if len(case.study.groups) > 2 else {}
    usual = {
        term: {"dist": "Normal", "mu": 0, **PRIORS[kind], "sigma": _width(case, kind), **alike}
        for term, kind in added.items()
    }
    rules = {case.variant: case.model.variants[case.variant].model_dump(exclude_unset=True)} if chosen.rule else {}
    return ModelSpec.model_validate(
        {
            "name": case.model.name,
            "description": f"{case.model.description}; with all that {balance} may do",
            "formula": f"{case.model.outcome} ~ {' + '.join([*terms, *added])}",
            "scaling": case.model.scaling,
            "priors": usual | priors,
            "variants": rules,
            "estimands": [estimand.name for estimand in case.answers.linear],
        }
    )


def _width(case: Case, kind: str) -> float:
    """Return the SD of an added term's prior in model units.

    In raw units the terms without the focal measure speak of where that is 0, which may be far from everybody: what
    is unknown of the slope there adds to what is unknown of the level at the mean.
    """
    width = float(PRIORS[kind]["sigma"])
    if case.model.scaling == "sample":
        return width
    scaling, focal = case.design.scaling, case.study.analysis.focal
    outcome = float(np.median(scaling.scale[case.model.outcome]))
    if focal not in scaling.scale:
        return width * outcome
    if kind in SLOPES.values():
        return width * outcome / float(np.median(scaling.scale[focal]))
    away = float(np.median(scaling.location[focal] / scaling.scale[focal]))
    return outcome * float(np.hypot(width, float(PRIORS[SLOPES[kind]]["sigma"]) * away))


def _possible(case: Case) -> set[str]:
    """Return the kinds of terms that say something in a case's model: no product with what is not in it."""
    group, focal, within = case.study.analysis.group, case.study.analysis.focal, case.model.measures.values()
    # where the groups have one slope in common, a category that changes it would leave no one number to report
    crossed = any({group, focal} <= measures for measures in within)
    return {"main", "group"} | ({"focal", "all"} if crossed else set())


def _term(case: Case, balance: str, kind: str) -> str:
    group, focal = case.study.analysis.group, case.study.analysis.focal
    parts = {"main": (balance,), "group": (group, balance), "focal": (balance, focal), "all": (group, balance, focal)}
    return ":".join(parts[kind])


@dataclass(frozen=True, kw_only=True)
class _AtMix(Design):
    """A design whose average row is taken at another mix of a category, the same in every data set: the g-formula."""

    balance: Balance
    shares: tuple[float, ...]

    def mean_row(
        self, *, fixed: Mapping[str, Any] | None = None, shift: Mapping[str, float] | None = None
    ) -> FloatArray:
        """As `Design.mean_row`, at the mix of the group that is fixed, or of everybody's own group."""
        fixed, group = dict(fixed or {}), self.study.analysis.group
        if self.balance.measure in fixed:
            return super().mean_row(fixed=fixed, shift=shift)
        if group in fixed:
            share = self.shares[self.study.group_names.index(fixed[group])]
            level = self.balance.level if share else self.balance.other
            return super().mean_row(fixed={**fixed, self.balance.measure: level}, shift=shift)
        with_level, without = (
            self.changed_rows(fixed={**fixed, self.balance.measure: level}, shift=shift)
            for level in (self.balance.level, self.balance.other)
        )
        share_of = np.take(self.shares, self.balance.group)[..., None]
        return np.asarray((share_of * with_level + (1 - share_of) * without).mean(axis=1))

    def first(self) -> Self:
        """Return the first data set's design."""
        one = replace(self.balance, has_level=self.balance.has_level[:1], group=self.balance.group[:1])
        return replace(super().first(), balance=one)
