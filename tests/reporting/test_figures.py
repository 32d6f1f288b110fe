"""Figures: every one that the tables allow, as text one can read, the same bytes again."""

import re
from xml.etree import ElementTree as ET

import pytest
from tests.studies import orchard_run

from hikibayes.reporting.saved import SavedRun
from hikibayes.reporting.topics import TOPICS, figure_files


@pytest.fixture(scope="module")
def run():
    return SavedRun.of_contents(orchard_run.files(), orchard_run.record())


@pytest.fixture(scope="module")
def figures(run):
    return figure_files(run)


def test_there_is_one_for_every_table_that_is_there(figures):
    left_out = {"rule_costs", "prior_design"}  # one rule, one prior; no design by prior width
    names = {name for topic in TOPICS if not topic.plain for name in topic.figures}
    assert {f"figures/{name}.svg" for name in names - left_out} <= set(figures)


def test_planning_has_its_figures_where_there_is_something_to_compare(figures):
    """One rule under one prior: there are curves and a surface, and no costs of rules."""
    assert {"figures/curves.svg", "figures/surface.svg"} <= set(figures)
    assert "figures/rule_costs.svg" not in figures
    words = "".join(ET.fromstring(figures["figures/curves.svg"]).itertext())
    assert "participants in the smaller group" in words
    assert "posterior worlds (assurance)" in words


def test_they_are_the_same_bytes_again(run, figures):
    assert figure_files(run) == figures


def test_they_carry_no_date_and_no_version(figures):
    for text in figures.values():
        assert "<dc:date>" not in text
        assert "matplotlib v" not in text.lower()


def test_their_text_is_text(figures):
    words = {name: "".join(ET.fromstring(text).itertext()) for name, text in figures.items()}
    assert "organic group" in words["figures/conditional_effects.svg"]
    assert "Difference of the slopes (organic − conventional)" in words["figures/published.svg"]
    assert "between readings" in words["figures/spread.svg"]
    assert "Monte Carlo errors" in words["figures/engines.svg"]


def test_without_its_table_a_figure_is_left_out():
    kept = {name: table for name, table in orchard_run.files().items() if name != "agreement.csv"}
    assert "figures/engines.svg" not in figure_files(SavedRun.of_contents(kept, orchard_run.record()))


def test_they_are_narrow_enough_for_a_phone(figures):
    for text in figures.values():
        assert float(re.search(r'width="([\d.]+)pt"', text).group(1)) < 300
