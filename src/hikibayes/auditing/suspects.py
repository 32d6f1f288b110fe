"""Which printed number, were it another one, would remove the contradictions of an audit."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import combinations

from ..study.facts import Fact
from ..study.study import Study
from .checks.closure import CHECK, Repair, repairs
from .checks.rows import Check, found, number, one_of
from .columns import mistaken_columns, row_of
from .trials import Trial

SHOWN = 3
LIKELIEST = "likeliest misprint"
SIZES = "group sizes add up"
MATRIX = "correlations together"
NEAR = 12
"""How many of the numbers with the greatest share of contradictions are tried in each other's place."""
MOST_SIGNS = 10
"""How many correlations of a set are tried with the opposite sign."""


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
    agreements it has part in, the likelier it is. Two numbers of a row interchanged come first where they explain as
    much as any one number; columns interchanged, or moved by a row, where they explain more. Where sizes do not add up,
    one of them is wrong whatever else is: first comes the one that leaves the fewest contradictions once it makes them
    add up.
    """
    rows = list(rows)
    trial = Trial(study, rows, audited)
    wrong = trial.wrong
    if not wrong:
        return None
    mended = {
        repair.fact.id: repair for repair in repairs(study, {row.facts[0] for row in wrong if row.check == CHECK})
    }
    agreeing = Counter(name for row in rows if row.verdict == "consistent" for name in row.facts)
    named = dict.fromkeys(name for row in wrong for name in row.facts)
    sizes = [name for row in wrong if row.check == SIZES for name in row.facts]
    left = {name: _left(name, wrong, mended.get(name)) for name in named}
    order = sorted(named, key=lambda name: (name not in sizes, left[name], agreeing[name]))
    first = [study.fact(name) for name in order]
    alone = Cause(f"Without {_named(first[0], mended)}", first[:1], left[order[0]])
    if sizes:
        causes = [*_other_sizes(trial, sizes), alone]
        first.sort(key=lambda fact: fact.id not in sizes)
    else:
        against = Counter(name for row in wrong for name in row.facts)
        share = {name: against[name] / (against[name] + agreeing[name]) for name in named}
        near = sorted(named, key=share.__getitem__, reverse=True)[:NEAR] if alone.left else []
        causes = [*_interchanged(trial, [*map(study.fact, near)], alone.left), *_other_signs(trial), alone]
    if not sizes and all(cause.left for cause in causes):
        causes += [Cause(f"With {words}", facts, left) for words, facts, left in mistaken_columns(trial)]
    best = min(causes, key=lambda cause: cause.left)
    after = [fact for fact in first if fact not in best.facts][: max(SHOWN - len(best.facts), 0)]
    rest = f"{best.left} of {len(wrong)} contradictions are left" if best.left else "the others agree"
    then = f"; next come {one_of((_named(fact, mended) for fact in after), 'and')}" if after else ""
    facts = (*best.facts, *after)
    return found(LIKELIEST, facts, "inconsistent", f"{best.words}, {rest}{then}.", about=len(facts))


@dataclass(frozen=True)
class Cause:
    """A mistake in words, the numbers that it is about, and how many contradictions are left without it."""

    words: str
    facts: Sequence[Fact]
    left: int


def _interchanged(trial: Trial, suspected: Sequence[Fact], most: int) -> Iterator[Cause]:
    """Yield pairs of numbers that agree in each other's place: of one estimate, or of one row and kind."""
    pairs = [pair for row in trial.wrong for pair in row.interchanged]
    pairs += [
        (a.id, b.id) for a, b in combinations(suspected, 2) if a.quantity == b.quantity and row_of(a) == row_of(b)
    ]
    most = min(most, max(len(trial.wrong) // 3, 1))
    for one, other in dict.fromkeys(pairs):
        pair = (trial.study.fact(one), trial.study.fact(other))
        if (left := trial.left({one: pair[1], other: pair[0]}, most)) is not None:
            words = one_of((f"{fact.id} ({fact.printed})" for fact in pair), "and")
            yield Cause(f"With {words} interchanged", pair, left)
            most = left - 1
        if most < 0:
            return


def _other_signs(trial: Trial) -> Iterator[Cause]:
    """Yield correlations that are not of one table with the opposite sign, by which what follows is looked at, too."""
    for name in dict.fromkeys(name for row in trial.wrong if row.check == MATRIX for name in row.facts[:MOST_SIGNS]):
        fact = trial.study.fact(name)
        if (left := trial.left({name: fact.replace(value=-fact.value)}, len(trial.wrong))) is not None:
            yield Cause(f"With the other sign of {fact.id} ({fact.printed})", [fact], left)


def _other_sizes(trial: Trial, sizes: list[str]) -> Iterator[Cause]:
    """Yield each size with the number at which sizes add up."""
    whole, *parts = map(trial.study.fact, sizes)
    total, together = int(whole.value), sum(int(part.value) for part in parts)
    for fact, n in {whole: together, **{part: total - together + int(part.value) for part in parts}}.items():
        changes = {fact.id: fact.replace(value=Decimal(n))}
        if n > 1 and (left := trial.left(changes, len(trial.wrong))) is not None:
            yield Cause(f"Without {fact.id} ({fact.printed}, which would have to be {n})", [fact], left)


def _left(name: str, wrong: list[Check], repair: Repair | None) -> int:
    """Count the contradictions that another value of a number would leave or make."""
    explains = repair.explains if repair else frozenset()
    left = [row for row in wrong if not _explains(name, row, explains)]
    return len(left) + (repair.spoils if repair and len(left) < len(wrong) else 0)


def _explains(name: str, row: Check, explains: frozenset[str]) -> bool:
    if row.check == CHECK:
        return name == row.facts[0] or row.facts[0] in explains
    return name in (row.facts if row.explained is None else row.explained)


def _named(fact: Fact, mended: dict[str, Repair]) -> str:
    repair = mended.get(fact.id)
    would = f", which would have to be about {number(repair.value)}" if repair and repair.explains else ""
    return f"{fact.id} ({fact.printed}{would})"
