"""Figures: every one that the tables allow, as text one can read, the same bytes again."""

import itertools
import math
import re
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from tests.studies import orchard_run

from hikibayes.reporting.drawing import FAINT, FOCAL, INK, LINES, MARKS, OTHER, PRINTED, REFERENCE
from hikibayes.reporting.saved import SavedRun
from hikibayes.reporting.topics import TOPICS, figure_files


@pytest.fixture(scope="module")
def run():
    return SavedRun.of_contents(orchard_run.files(), orchard_run.record())


@pytest.fixture(scope="module")
def figures(run):
    return figure_files(run)


def test_there_is_one_for_every_table_that_is_there(figures):
    left_out = {
        "rule_costs",
        "prior_design",
        "heterogeneity",
    }  # one rule, one prior, studies alike; no design by prior width
    # nothing known of duration, another culture, or a choice of variables
    left_out |= {"limitation_duration", "limitation_culture", "limitation_variables"}
    left_out |= {"multiverse"}  # a verb of its own
    left_out |= {"smallest_effects", "cost_curves", "widths"}  # other plans
    names = {name for topic in TOPICS if not topic.plain for name in topic.figures}
    assert {f"figures/{name}.svg" for name in names - left_out} <= set(figures)


def test_planning_has_its_figures_where_there_is_something_to_compare(figures):
    """One rule under one prior: there are curves and a surface, and no costs of rules."""
    assert {"figures/curves.svg", "figures/surface.svg"} <= set(figures)
    assert "figures/rule_costs.svg" not in figures
    words = "".join(ET.fromstring(figures["figures/curves.svg"]).itertext())
    assert "participants in the smaller group" in words
    assert "posterior populations (assurance)" in words


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


# Machado, Oliveira & Fernandes (2009), severity 1: protanopia, deuteranopia, tritanopia
SEEN = {
    "everybody": np.eye(3),
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.01182, 0.04294, 0.968881]],
    "tritanopia": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.3039]],
}
TO_XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])


def lab(colour, seen):
    """CIE L*a*b* of a colour as somebody sees it."""
    code = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    linear = np.where(code <= 0.04045, code / 12.92, ((code + 0.055) / 1.055) ** 2.4)
    xyz = TO_XYZ @ np.clip(seen @ linear, 0, None) / (TO_XYZ @ np.ones(3))
    x, y, z = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return 116 * y - 16, 500 * (x - y), 200 * (y - z)


@pytest.mark.parametrize("who", SEEN)
def test_colours_that_stand_for_something_differ_for_everybody(who):
    pairs = itertools.combinations((REFERENCE, FOCAL, PRINTED, INK), 2)
    assert min(math.dist(lab(a, np.array(SEEN[who])), lab(b, np.array(SEEN[who]))) for a, b in pairs) > 20


def test_in_print_they_differ_by_mark_and_line():
    coloured = (REFERENCE, FOCAL, PRINTED, OTHER)
    assert len({MARKS[colour] for colour in coloured}) == len({LINES[colour] for colour in coloured}) == 4
    assert set(MARKS) == set(LINES) == {*coloured, INK, FAINT}
