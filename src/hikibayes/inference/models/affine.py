"""Columns of a design where every category is given: a constant plus a weighted sum of scores and their products.

Which constants and weights, the formula itself tells, evaluated at 0, at unit vectors, and once further out, where a
column that is bent shows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from ...arrays import BoolArray, FloatArray
from ...spec import InputError
from ...study.study import Study
from .design import categorical, refuse_calls
from .formulas import CODINGS, OF_CATEGORIES, evaluated
from .specs import ModelSpec
from .terms import columns_of

if TYPE_CHECKING:
    from formulae.matrices import DesignMatrices


ARITHMETIC = ("I", *OF_CATEGORIES, *CODINGS)
"""What a column of this form may be made by."""


@dataclass(frozen=True, kw_only=True)
class AffineColumns:
    """Columns in each of C cells: ``constant + linear @ (scores, products)``.

    Parameters
    ----------
    matrices : formulae.matrices.DesignMatrices
        The formula as it was evaluated.
    terms : dict
        Names of the columns of each term, without the intercept.
    constant : array, shape (C, p)
        Columns where every score is 0, or at its first level.
    linear : array, shape (C, p, m + d)
        Change of the columns per unit of a score, and of a product of two.
    """

    matrices: DesignMatrices
    terms: dict[str, tuple[str, ...]]
    constant: FloatArray
    linear: FloatArray


def affine_columns(
    model: ModelSpec,
    study: Study,
    scores: Sequence[str],
    cells: Mapping[str, Sequence[str]],
    *,
    bent: str,
    pairs: Sequence[tuple[int, int]] = (),
) -> AffineColumns:
    """Find the columns of a model in each cell.

    Parameters
    ----------
    model, study
        Of the design.
    scores : sequence of str, length m
        What moves within a cell: numbers, and two-level categories as 0 and 1.
    cells : mapping of str to sequence of str
        Level of each other category in each of the cells.
    bent : str
        What to say of a column that is not of this form.
    pairs : sequence of pairs of int
        The scores whose products are scores of their own.

    Raises
    ------
    InputError
        A function in the formula that is no polynomial, a moving category of three levels, or a column that is not of
        this form.
    """
    refuse_calls(model, ARITHMETIC, bent)
    if kinked := [name for name in model.written.jumping if name in scores]:
        raise InputError(f"model {model.name!r}: a comparison with {kinked[0]} {bent}")
    m, one = len(scores), np.eye(len(scores))
    probe = np.array([[1.0 if study.measure(name).levels else 3.7 for name in scores]])
    grid = np.vstack([np.zeros((1, m)), one, *(one[[i]] + one[[j]] for i, j in pairs), probe])
    matrices = evaluated(model.written, _frame(model, study, pd.DataFrame(grid, columns=list(scores)), cells))
    rows = np.asarray(matrices.common.design_matrix, dtype=np.float64)[:, 1:]
    rows = rows.reshape(-1, len(grid), rows.shape[1])
    if (wrong := ~np.isfinite(rows).all(axis=(0, 1))).any():
        raise _bent(model, matrices, wrong, bent)
    constant, linear = rows[:, 0], (rows[:, 1:-1] - rows[:, :1]).transpose(0, 2, 1)
    for k, (i, j) in enumerate(pairs):
        linear[..., m + k] -= linear[..., i] + linear[..., j]
        if i == j:  # at 2, a x + b x² is 2 a + 4 b, and at 1 it is a + b
            linear[..., m + k] /= 2
    for k, (i, j) in enumerate(pairs):
        if i == j:
            linear[..., i] -= linear[..., m + k]
    far_out = np.concatenate([probe[0], [probe[0, i] * probe[0, j] for i, j in pairs]])
    if (wrong := (np.abs(constant + linear @ far_out - rows[:, -1]) > 1e-9).any(axis=0)).any():
        raise _bent(model, matrices, wrong, bent)
    return AffineColumns(matrices=matrices, terms=columns_of(matrices), constant=constant, linear=linear)


def _bent(model: ModelSpec, matrices: DesignMatrices, wrong: BoolArray, bent: str) -> InputError:
    names = [column for columns in columns_of(matrices).values() for column in columns]
    return InputError(f"model {model.name!r}: {names[int(np.flatnonzero(wrong)[0])]} {bent}")


def _frame(model: ModelSpec, study: Study, grid: pd.DataFrame, cells: Mapping[str, Sequence[str]]) -> pd.DataFrame:
    """Repeat a grid of scores in every cell."""
    count = max(map(len, cells.values()), default=1)
    made = pd.concat([grid] * count, ignore_index=True)
    for name in grid:
        if levels := [level.id for level in study.measure(str(name)).levels]:
            if len(levels) > 2:
                raise InputError(f"model {model.name!r}: {name} has {len(levels)} levels; moments know 0 and 1 only")
            made[name] = categorical(study.measure(str(name)), [levels[int(at)] for at in made[name]])
    for name, labels in cells.items():
        made[name] = categorical(study.measure(name), np.repeat(np.array(labels, dtype=object), len(grid)))
    # what an intercept varies by has no columns of its own; any levels will do
    others = {name: np.resize(np.array(["1", "2"], dtype=object), len(made)) for name in model.clusters}
    return made.assign(**others, **{model.outcome: np.arange(len(made), dtype=float)})
