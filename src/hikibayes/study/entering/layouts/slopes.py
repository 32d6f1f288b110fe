"""Simple slopes (conditional effects): in groups, or at values of a moderator; rows or columns say where."""

from __future__ import annotations

import re
from dataclasses import replace

from ....quantities import KINDS
from ..cells import plain
from ..columns import ROLES, SEXES, Column, Known, Number, Row, Understood, assigned, columns_of, rows_of
from ..grids import Grid
from ..names import same
from .regressions import STANDARDISED, errors_of, other_outcomes, outcome_of, why_not

TITLE = re.compile(
    r"(?i)(?:simple|conditional) (?:slopes?|effects?)(?: analys[ie]s)?(?: of (?:the )?(?:effect of )?)?([^,.;(]*)"
)
AT = re.compile(
    r"(?i)^(.*?)[\s(:,=]*(?:([-+]?)\s?(\d(?:\.\d+)?)\s?SDs?\b|(low|high|mean|average|medium|moderate)\b)[^\w]*(.*)$"
)
SCORE = re.compile(r"(?i)^(?:(?:at|when|if)\s+)?(?:(.*?[a-z)])\s*(?:\s|=|:|at\s|is\s)\s*)?(-?\d+(?:\.\d+)?)$")
WORDS = {"low": "-1", "high": "1", "mean": "0", "average": "0", "medium": "0", "moderate": "0"}
OF_A_SLOPE = {
    **dict.fromkeys(("b", "beta", "estimate"), "slope"),
    **{name: f"slope_{name}" for name in ("se", "t", "df", "p", "ci_low", "ci_high")},
}
OF_THE_PRODUCT = {
    "delta_r2": "delta_r2",
    "f": "delta_r2_f",
    "delta_f": "delta_r2_f",
    "p": "delta_r2_p",
    "delta_p": "delta_r2_p",
    "df": "delta_r2_df2",
}
STEP = "with_product"


def fits(grid: Grid) -> bool:
    """Tell whether title or note speak of simple slopes or conditional effects, over columns of estimates."""
    told = {name for column in columns_of(grid) for name in column.statistics}
    return bool(TITLE.search(grid.title)) and bool(told & {"b", "beta", "estimate"})


def read(grid: Grid, known: Known) -> Understood:
    """Return the slopes with their errors and tests; beside them the test of the product."""
    found, columns = Understood("slopes"), columns_of(grid)
    title = TITLE.search(grid.title)
    of, moderator = _of_title(grid.title[title.start(1) :] if title else "")
    moderator = moderator or _scored(grid)
    found.outcomes = [outcome for outcome in [outcome_of(grid.title)] if outcome]
    by_column = any(column.contexts for column in columns)
    rows = [row for row in rows_of(grid) if row.has_numbers]
    grouped = bool(re.fullmatch(ROLES["group"], (grid.heading(0) or ("",))[-1]))
    told = [_where(row.heading.text, moderator, known, sure=grouped) for row in rows]
    if by_column and of and not any(told):
        chosen = next((row.label for row in rows if same(row.label, known.outcome)), rows[0].label)
        found.outcomes = [chosen, *(row.label for row in rows if row.label != chosen)]
        rows = _one_outcome(found, rows, chosen)
    for column in columns:
        whose = "".join(f" in {context}" for context in column.contexts)
        found.meanings[column.index] = f"{', '.join(column.statistics) or 'not understood'} of the slope{whose}"
    for row in rows:
        where = _where(row.heading.text, moderator or row.section, known, sure=grouped)
        slope_of = of or ("" if where and not row.section else row.section if where else row.label)
        _read_row(found, grid, row, columns, slope_of, where, by_column, moderator, known)
    if any(not number.address.get("of", "x") for number in found.numbers):
        found.unknown.append('whose slopes these are: write "Simple slopes of X" into the title')
        found.numbers = [replace(n, row={**n.row, "of": "predictor"}) if "of" in n.row else n for n in found.numbers]
    return found


def _one_outcome(found: Understood, rows: list[Row], chosen: str) -> list[Row]:
    others = [row.label for row in rows if row.label != chosen]
    if others:
        found.left.append(other_outcomes(others, chosen))
    return [row for row in rows if row.label == chosen]


def _read_row(
    found: Understood,
    grid: Grid,
    row: Row,
    columns: list[Column],
    of: str,
    where: dict[str, str],
    by_column: bool,
    moderator: str,
    known: Known,
) -> None:
    last = ""
    for column in columns:
        here = where
        for context in column.contexts:
            here = _where(context, moderator, known, sure=True) or here
        product = by_column and not column.contexts
        for name, text in assigned(grid.numbers(row.index, column.index) or (), column.statistics):
            last = name if name in STANDARDISED or name == "estimate" else last
            if product:
                number = Number(OF_THE_PRODUCT.get(name, ""), text, {}, {}, {"step": STEP})
            else:
                own = (
                    {"standardised": STANDARDISED[last]}
                    if last in STANDARDISED and name not in ("t", "df", "p")
                    else {}
                )
                own |= {"confidence": column.confidence} if column.confidence and name.startswith("ci_") else {}
                quantity = OF_A_SLOPE.get(name, "")
                number = Number(
                    quantity, text, {"of": of, **here}, {**own, **errors_of(quantity, grid)}, {"step": STEP}
                )
            if number.quantity in KINDS and (product or here):
                found.numbers.append(replace(number, cell=(row.index, column.index)))
            else:
                why = why_not(name) if here else "no group, score, or SD from the mean says where this slope is"
                found.left.append((f"{text} in row {row.heading.text!r}, column {column.heading!r}", why))


def _where(label: str, moderator: str, known: Known, *, sure: bool = False) -> dict[str, str]:
    """Return the group or the value of a moderator that a label names; `sure`: it is a group if it is no value."""
    bare = re.sub(r"\s*\(.*", "", label)
    if (group := known.group(label)) or bare.lower() in SEXES:
        return {"group": group or bare}
    at = AT.match(label)
    if at and (at[3] or at[4]):
        value = WORDS[at[4].lower()] if at[4] else f"{'-' if at[2] == '-' else ''}{at[3]}"
        name = next((part.strip(" ():,") for part in (at[1], at[5]) if re.search(r"[a-z]{3}", part)), "")
        name = re.sub(r"(?i)^(?:at|low|high|mean)\b\s*|\s*\bat$|\b1 SD\b|[-+]", "", name).strip(" ():,") or moderator
        return {"at": f"{name or 'moderator'}:{value}"}
    if not sure and (score := SCORE.match(plain(label))):
        return {"at": f"{score[1] or moderator or 'moderator'}:'{score[2]}'"}
    return {"group": label} if sure else {}


def _scored(grid: Grid) -> str:
    """Return the heading of the rows where these are scores: the moderator."""
    return " ".join(grid.heading(0)) if all(SCORE.match(plain(row[0])) for row in grid.body) else ""


def _of_title(text: str) -> tuple[str, str]:
    """Return the predictor and the moderator of a title: ``of support on distress at levels of income``."""
    of = re.split(r"(?i) (?:on|for|by|at|predicting|in|as|across)\b", text)[0].strip()
    by = re.search(r"(?i)(?:at (?:different )?(?:levels|values) of|by) ([^,.;(]+)", text)
    return of, by.group(1).strip() if by else ""
