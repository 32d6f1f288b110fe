"""Labels and headers: exactly the same, or the same but for case and blanks, or not the same."""

import re
import unicodedata

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.inference.own_table import Names

from hikibayes.inference.data.labels import exact, loose
from hikibayes.inference.data.mapping import TableMapping
from hikibayes.inference.data.tables import participants
from hikibayes.inference.models.compile import exact_posterior
from hikibayes.inference.models.design import design
from hikibayes.spec import InputError
from hikibayes.study.study import Study

LABELS = st.text(st.characters(exclude_categories=["Cc", "Cs", "Z"]), min_size=1, max_size=4)


def study_of(labels) -> Study:
    own = Names()
    measures = [measure.model_dump() for measure in own.study().measures]
    measures[-1]["levels"] = [{"id": f"level_{i}", "label": label} for i, label in enumerate(labels)]
    return own.study(measure=measures)


def read(labels, column, **how):
    return participants(pd.DataFrame({"dose": column}), study_of(labels), ["dose"], **how)


@settings(max_examples=60, deadline=None)
@given(labels=st.lists(LABELS, min_size=2, max_size=5, unique_by=exact), order=st.randoms(use_true_random=False))
def test_labels_that_differ_at_all_are_kept_apart(labels, order):
    labels = [label for label in labels if exact(label)]
    column = [*order.choices(range(len(labels)), k=20), 0, 1]
    found = read(labels, [labels[i] for i in column])
    assert list(found.frame["dose"]) == [f"level_{i}" for i in column]
    assert not [remark for remark in found.remarks if remark.kind == "loose_labels"]


@pytest.mark.parametrize(
    "labels",
    [
        ["-1", "0", "1"],
        ["<6m", ">6m"],
        ["A+", "A-"],
        ["a", "A"],
        ["none", "some"],
        ["NA", "EU"],
        ["x²", "x2"],
        ["1.5", "15"],
    ],
)
def test_labels_that_used_to_merge_do_not(labels):
    assert set(read(labels, labels * 3).frame["dose"]) == {f"level_{i}" for i in range(len(labels))}


def test_what_only_a_file_format_changes_is_the_same_label():
    assert list(read(["-1", "é"], [-1.0, "é "]).frame["dose"]) == ["level_0", "level_1"]
    assert list(read(["-1", "é"], ["−1", unicodedata.normalize("NFD", "é")]).frame["dose"]) == ["level_0", "level_1"]


def test_case_and_blanks_are_overlooked_and_told():
    found = read(["six months", "< 1 year"], ["Six  Months", "<1 Year"] * 2)
    assert list(found.frame["dose"]) == ["level_0", "level_1"] * 2
    (remark,) = found.remarks
    assert str(remark) == ("dose: read by overlooking case and blanks: 'Six  Months' as level_0, '<1 Year' as level_1")


@pytest.mark.parametrize(
    ("labels", "column", "message"),
    [
        (["yes", "no"], ["yes", "Yes", "no"], "'yes' and 'Yes' would both be read as level_0; if they are one, say so"),
        (["yes", "no"], ["YES", "Yes", "no"], "'Yes' and 'YES' would both|'YES' and 'Yes' would both"),
        (["aB", "Ab", "c"], ["ab", "c"], "'ab' may mean level_0 or level_1; say which in a mapping file, under"),
        (["A+", "B"], ["A", "B"], r"row 1: there is no label 'A'"),
    ],
)
def test_what_would_merge_is_refused_with_both_named(labels, column, message):
    with pytest.raises(InputError, match=message) as caught:
        read(labels, column)
    assert "column 'dose'" in str(caught.value)


def test_a_mapping_decides():
    mapping = TableMapping(labels={"dose": {"yes": "level_0", "Yes": "level_0", "-": "level_1", "+": "level_1"}})
    assert list(read(["y", "n"], ["yes", "Yes", "-", "+"], mapping=mapping).frame["dose"]) == [
        "level_0", "level_0", "level_1", "level_1",
    ]  # fmt: skip
    assert read(["y", "n"], ["y", "n", "?", "-"], mapping=TableMapping(missing=("?", "-"))).left_out.keys() == {3, 4}
    with pytest.raises(InputError, match=re.escape("no label '!'")):
        read(["y", "n"], ["y", "n", "!"], mapping=TableMapping(missing=("?",)))


def test_a_level_s_own_label_is_never_an_empty_cell():
    found = read(["none", "some"], ["none", "some", "NA", ""])
    assert list(found.frame["dose"]) == ["level_0", "level_1"]
    assert set(found.left_out) == {3, 4}


def test_two_levels_cannot_have_one_label():
    with pytest.raises(ValueError, match="'same' names two levels"):
        study_of(["same", "same"])


def test_headers_are_found_like_labels():
    own = Names()
    table = own.table().rename(columns={"x": "X"})
    found = participants(table, own.study(), own.measures)
    assert [r.text for r in found.remarks if r.kind == "loose_headers"] == [
        "columns found by overlooking case and blanks: x = 'X'"
    ]
    exactly = participants(table.assign(x=1.0 + np.arange(60)), own.study(), own.measures)
    assert exactly.frame["x"].iloc[-1] == 60
    assert not [r for r in exactly.remarks if r.kind == "loose_headers"]
    two = table.assign(x_1=table["X"]).rename(columns={"X": "X", "x_1": " X "})
    with pytest.raises(InputError, match=r"columns 'X' and ' X ' may each be 'x'; say which under \[columns\]"):
        participants(two, own.study(), own.measures)
    numbered = own.table().set_axis(range(4), axis=1)
    columns = dict(zip(own.measures, map(str, range(4)), strict=True))
    assert len(participants(numbered, own.study(), own.measures, columns=columns).frame) == 60


def test_three_levels_with_signs_give_the_regression_of_three_levels():
    # beyond -1 and 1: merged, the trend explains far less
    own = Names(levels=("fall", "same", "rise"))
    measures = [measure.model_dump() for measure in own.study().measures]
    for level, label in zip(measures[-1]["levels"], ("-1", "0", "1"), strict=True):
        level["label"] = label
    study = own.study(measure=measures)
    table = own.table(n=300)
    table["dose"] = table["dose"].map({"fall": "-1", "same": "0", "rise": "1"})
    table["y"] += 8 * (table["dose"] == "1")
    z = table.assign(**{name: (table[name] - table[name].mean()) / table[name].std() for name in ("y", "x")})
    theirs = smf.ols("y ~ C(arm, Treatment('usual')) * x + C(dose, Treatment('-1'))", z).fit()
    laid_out = design(own.model(), participants(table, study, own.measures).frame, study)
    flat = exact_posterior(laid_out, "flat")
    at = flat.names.index("arm:x")
    assert flat.marginal().mean()[0][at] == pytest.approx(theirs.params["C(arm, Treatment('usual'))[T.extra]:x"])
    assert set(laid_out.columns) >= {"dose[same]", "dose[rise]"}


def test_loose_is_coarser_than_exact():
    assert loose("Behavioral-Disengagement ") == loose("behavioral_disengagement")
    assert exact("Behavioral") != exact("behavioral")
