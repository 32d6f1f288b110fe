"""Rows of data sets, some left out, as statistics of any coding, scale and set of columns.

The fullest model's columns are laid out once. Whoever is left out, measures are standardised again by those who stay; a
coding or a scale is a linear map of the columns, and a smaller model some of them. So nothing is laid out twice.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from ...arrays import FloatArray, IntArray
from ...inference.gaussian.least_squares import LeastSquares
from ...inference.gaussian.sufficient import SufficientStatistics
from ...spec import InputError
from ..case import Case
from ..weighting import Population, weighted_statistics

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
        In SD units; its estimand is one coefficient of the model, and its terms are measures and products with group.
    """

    case: Case

    @property
    def group(self) -> str:
        """The measure that holds the groups; empty where the model has none."""
        name = self.case.study.analysis.group
        return name if name in self.case.model.variables else ""

    @property
    def needed(self) -> frozenset[str]:
        """The measures that stay in every specification, with their products: without them it is another question."""
        return self.case.estimand.spoken_of | {self.group}

    @cached_property
    def columns(self) -> dict[frozenset[str], IntArray]:
        """The columns of each term, by its measures; raises `InputError` for other terms and more than two groups."""
        if self.group:
            _ = self.case.study.group_ids
        where = {}
        for term, columns in self.case.design.places.items():
            own = self.case.model.measures[term]
            if len(own) > 2 or "(" in term or (len(own) == 2 and self.group not in own):
                raise InputError(f"a multiverse is of models with measures and products with group; this has {term}")
            where[own] = columns
        for own in where:
            if absent := [name for name in own if frozenset({name}) not in where]:
                raise InputError(f"a multiverse needs {absent[0]} in the model by itself, besides its product")
        return where

    @cached_property
    def target(self) -> tuple[int, int]:
        """Column and sign of the coefficient that is the estimand; raises `InputError` where it is no single one."""
        weights = self.case.focal
        (columns,) = np.nonzero(np.abs(weights).max(axis=0) > 1e-6)
        if not self.case.design.standardised or len(columns) != 1 or not np.allclose(np.abs(weights[:, columns]), 1):
            raise InputError(
                f"a multiverse is about one coefficient of a model in SD units, and {self.case.estimand.name!r} is not"
            )
        return int(columns[0]), int(np.sign(weights[0, columns[0]]))

    def kept(self, outliers: str, excluded: str) -> FloatArray:
        """Return who stays, 1 or 0, (B, n)."""
        kept = np.ones(self.case.design.y.shape)
        if excluded != "nobody":
            measure, _, level = excluded.partition("=")
            labels = np.stack([table[measure].astype(str).to_numpy() for table in self.case.data_sets])
            kept *= labels != level
        if "SD" in outliers:
            limit = float(outliers.removeprefix("beyond ").removesuffix(" SD"))
            numbers = [name for name in self.case.model.variables if name in self.case.design.scaling.scale]
            z = np.stack([self.case.design.frame[name].to_numpy().reshape(kept.shape) for name in numbers])
            kept *= (np.abs(z) <= limit).all(axis=0)
        if outliers.startswith("Cook"):
            kept *= self._influence <= 4 / kept.shape[1]
        return kept

    def statistics(self, kept: FloatArray, scale: str, coding: str) -> SufficientStatistics:
        """Return the fullest model's statistics among those who stay, on another scale and in another coding."""
        laid_out = self.case.design
        population = Population(weights=kept, index=np.arange(len(kept)))
        stats = weighted_statistics(laid_out.rows, laid_out.y, laid_out.columns, population)
        turn, shift, sd = self._map(kept, scale, CODINGS[coding])
        back = turn.swapaxes(1, 2)
        return replace(
            stats,
            x_mean=(back @ stats.x_mean[..., None])[..., 0] + shift,
            y_mean=np.zeros_like(stats.y_mean),
            sxx=back @ stats.sxx @ turn,
            sxy=(back @ stats.sxy[..., None])[..., 0] / sd[:, None],
            syy=stats.syy / sd**2,
        )

    def _map(self, kept: FloatArray, scale: str, half: float) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return the columns' linear map (B, p, p), what is added (B, p), and the outcome's SD (B,)."""
        design, group = self.case.design, self.group
        p = len(design.columns)
        turn, shift = np.tile(np.eye(p), (len(kept), 1, 1)), np.zeros((len(kept), p))
        holder = self.columns.get(frozenset({group})) if group else None
        for own, columns in self.columns.items():
            (name,) = own - {group} or {group}
            mean, sd = self._location(kept, name, scale) if name in design.scaling.scale else (0.0, np.ones(len(kept)))
            turn[:, columns, columns] = (1 / sd)[:, None]
            if own == {group}:
                shift[:, columns] = -half
            elif group not in own:
                shift[:, columns] = np.reshape(-mean / sd, (-1, 1))
            else:
                alone = self.columns[frozenset({name})]
                turn[:, alone, columns] = np.reshape(-half / sd, (-1, 1))
                if holder is not None and name in design.scaling.scale:
                    turn[:, holder[0], columns] = np.reshape(-mean / sd, (-1, 1))
                shift[:, columns] = np.reshape(half * mean / sd, (-1, 1))
        return turn, shift, self._location(kept, design.model.outcome, scale)[1]

    def _location(self, kept: FloatArray, name: str, scale: str) -> tuple[FloatArray, FloatArray]:
        """Mean and SD of a number among those who stay, in the whole sample's SDs, each (B,)."""
        values = self.case.design.frame[name].to_numpy(dtype=np.float64).reshape(kept.shape)
        count = kept.sum(axis=1)
        mean = (kept * values).sum(axis=1) / count
        around, lost = np.repeat(mean[:, None], kept.shape[1], axis=1), 1
        if scale == SCALES[1] and self.group:
            labels = self.case.design.frame[self.group].to_numpy().reshape(kept.shape)
            for level in self.case.study.group_names:
                here = kept * (labels == level)
                own = (here * values).sum(axis=1) / np.maximum(here.sum(axis=1), 1)
                around = np.where(labels == level, own[:, None], around)
            lost = len(self.case.study.group_names)
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
