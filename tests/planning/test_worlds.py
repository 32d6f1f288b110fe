"""Worlds against what they are made of: reconstructions, posteriors, written numbers, brute force."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from tests.study.labelled import regress, simple_slopes

from hikibayes.inference.models.compile import exact_posterior
from hikibayes.inference.models.specs import load_model
from hikibayes.planning.designs.simulation import load_simulation
from hikibayes.planning.populations.columns import Frame, cell_columns
from hikibayes.planning.populations.fixed import FixedWorld, fixed_worlds
from hikibayes.planning.populations.instruments import added_error
from hikibayes.planning.populations.reconstructed import ensemble, in_sd_units
from hikibayes.planning.populations.sources import (
    conditional_estimate,
    conditional_source,
    posterior_source,
    printed_source,
    shrunken_source,
)
from hikibayes.planning.run.plan import prepare
from hikibayes.spec import InputError
from hikibayes.study.study import Study


def made_of(study, reconstructions, model):
    return ensemble(cell_columns(model, Frame.of_model(study, model)), reconstructions)


@pytest.fixture(scope="module")
def model():
    return load_model("step3")


@pytest.fixture(scope="module")
def printed(settled, reconstructions, model):
    return printed_source(made_of(settled, reconstructions, model))


def test_printed_worlds_have_the_slopes_that_ols_prints(settled: Study, reconstructions, model, printed):
    worlds = printed(np.random.default_rng(1), 30)
    slopes = simple_slopes(reconstructions, "instrumental_support", "abs_h", settled.terms("step3"), group="group")
    for name, group in (("support_slope_control", "control"), ("support_slope_hikikomori", "hikikomori")):
        wanted = slopes["standardised"].sel(group=group).values[worlds.reconstruction]
        np.testing.assert_allclose(worlds.truth(settled.estimand(name)), wanted, atol=1e-10)


def test_printed_worlds_have_the_moments_of_their_reconstruction(reconstructions, printed):
    worlds = printed(np.random.default_rng(1), 8)
    found, wanted = worlds.moments(), in_sd_units(reconstructions).isel(draw=worlds.reconstruction)
    names = [name for name in found["measure"].values if name != "abs_h"]
    at = {"measure": names, "measure_2": names}
    np.testing.assert_allclose(found["mean"].sel(measure=names), wanted["mean"].sel(measure=names), atol=1e-12)
    scores = [name for name in names if name != "sex"]
    at = {"measure": scores, "measure_2": scores}
    assert np.abs(found["cov"].sel(at).values - wanted["cov"].sel(at).values).max() < 0.01, "n - 1 against n for sex"


def test_a_common_slope_is_the_one_its_step_has_in_the_population(settled, reconstructions, printed):
    """In the sample itself, moments give what OLS on step 2 gives; a printed world differs by its residual SD alone."""
    worlds = printed(np.random.default_rng(1), 20)
    fit = regress(in_sd_units(reconstructions), "abs_h", settled.terms("step2"), group="group", products="raw")
    wanted = fit.coefficient.sel(term="srs18").values[worlds.reconstruction]
    np.testing.assert_allclose(worlds.truth(settled.estimand("slope_srs18")), wanted, atol=5e-3)


def test_posterior_worlds_have_the_posterior_of_their_reconstruction(settled, reconstructions, model):
    one = reconstructions.isel(draw=[3])
    source = posterior_source(made_of(settled, one, model))
    worlds = source(np.random.default_rng(2), 40_000)
    made = made_of(settled, one, model)
    marginal = exact_posterior(made.design).marginal(["group:instrumental_support", "instrumental_support"])
    for name, j in (("support_slope_difference", 0), ("support_slope_control", 1)):
        truth = worlds.truth(settled.estimand(name))
        sd = marginal.sd()[0, j]
        assert abs(truth.mean() - marginal.mean()[0, j]) < 4 * sd / np.sqrt(len(truth))
        assert truth.std() == pytest.approx(sd, rel=0.02)
    expected = made.scatter[0] / (made.n - 2 - made.scatter.shape[-1] - 1)[:, None, None]
    np.testing.assert_allclose(worlds.cov.mean(axis=0), expected, atol=0.02)
    sigma = exact_posterior(made.design).sigma()
    assert worlds.sigma.mean() == pytest.approx(float(sigma.mean()[0]), abs=4 * float(sigma.sd()[0]) / 200)
    assert worlds.sigma.std() == pytest.approx(float(sigma.sd()[0]), rel=0.02)


def test_means_and_shares_vary_by_as_much_as_a_sample_leaves_open(settled, reconstructions, model):
    one = reconstructions.isel(draw=[3])
    worlds = posterior_source(made_of(settled, one, model))(np.random.default_rng(2), 20_000)
    made = made_of(settled, one, model)
    variance = np.diagonal(made.scatter[0] / (made.n - 2)[:, None, None], axis1=1, axis2=2)
    second = worlds.mean.reshape(-1, 2, 2, variance.shape[1])
    step = second[:, :, 1] - second[:, :, 0]
    wanted = variance * (1 / (100 * made.shares[0, :, 1]) + 1 / (100 * (1 - made.shares[0, :, 1])))[:, None]
    np.testing.assert_allclose(step.var(axis=0), wanted, rtol=0.12)
    share = made.shares[0, :, 1]
    np.testing.assert_allclose(worlds.shares[..., 1].std(axis=0), np.sqrt(share * (1 - share) / 102), rtol=0.03)


def test_shrinking_keeps_mean_slope_outcome_and_residual_sd(settled, printed):
    before = printed(np.random.default_rng(5), 10)
    after = shrunken_source(printed, settled.estimand("support_slope_difference"), 0.37)(np.random.default_rng(5), 10)
    difference, control, focal = (
        settled.estimand(name)
        for name in ("support_slope_difference", "support_slope_control", "support_slope_hikikomori")
    )
    np.testing.assert_allclose(after.truth(difference), 0.37 * before.truth(difference), atol=1e-12)
    middle = before.truth(control) + before.truth(focal)
    np.testing.assert_allclose(after.truth(control) + after.truth(focal), middle, atol=1e-12)
    expected = [worlds.moments()["mean"].sel(measure="abs_h").values for worlds in (before, after)]
    np.testing.assert_allclose(expected[1], expected[0], atol=1e-12)
    np.testing.assert_array_equal(after.sigma, before.sigma)


def test_conditional_estimates_maximise_the_likelihood_of_what_was_seen():
    from scipy.optimize import minimize_scalar
    from scipy.stats import norm

    for z in (1.97, 2.2, 2.4, 3.0, 4.5):

        def minus_log_likelihood(mean: float, z: float = z) -> float:
            return float(-norm.logpdf(z, mean) + np.log(norm.sf(1.96, mean) + norm.cdf(-1.96, mean)))

        wanted = minimize_scalar(minus_log_likelihood, bounds=(0, z), method="bounded", options={"xatol": 1e-9}).x
        np.testing.assert_allclose(conditional_estimate(np.array([z, -z])), [wanted, -wanted], atol=1e-5)
    assert conditional_estimate(np.array([2.4]))[0] / 2.4 == pytest.approx(0.37, abs=0.005)


def test_conditional_worlds_shrink_each_reconstruction_by_its_own_z(settled, reconstructions, model, printed):
    focal = settled.estimand("support_slope_difference")
    worlds = conditional_source(made_of(settled, reconstructions, model), focal)(np.random.default_rng(5), 30)
    before = printed(np.random.default_rng(5), 30)
    np.testing.assert_array_equal(worlds.reconstruction, before.reconstruction)
    found = worlds.truth(focal) / before.truth(focal)
    stats = made_of(settled, reconstructions, model).design.statistics
    which = next(i for i, name in enumerate(stats.names) if name.startswith("group:instrumental_support"))
    for ratio, r in zip(found, worlds.reconstruction, strict=True):
        inverse = np.linalg.inv(stats.sxx[r])
        beta = inverse @ stats.sxy[r]
        s2 = (stats.syy[r] - beta @ stats.sxy[r]) / (stats.n[r] - len(stats.names) - 1)
        z = beta[which] / np.sqrt(s2 * inverse[which, which])
        assert ratio * abs(z) == pytest.approx(conditional_estimate(np.array([abs(z)]))[0], abs=1e-9)


def test_changed_reliability_against_rows_with_noise_added(settled, printed):
    """Regress a large sample, with noise added to a score, and compare with the world as it then looks."""
    worlds = printed(np.random.default_rng(5), 1)
    j = worlds.frame.measures.index("instrumental_support")
    noisy = worlds.with_error_variance({"instrumental_support": np.array([0.3]), "abs_h": np.array([0.2])})
    rng, cell = np.random.default_rng(6), 3
    x = rng.multivariate_normal(worlds.mean[0, cell], worlds.cov[0, 1], size=400_000)
    y = worlds.level[0, cell] + x @ worlds.slope[0, cell] + worlds.sigma[0, 1] * rng.standard_normal(len(x))
    y = y + np.sqrt(0.2) * rng.standard_normal(len(x))
    x[:, j] += np.sqrt(0.3) * rng.standard_normal(len(x))
    beta, *_ = np.linalg.lstsq(np.column_stack([np.ones(len(x)), x]), y, rcond=None)
    np.testing.assert_allclose(noisy.slope[0, cell], beta[1:], atol=0.008)
    assert noisy.level[0, cell] == pytest.approx(beta[0], abs=0.008)
    with pytest.raises(InputError, match="not positive definite"):
        worlds.with_error_variance({"instrumental_support": np.array([-0.9])})


def test_reliability_comes_from_a_fact_or_from_an_assumption(settled):
    rng = np.random.default_rng(1)
    assert added_error(settled, {"scs_sf": 0.8}, rng, 3)["scs_sf"] == pytest.approx(np.zeros(3), abs=1e-12)
    assert added_error(settled, {"scs_sf": 0.5}, rng, 1)["scs_sf"] == pytest.approx([0.8 - 0.2])
    drawn = added_error(settled, {"planning": 1.0}, rng, 4000)["planning"]
    assert -0.39 <= drawn.min() < drawn.max() <= -0.08, "no error is left: 1 minus a reliability of .61 to .92"


def test_an_assumed_reliability_goes_with_its_world(settled, reconstructions, model):
    """Of a score with correlation .8 to another, at most .36 is error: draws beyond that are made again."""
    plan = prepare(load_simulation("reliability"), study=settled, reconstructions=reconstructions)
    spec = FixedWorld(residual_sd=0.6, correlation=[{"of": "planning", "with": "active_coping", "r": 0.8}])
    worlds = fixed_worlds(spec, Frame.of_model(settled, model)).take(np.zeros(1000, dtype=np.int64))
    added = added_error(settled, {"planning": 1.0}, np.random.default_rng(2), 1000)
    np.testing.assert_array_equal(worlds.allow(added), added["planning"] > -0.36)
    assert 0.8 < worlds.allow(added).mean() < 0.98
    measured = plan.measured(worlds, {"planning": 1.0}, np.random.default_rng(2))
    error = 1 - np.diagonal(measured.cov[:, 0], axis1=1, axis2=2)[:, worlds.frame.measures.index("planning")]
    assert 0.08 <= error.min() < 0.1
    assert 0.35 < error.max() < 0.36
    hopeless = spec.model_copy(update={"sds": {"scs_sf": 0.3}})
    worlds = fixed_worlds(hopeless, Frame.of_model(settled, model))
    with pytest.raises(InputError, match="not positive definite"):
        plan.measured(worlds, {"scs_sf": 1.0}, np.random.default_rng(2))


def test_a_written_world_is_what_was_written(settled, model):
    frame = Frame.of_model(settled, model)
    spec = FixedWorld(
        residual_sd=0.6,
        gap=-0.5,
        slopes={"instrumental_support": (0.1, 0.4), "srs18": -0.2, "sex": 0.3},
        means={"srs18": (0.0, 0.7)},
        correlation=[{"of": "srs18", "with": "scs_sf", "r": -0.5}],
        share=(0.3, 0.6),
    )
    world = fixed_worlds(spec, frame)
    assert world.truth(settled.estimand("support_slope_difference")) == pytest.approx([0.3])
    assert world.truth(settled.estimand("group_difference")) == pytest.approx([-0.5])
    assert world.truth(settled.estimand("slope_srs18")) == pytest.approx([-0.2], abs=0.01)
    moments = world.moments()
    assert moments["mean"].sel(group="hikikomori", measure="srs18").item() == pytest.approx(0.7)
    assert moments["mean"].sel(group="control", measure="sex").item() == pytest.approx(0.3)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"slopes": {"suport": 0.1}}, "worlds.fixed.slopes: there is no score in this population, 'suport'"),
        (
            {
                "correlation": [
                    {"of": a, "with": b, "r": -0.9}
                    for a, b in (("srs18", "aaq2"), ("aaq2", "planning"), ("planning", "srs18"))
                ]
            },
            "not positive definite",
        ),
    ],
)
def test_a_world_that_cannot_be_is_refused(settled, model, change, message):
    with pytest.raises(InputError, match=message):
        fixed_worlds(FixedWorld.model_validate({"residual_sd": 0.6} | change), Frame.of_model(settled, model))


def test_the_batch_does_not_change_a_world(printed: object, settled: Study, reconstructions: xr.Dataset, model):
    for source in (printed, posterior_source(made_of(settled, reconstructions, model))):
        once, again = (source(np.random.default_rng(9), 50) for _ in range(2))
        np.testing.assert_array_equal(once.slope, again.slope)
        estimand = settled.estimand("group_difference")
        some = np.array([3, 30])
        np.testing.assert_allclose(once.take(some).truth(estimand), once.truth(estimand)[some], rtol=0, atol=1e-15)
