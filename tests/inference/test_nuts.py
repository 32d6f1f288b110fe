"""NUTS compiled once: the density is Bambi's, each data set gets its own posterior, a rerun comes before a verdict."""

import numpy as np
import pytest
import xarray as xr

from hikibayes.inference.answers.diagnostics import sound
from hikibayes.inference.models.compile import bambi_model, exact_posterior
from hikibayes.inference.models.design import design
from hikibayes.inference.models.layout import coefficient_draws
from hikibayes.inference.models.specs import ModelSpec, load_model
from hikibayes.inference.nuts import sampling as module
from hikibayes.inference.nuts.graph import graph, pymc_model
from hikibayes.inference.nuts.sampling import Sampling, nuts, sample, verdict
from hikibayes.spec import InputError

SMALL = Sampling(draws=200, tune=300, chains=2, rerun=False)


def robust():
    """A model whose priors have every family that a coefficient may have."""
    model = load_model("step2").model_dump(exclude_unset=True)
    priors = dict(model["priors"])
    others = [
        {"dist": "StudentT", "nu": 3, "mu": 0.1, "sigma": 0.4},
        {"dist": "Cauchy", "alpha": 0, "beta": 0.5},
        {"dist": "Uniform", "lower": -2, "upper": 3},
        {"dist": "TruncatedNormal", "mu": 0, "sigma": 1, "lower": -2.5, "upper": 2},
    ]
    for term, prior in zip(("age", "planning", "sex", "aaq2"), others, strict=True):
        priors[term] = prior | {"reason": "made up"}
    priors["sigma"] = {"dist": "LogNormal", "mu": 0, "sigma": 0.5, "reason": "made up"}
    priors["nu"] = {"dist": "Exponential", "lam": 0.05, "reason": "made up"}
    return ModelSpec.model_validate(
        {"name": "robust", "description": "made up", "formula": model["formula"], "family": "t", "priors": priors}
    )


def log_densities(laid_out, variant, rng, points):
    """Log joint density of the graph and of Bambi's model, Jacobians left out, at the same points."""
    made = graph(laid_out, variant)
    ours = pymc_model(made).compile_logp(jacobian=False, mode="FAST_COMPILE")
    theirs = bambi_model(laid_out, variant).backend.model.compile_logp(jacobian=False, mode="FAST_COMPILE")
    families = np.array(made.structure.coefficients)
    for _ in range(points):
        beta, intercept = rng.uniform(-0.9, 0.9, len(families)), rng.normal()
        own = {f"{name}_log__": np.asarray(rng.normal()) for name, _ in made.structure.own}
        ends = {"Uniform": (-2, 3), "TruncatedNormal": (-2.5, 2)}
        a = {"Intercept": np.asarray(intercept), **own}
        for dist in set(families):
            name = f"{dist}_coefficients"
            values = beta[families == dist]
            low, high = ends.get(dist, (0, 0))
            a[name if low == high else f"{name}_interval__"] = (
                values if low == high else np.log(values - low) - np.log(high - values)
            )
        b, start = {"Intercept": np.asarray(intercept), **own}, 0
        for term, columns in laid_out.terms.items():
            chunk, start = beta[start : start + len(columns)], start + len(columns)
            scalar = laid_out.matrices.common.terms[term].levels is None
            value, dist = (chunk[0] if scalar else chunk), families[start - 1]
            low, high = ends.get(dist, (0, 0))
            b[term if low == high else f"{term}_interval__"] = np.asarray(
                value if low == high else np.log(value - low) - np.log(high - value)
            )
        yield float(ours(a)), float(theirs(b))


@pytest.mark.parametrize(
    ("model", "variant"),
    [
        pytest.param("step3", "sceptical", marks=pytest.mark.long),
        ("step1", "bambi_default"),
        (robust(), "weakly_informative"),
    ],
)
def test_the_density_is_bambis(model, variant, study, table):
    laid_out = design(load_model(model), table(n=30), study)
    for ours, theirs in log_densities(laid_out, variant, np.random.default_rng(201), points=8):
        assert ours == pytest.approx(theirs, rel=1e-10, abs=1e-8)


def test_variants_and_data_sets_share_one_structure(study, table):
    step1 = load_model("step1")
    first, second = (graph(design(step1, table(n=n, seed=n), study)) for n in (20, 30))
    assert first.structure == second.structure
    assert first.structure == graph(design(step1, table(n=20), study), "bambi_default").structure
    assert first.inputs["X"].shape != second.inputs["X"].shape
    assert first.structure != graph(design(load_model("step2"), table(n=20), study)).structure


def test_nuts_is_not_given_what_is_no_distribution(study, table):
    with pytest.raises(InputError, match="'flat' is no proper prior; ask the exact engine"):
        graph(design(load_model("step1"), table(n=20), study), "flat")
    with pytest.raises(InputError, match="NUTS takes one data set at a time; found 2"):
        graph(design(load_model("step1"), [table(n=20), table(n=20, seed=2)], study))


@pytest.fixture(scope="session")
def refitted(study, table):
    """Step 1 on data sets of two sizes: the one compilation of the default suite (with `fit`'s, which shares it)."""
    designs = [design(load_model("step1"), table(n=n, seed=n), study) for n in (40, 60)]
    return designs, list(nuts(designs, 202, sampling=SMALL))


def test_every_data_set_gets_its_own_posterior(refitted):
    for laid_out, tree in zip(*refitted, strict=True):
        exact = exact_posterior(laid_out).marginal()
        beta, _ = coefficient_draws(tree, laid_out)
        mean, sd = beta.mean(axis=(0, 1)), beta.std(axis=(0, 1))
        np.testing.assert_allclose(mean, exact.mean()[0], atol=0.35 * exact.sd()[0].min())
        np.testing.assert_allclose(sd, exact.sd()[0], rtol=0.25)
        intercept = exact_posterior(laid_out).draws(np.random.default_rng(203), 4000).intercept[0]
        assert float(tree["posterior"]["Intercept"].mean()) == pytest.approx(intercept.mean(), abs=intercept.std() / 3)


def test_the_variables_are_bambis(refitted):
    designs, trees = refitted
    posterior = trees[0]["posterior"].to_dataset()
    assert set(posterior.data_vars) == {"Intercept", "sex", "age", "group", "sigma"}
    assert posterior["group"].dims == ("chain", "draw", "group_dim")
    assert list(posterior["group_dim"].values) == ["hikikomori"]
    assert posterior["age"].dims == ("chain", "draw")
    checks = verdict(trees[0], designs[0])
    assert {"Intercept", "group[hikikomori]", "sigma", "r2_step1"} <= set(checks["of"])


def test_a_seed_is_a_result_and_one_structure_is_compiled_once(refitted):
    designs, trees = refitted
    before = len(module._compiled)
    again = list(nuts(designs, 202, sampling=SMALL))
    assert len(module._compiled) == before
    for one, other in zip(trees, again, strict=True):
        xr.testing.assert_identical(one["posterior"].to_dataset(), other["posterior"].to_dataset())
    other_seed = sample(designs[0], 203, sampling=SMALL)
    assert not np.array_equal(other_seed["posterior"]["age"], trees[0]["posterior"]["age"])


def test_one_rerun_with_more_care_comes_before_a_verdict(refitted, monkeypatch):
    designs, trees = refitted
    tried = []

    def run(made, laid_out, seed, sampling):
        tried.append(sampling)
        return trees[0].copy(deep=True)

    monkeypatch.setattr(module, "_run", run)
    assert not sound(verdict(trees[0], designs[0])), "400 draws are too few for 400 effective ones"
    tree = sample(designs[0], 1, sampling=Sampling(target_accept=0.8, tune=300))
    assert [(s.target_accept, s.tune) for s in tried] == [(0.8, 300), (pytest.approx(0.98), 600)]
    assert tree["posterior"].attrs["reruns"] == 1
    tried.clear()
    monkeypatch.setattr(module, "sound", lambda diagnostics: True)
    assert sample(designs[0], 1)["posterior"].attrs["reruns"] == 0
    assert len(tried) == 1
