"""Posteriors of the estimands as a table: exact, pooled over data sets, and from draws."""

import dataclasses

import numpy as np
import pytest
from scipy import stats as st
from tests.inference.trees import to_datatree

from hikibayes.inference.answers.estimates import (
    COLUMNS,
    Reporting,
    draw_estimates,
    exact_estimates,
    least_squares_estimates,
    pooled,
)
from hikibayes.inference.estimands import answers
from hikibayes.inference.models.compile import exact_posterior
from hikibayes.inference.models.design import design
from hikibayes.inference.models.specs import load_model
from hikibayes.spec import InputError

LABELS = {"study": "nonaka2021", "model": "step3", "prior": "weakly_informative", "engine": "exact"}
CONTRACT = (
    "study, reading, model, prior, engine, n, datasets, estimand, unit, mean, sd, median, lower, upper, ci_prob, "
    "ci_kind, p_positive, rope_low, rope_high, p_rope, bf10, bf10_low, bf10_high, sd_within, sd_between, "
    "sd_readings, rhat, ess_bulk, ess_tail, mcse_mean"
)


def estimates(laid_out, variant="weakly_informative", seed=81, **kwargs):
    rng = np.random.default_rng(seed)
    return exact_estimates(exact_posterior(laid_out, variant), answers(laid_out), rng=rng, labels=LABELS, **kwargs)


@pytest.fixture(scope="module")
def three(study, table):
    """Three data sets laid out together."""
    return design(load_model("step3"), [table(n=50, seed=seed) for seed in range(3)], study)


def test_the_columns_are_those_that_scripts_rely_on():
    assert ", ".join(COLUMNS) == CONTRACT


def test_one_data_set(step3):
    rows = estimates(step3).set_index("estimand")
    assert tuple(estimates(step3).columns) == COLUMNS
    slope = rows.loc["support_slope_difference"]
    margin = exact_posterior(step3).marginal(["group:instrumental_support"])
    assert slope["mean"] == pytest.approx(margin.mean()[0, 0])
    assert slope["lower"] == pytest.approx(margin.quantile(0.025)[0, 0])
    assert slope["p_rope"] == pytest.approx(margin.probability(-0.1, 0.1)[0, 0])
    assert slope["bf10"] == pytest.approx(np.exp(margin.log_bf10()[0, 0]))
    assert (slope["unit"], slope["n"], slope["datasets"]) == ("sd_per_sd", 200, 1)
    assert slope[["sd_within", "sd_between", "rhat", "mcse_mean"]].isna().all()


def test_shares_of_variance_have_no_sign_and_no_bayes_factor(step3):
    rows = estimates(step3).set_index("estimand")
    shares = rows.loc[["r2_step1", "delta_r2_step2", "delta_r2_step3"]]
    assert shares[["p_positive", "p_rope", "rope_low", "bf10"]].isna().all(axis=None)
    assert (shares["lower"] > 0).all()
    assert (shares["mcse_mean"] < shares["sd"] / 50).all()
    beside = least_squares_estimates(step3, answers(step3), labels=LABELS)
    assert set(beside["engine"]) == {"ols"}
    assert beside["sd"].isna().all()


def test_an_ensemble_is_an_equal_mixture(three):
    rows = estimates(three).set_index("estimand")
    margin = exact_posterior(three).marginal(["group:instrumental_support"])
    row = rows.loc["support_slope_difference"]
    assert row["datasets"] == 3
    assert row["mean"] == pytest.approx(margin.mean().mean())
    assert row["sd_between"] == pytest.approx(margin.mean().std())
    assert row["sd"] ** 2 == pytest.approx(row["sd_within"] ** 2 + row["sd_between"] ** 2)
    assert margin.cdf(row["lower"]).mean() == pytest.approx(0.025)
    assert margin.cdf(row["upper"]).mean() == pytest.approx(0.975)
    assert row["p_positive"] == pytest.approx(margin.p_positive().mean())
    assert row["bf10"] == pytest.approx(np.exp(np.median(margin.log_bf10())))
    assert row["bf10_low"] < row["bf10"] < row["bf10_high"]


def test_shares_of_variance_of_an_ensemble_split_the_same_way(three):
    row = estimates(three).set_index("estimand").loc["delta_r2_step3"]
    assert row["sd"] ** 2 == pytest.approx(row["sd_within"] ** 2 + row["sd_between"] ** 2, rel=1e-3)


def test_pooling_one_data_set_changes_nothing(step3):
    margin = exact_posterior(step3).marginal(["age"])
    np.testing.assert_allclose(pooled(margin).quantile(0.9), margin.quantile(0.9))


def test_a_flat_prior_has_no_bayes_factor_and_the_t_interval(step3):
    row = estimates(step3, "flat").set_index("estimand").loc["support_slope_difference"]
    s = step3.statistics
    j = s.names.index("group:instrumental_support")
    beta = np.linalg.solve(s.sxx[0], s.sxy[0])
    df = s.n[0] - len(s.names) - 1
    se = np.sqrt((s.syy[0] - s.sxy[0] @ beta) / df * np.linalg.inv(s.sxx[0])[j, j])
    assert np.isnan(row["bf10"])
    assert row["upper"] == pytest.approx(beta[j] + st.t.ppf(0.975, df) * se, abs=1e-8)


def test_draws_say_what_the_exact_posterior_says(step3):
    posterior, found = exact_posterior(step3), answers(step3)
    tree = to_datatree(posterior, np.random.default_rng(82), draws=10_000)
    drawn = draw_estimates(tree, step3, found, conditional=posterior, labels={**LABELS, "engine": "nuts"})
    drawn, exact = (table.set_index("estimand") for table in (drawn, estimates(step3)))
    assert list(drawn.index) == list(exact.index)
    np.testing.assert_allclose(drawn["mean"], exact["mean"], atol=3e-3)
    np.testing.assert_allclose(drawn[["lower", "upper"]], exact[["lower", "upper"]], atol=1e-2)
    np.testing.assert_allclose(drawn["bf10"].dropna(), exact["bf10"].dropna(), rtol=0.05)
    assert (drawn["rhat"] < 1.01).all()
    assert (drawn[["ess_bulk", "ess_tail"]] > 30_000).all(axis=None)
    without = draw_estimates(tree, step3, found)
    assert without["bf10"].isna().all(), "no Bayes factor is made of draws alone"


@pytest.mark.parametrize("kind", ["eti", "hdi"])
def test_raw_rows_are_the_same_posterior_in_points(step3, table, kind):
    rows = estimates(step3, reporting=Reporting(raw=True, ci_kind=kind, ci_prob=0.9))
    rows = rows[rows["estimand"] == "support_slope_control"].set_index("unit")
    ratio = table()["abs_h"].std() / table()["instrumental_support"].std()
    for column in ("mean", "sd", "median", "lower", "upper"):
        assert rows.loc["points_per_point", column] == pytest.approx(ratio * rows.loc["sd_per_sd", column])
    assert rows["bf10"].nunique() == 1 or np.allclose(rows["bf10"], rows["bf10"].iloc[0])
    assert np.isnan(rows.loc["points_per_point", "p_rope"])
    assert set(rows["ci_kind"]) == {kind}


def test_an_hdi_is_narrower_and_as_probable(step3):
    eti = estimates(step3).set_index("estimand")
    hdi = estimates(step3, reporting=Reporting(ci_kind="hdi")).set_index("estimand")
    widths = (hdi["upper"] - hdi["lower"]) / (eti["upper"] - eti["lower"])
    assert (widths <= 1 + 1e-9).all()
    assert widths["delta_r2_step3"] < 0.999


@pytest.mark.parametrize(
    ("change", "message"),
    [({"ci_prob": 95}, "between 0 and 1; found 95"), ({"ci_kind": "hpd"}, "'eti' or 'hdi'"), ({"rope": 0}, "above 0")],
)
def test_unusable_reporting_is_refused(change, message):
    with pytest.raises(InputError, match=message):
        dataclasses.replace(Reporting(), **change)
