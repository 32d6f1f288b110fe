"""Simulations as people write them: the shipped ones, and everything that cannot be run."""

from __future__ import annotations

import tomllib
from decimal import Decimal
from pathlib import Path
from typing import get_args

import numpy as np
import pandas as pd
import pytest

from hikibayes.apa import written_out
from hikibayes.planning.designs import simulation as designs
from hikibayes.planning.designs.axes import Kind
from hikibayes.planning.designs.resolved import one_liner
from hikibayes.planning.designs.rules import CONDITIONS, Rule
from hikibayes.planning.designs.simulation import Simulation, load_simulation, shipped_simulations
from hikibayes.planning.populations.sources import SOURCES
from hikibayes.planning.power import power
from hikibayes.planning.run.plan import prepare
from hikibayes.reconstruction.shipped import shipped_reconstructions
from hikibayes.runs.verbs.power import _first_rule
from hikibayes.spec import InputError, validated
from hikibayes.study.study_file import load_study

TEMPLATE = Path(designs.__file__).with_name("template.toml")

MODEL = Path(__file__).with_name("moderated_model.toml")

PLAIN = """
description = "test"
[worlds]
source = ["printed"]
[axes]
n_per_group = [50, 100]
[[decision]]
name = "above"
estimand = "support_slope_difference"
rule = {interval = 0.95, above = 0}
[targets]
power = [0.8]
[run]
replicates = 20
"""


def read(text: str) -> Simulation:
    return validated(Simulation, tomllib.loads(text, parse_float=Decimal), "plan.toml")


def prepared(text: str, settled, reconstructions):
    return prepare(read(text), study=settled, reconstructions=reconstructions)


def test_plain():
    simulation = read(PLAIN)
    assert simulation.size == 2
    assert simulation.interval == 0.95
    assert simulation.run.seed == 20210525


@pytest.mark.parametrize(
    "name", ["followup", "power", "assurance", "precision", "gender_quotas", "prior_variants", "reliability"]
)
def test_shipped_simulations_can_be_run(name, settled, reconstructions):
    simulation = load_simulation(name)
    assert simulation.run.replicates >= 10_000
    plan = prepare(simulation, study=settled, reconstructions=reconstructions)
    assert plan.engine == "exact"
    assert set(shipped_simulations()) >= {name}


@pytest.fixture(scope="module")
def shipped(settled):
    return shipped_reconstructions(settled)


@pytest.mark.parametrize("name", sorted(shipped_simulations()))
def test_shipped_simulations_run_on_the_shipped_reconstructions(name, settled, shipped):
    simulation = load_simulation(name)
    small = simulation.replace(run=simulation.run.replace(replicates=100, refine=False))
    found = power(small, study=settled, reconstructions=shipped)
    assert found.power["failed"].sum() == 0
    assert len(found.power) >= small.size
    assert found.sample_size["target"].notna().all()


def test_the_default_covers_what_it_promises():
    axes = load_simulation("followup").axes
    assert (min(axes.n_per_group), max(axes.n_per_group)) == (25, 800)
    assert set(axes.allocation) == {"1:1", "2:1"}
    assert set(axes.mix) == {"as_printed", "1:1"}
    assert len(axes.prior) == 3
    conditions = {decision.rule.condition for decision in load_simulation("followup").decisions}
    assert {"above", "bf10_above"} <= conditions
    assert load_simulation("followup").size <= designs.MOST_CELLS


def test_the_template_can_be_run_as_it_is(settled, reconstructions):
    prepared(TEMPLATE.read_text(encoding="utf-8"), settled, reconstructions)


def uncommented() -> dict:
    """Everything in the template that looks like a setting or a heading."""
    lines = []
    for line in TEMPLATE.read_text(encoding="utf-8").splitlines():
        text = line.removeprefix("# ")
        setting = text.split("=")[0].strip().isidentifier() and "=" in text
        lines.append(text if setting or text.startswith("[") else line)
    return tomllib.loads("\n".join(lines), parse_float=Decimal)


@pytest.mark.parametrize(
    "without",
    [("population", "original", "effect"), ("population", "looks", "fixed"), ("study", "model", "worlds", "readings")],
    ids=["fixed", "original", "population"],
)
def test_every_optional_line_of_the_template_is_right(without):
    """Some sections stand instead of others, and looks take no attrition or several models."""
    content = {name: section for name, section in uncommented().items() if name not in without}
    content["axes"]["prior"] = [*content["axes"]["prior"], "stated"]
    if "worlds" in content:
        content["worlds"] = {name: value for name, value in content["worlds"].items() if name not in without}
        content["worlds"] |= {"source": ["fixed"]} if "fixed" in content["worlds"] else {}
    if "looks" in content:
        content["axes"] = {"n_per_group": [50, 100], "prior": ["stated"]}
    if "population" in content:
        del content["decision"], content["original"], content["looks"], content["rope"]
    if "original" in content:
        content["decision"][0] |= {"rule": {"original_weight_above": 0.5}}
    simulation = validated(Simulation, content, "plan.toml")
    assert simulation.run.replicates == 10000


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("n_per_group = [50, 100]", "n_per_group = []", "axis 'n_per_group' is empty, so the grid has no cells"),
        ("n_per_group = [50, 100]", "n_per_grup = [50]", "there is no key 'n_per_grup'"),
        ("n_per_group = [50, 100]", "n_per_group = [50, 50]", "axis 'n_per_group' has 50 twice"),
        ("n_per_group = [50, 100]", "n_per_group = [1]", "from 2 to"),
        ("n_per_group = [50, 100]", 'n_per_group = [50]\nallocation = ["2:0"]', "the ratio 2:0 leaves a group empty"),
        ("n_per_group = [50, 100]", 'n_per_group = [50]\nallocation = ["2-1"]', "axes.allocation"),
        ("power = [0.8]", "power = [1.0]", "no finite study is certain"),
        ("above = 0}", "abov = 0}", "did you mean 'above'"),
        ("{interval = 0.95, above = 0}", "{interval = 0.95}", "a rule has exactly one of"),
        ("{interval = 0.95, above = 0}", "{above = 0}", "needs 'interval', such as 0.95"),
        ("{interval = 0.95, above = 0}", "{interval = 0.95, bf10_above = 3}", "takes no 'interval'"),
        ("{interval = 0.95, above = 0}", "{interval = 0.95, inside = [0.1, -0.1]}", "not upwards"),
        ('source = ["printed"]', 'source = ["fixed"]', "belong together"),
        ('source = ["printed"]', 'source = ["printd"]', "printd"),
        ("replicates = 20", "replicates = 2", "from 10 to"),
        (
            "[targets]",
            '[[decision]]\nname = "above"\nestimand = "x"\nrule = {bf10_above = 3}\n[targets]',
            "defined twice",
        ),
        (
            "[targets]",
            '[[decision]]\nname = "b"\nestimand = "x"\nrule = {interval = 0.9, above = 0}\n[targets]',
            "all rules of a simulation use one interval; found 0.9, 0.95",
        ),
    ],
)
def test_a_file_that_is_wrong(old, new, message):
    assert old in PLAIN
    with pytest.raises(InputError, match="plan.toml") as caught:
        read(PLAIN.replace(old, new))
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('"support_slope_difference"', '"support_slope"', "there is no estimand 'support_slope'"),
        ('"support_slope_difference"', '"r2_step1"', "always holds of a share of variance"),
        ('"support_slope_difference"', '"slope_srs18"', "the slope of srs18 differs between the groups"),
        ("n_per_group = [50, 100]", "n_per_group = [9]", "18 participants are too few for 17 predictors"),
        ("n_per_group = [50, 100]", 'n_per_group = [50]\nprior = ["flatt"]', "did you mean 'flat'"),
        ("n_per_group = [50, 100]", 'n_per_group = [50]\nmodel = ["step9"]', "there is no model 'step9'"),
        ("n_per_group = [50, 100]", 'n_per_group = [50]\npredictors = ["fixed"]', "needs a quota of sex"),
        (
            "n_per_group = [50, 100]",
            'n_per_group = [18]\nmix = ["1:1"]\npredictors = ["fixed"]',
            "predictors = 'fixed' needs at least 10 participants in every cell; one has 9",
        ),
        (
            "n_per_group = [50, 100]",
            'n_per_group = [50]\npredictors = ["fixed"]\nattrition = [0.1]',
            "goes with gaussian answers and nobody lost",
        ),
        (
            "n_per_group = [50, 100]",
            'n_per_group = [50]\nmissing = [{share = 0.1, on = "shoe_size", strength = 1}]',
            "there is no measure 'shoe_size'",
        ),
        ("{interval = 0.95, above = 0}", "{bf10_above = 3}", "asks for a Bayes factor, which prior 'flat' has not"),
        ("description", 'model = "step1"\ndescription', "does not answer estimand 'support_slope_difference'"),
        ("description", 'readings = {slopes_model = "none"}\ndescription', "there is no option of reading"),
    ],
)
def test_a_simulation_that_cannot_be_run(old, new, message, nonaka, reconstructions):
    text = PLAIN.replace(old, new, 1)
    if "bf10" in new:
        text = text.replace("n_per_group = [50, 100]", 'n_per_group = [50]\nprior = ["flat"]')
    with pytest.raises(InputError) as caught:
        prepare(read(text), study=nonaka, reconstructions=reconstructions)
    assert message in str(caught.value)


def test_worlds_are_made_of_the_shipped_reconstructions_where_there_are_any(settled):
    plan = prepare(read(PLAIN), study=settled)
    assert plan.reconstructions is not None
    assert plan.reconstructions.sizes["draw"] == 2000
    fixed = PLAIN.replace('source = ["printed"]', 'source = ["fixed"]\n[worlds.fixed]\nresidual_sd = 0.6')
    assert prepare(read(fixed), study=settled).reconstructions is None


def test_likert_answers_need_raw_units():
    moderation = load_study(Path(__file__).with_name("moderation.toml"))
    text = PLAIN.replace("n_per_group = [50, 100]", 'n_per_group = [50]\nanswers = ["likert"]')
    text = text.replace('source = ["printed"]', 'source = ["fixed"]\n[worlds.fixed]\nresidual_sd = 0.6')
    text = text.replace('"support_slope_difference"', '"gap"').replace(
        "description", f'model = "{MODEL}"\ndescription', 1
    )
    with pytest.raises(InputError, match="needs a raw mean and SD of 'x'"):
        power(read(text), study=moderation)


def test_a_grid_of_many_cells_must_be_insisted_on(settled, reconstructions):
    axes = f"n_per_group = {list(range(50, 50 + designs.MOST_CELLS + 1))}"
    with pytest.raises(InputError, match="the grid has 1,001 cells, more than 1,000; .* --yes"):
        power(read(PLAIN.replace("n_per_group = [50, 100]", axes)), study=settled, reconstructions=reconstructions)


def test_a_simulation_that_does_not_exist(tmp_path):
    with pytest.raises(InputError, match="there is no simulation 'folowup'; there are: .*did you mean 'followup'"):
        load_simulation("folowup")
    with pytest.raises(InputError, match="cannot be read"):
        load_simulation(tmp_path / "none.toml")


@pytest.mark.parametrize(
    ("allocation", "n", "sizes"),
    [("1:1", 50, (50, 50)), ("2:1", 50, (100, 50)), ("1:3", 25, (25, 75)), ("3:2", 25, (38, 25))],
)
def test_the_smaller_group_is_counted(allocation, n, sizes):
    text = PLAIN.replace("n_per_group = [50, 100]", f'n_per_group = [{n}]\nallocation = ["{allocation}"]')
    (sample,) = read(text).samples()
    assert sample.sizes == sizes
    assert sample.labels()["n_total"] == sum(sizes)


@pytest.mark.parametrize(
    ("mix", "quota"),
    [
        ("as_printed", None),
        ("1:1", ((0.5, 0.5),) * 2),
        ("3:1/1:3", ((0.75, 0.25), (0.25, 0.75))),
        ("2:1:1", ((0.5, 0.25, 0.25),) * 2),
    ],
)
def test_quotas(mix, quota):
    text = PLAIN.replace("n_per_group = [50, 100]", f'n_per_group = [50]\nmix = ["{mix}"]')
    (sample,) = read(text).samples()
    assert sample.quota == quota


def test_a_brief_version_keeps_sizes_and_worlds():
    whole = load_simulation("followup")
    brief = whole.brief(500)
    assert brief.axes.n_per_group == whole.axes.n_per_group
    assert brief.worlds == whole.worlds
    assert brief.size == len(whole.axes.n_per_group) * len(whole.worlds.source)
    assert brief.run.replicates == 500
    assert load_simulation("reliability").brief().axes.reliability == ("as_printed",)


def test_every_condition_is_a_field_of_a_rule_and_every_source_has_a_name():
    assert set(CONDITIONS) == set(Rule.model_fields) - {"interval", "all", "any"}
    assert set(SOURCES) == set(get_args(Kind))


@pytest.mark.parametrize("name", CONDITIONS)
def test_a_condition_is_right_where_the_truth_holds_once_the_posterior_is_narrow(name):
    """A posterior without width decides exactly in the populations that the limiting assurance counts."""
    value = (-0.1, 0.1) if name in {"inside", "outside"} else 3.0 if name.startswith("bf10") else 0.5
    rule = Rule.model_validate({name: value} | ({"interval": 0.95} if CONDITIONS[name].of_interval else {}))
    truth = np.array([-0.9, -0.4, -0.05, 0.0, 0.05, 0.4, 0.9])
    rope = (-0.1, 0.1)
    found = {"truth": truth, "mean": truth, "lower": truth, "upper": truth}
    found["p_positive"] = np.where(truth == 0, 0.5, truth > 0)
    found["p_rope"] = ((truth > rope[0]) & (truth < rope[1])).astype(float)
    found["log_bf10"] = np.where(truth == 0, -50.0, 50.0)
    found["log_right"] = np.full(len(truth), 50.0)
    decided = rule.decides(found)
    assert (decided & rule.correct(found, rope)).mean() == pytest.approx(rule.limiting_assurance(truth, rope))
    assert rule.correct(found, rope)[decided].all()


@pytest.mark.parametrize(("target", "replicates", "needed"), [(0.9999, 10_000, "50,000"), (0.99, 200, "500")])
def test_a_target_that_replicates_cannot_tell_from_1_is_refused(target, replicates, needed):
    plan = one_liner(0.4, (400,)).replace(targets={"power": [0.8, target]})
    with pytest.raises(InputError, match=f"{written_out(target)} cannot be told from 1 by .* it takes {needed}"):
        power(plan, replicates=replicates)


def test_an_everyday_target_and_one_with_replicates_enough_are_looked_for():
    plan = one_liner(0.4, (20, 40)).replace(targets={"power": [0.9]})
    assert power(plan, replicates=20).replicates.count == 20
    plan = one_liner(0.4, (300, 400)).replace(targets={"power": [0.995]}, axes={"n_per_group": (250, 400)})
    assert power(plan, replicates=1000).sample_size["reached"].all()


def test_a_target_is_shown_with_its_digits():
    table = pd.DataFrame(
        {"decision": "d", "worlds": "fixed", "target": [0.8, 0.9995], "prior": "flat", "n_per_group": 9}
    )
    plan = one_liner(0.4).replace(decision=[{"name": "d", "rule": {"interval": 0.95, "above": 0.0}}])
    assert list(_first_rule(table, plan, ["n_per_group"])["target"]) == [".80", ".9995"]
