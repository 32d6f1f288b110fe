"""Rules about an original study and its replication, in normal form with the residual SD nearly known."""

from __future__ import annotations

import numpy as np
import pytest
from click.testing import CliRunner
from scipy import stats

from hikibayes.cli import main
from hikibayes.planning.designs.simulation import Simulation
from hikibayes.planning.power import power
from hikibayes.spec import InputError, validated

T, SE, N = 0.29, 0.118, 313  # a replication with standard error .08
ORIGINAL = {"estimate": T, "se": SE}


def simulated(rule: dict, effect: float, prior: tuple[str, ...] = ("weakly_informative",), **more):
    content = {
        "description": "t",
        "population": {"effect": {"raw": effect}},
        "axes": {"n_per_group": [N], "prior": prior},
        "decision": [{"name": "d", "rule": rule, **more}],
        "original": ORIGINAL,
        "run": {"replicates": 20_000, "refine": False},
    }
    return power(validated(Simulation, content, "plan.toml"), workers=1)


def posterior() -> tuple[float, float]:
    """Of the effect, given the original, under the default N(0, 1)."""
    variance = 1 / (1 + SE**-2)
    return variance * T / SE**2, variance


def region_probability(success, effect: float) -> float:
    s = np.sqrt(2 / N)
    t = np.linspace(effect - 6 * s, effect + 6 * s, 20_001)
    return float(np.sum(success(t, s) * stats.norm.pdf(t, effect, s)) * (t[1] - t[0]))


def log_bf(t, s):
    m, v = posterior()
    return stats.norm.logpdf(t, m, np.sqrt(v + s**2)) - stats.norm.logpdf(t, 0, s)


@pytest.mark.parametrize("effect", [0.0, 0.29])
def test_the_replication_bayes_factor_ends_in_three_ways(effect):
    found = simulated({"replication_bf_above": 3}, effect, against={"replication_bf_below": 1 / 3}).power
    assert found.prior.tolist() == ["original"]
    row = found.iloc[0]
    above = region_probability(lambda t, s: log_bf(t, s) > np.log(3), effect)
    below = region_probability(lambda t, s: log_bf(t, s) < -np.log(3), effect)
    assert abs(row.power - above) < 4 * row.power_mcse + 0.003, (row.power, above)  # t instead of z
    assert abs(row.against - below) < 4 * row.against_mcse + 0.003, (row.against, below)


def test_the_joint_posterior_is_that_of_both_studies():
    m, v = posterior()

    def joint(t, s):
        variance = 1 / (1 / v + 1 / s**2)
        return stats.norm.sf(0, variance * (m / v + t / s**2), np.sqrt(variance)) > 0.99

    row = simulated({"joint_p_positive_above": 0.99}, 0.05).power.iloc[0]
    wanted = region_probability(joint, 0.05)
    assert abs(row.power - wanted) < 4 * row.power_mcse + 0.003, (row.power, wanted)


@pytest.mark.parametrize("effect", [0.0, 0.29])
def test_the_weight_of_the_original_is_its_posteriors_beside_the_priors(effect):
    """Asked under the original's prior; the one before it is analysed beside it although no axis names it."""

    def weight(t, s):
        m, v = posterior()
        right, vague = stats.norm.pdf(t, m, np.sqrt(v + s**2)), stats.norm.pdf(t, 0, np.sqrt(1 + s**2))
        return right / (right + vague) > 0.7

    found = simulated({"original_weight_above": 0.7}, effect, prior=["flat"]).power
    assert found.prior.tolist() == ["original"]
    wanted = region_probability(weight, effect)
    assert abs(found.power.iloc[0] - wanted) < 4 * found.power_mcse.iloc[0] + 0.003, (found.power, wanted)


def test_a_replication_is_kept_and_made_again(tmp_path):
    text = """
description = "R"
[population]
effect = 0.2
[original]
estimate = 0.3
se = 0.12
[axes]
n_per_group = [60]
[[decision]]
name = "replicated"
rule = {replication_bf_above = 3}
[run]
replicates = 100
"""
    (tmp_path / "plan.toml").write_text(text, encoding="utf-8")
    for words in (("power", tmp_path / "plan.toml", "-o", tmp_path / "a"), ("replay", tmp_path / "a")):
        found = CliRunner().invoke(main, list(map(str, words)))
        assert found.exit_code == 0, found.output
    again = CliRunner().invoke(main, ["power", str(tmp_path / "a" / "simulation.toml"), "-o", str(tmp_path / "b")])
    assert again.exit_code == 0, again.output
    assert (tmp_path / "a" / "power.csv").read_bytes() == (tmp_path / "b" / "power.csv").read_bytes()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"original": None}, "[original] says what it found"),
        ({"original": {"estimate": 0.3, "se": 0}}, "original.se"),
        (
            {"population": {"formula": "y ~ arm", "levels": {"arm": ["a", "b", "c"]}, "effect": 0.3}},
            "not one coefficient",
        ),
    ],
)
def test_originals_that_cannot_be(change, message):
    content = {
        "description": "t",
        "population": {"effect": 0.3},
        "axes": {"n_per_group": [50]},
        "original": ORIGINAL,
        "decision": [{"name": "d", "rule": {"replication_bf_above": 3}}],
    } | change
    content = {name: value for name, value in content.items() if value is not None}
    with pytest.raises(InputError) as refused:
        power(validated(Simulation, content, "plan.toml"), workers=1)
    assert message in str(refused.value)
