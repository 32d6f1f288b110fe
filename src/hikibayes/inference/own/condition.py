"""A condition for the rows of a table: ``grade == 4 and sex != "male"``, looked through before it is evaluated."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ...spec import InputError, unknown_name
from ..data.files import RawTable
from ..data.mapping import TableMapping
from .columns import OwnColumn, own_columns

ALLOWED = (
    *(ast.Expression, ast.BoolOp, ast.And, ast.Or, ast.UnaryOp, ast.Not, ast.USub, ast.Compare, ast.BinOp),
    *(ast.Eq, ast.NotEq, ast.Lt, ast.LtE, ast.Gt, ast.GtE, ast.In, ast.NotIn, ast.List, ast.Tuple),
    *(ast.Add, ast.Sub, ast.Mult, ast.Div, ast.Mod, ast.BitAnd, ast.BitOr, ast.Invert),
    *(ast.Name, ast.Constant, ast.Load),
)
LENGTH = 1_000


def rows_where(condition: str, raw: RawTable, headers: Mapping[str, str], stated: TableMapping) -> NDArray[np.bool_]:
    """Tell which rows satisfy a condition.

    Parameters
    ----------
    condition : str
        Comparisons of columns with numbers and texts, ``in [...]``, joined by ``and``, ``or``, ``not``.
    raw : RawTable
        The table.
    headers : mapping of str to str
        Header by name.
    stated : TableMapping
        Which codes stand for nothing.

    Returns
    -------
    array of bool, shape (n,)

    Raises
    ------
    InputError
        The condition cannot be read, names no column, or compares what cannot be compared.
    """
    names = _names(condition, headers)
    columns = own_columns(raw, {name: headers[name] for name in names}, stated)
    frame = pd.DataFrame({name: _values(columns[name].checked(groups=False)) for name in names})
    try:
        found = frame.eval(condition, engine="python")
    except Exception as error:  # pandas raises whatever its parser and the comparison raise
        raise InputError(f"{condition!r} cannot be evaluated: {error}", key="--rows") from None
    if not isinstance(found, pd.Series) or found.dtype != bool:
        raise InputError(f"{condition!r} is no condition; compare a column with something", key="--rows")
    return np.asarray(found, dtype=np.bool_)


def _values(column: OwnColumn) -> Any:
    return column.cells if column.numbers is None else column.numbers


def _is_number(node: ast.expr) -> bool:
    return (
        not isinstance(node.value, str | bytes)
        if isinstance(node, ast.Constant)
        else not isinstance(node, ast.List | ast.Tuple)
    )


def _names(condition: str, headers: Mapping[str, str]) -> list[str]:
    try:
        tree = ast.parse(condition.strip(), mode="eval") if len(condition) <= LENGTH else None
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        tree = None
    if tree is None:
        raise InputError(f'{condition[:80]!r} cannot be read; write it as grade == 4 and sex != "male"', key="--rows")
    for node in ast.walk(tree):
        if not isinstance(node, ALLOWED):
            raise InputError(f"{ast.unparse(node)!r} is more than a comparison of columns", key="--rows")
        # a text or a list times a number fills the memory
        if isinstance(node, ast.BinOp) and not (_is_number(node.left) and _is_number(node.right)):
            raise InputError(f"{ast.unparse(node)[:80]!r} computes with what is no number", key="--rows")
    names = [node.id for node in ast.walk(tree) if isinstance(node, ast.Name)]
    for name in names:
        if name not in headers:
            raise InputError(unknown_name("column", name, headers.values()), key="--rows")
    if not names:
        raise InputError(f"{condition!r} names no column", key="--rows")
    return list(dict.fromkeys(names))
