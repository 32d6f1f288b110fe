"""Rows of data sets, some left out, as statistics of any coding and scale.

Whoever is left out, measures are standardised again by those who stay, and the fullest model's columns laid out anew; a
smaller model has some of them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from ...arrays import FloatArray, IntArray
from ...inference.estimands import answers
from ...inference.gaussian.least_squares import LeastSquares
from ...inference.gaussian.sufficient import SufficientStatistics
from ...inference.models.compile import exact_priors
from ...inference.models.design import Scaling, design
from ...spec import InputError
from ...study.measures import term_parts
from ..case import Case
from ..weighting import Population

CODINGS = {"0/1": 0.0, "±1/2": 0.5}
"""What is taken off the group's 0 and 1."""
SCALES = ("total SD", "within-group SD")
OUTLIERS = ("none", "beyond 3 SD", "beyond 2.5 SD", "Cook's D above 4/n")
"""Who is left out: by any of the model's numbers, or by influence on the fullest model."""


@dataclass(frozen=True, kw_only=True)
class Universe:
    """A case's data sets with the columns of its model.

    Parameters
    ----------
    case : Case
        Of a model in SD units.

    Raises
    ------
    InputError
        The model is in raw units, which no SD among those who stay would change, or has no exact posterior.
    """

    case: Case

    def __post_init__(self) -> None:
        if not self.case.design.standardised:
            raise InputError("a multiverse is of models in SD units (scaling: sample); this one is in raw units")
        _ = exact_priors(self.case.design, self.case.variant)

    @property
    def group(self) -> str:
        """The measure that holds the groups; empty where the model has none."""
        name = self.case.study.analysis.group
        return name if name in self.case.model.variables else ""

    @property
    def needed(self) -> frozenset[str]:
        """The measures that stay in every specification, with their products: without them it is another question."""
        asked = self.case.estimand
        of_groups = asked.group or (asked.between and not asked.by)
        return asked.spoken_of | ({self.group} if of_groups else set())

    @cached_property
    def terms(self) -> list[tuple[frozenset[str], IntArray]]:
        """The measures of each term, and its columns."""
        return [(self.case.model.measures[term], own) for term, own in self.case.design.places.items()]

    @cached_property
    def margins(self) -> list[tuple[IntArray, IntArray]] | None:
        """The columns of each term with two groups, and those of the same term without them, none of the groups' own.

        None where other codes of the groups would be another model: more than two, or a product without its parts.
        """
        places = {term_parts(term): columns for term, columns in self.case.design.places.items()}
        measures = {term_parts(term): own for term, own in self.case.model.measures.items()}
        own = next((parts for parts in places if self.group and measures[parts] == {self.group}), frozenset[str]())
        found = [
            (columns, places.get(parts - own, np.arange(0)), parts == own)
            for parts, columns in places.items()
            if self.group in measures[parts]
        ]
        same = all(alone or len(columns) == len(rest) for columns, rest, alone in found)
        return [(columns, rest) for columns, rest, _ in found] if len(places.get(own, ())) == 1 and same else None

    def kept(self, outliers: str, excluded: str) -> FloatArray:
        """Return who stays, 1 or 0, (B, n)."""
        kept = np.ones(self.case.design.y.shape)
        if excluded != "nobody":
            measure, _, level = excluded.partition("=")
            kept *= self.case.labels(measure) != level
        if "SD" in outliers:
            limit = float(outliers.removeprefix("beyond ").removesuffix(" SD"))
            z = np.stack([self.case.design.frame[name].to_numpy().reshape(kept.shape) for name in self.numbers])
            kept *= (np.abs(z) <= limit).all(axis=0)
        if outliers.startswith("Cook"):
            kept *= self._influence <= 4 / kept.shape[1]
        return kept

    @property
    def numbers(self) -> list[str]:
        """The model's numeric measures."""
        return [name for name in self.case.model.variables if name in self.case.design.scaling.scale]

    def version(self, kept: FloatArray, scale: str, coding: str) -> tuple[SufficientStatistics, FloatArray] | None:
        """Return the fullest model's statistics among those who stay, and the estimand's weights, (B, p).

        None where a measure does not vary among them.
        """
        location = {name: self._location(kept, name, scale) for name in self.numbers}
        if not all((sd > 0).all() for _, sd in location.values()):
            return None
        case, first, second = self.case, *({name: own[i] for name, own in location.items()} for i in (0, 1))
        laid_out = replace(
            design(case.model, case.data_sets, case.study, scaling=Scaling(location=first, scale=second)), kept=kept
        )
        asked = case.model.replace(estimands=(case.estimand.name,))
        weights = answers(replace(laid_out, model=asked)).weights[:, 0]
        rows, weights = (self._recoded(v, CODINGS[coding], one) for v, one in ((laid_out.rows, 1.0), (weights, 0.0)))
        return Population.of_each(kept).statistics(laid_out, rows=rows), weights

    def _recoded(self, values: FloatArray, half: float, one: float) -> FloatArray:
        """Return columns (..., p) with something taken off the group's codes; `one` is the constant's own column."""
        made = values.copy()
        for columns, rest in self.margins or ():
            made[..., columns] -= half * (values[..., rest] if len(rest) else one)
        return made

    def _location(self, kept: FloatArray, name: str, scale: str) -> tuple[FloatArray, FloatArray]:
        """Mean and SD of a number among those who stay, each (B,)."""
        values = self.case.numbers(name)
        count = kept.sum(axis=1)
        mean = (kept * values).sum(axis=1) / count
        around, lost = np.repeat(mean[:, None], kept.shape[1], axis=1), 1
        if scale == SCALES[1] and self.group:
            labels = self.case.design.frame[self.group].to_numpy().reshape(kept.shape)
            levels = self.case.design.levels[self.group]
            for level in levels:
                here = kept * (labels == level)
                own = (here * values).sum(axis=1) / np.maximum(here.sum(axis=1), 1)
                around = np.where(labels == level, own[:, None], around)
            lost = len(levels)
        return mean, np.sqrt((kept * (values - around) ** 2).sum(axis=1) / (count - lost))

    @cached_property
    def _influence(self) -> FloatArray:
        """Cook's distances in the fullest model, (B, n)."""
        stats, rows, y = self.case.design.statistics, self.case.design.rows, self.case.design.y
        fitted = LeastSquares(stats=stats)
        centred = rows - stats.x_mean[:, None]
        left = y - stats.y_mean[:, None] - np.einsum("bnp,bp->bn", centred, fitted.coefficients)
        leverage = 1 / y.shape[1] + np.einsum("bnp,bpq,bnq->bn", centred, fitted.inverse, centred)
        variance = (fitted.residual / fitted.df)[:, None]
        return np.asarray(left**2 * leverage / (variance * (fitted.rank + 1)[:, None] * (1 - leverage) ** 2))
