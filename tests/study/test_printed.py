"""What was printed of an estimand, and the standard error that it implies."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.studies import orchard
from tests.study.small_studies import number, one_sample

from hikibayes.study.printed import in_sd, printed_effect, sd_of_groups
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


@pytest.mark.parametrize(
    ("name", "estimand", "sds", "facts"),
    [
        # least squares of the public rows, scores standardised over all of them
        ("kidiq2007", "less_steep", -0.3559, "school_mother_iq_coefficient"),
        ("kidiq2007", "iq_slope_not_finished", 0.7120, "not_finished_slope"),
        ("kidiq2007", "schooling", 0.2915, "main_school_coefficient"),
        ("ozone1973", "moderation", -0.2302, "temperature_wind_coefficient"),
    ],
)
def test_raw_numbers_are_taken_in_sds_of_all_participants(name, estimand, sds, facts):
    study = load_study(name).read()
    found = printed_effect(study, study.estimand(estimand))
    assert found.facts[0].endswith(facts)
    assert found.estimate.low - 1e-3 < sds < found.estimate.high + 1e-3
    assert found.estimate.half_width < 0.01


def test_a_coefficient_beside_its_raw_product_is_no_standardised_slope():
    study = load_study("kidiq2007").read()
    steps = {fact.step: in_sd(study, fact) for fact in study.facts_of("coefficient", term="mother_iq")}
    assert steps["main"] is not None
    assert steps["product"] is None


@settings(max_examples=50, deadline=None)
@given(seed=st.integers(0, 10**6), sizes=st.lists(st.integers(2, 60), min_size=2, max_size=4))
def test_the_sd_of_all_participants_lies_in_what_the_groups_leave(seed, sizes):
    rng = np.random.default_rng(seed)
    parts = [rng.normal(rng.uniform(-5, 5), rng.uniform(0.2, 4), n) for n in sizes]
    names = [f"g{i}" for i in range(len(sizes))]
    facts = []
    for name, part in zip(names, parts, strict=True):
        printed = {"n": str(len(part)), "mean": f"{part.mean():.1f}", "sd": f"{part.std(ddof=1):.1f}"}
        of = {"mean": {"of": "y"}, "sd": {"of": "y"}, "n": {}}
        facts += [number(kind, text, group=name, **of[kind]) for kind, text in printed.items()]
    study = one_sample(None, *facts, terms=("x",), groups=names)
    assert sd_of_groups(study, "y").widened().low <= np.concatenate(parts).std(ddof=1) <= sd_of_groups(study, "y").high
