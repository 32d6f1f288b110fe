"""Rules that are joined, and three outcomes, against arithmetic on the replicates and noncentral t."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy import stats

from hikibayes.planning.designs.rules import Rule
from hikibayes.planning.designs.simulation import Simulation
from hikibayes.planning.power import power
from hikibayes.spec import InputError, validated

ROPE = (-0.1, 0.1)
PLAIN = st.sampled_from(
    [
        {"interval": 0.95, "above": 0},
        {"interval": 0.95, "below": 0.1},
        {"interval": 0.95, "narrower_than": 0.5},
        {"p_positive_above": 0.9},
        {"p_rope_above": 0.5},
        {"bf10_above": 3},
    ]
)
RULES = st.recursive(
    PLAIN,
    lambda of: st.builds(
        lambda how, parts: {how: parts}, st.sampled_from(["all", "any"]), st.lists(of, min_size=2, max_size=3)
    ),
    max_leaves=6,
)


def found() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(1)
    mean, sd, truth = rng.normal(0.1, 0.2, 300), rng.uniform(0.03, 0.3, 300), rng.normal(0.1, 0.2, 300)
    rope = stats.norm.cdf(0.1, mean, sd) - stats.norm.cdf(-0.1, mean, sd)
    columns = {"truth": truth, "mean": mean, "lower": mean - 2 * sd, "upper": mean + 2 * sd, "p_rope": rope}
    columns |= {"p_positive": stats.norm.sf(0, mean, sd), "log_bf10": rng.normal(1, 1, 300)}
    columns["mean"][:5] = columns["lower"][:5] = columns["upper"][:5] = columns["p_positive"][:5] = np.nan
    return columns


def by_hand(rule: dict, columns: dict, ask) -> np.ndarray:
    for how, join in (("all", np.all), ("any", np.any)):
        if how in rule:
            return join([by_hand(part, columns, ask) for part in rule[how]], axis=0)
    return ask(Rule.model_validate(rule), columns)


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(RULES)
def test_joined_rules_decide_as_logic_says(content):
    rule, columns = Rule.model_validate(content), found()
    np.testing.assert_array_equal(rule.decides(columns), by_hand(content, columns, Rule.decides))
    rights = by_hand(content, columns, lambda r, c: r.decides(c) & r.correct(c, ROPE))
    if "all" not in content or not any("any" in part for part in content["all"]):
        both = rule.decides(columns) & rule.correct(columns, ROPE)
        np.testing.assert_array_equal(both, rights)
    assert Rule.model_validate(rule.model_dump(exclude_none=True)) == rule
    assert (rule.decides(columns) & rule.correct(columns, ROPE) <= rule.decides(columns)).all()


def test_three_outcomes_are_the_t_test_and_equivalence():
    """Significant above, equivalent (two one-sided tests, given the spread) or neither; the shares add up."""
    content = {
        "description": "test",
        "population": {"effect": 0.05},
        "axes": {"n_per_group": [400], "prior": ["flat"]},
        "run": {"replicates": 20_000, "refine": False},
        "decision": [
            {
                "name": "d",
                "rule": {"interval": 0.95, "above": 0},
                "against": {"interval": 0.95, "inside": [-0.2, 0.2]},
            }
        ],
    }
    row = power(Simulation.model_validate(content), workers=1).power.iloc[0]
    df, per = 798, 2 / 400
    nodes = np.sqrt(stats.chi2.ppf((np.arange(400) + 0.5) / 400, df) / df * per)
    reach = stats.t.ppf(0.975, df) * nodes
    spread = np.sqrt(per)
    upper = np.minimum(0.2 - reach, reach)  # what is above 0 counts for it
    inside = np.maximum(
        stats.norm.cdf((upper - 0.05) / spread) - stats.norm.cdf((reach - 0.2 - 0.05) / spread), 0
    ).mean()
    above = stats.norm.sf((reach - 0.05) / spread).mean()
    assert abs(row.power - above) < 4 * row.power_mcse
    assert abs(row.against - inside) < 4 * row.against_mcse
    assert row.power + row.against + row.undecided == pytest.approx(1)


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ({"all": [{"interval": 0.95, "above": 0}]}, "all"),
        ({"all": [{"above": 0}, {"p_positive_above": 0.9}]}, "needs 'interval'"),
        ({"interval": 0.95, "any": [{"bf10_above": 3}, {"p_positive_above": 0.9}]}, "'interval' stands in each"),
        ({"all": [], "above": 0, "interval": 0.95}, "all"),
        ({"all": [{"interval": 0.9, "above": 0}, {"interval": 0.95, "narrower_than": 1}]}, "one interval"),
    ],
)
def test_bad_joint_rules(rule, message):
    content = {
        "description": "t",
        "axes": {"n_per_group": [50]},
        "decision": [{"name": "d", "estimand": "e", "rule": rule}],
    }
    with pytest.raises(InputError, match="plan.toml") as refused:
        validated(Simulation, content, "plan.toml")
    assert message in str(refused.value)
