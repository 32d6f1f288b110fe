"""How far differences differ: between the levels of two categories or more, in means or in slopes."""

from __future__ import annotations

from itertools import product
from math import prod

from .kind import Asked, Kind, Names, Outline, Scenario, conditions, held
from .slope import change
from .slope_change import change_of_slope, per_sd


def _scenarios(asked: Asked, outline: Outline) -> tuple[Scenario, ...]:
    found: tuple[Scenario, ...] = ()
    for ends in product((0, 1), repeat=len(asked.pairs)):
        cell = {name: pair[end] for (name, pair), end in zip(asked.pairs.items(), ends, strict=True)}
        weight = prod((1.0, -1.0)[end] for end in ends)
        found += _in_cell(asked, conditions(asked, outline, **cell), outline, weight)
    return found


def _in_cell(asked: Asked, fixed: dict[str, str | float], outline: Outline, weight: float) -> tuple[Scenario, ...]:
    if not asked.of:
        return (Scenario(weight=weight, fixed=fixed),)
    return (change_of_slope if asked.by else _slope)(asked, fixed, outline, weight)


def _slope(asked: Asked, fixed: dict[str, str | float], outline: Outline, weight: float) -> tuple[Scenario, ...]:
    return change(str(asked.of), fixed, outline, weight)


def _words(asked: Asked, names: Names, _: bool) -> str:
    # a moderator is written first, and what it moderates last
    (inner, pair), *outer = reversed([*asked.pairs.items()])
    of = f" of the slopes of {names.measure(asked.of)}" if asked.of else ""
    if asked.of and asked.by:
        of = f" of the change of the slope of {names.measure(asked.of)} per SD of {per_sd(asked, names)}"
    first = f"Difference{of} between {' and '.join(names.pair(inner, pair))} ({names.measure(inner)})"
    further = [f"in {' minus '.join(names.pair(name, own))} ({names.measure(name)})" for name, own in outer]
    return ", ".join([first, *further, *held(asked, names)])


KIND = Kind(
    name="interaction",
    meaning="difference of differences between the levels in `pairs`: of means, of slopes, of slopes' change with `by`",
    needs=("pairs",),
    may=("of", "by", "and_by", "at"),
    per=("of", "by", "and_by"),
    words=_words,
    scenarios=_scenarios,
    term=lambda asked, _: "" if asked.at else ":".join(filter(None, (*asked.pairs, asked.and_by, asked.by, asked.of))),
)
