"""Predictive checks and leave-one-out, each against a slower way to the same number."""

import numpy as np
import pytest
from scipy import stats
from scipy.special import logsumexp
from tests.studies import orchard_run

from hikibayes.inference.gaussian.loo import log_predictive_left_out
from hikibayes.inference.models.compile import exact_posterior, exact_priors
from hikibayes.inference.models.design import design
from hikibayes.inference.models.steps import model_of


@pytest.fixture(scope="module")
def laid_out():
    read = orchard_run.study().read()
    return design(model_of(read, "products"), orchard_run.data_sets()[0], read)


def test_leave_one_out_is_what_refitting_without_the_row_predicts(laid_out):
    """Gaussian algebra on a fine grid of sigma, the row really left out; columns stay centred where they were."""
    X, y, priors = laid_out.rows[0], laid_out.y[0], exact_priors(laid_out)
    columns = np.column_stack([np.ones(len(y)), X - X.mean(axis=0)])
    aligned = priors.align(laid_out.columns)
    prior_sd = np.concatenate([aligned.intercept_precision**-0.5, aligned.precision[0] ** -0.5])
    found = log_predictive_left_out(exact_posterior(laid_out, nodes=21), laid_out.rows, laid_out.y)[0]
    log_sigma = np.linspace(-1.6, 0.6, 400)
    for i in (0, 40, 90):
        kept = np.arange(len(y)) != i
        log_joint, log_density = [], []
        for sigma in np.exp(log_sigma):
            cov = columns[kept] @ np.diag(prior_sd**2) @ columns[kept].T + sigma**2 * np.eye(kept.sum())
            prior = priors.sigma.log_density(np.array([[sigma]]))[0, 0] + np.log(sigma)
            log_joint.append(stats.multivariate_normal.logpdf(y[kept], np.zeros(kept.sum()), cov) + prior)
            precision = columns[kept].T @ columns[kept] / sigma**2 + np.diag(prior_sd**-2)
            mean = np.linalg.solve(precision, columns[kept].T @ y[kept] / sigma**2)
            spread = columns[i] @ np.linalg.solve(precision, columns[i]) + sigma**2
            log_density.append(stats.norm.logpdf(y[i], columns[i] @ mean, np.sqrt(spread)))
        expected = logsumexp(np.array(log_joint) + np.array(log_density)) - logsumexp(log_joint)
        assert found[i] == pytest.approx(expected, abs=1e-6)


def test_a_step_that_predicts_better_has_the_higher_elpd():
    loo = orchard_run.result().loo.set_index("model")
    assert loo.loc["work", "elpd"] > loo.loc["background", "elpd"]
    assert loo.loc["work", "difference"] == pytest.approx(
        loo.loc["work", "elpd"] - loo.loc["background", "elpd"], abs=3
    )
    assert np.isnan(loo.loc["background", "difference"])


def test_shares_of_bins_add_to_one_and_reach_beyond_the_scale():
    bins = orchard_run.result().posterior_predictive
    for _, own in bins.groupby("group"):
        assert own["observed"].sum() == pytest.approx(1)
        assert own["mean"].sum() == pytest.approx(1)
        assert np.isinf([own["low"].iloc[0], own["high"].iloc[-1]]).all()
    assert sorted(bins["low"].unique())[1] == 1 - 1 / 16
    values = (bins["high"] - bins["low"]) * 8
    finite = values[np.isfinite(values)]
    np.testing.assert_allclose(finite, finite.round(), atol=1e-9)


def test_the_data_lie_among_their_replicates():
    statistics = orchard_run.result().posterior_statistics
    middle = statistics[statistics["statistic"].isin(["mean", "sd"])]
    assert middle["p"].between(0.01, 0.99).all()
    assert (middle["lower"] < middle["observed"]).all()
    means = statistics[statistics["statistic"] == "mean"]
    np.testing.assert_allclose(means["mean"], means["observed"], atol=0.03)


def test_wider_priors_expect_more_spread():
    table = orchard_run.result().prior_predictive
    table = table[(table["statistic"] == "sd") & (table["model"] == "products")].set_index("prior")["median"]
    assert table["bambi_default"] > table["weakly_informative"]
    assert "flat" not in table.index
