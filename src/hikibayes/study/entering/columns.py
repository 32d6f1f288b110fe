"""The columns and rows of a grid, and which statistic each number of a cell is."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from ..tables import identifier
from .cells import Piece
from .grids import Grid
from .headings import DESCRIBING, Heading, read_heading

WITH_BRACKETS = {
    "b": "se",
    "beta": "se",
    "estimate": "se",
    "mean": "sd",
    "n": "percent",
    "r": "p",
    "median": "iqr",
    "t": "p",
    "f": "p",
    "percent": "n",
}
"""What usually stands in brackets after a number."""
PAIRS = {
    "ci": ("ci_low", "ci_high"),
    "difference_ci": ("difference_ci_low", "difference_ci_high"),
    "range": ("minimum", "maximum"),
    "iqr": ("lower_quartile", "upper_quartile"),
}
OF_A_DIFFERENCE = {name: f"difference_{name}" for name in ("ci", "ci_low", "ci_high", "se")}
"""What stands beside a difference of means is of the difference."""
ROLES = {
    "group": r"(?i)groups?|arm|condition|sample|gender|sex",
    "step": r"(?i)steps?|models?|blocks?",
    "outcome": r"(?i)(?:outcome|dependent|criterion)(?: variables?| measures?)?|dv",
    "entity": r"(?i)|variables?|measures?|predictors?|terms?|outcomes?|scales?|parameters?|characteristics?|effects?|"
    r"independent variables?|items?|iv|unnamed.*",
    "level": r"(?i)levels?|categor(?:y|ies)",
}
SEXES = {"men", "women", "male", "female", "males", "females", "boys", "girls"}
SPREADS = {"mean", "sd", "se", "median", "iqr", "range"}
WHOLE = re.compile(r"(?i)^(?:total|all|overall|whole|full|entire|combined|sample)\b.*")
SECTION = re.compile(r"(?i)^(?:step|model|block|sample|study)\s*\.?\s*(?:[\dIVX]+\w*\b|[A-H](?=$|[.:(,]))")


@dataclass(frozen=True)
class Column:
    """A column of numbers: what its headings say together."""

    index: int
    heading: str
    contexts: tuple[str, ...]
    statistics: tuple[str, ...]
    size: str = ""
    dfs: tuple[str, ...] = ()
    confidence: str = ""


@dataclass(frozen=True)
class Row:
    """A row of a body: what it is of, and the section it stands in."""

    index: int
    heading: Heading
    section: str = ""
    outer: str = ""
    roles: dict[str, str] = field(default_factory=dict)
    has_numbers: bool = True

    @property
    def label(self) -> str:
        """What it is of, without the number in front of it."""
        return re.sub(r"^\(?\d{1,2}[.)]\s*", "", self.heading.context or self.heading.text).strip()


@dataclass(frozen=True)
class Number:
    """A printed number with what the table says of it; names as printed."""

    quantity: str
    text: str
    row: dict[str, str] = field(default_factory=dict)
    column: dict[str, str] = field(default_factory=dict)
    shared: dict[str, str] = field(default_factory=dict)
    cell: tuple[int, int] = (-1, -1)

    @property
    def address(self) -> dict[str, str]:
        """Which number of its kind it is."""
        return {**self.shared, **self.row, **self.column}


@dataclass
class Understood:
    """What a layout made of a grid."""

    layout: str
    meanings: dict[int, str] = field(default_factory=dict)
    numbers: list[Number] = field(default_factory=list)
    left: list[tuple[str, str]] = field(default_factory=list)
    repeated: int = 0
    """Numbers that say nothing: a second triangle, ones on a diagonal."""
    in_words: int = 0
    """Numbers in cells of words: ``R² = .23``."""
    unknown: list[str] = field(default_factory=list)
    outcomes: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Known:
    """What the person who drafts said beforehand."""

    outcome: str = ""
    sizes: dict[str, str] = field(default_factory=dict)
    """Of the groups, by label; the first is the reference."""
    groups: tuple[str, ...] = ()
    """Labels that the tables have for groups."""

    def said(self, label: str) -> bool:
        """Tell whether a label is a group's that was said, capitals or not."""
        return identifier(label) in map(identifier, self.sizes)

    def group(self, label: str) -> str:
        """Return the group that a label names, however it is written: ``In the night-shift crew (n = 53)``; or none."""
        bare = re.sub(r"\s*[(\[:].*", "", label).strip()
        inner = re.sub(r"(?i)^(?:(?:slopes?|effects?) )?(?:in|among|for|within|of)(?: the)? |(?: group)$", "", bare)
        ids = {identifier(group): group for group in reversed((*self.sizes, *self.groups))}
        return next((ids[identifier(form)] for form in (bare, inner) if form and identifier(form) in ids), "")


def columns_of(grid: Grid) -> list[Column]:
    """Return the columns of numbers; what a heading does not say is left empty."""
    found = []
    for index in range(grid.labels, len(grid.head[-1])):
        parts = _people([read_heading(text) for text in grid.heading(index)])
        told = [part.statistics for part in parts if part.statistics]
        contexts = tuple(part.context for part in parts if part.context)
        found.append(
            Column(
                index,
                " / ".join(part.text for part in parts) or f"column {index + 1}",
                contexts,
                _lowest(told),
                next((part.size for part in parts if part.size), ""),
                next((part.dfs for part in parts if part.dfs), ()),
                next((part.confidence for part in parts if part.confidence), ""),
            )
        )
    return _inherited(_differences(found))


def _differences(columns: list[Column]) -> list[Column]:
    """Let limits and errors in the column of a difference, or in those after it, be of the difference."""
    found, beside = list[Column](), False
    for column in columns:
        own = "mean_difference" in column.statistics
        beside = own or (beside and not column.contexts and {*column.statistics} <= {*OF_A_DIFFERENCE})
        names = tuple(OF_A_DIFFERENCE.get(name, name) for name in column.statistics)
        found.append(replace(column, statistics=names) if beside else column)
    return found


def _people(parts: list[Heading]) -> list[Heading]:
    """Let what may be a difference be people's name above a heading that describes people."""
    if len(parts) > 1 and {*parts[-1].statistics} & DESCRIBING:
        return [
            replace(part, context=part.text, statistics=()) if part.statistics == ("mean_difference",) else part
            for part in parts
        ]
    return parts


def _lowest(told: list[tuple[str, ...]]) -> tuple[str, ...]:
    """Return the statistics of the lowest heading; below a difference, it says which number of the difference."""
    if len(told) > 1 and told[0] == ("mean_difference",):
        return tuple("mean_difference" if n in ("estimate", "b") else OF_A_DIFFERENCE.get(n, n) for n in told[-1])
    return told[-1] if told else ()


def _inherited(columns: list[Column]) -> list[Column]:
    """Let a column without context have that of the column before it, where its heading comes back: M, SD, M, SD."""
    found: list[Column] = []
    for column in columns:
        again = sum(each.statistics == column.statistics and not each.contexts for each in columns) > 1
        before = found[-1].contexts if found else ()
        found.append(
            replace(column, contexts=before) if again and not column.contexts and column.statistics else column
        )
    return found


def rows_of(grid: Grid) -> Iterator[Row]:
    """Yield the rows; a row of words alone begins a section."""
    section, outer, last, above = "", "", "", [""] * grid.labels
    names = [next((role for role, pattern in ROLES.items() if re.fullmatch(pattern, h[-1] if h else "")), "") for h in
             (grid.heading(column) for column in range(grid.labels))]  # fmt: skip
    if "entity" not in names:
        names = ["entity" if name == "outcome" else name for name in names]
    for index, cells in enumerate(grid.body):
        texts = list(cells[: grid.labels])
        has = any(grid.numbers(index, column) for column in range(grid.labels, len(cells)))
        if not has or (SECTION.match(texts[0]) and grid.labels == 1):
            # a section above another one goes on over all of its kind
            outer = last if last and SECTION.match(texts[0]) else outer
            section = texts[0] or section
            last = "" if has or SECTION.match(section) else section
            if not has:
                yield Row(index, read_heading(texts[0]), section, outer, {}, has_numbers=False)
                continue
        last = ""
        if grid.labels > 1:
            texts[:-1] = [text or before for text, before in zip(texts[:-1], above[:-1], strict=True)]
        above = texts
        roles = dict(zip(names, texts, strict=True)) if grid.labels > 1 else {}
        entity = roles.get("entity") or roles.get("level") or texts[-1]
        yield Row(index, _row_heading(entity), roles.get("step", section), roles.get("outcome", outer), roles)


def _row_heading(text: str) -> Heading:
    """Read a row's label; of a measure's name only what describes is a statistic: ``TMT B`` is a name."""
    found = read_heading(text)
    if found.statistics[:1] == ("percent",) and len(found.statistics) > 1 and {*found.statistics[1:]} <= SPREADS:
        return replace(found, statistics=found.statistics[1:])  # a unit: ``Body fat (%), M (SD)``
    named = "mean_difference" in found.statistics or (bool(found.context) and not {*found.statistics} <= DESCRIBING)
    return Heading(text=found.text, context=found.text) if named else found


def assigned(found: tuple[Piece, ...], statistics: tuple[str, ...]) -> list[tuple[str, str]]:
    """Say of each number of a cell which statistic it is; an empty name where nothing says so."""
    if not found:
        return []
    wanted = [part for name in statistics for part in PAIRS.get(name, (name,))]
    if len(statistics) == 1 and len(found) > 1 and statistics[0] not in PAIRS:
        if len(found) == 3 and statistics[0] != "median":
            wanted += PAIRS["difference_ci" if statistics[0] == "mean_difference" else "ci"]
        else:
            more = WITH_BRACKETS.get(statistics[0], "")
            wanted += PAIRS.get(more, (more,))
    wanted += [""] * (len(found) - len(wanted))
    named = [(name, piece.text) for name, piece in zip(wanted, found, strict=False)]
    # in brackets after a test stands its p, or its degrees of freedom
    return [("df" if name == "p" and re.fullmatch(r"[1-9]\d*(?:\.\d+)?", text) else name, text) for name, text in named]
