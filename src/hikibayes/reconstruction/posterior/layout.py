"""Which numbers a study's moments consist of, and where each one stands.

Calibration works with one *saturated* regression that contains every step: the group, every predictor, and the product
of the group with every predictor. Inside it predictors are z-scores of the total sample, a category too, and the group
is coded so that its mean is 0 and the groups differ by 1. Whatever coding or scaling the paper used, its coefficients
are linear functions of these.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from ...spec import InputError
from ...study.study import Study


@dataclass(frozen=True, kw_only=True)
class StepLayout:
    """A step; ``before`` is the index of the step it follows, or -1."""

    id: str
    terms: tuple[str, ...]
    before: int
    df: int


@dataclass(frozen=True, kw_only=True)
class Layout:
    """Positions of groups, predictors, columns and steps.

    Attributes
    ----------
    groups : tuple of str
        Reference first.
    n : tuple of int
        Participants in each.
    group, outcome : str
        Ids of those measures.
    predictors : tuple of str, length p
        Every measure of any step, categories first.
    categories : int
        How many of them are categories.
    steps : tuple of StepLayout
        In the study's order.
    """

    groups: tuple[str, str]
    n: tuple[int, int]
    group: str
    outcome: str
    predictors: tuple[str, ...]
    categories: int
    steps: tuple[StepLayout, ...]

    @classmethod
    def of(cls, study: Study) -> Layout:
        """Read the layout off a study.

        Raises
        ------
        InputError
            A group too small, a category of more than two levels, a product whose measure or group is not in the step,
            or a step with as many terms as participants.
        """
        group = study.analysis.group
        found = {name: None for step in study.steps for term in study.terms(step.id) for name in term.split(":")}
        found.pop(group, None)
        kinds = {name: study.measure(name) for name in found}
        for measure in kinds.values():
            if measure.kind == "category" and len(measure.levels) != 2:
                raise InputError(f"measure {measure.id!r} has {len(measure.levels)} levels; calibration takes two")
        for step in study.steps:
            if step.group or study.outcome(step.id) != study.analysis.outcome:
                what = "is of one group" if step.group else f"explains {step.outcome!r}"
                raise InputError(
                    f"step {step.id!r} {what}; calibration takes regressions of one outcome on everybody"
                    " (the audit takes any): leave it out"
                )
        predictors = sorted(found, key=lambda name: kinds[name].kind != "category")
        n = (study.sizes[study.group_ids[0]], study.sizes[study.group_ids[1]])
        return cls(
            groups=study.group_ids,
            n=n,
            group=group,
            outcome=study.analysis.outcome,
            predictors=tuple(predictors),
            categories=sum(measure.kind == "category" for measure in kinds.values()),
            steps=tuple(_step(study, step.id, n) for step in study.steps),
        )

    @property
    def p(self) -> int:
        """Number of predictors."""
        return len(self.predictors)

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """The saturated columns: group, predictors, products; length 2p + 1."""
        return _column_names(self.group, self.predictors)

    @cached_property
    def codes(self) -> tuple[float, float]:
        """The groups' codes: mean 0 over participants, second minus first 1."""
        total = sum(self.n)
        return -self.n[1] / total, self.n[0] / total

    def step(self, name: str) -> int:
        """Return a step's index."""
        return [step.id for step in self.steps].index(name)


def _column_names(group: str, predictors: Sequence[str]) -> tuple[str, ...]:
    return (group, *predictors, *(f"{group}:{name}" for name in predictors))


def _step(study: Study, step: str, n: tuple[int, int]) -> StepLayout:
    group, terms = study.analysis.group, study.terms(step)
    for term in terms:
        parts = set(term.split(":"))
        measure = (parts - {group}).pop() if parts != {group} else group
        product = len(parts) == 2 and group in parts
        if ":" in term and not (product and {group, measure} <= set(terms)):
            raise InputError(
                f"step {step!r}, term {term!r}: calibration takes products of {group!r} and one measure, "
                "both of which are in the step too"
            )
    before = study.step(step).after
    df = sum(n) - len(terms) - 1
    if df < 1 or min(n) < 3:
        raise InputError(f"step {step!r}: groups of {n[0]} and {n[1]} are too small for {len(terms)} terms")
    ids = [other.id for other in study.steps]
    return StepLayout(id=step, terms=tuple(terms), before=ids.index(before) if before else -1, df=df)
