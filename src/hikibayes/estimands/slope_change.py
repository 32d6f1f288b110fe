"""How much a slope changes with another number, or that change with a third: interactions of numeric measures."""

from __future__ import annotations

from typing import Any

from .kind import Asked, Kind, Names, Outline, Scenario, conditions, held
from .slope import change


def per_sd(asked: Asked, names: Names) -> str:
    """Say per SD of what a slope changes."""
    return " and per SD of ".join(names.measure(by) for by in (asked.by, asked.and_by) if by)


def change_of_slope(
    asked: Asked, fixed: dict[str, str | float], outline: Outline, weight: float = 1.0
) -> tuple[Scenario, ...]:
    """Return the scenarios of a slope half an SD of `by` above everybody's own value, less those half below.

    The same is done of `and_by`, where there is one.
    """
    found = change(str(asked.of), fixed, outline, weight)
    for by in filter(None, (asked.by, asked.and_by)):
        found = tuple(
            Scenario(weight=side * each.weight, fixed=each.fixed, shift={**each.shift, by: side / 2})
            for side in (1, -1)
            for each in found
        )
    return found


def _scenarios(asked: Asked, outline: Outline) -> tuple[Scenario, ...]:
    return change_of_slope(asked, conditions(asked, outline), outline)


def _words(asked: Asked, names: Names, _: bool) -> str:
    change_of = f"Change of the slope of {names.measure(str(asked.of))} per SD of {per_sd(asked, names)}"
    return ", ".join([change_of, *held(asked, names)])


def _printed(asked: Asked, _: Outline) -> tuple[tuple[str, dict[str, Any]], ...]:
    if asked.group or asked.at or asked.and_by:
        return ()
    terms = f"{asked.of}:{asked.by}", f"{asked.by}:{asked.of}"
    return tuple(("coefficient", {"term": term, "step": asked.step}) for term in terms)


KIND = Kind(
    name="slope_change",
    meaning="change of a measure's slope per SD of another numeric measure, `by`, and of that per SD of `and_by`",
    needs=("of", "by"),
    may=("group", "at", "and_by"),
    per=("of", "by", "and_by"),
    words=_words,
    scenarios=_scenarios,
    printed=_printed,
    term=lambda asked, _: "" if asked.group or asked.at else ":".join(filter(None, (asked.and_by, asked.by, asked.of))),
)
