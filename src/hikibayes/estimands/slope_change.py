"""How much a slope changes with another number: the interaction of two numeric measures."""

from __future__ import annotations

from typing import Any

from .kind import Asked, Kind, Names, Outline, Scenario, conditions, held
from .slope import change


def change_of_slope(
    asked: Asked, fixed: dict[str, str | float], outline: Outline, weight: float = 1.0
) -> tuple[Scenario, ...]:
    """Return the scenarios of a slope half an SD of `by` above everybody's own value, less those half below."""
    return tuple(
        Scenario(weight=side * each.weight, fixed=each.fixed, shift={**each.shift, str(asked.by): side / 2})
        for side in (1, -1)
        for each in change(str(asked.of), fixed, outline, weight)
    )


def _scenarios(asked: Asked, outline: Outline) -> tuple[Scenario, ...]:
    return change_of_slope(asked, conditions(asked, outline), outline)


def _words(asked: Asked, names: Names, _: bool) -> str:
    change_of = f"Change of the slope of {names.measure(str(asked.of))} per SD of {names.measure(str(asked.by))}"
    return ", ".join([change_of, *held(asked, names)])


def _printed(asked: Asked, _: Outline) -> tuple[tuple[str, dict[str, Any]], ...]:
    if asked.group or asked.at:
        return ()
    terms = f"{asked.of}:{asked.by}", f"{asked.by}:{asked.of}"
    return tuple(("coefficient", {"term": term, "step": asked.step}) for term in terms)


KIND = Kind(
    name="slope_change",
    meaning="change of a measure's slope per SD of another numeric measure, `by`",
    needs=("of", "by"),
    may=("group", "at"),
    per=("of", "by"),
    words=_words,
    scenarios=_scenarios,
    printed=_printed,
    term=lambda asked, _: "" if asked.group or asked.at else f"{asked.by}:{asked.of}",
)
