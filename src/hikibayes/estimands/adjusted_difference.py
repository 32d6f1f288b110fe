"""The adjusted mean difference: how far two groups are apart at equal covariates."""

from __future__ import annotations

from typing import Any

from .kind import Asked, Kind, Names, Outline, Scenario, conditions, held


def _scenarios(asked: Asked, outline: Outline) -> tuple[Scenario, ...]:
    by, (first, second) = asked.by or outline.group, asked.between or ("", "")
    ends = ((1.0, first), (-1.0, second))
    return tuple(Scenario(weight=w, fixed=conditions(asked, outline, **{by: level})) for w, level in ends)


def _words(asked: Asked, names: Names, _: bool) -> str:
    what = f"Difference in means, {names.measure(asked.by)}" if asked.by else "Adjusted mean difference"
    difference = f"{what} ({names.minus(asked.by, asked.between or ('', ''))})"
    return ", ".join([difference, *held(asked, names)])


def _printed(asked: Asked, outline: Outline) -> tuple[tuple[str, dict[str, Any]], ...]:
    if asked.between != outline.groups[::-1]:
        return ()
    return (("coefficient", {"term": outline.group, "step": asked.step}),)


KIND = Kind(
    name="adjusted_difference",
    meaning="outcome in the first of two groups minus the second at equal covariates; `by` names another category",
    needs=("between",),
    may=("by", "at"),
    words=_words,
    scenarios=_scenarios,
    term=lambda asked, group: "" if asked.at else asked.by or group,
    printed=_printed,
)
