"""One model on one table, by either engine."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from hikibayes.inference.answers.diagnostics import convergence, sound
from hikibayes.inference.answers.estimates import COLUMNS
from hikibayes.inference.fit import Sampling, fit
from hikibayes.inference.gaussian.normal_priors import bambi_default
from hikibayes.inference.models.compile import bambi_model, exact_priors
from hikibayes.inference.models.design import design
from hikibayes.inference.models.specs import ModelSpec, load_model, shipped_models
from hikibayes.inference.saved_fit import fit_files
from hikibayes.spec import InputError
from hikibayes.validation.engines import log_joint_difference

SMALL = Sampling(draws=200, tune=300, chains=2, rerun=False)


@pytest.fixture(scope="module")
def exact(study, table):
    return fit("step3", table(), study=study, engine="exact", seed=101)


# -- the exact engine -------------------------------------------------------------------------------------------------


def test_the_exact_engine_gives_draws_estimates_and_a_verdict(exact):
    posterior = exact.posterior["posterior"]
    assert posterior.sizes["chain"] == 4
    assert posterior["group:instrumental_support"].dims == ("chain", "draw", "group:instrumental_support_dim")
    assert posterior["group"].sel(group_dim="hikikomori").dims == ("chain", "draw")
    assert exact.sound
    assert set(exact.diagnostics["check"]) == {"quadrature"}
    assert set(exact.estimates["engine"]) == {"exact", "ols", ""}
    row = exact.estimates.set_index(["engine", "estimand"]).loc[("exact", "support_slope_difference")]
    drawn = posterior["group:instrumental_support"].values
    assert drawn.mean() == pytest.approx(row["mean"], abs=4 * row["sd"] / np.sqrt(drawn.size))
    assert row["study"] == "nonaka2021"
    assert row["prior"] == "weakly_informative"


def test_a_seed_is_a_result(exact, study, table):
    again = fit("step3", table(), study=study, engine="exact", seed=101)
    other = fit("step3", table(), study=study, engine="exact", seed=102)
    xr.testing.assert_identical(again.posterior["posterior"].to_dataset(), exact.posterior["posterior"].to_dataset())
    pd.testing.assert_frame_equal(again.estimates, exact.estimates)
    assert not np.array_equal(other.posterior["posterior"]["age"], exact.posterior["posterior"]["age"])


def test_a_file_is_fitted_like_a_table(tmp_path, exact, study, table):
    path = tmp_path / "mine.csv"
    table().rename(columns={"age": "years"}).to_csv(path, index=False)
    read = fit("step3", path, study="nonaka2021", engine="exact", seed=101, columns={"age": "years"})
    pd.testing.assert_frame_equal(read.estimates, exact.estimates)


def t_model():
    model = load_model("step1").model_dump()
    nu = {"dist": "Exponential", "lam": 0.05, "reason": "made up"}
    changes = {
        "name": "robust",
        "family": "t",
        "priors": {**model["priors"], "nu": nu},
        "estimands": ["group_difference"],
    }
    return ModelSpec.model_validate({**model, **changes})


def cauchy_model():
    model = load_model("step2").model_dump()
    priors = {**model["priors"], "age": {"dist": "Cauchy", "alpha": 0, "beta": 1, "reason": "made up"}}
    return ModelSpec.model_validate({**model, "priors": priors})


@pytest.mark.parametrize(
    ("model", "change", "options", "message"),
    [
        ("step3", lambda t: t.iloc[:17], {}, "group 'hikikomori' has no complete row"),
        ("step3", lambda t: t.groupby("group").head(8), {"variant": "flat"}, "16 rows for 17 .* needs at least 19"),
        ("step2", lambda t: t.assign(planning=9), {}, "column 'planning': row 1: .* runs from 2 to 8"),
        (t_model(), lambda t: t, {}, "family 't'; the exact engine takes gaussian ones, NUTS takes all"),
        (cauchy_model(), lambda t: t, {}, r"prior of 'age' is Cauchy\(.*\); the exact engine takes Normal"),
        ("step3", lambda t: t, {"variant": "sceptic"}, r"no prior variant of model 'step3', 'sceptic'"),
        ("step3", lambda t: t, {"engine": "stan"}, "no engine 'stan'; there are: exact, nuts"),
    ],
    ids=["one group", "n <= p", "range", "family", "prior", "variant", "engine"],
)  # fmt: skip
def test_what_cannot_be_fitted_says_why(study, table, model, change, options, message):
    with pytest.raises(InputError, match=message):
        fit(model, change(table()), study=study, seed=1, **{"engine": "exact", **options})


# -- Bambi ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [name for name in shipped_models() if not load_model(name).beyond_gaussian])
def test_every_shipped_models_log_joint_is_bambis(name, study, table):
    laid_out = design(load_model(name), table(n=40), study)
    compared = log_joint_difference(laid_out, rng=np.random.default_rng(103), points=10)
    np.testing.assert_allclose(compared["exact"], compared["other"], rtol=1e-10, atol=1e-8)


def test_bambi_has_the_designs_terms_and_its_own_default_priors(step3):
    built = bambi_model(step3, "bambi_default")
    component = built.parameters["mu"]
    assert tuple(component.common_terms) == tuple(step3.terms)
    ours = exact_priors(step3, "bambi_default")
    theirs = [np.atleast_1d(component.common_terms[t].prior.args["sigma"])[0] for t in step3.terms]
    np.testing.assert_allclose(ours.sd[0], theirs, rtol=1e-10)
    np.testing.assert_allclose(ours.intercept_sd[0], component.intercept_term.prior.args["sigma"], rtol=1e-10)
    np.testing.assert_allclose(ours.intercept_mean[0], component.intercept_term.prior.args["mu"], atol=1e-12)
    sigma = built.parameters["sigma"].prior.args["sigma"]
    np.testing.assert_allclose(bambi_default(step3.statistics).sigma.scale, sigma, rtol=1e-10)


def test_nuts_is_not_given_what_is_no_distribution(step3, study, table):
    with pytest.raises(InputError, match="'flat' is no proper prior; ask the exact engine"):
        bambi_model(step3, "flat")
    many = design(load_model("step1"), [table(n=20), table(n=20, seed=2)], study)
    with pytest.raises(InputError, match="NUTS takes one data set at a time; found 2"):
        bambi_model(many)


def test_a_small_nuts_run_agrees_and_is_not_called_sound(study, table):
    sampled = fit("step1", table(n=40), study=study, seed=104, sampling=SMALL)
    exact = fit("step1", table(n=40), study=study, seed=104, engine="exact")
    nuts, wanted = sampled.estimates.set_index("engine").loc["nuts"], exact.estimates.set_index("engine").loc["exact"]
    assert nuts["mean"] == pytest.approx(wanted["mean"], abs=6 * nuts["mcse_mean"] + 4 * wanted["mcse_mean"])
    assert set(sampled.posterior["posterior"].data_vars) == set(exact.posterior["posterior"].data_vars)
    for name, values in sampled.posterior["posterior"].data_vars.items():
        assert values.dims == exact.posterior["posterior"][name].dims
    assert {"rhat", "ess_bulk", "ess_tail", "divergences", "ebfmi"} == set(sampled.diagnostics["check"])
    assert {"Intercept", "group[hikikomori]", "sigma", "r2_step1"} <= set(sampled.diagnostics["of"])
    assert not sampled.sound, "400 draws are too few for 400 effective ones"


def test_a_singular_design_has_its_posterior_and_a_remark(study, table):
    rows = table(n=40)
    plain = fit("step1", rows, study=study, seed=104, engine="exact")
    copied = rows.assign(srs18=rows["age"] - 16)
    prior = plain.model.priors["age"].model_dump(exclude_unset=True)
    half = {**prior, "sigma": prior["sigma"] / np.sqrt(2)}
    content = plain.model.model_dump(exclude_unset=True)
    priors = {**content["priors"], "age": half, "srs18": half}
    model = ModelSpec.model_validate({**content, "formula": f"{content['formula']} + srs18", "priors": priors})
    singular = fit(model, copied, study=study, seed=104, engine="exact")
    remark = singular.remarks.set_index("kind").loc["collinear"]
    assert remark["of"] == "srs18, age"
    # two halves of one slope, whose priors make the one prior together
    drawn = singular.posterior["posterior"]
    both = (drawn["age"] + drawn["srs18"]).values
    assert both.mean() == pytest.approx(plain.posterior["posterior"]["age"].values.mean(), abs=0.02)
    assert both.std() == pytest.approx(plain.posterior["posterior"]["age"].values.std(), rel=0.1)
    ols = [f.estimates.set_index(["engine", "estimand"])["mean"]["ols", "r2_step1"] for f in (singular, plain)]
    assert ols[0] == pytest.approx(ols[1], abs=1e-9)
    with pytest.raises(InputError, match="linear combinations of each other, which a flat prior cannot tell apart"):
        fit(model, copied, study=study, seed=104, engine="exact", prior="flat")


def test_fewer_rows_than_coefficients_leave_the_rest_to_the_priors(study, table):
    few = table(n=40).groupby("group").head(8)
    made = fit("step3", few, study=study, seed=104, engine="exact")
    assert "16 complete rows for 18 coefficients" in made.remarks.set_index("kind").loc["few_rows", "remark"]
    means = made.estimates.set_index(["engine", "estimand"])["mean"]
    assert np.isfinite(means["exact"]).all()
    assert np.isnan(means["ols", "delta_r2_step3"])


@pytest.mark.parametrize("scaling", ["sample", "raw"])
def test_where_the_groups_differ_stands_in_the_folder(study, table, scaling):
    content = load_model("step3_support_only").model_dump(exclude_unset=True)
    if scaling == "raw":
        wide = {"dist": "Normal", "mu": 0, "sigma": 100, "reason": "made up"}
        content["priors"] = dict.fromkeys(content["priors"], wide) | {
            "sigma": {"dist": "HalfNormal", "sigma": 50, "reason": "made up"}
        }
        content["variants"] = {}
    made = fit(
        ModelSpec.model_validate({**content, "scaling": scaling}), table(n=80), study=study, seed=7, engine="exact"
    )
    assert made.moderators == (study.analysis.focal,)
    files = fit_files(made)
    regions, band = files["johnson_neyman.csv"], files["johnson_neyman_band.csv"]
    assert set(regions["ci_prob"]) == {0.8, 0.9, 0.95}
    assert (regions["moderator"] == study.analysis.focal).all()
    # the band's own line is the one of the posterior: slope by slope, the difference of the groups' slopes
    answer = made.estimates.set_index(["engine", "estimand"])["mean"]["exact", "support_slope_difference"]
    assert np.polyfit(band["value"], band["mean"], 1)[0] == pytest.approx(answer, rel=1e-6)
    x = made.participants.frame[study.analysis.focal]
    np.testing.assert_allclose(band["raw"], x.mean() + x.std() * band["value"])
    inside = regions[regions["ci_prob"] == 0.95]
    for row in inside[inside["sign"] != 0].itertuples():
        there = band[band["value"].between(row[4], row[5])]
        assert there["excludes_zero"].all()


def test_a_model_without_a_product_has_no_region(study, table):
    made = fit("step2", table(n=40), study=study, seed=7, engine="exact")
    assert made.moderators == ()
    assert "johnson_neyman.csv" not in fit_files(made)
    with pytest.raises(InputError, match="the gap between the groups is the same for every age"):
        made.johnson_neyman("age")


def test_what_a_fit_cannot_answer_is_listed_with_the_reason(study, table):
    made = fit("step1", table(n=40), study=study, seed=104, engine="exact").estimates
    assert set(made["estimand"]) == {estimand.name for estimand in study.estimands}
    without = made[made["note"] != ""]
    assert (without["engine"] == "").all()
    assert without["mean"].isna().all()
    assert made.loc[made["note"] == "", "mean"].notna().all()
    assert list(made.columns) == [*COLUMNS, "note"]
    every = fit(
        "step1", table(n=40), study=study.replace(estimand=(study.estimand("r2_step1"),)), seed=1, engine="exact"
    )
    assert (every.estimates["note"] == "").all()


@pytest.mark.long
def test_other_families_and_priors_go_to_nuts(study, table):
    sampled = fit(t_model(), table(n=60), study=study, seed=105)
    assert sampled.sound, sampled.diagnostics[~sampled.diagnostics["ok"]]
    assert {"nu", "sigma"} <= set(sampled.diagnostics["of"])
    assert sampled.estimates["bf10"].isna().all()


# -- verdicts ---------------------------------------------------------------------------------------------------------


def healthy(rng):
    draws = {"a": rng.normal(size=(4, 1000)), "b": rng.normal(size=(4, 1000))}
    stats = {"diverging": (("chain", "draw"), np.zeros((4, 1000), dtype=bool))}
    return draws, xr.Dataset(stats | {"energy": (("chain", "draw"), rng.normal(size=(4, 1000)))})


def test_a_healthy_run_is_sound():
    assert sound(convergence(*healthy(np.random.default_rng(106))))


@pytest.mark.parametrize("illness", ["rhat", "ess_bulk", "ess_tail", "divergences", "ebfmi"])
def test_each_illness_is_found_and_named(illness):
    rng = np.random.default_rng(107)
    draws, stats = healthy(rng)
    match illness:
        case "rhat":
            draws["b"] = draws["b"] + np.arange(4)[:, None]
        case "ess_bulk":
            draws["b"] = np.repeat(rng.normal(size=(4, 50)), 20, axis=1)
        case "ess_tail":
            volatility = np.repeat(np.exp(1.5 * rng.normal(size=(4, 10))), 100, axis=1)
            draws["b"] = draws["b"] * volatility
        case "divergences":
            stats["diverging"][0, 3] = True
        case "ebfmi":
            stats["energy"][1] = np.cumsum(rng.normal(size=1000))
    checked = convergence(draws, stats)
    assert not sound(checked)
    assert illness in set(checked.loc[~checked["ok"], "check"])
    if illness == "ebfmi":
        assert list(checked.loc[~checked["ok"], "of"]) == ["chain 1"]


def test_a_constant_chain_is_not_sound():
    draws, stats = healthy(np.random.default_rng(108))
    draws["b"] = np.ones((4, 1000))
    assert not sound(convergence(draws, stats))
