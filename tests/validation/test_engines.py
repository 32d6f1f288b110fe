"""The exact engine against Bambi and NUTS, by the functions that a user has for it."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from tests.inference.conftest import simulated
from tests.inference.trees import to_datatree

from hikibayes.inference.fit import Sampling
from hikibayes.inference.models.compile import exact_posterior
from hikibayes.inference.models.design import design
from hikibayes.inference.models.layout import coefficient_draws
from hikibayes.inference.models.specs import load_model
from hikibayes.spec import InputError
from hikibayes.validation.engines import engines, log_joint_difference, nuts_scores, quadrature_change, rms_band


@pytest.fixture(scope="module")
def step1(study):
    return design(load_model("step1"), simulated(study, n=40), study)


@pytest.fixture(scope="module")
def step3(study):
    return design(load_model("step3"), simulated(study), study)


def test_exact_draws_pass_for_nuts(step3):
    posterior = exact_posterior(step3)
    tree = to_datatree(posterior, np.random.default_rng(71), draws=5000)
    scores = nuts_scores(posterior, step3, tree)
    assert set(scores["quantity"]) >= {*step3.columns, "sigma", "support_slope_difference"}
    low, high = rms_band(len(step3.columns) + 1)
    assert 0.6 < low < np.sqrt((scores["z"] ** 2).mean()) < high < 1.5
    assert scores["z"].abs().max() < 4.5


def test_draws_of_another_prior_do_not_pass(step3):
    tree = to_datatree(exact_posterior(step3, "sceptical"), np.random.default_rng(72), draws=5000)
    scores = nuts_scores(exact_posterior(step3), step3, tree).set_index(["quantity", "statistic"])
    assert abs(scores.loc[("group:instrumental_support", "mean"), "z"]) > 20


def test_coefficient_draws_come_in_the_designs_order(step1):
    tree = to_datatree(exact_posterior(step1), np.random.default_rng(73), draws=50)
    beta, sigma = coefficient_draws(tree, step1)
    assert beta.shape == (4, 50, 3)
    np.testing.assert_array_equal(beta[..., 2], tree["posterior"]["group"].values)
    np.testing.assert_array_equal(sigma, tree["posterior"]["sigma"].values)


def test_the_default_quadrature_is_fine_enough(step3):
    usual, fine = exact_posterior(step3), exact_posterior(step3, nodes=41)
    assert usual.log_sigma.shape[1] < 41
    assert quadrature_change(usual, fine, step3)["difference"].abs().max() < 1e-6
    every_other = replace(usual, log_sigma=usual.log_sigma[:, ::2], log_weights=usual.log_weights[:, ::2])
    assert quadrature_change(every_other, fine, step3)["difference"].abs().max() > 1e-6


@pytest.mark.parametrize("variant", ["weakly_informative", "bambi_default"])
def test_log_joint_is_bambis(step3, variant):
    table = log_joint_difference(step3, variant, rng=np.random.default_rng(74), points=20)
    assert table["exact"].std() > 10
    np.testing.assert_allclose(table["exact"], table["other"], rtol=1e-10, atol=1e-8)


def test_the_flat_prior_has_no_density(step1):
    with pytest.raises(InputError, match="'flat' is no proper prior"):
        log_joint_difference(step1, "flat", rng=np.random.default_rng(75))


# -- eight data sets, long runs --------------------------------------------------------------------------------------


def collinear(table: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """Planning becomes active coping but for one participant in ten."""
    keep = rng.random(len(table)) < 0.1
    return table.assign(planning=table["planning"].where(keep, table["active_coping"]))


def heavy_tailed(table: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """Errors of the outcome from a t distribution with 2 degrees of freedom, as far as the scale goes."""
    noise = 5 * rng.standard_t(2, len(table))
    return table.assign(abs_h=np.clip(table["abs_h"] + noise, 0, 78).round())


CASES = {
    "step3, n = 200": ("step3", 100, None, "weakly_informative"),
    "step3, n = 60": ("step3", 30, None, "weakly_informative"),
    "step3, n = 30": ("step3", 15, None, "weakly_informative"),
    "step3, n = 120, collinear": ("step3", 60, collinear, "weakly_informative"),
    "step3, n = 120, heavy tails": ("step3", 60, heavy_tailed, "sceptical"),
    "step2, n = 200, Bambi's default": ("step2", 100, None, "bambi_default"),
    "sex_by_support, n = 200, heavy tails": ("sex_by_support", 100, heavy_tailed, "enthusiastic"),
    "step1, n = 30": ("step1", 15, None, "weakly_informative"),
}


@pytest.mark.long
def test_long_nuts_runs_agree(study):
    z = []
    for case, (model, n, change, variant) in CASES.items():
        table = simulated(study, n=n, seed=77)
        table = change(table, np.random.default_rng(76)) if change else table
        found = engines(model, table, study=study, seed=78, prior=variant, sampling=Sampling(draws=12_500, tune=1000))
        print(case, found.verdict.to_string(), sep="\n", flush=True)  # noqa: T201
        assert found.agree, f"{case}\n{found.verdict.to_string()}"
        z.append(found.table["z"].dropna().to_numpy())
    pooled = np.concatenate(z)
    print(len(pooled), "z scores: rms", np.sqrt((pooled**2).mean()), "largest", np.abs(pooled).max())  # noqa: T201
    assert 0.8 < np.sqrt((pooled**2).mean()) < 1.2
    assert np.abs(pooled).max() < 4
