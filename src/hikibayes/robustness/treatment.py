"""An estimand as a treatment: what its column is, how much of it is left, and what the model's covariates explain.

An estimand is a weighted sum of coefficients, c'b. The design spans the same space if its columns are changed so that
c'b is the coefficient of one column, and only one set of others goes with that: what they leave of the column, and of
the outcome, does not depend on how it was done. For a difference of slopes that column is the product of group and
measure; what is left of it is the product after everything else in the model, main effects and the other products too.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ..arrays import FloatArray, IntArray
from ..inference.gaussian.exact import Draws
from ..inference.gaussian.least_squares import LeastSquares
from ..inference.gaussian.sufficient import SufficientStatistics
from ..inference.models.design import Design
from ..spec import InputError, unknown_name
from ..study.study import Estimand
from .case import TOLERANCE
from .confounding.omitted import Strength


@dataclass(frozen=True, kw_only=True)
class Treatment:
    """An estimand in B data sets of p columns, by least squares.

    Parameters
    ----------
    stats : SufficientStatistics
        Of the data sets.
    weights : array, shape (B, p)
        The estimand's weights over the columns.
    """

    stats: SufficientStatistics
    weights: FloatArray

    @cached_property
    def fitted(self) -> LeastSquares:
        """Least squares on these columns."""
        return LeastSquares(stats=self.stats)

    @property
    def df(self) -> IntArray:
        """Residual degrees of freedom, (B,)."""
        return self.fitted.df

    @property
    def residual(self) -> FloatArray:
        """Residual sum of squares of the outcome, (B,)."""
        return self.fitted.residual

    @property
    def known(self) -> bool:
        """Whether least squares knows the estimand in every data set, and its error beside one covariate more."""
        return bool(self.fitted.estimable(self.weights[:, None]).all() and (self.df > 1).all())

    @cached_property
    def spread(self) -> FloatArray:
        """Variance of the estimate per unit of residual variance, (B,): 1 over what is left of its column."""
        return np.asarray(np.einsum("bi,bij,bj->b", self.weights, self.fitted.inverse, self.weights))

    @property
    def estimate(self) -> FloatArray:
        """Least-squares value of the estimand, (B,)."""
        return np.asarray(np.einsum("bi,bi->b", self.weights, self.fitted.coefficients))

    @property
    def se(self) -> FloatArray:
        """Its standard error, (B,)."""
        return np.sqrt(self.residual / self.df * self.spread)

    def explained_by(self, columns: IntArray) -> Strength:
        """Return what covariates explain of the treatment's and of the outcome's residual variance, each (B,).

        Parameters
        ----------
        columns : array of int
            Columns of the design that the estimand does not weigh; several count as one covariate.
        """
        others = np.setdiff1d(np.arange(len(self.stats.names)), columns)
        without = Treatment(stats=self.stats.of_columns(others), weights=self.weights[:, others])
        shares = 1 - without.spread / self.spread, 1 - self.residual / without.residual
        return Strength(*(np.maximum(share, 0.0) for share in shares))

    # -- on posterior draws -----------------------------------------------------------------------------------------

    def of_draws(self, draws: Draws) -> tuple[FloatArray, FloatArray]:
        """Return the estimand (B, S), and the SD (B, S) that stands where a standard error does in the algebra."""
        value = np.einsum("bi,bsi->bs", self.weights, draws.coefficients)
        return np.asarray(value), draws.sigma * np.sqrt(self.spread)[:, None]

    def explained_in_draws(self, columns: IntArray, draws: Draws) -> FloatArray:
        """Return what covariates explain of the outcome's residual variance in each draw, (B, S)."""
        own = draws.coefficients[:, :, columns]
        left = np.linalg.inv(self.fitted.inverse[:, columns][:, :, columns])
        squares = np.einsum("bsi,bij,bsj->bs", own, left, own)
        return np.asarray(squares / (squares + draws.sigma**2 * self.df[:, None]))


def covariate_columns(design: Design, estimand: Estimand, weights: FloatArray) -> dict[str, IntArray]:
    """Return the columns of each measure that an estimand can be benchmarked against, by measure.

    Parameters
    ----------
    design : Design
        Of the model.
    estimand : Estimand
        What is estimated.
    weights : array, shape (B, p)
        Its weights over the columns.

    Returns
    -------
    dict
        For every measure beside the group and those that the estimand speaks of: all columns that it is a part of, its
        products too.
        A measure with a column that the estimand weighs is left out, and one that follows from the others.
    """
    own = {design.study.analysis.group, *estimand.spoken_of}
    names = [name for name in design.model.variables[1:] if name not in own]
    within = design.model.measures
    found = {name: [columns for term, columns in design.places.items() if name in within[term]] for name in names}
    columns = {name: np.concatenate(parts) for name, parts in found.items() if parts}
    alone = LeastSquares(stats=design.statistics).estimable(np.eye(weights.shape[1])[None]).all(axis=0)
    return {
        name: own for name, own in columns.items() if alone[own].all() and not np.abs(weights[:, own]).max() > TOLERANCE
    }


def group_slope(laid_out: Design, of: str, group: str) -> FloatArray:
    """Return a measure's slope in a group as weights over the columns, (B, p), in SD of the outcome per SD."""
    own = {laid_out.study.analysis.group: group}
    high, low = (laid_out.mean_row(fixed=own, shift={of: half}) for half in (0.5, -0.5))
    scale = laid_out.scaling.scale
    unit = 1.0 if laid_out.standardised else (scale[of] / scale[laid_out.model.outcome])[:, None]
    return np.asarray((high - low) * unit)


def require_benchmarks(names: tuple[str, ...], known: dict[str, IntArray]) -> None:
    """Raise `InputError` for a benchmark that is no covariate of the model; the message lists those that are."""
    for name in names:
        if name not in known:
            raise InputError(unknown_name("benchmark covariate in this model,", name, known))
