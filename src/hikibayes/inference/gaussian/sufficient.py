"""The six numbers a Gaussian regression needs of a data set, and the data sets it must refuse.

The posterior depends on the rows only through their count, their means and their centred cross-products. The exact
engine is batched throughout: the first axis is always the data set, and one data set is a batch of one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from enum import IntEnum
from typing import Self

import numpy as np
from numpy.typing import ArrayLike

from ...arrays import BoolArray, FloatArray, IntArray
from ...spec import InputError

RELATIVE_CONSTANT = 1e-24
"""A column whose variance is below this fraction of its squared mean cannot be told from a constant."""


class ExactEngineError(InputError):
    """Something the exact engine will not compute: the message tells what was found and what is accepted."""


class Refusal(IntEnum):
    """Why a data set has no exact posterior; `ACCEPTED` when it has one."""

    ACCEPTED = 0
    NOT_FINITE = 1
    TOO_FEW_ROWS = 2
    CONSTANT_OUTCOME = 3
    CONSTANT_COLUMN = 4
    BAD_PRIOR = 5
    COLLINEAR = 6
    PERFECT_FIT = 7
    NOT_INTEGRATED = 8


@dataclass(frozen=True, kw_only=True)
class SufficientStatistics:
    """Count, means and centred cross-products of B data sets with p predictors.

    Parameters
    ----------
    names : sequence of str, length p
        The predictors' columns, in the order of every axis of length p.
    n : array_like of int, shape (B,)
        Rows of each data set.
    x_mean : array_like, shape (B, p)
        Column means, in the columns' own units.
    y_mean : array_like, shape (B,)
        Mean of the outcome.
    sxx : array_like, shape (B, p, p)
        Centred cross-products of the columns, ``(X - x_mean)'(X - x_mean)``. Only symmetric input is meaningful.
    sxy : array_like, shape (B, p)
        Centred cross-products of the columns with the outcome.
    syy : array_like, shape (B,)
        Centred sum of squares of the outcome.

    Raises
    ------
    ExactEngineError
        If the shapes do not belong together, or a name occurs twice.
    """

    names: tuple[str, ...]
    n: IntArray
    x_mean: FloatArray
    y_mean: FloatArray
    sxx: FloatArray
    sxy: FloatArray
    syy: FloatArray

    def __post_init__(self) -> None:
        object.__setattr__(self, "names", tuple(self.names))
        object.__setattr__(self, "n", np.atleast_1d(np.asarray(self.n, dtype=np.int64)))
        for name in ("x_mean", "y_mean", "sxx", "sxy", "syy"):
            object.__setattr__(self, name, np.asarray(getattr(self, name), dtype=np.float64))
        B, p = len(self.n), len(self.names)
        wanted = {"n": (B,), "x_mean": (B, p), "y_mean": (B,), "sxx": (B, p, p), "sxy": (B, p), "syy": (B,)}
        for name, shape in wanted.items():
            if getattr(self, name).shape != shape:
                msg = f"{name} has shape {getattr(self, name).shape}; {B} data sets of {p} predictors need {shape}"
                raise ExactEngineError(msg)
        if not p or len(set(self.names)) != p:
            raise ExactEngineError(f"predictors must be at least one and named once each, got {list(self.names)}")

    @classmethod
    def from_rows(cls, X: ArrayLike, y: ArrayLike, names: Sequence[str]) -> Self:
        """Reduce rows to their sufficient statistics.

        Parameters
        ----------
        X : array_like, shape (n, p) or (B, n, p)
            Predictors without an intercept column. One (n, p) design serves every row of a two-dimensional `y`.
        y : array_like, shape (n,) or (B, n)
            Outcomes.
        names : sequence of str, length p
            The columns of `X`.

        Returns
        -------
        SufficientStatistics
            Of one data set, or of B.

        Raises
        ------
        ExactEngineError
            If `X` and `y` do not have the same number of rows.
        """
        X, y = np.asarray(X, dtype=np.float64), np.atleast_2d(np.asarray(y, dtype=np.float64))
        if X.ndim not in {2, 3} or X.shape[-2] != y.shape[-1] or (X.ndim == 3 and len(X) != len(y)):
            raise ExactEngineError(f"X of shape {X.shape} and y of shape {y.shape} are not the same rows")
        X = X if X.ndim == 3 else X[None]
        x_mean, y_mean = _careful_mean(X, axis=1), _careful_mean(y, axis=1)
        Xc, yc = X - x_mean[:, None, :], y - y_mean[:, None]
        B, p = len(y), X.shape[2]
        return cls(
            names=tuple(names),
            n=np.full(B, y.shape[1]),
            x_mean=np.broadcast_to(x_mean, (B, p)),
            y_mean=y_mean,
            sxx=np.broadcast_to(np.swapaxes(Xc, 1, 2) @ Xc, (B, p, p)),
            sxy=np.squeeze(yc[:, None, :] @ Xc, axis=1) if len(X) == B else yc @ Xc[0],
            syy=np.einsum("bi,bi->b", yc, yc),
        )

    def __len__(self) -> int:
        """Return the number of data sets."""
        return len(self.n)

    def take(self, index: slice | IntArray | BoolArray) -> Self:
        """Return the data sets that `index` selects, still as a batch."""
        chosen = {f.name: getattr(self, f.name)[index] for f in fields(self) if f.name != "names"}
        return type(self)(names=self.names, **chosen)

    def of_columns(self, index: IntArray) -> Self:
        """Return the statistics of the columns that `index` selects."""
        return replace(
            self,
            names=tuple(self.names[j] for j in index),
            x_mean=self.x_mean[:, index],
            sxx=self.sxx[:, index][:, :, index],
            sxy=self.sxy[:, index],
        )

    def screen(self) -> IntArray:
        """Tell which data sets can have an exact posterior, before any linear algebra.

        Returns
        -------
        array of int, shape (B,)
            A `Refusal` for each data set.
        """
        finite = np.isfinite(self.x_mean).all(1) & np.isfinite(self.y_mean) & np.isfinite(self.syy)
        # one number that is not makes the sum none, and sums are quick
        finite &= np.isfinite(self.sxx.sum((1, 2))) & np.isfinite(self.sxy).all(1)
        checks = [
            (Refusal.NOT_FINITE, ~finite),
            (Refusal.CONSTANT_OUTCOME, self.syy <= RELATIVE_CONSTANT * self.n * self.y_mean**2),
            (Refusal.CONSTANT_COLUMN, self.constant_columns().any(1)),
        ]
        return np.select([bad for _, bad in checks], [int(code) for code, _ in checks], int(Refusal.ACCEPTED))

    def constant_columns(self) -> BoolArray:
        """Return which columns of which data sets do not vary, shape (B, p)."""
        variation = np.diagonal(self.sxx, axis1=1, axis2=2)
        return np.asarray(variation <= RELATIVE_CONSTANT * self.n[:, None] * self.x_mean**2)

    def log_likelihood(self, intercept: FloatArray, beta: FloatArray, sigma: FloatArray) -> FloatArray:
        """Log density of each data set's rows, with every constant, shape (B, S).

        Parameters
        ----------
        intercept : array, shape (S,) or (B, S)
            *Centred* intercepts.
        beta : array, shape (S, p) or (B, S, p)
            Coefficients.
        sigma : array, shape (S,) or (B, S)
            Residual SDs.
        """
        n, onto = self.n[:, None], (beta @ self.sxy[..., None])[..., 0]
        fitted = ((beta @ self.sxx) * beta).sum(axis=-1) - 2 * onto
        rss = self.syy[:, None] + fitted + n * (self.y_mean[:, None] - intercept) ** 2
        return np.asarray(-0.5 * (n * np.log(2 * np.pi * sigma**2) + rss / sigma**2))

    def describe(self, refusal: int, i: int) -> str:
        """Say why data set `i` was refused: what was found, and what is accepted."""
        p, n = len(self.names), int(self.n[i])
        constant = [name for name, flat in zip(self.names, self.constant_columns()[i], strict=True) if flat]
        reason = {
            Refusal.NOT_FINITE: "NaN or infinite values; rows must be complete and finite",
            Refusal.TOO_FEW_ROWS: f"{n} rows for {p} predictors under a flat prior, which needs at least {p + 2};"
            " give the coefficients Normal priors",
            Refusal.CONSTANT_OUTCOME: "the outcome does not vary; a regression needs an outcome that does",
            Refusal.CONSTANT_COLUMN: f"constant column(s) {', '.join(constant)}; the intercept stands for them",
            Refusal.BAD_PRIOR: "a prior that is not finite, or whose sd is 0 or below; give every prior a positive sd",
            Refusal.COLLINEAR: "predictors that are linear combinations of each other, which a flat prior cannot tell"
            " apart; drop one, or give them Normal priors",
            Refusal.PERFECT_FIT: "a residual next to zero (RSS / total below 1e-9); is the outcome a predictor too?",
            Refusal.NOT_INTEGRATED: "a posterior of sigma that no rule of the quadrature could be certified for;"
            " use NUTS",
        }[Refusal(refusal)]
        return f"data set {i}: {reason}" if len(self) > 1 else reason


def _careful_mean(values: FloatArray, axis: int) -> FloatArray:
    """Mean with a second pass: after it, centred values sum to zero even where mean/sd is 1e6."""
    first = values.mean(axis=axis, keepdims=True)
    return np.asarray(np.squeeze(first + (values - first).mean(axis=axis, keepdims=True), axis=axis))
