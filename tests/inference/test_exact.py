"""The exact posterior against things known otherwise: t-tests, evidences, 60 digits, Bambi's own density."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as some
from scipy import stats as st
from scipy.special import logsumexp
from tests.inference.trees import to_datatree

from hikibayes.inference.gaussian.exact import contrast_matrix, log_joint, posterior
from hikibayes.inference.gaussian.mixture import Mixture
from hikibayes.inference.gaussian.normal_priors import (
    Exponential,
    FlatPrior,
    HalfNormal,
    HalfStudentT,
    NormalPriors,
    bambi_default,
)
from hikibayes.inference.gaussian.sufficient import ExactEngineError, Refusal, SufficientStatistics

REFERENCE = json.loads((Path(__file__).parents[1] / "reference" / "exact_mpmath.json").read_text())["cases"]


def rows(n, p, seed, datasets=1):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(datasets, n, p)) @ (np.eye(p) + 0.3)
    y = 0.7 + X @ np.linspace(-0.3, 0.4, p) + rng.normal(size=(datasets, n))
    return X, y


def names(p):
    return [f"x{j}" for j in range(p)]


def statistics(n, p, seed, datasets=1):
    return SufficientStatistics.from_rows(*rows(n, p, seed, datasets), names(p))


def priors(p, mean=0.0, sd=0.5, sigma=None):
    sigma = sigma or HalfStudentT(nu=4, scale=1)
    return NormalPriors(names=names(p), mean=mean, sd=sd, intercept_mean=0.2, intercept_sd=1.0, sigma=sigma)


class TestAgainstOtherMethods:
    @pytest.mark.parametrize(("n", "p"), [(30, 3), (200, 17)])
    def test_flat_prior_interval_is_the_t_test_interval(self, n, p):
        X, y = rows(n, p, seed=n)
        ols = sm.OLS(y[0], sm.add_constant(X[0])).fit()
        fitted = posterior(SufficientStatistics.from_rows(X, y, names(p)), FlatPrior(), nodes=21)
        lower, upper = fitted.marginal().eti(0.95)
        np.testing.assert_allclose(
            np.stack([lower[0], upper[0]], 1), ols.conf_int()[1:], rtol=0, atol=1e-8 * ols.bse[1]
        )
        at_x = fitted.marginal((X[0, :1] - X[0].mean(0)), intercept=1.0)
        predicted = ols.get_prediction(np.r_[1.0, X[0, 0]][None])
        np.testing.assert_allclose(np.ravel(at_x.eti(0.95)), predicted.conf_int()[0], rtol=0, atol=1e-8)

    def test_flat_prior_sigma_is_scaled_inverse_chi_squared(self):
        X, y = rows(40, 4, seed=3)
        ols = sm.OLS(y[0], sm.add_constant(X[0])).fit()
        sigma = posterior(SufficientStatistics.from_rows(X, y, names(4)), FlatPrior(), nodes=21).sigma()
        exact = np.sqrt(ols.ssr / st.chi2(ols.df_resid).ppf([0.975, 0.025]))
        np.testing.assert_allclose(np.ravel(sigma.eti(0.95)), exact, rtol=1e-9)
        np.testing.assert_allclose(sigma.cdf(exact[None, :1]), 0.025, rtol=1e-8)

    @pytest.mark.parametrize("case", REFERENCE, ids=lambda c: c["name"])
    def test_sixty_digit_references(self, case):
        X, spec, expected = np.array(case["X"]), case["priors"], case["expected"]
        kind, *parameters = spec["sigma"]
        make = {"half_t": lambda nu, s: HalfStudentT(nu=nu, scale=s), "half_normal": lambda s: HalfNormal(scale=s)}
        sigma = make.get(kind, lambda lam: Exponential(lam=lam))(*parameters)
        prior = NormalPriors(
            names=names(X.shape[1]), mean=spec["prior_mean"], sd=spec["prior_sd"], sigma=sigma,
            intercept_mean=spec["intercept"][0], intercept_sd=spec["intercept"][1],
        )  # fmt: skip
        fitted = posterior(SufficientStatistics.from_rows(X, case["y"], prior.names), prior, nodes=41)
        np.testing.assert_allclose(fitted.log_evidence[0], float(expected["log_evidence"]), atol=1e-8)
        np.testing.assert_allclose(fitted.sigma().mean()[0], float(expected["sigma_mean"]), rtol=1e-9)
        m = fitted.marginal()
        for j, wanted in enumerate(expected["coefficients"]):
            sd = float(wanted["sd"])
            for found, key in [(m.mean(), "mean"), (m.sd(), "sd"), (m.quantile(0.025), "q025")]:
                assert found[0, j] == pytest.approx(float(wanted[key]), abs=1e-8 * sd), key
            assert m.p_positive()[0, j] == pytest.approx(float(wanted["p_positive"]), abs=1e-9)
            log_prior = st.norm(prior.mean[j], prior.sd[j]).logpdf(0)
            assert m.log_bf01()[0, j] == pytest.approx(float(wanted["log_density_0"]) - log_prior, abs=1e-8)

    @pytest.mark.parametrize(
        ("n", "nodes", "tolerance"), [(100, 9, 2e-5), (100, 13, 5e-8), (100, 21, 1e-11), (30, 13, 3e-5)]
    )
    def test_quadrature_error(self, n, nodes, tolerance):
        stats = statistics(n, 17, seed=n, datasets=20)
        few, dense = posterior(stats, priors(17), nodes=nodes), posterior(stats, priors(17), nodes=201)
        sd = dense.marginal().sd()
        for q in (0.025, 0.5, 0.9):
            error = np.abs(few.marginal().quantile(q) - dense.marginal().quantile(q)) / sd
            assert error.max() < tolerance
        assert np.abs(few.log_evidence - dense.log_evidence).max() < 10 * tolerance

    @pytest.mark.parametrize("mean", [0.0, 0.3])
    def test_savage_dickey_is_the_ratio_of_evidences(self, mean):
        stats = statistics(60, 4, seed=5, datasets=5)
        keep = [0, 1, 3]
        without = SufficientStatistics(
            names=[names(4)[j] for j in keep], n=stats.n, x_mean=stats.x_mean[:, keep], y_mean=stats.y_mean,
            sxx=stats.sxx[:, keep][:, :, keep], sxy=stats.sxy[:, keep], syy=stats.syy,
        )  # fmt: skip
        full = posterior(stats, priors(4, mean=[0, 0, mean, 0]), nodes=25)
        smaller = NormalPriors(
            names=without.names, mean=0, sd=0.5, intercept_mean=0.2, intercept_sd=1.0, sigma=HalfStudentT(nu=4, scale=1)
        )
        ratio = posterior(without, smaller, nodes=25).log_evidence - full.log_evidence
        np.testing.assert_allclose(full.marginal(["x2"]).log_bf01()[:, 0], ratio, rtol=0, atol=1e-9)
        np.testing.assert_array_equal(full.marginal(["x2"]).log_bf10(), -full.marginal(["x2"]).log_bf01())

    def test_evidence_is_the_integral_of_the_joint(self):
        stats, prior = statistics(12, 1, seed=6), priors(1, mean=0.1)
        # Importance sampling from the exact posterior itself: every weight must equal the evidence.
        drawn = posterior(stats, prior, nodes=31).draws(np.random.default_rng(1), 1)
        alpha, beta, sigma = drawn.centred_intercept[0], drawn.coefficients[0], drawn.sigma[0]
        fitted = posterior(stats, prior, nodes=31)
        v = sigma[:, None] ** 2
        means, variances = fitted.form.contrast(v, np.eye(1), np.zeros(1))
        a_mean, a_var = fitted.form.intercept(v)
        log_posterior = (
            st.norm.logpdf(beta[0, 0], means[0, 0, 0], np.sqrt(variances[0, 0, 0]))
            + st.norm.logpdf(alpha[0], a_mean[0, 0], np.sqrt(a_var[0, 0]))
            + fitted.form.log_density(np.log(sigma)[None])[0, 0] - np.log(sigma[0]) - fitted.log_evidence[0]
        )  # fmt: skip
        joint = log_joint(stats, prior, alpha, beta, sigma)[0, 0]
        assert joint - log_posterior == pytest.approx(fitted.log_evidence[0], abs=1e-10)


class TestInvariance:
    def test_one_by_one_and_in_any_order(self):
        stats = statistics(50, 5, seed=7, datasets=7)
        batch = posterior(stats, priors(5)).marginal()
        order = np.array([3, 0, 6, 2, 5, 1, 4])
        shuffled = posterior(stats.take(order), priors(5)).marginal()
        np.testing.assert_array_equal(shuffled.quantile(0.025), batch.quantile(0.025)[order])
        for i in range(7):
            alone = posterior(stats.take(np.array([i])), priors(5)).marginal()
            np.testing.assert_allclose(alone.mean()[0], batch.mean()[i], rtol=1e-12)

    def test_a_prior_of_its_own_for_each_data_set(self):
        stats = statistics(50, 3, seed=8, datasets=4)
        own = bambi_default(stats)
        batch = posterior(stats, own)
        for i in range(4):
            alone = stats.take(np.array([i]))
            fitted = posterior(alone, bambi_default(alone))
            np.testing.assert_allclose(fitted.marginal().mean()[0], batch.marginal().mean()[i], rtol=1e-12)
            assert fitted.log_evidence[0] == pytest.approx(batch.log_evidence[i], rel=1e-12)

    def test_an_exchangeable_prior_of_three_groups_knows_no_reference(self):
        """Whichever group the dummies leave out, differences between groups get the same posterior."""
        rng = np.random.default_rng(30)
        group = rng.integers(0, 3, 60)
        y = np.array([0.0, 0.4, 1.0])[group] + rng.normal(size=60)
        found = []
        for reference in range(3):
            others = [g for g in range(3) if g != reference]
            stats = SufficientStatistics.from_rows(np.stack([group == g for g in others], 1), y, names(2))
            prior = replace(priors(2, sd=0.7), correlation=[[1, 0.5], [0.5, 1]])
            weights = {g: np.eye(2)[others.index(g)] if g in others else np.zeros(2) for g in range(3)}
            fitted = posterior(stats, prior).marginal(np.array([weights[2] - weights[1], weights[1] - weights[0]]))
            found.append(np.concatenate([fitted.mean()[0], *fitted.eti(), fitted.log_bf10()[0]], axis=None))
        np.testing.assert_allclose(found[1], found[0], atol=1e-9)
        np.testing.assert_allclose(found[2], found[0], atol=1e-9)

    def test_order_of_the_priors_names_does_not_matter(self):
        stats = statistics(50, 3, seed=9)
        shared = {"intercept_mean": 0, "intercept_sd": 1, "sigma": HalfNormal(scale=1)}
        a = NormalPriors(names=["x0", "x1", "x2"], mean=[1, 2, 3], sd=[0.1, 0.2, 0.3], **shared)
        b = NormalPriors(names=["x2", "x0", "x1"], mean=[3, 1, 2], sd=[0.3, 0.1, 0.2], **shared)
        np.testing.assert_array_equal(posterior(stats, a).marginal().mean(), posterior(stats, b).marginal().mean())
        R = np.array([[1, 0.5, 0.2], [0.5, 1, 0], [0.2, 0, 1]])
        a, b = replace(a, correlation=R), replace(b, correlation=R[np.ix_([2, 0, 1], [2, 0, 1])])
        np.testing.assert_array_equal(posterior(stats, a).marginal().mean(), posterior(stats, b).marginal().mean())

    def test_priors_of_some_columns_keep_what_they_were_told_of_those(self):
        correlation = np.array([[1, 0.2, 0.1], [0.2, 1, 0.3], [0.1, 0.3, 1]])
        own = {"mean": [1, 2, 3], "sd": [0.1, 0.2, 0.3], "correlation": correlation}
        whole = NormalPriors(names=names(3), intercept_mean=0, intercept_sd=1, sigma=HalfNormal(scale=1), **own)
        one, each = (
            whole.of_columns(["b", "a"], columns) for columns in (np.array([2, 0]), np.array([[2, 0], [2, 0]]))
        )
        for found, datasets in ((one.align(["a", "b"]), 1), (each.align(["a", "b"]), 2)):
            assert np.array_equal(found.mean, [[1, 3]] * datasets)
            assert np.allclose(found.precision, [[100, 1 / 0.09]] * datasets)
            assert np.array_equal(found.correlation, [[1, 0.1], [0.1, 1]])

    @settings(max_examples=25, deadline=None)
    @given(power=some.integers(-8, 8), shift=some.floats(-1e5, 1e5))
    def test_units_of_a_column_only_change_units(self, power, shift):
        X, y = rows(40, 3, seed=10)
        scale = np.array([10.0**power, 1, 1])
        plain = posterior(SufficientStatistics.from_rows(X, y, names(3)), priors(3)).marginal()
        moved = SufficientStatistics.from_rows(X * scale + shift * scale, y, names(3))
        fitted = posterior(moved, priors(3, sd=0.5 / scale)).marginal()
        np.testing.assert_allclose(fitted.mean() * scale, plain.mean(), rtol=0, atol=1e-9)
        np.testing.assert_allclose(fitted.quantile(0.1) * scale, plain.quantile(0.1), rtol=0, atol=1e-9)

    def test_a_column_split_in_two_collinear_halves(self):
        X, y = rows(60, 2, seed=11)
        whole = posterior(SufficientStatistics.from_rows(X, y, names(2)), priors(2, sd=[0.5, 0.5]), nodes=21)
        twice = np.concatenate([X, X[..., 1:]], axis=2)
        halves = NormalPriors(
            names=names(3), mean=0, sd=[0.5, 0.5 / np.sqrt(2), 0.5 / np.sqrt(2)], intercept_mean=0.2, intercept_sd=1,
            sigma=HalfStudentT(nu=4, scale=1),
        )  # fmt: skip
        fitted = posterior(SufficientStatistics.from_rows(twice, y, names(3)), halves, nodes=21)
        total = fitted.marginal({"whole": {"x1": 1, "x2": 1}})
        np.testing.assert_allclose(total.quantile(0.025), whole.marginal(["x1"]).quantile(0.025), rtol=0, atol=1e-10)
        assert fitted.log_evidence[0] == pytest.approx(whole.log_evidence[0], abs=1e-9)


class TestMixture:
    @settings(max_examples=50, deadline=None)
    @given(
        means=some.lists(some.floats(-2, 2), min_size=4, max_size=4),
        sds=some.lists(some.floats(0.05, 3), min_size=4, max_size=4),
        q=some.floats(1e-9, 1 - 1e-9),
    )
    def test_quantile_inverts_cdf(self, means, sds, q):
        m = Mixture(weights=np.full((1, 4), 0.25), means=np.array([[means]]), sds=np.array([[sds]]))
        x = m.quantile(q)
        assert m.cdf(x)[0, 0] == pytest.approx(q, rel=1e-9)

    def test_one_component_is_a_normal(self):
        m = Mixture(weights=np.ones((1, 1)), means=np.full((1, 1, 1), 2.0), sds=np.full((1, 1, 1), 3.0))
        exact = st.norm(2, 3)
        np.testing.assert_allclose(np.ravel(m.eti(0.9)), exact.interval(0.9), rtol=1e-12)
        np.testing.assert_allclose(np.ravel(m.hdi(0.9)), exact.interval(0.9), rtol=1e-9)
        assert m.p_positive()[0, 0] == pytest.approx(exact.sf(0), rel=1e-12)
        assert m.probability(-1, 1)[0, 0] == pytest.approx(exact.cdf(1) - exact.cdf(-1), rel=1e-12)
        assert m.density(0.5)[0, 0] == pytest.approx(exact.pdf(0.5), rel=1e-12)

    def test_hdi_is_the_shortest_interval(self):
        m = Mixture(
            weights=np.array([[0.5, 0.3, 0.2]]), means=np.array([[[0.0, 0.4, 1.0]]]), sds=np.array([[[0.5, 0.8, 1.5]]])
        )
        lower, upper = (limit[0, 0] for limit in m.hdi(0.8))
        assert m.cdf(upper)[0, 0] - m.cdf(lower)[0, 0] == pytest.approx(0.8, abs=1e-10)
        starts = np.linspace(0.01, 0.19, 37)
        shortest = min(m.quantile(a + 0.8)[0, 0] - m.quantile(a)[0, 0] for a in starts)
        assert upper - lower <= shortest
        assert upper - lower < np.subtract(*m.eti(0.8)[::-1])[0, 0]

    def test_far_tails_keep_their_digits(self):
        m = Mixture(weights=np.ones((1, 1)), means=np.full((1, 1, 1), -40.0), sds=np.ones((1, 1, 1)))
        assert m.log_density(0.0)[0, 0] == pytest.approx(st.norm.logpdf(40), rel=1e-12)

    @pytest.mark.parametrize("q", [0.0, 1.0, -0.1, np.nan])
    def test_impossible_probabilities(self, q):
        m = posterior(statistics(30, 2, seed=1), priors(2)).marginal()
        for call in (m.quantile, m.eti, m.hdi):
            with pytest.raises(ExactEngineError, match="strictly between 0 and 1"):
                call(q)
        with pytest.raises(ExactEngineError, match="low < high"):
            m.probability(0.1, -0.1)


class TestDraws:
    def test_draws_follow_the_marginals(self):
        stats = statistics(30, 3, seed=12, datasets=2)
        fitted = posterior(stats, priors(3))
        drawn = fitted.draws(np.random.default_rng(13), 20_000)
        m, sigma = fitted.marginal(), fitted.sigma()
        for i in range(2):
            uniform = [m.cdf(np.repeat(drawn.coefficients[i, s][None], 2, 0))[i] for s in range(2000)]
            for j in range(3):
                assert st.kstest([u[j] for u in uniform], "uniform").pvalue > 0.001
            assert st.kstest(sigma.cdf(np.repeat(drawn.sigma[i][None], 2, 0))[i], "uniform").pvalue > 0.001
        np.testing.assert_allclose(drawn.coefficients.std(1), m.sd(), rtol=0.03)
        covariance = np.cov(drawn.coefficients[0].T)
        pair = fitted.marginal(np.array([[1.0, -1.0, 0.0]])).sd()[0, 0]
        assert np.sqrt(covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1]) == pytest.approx(pair, rel=0.03)
        np.testing.assert_allclose(
            drawn.centred_intercept, drawn.intercept + np.einsum("bsp,bp->bs", drawn.coefficients, stats.x_mean)
        )

    def test_sigma_draws_are_continuous_and_sound(self):
        fitted = posterior(statistics(30, 2, seed=14), priors(2))
        sigma = fitted.draws(np.random.default_rng(15), 5000).sigma[0]
        assert len(np.unique(sigma)) == 5000
        assert sigma.mean() == pytest.approx(fitted.sigma().mean()[0], abs=4 * sigma.std() / np.sqrt(5000))
        assert sigma.std() == pytest.approx(fitted.sigma().sd()[0], rel=0.05)

    def test_same_seed_same_draws(self):
        fitted = posterior(statistics(30, 2, seed=14), priors(2))
        first, second = (fitted.draws(np.random.default_rng(16), 10) for _ in range(2))
        for a, b in zip(first, second, strict=True):
            np.testing.assert_array_equal(a, b)

    def test_arviz_reads_the_datatree(self):
        import arviz as az

        fitted = posterior(statistics(50, 2, seed=17), priors(2))
        tree = to_datatree(fitted, np.random.default_rng(18), draws=1000, chains=4)
        assert list(tree.posterior.data_vars) == ["Intercept", "x0", "x1", "sigma"]
        summary = az.summary(tree, kind="all", ci_prob=0.95, ci_kind="eti", round_to="none")
        mcse = fitted.marginal().sd()[0] / np.sqrt(4000)
        assert np.abs(summary.loc[["x0", "x1"], "mean"] - fitted.marginal().mean()[0]).max() < 4 * mcse.max()
        assert summary["r_hat"].max() < 1.01
        with pytest.raises(ExactEngineError, match="holds one data set, got 3"):
            to_datatree(posterior(statistics(50, 2, seed=1, datasets=3), priors(2)), np.random.default_rng(1))


def _broken(kind):
    X, y = rows(30, 3, seed=19)
    if kind == "NaN":
        X[0, 4, 1] = np.nan
    if kind == "constant column":
        X[..., 1] = 3.3
    if kind == "constant outcome":
        y[:] = 0.1
    if kind == "perfect fit":
        y = X @ np.array([1.0, 2.0, 3.0])
    if kind == "zero":
        X[..., 0] = 0
    return SufficientStatistics.from_rows(X, y, names(3))


class TestRefusals:
    CASES = (
        ("NaN", Refusal.NOT_FINITE, "NaN or infinite"),
        ("constant column", Refusal.CONSTANT_COLUMN, "constant column.*x1"),
        ("zero", Refusal.CONSTANT_COLUMN, "constant column.*x0"),
        ("constant outcome", Refusal.CONSTANT_OUTCOME, "outcome does not vary"),
        ("perfect fit", Refusal.PERFECT_FIT, "residual next to zero"),
    )

    @pytest.mark.parametrize(("kind", "code", "message"), CASES)
    @pytest.mark.parametrize("prior", [priors(3, sd=100.0), FlatPrior()], ids=["normal", "flat"])
    def test_a_data_set_is_refused_by_one_message(self, kind, code, message, prior):
        with pytest.raises(ExactEngineError, match=message):
            posterior(_broken(kind), prior)
        flagged = posterior(_broken(kind), prior, on_error="flag")
        assert flagged.refusals.tolist() == [code]
        assert not flagged.ok[0]
        assert np.isnan(flagged.marginal().mean()).all()
        assert np.isnan(flagged.marginal().quantile(0.025)).all()
        assert np.isnan(np.ravel(flagged.marginal().hdi())).all()

    def test_a_flagged_data_set_leaves_the_others_alone(self):
        X, y = rows(30, 3, seed=20, datasets=8)
        good = posterior(SufficientStatistics.from_rows(X, y, names(3)), priors(3)).marginal().quantile(0.025)
        X[1, :, 1], X[2, 3, 0], y[3], y[5] = 3.3, np.nan, 0.1, X[5] @ np.ones(3)
        fitted = posterior(SufficientStatistics.from_rows(X, y, names(3)), priors(3), on_error="flag")
        assert fitted.ok.tolist() == [True, False, False, False, True, False, True, True]
        np.testing.assert_allclose(fitted.marginal().quantile(0.025)[fitted.ok], good[fitted.ok], rtol=1e-12)
        assert np.isnan(fitted.log_evidence[~fitted.ok]).all()
        assert np.isnan(fitted.sigma().mean()[~fitted.ok]).all()
        with pytest.raises(ExactEngineError, match=r"^data set 1: constant column"):
            posterior(SufficientStatistics.from_rows(X, y, names(3)), priors(3))

    def test_flat_prior_cannot_split_collinear_columns(self):
        X, y = rows(30, 2, seed=21)
        stats = SufficientStatistics.from_rows(np.concatenate([X, X[..., :1] + X[..., 1:]], 2), y, names(3))
        with pytest.raises(ExactEngineError, match="linear combinations"):
            posterior(stats, FlatPrior())
        assert posterior(stats, priors(3)).ok.all()

    def test_flat_prior_has_no_evidence(self):
        fitted = posterior(statistics(30, 2, seed=22), FlatPrior())
        with pytest.raises(ExactEngineError, match="no evidence"):
            _ = fitted.log_evidence
        with pytest.raises(ExactEngineError, match="no Bayes factor"):
            fitted.marginal().log_bf10()

    @pytest.mark.parametrize("sd", [0.0, -1.0, np.nan, np.inf])
    def test_prior_sd_must_be_positive(self, sd):
        with pytest.raises(ExactEngineError, match=r"prior sd of x1 is .*above 0"):
            priors(3, sd=[1.0, sd, 1.0])
        with pytest.raises(ExactEngineError, match=r"scale is .*above 0"):
            HalfStudentT(nu=4, scale=sd)
        each = priors(3, sd=np.array([[1.0, 1, 1], [1.0, sd, 1]]))
        fitted = posterior(statistics(30, 3, seed=1, datasets=2), each, on_error="flag")
        assert fitted.refusals.tolist() == [Refusal.ACCEPTED, Refusal.BAD_PRIOR]

    @pytest.mark.parametrize(
        ("correlation", "message"),
        [
            (np.eye(2), r"shape \(2, 2\); 3 coefficients need \(3, 3\)"),
            (np.eye(3) * 2, "ones on its diagonal"),
            (np.ones((3, 3)), "positive definite"),
            (np.eye(3) + np.triu(np.full((3, 3), 0.1), 1), "symmetric"),
        ],
    )
    def test_prior_correlations_must_be_correlations(self, correlation, message):
        with pytest.raises(ExactEngineError, match=message):
            replace(priors(3), correlation=correlation)

    def test_misspelt_terms_list_the_terms(self):
        wrong = NormalPriors(
            names=["x0", "X1"], mean=0, sd=1, intercept_mean=0, intercept_sd=1, sigma=HalfNormal(scale=1)
        )
        with pytest.raises(ExactEngineError, match=r"unknown terms \['X1'\]; the terms are \['x0', 'x1'\]"):
            posterior(statistics(30, 2, seed=1), wrong)
        with pytest.raises(ExactEngineError, match=r"no prior for \['x2'\]"):
            posterior(statistics(30, 3, seed=1), priors(2))
        with pytest.raises(ExactEngineError, match=r"contrast of unknown terms \['sup'\]"):
            contrast_matrix(["sup"], names(2))
        with pytest.raises(ExactEngineError, match="only weights of 0"):
            posterior(statistics(30, 2, seed=1), priors(2)).marginal(np.zeros((1, 2)))

    def test_shapes_and_nodes(self):
        with pytest.raises(ExactEngineError, match="not the same rows"):
            SufficientStatistics.from_rows(np.ones((3, 2)), np.ones(4), names(2))
        with pytest.raises(ExactEngineError, match="odd and at least 5"):
            posterior(statistics(30, 2, seed=1), priors(2), nodes=12)
        with pytest.raises(ExactEngineError, match="named once"):
            SufficientStatistics.from_rows(np.ones((3, 2)), np.ones(3), ["a", "a"])
        with pytest.raises(ExactEngineError, match="priors for 3 data sets, but there are 2"):
            posterior(statistics(30, 2, seed=1, datasets=2), priors(2, sd=np.ones((3, 2))))

    @pytest.mark.parametrize("prior", [(20.0, 1.811), (60.0, 4.7)])
    def test_a_posterior_of_two_peaks_is_integrated_over_both(self, prior):
        rng = np.random.default_rng(23)
        X = rng.normal(size=(20, 1))
        stats = SufficientStatistics.from_rows(X, 0.3 * X[:, 0] + rng.normal(size=20), ["x0"])
        fitted = posterior(stats, priors(1, mean=prior[0], sd=prior[1]))
        assert 2 < fitted.sigma().mean()[0] < 12, "between a peak near 1 and one near the prior's distance"
        grid = np.linspace(-6, 8, 20_001)
        by_hand = logsumexp(fitted.form.log_density(grid[None])) + np.log(grid[1] - grid[0])
        assert fitted.log_evidence[0] == pytest.approx(by_hand, abs=1e-9)

    def test_no_more_rows_than_predictors(self):
        """The posterior of a few rows is that of the same model written as one Gaussian for the outcome."""
        X, y = rows(5, 8, seed=24)
        stats, prior = SufficientStatistics.from_rows(X, y, names(8)), priors(8, sd=0.6)
        fitted = posterior(stats, prior)
        grid = np.linspace(-40, 6, 20_001)
        Xc = X[0] - X[0].mean(0)
        covariance = 0.36 * Xc @ Xc.T
        values, vectors = np.linalg.eigh(covariance + 1.0 * np.ones((5, 5)))
        values, away = np.maximum(values, 0), vectors.T @ (y[0] - 0.2)
        v = np.exp(2 * grid)[:, None]
        log_density = -0.5 * (np.log(2 * np.pi * (values + v)) + away**2 / (values + v)).sum(1) + grid
        log_density += prior.sigma.log_density(np.exp(grid))
        by_hand = logsumexp(log_density) + np.log(grid[1] - grid[0])
        assert fitted.log_evidence[0] == pytest.approx(by_hand, abs=1e-7)
        weight = np.exp(log_density - logsumexp(log_density))
        gain = 0.36 * Xc.T @ vectors / (values + v)[:, None, :]
        mean = np.einsum("t,tpi,i->p", weight, gain, away)
        np.testing.assert_allclose(fitted.marginal().mean()[0], mean, atol=1e-7)
        assert posterior(stats, prior).ok.all()
        with pytest.raises(ExactEngineError, match="5 rows for 8 predictors under a flat prior"):
            posterior(stats, FlatPrior())

    @pytest.mark.parametrize("sd", [0.5, 1e3, 1e6])
    def test_collinear_columns_under_any_proper_prior(self, sd):
        X, y = rows(60, 2, seed=11)
        twice = SufficientStatistics.from_rows(np.concatenate([X, X[..., 1:]], axis=2), y, names(3))
        fitted = posterior(twice, priors(3, sd=[0.5, sd, sd]))
        whole = posterior(
            SufficientStatistics.from_rows(X, y, names(2)), priors(2, sd=[0.5, np.sqrt(2) * sd])
        ).marginal(["x1"])
        total = fitted.marginal({"sum": {"x1": 1, "x2": 1}})
        np.testing.assert_allclose(total.eti(), whole.eti(), rtol=0, atol=1e-8)
        assert fitted.marginal(["x1"]).sd()[0, 0] == pytest.approx(sd / np.sqrt(2), rel=0.05)
