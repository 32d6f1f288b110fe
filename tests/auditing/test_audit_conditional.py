"""Slopes, predicted values and Johnson-Neyman bounds of a moderated regression, as statsmodels has them."""

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from tests.study.small_studies import number, one_sample

from hikibayes.auditing.audit import checks

NAMES = (
    "slopes at values and product",
    "predicted values and slope",
    "Johnson-Neyman bounds and slopes",
    "Johnson-Neyman bound from slopes",
)


STEPS = [{"id": "all", "label": "all", "adds": ["x", "w", "x:w"]}]


def verdicts(facts, check, n):
    study = one_sample(n, *facts, steps=STEPS)
    return [(row.verdict, row.note) for row in checks(study) if row.check == check]


def moderated(seed, n=150):
    """Facts of y ~ x * w: slopes of x and predicted values at scores of w and of x, and where the slope begins."""
    rng = np.random.default_rng(seed)
    x, w = rng.normal(20, 5, n), rng.normal(50, 10, n)
    data = pd.DataFrame({"x": x, "w": w})
    data["y"] = 0.3 * x - 0.2 * w + rng.uniform(0.02, 0.06) * (x - 20) * (w - rng.uniform(40, 60)) + rng.normal(0, 6, n)
    fit = smf.ols("y ~ x * w", data).fit()
    b, v, step = fit.params, fit.cov_params(), {"step": "all"}
    facts = [
        number("coefficient", f"{b['x:w']:.4f}", term="x:w", standardised=False, **step),
        number("coefficient_p", _p(fit.pvalues["x:w"]), _relation(fit.pvalues["x:w"]), term="x:w", **step),
    ]
    for at in ("35", "50", "65"):
        slope = b["x"] + float(at) * b["x:w"]
        se = np.sqrt(v.loc["x", "x"] + 2 * float(at) * v.loc["x", "x:w"] + float(at) ** 2 * v.loc["x:w", "x:w"])
        p = 2 * stats.t.sf(abs(slope / se), fit.df_resid)
        where = {"of": "x", "at": {"w": at}, "standardised": False, **step}
        facts.append(number("slope", f"{slope:.3f}", **where))
        facts.append(number("slope_se", f"{se:.4f}", **where))
        facts.append(number("slope_p", _p(p), _relation(p), **{k: v for k, v in where.items() if k != "standardised"}))
        for x_at in ("15", "25"):
            value = fit.predict(pd.DataFrame({"x": [float(x_at)], "w": [float(at)]}))[0]
            facts.append(number("predicted", f"{value:.2f}", at={"x": x_at, "w": at}, **step))
    q = stats.t.ppf(0.975, fit.df_resid) ** 2
    roots = np.roots(
        [
            b["x:w"] ** 2 - q * v.loc["x:w", "x:w"],
            2 * (b["x"] * b["x:w"] - q * v.loc["x", "x:w"]),
            b["x"] ** 2 - q * v.loc["x", "x"],
        ]
    )
    return facts, None if np.iscomplex(roots).any() else sorted(roots.real)


def _p(p):
    return "0.001" if p < 0.001 else f"{p:.3f}"


def _relation(p):
    return "<" if p < 0.001 else "="


def bounds(low, high):
    where = {"of": "x", "with_": "w", "step": "all"}
    return [number("jn_low", f"{low:.2f}", **where), number("jn_high", f"{high:.2f}", **where)]


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10**6), n=st.integers(25, 400))
def test_a_moderated_regression_as_computed_is_never_accused(seed, n):
    facts, roots = moderated(seed, n)
    facts += bounds(*roots) if roots else []
    for name in NAMES:
        found = verdicts(facts, name, n)
        assert [each for each in found if each[0] == "inconsistent"] == []
        assert found or (name in NAMES[2:] and not roots)


@pytest.fixture(scope="module")
def inside():
    """A study whose two bounds lie between the three values at which slopes are printed."""
    return next((facts, roots) for facts, roots in map(moderated, range(1000)) if roots and _inside(roots))


def _inside(roots):
    return 36 < roots[0] < 49 and 51 < roots[1] < 64


@pytest.mark.parametrize("upper", [False, True])
@pytest.mark.parametrize("away", [-0.5, 0.5])
def test_a_bound_that_slopes_and_errors_exclude_is_found_and_what_they_allow_is_said(inside, upper, away):
    facts, roots = inside
    rows = [row for row in checks(one_sample(150, *facts, *bounds(*roots), steps=STEPS)) if row.check == NAMES[3]]
    assert [row.verdict for row in rows] == ["consistent", "consistent"]
    allowed = rows[upper].recomputed
    assert allowed.low - 0.01 <= roots[upper] <= allowed.high + 0.01
    wrong = [*roots]
    wrong[upper] = away + (allowed.high if away > 0 else allowed.low)
    found = verdicts(facts + bounds(*wrong), NAMES[3], 150)
    assert [verdict for verdict, _ in found] == ["consistent" if k != upper else "inconsistent" for k in (0, 1)]
    assert "contradicts the printed" in found[upper][1]


def test_bounds_may_be_in_scores_less_their_mean_or_in_sds(inside):
    facts, roots = inside
    centred, in_sds = ([(root - 50) / unit for root in roots] for unit in (1, 15))
    described = [number("mean", "50.00", of="w"), number("sd", "15.00", of="w")]
    assert {verdict for verdict, _ in verdicts(facts + described + bounds(*centred), NAMES[3], 150)} == {"consistent"}
    assert {verdict for verdict, _ in verdicts(facts + bounds(*centred), NAMES[3], 150)} == {"inconsistent"}
    at_sds = [
        {**fact, "at": {"w": (int(fact["at"]["w"]) - 50) // 15}}
        for fact in facts
        if fact["quantity"] in ("slope", "slope_se")
    ]
    for printed in (roots, centred, in_sds):
        found = verdicts(at_sds + described + bounds(*printed), NAMES[3], 150)
        assert [verdict for verdict, _ in found] == ["consistent", "consistent"]
    found = verdicts(at_sds + described + bounds(roots[0], 70), NAMES[3], 150)
    assert [verdict for verdict, _ in found] == ["consistent", "inconsistent"]


@settings(max_examples=4, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_bounds_at_the_wrong_place_are_found(seed):
    facts, roots = next(
        (facts, roots) for facts, roots in map(moderated, range(seed, seed + 1000)) if roots and _inside(roots)
    )
    # the slope at 50 lies inside the bounds as printed here, or at 35 and 65 outside them: one of the two is wrong
    assert [verdict for verdict, _ in verdicts(facts + bounds(*roots), NAMES[2], 150)] == ["consistent"]
    [(verdict, note)] = verdicts(facts + bounds(roots[0] - 30, roots[0] - 20), NAMES[2], 150)
    assert verdict == "inconsistent"
    assert "say the opposite" in note
    [(verdict, note)] = verdicts(facts + bounds(roots[1], roots[0]), NAMES[2], 150)
    assert verdict == "inconsistent"
    assert "above the upper one" in note


def test_values_given_as_sds_are_scores_by_the_printed_mean_and_sd():
    where = {"of": "x", "step": "all"}
    facts = [
        *bounds(45, 55),
        number("coefficient_p", "0.001", "<", term="x:w", step="all"),
        number("slope_p", "0.400", at={"w": "1"}, **where),
    ]
    [(verdict, note)] = verdicts(facts[:3], NAMES[2], 100)
    assert verdict == "consistent"
    assert "significant at 0.05 outside the bounds" in note
    sd = [number("mean", "50.00", of="w"), number("sd", "10.00", of="w")]
    of_sd = number("slope_p", "0.400", at={"w": 1}, **where)
    # one SD above the mean, 60, is outside, and the slope there is not significant
    assert verdicts([*facts[:3], *sd, of_sd], NAMES[2], 100)[0][0] == "inconsistent"
    assert verdicts([*facts[:3], of_sd], NAMES[2], 100)[0][0] == "consistent"


def test_one_contradiction_among_several_checks_of_a_number_is_not_lost():
    facts, _ = moderated(11)
    slope = next(fact for fact in facts if fact["quantity"] == "slope")
    slope["value"] += 1
    assert [verdict for verdict, _ in verdicts(facts, NAMES[0], 150)] == ["inconsistent"]


def test_predicted_values_interchanged_are_found():
    facts, _ = moderated(7)
    values = {str(fact["at"]): fact for fact in facts if fact["quantity"] == "predicted"}
    one, other = values["{'x': '15', 'w': '65'}"], values["{'x': '25', 'w': '65'}"]
    one["value"], other["value"] = other["value"], one["value"]
    found = [verdict for verdict, _ in verdicts(facts, NAMES[1], 150)]
    assert found.count("inconsistent") == 1


@pytest.mark.parametrize("at", [{"w": "high"}, {"w": "high", "z": 1}])
def test_slopes_at_levels_are_no_scores(at):
    levels = {"kind": "category", "levels": [{"id": name, "label": name} for name in ("low", "high")]}
    facts = [
        number("slope", "0.30", of="x", at=at, step="all", standardised=False),
        number("coefficient", "0.20", term="x:w", step="all", standardised=False),
    ]
    study = one_sample(80, *facts, terms=("x", "w", "z", "x:w"), measures={"w": levels})
    assert [row for row in checks(study) if row.check in NAMES] == []
