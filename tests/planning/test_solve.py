"""The smallest effect for a size, the cheapest allocation, targets out of reach: against closed forms."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy import optimize, stats

from hikibayes.planning.designs.population import Population
from hikibayes.planning.designs.simulation import Costs, Simulation
from hikibayes.planning.populations.written import written
from hikibayes.planning.power import power
from hikibayes.planning.results.diagnose import diagnose
from hikibayes.planning.results.preregistration import preregistration
from hikibayes.planning.results.proposal import proposal
from hikibayes.planning.run.replicates import write_replicates
from hikibayes.spec import InputError, validated


def plan(**more) -> Simulation:
    content = {
        "description": "t",
        "population": {"effect": 0.4},
        "axes": {"prior": ["flat"]},
        "run": {"replicates": 10_000},
    }
    return validated(Simulation, content | more, "plan.toml")


def detectable_d(n: int, target: float) -> float:
    cut = stats.t.ppf(0.975, 2 * n - 2)
    return float(optimize.brentq(lambda d: stats.nct.sf(cut, 2 * n - 2, d * np.sqrt(n / 2)) - target, 0, 5))


@pytest.mark.parametrize("side", ["above", "below"])
def test_the_smallest_effect_that_two_sizes_find_is_that_of_the_t_test(side):
    rule = [{"name": "d", "rule": {"interval": 0.95, side: 0}}]
    found = power(
        plan(axes={"n_per_group": [30, 75], "prior": ["flat"]}, targets={"detectable": [0.8, 0.9]}, decision=rule),
        workers=1,
    )
    sign = 1 if side == "above" else -1
    for row in found.detectable.itertuples():
        wanted = detectable_d(row.n_per_group, row.target)
        assert row.lower <= row.effect <= row.upper
        reach = max(row.upper - row.effect, row.effect - row.lower)
        assert abs(sign * row.effect - wanted) < 2.1 * reach, (
            row.effect,
            wanted,
        )  # four errors of two in a half interval
        assert reach < 0.02
        effects = found.power[found.power.n_per_group == row.n_per_group].effect
        assert np.abs(effects / row.effect - 1).min() < 0.05  # some of the work was done there
    assert len(found.detectable) == 4
    # who reads the plan finds the answer, the effects that were simulated beside each figure, and what was assumed
    said = preregistration(found).set_index("item")["value"]
    for row in found.detectable.itertuples():
        item = f"Smallest effect for {row.target:.0%} with {row.n_total} participants"
        assert (
            said[item]
            == f"{row.effect:.2f} ({row.lower:.2f} to {row.upper:.2f}; {row.confirmed:.1%} in new simulated studies)"
        )
        assert abs(row.confirmed - row.target) < 4 * row.confirmed_mcse + 0.01
        assert f"{item}: {row.effect:.2f}" in proposal(found)
    figures = said["Probability of the conclusion"]
    assert len({text.split("; ")[0] for text in figures}) == len(figures) == 4  # those nearest to what was found alone
    assert "The smallest effects of given sizes were found" in said["Design and analysis"]
    assert "effect d" not in said["Design and analysis"]
    assert "With 75 per group (150 in all), effect " in proposal(found)


def test_slopes_by_fixed_scores_have_their_minimal_detectable_difference():
    """Two groups of 77, residual variance .4, four coefficients: .2893 for a power of .8 (R's noncentral t)."""
    population = {"formula": "y ~ group * x", "residual_sd": 0.4**0.5}
    axes = {"n_per_group": [77], "prior": ["flat"], "predictors": ["fixed"]}
    found = power(plan(population=population, axes=axes, targets={"detectable": [0.8]}), workers=1).detectable.iloc[0]
    # scores have SD 1 around their mean: 76 degrees of freedom a group, as in the reference
    assert found.lower - 0.002 < 0.289293235 < found.upper + 0.002


def test_the_cheapest_allocation_is_that_of_the_closed_form():
    """SDs .6 and .7, costs 50 and 200: n1/n2 is SD ratio times root of cost ratio, 1.714; it beats equal groups."""
    assert Costs(person=(50, 200)).ratio(2, (0.6, 0.7)) == "1.71:1"
    solved = power(
        plan(
            population={"residual_sd": [0.6, 0.7], "effect": {"raw": 0.3}},
            costs={"person": [50, 200], "study": 1000},
            targets={"power": [0.8]},
            axes={"n_per_group": [30, 50, 80, 120], "prior": ["flat"]},
        ),
        workers=1,
    )
    found = solved.sample_size.set_index("allocation")
    assert list(found.index) == ["1:1", "1.71:1"]
    assert found.cheapest.tolist() == [False, True]
    n = int(found.n_per_group["1.71:1"])
    assert found.cost["1.71:1"] == 1000 + 50 * np.ceil(1.71 * n - 1e-9) + 200 * n
    assert (found.cost_lower < found.cost).all()
    assert (found.cost < found.cost_upper).all()
    said = proposal(solved)
    assert "A participant costs 50 and 200, by group, and a study of any size 1,000." in said
    assert f" for {found.cost['1.71:1']:,.0f}, the cheapest, with groups 1.71:1" in said
    assert (solved.power.cost > 1000).all()


def squared_error(ratio: list[float], population: dict) -> float:
    """Of least squares on rows: sandwich by groups, one participant in all; the model is `y ~ arm * x`."""
    rng, blocks = np.random.default_rng(1), []
    for group, part in enumerate(ratio):
        x = rng.standard_normal(40_000) * population["sds"]["x"][group] + population["means"]["x"][group]
        arms = [np.full(x.size, float(group == level)) for level in range(1, len(ratio))]
        blocks.append((np.column_stack([np.ones(x.size), *arms, x, *(arm * x for arm in arms)]), part))
    weight = np.array([part / sum(ratio) for _, part in blocks])
    own = [rows.T @ rows / len(rows) for rows, _ in blocks]
    bread = np.linalg.inv(sum(w * each for w, each in zip(weight, own, strict=True)))
    meat = sum(w * sd**2 * each for w, sd, each in zip(weight, population["residual_sd"], own, strict=True))
    return float((bread @ meat @ bread)[-1, -1])


@pytest.mark.parametrize("cost", [(100.0, 20.0), (1.0, 9.0)])
def test_the_cheapest_ratio_counts_how_scores_spread(cost):
    """No other ratio has the precision of a difference of slopes for less."""
    population = {"formula": "y ~ arm * x", "levels": {"arm": ["zzz", "A+"]}, "residual_sd": [0.5, 0.8]}
    population |= {"sds": {"x": [1, 3]}, "means": {"x": [0, 0.5]}, "effect": 0.3}
    made = written(validated(Population, population, "t"))
    best = [float(part) for part in Costs(person=cost).ratio(2, made.spreads()).split(":")]

    def price(ratio: list[float]) -> float:
        share = np.array(ratio) / sum(ratio)
        return squared_error(ratio, population) * float(share @ cost)

    others = [price([best[0] * factor, best[1]]) for factor in (0.5, 0.8, 1.25, 2)]
    assert price(best) < min(others)


def test_an_arm_that_the_effect_does_not_rest_on_is_as_small_as_the_smallest():
    made = written(
        validated(Population, {"formula": "y ~ arm", "levels": {"arm": ["b", "a", "+c"]}, "effect": 0.4}, "t")
    )
    assert made.spreads() == pytest.approx((1, 0, 1), abs=1e-9)
    assert Costs(person=(100, 20, 60)).ratio(3, made.spreads()) == "1:1:1.29"


def test_a_curve_as_steep_as_one_of_precision_is_followed_to_its_target():
    """Where power rises from .1 to .9 within a tenth of n, a size within 5 % of the crossing is not near it."""
    rule = [{"name": "d", "rule": {"interval": 0.9, "narrower_than": 0.2}}]
    population = {"formula": "y ~ x + z", "of": "x", "effect": 0.3}
    axes = {"n_per_group": [50, 100, 200, 400], "prior": ["flat"]}
    steep = plan(population=population, axes=axes, targets={"power": [0.8]}, decision=rule)
    found = power(steep, replicates=4_000, workers=1)
    row = found.sample_size.iloc[0]
    assert np.abs(found.power.power - 0.8).min() < 0.05
    assert abs(row.confirmed - 0.8) < 0.03
    assert f"{row.n_per_group} participants ({row.lower} to {row.upper}; " in proposal(found)


def test_a_target_out_of_reach_is_said_before_anything_is_simulated():
    said: list[str] = []
    worlds = {
        "effect": {"difference_group_treated_minus_control": {"dist": "Normal", "mu": 0.1, "sigma": 0.1, "reason": "r"}}
    }
    rule = [{"name": "d", "rule": {"interval": 0.95, "above": 0}}]

    def stop(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        power(
            plan(
                population={}, worlds=worlds, decision=rule, targets={"power": [0.5, 0.95]}, axes={"n_per_group": [50]}
            ),
            workers=1,
            tell=said.append,
            progress=stop,
        )
    assert len(said) == 1
    assert said[0].startswith("d, fixed populations: no sample size reaches 0.95; the conclusion is true in about 0.8")


@pytest.mark.parametrize(
    ("rule", "n", "reached"),
    [
        ({"bf10_below": 0.01}, 50, False),
        ({"bf10_below": 1 / 3}, 2_000, True),
        ({"interval": 0.95, "inside": [-0.1, 0.1]}, 300, False),
        ({"interval": 0.95, "inside": [-0.1, 0.1]}, 1_000, True),
        ({"interval": 0.95, "narrower_than": 0.2}, 700, False),
        ({"interval": 0.95, "narrower_than": 0.2}, 850, True),
        ({"p_rope_above": 0.95}, 300, False),
        ({"p_rope_above": 0.95}, 1_000, True),
        ({"all": [{"p_positive_above": 0.9}, {"bf10_below": 0.01}]}, 50, False),
        ({"any": [{"p_positive_above": 0.9}, {"bf10_below": 0.01}]}, 50, True),
    ],
)
def test_a_rule_that_no_data_can_meet_is_said_and_is_met_by_none(rule, n, reached):
    """n a group, SD 1: the standard error is the root of 2/n."""
    said: list[str] = []
    axes = {"n_per_group": [n], "prior": ["weakly_informative"]}
    decision = [{"name": "d", "rule": rule}]
    found = power(
        plan(population={}, axes=axes, decision=decision, run={"replicates": 2_000}), workers=1, tell=said.append
    )
    assert any("can hardly have" in note for note in said) is not reached
    assert (found.power.power[0] > 0.05) is np.True_ if reached else found.power.power[0] < 0.05


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"costs": {"person": 0}}, "costs.person"),
        ({"costs": {"person": [50, 0]}}, "costs.person"),
        ({"costs": {"person": [50, 60, 70]}}, "costs.person: has 3 numbers"),
        ({"costs": {"person": 10, "study": -1}}, "costs.study"),
        ({"targets": {"detectable": [1.2]}}, "targets.detectable"),
        *(
            (
                {"population": {}, "targets": {"detectable": [0.8]}, "axes": {"n_per_group": [50]}}
                | {"decision": [{"name": "d", "rule": rule}]},
                "does not become likelier the larger the effect",
            )
            for rule in [
                {"interval": 0.95, "inside": [-0.3, 0.3]},
                {"interval": 0.95, "narrower_than": 0.3},
                {"bf10_below": 0.3},
                {"any": [{"interval": 0.95, "below": 0}, {"interval": 0.95, "narrower_than": 0.5}]},
            ]
        ),
    ],
)
def test_costs_and_targets_that_cannot_be(change, message):
    with pytest.raises(InputError) as refused:
        power(plan(**change), workers=1)
    assert message in str(refused.value)


def test_the_size_that_is_found_is_put_to_a_fresh_batch(tmp_path):
    grid = plan(axes={"n_per_group": [60, 90, 130, 180], "prior": ["flat"]}, targets={"power": [0.8, 0.9]})
    found = power(grid, workers=1)
    for row in found.sample_size.itertuples():
        n = row.n_per_group
        wanted = stats.nct.sf(stats.t.ppf(0.975, 2 * n - 2), 2 * n - 2, 0.4 * np.sqrt(n / 2))
        assert abs(row.confirmed - wanted) < 4 * row.confirmed_mcse
        again = plan(axes={"n_per_group": [n], "prior": ["flat"]}, run={"replicates": 10_000, "refine": False})
        own = power(again, workers=1).power.power.iloc[0]
        assert own != row.confirmed, "studies that had a part in the search"
    assert not found.warnings
    write_replicates(found.replicates, tmp_path / "replicates.parquet")
    pd.testing.assert_frame_equal(diagnose(tmp_path).sample_size, found.sample_size)
    pd.testing.assert_frame_equal(power(grid, workers=2).sample_size, found.sample_size)
    once = plan(axes={"n_per_group": [60, 180], "prior": ["flat"]}, targets={"power": [0.8]}, run={"refine": False})
    assert power(once, replicates=1_000).sample_size.confirmed.isna().all()


def test_a_size_that_a_fresh_batch_does_not_confirm_is_said():
    grid = plan(axes={"n_per_group": [60, 90, 130, 180], "prior": ["flat"]}, targets={"power": [0.8]})
    replicates = power(grid, workers=1).replicates
    short = replace(replicates, confirmed=dict.fromkeys(replicates.confirmed, 0.78))
    (said,) = diagnose(short).warnings
    assert "were found for 0.8, and new simulated studies reach 0.780" in said


def test_where_studies_differ_the_limit_is_of_their_mean_and_of_the_planned_study():
    worlds = {
        "effect": {
            "difference_group_treated_minus_control": {"dist": "Normal", "mu": 0.3, "sigma": 0.2, "reason": "r"}
        },
        "heterogeneity": {"tau": 0.15},
    }
    rule = [{"name": "d", "rule": {"interval": 0.95, "above": 0}}]
    said: list[str] = []
    axes = {"n_per_group": [50]}
    asked = plan(population={}, worlds=worlds, decision=rule, targets={"power": [0.95]}, axes=axes)
    found = power(asked, replicates=200, workers=1, tell=said.append)
    both = "true of the mean of studies and of the planned study's own effect"
    assert [each for each in said if f"the conclusion is {both} in about 0." in each], said
    assert [each for each in found.warnings if f"the conclusion is {both} in 0." in each]
