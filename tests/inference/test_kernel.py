"""The compiled kernel against the reference, and its refusal to certify what it cannot."""

import subprocess
import sys

import numpy as np
import pytest

from hikibayes.inference.exact import (
    ExactEngineError,
    Exponential,
    FlatPrior,
    HalfNormal,
    HalfStudentT,
    NormalPriors,
    Refusal,
    SufficientStatistics,
    bambi_default,
    posterior,
)
from hikibayes.inference.summaries import summaries

LOCATIONS = ("mean", "lower", "upper")
PROBABILITIES = ("p_positive", "p_rope")


def names(p):
    return [f"x{j}" for j in range(p)]


def batch(n, p, seed, datasets=40, slope=0.15):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(datasets, n, p)) @ (np.eye(p) + 0.2)
    y = 0.4 + X @ (slope * rng.normal(size=p)) + rng.normal(size=(datasets, n))
    return SufficientStatistics.from_rows(X, y, names(p))


def priors(p, sd=0.5, mean=0.0, sigma=None):
    return NormalPriors(
        names=names(p), mean=mean, sd=sd, intercept_mean=0.1, intercept_sd=1, sigma=sigma or HalfStudentT(nu=4, scale=1)
    )


def assert_agree(kernel, reference, tolerance):
    np.testing.assert_array_equal(kernel.refusals, reference.refusals)
    for name in LOCATIONS:
        error = np.abs(getattr(kernel, name) - getattr(reference, name)) / reference.sd
        assert np.nanmax(error) < tolerance, name
    assert np.nanmax(np.abs(kernel.sd / reference.sd - 1)) < tolerance
    for name in PROBABILITIES:
        assert np.nanmax(np.abs(getattr(kernel, name) - getattr(reference, name))) < tolerance, name
    np.testing.assert_array_equal(np.isnan(kernel.log_bf10), np.isnan(reference.log_bf10))
    np.testing.assert_allclose(kernel.log_bf10, reference.log_bf10, rtol=0, atol=max(3e-7, 10 * tolerance))
    np.testing.assert_allclose(kernel.log_evidence, reference.log_evidence, rtol=0, atol=max(3e-8, 10 * tolerance))


CASES = {
    "house priors": (200, 17, lambda s: priors(17, sd=[1.0] * 2 + [0.5] * 8 + [0.25] * 7), 2e-9),
    "sceptical": (200, 17, lambda s: priors(17, sd=0.1), 2e-9),
    "Bambi's own, another for each data set": (100, 17, bambi_default, 2e-9),
    "flat": (200, 17, lambda s: FlatPrior(), 2e-9),
    "small, exponential": (40, 5, lambda s: priors(5, sd=[0.1, 0.2, 0.5, 1.0, 2.0], sigma=Exponential(lam=1.0)), 1e-7),
    "very small, prior means": (12, 2, lambda s: priors(2, mean=[0.3, -0.2], sigma=HalfNormal(scale=1.0)), 1e-6),
    "as many predictors as that": (60, 17, lambda s: priors(17), 2e-7),
    "large": (5000, 8, lambda s: priors(8), 2e-9),
}


@pytest.mark.parametrize("case", CASES, ids=str)
def test_kernel_is_the_reference(case):
    n, p, make, tolerance = CASES[case]
    stats = batch(n, p, seed=61)
    contrasts = {"first": {"x0": 1}, "difference": {"x0": 1, "x1": -1}, "tenfold": {"x1": 10}}
    both = [summaries(stats, make(stats), contrasts, rope=(-0.05, 0.1), engine=e) for e in ("kernel", "numpy")]
    assert both[0].ok.all()
    assert_agree(*both, tolerance)


def test_default_error_is_far_below_a_millionth_of_a_posterior_sd():
    stats = batch(100, 17, seed=62)
    found = summaries(stats, priors(17), ["x0"])
    dense = posterior(stats, priors(17), nodes=101).marginal(["x0"])
    assert np.abs((found.lower - dense.eti(0.95)[0]) / dense.sd()).max() < 1e-7
    assert np.abs((found.mean - dense.mean()) / dense.sd()).max() < 1e-7


def test_far_from_zero_the_bayes_factor_holds():
    stats = batch(60, 3, seed=63, slope=2.0)
    found = summaries(stats, priors(3, sd=2.0))
    exact = posterior(stats, priors(3, sd=2.0), nodes=41).marginal().log_bf10()
    assert exact.max() > 40
    np.testing.assert_allclose(found.log_bf10, exact, rtol=1e-8, atol=1e-6)


def test_what_the_kernel_cannot_certify_comes_from_the_reference():
    rng = np.random.default_rng(64)
    X = rng.normal(size=(30, 14, 3))
    y = X @ np.ones(3) + 0.5 * rng.normal(size=(30, 14))
    stats = SufficientStatistics.from_rows(X, y, names(3))
    hard = priors(3, sd=[0.02, 0.05, 0.1])
    both = [summaries(stats, hard, engine=e) for e in ("kernel", "numpy")]
    assert_agree(*both, 1e-6)


def test_refusals_are_rows_and_the_same_in_both_engines():
    rng = np.random.default_rng(65)
    X = rng.normal(size=(9, 30, 3))
    y = X @ np.array([0.2, 0.0, 0.1]) + rng.normal(size=(9, 30))
    X[1, :, 1], X[2, 3, 0], y[3], y[5] = 3.3, np.nan, 0.1, X[5] @ np.ones(3)
    X[6, :, 2] = X[6, :, 0] - X[6, :, 1]
    stats = SufficientStatistics.from_rows(X, y, names(3))
    for make in (lambda: priors(3, sd=10.0), FlatPrior):
        kernel, numpy = (summaries(stats, make(), engine=e) for e in ("kernel", "numpy"))
        assert_agree(kernel, numpy, 1e-7)
        assert kernel.refusals[[1, 2, 3, 5]].tolist() == [
            Refusal.CONSTANT_COLUMN,
            Refusal.NOT_FINITE,
            Refusal.CONSTANT_OUTCOME,
            Refusal.PERFECT_FIT,
        ]
        assert np.isnan(kernel.mean[~kernel.ok]).all()
        assert np.isfinite(kernel.mean[kernel.ok]).all()
    assert kernel.refusals[6] == Refusal.COLLINEAR


def test_badly_scaled_and_shifted_columns():
    rng = np.random.default_rng(66)
    X = rng.normal(size=(20, 80, 3))
    y = X @ np.array([0.2, 0.0, 0.1]) + rng.normal(size=(20, 80))
    scale = np.array([1e8, 1.0, 1e-6])
    plain = summaries(SufficientStatistics.from_rows(X, y, names(3)), priors(3))
    moved = summaries(SufficientStatistics.from_rows((X + 1e4) * scale, y, names(3)), priors(3, sd=0.5 / scale))
    np.testing.assert_allclose(moved.mean * scale, plain.mean, rtol=0, atol=1e-8)
    np.testing.assert_allclose(moved.log_bf10, plain.log_bf10, rtol=0, atol=1e-6)


def test_a_data_set_depends_on_nothing_but_itself():
    stats = batch(80, 5, seed=67, datasets=11)
    own = bambi_default(stats)
    together = summaries(stats, own)
    order = np.array([3, 0, 10, 2, 5, 1, 4, 9, 8, 6, 7])
    shuffled = summaries(stats.take(order), own.take(order))
    np.testing.assert_array_equal(shuffled.lower, together.lower[order])
    for i in (0, 7):
        alone = summaries(stats.take(np.array([i])), own.take(np.array([i])))
        np.testing.assert_array_equal(alone.log_bf10[0], together.log_bf10[i])
        assert alone.log_evidence[0] == together.log_evidence[i]


def test_one_contrast_or_many():
    stats = batch(80, 5, seed=68)
    many = summaries(stats, priors(5))
    one = summaries(stats, priors(5), ["x3"])
    np.testing.assert_allclose(one.lower[:, 0], many.lower[:, 3], rtol=0, atol=1e-9)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"contrasts": ["sup"]}, r"unknown terms \['sup'\]"),
        ({"contrasts": np.zeros((1, 3))}, "a weight other than 0"),
        ({"prob": 1.0}, "give 0 < prob < 1"),
        ({"rope": (0.1, -0.1)}, "rope low < high"),
        ({"nodes": 12}, "odd number of nodes"),
    ],
)
def test_bad_questions(arguments, message):
    with pytest.raises(ExactEngineError, match=message):
        summaries(batch(30, 3, seed=69), priors(3), **arguments)


def test_numba_is_imported_only_when_the_kernel_runs():
    code = "import sys, hikibayes.inference.exact, hikibayes.inference.summaries; sys.exit('numba' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_an_installation_that_cannot_be_written_to(monkeypatch):
    from hikibayes.inference import kernel

    def locked(*, cache=False, **options):
        def decorate(function):
            if cache:
                raise RuntimeError("cannot cache function: no locator available")
            return function

        return decorate

    monkeypatch.setattr(kernel, "njit", locked)
    assert kernel.compiled(len)("abc") == 3
