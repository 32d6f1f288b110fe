"""Facts in a compact form are the facts that a person would write one by one."""

from decimal import Decimal

import pytest
from tests.study.small_studies import SOURCE

from hikibayes.auditing.audit import audit
from hikibayes.spec import InputError, spec_text, validated
from hikibayes.study.study import Study
from hikibayes.study.study_file import load_study

SHORT = """
id = "short"
group = ["control", "patients"]
[analysis]
outcome = "distress"

[[table]]
source = {locator = "Methods"}
columns = ["group", "n"]
rows = [["control", 40], ["patients", 30]]

[[table]]
source = {locator = "Table 1", quote = "the whole of it"}
columns = ["of", "mean group=control", "sd group=control", "t between=patients,control"]
rows = [["distress", 3.40, "1.20", "2.10*"], ["support", "20,5", 4.0, "–"]]

[[table]]
source = {locator = "Table 2"}
step = "one"
stars = {"*" = 0.01}
columns = ["term", "coefficient standardised=true", "coefficient_se", "coefficient_p"]
rows = [["support", "−.24*", 0.060, ""], ["group", ".31", "", "n.s."]]

[[table]]
source = {locator = "Table 2"}
step = "two"
columns = ["term", "coefficient standardised=true"]
rows = [["support", ".20"], ["group", ".30"], ["support:group", ".1"]]
"""


@pytest.fixture
def short(tmp_path):
    path = tmp_path / "short.toml"
    path.write_text(SHORT, encoding="utf-8")
    return path


def test_a_cell_is_a_fact(short):
    study = load_study(short)
    found = {(fact.quantity, *map(str, fact.address.values()), fact.relation, str(fact.value)) for fact in study.facts}
    assert found == {
        ("n", "control", "=", "40"),
        ("n", "patients", "=", "30"),
        ("mean", "distress", "control", "=", "3.40"),
        ("sd", "distress", "control", "=", "1.20"),
        ("t", "distress", "('patients', 'control')", "=", "2.10"),
        ("p", "distress", "('patients', 'control')", "<", "0.05"),
        ("mean", "support", "control", "=", "20.5"),
        ("sd", "support", "control", "=", "4.0"),
        ("coefficient", "one", "support", "True", "=", "-0.24"),
        ("coefficient_se", "one", "support", "=", "0.060"),
        ("coefficient_p", "one", "support", "<", "0.01"),
        ("coefficient", "one", "group", "True", "=", "0.31"),
        ("coefficient_p", "one", "group", ">=", "0.01"),
        ("coefficient", "two", "support", "True", "=", "0.20"),
        ("coefficient", "two", "group", "True", "=", "0.30"),
        ("coefficient", "two", "group:support", "True", "=", "0.1"),
    }
    sources = {fact.id: fact.source for fact in study.facts}
    assert sources["table_1_distress_control_mean"].quote == "the whole of it"
    assert sources["table_2_one_group_coefficient_p"].quote == "group | .31 |  | n.s."


def test_what_is_not_said_follows_from_what_is(short):
    study = load_study(short)
    assert (study.description, study.title) == ("short", "short")
    assert {m.id: m.kind for m in study.measures} == {"distress": "number", "support": "number", "group": "category"}
    assert [(step.id, step.after, step.adds) for step in study.steps] == [
        ("one", None, ("support", "group")),
        ("two", "one", ("group:support",)),
    ]
    assert set(audit(study)["verdict"]) <= {"consistent", "underdetermined"}


def test_a_study_written_in_full_is_itself(short):
    study = load_study(short)
    again = short.with_suffix(".json")
    again.write_text(spec_text(study), encoding="utf-8")
    assert load_study(again) == study


def test_an_overlay_may_be_a_table(short, tmp_path):
    rows = 'rows = [["control", 2.00], ["patients", 2.10]]'
    more = (
        'base = "short.toml"\n[[table]]\nsource = {locator = "Table 1"}\n'
        + f'columns = ["group", "sd of=support"]\n{rows}'
    )
    path = tmp_path / "more.toml"
    path.write_text(more, encoding="utf-8")
    with pytest.raises(InputError, match=r"2\.00 contradicts fact 'table_1_support_control_sd', printed 4\.0"):
        load_study(path)
    path.write_text(more.replace("2.00", "4.00"), encoding="utf-8")
    study = load_study(path)
    assert str(study.fact("table_1_support_control_sd_2").value) == "4.00"
    assert study.fact("table_1_support_patients_sd").group == "patients"


@pytest.mark.parametrize(
    ("was", "becomes", "message"),
    [
        (
            '"2.10*"',
            '"2.1o"',
            "table 'Table 1', row 1 (distress), column 't between=patients,control': '2.1o' is no number",
        ),
        ('"1.20"', "-1.20", "row 1 (distress), column 'sd group=control': sd -1.20 is impossible"),
        ('"20,5", 4.0, "–"', '"20,5", 4.0', "table 'Table 1', row 2 (support): has 3 cells, but there are 4 columns"),
        ('"coefficient_se"', '"coefficient_es"', "there is no column 'coefficient_es'; there are: "),
        ('"1.20"', '"1.20*"', "column 'sd group=control': stars beside a sd stand for no p that can be entered"),
        ('step = "one"', 'stpe = "one"', "table 'Table 2': there is no key 'stpe'; there are: "),
        ("group=control", "groop=control", "write 'groop' as KEY=VALUE"),
        ('"coefficient_se"', '"r2"', "column 'r2': 'term' does not belong to 'r2'"),
        ('[["control", 40]', '[["contrl", 40]', "there is no group 'contrl'; there are: control, patients"),
        ('step = "one"\n', "", "column 'coefficient standardised=true': quantity 'coefficient' needs 'step'"),
    ],
)
def test_a_mistake_is_named_by_table_row_and_column(short, was, becomes, message):
    assert was in SHORT
    if becomes == '"r2"':
        becomes = '"r2 term=support"'
        message = "'term' does not belong to 'r2'"
    short.write_text(SHORT.replace(was, becomes, 1), encoding="utf-8")
    with pytest.raises(InputError) as caught:
        load_study(short)
    assert message in str(caught.value)
    assert str(short) in str(caught.value)


def test_a_misspelt_measure_is_found_where_measures_are_listed():
    content = {
        "id": "s",
        "group": ["a", "b"],
        "measure": ["y", "x"],
        "analysis": {"outcome": "y"},
        "table": [
            {"source": SOURCE, "columns": ["group", "n"], "rows": [["a", Decimal(9)], ["b", Decimal(9)]]},
            {"source": SOURCE, "columns": ["of", "mean"], "rows": [["xx", Decimal(1)]]},
        ],
    }
    with pytest.raises(InputError, match="there is no measure 'xx'"):
        validated(Study, content, "here")
    content["measure"].append("xx")
    assert validated(Study, content, "here").fact("made_up_xx_mean").source.quote == "made up"


def test_a_range_is_asked_for_where_it_is_needed(short):
    with pytest.raises(InputError, match="measure 'support' has no 'range', which is needed here"):
        _ = load_study(short).measure("support").limits


@pytest.mark.parametrize("cell", ["40", "support", "support:", ":1", "support:1,age"])
def test_where_a_measure_is_held_is_written_with_its_measure(tmp_path, cell):
    (tmp_path / "a.toml").write_text(SLOPES.format(cell, ""), encoding="utf-8")
    with pytest.raises(
        InputError, match=f"table 'Table 3', row 1: at '{cell}': where a measure is held is written MEAS"
    ):
        load_study(tmp_path / "a.toml")
    (tmp_path / "a.toml").write_text(SLOPES.format("support:1", f" at={cell}"), encoding="utf-8")
    with pytest.raises(InputError, match=f"table 'Table 3', column 'slope_se at={cell}': at '{cell}': where"):
        load_study(tmp_path / "a.toml")


SLOPES = """
id = "slopes"
measure = [{{id = "distress"}}, {{id = "age"}}, {{id = "support"}}]
[analysis]
outcome = "distress"
[[step]]
id = "one"
label = "one"
adds = ["age", "support", "age:support"]
[[table]]
source = {{locator = "Table 3"}}
step = "one"
columns = ["of", "at", "slope", "slope_se{1}"]
rows = [["age", "{0}", 0.2, 0.1]]
"""
