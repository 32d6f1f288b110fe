"""The figure of a data set says that it is synthetic, shows true ranges and every participant."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from hikibayes.reporting.drawing import OF_GROUPS
from hikibayes.reporting.figures_participants import MARK, dataset_figure
from hikibayes.study.study import Study
from hikibayes.study.study_file import load_study


@pytest.fixture(scope="module")
def participants(nonaka: Study) -> pd.DataFrame:
    rng = np.random.default_rng(1)
    table = {}
    for measure in nonaka.measures:
        if measure.id == nonaka.analysis.group:
            table[measure.id] = np.repeat(nonaka.group_ids, [30, 20])
        elif measure.kind == "category":
            table[measure.id] = rng.choice([level.id for level in measure.levels], size=50)
        else:
            low, high = measure.limits
            table[measure.id] = rng.integers(int(low), int(high) + 1, size=50)
    frame = pd.DataFrame(table)
    return frame.assign(duration_months=frame["duration_months"].astype("Int64").where(frame["group"] != "control"))


def test_the_figure(nonaka, participants):
    figure = dataset_figure(nonaka, participants)
    scatter = figure.subfigs[0].axes[0]
    outcome = nonaka.measure(nonaka.analysis.outcome)
    assert MARK in figure.get_suptitle()
    assert "SYNTHETIC" in MARK
    assert sum(len(points.get_offsets()) for points in scatter.collections) == 50
    assert scatter.get_ylim() == outcome.limits
    assert "(points)" in scatter.get_ylabel()
    panels = {axis.get_title().replace("\n", " "): axis for axis in figure.subfigs[1].axes if axis.get_visible()}
    shown = [measure for measure in nonaka.measures if measure.id != nonaka.analysis.group]
    assert list(panels) == [measure.label for measure in shown]
    for measure in shown:
        if measure.kind != "category":
            low, high = panels[measure.label].get_xlim()
            assert low <= measure.limits[0] < measure.limits[1] <= high


def test_a_measure_of_one_group_is_drawn_for_that_group(nonaka, participants):
    figure = dataset_figure(nonaka, participants)
    label = nonaka.measure("duration_months").label
    panel = next(axis for axis in figure.subfigs[1].axes if axis.get_title() == label)
    colours = {line.get_color() for line in panel.lines}
    assert colours == {OF_GROUPS[1]}


@pytest.mark.parametrize(("name", "groups"), [("iris1936", 3), ("ozone1973", 1)])
def test_three_groups_and_one_sample_have_each_their_own_line(name, groups):
    study, rng = load_study(name), np.random.default_rng(2)
    numbers = {m.id: rng.uniform(*m.limits, size=60) for m in study.measures if not m.levels}
    labels = {m.id: np.resize([level.id for level in m.levels], 60) for m in study.measures if m.levels}
    slopes = dataset_figure(study, pd.DataFrame(numbers | labels)).subfigs[0].axes[0]
    assert [line.get_color() for line in slopes.lines] == [*OF_GROUPS[:groups]]
    assert sum(len(points.get_offsets()) for points in slopes.collections) == 60


def test_it_can_be_saved(nonaka, participants, tmp_path):
    dataset_figure(nonaka, participants).savefig(tmp_path / "look.svg")
    assert (tmp_path / "look.svg").stat().st_size > 10_000
