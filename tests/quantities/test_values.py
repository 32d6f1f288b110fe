"""Every statistic of a regression from group moments is what statsmodels prints from the rows."""

import numpy as np
import pytest
import statsmodels.api as sm

from hikibayes.moments import group_moments
from hikibayes.quantities import KINDS, Address, Analysis, Outline
from hikibayes.quantities.analysis import codes_of

TERMS = ("x", "z", "x:z")


def rows(seed=3, n=90):
    rng = np.random.default_rng(seed)
    x, z = rng.normal(4, 2, n), rng.gamma(3, 2, n)
    return x, z, 1 + 0.4 * x - 0.2 * z + 0.1 * x * z + rng.normal(0, 3, n)


@pytest.fixture(scope="module")
def found():
    x, z, y = rows()
    table = np.column_stack([y, x, z])
    moments = group_moments(table, np.zeros(len(y), dtype=int), ["y", "x", "z"], products=[("x", "z")])
    outline = Outline(
        outcome="y",
        group="",
        groups=(),
        terms={"one": ("x",), "all": TERMS},
        after={"one": None, "all": "one"},
        levels={},
    )
    return Analysis(outline, moments)


@pytest.fixture(scope="module")
def fit():
    x, z, y = rows()
    return sm.OLS(y, sm.add_constant(np.column_stack([x, z, x * z]))).fit()


def value(found, kind, **address):
    return float(KINDS[kind].value(found, Address(step="all", standardised=False, products="raw", **address)))


@pytest.mark.parametrize("at", range(3))
def test_statistics_of_a_coefficient(found, fit, at):
    t, df, left = fit.tvalues[1 + at], fit.df_resid, 1 - fit.rsquared
    without = fit.model.exog[:, [i for i in range(4) if i != 1 + at]]
    alone = fit.rsquared - sm.OLS(fit.model.endog, without).fit().rsquared
    rest = [sm.OLS(v, without).fit().resid for v in (fit.model.endog, fit.model.exog[:, 1 + at])]
    expected = {
        "": fit.params[1 + at],
        "_se": fit.bse[1 + at],
        "_t": t,
        "_df": df,
        "_p": fit.pvalues[1 + at],
        "_ci_low": fit.conf_int()[1 + at][0],
        "_ci_high": fit.conf_int()[1 + at][1],
        "_f": t**2,
        "_sr": np.sign(t) * alone**0.5,
        "_sr2": alone,
        "_partial_r": np.corrcoef(*rest)[0, 1],
        "_partial_eta2": alone / (alone + left),
        "_f2": alone / left,
        "_d": 2 * t / df**0.5,
    }
    assert {f"coefficient{name}" for name in expected} == {name for name in KINDS if name.startswith("coefficient")}
    for name, number in expected.items():
        assert value(found, f"coefficient{name}", term=TERMS[at]) == pytest.approx(number), name


def test_limits_have_their_level(found, fit):
    assert value(found, "coefficient_ci_low", term="x", confidence=0.9) == pytest.approx(fit.conf_int(0.1)[1][0])


def test_statistics_of_the_intercept_and_of_steps(found, fit):
    assert value(found, "intercept") == pytest.approx(fit.params[0])
    assert value(found, "intercept_se") == pytest.approx(fit.bse[0])
    shorter = sm.OLS(fit.model.endog, fit.model.exog[:, :2]).fit()
    f, p, added = fit.compare_f_test(shorter)
    expected = {"r2_f": fit.fvalue, "r2_p": fit.f_pvalue, "r2_df1": 3, "r2_df2": 86}
    expected |= {"delta_r2_f": f, "delta_r2_p": p, "delta_r2_df1": added, "delta_r2_df2": 86}
    for name, number in expected.items():
        assert value(found, name) == pytest.approx(number), name


@pytest.mark.parametrize(("at", "z"), [((("z", -1.0),), None), ((("z", "4.5"),), 4.5)])
def test_slopes_and_predictions_at_values(found, fit, at, z):
    x, other, _ = rows()
    z = other.mean() - other.std(ddof=1) if z is None else z
    slope = fit.t_test([0, 1, 0, z])
    assert value(found, "slope", of="x", at=at) == pytest.approx(slope.effect[0])
    assert value(found, "slope_se", of="x", at=at) == pytest.approx(float(np.squeeze(slope.sd)))
    assert value(found, "slope_ci_high", of="x", at=at) == pytest.approx(slope.conf_int()[0][1])
    mean = fit.get_prediction([1, x.mean(), z, x.mean() * z])
    assert value(found, "predicted", at=at) == pytest.approx(mean.predicted_mean[0])
    assert value(found, "predicted_se", at=at) == pytest.approx(mean.se_mean[0])


@pytest.mark.parametrize(
    ("coding", "second", "third"),
    [
        ("dummy", lambda m: m[1] - m[0], lambda m: m[2] - m[0]),
        ("half", lambda m: m[1] - m[0], lambda m: m[2] - m[0]),
        ("effect", lambda m: m[1] - m.mean(), lambda m: m[2] - m.mean()),
        ("helmert", lambda m: m[1] - m[0], lambda m: m[2] - m[:2].mean()),
    ],
)
def test_three_groups_by_each_coding(coding, second, third):
    means = np.array([1.0, 4.0, 9.0])
    codes = codes_of("arm", ("a", "b", "c"), coding)
    b = np.linalg.solve(np.column_stack([np.ones(3), *codes.values()]), means)
    assert b[1:] == pytest.approx([second(means), third(means)])


def test_one_way_comparison():
    from scipy import stats

    rng = np.random.default_rng(5)
    group = np.repeat([0, 1, 2], [20, 30, 25])
    y = rng.normal(group * 0.3, 1)
    outline = Outline(outcome="y", group="arm", groups=("a", "b", "c"), terms={}, after={}, levels={})
    run = Analysis(outline, group_moments(y[:, None], group, ["y"]))
    test = stats.f_oneway(*(y[group == g] for g in range(3)))
    for name, number in {"f": test.statistic, "f_p": test.pvalue, "f_df1": 2, "f_df2": 72}.items():
        assert float(KINDS[name].value(run, Address(of="y"))) == pytest.approx(number), name
    means = np.array([y[group == g].mean() for g in range(3)])[group]
    assert float(KINDS["eta2"].value(run, Address(of="y"))) == pytest.approx(means.var() / y.var())
