"""A model's columns inside each cell of a design: one group, and one level of each category such as sex.

Inside a cell everything categorical is constant, so a column is a constant plus a weighted sum of scores and of their
products in pairs, also where the model lets a category moderate a slope. Which weights, the formula tells, evaluated
at 0, at unit vectors and at sums of two.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations_with_replacement, product
from math import prod

import numpy as np
from formulae.matrices import DesignMatrices

from ...arrays import FloatArray, IntArray
from ...estimands import KINDS
from ...inference.models.affine import AffineColumns, affine_columns
from ...inference.models.specs import ModelSpec
from ...spec import InputError, unknown_name
from ...study.measures import term_parts
from ...study.study import Estimand, Study

MOST_CELLS = 500
"""Cells of all categories together; beyond, hardly anybody would be in any of them."""


@dataclass(frozen=True, kw_only=True)
class Frame:
    """The cells and scores that worlds, designs and models speak of: G groups by L profiles, C = G L cells.

    A profile is a level of each category beside the groups; without such categories there is one, which is empty.

    Parameters
    ----------
    study : Study
        What the measures are.
    measures : tuple of str, length m
        The numeric predictors.
    categories : tuple of str
        The categories among the predictors, beside the groups.
    pairs : tuple of pairs of int
        The scores whose products the model has, d of them; a score inside a function with itself.
    """

    study: Study
    measures: tuple[str, ...]
    categories: tuple[str, ...] = ()
    pairs: tuple[tuple[int, int], ...] = ()

    @classmethod
    def of_model(cls, study: Study, model: ModelSpec) -> Frame:
        """Take the predictors of a model; raises `InputError` for too many cells, or another outcome."""
        names = [name for name in model.predictors if name != study.analysis.group]
        if model.outcome != study.analysis.outcome:
            raise InputError(
                f"model {model.name!r} is about {model.outcome!r}; planning is for {study.analysis.outcome!r}"
            )
        categories = tuple(name for name in names if study.measure(name).kind == "category")
        measures = tuple(name for name in names if name not in categories)
        terms, squared = model.measures.values(), {*model.written.inside_calls} - {*model.written.coded}
        found = cls(
            study=study,
            measures=measures,
            categories=categories,
            pairs=tuple(
                (i, j)
                for i, j in combinations_with_replacement(range(len(measures)), 2)
                if (measures[i] in squared if i == j else any({measures[i], measures[j]} <= own for own in terms))
            ),
        )
        if (cells := prod(map(len, found.levels_of.values())) * len(found.groups)) > MOST_CELLS:
            raise InputError(
                f"model {model.name!r}: {', '.join(categories)} and the groups make {cells:,} cells; at most "
                f"{MOST_CELLS} are accepted: take levels together"
            )
        return found

    @property
    def predictors(self) -> tuple[str, ...]:
        """Scores and then their products, length m + d."""
        return (*self.measures, *(f"{self.measures[i]}:{self.measures[j]}" for i, j in self.pairs))

    def with_products(self, scores: FloatArray) -> FloatArray:
        """Put the products after scores of shape (..., m): (..., m + d)."""
        products = [scores[..., i] * scores[..., j] for i, j in self.pairs]
        return np.concatenate([scores, *(each[..., None] for each in products)], axis=-1)

    @cached_property
    def levels_of(self) -> dict[str, tuple[str, ...]]:
        """Levels of each category, reference first."""
        return {name: tuple(level.id for level in self.study.measure(name).levels) for name in self.categories}

    @cached_property
    def profiles(self) -> tuple[tuple[str, ...], ...]:
        """A level of each category, every combination; the last category's change first."""
        return tuple(product(*self.levels_of.values()))

    @cached_property
    def indicators(self) -> dict[str, dict[str, FloatArray]]:
        """0/1 codes of the profiles, (L,), of each category's levels beyond the reference.

        They are called as their category where that has two levels, else ``site[north]``.
        """
        return {
            name: {
                (name if len(levels) == 2 else f"{name}[{level}]"): np.array(
                    [float(p[i] == level) for p in self.profiles]
                )
                for level in levels[1:]
            }
            for i, (name, levels) in enumerate(self.levels_of.items())
        }

    @cached_property
    def codes(self) -> dict[tuple[str, ...], FloatArray]:
        """Those codes, their products and the constant, which is of nothing: L in all, by what they are of."""
        found: dict[tuple[str, ...], FloatArray] = {(): np.ones(len(self.profiles))}
        for own in self.indicators.values():
            for known, codes in [*found.items()]:
                found |= {(*known, called): codes * each for called, each in own.items()}
        return found

    @cached_property
    def single(self) -> dict[str, FloatArray]:
        """The codes of single levels, k of them."""
        return {name: codes for own in self.indicators.values() for name, codes in own.items()}

    @cached_property
    def dummies(self) -> FloatArray:
        """The codes of single levels as columns, (L, k)."""
        return np.array([*self.single.values()]).reshape(-1, len(self.profiles)).T

    def by_category(self, shares: FloatArray) -> FloatArray:
        """Give each category an axis of its own, in the place of that of the profiles, which is the last."""
        return shares.reshape((*shares.shape[:-1], *map(len, self.levels_of.values())))

    def together(self, shares: Mapping[str, FloatArray]) -> FloatArray:
        """Return shares of the profiles, (..., L), of categories that are independent, from those of their levels."""
        found = np.ones((1,))
        for name in self.categories:
            found = found[..., :, None] * shares[name][..., None, :]
            found = found.reshape(*found.shape[:-2], -1)
        return found

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
    def cells(self) -> tuple[tuple[str, ...], ...]:
        """The cells, (group, level of each category), groups first."""
        return tuple((group, *profile) for group in self.groups for profile in self.profiles)

    @property
    def labels(self) -> dict[str, tuple[str, ...]]:
        """What the groups and each category are in every cell."""
        names = (self.study.analysis.group, *self.categories)
        return {name: own for name, own in zip(names, zip(*self.cells, strict=True), strict=True) if name}

    @property
    def group_of(self) -> IntArray:
        """Index of each cell's group, shape (C,)."""
        return np.repeat(np.arange(len(self.groups)), len(self.profiles))

    def of_cells(self, shares: FloatArray) -> FloatArray:
        """Lay shares of the profiles by group, (..., G, L), out by cell, (..., C)."""
        return shares.reshape(*shares.shape[:-2], -1)

    def loadings(self, estimand: Estimand, mix: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Write an estimand as weights of what a population is made of.

        Parameters
        ----------
        estimand : Estimand
            A weighted sum of expected outcomes, such as a slope or a gap between groups.
        mix : array, shape (L,)
            Shares of the profiles; categories of which the estimand names no level are averaged over. Scores are at 0,
            the study's own means, unless it says where. Where it names no group, groups count alike.

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
                elif name not in (self.study.analysis.group, *self.categories):
                    raise InputError(unknown_name("score in these populations,", name, self.measures))
            of_level += each.weight * cells
            of_slope += each.weight * cells[:, None] * self.with_products(at)
        return of_level, of_slope

    def _cells_of(self, fixed: Mapping[str, str | float], mix: FloatArray) -> FloatArray:
        """Weights of the cells, (C,), where some of groups and categories are fixed."""
        group = fixed.get(self.study.analysis.group)
        of_group = np.array([float(name == group) for name in self.groups])
        of_profile = self.by_category(mix)
        for place, (name, levels) in enumerate(self.levels_of.items()):
            if name in fixed:
                at = np.array([float(level == fixed[name]) for level in levels])
                at = at.reshape(-1, *[1] * (of_profile.ndim - place - 1))
                of_profile = of_profile.sum(axis=place, keepdims=True) * at
        return np.kron(
            of_group if group is not None else np.full(len(self.groups), 1 / len(self.groups)), of_profile.ravel()
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
            Shares of the profiles at which it is taken; scores are at 0, the study's own means.

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
        by_group = bool(estimand.group or group in estimand.at or (estimand.between and estimand.by in (None, group)))
        if by_group and group not in self.model.variables:
            return "the groups are not in its formula"
        for name in sorted(estimand.spoken_of):
            if name not in self.model.variables or name not in (*self.frame.measures, *self.frame.categories, group):
                return f"{name} is no score in its formula"
        of_groups = by_group or not estimand.between
        if of not in self.frame.measures or estimand.kind not in ("slope", "slope_difference") or not of_groups:
            return None
        slopes = self.linear[..., self.frame.measures.index(of)].reshape(len(self.frame.groups), -1)
        same = bool(np.allclose(slopes, slopes[:1]))
        if same == by_group:
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
    known = (*frame.measures, *frame.labels)
    for name in model.predictors:
        if name not in known:
            raise InputError(f"model {model.name!r}: {unknown_name('predictor in these populations,', name, known)}")
    made = _affine(model, frame)
    return CellColumns(model=model, frame=frame, terms=made.terms, constant=made.constant, linear=made.linear)


def _affine(model: ModelSpec, frame: Frame) -> AffineColumns:
    bent = (
        "is neither linear in the scores nor a square or product of two, which is all that populations have; make a"
        " column of its own of it in the table, and fit again"
    )
    return affine_columns(model, frame.study, frame.measures, frame.labels, bent=bent, pairs=frame.pairs)
