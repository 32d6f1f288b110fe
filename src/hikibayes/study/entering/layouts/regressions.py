"""Coefficients of one regression or several: steps side by side or below each other, with the rows that a step has."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from ....quantities import KINDS
from ..columns import SECTION, Column, Known, Number, Row, Understood, assigned, columns_of, rows_of
from ..grids import Grid

__all__ = ["fits", "read"]

COEFFICIENTS = ("b", "beta", "estimate")
OF_A_TERM = {
    "b": "coefficient",
    "beta": "coefficient",
    "estimate": "coefficient",
    "r": "correlation",
    **{name: f"coefficient_{name}" for name in ("se", "t", "df", "p", "ci_low", "ci_high", "f")},
    **{name: f"coefficient_{name}" for name in ("sr", "sr2", "partial_r", "partial_eta2", "f2", "d")},
    "vif": "vif",
    "tolerance": "tolerance",
}
OF_A_STEP = {
    "r2": "r2",
    "adjusted_r2": "adjusted_r2",
    "delta_r2": "delta_r2",
    "f": "r2_f",
    "delta_f": "delta_r2_f",
    "n": "n",
    "p": "r2_p",
}
DFS_OF = {"r2_f": ("r2_df1", "r2_df2"), "delta_r2_f": ("delta_r2_df1", "delta_r2_df2")}
STANDARDISED = {"b": "false", "beta": "true"}
TIMES = re.compile(r"\s*[×✕⨯*:]\s*|\s+(?:x|X|by)\s+")
DUMMY = re.compile(r"C?\(?(\w+)\)?\[T\.[^\]]+\]")
"""How statsmodels calls the column of a level."""
ONLY_STEP = "one_step"


def fits(grid: Grid) -> bool:
    """Tell whether it has a column of coefficients, or columns of models over rows of R²."""
    columns = columns_of(grid)
    if any({*column.statistics} & {*COEFFICIENTS} for column in columns):
        return True
    stepped = any(SECTION.match(context) for column in columns for context in column.contexts)
    return any("r2" in row.heading.statistics for row in rows_of(grid)) or (
        stepped and bool(re.search(r"(?i)regression|coefficient|β|beta", grid.title + grid.note))
    )


def read(grid: Grid, known: Known) -> Understood:
    """Return coefficients with what belongs to them, and what the steps explain."""
    found = Understood("regressions")
    columns = columns_of(grid)
    for column in columns:
        found.meanings[column.index] = _meaning(column, grid)
    outcomes = list(dict.fromkeys(filter(None, (_outcome(column) for column in columns))))
    found.outcomes = outcomes or [o for o in [_outcome_in_title(grid)] if o]
    chosen = known.outcome if known.outcome in outcomes else (outcomes or [""])[0]
    if len(outcomes) > 1:
        others = [outcome for outcome in outcomes if outcome != chosen]
        found.left.append((f"the columns of {', '.join(others)}", f"a study has one outcome, here {chosen}: --outcome"))
    columns = [column for column in columns if _outcome(column) in ("", chosen)]
    before = ""
    for row in rows_of(grid):
        step = _step_of_row(row, before)
        before = step
        if row.has_numbers:
            _read_row(found, grid, row, columns, step)
    return found


def _read_row(found: Understood, grid: Grid, row: Row, columns: list[Column], section: str) -> None:
    last: dict[str, str] = {}
    of_step = _of_step(row)
    for column in columns:
        step = _step(column) or section or ONLY_STEP
        numbers = grid.numbers(row.index, column.index)
        if not numbers:
            continue
        statistics = row.heading.statistics if of_step else _statistics(column, grid)
        for name, text in assigned(numbers, statistics):
            last[step] = name if name in COEFFICIENTS else last.get(step, "")
            number = (
                _about_step(name, text, step, row)
                if of_step or _only_of_steps(column, row)
                else _about_term(name, text, step, row, column, last[step])
            )
            if number and number.quantity in KINDS:
                found.numbers.append(replace(number, cell=(row.index, column.index)))
                found.numbers += _dfs(number, row.heading.dfs or column.dfs) if of_step else []
            else:
                what = f"{text} in row {row.heading.text!r}, column {column.heading!r}"
                found.left.append((what, _why_not(name)))


def _about_step(name: str, text: str, step: str, row: Row) -> Number | None:
    quantity = OF_A_STEP.get(name, "")
    if name == "adjusted_delta_r2":
        return Number("delta_r2", text, {}, {"adjusted": "true"}, {"step": step})
    return Number(quantity, text, {}, {}, {"step": step})


def _about_term(name: str, text: str, step: str, row: Row, column: Column, last: str) -> Number | None:
    constant = "intercept" in row.heading.statistics
    quantity = OF_A_TERM.get(name, "")
    if constant:
        quantity = quantity.replace("coefficient", "intercept")
        return Number(quantity, text, {}, {}, {"step": step})
    if not (term := row.label):
        return None
    if name == "r":
        return Number(quantity, text, {"of": term}, {"with": "@outcome"})
    own = {}
    belongs = name if name in COEFFICIENTS else last
    if name in (*COEFFICIENTS, "se", "ci_low", "ci_high") and belongs in STANDARDISED:
        own["standardised"] = STANDARDISED[belongs]
    if name in ("ci_low", "ci_high") and column.confidence:
        own["confidence"] = column.confidence
    return Number(quantity, text, {"term": TIMES.sub(":", DUMMY.sub(r"\1", term))}, own, {"step": step})


def _dfs(number: Number, dfs: tuple[str, ...]) -> Iterator[Number]:
    for quantity, df in zip(DFS_OF.get(number.quantity, ()), dfs, strict=False):
        if quantity in KINDS:
            yield Number(quantity, df, {}, {}, number.shared)


def _of_step(row: Row) -> bool:
    """Tell whether a row is about its step: R², F, N."""
    return bool(row.heading.statistics) and row.heading.statistics[0] in {*OF_A_STEP, "adjusted_delta_r2"} and (
        not row.heading.context
    )  # fmt: skip


def _only_of_steps(column: Column, row: Row) -> bool:
    """Tell whether a column is about steps, whatever row its numbers stand in."""
    return bool({*column.statistics} & {"r2", "adjusted_r2", "delta_r2", "delta_f", "adjusted_delta_r2"}) or bool(
        SECTION.match(row.heading.text) and not row.roles
    )


def _statistics(column: Column, grid: Grid) -> tuple[str, ...]:
    """Return a column's statistics; by title and note, where its heading has only a model."""
    if column.statistics:
        return column.statistics
    told = f"{grid.title} {grid.note}"
    first = "beta" if re.search(r"β|(?i:(?<!un)standardi[sz]ed|\bbetas?\b)", told) else "estimate"
    if first == "estimate" and re.search(r"\bB\b|(?i:unstandardi[sz]ed)", told):
        first = "b"
    second = "t" if re.search(r"(?i)\bt[- ](?:values?|statistics?) in (?:paren|brack)", told) else "se"
    return (first, second)


def _step(column: Column) -> str:
    return next((context for context in column.contexts if SECTION.match(context)), "")


def _outcome(column: Column) -> str:
    """Return the context of a column that is no model: what is explained there."""
    return next((context for context in column.contexts if not SECTION.match(context)), "")


def _outcome_in_title(grid: Grid) -> str:
    found = re.search(
        r"(?i)(?:predicting|explaining|outcome|dependent variable|regress\w* (?:of|on))[: ]+([^,.;(]+)", grid.title
    )
    return re.split(r" (?:from|by|on|with) ", found.group(1))[0].strip() if found else ""


def _step_of_row(row: Row, before: str) -> str:
    """Return the step a row stands in: of its own column, or of the section above it."""
    return row.roles.get("step") or (row.section if SECTION.match(row.section) else before)


def _meaning(column: Column, grid: Grid) -> str:
    named = column.statistics or (_statistics(column, grid) if _step(column) else ())
    words = {"b": "B (raw)", "beta": "beta (standardised)", "estimate": "coefficient (raw or standardised: not said)"}
    said = ", ".join(words.get(name, name) for name in named) or "not understood"
    return said + "".join(f" of {context}" for context in column.contexts)


def _why_not(name: str) -> str:
    if name == "odds":
        return "odds and hazard ratios belong to other models than linear regression"
    return f"no kind of number is known for {name!r}" if name else "no heading says which statistic it is"
