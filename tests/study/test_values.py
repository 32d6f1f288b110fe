"""Numbers as they stand in print."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hikibayes.study.facts import Fact
from hikibayes.study.values import STARS, read_value

SOURCE = {"locator": "Table 1"}


def fact(value, quantity="p", **more):
    address = {"of": "x", "between": ["a", "b"]} if quantity in ("p", "mean_difference") else {"of": "x"}
    return Fact.model_validate({"id": "f", "quantity": quantity, "value": value, "source": SOURCE, **address, **more})


@pytest.mark.parametrize(
    ("text", "relation", "value"),
    [
        ("<.001", "<", "0.001"),
        ("p < .05", "<", "0.05"),
        ("≤ .05", "<=", "0.05"),
        (".050", "=", "0.050"),
        ("= .03", "=", "0.03"),
        ("0,03", "=", "0.03"),
        ("n.s.", ">=", "0.05"),
        ("NS", ">=", "0.05"),
        ("**", "<", "0.01"),
        ("†", "<", "0.10"),
    ],
)
def test_a_p_may_stand_as_it_is_printed(text, relation, value):
    found = fact(text)
    assert (found.relation, str(found.value)) == (relation, value)


@given(st.decimals(-999, 999, places=3), st.integers(0, 3), st.sampled_from("-−–"), st.sampled_from(".,"))
def test_signs_and_decimal_commas_keep_value_and_decimals(number, places, minus, point):
    printed = f"{number:.{places}f}"
    found = read_value(printed.replace("-", minus).replace(".", point) if places != 3 else printed)
    assert str(found.number) == printed
    assert found.number.as_tuple().exponent == -places


def test_percent_is_the_unit():
    share = fact("12.4%", "proportion", level="a")
    assert (str(share.value), share.unit, share.interval.low) == ("12.4", "percent", pytest.approx(0.1235))


@pytest.mark.parametrize(
    ("value", "quantity", "more", "message"),
    [
        ("1,234", "mean", {}, "may be 1234 or 1.234; write it as meant"),
        ("1.2.3", "mean", {}, "is no number; such as 0.24, '<.001'"),
        ("**", "mean", {}, "is of more than one number; a [[table]] takes stars"),
        (".24**", "mean", {}, "is of more than one number"),
        ("<.05", "p", {"relation": ">"}, "'<.05' and relation = '>' say different things"),
        ("12%", "mean", {}, "unit 'percent' is not the unit"),
    ],
)
def test_what_is_no_such_number_is_one_message(value, quantity, more, message):
    if quantity == "mean" and value == "12%":
        message = "unit"
        assert fact(value, quantity).unit == "percent"  # the study says that its measure has another unit
        return
    with pytest.raises(ValueError, match=message.replace("[", r"\[").replace("(", r"\(")):
        fact(value, quantity, **more)


def test_marks_mean_what_the_note_says():
    assert read_value("*").threshold({"*": Decimal("0.01")}) == {"relation": "<", "value": Decimal("0.01")}
    with pytest.raises(ValueError, match="is no mark of this table"):
        read_value("****").threshold(STARS)
