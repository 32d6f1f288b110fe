"""One design matrix for every engine.

A design answers two questions: which sufficient statistics does it have, and what is its average row once some measures
are set to a value. The second is all that an estimand needs (see `hikibayes.inference.estimands`), so no coding of a
variable is known anywhere but here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from ...arrays import FloatArray, IntArray
from ...estimands import Scenario
from ...spec import InputError, unknown_name
from ...study.measures import Measure
from ...study.study import Study
from ..gaussian.sufficient import SufficientStatistics
from .formulas import BY_ROW, evaluated
from .specs import ModelSpec
from .terms import Term, columns_of, terms_of

if TYPE_CHECKING:
    from formulae.matrices import DesignMatrices


@dataclass(frozen=True, kw_only=True)
class Scaling:
    """Where 0 and 1 of a standardised measure lie in its own unit, in each of B data sets.

    Parameters
    ----------
    location, scale : mapping of str to array_like, shape () or (B,)
        Mean and SD (ddof 1) of each numeric measure, over the whole sample. Categories have none: they stay labels.
    """

    location: Mapping[str, FloatArray]
    scale: Mapping[str, FloatArray]

    def __post_init__(self) -> None:
        for name in ("location", "scale"):
            arrays = {key: np.atleast_1d(np.asarray(v, dtype=np.float64)) for key, v in getattr(self, name).items()}
            object.__setattr__(self, name, arrays)

    @classmethod
    def of_sample(cls, frame: pd.DataFrame, measures: Sequence[str], *, datasets: int = 1) -> Self:
        """Take mean and total sample SD (ddof 1) of columns; raises `InputError` for one that is constant."""
        values = {name: frame[name].to_numpy(dtype=np.float64).reshape(datasets, -1) for name in measures}
        location = {name: rows.mean(axis=1) for name, rows in values.items()}
        scale = {name: rows.std(axis=1, ddof=1) for name, rows in values.items()}
        for name in measures:
            if not (scale[name] > 1e-12 * np.abs(location[name])).all():
                raise InputError(f"has the same value in every row ({values[name][0, 0]:g}); it must vary", key=name)
        return cls(location=location, scale=scale)

    def standardise(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Return the frame, data sets stacked, with the scaled columns as z scores."""
        return frame.assign(**{name: self.z(name, frame[name].to_numpy()) for name in self.scale if name in frame})

    def z(self, name: str, values: FloatArray) -> FloatArray:
        """Return a measure's values, data sets stacked along the only axis, in SD units."""
        by_dataset = values.reshape(len(self.scale[name]), -1)
        return np.ravel((by_dataset - self.location[name][:, None]) / self.scale[name][:, None])

    def changes(self, scenario: Scenario, *, standardised: bool) -> dict[str, dict[str, Any]]:
        """Return what a scenario fixes and shifts, in the model's units.

        Notes
        -----
        Of several data sets in raw units no one number is an SD; there a shift of 1 SD becomes one of 1 unit.
        """
        one = standardised or any(len(scale) > 1 for scale in self.scale.values())

        def z(name: str, value: str | float) -> str | float:
            if isinstance(value, str) or standardised:
                return value
            return float(self.location[name][0] + value * self.scale[name][0])

        unit = {name: 1.0 if one else float(self.scale[name][0]) for name in scenario.shift}
        return {
            "fixed": {name: z(name, value) for name, value in scenario.fixed.items()},
            "shift": {name: amount * unit[name] for name, amount in scenario.shift.items()},
        }


SEEN = ' functions see z scores here: scaling = "raw" hands them the measures\' own units'


@dataclass(frozen=True, kw_only=True)
class Design:
    """A model's design over the participants of one data set, or of B data sets of the same size.

    Parameters
    ----------
    model, study
        What it is the design of.
    frame : pandas.DataFrame
        The model's measures, a row a participant, data sets stacked: numbers in the model's units, categories with the
        study's levels.
    datasets : int
        B, how many data sets are stacked.
    matrices : formulae.matrices.DesignMatrices
        The formula evaluated on that frame.
    scaling : Scaling
        Of each sample, or the one that was given.
    standardised : bool
        Whether numbers in `frame` are z scores.
    kept : array, shape (B, n), optional
        Who counts where rows are averaged, 1 or 0; by default everybody.
    """

    model: ModelSpec
    study: Study
    frame: pd.DataFrame
    datasets: int
    matrices: DesignMatrices
    scaling: Scaling
    standardised: bool
    kept: FloatArray | None = None

    @cached_property
    def terms(self) -> dict[str, tuple[str, ...]]:
        """Names of the columns of each term: the term's own where it has one column, else with the level."""
        return columns_of(self.matrices)

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns, without the intercept."""
        return tuple(column for columns in self.terms.values() for column in columns)

    @cached_property
    def places(self) -> dict[str, IntArray]:
        """Which of the columns are each term's."""
        ends = np.cumsum([0, *map(len, self.terms.values())])
        return {term: np.arange(*where) for term, where in zip(self.terms, pairwise(ends.tolist()), strict=True)}

    @cached_property
    def levels(self) -> dict[str, tuple[str, ...]]:
        """Levels of each category that somebody is at, in the study's order; the first is the reference."""
        categories = self.frame.select_dtypes("category")
        return {str(name): tuple(column.cat.categories) for name, column in categories.items()}

    @cached_property
    def rows(self) -> FloatArray:
        """The columns, shape (B, n, p), not centred."""
        return self._by_dataset(self.matrices.common.design_matrix)

    @property
    def y(self) -> FloatArray:
        """The outcome in the model's units, shape (B, n)."""
        return self.frame[self.model.outcome].to_numpy(dtype=np.float64).reshape(self.datasets, -1)

    def raw_outcome(self) -> FloatArray:
        """Return the outcome of the first data set in its own unit, shape (n,)."""
        name, y = self.model.outcome, self.y[0]
        raw = self.scaling.location[name][0] + self.scaling.scale[name][0] * y if self.standardised else y
        return np.asarray(raw)

    @cached_property
    def statistics(self) -> SufficientStatistics:
        """Sufficient statistics of the design and its outcome, B data sets."""
        return SufficientStatistics.from_rows(self.rows, self.y, self.columns)

    @cached_property
    def _values(self) -> dict[str, Any]:
        """The frame's columns as arrays, categories as codes: they are looked up hundreds of times."""
        return {
            str(name): column.cat.codes.to_numpy() if hasattr(column, "cat") else column.to_numpy(dtype=np.float64)
            for name, column in self.frame.items()
        }

    @cached_property
    def _each_term(self) -> tuple[Term, ...]:
        return terms_of(self.matrices, self.frame)

    @cached_property
    def _mean_row(self) -> FloatArray:
        """Average row of the participants as they are, (B, p)."""
        return self._averaged(self.rows)

    def _averaged(self, values: FloatArray) -> FloatArray:
        """Average (B, n or 1, k) over those who count, (B, k)."""
        if self.kept is None or values.shape[1] == 1:
            return np.asarray(values.mean(axis=1))
        return np.asarray((self.kept[:, None, :] @ values)[:, 0] / self.kept.sum(axis=1)[:, None])

    def mean_row(
        self, *, fixed: Mapping[str, Any] | None = None, shift: Mapping[str, float] | None = None
    ) -> FloatArray:
        """Average the design's rows over the participants, with some measures changed.

        Parameters
        ----------
        fixed, shift
            As in `changed_rows`.

        Returns
        -------
        array, shape (B, p)

        Notes
        -----
        Where a column is linear in the other measures this is its value at their sample means; where it is not, it is
        the g-formula's average.
        """
        mean = self._mean_row.copy()
        for columns, values in self._changed(fixed or {}, shift or {}):
            mean[:, columns] = self._averaged(values)
        return mean

    def changed_rows(
        self, *, fixed: Mapping[str, Any] | None = None, shift: Mapping[str, float] | None = None
    ) -> FloatArray:
        """Return the design's rows with some measures changed.

        Parameters
        ----------
        fixed : mapping
            Value by measure that every participant gets: a level, or a number in the model's units.
        shift : mapping
            What is added to a numeric measure of every participant.

        Returns
        -------
        array, shape (B, n, p)
        """
        rows = self.rows.copy()
        for columns, values in self._changed(fixed or {}, shift or {}):
            rows[..., columns] = values
        return rows

    def _changed(self, fixed: Mapping[str, Any], shift: Mapping[str, float]) -> Iterator[tuple[slice, FloatArray]]:
        """Yield the columns that a change of measures changes, and their values: shape (B, n or 1, columns)."""
        changed: dict[str, Any] = {name: self._constant(name, value) for name, value in fixed.items()}
        changed |= {name: changed.get(name, self._values[name]) + amount for name, amount in shift.items()}
        for term in self._each_term:
            if not term.measures.isdisjoint(changed):
                values = term.of(self.frame, self._values, changed)
                shape = (1, 1) if len(values) == 1 else (self.datasets, -1)
                yield term.columns, values.reshape(*shape, values.shape[1])

    def _constant(self, name: str, value: Any) -> float | str:
        if name not in self.levels:
            return float(value)
        if value not in self.levels[name]:
            raise InputError(f"nobody is at level {value!r}, so the model says nothing of it", key=name)
        return str(value)

    def first(self) -> Self:
        """Return the first data set's design."""
        frame = self.frame.iloc[: len(self.frame) // self.datasets]
        location = {name: values[:1] for name, values in self.scaling.location.items()}
        scale = {name: values[:1] for name, values in self.scaling.scale.items()}
        scaling = Scaling(location=location, scale=scale)
        matrices = evaluated(self.model.written, frame)
        return replace(self, frame=frame, datasets=1, scaling=scaling, matrices=matrices, kept=None)

    def _by_dataset(self, matrix: Any) -> FloatArray:
        columns = np.asarray(matrix, dtype=np.float64)[:, 1:]
        return columns.reshape(self.datasets, -1, columns.shape[1])


def design(
    model: ModelSpec,
    participants: pd.DataFrame | Sequence[pd.DataFrame],
    study: Study,
    *,
    scaling: Scaling | None = None,
) -> Design:
    """Lay out a model's design over participants.

    Parameters
    ----------
    model : ModelSpec
        Formula and scaling.
    participants : pandas.DataFrame or sequence of them
        A row a participant, columns named by measure id, complete in the model's measures; or B such tables of the
        same length, laid out at once.
    study : Study
        What the measures are.
    scaling : Scaling, optional
        A scaling to use instead of the sample's own, whatever the model's file says: a world's, in planning.

    Returns
    -------
    Design

    Raises
    ------
    InputError
        A measure of the formula is no measure of the study or no column, has empty cells or unknown labels; a column
        of the design is constant; tables of several lengths, or several tables for a formula with function calls.
    """
    _refuse_roles(model, study)
    stacked, datasets = _stacked(model, participants)
    frame = _typed(model, stacked, study)
    numbers = [name for name in model.variables if study.measure(name).kind != "category"]
    scales = scaling or Scaling.of_sample(frame, numbers, datasets=datasets)
    standardised = scaling is not None or model.scaling == "sample"
    frame = scales.standardise(frame) if standardised else frame
    made = Design(
        model=model,
        study=study,
        frame=frame,
        datasets=datasets,
        matrices=evaluated(model.written, frame),
        scaling=scales,
        standardised=standardised,
    )
    _refuse_constant(made)
    _refuse_not_finite(made)
    return made


def categorical(measure: Measure, labels: pd.Series | ArrayLike) -> pd.Series:
    """Return labels as a category in the study's order of levels, the first of which is the reference.

    Notes
    -----
    Every frame that a formula is evaluated on gets its categories here. formulae sorts the levels of an unordered
    category by the alphabet before it codes them, and leaves those of an ordered one as they are.
    """
    made = pd.CategoricalDtype([level.id for level in measure.levels], ordered=True)  # noqa: TID251
    return pd.Series(labels, dtype=object).astype(made)


def refuse_calls(model: ModelSpec, accepted: Sequence[str], why: str) -> None:
    """Raise for a function in the formula that is not among those accepted."""
    for term in model.terms:
        if wrong := [name for name in re.findall(r"([\w.]+)\(", term) if name not in accepted]:
            raise InputError(f"model {model.name!r}: {wrong[0]}() in {term} {why}")


def _refuse_roles(model: ModelSpec, study: Study) -> None:
    """Raise where the formula puts a category in a number's place, or a number in a category's."""
    if study.measure(model.outcome).kind == "category":
        raise InputError(f"model {model.name!r}: the outcome {model.outcome!r} is a category; it must be a number")
    factors = [*model.clusters] + [model.sigma_by] * bool(model.sigma_by)
    for name in (*factors, *model.written.coded):
        if study.measure(str(name)).kind != "category":
            raise InputError(f"model {model.name!r} takes {name!r} for a category; it is a number")


def _refuse_not_finite(made: Design) -> None:
    finite = np.isfinite(made.rows).all(axis=0)
    for name, rows in zip(made.columns, finite.T, strict=True):
        if not rows.all():
            raise InputError(
                f"model {made.model.name!r}: {name} is not a finite number in {int((~rows).sum())} rows;"
                f"{SEEN if made.standardised else ' the function is not defined there'}"
            )


def _refuse_constant(made: Design) -> None:
    # formulae gives a category with one level in the data no column at all
    names = [name for name, term in made.matrices.common.terms.items() if not term.labels]
    if not names:
        constant = made.statistics.constant_columns().any(axis=0)
        names = [name for name, flat in zip(made.columns, constant, strict=True) if flat]
    if names:
        seen = f";{SEEN}" if made.standardised and any("(" in name for name in names) else ""
        raise InputError(f"{', '.join(names)}: the same value in every row; every column of the design must vary{seen}")


def _stacked(model: ModelSpec, participants: pd.DataFrame | Sequence[pd.DataFrame]) -> tuple[pd.DataFrame, int]:
    if isinstance(participants, pd.DataFrame):
        return participants, 1
    lengths = {len(table) for table in participants}
    if len(lengths) != 1:
        raise InputError(f"tables laid out together must have the same number of rows; found {sorted(lengths)}")
    if len(participants) > 1:
        refuse_calls(model, BY_ROW, "looks at its whole column, and needs one table at a time")
    return pd.concat(participants, ignore_index=True), len(participants)


def _typed(model: ModelSpec, participants: pd.DataFrame, study: Study) -> pd.DataFrame:
    """Take the model's measures out of a table: floats, and categories with the study's levels in order."""
    columns: dict[str, pd.Series] = {}
    for name in model.variables:
        measure = study.measure(name)
        if name not in participants:
            raise InputError(unknown_name("column", name, map(str, participants.columns)))
        values = participants[name]
        if measure.kind == "category":
            levels = [level.id for level in measure.levels]
            # pandas would make a value that is no level an empty cell, in silence
            if unknown := sorted({str(v) for v in values.dropna().unique()} - set(levels)):
                raise InputError(unknown_name("level", unknown[0], levels), key=name)
            columns[name] = categorical(measure, values).cat.remove_unused_categories()
        else:
            columns[name] = values.astype(float)
        if empty := int(columns[name].isna().sum()):
            raise InputError(f"has {empty} empty cells; a design takes complete rows", key=name)
    return pd.DataFrame(columns)
