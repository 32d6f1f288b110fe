"""Products of scores in a plan: a slope that changes with a number, in written populations and after a fit."""

import numpy as np
import pytest
import statsmodels.formula.api as smf

from hikibayes.inference.gaussian.philox import Stream
from hikibayes.planning.designs.resolved import resolved
from hikibayes.planning.designs.simulation import Simulation
from hikibayes.planning.populations.expected import expected
from hikibayes.planning.populations.participants import draw_scores, table
from hikibayes.planning.populations.samples import GAUSSIAN, draw_statistics
from hikibayes.planning.power import power
from hikibayes.planning.run.plan import Plan, prepare
from hikibayes.spec import InputError

MODERATED = {
    "formula": "y ~ x * w",
    "effect": {"raw": 0.3},
    "slopes": {"x": 0.2, "w": -0.4},
    "means": {"x": 0.5, "w": -1.0},
    "sds": {"x": 1.5},
    "correlation": [{"of": "x", "with": "w", "r": 0.4}],
}
BY_ARM = {
    "formula": "y ~ arm * x * w + v * x",
    "levels": {"arm": ["a", "b", "c"]},
    "of": "x:w",
    "effect": {"raw": 0.25},
    "slopes": {"x": [0.2, 0.1, -0.3], "w": 0.3, "w:x": [0.1, 0.5, 0.0], "v:x": 0.2},
    "means": {"x": [0.5, 0.0, 1.0], "v": 2.0},
    "sds": {"x": [1.5, 1.0, 0.5]},
    "correlation": [{"of": "x", "with": "w", "r": 0.4}, {"of": "v", "with": "w", "r": -0.3}],
    "residual_sd": [0.5, 1.0, 2.0],
}


def planned(population: dict[str, object], **more: object) -> Plan:
    content = {"description": "A moderator", "population": population, "axes": {"n_per_group": [60]}, **more}
    made = resolved(Simulation.model_validate(content))
    return prepare(made.simulation, study=made.study, models=made.models)


@pytest.mark.parametrize("population", [MODERATED, BY_ARM])
def test_drawn_cross_products_are_the_expected_ones(population):
    """By the generator, by rows and formulae, and by Isserlis' theorem: one law."""
    plan = planned(population)
    sample = next(plan.simulation.samples())
    worlds = plan.population(sample, 0, 4_000)
    counts = np.broadcast_to(sample.sizes, (4_000, len(plan.frame.cells)))
    columns = plan.analyses[0].columns
    args = (worlds.roots, counts, Stream.of(np.random.SeedSequence(3), 0), columns, plan.measurement(sample))
    drawn = draw_statistics(*args, alike=plan.alike(worlds.worlds))
    awaited = expected(columns, worlds.worlds, np.array(sample.sizes, dtype=float))
    # around the sample's own mean a degree of freedom is lost, in a mixture of cells not evenly
    within = 1 - 1 / drawn.n[0]
    rows = [draw_scores(worlds.worlds, i, counts[i], np.random.default_rng(i), GAUSSIAN) for i in range(400)]
    frames = [table(plan.frame, each) for each in rows]
    for name in ("x_mean", "y_mean", "sxx", "sxy", "syy"):
        found, target = getattr(drawn, name), getattr(awaited, name)[0]
        target = target * within if name.startswith("s") else target
        error = found.std(axis=0) / np.sqrt(len(found))
        slack = 0.02 * np.abs(target) if name.startswith("s") else 0
        assert (np.abs(found.mean(axis=0) - target) < 4.5 * error + slack + 1e-9).all(), name
    outcome = plan.study.analysis.outcome
    by_rows = np.array([frame[outcome].mean() for frame in frames])
    assert by_rows.mean() == pytest.approx(awaited.y_mean[0], abs=4.5 * by_rows.std() / 20)
    spread = np.array([frame[outcome].var() for frame in frames])
    assert spread.mean() == pytest.approx(drawn.syy.mean() / (drawn.n[0] - 1), abs=4.5 * spread.std() / 20)


@pytest.mark.parametrize("population", [MODERATED, BY_ARM])
def test_the_population_has_the_effect_that_was_asked_for(population):
    """Least squares of very many rows finds the slopes that were written, product and all."""
    plan = planned(population)
    world = plan.population(next(plan.simulation.samples()), 0, 1).worlds
    assert world.truth(plan.estimands[0]) == pytest.approx(population["effect"]["raw"])
    counts = np.full(len(plan.frame.cells), 60_000)
    rows = table(plan.frame, draw_scores(world, 0, counts, np.random.default_rng(1), GAUSSIAN))
    if population is MODERATED:
        found = smf.ols("y ~ x * w", rows).fit()
        target = {"x": 0.2, "w": -0.4, "x:w": 0.3}
        for name, value in target.items():
            assert found.params[name] == pytest.approx(value, abs=4 * found.bse[name])
        return
    each = [smf.ols("y ~ x * w + v * x", own).fit().params["x:w"] for _, own in rows.groupby("arm")]
    assert np.mean(each) == pytest.approx(0.25, abs=0.02)
    assert each[1] - each[2] == pytest.approx(0.5, abs=0.03)


def test_power_of_a_moderated_slope_is_that_of_plain_simulated_t_tests():
    population = MODERATED | {"effect": {"raw": 0.17}}
    axes = {"n_per_group": [60], "prior": ["flat"]}
    plan = Simulation.model_validate({"description": "A moderator", "population": population, "axes": axes})
    (cell,) = power(plan, replicates=4_000).power.to_dict("records")
    rng, hits, tries = np.random.default_rng(7), 0, 4_000
    cov = np.array([[2.25, 0.6], [0.6, 1.0]])
    for _ in range(tries):
        x, w = rng.multivariate_normal([0.5, -1.0], cov, 60).T
        y = 0.2 * x - 0.4 * w + 0.17 * x * w + rng.normal(size=60)
        rows = np.column_stack([np.ones(60), x, w, x * w])
        inverse = np.linalg.inv(rows.T @ rows)
        beta = inverse @ rows.T @ y
        residual = y - rows @ beta
        hits += beta[3] / np.sqrt(inverse[3, 3] * residual @ residual / 56) > 2.0032407  # t(56), .975
    share = hits / tries
    assert cell["power"] == pytest.approx(share, abs=4 * np.sqrt(2 * share * (1 - share) / tries))


def test_dropout_and_whole_numbers_go_with_products():
    """Lost on the outcome, which stands after the products; coarse scores have products of what was recorded."""
    lost = {"share": 0.3, "on": "y", "strength": 2.0}
    plan = planned(MODERATED, axes={"n_per_group": [60], "missing": [lost]})
    sample = next(plan.simulation.samples())
    worlds = plan.population(sample, 0, 2_000)
    counts = plan.counts(sample, worlds.worlds, np.random.default_rng(1))
    columns = plan.analyses[0].columns
    args = (worlds.roots, counts, Stream.of(np.random.SeedSequence(3), 0), columns)
    kept, everybody = (
        draw_statistics(*args, m) for m in (plan.measurement(sample), plan.measurement(sample)._replace(dropout_on=-1))
    )
    assert kept.n.mean() < 0.85 * everybody.n.mean()
    assert kept.y_mean.mean() < everybody.y_mean.mean() - 0.3
    coarse = plan.measurement(sample)._replace(
        dropout_on=-1, location=np.zeros(4), scale=np.ones(4), low=np.full(4, -9.0), high=np.full(4, 9.0),
        grain=np.array([1.0, 1.0, 0.0, 0.0]),
    )  # fmt: skip
    drawn = draw_statistics(*args, coarse)
    # a mean of whole numbers' products times n is a whole number
    total = drawn.x_mean[:, 2] * drawn.n
    np.testing.assert_allclose(total, np.rint(total), atol=1e-8)


@pytest.mark.parametrize(
    ("changes", "more", "message"),
    [
        ({"formula": "y ~ x * w * v", "of": "x:w"}, {}, "nor a square or product of two"),
        ({"effect": {"beta": 0.2}}, {}, "write it as d, f2 or raw"),
        ({"slopes": {"x:v": 0.2}}, {}, "x:w"),
        ({}, {"predictors": ["fixed"]}, "without products"),
        ({"reliabilities": {"x": 0.8}}, {"reliability": [{"x": 0.9}]}, "whose errors multiply too"),
    ],
)
def test_what_products_do_not_go_with_is_one_message(changes, more, message):
    with pytest.raises(InputError, match=message):
        planned(MODERATED | changes, axes={"n_per_group": [60], **more})
