"""Which conventions a record follows where its file is silent: those under which the most of its numbers agree.

A paper uses one t test, one kind of d, one coding of the groups and one kind of product throughout. Each way is held
against everything that is printed, within rounding; the usual one stands unless another agrees with more.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import product
from typing import Any

import numpy as np

from ..arrays import FloatArray
from ..moments import CODINGS
from ..quantities import KINDS, Address
from ..quantities.conventions import DECLARED, VALUES, WORDS
from ..study.facts import Fact
from ..study.intervals import Interval, image
from ..study.study import Study
from .checks.closure import conventions_that_fit
from .checks.comparisons import HUGE, TESTED, Comparison, Test, comparisons, divisor
from .checks.descriptives import only
from .checks.jointly import variances_possible
from .checks.rows import possible, signed

PRODUCTS_OF_GROUPS = ("coding", "products")
JOINTLY = frozenset({"t", "df", "d"})

type Choice = tuple[Any, ...]


def likeliest(study: Study) -> tuple[Study, tuple[str, ...]]:
    """Return the study with the conventions that its numbers follow, and what was chosen against the usual, in words.

    Parameters
    ----------
    study : Study
        With its readings decided. What it declares is left alone.
    """
    content = study.model_dump(exclude_unset=True)
    said = [*_comparisons(study, content["fact"]), *_regressions(study, content)] if study.facts else []
    return (Study.model_validate(content), tuple(said)) if said else (study, ())


def _best(votes: Iterable[set[Choice]], ways: Sequence[Choice]) -> Choice:
    """Return the way that most numbers allow, of equals the first."""
    count = dict.fromkeys(ways, 0)
    for allowed in votes:
        for way in allowed & count.keys():
            count[way] += 1
    return max(count, key=count.__getitem__)


# -- two groups compared ---------------------------------------------------------------------------------------------


def _comparisons(study: Study, facts: list[dict[str, Any]]) -> Iterator[str]:
    found = [comparison for comparison in comparisons(study) if comparison.printed.keys() & JOINTLY]
    open_ = {"t": ("welch", "student"), "d": VALUES["kind"]}
    ways = list(product(open_["t"], open_["d"]))
    votes = [_agreeing(each, [way for way in ways if way[1] in each.kinds]) for each in found]
    dfs = [(each, each.printed["df"]) for each in found if "df" in each.printed]
    if dfs and all(sum(each.sizes) - 2 in df.interval for each, df in dfs):
        # Welch's are as great only where the variances happen to be in proportion
        votes += [{way for way in ways if way[0] == "student"}]
    test, kind = _best(votes, ways)
    for fact in facts:
        if fact["quantity"] in TESTED and fact.get("between") and not fact.get("test") and test != "welch":
            fact["test"] = test
            yield WORDS["test", test]
        if fact["quantity"] == "d" and not fact.get("kind") and kind != "cohen":
            fact["kind"] = kind
            yield WORDS["kind", kind]


def _agreeing(comparison: Comparison, ways: Sequence[Choice]) -> set[Choice]:
    """Return the tests and kinds of d of which t, df and d can be: with the means and SDs, or t and d with each other.

    Without the SDs, ways that make d a fixed multiple of t come first: another one can be almost anything.
    """
    if comparison.described:
        return {way for way in ways if variances_possible(comparison, way[0], JOINTLY, way[1])}
    if not {"t", "d"} <= comparison.printed.keys():
        return set()
    multiples = {way: _multiples(comparison, *way) for way in ways}
    t, d = comparison.printed["t"], comparison.printed["d"]
    fits = {way for way, each in multiples.items() if possible(d, image(operator.mul, signed(t), each))}
    if "df" in comparison.printed and sum(comparison.sizes) - 2 not in comparison.printed["df"].interval:
        fits = {way for way in fits if way[0] != "student"}
    return {way for way in fits if math.isclose(multiples[way].low, multiples[way].high)} or fits


def _multiples(comparison: Comparison, test: Test, kind: str) -> Interval:
    """Return what d can be for a t of 1: the ratio of their divisors has its extremes where one variance is 0."""
    errors, variances = divisor(test, comparison.sizes), divisor(kind, comparison.sizes)
    ratios = [math.sqrt(error / each) if each else HUGE for error, each in zip(errors, variances, strict=True)]
    return Interval(min(ratios), max(ratios))


# -- regressions -----------------------------------------------------------------------------------------------------


def _regressions(study: Study, content: dict[str, Any]) -> Iterator[str]:
    fits = list(conventions_that_fit(study))
    usual, ways = _ways(study)
    slopes = [fact for fact in study.facts if fact.quantity == "slope" and not fact.separate]
    by_sum = [_slope_as_sum(study, fact, ways) for fact in slopes]
    of_slopes = [allowed for allowed in by_sum if allowed is not None]
    separate = [{(each.separate,) for each in allowed} for fact, allowed, _ in fits if _may_be_separate(fact)]
    undecided = any(map(_may_be_separate, slopes)) and of_slopes and not set.intersection(*of_slopes)
    if undecided or _best(separate, [(False,), (True,)]) == (True,):
        of_slopes = []
        for fact in content["fact"]:
            if "separate" in KINDS[fact["quantity"]].conventions and fact.get("separate") is None:
                fact["separate"] = True
        yield WORDS["separate", True]
    votes = of_slopes + [_allowed(allowed, fixed, ways) for fact, allowed, fixed in fits if _of_products(fact)]
    for key, own, there in zip(PRODUCTS_OF_GROUPS, _best(votes, ways), usual, strict=True):
        if own != there:
            content.setdefault("analysis", {})[key] = NAMES[key][own]
            yield WORDS.get((key, own), f"{key} {own}")


def _slope_as_sum(study: Study, fact: Fact, ways: Sequence[Choice]) -> set[Choice] | None:
    """Return the ways in which a group's slope is the measure's coefficient plus the group's code times the product's.

    None where one of the three is not printed on the same scale.
    """
    group = study.analysis.group
    own = [
        only(study, "coefficient", step=fact.step, term=term, standardised=fact.standardised)
        for term in (str(fact.of), f"{group}:{fact.of}")
    ]
    if not fact.group or not all(own) or len(study.group_names) != 2:
        return None
    first, second = (each.interval for each in own if each)
    if study.analysis.standardised if fact.standardised is None else fact.standardised:
        # a beta of any other product is on a scale of its own
        ways = [way for way in ways if way[1] == "z"]
    at, size = study.group_ids.index(fact.group), [study.sizes[name] for name in study.group_ids]
    return {way for way in ways if _is_sum(fact, (first, second), _codes(way, size)[at])} if ways else None


def _codes(way: Choice, size: list[int]) -> FloatArray:
    """Return the groups' codes as they stand in products."""
    coding, products = way
    codes = np.array(CODINGS[coding])
    return codes - codes @ size / sum(size) if products == "centred_both" else codes


def _is_sum(slope: Fact, coefficients: tuple[Interval, Interval], code: float) -> bool:
    return possible(slope, image(lambda own, product: own + code * product, *coefficients))


NAMES = {key: {names[0]: word for word, names in DECLARED[key].items() if len(names) == 1} for key in DECLARED}
"""The word of a study file that stands for a convention and for no other."""


def _may_be_separate(fact: Fact) -> bool:
    return "separate" in KINDS[fact.quantity].conventions and fact.separate is None


def _of_products(fact: Fact) -> bool:
    return set(PRODUCTS_OF_GROUPS) <= set(KINDS[fact.quantity].conventions) and not (fact.coding or fact.products)


def _ways(study: Study) -> tuple[Choice, list[Choice]]:
    """Return coding and products as they are meant where nothing speaks against it, and all that they can be."""
    analysis = study.analysis
    usual = tuple(DECLARED[key][getattr(analysis, key)][0] for key in PRODUCTS_OF_GROUPS)
    options = [
        DECLARED[key][getattr(analysis, key)] if key in analysis.model_fields_set else VALUES[key]
        for key in PRODUCTS_OF_GROUPS
    ]
    return usual, sorted(product(*options), key=lambda way: way != usual)


def _allowed(addresses: list[Address], fixed: Mapping[str, object], ways: list[Choice]) -> set[Choice]:
    keys = [key for key in PRODUCTS_OF_GROUPS if key not in fixed]
    positions = [PRODUCTS_OF_GROUPS.index(key) for key in keys]
    there = {tuple(getattr(each, key) for key in keys) for each in addresses}
    return {way for way in ways if tuple(way[at] for at in positions) in there}
