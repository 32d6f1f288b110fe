"""Coefficients of one regression or several: steps side by side or below each other, with the rows that a step has."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from decimal import Decimal

from ....quantities import KINDS
from ..cells import plain
from ..columns import SECTION, SEXES, Column, Known, Number, Row, Understood, assigned, columns_of, rows_of
from ..grids import Grid
from ..headings import read_heading
from ..models import respelt, row_of_a_model
from ..names import same
from ..outside import EFFECTS, OF_A_MEDIATION

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
    "delta_p": "delta_r2_p",
}
DFS_OF = {"r2_f": ("r2_df1", "r2_df2"), "delta_r2_f": ("delta_r2_df1", "delta_r2_df2")}
TESTS = ("f", "p")
TESTED = {
    **dict.fromkeys(("r2", "adjusted_r2", "f"), "r2"),
    **dict.fromkeys(("delta_r2", "adjusted_delta_r2", "delta_f", "delta_p"), "delta_r2"),
}
"""What stands in a column of F or p is of the share that its row is of, or tests."""
SHARES = {"r2", "adjusted_r2", "delta_r2", "adjusted_delta_r2"}
INLINE = re.compile(
    r"(?P<name>(?:Adj\w*\.? )?Δ?R2|ΔF|F|p)\s*(?P<df>\(\s*\d+\s*[,;]\s*\d+\s*\))?\s*(?P<relation>[=<>])\s*"
    r"(?P<value>-?\d*\.?\d+\**)"
)
STANDARDISED = {"b": "false", "beta": "true"}
TIMES = re.compile(r"\s*[×✕⨯*:]\s*|\s+(?:x|X|by)\s+")
DUMMY = re.compile(r"C?\(?(\w+)\)?\[T\.[^\]]+\]")
"""How statsmodels calls the column of a level."""
ONLY_STEP = "one_step"


def fits(grid: Grid) -> bool:
    """Tell whether it has a column of coefficients, or columns of models over rows of R²."""
    columns = columns_of(grid)
    if any({*column.statistics} & {*COEFFICIENTS, "r2", "delta_r2"} for column in columns):
        return True
    stepped = any(SECTION.match(context) for column in columns for context in column.contexts)
    return any("r2" in row.heading.statistics for row in rows_of(grid)) or (
        stepped and bool(re.search(r"(?i)regression|coefficient|β|beta", grid.title + grid.note))
    )


def read(grid: Grid, known: Known) -> Understood:
    """Return coefficients with what belongs to them, and what the steps explain."""
    found = Understood("regressions")
    columns, rows = columns_of(grid), _levels_named(_models_named(rows_of(grid)))
    for column in columns:
        found.meanings[column.index] = _meaning(column, grid)
    groups = _groups_of(found, columns, known)
    by_row = _outcomes_in_sections(rows)
    outcomes = by_row or list(dict.fromkeys(filter(None, (_outcome(column, groups) for column in columns))))
    titled = [outcome for outcome in [outcome_of(grid.title)] if outcome]
    found.outcomes = outcomes or titled
    chosen = _chosen(outcomes, titled, known)
    if others := [outcome for outcome in outcomes if outcome != chosen]:
        found.left.append(other_outcomes(others, chosen or known.outcome))
    columns = [column for column in columns if by_row or _outcome(column, groups) in ("", chosen)]
    if outcomes and not chosen:
        return found
    _add_sizes(found, columns, groups)
    before = ""
    for row in rows:
        before = step = _step_of_row(row, before)
        if by_row and chosen not in (outcome_in(row.section), outcome_in(row.outer)):
            continue
        if size := read_heading(row.section).size if not row.has_numbers and SECTION.match(row.section) else "":
            found.numbers.append(Number("n", size, {}, {}, {"step": step}))
        in_words = [number for text in grid.body[row.index] for number in inline(grid.pointed(text), step)]
        found.in_words += len(in_words)
        found.numbers += in_words
        if row.has_numbers and EFFECTS.search(row.label):
            found.left.append((f"the row {row.heading.text!r}", OF_A_MEDIATION))
        elif row.has_numbers:
            _read_row(found, grid, row, columns, step, groups)
    return found


def _levels_named(rows: list[Row]) -> list[Row]:
    """Return rows without the colon between a factor and its level, ``Voice: Alto``; a product of two rows keeps it."""
    labels = {row.label for row in rows}

    def named(text: str) -> str:
        return text if set(re.split(r":\s+", text)) <= labels else re.sub(r"(?<=\S):\s+(?=\S)", " ", text)

    return [replace(row, heading=replace(row.heading, context=named(row.heading.context))) for row in rows]


def _models_named(rows: Iterable[Row]) -> list[Row]:
    """Return rows of which those about a model say which statistic they have; a p is of the row before it."""
    named, before = list[Row](), ""
    for row in rows:
        found = row
        if row.has_numbers and not _of_step(row) and (name := _of_model(row)):
            found = replace(row, heading=replace(row.heading, context="", statistics=(name,)))
        own = found.heading.statistics if _of_step(found) else ()
        if own == ("p",) and TESTED.get(before) == "delta_r2" and not re.search(r"[FR]", row.label):
            found = replace(found, heading=replace(found.heading, statistics=("delta_p",)))
        before = own[0] if own else ""
        named.append(found)
    return named


def _of_model(row: Row) -> str:
    return row_of_a_model(row.heading.text) or row_of_a_model(row.label)


def other_outcomes(others: Iterable[str], chosen: str) -> tuple[str, str]:
    """Return what is left out of a table of several outcomes, and why."""
    return f"the numbers of {', '.join(others)}", f"a study has one outcome, here {chosen}: --outcome"


def _chosen(outcomes: list[str], titled: list[str], known: Known) -> str:
    """Return the outcome whose numbers enter: the one that is asked for, or the first; empty where none is it."""
    asked = [outcome for outcome in outcomes if same(outcome, known.outcome)]
    named = not known.outcome or len(outcomes) == 1 or any(same(outcome, known.outcome) for outcome in titled)
    return next(iter(asked or (outcomes if named else [])), "")


def _groups_of(found: Understood, columns: list[Column], known: Known) -> set[str]:
    """Return the contexts that are groups with a regression of their own: what has a size, where it is no outcome."""
    contexts = [(context, column.size) for column in columns for context in column.contexts]
    surely = {context for context, _ in contexts if known.said(context) or context.lower() in SEXES}
    if any(same(context, known.outcome) for context, _ in contexts):
        return surely
    sized = dict.fromkeys(context for context, size in contexts if size and not SECTION.match(context))
    if open_ := [context for context in sized if context not in surely]:
        found.unknown.append(f"whether {', '.join(open_)} are groups, as read here, or outcomes: --outcome says so")
    return surely | {*sized}


def _add_sizes(found: Understood, columns: list[Column], groups: set[str]) -> None:
    """Add the sizes in the headings: of a group, or of a step."""
    sizes = dict.fromkeys(
        (("group", group) if group else ("step", _step(column) or ONLY_STEP), column.size)
        for column in columns
        for group in [next((context for context in column.contexts if context in groups), "")]
        if column.size
    )
    found.numbers += [Number("n", size, shared=dict([whose])) for whose, size in sizes]
    found.in_words += len(sizes) - len({size for _, size in sizes})


def inline(text: str, step: str) -> Iterator[Number]:
    """Yield what words say of a step: ``R² = .23, F(2, 197) = 29.42, p < .001``."""
    about = ""
    for part in INLINE.finditer(respelt(plain(text))):
        heading = read_heading(f"{part['name']}{part['df'] or ''}")
        name = heading.statistics[0] if heading.statistics else ""
        quantity = OF_A_STEP.get(name, "")
        if name == "p":
            quantity = f"{about.removesuffix('_f')}_p"
        elif name == "f" and about == "delta_r2":
            quantity = "delta_r2_f"
        about = quantity
        if quantity in KINDS:
            number = Number(
                quantity, f"{part['relation'].strip('= ')}{part['value']}", {}, {}, {"step": step or ONLY_STEP}
            )
            yield number
            yield from _dfs(number, heading.dfs)


def _read_row(found: Understood, grid: Grid, row: Row, columns: list[Column], section: str, groups: set[str]) -> None:
    last: dict[str, str] = {}
    about = "r2"
    of_step, has_b = _of_step(row), any("b" in column.statistics for column in columns)
    for column in columns:
        step = _step(column) or section or ONLY_STEP
        group = next((context for context in column.contexts if context in groups), "")
        numbers = grid.numbers(row.index, column.index)
        if not numbers:
            continue
        tests = of_step and {*column.statistics} in ({"f"}, {"p"}) and row.heading.statistics[0] in TESTED
        statistics = row.heading.statistics if of_step and not tests else _statistics(column, grid)
        for name, text in assigned(numbers, statistics):
            last[step] = name if name in COEFFICIENTS else last.get(step, "")
            about = TESTED.get(name, about)
            number = (
                _about_step(name, text, step, row, about)
                if of_step or _only_of_steps(column, row)
                else _about_term(name, text, step, row, column, last[step], has_b)
            )
            apart = _within(group, number) if group and number else number
            if apart and apart.quantity in KINDS:
                own = errors_of(apart.quantity, grid)
                found.numbers.append(replace(apart, column={**apart.column, **own}, cell=(row.index, column.index)))
                found.numbers += _dfs(apart, row.heading.dfs or column.dfs) if of_step else []
            else:
                what = f"{text} in row {row.heading.text!r}, column {column.heading!r}"
                alone = f"of the regression in {group} alone only slopes enter"
                found.left.append((what, alone if number and not apart else why_not(name)))


def _within(group: str, number: Number) -> Number | None:
    """Return a coefficient of a group's own regression: a slope of its group alone."""
    if not number.quantity.startswith("coefficient") or ":" in number.address.get("term", ":"):
        return None
    quantity = number.quantity.replace("coefficient", "slope")
    row = {"of": number.row["term"]}
    return replace(number, quantity=quantity, row=row, column={"group": group, **number.column, "separate": "true"})


def errors_of(quantity: str, grid: Grid) -> dict[str, str]:
    """Return what a standard error, and what rests on it, is of by the table's title and note."""
    told = re.search(r"(?i)\b(robust|bootstrap)", f"{grid.title} {grid.note}")
    return {"errors": told.group(1).lower()} if told and quantity in KINDS and "errors" in KINDS[quantity].may else {}


def _about_step(name: str, text: str, step: str, row: Row, about: str) -> Number | None:
    # a p is of what stands before it
    quantity = f"{about}_p" if name == "p" else OF_A_STEP.get(name, "")
    if name in SHARES and text.endswith("%"):
        text = str(Decimal(text[:-1]).scaleb(-2))
    if name in TESTS and (share := row.heading.statistics[:1]) and share[0] in TESTED:
        quantity = f"{TESTED[share[0]]}_{name}"
    if name == "adjusted_delta_r2":
        return Number("delta_r2", text, {}, {"adjusted": "true"}, {"step": step})
    return Number(quantity, text, {}, {}, {"step": step})


def _about_term(name: str, text: str, step: str, row: Row, column: Column, last: str, has_b: bool) -> Number | None:
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
    if name in ("ci_low", "ci_high") and has_b and "β" not in column.heading:
        belongs = "b"
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
    told = {*row.heading.statistics[:1]}
    return bool(told & {*OF_A_STEP, "adjusted_delta_r2", "other"}) and not row.heading.context


def _only_of_steps(column: Column, row: Row) -> bool:
    """Tell whether a column is about steps, whatever row its numbers stand in."""
    own = {*SHARES, "delta_f", "delta_p"}
    return bool({*column.statistics} & own) or bool(SECTION.match(row.heading.text) and not row.roles)


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


def _outcome(column: Column, groups: set[str]) -> str:
    """Return the context of a column that is no model and no group: what is explained there."""
    return next((c for c in column.contexts if not SECTION.match(c) and c not in groups), "")


def _outcomes_in_sections(rows: list[Row]) -> list[str]:
    """Return the sections that repeat each other's rows and are no steps: an outcome each."""
    sections: dict[str, set[str]] = {}
    for row in rows:
        name = outcome_in(row.outer if not row.section or SECTION.match(row.section) else row.section)
        if row.has_numbers and name and not _of_step(row):
            sections.setdefault(name, set()).add(row.label)
    sets = list(sections.values())
    return list(sections) if any(a & b for k, a in enumerate(sets) for b in sets[:k]) else []


def outcome_in(section: str) -> str:
    """Return the outcome that a section names, without its size and without saying that it is one."""
    named = re.sub(r"(?i)^(?:outcome|dependent|dv)(?: variable| measure)?\s*[:=]\s*", "", section)
    return (read_heading(named).context or named) if named else ""


def outcome_of(title: str) -> str:
    """Return what a title says is explained."""
    found = re.search(
        r"(?i)(?:predicting|explaining|outcome|dependent variable|regress\w* (?:of|on)|"
        r"models? (?:of|for)(?! predict| explain))[: ]+(?:the )?([^,.;(]+)",
        title,
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


def why_not(name: str) -> str:
    """Say why a number of a regression's table does not enter."""
    if name == "odds":
        return "odds and hazard ratios belong to other models than linear regression"
    if name == "other":
        return "it is of the model, and no kind of number is known for it"
    return f"no kind of number is known for {name!r}" if name else "no heading says which statistic it is"
