"""One fit, every prior: each must be what fitting again gives."""

import time

import numpy as np
import pytest
from scipy import stats as st

from hikibayes.inference.exact import (
    ExactEngineError,
    FlatPrior,
    HalfStudentT,
    NormalPriors,
    SufficientStatistics,
    posterior,
)
from hikibayes.inference.reprior import likelihood, refit_density, refit_normal

NAMES = ["a", "b", "c"]


def priors(mean, sd):
    return NormalPriors(
        names=NAMES, mean=[0.0, mean, 0.0], sd=[0.5, sd, 1.0], intercept_mean=0, intercept_sd=1,
        sigma=HalfStudentT(nu=4, scale=1),
    )  # fmt: skip


@pytest.fixture(scope="module")
def stats():
    rng = np.random.default_rng(41)
    X = rng.normal(size=(80, 3))
    return SufficientStatistics.from_rows(X, X @ [0.3, 0.25, 0.0] + rng.normal(size=80), NAMES)


@pytest.fixture(scope="module")
def data(stats):
    return likelihood(posterior(stats, priors(0.0, 1.0), nodes=21), "b")


def test_fifty_random_priors_equal_fifty_refits(stats, data):
    rng = np.random.default_rng(42)
    mean, sd = rng.normal(0, 0.3, 50), np.exp(rng.uniform(np.log(0.02), np.log(3), 50))
    found = refit_normal(data, mean, sd)
    for i in range(50):
        again = posterior(stats, priors(mean[i], sd[i]), nodes=21)
        wanted = again.marginal(["b"])
        scale = wanted.sd()[0, 0]
        assert found.log_evidence[i] == pytest.approx(again.log_evidence[0], abs=1e-8)
        assert found.marginal.log_bf10()[i, 0] == pytest.approx(wanted.log_bf10()[0, 0], abs=1e-8)
        for summary in ("mean", "sd", "p_positive"):
            pair = [getattr(m, summary)() for m in (found.marginal, wanted)]
            assert pair[0][i, 0] == pytest.approx(pair[1][0, 0], abs=1e-8 * max(scale, 1e-3)), summary
        assert found.marginal.quantile(0.025)[i, 0] == pytest.approx(wanted.quantile(0.025)[0, 0], abs=1e-8 * scale)


def test_ten_thousand_priors_in_under_a_second(data):
    sd = np.geomspace(0.01, 10, 10_000)
    start = time.perf_counter()
    refits = refit_normal(data, 0.0, sd)
    refits.marginal.p_positive(), refits.marginal.mean(), refits.marginal.sd(), refits.marginal.log_bf10()
    assert time.perf_counter() - start < 1.0


def test_a_normal_prior_by_sum_is_the_closed_form(data):
    numerical = refit_density(data, st.norm(0.1, 0.3).logpdf)
    closed = refit_normal(data, 0.1, 0.3)
    assert numerical.log_evidence == pytest.approx(closed.log_evidence[0], abs=1e-10)
    assert numerical.log_bf10 == pytest.approx(closed.marginal.log_bf10()[0, 0], abs=1e-10)
    assert numerical.mean == pytest.approx(closed.marginal.mean()[0, 0], abs=1e-10)
    assert numerical.sd == pytest.approx(closed.marginal.sd()[0, 0], abs=1e-10)
    assert numerical.p_positive == pytest.approx(closed.marginal.p_positive()[0, 0], abs=1e-8)


def test_a_student_prior_is_a_scale_mixture_of_normals(data):
    # t(3, scale .3) is a normal whose variance is .09 * 3 / chi2(3): sum the closed form over a fine grid of chi2.
    log_chi = np.linspace(-14, 6, 4001)
    chi2 = np.exp(log_chi)
    weight = st.chi2(3).pdf(chi2) * chi2 * (log_chi[1] - log_chi[0])
    refits = refit_normal(data, 0.0, 0.3 * np.sqrt(3 / chi2))
    evidence = weight @ np.exp(refits.log_evidence)
    numerical = refit_density(data, st.t(3, 0, 0.3).logpdf)
    assert np.exp(numerical.log_evidence) == pytest.approx(evidence, rel=1e-8)
    mean = weight @ (np.exp(refits.log_evidence) * refits.marginal.mean()[:, 0]) / evidence
    assert numerical.mean == pytest.approx(mean, rel=1e-8)


def test_cauchy_needs_few_points(data):
    few, many = (refit_density(data, st.cauchy(0, 0.3).logpdf, points=k) for k in (101, 4001))
    assert few.log_evidence == pytest.approx(many.log_evidence, abs=1e-8)
    assert few.p_positive == pytest.approx(many.p_positive, abs=1e-5)


def test_refusals(stats, data):
    with pytest.raises(ExactEngineError, match="raise `points`"):
        refit_density(data, st.cauchy(0, 1e-4).logpdf)
    with pytest.raises(ExactEngineError, match="finite and above 0"):
        refit_normal(data, 0.0, [1.0, 0.0])
    with pytest.raises(ExactEngineError, match="flat prior"):
        likelihood(posterior(stats, FlatPrior()), "a")
    with pytest.raises(ExactEngineError, match=r"unknown terms \['z'\]"):
        likelihood(posterior(stats, priors(0, 1)), "z")
