"""What can be used and is odd nevertheless: said once, in the terminal and in the files of a fit, and never acted upon.

Whether a 99 is a score or no answer, only its owner knows. So nothing here changes a table or refuses one.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass
from itertools import groupby

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ...arrays import FloatArray
from ...study.facts import Fact
from ...study.study import Study
from ..data.files import RawTable
from ..data.labels import loose
from ..gaussian.least_squares import dependencies
from ..models.design import Design

CODES = np.array(
    [-1.0]
    + [
        sign * float(code)
        for width in range(1, 7)
        for code in (*(int(str(digit) * width) for digit in (7, 8, 9)), 10**width - 2, 10**width - 3)
        for sign in (1, -1)
    ]
)
"""What questionnaires customarily write for "no answer": 9, 99, -9, 88, 97, 998 and their like."""
ID_HEADERS = re.compile(r"id|pid|vpn?|vp_nr|proband|(participant|person|subject|respondent|case)(_(id|no|nr|number))?")
"""Headers, in the form of `loose`, of columns that number the people."""
OPPOSITE = 3.0
"""Standard errors by which a difference must be on the other side of 0 than the printed one to be remarked upon."""
FEW_PEOPLE = 2
MOST_RUNS = 12
"""Runs of row numbers that a remark writes out."""
FEW_VALUES = 7
"""An outcome of so few values is far from the continuous one of a Gaussian model."""
COLLINEAR = 10.0
"""Variance inflation from which columns count as nearly collinear, by the usual rule of thumb."""


@dataclass(frozen=True, kw_only=True)
class Remark:
    """One thing that is odd about a table or a fit.

    Parameters
    ----------
    kind : str
        Which check says it, for scripts: ``missing_code``, ``printed_n`` and so on.
    of : str
        The measure or column; empty where it is the whole table.
    count : int
        How many rows, values or columns it concerns.
    text : str
        For people.
    """

    kind: str
    of: str
    count: int
    text: str

    def __str__(self) -> str:
        return f"{self.of}: {self.text}" if self.of else self.text


def remark_table(remarks: Iterable[Remark]) -> pd.DataFrame:
    """Return remarks as the table of ``remarks.csv``."""
    return pd.DataFrame([astuple(remark) for remark in remarks], columns=["kind", "of", "count", "remark"])


def told(remarks: pd.DataFrame) -> list[str]:
    """Return what a table of remarks holds as a person is told, reference levels first."""
    reference = remarks["kind"] == "reference_level"
    levels = [f"{of}: {text}" for of, text in remarks.loc[reference, ["of", "remark"]].to_numpy()]
    others = [f"{of}: {text}" if of else str(text) for of, text in remarks.loc[~reference, ["of", "remark"]].to_numpy()]
    return [*levels, *(f"remark: {text}" for text in others)]


def row_runs(rows: Sequence[int]) -> str:
    """Write row numbers with their runs drawn together.

    Examples
    --------
    >>> row_runs([3, 5, 6, 7])
    'rows 3, 5-7'
    """
    runs = [[row for _, row in run] for _, run in groupby(enumerate(rows), lambda pair: pair[1] - pair[0])]
    text = ", ".join(f"{run[0]}-{run[-1]}" if len(run) > 1 else str(run[0]) for run in runs[:MOST_RUNS])
    if more := sum(map(len, runs[MOST_RUNS:])):
        text += f" and {more} more"
    return f"row {text}" if len(rows) == 1 else f"rows {text}"


# -- of a table -------------------------------------------------------------------------------------------------------


def table_remarks(
    raw: RawTable, used: pd.DataFrame, groups: Sequence[str | None] | None, study: Study
) -> Iterator[Remark]:
    """Look over a table.

    Parameters
    ----------
    raw : RawTable
        All of it, under its own headers.
    used : pandas.DataFrame
        The measures that a model uses, complete rows, columns named by measure id.
    groups : sequence of str or None
        Each row's group, incomplete rows too; None where the table is not asked for its groups.
    study : Study
        What the measures are.
    """
    yield from _repeated_rows(raw)
    yield from _repeated_ids(raw)
    yield from _printed_n(groups, len(used), study)
    for name in used.select_dtypes("number"):
        yield from _missing_codes(str(name), used[name].to_numpy(dtype=np.float64))
    yield from _opposite(used, study)


def _repeated_rows(table: RawTable) -> Iterator[Remark]:
    raw = table.frame
    repeats = table.numbered(np.flatnonzero(_repeated(raw)))
    if not repeats:
        return
    # a table of a few coarse columns has equal rows by chance: so many pairs, were its columns independent
    columns = (raw.iloc[:, i].astype(str) for i in range(raw.shape[1]))
    shares = [float((column.value_counts(normalize=True) ** 2).sum()) for column in columns]
    by_chance = len(raw) * (len(raw) - 1) / 2 * float(np.prod(shares))
    if len(repeats) > 3 * by_chance + 1 or by_chance < 0.05:
        yield Remark(
            kind="repeated_rows",
            of="",
            count=len(repeats),
            text=f"{len(repeats)} of {len(raw)} rows repeat an earlier one in every column ({row_runs(repeats)});"
            " they are counted as people of their own",
        )


def _repeated(raw: pd.DataFrame) -> NDArray[np.bool_]:
    """Tell which rows equal an earlier one in every column."""
    try:
        return np.asarray(raw.duplicated())
    except TypeError:  # a cell that is a list or the like
        return np.asarray(raw.astype(str).duplicated())


def _repeated_ids(table: RawTable) -> Iterator[Remark]:
    raw = table.frame
    for i, header in enumerate(raw.columns):
        if not ID_HEADERS.fullmatch(loose(str(header))):
            continue
        ids = raw.iloc[:, i]
        if ids.nunique() <= max(10, len(ids) / 20):
            # party identification is a "pid" too
            continue
        rows = table.numbered(np.flatnonzero((ids.duplicated() & ids.notna()).to_numpy() & ~_repeated(raw)))
        if rows:
            yield Remark(
                kind="repeated_ids",
                of=str(header),
                count=len(rows),
                text=f"{len(rows)} rows have the id of an earlier row and other values ({row_runs(rows)});"
                " a model takes every row for another person",
            )


def _printed_n(groups: Sequence[str | None] | None, used: int, study: Study) -> Iterator[Remark]:
    printed = {fact.group: int(fact.value) for fact in study.facts_of("n") if fact.relation == "="}
    if not printed or groups is None:
        return
    found = {group: sum(label == group for label in groups) for group in (g.id for g in study.groups)} | {
        None: len(groups)
    }
    printed.setdefault(None, sum(n for group, n in printed.items() if group))
    if wrong := [group for group, n in printed.items() if found.get(group) != n]:
        each = [group for group in (*study.group_names, None) if group in printed]
        says, has = (
            ", ".join(f"{counts[group]} in {group}" if group else f"{counts[None]} in all" for group in each)
            for counts in (printed, found)
        )
        yield Remark(
            kind="printed_n",
            of="",
            count=abs(found[None] - printed[None]) if None in wrong else len(wrong),
            text=f"the study prints n = {says}; the table has {has}, of which {used} are used",
        )


def _missing_codes(name: str, values: FloatArray) -> Iterator[Remark]:
    if not np.isin(values, CODES).any():
        return
    # codes must not hide each other: first far from everything that is no customary code, then from all that is not far
    suspects = _far_codes(values, ~np.isin(values, CODES))
    for code, distance in _far_codes(values, ~np.isin(values, [*suspects])).items():
        count = int((values == code).sum())
        yield Remark(
            kind="missing_code",
            of=name,
            count=count,
            text=f"{code:g} occurs {_times(count)}, {distance:.1f} SD from the mean of the others, and is a customary"
            " code for no answer; if it is one, say so in a mapping file: under [missing_in],"
            f" {name} = [{code:g}]",
        )


def _far_codes(values: FloatArray, ordinary: NDArray[np.bool_]) -> dict[float, float]:
    """Return the customary codes that are far from the ordinary values, and how many of their SD from their mean."""
    others, found = values[ordinary], {}
    if len(others) < 5 or not (sd := float(others.std(ddof=1))):
        return {}
    for code in np.unique(values[~ordinary & np.isin(values, CODES)]).tolist():
        distance, gap = abs(code - others.mean()) / sd, np.abs(others - code).min() / sd
        # more than once or very far, and nobody near: a score of 7 among 6s and 8s is none
        if gap >= 1 and distance >= (3 if (values == code).sum() > 1 else 6):
            found[code] = float(distance)
    return found


def _opposite(used: pd.DataFrame, study: Study) -> Iterator[Remark]:
    """Name the measures whose groups differ the other way round than the study printed."""
    printed: dict[str, Fact] = {fact.of: fact for fact in study.facts if fact.of and fact.quantity in {"t", "d"}}
    for name, fact in printed.items():
        if name not in used or study.analysis.group not in used or fact.absolute or not fact.between:
            continue
        first, second = (used.loc[used[study.analysis.group] == group, name] for group in fact.between)
        error = np.sqrt(first.var() / len(first) + second.var() / len(second))
        difference = (first.mean() - second.mean()) * np.sign(float(fact.value))
        if difference < -OPPOSITE * error:
            higher, lower = fact.between if fact.value > 0 else fact.between[::-1]
            yield Remark(
                kind="opposite",
                of=name,
                count=len(first) + len(second),
                text=f"the study has it higher in {higher} than in {lower}, this table lower;"
                f" if it is scored the other way round, say reversed = [{name!r}] in a mapping file; or are the labels"
                f" of {study.analysis.group} exchanged?",
            )


# -- of a design ------------------------------------------------------------------------------------------------------


def design_remarks(design: Design, why: Mapping[str, str] | None = None) -> Iterator[Remark]:
    """Look over a design: its reference levels, thin levels, an outcome of few values, columns that nearly coincide.

    Parameters
    ----------
    design : Design
        What is fitted.
    why : mapping of str to str, optional
        Of a category whose levels were read off the table, why the first is the reference.
    """
    compared = set().union(*design.model.measures.values())
    for name, levels in design.levels.items():
        # what an intercept varies by has no reference
        if name not in compared and f"1|{name}" in design.model.varying:
            continue
        yield _reference(name, levels, design.study, (why or {}).get(name))
    for name in design.levels:
        yield from _few_people(name, design)
    yield from _few_values(design)
    yield from list(_dependent(design)) or _collinear(design)


def _reference(name: str, levels: Sequence[str], study: Study, chosen: str | None) -> Remark:
    first = study.measure(name).levels[0].id
    why = "" if levels[0] == first else f"; nobody is at the study's first level, {first}"
    if chosen and len(levels) > 1:
        typed = shlex.quote(f"{study.measure(name).label}={levels[1]}")
        why = f" ({chosen}; there are {', '.join(levels)}); --reference {typed} makes it another"
    return Remark(kind="reference_level", of=name, count=len(levels), text=f"the reference level is {levels[0]}{why}")


def _few_people(name: str, design: Design) -> Iterator[Remark]:
    labels = design.frame[name].tolist()
    for level in design.study.measure(name).levels:
        n = labels.count(level.id)
        if n > FEW_PEOPLE:
            continue
        people = "nobody is" if not n else "1 person is" if n == 1 else f"{n} people are"
        then = "it has no column" if not n else "what is said of it rests on them"
        yield Remark(kind="few_people", of=name, count=n, text=f"{people} at level {level.id}; {then}")


def _few_values(design: Design) -> Iterator[Remark]:
    outcome = design.frame[design.model.outcome]
    distinct = outcome.nunique()
    if design.model.family in {"gaussian", "t"} and distinct <= FEW_VALUES and 3 * distinct <= len(outcome):
        yield Remark(
            kind="few_values",
            of=design.model.outcome,
            count=distinct,
            text=f"the outcome has {distinct} different values in {len(outcome)} rows; a {design.model.family} model"
            " takes it for continuous, so its intervals may be wrong and its predictions impossible",
        )


def _dependent(design: Design) -> Iterator[Remark]:
    """Name the columns that are sums of others, where the rows do not outnumber the coefficients how few they are."""
    n, coefficients = len(design.frame), len(design.columns) + 1
    if n <= coefficients:
        yield Remark(
            kind="few_rows",
            of=design.model.name,
            count=n,
            text=f"{n} complete rows for {coefficients} coefficients; what the rows leave open the priors decide",
        )
        return
    for name, *others in dependencies(design.statistics):
        yield Remark(
            kind="collinear",
            of=", ".join([name, *others]),
            count=len(others) + 1,
            text=f"{name} follows from {', '.join(others)} in every row; the data know their sum, and the priors decide"
            " how it is shared",
        )


def _collinear(design: Design) -> Iterator[Remark]:
    """Name the predictors that are nearly sums of others; products with a measure are so by their making."""
    columns = [column for term, names in design.terms.items() if ":" not in term for column in names]
    rows = design.rows[0][:, [design.columns.index(column) for column in columns]]
    if rows.shape[1] < 2 or not (rows.std(axis=0) > 0).all():
        return
    correlation = np.corrcoef(rows, rowvar=False)
    values, vectors = np.linalg.eigh(correlation)
    inflation = (vectors**2 / np.maximum(values, 1e-12)).sum(axis=1)
    found = [(column, i) for i, column in enumerate(columns) if inflation[i] >= COLLINEAR]
    if not found:
        return
    names = [column for column, _ in found]
    largest = max(inflation[i] for _, i in found)
    shared = f"r = {correlation[found[0][1], found[1][1]]:.3f}, " if len(found) == 2 else ""
    yield Remark(
        kind="collinear",
        of=", ".join(names),
        count=len(names),
        text=f"nearly a sum of the others ({shared}variance inflation up to {min(largest, 1e6):.3g}); their"
        " coefficients are known together, not one by one",
    )


def _times(count: int) -> str:
    return {1: "once", 2: "twice"}.get(count, f"{count} times")
