"""A model's columns inside each cell of a design: one group, and one level of a category such as sex.

Inside a cell everything categorical is constant, so a column is a constant plus a weighted sum of scores and of their
products in pairs, also where the model lets the category moderate a slope. Which weights, the formula tells, evaluated
at 0, at unit vectors and at sums of two.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations_with_replacement

import numpy as np
from formulae.matrices import DesignMatrices

from ...arrays import FloatArray, IntArray
from ...estimands import KINDS
from ...inference.models.affine import AffineColumns, affine_columns
from ...inference.models.specs import ModelSpec
from ...spec import InputError, unknown_name
from ...study.measures import term_parts
from ...study.study import Estimand, Study


@dataclass(frozen=True, kw_only=True)
class Frame:
    """The cells and scores that worlds, designs and models speak of.

    Parameters
    ----------
    study : Study
        What the measures are.
    measures : tuple of str, length m
        The numeric predictors.
    category : str or None
        The two-level category among the predictors, if there is one.
    pairs : tuple of pairs of int
        The scores whose products the model has, d of them; a score inside a function with itself.
    """

    study: Study
    measures: tuple[str, ...]
    category: str | None
    pairs: tuple[tuple[int, int], ...] = ()

    @classmethod
    def of_model(cls, study: Study, model: ModelSpec) -> Frame:
        """Take the predictors of a model; raises `InputError` for a second category or one of three levels."""
        names = [name for name in model.predictors if name != study.analysis.group]
        if model.outcome != study.analysis.outcome:
            raise InputError(
                f"model {model.name!r} is about {model.outcome!r}; planning is for {study.analysis.outcome!r}"
            )
        categories = [name for name in names if study.measure(name).kind == "category"]
        for name in categories[1:] + [name for name in categories if len(study.measure(name).levels) != 2]:
            raise InputError(
                f"model {model.name!r}: planning takes one category of two levels beside the groups, and not {name!r}; "
                "a score with its SD in its place has the same power (0.5 where half of the people are in each level)"
            )
        measures = tuple(name for name in names if name not in categories)
        terms, squared = model.measures.values(), {*model.written.inside_calls} - {*model.written.coded}
        return cls(
            study=study,
            measures=measures,
            category=categories[0] if categories else None,
            pairs=tuple(
                (i, j)
                for i, j in combinations_with_replacement(range(len(measures)), 2)
                if (measures[i] in squared if i == j else any({measures[i], measures[j]} <= own for own in terms))
            ),
        )

    @property
    def predictors(self) -> tuple[str, ...]:
        """Scores and then their products, length m + d."""
        return (*self.measures, *(f"{self.measures[i]}:{self.measures[j]}" for i, j in self.pairs))

    def with_products(self, scores: FloatArray) -> FloatArray:
        """Put the products after scores of shape (..., m): (..., m + d)."""
        products = [scores[..., i] * scores[..., j] for i, j in self.pairs]
        return np.concatenate([scores, *(each[..., None] for each in products)], axis=-1)

    @property
    def levels(self) -> tuple[str, ...]:
        """Levels of the category; one unnamed level where there is none."""
        return tuple(level.id for level in self.study.measure(self.category).levels) if self.category else ("",)

    @property
    def groups(self) -> tuple[str, ...]:
        """The groups, length G; one unnamed group where there are none."""
        return tuple(group.id for group in self.study.groups) or ("",)

    @property
    def sizes(self) -> FloatArray:
        """How much each group counts where all are taken together, (G,): by the study's n, else alike."""
        printed = self.study.sizes if self.study.facts else {}
        return np.array([printed.get(group, 1) for group in self.groups], dtype=float)

    @property
    def cells(self) -> tuple[tuple[str, str], ...]:
        """The cells, (group, level), groups first."""
        return tuple((group, level) for group in self.groups for level in self.levels)

    @property
    def group_of(self) -> IntArray:
        """Index of each cell's group, shape (C,)."""
        return np.repeat(np.arange(len(self.groups)), len(self.levels))

    def shares(self, second: FloatArray) -> FloatArray:
        """Turn shares of the second level by group, (..., G), into shares of the cells within their group, (..., C)."""
        if not self.category:
            return np.ones_like(second)
        return np.stack([1 - second, second], axis=-1).reshape(*second.shape[:-1], -1)

    def loadings(self, estimand: Estimand, mix: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Write an estimand as weights of what a population is made of.

        Parameters
        ----------
        estimand : Estimand
            A weighted sum of expected outcomes, such as a slope or a gap between groups.
        mix : array, shape (L,)
            Shares of the category's levels at which it is taken, unless it names one; scores are at 0, the study's own
            means, unless it says where. Where it names no group, groups count alike.

        Returns
        -------
        of_level : array, shape (C,)
            Weights of each cell's expected outcome where every score is 0.
        of_slope : array, shape (C, m + d)
            Weights of each cell's slopes on scores and products.

        Raises
        ------
        InputError
            A share of variance, or an estimand that names something which is not in the frame.
        """
        scenarios = KINDS[estimand.kind].scenarios
        if scenarios is None:
            raise InputError(
                f"estimand {estimand.name!r} is of kind {estimand.kind!r}; planning is for slopes, differences of "
                "slopes and gaps between groups"
            )
        of_level, of_slope = np.zeros(len(self.cells)), np.zeros((len(self.cells), len(self.predictors)))
        for each in scenarios(estimand, self.study.outline()):
            cells, at = self._cells_of(each.fixed, mix), np.zeros(len(self.measures))
            for name, value in (*each.fixed.items(), *each.shift.items()):
                if name in self.measures:
                    at[self.measures.index(name)] += float(value)
                elif name not in (self.study.analysis.group, self.category):
                    raise InputError(unknown_name("score in these populations,", name, self.measures))
            of_level += each.weight * cells
            of_slope += each.weight * cells[:, None] * self.with_products(at)
        return of_level, of_slope

    def _cells_of(self, fixed: Mapping[str, str | float], mix: FloatArray) -> FloatArray:
        """Weights of the cells, (C,), where some of group and category are fixed."""
        group, level = fixed.get(self.study.analysis.group), fixed.get(str(self.category))
        of_group = np.array([float(name == group) for name in self.groups])
        of_level = np.array([float(name == level) for name in self.levels])
        return np.kron(
            of_group if group is not None else np.full(len(self.groups), 1 / len(self.groups)),
            of_level if level is not None else mix,
        )


@dataclass(frozen=True, kw_only=True)
class CellColumns:
    """Columns of a model's design by cell: ``constant + linear @ scores``, products of scores among them.

    Parameters
    ----------
    model : ModelSpec
        Whose columns they are.
    frame : Frame
        The C cells, m scores and d products of two.
    terms : dict
        Names of the columns of each term.
    constant : array, shape (C, p)
        Columns where every score is 0.
    linear : array, shape (C, p, m + d)
        Change of the columns per unit of a score or product.
    """

    model: ModelSpec
    frame: Frame
    terms: dict[str, tuple[str, ...]]
    constant: FloatArray
    linear: FloatArray

    @property
    def names(self) -> tuple[str, ...]:
        """The columns, length p."""
        return tuple(column for columns in self.terms.values() for column in columns)

    @property
    def matrices(self) -> DesignMatrices:
        """The formula as it is evaluated in every cell, at scores of 0, of 1 alone and in pairs, and farther out."""
        return _affine(self.model, self.frame).matrices

    def weights(self, estimand: Estimand, mix: FloatArray) -> FloatArray:
        """Weights of an estimand over the columns, shape (p,).

        Parameters
        ----------
        estimand : Estimand
            A slope, a difference of slopes or a gap between groups.
        mix : array, shape (L,)
            Shares of the category's levels at which it is taken; scores are at 0, the study's own means.

        Raises
        ------
        InputError
            The model does not answer it.
        """
        if why := self._obstacle(estimand):
            raise InputError(f"model {self.model.name!r} does not answer estimand {estimand.name!r}: {why}")
        of_level, of_slope = self.frame.loadings(estimand, mix)
        found = np.asarray(of_level @ self.constant + np.einsum("cm,cpm->p", of_slope, self.linear))
        if not found.any():
            raise InputError(
                f"model {self.model.name!r} does not answer estimand {estimand.name!r}: its formula has no term for it"
            )
        return found

    def step_columns(self, estimand: Estimand) -> tuple[IntArray, IntArray]:
        """Return the columns of the step before a share of variance, and those that its own step adds.

        Raises
        ------
        InputError
            The model lacks a term of that step.
        """
        study, own = self.frame.study, {term_parts(term): columns for term, columns in self.terms.items()}
        after = study.step(estimand.step).after if KINDS[estimand.kind].beyond else None
        terms = [term_parts(term) for term in study.terms(estimand.step)]
        if lacking := [term for term in terms if term not in own]:
            raise InputError(
                f"model {self.model.name!r} does not answer estimand {estimand.name!r}: its formula has no "
                f"{':'.join(sorted(lacking[0]))}"
            )
        earlier = {term_parts(term) for term in study.terms(after)} if after else set()

        def index(wanted: list[frozenset[str]]) -> IntArray:
            return np.array([self.names.index(name) for term in wanted for name in own[term]], dtype=np.int64)

        return index([term for term in terms if term in earlier]), index([t for t in terms if t not in earlier])

    def _obstacle(self, estimand: Estimand) -> str | None:
        if KINDS[estimand.kind].scenarios is None:
            return "it is a share of variance, which no single coefficient is"
        group, of = self.frame.study.analysis.group, estimand.of
        by_group = bool(estimand.group or group in estimand.at)
        if (by_group or (estimand.between and estimand.by in (None, group))) and group not in self.model.variables:
            return "the groups are not in its formula"
        for name in sorted(estimand.spoken_of):
            if name not in self.model.variables or name not in (*self.frame.measures, self.frame.category, group):
                return f"{name} is no score in its formula"
        if of not in self.frame.measures or estimand.kind not in ("slope", "slope_difference"):
            return None
        slopes = self.linear[..., self.frame.measures.index(of)].reshape(len(self.frame.groups), -1)
        same = bool(np.allclose(slopes, slopes[:1]))
        if same == (by_group or bool(estimand.between)):
            return f"the slope of {of} {'is the same in both' if same else 'differs between the'} groups"
        return None


def cell_columns(model: ModelSpec, frame: Frame) -> CellColumns:
    """Find a model's columns in every cell.

    Parameters
    ----------
    model : ModelSpec
        Its predictors must all be in the frame.
    frame : Frame
        Cells and scores; scores that the model does not use get weight 0.

    Returns
    -------
    CellColumns

    Raises
    ------
    InputError
        A predictor that the frame lacks, or a column that is not linear in the scores within a cell.
    """
    known = (*frame.measures, *filter(None, [frame.category, frame.study.analysis.group]))
    for name in model.predictors:
        if name not in known:
            raise InputError(f"model {model.name!r}: {unknown_name('predictor in these populations,', name, known)}")
    made = _affine(model, frame)
    return CellColumns(model=model, frame=frame, terms=made.terms, constant=made.constant, linear=made.linear)


def _affine(model: ModelSpec, frame: Frame) -> AffineColumns:
    named = zip((frame.study.analysis.group, frame.category), zip(*frame.cells, strict=True), strict=True)
    bent = (
        "is neither linear in the scores nor a square or product of two, which is all that populations have; make a"
        " column of its own of it in the table, and fit again"
    )
    cells = {name: labels for name, labels in named if name}
    return affine_columns(model, frame.study, frame.measures, cells, bent=bent, pairs=frame.pairs)
