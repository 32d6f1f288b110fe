"""A person's own table: read, checked, and one message for what cannot be used."""

import numpy as np
import pytest

from hikibayes.inference.tables import participants, read_participants
from hikibayes.spec import InputError

MEASURES = ("abs_h", "sex", "age", "group")


@pytest.fixture
def mine(table):
    return table(n=5)[list(MEASURES)]


def test_a_csv_file_comes_back_as_participants(tmp_path, mine, study):
    path = tmp_path / "mine.csv"
    mine.assign(unrelated="x").to_csv(path, index=False)
    read = read_participants(path, study, MEASURES)
    assert list(read.frame.columns) == list(MEASURES)
    assert read.frame["age"].dtype == float
    np.testing.assert_array_equal(read.frame["age"], mine["age"])
    assert list(read.frame["group"]) == list(mine["group"])
    assert read.notice == ""


def test_columns_can_be_called_otherwise(mine, study):
    renamed = mine.rename(columns={"age": "Age (years)"})
    read = participants(renamed, study, MEASURES, columns={"age": "Age (years)"})
    np.testing.assert_array_equal(read.frame["age"], mine["age"])


def test_incomplete_rows_are_left_out_and_named(mine, study):
    holes = mine.assign(age=mine["age"].where(mine.index != 2), sex=mine["sex"].where(~mine.index.isin([2, 7])))
    read = participants(holes, study, MEASURES)
    assert dict(read.left_out) == {3: "no sex, age", 8: "no sex"}
    assert read.notice == "2 of 10 rows are left out for empty cells: 3 (no sex, age), 8 (no sex)"
    assert len(read.frame) == 8


def test_the_ends_of_a_range_belong_to_it(mine, study):
    ends = mine.assign(age=[23, 49] * 5, abs_h=[0, 78] * 5)
    assert len(participants(ends, study, MEASURES).frame) == 10


def test_holes_in_what_is_not_used_do_not_matter(mine, study):
    read = participants(mine.assign(srs18=np.nan), study, MEASURES)
    assert len(read.frame) == 10


@pytest.mark.parametrize(
    ("change", "columns", "message"),
    [
        (lambda t: t.rename(columns={"age": "Age"}), {}, r"no column 'age'; there are: Age, .*did you mean 'Age'"),
        (lambda t: t, {"age": "agee"}, r"no column for 'age', 'agee'; .*did you mean 'age'"),
        (lambda t: t, {"aeg": "age"}, r"no measure 'aeg'; .*did you mean 'age'"),
        (lambda t: t, {"age": "abs_h"}, "column 'abs_h' is mapped to abs_h and age; a column holds one measure"),
        (lambda t: t.set_axis(["abs_h", "sex", "age", "age"], axis=1), {"group": "sex"}, "'age' occurs 2 times"),
        (lambda t: t.assign(age=["forty", *t["age"][1:]]), {}, r"column 'age': row 1: found 'forty'; Age runs from 23"),
        (
            lambda t: t.assign(age=[*t["age"][:-1], 99]),
            {},
            r"column 'age': row 10: found '99.*'; Age runs from 23 to 49",
        ),
        (lambda t: t.assign(age=[*t["age"][:-1], 22.9]), {}, "row 10: found '22.9'; Age runs from 23 to 49"),
        (lambda t: t.assign(abs_h=-9), {}, r"column 'abs_h': row 1: found .*-9.*runs from 0 to 78"),
        (lambda t: t.assign(sex="f"), {}, r"column 'sex': row 1: there is no label 'f'; there are: female, male"),
        (
            lambda t: t.assign(group=["a", "b"] * 5),
            {},
            r"column 'group': row 1: there is no label 'a'; there are: control",
        ),
        (lambda t: t[t["group"] == "control"], {}, r"group: group 'hikikomori' has no complete row \(5 in control\)"),
        (lambda t: t.assign(age=30), {}, r"age: has the same value in every row \(30.0\)"),
        (lambda t: t.assign(age=np.nan), {}, "none of the 10 rows has all of abs_h, sex, age, group"),
    ],
)
def test_unusable_tables_end_in_one_message(mine, study, change, columns, message):
    with pytest.raises(InputError, match=message) as caught:
        participants(change(mine), study, MEASURES, columns=columns)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "cannot be read"),
        (b"", "is not a CSV table"),
        (b"age\n\xff\xfe", "is not UTF-8 text"),
        (b"age\n", "none of"),
    ],
)
def test_unusable_files_are_named(tmp_path, study, content, message):
    path = tmp_path / "mine.csv"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match=message) as caught:
        read_participants(path, study, ("age",))
    assert "mine.csv" in str(caught.value)
