"""The check must be able to fail: each kind of fact is missed when the table is tampered with."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from hikibayes.reconstruction.verify import VERIFICATION_COLUMNS, cronbach_alpha, recompute, verify
from hikibayes.spec import InputError

from .made_up import SOURCE, printed_study, raw_data, study_of


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    return raw_data()


@pytest.fixture(scope="module")
def study(table):
    return printed_study(table)


def missed(study, table) -> set[tuple[str, str]]:
    found = verify(study, table)
    names = found.loc[~found["matches"].astype(bool), "fact"]
    return {(study.fact(name).quantity, study.fact(name).of or study.fact(name).step or "") for name in names}


def test_the_table_that_was_printed_prints_every_fact(study, table):
    found = verify(study, table)
    assert tuple(found.columns) == VERIFICATION_COLUMNS
    assert list(found["fact"]) == [fact.id for fact in study.facts]
    assert found["matches"].all()
    assert (found["printed"] == found["recomputed"]).all()


@pytest.mark.parametrize(
    ("column", "change", "quantity"),
    [
        ("visits", lambda x: x + (x.index == 3) * 40, {("mean", "visits"), ("sd", "visits")}),
        ("queue", lambda x: x + (x.index < 70), {("mean", "queue"), ("t", "queue"), ("minimum", "queue")}),
        ("queue", lambda x: np.where(x.index >= 70, 3 * x, x), {("df", "queue")}),
        ("delight", lambda x: x.to_numpy()[::-1], {("correlation", "warmth"), ("r2", "basis"), ("slope", "warmth")}),
        ("weather", lambda x: x.replace("rain", "sun"), {("proportion", "weather")}),
        ("regular", lambda x: x.replace("no", "yes").where(x.index % 2 == 0, x), {("proportion", "regular")}),
        ("brunch", lambda x: x.clip(upper=40), {("maximum", "brunch")}),
        ("delight_03", lambda x: x.to_numpy()[::-1], {("alpha", "delight")}),
        ("day", lambda x: x.where(x.index != 0, "weekend"), {("n", "")}),
    ],
)
def test_tampering_is_seen(study, table, column, change, quantity):
    tampered = table.assign(**{column: change(table[column])})
    assert quantity <= missed(study, tampered)


def test_regressions_and_correlations_are_of_the_rows_that_have_what_they_need(study, table):
    gaps = table.assign(warmth=table["warmth"].astype(float))
    gaps.loc[[3, 40, 90], "warmth"] = np.nan
    found, whole = recompute(study, gaps), recompute(study, table.drop(index=[3, 40, 90]))
    for fact in study.facts:
        if fact.step and "warmth" in "".join(study.terms(fact.step)):
            assert found[fact.id] == pytest.approx(whole[fact.id], rel=1e-12)
    # the rows that a step does not need are not missed
    assert found["fact_12"] == recompute(study, table)["fact_12"]
    assert found["fact_9"] == pytest.approx(gaps[["warmth", "delight"]].corr().iloc[0, 1])


def test_without_item_columns_reliabilities_are_left_out(study, table):
    scores = table[[name for name in table.columns if "_0" not in name]]
    facts = set(verify(study, scores)["fact"])
    assert {fact.id for fact in study.facts} - facts == {fact.id for fact in study.facts if fact.quantity == "alpha"}


@pytest.mark.parametrize(
    ("fact", "shown", "matches"),
    [
        ({"relation": "<", "value": "70"}, "70", False),
        ({"relation": "<=", "value": "70"}, "70", True),
        ({"relation": ">", "value": "69"}, "70", True),
        ({"value": "70"}, "70", True),
        ({"value": "71"}, "70", False),
    ],
)
def test_inequalities_are_as_strict_as_printed(table, fact, shown, matches):
    entry = {"id": "size", "quantity": "n", "group": "weekday", "source": SOURCE, **fact}
    study = study_of([entry])
    row = verify(study, table).set_index("fact").loc["size"]
    assert (row["recomputed"], bool(row["matches"])) == (shown, matches)


def test_percents_are_shown_as_percents(table):
    share = float((table["weather"] == "rain").mean())
    entry = {"id": "rain", "quantity": "proportion", "of": "weather", "level": "rain", "unit": "percent"}
    study = study_of([{**entry, "value": f"{100 * share:.1f}", "source": SOURCE}])
    row = verify(study, table).set_index("fact").loc["rain"]
    assert row["recomputed"] == row["printed"] == f"{100 * share:.1f}%"


def test_alpha_of_parallel_items_is_spearman_brown():
    rng = np.random.default_rng(1)
    trait = rng.normal(size=200_000)
    items = trait[:, None] + rng.normal(size=(200_000, 4))
    assert cronbach_alpha(items) == pytest.approx(4 * 0.5 / (1 + 3 * 0.5), abs=0.005)


def test_alpha_of_a_group_is_of_that_group(table):
    names = [f"warmth_{number:02d}" for number in range(1, 5)]
    shuffled = table.copy()
    shuffled.loc[:69, names[0]] = table.loc[:69, names[0]].to_numpy()[::-1]
    entry = {"id": "alpha", "quantity": "alpha", "of": "warmth", "group": "weekday", "value": "0.5", "source": SOURCE}
    found = recompute(study_of([entry]), shuffled)["alpha"]
    answers = shuffled[names].to_numpy(dtype=float)
    assert found == pytest.approx(cronbach_alpha(answers[:70]))
    assert abs(found - cronbach_alpha(answers)) > 0.02


def test_a_missing_column_and_a_strange_label_are_named(study, table):
    with pytest.raises(InputError, match="there is no column 'visits'"):
        verify(study, table.drop(columns="visits"))
    with pytest.raises(InputError, match="there is no level 'maybe'"):
        verify(study, table.assign(regular="maybe"))
