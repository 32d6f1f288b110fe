"""What describes and compares groups: n, M, SD, shares by group, and the tests beside them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from decimal import Decimal, InvalidOperation

from ....quantities import KINDS
from ...tables import identifier
from ..cells import Piece
from ..columns import WHOLE, Column, Known, Number, Row, Understood, assigned, columns_of, rows_of
from ..grids import Grid
from ..headings import read_heading
from ..names import UNIT as NAMED

DESCRIBING = {
    **{
        name: name
        for name in ("mean", "sd", "median", "lower_quartile", "upper_quartile", "minimum", "maximum", "alpha")
    },
    "se": "mean_se",
    "ci_low": "mean_ci_low",
    "ci_high": "mean_ci_high",
    "n": "n",
    "percent": "proportion",
}
COMPARING = {"t": "t", "df": "df", "p": "p", "d": "d", "g": "d"}
OF_DIFFERENCES = {
    "mean_difference": "mean_difference",
    **{f"difference_{name}": f"mean_difference_{name}" for name in ("ci_low", "ci_high", "se")},
}
OF_ALL = {"f": "f", "chi2": "chi2", "partial_eta2": "eta2"}
DFS_OF = {"f": ("f_df1", "f_df2"), "t": ("df",), "chi2": ("chi2_df",)}
"""Degrees of freedom of a test, in the order in which its heading prints them."""
COUNTS = {"n", "percent"}
TESTS = {*COMPARING, *OF_ALL, *OF_DIFFERENCES, "difference_ci", "t_or_chi2"}
UNIT = re.compile(rf"(?i)(?<=\w)[,(]?\s+\(?(?:in )?(?:years?|months?|days|points|kg|cm|yes|%)\)?\s*$|{NAMED.pattern}")


def fits(grid: Grid) -> bool:
    """Tell whether means, shares or numbers of people stand in it, by heading, row or note."""
    told = {name for column in columns_of(grid) for name in column.statistics}
    told |= {name for row in rows_of(grid) for name in row.heading.statistics}
    return bool(told & {"mean", "sd", "n", "percent", "median"}) or bool(_by_note(grid)) or "%" in str(grid.body)


def read(grid: Grid, known: Known) -> Understood:
    """Return what describes each group, and the tests of their differences."""
    found = Understood("comparisons")
    columns = columns_of(grid)
    groups = _groups(columns, known)
    transposed = bool(grid.labels == 1 and re.fullmatch(r"(?i)groups?|arm|condition", (grid.heading(0) or ("",))[-1]))
    for column in columns:
        found.meanings[column.index] = (
            ", ".join(column.statistics or _by_note(grid))
            + "".join(f" of {context}" for context in column.contexts if not {*column.statistics} & TESTS)
            or "not understood"
        )
        if column.size and (group := _group(column, groups)) is not None:
            found.numbers.append(Number("n", column.size, {"group": group} if group else {}))
    section = ""
    for row in (_with_unit(grid, row, columns) for row in rows_of(grid)):
        own = any(grid.numbers(row.index, column.index) for column in columns if not {*column.statistics} & TESTS)
        scores = row.heading.statistics or any("±" in cell for cell in grid.body[row.index])
        section = row.heading.text if not own else "" if scores else section
        if row.has_numbers:
            here = row if row.roles else replace(row, section=section if own else "")
            for column in columns:
                _read_cell(found, grid, here, column, groups, transposed)
    _take_dfs(found, columns)
    _take_sizes(found)
    kept: list[Number] = []
    labels = list(dict.fromkeys(n.address["group"] for n in found.numbers if "group" in n.address))
    medians = {n.address["of"] for n in found.numbers if n.quantity == "median"}
    for number in _signed(found.numbers, labels):
        if not number.quantity or (number.quantity in ("f_p", "p") and number.address["of"] in medians):
            found.left.append((f"{number.text} of {number.address['of']}", "this test is no kind of number"))
        else:
            kept.append(number)
    found.numbers = kept
    return found


def _with_unit(grid: Grid, row: Row, columns: list[Column]) -> Row:
    """Return a row without its ``(%)`` where that is the unit of a mean: an SD stands in its cells."""
    if row.heading.statistics != ("percent",):
        return row
    for column in columns:
        told, found = column.statistics or _by_note(grid), grid.numbers(row.index, column.index) or ()
        cell = grid.body[row.index][column.index]
        shares = _by_looks(cell, found, column) == ("n", "percent") or (not column.size and found[:1] and _whole(found))
        if "±" in cell or ("sd" in told and len(found) == len(told) and not shares):
            return replace(row, heading=replace(row.heading, statistics=()))
    return row


def _whole(found: tuple[Piece, ...]) -> bool:
    return len(found) > 1 and found[0].text.isdigit()


def _take_dfs(found: Understood, columns: list[Column]) -> None:
    """Let the degrees of freedom in a heading be of every test below it: ``F(2, 155)``, ``t(115)``."""
    dfs = {column.index: column.dfs for column in columns if column.dfs}
    tests = [number for number in found.numbers if number.quantity in DFS_OF and number.cell[1] in dfs]
    own = {(number.quantity, *sorted(number.address.items())) for number in found.numbers}
    for test in tests:
        for quantity, df in zip(DFS_OF[test.quantity], dfs[test.cell[1]], strict=False):
            if (quantity, *sorted(test.address.items())) not in own:
                found.numbers.append(replace(test, quantity=quantity, text=df))
                found.in_words += 1


def _take_sizes(found: Understood) -> None:
    """Let the n beside each measure's mean be of its group where all are equal; else it is of no group."""
    sizes: dict[str, list[Number]] = {}
    for number in found.numbers:
        if number.quantity == "n" and "of" in number.address:
            sizes.setdefault(number.address.get("group", ""), []).append(number)
    for group, numbers in sizes.items():
        texts = list(dict.fromkeys(number.text for number in numbers))
        if len(texts) == 1:
            found.numbers.append(Number("n", texts[0], {"group": group} if group else {}))
            found.repeated += len(numbers) - 1
        else:
            what = f"n = {', '.join(texts)}{f' of {group}' if group else ''}"
            found.left.append((what, "it differs between the measures; a group has one n, and a step has one"))
    found.numbers = [n for n in found.numbers if n.quantity != "n" or "of" not in n.address]


def _read_cell(
    found: Understood, grid: Grid, row: Row, column: Column, groups: dict[str, str], transposed: bool
) -> None:
    numbers = grid.numbers(row.index, column.index)
    test = bool({*column.statistics} & TESTS) and not {*column.statistics} & {"mean", "n"}
    if numbers and test and _group(column, groups) and _repeated(column, grid):
        found.left.append((f"{column.heading} of {row.heading.text}", "a test within one group is no kind of number"))
        return
    said = () if not row.section else read_heading(row.section).statistics
    statistics = column.statistics if test else (row.heading.statistics or column.statistics)
    if statistics == ("percent",):
        statistics = _by_looks(grid.body[row.index][column.index], numbers or (), column) or statistics
    if not statistics:
        statistics = _by_looks(grid.body[row.index][column.index], numbers or (), column) or said or _by_note(grid)
    averaged = any("mean" in each.statistics and grid.numbers(row.index, each.index) for each in columns_of(grid))
    for name, text in assigned(numbers or (), statistics):
        number = (
            _compared(name, text, row, column, grid)
            if test
            else _described(name, text, row, column, groups, transposed, averaged)
        )
        if number is not None and number.quantity in KINDS:
            found.numbers.append(replace(number, cell=(row.index, column.index)))
        else:
            where = f"{text} in row {row.heading.text!r}, column {column.heading!r}"
            why = f"no kind of number is known for {name!r}" if name else "no heading says which statistic it is"
            found.left.append((where, why))


def _described(
    name: str, text: str, row: Row, column: Column, groups: dict[str, str], transposed: bool, averaged: bool
) -> Number | None:
    quantity = DESCRIBING.get(name, "")
    whose = row.roles.get("group") or (row.label if transposed else "")
    if whose:
        at_row = {} if WHOLE.match(whose) else {"group": whose}
        of = row.roles.get("entity") or next(iter(column.contexts), "")
        if quantity == "n":
            return Number("n", text, at_row)
        return (
            Number(quantity, text, at_row, {"of": of}) if transposed else Number(quantity, text, {"of": of, **at_row})
        )
    group = _group(column, groups)
    own = {"group": group} if group else {}
    of, level = _entity(row, counted=name in COUNTS)
    if name == "n" and re.fullmatch(r"(?i)n|sample size|participants|number.*", row.heading.text):
        return Number("n", text, own)
    if name == "n" and averaged:
        return Number("n", text, {"of": of}, own)
    if name in COUNTS and level:
        if name == "n":
            return Number("count", text, {"of": of, "level": level}, own)
        percent = text if "%" in text else f"{text}%"
        return Number("proportion", percent, {"of": of, "level": level}, own)
    return Number(quantity, text, {"of": of}, own)


def _compared(name: str, text: str, row: Row, column: Column, grid: Grid) -> Number | None:
    told = {each for column in columns_of(grid) for each in column.statistics}
    if ("odds" in told and name == "p") or (
        name == "f" and re.search(r"(?i)ancova|covari|adjust", f"{grid.title} {grid.note}")
    ):
        return None
    by_row = {*row.heading.statistics} or {*(read_heading(row.section).statistics if row.section else ())} or told
    counted = name == "chi2" or (bool(by_row & COUNTS) and "mean" not in by_row)
    of, level = _entity(row, counted=counted)
    if name == "t_or_chi2":
        name = "chi2" if level else "t"
    if name in OF_ALL:
        return Number(OF_ALL[name], text, {"of": of})
    if name == "p" and level:
        return Number("chi2_p", text, {"of": of})
    if name in OF_DIFFERENCES:
        level_of = {"confidence": column.confidence} if "_ci_" in name and column.confidence else {}
        quantity = "" if level else OF_DIFFERENCES[name]
        return Number(quantity, text, {"of": of}, {"between": "@groups", **level_of})
    own = {"between": "@groups", **({"kind": "hedges"} if name == "g" else {})}
    return Number(COMPARING.get(name, ""), text, {"of": of}, own)


def _entity(row: Row, *, counted: bool) -> tuple[str, str]:
    """Return what a row is of: a measure, or a category and its level."""
    label = UNIT.sub("", row.label).strip(" ,")
    if not counted:
        return label, ""
    inner = re.fullmatch(r"(.+?)\s*\((\w[\w -]*)\)|(.+?)[:,] (\w[\w -]*)", label)
    if row.section and not row.heading.statistics:
        section = re.sub(r"[,(]?\s*(?:n|N|No\.)?\s*\(?%\)?\)?$", "", row.section).strip(" ,(")
        return section, label
    if inner:
        return (inner[1] or inner[3]).strip(), (inner[2] or inner[4]).strip()
    return label, "yes"


def _groups(columns: Iterable[Column], known: Known) -> dict[str, str]:
    """Return the groups' labels by context of a column; an empty label for everybody."""
    contexts = [context for column in columns for context in column.contexts if not {*column.statistics} & TESTS]
    first = {identifier(context): context for context in reversed(contexts)}
    return {context: "" if WHOLE.match(context) else first[identifier(context)] for context in dict.fromkeys(contexts)}


def _group(column: Column, groups: dict[str, str]) -> str | None:
    return next((groups[context] for context in column.contexts if context in groups), "")


def _by_note(grid: Grid) -> tuple[str, ...]:
    """Return what two numbers in a cell are, where only title, note or the heading of the rows says it."""
    told = f"{grid.title} {grid.note} {' '.join(' '.join(row[: grid.labels]) for row in grid.head)}"
    if re.search(r"\bM\b.{0,8}\(?\bSDs?\b|(?i:means?\b.{0,14}(?:\bSDs?\b|standard deviation))", told):
        return ("mean", "sd")
    return ("n", "percent") if re.search(r"\b[nN] ?\(%\)", told) else ()


def _repeated(column: Column, grid: Grid) -> bool:
    """Tell whether every group has a test of its own, which then is no comparison of groups."""
    others = [each for each in columns_of(grid) if each.statistics == column.statistics]
    return len({each.contexts for each in others}) > 1


def _by_looks(cell: str, numbers: tuple[Piece, ...], column: Column) -> tuple[str, ...]:
    """Return what two numbers are by how they stand: ``a ± b``, or a count and its share of the group."""
    if "±" in cell:
        return ("mean", "sd")
    if len(numbers) != 2 or not numbers[0].text.isdigit():
        return ()
    share = _decimal(numbers[1].text)
    of_group = 100 * int(numbers[0].text) / int(column.size or 10**9)
    fits = "%" in numbers[1].text or (share is not None and column.size and abs(of_group - float(share)) < 1)
    return ("n", "percent") if fits else ()


def _signed(numbers: list[Number], groups: list[str]) -> list[Number]:
    """Say which group minus which the tests are of: as the means say; absolute, where no order fits all of them."""
    if len(groups) > 2:
        return [_of_all(n) if n.column.get("between") == "@groups" else n for n in numbers]
    signs = {kinds: _signs(numbers, groups, kinds) for kinds in (("t", "d"), ("mean_difference",))}
    tests, differences = signs.values()
    negative = any(n.quantity in ("t", "d") and n.text.startswith("-") for n in numbers)
    absolute = {"absolute": "true"} if len(tests) == 2 and not negative else {}
    made = []
    for number in numbers:
        if number.column.get("between") == "@groups":
            of_means = number.quantity.startswith("mean_difference")
            said = (differences or tests) if of_means else (tests or differences)
            order = groups if said != {False} else groups[::-1]
            own = absolute if number.quantity in ("t", "d") else {}
            quantity = "" if of_means and len(groups) != 2 else number.quantity
            number = replace(  # noqa: PLW2901
                number, quantity=quantity, column={**number.column, "between": ",".join(order), **own}
            )
        made.append(number)
    return made


def _signs(numbers: list[Number], groups: list[str], kinds: tuple[str, ...]) -> set[bool]:
    """Return whether numbers of these kinds have the sign of first minus second group, by their means."""
    means = {(n.address.get("of"), n.address.get("group")): n.text for n in numbers if n.quantity == "mean"}
    signs = set()
    for number in numbers:
        if number.quantity in kinds and len(groups) == 2:
            pair = [_decimal(means.get((number.address["of"], group), "")) for group in groups]
            value = _decimal(number.text)
            if None not in (*pair, value) and pair[0] != pair[1] and value:
                signs.add((pair[0] > pair[1]) == (value > 0))  # type: ignore[operator]
    return signs


def _of_all(number: Number) -> Number:
    """Return a test of more than two groups: the p is that of F; what else there is has no kind."""
    return replace(number, quantity="f_p" if number.quantity == "p" else "", column={})


def _decimal(text: str) -> Decimal | None:
    try:
        return Decimal(re.sub(r"[^\d.-]", "", text))
    except InvalidOperation:
        return None
