"""The plan of a replication: what is known of the effect as design prior and as the prior of replication rules."""

import tomllib

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from tests.studies import orchard_run

import hikibayes as hb
from hikibayes.cli import main
from hikibayes.inference.answers.ensemble import moments_of
from hikibayes.inference.models.steps import model_of
from hikibayes.planning.designs.resolved import resolved, short_form
from hikibayes.planning.designs.simulation import Simulation
from hikibayes.planning.power import power
from hikibayes.planning.run.plan import prepare
from hikibayes.robustness.case import Case
from hikibayes.spec import InputError, validated

STUDY = orchard_run.study().read()
TABLES = orchard_run.data_sets()


@pytest.fixture(scope="module")
def case():
    model = model_of(STUDY, "products")
    return Case(study=STUDY, model=model, estimand=STUDY.focal_estimand, data_sets=TABLES, synthetic=True)


@pytest.fixture(scope="module")
def new():
    return pd.concat([TABLES[1].sample(frac=0.8, replace=True, random_state=3)], ignore_index=True)


def joint(found, what):
    return found.joint.set_index("what").loc[what]


def prepared(begun, **axes):
    made = resolved(begun.simulation.replace(axes=begun.simulation.axes.replace(**axes)), begun.models, begun.study)
    draws = moments_of(STUDY, TABLES)
    return prepare(made.simulation, study=STUDY, models={**begun.models, **made.models}, reconstructions=draws)


def of_effect(begun):
    """Posterior mean and sd under the prior that the plan's rules about the original are asked under."""
    made = resolved(begun.simulation, begun.models, begun.study)
    (prior,) = made.models["products"].variants["original"].priors.values()
    return float(prior.mu), float(prior.sigma)


def test_the_originals_prior_is_its_posterior(case, new):
    """`replicate` says the same of the original, and of both."""
    answered = hb.replicate(case, new)
    for begun, what in ((hb.next_study(case), "original"), (hb.next_study(case, new), "both")):
        mean, sd = of_effect(begun)
        assert mean == pytest.approx(joint(answered, what)["mean"], abs=0.03 * sd)
        assert sd == pytest.approx(joint(answered, what)["sd"], rel=0.05)


def test_after_both_populations_have_the_effect_that_both_leave(case, new):
    begun = hb.next_study(case, new)
    plan = prepared(begun, tau=[0.0])
    truth = plan.population(next(plan.simulation.samples()), 0, 20_000).truth[:, 0]
    both = joint(hb.replicate(case, new), "both")
    assert truth.mean() == pytest.approx(both["mean"], abs=0.04 * both["sd"])
    assert truth.std() == pytest.approx(both["sd"], rel=0.04)


def test_the_published_study_differs_from_the_mean_too(case):
    """Normal: with tau, the mean effect's variance is the posterior's and tau's, the next study's has tau's twice."""
    plan = prepared(hb.next_study(case), tau=[0.0, 0.3])
    samples = {sample.tau: sample for sample in plan.simulation.samples() if sample.worlds == "posterior"}
    alike, differing = (plan.population(samples[tau], 0, 20_000) for tau in (0.0, 0.3))
    own = differing.worlds.truth(plan.estimands[0])
    assert alike.worlds.truth(plan.estimands[0]) == pytest.approx(alike.truth[:, 0])
    assert differing.truth[:, 0].var() - alike.truth[:, 0].var() == pytest.approx(0.09, abs=0.006)
    assert own.var() - alike.truth[:, 0].var() == pytest.approx(0.18, abs=0.009)
    assert np.corrcoef(own - differing.truth[:, 0], differing.truth[:, 0])[0, 1] == pytest.approx(0, abs=0.03)
    printed = next(s for s in plan.simulation.samples() if s.worlds == "printed" and s.tau)
    assert plan.population(printed, 0, 2_000).truth[:, 0].std() < 0.2  # nothing but what the print leaves open


def test_after_both_a_study_differs_from_their_mean_once(case, new):
    """What both leave of the mean effect stays as it is; tau enters with the planned study, and nowhere else."""
    plan = prepared(hb.next_study(case, new), tau=[0.0, 0.3])
    samples = {sample.tau: sample for sample in plan.simulation.samples()}
    alike, differing = (plan.population(samples[tau], 0, 20_000) for tau in (0.0, 0.3))
    estimand = plan.estimands[0]
    np.testing.assert_array_equal(alike.truth[:, 0], differing.truth[:, 0])
    own = differing.worlds.truth(estimand)
    assert own.var() - differing.truth[:, 0].var() == pytest.approx(0.09, abs=0.004)
    assert np.corrcoef(own - differing.truth[:, 0], differing.truth[:, 0])[0, 1] == pytest.approx(0, abs=0.03)


def test_an_effect_below_zero_is_asked_for_below_zero(case):
    """The mirrored outcome: every rule about a side is about the other one, and nothing else changes."""
    outcome = STUDY.analysis.outcome
    mirrored = tuple(table.assign(**{outcome: 6 - table[outcome]}) for table in TABLES)
    plans = [hb.next_study(Case(**{**vars_of(case), "data_sets": tables})).simulation for tables in (TABLES, mirrored)]
    assert plans[1].original.estimate == pytest.approx(-plans[0].original.estimate, abs=1e-6)
    up, down = sorted(plans, key=lambda plan: -plan.original.estimate)
    assert [str(d.rule) for d in up.decisions if "P(" in str(d.rule)] == ["P(> 0) of both studies together above 0.975"]
    assert [str(d.rule) for d in down.decisions if "P(" in str(d.rule)] == [
        "P(> 0) of both studies together below 0.025"
    ]
    assert down.decisions[-1].rule.below == 0
    assert up.decisions[-1].rule.above == 0


def vars_of(case):
    return {name: getattr(case, name) for name in ("study", "model", "estimand", "data_sets", "synthetic")}


def test_the_axis_is_the_worlds_heterogeneity_cell_by_cell(case):
    """tau as an axis draws what [worlds.heterogeneity] draws; a plan without either keeps its seeds."""
    begun = hb.next_study(case)
    by_axis = prepared(begun, tau=[0.1], n_per_group=[50])
    stated = begun.simulation.replace(
        axes=begun.simulation.axes.replace(tau=[], n_per_group=[50]),
        worlds=begun.simulation.worlds.replace(heterogeneity={"tau": 0.1}),
    )
    by_worlds = validated(Simulation, stated.model_dump(by_alias=True, exclude_none=True), "plan")
    sample = next(by_axis.simulation.samples())
    plain = next(by_worlds.samples())
    assert plain.tau is None
    assert sample.digest() != plain.digest()
    assert by_axis.simulation.over_worlds(sample) == by_worlds.over_worlds(plain)
    both = stated.model_dump(by_alias=True, exclude_none=True)
    with pytest.raises(InputError, match="not both"):
        validated(Simulation, {**both, "axes": {**both["axes"], "tau": [0.1]}}, "plan")


def test_the_plan_is_a_file_that_can_be_run_again(case, new):
    begun = hb.next_study(case, new)
    text = tomllib.loads(short_form(begun.simulation))
    assert validated(Simulation, text, "again") == begun.simulation


@pytest.mark.long
def test_the_one_liner_writes_a_plan_that_gives_the_same_numbers(tmp_path):
    for words in (
        ("power", "--after", "nonaka2021", "--replicates", "50", "-o", tmp_path / "a"),
        ("replay", tmp_path / "a"),
        ("power", tmp_path / "a" / "simulation.toml", "-o", tmp_path / "b"),
    ):
        found = CliRunner().invoke(main, list(map(str, words)))
        assert found.exit_code == 0, found.output
    first, again = (pd.read_csv(tmp_path / name / "power.csv") for name in "ab")
    numbers = [name for name in first if name != "model"]
    pd.testing.assert_frame_equal(first[numbers], again[numbers])


def test_a_plan_after_a_study_runs(case):
    """Of 400 a group nearly every replication of an effect as printed is one; in nothing at all hardly any."""
    begun = hb.next_study(case)
    small = begun.simulation.replace(
        axes=begun.simulation.axes.replace(n_per_group=[400], tau=[0.0]),
        worlds=begun.simulation.worlds.replace(source=["printed"]),
        run=begun.simulation.run.replace(replicates=200, refine=False),
    )
    made = {name: getattr(begun, name) for name in ("study", "models")}
    found = power(small, reconstructions=moments_of(STUDY, TABLES), workers=1, **made).power
    rows = found[found["prior"] == "original"].set_index("decision")
    assert set(rows.index) == {d.name for d in small.decisions}
    nothing = power(
        small.replace(axes=small.axes.replace(effect=[0.0])),
        reconstructions=moments_of(STUDY, TABLES),
        workers=1,
        **made,
    )
    none = nothing.power[nothing.power["prior"] == "original"].set_index("decision")
    assert rows.loc["replicated", "power"] > 0.5 > 0.2 > none.loc["replicated", "power"]
    assert none.loc["replicated", "against"] > 0.5


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--after", "nonaka2021", "--effect", "0.3"], "--effect: goes without --after"),
        (["--after", "nobody1999"], "nobody1999"),
        (["--after", "nonaka2021", "nowhere.csv"], "nowhere.csv"),
    ],
)
def test_what_is_wrong_is_said(words, message, monkeypatch, case):
    monkeypatch.setattr("hikibayes.replication.pair.reconstructed", lambda *_, **__: case)
    found = CliRunner().invoke(main, ["power", *words])
    assert found.exit_code == 2, found.output
    assert message in found.output
