"""Design priors written by hand, heterogeneity between studies, shrinkage: against closed forms."""

from __future__ import annotations

import tomllib

import numpy as np
import pytest
from scipy import stats

from hikibayes.inference.models.specs import load_model
from hikibayes.planning.designs.resolved import resolved, short_form
from hikibayes.planning.designs.simulation import Simulation
from hikibayes.planning.populations.columns import Frame, cell_columns
from hikibayes.planning.populations.reconstructed import ensemble
from hikibayes.planning.populations.sources import estimated_source, printed_source
from hikibayes.planning.power import power
from hikibayes.spec import InputError, validated

GAP = "difference_group_treated_minus_control"


def plan(worlds: dict, **more) -> dict:
    return {
        "description": "test",
        "population": {"residual_sd": 1},
        "worlds": worlds,
        "axes": {"n_per_group": [313], "prior": ["flat"], **more.pop("axes", {})},
        "decision": [{"name": "d", "estimand": GAP, "rule": {"interval": 0.95, "above": 0}}],
        "run": {"replicates": 40_000, "refine": False},
        **more,
    }


def normal(mu: float, sigma: float) -> dict:
    return {GAP: {"dist": "Normal", "mu": mu, "sigma": sigma, "reason": "a guess"}}


def assurance(mean: float, sd: float, tau: float, n: int) -> float:
    """P(significant, and the mean effect is above 0), both normal: a bivariate normal probability."""
    of_study = np.sqrt(sd**2 + tau**2 + 2 / n)
    cut = stats.t.ppf(0.975, 2 * n - 2) * np.sqrt(2 / n)
    corr = sd / of_study
    return float(stats.multivariate_normal.cdf([(mean - cut) / of_study, mean / sd], cov=[[1, corr], [corr, 1]]))


@pytest.mark.parametrize("tau", [0.0, 0.08])
def test_a_normal_design_prior_and_heterogeneity_have_their_closed_form(tau):
    """An estimate of .29 (SE .118) as design prior, a replication with SE .08: .8249 by BayesRepDesign."""
    worlds = {"effect": normal(0.29, np.hypot(0.118, tau))} | ({"heterogeneity": {"tau": tau}} if tau else {})
    row = power(Simulation.model_validate(plan(worlds)), workers=1).power.iloc[0]
    assert np.isnan(row.power)
    assert abs(row.assurance - assurance(0.29, np.hypot(0.118, tau), tau, 313)) < 4 * row.assurance_mcse
    if not tau:
        assert row.assurance == pytest.approx(0.8249379969, abs=4 * row.assurance_mcse + 0.001)  # t, not z


def test_no_size_gets_beyond_what_heterogeneity_leaves():
    """Of one study: P(its own effect and the mean are above 0)."""
    worlds = {"effect": normal(0.24, 0.1), "heterogeneity": {"tau": {"dist": "HalfNormal", "sigma": 0.2}}}
    found = power(Simulation.model_validate(plan(worlds, targets={"power": [0.99]})), workers=1)
    taus = stats.halfnorm.ppf((np.arange(400) + 0.5) / 400, scale=0.2)
    corr = 0.1 / np.hypot(0.1, taus)
    limit = np.mean(
        [
            stats.multivariate_normal.cdf([0.24 / np.hypot(0.1, t), 2.4], cov=[[1, c], [c, 1]])
            for t, c in zip(taus, corr, strict=True)
        ]
    )
    assert found.sample_size.limiting_assurance[0] == pytest.approx(limit, abs=0.008)
    assert any("no sample size reaches 0.99" in warning for warning in found.warnings)


def test_one_effect_without_doubt_is_power_at_it():
    stated = {GAP: {"dist": "Uniform", "lower": 0.2999999, "upper": 0.3000001, "reason": "known"}}
    drawn = power(Simulation.model_validate(plan({"effect": stated})), workers=1).power.iloc[0]
    fixed = plan({}, population={"effect": 0.3})
    del fixed["worlds"]
    known = power(Simulation.model_validate(fixed), workers=1).power.iloc[0]
    assert drawn.assurance == pytest.approx(known.power, abs=4 * np.sqrt(2) * known.power_mcse)


def test_what_is_held_to_be_true_stands_in_the_file_with_its_reason():
    worlds = {"effect": normal(0.2, 0.1), "heterogeneity": {"tau": 0.05, "reason": "sites"}, "reason": "two pilots"}
    once = resolved(Simulation.model_validate(plan(worlds))).simulation
    assert resolved(validated(Simulation, tomllib.loads(short_form(once)), "again")).simulation == once
    assert once.worlds.statements(str.upper)[0].endswith("_CONTROL ~ Normal(mu=0.2, sigma=0.1): a guess")
    assert once.worlds.statements(str.upper)[1:] == [
        "between studies the effect differs with SD tau, 0.05: sites",
        "two pilots",
    ]


def test_estimated_shrinkage_is_empirical_bayes(settled, reconstructions):
    """1 - 1/z² of each reconstruction's estimate, z its own, and never of the other sign."""
    model, estimand = load_model("step3"), settled.estimand("support_slope_difference")
    made = ensemble(cell_columns(model, Frame.of_model(settled, model)), reconstructions)
    printed, shrunken = (
        of(np.random.default_rng(1), 50) for of in (printed_source(made), estimated_source(made, estimand))
    )
    before, after = printed.truth(estimand), shrunken.truth(estimand)
    stats_of = made.design.statistics
    at = list(stats_of.names).index("group:instrumental_support")
    se = printed.sigma[:, 0] * np.sqrt(np.linalg.inv(stats_of.sxx)[printed.reconstruction, at, at])
    np.testing.assert_allclose(after, np.sign(before) * np.maximum(before**2 - se**2, 0) / np.abs(before), atol=1e-10)


@pytest.mark.parametrize(
    ("worlds", "message"),
    [
        ({"heterogeneity": {"tau": -0.1}}, "worlds.heterogeneity.tau"),
        ({"heterogeneity": {"tau": {"dist": "Normal", "mu": 0.1, "sigma": 0.1}}}, "goes below"),
        ({"effect": {GAP: {"dist": "Normal", "mu": 0, "sigma": 0.1}}}, "reason"),
        ({"effect": {GAP: {"dist": "LKJ", "eta": 1, "reason": "r"}}}, "LKJ"),
        ({"effect": {"gap": {"dist": "Normal", "mu": 0, "sigma": 0.1, "reason": "r"}}}, "no estimand 'gap'"),
        ({"source": ["printed"]}, "a [population] needs no publication"),
    ],
)
def test_design_priors_that_cannot_be(worlds, message):
    def planned() -> None:
        power(validated(Simulation, plan(worlds), "plan.toml"), workers=1)

    with pytest.raises(InputError) as refused:
        planned()
    assert message in str(refused.value)
