"""Other priors without another fit: each must be what fitting again gives, and each analysis what it says it is."""

import tomllib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats as st
from tests.studies import orchard_run

from hikibayes.inference.fit import fit
from hikibayes.inference.gaussian.exact import posterior
from hikibayes.inference.gaussian.mixture import Mixture
from hikibayes.inference.models.compile import exact_posterior, exact_priors
from hikibayes.robustness.priors.power_scaling import CONFLICT, FINE, STRONG, diagnosis, power_scaling, sensitivity
from hikibayes.robustness.priors.sensitivity import priors
from hikibayes.robustness.priors.shrinkage import POOL_SD, pool, pooled_answer, products, shrinkage
from hikibayes.robustness.priors.surface import FocalPrior, families, surface, width_curve
from hikibayes.robustness.priors.tipping import TippingPriors, crossings, tipping_rows
from hikibayes.spec import InputError

FOCAL = "farm:shade"
REFERENCE = Path(__file__).parents[1] / "reference"


@pytest.fixture(scope="module")
def focal(orchard):
    return FocalPrior(case=orchard)


def refitted(case, mean, sd, *, nodes=21):
    """The posteriors of every data set with another prior on the focal coefficient, by fitting again."""
    priors = exact_priors(case.design, case.variant)
    j = case.design.columns.index(FOCAL)
    means, sds = priors.mean.copy(), priors.sd.copy()
    means[j], sds[j] = mean, sd
    return posterior(case.design.statistics, replace(priors, mean=means, sd=sds), nodes=nodes)


def together(marginal):
    """One mixture of all data sets, written out."""
    B, _, K = marginal.means.shape
    return Mixture(
        weights=marginal.weights.reshape(1, B * K) / B,
        means=marginal.means.reshape(1, 1, B * K),
        sds=marginal.sds.reshape(1, 1, B * K),
    )


# -- surface --------------------------------------------------------------------------------------------------------


def test_the_surface_is_what_fitting_again_gives(orchard, focal):
    table = surface(focal)
    chosen = table.sample(12, random_state=1)
    for row in chosen.itertuples():
        marginal = refitted(orchard, row.prior_mean, row.prior_sd).marginal([FOCAL])
        whole = together(marginal)
        lower, upper = whole.eti(0.95)
        wanted = [whole.mean(), whole.sd(), lower, upper, whole.p_positive()]
        found = [row.mean, row.sd, row.lower, row.upper, row.p_positive]
        np.testing.assert_allclose(found, np.ravel(wanted), atol=1e-8)
        quantiles = np.exp(np.quantile(marginal.log_bf10(), [0.05, 0.5, 0.95]))
        np.testing.assert_allclose([row.bf10_low, row.bf10, row.bf10_high], quantiles, rtol=1e-6)


def test_the_curve_over_widths_passes_through_the_answer(focal):
    curve = width_curve(focal)
    own = curve[curve["is_models"]].iloc[0]
    table = orchard_run.result().estimates
    row = table.query(
        "model == 'products' and estimand == 'shade_slope_difference' and prior == 'weakly_informative'"
        " and reading == 'default' and engine == 'exact'"
    ).iloc[0]
    for name in ("mean", "lower", "upper", "p_positive", "bf10", "bf10_low", "bf10_high"):
        assert own[name] == pytest.approx(row[name], rel=1e-5), name
    assert own["prior_sd"] == 0.25


def test_a_prior_of_no_width_leaves_nothing(focal):
    narrow = width_curve(focal).iloc[0]
    assert narrow["bf10"] == pytest.approx(1, abs=0.3)
    assert abs(narrow["mean"]) < 0.05
    for width in (0.0, -1.0, np.nan, np.inf):
        with pytest.raises(InputError, match=r"the width of a prior is .*; its SD must be finite and above 0"):
            focal.under(0.0, [0.1, width])


def test_heavier_tails_are_integrated_out(orchard, focal):
    table = families(focal).set_index("prior")
    data = focal.data
    grid = np.linspace(-3, 3, 20001)
    scale = 0.25 * st.norm.ppf(0.75)
    log_density = data.log_density(grid) + st.cauchy(0, scale).logpdf(grid)
    density = np.exp(log_density - log_density.max(axis=1, keepdims=True))
    mass = (density / density.sum(axis=1, keepdims=True)).mean(axis=0)
    row = table.loc[f"Cauchy, scale {scale:.3g}"]
    assert row["mean"] == pytest.approx(mass @ grid, abs=1e-6)
    assert row["p_positive"] == pytest.approx(mass[grid > 0].sum(), abs=1e-4)
    assert row["lower"] == pytest.approx(grid[np.searchsorted(mass.cumsum(), 0.025)], abs=1e-3)
    normal = width_curve(focal).query("is_models").iloc[0]
    assert table.iloc[0]["bf10"] == pytest.approx(normal["bf10"], rel=1e-8)
    assert next(iter(table.index)) == "Normal, scale 0.25"


# -- tipping --------------------------------------------------------------------------------------------------------


def test_crossings_are_found_on_both_sides_of_the_peak():
    peaks = np.array([1.0, 2.0, 0.1])  # the third never reaches the level

    def hills(width):
        return peaks * np.exp(-(np.log(width) ** 2))

    found = crossings(hills, np.geomspace(1e-3, 1e3, 41)[:, None] * np.ones(3), 0.5)
    wanted = np.exp(np.sqrt(np.log(peaks[:2] / 0.5)))
    np.testing.assert_allclose(found.falls[:2], wanted, rtol=1e-7)
    np.testing.assert_allclose(found.rises[:2], 1 / wanted, rtol=1e-7)
    assert np.isnan([found.rises[2], found.falls[2]]).all()
    assert found.stands.tolist() == [True, True, False]


@pytest.fixture(scope="module")
def fainter(orchard):
    """Samples of an orchard in which the difference can be analysed."""
    from tests.studies import orchard as made

    known = {measure.id for measure in orchard.study.measures}
    rng = np.random.default_rng(5)
    tables = [made.participants(rng, strength=0.42) for _ in range(7)]
    return replace(orchard, data_sets=tuple(t[[name for name in t if name in known]] for t in tables))


def test_at_the_tipping_width_the_interval_touches_0(fainter):
    tipping = TippingPriors(focal=FocalPrior(case=fainter))
    whole, each = tipping.conclusion
    width = float(whole.rises[0])
    lower, _ = together(refitted(fainter, 0.0, width).marginal([FOCAL])).eti(0.95)
    assert lower[0, 0] == pytest.approx(0, abs=1e-7)
    p = refitted(fainter, 0.0, float(each.rises[0])).marginal([FOCAL]).p_positive()[0, 0]
    assert p == pytest.approx(0.975, abs=1e-7)
    # whoever left more room is convinced, if the other priors stay
    wider = [tipping.focal.under(0.0, np.array([[k * width]])).together().p_positive().item() for k in (1.1, 10, 1e3)]
    assert min(wider) > 0.975
    assert "if the model's other priors stay" in tipping_rows(tipping.focal)["sentence"][0]


def test_at_the_tipping_widths_of_a_bayes_factor_it_has_that_value(fainter):
    tipping = TippingPriors(focal=FocalPrior(case=fainter))
    whole, each = tipping.bayes_factor(3.0)
    for width in (whole.rises[0], whole.falls[0]):
        log_bf = refitted(fainter, 0.0, width).marginal([FOCAL]).log_bf10()
        assert np.exp(np.median(log_bf)) == pytest.approx(3, rel=1e-4)
    assert whole.rises[0] < whole.falls[0]
    assert (each.rises[each.stands] < each.falls[each.stands]).all()
    even, _ = tipping.bayes_factor(1.0)
    assert np.isnan(even.rises[0])
    assert even.falls[0] > whole.falls[0]


def test_how_unusual_a_sceptic_is(fainter):
    tipping = TippingPriors(focal=FocalPrior(case=fainter))
    estimate, se = tipping.focal.least_squares
    import statsmodels.formula.api as smf

    made = fainter.design
    fits = []
    for b in range(len(fainter.data_sets)):
        rows = pd.DataFrame(made.rows[b], columns=[f"x{j}" for j in range(len(made.columns))]).assign(y=made.y[b])
        fits.append(smf.ols("y ~ " + " + ".join(c for c in rows if c != "y"), rows).fit())
    j = made.columns.index(FOCAL)
    assert estimate == pytest.approx(np.mean([f.params[f"x{j}"] for f in fits]), rel=1e-6)
    assert se == pytest.approx(np.mean([f.bse[f"x{j}"] for f in fits]), rel=1e-6)
    assert tipping.beyond(abs(estimate) / 1.96) == pytest.approx(0.05, abs=1e-3)
    assert tipping.participants(se) == pytest.approx(tipping.n)


def test_a_claim_of_a_negative_difference_tips_too(fainter):
    # the scale scored the other way round: everything mirrored, the same widths
    low, high = fainter.study.measure("contentment").limits
    mirrored = tuple(t.assign(contentment=low + high - t["contentment"]) for t in fainter.data_sets)
    one, other = (tipping_rows(FocalPrior(case=c)) for c in (fainter, replace(fainter, data_sets=mirrored)))
    np.testing.assert_allclose(one["value"], other["value"], rtol=1e-6)


def test_where_nothing_is_found_nothing_tips(orchard):
    from tests.studies import orchard as made

    known = {measure.id for measure in orchard.study.measures}
    table = made.participants(np.random.default_rng(8), strength=-0.02)
    flat = replace(orchard, data_sets=(table[[name for name in table if name in known]],), synthetic=False)
    rows = tipping_rows(FocalPrior(case=flat)).set_index("what")
    claim = rows.loc["prior SD below which the 95% interval covers 0"]
    assert np.isnan(claim["value"])
    assert claim["sentence"].startswith("Under no prior centred at 0")
    assert rows["lower"].isna().all()


@pytest.mark.parametrize("own", [1e-3, 30.0])
def test_what_tips_is_found_whatever_the_models_own_prior(orchard, own):
    """The own prior is divided out, so the tipping widths cannot depend on how wide it is."""
    prior = {"dist": "Normal", "mu": 0, "sigma": own, "reason": "far from all that the data leave possible"}
    other = orchard.model.replace(
        priors={name: p.model_dump() for name, p in orchard.model.priors.items()} | {FOCAL: prior}
    )
    usual, far = (TippingPriors(focal=FocalPrior(case=replace(orchard, model=m))) for m in (orchard.model, other))
    for which in ("conclusion", 3.0):
        wanted, found = (
            made.conclusion[0] if which == "conclusion" else made.bayes_factor(which)[0] for made in (usual, far)
        )
        assert found.stands == wanted.stands == [True]
        np.testing.assert_allclose([found.rises, found.falls], [wanted.rises, wanted.falls], rtol=2e-4)
    curve = width_curve(far.focal)
    assert curve["is_models"].sum() == 1
    assert curve["prior_sd"].min() < usual.conclusion[0].rises[0] < curve["prior_sd"].max()


def test_every_row_says_it_in_a_sentence(fainter):
    rows = tipping_rows(FocalPrior(case=fainter))
    assert list(rows.columns) == ["analysis", "what", "value", "lower", "upper", "sentence"]
    assert (rows["analysis"] == "prior").all()
    assert rows["sentence"].str.endswith(".").all()
    assert (rows["lower"] <= rows["upper"]).all()


# -- power-scaling --------------------------------------------------------------------------------------------------


def test_the_published_conflict_is_a_conflict():
    example = tomllib.loads((REFERENCE / "priorsense.toml").read_text(encoding="utf-8"))["univariate_normal"]
    mu, sigma = np.meshgrid(np.linspace(4, 12, 801), np.linspace(0.3, 6, 801), indexing="ij")
    log_prior = st.norm(0, 1).logpdf(mu) + st.norm(0, 2.5).logpdf(sigma)
    log_likelihood = sum(-0.5 * ((y - mu) / sigma) ** 2 - np.log(sigma) for y in example["y"])
    joint = np.ravel(log_prior + log_likelihood)
    drawn = np.random.default_rng(2).choice(joint.size, 4000, p=np.exp(joint - np.logaddexp.reduce(joint)))
    draws = {"mu": mu.ravel()[drawn], "sigma": sigma.ravel()[drawn]}
    prior, data = (sensitivity(draws, np.ravel(part)[drawn]) for part in (log_prior, log_likelihood))
    for name in draws:
        printed = example[name]["printed"]
        assert diagnosis(prior[name], data[name]) == CONFLICT == printed["diagnosis"].removeprefix("potential ")
        # the printed numbers come from one set of draws, and vary from set to set by as much
        assert (prior[name], data[name]) == pytest.approx((printed["prior"], printed["likelihood"]), abs=0.15)


def test_categories():
    assert diagnosis(0.01, 0.5) == FINE
    assert diagnosis(0.06, 0.04) == STRONG
    assert diagnosis(0.06, 0.5) == CONFLICT


def test_a_prior_far_from_the_data_is_a_conflict_and_a_wide_one_is_none(orchard):
    def with_prior(mean, sd):
        priors = orchard.model.priors | {
            FOCAL: type(orchard.model.priors[FOCAL]).model_validate(
                {"dist": "Normal", "mu": mean, "sigma": sd, "reason": "a test"}
            )
        }
        return power_scaling(replace(orchard, model=orchard.model.replace(priors=priors)), seed=1).set_index("of")

    far, wide = with_prior(-1.0, 0.2), with_prior(0.0, 5.0)
    assert far.loc["shade_slope_difference", "diagnosis"] == CONFLICT
    assert wide.loc["shade_slope_difference", "diagnosis"] == FINE
    assert far.loc["shade_slope_difference", "focal_prior"] > 0.2
    assert wide.loc["shade_slope_difference", "focal_prior"] < 0.02
    assert far.loc["shade_slope_difference", "kind"] == "estimand"
    assert far.loc["age", "focal_prior"] < far.loc[FOCAL, "focal_prior"]


def test_the_intercepts_prior_is_evaluated_where_it_speaks(orchard):
    # in raw units the intercept where every predictor is 0 moves with every slope, the centred one with none: a narrow
    # prior on it must flag no slope
    narrow = type(orchard.model.priors["Intercept"]).model_validate(
        {"dist": "Normal", "mu": 3, "sigma": 0.1, "reason": "a test"}
    )
    raw = orchard.model.replace(scaling="raw", priors=orchard.model.priors | {"Intercept": narrow})
    table = power_scaling(replace(orchard, model=raw), seed=1).set_index("of")
    assert table.loc["age", "prior"] < 0.1
    assert table.loc["shade", "prior"] < 0.1


def test_flat_priors_cannot_be_scaled_or_pooled(orchard):
    flat = replace(orchard, variant="flat")
    with pytest.raises(InputError, match="has flat priors; power-scaling needs"):
        power_scaling(flat, seed=1)
    with pytest.raises(InputError, match="has flat priors; pooling needs"):
        shrinkage(flat)


# -- shrinkage ------------------------------------------------------------------------------------------------------


def test_pooling_is_the_evidence_weighted_mixture(orchard):
    names = products(orchard)
    assert names == ("farm:shade", "farm:toil")
    found = pool(orchard, names)
    finer = pool(orchard, names, nodes=96)
    np.testing.assert_allclose(found.marginal.mean(), finer.marginal.mean(), atol=1e-8)
    np.testing.assert_allclose(found.marginal.sd(), finer.marginal.sd(), atol=1e-8)
    # the same by a trapezoid over tau, far from Gauss-Legendre in both nodes and scale
    tau = np.linspace(1e-6, 1.5, 151)
    log_mass = []
    means = []
    for sd in tau:
        priors = exact_priors(orchard.design)
        sds = priors.sd.copy()
        sds[[orchard.design.columns.index(name) for name in names]] = sd
        fit = posterior(orchard.design.statistics, replace(priors, sd=sds))
        log_mass.append(fit.log_evidence + st.halfnorm(scale=0.25).logpdf(sd))
        means.append(fit.marginal(names).mean())
    weight = np.exp(np.array(log_mass) - np.max(log_mass, axis=0))
    weight[[0, -1]] /= 2
    weight /= weight.sum(axis=0)
    np.testing.assert_allclose(found.marginal.mean(), np.einsum("tb,tbk->bk", weight, means), atol=5e-5)


def test_pooling_draws_a_lone_difference_down(orchard):
    table = shrinkage(orchard).set_index(["coefficient", "prior"])
    assert table.loc[(FOCAL, "pooled"), "mean"] < table.loc[(FOCAL, "own"), "mean"] + 0.1
    assert table.loc[(POOL_SD, "pooled"), "mean"] > 0
    own = orchard.posterior().marginal([FOCAL])
    assert table.loc[(FOCAL, "own"), "mean"] == pytest.approx(own.mean().mean())


def test_a_difference_taken_the_other_way_round_is_the_mirror_image(orchard):
    asked = orchard.estimand.replace(between=orchard.estimand.between[::-1])
    others = [each for each in orchard.study.estimands if each.name != asked.name]
    turned = replace(orchard, study=orchard.study.replace(estimands=(asked, *others)), estimand=asked)
    column, sign = orchard.coefficient
    assert turned.coefficient == (column, -sign)
    found, mirrored = pooled_answer(orchard), pooled_answer(turned)
    np.testing.assert_allclose(mirrored.mean(), -found.mean(), rtol=1e-9)
    np.testing.assert_allclose(mirrored.p_positive(), 1 - found.p_positive(), atol=1e-9)


@pytest.mark.long
def test_pooling_is_what_nuts_finds(nonaka):
    from hikibayes.inference.models.design import design
    from hikibayes.inference.models.layout import coefficient_draws
    from hikibayes.inference.models.specs import load_model
    from hikibayes.inference.nuts.sampling import Sampling, sample
    from hikibayes.robustness.case import case_of

    case = case_of(nonaka.read(), datasets=1, seed=3)
    names = products(case)
    exact = pool(case, names).marginal
    laid_out = design(load_model("step3_pooled"), case.data_sets[0], case.study)
    tree = sample(laid_out, 4, sampling=Sampling(draws=5000))
    beta, _ = coefficient_draws(tree, laid_out)
    import arviz as az

    for j, name in enumerate(names):
        draws = beta[..., laid_out.columns.index(name)]
        error = float(az.mcse(draws, method="mean"))
        assert abs(draws.mean() - exact.mean()[0, j]) < 4 * error, name
        assert draws.std() == pytest.approx(exact.sd()[0, j], rel=0.05), name


# -- together -------------------------------------------------------------------------------------------------------


def test_variants_are_the_answer_of_the_main_job(orchard):
    found = priors(orchard, seed=1, shares=False, design=False).priors.set_index(["estimand", "prior"])
    table = orchard_run.result().estimates.query("model == 'products' and reading == 'default' and engine == 'exact'")
    for row in table[table["unit"] != ""].itertuples():
        if (row.estimand, row.prior) in found.index:
            assert found.loc[(row.estimand, row.prior), "mean"] == pytest.approx(row.mean, rel=1e-6)
    assert set(found.index.get_level_values("prior")) == set(orchard.model.variant_names)


def test_the_same_seed_gives_the_same_tables(orchard):
    one, other = (priors(orchard, seed=4, shares=False, design=False) for _ in range(2))
    for name, table in one.tables.items():
        pd.testing.assert_frame_equal(table, other.tables[name])


def test_a_flat_fit_is_analysed_as_far_as_it_goes(orchard):
    found = priors(
        replace(orchard, variant="flat", data_sets=orchard.data_sets[:1], synthetic=False),
        seed=1,
        shares=False,
        design=False,
    )
    assert "power_scaling" not in found.tables
    assert found.prior_widths["is_models"].any()
    wide = found.prior_widths.iloc[-1]
    ols = exact_posterior(orchard.design, "flat").marginal([FOCAL]).mean()[0, 0]
    assert wide["mean"] == pytest.approx(ols, rel=0.01)


@pytest.mark.parametrize(("levels", "formula"), [(3, "y ~ g + x"), (2, "y ~ g + x"), (0, "y ~ x")])
def test_a_follow_up_has_as_many_groups_as_the_fit(levels, formula, monkeypatch):
    from hikibayes.inference.fit import fit
    from hikibayes.robustness.case import case_of
    from hikibayes.robustness.priors import design

    rng = np.random.default_rng(1)
    table = pd.DataFrame({"x": rng.normal(size=60), "g": np.array(list("abc"))[np.arange(60) % max(levels, 1)]})
    table["y"] = 0.8 * table["x"] + (table["g"] == "b") + rng.normal(size=60)
    monkeypatch.setattr(design, "REPLICATES", 50)
    case = case_of(fit(formula, table, seed=1), seed=1)
    sizes = design.followup_sizes(FocalPrior(case=case), seed=1).dropna(subset=["n_total"])
    assert len(sizes)
    assert (sizes["n_total"] == max(levels, 1) * sizes["n_per_group"]).all()


def test_what_a_wide_prior_costs_is_not_that_nobody_expects_its_sizes():
    """The default prior may be wider than the one at which the Bayes factor turns."""
    rng = np.random.default_rng(4)
    x = rng.normal(size=60)
    found = priors(fit("y ~ x", pd.DataFrame({"x": x, "y": 0.12 * x + rng.normal(size=60)}), seed=1), seed=1)
    sentences = " ".join(found.tipping["sentence"])
    assert "With a prior SD above" in sentences
    assert "hardly anybody" not in sentences
