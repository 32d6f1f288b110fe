"""Numbers as they are printed: what the doctests do not say."""

import pytest

from hikibayes import apa


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.005, ".01"), (-0.004, ".00"), (1.0, "1.00"), (-0.999, "−1.00"), (float("nan"), "–")],
)
def test_a_bounded_number_has_no_leading_zero(value, text):
    assert apa.bounded(value) == text


@pytest.mark.parametrize(("p", "text"), [(0.04999, ".050"), (0.95, ".95"), (0.9996, "> .999"), (0.0, "< .001")])
def test_a_probability_is_never_0_or_1(p, text):
    assert apa.probability(p) == text


def test_missing_ends_make_no_interval():
    assert apa.interval(float("nan"), 1.0) == "–"


@pytest.mark.parametrize(("factor", "text"), [(1000.1, "> 1,000"), (154.4, "154"), (9.96, "10"), (1.02, "1.0")])
def test_a_bayes_factor_pretends_no_precision(factor, text):
    assert apa.bayes_factor(factor) == text


def test_what_was_printed_stays_as_it_was():
    assert (apa.as_printed("-0.20"), apa.as_printed(float("nan"))) == ("−0.20", "–")
