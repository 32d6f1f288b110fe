"""How the expected outcome changes with a measure."""

from __future__ import annotations

from typing import Any

from .kind import Asked, Kind, Names, Outline, Scenario, conditions, held

STEP = 2.0**-10
"""Of a derivative, in SD; taken with half of it too and extrapolated, which is exact for polynomials of degree 4."""


def change(of: str, fixed: dict[str, str | float], outline: Outline, weight: float = 1.0) -> tuple[Scenario, ...]:
    """Return the scenarios of a slope: from half an SD below everybody's own value to half above, or between levels.

    Notes
    -----
    Of a measure that the formula puts into a function it is the average derivative.
    """
    if of in outline.levels:
        low, high = outline.levels[of][:2]
        ends = ((weight, high), (-weight, low))
        return tuple(Scenario(weight=w, fixed={**fixed, of: level}) for w, level in ends)
    widths = ((4 / 3, STEP / 2), (-1 / 3, STEP)) if of in outline.curved else ((1.0, 1.0),)
    return tuple(
        Scenario(weight=weight * side * share / width, fixed=fixed, shift={of: side * width / 2})
        for share, width in widths
        for side in (1, -1)
    )


def _scenarios(asked: Asked, outline: Outline) -> tuple[Scenario, ...]:
    return change(str(asked.of), conditions(asked, outline), outline)


def _words(asked: Asked, names: Names, _: bool) -> str:
    return ", ".join(
        filter(None, [f"Slope of {names.measure(str(asked.of))}", *(held(asked, names) or [names.everybody])])
    )


def _printed(asked: Asked, _: Outline) -> tuple[tuple[str, dict[str, Any]], ...]:
    if asked.group or asked.at:
        at = tuple(sorted(asked.at.items())) or None
        return (("slope", {"of": asked.of, "group": asked.group, "at": at, "step": asked.step}),)
    # a coefficient beside products is a slope elsewhere than where an estimand holds the others
    return (("coefficient", {"term": asked.of, "step": asked.step}),)


def _term(asked: Asked, _: str) -> str:
    return "" if asked.group or asked.at else str(asked.of)


KIND = Kind(
    name="slope",
    meaning="change of the expected outcome per SD of a measure: in a group, where one is named; `at` given values",
    needs=("of",),
    may=("group", "at"),
    per=("of",),
    words=_words,
    scenarios=_scenarios,
    term=_term,
    printed=_printed,
)
