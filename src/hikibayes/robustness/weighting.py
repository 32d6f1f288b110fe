"""Participants who count for more or fewer people than one: rows under weights, as sufficient statistics."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np

from ..arrays import FloatArray, IntArray
from ..inference.gaussian.sufficient import SufficientStatistics
from ..inference.models.design import Design


@dataclass(frozen=True, kw_only=True)
class Population:
    """Whom to count, and how much, in U uses of data sets of n participants.

    Parameters
    ----------
    weights : array, shape (U, n)
        Everybody's weight; their sum is how many people a data set counts for.
    index : array of int, shape (U,)
        Which data set each use is of.
    """

    weights: FloatArray
    index: IntArray

    @classmethod
    def of_each(cls, weights: FloatArray) -> Self:
        """Use every data set once, with these weights (B, n)."""
        return cls(weights=weights, index=np.arange(len(weights)))

    def statistics(
        self, design: Design, columns: IntArray | None = None, *, rows: FloatArray | None = None
    ) -> SufficientStatistics:
        """Reduce a design's rows to weighted sufficient statistics.

        Parameters
        ----------
        design : Design
            Of the B data sets.
        columns : array of int, optional
            Of the design; by default all.
        rows : array, shape (B, n, p), optional
            In place of the design's own, such as in another coding.

        Returns
        -------
        SufficientStatistics
            Of the U uses. The sum of a use's weights is rounded to whole people, and the weights with it.
        """
        chosen = np.arange(len(design.columns)) if columns is None else columns
        rows = design.rows if rows is None else rows
        w, X, y = self.weights, rows[..., chosen][self.index], design.y[self.index]
        n = np.rint(w.sum(axis=1))
        w = w * (n / w.sum(axis=1))[:, None]
        x_mean, y_mean = np.einsum("ui,uip->up", w, X) / n[:, None], (w * y).sum(axis=1) / n
        Xc, yc = X - x_mean[:, None], y - y_mean[:, None]
        weighted = (w[:, :, None] * Xc).swapaxes(1, 2)
        return SufficientStatistics(
            names=tuple(design.columns[j] for j in chosen),
            n=n.astype(np.int64),
            x_mean=x_mean,
            y_mean=y_mean,
            sxx=weighted @ Xc,
            sxy=(weighted @ yc[:, :, None])[..., 0],
            syy=np.einsum("ui,ui,ui->u", yc, w, yc),
        )
