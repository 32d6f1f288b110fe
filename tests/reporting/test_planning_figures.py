"""The report's section on a plan: what it draws and says of smallest effects, costs and precision."""

from __future__ import annotations

from itertools import pairwise
from xml.etree import ElementTree as ET

import pytest

from hikibayes.planning.designs.resolved import resolved
from hikibayes.planning.designs.simulation import Simulation
from hikibayes.planning.power import power
from hikibayes.planning.results.proposal import proposal
from hikibayes.planning.results.tables import planning_tables
from hikibayes.provenance import Stopwatch
from hikibayes.reporting.html import page
from hikibayes.reporting.saved import SavedRun
from hikibayes.reporting.topics import figure_files
from hikibayes.reporting.topics.planning.figures import _whole, labelled
from hikibayes.spec import spec_text, validated

LEVELS = {"arm": ["zzz usual", "+6m new_"]}


def run_of(**more) -> tuple[SavedRun, str]:
    content = {"description": "Twice as dear, said they", "run": {"replicates": 400}, **more}
    made = resolved(validated(Simulation, content, "t"))
    found = power(made.simulation, study=made.study, models=made.models, workers=1)
    files = planning_tables(found, made.models) | {"study.json": spec_text(made.study)}
    record = Stopwatch().record("power", {}, seed=1, inputs={})
    return SavedRun.of_contents(files, record), proposal(found)


def words(svg: str) -> str:
    return " ".join(ET.fromstring(svg).itertext())


@pytest.fixture(scope="module")
def smallest():
    rule = [{"name": "d", "rule": {"interval": 0.95, "above": 0}}]
    axes = {"n_per_group": [20, 60], "prior": ["flat"]}
    population = {"formula": "y ~ arm", "levels": LEVELS}
    return run_of(population=population, axes=axes, targets={"detectable": [0.8]}, decision=rule)


def test_smallest_effects_are_drawn_in_the_units_of_the_plan(smallest):
    run, _ = smallest
    drawn = figure_files(run)
    assert set(drawn) == {"figures/smallest_effects.svg", "figures/surface.svg"}
    for svg in drawn.values():
        assert "true value (units of the plan)" in words(svg)
    assert "60 participants in the smaller group" in words(drawn["figures/smallest_effects.svg"])


def test_the_surface_is_of_effects_that_every_size_was_simulated_for(smallest):
    table = smallest[0].table("surface")
    sizes = table.groupby("effect").n_per_group.nunique()
    assert (sizes == 1).any()  # added where one size finds it
    kept = _whole(table)
    assert set(kept.effect) == set(sizes.index[sizes == 2])


def test_labels_are_words_as_they_were_written(smallest):
    run, paragraph = smallest
    html = page(run, figure_files(run))
    assert "about the difference in means, arm (+6m new_ − zzz usual): the conclusion" in paragraph
    assert "difference in means, arm (+6m new_ − zzz usual)" in html
    assert "Twice as dear, said they." in html
    assert "The smallest effects that are found" in html
    assert "Sample sizes were found" not in html + paragraph


def test_costs_and_widths_have_their_curves():
    rule = [{"name": "d", "rule": {"all": [{"interval": 0.95, "above": 0}, {"interval": 0.95, "narrower_than": 0.9}]}}]
    population = {"formula": "y ~ arm", "levels": LEVELS, "effect": 0.6}
    axes = {"n_per_group": [30, 80], "prior": ["flat"]}
    run, paragraph = run_of(
        population=population, axes=axes, targets={"power": [0.6]}, decision=rule, costs={"person": [9, 1]}
    )
    drawn = figure_files(run)
    assert {"figures/cost_curves.svg", "figures/widths.svg", "figures/curves.svg"} <= set(drawn)
    assert "cost of the study" in words(drawn["figures/cost_curves.svg"])
    assert "groups 1:3" in words(drawn["figures/cost_curves.svg"])
    assert "mean width (units of the plan)" in words(drawn["figures/widths.svg"])
    html = page(run, drawn)
    row = run.table("sample_size").set_index("cheapest").loc[True]
    assert f"{row.cost:,.0f} (cheapest)" in html
    assert f"{row.cost:,.0f}, the cheapest," in paragraph


def test_sizes_are_drawn_by_how_much_studies_differ():
    """Two values of tau: a size each, or a triangle where the grid does not reach it; of one value no figure."""
    plan = {
        "population": {"formula": "y ~ arm", "levels": LEVELS, "effect": 0.6},
        "targets": {"power": [0.8]},
        "decision": [{"name": "d", "rule": {"interval": 0.95, "above": 0}}],
    }
    run, _ = run_of(**plan, axes={"n_per_group": [30, 60, 120], "prior": ["flat"], "tau": [0.0, 0.1, 0.6]})
    sizes = run.table("sample_size").set_index("tau")
    assert sizes["reached"].to_dict() == {0.0: True, 0.1: True, 0.6: False}
    assert sizes.loc[0.1, "n_per_group"] > sizes.loc[0.0, "n_per_group"]
    drawn = figure_files(run)["figures/heterogeneity.svg"]
    assert "SD between studies' effects, τ" in words(drawn)
    assert "What it costs if studies differ" in page(run, figure_files(run))
    alike, _ = run_of(**plan, axes={"n_per_group": [30, 60], "prior": ["flat"], "tau": [0.1]})
    assert "figures/heterogeneity.svg" not in figure_files(alike)


@pytest.mark.parametrize(
    ("sizes", "named"),
    [
        ([110], [110]),
        ([60, 75, 90], [60, 75, 90]),
        ([30, 35, 40, 45], [30, 35, 40, 45]),
        ([25, 50, 71, 100], [25, 50, 100]),
    ],
)
def test_an_axis_of_sizes_has_labels(sizes, named):
    assert labelled(sizes) == named


def test_labels_of_sizes_do_not_touch():
    found = labelled([60, 61, 62, 75, 76, 90])
    assert (found[0], found[-1]) == (60, 90)
    assert min(b / a for a, b in pairwise(found)) > 1.05


def test_a_plan_of_one_size_is_a_sentence_and_no_empty_curve():
    population = {"formula": "y ~ arm", "levels": LEVELS, "effect": 0.4}
    run, _ = run_of(population=population, axes={"n_per_group": [60]})
    assert "figures/curves.svg" not in figure_files(run)
    assert "60 in the smaller group: power ." in " ".join(page(run, figure_files(run)).split())


def test_the_tables_have_rows_of_every_mix():
    levels = {"arm": ["sham", "active"], "gender": ["woman", "man"]}
    axes = {"n_per_group": [30], "mix": ["1:1", "3:1"]}
    population = {"formula": "y ~ arm * gender", "levels": levels, "effect": 0.6}
    run, _ = run_of(population=population, axes=axes, targets={"power": [0.8]})
    assert page(run, figure_files(run)).count("<td>1:1, gender 3:1 (woman : man)</td>") == 4


def test_what_other_rules_are_warned_of_is_folded():
    rules = [{"name": name, "rule": {"interval": 0.95, "above": 0}} for name in ("first_one", "other_one")]
    axes = {"n_per_group": [30], "prior": ["flat"]}
    run, _ = run_of(population={"effect": 0.2}, axes=axes, targets={"power": [0.8]}, decision=rules)
    html = page(run, figure_files(run))
    open_, _, folded = html.partition("To be kept in mind of the other rules (1)")
    assert "other one, fixed populations" in folded
    assert "other one, fixed populations" not in open_
    assert "first one, fixed populations" in open_


def test_a_plan_of_one_sample_draws_its_surface():
    """Its allocation is 1 alone, which reads as a number where nobody says that it is text."""
    run, _ = run_of(population={"formula": "y ~ x"}, axes={"n_per_group": [30, 60], "effect": [0.1, 0.2, 0.3]})
    figures = figure_files(run)
    assert "figures/surface.svg" in figures
    assert page(run, figures)
