"""Tables as a person reads them in a terminal, and as a program reads them."""

from __future__ import annotations

import json

import pandas as pd

from .. import apa
from ..texts import shown

PIPE_WIDTH = 140
SHORT = 32


def terminal_table(
    table: pd.DataFrame, *, title: str | None = None, styles: dict[str, str] | None = None, style_by: str | None = None
) -> str:
    """Return a table for the terminal, wrapped to its width; a file or pipe gets a fixed width and no colour.

    Parameters
    ----------
    table : DataFrame
        What to show; numbers as `hikibayes.apa.cell` writes them.
    title : str, optional
        A line above.
    styles : dict, optional
        Style (a rich colour name) by value of the column ``style_by``.
    style_by : str, optional
        The column that decides a row's style.
    """
    import sys

    from rich import box
    from rich.console import Console
    from rich.table import Table

    terminal = sys.stdout.isatty()
    console = Console(width=None if terminal else PIPE_WIDTH, force_terminal=terminal, highlight=False)
    shown = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    for name in table.columns:
        numeric = pd.api.types.is_numeric_dtype(table[name])
        longest = table[name].astype(str).str.len().max() if len(table) else 0
        # short texts stay on one line; long ones take what is left
        shown.add_column(str(name), justify="right" if numeric else "left", no_wrap=bool(longest <= SHORT))
    for row in table.to_dict("records"):
        style = (styles or {}).get(str(row.get(style_by, ""))) if style_by else None
        cells = (cell_text(value, str(column)).replace("[", r"\[") for column, value in row.items())
        shown.add_row(*cells, style=style)
    with console.capture() as capture:
        console.print(shown)
    return capture.get().rstrip()


def cell_text(value: object, column: str) -> str:
    """Return what a table shows of a value; numbers as `hikibayes.apa.cell` writes them, empty where it is missing."""
    if value is None or value is pd.NA:
        return ""
    if isinstance(value, int) and not isinstance(value, bool) and column.startswith(("p_", "bf")):
        value = float(value)  # a probability of 1 is read from CSV as a whole number
    return apa.cell(value, column) if isinstance(value, float) else shown(str(value))


def json_text(table: pd.DataFrame) -> str:
    """Return a table as a JSON list of objects with the CSV's columns; missing is null."""
    return json.dumps(json.loads(table.to_json(orient="records", double_precision=10)), indent=2, ensure_ascii=False)
