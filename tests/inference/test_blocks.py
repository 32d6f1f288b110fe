"""The variance that several columns explain together: F tests, draws, and evidences by quadrature over rows."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import integrate, stats

from hikibayes.inference.gaussian.blocks import block_summaries
from hikibayes.inference.gaussian.exact import posterior
from hikibayes.inference.gaussian.normal_priors import FlatPrior, HalfNormal, NormalPriors
from hikibayes.inference.gaussian.sufficient import SufficientStatistics

NAMES = ("a", "b", "c", "d")
BEFORE, BLOCK = np.array([0, 2]), np.array([3, 1])
PRIORS = NormalPriors(
    names=NAMES,
    mean=[0.1, 0, 0, 0.2],
    sd=[0.5, 0.3, 0.4, 0.6],
    intercept_mean=0,
    intercept_sd=2,
    sigma=HalfNormal(scale=1),
)


@pytest.fixture(scope="module")
def rows():
    rng = np.random.default_rng(3)
    X = rng.normal(size=(6, 60, 4)) @ (np.eye(4) + 0.4) + [3, 0, -1, 0]
    return X, X @ [0.2, 0.15, 0, -0.15] + rng.normal(size=(6, 60)) * np.linspace(0.6, 3, 6)[:, None]


def residual(X, y):
    X = np.column_stack([np.ones(len(X)), X])
    return float(((y - X @ np.linalg.lstsq(X, y, rcond=None)[0]) ** 2).sum())


def test_the_region_to_zero_under_a_flat_prior_is_the_f_test(rows):
    X, y = rows
    found = block_summaries(SufficientStatistics.from_rows(X, y, NAMES), FlatPrior(), BEFORE, BLOCK)
    for i in range(len(y)):
        full, less = residual(X[i], y[i]), residual(X[i][:, BEFORE], y[i])
        F = (less - full) / 2 / (full / 55)
        assert found.p_positive[i, 0] == pytest.approx(stats.f.cdf(F, 2, 55), abs=1e-6)
    assert np.isnan(found.log_bf10).all()


def test_shares_are_those_of_many_draws(rows):
    stats_of = SufficientStatistics.from_rows(*rows, NAMES)
    found = block_summaries(stats_of, PRIORS, BEFORE, BLOCK, rope=(0.0, 0.05))
    draws = posterior(stats_of, PRIORS).draws(np.random.default_rng(1), 40_000)
    V = stats_of.sxx / (stats_of.n - 1)[:, None, None]
    slope = draws.coefficients @ V
    total = (slope * draws.coefficients).sum(-1) + draws.sigma**2

    def projected(s):
        return (slope[..., s] * np.linalg.solve(V[:, s][:, :, s][:, None], slope[..., s][..., None])[..., 0]).sum(-1)

    share = (projected([0, 1, 2, 3]) - projected([0, 2])) / total
    sd = share.std(axis=1)
    np.testing.assert_allclose(found.mean[:, 0], share.mean(axis=1), atol=0.03 * sd.max())
    np.testing.assert_allclose(found.sd[:, 0], sd, rtol=0.03)
    for name, level in (("lower", 0.025), ("upper", 0.975)):
        away = np.abs(getattr(found, name)[:, 0] - np.quantile(share, level, axis=1)) / sd
        assert away.max() < 0.15, away
    np.testing.assert_allclose(found.p_rope[:, 0], (share < 0.05).mean(axis=1), atol=0.02)


@pytest.mark.parametrize("before", [BEFORE, np.array([], dtype=int)])
def test_the_bayes_factor_is_a_ratio_of_evidences(rows, before):
    """Rows are normal given sigma; sigma is integrated by itself."""
    X, y = rows
    block = BLOCK if len(before) else np.arange(4)
    found = block_summaries(SufficientStatistics.from_rows(X, y, NAMES), PRIORS, before, block)

    def log_evidence(X, y, kept):
        away = X - X.mean(axis=0)
        mean = away[:, kept] @ np.array(PRIORS.mean)[kept]
        spread = (away[:, kept] * np.array(PRIORS.sd)[kept] ** 2) @ away[:, kept].T + 4.0
        values, vectors = np.linalg.eigh(spread)
        z = (vectors.T @ (y - mean)) ** 2

        def log_density(sigma):
            v = np.maximum(values, 0) + sigma**2
            return -0.5 * (np.log(2 * np.pi * v) + z / v).sum() + stats.halfnorm.logpdf(sigma)

        grid = np.geomspace(0.2, 10, 500)
        logs = np.array([log_density(s) for s in grid])
        return logs.max() + np.log(integrate.trapezoid(np.exp(logs - logs.max()), grid))

    wanted = [log_evidence(X[i], y[i], np.arange(4)) - log_evidence(X[i], y[i], before) for i in range(0, len(y), 2)]
    np.testing.assert_allclose(found.log_bf10[::2, 0], wanted, atol=2e-4)
