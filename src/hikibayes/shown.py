"""What a result looks like at the prompt: its parts by name, a line each, whatever is in them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import fields
from html import escape
from typing import Any

WIDTH = 100
MOST_LINES = 30
HEAD, MOST_COLUMNS = 8, 14
"""Rows and columns of a table that a notebook shows of it."""


class Shown:
    """A dataclass that says what it holds instead of printing it; declare it with ``repr=False``."""

    def __repr__(self) -> str:
        return overview(type(self).__name__, self._parts())

    def _repr_html_(self) -> str:
        return overview_html(type(self).__name__, self._parts())

    def _parts(self) -> list[tuple[str, object]]:
        return [(field.name, getattr(self, field.name)) for field in fields(self) if field.repr]  # type: ignore[arg-type]


def overview_html(name: str, parts: Iterable[tuple[str, object]]) -> str:
    """Return the same for a notebook: a line for each part, and the head of the first table.

    Examples
    --------
    >>> overview_html("Fit", [("seed", 1)])
    '<b>Fit</b><table><tr><th>seed</th><td>1</td></tr></table>'
    """
    parts = list(parts)
    lines = [line.strip().partition(": ")[::2] for line in overview(name, parts).splitlines()[1:]]
    rows = "".join(f"<tr><th>{escape(part)}</th><td>{escape(value)}</td></tr>" for part, value in lines)
    tables: list[Any] = [value for _, value in parts if hasattr(value, "iloc") and getattr(value, "ndim", 0) == 2]
    head = (
        tables[0].iloc[:HEAD, :MOST_COLUMNS].to_html(index=False, float_format="{:.3g}".format, na_rep="")
        if tables
        else ""
    )
    return f"<b>{escape(name)}</b><table>{rows}</table>{head}"


def overview(name: str, parts: Iterable[tuple[str, object]]) -> str:
    """Return a name and a line for each part that is not empty, at most a screenful.

    Examples
    --------
    >>> print(overview("Fit", [("seed", 1), ("priors", {"sigma": 0, "Intercept": 1}), ("note", None)]))
    Fit
      seed: 1
      priors: sigma, Intercept
    """
    lines = [f"  {part}: {_in_a_line(value)}" for part, value in parts if not _is_nothing(value)]
    more = [f"  and {len(lines) - MOST_LINES} more"] if len(lines) > MOST_LINES else []
    return "\n".join([name, *(_cut(line) for line in lines[:MOST_LINES]), *more])


def _is_nothing(value: object) -> bool:
    return value is None or (isinstance(value, str | list | tuple | dict) and not value)


def _in_a_line(value: object) -> str:
    if name := _name(value):
        return name if "\n" not in name else type(value).__name__
    if (shape := getattr(value, "shape", None)) is not None and len(shape):
        return f"{type(value).__name__} of {' x '.join(map(str, shape))}"
    if sizes := getattr(value, "sizes", None):
        return f"{type(value).__name__} of {', '.join(f'{count} {dim}' for dim, count in sizes.items())}"
    if isinstance(value, Mapping):
        return ", ".join(map(str, value))
    if isinstance(value, list | tuple) and len(value) > 1:
        names = [_name(part) for part in value]
        return ", ".join(names) if all(names) else f"{len(value)} of {type(value[0]).__name__}"
    if isinstance(value, list | tuple):
        return _in_a_line(value[0])
    text = str(value)
    return text if "\n" not in text else type(value).__name__


def _name(value: object) -> str:
    """Return what a value is called: a text itself, what has a name or an id by that."""
    if isinstance(value, str | int | float):
        return str(value)
    named = (getattr(value, key, None) for key in ("id", "name"))
    return next((name for name in named if isinstance(name, str)), "")


def _cut(line: str) -> str:
    return line if len(line) <= WIDTH else f"{line[: WIDTH - 3]}..."
