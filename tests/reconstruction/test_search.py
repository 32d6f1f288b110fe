"""The search moves only what may move, keeps its sums true, and comes nearer."""

from __future__ import annotations

import numpy as np
import pytest

from hikibayes.reconstruction import search
from hikibayes.reconstruction.columns import lay_out
from hikibayes.reconstruction.compile_goals import (
    attention,
    compile_goals,
    facing_walls,
    in_regressions,
    missed_facts,
    search_space,
)
from hikibayes.reconstruction.known import Known
from hikibayes.reconstruction.start import cross_product_targets, first_rows, freeze_extremes
from hikibayes.reconstruction.targets import Draws, TargetMaker

from .made_up import SOURCE, moments_of, printed_study, raw_data, study_of


@pytest.fixture(scope="module")
def setting():
    table = raw_data()
    study = printed_study(table)
    draws = Draws.of(moments_of(table, study), study)
    columns = lay_out(study, draws.names)
    targets = TargetMaker(study=study, columns=columns, known=Known(study), draws=draws).make(
        0, np.random.default_rng(1)
    )
    compiled = compile_goals(study, columns)
    rows = first_rows(columns, targets, np.random.default_rng(2))
    odd_share = np.ones(len(columns.names))
    odd_share[columns.names.index("scent")] = 0.3
    return study, columns, targets, compiled, rows, search_space(columns, odd_share)


def test_approach_comes_near_the_reconstruction_and_stays_in_range(setting):
    _, columns, targets, compiled, first, space = setting
    chains = compiled.goals.chains
    target, weight = cross_product_targets(columns, targets, in_regressions(columns, chains))
    often = attention(columns, chains, outcome=False)
    rows = first.copy()
    before = search.approach(np.random.default_rng(1), rows, space, often, target, weight, 0)
    assert (rows == first).all()
    left = search.approach(np.random.default_rng(1), rows, space, often, target, weight, 30_000)
    assert left < before / 10
    found = search.cross_products(rows, space.group)
    assert (weight * (found - target) ** 2).sum() / 2 < left < (weight * (found - target) ** 2).sum()
    assert (rows[:, 2:] >= columns.lowest).all()
    assert (rows[:, 2:] <= columns.highest).all()
    assert (rows == np.rint(rows)).all()
    # people do not change group, and a category only trades places within a group
    assert (rows[:, :2] == first[:, :2]).all()
    place = 2 + columns.names.index("regular")
    for k in (0, 1):
        assert rows[space.group == k, place].sum() == first[space.group == k, place].sum()


def test_odd_scores_stay_few(setting):
    _, columns, targets, compiled, rows, space = setting
    place = 2 + columns.names.index("scent")
    rows = rows.copy()
    parity = space.columns[place]["parity"]
    rows[:, place] -= (rows[:, place] + parity) % 2
    chains = compiled.goals.chains
    target, weight = cross_product_targets(columns, targets, in_regressions(columns, chains))
    often = attention(columns, chains, outcome=False)
    search.approach(np.random.default_rng(1), rows, space, often, target, weight, 30_000)
    odd = ((rows[:, place] + parity) % 2).sum()
    assert 0 < odd <= 0.3 * len(rows)


def test_frozen_cells_stay(setting):
    _, columns, targets, compiled, rows, space = setting
    rows = rows.copy()
    study = study_of(
        [
            {"id": "least", "quantity": "minimum", "of": "visits", "value": "1", "source": SOURCE},
            {"id": "most", "quantity": "maximum", "of": "visits", "group": "weekend", "value": "58", "source": SOURCE},
        ]
    )
    frozen = freeze_extremes(study, columns, rows)
    assert frozen.sum() == 2
    kept = rows[frozen]
    chains = compiled.goals.chains
    target, weight = cross_product_targets(columns, targets, in_regressions(columns, chains))
    often = attention(columns, chains, outcome=False)
    moved = space._replace(frozen=frozen)
    search.approach(np.random.default_rng(1), rows, moved, often, target, weight, 30_000)
    assert (rows[frozen] == kept).all()
    place = columns.names.index("visits")
    values = columns.origin[place] + columns.grain[place] * rows[frozen]
    assert sorted(values) == [1, 58]


@pytest.mark.parametrize("temperature", [0.0, 0.3])
def test_reach_ends_nearer_and_tells_what_is_missed(setting, temperature):
    _, columns, _, compiled, first, space = setting
    rows, goals = first.copy(), compiled.goals
    often = attention(columns, goals.chains, outcome=True)
    before = len(missed_facts(compiled, *search.values(rows, space, goals)))
    missed, loss, tried, accepted = search.reach(
        np.random.default_rng(1), rows, space, often, goals, 20_000, temperature
    )
    names = missed_facts(compiled, *search.values(rows, space, goals))
    assert len(names) == missed < before
    assert (missed == 0) == (names == [])
    assert 0 < accepted < tried <= 20_000
    assert np.isfinite(loss)


def test_walls_reflect_what_starts_beyond_them(setting):
    _, columns, _, _, _, _ = setting
    fact = {"id": "wall", "quantity": "correlation", "of": "scent", "with": "delight", "relation": ">", "value": "0.40"}
    study = study_of([{**fact, "absolute": True, "source": SOURCE}])
    goals = compile_goals(study, columns).goals
    for value, low in [(0.39, 0.41), (-0.39, 0.41), (0.4005, 0.4005), (0.9, 0.403), (0.1, 0.43)]:
        wall = facing_walls(goals, np.array([value]), np.zeros(0)).plain[0]
        assert wall["low"] == pytest.approx(low)
        # and it may lose some of its distance, but never pass the printed bound
        assert 0.40 < wall["low"] - wall["slack"] * wall["width"] < wall["low"]


def test_regressors_that_depend_on_each_other_are_hopeless_not_an_error(setting):
    _, columns, _, compiled, rows, space = setting
    rows = rows.copy()
    places = [2 + columns.names.index(name) for name in ("warmth", "bustle")]
    rows[:, places[0]] = rows[:, places[1]]
    _, found = search.values(rows, space, compiled.goals)
    assert np.isnan(found).all()
