"""Models beyond the Gaussian one with a prior for each coefficient: densities, effects, prior predictive checks."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from scipy import stats
from scipy.special import expit
from tests.inference.forward import has_priors_of_the_graph
from tests.inference.prior_predictive import prior_check, prior_predictive

from hikibayes.inference.answers.effects import effect_draws
from hikibayes.inference.estimands import answers
from hikibayes.inference.fit import fit
from hikibayes.inference.models.compile import bambi_model, exact_posterior
from hikibayes.inference.models.design import design
from hikibayes.inference.models.specs import ModelSpec, load_model, shipped_models
from hikibayes.inference.nuts.graph import Graph, graph, pymc_model
from hikibayes.inference.nuts.sampling import Sampling, compiled
from hikibayes.spec import InputError

FURTHER = ("step3_robust", "step3_sigma_by_group", "step3_region", "step3_pooled", "step3_sum_score")


def normal(sigma, mu=0.0):
    return {"dist": "Normal", "mu": mu, "sigma": sigma, "reason": "made up"}


def half(sigma):
    return {"dist": "HalfNormal", "sigma": sigma, "reason": "made up"}


def layered():
    """Varying intercept, a sigma for each group and a pool, all in one."""
    return ModelSpec.model_validate(
        {
            "name": "layered",
            "description": "made up",
            "formula": "abs_h ~ sex + age + group * (srs18 + aaq2) + (1|region)",
            "sigma_by": "group",
            "priors": {
                "Intercept": normal(1.5),
                **{"sex": normal(0.9), "age": normal(0.4), "group": normal(1, 0.3)},
                **{"srs18": normal(0.5), "aaq2": normal(0.6), "1|region": half(0.3), "sigma": half(1.2)},
            },
            "pools": {"products": {"terms": ["group:srs18", "group:aaq2"], "sd": half(0.2)}},
        }
    )


def sum_score():
    priors = {"Intercept": normal(1), "age": normal(0.4), "group": normal(0.7), "instrumental_support": normal(0.3)}
    priors |= {"group:instrumental_support": normal(0.2), "kappa": {"dist": "LogNormal", "mu": 2, "sigma": 1}}
    priors["kappa"]["reason"] = "made up"
    content = {"name": "bounded", "description": "made up", "formula": "abs_h ~ age + group * instrumental_support"}
    estimands = ["support_slope_hikikomori", "support_slope_control", "support_slope_difference", "group_difference"]
    return ModelSpec.model_validate({**content, "family": "beta_binomial", "priors": priors, "estimands": estimands})


# -- densities --------------------------------------------------------------------------------------------------------


def test_the_density_of_layers_is_the_written_one(study, table):
    laid_out = design(layered(), table(n=40), study)
    density = pymc_model(graph(laid_out)).compile_logp(jacobian=False, mode="FAST_COMPILE")
    rng = np.random.default_rng(301)
    for _ in range(5):
        beta, z, intercept = rng.normal(size=5), rng.normal(size=2), rng.normal()
        offset, tau, spread, sigma = rng.normal(size=8), *rng.uniform(0.05, 1, 2), rng.uniform(0.5, 2, 2)
        point = {"Intercept": intercept, "Normal_coefficients": beta, "products_coefficients_offset": z}
        point |= {"products_sd_log__": np.log(tau), "1|region_offset": offset, "1|region_sigma_log__": np.log(spread)}
        point["sigma_log__"] = np.log(sigma)
        X, frame = laid_out.rows[0] - laid_out.rows[0].mean(axis=0), laid_out.frame
        assert laid_out.columns == ("sex", "age", "group", "srs18", "aaq2", "group:srs18", "group:aaq2")
        mu = intercept + X @ np.concatenate([beta, tau * z]) + (spread * offset)[frame["region"].cat.codes]
        likelihood = stats.norm.logpdf(laid_out.y[0], mu, sigma[frame["group"].cat.codes]).sum()
        prior = stats.norm.logpdf(beta, [0, 0, 0.3, 0, 0], [0.9, 0.4, 1, 0.5, 0.6]).sum()
        prior += stats.norm.logpdf([*z, *offset]).sum() + stats.norm.logpdf(intercept, 0, 1.5)
        prior += stats.halfnorm.logpdf([tau, spread, *sigma], scale=[0.2, 0.3, 1.2, 1.2]).sum()
        found = float(density({name: np.asarray(value) for name, value in point.items()}))
        assert found == pytest.approx(likelihood + prior, rel=1e-10)


def test_the_density_of_a_sum_score_is_the_written_one(study, table):
    participants = table(n=40)
    laid_out = design(sum_score(), participants, study)
    density = pymc_model(graph(laid_out)).compile_logp(jacobian=False, mode="FAST_COMPILE")
    X = laid_out.rows[0] - laid_out.rows[0].mean(axis=0)
    rng = np.random.default_rng(302)
    for _ in range(5):
        beta, intercept, kappa = rng.normal(size=4) / 2, rng.normal(), rng.uniform(1, 20)
        p = expit(intercept + X @ beta)
        wanted = stats.betabinom.logpmf(participants["abs_h"].astype(int), 78, p * kappa, (1 - p) * kappa).sum()
        wanted += stats.norm.logpdf([intercept, *beta], 0, [1, 0.4, 0.7, 0.3, 0.2]).sum()
        wanted += stats.lognorm.logpdf(kappa, 1, scale=np.exp(2))
        point = {"Intercept": intercept, "Normal_coefficients": beta, "kappa_log__": np.log(kappa)}
        found = float(density({name: np.asarray(value) for name, value in point.items()}))
        assert found == pytest.approx(wanted, rel=1e-9)


@pytest.mark.long
def test_arviz_gets_the_priors_and_the_law_of_every_model(study, table):
    """Pools, varying intercepts and sigmas together; a sum score, predicted in whole numbers of its range."""
    layers = has_priors_of_the_graph(design(layered(), table(n=40), study))
    spread, beta = layers["posterior"]["products_sd"], layers["posterior"]["group:srs18"][..., 0]
    np.testing.assert_allclose(layers["log_prior"]["group:srs18"], stats.norm(0, spread).logpdf(beta))
    participants = table(n=40)
    laid_out = design(sum_score(), participants, study)
    whole = has_priors_of_the_graph(laid_out)
    scaling = laid_out.scaling
    raw = scaling.location["abs_h"] + scaling.scale["abs_h"] * whole["prior_predictive"]["abs_h"].values
    np.testing.assert_allclose(raw, np.rint(raw), atol=1e-8)
    assert raw.min() > -0.5
    assert raw.max() < 78.5
    drawn = whole["posterior"].isel(chain=0, draw=7)
    beta = np.concatenate([np.ravel(drawn[term]) for term in laid_out.terms])
    p, kappa = expit(float(drawn["Intercept"]) + laid_out.rows[0] @ beta), float(drawn["kappa"])
    law = stats.betabinom.logpmf(participants["abs_h"].astype(int), 78, p * kappa, (1 - p) * kappa)
    np.testing.assert_allclose(whole["log_likelihood"]["abs_h"][0, 7], law)


def test_a_bounded_outcome_is_whole_numbers_within_its_ends(study, table):
    with pytest.raises(InputError, match="abs_h: must be whole numbers from 0 to 78 for a beta-binomial"):
        graph(design(sum_score(), table(n=20).assign(abs_h=lambda t: t["abs_h"] + 0.5), study))
    age = {**sum_score().model_dump(exclude_unset=True), "formula": "age ~ group", "estimands": []}
    age["priors"] = {"Intercept": normal(1), "group": normal(1), "kappa": half(1)}
    with pytest.raises(InputError, match="'beta_binomial' needs a sum score; age is none"):
        graph(design(ModelSpec.model_validate(age), table(n=20), study))


@pytest.mark.parametrize("name", FURTHER)
def test_what_is_not_gaussian_has_no_exact_posterior_and_says_why(name, study, table):
    with pytest.raises(InputError, match=f"model '{name}' (is of|has) .*; the exact engine takes gaussian ones"):
        exact_posterior(design(load_model(name), table(n=20), study))


def test_bambi_is_not_given_what_it_does_not_have(study, table):
    with pytest.raises(InputError, match="model 'step3_pooled' has the pool 'products'; Bambi has no such model"):
        bambi_model(design(load_model("step3_pooled"), table(n=20), study))


# -- effects ----------------------------------------------------------------------------------------------------------


def test_effects_on_a_sum_score_are_average_changes_of_the_expected_score(study, table):
    participants = table(n=30)
    laid_out = design(sum_score(), participants, study)
    rng = np.random.default_rng(303)
    beta, intercept = 0.4 * rng.normal(size=(1, 3, 4)), rng.normal(size=(1, 3))
    assert laid_out.columns == ("age", "group", "instrumental_support", "group:instrumental_support")
    posterior = xr.Dataset({name: (("chain", "draw"), beta[..., j]) for j, name in enumerate(laid_out.columns)})
    posterior["Intercept"] = (("chain", "draw"), intercept)
    found = answers(laid_out)
    draws = effect_draws(xr.DataTree.from_dict({"posterior": posterior}), laid_out, found)

    numbers = participants[["age", "instrumental_support"]]
    age, support = ((numbers - numbers.mean()) / numbers.std()).to_numpy().T

    def score(s, group, add):
        b = beta[0, s]
        eta = intercept[0, s] + b[0] * age + b[1] * group + (b[2] + b[3] * group) * (support + add)
        return 78 * expit(eta).mean() / participants["abs_h"].std()

    for s in range(3):
        slope = [score(s, group, 0.5) - score(s, group, -0.5) for group in (0, 1)]
        wanted = {"support_slope_hikikomori": slope[1], "support_slope_control": slope[0]}
        wanted |= {"support_slope_difference": slope[1] - slope[0]}
        wanted["group_difference"] = score(s, 1, 0) - score(s, 0, 0)
        assert dict(zip([e.name for e in found.linear], draws[0, s], strict=True)) == pytest.approx(wanted)


def test_further_models_answer_what_step_3_answers_where_it_means_the_same(study, table):
    participants = table(n=30)
    linear = {e.name for e in answers(design(load_model("step3"), participants, study)).linear}
    for name in ("step3_pooled", "step3_region"):
        found = answers(design(load_model(name), participants, study))
        assert {e.name for e in found.linear} == linear
        assert bool(found.variance) == (name == "step3_pooled"), "shares of variance need one sigma"


# -- priors -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(n, marks=[] if n in {"step3_pooled", "step3_sum_score"} else pytest.mark.long)
        for n in shipped_models()
    ],
)
def test_priors_expect_outcomes_of_this_world(name, study, table):
    laid_out = design(load_model(name), table(), study)
    check = prior_check(laid_out, prior_predictive(laid_out, seed=304))
    assert check["ok"].all(), check


def test_an_absurd_prior_is_noticed(study, table):
    step1 = load_model("step1")
    absurd = step1.replace(priors={**step1.priors, "age": step1.priors["age"].replace(sigma=50)})
    laid_out = design(absurd, table(n=20), study)
    check = prior_check(laid_out, prior_predictive(laid_out, seed=305, draws=200))
    assert not check["ok"].any()


# -- NUTS -------------------------------------------------------------------------------------------------------------


@pytest.mark.long
@pytest.mark.parametrize("name", FURTHER)
def test_nuts_is_sound_and_finds_what_is_there(name, study, table):
    fitted = fit(name, table(), study=study, seed=306)
    assert fitted.sound, fitted.diagnostics[~fitted.diagnostics["ok"]]
    exact = fit("step3", table(), study=study, seed=306, engine="exact")
    columns = ["mean", "sd"]
    ours, theirs = (f.estimates.set_index(["engine", "estimand"])[columns] for f in (fitted, exact))
    for estimand in ("support_slope_difference", "group_difference"):
        a, b = ours.loc[("nuts", estimand)], theirs.loc[("exact", estimand)]
        assert abs(a["mean"] - b["mean"]) < 1.5 * b["sd"], "Gaussian data: another family is no other answer"


@pytest.mark.long
@pytest.mark.parametrize("name", FURTHER)
def test_ranks_of_the_truth_are_uniform(name, study, table):
    """Simulation-based calibration: 100 truths from the prior, n = 200; Talts et al. (2018), arXiv:1804.06788."""
    import nutpie

    laid_out = design(load_model(name), table(), study)
    made = graph(laid_out)
    drawn = prior_predictive(laid_out, seed=307, draws=100, made=made)
    ranks = []
    for s, y in enumerate(drawn.outcome):
        refit = compiled(Graph(made.structure, {**made.inputs, "y_obs": y}))
        options = {"draws": 250, "tune": 500, "chains": 2, "cores": 2, "target_accept": 0.95, "seed": s}
        tree = nutpie.sample(refit, **options, save_warmup=False, progress_bar=False)
        beta = np.asarray(tree["posterior"]["beta"]).reshape(500, -1)[::5]
        ranks.append((beta < drawn.parameters["beta"][s]).sum(axis=0))
    table_of_ranks = pd.DataFrame(ranks, columns=list(laid_out.columns))
    p = [stats.kstest((ranks + 0.5) / 101, "uniform").pvalue for _, ranks in table_of_ranks.items()]
    assert min(p) > 0.01 / len(p), dict(zip(table_of_ranks, p, strict=True))


def test_a_sampling_can_be_less_than_the_default():
    assert Sampling(target_accept=0.9).more_careful.target_accept == pytest.approx(0.99)
