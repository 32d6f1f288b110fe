"""Standardised answers do not rest on assumed raw units; raw-unit answers do, and say on which."""

import numpy as np
import pytest

from hikibayes.reconstruction.raw_units import answers_by_unit
from hikibayes.reconstruction.shipped import shipped_reconstructions


@pytest.fixture(scope="module")
def few(nonaka):
    return shipped_reconstructions(nonaka).isel(draw=slice(0, 500))


@pytest.fixture(scope="module")
def table(nonaka, few):
    return answers_by_unit(nonaka.read(), few, seed=1)


def row(table, estimand, unit):
    return table[(table["estimand"] == estimand) & (table["unit"] == unit)].iloc[0]


def test_every_slope_has_both_units(nonaka, table):
    slopes = [estimand.name for estimand in nonaka.estimands if estimand.of]
    assert list(table["estimand"]) == [name for name in slopes for _ in range(2)]
    assert set(table["unit"]) == {"sd_per_sd", "points per point"}


def test_standardised_answers_do_not_go_with_the_assumed_sds(table):
    standardised = table[table["unit"] == "sd_per_sd"]
    assert (standardised["from_raw_units"] < 0.03).all()
    assert (standardised["rests_on"] == "").all()


def test_raw_answers_of_what_is_pinned_go_with_little_else(table):
    raw = row(table, "support_slope_difference", "points per point")
    assert raw["from_raw_units"] > 0.95
    assert raw["rests_on"] == "abs_h_raw_sd, coping_raw_sd"
    assert raw["sd_between"] > 0.1 * raw["mean"]
    # a slope that the record leaves open varies for other reasons too
    assert row(table, "slope_planning", "points per point")["from_raw_units"] < 0.5


def test_raw_answers_are_the_standardised_times_the_sd_ratio(table):
    """The assumed SDs are 15.6 and 1.2 points at their middle."""
    standardised, raw = (row(table, "support_slope_difference", unit) for unit in ("sd_per_sd", "points per point"))
    for column in ("mean", "sd_within"):
        assert raw[column] / standardised[column] == pytest.approx(15.6 / 1.2, rel=0.06)


def test_another_assumption_moves_raw_answers_alone(nonaka, few, table):
    content = nonaka.model_dump(exclude_unset=True)
    doubled = {"dist": "Constant", "value": 31.2}
    content["assumption"] = [
        {**one, "distribution": doubled} if one["id"] == "abs_h_raw_sd" else one for one in content["assumption"]
    ]
    changed = answers_by_unit(type(nonaka).model_validate(content).read(), few, seed=1)
    same = table["unit"] == "sd_per_sd"
    assert np.array_equal(changed.loc[same, "mean"], table.loc[same, "mean"])
    ratio = changed.loc[~same, "mean"] / table.loc[~same, "mean"]
    assert ratio.between(1.8, 2.2).all()


def test_printed_sds_are_no_assumption(nonaka, few):
    content = nonaka.model_dump(exclude_unset=True)
    source = {"locator": "made up", "quote": "made up"}
    added = (
        {"id": f"{name}_sd", "quantity": "sd", "of": name, "value": value, "source": source}
        for name, value in (("abs_h", "15.60"), ("instrumental_support", "1.20"))
    )
    content["fact"] = [*content["fact"], *added]
    printed = answers_by_unit(type(nonaka).model_validate(content).read(), few, seed=1)
    raw = row(printed, "support_slope_difference", "points per point")
    assert raw["rests_on"] == ""
    assert raw["sd_between"] < 0.02 * raw["mean"]


def test_without_fact_or_assumption_there_is_no_raw_answer(nonaka, few):
    content = nonaka.model_dump(exclude_unset=True)
    content["assumption"] = [one for one in content["assumption"] if one["id"] != "abs_h_raw_sd"]
    assert set(answers_by_unit(type(nonaka).model_validate(content).read(), few, seed=1)["unit"]) == {"sd_per_sd"}
