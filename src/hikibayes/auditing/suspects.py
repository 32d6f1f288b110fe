"""Which printed number, were it another one, would remove the contradictions of an audit."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable

from ..study.facts import Fact
from ..study.study import Study
from .checks.closure import CHECK, Repair, repairs
from .checks.rows import Check, found, number, one_of
from .columns import mistaken_columns

SHOWN = 3
LIKELIEST = "likeliest misprint"
SIZES = "group sizes add up"


def suspects(study: Study, rows: Iterable[Check], audited: Callable[[Study], Iterable[Check]]) -> Check | None:
    """Name the numbers that could be misprints, the likeliest first; None where nothing contradicts anything.

    Parameters
    ----------
    study : Study
        With its readings decided.
    rows : iterable of Check
        What the audit found.
    audited : callable
        The audit of a study with other numbers.

    Notes
    -----
    A number explains a contradiction that it is part of; a moment, one with a number that it determines only if some
    other value of it prints that number. The fewer contradictions are left, the fewer new ones it makes and the fewer
    agreements it has part in, the likelier it is. Columns interchanged or moved by a row come first where they explain
    more than any one number. Where sizes do not add up, one of them is wrong whatever else is, and they come first.
    """
    rows = list(rows)
    wrong = [row for row in rows if row.verdict == "inconsistent"]
    if not wrong:
        return None
    mended = {
        repair.fact.id: repair for repair in repairs(study, {row.facts[0] for row in wrong if row.check == CHECK})
    }
    agreeing = Counter(name for row in rows if row.verdict == "consistent" for name in row.facts)
    named = dict.fromkeys(name for row in wrong for name in row.facts)
    sizes = {name for row in wrong if row.check == SIZES for name in row.facts}
    order = sorted(named, key=lambda name: (name not in sizes, _left(name, wrong, mended.get(name)), agreeing[name]))
    first = [study.fact(name) for name in order[:SHOWN]]
    left = _left(first[0].id, wrong, mended.get(first[0].id))
    if left and (columns := mistaken_columns(study, rows, audited)) and columns[2] < left:
        words, facts, remain = columns
        note = f"With {words}, {remain or 'none'} of {len(wrong)} contradictions are left."
        return found(LIKELIEST, facts, "inconsistent", note, about=len(facts))
    rest = "the others agree" if not left else f"{left} of {len(wrong)} contradictions are left"
    note = f"Without {_named(first[0], mended)}, {rest}"
    note += f"; next come {one_of((_named(fact, mended) for fact in first[1:]), 'and')}." if first[1:] else "."
    return found(LIKELIEST, first, "inconsistent", note, about=len(first))


def _left(name: str, wrong: list[Check], repair: Repair | None) -> int:
    """Count the contradictions that another value of a number would leave or make."""
    explains = repair.explains if repair else frozenset()
    left = [row for row in wrong if not (name == row.facts[0] or _explains(name, row, explains))]
    return len(left) + (repair.spoils if repair and len(left) < len(wrong) else 0)


def _explains(name: str, row: Check, explains: frozenset[str]) -> bool:
    return row.facts[0] in explains if row.check == CHECK else name in row.facts


def _named(fact: Fact, mended: dict[str, Repair]) -> str:
    repair = mended.get(fact.id)
    would = f", which would have to be about {number(repair.value)}" if repair and repair.explains else ""
    return f"{fact.id} ({fact.printed}{would})"
