"""Sides of a p, kinds of d, p of a correlation and separate regressions, from rows as SciPy and statsmodels do it."""

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf
from scipy import stats
from tests.study.small_studies import number, small_study

from hikibayes.reconstruction.verify import recompute


@pytest.fixture(scope="module")
def rows():
    rng = np.random.default_rng(20210525)
    arm = np.repeat(["first", "second"], [23, 41])
    x = rng.normal(3, 2, 64)
    return pd.DataFrame(
        {"arm": arm, "x": x, "y": 2 + 0.4 * x + (arm == "second") * rng.normal(1, 2, 64) + rng.normal(size=64)}
    )


BETWEEN = {"of": "y", "between": ("second", "first")}


def recomputed(rows, fact):
    study = small_study((23, 41), {**fact, "name": "it"}, standardised=False)
    return recompute(study, rows)["it"]


@pytest.mark.parametrize(("tail", "side"), [("lower", "less"), ("upper", "greater"), ("two", "two-sided")])
def test_the_side_of_a_p_is_scipys(rows, tail, side):
    first, second = (rows.y[rows.arm == group] for group in ("first", "second"))
    for test in ("welch", "student"):
        p = stats.ttest_ind(second, first, equal_var=test == "student", alternative=side).pvalue
        assert recomputed(rows, number("p", "0.5", test=test, tail=tail, **BETWEEN)) == pytest.approx(p)
    r = stats.pearsonr(rows.x, rows.y, alternative=side).pvalue
    assert recomputed(rows, number("p", "0.5", of="x", with_="y", tail=tail)) == pytest.approx(r)


def test_in_the_direction_of_the_estimate_a_p_is_half_the_two_sided_one(rows):
    for address in (BETWEEN, {"of": "x", "with_": "y"}):
        both = [recomputed(rows, number("p", "0.5", tail=tail, **address)) for tail in ("one", "two")]
        assert both[0] == pytest.approx(both[1] / 2)


@pytest.mark.parametrize("kind", ["cohen", "hedges", "glass_first", "glass_second", "average", "divisor_n"])
def test_kinds_of_d(rows, kind):
    b, a = (rows.y[rows.arm == group] for group in ("first", "second"))
    n, m = len(a), len(b)
    pooled = ((n - 1) * a.var() + (m - 1) * b.var()) / (n + m - 2)
    over = {"glass_first": a.var(), "glass_second": b.var(), "average": (a.var() + b.var()) / 2}
    over["divisor_n"] = (n * a.var(ddof=0) + m * b.var(ddof=0)) / (n + m)
    d = (a.mean() - b.mean()) / np.sqrt(over.get(kind, pooled))
    d *= 1 - 3 / (4 * (n + m) - 9) if kind == "hedges" else 1
    assert recomputed(rows, number("d", "0.5", kind=kind, **BETWEEN)) == pytest.approx(d)


@pytest.mark.parametrize(
    ("quantity", "field"), [("slope", "params"), ("slope_se", "bse"), ("slope_p", "pvalues")], ids=lambda name: name
)
def test_slopes_of_separate_regressions(rows, quantity, field):
    fit = smf.ols("y ~ x", rows[rows.arm == "second"]).fit()
    address = {"of": "x", "group": "second", "step": "all", "separate": True}
    assert recomputed(rows, number(quantity, "0.5", **address)) == pytest.approx(getattr(fit, field)["x"])


def test_the_greatest_vif_is_what_a_vif_without_term_is(rows):
    greatest = recomputed(rows, number("vif", "2.0", step="all"))
    each = [recomputed(rows, number("vif", "2.0", step="all", term=term)) for term in ("arm", "x", "arm:x")]
    assert greatest == pytest.approx(max(each))


def test_the_vif_of_a_step_with_one_predictor_is_one(rows):
    study = small_study((23, 41), {**number("vif", "1.0", step="all", term="x"), "name": "it"}, terms=("x",))
    assert recompute(study, rows)["it"] == pytest.approx(1)
