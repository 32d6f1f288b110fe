"""What was printed of an estimand, and the standard error that it implies."""

import pytest
from tests.studies import orchard

from hikibayes.study.printed import printed_effect
from hikibayes.study.study_file import load_study


@pytest.fixture(scope="module")
def study():
    return load_study("nonaka2021").read()


@pytest.fixture(scope="module")
def farms():
    return load_study(orchard.FILE).read()


def test_a_difference_of_two_printed_slopes_has_no_standard_error(study):
    found = printed_effect(study, study.estimand("support_slope_difference"))
    assert found.facts == ("slope_hikikomori", "slope_control")
    assert (found.estimate.low, found.estimate.high) == pytest.approx((0.28, 0.30))
    assert (found.se, found.se_from, found.df) == (None, "", 200 - 17 - 1)


def test_a_printed_p_gives_the_standard_error(study):
    """B = 0.11 with p = .16 on 182 df: t 1.4108, so the standard error is about .078."""
    found = printed_effect(study, study.estimand("support_slope_control"))
    assert found.se_from == "printed p"
    assert found.se.middle == pytest.approx(0.078, abs=0.001)
    assert found.se.low < 0.11 / 1.4108 < found.se.high


def test_an_inequality_gives_none(study):
    found = printed_effect(study, study.estimand("support_slope_hikikomori"))
    assert (found.facts, found.se) == (("slope_hikikomori",), None)


def test_a_printed_product_goes_before_the_slopes(farms):
    found = printed_effect(farms, farms.estimand("shade_slope_difference"))
    assert found.facts == ("interaction", "interaction_se")
    assert found.estimate.middle == pytest.approx(0.43)
    assert (found.se.low, found.se.high) == pytest.approx((0.1675, 0.1685))
    assert found.se_from == "printed se"


def test_the_other_way_round_has_the_other_sign(farms):
    estimand = farms.estimand("shade_slope_difference")
    turned = estimand.replace(between=estimand.between[::-1])
    assert printed_effect(farms, turned).estimate.middle == pytest.approx(-0.43)


def test_what_is_not_printed_is_not_found(farms):
    assert printed_effect(farms, farms.estimand("farm_difference")) is None
