"""Which numbers a study's moments consist of, and where each one stands.

Calibration works with one *saturated* regression that contains every step: contrasts of the groups, every predictor,
and the product of each contrast with every predictor. Inside it predictors are z-scores of the total sample, a category
too, and the contrasts have mean 0; two groups differ by 1. Whatever coding or scaling the paper used, its coefficients
are linear functions of these. A product of two measures is a predictor of its own, the last ones are such.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ...arrays import FloatArray
from ...quantities import Address, Outline
from ...spec import InputError
from ...study.addresses import outline_of
from ...study.study import Study


def contrasts(k: int) -> FloatArray:
    """Return k - 1 contrasts of k groups, shape (k, k - 1): two groups differ by 1.

    Notes
    -----
    Independent normal weights of the same SD make any two groups differ by that SD: no order of the groups is favoured.
    """
    rows = np.zeros((k, k - 1))
    for j in range(1, k):
        rows[:j, j - 1], rows[j, j - 1] = -1 / np.sqrt(j * (j + 1)), j / np.sqrt(j * (j + 1))
    return np.asarray(rows / np.sqrt(2))


@dataclass(frozen=True, kw_only=True)
class Layout:
    """Positions of groups, predictors, columns and steps.

    Attributes
    ----------
    groups : tuple of str, length k
        Reference first; one for a study without groups.
    n : tuple of int, length k
        Participants in each.
    group, outcome : str
        Ids of those measures; ``group`` is empty where there are no groups.
    predictors : tuple of str, length p
        Every measure of any step, categories first, products of two measures last.
    categories, products : int
        How many of them are categories, and products.
    outline : Outline
        The terms of its steps, and whatever else its numbers depend on.
    """

    groups: tuple[str, ...]
    n: tuple[int, ...]
    group: str
    outcome: str
    predictors: tuple[str, ...]
    categories: int
    products: int
    outline: Outline

    @classmethod
    def of(cls, study: Study) -> Layout:
        """Read the layout off a study.

        Raises
        ------
        InputError
            A group too small, a category of more than two levels or in a product of measures, a product of three
            measures or whose factors are not in the step, or a step with as many terms as participants.
        """
        group = study.analysis.group
        found = {name: None for step in study.steps for term in study.terms(step.id) for name in term.split(":")}
        found.pop(group, None)
        kinds = {name: study.measure(name) for name in found}
        products = {name: tuple(name.split(":")) for name in study.products}
        for measure in kinds.values():
            if measure.kind == "category" and len(measure.levels) != 2:
                raise InputError(f"measure {measure.id!r} has {len(measure.levels)} levels; calibration takes two")
        for name, pair in products.items():
            if category := [part for part in pair if kinds[part].kind == "category"]:
                raise InputError(
                    f"product {name!r}: calibration takes products of two numbers; make {category[0]!r} the groups"
                )
        for step in study.steps:
            if step.group or study.outcome(step.id) != study.analysis.outcome:
                what = "is of one group" if step.group else f"explains {step.outcome!r}"
                raise InputError(
                    f"step {step.id!r} {what}; calibration takes regressions of one outcome on everybody"
                    " (the audit takes any): leave it out"
                )
        predictors = sorted(found, key=lambda name: kinds[name].kind != "category")
        for step in study.steps:
            _refuse_terms(study, step.id)
        return cls(
            groups=tuple(study.samples),
            n=tuple(study.samples.values()),
            group=group,
            outcome=study.analysis.outcome,
            predictors=(*predictors, *products),
            categories=sum(measure.kind == "category" for measure in kinds.values()),
            products=len(products),
            outline=outline_of(study),
        )

    @property
    def p(self) -> int:
        """Number of predictors."""
        return len(self.predictors)

    @property
    def k(self) -> int:
        """Number of groups."""
        return len(self.groups)

    @property
    def measures(self) -> tuple[str, ...]:
        """The predictors that are no products."""
        return self.predictors[: self.p - self.products]

    @property
    def pairs(self) -> list[tuple[int, int]]:
        """Positions of the factors of each product among the predictors."""
        names = [name.split(":") for name in self.predictors[self.p - self.products :]]
        return [(self.predictors.index(one), self.predictors.index(other)) for one, other in names]

    @cached_property
    def contrasts(self) -> tuple[str, ...]:
        """Names of the columns that stand for the groups: of two the groups' own name."""
        return (self.group,) if self.k == 2 else tuple(f"{self.group}[{j}]" for j in range(1, self.k))

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """The saturated columns: contrasts, predictors, products of each contrast with each; length k (p + 1) - 1."""
        beside = (f"{contrast}:{name}" for contrast in self.contrasts for name in self.predictors)
        return (*self.contrasts, *self.predictors, *beside)

    @cached_property
    def codes(self) -> FloatArray:
        """The contrasts' codes, shape (k, k - 1): mean 0 over participants."""
        raw, share = contrasts(self.k), np.array(self.n) / sum(self.n)
        return np.asarray(raw - share @ raw)

    def measures_of(self, term: str) -> tuple[str, ...]:
        """Return the measures in a term, without the groups."""
        return tuple(part for part in term.split(":") if part.partition("[")[0] != self.group)

    def product(self, names: tuple[str, ...]) -> str:
        """Return the predictor that is one measure or a product of two."""
        return next(name for name in self.predictors if set(name.split(":")) == set(names))

    def with_outcome(self, address: Address) -> str:
        """Return the predictor, or group, whose correlation with the outcome a number is; empty for another number."""
        others = {address.of, str(address.with_)} - {self.outcome}
        return others.pop() if address.with_ and len(others) == 1 else ""


def _refuse_terms(study: Study, step: str) -> None:
    terms = study.columns(step)
    group = study.analysis.group
    for term in terms:
        parts = term.split(":")
        of_groups = [part for part in parts if group and part.partition("[")[0] == group]
        if len(parts) > 1 and (len(parts) - len(of_groups) > 2 or len(of_groups) > 1 or not set(parts) <= set(terms)):
            raise InputError(
                f"step {step!r}, term {term!r}: calibration takes products of at most two measures, with or without"
                f"{f' {group!r}' if group else ' groups'}, whose factors are all in the step too"
            )
    n = study.samples.values()
    if sum(n) - len(terms) < 2 or min(n) < 3:
        raise InputError(f"step {step!r}: groups of {' and '.join(map(str, n))} are too small for {len(terms)} terms")
