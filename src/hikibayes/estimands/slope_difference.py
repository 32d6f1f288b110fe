"""How much steeper a slope is in one group, or at one level of a category, than in another."""

from __future__ import annotations

from typing import Any

from .kind import Asked, Kind, Names, Outline, Scenario, conditions, held
from .slope import change


def _scenarios(asked: Asked, outline: Outline) -> tuple[Scenario, ...]:
    by, (first, second) = asked.by or outline.group, asked.between or ("", "")
    ends = ((1.0, first), (-1.0, second))
    return tuple(
        scenario
        for weight, level in ends
        for scenario in change(str(asked.of), conditions(asked, outline, **{by: level}), outline, weight)
    )


def _words(asked: Asked, names: Names, brief: bool) -> str:
    of = "" if brief else f" of {names.measure(str(asked.of))}"
    difference = f"Difference of the slopes{of} ({names.minus(asked.by, asked.between or ('', ''))})"
    return ", ".join([difference, *held(asked, names)])


def _printed(asked: Asked, _: Outline) -> tuple[tuple[str, dict[str, Any]], ...]:
    return tuple(("slope", {"of": asked.of, "group": g, "step": asked.step}) for g in asked.between or ())


def _term(asked: Asked, group: str) -> str:
    return f"{asked.by or group}:{asked.of}"


KIND = Kind(
    name="slope_difference",
    meaning="slope in the first of two groups minus slope in the second; `by` names another category to compare",
    needs=("of", "between"),
    may=("by", "at"),
    per=("of",),
    words=_words,
    scenarios=_scenarios,
    term=_term,
    printed=_printed,
)
