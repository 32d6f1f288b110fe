"""Priors under which every order of three and more levels is equally likely, whichever level is the reference."""

from __future__ import annotations

from functools import reduce
from typing import TYPE_CHECKING, Any

import numpy as np

from ...arrays import FloatArray
from .design import Design
from .specs import PriorSet

if TYPE_CHECKING:
    from .moment_design import MomentDesign


def exchangeable(design: Design | MomentDesign, chosen: PriorSet) -> tuple[FloatArray, FloatArray | None]:
    """Return what exchangeable priors make of the columns' own.

    Parameters
    ----------
    design : Design or MomentDesign
        Whose columns.
    chosen : PriorSet
        Priors of its terms.

    Returns
    -------
    factor : array, shape (p,)
        What the prior SD of each column is multiplied by.
    correlation : array, shape (p, p), or None
        Of the columns; None where no prior makes any.

    Notes
    -----
    Levels' effects that are independent with variance s²/2 differ, two by two, with SD s. Coded by contrasts C, whose
    columns less their means are C0, their coefficients have the covariance ``s²/2 (C0'C0)⁻¹``: for a reference level
    variances s² and correlations of one half. A product has the Kronecker product of its factors'; of a function with
    several columns these are independent.
    """
    p = sum(map(len, design.terms.values()))
    factor, correlation = np.ones(p), np.eye(p)
    start = 0
    for term, columns in design.terms.items():
        here = slice(start, start := start + len(columns))
        if term in chosen.priors and chosen.priors[term].exchangeable:
            parts = [_of_factor(part) for part in design.matrices.common.terms[term].components]
            cov = reduce(lambda a, b: np.asarray(np.kron(a, b)), parts)
            factor[here] = np.sqrt(np.diagonal(cov))
            correlation[here, here] = cov / np.outer(factor[here], factor[here])
    return factor, None if np.array_equal(correlation, np.eye(p)) else correlation


def _of_factor(component: Any) -> FloatArray:
    """Return the covariance of a factor's coefficients where two levels differ with SD 1."""
    if component.kind != "categoric":
        return np.eye(np.asarray(component.value).reshape(len(component.value), -1).shape[1])
    contrasts = np.asarray(component.contrast_matrix.matrix, dtype=np.float64)
    if contrasts.shape[1] == len(contrasts):
        # a coefficient for each level
        return np.eye(len(contrasts))
    centred = contrasts - contrasts.mean(axis=0)
    return np.asarray(np.linalg.inv(centred.T @ centred) / 2)
