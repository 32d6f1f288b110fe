"""Whether a formula is the model as written: the same in z scores as in the columns' own units, and nothing added.

``dose * age`` is: a shift of age moves its columns within the space that they span. ``dose * age - dose`` is not: its
groups are alike where age is 0, at birth in one unit and at the mean in the other.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from ...arrays import FloatArray
from ...spec import InputError
from .design import Design
from .formulas import evaluated

TOLERANCE = 1e-6
"""How much of a column may be outside the other columns' space and be put down to rounding."""


def other_in_z_scores(made: Design) -> tuple[str, ...]:
    """Name the measures whose z scores make another model of a formula than their own units do.

    Parameters
    ----------
    made : Design
        Laid out; of several data sets the first is looked at.

    Returns
    -------
    tuple of str
        Empty where the columns span one space in both, or nothing is standardised.

    Notes
    -----
    All numbers go back to their own units at once, and the two spaces are compared in numbers, whatever the formula is
    made of. Measures are named that make a difference alone; all of them where only several together do.
    """
    if not made.standardised:
        return ()
    first = made.first() if made.datasets > 1 else made
    predictors = [name for name in first.scaling.scale if name in first.frame and name != first.model.outcome]
    if not predictors or _same_model(first, predictors):
        return ()
    alone = tuple(name for name in predictors if not _same_model(first, [name]))
    return alone or tuple(predictors)


def refuse_implied(made: Design) -> None:
    """Raise for a term that formulae adds, dose to ``sex:dose`` alone: no prior and no step of R² is of it."""
    named, text = made.model.terms, made.model.formula
    if implied := [term for term in made.terms if term not in named]:
        parts = set(implied[0].split(":"))
        product = next((term for term in named if parts < set(term.split(":"))), named[-1])
        raise InputError(
            f"formula {text!r}: the columns of {product} take in {implied[0]}, which has neither prior nor step; write"
            f" {implied[0]} + {product}, or {' * '.join(product.split(':'))}, in its place"
        )


def _same_model(made: Design, names: Iterable[str]) -> bool:
    location, scale = made.scaling.location, made.scaling.scale
    raw = made.frame.assign(**{name: location[name][0] + scale[name][0] * made.frame[name] for name in names})
    try:
        columns = np.asarray(evaluated(made.model.written, raw).common.design_matrix, dtype=np.float64)[:, 1:]
    except InputError:
        return False
    ours = made.rows[0]
    return bool(np.isfinite(columns).all()) and _within(columns, ours) and _within(ours, columns)


def _within(inner: FloatArray, outer: FloatArray) -> bool:
    """Tell whether columns are combinations of others and the intercept."""
    inner, outer = _unit(inner), _unit(outer)
    rest = inner - outer @ np.linalg.lstsq(outer, inner, rcond=1e-13)[0]
    return bool((np.linalg.norm(rest, axis=0) < TOLERANCE).all())


def _unit(columns: FloatArray) -> FloatArray:
    centred = columns - columns.mean(axis=0)
    length = np.linalg.norm(centred, axis=0)
    return np.asarray(centred / np.where(length > 0, length, 1))
