"""The terms of a design one by one: a change of some measures evaluates the terms that they are in, and no others.

A term without functions is a code of its categories times its numbers. The codes are formulae's own, asked for once at
every combination of levels; after that a change is arithmetic, which over many data sets at once is a hundred times
faster than formulae's reading of labels row by row. A term with a function is left to formulae.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import reduce
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ...arrays import FloatArray
from ...spec import InputError
from .formulas import CODINGS, quiet_evaluation
from .specs import INTERCEPT

if TYPE_CHECKING:
    from formulae.matrices import DesignMatrices


@dataclass(frozen=True, kw_only=True)
class Term:
    """One term of a design.

    Parameters
    ----------
    written : formulae.terms.terms.Term
        As formulae knows it.
    measures : frozenset of str
        All that it is of.
    columns : slice
        Its columns in the design's rows, without the intercept.
    numbers : tuple of str
        Its numeric measures.
    factors : mapping of str to mapping
        Its categories, and the code of each of their levels.
    codes : array, shape (levels of each category..., columns), or None
        What its numbers are multiplied by; None where the term has a function.
    """

    written: Any
    measures: frozenset[str]
    columns: slice
    numbers: tuple[str, ...]
    factors: Mapping[str, Mapping[str, int]]
    codes: FloatArray | None

    def of(self, frame: pd.DataFrame, values: Mapping[str, Any], changed: Mapping[str, Any]) -> FloatArray:
        """Evaluate the term's columns where some measures are changed.

        Parameters
        ----------
        frame : pandas.DataFrame
            Numbers, and categories with their levels.
        values : mapping of str to array, shape (n,)
            The same: numbers, and codes of levels.
        changed : mapping of str to array, float or str
            New values of some of them: one for each row, or one number or level for all.

        Returns
        -------
        array, shape (n, columns) or (1, columns)
            One row where all rows are the same.
        """
        if self.codes is None:
            with quiet_evaluation():
                made = self.written.eval_new_data(frame.assign(**_labels(changed, frame)))
            return np.asarray(made, dtype=np.float64).reshape(len(frame), -1)
        codes = [of[changed[name]] if name in changed else values[name] for name, of in self.factors.items()]
        code = np.atleast_2d(self.codes[tuple(codes)])
        numbers = [np.atleast_1d(changed.get(name, values[name])) for name in self.numbers]
        return np.asarray(code * reduce(np.multiply, numbers)[:, None] if numbers else code)


def terms_of(matrices: DesignMatrices, frame: pd.DataFrame) -> tuple[Term, ...]:
    """Take a formula apart that is evaluated on a frame, whose categories have their levels in order.

    Notes
    -----
    These may be more terms than the formula names: formulae makes of ``group:dose`` alone ``dose + group:dose``.
    """
    common, made = matrices.common, []
    categories = frame.select_dtypes("category")
    levels = {str(name): {level: i for i, level in enumerate(c.cat.categories)} for name, c in categories.items()}
    for name, written in common.terms.items():
        if name == INTERCEPT:
            continue
        own, where = frozenset(written.var_names - {"", *CODINGS}), common.slices[name]
        factors = {name: levels[name] for name in sorted(own & set(levels))}
        numbers = tuple(sorted(own - set(factors)))
        made.append(
            Term(
                written=written,
                measures=own,
                columns=slice(where.start - 1, where.stop - 1),
                numbers=numbers,
                factors=factors,
                codes=None if "(" in name else _codes(written, numbers, factors),
            )
        )
    return tuple(made)


def columns_of(matrices: DesignMatrices) -> dict[str, tuple[str, ...]]:
    """Return the names of each term's columns, without the intercept's.

    Raises
    ------
    InputError
        formulae names other columns than it makes, as it does for the main effect of ``group / measure``.
    """
    common = matrices.common
    terms = {name: tuple(term.labels) for name, term in common.terms.items() if name != INTERCEPT}
    for name, labels in terms.items():
        if len(labels) != common.slices[name].stop - common.slices[name].start:
            raise InputError(
                f"the columns of {name!r} have no clear names; write the formula's terms out with '+' and ':'"
            )
    return {name: labels if len(labels) > 1 else (name,) for name, labels in terms.items()}


def _codes(written: Any, numbers: tuple[str, ...], factors: Mapping[str, Mapping[str, int]]) -> FloatArray:
    """Evaluate a term at every combination of levels, its numbers at 1."""
    if not factors:
        return np.ones(1)
    levels = [list(each) for each in factors.values()]
    shape = [len(each) for each in levels]
    at = np.indices(shape).reshape(len(shape), prod(shape))
    cells = {name: np.array(each, dtype=object)[i] for name, each, i in zip(factors, levels, at, strict=True)}
    grid = pd.DataFrame({**cells, **{name: np.ones(prod(shape)) for name in numbers}})
    return np.asarray(written.eval_new_data(grid), dtype=np.float64).reshape(*shape, -1)


def _labels(changed: Mapping[str, Any], frame: pd.DataFrame) -> dict[str, Any]:
    # formulae remembers the levels; C(...) refuses an ordered category of which not every level is there
    return {n: pd.Series(v, index=frame.index, dtype=object) if isinstance(v, str) else v for n, v in changed.items()}
