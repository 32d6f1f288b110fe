"""A model's columns inside each cell of a design: one group, and one level of a category such as sex.

Inside a cell everything categorical is constant, so a column is a constant plus a weighted sum of scores, also where
the model lets the category moderate a slope. Which weights, the formula tells, evaluated at 0 and at unit vectors.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ...estimands import KINDS
from ...inference.models.design import categorical, columns_of, refuse_calls
from ...inference.models.formulas import evaluated
from ...inference.models.specs import ModelSpec
from ...spec import InputError, unknown_name
from ...study.study import Estimand, Study

__all__ = ["CellColumns", "Frame", "cell_columns", "sum_of", "unplanned"]

type FloatArray = NDArray[np.float64]


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
    """

    study: Study
    measures: tuple[str, ...]
    category: str | None

    @classmethod
    def of_model(cls, study: Study, model: ModelSpec) -> Frame:
        """Take the predictors of a model; raises `InputError` for a second category or one of three levels."""
        names = [name for name in model.variables[1:] if name != study.analysis.group]
        if model.outcome != study.analysis.outcome:
            raise InputError(
                f"model {model.name!r} is about {model.outcome!r}; planning is for {study.analysis.outcome!r}"
            )
        categories = [name for name in names if study.measure(name).kind == "category"]
        for name in categories[1:] + [name for name in categories if len(study.measure(name).levels) != 2]:
            raise InputError(
                f"model {model.name!r}: planning takes one category of two levels beside the groups; {name!r}"
            )
        return cls(
            study=study,
            measures=tuple(name for name in names if name not in categories),
            category=categories[0] if categories else None,
        )

    @property
    def levels(self) -> tuple[str, ...]:
        """Levels of the category; one unnamed level where there is none."""
        return tuple(level.id for level in self.study.measure(self.category).levels) if self.category else ("",)

    @property
    def cells(self) -> tuple[tuple[str, str], ...]:
        """The cells, (group, level), groups first."""
        return tuple((group, level) for group in self.study.group_ids for level in self.levels)

    @property
    def group_of(self) -> NDArray[np.int64]:
        """Index of each cell's group, shape (C,)."""
        return np.repeat([0, 1], len(self.levels))

    def shares(self, second: FloatArray) -> FloatArray:
        """Turn shares of the second level by group, (..., 2), into shares of the cells within their group, (..., C)."""
        if not self.category:
            return np.ones_like(second)
        return np.stack([1 - second, second], axis=-1).reshape(*second.shape[:-1], -1)


@dataclass(frozen=True, kw_only=True)
class CellColumns:
    """Columns of a model's design by cell: ``constant + linear @ scores``.

    Parameters
    ----------
    model : ModelSpec
        Whose columns they are.
    frame : Frame
        The C cells and m scores.
    terms : dict
        Names of the columns of each term.
    constant : array, shape (C, p)
        Columns where every score is 0.
    linear : array, shape (C, p, m)
        Change of the columns per unit of a score.
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
        groups = self.frame.study.group_ids
        measures = self.frame.measures

        def at(group: str, shift: Mapping[str, float]) -> FloatArray:
            by_group = self._by_group(
                self.constant + sum(by * self.linear[..., measures.index(name)] for name, by in shift.items()), mix
            )
            return by_group[groups.index(group)] if group else np.asarray(by_group.mean(axis=0))

        return sum_of(estimand, self.frame.study, at)

    def _by_group(self, values: FloatArray, mix: FloatArray) -> FloatArray:
        return np.asarray(np.einsum("l,glp->gp", mix, values.reshape(2, len(mix), -1)))

    def _obstacle(self, estimand: Estimand) -> str | None:
        if why := unplanned(estimand):
            return why
        if not estimand.of:
            return (
                None if self.frame.study.analysis.group in self.model.variables else "the groups are not in its formula"
            )
        if estimand.of not in self.model.variables or estimand.of not in self.frame.measures:
            return f"{estimand.of} is no score in its formula"
        slopes = self.linear[..., self.frame.measures.index(str(estimand.of))].reshape(2, -1)
        same = bool(np.allclose(slopes[0], slopes[1]))
        by_group = bool(estimand.group or estimand.between)
        if same == by_group:
            return f"the slope of {estimand.of} {'is the same in both' if same else 'differs between the'} groups"
        return None


def unplanned(estimand: Estimand) -> str | None:
    """Say why planning has no such estimand; None where it has."""
    if KINDS[estimand.kind].scenarios and not (estimand.by or estimand.at):
        return None
    return "planning is for slopes, differences of slopes and gaps between groups"


def sum_of(estimand: Estimand, study: Study, at: Callable[[str, Mapping[str, float]], FloatArray]) -> FloatArray:
    """Add up an estimand's scenarios: the expected outcome in a group (in none: ``""``), scores shifted by so much."""
    scenarios = KINDS[estimand.kind].scenarios
    assert scenarios is not None
    parts = scenarios(estimand, study.outline())
    group = study.analysis.group
    return np.asarray(sum(each.weight * at(str(each.fixed.get(group, "")), each.shift) for each in parts))


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
    refuse_calls(model, "participants")
    known = (*frame.measures, *filter(None, [frame.category]), frame.study.analysis.group)
    for name in model.variables[1:]:
        if name not in known:
            raise InputError(f"model {model.name!r}: {unknown_name('predictor in these worlds,', name, known)}")
    m = len(frame.measures)
    grid = np.vstack([np.zeros((1, m)), np.eye(m), np.full((1, m), 2.0)])
    matrices = evaluated(model.written, _grid_frame(model, frame, grid))
    rows = np.asarray(matrices.common.design_matrix, dtype=np.float64)[:, 1:].reshape(len(frame.cells), len(grid), -1)
    constant, linear = rows[:, 0], (rows[:, 1:-1] - rows[:, :1]).transpose(0, 2, 1)
    terms = columns_of(matrices)
    bent = (np.abs(constant + 2 * linear.sum(axis=-1) - rows[:, -1]) > 1e-9).any(axis=0)
    if bent.any():
        name = [column for columns in terms.values() for column in columns][int(np.flatnonzero(bent)[0])]
        raise InputError(f"model {model.name!r}: {name} is not linear in the scores; planning cannot draw its moments")
    return CellColumns(model=model, frame=frame, terms=terms, constant=constant, linear=linear)


def _grid_frame(model: ModelSpec, frame: Frame, grid: FloatArray) -> pd.DataFrame:
    groups, levels = (list(part) for part in zip(*frame.cells, strict=True))
    made = pd.DataFrame(np.tile(grid, (len(frame.cells), 1)), columns=list(frame.measures))
    cells = {frame.study.analysis.group: groups} | ({frame.category: levels} if frame.category else {})
    for name, labels in cells.items():
        made[name] = categorical(frame.study.measure(name), np.repeat(np.array(labels, dtype=object), len(grid)))
    return made.assign(**{model.outcome: np.arange(len(made), dtype=float)})
