"""Predictors that are observed with error: the density, what is refused, and effects that come back undiluted."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from hikibayes.inference.fit import fit
from hikibayes.inference.models.design import design
from hikibayes.inference.models.specs import ModelSpec, load_model
from hikibayes.inference.nuts.graph import Graph, graph, pymc_model, quiet_compilation
from hikibayes.inference.nuts.sampling import Sampling, compiled, sample, verdict
from hikibayes.spec import InputError
from hikibayes.study.reliability import stated_reliability

ERROR = {
    "coefficients": {"dist": "Normal", "mu": 0.1, "sigma": 0.9, "reason": "made up"},
    "spreads": {"dist": "HalfNormal", "sigma": 0.8, "reason": "made up"},
    "correlations": {"dist": "LKJ", "eta": 2, "reason": "made up"},
}


@pytest.fixture(autouse=True)
def quiet():
    with quiet_compilation():
        yield


SD = {"sex": 0.9, "group": 1.0, "aaq2": 0.5, "planning": 0.6, "group:aaq2": 0.2, "group:planning": 0.3}


def blurred(terms=tuple(SD), **reliability):
    priors = {"Intercept": 1.5} | {term: SD.get(term, 0.5) for term in terms}
    made = {t: {"dist": "Normal", "mu": 0, "sigma": s, "reason": "made up"} for t, s in priors.items()}
    made["sigma"] = {"dist": "HalfNormal", "sigma": 1, "reason": "made up"}
    error = {"reliability": reliability or {"aaq2": 0.7, "planning": 0.8}, **ERROR}
    formula = "abs_h ~ " + " + ".join(terms)
    content = {"name": "blurred", "description": "made up", "formula": formula, "priors": made}
    return ModelSpec.model_validate({**content, "measurement_error": error})


def test_the_density_is_that_of_scores_and_outcome_jointly_normal(study, table):
    laid_out = design(blurred(), table(n=40), study)
    density = pymc_model(graph(laid_out)).compile_logp(jacobian=False, mode="FAST_COMPILE")
    rng = np.random.default_rng(401)
    assert laid_out.columns == ("sex", "group", "aaq2", "planning", "group:aaq2", "group:planning")
    W, group = laid_out.frame[["aaq2", "planning"]].to_numpy(), laid_out.frame["group"].cat.codes.to_numpy()
    direct = laid_out.rows[0][:, :2] - laid_out.rows[0][:, :2].mean(axis=0)
    average = laid_out.rows[0].mean(axis=0)
    for _ in range(4):
        beta, intercept, sigma = rng.normal(size=6), rng.normal(), rng.uniform(0.5, 2)
        means, slopes = rng.normal(size=2), rng.normal(size=(2, 2))
        factors = [np.array([[rng.uniform(0.3, 1), 0], [rng.normal(0, 0.4), rng.uniform(0.3, 1)]]) for _ in range(2)]
        point = {"Intercept": intercept, "Normal_coefficients": beta, "sigma_log__": np.log(sigma)}
        point |= {"true_means": means, "true_slopes": slopes}
        wanted = stats.norm.logpdf(beta, 0, [0.9, 1, 0.5, 0.6, 0.2, 0.3]).sum() + stats.norm.logpdf(intercept, 0, 1.5)
        wanted += stats.halfnorm.logpdf(sigma) + stats.norm.logpdf([*means, *slopes.ravel()], 0.1, 0.9).sum()
        for g, factor in enumerate(factors):
            packed = [np.log(factor[0, 0]), factor[1, 0], np.log(factor[1, 1])]
            point[f"true_covariance_{g}_cholesky-cov-packed__"] = np.array(packed)
        for i, (w, g) in enumerate(zip(W, group, strict=True)):
            true = factors[g] @ factors[g].T
            b = beta[2:4] + beta[4:] * g
            cross = true @ b
            joint = np.block([[true + np.diag([0.3, 0.2]), cross[:, None]], [cross[None], b @ cross + sigma**2]])
            centre = means + direct[i] @ slopes
            expected = intercept + beta @ (np.array([*laid_out.rows[0][i, :2], *centre, *(g * centre)]) - average)
            wanted += stats.multivariate_normal.logpdf([*w, laid_out.y[0, i]], [*centre, expected], joint)
        found = float(density({name: np.asarray(value) for name, value in point.items()}))
        found -= sum(cholesky_prior(factor) for factor in factors)
        assert found == pytest.approx(wanted, rel=1e-9)


def cholesky_prior(factor):
    """Log density of LKJ(2) correlations with half-normal(.8) SDs, for a 2 x 2 Cholesky factor of the covariance."""
    true = factor @ factor.T
    spreads = np.sqrt(np.diag(true))
    r = true[0, 1] / spreads.prod()
    # r ~ 2 Beta(2, 2) - 1; from (factor) to (SDs, r): dr/dL21 = L22² / sd2³, dsd2/dL22 = L22 / sd2, and the cross terms
    jacobian = np.log(abs(np.linalg.det(_derivative(factor))))
    return stats.halfnorm.logpdf(spreads, scale=0.8).sum() + stats.beta.logpdf((r + 1) / 2, 2, 2) - np.log(2) + jacobian


def _derivative(factor, h=1e-6):
    def of(v):
        L = np.array([[v[0], 0], [v[1], v[2]]])
        true = L @ L.T
        spreads = np.sqrt(np.diag(true))
        return np.array([*spreads, true[0, 1] / spreads.prod()])

    at = factor[np.tril_indices(2)]
    return np.array([(of(at + h * e) - of(at - h * e)) / (2 * h) for e in np.eye(3)])


def test_one_measure_with_error_and_a_reliability_that_is_only_assumed(study, table):
    stated = stated_reliability(study, "planning")
    assert stated.dist == "Uniform"
    laid_out = design(blurred(("sex", "planning"), planning="stated"), table(n=20), study)
    model = pymc_model(graph(laid_out))
    assert {v.name for v in model.free_RVs} >= {"reliability_planning", "true_covariance_0"}
    density = model.compile_logp(mode="FAST_COMPILE")
    assert np.isfinite(density(model.initial_point()))


def test_without_error_it_is_the_usual_regression(study, table):
    laid_out = design(blurred(planning=1 - 1e-12, aaq2=1 - 1e-12), table(n=40), study)
    plain = design(blurred().replace(measurement_error=None), table(n=40), study)
    at = {"Intercept": 0.1, "Normal_coefficients": np.linspace(-0.5, 0.5, 6), "sigma_log__": np.log(0.8)}
    observed, usual = (pymc_model(graph(d)) for d in (laid_out, plain))
    rest = {k: v for k, v in observed.initial_point().items() if k not in at}
    found = observed.compile_logp(vars=[observed["y"]], mode="FAST_COMPILE")({**at, **rest})
    assert found == pytest.approx(usual.compile_logp(vars=[usual["y"]], mode="FAST_COMPILE")(at), rel=1e-8)


def test_what_cannot_have_error_is_refused(study, table):
    both = blurred((*SD, "aaq2:planning"))
    with pytest.raises(InputError, match="'aaq2:planning' is not linear in a single measure with error"):
        graph(design(both, table(n=20), study))
    with pytest.raises(InputError, match="the study says nothing of the reliability of 'age'"):
        graph(design(blurred(("sex", "age"), age="stated"), table(n=20), study))
    with pytest.raises(ValueError, match="measurement_error: there is no predictor 'abs_h'"):
        blurred(abs_h=0.9)
    with pytest.raises(ValueError, match="less than 1"):
        blurred(aaq2=1.2)
    with pytest.raises(ValueError, match="'measurement_error' is for gaussian models with one sigma"):
        ModelSpec.model_validate({**blurred().model_dump(exclude_unset=True), "sigma_by": "group"})


# -- NUTS -------------------------------------------------------------------------------------------------------------

SLOPES = {"aaq2": 0.5, "planning": -0.3, "group:aaq2": 0.0, "group:planning": 0.4}


def planted(n, rng, reliability=(0.7, 0.8)):
    """`n` a group: correlated true scores of SD 1 that the outcome depends on, and what is observed of them."""
    group = np.repeat([0.0, 1.0], n)
    common = rng.normal(size=2 * n)
    true = np.sqrt(0.5) * (common[:, None] + rng.normal(size=(2 * n, 2)))
    error = rng.normal(size=(2 * n, 2)) * np.sqrt([1 / r - 1 for r in reliability])
    y = true @ [0.5, -0.3] + group * (0.4 * true[:, 1] + 0.3) + 0.6 * rng.normal(size=2 * n)
    return group, true + error, y


@pytest.mark.long
def test_diluted_slopes_come_back(study):
    group, observed, y = planted(1500, np.random.default_rng(402))
    rng = np.random.default_rng(403)
    frame = pd.DataFrame({"abs_h": y, "aaq2": observed[:, 0], "planning": observed[:, 1]})
    frame["group"] = np.where(group == 1, study.group_ids[1], study.group_ids[0])
    frame["sex"] = rng.choice(["female", "male"], len(y))
    laid_out = design(blurred(), frame, study)
    tree = sample(laid_out, 404, sampling=Sampling(draws=500, tune=500))
    assert verdict(tree, laid_out)["ok"].all()
    usual = np.linalg.lstsq(np.column_stack([np.ones(len(y)), laid_out.rows[0]]), laid_out.y[0])[0][1:]
    for j, (name, slope) in enumerate(SLOPES.items()):
        of = name.removeprefix("group:")
        per_sd = slope * frame[of].std() / frame["abs_h"].std()
        drawn = tree["posterior"][name]
        assert abs(float(drawn.mean()) - per_sd) < 3.5 * float(drawn.std()), name
        if slope:
            assert abs(usual[2 + j] - per_sd) > 3 * 0.02, "the usual regression dilutes this one"


@pytest.mark.long
def test_the_shipped_model_is_sound(study, table):
    fitted = fit("step3_measurement_error", table(), study=study, seed=405)
    assert fitted.sound, fitted.diagnostics[~fitted.diagnostics["ok"]]
    reliability = fitted.posterior["posterior"]["reliability_planning"]
    stated = stated_reliability(study, "planning").parameters
    assert stated["lower"] < float(reliability.min()) < float(reliability.max()) < stated["upper"]
    assert load_model("step3_measurement_error").beyond_gaussian == "has predictors observed with error"


@pytest.mark.long
def test_ranks_of_the_truth_are_uniform(study, table):
    """Simulation-based calibration, scores and outcome drawn anew: Talts et al. (2018), arXiv:1804.06788."""
    import nutpie

    laid_out = design(blurred(), table(), study)
    structure, inputs = graph(laid_out)
    rng = np.random.default_rng(406)
    ranks = []
    for seed in range(100):
        beta, drawn = simulated_from_the_prior(laid_out, inputs, rng)
        options = {"draws": 250, "tune": 500, "chains": 2, "cores": 2, "target_accept": 0.95, "seed": seed}
        program = compiled(Graph(structure, drawn))
        tree = nutpie.sample(program, **options, save_warmup=False, progress_bar=False)
        found = np.asarray(tree["posterior"]["beta"]).reshape(500, -1)[::5]
        ranks.append((found < beta).sum(axis=0))
    p = [stats.kstest((column + 0.5) / 101, "uniform").pvalue for column in np.transpose(ranks)]
    assert min(p) > 0.01 / len(p), dict(zip(laid_out.columns, p, strict=True))


def simulated_from_the_prior(laid_out, inputs, rng):
    """Coefficients, and the graph's numbers with scores and outcome that follow from them."""
    level, direct = inputs["level"], inputs["direct"]
    beta, intercept = rng.normal(0, list(SD.values())), rng.normal(0, 1.5)
    means, slopes, sigma = rng.normal(0.1, 0.9, 2), rng.normal(0.1, 0.9, (2, 2)), abs(rng.normal())
    true = means + direct @ slopes
    for g in (0, 1):
        spreads, r = abs(rng.normal(0, 0.8, 2)), 2 * rng.beta(2, 2) - 1
        factor = np.linalg.cholesky(np.array([[1, r], [r, 1]])) * spreads[:, None]
        true[level == g] += rng.normal(size=((level == g).sum(), 2)) @ factor.T
    scores = true + rng.normal(size=true.shape) * np.sqrt([0.3, 0.2])
    at_zero = inputs["constant"] + laid_out.rows[0].mean(axis=0)
    row = {"aaq2": 0, "planning": 1, "group:aaq2": 0, "group:planning": 1}
    of = [row.get(name, 0) for name in laid_out.columns]
    average = (at_zero + inputs["weight"] * scores[:, of]).mean(axis=0)
    expected = intercept + (at_zero + inputs["weight"] * true[:, of] - average) @ beta
    new = {"scores": scores, "constant": at_zero - average, "y_obs": expected + sigma * rng.normal(size=len(true))}
    return beta, {**inputs, **new, **{f"scores_{g}": scores[level == g] for g in (0, 1)}}
