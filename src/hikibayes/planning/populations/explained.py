"""Shares of variance in populations: what a step's terms explain beyond the step before it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ...arrays import FloatArray, IntArray
from ...inference.gaussian.least_squares import generalised_inverse
from ...spec import InputError
from ...study.study import Estimand
from .columns import CellColumns
from .expected import expected
from .worlds import Worlds

NOTHING = 1e-9
"""A smaller coefficient is what rounding leaves of none."""


@dataclass(frozen=True, kw_only=True)
class Explained:
    """A share of variance in populations that a model generates.

    Parameters
    ----------
    estimand : Estimand
        An ``r2`` or ``delta_r2``.
    columns : CellColumns
        The generating model's.

    Notes
    -----
    Groups count as in the study, of a written population alike: it is the share in the population, whatever the groups
    of a sample.
    """

    estimand: Estimand
    columns: CellColumns

    def truth(self, worlds: Worlds) -> FloatArray:
        """Return the share in every world, shape (W,)."""
        before, block = self.columns.step_columns(self.estimand)
        made = self._moments(worlds)
        here = np.concatenate([before, block])
        share = self._explained(made, here) - self._explained(made, before)
        return np.asarray(np.maximum(share, 0.0) / made.total)

    def with_value(self, worlds: Worlds, value: FloatArray | float) -> Worlds:
        """Return worlds in which the step explains another share; what the step before it explains stays."""
        if (np.asarray(value) < 0).any() or (np.asarray(value) >= 1).any():
            raise InputError("a share of variance is from 0 to below 1", key="axes.effect")
        made = self._moments(worlds)
        rest = self._explained(made, self.columns.step_columns(self.estimand)[0])
        wanted = np.asarray(value) / (1 - np.asarray(value)) * (rest + made.residual)
        return self._scaled(worlds, made, wanted, keeps_others=False)

    def with_f2(self, worlds: Worlds, f2: float) -> Worlds:
        """Return worlds in which the step explains so much of the residual variance; other coefficients stay."""
        made = self._moments(worlds)
        return self._scaled(worlds, made, f2 * made.residual, keeps_others=True)

    def f2(self, worlds: Worlds) -> FloatArray:
        """Return what the step explains over the residual variance, (W,)."""
        made = self._moments(worlds)
        return self.truth(worlds) * made.total / made.residual

    def _scaled(self, worlds: Worlds, made: _Moments, wanted: FloatArray, *, keeps_others: bool) -> Worlds:
        """Multiply the block's coefficients until they explain so much; where all are 0, they become alike."""
        before, block = self.columns.step_columns(self.estimand)
        if len(before) + len(block) < len(self.columns.names):
            raise InputError(
                f"estimand {self.estimand.name!r}: a share of variance can be given to the last step of a model"
            )
        beta = made.beta[:, block]
        start = np.where((np.abs(beta) > NOTHING).any(axis=1, keepdims=True), beta, 1.0)
        of_others = generalised_inverse(made.V[:, before][:, :, before])[0] @ made.V[:, before][:, :, block]
        own = made.V[:, block][:, :, block] - made.V[:, block][:, :, before] @ of_others
        explains = np.einsum("wi,wij,wj->w", start, own, start)
        change = np.zeros_like(made.beta)
        change[:, block] = np.sqrt(wanted / explains)[:, None] * start - beta
        if not keeps_others:
            change[:, before] = -np.einsum("wij,wj->wi", of_others, change[:, block])
        level = worlds.level + change @ self.columns.constant.T - (change * made.mean).sum(axis=1, keepdims=True)
        return replace(worlds, level=level, slope=worlds.slope + np.einsum("wp,cpk->wck", change, self.columns.linear))

    @staticmethod
    def _explained(made: _Moments, index: IntArray) -> FloatArray:
        inverse = generalised_inverse(made.V[:, index][:, :, index])[0]
        return np.asarray(np.einsum("wi,wij,wj->w", made.with_outcome[:, index], inverse, made.with_outcome[:, index]))

    def _moments(self, worlds: Worlds) -> _Moments:
        frame = worlds.frame
        weight = frame.of_cells((frame.sizes / frame.sizes.sum())[:, None] * worlds.shares)
        made = expected(self.columns, worlds, weight)
        return _Moments(
            V=made.sxx,
            with_outcome=made.sxy,
            total=made.syy,
            residual=(weight * worlds.sigma[:, frame.group_of] ** 2).sum(axis=1),
            beta=np.einsum("wij,wj->wi", generalised_inverse(made.sxx)[0], made.sxy),
            mean=made.x_mean,
        )


@dataclass(frozen=True, kw_only=True)
class _Moments:
    """Population moments of the columns (W, p), their coefficients, and the outcome's variance."""

    V: FloatArray
    with_outcome: FloatArray
    total: FloatArray
    residual: FloatArray
    beta: FloatArray
    mean: FloatArray
