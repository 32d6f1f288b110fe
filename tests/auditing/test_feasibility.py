"""Whole numbers behind a printed mean and SD: exact where it can be counted, and the truth is never excluded."""

import math
from collections.abc import Iterable
from decimal import Decimal
from itertools import combinations_with_replacement

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hikibayes.auditing.feasibility import Scores, attainable, counts, people_together
from hikibayes.study.intervals import Interval, rounding_interval


def printed(value: float, decimals: int) -> Interval:
    return rounding_interval(Decimal(value).quantize(Decimal(1).scaleb(-decimals)))


def sums(values: Iterable[int]) -> tuple[int, int]:
    values = list(values)
    return sum(values), sum(value**2 for value in values)


def mean_and_sd(values: list[float]) -> tuple[float, float]:
    mean = sum(values) / len(values)
    return mean, math.sqrt(sum((value - mean) ** 2 for value in values) / (len(values) - 1))


@pytest.mark.parametrize(("n", "high"), [(1, 6), (2, 7), (3, 6), (4, 4), (5, 3), (6, 2)])
def test_attainable_is_exactly_what_enumeration_finds(n, high):
    real = {sums(values) for values in combinations_with_replacement(range(high + 1), n)}
    for total in range(-1, n * high + 2):
        for squares in range(n * high**2 + 2):
            assert attainable(n, total, squares, 0, high) == ((total, squares) in real), (total, squares)


def test_attainable_does_not_depend_on_where_the_scale_begins():
    real = {sums(values) for values in combinations_with_replacement(range(-3, 3), 4)}
    found = {(t, q) for t in range(-13, 10) for q in range(40) if attainable(4, t, q, -3, 2)}
    assert found == real


@given(st.lists(st.integers(1, 9), min_size=2, max_size=60), st.integers(0, 3), st.integers(0, 3))
@settings(max_examples=150, deadline=None)
def test_sums_of_the_data_are_among_the_admissible(values, mean_decimals, sd_decimals):
    mean, sd = mean_and_sd(values)
    known = Scores(n=len(values), low=1, high=9)
    found = known.admissible(printed(mean, mean_decimals), printed(sd, sd_decimals))
    assert found is None or sums(values) in {(pair.total, pair.squares) for pair in found}


@given(st.lists(st.integers(8, 40), min_size=2, max_size=40), st.sampled_from([2, 3]))
@settings(max_examples=100, deadline=None)
def test_item_means_move_in_steps_of_one_over_the_items(values, decimals):
    mean, sd = mean_and_sd([value / 8 for value in values])
    known = Scores(n=len(values), low=1, high=5, grain=1 / 8)
    found = known.admissible(printed(mean, decimals), printed(sd, decimals))
    assert found is None or sums(values) in {(pair.total, pair.squares) for pair in found}
    if found:
        pair = next(pair for pair in found if (pair.total, pair.squares) == sums(values))
        assert (pair.mean, pair.sd) == (pytest.approx(mean), pytest.approx(sd, abs=1e-9))


@given(st.lists(st.integers(20, 60), min_size=3, max_size=40), st.integers(1, 2))
@settings(max_examples=100, deadline=None)
def test_a_known_minimum_and_maximum_never_exclude_the_data(values, decimals):
    mean, sd = mean_and_sd(values)
    low, high = min(values), max(values)
    if low == high:
        return
    known = Scores(n=len(values), low=low, high=high, attained=(low, high))
    found = known.admissible(printed(mean, decimals), printed(sd, decimals))
    assert found is None or sums(values) in {(pair.total, pair.squares) for pair in found}


def test_a_known_minimum_and_maximum_leave_fewer_pairs():
    mean, sd = Interval(5.05, 5.15), Interval(0.0, 3.0)
    free = Scores(n=10, low=1, high=10).admissible(mean, sd)
    tied = Scores(n=10, low=1, high=10, attained=(1, 10)).admissible(mean, sd)
    assert 0 < len(tied) < len(free)


@given(st.integers(1, 500), st.data(), st.integers(2, 4))
def test_the_count_behind_a_share_is_among_the_counts(n, data, decimals):
    k = data.draw(st.integers(0, n))
    assert k in counts(n, printed(k / n, decimals))


def test_a_mean_between_the_possible_ones_has_no_sum():
    assert Scores(n=20, low=1, high=7).totals(rounding_interval(Decimal("3.47"))) == range(70, 70)
    assert list(Scores(n=20, low=1, high=7).totals(rounding_interval(Decimal("3.45")))) == [69]


def test_the_sd_of_zeros_and_ones_is_decided_by_their_mean():
    known = Scores(n=40, low=0, high=1)
    assert known.is_binary
    right, wrong = (known.admissible(printed(0.3, 2), printed(sd, 2)) for sd in (math.sqrt(0.3 * 0.7 * 40 / 39), 0.49))
    assert [(pair.total, pair.squares) for pair in right] == [(12, 12)]
    assert wrong == ()


def test_parity_halves_the_sums_of_squares():
    assert {square % 2 for square in Scores(n=50, low=1, high=10).squares(151, Interval(2.0, 2.2))} == {1}


def test_coarse_printing_says_nothing():
    assert Scores(n=500, low=0, high=100).admissible(Interval(0, 100), Interval(0, 50)) is None


def test_mean_and_sd_of_a_pair_are_those_of_its_data():
    values = [1, 2, 2, 3, 5, 9]
    mean, sd = mean_and_sd(values)
    pairs = Scores(n=6, low=1, high=9).admissible(printed(mean, 4), printed(sd, 4))
    assert [(pair.mean, pair.sd) for pair in pairs] == [(pytest.approx(mean), pytest.approx(sd))]


def test_people_together_run_from_least_to_most():
    assert people_together([range(3, 5), range(2, 3)]) == range(5, 7)
