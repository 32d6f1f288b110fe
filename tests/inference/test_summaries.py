"""The compiled engine against the reference, lane by lane, and against the t distribution."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some
from scipy import stats as st

from hikibayes.inference.gaussian.exact import posterior
from hikibayes.inference.gaussian.normal_priors import (
    Exponential,
    FlatPrior,
    HalfNormal,
    HalfStudentT,
    NormalPriors,
    bambi_default,
)
from hikibayes.inference.gaussian.sufficient import ExactEngineError, Refusal, SufficientStatistics
from hikibayes.inference.gaussian.summaries import PER_CONTRAST, summaries, summaries_by_prior

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


def assert_agree(compiled, reference, tolerance):
    np.testing.assert_array_equal(compiled.refusals, reference.refusals)
    for name in LOCATIONS:
        error = np.abs(getattr(compiled, name) - getattr(reference, name)) / reference.sd
        assert np.nanmax(error) < tolerance, name
    assert np.nanmax(np.abs(compiled.sd / reference.sd - 1)) < tolerance
    for name in PROBABILITIES:
        assert np.nanmax(np.abs(getattr(compiled, name) - getattr(reference, name))) < tolerance, name
    np.testing.assert_array_equal(np.isnan(compiled.log_bf10), np.isnan(reference.log_bf10))
    np.testing.assert_allclose(compiled.log_bf10, reference.log_bf10, rtol=0, atol=max(3e-7, 10 * tolerance))
    np.testing.assert_allclose(compiled.log_evidence, reference.log_evidence, rtol=0, atol=max(3e-8, 10 * tolerance))


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
def test_compiled_is_the_reference(case):
    n, p, make, tolerance = CASES[case]
    stats = batch(n, p, seed=61)
    contrasts = {"first": {"x0": 1}, "difference": {"x0": 1, "x1": -1}, "tenfold": {"x1": 10}}
    both = [summaries(stats, make(stats), contrasts, rope=(-0.05, 0.1), engine=e) for e in ("compiled", "numpy")]
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


def test_few_rows_and_narrow_priors():
    rng = np.random.default_rng(64)
    X = rng.normal(size=(30, 14, 3))
    y = X @ np.ones(3) + 0.5 * rng.normal(size=(30, 14))
    stats = SufficientStatistics.from_rows(X, y, names(3))
    hard = priors(3, sd=[0.02, 0.05, 0.1])
    both = [summaries(stats, hard, engine=e) for e in ("compiled", "numpy")]
    assert_agree(*both, 1e-6)


def test_refusals_are_rows_and_the_same_in_both_engines():
    rng = np.random.default_rng(65)
    X = rng.normal(size=(9, 30, 3))
    y = X @ np.array([0.2, 0.0, 0.1]) + rng.normal(size=(9, 30))
    X[1, :, 1], X[2, 3, 0], y[3], y[5] = 3.3, np.nan, 0.1, X[5] @ np.ones(3)
    X[6, :, 2] = X[6, :, 0] - X[6, :, 1]
    stats = SufficientStatistics.from_rows(X, y, names(3))
    for make in (lambda: priors(3, sd=10.0), FlatPrior):
        compiled, numpy = (summaries(stats, make(), engine=e) for e in ("compiled", "numpy"))
        assert_agree(compiled, numpy, 1e-7)
        assert compiled.refusals[[1, 2, 3, 5]].tolist() == [
            Refusal.CONSTANT_COLUMN,
            Refusal.NOT_FINITE,
            Refusal.CONSTANT_OUTCOME,
            Refusal.PERFECT_FIT,
        ]
        assert np.isnan(compiled.mean[~compiled.ok]).all()
        assert np.isfinite(compiled.mean[compiled.ok]).all()
    assert compiled.refusals[6] == Refusal.COLLINEAR


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
    ],
)
def test_bad_questions(arguments, message):
    with pytest.raises(ExactEngineError, match=message):
        summaries(batch(30, 3, seed=69), priors(3), **arguments)


def test_numba_is_imported_only_when_the_compiled_engine_runs():
    code = "import sys; from hikibayes.inference.gaussian import exact, summaries; sys.exit('numba' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def _damaged(rng, n, datasets=11):
    """Data sets of which some are refused, some hard, and whose columns differ in unit, and so lanes in order."""
    X = rng.normal(size=(datasets, n, 4))
    slope = np.where(rng.random(datasets) < 0.2, 4.0, 0.1)[:, None, None]
    y = (X * slope).sum(-1) + rng.normal(size=(datasets, n))
    X *= 10.0 ** rng.integers(-3, 4, size=(datasets, 1, 4))
    bad = rng.permutation(datasets)
    X[bad[0], 0, 0], y[bad[1], -1], y[bad[2]], X[bad[3], :, 1] = np.nan, np.inf, 0.1, 3.3
    y[bad[4]] = X[bad[4]].sum(-1)
    return SufficientStatistics.from_rows(X, y, names(4)), bad


@settings(max_examples=12, deadline=None)
@given(some.integers(0, 10**6), some.sampled_from([3, 6, 7, 60, 700]))
@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")
def test_lanes_know_nothing_of_each_other(seed, n):
    """Neighbours that are refused, hard, or in other units leave every byte of a data set as it is when alone."""
    stats, bad = _damaged(np.random.default_rng(seed), n)
    prior = priors(4, sd=[0.01, 0.5, 2.0, 0.3])
    together = summaries(stats, prior)
    wanted = [Refusal.NOT_FINITE, Refusal.NOT_FINITE, Refusal.CONSTANT_OUTCOME, Refusal.CONSTANT_COLUMN]
    assert together.refusals[bad[:4]].tolist() == wanted
    assert together.ok[bad[5:]].all()
    for i in range(len(stats)):
        alone = summaries(stats.take(np.array([i])), prior)
        for name in (*PER_CONTRAST, "log_evidence", "refusals"):
            pair = getattr(alone, name)[0], getattr(together, name)[i]
            # no more rows than columns go to the reference, where a batch's size moves the last digits
            np.testing.assert_allclose(*pair, rtol=0 if n > 5 else 1e-9, atol=0, err_msg=name)


def test_under_a_flat_prior_a_contrast_is_t_distributed():
    stats = batch(12, 3, seed=71)
    found = summaries(stats, FlatPrior(), {"difference": {"x0": 1, "x1": -1}}, rope=(-0.3, 0.3))
    inverse = np.linalg.inv(stats.sxx)
    beta = np.einsum("bij,bj->bi", inverse, stats.sxy)
    c = np.array([1.0, -1.0, 0.0])
    left = stats.syy - (beta * stats.sxy).sum(1)
    t = st.t(8, beta @ c, np.sqrt(left / 8 * np.einsum("i,bij,j->b", c, inverse, c)))
    np.testing.assert_allclose(found.lower[:, 0], t.ppf(0.025), rtol=1e-9)
    np.testing.assert_allclose(found.sd[:, 0], t.std(), rtol=1e-9)
    np.testing.assert_allclose(found.p_positive[:, 0], t.sf(0), rtol=1e-9)
    np.testing.assert_allclose(found.p_rope[:, 0], t.cdf(0.3) - t.cdf(-0.3), rtol=1e-8)
    assert np.isnan(found.log_bf10).all()
    few = summaries(batch(5, 3, seed=72), FlatPrior())
    assert np.isinf(few.sd).all(), "one degree of freedom"
    assert np.isfinite(few.lower).all()
    assert (summaries(batch(4, 3, seed=73), FlatPrior()).refusals == Refusal.TOO_FEW_ROWS).all()


FAMILY = [priors(3, mean=[0, m, 0], sd=[0.5, sd, 0.5]) for m, sd in ((0.0, 0.1), (0.0, 0.5), (0.2, 0.2), (-0.3, 0.3))]


@pytest.mark.parametrize("n", [40, 400])
def test_several_priors_of_one_coefficient_get_what_a_fit_of_each_gives(n):
    stats = batch(n, 3, seed=n)
    calls = []
    for made, prior in zip(summaries_by_prior(stats, FAMILY, ["x1"]), FAMILY, strict=True):
        assert made.ok.all()
        assert_agree(made, summaries(stats, prior, ["x1"], engine="numpy"), 2e-6)
        calls.append(made)
    assert len(calls) == len(FAMILY)


def test_priors_of_one_coefficient_are_fitted_together(monkeypatch):
    from hikibayes.inference.gaussian import fit as module

    calls, fit = [], module.fit
    monkeypatch.setattr(
        module, "fit", lambda data, task, *rest: (calls.append(len(task.others)), fit(data, task, *rest))
    )
    stats = batch(200, 3, seed=74)
    summaries_by_prior(stats, FAMILY, ["x1"])
    assert calls == [4], "one factorisation for all"
    calls.clear()
    for others in ([priors(3, sd=[0.1, 0.5, 0.5])], [FAMILY[1], priors(3, sigma=HalfStudentT(nu=4, scale=2))]):
        summaries_by_prior(stats, [FAMILY[0], *others], ["x1"])
    assert 4 not in calls


def test_a_prior_far_from_the_others_is_fitted_by_itself():
    """So far away that sigma moves out of the first prior's nodes."""
    stats, far = batch(100, 3, seed=75), priors(3, mean=[0, 5, 0], sd=[0.5, 0.02, 0.5])
    made = summaries_by_prior(stats, [FAMILY[1], far], ["x1"])[1]
    wanted = summaries(stats, far, ["x1"])
    for name in PER_CONTRAST:
        np.testing.assert_array_equal(getattr(made, name), getattr(wanted, name))


@pytest.mark.parametrize("target", ["exponential", "logarithm", "cdf_and_bell", "cdf_tail"])
def test_functions_of_lanes(target):
    from hikibayes.inference.gaussian import lanes as module
    from hikibayes.inference.gaussian.algebra import compiled
    from hikibayes.inference.gaussian.lanes import cdf_and_bell, exponential, load, logarithm, store

    x = np.linspace(-30, 30, 4000).reshape(-1, 8)
    x = {"logarithm": np.exp(x), "exponential": 20 * x, "cdf_and_bell": x / 4, "cdf_tail": x / 2 - 8}[target]

    @compiled
    def evaluate(x, y):
        for i in range(len(x)):
            value = load(x, (i,))
            store(y, (0, i), exponential(value))
            store(y, (1, i), logarithm(value))
            store(y, (2, i), cdf_and_bell(value)[0])

    assert module.WIDTH == 8
    y = np.empty((3, *x.shape))
    evaluate(x, y)
    row, exact = {"exponential": (0, np.exp), "logarithm": (1, np.log)}.get(target, (2, st.norm.cdf))
    rtol = 2e-13 if target == "cdf_tail" else 4e-14
    np.testing.assert_allclose(y[row], exact(x), rtol=rtol, atol=1e-15 if target == "logarithm" else 0)


@pytest.mark.long
def test_another_processor_gives_the_same_values(tmp_path):
    """AVX2 where this machine may have AVX-512: other bytes perhaps, never other values."""
    code = "import sys, numpy as np; from tests.inference.test_summaries import *; np.save(sys.argv[1], bytes_of())"
    found = []
    for name, own in (("here", {}), ("haswell", {"NUMBA_CPU_NAME": "haswell", "NUMBA_CACHE_DIR": str(tmp_path)})):
        path = tmp_path / f"{name}.npy"
        subprocess.run(
            [sys.executable, "-c", code, str(path)],
            check=True,
            env=os.environ | own,
            cwd=Path(__file__).parents[2],
        )
        found.append(np.load(path))
    np.testing.assert_allclose(found[1], found[0], rtol=0, atol=1e-8)


def bytes_of():
    found = summaries(batch(60, 5, seed=76), priors(5))
    return np.stack([getattr(found, name) for name in PER_CONTRAST])
