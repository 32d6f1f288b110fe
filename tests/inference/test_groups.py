"""A fit's draws with all that ArviZ asks for: likelihood, predictions and priors are the model's own."""

import arviz as az
import numpy as np
import pandas as pd
import pytest
import xarray as xr
from scipy import stats as st
from tests.inference.forward import has_priors_of_the_graph

from hikibayes.inference.answers import groups
from hikibayes.inference.data.tables import participants
from hikibayes.inference.fit import Fit, Sampling, fit
from hikibayes.inference.gaussian.loo import log_predictive_left_out
from hikibayes.inference.models.compile import exact_posterior
from hikibayes.inference.models.design import design
from hikibayes.inference.own.data import own_data


def table(n: int = 90) -> pd.DataFrame:
    rng = np.random.default_rng(7)
    made = pd.DataFrame(
        {"arm": rng.choice(["p", "q", "r"], n), "x": rng.normal(size=n), "school": rng.choice(list("abcdef"), n)}
    )
    sd = made["arm"].map({"p": 0.5, "q": 1.0, "r": 2.0})
    lift = made["school"].map(dict(zip("abcdef", [-1.0, -0.6, -0.2, 0.2, 0.6, 1.0], strict=True)))
    return made.assign(y=made["x"] + lift + rng.normal(size=n) * sd, half=np.where(np.arange(n) % 2, "s", "t"))


@pytest.fixture(scope="module")
def made() -> Fit:
    return fit("y ~ arm * x", table(), engine="exact", seed=3, sampling=Sampling(draws=4000))


def test_leaving_one_out_by_arviz_is_the_exact_one(made):
    exact = log_predictive_left_out(exact_posterior(made.design), made.design.rows, made.design.y).sum()
    assert az.loo(made.posterior).elpd == pytest.approx(exact, abs=0.15)


def test_priors_are_those_of_the_model(made):
    prior = made.posterior["prior"]
    q, r = (prior["arm"].sel({"arm_dim": level}) for level in ("q", "r"))
    for difference, sd in ((q, 1), (r, 1), (q - r, 1), (prior["x"], 0.5), (prior["arm:x"][..., 0], 0.25)):
        assert float(difference.std()) == pytest.approx(sd, rel=0.03)
    assert float(prior["sigma"].median()) == pytest.approx(st.t(4).ppf(0.75), rel=0.03)
    drawn = made.posterior["posterior"]
    block = st.multivariate_normal([0, 0], [[1, 0.5], [0.5, 1]]).logpdf(drawn["arm"].values)
    np.testing.assert_allclose(made.posterior["log_prior"]["arm"], block)
    np.testing.assert_allclose(made.posterior["log_prior"]["x"], st.norm(0, 0.5).logpdf(drawn["x"].values))


def test_the_likelihood_is_that_of_the_rows(made):
    drawn, row = made.posterior["posterior"].isel(chain=1, draw=5), 11
    mean = float(drawn["Intercept"]) + made.design.rows[0, row] @ np.concatenate(
        [np.ravel(drawn[term]) for term in made.design.terms]
    )
    wanted = st.norm(mean, float(drawn["sigma"])).logpdf(made.design.y[0, row])
    assert float(made.posterior["log_likelihood"]["y"].isel(chain=1, draw=5)[row]) == pytest.approx(wanted)
    replicated = made.posterior["posterior_predictive"]["y"]
    assert float(replicated.std()) == pytest.approx(1, abs=0.15)


def test_functions_of_arviz_find_what_they_need(made):
    whole = made.posterior
    assert len(az.summary(whole)) == 7
    assert {"prior", "likelihood", "diagnosis"} <= set(az.psense_summary(whole, prior_var_names=["x"]))
    for drawn in (az.plot_ppc_dist, az.plot_prior_posterior, az.plot_forest, az.plot_lm):
        drawn(whole)


FOR_OTHERS = {
    "plot_ecdf_pit": "simulation-based calibration",
    "plot_ppc_censored": "survival",
    "plot_ppc_rootogram": "counts",
    "plot_pair_focus": "arguments",
    "plot_bf": "arguments",
    "plot_ppc_pava_residuals": "arguments",
    "plot_khat": "a loo",
    "plot_compare": "a comparison",
    "rhat_nested": "arguments",
}
OF_NUTS = {"plot_energy", "bfmi"}
STATISTICS = ("summary", "loo", "loo_metrics", "loo_pit", "loo_score", "loo_expectations", "metrics", "psense", "rhat")
STATISTICS = (*STATISTICS, "psense_summary", "ess", "mcse", "hdi", "eti", "mode", "median", "std", "kde", "qds", "iqr")


@pytest.mark.long
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("engine", ["exact", "nuts"])
def test_every_function_of_arviz_finds_what_it_needs(engine):
    """All that ArviZ plots, and its statistics; about a minute and a half each."""
    plots = [name for name in dir(az) if name.startswith("plot_")]
    whole = fit("y ~ half * x", table(), engine=engine, seed=3, sampling=Sampling(draws=300, tune=300)).posterior
    wanted = {*plots, *STATISTICS, *OF_NUTS} - FOR_OTHERS.keys() - (OF_NUTS if engine == "exact" else set())
    for name in sorted(wanted):
        getattr(az, name)(whole)
    az.plot_pair_focus(whole, focus_var="x", var_names=["half"])
    az.plot_bf(whole, var_names=["half:x"], ref_val=0)
    az.plot_ppc_pava_residuals(whole, "x")
    az.plot_khat(az.loo(whole, pointwise=True))
    az.plot_compare(az.compare({"all": whole, "less": fit("y ~ x", table()).posterior}))


def test_too_many_rows_leave_their_groups_out(made, monkeypatch):
    monkeypatch.setattr(groups, "MOST", 1000)
    assert set(groups.arviz_groups(made).children) == {
        "posterior",
        "prior",
        "log_prior",
        "observed_data",
        "constant_data",
    }


@pytest.mark.long
@pytest.mark.parametrize(
    ("formula", "options"),
    [("y ~ half * x", {"sigma_by": "half"}), ("y ~ half * x + (1|school)", {}), ("y ~ x", {"family": "t"})],
)
def test_what_nuts_samples_has_a_likelihood_too(formula, options):
    """Checked row by row, at one draw, against the density that the graph itself has."""
    found = fit(formula, table(), seed=2, sampling=Sampling(draws=500, tune=500), **options)
    assert found.engine == "nuts"
    whole = found.posterior
    assert np.isfinite(whole["log_likelihood"]["y"]).all()
    assert np.isfinite(az.loo(whole).elpd)
    assert float(whole["posterior_predictive"]["y"].mean()) == pytest.approx(0, abs=0.2)
    assert {"slope_x", "slope_x_half_s"} & set(found.summary()["estimand"])
    clustered = "|" in formula
    assert found.summary()["ols"].isna().all() == clustered == ("no_ols" in set(found.remarks["kind"]))


@pytest.mark.parametrize(
    ("formula", "options"),
    [
        ("y ~ arm * x + (1|school)", {"priors": {"x": "Cauchy(0, .2)"}}),
        ("y ~ half * x", {"sigma_by": "half", "family": "t"}),
    ],
)
def test_priors_of_what_nuts_alone_takes_are_the_graphs_own(formula, options):
    """Draws made here have the quantiles of PyMC's; densities are those of the distributions in the model file."""
    own = own_data(formula, table(), **options)
    rows = participants(own.table, own.study, own.model.variables).frame
    whole = has_priors_of_the_graph(design(own.model, rows, own.study))
    after, density = whole["posterior"], whole["log_prior"]
    if "1|school" in after:
        sd = after["1|school_sigma"]
        own = xr.apply_ufunc(lambda v, s: st.norm(0, s).logpdf(v), after["1|school"], sd).sum("school__factor_dim")
        np.testing.assert_allclose(density["1|school"], own)
        np.testing.assert_allclose(density["x"], st.cauchy(0, 0.2).logpdf(after["x"]))
        block = st.multivariate_normal([0, 0], [[1, 0.5], [0.5, 1]]).logpdf(after["arm"].values)
        np.testing.assert_allclose(density["arm"].values.ravel(), block)
    else:
        half_t = np.log(2) + st.t(4).logpdf(after["sigma"])
        np.testing.assert_allclose(density["sigma"], half_t.sum(axis=-1))
    assert set(az.psense_summary(whole, var_names=["x"], prior_var_names=["x"])) == {"prior", "likelihood", "diagnosis"}


def test_a_flat_prior_has_no_draws():
    made = fit("y ~ arm * x", table(), prior="flat", engine="exact", seed=3)
    assert {"prior", "log_prior", "prior_predictive"}.isdisjoint(made.posterior.children)
