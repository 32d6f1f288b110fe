"""Which columns hold the items of a scale, and which of them belong to a subscale."""

from __future__ import annotations

from ...spec import InputError
from ...study.measures import Measure


def item_columns(measure: Measure) -> list[str]:
    """Return the names of a scale's item columns.

    Examples
    --------
    >>> from hikibayes.study.study_file import load_study
    >>> item_columns(load_study("nonaka2021").measure("planning"))
    ['planning_01', 'planning_02']
    """
    return [f"{measure.id}_{number:02d}" for number in range(1, (measure.items or 0) + 1)]


def subscale_columns(measure: Measure) -> dict[str, list[str]]:
    """Return the item columns of each subscale, in the order of the items.

    Subscales whose number of items is not printed share the rest as evenly as whole numbers allow, the first ones
    getting one more.

    Raises
    ------
    InputError
        There are fewer items than the subscales need.

    Examples
    --------
    >>> from hikibayes.study.study_file import load_study
    >>> parts = subscale_columns(load_study("nonaka2021").measure("abs_h"))
    >>> {name: len(items) for name, items in parts.items()}
    {'interaction': 7, 'family': 7, 'values': 6, 'social_participation': 6}
    """
    columns = item_columns(measure)
    open_ones = [subscale.id for subscale in measure.subscales if subscale.items is None]
    rest = len(columns) - sum(subscale.items or 0 for subscale in measure.subscales)
    if rest < 2 * len(open_ones):
        raise InputError(f"measure {measure.id!r}: {len(columns)} items are too few for its subscales")
    share = {name: rest // len(open_ones) + (place < rest % len(open_ones)) for place, name in enumerate(open_ones)}
    found, first = {}, 0
    for subscale in measure.subscales:
        size = subscale.items or share[subscale.id]
        found[subscale.id] = columns[first : first + size]
        first += size
    return found
