"""What the person who drafts said, held against the tables: groups, their sizes, the outcome."""

from __future__ import annotations

from collections.abc import Sequence

from ...spec import InputError
from ..tables import identifier
from .columns import Known, Understood
from .grids import Grid
from .names import forms_of, near, same

Read = Sequence[tuple[Grid, Understood]]


def refuse_unknown(known: Known, read: Read) -> None:
    """Refuse groups, sizes and an outcome that the tables do not have.

    Raises
    ------
    InputError
        With what the tables have.
    """
    _refuse_sizes(known, read)
    _refuse_groups(known, read)
    _refuse_outcome(known, read)


def _refuse_groups(known: Known, read: Read) -> None:
    """Refuse a group where the tables name several others."""
    named = dict.fromkeys(n.address["group"] for _, u in read for n in u.numbers if "group" in n.address)
    strange = [group for group in known.sizes if group not in named]
    if strange and len(named) > 1:
        raise InputError(
            f"no table has a group {strange[0]!r}; the tables name {', '.join(map(repr, named))}", source="--group"
        )


def _refuse_sizes(known: Known, read: Read) -> None:
    """Refuse what is no number of people, and another than every one that the tables print."""
    for group, size in known.sizes.items():
        if size and not (size.isascii() and size.isdigit() and int(size) > 0):
            raise InputError(f"{group}={size}: a group's size is a whole number above 0", source="--group")
        printed = {
            n.text: grid.locator
            for grid, understood in read
            for n in understood.numbers
            if n.quantity == "n" and n.address == {"group": group}
        }
        if size and printed and int(size) not in map(_people, printed):
            said = ", ".join(f"{text} ({where})" for text, where in printed.items())
            raise InputError(f"{group}={size}: the tables print n = {said}", source="--group")


def _people(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() else None


def _refuse_outcome(known: Known, read: Read) -> None:
    """Refuse an outcome that is nearly one of the tables, or stands nowhere though they say what they explain."""
    outcomes = dict.fromkeys(outcome for _, understood in read for outcome in understood.outcomes)
    measures = measures_of(read)
    if not known.outcome or any(same(known.outcome, each) for each in (*outcomes, *measures)):
        return
    if alike := [each for each in (*outcomes, *explainable(read)) if near(known.outcome, each)]:
        called = ", ".join(map(repr, dict.fromkeys(alike)))
        raise InputError(f"no measure is called {known.outcome!r}; the tables have {called}", source="--outcome")
    words = "_".join(identifier(text) for grid, _ in read for text in _texts(grid) if text.strip())
    if not any(understood.layout in ("regressions", "slopes") for _, understood in read):
        raise InputError(f"no table has a regression or a measure {known.outcome!r}", source="--outcome")
    if outcomes and not any(f"_{form}_" in f"_{words}_" for form in forms_of(known.outcome)):
        raise InputError(
            f"no table names {known.outcome!r}; the regressions explain {', '.join(map(repr, outcomes))}",
            source="--outcome",
        )


def measures_of(read: Read) -> list[str]:
    """Return the labels of what the tables describe, correlate or have among their terms."""
    addresses = [number.address for _, understood in read for number in understood.numbers]
    told = [address[key] for address in addresses for key in ("of", "with") if key in address]
    return [label for label in dict.fromkeys([*told, *_terms(read)]) if label != "@outcome"]


def explainable(read: Read) -> list[str]:
    """Return the labels of measures that are no terms, and may be what the regressions explain."""
    terms = _terms(read)
    return [label for label in measures_of(read) if not any(same(label, term) for term in terms)]


def _terms(read: Read) -> list[str]:
    every = [number.address.get("term", "") for _, understood in read for number in understood.numbers]
    return list(dict.fromkeys(part for term in every for part in term.split(":") if part))


def _texts(grid: Grid) -> list[str]:
    return [grid.title, grid.note, *(cell for row in (*grid.head, *grid.body) for cell in row)]
