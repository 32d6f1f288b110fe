"""What a search on whole numbers needs to know: where the rows may go, and which numbers they have to print.

Compiled code reads these types, so they are arrays of records, named where several belong together. `compile_goals`
makes them from a study.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["COLUMN", "PART", "PLAIN", "REGRESSION", "STEP_OF_ANALYSIS", "Chains", "Goals", "Space"]

type Floats = NDArray[np.float64]
type Ints = NDArray[np.int64]
type Bools = NDArray[np.bool_]
type Records = NDArray[np.void]

# kinds of goals that need no regression
MEAN, SD, DIFFERENCE, STUDENT_T, WELCH_T, WELCH_DF, WELCH_Z, COHEN_D, CORRELATION = range(9)
# kinds of goals of a regression
R2, ADJUSTED_R2, F, DELTA_R2, DELTA_ADJUSTED_R2, DELTA_F, COEFFICIENT, STANDARD_ERROR, T, VIF = range(10)
# what a coefficient is multiplied with
NOTHING, SD_OF_MEASURE, SD_OF_COLUMN = range(3)
# how a column may move: not at all, by trading values within a group, by steps, by steps that leave few odd scores
FIXED, SWAP, STEP, EVEN_STEP = range(4)

INTERVAL = [("absolute", "?"), ("low", "f8"), ("high", "f8"), ("width", "f8"), ("slack", "f8")]
"""The interval that a number (or its absolute value) is pulled to; the distance that counts as 1; and how far outside,
in widths, it may stay: it is pulled deeper into what was printed than it has to go."""

PLAIN = np.dtype(
    [("kind", "i8"), ("first", "i8"), ("second", "i8"), ("scope", "i8"), ("factor", "f8"), ("shift", "f8"), *INTERVAL],
    align=True,
)
"""A printed number of one or two columns. ``scope``: 0 or 1 for a group, 2 for all. A mean is ``shift`` plus
``factor`` times its own; an SD or a difference of means is ``factor`` times its own."""

REGRESSION = np.dtype(
    [
        ("kind", "i8"),
        ("step", "i8"),
        ("first_part", "i8"),
        ("parts", "i8"),
        ("column", "i8"),
        ("code_0", "f8"),
        ("code_1", "f8"),
        ("origin", "f8"),
        ("origin_mean", "f8"),
        ("unit", "i8"),
        ("per_outcome", "?"),
        ("factor", "f8"),
        *INTERVAL,
    ],
    align=True,
)
"""A printed number of a regression. Its coefficient combines ``parts`` coefficients from ``first_part`` on. The printed
regressor is ``code_g * (column - origin - origin_mean * mean of column)`` in group g. The coefficient is multiplied
with ``factor``, with what ``unit`` says, and divided by the outcome's SD if ``per_outcome``."""

PART = np.dtype([("regressor", "i8"), ("weight", "f8"), ("weight_mean", "f8")], align=True)
"""A coefficient in a combination: position in its chain; its weight is a constant plus a multiple of the mean of the
regressor's column."""

STEP_OF_ANALYSIS = np.dtype([("chain", "i8"), ("length", "i8"), ("before", "i8")], align=True)
"""A regression: its chain, how many of the chain's regressors are its own, and the step before it (-1: none)."""

COLUMN = np.dtype(
    [
        ("lowest", "f8"),
        ("highest", "f8"),
        ("move", "i8"),
        ("stride", "i8"),
        ("parity", "i8"),
        ("odd_cap", "i8"),
    ],
    align=True,
)
"""How a column moves: its limits, ``FIXED`` ... ``EVEN_STEP``, its longest step, what to add to a cell before asking
whether its score is odd, and how many odd scores are allowed."""


class Space(NamedTuple):
    """Where the rows may go.

    Attributes
    ----------
    group : ndarray of int, shape (n,)
        0 or 1; the rows of group 0 come first.
    start : ndarray of int, shape (3,)
        First row of each group, and the number of rows.
    columns : ndarray of COLUMN, shape (columns,)
    frozen : ndarray of bool, shape (n, columns)
        Cells that stay as they are (a printed minimum, for example).
    """

    group: Ints
    start: Ints
    columns: Records
    frozen: Bools


class Chains(NamedTuple):
    """Nested regressions that share a Cholesky factor, and the steps that end inside them.

    Attributes
    ----------
    base : ndarray of int, shape (chains, longest)
        Column of each regressor (of its measure, for a product); the outcome is the last of each chain.
    product : ndarray of bool, shape (chains, longest)
        Whether the regressor is that column in the second group and 0 in the first.
    length : ndarray of int, shape (chains,)
        Number of regressors with the intercept, without the outcome.
    steps : ndarray of STEP_OF_ANALYSIS
    """

    base: Ints
    product: Bools
    length: Ints
    steps: Records


class Goals(NamedTuple):
    """What the rows have to print.

    Attributes
    ----------
    plain : ndarray of PLAIN
    regression : ndarray of REGRESSION
    parts : ndarray of PART
    chains : Chains
    """

    plain: Records
    regression: Records
    parts: Records
    chains: Chains
