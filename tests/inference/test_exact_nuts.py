"""Exact against long NUTS runs, where the difference must look like Monte Carlo error and nothing else."""

import numpy as np
import pytest

from hikibayes.inference.gaussian.exact import posterior
from hikibayes.inference.gaussian.normal_priors import HalfStudentT, NormalPriors
from hikibayes.inference.gaussian.sufficient import SufficientStatistics

NAMES = ("group", "support", "age", "group:support", "twin")
PRIORS = NormalPriors(
    names=NAMES, mean=[0, 0, 0.1, 0, 0], sd=[1.0, 0.5, 0.5, 0.25, 0.5], intercept_mean=0.2, intercept_sd=1.0,
    sigma=HalfStudentT(nu=4, scale=1.0),
)  # fmt: skip
QUANTILES = (0.025, 0.5, 0.975)


def data_set(seed, n, *, collinear=0.1, tails=None, slope=0.3, unequal=False):
    rng = np.random.default_rng(seed)
    group = (np.arange(n) < (n // 6 if unequal else n // 2)).astype(float)
    support, age, noise = rng.normal(size=(3, n))
    X = np.column_stack([group, support, age, group * support, support + collinear * noise])
    errors = rng.standard_t(tails, n) if tails else rng.normal(size=n)
    return X, 0.3 + X @ [0.5, slope, 0.0, -slope, 0.0] + errors


DATA_SETS = {
    "n = 30": data_set(1, 30),
    "n = 30, heavy tails": data_set(2, 30, tails=2),
    "n = 40, unequal groups": data_set(3, 40, unequal=True),
    "n = 60, collinear": data_set(4, 60, collinear=0.003),
    "n = 60, exactly collinear": data_set(5, 60, collinear=0.0),
    "n = 100, heavy tails, far from the prior": data_set(6, 100, tails=2, slope=2.0),
    "n = 150": data_set(7, 150),
    "n = 200, heavy tails, collinear": data_set(8, 200, tails=3, collinear=0.02),
    "n = 200": data_set(9, 200),
}


@pytest.fixture(scope="module")
def program():
    """One compilation serves every data set, whatever its n."""
    import nutpie
    import pymc as pm

    with pm.Model() as model:
        X, y = pm.Data("X", np.zeros((30, 5))), pm.Data("y_obs", np.zeros(30))
        beta = pm.Normal("beta", np.asarray(PRIORS.mean), np.asarray(PRIORS.sd), shape=5)
        intercept = pm.Normal("intercept", 0.2, 1.0)
        sigma = pm.HalfStudentT("sigma", nu=4, sigma=1.0)
        pm.Normal("y", intercept + X @ beta, sigma, observed=y)
    return nutpie.compile_pymc_model(model)


def run(program, X, y, *, draws, seed):
    import nutpie

    trace = nutpie.sample(
        program.with_data(X=X - X.mean(axis=0), y_obs=y),
        draws=draws, tune=1000, chains=4, cores=2, seed=seed, target_accept=0.9, progress_bar=False, save_warmup=False,
    )  # fmt: skip
    return trace.posterior


def exact_figures(X, y):
    """Mean and quantiles of each coefficient, the centred intercept and sigma; shape (7, 4)."""
    fitted = posterior(SufficientStatistics.from_rows(X, y, NAMES), PRIORS, nodes=21)
    weights = np.vstack([np.eye(5), np.zeros(5)])
    m, sigma = fitted.marginal(weights, intercept=[0, 0, 0, 0, 0, 1]), fitted.sigma()
    of_sigma = [sigma.mean()[0], *(sigma.quantile(q)[0] for q in QUANTILES)]
    return np.vstack([np.stack([m.mean()[0], *(m.quantile(q)[0] for q in QUANTILES)], axis=1), of_sigma])


def z_scores(posterior_draws, exact):
    """(NUTS - exact) / its Monte Carlo standard error, for every figure."""
    import arviz as az

    draws = [posterior_draws["beta"].values[..., j] for j in range(5)]
    draws += [posterior_draws["intercept"].values, posterior_draws["sigma"].values]
    z = []
    for values, figures in zip(draws, exact, strict=True):
        array = az.convert_to_datatree({"x": values})
        errors = [az.mcse(array, method="mean")["x"].item()]
        errors += [az.mcse(array, method="quantile", prob=q)["x"].item() for q in QUANTILES]
        found = [values.mean(), *np.quantile(values, QUANTILES)]
        z.append((np.array(found) - figures) / errors)
    return np.array(z)


@pytest.mark.long
def test_nuts_differs_by_monte_carlo_error_only(program):
    z = np.array(
        [
            z_scores(run(program, X, y, draws=12_500, seed=100 + i), exact_figures(X, y))
            for i, (X, y) in enumerate(DATA_SETS.values())
        ]
    )
    assert z.size >= 200
    assert np.abs(z).max() < 4, dict(zip(DATA_SETS, np.abs(z).max(axis=(1, 2)), strict=True))
    assert 0.8 < np.sqrt(np.mean(z**2)) < 1.2


@pytest.mark.long
def test_z_scores_would_notice_a_wrong_prior(program):
    X, y = DATA_SETS["n = 30"]
    wrong = exact_figures(X, y)
    wrong[3] += 0.02
    assert np.abs(z_scores(run(program, X, y, draws=12_500, seed=200), wrong)).max() > 4
