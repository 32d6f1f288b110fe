"""A person's own table: read, checked, and one message for what cannot be used."""

import sys
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from hikibayes.inference.data.mapping import TableMapping, load_mapping
from hikibayes.inference.data.tables import participants
from hikibayes.spec import InputError

MEASURES = ("abs_h", "sex", "age", "group")


def said(read, kind):
    return [str(remark) for remark in read.remarks if remark.kind == kind]


@pytest.fixture
def mine(table):
    return table(n=5)[list(MEASURES)]


def test_a_csv_file_comes_back_as_participants(tmp_path, mine, study):
    path = tmp_path / "mine.csv"
    mine.assign(unrelated="x").to_csv(path, index=False)
    read = participants(path, study, MEASURES)
    assert list(read.frame.columns) == list(MEASURES)
    assert read.frame["age"].dtype == float
    np.testing.assert_array_equal(read.frame["age"], mine["age"])
    assert list(read.frame["group"]) == list(mine["group"])
    assert not said(read, "left_out")


def test_columns_can_be_called_otherwise(mine, study):
    renamed = mine.rename(columns={"age": "Age (years)"})
    read = participants(renamed, study, MEASURES, columns={"age": "Age (years)"})
    np.testing.assert_array_equal(read.frame["age"], mine["age"])


def test_incomplete_rows_are_left_out_and_named(mine, study):
    holes = mine.assign(age=mine["age"].where(mine.index != 2), sex=mine["sex"].where(~mine.index.isin([2, 7])))
    read = participants(holes, study, MEASURES)
    assert dict(read.left_out) == {3: "no sex, no age", 8: "no sex"}
    assert said(read, "left_out") == ["2 of 10 rows are left out: no sex, no age (row 3); no sex (row 8)"]
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
        (
            lambda t: t.rename(columns={"age": "agee"}),
            {},
            r"no column 'age'; there are: abs_h, agee, .*did you mean 'agee'",
        ),
        (lambda t: t, {"age": "agge"}, r"no column for 'age', 'agge'; .*did you mean 'age'"),
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
        (b"", "is empty; a table with one header line"),
        (b"age\n\xff\xfe", "is not UTF-8 text"),
        (b"age\n", "has a header line and no row below it"),
    ],
)
def test_unusable_files_are_named(tmp_path, study, content, message):
    path = tmp_path / "mine.csv"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match=message) as caught:
        participants(path, study, ("age",))
    assert "mine.csv" in str(caught.value)


# -- files as people have them ----------------------------------------------------------------------------------------

FOUR = "abs_h,sex,age,group\n40,male,30,control\n20,female,40,hikikomori\n"


@pytest.mark.parametrize(
    "content",
    [
        FOUR.encode("utf-8-sig"),
        FOUR.encode("utf-16"),
        FOUR.replace("\n", "\r\n").encode(),
        FOUR.replace(",", ";").replace("30", "30,0").encode(),
        FOUR.replace(",", "\t").replace("40,", "40.0,").encode(),
        FOUR.replace("30", '"30,0"').encode(),
        b" ABS-H ;Sex; Age ;GROUP\n40; Male ;30; Control\n20;FEMALE;40;Hikikomori\n\n",
        b'"abs_h","sex","age","group","a; b; c; d; e"\n40,male,30,control,\n20,female,40,hikikomori,\n',
        b"abs_h,sex,age,group\n40,male,30,control,,\n20,female,40,hikikomori\n",
    ],
    ids=["bom", "utf-16", "crlf", "semicolons", "tabs", "decimal commas", "case", "quotes", "ragged"],
)
def test_files_come_as_people_have_them(tmp_path, study, content):
    path = tmp_path / "mine.csv"
    path.write_bytes(content)
    frame = participants(path, study, MEASURES).frame
    assert frame.to_dict("list") == {
        "abs_h": [40.0, 20.0],
        "sex": ["male", "female"],
        "age": [30.0, 40.0],
        "group": ["control", "hikikomori"],
    }


def coded(tmp_path, mapping, content="total;Geschlecht;Alter;Gruppe\n38;1;30;0\n58;2;40;1\n48;2;-9;1\n"):
    """A table of codes, and the mapping file that says what they mean."""
    (tmp_path / "mine.csv").write_text(content)
    (tmp_path / "mapping.toml").write_text(mapping)
    return tmp_path / "mine.csv", tmp_path / "mapping.toml"


MAPPING = """
missing = [-9, "x"]
reversed = ["abs_h"]
[columns]
abs_h = "total"
sex = "Geschlecht"
age = "Alter"
group = "gruppe"
[labels.sex]
1 = "male"
2 = "female"
[labels.group]
0 = "control"
1 = "hikikomori"
"""


def test_a_mapping_file_says_what_codes_mean(tmp_path, study):
    path, mapping = coded(tmp_path, MAPPING)
    read = participants(path, study, MEASURES, mapping=mapping)
    assert read.frame.to_dict("list") == {
        "abs_h": [40.0, 20.0],
        "sex": ["male", "female"],
        "age": [30.0, 40.0],
        "group": ["control", "hikikomori"],
    }
    assert said(read, "left_out") == ["1 of 3 rows are left out: age is -9, declared missing (row 3)"]


def test_options_go_before_the_mapping(tmp_path, study):
    path, mapping = coded(tmp_path, MAPPING.replace('"Alter"', '"Age"'))
    read = participants(path, study, MEASURES, mapping=mapping, columns={"age": "Alter"})
    assert list(read.frame["age"]) == [30, 40]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("missing =", "mising ="), "mising: there is no key 'mising'; there are: .*did you mean 'missing'"),
        (('"Alter"', '"total"'), "column 'total' is mapped to abs_h and age; a column holds one measure"),
        (("age =", "aeg ="), "there is no measure 'aeg'; there are: .*did you mean 'age'"),
        (('2 = "female"', '2 = "femal"'), "labels.sex: there is no label 'femal'; .*did you mean 'female'"),
        (('["abs_h"]', '["group"]'), "reversed: group: is a category; only scales and numbers can be reversed"),
        (("[-9", "[30"), r"missing: 30 is a possible value of Adaptive .* under \[missing_in\]"),
        (
            ('1 = "hikikomori"', '5 = "hikikomori"'),
            r"row 2: there is no label '1'; there are: control, hikikomori; say",
        ),
        (('age = "Alter"', 'age = "Alter"\nage = "total"'), "is not valid TOML"),
    ],
)
def test_unusable_mappings_end_in_one_message(tmp_path, study, change, message):
    path, mapping = coded(tmp_path, MAPPING.replace(*change))
    with pytest.raises(InputError, match=message) as caught:
        participants(path, study, MEASURES, mapping=mapping)
    assert "\n" not in str(caught.value)


def test_a_code_can_be_missing_in_one_measure_alone(mine, study):
    mapping = TableMapping.model_validate({"missing_in": {"age": [30]}})
    read = participants(
        mine.assign(age=[30, *[31, 32, 33] * 3], abs_h=[30] * 9 + [31]), study, MEASURES, mapping=mapping
    )
    assert dict(read.left_out) == {1: "age is 30, declared missing"}


def test_three_groups_are_told(mine, study):
    three = mine.assign(group=[*mine["group"][:9], "waitlist"])
    with pytest.raises(
        InputError, match=r"row 10: there is no label 'waitlist'; .*mapping file, or declare it missing"
    ):
        participants(three, study, MEASURES)
    mapping = TableMapping(missing=("waitlist",))
    assert participants(three, study, MEASURES, mapping=mapping).left_out == {10: "group is waitlist, declared missing"}


def test_python_s_own_ways_of_writing_numbers_are_not_everybodys(mine, study):
    for text in ("3_0", "inf", "0x1e", "1,2,3"):
        with pytest.raises(InputError, match="row 1: found"):
            participants(mine.assign(age=[text, *mine["age"][1:].astype(str)]), study, MEASURES)


# -- items ------------------------------------------------------------------------------------------------------------


def with_items(mine, study, values):
    names = [f"abs_h_{number:02d}" for number in range(1, study.measure("abs_h").items + 1)]
    return mine.assign(**{name: values + number % 2 for number, name in enumerate(names)})


def test_items_make_the_total_that_is_not_there(mine, study):
    table = with_items(mine.drop(columns="abs_h"), study, np.array([0, 1, 2, 1, 0] * 2))
    table.loc[4, "abs_h_07"] = np.nan
    table = table.rename(columns={"abs_h_01": "ABS-H 01"})
    read = participants(table, study, MEASURES)
    assert list(read.frame["abs_h"]) == [13, 39, 65, 39, 13, 39, 65, 39, 13]
    assert dict(read.left_out) == {5: "no abs_h_07"}
    assert not said(read, "unequal_totals")


def test_a_total_goes_before_its_items_and_a_difference_is_told(mine, study):
    table = with_items(mine.assign(abs_h=[13, 39, 65, 39, 14] * 2), study, np.array([0, 1, 2, 1, 0] * 2))
    read = participants(table, study, MEASURES)
    assert list(read.frame["abs_h"])[4] == 14
    assert said(read, "unequal_totals") == [
        "abs_h: the total is not what its items make in rows 5, 10; the total is used"
    ]


def test_unusable_items_are_named(mine, study):
    table = with_items(mine.drop(columns="abs_h"), study, np.array([0, 1, 2, 1, 0] * 2))
    with pytest.raises(InputError, match="25 of 26 item columns are there; no 'abs_h_03'"):
        participants(table.drop(columns="abs_h_03"), study, MEASURES)
    with pytest.raises(InputError, match="column 'abs_h_02': row 3: found '4'; .* runs from 0 to 3"):
        participants(table.assign(abs_h_02=[0, 0, 4, *[0] * 7]), study, MEASURES)


# -- direction --------------------------------------------------------------------------------------------------------


def test_a_measure_that_looks_reversed_is_told(table, study):
    mine = table(n=20)
    focal = mine["group"] == "hikikomori"
    mine["difficulty"] = np.where(focal, 2, 8) + np.arange(40) % 2
    measures = ("abs_h", "group", "difficulty")
    (warning,) = said(participants(mine, study, measures), "opposite")
    assert warning.startswith("difficulty: the study has it higher in hikikomori than in control, this table lower")
    mirrored = participants(mine, study, measures, mapping=TableMapping(reversed=("difficulty",)))
    assert not said(mirrored, "opposite")


# -- SPSS -------------------------------------------------------------------------------------------------------------


@pytest.fixture
def spss(monkeypatch, tmp_path):
    """pyreadstat as far as it is used, and a file that it seems to read."""
    frame = pd.DataFrame({"ABS_H": [40.0, 20.0, np.nan], "SEX": [1.0, 2.0, 2.0], "age": [30.0, 40.0, 41.0]})
    meta = SimpleNamespace(variable_value_labels={"SEX": {1.0: "Male", 2.0: "Female"}})

    def read_sav(path):
        if "broken" in path:
            raise ValueError("Invalid file")
        return frame, meta

    monkeypatch.setitem(sys.modules, "pyreadstat", SimpleNamespace(read_sav=read_sav))
    for name in ("mine.sav", "broken.sav"):
        (tmp_path / name).write_bytes(b"$FL2")
    return tmp_path


def test_spss_files_bring_their_value_labels(spss, study):
    read = participants(spss / "mine.sav", study, ("abs_h", "sex", "age"))
    assert read.frame.to_dict("list") == {"abs_h": [40.0, 20.0], "sex": ["male", "female"], "age": [30.0, 40.0]}
    assert dict(read.left_out) == {3: "no abs_h"}


@pytest.mark.parametrize("inside", [False, True])
def test_codes_that_a_file_labels_are_told(tmp_path, study, monkeypatch, inside):
    code = 45.0 if inside else 888888.0
    ages = [30.0, 31.0, 32.0, code, code, 33.0]
    frame = pd.DataFrame({"abs_h": np.arange(6.0) + 10, "age": ages})
    meta = SimpleNamespace(variable_value_labels={"age": {code: "DK", 999999.0: "Inap"}})
    monkeypatch.setitem(sys.modules, "pyreadstat", SimpleNamespace(read_sav=lambda _: (frame, meta)))
    path = tmp_path / "mine.sav"
    path.write_bytes(b"$FL2")
    if inside:
        (text,) = said(participants(path, study, ("abs_h", "age")), "labelled_code")
        assert text.startswith("age: 45 occurs 2 times and is labelled 'DK' in the file; if it means no answer")
        return
    with pytest.raises(InputError, match=r"row 4: found '888888', labelled 'DK'; Age runs .*age = \[888888, 999999\]"):
        participants(path, study, ("abs_h", "age"))
    declared = TableMapping.model_validate({"missing_in": {"age": [888888]}})
    left_out = participants(path, study, ("abs_h", "age"), mapping=declared).left_out
    assert left_out == dict.fromkeys((4, 5), "age is 888888, declared missing")


def test_unusable_spss_files_are_named(spss, study, monkeypatch):
    with pytest.raises(InputError, match=r"broken\.sav: is not an SPSS file: Invalid file"):
        participants(spss / "broken.sav", study, MEASURES)
    with pytest.raises(InputError, match=r"none\.sav: cannot be read"):
        participants(spss / "none.sav", study, MEASURES)
    monkeypatch.setitem(sys.modules, "pyreadstat", None)
    with pytest.raises(InputError, match=r"mine\.sav: SPSS files need an extra: pip install 'hikibayes\[spss\]'"):
        participants(spss / "mine.sav", study, MEASURES)


def test_a_real_spss_file(tmp_path, study):
    pyreadstat = pytest.importorskip("pyreadstat", reason="the extra [spss] is not installed")
    frame = pd.DataFrame({"abs_h": [40.0, 20.0], "sex": [1.0, 2.0]})
    pyreadstat.write_sav(frame, str(tmp_path / "mine.sav"), variable_value_labels={"sex": {1: "Male", 2: "Female"}})
    read = participants(tmp_path / "mine.sav", study, ("abs_h", "sex"))
    assert read.frame.to_dict("list") == {"abs_h": [40.0, 20.0], "sex": ["male", "female"]}


def test_a_mapping_is_loaded_once():
    mapping = TableMapping()
    assert load_mapping(mapping) is mapping
    assert load_mapping(None) == mapping
