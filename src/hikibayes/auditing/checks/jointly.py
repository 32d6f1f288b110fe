"""Checks of two compared groups, all numbers at once: one point has to print everything as it was."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import product

from ...study.intervals import Interval, image
from ...study.study import Study
from ..feasibility import Sums
from .comparisons import (
    EFFECT_SIZES,
    TINY,
    Comparison,
    Test,
    checks_of_comparison,
    comparisons,
    degrees_over,
    divisor,
    statistic,
    welch_df,
)
from .descriptives import whole_number_sums
from .fewer import unless_fewer
from .polygons import HalfPlane, Polygon, clipped
from .rows import Check, between, found, number, one_of, signed

Pair = tuple[Sums, Sums]
Meant = tuple[Test, str]
"""Which t test, and which kind of d."""


def checks_of_comparisons(study: Study) -> Iterator[Check]:
    """Compare means, SDs, t, df, p and d of two groups: each, all at one point, and as whole-number scores."""
    for comparison in comparisons(study):
        yield from unless_fewer(comparison, _within_rounding)
        names = _joint(comparison) if comparison.described else []
        if names and (check := _whole_numbers(study, comparison, names)):
            yield check


def _joint(comparison: Comparison) -> list[str]:
    return [name for name in ("t", "df", "d") if name in comparison.printed]


def _within_rounding(comparison: Comparison) -> Iterator[Check]:
    yield from checks_of_comparison(comparison)
    if comparison.described and len(names := _joint(comparison)) > 1:
        yield _jointly(comparison, names)


# -- within rounding ------------------------------------------------------------------------------------------------


def variances_possible(comparison: Comparison, test: Test, names: frozenset[str], kind: str = "cohen") -> list[Polygon]:
    """Return the pairs of variances with which means, SDs and the named numbers can all be as printed.

    Parameters
    ----------
    comparison : Comparison
        With both means and both SDs.
    test : {"welch", "student"}
        Which t, and which df, are meant.
    names : frozenset of str
        Which of ``t``, ``df`` and ``d`` to hold to; those not printed are left out.
    kind : str
        Which d is meant.

    Returns
    -------
    list of list of tuple
        Convex polygons of (first variance, second variance); empty where nothing is possible.

    Notes
    -----
    With squared standard error A and the squared divisor P of d, both linear in the variances (v, w), a difference
    D > 0 has to lie in the printed interval of D, in t sqrt(A) and in d sqrt(P). Three intervals have a common point
    when each two of them have one, and each of these conditions, squared, is linear in (v, w). The degrees of freedom
    depend on v/w alone: two more lines. So the region is exact, without a grid.
    """
    # not quite 0, where t and d are not defined
    v, w = (Interval(max(each.low, TINY), max(each.high, TINY)) for each in comparison.variances)
    v, w = v.widened(), w.widened()
    corners: Polygon = [(v.low, w.low), (v.high, w.low), (v.high, w.high), (v.low, w.high)]
    regions = []
    for sign, cuts in product((1, -1), _df_cuts(comparison, test, "df" in names)):
        lines = _gap_lines(comparison, (test, kind), names, sign)
        region = corners
        for line in (*(lines or ()), *cuts):
            region = clipped(region, line) if region else []
        if region and lines is not None:
            regions.append(region)
    return regions


def _positive(interval: Interval, sign: int) -> Interval | None:
    return (interval if sign > 0 else -interval).widened().meet(Interval(0, math.inf))


def _gap_lines(comparison: Comparison, meant: Meant, names: frozenset[str], sign: int) -> list[HalfPlane] | None:
    """Return the lines of the conditions on D, t and d for a difference of this sign; None where the sign is wrong."""
    (test, kind), n = meant, comparison.sizes
    error = HalfPlane(*divisor(test, n))
    bounds = [(_positive(comparison.gap, sign), HalfPlane(0, 0, 1))]
    for name, scale in (("t", error), ("d", HalfPlane(*divisor(kind, n)))):
        if name in names and name in comparison.printed:
            bounds.append((_positive(signed(comparison.printed[name]), sign), scale))
    lines = []
    for (one, scale), (other, scale_2) in product(bounds, bounds):
        if one is None or other is None:
            return None
        if scale is not scale_2 and math.isfinite(one.high):
            # the one's upper end is not below the other's lower end
            high, low = one.high**2, other.low**2
            parts = zip((scale.a, scale.b, scale.c), (scale_2.a, scale_2.b, scale_2.c), strict=True)
            lines.append(HalfPlane(*(high * mine - low * theirs for mine, theirs in parts)))
    return lines


def _df_cuts(comparison: Comparison, test: Test, wanted: bool) -> list[list[HalfPlane]]:
    """Return the ways to satisfy the printed df, each a list of lines: ratios near the peak, and not too near."""
    df = comparison.printed.get("df")
    if not wanted or df is None:
        return [[]]
    n1, n2 = comparison.sizes
    interval = df.interval.widened()
    if test == "student":
        return [[]] if n1 + n2 - 2 in interval else []
    inner, outer = (_ratios_with_df(end, n1 - 1, n2 - 1) for end in (interval.low, interval.high))
    if inner is None:
        return []
    near = [HalfPlane(1 / n1, -inner[0] / n2)]
    if math.isfinite(inner[1]):
        near.append(HalfPlane(-1 / n1, inner[1] / n2))
    if outer is None:
        return [near]
    cuts = [[*near, HalfPlane(-1 / n1, outer[0] / n2)]]
    if math.isfinite(outer[1]):
        cuts.append([*near, HalfPlane(1 / n1, -outer[1] / n2)])
    return cuts


def _ratios_with_df(df: float, nu1: int, nu2: int) -> tuple[float, float] | None:
    """Return the least and greatest ratio of squared standard errors whose Welch df is at least this; None for none.

    Notes
    -----
    (r + 1)^2 >= df (r^2 / nu1 + 1 / nu2), a quadratic in r.
    """
    if df > nu1 + nu2:
        return None
    a, c = df / nu1 - 1, df / nu2 - 1
    root = 2 + math.sqrt(max(0.0, 4 - 4 * a * c))
    return max(0.0, 2 * c / root), root / (2 * a) if a > 0 else math.inf


def _meanings(comparison: Comparison) -> list[Meant]:
    return [(test, kind) for kind in comparison.kinds for test in comparison.tests]


def _jointly(comparison: Comparison, names: list[str]) -> Check:
    """Ask for one pair of means and SDs with which everything prints as it did."""
    facts = (*(comparison.printed[name] for name in names), *comparison.inputs)
    wanted = frozenset(names)
    regions = ((meant, variances_possible(comparison, meant[0], wanted, meant[1])) for meant in _meanings(comparison))
    meant, region = next((each for each in regions if each[1]), (None, []))
    if meant is None:
        note = _odd_one_out(comparison, names)
        return found("t, df and d jointly", facts, "inconsistent", note, about=len(names))
    left = _left_open(comparison, meant, region)
    open_ = one_of((f"{name} {between(interval)}" for name, interval in left.items()), "and")
    start = f"Means and SDs of {comparison.label} within their rounding print {_said(names, meant)} together"
    note = f"{start}, and leave {open_}."
    return found("t, df and d jointly", facts, "consistent", note, left[names[0]], about=len(names))


def _said(names: list[str], meant: Meant) -> str:
    """Name some numbers; a d that is not Cohen's by its own name."""
    words = [f"d ({EFFECT_SIZES[meant[1]]})" if name == "d" and meant[1] != "cohen" else name for name in names]
    return one_of(words, "and")


def _odd_one_out(comparison: Comparison, names: list[str]) -> str:
    alone = [
        name
        for name in names
        if any(variances_possible(comparison, test, frozenset(names) - {name}, k) for test, k in _meanings(comparison))
    ]
    start = f"No means and SDs of {comparison.label} within their rounding print {one_of(names, 'and')} together"
    if alone:
        return f"{start}; without {one_of(alone)} the others agree."
    return f"{start}, and leaving one of these out does not help: look at the means, SDs and sizes."


def _left_open(comparison: Comparison, meant: Meant, regions: list[Polygon]) -> dict[str, Interval]:
    """Return what the printed numbers together leave possible for the unrounded t, d and df, printed or not.

    Notes
    -----
    For fixed variances t and d are multiples of the mean difference and of each other, and these factors take their
    extremes over a polygon at its corners.
    """
    points = [point for region in regions for point in region]
    (test, kind), n = meant, comparison.sizes
    per_gap = {
        "t": [statistic(test, 1, point, n) for point in points],
        "d": [statistic(kind, 1, point, n) for point in points],
    }
    left = {name: _multiples(comparison.gap, factors) for name, factors in per_gap.items()}
    for name, other in (("t", "d"), ("d", "t")):
        if fact := comparison.printed.get(other):
            ratios = [a / b for a, b in zip(per_gap[name], per_gap[other], strict=True)]
            left[name] = left[name].meet(_multiples(signed(fact), ratios)) or left[name]
    left["df"] = degrees_over(points, n) if test == "welch" else Interval(sum(n) - 2, sum(n) - 2)
    printed = comparison.printed
    return {
        name: interval.meet(signed(printed[name])) or interval if name in printed else interval
        for name, interval in left.items()
    }


def _multiples(interval: Interval, factors: list[float]) -> Interval:
    return image(lambda value, factor: value * factor, interval, Interval(min(factors), max(factors)))


# -- whole numbers --------------------------------------------------------------------------------------------------


def _whole_numbers(study: Study, comparison: Comparison, names: list[str], limit: int = 20_000) -> Check | None:
    """Ask which pairs of whole-number sums, one pair per group, print every value; None where they are too many."""
    measure = study.measure(comparison.of)
    first, second = (whole_number_sums(study, measure, group) for group in comparison.groups)
    if not (first and second) or (total := len(first) * len(second)) > limit:
        return None
    name, facts = "t, df and d of whole numbers", (*(comparison.printed[each] for each in names), *comparison.inputs)
    pairs = list(product(first, second))
    meanings = _meanings(comparison)
    ways = ((meant, [pair for pair in pairs if _prints(comparison, meant, pair)]) for meant in meanings)
    meant, fitting = next((way for way in ways if way[1]), (meanings[0], []))
    said, sums = _said(names, meant), f"whole-number sums that print the means and SDs of {comparison.label}"
    combinations = f"{total} combinations of {sums}"
    if not fitting:
        return found(name, facts, "inconsistent", f"None of the {combinations} prints {said}.", about=len(names))
    values = [_numbers(comparison, meant, pair) for pair in fitting]
    note = f"Of the {combinations}, {len(fitting)} can print {said}"
    if len(fitting) == 1:
        note += f": {_sums_in_words(comparison, fitting[0])}, with {_in_words(values[0])}"
    spread = [value[names[0]] for value in values]
    return found(name, facts, "consistent", note + ".", Interval(min(spread), max(spread)), about=len(names))


def _sums_in_words(comparison: Comparison, pair: Pair) -> str:
    sums = (f"{each.total} and {each.squares} ({group})" for each, group in zip(pair, comparison.groups, strict=True))
    return f"sum and sum of squares {one_of(sums, 'and')}"


def _in_words(values: dict[str, float]) -> str:
    return one_of((f"{name} {number(value)}" for name, value in values.items()), "and")


def _numbers(comparison: Comparison, meant: Meant, pair: Pair) -> dict[str, float]:
    (test, kind), (first, second) = meant, pair
    gap, variances, n = first.mean - second.mean, (first.variance, second.variance), comparison.sizes
    return {
        "t": statistic(test, gap, variances, n),
        "df": welch_df(variances, n) if test == "welch" else sum(n) - 2,
        "d": statistic(kind, gap, variances, n),
    }


def _prints(comparison: Comparison, meant: Meant, pair: Pair) -> bool:
    numbers = _numbers(comparison, meant, pair)
    return all(fact.holds(numbers[name]) for name, fact in comparison.printed.items() if name in numbers)
