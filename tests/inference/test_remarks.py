"""What is odd about a table is said, and what is not odd is not."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from tests.inference.own_table import Names

from hikibayes.inference.data.tables import participants
from hikibayes.inference.fit import fit
from hikibayes.study.study import Study

OWN = Names()


@pytest.fixture(scope="module")
def study() -> Study:
    return OWN.study()


def said(table, study, kind=None):
    found = participants(table, study, OWN.measures).remarks
    return [remark for remark in found if kind in (None, remark.kind)]


def fitted(table, study, model=None):
    made = fit(model or OWN.model(), table, study=study, engine="exact", seed=1)
    return {kind: list(rows["remark"]) for kind, rows in made.remarks.groupby("kind")}


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_an_ordinary_table_has_its_reference_levels_and_no_other_remark(seed):
    assert said(OWN.table(seed), OWN.study()) == []


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 1000), code=st.sampled_from([99, -9, 999, 98, -99, 9999]), count=st.integers(2, 5))
def test_customary_codes_far_from_the_rest_are_named(seed, code, count):
    table = OWN.table(seed)
    table.loc[table.index[:count], "x"] = code
    assume(np.abs(table["x"][count:] - code).min() >= table["x"][count:].std())  # nobody near, or it may be a score
    (remark,) = said(table, OWN.study(), "missing_code")
    assert (remark.of, remark.count) == ("x", count)
    assert f"[missing_in], x = [{code}]" in remark.text
    others = table["x"][count:]
    distance = abs(code - others.mean()) / others.std()
    assert f"{distance:.1f} SD from the mean of the others" in remark.text


@pytest.mark.parametrize(
    "values",
    [
        np.tile([7, 8, 9, 10, 6, 5], 10),  # customary, and among the others
        np.r_[[99], np.linspace(40, 75, 59)],  # far, and once
        np.r_[[98, 99], np.linspace(20, 97, 58)],  # the end of a range that is used
        np.tile([1, 9], 30),  # nobody else to be far from
    ],
)
def test_scores_are_no_codes(study, values):
    assert said(OWN.table().assign(x=values.astype(float)), study, "missing_code") == []


def test_repeated_rows_and_ids_are_counted(study):
    table = OWN.table(n=60).assign(ID=np.arange(60))
    assert said(table, study) == []
    twice = pd.concat([table, table.iloc[:3]], ignore_index=True)
    (remark,) = said(twice, study, "repeated_rows")
    assert remark.count == 3
    assert "3 of 63 rows repeat an earlier one in every column (rows 61-63)" in remark.text
    twice.loc[62, "x"] = 12.3
    (remark,) = said(twice, study, "repeated_ids")
    assert (remark.of, remark.count) == ("ID", 1)
    assert "(row 63)" in remark.text


def test_equal_rows_of_a_coarse_table_are_no_remark(study):
    rng = np.random.default_rng(1)
    coarse = OWN.table(n=400).assign(x=rng.integers(1, 6, 400), y=rng.integers(1, 9, 400))
    assert coarse.duplicated().sum() > 100
    assert said(coarse, study, "repeated_rows") == []


def test_a_printed_n_that_differs_is_told(study):
    (remark,) = said(OWN.table(n=61), study, "printed_n")
    assert remark.count == 1
    assert remark.text == (
        "the study prints n = 30 in usual, 30 in extra, 60 in all;"
        " the table has 31 in usual, 30 in extra, 61 in all, of which 61 are used"
    )
    # rows that are left out for a hole are in the table all the same
    holed = OWN.table(n=60).assign(x=lambda t: t["x"].where(t.index > 1))
    assert said(holed, study, "printed_n") == []


def test_reference_levels_and_thin_levels_are_told(study):
    table = OWN.table()
    table["dose"] = np.where(table["dose"] == "some", "lots", table["dose"])
    table.loc[0, "dose"] = "some"
    found = fitted(table, study)
    assert found["reference_level"] == ["the reference level is usual", "the reference level is some"]
    assert found["few_people"] == ["1 person is at level some; what is said of it rests on them"]
    table.loc[0, "dose"] = "lots"
    found = fitted(table, study)
    assert found["few_people"] == ["nobody is at level some; it has no column"]
    assert "the reference level is none; nobody is at the study's first level, some" in found["reference_level"]


def test_an_outcome_of_few_values_is_told(study):
    table = OWN.table()
    assert "few_values" not in fitted(table, study)
    (text,) = fitted(table.assign(y=(table["y"] > 20).astype(int)), study)["few_values"]
    assert text.startswith("the outcome has 2 different values in 60 rows; a gaussian model takes it for continuous")


def test_columns_that_nearly_coincide_are_named(study):
    measures = [m.model_dump() for m in study.measures]
    copy = {**measures[1], "id": "x_again", "label": "again"}
    wider = OWN.study(measure=[*measures, copy])
    model = OWN.model()
    priors = {name: prior.model_dump(exclude_unset=True) for name, prior in model.priors.items()}
    model = OWN.model(formula=model.formula + " + x_again", priors={**priors, "x_again": priors["x"]})
    rng = np.random.default_rng(2)
    table = OWN.table().assign(x_again=lambda t: t["x"] + rng.normal(0, 1, len(t)))
    made = fit(model, table, study=wider, engine="exact", seed=1)
    (row,) = made.remarks[made.remarks["kind"] == "collinear"].itertuples()
    assert row.of == "x, x_again"
    r = np.corrcoef(table["x"], table["x_again"])[0, 1]
    assert f"r = {r:.3f}" in row.remark
    # the product of a raw score with the group is nearly the group: by its making, and no remark
    assert "collinear" not in fitted(OWN.table(), study, OWN.model(scaling="raw", scale=50))
