"""One fit, every prior: each must be what fitting again gives."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats as st

from hikibayes.inference.gaussian import exact
from hikibayes.inference.gaussian.exact import posterior
from hikibayes.inference.gaussian.normal_priors import FlatPrior, HalfStudentT, NormalPriors
from hikibayes.inference.gaussian.reprior import likelihood, refit_density, refit_normal
from hikibayes.inference.gaussian.sufficient import ExactEngineError, SufficientStatistics

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
        assert found.log_evidence[i, 0] == pytest.approx(again.log_evidence[0], abs=1e-8)
        assert found.log_bf10[i, 0] == pytest.approx(wanted.log_bf10()[0, 0], abs=1e-8)
        for summary in ("mean", "sd", "p_positive"):
            pair = [getattr(m, summary)() for m in (found.of_each(), wanted)]
            assert pair[0][i, 0] == pytest.approx(pair[1][0, 0], abs=1e-8 * max(scale, 1e-3)), summary
        assert found.of_each().quantile(0.025)[i, 0] == pytest.approx(wanted.quantile(0.025)[0, 0], abs=1e-8 * scale)


def test_a_normal_prior_by_sum_is_the_closed_form(data):
    numerical = refit_density(data, st.norm(0.1, 0.3).logpdf)
    closed = refit_normal(data, 0.1, 0.3)
    marginal, wanted = numerical.marginal, closed.of_each()
    assert numerical.log_evidence[0] == pytest.approx(closed.log_evidence[0, 0], abs=1e-10)
    assert numerical.log_bf10[0] == pytest.approx(closed.log_bf10[0, 0], abs=1e-10)
    for summary, digits in {"mean": 1e-10, "sd": 1e-10, "p_positive": 1e-8}.items():
        assert getattr(marginal, summary)()[0] == pytest.approx(getattr(wanted, summary)()[0, 0], abs=digits), summary
    assert marginal.quantile(0.025)[0] == pytest.approx(wanted.quantile(0.025)[0, 0], abs=1e-7)


def test_a_student_prior_is_a_scale_mixture_of_normals(data):
    # t(3, scale .3) is a normal whose variance is .09 * 3 / chi2(3): sum the closed form over a fine grid of chi2.
    log_chi = np.linspace(-14, 6, 4001)
    chi2 = np.exp(log_chi)
    weight = st.chi2(3).pdf(chi2) * chi2 * (log_chi[1] - log_chi[0])
    refits = refit_normal(data, 0.0, 0.3 * np.sqrt(3 / chi2))
    evidence = weight @ np.exp(refits.log_evidence[:, 0])
    numerical = refit_density(data, st.t(3, 0, 0.3).logpdf)
    assert np.exp(numerical.log_evidence[0]) == pytest.approx(evidence, rel=1e-8)
    mean = weight @ (np.exp(refits.log_evidence[:, 0]) * refits.of_each().mean()[:, 0]) / evidence
    assert numerical.marginal.mean()[0] == pytest.approx(mean, rel=1e-8)


@pytest.fixture(scope="module")
def wide_and_small():
    """Likelihoods of one contrast from 9 to 2,000 rows: of sixfold different widths given sigma where rows are few."""
    rng = np.random.default_rng(44)
    found = {}
    for n in (9, 30, 120, 2000):
        X = rng.normal(size=(n, 3))
        made = SufficientStatistics.from_rows(X, X @ [0.3, 0.5, 0.0] + rng.normal(size=n), NAMES)
        found[n] = likelihood(posterior(made, priors(0.0, 1.0), nodes=21), "b")
    return found


@pytest.mark.parametrize("n", [9, 30, 120, 2000])
@pytest.mark.parametrize("width", [1e-3, 0.01, 0.1, 0.25, 1.0, 10.0])
def test_the_grid_refines_itself(wide_and_small, n, width):
    data = wide_and_small[n]
    closed = refit_normal(data, 0.0, width)
    found = refit_density(data, st.norm(0, width).logpdf, scale=width)
    wanted, sd = closed.of_each(), closed.of_each().sd()[0, 0]
    assert found.log_bf10[0] == pytest.approx(closed.log_bf10[0, 0], abs=1e-9)
    assert found.marginal.mean()[0] == pytest.approx(wanted.mean()[0, 0], abs=1e-9 * sd)
    assert found.marginal.p_positive()[0] == pytest.approx(wanted.p_positive()[0, 0], abs=1e-6)
    assert found.marginal.quantile(0.975)[0] == pytest.approx(wanted.quantile(0.975)[0, 0], abs=1e-5 * sd)
    # heavier tails as mixtures of Normals over their precision, a Cauchy being t(1): both in closed form at each
    for df, family in {3: st.t(3, 0, width), 1: st.cauchy(0, width)}.items():
        log_chi = np.linspace(-60, 6, 6001)
        weight = np.exp(st.chi2(df).logpdf(np.exp(log_chi)) + log_chi) * (log_chi[1] - log_chi[0])
        sds = width * np.sqrt(df / np.exp(log_chi))
        evidence = weight @ np.exp(refit_normal(data, 0.0, sds).log_bf10[:, 0])
        heavy = refit_density(data, family.logpdf, scale=width)
        assert np.exp(heavy.log_bf10[0]) == pytest.approx(evidence, rel=1e-6), df


def test_where_the_first_points_lie_changes_nothing(data):
    one, other = (refit_density(data, st.cauchy(0, 0.3).logpdf, scale=scale) for scale in (0.02, 3.0))
    assert one.log_evidence[0] == pytest.approx(other.log_evidence[0], abs=1e-8)
    assert one.marginal.p_positive()[0] == pytest.approx(other.marginal.p_positive()[0], abs=1e-6)
    assert one.marginal.sd()[0] == pytest.approx(other.marginal.sd()[0], rel=1e-8)


def test_many_data_sets_at_once_are_each_by_itself(stats):
    rng = np.random.default_rng(43)
    X = rng.normal(size=(80, 3))
    other = SufficientStatistics.from_rows(X, X @ [0.3, -0.1, 0.0] + rng.normal(size=80), NAMES)
    both = SufficientStatistics(
        names=tuple(NAMES),
        **{
            f: np.concatenate([getattr(s, f) for s in (stats, other)])
            for f in ("n", "x_mean", "y_mean", "sxx", "sxy", "syy")
        },
    )
    together = likelihood(posterior(both, priors(0.0, 1.0), nodes=21), "b")
    sds = [0.1, 0.5]
    found, cauchy = refit_normal(together, 0.0, sds), refit_density(together, st.cauchy(0, 0.3).logpdf)
    for i, alone in enumerate((stats, other)):
        data = likelihood(posterior(alone, priors(0.0, 1.0), nodes=21), "b")
        one = refit_normal(data, 0.0, sds)
        assert found.log_bf10[:, i] == pytest.approx(one.log_bf10[:, 0], abs=1e-10)
        assert found.means[:, i] == pytest.approx(one.means[:, 0], abs=1e-10)
        assert cauchy.log_bf10[i] == pytest.approx(refit_density(data, st.cauchy(0, 0.3).logpdf).log_bf10[0], abs=1e-8)
    pooled = found.together()
    assert pooled.mean()[:, 0] == pytest.approx(found.of_each().mean()[:, 0].reshape(2, 2).mean(axis=1))
    assert pooled.p_positive()[:, 0] == pytest.approx(found.of_each().p_positive()[:, 0].reshape(2, 2).mean(axis=1))
    assert cauchy.marginal.together().mean()[0] == pytest.approx(cauchy.marginal.mean().mean())


def test_a_contrast_of_two_coefficients_has_a_prior_of_its_own(stats):
    # b1 + b2 with independent priors: another Normal prior on the sum, the difference as it was, is a model in
    # u = (b1 + b2) and w = (b1 - b2) with priors of their own; with equal sds they are independent
    equal = NormalPriors(
        names=NAMES, mean=[0.0, 0.0, 0.0], sd=[0.5, 0.5, 1.0], intercept_mean=0, intercept_sd=1,
        sigma=HalfStudentT(nu=4, scale=1),
    )  # fmt: skip
    data = likelihood(posterior(stats, equal, nodes=21), {"sum": {"a": 1.0, "b": 1.0}})
    found = refit_normal(data, 0.1, 0.2)
    turn = np.array([[0.5, 0.5, 0], [0.5, -0.5, 0], [0, 0, 1]])
    turned = SufficientStatistics(
        names=("u", "w", "c"), n=stats.n, x_mean=stats.x_mean @ turn.T, y_mean=stats.y_mean,
        sxx=turn @ stats.sxx @ turn.T, sxy=stats.sxy @ turn.T, syy=stats.syy,
    )  # fmt: skip
    sd = 0.5 * np.sqrt(2)
    again = NormalPriors(
        names=("u", "w", "c"), mean=[0.1, 0.0, 0.0], sd=[0.2, sd, 1.0], intercept_mean=0, intercept_sd=1,
        sigma=HalfStudentT(nu=4, scale=1),
    )  # fmt: skip
    wanted = posterior(turned, again, nodes=21)
    assert found.log_evidence[0, 0] == pytest.approx(wanted.log_evidence[0], abs=1e-9)
    assert found.of_each().mean()[0, 0] == pytest.approx(wanted.marginal(["u"]).mean()[0, 0], abs=1e-9)


def test_under_a_flat_prior_nothing_is_divided_out(stats):
    flat = posterior(stats, FlatPrior(), nodes=21)
    wide = refit_normal(likelihood(flat, "b"), 0.0, 1e4)
    assert wide.of_each().mean()[0, 0] == pytest.approx(flat.marginal(["b"]).mean()[0, 0], abs=1e-6)
    assert wide.of_each().sd()[0, 0] == pytest.approx(flat.marginal(["b"]).sd()[0, 0], rel=1e-6)


def test_refusals(stats, data):
    with pytest.raises(ExactEngineError, match="too narrow"):
        refit_density(data, st.cauchy(0, 1e-7).logpdf)
    with pytest.raises(ExactEngineError, match="say nothing"):
        refit_density(replace(data, precision=0 * data.precision), st.cauchy(0, 1).logpdf)
    with pytest.raises(ExactEngineError, match="finite and above 0"):
        refit_normal(data, 0.0, [1.0, 0.0])
    with pytest.raises(ExactEngineError, match=r"unknown terms \['z'\]"):
        likelihood(posterior(stats, priors(0, 1)), "z")


def test_a_contrast_that_needs_more_nodes_than_its_posterior_has(stats, data, monkeypatch):
    """Where components lie apart, the marginal has more of them than the posterior has nodes: so has the likelihood."""
    monkeypatch.setattr(exact, "LUMPY", 0.0)
    coarse = posterior(stats, priors(0.0, 1.0), nodes=21)
    assert coarse.marginal(["b"]).weights.shape[1] > coarse.log_weights.shape[1]
    found, wanted = (refit_normal(of, 0.1, 0.3) for of in (likelihood(coarse, "b"), data))
    assert found.log_evidence == pytest.approx(wanted.log_evidence, abs=1e-8)
    assert found.of_each().mean() == pytest.approx(wanted.of_each().mean(), abs=1e-8)
