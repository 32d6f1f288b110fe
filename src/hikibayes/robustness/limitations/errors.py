"""Scores with error: what they do to a regression, and the regression on true scores, by moments.

A design's columns are, within a group, linear in the measures, or products of two of them. So the error that a column
has follows from the measures' error variances, and the regression on true scores from the columns' covariances less
that error: each column is put in its best linear guess of the true one, which is regression calibration [1]_.

References
----------
.. [1] Carroll R.J., Ruppert D., Stefanski L.A., Crainiceanu C.M. (2006). Measurement Error in Nonlinear Models, chapter
   4. https://doi.org/10.1201/9781420010138
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike

from ...arrays import BoolArray, FloatArray
from ...inference.gaussian.sufficient import SufficientStatistics
from ...inference.models.design import Design
from ...spec import InputError

LEAST_TRUE = 0.02
"""Of the variance of each combination of scores so much must be true: with less there is nothing to regress on."""


def product_reliability(first: ArrayLike, second: ArrayLike, correlation: ArrayLike) -> FloatArray:
    """Return the reliability of a product of two centred, bivariate normal scores.

    Parameters
    ----------
    first, second : array_like
        Their reliabilities.
    correlation : array_like
        Of the observed scores.

    Notes
    -----
    ``(r_x r_z + ρ²) / (1 + ρ²)`` [1]_. A product with a group's code is another thing: within a group it has the
    reliability that the score has there.

    References
    ----------
    .. [1] Bohrnstedt G.W., Marwell G. (1978). The reliability of products of two random variables. Sociological
       Methodology 9, 254-273. https://doi.org/10.2307/270812

    Examples
    --------
    >>> float(product_reliability(0.8, 0.8, 0.0).round(2))
    0.64
    """
    first, second, square = np.asarray(first), np.asarray(second), np.square(correlation)
    return np.asarray((first * second + square) / (1 + square))


@dataclass(frozen=True, kw_only=True)
class ErrorModel:
    """What errors of measurement do to the columns of a design of B data sets.

    Parameters
    ----------
    design : Design
        Its terms are measures, products of a measure with categories, or products of two measures.
    """

    design: Design

    @cached_property
    def groups(self) -> dict[str, BoolArray]:
        """Who is in which group, each (B, n); everybody in one where the model has no groups."""
        column = self.design.study.analysis.group
        if column not in self.design.frame:
            return {"": np.ones(self.design.y.shape, dtype=np.bool_)}
        labels = self.design.frame[column].to_numpy().reshape(self.design.y.shape)
        return {name: labels == name for name in self.design.study.group_names if (labels == name).any()}

    @cached_property
    def numbers(self) -> tuple[str, ...]:
        """The predictors that are numbers."""
        scale = self.design.scaling.scale
        return tuple(name for name in self.design.model.variables[1:] if name in scale)

    def unit(self, name: str) -> FloatArray:
        """One SD of a measure in the design's units, (B,)."""
        scale = self.design.scaling.scale[name]
        return np.ones_like(scale) if self.design.standardised else scale

    @cached_property
    def derivatives(self) -> dict[str, FloatArray]:
        """What one SD of each measure changes in each row, by measure, (B, n, p)."""
        self._refuse_curves()
        rows = self.design.rows
        found = {}
        for name in self.numbers:
            step = float(np.median(self.unit(name)))
            high = self.design.changed_rows(shift={name: step})
            found[name] = (high - rows) * (self.unit(name) / step)[:, None, None]
        return found

    def error(self, variances: Mapping[str, Mapping[str, FloatArray]]) -> FloatArray:
        """Return the cross-products of the columns' errors, (B, p, p).

        Parameters
        ----------
        variances : mapping of str to mapping of str to array, shape (B,)
            Error variance in squared SDs of the total sample, by group and measure; measures without error left out.

        Notes
        -----
        The error of a row is the sum over measures of derivative times error. A product of two measures has the
        product of both errors in addition; its derivative is the observed other factor, error and all, so that the
        true product's variance is overtaken by both errors' product, which is taken off again.
        """
        B, n, p = self.design.rows.shape
        total = np.zeros((B, p, p))
        for (group, *names), squares in self._squares.items():
            errors = [variances[group].get(name, np.zeros(B)) for name in names]
            total += (np.prod(errors, axis=0) * (1 if len(names) == 1 else -1))[:, None, None] * squares
        return np.asarray(total * (n - 1) / n)

    @cached_property
    def _squares(self) -> dict[tuple[str, ...], FloatArray]:
        """Cross-products of the derivatives in each group, by group and one measure, or both of a product."""
        by_names = {(name,): rows for name, rows in self.derivatives.items()} | self._bent
        return {
            (group, *names): (rows * mask[..., None]).swapaxes(1, 2) @ rows
            for names, rows in by_names.items()
            for group, mask in self.groups.items()
        }

    def shared(self, names: tuple[str, ...], shares: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return the cross-products that something gives that all scores share: columns, columns and outcome, outcome.

        Parameters
        ----------
        names : tuple of str
            Measures that have it, perhaps the outcome among them.
        shares : array, shape (B,)
            Its variance, in squared SDs of each.
        """
        outcome = self.design.model.outcome
        own = sum(self.derivatives[name] for name in names if name in self.numbers) + np.zeros(self.design.rows.shape)
        n = self.design.rows.shape[1]
        unit = float(outcome in names) * self.unit(outcome)
        size = shares * (n - 1) / n
        xx = size[:, None, None] * (own.swapaxes(1, 2) @ own)
        return xx, size[:, None] * own.sum(axis=1) * unit[:, None], size * n * unit**2

    def corrected(
        self,
        xx: FloatArray,
        xy: FloatArray | None = None,
        yy: FloatArray | None = None,
        *,
        seen: FloatArray | None = None,
    ) -> SufficientStatistics:
        """Return the regression on true scores as sufficient statistics of the same number of people.

        Parameters
        ----------
        xx : array, shape (B, p, p)
            Cross-products of the columns' errors.
        xy, yy : array, shape (B, p) and (B,), optional
            What the errors share with the outcome's, and the outcome's own.
        seen : array, shape (B, p, p), optional
            Cross-products of the columns by which they are calibrated; the data sets' own unless given.

        Notes
        -----
        With S the columns' cross-products and T = S - error, the best linear guesses of the true columns are the
        observed ones times λ = S⁻¹T. Their regression has cross-products λ'Sλ, and the observed regression's residual,
        so that its standard errors are those of the corrected coefficients, given λ. Rows of NaN where some
        combination of the columns would have next to nothing true.
        """
        stats = self.design.statistics
        observed = stats.sxx if seen is None else seen
        left = observed - xx
        possible = _least_reliable(observed, left) >= LEAST_TRUE
        calibration = np.linalg.solve(observed, left)
        calibration = np.where(possible[:, None, None], calibration, np.nan)
        turned = calibration.swapaxes(1, 2)
        with_outcome = stats.sxy - (0 if xy is None else xy)
        return replace(
            stats,
            x_mean=np.zeros_like(stats.x_mean),
            sxx=turned @ stats.sxx @ calibration,
            sxy=(turned @ with_outcome[..., None])[..., 0],
            syy=stats.syy - (0 if yy is None else yy),
        )

    @cached_property
    def _bent(self) -> dict[tuple[str, ...], FloatArray]:
        """What the product of one SD of each of two measures changes in each row, (B, n, p)."""
        products = {self.numbers_of(term) for term in self.design.terms if len(self.numbers_of(term)) == 2}
        found: dict[tuple[str, ...], FloatArray] = {}
        for first, second in products:
            step = {name: float(np.median(self.unit(name))) for name in (first, second)}
            both, one, other = (
                self.design.changed_rows(shift=part) for part in (step, *({k: v} for k, v in step.items()))
            )
            found[first, second] = both - one - other + self.design.rows
        return found

    def numbers_of(self, term: str) -> tuple[str, ...]:
        """Return the numeric measures that a term is of."""
        return tuple(name for name in self.numbers if name in self.design.model.measures.get(term, ()))

    def _refuse_curves(self) -> None:
        for term in self.design.terms:
            if "(" in term or len(self.numbers_of(term)) > 2:
                raise InputError(
                    f"{term} is neither a measure nor a product of two; what error does to it is not known here"
                )


def _least_reliable(observed: FloatArray, true: FloatArray) -> FloatArray:
    """Return the reliability of the least reliable combination of columns, (B,)."""
    root = np.linalg.inv(np.linalg.cholesky(observed))
    return np.asarray(np.linalg.eigvalsh(root @ true @ root.swapaxes(1, 2))[:, 0])
