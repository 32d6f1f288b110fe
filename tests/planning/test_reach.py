"""Rules and looks that make no sense are refused before anything is simulated, and sensible ones are not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hikibayes.planning.designs.resolved import resolved
from hikibayes.planning.designs.simulation import Simulation, load_simulation
from hikibayes.planning.power import power
from hikibayes.planning.run.plan import Plan, prepare
from hikibayes.spec import InputError, validated

ABOVE, BELOW = {"interval": 0.95, "above": 0}, {"interval": 0.95, "below": 0}


def ready(rule: dict[str, Any], against: dict[str, Any] | None = None, n: int = 40, **more: Any) -> Plan:
    content = {
        "description": "t",
        "population": {"effect": 0.4},
        "axes": {"n_per_group": [n]},
        "decision": [{"name": "d", "rule": rule, **({"against": against} if against else {})}],
        **more,
    }
    made = resolved(validated(Simulation, content, "t"))
    return prepare(made.simulation, study=made.study, models=made.models)


@pytest.mark.parametrize(
    ("rule", "against", "said"),
    [
        ({"all": [ABOVE, BELOW]}, None, "no data can meet 95 % interval above 0 and 95 % interval below 0"),
        ({"all": [{"p_positive_above": 0.9}, {"p_positive_below": 0.5}]}, None, "no data can meet"),
        ({"any": [{"p_positive_above": 0.4}, {"p_positive_below": 0.6}]}, None, "all data meet"),
        (ABOVE, ABOVE, "what counts against the conclusion counts for it, too"),
        ({"p_positive_above": 0.9}, {"p_positive_above": 0.95}, "counts for it, too"),
    ],
)
def test_rules_that_decide_nothing_are_refused(rule, against, said):
    with pytest.raises(InputError, match=f"decision 'd': .*{said}"):
        ready(rule, against, axes={"n_per_group": [40], "prior": ["weakly_informative"]})


@pytest.mark.parametrize(
    ("rule", "against"),
    [
        (ABOVE, BELOW),
        ({"all": [ABOVE, {"interval": 0.95, "narrower_than": 1e-4}]}, None),
        ({"any": [ABOVE, BELOW]}, {"interval": 0.95, "inside": [-0.1, 0.1]}),
        ({"all": [{"bf10_above": 10}, {"p_positive_above": 0.9}]}, {"bf10_below": 0.1}),
        ({"interval": 0.95, "outside": [-3, 3]}, {"p_rope_above": 0.9}),
        ({"p_positive_above": 0.999999}, {"p_positive_below": 1e-6}),
        ({"interval": 0.95, "above": 1e5}, None),
        ({"all": [ABOVE, {"bf10_below": 0.1}]}, None),  # Lindley's paradox: so many that 2 SE are next to nothing
    ],
)
def test_rules_that_some_data_meet_and_some_do_not_are_taken(rule, against):
    ready(rule, against)


def test_random_pairs_of_thresholds_contradict_each_other_where_arithmetic_says_so():
    """P(> 0) above a and below b at once: some posterior lies between where a < b; either: all do where a < b."""
    rng = np.random.default_rng(3)
    for a, b in rng.uniform(0.05, 0.95, (12, 2)).tolist():
        if abs(a - b) < 0.02:
            continue
        for join in ("all", "any"):
            rule = {join: [{"p_positive_above": a}, {"p_positive_below": b}]}
            sensible = (a < b) is (join == "all")
            if sensible:
                ready(rule)
            else:
                with pytest.raises(InputError, match=r"(no|all) data (can )?meet"):
                    ready(rule)


@pytest.mark.parametrize(
    ("looks", "rule"),
    [
        ({"at": [0.5, 1], "futility": {"p_positive_below": 0.999}}, {"p_positive_above": "calibrated"}),
        ({"at": [0.3, 1], "futility": {"p_positive_below": 0.975}}, ABOVE),
        ({"at": [0.5, 1], "success": {"predictive_above": 0.95}, "futility": {"predictive_below": 0.96}}, ABOVE),
        ({"at": [0.5, 1], "futility": {"interval": 0.95, "below": 0.5}}, {"interval": 0.95, "above": -1}),
    ],
)
def test_looks_at_which_every_study_ends_are_refused(looks, rule):
    with pytest.raises(InputError, match=r"looks.*: every study ends at the look at"):
        ready(rule, looks=looks)


@pytest.mark.parametrize(
    "looks",
    [
        {"at": [0.5, 1], "futility": {"p_positive_below": 0.9}},
        {"at": [0.2, 0.6, 1], "success": {"predictive_above": 0.95}, "futility": {"predictive_below": 0.1}},
        {"at": [0.5, 1], "futility": {"bf10_below": 0.5}},
    ],
)
def test_looks_after_which_some_go_on_are_taken(looks):
    ready(ABOVE, looks=looks, axes={"n_per_group": [40], "prior": ["weakly_informative"]})


@pytest.mark.parametrize(("at", "n"), [(0.01, 40), (0.02, 50), (0.05, 20)])
def test_a_look_at_hardly_anybody_is_refused(at, n):
    with pytest.raises(InputError, match=r"looks.at: with n_per_group = \d+ the first look is at"):
        ready(ABOVE, looks={"at": [at, 1.0]}, n=n)


PLAN = """
description = "t"
[population]
effect = 0.4
[axes]
n_per_group = [40]
allocation = ["1:1"]
[targets]
power = [0.8]
"""


@pytest.mark.parametrize(
    ("line", "key"),
    [("n_per_group = [40]", "axes.n_per_group"), ("power = [0.8]", "targets.power")],
)
def test_an_empty_list_is_no_value(tmp_path: Path, line: str, key: str) -> None:
    (tmp_path / "p.toml").write_text(PLAN.replace(line, f"{line.partition('=')[0]}= []"))
    with pytest.raises(InputError, match=rf"p.toml: {key}: is an empty list"):
        load_simulation(tmp_path / "p.toml")


def test_d_of_a_slope_is_explained() -> None:
    said: list[str] = []
    content = {"description": "t", "population": {"formula": "y ~ x", "effect": 0.4}, "axes": {"n_per_group": [40]}}
    power(validated(Simulation, content, "t"), replicates=20, workers=1, tell=said.append)
    assert any("d = 0.4 of a slope is 0.4 residual SDs" in note for note in said)
    said.clear()
    power(
        validated(Simulation, {**content, "population": {"effect": 0.4}}, "t"),
        replicates=20,
        workers=1,
        tell=said.append,
    )
    assert not any("of a slope" in note for note in said)
