"""What `studies --from` says of tables that are not as they should be, and what it leaves to a person."""

import re
from contextlib import suppress
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from tests.study.entering.layouts import LAYOUTS, Printed

from hikibayes.auditing.audit import checks
from hikibayes.cli import main
from hikibayes.spec import InputError
from hikibayes.study.entering.cells import pieces
from hikibayes.study.entering.columns import Known
from hikibayes.study.entering.draft import draft
from hikibayes.study.entering.headings import read_heading
from hikibayes.study.implied import in_full
from hikibayes.study.study_file import load_study

GROUPS = """
Table 1. Groups

| | Patients (n = 57), M (SD) | Controls (n = 60), M (SD) | t | p |
|---|---|---|---|---|
| Distress | 24.10 (6.20) | 18.30 (5.90) | 5.18 | <.001 |
| Support | 15.20 (4.10) | 17.00 (4.00) | −2.40 | .018 |
| Waist | 88.1 (3.2) | 87.0 (3.1) | 1.89 | .061 |
"""


@pytest.fixture
def hikibayes(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return lambda *words: CliRunner().invoke(main, [str(word) for word in words])


def test_a_draft_loads_and_says_how_it_was_made(hikibayes):
    Path("paper.md").write_text(GROUPS, encoding="utf-8")
    result = hikibayes("studies", "--from", "paper.md", "--new", "mine.toml")
    assert result.exit_code == 0, result.output
    assert "mean, sd of Patients" in result.stdout
    assert "left to you: whether 'Patients' is the reference: --group" in result.stdout
    assert "wrote mine.toml: 20 of 20 printed numbers; next: hikibayes audit mine.toml" in result.stdout
    study = load_study("mine.toml")
    assert (study.id, study.group_ids, len(study.facts)) == ("mine", ("patients", "controls"), 20)
    assert {fact.source.locator for fact in study.facts} == {"Table 1"}
    assert study.facts_of("t", of="support")[0].between == ("patients", "controls")
    assert hikibayes("audit", "mine.toml").exit_code == 0
    assert "number of participants, patients group" in hikibayes("studies", "--show", "mine.toml").stdout


def test_groups_and_their_sizes_can_be_said(hikibayes):
    Path("paper.md").write_text(GROUPS.replace(" (n = 57)", "").replace(" (n = 60)", ""), encoding="utf-8")
    result = hikibayes("studies", "--from", "paper.md", "--new", "bare.toml")
    assert 'left to you: how many people are in Patients, Controls: --group "Patients=N"' in result.stdout
    words = ["--group", "Controls=60", "--group", "Patients=57"]
    result = hikibayes("studies", "--from", "paper.md", "--new", "mine.toml", *words)
    assert result.exit_code == 0, result.output
    assert load_study("mine.toml").sizes == {"controls": 60, "patients": 57}
    assert load_study("mine.toml").group_ids == ("controls", "patients")


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.pdf", "%PDF-1.7", "a.pdf: is a PDF, which has no tables but letters; copy the table into a .txt file"),
        ("a.docx", "PK", "a.docx: is a Word file; copy the table into a spreadsheet and save it as CSV"),
        ("a.xlsx", "PK", "a.xlsx: is a spreadsheet; save the sheet with the table as CSV"),
        ("a.png", "x", "is of a kind that is not read; tables are read from .md, "),
        ("a.md", "Nothing but words.", "has no table with numbers"),
        ("a.csv", "", "has no table with numbers"),
        ("a.md", GROUPS.replace("Controls (n = 60), ", "").replace("Patients (n = 57), ", ""),
         "columns 2 ('M (SD)') and 3 ('M (SD)') cannot be told apart"),
        ("a.csv", "x;M;SD\na;1,5;0,5\nb;1.7;0.6\n", "has decimal commas ('1,5') and decimal points ('1.7')"),
        ("a.md", "| x | foo | bar |\n|---|---|---|\n| a | 1 | 2 |\n", "no number of these tables can be entered"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_one_message_and_nothing_is_written(hikibayes, name, text, message):
    Path(name).write_text(text, encoding="utf-8")
    result = hikibayes("studies", "--from", name, "--new", "mine.toml")
    assert result.exit_code == 2, result.output
    assert message in result.stderr
    assert not Path("mine.toml").exists()


def test_a_draft_needs_a_place_and_does_not_overwrite(hikibayes):
    Path("paper.md").write_text(GROUPS, encoding="utf-8")
    assert "needs --new FILE" in hikibayes("studies", "--from", "paper.md").stderr
    result = hikibayes("studies", "--from", "paper.md", "--new", "paper.md")
    assert result.exit_code == 2
    assert "exists already" in result.stderr


def test_numbers_that_do_not_enter_are_listed_with_the_reason(tmp_path):
    (tmp_path / "a.md").write_text(GROUPS.replace("| p |", "| OR |").replace("<.001", "1.20"), encoding="utf-8")
    made = draft([tmp_path / "a.md"], Known())
    assert [(where, why) for where, _, why in made.left] == [("Table 1", "no kind of number is known for 'odds'")] * 3
    assert made.entered == made.printed - 3


def test_f_and_p_in_the_row_of_a_share_are_of_that_share(tmp_path):
    rows = ["Step 1 | | | ", "Age | 0.05 | | .476", "R² | .33 | 27.83 | <.001"]
    rows += ["Step 2 | | | ", "Age | 0.11 | | .148", "Mastery | -0.26 | | .035", "ΔR² | .08 | 15.20 | .002"]
    table = ["Table 3. Regression predicting loneliness (N = 116)", "", "| | β | F | p |", "|---|---|---|---|"]
    (tmp_path / "t.md").write_text("\n".join([*table, *(f"| {row} |" for row in rows)]), encoding="utf-8")
    made = draft([tmp_path / "t.md"], Known())
    study = made.study("t")
    found = {(fact.quantity, fact.step): fact.printed for fact in study.facts if fact.term is None}
    first = {("r2", "step_1"): "0.33", ("r2_f", "step_1"): "27.83", ("r2_p", "step_1"): "< 0.001"}
    second = {("delta_r2", "step_2"): "0.08", ("delta_r2_f", "step_2"): "15.20", ("delta_r2_p", "step_2"): "0.002"}
    assert found == first | second | {("n", "step_1"): "116", ("n", "step_2"): "116"}
    assert made.left == []


def test_two_tables_that_disagree_are_said(hikibayes):
    Path("a.md").write_text(GROUPS, encoding="utf-8")
    other = GROUPS.replace("Table 1", "Table 2").replace("88.1 (3.2)", "89.1 (3.2)")
    Path("b.md").write_text(other, encoding="utf-8")
    result = hikibayes("studies", "--from", "a.md", "--from", "b.md", "--new", "x.toml")
    said = "mean of Waist, Patients is 88.1 in Table 1 and 89.1 in Table 2"
    assert f"tables disagree: {said}; the file holds both, and the audit names them" in result.stdout
    assert (result.exit_code, f"# - {said}" in Path("x.toml").read_text(encoding="utf-8")) == (1, True)
    assert [fact.printed for fact in load_study("x.toml").facts_of("mean", of="waist", group="patients")] == [
        "88.1",
        "89.1",
    ]
    named = [row for row in checks(load_study("x.toml")) if row.check == "repeated number"]
    (wrong,) = [row for row in named if row.verdict == "inconsistent"]
    assert "88.1 (Table 1) and 89.1 (Table 2) contradict each other" in wrong.note


def test_products_groups_and_abbreviations_have_one_name(tmp_path):
    rows = ["Group (1 = patients)", "K10", "Support", "Group x Perceived support (PSS)"]
    text = GROUPS.replace("Distress", "Distress (K10)").replace("Support", "Perceived support (PSS)")
    text += "\nTable 2. Regression predicting worry\n\n| | β |\n|---|---|\n"
    text += "".join(f"| {row} | .1{at} |\n" for at, row in enumerate(rows)).replace("| Support", "| PSS")
    (tmp_path / "a.md").write_text(text, encoding="utf-8")
    content = draft([tmp_path / "a.md"], Known()).content
    assert content["analysis"] == {"outcome": "worry", "group": "group"}
    step = ["group", "distress", "perceived_support", "group:perceived_support"]
    assert content["step"] == [{"id": "one_step", "label": "one_step", "adds": step}]


MIXED = """
Table 1. Baseline

| | Treated (N=34) | Others (N=30) | Total | P value |
|---|---|---|---|---|
| Age, years, mean ± SD | 45.2 ± 10.1 | 44.0 ± 9.8 | 44.6 ± 9.9 | 0.63 |
| Female sex — no. (%) | 20 (58.8) | 17 (56.7) | 37 (57.8) | |
| Education, n (%) | | | | 0.40 |
| Primary | 10 (29.4) | 8 (26.7) | 18 (28.1) | |
| Secondary | 24 (70.6) | 22 (73.3) | 46 (71.9) | |
| BDI-II | 20.1 ± 6.0 | 19.8 ± 5.5 | 20.0 ± 5.8 | 0.84 |

Note. Values are mean ± SD or n (%).

Table 2. Multiple regression predicting depressive symptoms

| Variable | B (SE) | β | 95% CI for B | |
|---|---|---|---|---|
| | | | LL | UL |
| (Constant) | 12.10 (2.20) | | 7.76 | 16.44 |
| Loneliness | 0.45 (0.09)*** | .36 | 0.27 | 0.63 |
| R² = .23, F(2, 197) = 29.42, p < .001 | | | | |
"""


def test_a_table_of_scores_and_counts_is_read_row_by_row(tmp_path):
    (tmp_path / "a.md").write_text(MIXED, encoding="utf-8")
    made = draft([tmp_path / "a.md"], Known())
    facts = {f["id"]: (f["quantity"], f["relation"], str(f["value"])) for f in in_full(made.content)["fact"]}
    assert facts["table_1_bdi_ii_treated_mean"] == ("mean", "=", "20.1")
    assert facts["table_1_education_primary_treated_count"] == ("count", "=", "10")
    assert facts["table_1_education_secondary_proportion"] == ("proportion", "=", "71.9")
    assert facts["table_1_education_chi2_p"] == ("chi2_p", "=", "0.40")
    assert facts["table_1_bdi_ii_p"] == ("p", "=", "0.84")
    # limits for B stand behind beta; what a line of words says of the regression is not lost
    assert facts["table_2_one_step_loneliness_raw_coefficient_ci_low"][2] == "0.27"
    said = {"r2": "0.23", "r2_f": "29.42", "r2_df1": "2", "r2_df2": "197", "r2_p": "0.001"}
    assert {name: facts[f"table_2_one_step_{name}"][2] for name in said} == said
    assert (made.left, made.entered) == ([], made.printed)
    assert made.content["analysis"]["outcome"] == "depressive_symptoms"


def test_figures_among_words_are_not_lost_in_silence(tmp_path):
    (tmp_path / "a.md").write_text(GROUPS.replace("88.1 (3.2)", "about 88.1 cm"), encoding="utf-8")
    assert ("Table 1", "'about 88.1 cm'", "words stand between its figures") in draft([tmp_path / "a.md"], Known()).left


@given(st.floats(-99, 99), st.integers(0, 3), st.sampled_from(["", "*", "**", "***"]), st.floats(0, 9))
def test_a_cell_gives_back_the_numbers_that_were_put_in_it(one, places, marks, other):
    first, second = f"{one:.{places}f}{marks}", f"{other:.{places}f}"
    for cell in (f"{first} ({second})", f"{first.replace('-', '−')} [{second}]", f"{first}; {second}"):
        assert [piece.text for piece in pieces(cell)] == [first, second]


@pytest.mark.parametrize(
    ("text", "context", "statistics"),
    [
        ("Patients (n = 57) M (SD)", "Patients", ("mean", "sd")),
        ("Model 1: B [95% CI]", "Model 1", ("b", "ci")),
        ("Group B", "Group B", ()),
        ("F(3, 196)", "", ("f",)),
        ("P>|t|", "", ("p",)),
        ("mean_control", "control", ("mean",)),
        ("Emotion regulation", "Emotion regulation", ()),
        ("ΔR²", "", ("delta_r2",)),
        ("Adjusted R²", "", ("adjusted_r2",)),
        ("Std. Error", "", ("se",)),
    ],
)
def test_headings(text, context, statistics):
    found = read_heading(text)
    assert (found.context, found.statistics) == (context, statistics)


def test_a_broken_file_never_ends_in_a_traceback(tmp_path):
    """Cut a table anywhere: a draft or one message."""
    for layout in LAYOUTS[::4]:
        name, text, _ = layout(Printed(0))
        for share in (0.3, 0.6, 0.9):
            path = tmp_path / name
            path.write_text(text[: int(share * len(text))], encoding="utf-8")
            with suppress(InputError):
                draft([path], Known())


def test_a_cell_merged_downwards_is_of_every_row_it_covers(tmp_path):
    rows = (
        "<tr><th rowspan='2'>Distress</th><th>Patients</th><td>24.10</td></tr><tr><th>Controls</th><td>18.30</td></tr>"
    )
    head = "<thead><tr><th>Measure</th><th>Group</th><th>M<sup>a</sup></th></tr></thead>"
    (tmp_path / "a.html").write_text(f"<table>{head}<tbody>{rows}</tbody></table>", encoding="utf-8")
    facts = in_full(draft([tmp_path / "a.html"], Known()).content)["fact"]
    assert [(f["of"], f["group"], str(f["value"])) for f in facts] == [
        ("distress", "patients", "24.10"),
        ("distress", "controls", "18.30"),
    ]


def drafted(folder, text, known=None):
    (folder / "a.md").write_text(text, encoding="utf-8")
    return draft([folder / "a.md"], known or Known())


def facts_of(made):
    where = ("of", "term", "group", "between", "step", "confidence")
    return {
        (f["quantity"], *(str(f[key]) for key in where if key in f)): str(f["value"])
        for f in in_full(made.content)["fact"]
    }


@pytest.mark.parametrize(
    ("low", "high"),
    [
        ("95% CI lower", "95% CI upper"),
        ("Lower 95% CI", "Upper 95% CI"),
        ("95% CI LL", "95% CI UL"),
        ("95% CI (lower)", "95% CI (upper)"),
        ("Lower confidence limit", "Upper confidence limit"),
        ("CI_lower", "CI_upper"),
        ("LL", "UL"),
    ],
)
def test_limits_are_the_lower_and_the_upper_however_they_are_headed(tmp_path, low, high):
    title, head = "Table 1. Regression predicting worry", f"| | B | {low} | {high} |\n|---|---|---|---|"
    made = drafted(tmp_path, f"{title}\n\n{head}\n| Age | 0.18 | 0.04 | 0.32 |")
    found = {quantity: value for (quantity, *_), value in facts_of(made).items()}
    assert found == {"coefficient": "0.18", "coefficient_ci_low": "0.04", "coefficient_ci_high": "0.32"}
    assert made.left == []


DIFFERENCES = """
Table 1. Groups

| | Waiting (n = 83) M (SD) | Ward (n = 47) M (SD) | {heads} |
|---|---|---|{rules}
| Pain | 62.04 (8.18) | 70.44 (11.07) | 8.40 {first} |
| Sleep | 6.54 (0.82) | 6.18 (0.91) | -0.36 {second} |
"""


@pytest.mark.parametrize(
    "heads",
    [
        "Mean difference [95% CI]",
        "Difference (95% CI)",
        "MD [95% CI]",
        "Mean difference",
        "Mean difference | 95% CI",
        "MD | LL | UL",
    ],
)
def test_a_difference_of_means_and_its_limits_are_between_the_groups(tmp_path, heads):
    count = heads.count("|")
    how = {0: "[{}, {}]", 1: "| {} to {}", 2: "| {} | {}"}[count]
    text = DIFFERENCES.format(
        heads=heads, rules="---|" * (count + 1), first=how.format(5.03, 11.76), second=how.format(-0.67, -0.05)
    )
    made = drafted(tmp_path, text)
    found, between = facts_of(made), str(["ward", "waiting"])
    assert [group["id"] for group in made.content["group"]] == ["waiting", "ward"]
    assert {key: value for key, value in found.items() if "difference" in key[0]} == {
        ("mean_difference", "pain", between): "8.40",
        ("mean_difference_ci_low", "pain", between): "5.03",
        ("mean_difference_ci_high", "pain", between): "11.76",
        ("mean_difference", "sleep", between): "-0.36",
        ("mean_difference_ci_low", "sleep", between): "-0.67",
        ("mean_difference_ci_high", "sleep", between): "-0.05",
    }
    assert (made.left, made.entered) == ([], made.printed)
    assert made.study("a").facts_of("mean_difference", of="pain")[0].between == ("ward", "waiting")


def test_a_difference_has_its_own_order_and_level(tmp_path):
    text = DIFFERENCES.replace("| {heads}", "| t | MD [90% CI]").replace("{rules}", "---|---|")
    text = text.replace("| 8.40 {first}", "| -4.94 | 8.40 [5.03, 11.76]").replace("| -0.36 {second}", "| 2.3 | -0.36")
    found = facts_of(drafted(tmp_path, text))
    assert found["t", "pain", str(["waiting", "ward"])] == "-4.94"
    assert found["mean_difference_ci_low", "pain", str(["ward", "waiting"]), "0.90"] == "5.03"


@pytest.mark.parametrize("head", ["MD (n = 47) M (SD)", "MD M (SD)", "MD (n = 47)"])
def test_people_called_as_a_difference_is_are_people(tmp_path, head):
    table = f"| | HC M (SD) | {head} |\n|---|---|---|\n| Pain | 62.04 (8.18) | 70.44 (11.07) |"
    assert facts_of(drafted(tmp_path, f"Table 1. M (SD) of groups\n\n{table}"))["mean", "pain", "md"] == "70.44"


def test_a_heading_of_two_rows_says_which_number_of_a_difference_or_of_people_it_is(tmp_path):
    heads = "| | HC | | MD | | Difference | |\n|---|---|---|---|---|---|---|\n| | M | SD | M | SD | Estimate | 95% CI |"
    row = "| Pain | 62.04 | 8.18 | 70.44 | 11.07 | 8.40 | 5.03, 11.76 |"
    made = drafted(tmp_path, f"Table 1. Groups\n\n{heads}\n{row}")
    found, between = facts_of(made), str(["md", "hc"])
    assert (found["sd", "pain", "md"], found["mean_difference", "pain", between]) == ("11.07", "8.40")
    assert (found["mean_difference_ci_high", "pain", between], made.left) == ("11.76", [])


def test_of_three_groups_a_difference_does_not_enter(tmp_path):
    text = DIFFERENCES.replace("| {heads}", "| Home (n = 20) M (SD) | MD [95% CI]").replace("{rules}", "---|---|")
    text = text.replace("| 8.40 {first}", "| 60 (8) | 8.4 [5, 11.76]").replace("| -0.36 {second}", "| 6 (1) | -0.36")
    made = drafted(tmp_path, text)
    assert [what for _, what, _ in made.left] == ["8.4 of Pain", "5 of Pain", "11.76 of Pain", "-0.36 of Sleep"]


MATRIX = """
Table 1. Means and correlations{title}

| | 1 | 2 | 3 | {heads} |
|---|---|---|---|---|---|---|---|
| 1. Pain | – | | | 62.0 | 8.2 | 70.4 | 11.1 |
| 2. Sleep | −.27 | – | | 392.6 | 49.4 | 370.8 | 54.9 |
| 3. Grip | −.25 | .23 | – | 30.7 | 6.7 | 29.1 | 5.7 |
"""
BY_GROUP = [
    "M waitlist | SD waitlist | M admitted | SD admitted",
    "waitlist M | waitlist SD | admitted M | admitted SD",
]


@pytest.mark.parametrize("heads", BY_GROUP)
def test_beside_correlations_means_and_sds_are_of_the_group_that_is_named(tmp_path, heads):
    known = Known(sizes={"waitlist": "83", "admitted": "47"})
    made = drafted(tmp_path, MATRIX.format(title="", heads=heads), known)
    found = facts_of(made)
    assert [found["mean", "pain", "waitlist"], found["sd", "pain", "waitlist"]] == ["62.0", "8.2"]
    assert [found["mean", "grip", "admitted"], found["sd", "grip", "admitted"]] == ["29.1", "5.7"]
    assert (made.left, made.entered) == ([], made.printed)


def test_beside_correlations_nobody_s_means_are_taken_for_everybody_s(tmp_path):
    made = drafted(tmp_path, MATRIX.format(title="", heads=BY_GROUP[0]))
    assert {quantity for quantity, *_ in facts_of(made)} == {"correlation"}
    assert len(made.left) == 12
    assert '--group "waitlist=N"' in made.left[0][2]


@pytest.mark.parametrize(
    ("title", "known", "n", "listed"),
    [
        (" (N = 130)", Known(), ["130"], []),
        (" (first, n = 83, below; second, n = 47, above)", Known(), [], ["n = 83 in the title", "n = 47 in the title"]),
        (" (waitlist, n = 83)", Known(sizes={"waitlist": ""}), [], ["n = 83 in the title"]),
    ],
)
def test_a_title_says_the_size_of_one_sample_only(tmp_path, title, known, n, listed):
    made = drafted(tmp_path, MATRIX.format(title=title, heads="M | SD | Min | Max"), known)
    assert [value for (quantity, *_), value in facts_of(made).items() if quantity == "n"] == n
    assert [what for _, what, _ in made.left] == listed


def test_a_title_with_two_sizes_says_none_of_a_regression(tmp_path):
    title = "Table 1. Regression predicting worry (first, n = 83; second, n = 47)"
    made = drafted(tmp_path, f"{title}\n\n| | B |\n|---|---|\n| Age | 0.18 |\n| R² | .10 |")
    assert {quantity for quantity, *_ in facts_of(made)} == {"coefficient", "r2"}
    assert len(made.left) == 2


@pytest.mark.parametrize(
    ("row", "f", "p"),
    [("F for ΔR²", "delta_r2_f", "delta_r2_p"), ("F change", "delta_r2_f", "delta_r2_p"), ("F", "r2_f", "r2_p")],
)
def test_p_in_the_row_of_an_f_is_of_that_f(tmp_path, row, f, p):
    text = "Table 1. Regression predicting worry\n\n| | B (SE) | p |\n|---|---|---|\n| Age | 0.18 (0.07) | .012 |\n"
    made = drafted(tmp_path, f"{text}| R² | .39 | |\n| {row} | 8.02 | .005 |")
    found = {quantity: value for (quantity, *_), value in facts_of(made).items()}
    assert (found[f], found[p], made.left) == ("8.02", "0.005", [])


NAMED = GROUPS + "\nTable 2. Regression predicting worry (PSWQ)\n\n| | β |\n|---|---|\n| Support | .11 |\n"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--group", "Patients=-5"], "Patients=-5: a group's size is a whole number above 0"),
        (["--group", "Patients=0"], "a group's size is a whole number above 0"),
        (["--group", "Patients=many"], "a group's size is a whole number above 0"),
        (["--group", "Patients=50"], "Patients=50: the tables print n = 57 (Table 1)"),
        (["--group", "Nobody=57"], "no table has a group 'Nobody'; the tables name 'Patients', 'Controls'"),
        (["--outcome", "Happiness"], "no table names 'Happiness'; the regressions explain 'worry'"),
    ],
)
def test_what_the_tables_do_not_have_is_refused(hikibayes, words, message):
    Path("paper.md").write_text(NAMED, encoding="utf-8")
    result = hikibayes("studies", "--from", "paper.md", "--new", "mine.toml", *words)
    assert result.exit_code == 2, result.output
    assert message in result.stderr
    assert not Path("mine.toml").exists()


@pytest.mark.parametrize(
    "words", [["--group", "Patients=57"], ["--outcome", "Worry (PSWQ)"], ["--outcome", "Distress"]]
)
def test_what_the_tables_have_can_be_said(hikibayes, words):
    Path("paper.md").write_text(NAMED, encoding="utf-8")
    assert hikibayes("studies", "--from", "paper.md", "--new", "mine.toml", *words).exit_code == 0


def test_groups_and_an_outcome_that_no_table_could_name_can_be_said(tmp_path):
    text = "Table 1. Results\n\n| | B |\n|---|---|\n| Age | 0.18 |\n| R² | .10 |"
    made = drafted(tmp_path, text, Known("Happiness", {"Patients": "57", "Controls": "60"}))
    assert made.content["analysis"] == {"outcome": "happiness", "group": "group"}


def test_a_term_called_group_is_a_measure_where_no_groups_are_known(tmp_path):
    made = drafted(tmp_path, "Table 1. Regression predicting worry\n\n| | B |\n|---|---|\n| Group | 0.18 |")
    assert made.study("a").facts_of("coefficient", term="group")


# -- notes, several outcomes, merged cells, where slopes are ----------------------------------------------------------

WORRY = "Table 1. Regression predicting worry\n\n| | B | p |\n|---|---|---|\n| Age | 0.18{} | .012 |\n\nNote. {}"


@pytest.mark.parametrize(
    ("note", "found", "listed"),
    [
        ("N = 116.", {"n": "116"}, 0),
        ("R² = .23, F(2, 113) = 16.9.", {"r2": "0.23", "r2_f": "16.9", "r2_df1": "2", "r2_df2": "113"}, 0),
        ("Coefficients of the final model. 95% CI in brackets; PHQ-9 at baseline.", {}, 0),
        ("N = 116. All VIF were below 2.1. Two people gave no income.", {"n": "116"}, 1),
        ("Missing: n = 3.", {}, 1),
    ],
)
def test_what_a_note_prints_enters_or_is_listed(tmp_path, note, found, listed):
    made = drafted(tmp_path, WORRY.format("", note))
    more = {q: value for (q, *_), value in facts_of(made).items() if not q.startswith("coefficient")}
    assert more == found
    assert ["note" in what for _, what, _ in made.left] == [True] * listed
    assert made.entered == made.printed


def test_a_note_says_of_each_step_what_it_explains(tmp_path):
    rows = "| Step 1 | |\n| Age | 0.18 |\n| Step 2 | |\n| Age | 0.15 |\n| Support | −0.30 |"
    first, second = "R² = .05, F(1, 90) = 4.8 for Step 1", "ΔR² = .11, F(1, 89) = 11.6, p = .002 for Step 2"
    note = f"Note. {first}; {second} (more in the text)."
    made = drafted(tmp_path, f"Table 1. Regression predicting worry\n\n| | B |\n|---|---|\n{rows}\n\n{note}")
    found = facts_of(made)
    assert (found["r2", "step_1"], found["delta_r2", "step_2"]) == ("0.05", "0.11")
    assert (found["r2_f", "step_1"], found["delta_r2_f", "step_2"]) == ("4.8", "11.6")
    assert (found["delta_r2_df2", "step_2"], found["delta_r2_p", "step_2"]) == ("89", "0.002")
    assert made.left == []


def test_a_unit_behind_a_comma_is_no_other_measure(tmp_path):
    made = drafted(tmp_path, GROUPS.replace("Waist", "Age, years") + "\n" + WORRY.format("", ""))
    assert [each["id"] for each in made.content["measure"]].count("age") == 1
    assert not any("years" in each["id"] for each in made.content["measure"])


@pytest.mark.parametrize(("name", "mark"), [("a.md", "a"), ("a.html", "<sup>a,b</sup>")])
def test_letters_stand_for_the_p_that_the_note_gives_them(tmp_path, name, mark):
    text = WORRY.format(mark, "a p < .05, b p < .01.")
    if name == "a.html":
        cells = (
            f"<tr><th></th><th>B<sup>c</sup></th><th>p</th></tr><tr><td>Age</td><td>0.18{mark}</td><td>.012</td></tr>"
        )
        text = f"<p>Table 1. Regression predicting worry</p><table>{cells}</table><p>Note. a p < .05, b p < .01.</p>"
    (tmp_path / name).write_text(text, encoding="utf-8")
    made = draft([tmp_path / name], Known())
    p = [(f["relation"], str(f["value"])) for f in in_full(made.content)["fact"] if f["quantity"] == "coefficient_p"]
    assert p == [("<", "0.01" if "b" in mark else "0.05"), ("=", "0.012")]
    made.study(name)


@pytest.mark.parametrize("cell", ["0.18 (0.07)*", "0.18* (0.07)"])
def test_marks_behind_brackets_are_of_the_estimate(tmp_path, cell):
    title = "Table 1. Regression predicting worry"
    made = drafted(tmp_path, f"{title}\n\n| | B (SE) |\n|---|---|\n| Age | {cell.replace('*', chr(92) + '*')} |")
    assert {q: value for (q, *_), value in facts_of(made).items()} == {
        "coefficient": "0.18", "coefficient_se": "0.07", "coefficient_p": "0.05"
    }  # fmt: skip


def test_a_mark_beside_a_mean_is_listed_and_the_mean_enters(tmp_path):
    made = drafted(tmp_path, GROUPS.replace("88.1 (3.2)", "88.1 (3.2)\\*"))
    made.study("x")
    assert [(what, why) for _, what, why in made.left] == [
        ("'*' of mean 88.1 of Waist, Patients", "nothing says which test the mark is of")
    ]


HEAD = "| | B | SE | p |\n|---|---|---|---|\n"
STACKED = "| Worry | | | |\n| Age | 0.18 | 0.07 | .012 |\n| Mood | | | |\n| Age | 0.31 | 0.09 | .001 |"
STEPS = "| Step 1 | | | |\n| Age | {} | 0.07 | .012 |\n| Step 2 | | | |\n| Age | {} | 0.08 | .012 |\n"
SAID = STACKED.replace("| Worry", "| Outcome: Worry").replace("| Mood", "| DV: Mood")
OUTCOMES = {
    "stacked": f"Table 1. Regressions\n\n{HEAD}{STACKED}",
    "said so": f"Table 1. Regressions\n\n{HEAD}{SAID}",
    "beside": """Table 1

| | Worry B | Worry SE | Mood B | Mood SE |
|---|---|---|---|---|
| Age | 0.18 | 0.07 | 0.31 | 0.09 |""",
    "with steps": f"Table 1\n\n{HEAD}| Worry | | | |\n{STEPS.format('0.18', '0.17')}| Mood | | | |\n"
    + STEPS.format("0.31", "0.30"),
    "two tables": f"Table 1. Regression predicting worry\n\n{HEAD}| Age | 0.18 | 0.07 | .012 |\n\n"
    f"Table 2. Regression predicting mood\n\n{HEAD}| Age | 0.31 | 0.09 | .001 |",
    "a column": """Table 1. Regressions

| Outcome | Predictor | B | SE |
|---|---|---|---|
| Worry | Age | 0.18 | 0.07 |
| Mood | Age | 0.31 | 0.09 |""",
    "sizes": """Table 1

| | Worry (N = 90) | | Mood (N = 91) | |
|---|---|---|---|---|
| | B | SE | B | SE |
| Age | 0.18 | 0.07 | 0.31 | 0.09 |""",
}
ASKED = [("worry", "0.18", "Mood"), ("MOOD", "0.31", "Worry"), ("", "0.18", "Mood")]


@pytest.mark.parametrize("layout", OUTCOMES)
@pytest.mark.parametrize(("asked", "b", "other"), ASKED)
def test_of_several_outcomes_one_enters_and_the_others_are_named(tmp_path, layout, asked, b, other):
    if layout == "sizes" and not asked:
        made = drafted(tmp_path, OUTCOMES[layout])
        assert "whether Worry, Mood are groups, as read here, or outcomes: --outcome says so" in made.unknown
        return
    made = drafted(tmp_path, OUTCOMES[layout], Known(outcome=asked))
    first = [value for (quantity, *_), value in facts_of(made).items() if quantity == "coefficient"]
    assert first[0] == b
    assert len(first) == 1 + (layout == "with steps")
    assert [what.lower() for _, what, _ in made.left] == [f"the numbers of {other.lower()}"]
    assert made.study("x").analysis.outcome == (asked or "worry").lower()
    if layout == "sizes":
        assert [value for (q, *_), value in facts_of(made).items() if q == "n"] == ["90" if b == "0.18" else "91"]


def test_a_number_merged_over_columns_is_one_number(tmp_path):
    rows = "<tr><td>Age</td><td>0.18</td><td>0.07</td></tr><tr><td>R²</td><td colspan='2'>.23</td></tr>"
    head = "<thead><tr><th></th><th>B</th><th>SE</th></tr></thead>"
    (tmp_path / "a.html").write_text(f"<table>{head}<tbody>{rows}</tbody></table>", encoding="utf-8")
    made = draft([tmp_path / "a.html"], Known())
    assert (made.entered, made.printed, made.left) == (3, 3, [])


@pytest.mark.parametrize(
    ("title", "heads", "label", "at"),
    [
        ("support on worry", "", "Income at −1 SD", "income:-1"),
        ("support on worry", "", "at Income = 40", "income:'40'"),
        ("support on worry", "", "+1.5 SD Income", "income:1.5"),
        ("support on worry at values of income", "", "40.25", "income:'40.25'"),
        ("support on worry", "Income", "40.25", "income:'40.25'"),
    ],
)
def test_where_a_slope_is(tmp_path, title, heads, label, at):
    table = f"| {heads} | Effect | SE |\n|---|---|---|\n| {label} | −0.30 | 0.09 |"
    made = drafted(tmp_path, f"Table 2. Conditional effects of {title}\n\n{table}")
    [table] = [table for table in made.content["table"] if "at" in table["columns"]]
    assert dict(zip(table["columns"], table["rows"][0], strict=True))["at"] == at
    assert made.left == []


def test_decimal_commas_and_an_n_for_each_measure(tmp_path):
    rows = "Belastung;12,40;3,20;{};100\nAlter;35,1;9,75;{};100"
    (tmp_path / "a.csv").write_text("Tabelle 1;Deskriptiv;;;\nVariable;M;SD;Min;n\n" + rows.format("1,00", "18,0"))
    made = draft([tmp_path / "a.csv"], Known())
    assert (len(made.study("x").facts), made.left) == (7, [])
    assert facts_of(made)["n",] == "100"
    (tmp_path / "a.csv").write_text("Variable;M;SD;n\n" + "Belastung;12,40;3,20;99\nAlter;35,1;9,75;100")
    made = draft([tmp_path / "a.csv"], Known())
    assert [what for _, what, _ in made.left] == ["n = 99, 100"]
    assert len(made.study("x").facts) == 4


def test_a_comma_that_may_be_either_sign_is_refused(tmp_path):
    (tmp_path / "a.csv").write_text("Variable;M;SD;n\nEinkommen;12,345;3,210;1,100\n", encoding="utf-8")
    with pytest.raises(InputError, match="'12,345' may have a decimal comma or thousands; write its decimals"):
        draft([tmp_path / "a.csv"], Known())
    (tmp_path / "a.csv").write_text("Variable;M;SD;n\nEinkommen;345;210;1,100\n", encoding="utf-8")
    assert facts_of(draft([tmp_path / "a.csv"], Known()))["n",] == "1100"


ROWS = "| | B | SE | p |\n|---|---|---|---|\n| Age | 0.1 | 0.04 | .01 |"


@pytest.mark.parametrize(
    ("title", "more", "said"),
    [
        ("Weighted least squares regression", "", "'Weighted': weighted numbers are not taken"),
        ("Regression", "\n\nNote. Survey weights were applied.", "'Survey weights': weighted numbers are not taken"),
        ("Logistic regression of drinking", "", "models for categories, counts and times are not taken; percentages"),
        ("Negative binomial regression", "", "models for categories, counts and times are not taken"),
        ("Generalized estimating equations", "", "models for categories, counts and times are not taken"),
        ("Multilevel model", "", "multilevel models are not taken; means, SDs"),
        ("Predictors", "\n| Random effects | | | |\n| Intercept | 0.3 | 0.1 | |", "multilevel models are not taken"),
        ("Standardized path coefficients", "", "structural equation models are not taken; means, SDs"),
        ("Factor loadings", "", "structural equation models are not taken"),
        ("Bayesian regression", "", "posteriors hold a prior and are not taken"),
        ("Indirect effects of age", "", "an effect of a mediation is no term; each of its regressions can be entered"),
    ],
)
def test_a_table_of_a_model_that_is_not_taken_says_what_can_be_entered(tmp_path, title, more, said):
    with pytest.raises(InputError, match=re.escape(said)):
        drafted(tmp_path, f"Table 2. {title}\n\n{ROWS}{more}")


@pytest.mark.parametrize("label", ["Indirect effect via hope", "Total effect", "a × b"])
def test_an_indirect_effect_among_terms_is_listed(tmp_path, label):
    made = drafted(tmp_path, f"Table 2. Regression of mood\n\n{ROWS}\n| {label} | 0.12 | 0.04 | .01 |")
    assert [what for _, what, _ in made.left] == [f"the row {label!r}"]
    assert len(facts_of(made)) == 3


@pytest.mark.parametrize("words", ["Body weight by arm", "Unweighted means", "Odds ratios follow in Table 3"])
def test_words_that_only_look_like_another_model(tmp_path, words):
    made = drafted(tmp_path, GROUPS.replace("Table 1", f"Table 1. {words}", 1))
    assert made.left == []


UNITS = ["min", "max", "h", "kg", "%", "N", "M", "n", "SD", "d", "g", "t", "F", "mm Hg"]


@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.parametrize("heads", ["1 | 2 | 3", "Strain | Way ({}) | Age"])
def test_a_unit_behind_a_measure_s_name_is_no_statistic(tmp_path, unit, heads):
    text = (
        f"Table 1. Correlations\n\n| | M | SD | {heads.format(unit)} |\n|---|---|---|---|---|---|\n"
        f"| 1. Strain | 2.96 | 0.73 | – | | |\n| 2. Way ({unit}) | 42.92 | 22.20 | .55 | – | |\n"
        "| 3. Age | 51.28 | 10.61 | −.11 | .01 | – |\n"
    )
    made = drafted(tmp_path, text)
    correlations = {(f.of, f.with_): f.printed for f in made.study("x").facts if f.quantity == "correlation"}
    assert correlations == {("way", "strain"): "0.55", ("age", "strain"): "-0.11", ("age", "way"): "0.01"}
    assert made.left == []


@pytest.mark.parametrize("label", ["M (patients)", "Patients M (SD)", "Patients (M)"])
def test_a_statistic_in_a_row_below_a_matrix_is_no_unit(tmp_path, label):
    rows = f"| Strain | – | |\n| Way | .55 | – |\n| Age | .1 | .2 |\n| {label} | 2.96 | 42.9 |"
    made = drafted(tmp_path, f"Table 1. Correlations\n\n| | Strain | Way | Age |\n|---|---|---|---|\n{rows}")
    found = [(q, of) for q, of, *_ in facts_of(made)]
    assert ("mean", "strain") in found
    assert found.count(("correlation", "way")) == 1


@pytest.mark.parametrize("unit", ["min", "max"])
def test_minutes_are_no_minimum_in_any_table(tmp_path, unit):
    made = drafted(tmp_path, GROUPS.replace("Waist", f"Waist ({unit})"))
    assert facts_of(made)["mean", "waist", "patients"] == "88.1"
    assert not made.left


def test_degrees_of_freedom_in_a_heading_are_of_every_test_below_it(tmp_path):
    made = drafted(tmp_path, GROUPS.replace("| t |", "| t(115) |"))
    found = facts_of(made)
    dfs = {key[1]: value for key, value in found.items() if key[0] == "df"}
    assert dfs == {"distress": "115", "support": "115", "waist": "115"}
    assert {key[2] for key in found if key[0] == "df"} == {key[2] for key in found if key[0] == "t"}
    assert made.printed == made.entered == 23


@pytest.mark.parametrize(("dfs", "verdicts"), [("2, 155", set()), ("3, 115", {"inconsistent"})])
def test_degrees_of_freedom_of_f_are_audited(tmp_path, dfs, verdicts):
    text = (
        "Table 1. Crews, M (SD)\n\n"
        f"| | Tram (n = 71) | Bus (n = 48) | Ferry (n = 39) | F({dfs}) | p |\n|---|---|---|---|---|---|\n"
        "| Sleep | 19.61 (4.17) | 23.83 (5.02) | 19.59 (5.41) | 13.20 | < .001 |\n"
        "| Age | 43.70 (8.47) | 39.27 (8.35) | 47.00 (9.13) | 8.94 | < .001 |\n"
    )
    made = drafted(tmp_path, text)
    found = facts_of(made)
    assert [found[f"f_df{k}", "sleep"] for k in (1, 2)] == dfs.split(", ")
    wrong = {row.verdict for row in checks(made.study("x")) if "df" in str(row.facts)} - {"consistent"}
    assert wrong == verdicts


@pytest.mark.parametrize("cell", ["18,857 (2,031)***", "18,857*** (2,031)", "18,857 [2,031; 3]***"])
def test_marks_stay_where_commas_are_decimal_signs(cell):
    assert pieces(cell, decimal_commas=True)[0].text == "18.857***"


def test_sizes_of_the_sample_that_disagree_are_of_all(tmp_path):
    text = "Table {k}. Correlations (N = {n})\n\n| | M | Grip | Sleep |\n|---|---|---|---|\n| Grip | 31.2 | – | |\n"
    text += "| Sleep | 7.1 | .32 | – |\n\n"
    made = drafted(tmp_path, text.format(k=1, n=158) + text.format(k=2, n=143))
    assert made.conflicts == ["n of all is 158 in Table 1 and 143 in Table 2"]


@pytest.mark.parametrize("title", ["Means and correlations (N = 158)", "Correlations, SD = in brackets"])
def test_the_title_of_the_next_table_is_no_note(tmp_path, title):
    made = drafted(tmp_path, f"{GROUPS}\nTable 2. {title}\n{GROUPS.partition('Groups')[2]}")
    assert made.left == []
    assert {locator for locator, *_ in made.columns} == {"Table 1", "Table 2"}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--outcome", "x"], "--outcome is of tables"),
        (["--group", "x"], "--group is of tables"),
        (["--from", "a.md", "--new", "b.toml", "--group", "Controls", "--group", "Controls=60"], "given twice"),
    ],
)
def test_options_that_would_be_lost_are_refused(hikibayes, words, said):
    Path("a.md").write_text(GROUPS, encoding="utf-8")
    result = hikibayes("studies", *words)
    assert (result.exit_code, said in result.stderr) == (2, True), result.output


FAT = {"relay": ("18.42", "4.31"), "butterfly": ("16.87", "3.95")}
BESIDE = "| | Relay (n = 44) | Butterfly (n = 52) |\n|---|---|---|\n"
APART = "| | Relay (n = 44) | | Butterfly (n = 52) | |\n|---|---|---|---|---|\n| | M | SD | M | SD |\n"


@pytest.mark.parametrize(
    ("title", "head", "rows"),
    [
        (", M (SD)", BESIDE, "Body fat (%) | 18.42 (4.31) | 16.87 (3.95)\nWomen (%) | 24 (54.5) | 25 (48.1)"),
        ("", BESIDE, "Body fat (%) | 18.42 ± 4.31 | 16.87 ± 3.95\nWomen, n (%) | 24 (54.5) | 25 (48.1)"),
        ("", BESIDE, "Body fat (%), M (SD) | 18.42 (4.31) | 16.87 (3.95)\nWomen (%) | 54.5 | 48.1"),
        ("", APART, "Body fat (%) | 18.42 | 4.31 | 16.87 | 3.95\nWomen (%) | 54.5 | | 48.1 | "),
    ],
)
def test_percent_is_a_unit_where_an_sd_stands_beside_it(tmp_path, title, head, rows):
    table = f"Table 1. Swimmers{title}\n\n{head}" + "\n".join(f"| {row} |" for row in rows.splitlines())
    study = drafted(tmp_path, table).study("x")
    for group, printed in FAT.items():
        found = [study.facts_of(kind, of="body_fat", group=group)[0].printed for kind in ("mean", "sd")]
        assert tuple(found) == printed
    shares = {fact.group: fact.printed for fact in study.facts_of("proportion", of="women")}
    assert shares == {"relay": "54.5%", "butterfly": "48.1%"}


CHOIRS = """
Table 1. Voices, M (SD)

| | Soprano (n = 52) | Alto (n = 61) | Tenor (n = 47) |
|---|---|---|---|
| Pitch | 61.08 (6.57) | 60.71 (5.72) | 57.14 (4.97) |
| Practice | 6.15 (2.04) | 5.06 (2.15) | 5.94 (1.78) |

Table 2. Regression of pitch on voice and practice

| | b | SE |
|---|---|---|
| Practice | 1.862 | 0.355 |
| Voice: Alto | 1.115 | 0.998 |
| Voice: Tenor | −2.887 | 1.047 |
| Voice: Alto × Practice | −1.561 | 0.466 |
| Voice: Tenor × Practice | −2.051 | 0.554 |
"""


def test_a_colon_parts_a_factor_from_its_level(tmp_path):
    study = drafted(tmp_path, CHOIRS).study("x")
    terms = ["practice", "group[alto]", "group[tenor]", "group[alto]:practice", "group[tenor]:practice"]
    assert [fact.term for fact in study.facts_of("coefficient")] == terms
    rows = "".join(f"| {row} | 1.1 | 0.2 |\n" for row in ("Support", "Income", "Support: Income"))
    made = drafted(tmp_path, f"Table 1. Regression of sleep\n\n| | b | SE |\n|---|---|---|\n{rows}")
    assert [fact.term for fact in made.study("x").facts_of("coefficient")][-1] == "support:income"


def test_columns_behind_the_increase_test_it(tmp_path):
    text = (
        "Table 1\tRegression predicting sleep (N = 187)\n\n\tβ\tt\tp\tR2\tR2 change\tF change\tSig.\n"
        "Step 1\t\t\t\t0.112\t\t\t\nNoise\t-0.237\t-3.40\t0.001\t\t\t\t\nHope\t0.260\t3.72\t0.000\t\t\t\t\n"
        "Step 2\t\t\t\t0.215\t0.102\t23.89\t0.000\nNoise × Hope\t0.297\t4.89\t0.000\t\t\t\t\n"
    )
    (tmp_path / "t.tsv").write_text(text, encoding="utf-8")
    made = draft([tmp_path / "t.tsv"], Known())
    study = made.study("x")
    assert (made.printed, made.entered, study.analysis.outcome) == (16, 16, "sleep")
    assert {fact.source.locator for fact in study.facts} == {"Table 1"}
    assert study.facts_of("delta_r2_p")[0].step == "step_2"
    assert len(study.facts_of("coefficient_p")) == 3


def test_models_of_letters_and_measures_with_units(tmp_path):
    made = drafted(
        tmp_path,
        "Table II. Linear models for pain\n\n| | B (95% CI) | P | B (95% CI) | P |\n|---|---|---|---|---|\n"
        "| | Model A | Model A | Model B | Model B |\n"
        "| Dose, mg | -0.05 (-0.20 to 0.09) | .48 | -0.40 (-0.58 to -0.21) | <.001 |\n"
        "| Age, yr | 0.11 (-0.01 to 0.24) | .07 | 0.11 (0.00 to 0.23) | .05 |\n"
        "| Age × dose | | | 0.71 (0.45 to 0.97) | <.001 |\n",
    )
    study = made.study("x")
    assert [(step.id, step.adds) for step in study.steps] == [("model_a", ("dose", "age")), ("model_b", ("age:dose",))]
    assert study.analysis.outcome == "pain"
    assert {fact.source.locator for fact in study.facts} == {"Table II"}


OF_BURDEN = """
Table 1. Groups

| | Patients (n = 57), M (SD) | Controls (n = 60), M (SD) |
|---|---|---|
| Burden index | 24.10 (6.20) | 18.30 (5.90) |
| Support | 15.20 (4.10) | 17.00 (4.00) |

Table 2. Linear regression TITLED

| | β |
|---|---|
| Support | −.30 |
"""


@pytest.mark.parametrize("titled", ["of the burden index", ""])
@pytest.mark.parametrize("said", ["Burden", "Burden indx", "index", "burden index score"])
def test_an_outcome_that_is_nearly_a_measure_is_refused_with_its_name(hikibayes, titled, said):
    Path("a.md").write_text(OF_BURDEN.replace("TITLED", titled), encoding="utf-8")
    result = hikibayes("studies", "--from", "a.md", "--new", "x.toml", "--outcome", said)
    assert (result.exit_code, Path("x.toml").exists()) == (2, False)
    assert f"no measure is called '{said}'; the tables have" in result.stderr
    assert "'Burden index'" in result.stderr
    assert hikibayes("studies", "--from", "a.md", "--new", "x.toml", "--outcome", "burden index").exit_code == 0


def test_an_outcome_that_is_no_measure_of_the_tables_is_one_more(hikibayes):
    Path("a.md").write_text(OF_BURDEN.replace("TITLED", ""), encoding="utf-8")
    assert hikibayes("studies", "--from", "a.md", "--new", "x.toml", "--outcome", "Support gained").exit_code == 0
    assert {"burden_index", "support", "support_gained"} < {each.id for each in load_study("x.toml").measures}


def test_a_title_that_names_nearly_a_measure_is_asked_about(hikibayes):
    Path("a.md").write_text(OF_BURDEN.replace("TITLED", "of burden"), encoding="utf-8")
    result = hikibayes("studies", "--from", "a.md", "--new", "x.toml")
    assert "left to you: whether 'burden' is 'Burden index': --outcome \"Burden index\" says so" in result.stdout


CREWS = """
Table 1. Groups

| | Shore crew (n = 57), M (SD) | Night-shift CREW (n = 60), M (SD) | t | p |
|---|---|---|---|---|
| Burden | 24.10 (6.20) | 18.30 (5.90) | 5.18 | <.001 |
| Support | 15.20 (4.10) | 17.00 (4.00) | −2.40 | .018 |

Table 2. Regression predicting burden

| | B | p |
|---|---|---|
| Night shift crew (vs. shore crew) | −5.80 | <.001 |
| Support | −.30 | .040 |
| Night-shift crew x Support | −.60 | .030 |

Table 3. Conditional slopes of support on burden

| Crew | B | p |
|---|---|---|
| Shore crew | −.30 | .040 |
| ROW | −.90 | <.001 |
"""


@pytest.mark.parametrize(
    "row", ["Night-shift crew", "Night shift crew", "In the night-shift crew", "Night-shift Crew (n = 60)"]
)
@pytest.mark.parametrize("said", [(), ("Shore crew", "Night-shift crew"), ("Night-shift CREW", "shore crew")])
def test_a_group_is_one_whatever_its_capitals_and_its_slopes_are_found(hikibayes, row, said):
    Path("a.md").write_text(CREWS.replace("ROW", row), encoding="utf-8")
    words = [word for group in said for word in ("--group", group)]
    result = hikibayes("studies", "--from", "a.md", "--new", "x.toml", *words)
    assert result.exit_code == 0, result.output
    assert "how many people" not in result.stdout
    study = load_study("x.toml")
    order = sorted(("shore_crew", "night_shift_crew"), key=lambda each: bool(said) and said[0].lower()[:5] != each[:5])
    assert [group.id for group in study.groups] == order
    assert {g: f.printed for f in study.facts_of("slope") if (g := f.group)} == {
        "shore_crew": "-0.30",
        "night_shift_crew": "-0.90",
    }
    if said:
        assert [group.label for group in study.groups] == [*said]


def test_columns_of_a_group_are_one_whatever_its_capitals(tmp_path):
    text = 'Table 1,,,,,,\nMeasure,"Shore Crew M","Shore crew SD","Night crew M","Night Crew SD",t,p\n'
    (tmp_path / "a.csv").write_text(f"{text}Burden,24.10,6.20,18.30,5.90,5.18,<.001\n", encoding="utf-8")
    made = draft([tmp_path / "a.csv"], Known(sizes={"shore crew": "57", "Night crew": "60"}))
    assert (made.left, made.entered) == ([], 6)
    assert [group["id"] for group in made.content["group"]] == ["shore_crew", "night_crew"]
    assert {fact.between for fact in made.study("a").facts_of("t")} == {("shore_crew", "night_crew")}


def of_two(one, other, second=""):
    rows = f"| {one} | 24.10 (6.20) |\n| {other} | 15.20 (4.10) |\n"
    return f"Table 1. Sample (N = 80)\n\n| | M (SD) |\n|---|---|\n{rows}{second}"


@pytest.mark.parametrize(
    ("one", "other"),
    [("Depression (DASS)", "Anxiety (DASS)"), ("Pain (VAS)", "Strain (VAS)"), ("Distress (T1)", "Distress (T2)")],
)
def test_measures_of_one_instrument_stay_apart(tmp_path, one, other):
    later = f"\nTable 2. Regression predicting sleep\n\n| | β |\n|---|---|\n| {one} | .20 |\n| {other} | .30 |\n"
    (tmp_path / "a.md").write_text(of_two(one, other, later), encoding="utf-8")
    made = draft([tmp_path / "a.md"], Known())
    assert made.left == []
    study = made.study("a")
    assert len({fact.of for fact in study.facts_of("mean")}) == 2
    assert {fact.term for fact in study.facts_of("coefficient")} == {fact.of for fact in study.facts_of("mean")}


def test_an_abbreviation_of_two_instruments_in_two_tables_is_neither(tmp_path):
    later = "\nTable 2. Regression predicting sleep\n\n| | β |\n|---|---|\n| Anxiety (DASS) | .20 |\n"
    (tmp_path / "a.md").write_text(of_two("Depression (DASS)", "Age", later), encoding="utf-8")
    study = draft([tmp_path / "a.md"], Known()).study("a")
    assert {fact.term for fact in study.facts_of("coefficient")} == {"anxiety"}
    (tmp_path / "b.md").write_text(of_two("Stress (DASS)", "Age", later.replace("Anxiety", "Perceived stress")))
    study = draft([tmp_path / "b.md"], Known()).study("b")
    assert {fact.term for fact in study.facts_of("coefficient")} == {"stress"}


def test_an_outcome_of_the_same_instrument_is_another(hikibayes):
    rows = "| Outcome | Predictor | β |\n|---|---|---|\n| Anxiety (DASS) | Age | .20 |\n| Stress (DASS) | Age | .30 |\n"
    Path("a.md").write_text(f"Table 2. Regressions\n\n{rows}", encoding="utf-8")
    result = hikibayes("studies", "--from", "a.md", "--new", "x.toml", "--outcome", "Stress (DASS)")
    assert result.exit_code == 0, result.output
    study = load_study("x.toml")
    assert (study.analysis.outcome, [f.printed for f in study.facts_of("coefficient")]) == ("stress", ["0.30"])


def test_an_outcome_where_nothing_is_explained_is_a_measure_of_the_tables(hikibayes):
    Path("a.md").write_text(GROUPS, encoding="utf-8")
    result = hikibayes("studies", "--from", "a.md", "--new", "x.toml", "--outcome", "Nonsense")
    assert (result.exit_code, Path("x.toml").exists()) == (2, False)
    assert "no table has a regression or a measure 'Nonsense'" in result.stderr
    assert hikibayes("studies", "--from", "a.md", "--new", "x.toml", "--outcome", "Waist").exit_code == 0


@pytest.mark.parametrize("cell", ["18.30 (5,90)", "18,30 (5.90)"])
def test_a_cell_of_two_decimal_signs_is_refused(hikibayes, cell):
    Path("a.md").write_text(GROUPS.replace("18.30 (5.90)", cell), encoding="utf-8")
    result = hikibayes("studies", "--from", "a.md", "--new", "x.toml")
    assert (result.exit_code, Path("x.toml").exists()) == (2, False)
    assert f"has decimal commas ('{cell}') and decimal points" in result.stderr


def test_decimal_commas_beside_a_bound_with_a_point_are_read(tmp_path):
    text = re.sub(r"(?<=\d)\.(?=\d)", ",", GROUPS).replace(".018", ",018").replace(".061", ",061")
    (tmp_path / "a.md").write_text(text, encoding="utf-8")
    assert "<.001" in text
    made = draft([tmp_path / "a.md"], Known())
    assert (made.left, made.entered) == ([], 20)
