"""What a study's estimands are in a model: weights over coefficients, found by asking the design and not by names.

A slope is what the average row of the design changes by when a measure moves by one unit; a gap is what it changes by
when everybody moves to the other group. So any coding of the variables, and any formula, gives the same estimand.

Everything here is in standardised units: SD of the outcome per SD of the measure (or per level, for a category).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..arrays import FloatArray
from ..estimands import KINDS, Scenario
from ..spec import InputError
from ..study.measures import term_parts
from ..study.study import Estimand, Study
from .gaussian.least_squares import generalised_inverse
from .models.design import Design
from .models.moment_design import MomentDesign

type _Explained = Callable[[NDArray[np.intp]], FloatArray]

TOLERANCE = 1e-9


@dataclass(frozen=True, kw_only=True)
class Answers:
    """The estimands that a model answers, on one design.

    Parameters
    ----------
    linear : tuple of Estimand, length k
        Those that are weighted sums of coefficients.
    weights : array, shape (B, k, p)
        Their weights over the design's columns, in standardised units.
    raw_factor : array, shape (B, k)
        What a standardised value is multiplied by to be in the measures' own units.
    variance : tuple of Estimand
        Those that are shares of variance.
    explained : ExplainedVariance
        Computes these.
    refused : dict of Estimand to str
        The study's other estimands, each with the reason for which this model does not answer it.
    """

    linear: tuple[Estimand, ...]
    weights: FloatArray
    raw_factor: FloatArray
    variance: tuple[Estimand, ...]
    explained: ExplainedVariance
    refused: Mapping[Estimand, str]

    @property
    def names(self) -> tuple[str, ...]:
        """Names of all of them."""
        return tuple(estimand.name for estimand in (*self.linear, *self.variance))


def answers(design: Design | MomentDesign) -> Answers:
    """Find the estimands that a design's model answers, and how.

    Parameters
    ----------
    design : Design or MomentDesign
        Of B data sets.

    Returns
    -------
    Answers

    Raises
    ------
    InputError
        The model's file asks for an estimand that the study does not have or the model cannot answer.

    Notes
    -----
    A slope in a group, and a difference of slopes, need a model in which the slope differs between the groups; a common
    slope needs one in which it does not. Unless the model's file names its estimands, the model must also hold equal
    everything that the estimand's step holds equal: "the gap at equal covariates" is another number without them.

    Of a measure that the formula puts into a function, the slope is the average derivative: the mean over the
    participants of what the design's row changes by per SD, at each one's own value.
    """
    effects = _Effects(design)
    model, study = design.model, design.study
    refused: dict[Estimand, str] = {}
    if model.estimands:
        chosen = tuple(study.estimand(name) for name in model.estimands)
        for estimand in chosen:
            if why := effects.obstacle(estimand, covariates=False):
                raise InputError(f"model {model.name!r} cannot answer {estimand.name!r}: {why}")
    else:
        reasons = {estimand: effects.obstacle(estimand) for estimand in study.estimands}
        chosen = tuple(estimand for estimand, why in reasons.items() if not why)
        refused = {estimand: why for estimand, why in reasons.items() if why}
    linear = tuple(estimand for estimand in chosen if KINDS[estimand.kind].scenarios)
    weights = np.stack([effects.weights(estimand) for estimand in linear], axis=1) if linear else effects.none
    return Answers(
        linear=linear,
        weights=weights,
        raw_factor=np.stack([effects.raw_factor(e) for e in linear], axis=1) if linear else effects.none[..., 0],
        variance=tuple(estimand for estimand in chosen if not KINDS[estimand.kind].scenarios),
        explained=ExplainedVariance(design),
        refused=refused,
    )


def changes_of(estimand: Estimand, design: Design | MomentDesign) -> list[tuple[float, dict[str, dict[str, Any]]]]:
    """Return an estimand as a weighted sum of average rows: each weight, and what is fixed and shifted in its row."""
    scenarios = KINDS[estimand.kind].scenarios
    assert scenarios is not None
    parts = scenarios(estimand, design.study.outline(design.model.written.inside_calls))
    return [(each.weight, design.scaling.changes(each, standardised=design.standardised)) for each in parts]


def raw_unit(estimand: Estimand, study: Study) -> str:
    """Return the raw unit of an estimand, such as ``points_per_point``; empty for a share of variance."""
    kind = KINDS[estimand.kind]
    if not kind.scenarios:
        return ""
    per = [study.measure(name) for key in kind.per if (name := getattr(estimand, key))]
    units = ["level" if measure.levels else measure.unit or "point" for measure in per]
    return "_per_".join([study.measure(study.analysis.outcome).unit or "points", *units])


class _Effects:
    """Average changes of a design's row; average rows are looked up often, and kept."""

    def __init__(self, design: Design | MomentDesign) -> None:
        self.design, self.model, self.study = design, design.model, design.study
        self.group = self.study.analysis.group
        self.none = np.zeros((len(design.statistics), 0, len(design.columns)))
        self.outline = self.study.outline(self.model.written.inside_calls)
        self._rows: dict[tuple[Any, ...], FloatArray] = {}

    @cached_property
    def one(self) -> _Effects:
        """The same for the first data set alone."""
        if isinstance(self.design, Design) and self.design.datasets > 1:
            return _Effects(self.design.first())
        return self

    def weights(self, estimand: Estimand) -> FloatArray:
        """Weights over the columns, (B, p), in SD of the outcome."""
        scenarios = KINDS[estimand.kind].scenarios
        assert scenarios is not None
        parts = [each.weight * self._row(each) for each in scenarios(estimand, self.outline)]
        return np.asarray(sum(parts) * self._per_sd(estimand) / self._outcome_sd())

    def slopes(self, of: str) -> list[FloatArray]:
        """Weights of a measure's slope in each group, each (B, p); of all together where the model has no groups."""
        return [self.weights(estimand) for estimand in self._by_group(of)]

    def _by_group(self, of: str) -> list[Estimand]:
        groups = self.outline.groups if self.group in self.model.variables else ("",)
        return [Estimand(name="its", kind="slope", meaning="its slope", of=of, group=group or None) for group in groups]

    def raw_factor(self, estimand: Estimand) -> FloatArray:
        """Raw units per standardised unit, (B,)."""
        scale = self.design.scaling.scale
        per = [scale.get(getattr(estimand, key), np.ones(1)) for key in KINDS[estimand.kind].per]
        factor = scale[self.model.outcome] / np.prod(np.broadcast_arrays(np.ones(1), *per), axis=0)
        return np.broadcast_to(factor, (len(self.design.statistics),))

    def obstacle(self, estimand: Estimand, *, covariates: bool = True) -> str | None:
        """Say why the model does not answer an estimand; None where it does."""
        present = set(self.model.variables)
        needed = {*estimand.spoken_of}
        needed |= {self.group} if estimand.group or (estimand.between and not estimand.by) else set()
        if absent := sorted(needed - present):
            return f"{absent[0]} is not in its formula"
        if not KINDS[estimand.kind].scenarios:
            return self._variance_obstacle(estimand)
        if estimand.of and (why := self._slope_obstacle(estimand)):
            return why
        if estimand.pairs and np.abs(self.one.weights(estimand)).max() < TOLERANCE:
            return f"its formula has no term of {', '.join(sorted(needed - {*estimand.at}))} together"
        terms = self.study.terms(estimand.step) if estimand.step else ()
        held = {part for term in terms for part in term.split(":")}
        if covariates and (absent := sorted(held - present)):
            return f"{absent[0]}, which {estimand.step} holds equal, is not in its formula"
        return None

    def _slope_obstacle(self, estimand: Estimand) -> str | None:
        # whether slopes differ is in the formula, so one of many data sets is enough to see it
        of = estimand.of or ""
        if (number := len(self.study.measure(of).levels)) > 2:
            return f"{of} is a category with {number} levels; a slope is of a number, or of two levels"
        if of in self.model.written.jumping:
            return f"{of} enters by a comparison, which has steps and no slope"
        conditional = bool(estimand.by or estimand.at or estimand.pairs)
        slopes = np.array([self.one.weights(estimand)] if conditional else self.one.slopes(of))
        if not np.isfinite(slopes).all():
            return f"the formula's functions of {of} have no finite slope at every participant's value"
        size = np.abs(slopes).max()
        if size < TOLERANCE:
            return f"on average the formula's terms do not change with {of}, whatever their coefficients"
        if conditional:
            return None
        differ = bool((np.abs(slopes - slopes[0]) > TOLERANCE * max(1.0, size)).any())
        by_group = estimand.group is not None or estimand.between is not None
        if by_group and not differ:
            return f"the slope of {estimand.of} is the same in both groups"
        return f"the slope of {estimand.of} differs between the groups" if differ and not by_group else None

    def _variance_obstacle(self, estimand: Estimand) -> str | None:
        model = self.model
        if model.family != "gaussian" or model.sigma_by or model.varying or model.measurement_error:
            return f"shares of variance are those of a gaussian model with one sigma; this one {model.beyond_gaussian}"
        missing = [
            t for t in self.study.terms(estimand.step) if term_parts(t) not in set(map(term_parts, self.model.terms))
        ]
        return f"{missing[0]}, which {estimand.step} has, is not in its formula" if missing else None

    def _row(self, scenario: Scenario) -> FloatArray:
        """Average row of a scenario, (B, p)."""
        if (key := _key(scenario)) not in self._rows:
            changes = self.design.scaling.changes(scenario, standardised=self.design.standardised)
            self._rows[key] = self.design.mean_row(**changes)
        return self._rows[key]

    def _per_sd(self, estimand: Estimand) -> FloatArray:
        """Return what turns a change per unit into one per SD, (B or 1, 1); several raw data sets differ in SD."""
        scale = self.design.scaling.scale
        own = [scale[name] for key in KINDS[estimand.kind].per if (name := getattr(estimand, key)) in scale]
        apart = [values for values in own if not self.design.standardised and len(values) > 1]
        return np.asarray(np.prod(np.broadcast_arrays(np.ones(1), *apart), axis=0)[:, None])

    def _outcome_sd(self) -> FloatArray:
        """SD of the outcome in the model's units, (1, 1) or (B, 1)."""
        return np.ones((1, 1)) if self.design.standardised else self.design.scaling.scale[self.model.outcome][:, None]


def _key(scenario: Scenario) -> tuple[Any, ...]:
    return tuple(sorted(scenario.fixed.items())), tuple(sorted(scenario.shift.items()))


class ExplainedVariance:
    """Shares of variance by step, for any coefficients and residual SD.

    Notes
    -----
    With V the covariance of the design's columns (divisor n - 1) and s the columns of a step, the best linear
    projection of the model's linear predictor on the step's columns has variance ``b'V[:, s] V[s, s]⁻¹ V[s, :] b``. R²
    of the step is that over ``b'Vb + sigma²``, so the R² of successive steps differ by what each adds, draw by draw.

    References
    ----------
    .. [1] Gelman A., Goodrich B., Gabry J., Vehtari A. (2019). R-squared for Bayesian regression models. The American
       Statistician 73(3), 307-309. https://doi.org/10.1080/00031305.2018.1549100
    """

    def __init__(self, design: Design | MomentDesign) -> None:
        self.study: Study = design.study
        self.stats = design.statistics
        self._columns = {term_parts(term): columns for term, columns in design.terms.items()}

    @cached_property
    def covariance(self) -> FloatArray:
        """Covariance of the columns, shape (B, p, p)."""
        return self.stats.sxx / (self.stats.n - 1)[:, None, None]

    def of(self, estimand: Estimand, beta: FloatArray, sigma: FloatArray) -> FloatArray:
        """Evaluate an ``r2`` or ``delta_r2`` on draws from the posterior of each data set.

        Parameters
        ----------
        estimand : Estimand
            Of a step all of whose terms are in the model.
        beta : array, shape (B, S, p)
            Coefficients of the design's columns; of one data set, any number of chains in the place of B.
        sigma : array, shape (B, S)
            Residual SDs, in the model's units.

        Returns
        -------
        array, shape (B, S)
        """
        V = self.covariance
        total = np.sum((beta @ V) * beta, axis=-1) + sigma**2
        return np.asarray(self._increment(estimand, lambda s: self._projected(V, s, beta)) / total)

    def least_squares(self, estimand: Estimand) -> FloatArray:
        """Return the estimand's OLS value in each data set, shape (B,): the one that papers print.

        NaN where the rows are no more than the coefficients: every R² is 1 there.
        """
        stats = self.stats

        def explained(s: NDArray[np.intp]) -> FloatArray:
            inverse = generalised_inverse(stats.sxx[:, s][:, :, s])[0]
            return np.asarray(np.einsum("bs,bst,bt->b", stats.sxy[:, s], inverse, stats.sxy[:, s]))

        ranks = generalised_inverse(stats.sxx[:, here := self._of_step(estimand.step)][:, :, here])[1]
        return np.where(stats.n > ranks + 1, self._increment(estimand, explained) / stats.syy, np.nan)

    def _increment(self, estimand: Estimand, explained: _Explained) -> FloatArray:
        """Return what a step explains; beyond the step before it, for a delta."""
        before = self.study.step(estimand.step).after if KINDS[estimand.kind].beyond else None
        here = explained(self._of_step(estimand.step))
        return here - explained(self._of_step(before)) if before else here

    def _of_step(self, step: str) -> NDArray[np.intp]:
        names = [column for term in self.study.terms(step) for column in self._columns[term_parts(term)]]
        return np.array([self.stats.names.index(name) for name in names])

    @staticmethod
    def _projected(V: FloatArray, s: NDArray[np.intp], beta: FloatArray) -> FloatArray:
        image = beta @ V[..., s]
        return np.asarray(np.sum((image @ generalised_inverse(V[:, s][:, :, s])[0]) * image, axis=-1))
