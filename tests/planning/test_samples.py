"""Samples by moments against samples by rows, and against the design that formulae makes of a table."""

from __future__ import annotations

import numpy as np
import pytest
from tests.planning.cell_moments import Moments, draw_moments, pool

from hikibayes.inference.gaussian.philox import Stream
from hikibayes.inference.models.design import Scaling, design
from hikibayes.inference.models.specs import load_model
from hikibayes.planning.designs.axes import DropOut, WorldsSpec
from hikibayes.planning.designs.cells import Sample
from hikibayes.planning.designs.simulation import load_simulation
from hikibayes.planning.populations.columns import Frame, cell_columns
from hikibayes.planning.populations.instruments import measurement_of
from hikibayes.planning.populations.participants import draw_scores, table
from hikibayes.planning.populations.reconstructed import ensemble
from hikibayes.planning.populations.samples import GAUSSIAN, Roots, draw_statistics, roots
from hikibayes.planning.populations.sources import printed_source
from hikibayes.planning.run.plan import prepare

COUNTS = np.array([31, 29, 24, 36])


@pytest.fixture(scope="module")
def world(settled, reconstructions):
    model = load_model("step3")
    made = ensemble(cell_columns(model, Frame.of_model(settled, model)), reconstructions)
    return printed_source(made)(np.random.default_rng(3), 1)


def sample(**changes: object) -> Sample:
    plain = {"worlds": "printed", "effect": None, "reliability": "as_printed", "allocation": "1:1", "mix": "as_printed"}
    plain |= {"attrition": 0.0, "missing": None, "answers": "gaussian", "predictors": "random", "n_per_group": 60}
    return Sample(**(plain | changes))


def moments_of(cell, scores, outcome, cells: int) -> Moments:
    every = np.column_stack([scores, outcome])
    parts = [every[cell == c] for c in range(cells)]
    scatter = np.stack([(part - part.mean(0)).T @ (part - part.mean(0)) for part in parts])
    return Moments(np.array([[len(part) for part in parts]]), np.stack([p.mean(0) for p in parts])[None], scatter[None])


@pytest.mark.parametrize("name", ["step1", "step2", "step3", "step3_support_only", "sex_by_support"])
def test_pooled_statistics_are_those_of_the_rows(settled, world, name):
    model = load_model(name)
    cell, scores, outcome, _ = drawn = draw_scores(world, 0, COUNTS, np.random.default_rng(4), GAUSSIAN)
    numbers = [*world.frame.measures, "abs_h"]
    unit = Scaling(location=dict.fromkeys(numbers, np.zeros(1)), scale=dict.fromkeys(numbers, np.ones(1)))
    wanted = design(model, table(world.frame, drawn), settled, scaling=unit).statistics
    found = pool(moments_of(cell, scores, outcome, 4), cell_columns(model, world.frame))
    assert found.names == wanted.names
    for field in ("n", "x_mean", "y_mean", "sxx", "sxy", "syy"):
        np.testing.assert_allclose(getattr(found, field), getattr(wanted, field), atol=1e-9, err_msg=field)


def many(world, size: int):
    return roots(world.take(np.zeros(size, dtype=np.int64)))


def test_moments_drawn_directly_have_the_law_of_moments_of_rows(world):
    """Expectation and variance of means and scatters: normal and Wishart, cell by cell."""
    size, population = 20_000, many(world, 20_000)
    drawn = draw_moments(population, np.broadcast_to(COUNTS, (size, 4)), Stream.of(5))
    for c, n in enumerate(COUNTS):
        cov = population.root[0, c] @ population.root[0, c].T
        variance = np.diag(cov)
        centre = drawn.centre[:, c] - population.mean[0, c]
        np.testing.assert_allclose(centre.mean(0) / np.sqrt(variance / n / size), 0, atol=4.5)
        np.testing.assert_allclose(np.cov(centre.T), cov / n, atol=0.05 * variance.max() / n)
        error = np.sqrt((cov**2 + np.outer(variance, variance)) * (n - 1) / size)
        np.testing.assert_allclose((drawn.scatter[:, c].mean(0) - (n - 1) * cov) / error, 0, atol=4.5)
        spread = (cov**2 + np.outer(variance, variance)) * (n - 1)
        np.testing.assert_allclose(drawn.scatter[:, c].var(0) / spread, 1, atol=0.08)


@pytest.mark.parametrize("by_rows", [False, True])
def test_a_sample_depends_on_its_seed_and_index_alone(settled, world, by_rows):
    """Alone, in another block, beside others of other sizes: the same bytes; and a design changes no draw."""
    measurement = measurement_of(sample(missing=DropOut(share=0.2, on="abs_h", strength=1.0)), world.frame, None)
    measurement = measurement if by_rows else GAUSSIAN
    rng = np.random.default_rng(9)
    counts = rng.integers(0, 40, size=(21, 4))  # some cells are too small for a Wishart
    together = draw_moments(many(world, 21), counts, Stream.of(8, 3), measurement)
    for i in (0, 7, 8, 20):
        alone = draw_moments(many(world, 1), counts[[i]], Stream.of(8, 3 + i), measurement)
        for one, all_of_them in zip(alone, together, strict=True):
            np.testing.assert_array_equal(one[0], all_of_them[i])
    other = draw_moments(many(world, 21), counts, Stream.of(9, 3), measurement)
    assert not np.isclose(other.centre[:, :, 0], together.centre[:, :, 0]).any(axis=0).all()
    columns = cell_columns(load_model("step3"), world.frame)
    at_once, wanted = (
        draw_statistics(many(world, 21), counts, Stream.of(8, 3), columns, measurement),
        pool(together, columns),
    )
    for field in ("n", "x_mean", "y_mean", "sxx", "sxy", "syy"):
        np.testing.assert_allclose(getattr(at_once, field), getattr(wanted, field), atol=1e-10, err_msg=field)


def test_fewer_samples_than_populations_are_those_of_the_first(world):
    """The last chunk of a cell is short: nothing is written where it has no room."""
    counts = np.random.default_rng(9).integers(10, 40, size=(21, 4))
    columns = cell_columns(load_model("step3"), world.frame)
    all_of_them, some = (draw_statistics(many(world, 21), counts[:n], Stream.of(8), columns) for n in (21, 5))
    assert len(draw_moments(many(world, 21), counts[:5], Stream.of(8)).counts) == 5
    for field in ("n", "x_mean", "y_mean", "sxx", "sxy", "syy"):
        np.testing.assert_array_equal(getattr(some, field), getattr(all_of_them, field)[:5], err_msg=field)


def test_scatters_of_cells_that_differ_in_their_means_alone_are_drawn_together(world):
    """Means cell by cell, and for each group one Wishart with the degrees of freedom of all its cells."""
    size, population = 20_000, many(world, 20_000)
    counts = np.array([31, 29, 8, 36])
    drawn = draw_moments(population, np.broadcast_to(counts, (size, 4)), Stream.of(5), alike=2)
    for first in (0, 2):
        cov, df = population.root[0, first] @ population.root[0, first].T, counts[first : first + 2].sum() - 2
        spread = (cov**2 + np.outer(np.diag(cov), np.diag(cov))) * df
        np.testing.assert_allclose((drawn.scatter[:, first].mean(0) - df * cov) / np.sqrt(spread / size), 0, atol=4.5)
        np.testing.assert_allclose(drawn.scatter[:, first].var(0) / spread, 1, atol=0.08)
        assert not drawn.scatter[:, first + 1].any()
    for c, n in enumerate(counts):
        cov = population.root[0, c] @ population.root[0, c].T
        np.testing.assert_allclose(np.cov((drawn.centre[:, c] - population.mean[0, c]).T), cov / n, atol=0.06 / n)


def test_cells_are_alike_unless_the_category_moderates_a_slope(settled, reconstructions):
    for model, alike in (("step3", 2), ("sex_by_support", 1)):
        simulation = load_simulation("followup").replace(
            model=model, worlds=WorldsSpec(source=("printed",), model="step3")
        )
        simulation = simulation.replace(axes=simulation.axes.replace(prior=("weakly_informative",)))
        plan = prepare(simulation, study=settled, reconstructions=reconstructions)
        worlds = plan.sources["printed"](np.random.default_rng(1), 3)
        assert plan.alike(worlds) == alike
    assert plan.alike(worlds.with_value(settled.estimand("support_slope_difference"), 0.1)) == 1


def test_a_cell_too_small_for_a_wishart_is_drawn_by_rows(world):
    size, population = 20_000, many(world, 20_000)
    counts = np.array([5, 0, 1, 9])
    drawn = draw_moments(population, np.broadcast_to(counts, (size, 4)), Stream.of(5))
    cov = population.root[0, 0] @ population.root[0, 0].T
    np.testing.assert_allclose(drawn.scatter[:, 0].mean(0), 4 * cov, atol=0.15)
    assert np.linalg.matrix_rank(drawn.scatter[0, 0]) == 4
    assert not drawn.scatter[:, 1].any()
    assert not drawn.scatter[:, 2].any()


def test_fixed_scores_have_the_worlds_moments_in_every_sample(world):
    population = many(world, 50)
    measurement = GAUSSIAN._replace(fixed_scores=True)
    drawn = draw_moments(population, np.broadcast_to(COUNTS, (50, 4)), Stream.of(5), measurement)
    m = len(world.frame.measures)
    np.testing.assert_allclose(drawn.centre[:, :, :m], population.mean[:, :, :m])
    wanted = world.cov[0][world.frame.group_of] * (COUNTS - 1)[:, None, None]
    np.testing.assert_allclose(drawn.scatter[7, :, :m, :m], wanted, atol=1e-9)
    assert drawn.scatter[:, 0, m, m].std() > 0


def test_losses_that_depend_on_the_outcome_take_their_share_and_shift_it(settled, world):
    loss = DropOut(share=0.25, on="abs_h", strength=1.5)
    measurement = measurement_of(sample(missing=loss), world.frame, None)
    size = 2_000
    drawn = draw_moments(many(world, size), np.broadcast_to(COUNTS, (size, 4)), Stream.of(6), measurement)
    left = drawn.counts.sum() / (size * COUNTS.sum())
    assert left == pytest.approx(0.75, abs=0.02)
    plain = draw_moments(many(world, size), np.broadcast_to(COUNTS, (size, 4)), Stream.of(6))
    assert drawn.centre[..., -1].mean() < plain.centre[..., -1].mean() - 0.1
    rows = draw_scores(world, 0, COUNTS * 200, np.random.default_rng(7), measurement)
    assert len(rows[0]) / (200 * COUNTS.sum()) == pytest.approx(left, abs=0.01)
    for c in range(4):
        assert rows[2][rows[0] == c].mean() == pytest.approx(drawn.centre[:, c, -1].mean(), abs=0.04)


def age_in_years(reconstructions):
    known = np.where(reconstructions["measure"] == "age", [[38.0], [7.0]], np.nan)
    return reconstructions.assign(location=("measure", known[0]), scale=("measure", known[1]))


def test_likert_answers_are_whole_numbers_within_the_instruments_range(settled, world, reconstructions):
    measurement = measurement_of(sample(answers="likert"), world.frame, age_in_years(reconstructions))
    assert measurement.location[[0, -1]] == pytest.approx([38.0, settled.assumption("abs_h_raw_mean").distribution.mu])
    _, scores, outcome, _ = draw_scores(world, 0, COUNTS, np.random.default_rng(4), measurement)
    every = np.column_stack([scores, outcome]) * measurement.scale + measurement.location
    np.testing.assert_allclose(every, np.round(every), atol=1e-9)
    assert (every >= measurement.low - 1e-9).all()
    assert (every <= measurement.high + 1e-9).all()
    size = 3_000
    drawn = draw_moments(many(world, size), np.broadcast_to(COUNTS, (size, 4)), Stream.of(6), measurement)
    large = draw_scores(world, 0, COUNTS * 300, np.random.default_rng(8), measurement)
    for c, n in enumerate(COUNTS):
        part = np.column_stack([large[1], large[2]])[large[0] == c]
        np.testing.assert_allclose(drawn.scatter[:, c].mean(0) / (n - 1), np.cov(part.T), atol=0.06)


def test_fewer_counts_than_worlds_are_the_first_worlds_alone(settled, reconstructions):
    """The loops once ran over every world, and read counts beyond the end of theirs."""
    model = load_model("step3")
    columns = cell_columns(model, Frame.of_model(settled, model))
    population = roots(printed_source(ensemble(columns, reconstructions))(np.random.default_rng(1), 40))
    counts = np.full((11, 4), 30)
    stream = Stream.of(np.random.SeedSequence(3), 0)
    every = draw_statistics(Roots(*(values[:11] for values in population)), counts, stream, columns)
    some = draw_statistics(population, counts, stream, columns)
    np.testing.assert_array_equal(some.sxx, every.sxx)
