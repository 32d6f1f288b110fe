"""What proposal, preregistration and report say of a plan: every design, at the sizes that were found."""

from __future__ import annotations

import re
from dataclasses import replace

import pandas as pd
import pytest

from hikibayes.planning.designs.rules import Rule
from hikibayes.planning.designs.simulation import Simulation
from hikibayes.planning.power import power
from hikibayes.planning.results.diagnose import Diagnosis
from hikibayes.planning.results.preregistration import preregistration
from hikibayes.planning.results.proposal import in_words, proposal, table_of_sizes
from hikibayes.planning.results.spoken import recommended
from hikibayes.spec import validated

EXCLUDES = {"name": "d", "rule": {"interval": 0.95, "excludes": 0}}


def planned(rule: dict | None = None, **more) -> Diagnosis:
    content = {"description": "t", "decision": [rule or EXCLUDES], "run": {"replicates": 400}, **more}
    return power(validated(Simulation, content, "t"), workers=1)


@pytest.fixture(scope="module")
def costly():
    return planned(
        population={"levels": {"group": ["patients", "controls"]}, "effect": 0.4},
        costs={"person": [240, 60], "study": 1000},
        targets={"power": [0.8]},
    )


@pytest.fixture(scope="module")
def square():
    levels = {"arm": ["sham", "active"], "gender": ["woman", "man"]}
    return planned(
        population={"formula": "y ~ arm * gender", "levels": levels, "effect": 0.6},
        axes={"n_per_group": [60, 90], "mix": ["1:1", "3:1"]},
        targets={"power": [0.8]},
    )


def test_the_closing_sentences_are_of_the_sizes_that_were_found(costly):
    said, rows = proposal(costly), preregistration(costly)
    figures = rows[rows.item == "Probability of the conclusion"].value
    assert len(figures) == 2
    for row in costly.sample_size[costly.sample_size.prior == "weakly_informative"].itertuples():
        cells = costly.power[(costly.power.allocation == row.allocation) & (costly.power.prior == row.prior)]
        near = cells.loc[(cells.n_per_group - row.n_per_group).abs().idxmin()]
        closing = next(part for part in said.split(". ") if part.startswith(f"With {near.n_per_group} "))
        assert f"the interval is {near.width:.2f} wide" in closing
        assert any(f"{near.power:.3f} (Monte" in text and f"with {near.n_per_group} " in text for text in figures)
    assert "in the smaller group" in said
    assert "groups 1:2 (patients : controls)" in said


def test_every_mix_is_spoken_of_and_what_a_missed_target_reaches(square):
    said = proposal(square)
    largest = square.power[(square.power.n_per_group == 90) & (square.power.prior == "weakly_informative")]
    assert len(largest) == 2
    for row, mix in zip(largest.itertuples(), ("gender 1:1", "gender 3:1 (woman : man)"), strict=True):
        assert f"more than was simulated: 90 per group (180 in all) with {mix} reach {row.power:.1%}" in said
        assert f"With 90 per group (180 in all), {mix}, {row.power:.1%} of the simulated studies" in said
    assert "With 60" not in said


@pytest.mark.parametrize(
    ("shares", "said"),
    [
        ([0.2, 0.3, 0.5], "left to chance: Site (west 20%, <6 30%, east 50%)"),
        (
            [[0.2, 0.3, 0.5], [0.4, 0.1, 0.5]],
            "(west 20%, <6 30%, east 50% of zeta; west 40%, <6 10%, east 50% of alpha)",
        ),
    ],
)
def test_of_whom_the_sizes_are_is_said_with_everybody_elses_shares(shares, said):
    population = {
        "formula": "y ~ arm * Site",
        "levels": {"arm": ["zeta", "alpha"], "Site": ["west", "<6", "east"]},
        "shares": {"Site": shares},
        "effect": 0.5,
    }
    found = planned(population=population, axes={"n_per_group": [60], "allocation": ["2:1"]})
    rows = preregistration(found).set_index("item").value
    for text in (proposal(found), rows["Groups"]):
        assert "izes and ratios are of arm (zeta : alpha), in this order; " in text
        assert said in text
    assert "(arm × Site ~ Normal" in proposal(found)


def test_the_parts_of_a_quota_have_an_order(square):
    assert "quotas are of gender (woman : man), in this order" in proposal(square)
    assert "left to chance" not in proposal(square)


@pytest.fixture(scope="module")
def two_rules():
    """Two rules, a slope that makes the effect, and no target."""
    further = {"name": "clearly", "rule": {"interval": 0.95, "above": 0.3}}
    return planned(population={"gap": 0.8}, axes={"n_per_group": [50]}, decision=[EXCLUDES, further])


def test_a_further_rule_has_its_share_in_every_text(two_rules):
    row = two_rules.power.query("decision == 'clearly' and prior == 'weakly_informative'").iloc[0]
    said = f"{row.power:.1%} with 50 per group (100 in all)"
    assert f"the conclusion is drawn if the 95 % interval lies above 0.3: {said}." in proposal(two_rules)
    assert said in preregistration(two_rules).set_index("item").value["Further rule"]
    assert "Further rule" not in set(preregistration(planned_without_effect()).item)


def test_an_effect_that_nobody_wrote_is_said(two_rules):
    assert "effect 0.8)" in proposal(two_rules)
    assert not any("no effect is written" in said for said in two_rules.warnings)
    nothing = planned_without_effect()
    assert "(effect 0)" in proposal(nothing)
    assert any("no effect is written, so it is 0" in said for said in nothing.warnings)


def planned_without_effect() -> Diagnosis:
    return planned(population={}, axes={"n_per_group": [20], "prior": ["flat"]})


def test_brackets_are_explained_where_there_are_any(costly, two_rules):
    assert "In brackets: the 95 % interval of the simulation, and what new" in proposal(costly)
    assert "In brackets" not in proposal(two_rules)


def test_the_nearest_size_stands_beside_the_size():
    axes = {"n_per_group": [60, 100, 140], "prior": ["flat"]}
    looked = {"looks": {"at": [0.5, 1.0]}, "targets": {"power": [0.8]}, "run": {"replicates": 400, "refine": False}}
    found = planned({"name": "d", "rule": {"p_positive_above": 0.975}}, population={"effect": 0.4}, axes=axes, **looked)
    assert re.search(
        r"in all\) \(the simulated size nearest to \d+\), at the effect that is planned for, ", proposal(found)
    )


def test_without_a_target_every_size_has_its_probability():
    found = planned(population={"effect": 0.5}, axes={"n_per_group": [30, 50], "prior": ["flat"]})
    for row in found.power.itertuples():
        assert f"With {row.n_per_group} per group ({row.n_total} in all), {row.power:.1%} of" in proposal(found)


def test_a_rule_about_width_errs_in_no_sign():
    rule = {"name": "d", "rule": {"interval": 0.95, "narrower_than": 0.5}}
    found = planned(rule, population={"effect": 0.3}, axes={"n_per_group": [140], "prior": ["flat"]})
    assert "wrong sign" not in proposal(found)


def test_a_few_conclusions_do_not_tell_how_often_they_are_wrong():
    directed = {"name": "d", "rule": {"interval": 0.95, "above": 0}}
    found = planned(directed, population={"effect": 0.3}, axes={"n_per_group": [20, 200], "prior": ["flat"]})
    few, many = proposal(found).split("With 200 per group")
    count = round(found.power.power.iloc[0] * 400)
    assert 0 < count < 100
    assert f"these are {count} conclusions, too few to say" in few
    assert "wrong sign" not in few
    assert f"{found.power.type_s.iloc[1]:.1%} of the conclusions have" in many or "fewer than 0.1% of the" in many


def test_of_many_designs_the_best_is_named_and_all_are_tabulated():
    """Effects are assumptions and each has its size; 0 has none, though it comes first."""
    axes = {"n_per_group": [40, 80, 160, 320], "prior": ["flat"], "effect": [0.0, 0.4, 0.5]}
    axes["allocation"] = ["3:1", "1:1", "2:1"]
    found = planned(population={}, axes=axes, targets={"power": [0.8]})
    said, table, rows = proposal(found), table_of_sizes(found).splitlines(), found.sample_size
    least = rows[rows.effect > 0].sort_values("n_total").groupby("effect").first()
    assert list(least.allocation) == ["1:1", "1:1"]
    for effect, row in least.iterrows():
        assert f"{row.n_per_group} per group ({row.lower} to" in said
        assert f"with groups 1:1, effect {effect:g}" in said
    assert "3:1" not in said
    assert len(table) == 1 + 3 * 2
    assert not any("effect 0 " in line for line in table)
    for row in rows[rows.effect > 0].itertuples():
        assert any(
            f"groups {row.allocation}" in line and f" {row.n_total} in all" in f" {line}".replace("(", " ")
            for line in table
        )


def test_the_cheapest_of_many_designs_is_named_and_the_first_of_those_that_are_alike():
    like = {"worlds": "fixed", "target": 0.8, "reached": True, "lower": 95, "n_per_group": 100}
    rows = pd.DataFrame(
        [{**like, "n_total": n, "allocation": a} for n, a in ((204, "1:1"), (300, "2:1"), (200, "3:2"))]
    )
    assert list(recommended(rows).allocation) == ["1:1"]
    assert list(recommended(rows.assign(lower=100)).allocation) == ["3:2"]
    assert list(recommended(rows.assign(cost=[9.0, 5.0, 8.0])).allocation) == ["2:1"]
    assert list(recommended(rows.assign(reached=False)).allocation) == ["1:1"]


def test_the_prior_in_question_stands_with_what_others_lead_to(square):
    own = square.power[square.power.n_per_group == 90].set_index(["prior", "mix"]).power
    said, rows = proposal(square), preregistration(square).groupby("item").value.agg(" ".join)
    for text in (said, rows["Design and analysis"]):
        assert "weakly informative priors (arm × gender ~ Normal(mu=0, sigma=0.5))" in text
    assert f"conclusion ({own['flat', '1:1']:.1%} under flat priors, of the same data)" in said
    assert f"{own['flat', '1:1']:.3f} under flat priors" in rows["Probability of the conclusion"]


def test_a_target_that_another_prior_reaches_is_said(square):
    sizes = square.sample_size.copy()
    flat = sizes.prior == "flat"
    sizes.loc[flat, ["reached", "n_per_group", "n_total"]] = [True, 88, 176]
    assert "; under flat priors 88 per group do" in proposal(replace(square, sample_size=sizes))


def test_a_replication_names_its_original_and_its_quantity():
    rule = {"name": "d", "meaning": "it counts", "rule": {"replication_bf_above": 3}}
    axes, original = {"n_per_group": [40], "prior": ["weakly_informative"]}, {"estimate": 0.5, "se": 0.2}
    found = planned(rule, population={"effect": 0.5}, axes=axes, original=original)
    rows = preregistration(found).set_index("item").value
    assert rows["Question"].startswith("difference in means, group (treated − control)")
    assert rows["Original study"] == "an estimate of 0.5 (SE 0.2)"
    assert "The original study found an estimate of 0.5 (SE 0.2)." in proposal(found)
    assert "y ~ group under the prior that the original study leaves (group ~ Normal(" in proposal(found)


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ({"interval": 0.95, "excludes": 0}, "the 95 % interval excludes 0"),
        ({"interval": 0.9, "inside": (-1, 1)}, "the 90 % interval lies inside -1 to 1"),
        ({"interval": 0.95, "narrower_than": 0.5}, "the 95 % interval is narrower than 0.5"),
        ({"p_positive_below": 0.1}, "the posterior probability of a value above 0 is below 0.1"),
        ({"region_excludes_zero": 0.95}, "the 95 % region of the coefficients does not hold 0 for all of them"),
        ({"bf10_above": 3}, "the Bayes factor for an effect against none (BF10) is above 3"),
        (
            {"all": [{"interval": 0.95, "above": 0}, {"bf10_above": 3}]},
            "the 95 % interval lies above 0 and the Bayes factor for an effect against none (BF10) is above 3",
        ),
    ],
)
def test_a_rule_is_a_clause(rule, words):
    assert in_words(validated(Rule, rule, "t")) == words


def test_a_calibrated_threshold_is_said_to_be_one():
    rule = {"name": "d", "rule": {"p_positive_above": "calibrated"}}
    axes, looks = {"n_per_group": [40], "prior": ["flat"]}, {"at": [0.5, 1.0]}
    found = planned(rule, population={"effect": 0.5}, axes=axes, looks=looks)
    rows = preregistration(found).set_index("item").value
    assert "errs in 2.5 % of studies without an effect over all looks" in proposal(found)
    assert "errs in 2.5 %" in rows["Conclusion"]
