"""Planning takes what `fit` takes: varying intercepts, sum scores between their ends, predictors with error."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from hikibayes.inference.nuts.graph import graph
from hikibayes.planning.designs.axes import Clusters
from hikibayes.planning.designs.resolved import resolved
from hikibayes.planning.designs.simulation import Simulation
from hikibayes.planning.populations.participants import draw_scores
from hikibayes.planning.populations.samples import GAUSSIAN
from hikibayes.planning.power import power
from hikibayes.planning.run.nuts import laid_out_for
from hikibayes.planning.run.plan import NUTS_REPLICATES, prepare
from hikibayes.reconstruction.shipped import shipped_reconstructions
from hikibayes.spec import InputError, validated

ABOVE = [{"name": "above", "estimand": "support_slope_difference", "rule": {"interval": 0.95, "above": 0}}]


def in_schools(size: int = 10, icc: float = 0.2, crossed: bool = True, n: int = 40, **run) -> Simulation:
    return Simulation.model_validate(
        {
            "description": "test",
            "population": {"formula": "y ~ group + x + (1|school)", "effect": 0.5, "of": "group", "slopes": {"x": 0.3}},
            "worlds": {"clusters": {"school": {"size": size, "icc": icc, "crossed": crossed}}},
            "axes": {"n_per_group": [n]},
            "run": run,
        }
    )


def planned(simulation: Simulation, **more):
    made = resolved(simulation)
    return prepare(made.simulation, study=made.study, models=made.models, **more)


@settings(deadline=None)
@given(
    st.lists(st.integers(2, 60), min_size=1, max_size=3),
    st.integers(2, 30),
    st.booleans(),
    st.integers(0, 2**32 - 1),
)
def test_clusters_are_even_and_as_many_as_were_counted(sizes, size, crossed, seed):
    clusters = Clusters(size=size, icc=0.1, crossed=crossed)
    group = np.repeat(np.arange(len(sizes)), sizes)
    members = clusters.members(group, np.random.default_rng(seed))
    counts = np.bincount(members)
    assert len(counts) == clusters.count(sizes)
    assert counts.min() >= 1
    by_group = [np.bincount(members[group == g], minlength=len(counts)) for g in range(len(sizes))]
    if crossed:
        assert np.ptp(counts) <= 1
        assert all(np.ptp(each) <= 1 for each in by_group)
    else:
        assert (np.sum([each > 0 for each in by_group], axis=0) == 1).all(), "a cluster belongs to one group"


@pytest.mark.parametrize("crossed", [True, False])
def test_the_residuals_of_a_cluster_are_as_alike_as_the_plan_says(crossed):
    """Their correlation is the icc, and their variance stays what the population says."""
    simulation = in_schools(size=8, icc=0.3, crossed=crossed, n=4000)
    plan = planned(simulation)
    world = plan.population(next(plan.simulation.samples()), 0).worlds
    clusters = plan.simulation.worlds.clusters
    drawn = draw_scores(world, 0, np.array([4000, 4000]), np.random.default_rng(1), GAUSSIAN, clusters)
    expected = world.level[0][drawn.cell] + (world.slope[0][drawn.cell] * drawn.scores).sum(axis=1)
    residual, school = drawn.outcome - expected, drawn.members["school"]
    counts = np.bincount(school)
    means = np.bincount(school, residual) / counts
    within = ((residual - means[school]) ** 2).sum() / (len(residual) - len(counts))
    between = means.var() - within / counts.mean()
    assert residual.var() == pytest.approx(1, abs=0.08)
    assert between / (between + within) == pytest.approx(0.3, abs=0.05)


def test_one_compiled_graph_serves_every_size():
    plan = planned(in_schools().replace(axes={"n_per_group": [20, 40]}))
    assert plan.engine == "nuts"
    (analysis,) = plan.analyses
    structures = set()
    for sample in plan.simulation.samples():
        world = plan.population(sample, 0).worlds
        rng = np.random.default_rng(1)
        scores = draw_scores(world, 0, np.array(sample.sizes), rng, GAUSSIAN, plan.simulation.worlds.clusters)
        structures.add(graph(laid_out_for(analysis, scores, GAUSSIAN), analysis.variant).structure)
    assert len(structures) == 1
    assert structures.pop().varying == (("1|school", "HalfNormal", 8),)


def test_nuts_takes_few_replicates_and_says_so():
    told: list[str] = []
    plan = planned(in_schools(), tell=told.append)
    assert plan.simulation.run.replicates == NUTS_REPLICATES
    assert not plan.simulation.run.refine
    assert any("200 replicates a cell" in line for line in told)
    said = planned(in_schools(replicates=30, refine=True), tell=told.clear).simulation.run
    assert (said.replicates, said.refine) == (30, True)


@pytest.mark.parametrize(
    ("worlds", "message"),
    [
        ({}, r"\[worlds.clusters.school\] says how many people each has \(size\) and how alike they are \(icc\)"),
        (
            {"school": {"size": 5, "icc": 0.1}, "clinic": {"size": 5, "icc": 0.1}},
            "there is no varying intercept .*'clinic'",
        ),
        ({"school": {"size": 5}}, "icc: is missing"),
        ({"school": {"size": 5, "icc": 1}}, "below 1"),
    ],
)
def test_what_is_missing_of_the_clusters_is_one_message(worlds, message):
    content = in_schools().model_dump(mode="json", exclude_unset=True, by_alias=True)
    content["worlds"] = {"clusters": worlds}
    with pytest.raises(InputError, match=message) as caught:
        planned(validated(Simulation, content, "plan.toml"))
    assert "\n" not in str(caught.value)


def of_published(model: str, **axes) -> Simulation:
    return Simulation.model_validate(
        {
            "description": "test",
            "model": model,
            "worlds": {"source": ["printed"], "model": "step3"},
            "axes": {"n_per_group": [80], **axes},
            "decision": ABOVE,
        }
    )


def test_the_truth_of_a_model_of_true_scores_is_that_of_scores_without_error(settled, reconstructions):
    simulation = of_published("step3_measurement_error")
    plan = prepare(simulation, study=settled, reconstructions=reconstructions)
    (analysis,) = plan.analyses
    sample = next(plan.simulation.samples())
    drawn = plan.population(sample, 0, 200)
    truth = plan.truth(drawn, analysis, 0)
    able = np.isfinite(truth[:, 0])
    assert able.mean() > 0.3
    steeper = np.abs(truth[able, 0]) > np.abs(drawn.truth[able, 0])
    assert steeper.mean() > 0.9, "error hides a part of a difference of slopes"
    scores = draw_scores(drawn.worlds, 0, np.array([40, 40, 40, 40]), np.random.default_rng(2), GAUSSIAN)
    made = graph(laid_out_for(analysis, scores, GAUSSIAN), analysis.variant)
    assert made.structure.true_scores is not None
    np.testing.assert_allclose(made.inputs["y_obs"], scores.outcome)


def test_a_sum_score_is_counted_in_points(settled):
    simulation = of_published("step3_sum_score", answers=["likert"])
    plan = prepare(simulation, study=settled, reconstructions=shipped_reconstructions(settled))
    (analysis,) = plan.analyses
    sample = next(plan.simulation.samples())
    measurement = plan.measurement(sample)
    worlds = plan.population(sample, 0).worlds
    scores = draw_scores(worlds, 0, np.array([40, 40, 40, 40]), np.random.default_rng(2), measurement)
    made = graph(laid_out_for(analysis, scores, measurement), analysis.variant)
    points, trials = made.inputs["y_obs"], int(made.inputs["trials"])
    assert points.dtype.kind == "i"
    assert 0 <= points.min() <= points.max() <= trials
    assert np.corrcoef(points, scores.outcome)[0, 1] == pytest.approx(1)


def test_a_sum_score_needs_whole_numbers(settled, reconstructions):
    with pytest.raises(InputError, match=r"answers = \['likert'\] draws them"):
        prepare(of_published("step3_sum_score"), study=settled, reconstructions=reconstructions)


@pytest.mark.long
def test_clusters_of_one_group_cost_what_the_design_effect_says():
    """Power of a cluster-randomised comparison: the normal approximation with variance 1 + (size - 1) icc."""
    simulation = in_schools(size=10, icc=0.2, crossed=False, n=150, replicates=200, refine=False)
    row = power(simulation, workers=2).power.iloc[0]
    assert row.failed <= 5
    effect = 1 + 9 * 0.2
    z = 0.5 / np.sqrt(2 * effect / 150)
    wanted = stats.nct.sf(stats.t.ppf(0.975, 28), 28, z)
    assert abs(row.power - wanted) < 4 * row.power_mcse + 0.03
