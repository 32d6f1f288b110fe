"""What the columns of a synthetic table are, and which of their relations were printed and which are assumed."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from ...quantities import KINDS
from ...study.measures import Measure
from ...study.study import Study
from .item_columns import item_columns

PARTICIPANT = "participant"
"""The column that says of every row that it is synthetic."""
COLUMNS = ("column", "label", "kind", "unit", "lowest", "highest", "values", "own_numbers", "relation_to_outcome")


def marked(table: pd.DataFrame, number: int) -> pd.DataFrame:
    """Put before a table the column ``participant``, which marks every row as synthetic.

    Parameters
    ----------
    table : pandas.DataFrame
    number : int
        Which data set it is.

    Examples
    --------
    >>> marked(pd.DataFrame({"age": [31, 46]}), 2)
              participant  age
    0  SYNTHETIC-0002-001   31
    1  SYNTHETIC-0002-002   46
    """
    names = [f"SYNTHETIC-{number:04d}-{row:03d}" for row in range(1, len(table) + 1)]
    return pd.concat([pd.Series(names, name=PARTICIPANT, index=table.index), table], axis=1)


def codebook(study: Study, *, items: bool = False) -> pd.DataFrame:
    """Describe the columns of a study's synthetic tables.

    Parameters
    ----------
    study : Study
    items : bool
        Whether the tables have item columns.

    Returns
    -------
    pandas.DataFrame
        ``column, label, kind, unit, lowest, highest, values`` (steps of a number, levels of a category),
        ``own_numbers`` (what is printed, or else assumed, of the column alone) and ``relation_to_outcome`` (the printed
        numbers that tie it to the outcome, or what stands for them).
    """
    first = [PARTICIPANT, "a name; no row is a person", "name", "", "", "", "SYNTHETIC-<data set>-<row>", "", ""]
    rows = [first, *(_row(study, measure) for measure in study.measures)]
    if items:
        rows += [row for measure in study.measures for row in _items(measure)]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _row(study: Study, measure: Measure) -> list[object]:
    category = measure.kind == "category"
    low, high = ("", "") if category else measure.limits
    label = f"{measure.label} (only {measure.only_in})" if measure.only_in else measure.label
    own, tied = _own(study, measure), _relation(study, measure)
    return [measure.id, label, measure.kind, measure.unit or "", low, high, _values(measure), own, tied]


def _values(measure: Measure) -> str:
    if measure.kind == "category":
        return "; ".join(f"{level.id}: {level.label}" for level in measure.levels)
    return f"steps of {measure.grain:.6g}" if measure.grain else "continuous"


def _items(measure: Measure) -> Iterator[list[object]]:
    low, high = measure.response or ("", "")
    for number, name in enumerate(item_columns(measure), start=1):
        label = f"{measure.label}, item {number}"
        yield [name, label, "item", "", low, high, "steps of 1", f"part of {measure.id}", f"by way of {measure.id}"]


def _own(study: Study, measure: Measure) -> str:
    """Say what is printed of a column alone; else what is assumed."""
    printed = [fact.quantity for fact in study.facts if fact.of == measure.id and not fact.with_ and not fact.step]
    if printed:
        return f"printed: {_listed(printed)}"
    assumed = [one.quantity for one in study.assumptions if measure.id in one.about]
    return f"assumed: {_listed(assumed)}" if assumed else "assumed"


def _relation(study: Study, measure: Measure) -> str:
    """Say what ties a column to the outcome."""
    outcome = study.analysis.outcome
    if measure.id == outcome:
        return "the outcome"
    printed = [
        fact.quantity
        for fact in study.facts
        if (fact.step and measure.id in (fact.of, *(fact.term or "").split(":")))
        or {fact.of, fact.with_} == {measure.id, outcome}
        or (measure.id == study.analysis.group and fact.of == outcome and fact.between)
    ]
    if printed:
        return f"printed: {_listed(printed)}"
    steps = [step.id for step in study.steps for term in study.terms(step.id) if measure.id in term.split(":")]
    if steps:
        return f"assumed, within what is printed of {', '.join(dict.fromkeys(steps))}"
    return "none: made from its own numbers"


def _listed(quantities: list[str]) -> str:
    return ", ".join(KINDS[name].words if name in KINDS else name for name in dict.fromkeys(quantities))
