"""The audit names the definition under which a number is right: sides of a p, kinds of d, scales, products, models."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from tests.study.small_studies import described, number, small_study

from hikibayes.auditing.audit import checks
from hikibayes.spec import InputError

GROUPS = {"between": ("second", "first")}


def verdicts(study, check):
    return [(each.verdict, each.note) for each in checks(study) if each.check == check]


def accused(study):
    rows = [each for each in checks(study) if each.check != "likeliest misprint"]
    return [(each.check, each.note) for each in rows if each.verdict == "inconsistent"]


# -- a p without its t ----------------------------------------------------------------------------------------------


def compared(p, rows, *more, sizes=(30, 30), **address):
    return small_study(sizes, *described("y", *rows), number("p", p, of="y", **GROUPS, **address), *more)


def test_a_p_is_held_against_means_and_sds_where_t_is_not_printed():
    study = compared("0.02", [("20.00", "4.00"), ("21.00", "2.00")])
    [(verdict, note)] = verdicts(study, "p from means and SDs")
    assert verdict == "inconsistent"
    assert "between 0.2204 and 0.2327" in note


def test_means_without_decimals_leave_room():
    assert accused(compared("0.02", [("20", "4"), ("21", "2")])) == []


def test_a_p_is_held_against_d_and_the_sizes():
    study = small_study((30, 30), number("p", "0.02", of="y", **GROUPS), number("d", "0.32", of="y", **GROUPS))
    [(verdict, note)] = verdicts(study, "p from d")
    assert verdict == "inconsistent"
    # R: d = .32 gives t = 1.239, p = .220
    assert "between 0.2132 and 0.2323" in note


def test_standard_errors_under_the_heading_sd_are_named():
    # SDs 4.00 and 2.00 are standard errors of groups of 30: t is sqrt(30) times smaller
    rows = [("20.00", "0.73"), ("21.00", "0.37")]
    [(verdict, note)] = verdicts(compared("0.226", rows), "p from means and SDs")
    assert verdict == "inconsistent"
    assert "it would be the p if the SDs are standard errors" in note


@given(
    st.integers(0, 2**32 - 1), st.sampled_from(["welch", "student"]), st.sampled_from([None, "one", "lower", "upper"])
)
@settings(max_examples=40, deadline=None)
def test_no_p_of_raw_data_is_accused_whichever_test_and_side(seed, test, tail):
    rng = np.random.default_rng(seed)
    sizes = tuple(int(n) for n in rng.integers(5, 200, 2))
    first, second = (rng.normal(size=n) * rng.uniform(0.5, 3) + rng.uniform(-1, 1) for n in sizes)
    side = {"lower": "less", "upper": "greater"}.get(tail, "two-sided")
    p = stats.ttest_ind(second, first, equal_var=test == "student", alternative=side).pvalue
    p = p / 2 if tail == "one" else p
    rows = [(f"{x.mean():.2f}", f"{x.std(ddof=1):.2f}") for x in (first, second)]
    # declared or not, it is right
    for said in ({}, {"test": test, "tail": tail} if tail else {"test": test}):
        assert accused(compared(f"{p:.3f}", rows, sizes=sizes, **said)) == []


# -- sides ----------------------------------------------------------------------------------------------------------

SLEEP = [("0.75", "1.79"), ("2.33", "2.00")]  # R, data set sleep: t(18) = -1.8608


@pytest.mark.parametrize(
    ("p", "said"),
    [("0.079", "The p of t = -1.86 ("), ("0.040", "one-sided in the direction"), ("0.960", "one-sided for a greater")],
)
def test_undeclared_sides_are_found(p, said):
    t = number("t", "-1.86", of="y", between=("first", "second"))
    study = small_study((10, 10), *described("y", *SLEEP), t, number("p", p, of="y", between=("first", "second")))
    [(verdict, note)] = verdicts(study, "p from t")
    assert verdict == "consistent"
    assert said in note


@pytest.mark.parametrize(
    ("tail", "hint"), [("two", "the p one-sided in the direction"), ("upper", "for a smaller value")]
)
def test_declared_sides_are_held_to_and_the_other_is_named(tail, hint):
    t = number("t", "-1.86", of="y", between=("first", "second"))
    p = number("p", "0.040", of="y", between=("first", "second"), tail=tail)
    [(verdict, note)] = verdicts(small_study((10, 10), *described("y", *SLEEP), t, p), "p from t")
    assert verdict == "inconsistent"
    assert hint in note


def test_a_bound_can_be_one_sided():
    t = number("t", "1.80", of="y", between=("first", "second"))
    df = number("df", "40", of="y", between=("first", "second"))
    p = number("p", "0.04", "<", of="y", between=("first", "second"))
    [(verdict, note)] = verdicts(small_study((21, 21), t, df, p), "p from t")
    assert verdict == "consistent"
    assert "between 0.0393 and 0.04015" in note


# -- kinds of d -----------------------------------------------------------------------------------------------------

WEIGHT = [("3.769", "0.777"), ("2.411", "0.617")]  # R, mtcars: weight by am; effectsize has the values below


@pytest.mark.parametrize(
    ("d", "named", "kind"),
    [
        ("1.89", "Cohen's d", "cohen"),
        ("1.84", "Hedges' g", "hedges"),
        ("2.20", "Glass' delta (SD of the second group)", "glass_second"),
        ("1.95", "d with SDs of divisor n", "divisor_n"),
    ],
)
def test_every_kind_of_d_is_recognised_and_can_be_declared(d, named, kind):
    between = ("first", "second")
    for declared in ({}, {"kind": kind}):
        study = small_study((19, 13), *described("y", *WEIGHT), number("d", d, of="y", between=between, **declared))
        [(verdict, note)] = verdicts(study, "d from means and SDs")
        assert verdict == "consistent"
        assert note.startswith(named)
    if kind != "cohen":
        other = number("d", d, of="y", between=between, kind="cohen")
        [(verdict, note)] = verdicts(small_study((19, 13), *described("y", *WEIGHT), other), "d from means and SDs")
        assert (verdict, named in note) == ("inconsistent", True)


def test_a_d_over_the_average_variance_beside_welchs_t():
    between = {"of": "y", "between": ("first", "second")}
    numbers = [("t", "-3.77"), ("df", "18.33"), ("p", "0.001")]
    facts = [number(name, value, test="welch", **between) for name, value in numbers]
    rows = [("17.147", "3.834"), ("24.392", "6.167")]
    study = small_study((19, 13), *described("y", *rows), *facts, number("d", "-1.41", **between))
    assert accused(study) == []
    assert "d over the average variance" in verdicts(study, "t, df and d jointly")[0][1]


# -- correlations ---------------------------------------------------------------------------------------------------


def test_the_p_of_a_correlation_is_a_number_of_its_own():
    study = small_study(
        (50, 49), number("correlation", "0.17", of="x", with_="y"), number("p", "0.084", of="y", with_="x")
    )
    [(verdict, note)] = verdicts(study, "p of a correlation")
    # R: r = .165 gives .1027, r = .175 gives .0832
    assert verdict == "consistent"
    assert "between 0.08318 and 0.1027" in note


def test_a_wrong_correlation_is_named_by_its_p():
    r, p = (
        number("correlation", "0.91", of="x", with_="y", group="first"),
        number("p", "0.587", of="x", with_="y", group="first"),
    )
    assert [check for check, _ in accused(small_study((38, 120), r, p))] == ["p of a correlation"]


def test_a_p_says_what_it_is_of():
    with pytest.raises(InputError, match="quantity 'p' needs 'between' or 'with'"):
        small_study((9, 9), number("p", "0.5", of="y"))
    with pytest.raises(InputError, match="'test' goes with 'between'"):
        small_study((9, 9), number("p", "0.5", of="y", with_="x", test="welch"))


# -- scales ---------------------------------------------------------------------------------------------------------


def test_a_beta_beside_b_is_not_divided_by_its_standard_error():
    place = {"step": "all", "term": "arm:x"}
    study = small_study(
        (38, 37),
        number("coefficient", "1.48", standardised=False, **place),
        number("coefficient_se", "0.61", standardised=False, **place),
        number("coefficient", "0.37", standardised=True, **place),
        number("coefficient_p", "0.02", **place),
        products="centred",
    )
    assert accused(study) == []
    assert len(verdicts(study, "p from B and SE")) == 1


def test_the_greatest_vif_is_not_that_of_every_term():
    step = {"step": "all"}
    study = small_study(
        (41, 88),
        number("r2", "0.130", **step),
        number("coefficient", "0.20", term="x", **step),
        number("coefficient_se", "0.09", term="x", **step),
        number("vif", "1.53", **step),
    )
    assert accused(study) == []


def test_the_only_term_of_a_step_has_no_inflation():
    vif = number("vif", "1.20", step="all")
    assert [check for check, _ in accused(small_study((41, 88), vif, terms=("x",)))] == ["VIF and correlation"]


# -- slopes and products --------------------------------------------------------------------------------------------


def with_slopes(product, **analysis):
    numbers = [
        number("slope", "-0.35", of="x", group="first", step="all", separate=False),
        number("slope", "0.27", of="x", group="second", step="all", separate=False),
        number("coefficient", product, step="all", term="arm:x"),
    ]
    return small_study((41, 88), *numbers, **analysis)


@pytest.mark.parametrize(
    ("product", "products", "agrees"),
    [("0.62", "z", True), ("0.31", "z", True), ("1.98", "z", False), ("1.98", "raw", True), ("-1.98", "raw", False)],
)
def test_the_beta_of_a_products_own_column_is_of_another_size(product, products, agrees):
    assert (accused(with_slopes(product, products=products)) == []) is agrees


def test_where_no_convention_is_declared_any_of_them_may_be_meant():
    study = with_slopes("1.98")
    assert accused(study) == []
    assert "a beta of the product's own column" in verdicts(study, "interaction from slopes")[0][1]


def test_a_centred_group_code_gives_a_weighted_mean_of_the_slopes():
    own = number("coefficient", f"{(41 * -0.35 + 88 * 0.27) / 129:.2f}", step="all", term="x")
    slopes = [number("slope", b, of="x", group=g, step="all") for g, b in (("first", "-0.35"), ("second", "0.27"))]
    assert accused(small_study((41, 88), *slopes, own)) == []
    assert math.isclose(float(own["value"]), 0.07)


@pytest.mark.parametrize("quantity", ["mean", "sd"])
@pytest.mark.parametrize("relation", ["<", ">"])
def test_means_and_sds_of_which_only_a_bound_is_printed_are_audited(quantity, relation):
    facts = [*described("y", ("20.00", "4.00"), ("25.00", "5.00"))]
    next(fact for fact in facts if fact["quantity"] == quantity)["relation"] = relation
    tests = [number("t", "-7.2", of="y", **GROUPS), number("p", "0.001", "<", of="y", **GROUPS)]
    rows = checks(small_study((40, 60), *facts, *tests))
    assert {row.verdict for row in rows if row.check == "p from t"} == {"consistent"}
