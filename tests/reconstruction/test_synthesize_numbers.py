"""Two ways to the same number: the search's from group moments, and statsmodels on the table."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from hikibayes.reconstruction.participants.columns import lay_out
from hikibayes.reconstruction.participants.moves import Aim
from hikibayes.reconstruction.participants.numbers import Numbers
from hikibayes.reconstruction.verify import recompute, verify
from hikibayes.spec import InputError
from hikibayes.study.analysis import PublishedAnalysis
from hikibayes.study.moments import sample_moments
from hikibayes.study.study import Study

from .made_up import moments_of, printed_study, raw_data, study_of

NOT_IN_THE_SEARCH = {"n", "alpha", "minimum", "maximum"}


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    return raw_data()


def searched(study: Study, table: pd.DataFrame, names: Sequence[str]) -> dict[str, float]:
    numbers, moments = Numbers(study, names), sample_moments(table, study, names)
    found = numbers.values(moments["mean"].values, moments["cov"].values)
    return {goal.fact.id: float(value) for goal, value in zip(numbers.goals, found, strict=True)}


def test_the_search_and_a_stranger_compute_the_same_numbers(table):
    study = printed_study(table)
    names = lay_out(study, moments_of(table, study)["measure"].values).names
    by_search, by_stranger = searched(study, table, names), recompute(study, table)
    searchable = {
        fact.id for fact in study.facts if fact.of in (*names, None) and fact.quantity not in NOT_IN_THE_SEARCH
    }
    assert searchable == set(by_search)
    for fact in (study.fact(name) for name in by_search):
        # a p-value is searched as the statistic it belongs to
        if not fact.quantity.endswith("p"):
            assert by_search[fact.id] == pytest.approx(by_stranger[fact.id], rel=1e-9), fact


def test_a_raw_table_is_inside_every_interval_of_the_search(table):
    study = printed_study(table)
    names = lay_out(study, moments_of(table, study)["measure"].values).names
    numbers, moments = Numbers(study, names), sample_moments(table, study, names)
    found = numbers.values(moments["mean"].values, moments["cov"].values)
    low, high = numbers.signed(found)
    assert ((low <= found) & (found <= high)).all()


WHOLE = [
    ("n", {"step": "main"}, "115", "="),
    ("n", {"step": "main"}, "115", ">="),
    ("n", {"step": "main"}, "114", ">"),
    ("n", {"step": "main"}, "116", "<"),
    ("r2_df1", {"step": "basis"}, "3", "="),
    ("delta_r2_df1", {"step": "joint"}, "2", "="),
    ("f_df1", {"of": "bustle"}, "1", "="),
]


@pytest.mark.parametrize(("quantity", "address", "value", "relation"), WHOLE)
def test_a_printed_whole_number_is_not_missed_by_a_hair(table, quantity, address, value, relation):
    source = {"locator": "a", "quote": "b"}
    fact = {"id": "whole", "quantity": quantity, **address, "value": value, "relation": relation, "source": source}
    study = study_of([fact])
    assert verify(study, table).set_index("fact")["matches"].get("whole", True)
    names = lay_out(study, moments_of(table, study)["measure"].values).names
    numbers, moments = Numbers(study, names), sample_moments(table, study, names)
    found = numbers.values(moments["mean"].values, moments["cov"].values)
    assert [goal.fact.id for goal in numbers.goals] == ["whole"]
    aim = Aim(numbers.low, numbers.high, numbers.width)
    assert not aim.outside(found, 0.3).any()
    missed = {"=": found + 1, ">=": found - 1, ">": found - 1, "<": found + 1}[relation]
    assert (aim.outside(missed) >= 1).all()


def test_derivatives_are_those_of_the_numbers(table):
    study = printed_study(table)
    names = lay_out(study, moments_of(table, study)["measure"].values).names
    numbers, moments = Numbers(study, names), sample_moments(table, study, names)
    mean, cov = moments["mean"].values, moments["cov"].values
    rng = np.random.default_rng(1)
    sd = np.sqrt(np.diagonal(cov, axis1=1, axis2=2))
    turn = rng.normal(size=cov.shape)
    by = 1e-6 * rng.normal(size=mean.shape) * sd, 1e-6 * (turn + turn.swapaxes(1, 2)) * sd[:, :, None] * sd[:, None, :]
    change = (numbers.values(mean + by[0], cov + by[1]) - numbers.values(mean - by[0], cov - by[1])) / 2
    _, by_mean, by_cov = numbers.linear(mean, cov)
    linear = np.einsum("tkm,km->t", by_mean, by[0]) + np.einsum("tkij,kij->t", by_cov, by[1])
    np.testing.assert_allclose(linear, change, rtol=2e-3, atol=1e-9)


def test_a_stranger_and_the_group_moments_compute_the_same_numbers(table):
    study = printed_study(table)
    by_stranger = recompute(study, table)
    by_moments = PublishedAnalysis(study, sample_moments(table, study))
    compared = 0
    for fact in study.facts:
        if fact.step or fact.quantity == "correlation":
            assert float(by_moments.value(fact)) == pytest.approx(by_stranger[fact.id], rel=1e-8), fact
            compared += 1
    assert compared == 20


def test_a_product_without_its_parts_is_a_regressor_like_others(table):
    study = study_of([])
    steps = [step.model_dump() for step in study.steps]
    steps[1]["adds"] = ("bustle",)
    broken = study.replace(step=[{k: v for k, v in step.items() if v is not None} for step in steps])
    fact = {"id": "r2", "quantity": "r2", "step": "joint", "value": "0.3", "source": {"locator": "a", "quote": "b"}}
    broken = broken.replace(fact=[*(fact.model_dump(exclude_unset=True) for fact in broken.facts), fact])
    names = lay_out(broken, ["regular", "visits", "warmth", "bustle", "delight"]).names
    assert searched(broken, table, names)["r2"] == pytest.approx(recompute(broken, table)["r2"], rel=1e-9)


def test_a_regression_needs_reconstructed_measures():
    with pytest.raises(InputError, match="'warmth' is in a regression"):
        lay_out(study_of([]), ["regular", "visits", "bustle", "delight"])


def test_nothing_of_the_search_names_a_measure_of_the_shipped_study(nonaka):
    folder = Path(__file__).parents[2] / "src" / "hikibayes" / "reconstruction"
    paths = [folder / "synthesize.py", folder / "verify.py", *(folder / "participants").glob("*.py")]
    assert len(paths) > 10
    for path in paths:
        if path.name == "item_columns.py":  # its doctests show the shipped study
            continue
        code = path.read_text(encoding="utf-8")
        for measure in nonaka.measures:
            assert measure.id in ("group", "age", "sex", "acceptance", "denial", "difficulty") or measure.id not in code
