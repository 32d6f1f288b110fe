"""Facts keep their decimals; intervals hold exactly what would have been printed alike."""

from decimal import ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hikibayes.quantities import KINDS
from hikibayes.spec import InputError, validated
from hikibayes.study.facts import Fact
from hikibayes.study.intervals import Interval, image, rounding_interval

SOURCE = {"locator": "Results", "quote": "as printed"}


def fact(**content):
    return validated(Fact, {"id": "it", "source": SOURCE, **content}, "x.toml")


@given(
    value=st.decimals(-1000, 1000, allow_nan=False, places=6),
    places=st.integers(0, 4),
    rounding=st.sampled_from([ROUND_HALF_EVEN, ROUND_HALF_UP]),
)
def test_rounding_interval_never_excludes_the_truth(value, places, rounding):
    printed = value.quantize(Decimal(1).scaleb(-places), rounding=rounding)
    assert float(value) in rounding_interval(printed).widened(1e-12)


@given(
    value=st.floats(-50, 50),
    places=st.integers(0, 4),
)
def test_rounding_interval_excludes_what_prints_otherwise(value, places):
    exact = Decimal(value)
    printed = exact.quantize(Decimal(1).scaleb(-places))
    elsewhere = exact + Decimal(11).scaleb(-places - 1)
    assert float(elsewhere) not in rounding_interval(printed)


@given(st.floats(-5, 5), st.floats(0, 3), st.floats(0.1, 5), st.floats(0, 3), st.floats(0, 1), st.floats(0, 1))
def test_image_of_a_monotone_function_holds_every_point(a, width_a, b, width_b, u, v):
    found = image(lambda x, y: x / y, Interval(a, a + width_a), Interval(b, b + width_b))
    assert (a + u * width_a) / (b + v * width_b) in found.widened()


def test_trailing_zeros_are_information():
    assert fact(quantity="sd", of="x", value=Decimal("0.40")).interval == Interval(0.395, 0.405)
    assert fact(quantity="sd", of="x", value=Decimal("0.4")).interval == Interval(0.35, 0.45)


@pytest.mark.parametrize(
    ("content", "low", "high"),
    [
        ({"quantity": "coefficient_p", "step": "a", "term": "x", "relation": "<", "value": "0.001"}, 0, 0.001),
        ({"quantity": "vif", "step": "a", "relation": "<", "value": "3.20"}, 1, 3.2),
        ({"quantity": "correlation", "of": "x", "with": "y", "absolute": True, "relation": ">", "value": ".4"}, 0.4, 1),
        (
            {"quantity": "correlation", "of": "x", "with": "y", "absolute": True, "relation": "<=", "value": ".4"},
            0,
            0.4,
        ),
        ({"quantity": "mean", "of": "x", "relation": "about", "value": 42, "within": 3}, 39, 45),
        ({"quantity": "proportion", "of": "x", "level": "a", "unit": "percent", "value": "8.0"}, 0.0795, 0.0805),
        ({"quantity": "n", "value": 100}, 100, 100),
        ({"quantity": "adjusted_r2", "step": "a", "value": "0.24"}, 0.235, 0.245),
    ],
)
def test_intervals_of_every_relation(content, low, high):
    found = fact(**content).interval
    assert (found.low, found.high) == (pytest.approx(low, abs=1e-15), pytest.approx(high, abs=1e-15))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"quantity": "meen", "of": "x", "value": 1}, "there is no quantity 'meen'; there are: .*did you mean 'mean'"),
        ({"quantity": "mean", "value": 1}, "quantity 'mean' needs 'of'"),
        ({"quantity": "mean", "of": "x", "step": "a", "value": 1}, "'step' does not belong to 'mean', takes of, group"),
        ({"quantity": "sd", "of": "x", "value": -1}, r"sd -1 is impossible; it lies in \[0, inf\]"),
        ({"quantity": "r2", "step": "a", "value": "1.2"}, "r2 1.2 is impossible"),
        ({"quantity": "n", "value": 5, "unit": "years"}, "unit 'years' does not fit 'n', takes participants"),
        ({"quantity": "mean", "of": "x", "relation": "about", "value": 4}, "'within' goes with relation = 'about'"),
        (
            {"quantity": "slope", "of": "x", "group": "a", "step": "s", "absolute": True, "value": -1},
            "an absolute value cannot be -1",
        ),
        ({"quantity": "t", "of": "x", "between": ["a", "a"], "value": 4}, "'between' names the same group twice"),
    ],
)
def test_impossible_facts(content, message):
    with pytest.raises(InputError, match=message):
        fact(**content)


def test_a_fact_without_source_is_no_fact():
    with pytest.raises(InputError, match="source: is missing"):
        validated(Fact, {"id": "it", "quantity": "n", "value": 5}, "x.toml")


def test_holds_compares_as_printed():
    printed = fact(quantity="correlation", of="x", **{"with": "y"}, absolute=True, relation=">", value="0.40")
    assert printed.holds(-0.45)
    assert not printed.holds(0.39)


def test_every_quantity_says_what_it_is():
    for name, quantity in KINDS.items():
        assert quantity.meaning, name
        assert quantity.low < quantity.high
