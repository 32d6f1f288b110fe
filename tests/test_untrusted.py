"""What a stranger's files cannot do: each promise of docs/security.md."""

import csv
import json
import re
import shutil
from pathlib import Path

import pandas as pd
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree, html

from hikibayes.cli import main
from hikibayes.folders import csv_table, csv_text, read_record, renew_files, write_run
from hikibayes.inference.data.files import read_table
from hikibayes.inference.fit import fit
from hikibayes.provenance import Stopwatch
from hikibayes.reporting.html import report
from hikibayes.reporting.tables import cell_text
from hikibayes.spec import InputError, read_object, read_toml

INPUTS = Path(__file__).parent / "campaign" / "inputs"
COMPUTED = re.compile(r"[=@\t\r]|[-+].*[A-Za-z|!]")
"""How a cell begins that a spreadsheet computes, or fetches something for."""
HOSTILE = {
    "wild frogs": "=cmd|' /C calc'!A0 <script>alert(1)</script>",
    "farmed frogs": "+dose $\\\\frac{ & </title><b>",
    "Food Scale": "@food $x_{$ </text><script>alert(2)</script>",
    "Leap": '-cmd(\\"x\\") <img src=x onerror=alert(3)> {{ 7 * 7 }} {% for %}',
}


def is_computed(cell):
    try:
        float(cell)
    except ValueError:
        return bool(COMPUTED.match(cell))
    return False


def run(*words):
    return CliRunner().invoke(main, list(map(str, words)))


# -- code -------------------------------------------------------------------------------------------------------------

CODE = (
    "__import__('os').system('touch HIT')",
    "I(__import__('os').system('touch HIT'))",
    "np.os.system('touch HIT')",
    "np.load('x')",
    "np.log.__globals__",
    "I(x.__class__)",
    "I(x).__class__.__base__.__subclasses__()",
    "eval('1')",
    "exec('open(0)')",
    "open('HIT', 'w')",
    "I((lambda: 1)())",
    "I([c for c in ()])",
    "pd.read_pickle('x')",
    "{__import__('os').system('touch HIT')}",
    "center(x, __import__('os'))",
    "C(g, eval)",
    "C(g, Treatment(open('HIT','w')))",
    "`__import__('os').system('touch HIT')`",
    "I(x, out=x)",
)
TABLE = pd.DataFrame({"y": [1.0, 2, 3, 5, 9] * 4, "x": [2.0, 1, 4, 3] * 5, "g": ["a", "b"] * 10})


@pytest.mark.parametrize("code", CODE)
def test_a_formula_and_a_condition_run_no_code(code, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for refused in ({"model": f"y ~ x + {code}"}, {"model": f"{code} ~ x"}, {"model": "y ~ x", "rows": code}):
        with pytest.raises((InputError, ValueError)):
            fit(data=TABLE, engine="exact", **refused)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "condition",
    ["g == 'a' * 999999999999", "x in [1] * 999999999999", "g == '%999999999d' % 1", "x > @pd", "x.T > 0", "x[0] > 1"],
)
def test_a_condition_compares_and_does_nothing_else(condition):
    with pytest.raises(InputError, match="computes with what is no number|more than a comparison|cannot be read"):
        fit("y ~ x", TABLE, rows=condition)


def test_nothing_is_unpickled():
    """Chunks, tables and draws are read by formats that hold numbers and texts."""
    source = Path(__file__).parents[1] / "src"
    code = {path: path.read_text(encoding="utf-8") for path in source.rglob("*.py")}
    assert len(code) > 300
    loads = [line for text in code.values() for line in text.splitlines() if re.search(r"\bnp\.load\(", line)]
    assert loads
    assert not [line for line in loads if "allow_pickle=True" in line]
    assert not [path for path, text in code.items() if re.search(r"pickle\.load|read_pickle|joblib\.load", text)]


# -- what a spreadsheet, a browser and a terminal take for commands ---------------------------------------------------

SOME = st.text(alphabet="=+-@'\t\r\n ,;\"1.aA(|<é", max_size=8)


@settings(max_examples=60)
@given(st.lists(st.tuples(SOME, SOME), min_size=1, max_size=5))
def test_csv_comes_back_as_it_was_and_holds_no_formula(rows):
    table = pd.DataFrame({"=one": [one or None for one, _ in rows], "two": [f"x{two}" for _, two in rows]})
    text = csv_text(table)
    for row in csv.reader(text.splitlines(keepends=True)):
        assert not any(map(is_computed, row)), row
    back = csv_table(text, dtype=str, na_values=[])
    assert list(zip(back["=one"], back["two"], strict=True)) == [(one, f"x{two}") for one, two in rows]


def test_numbers_and_ordinary_texts_keep_their_bytes():
    kept = ["-1.18; -0.31", "- 5", "-.24 (.06)", "+1", "a=b", "'quoted'", "x@y", "-"]
    assert csv_text(pd.DataFrame({"printed": kept, "value": [-1.5] * 8})) == (
        "printed,value\n" + "".join(f"{text},-1.5\n" for text in kept)
    )


@pytest.mark.parametrize("text", ["=1+1", "@SUM(A1)", "+A1", "-A1", "-cmd|'/C calc'!A0", "'=x"])
def test_each_way_to_begin_a_formula_is_guarded(text):
    assert csv_text(pd.DataFrame({"a": [text]})).startswith(f"a\n'{text}")


def test_a_table_that_was_written_here_is_read_with_its_own_labels(tmp_path):
    (tmp_path / "t.csv").write_text(csv_text(pd.DataFrame({"=g": ["=a", "+b", "'=c"]})))
    read = read_table(tmp_path / "t.csv").frame
    assert read.columns.tolist() == ["=g"]
    assert read["=g"].tolist() == ["=a", "+b", "'=c"]


@pytest.fixture(scope="module")
def hostile(tmp_path_factory):
    """Runs of a study, and of a table of one's own, whose labels are markup, formulas, templates and mathematics."""
    folder = tmp_path_factory.mktemp("hostile")
    shutil.copytree(INPUTS, folder, dirs_exist_ok=True)
    text = (folder / "study.toml").read_text(encoding="utf-8")
    for label, bad in HOSTILE.items():
        text = text.replace(f'label = "{label}"', f'label = "{bad}"')
    (folder / "study.toml").write_text(text, encoding="utf-8")
    own = TABLE.rename(columns={"x": "$x_{$ <script>"}).replace({"a": "=1+1<script>alert(1)</script>", "b": "@b"})
    own.to_csv(folder / "own.csv", index=False)
    study = folder / "study.toml"
    by = ("--study", study, "--mapping", folder / "mapping.toml")
    for verb in (
        ("audit", study),
        ("fit", folder / "model.toml", folder / "frogs.csv", *by, "--engine", "exact"),
        ("fit", "y ~ g * x", folder / "own.csv", "--column", "x=$x_{$ <script>"),
    ):
        out = folder / "runs" / f"{verb[0]}-{verb[1] if ' ' in str(verb[1]) else 'study'}".replace(" ", "")
        result = run(*verb, "-o", out)
        assert result.exit_code == 0, result.output
        made = run("report", out, *(["--docx"] if verb[0] == "fit" else []))
        assert made.exit_code == 0, made.output
    return folder / "runs"


def test_labels_are_no_markup_in_reports_and_figures(hostile):
    pages = sorted(hostile.rglob("*.html"))
    assert len(pages) >= 3
    for path in pages:
        page = html.fromstring(path.read_text(encoding="utf-8"))
        assert not page.xpath("//script | //img[not(starts-with(@src, 'data:'))] | //iframe | //object"), path
        assert not [key for each in page.iter(etree.Element) for key in each.attrib if key.startswith("on")], path
    assert any("&lt;script&gt;" in path.read_text(encoding="utf-8") for path in pages)
    drawings = [etree.fromstring(path.read_bytes()) for path in hostile.rglob("*.svg")]
    assert drawings
    assert not [each for drawing in drawings for each in drawing.iter("{*}script")]
    assert any("$x_{$" in "".join(drawing.itertext()) for drawing in drawings)
    assert all("49" not in path.read_text(encoding="utf-8").split("onerror=alert(3)&gt; ")[-1][:3] for path in pages)


def test_labels_are_no_formulas_in_tables(hostile):
    tables = sorted(hostile.rglob("*.csv"))
    assert len(tables) > 8
    for path in tables:
        for row in csv.reader(path.read_text(encoding="utf-8").splitlines(keepends=True)):
            assert not any(map(is_computed, row)), (path, row)
    assert any("'=1+1" in path.read_text(encoding="utf-8") for path in tables)


def test_a_browser_is_told_to_run_and_to_fetch_nothing(hostile):
    for path in hostile.rglob("report.html"):
        rule = html.fromstring(path.read_text(encoding="utf-8")).xpath("//meta[@http-equiv]/@content")
        assert rule == [
            "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'"
        ]


@pytest.mark.parametrize("escaped", ["\\u001b[2J", "a\\u0000b", "\\u202egnp.exe", "\\u009b31m"])
def test_a_character_that_no_text_shows_is_refused(escaped, tmp_path):
    (tmp_path / "x.toml").write_text(f'label = "{escaped}"')
    with pytest.raises(InputError, match=r"x.toml: has the character U\+\w{4}, which no text shows"):
        read_toml(tmp_path / "x.toml")
    for text in (f'{{"label": ["{escaped}"]}}', f'{{"{escaped}": 1}}', '{"label": "\\ud800"}'):
        with pytest.raises(InputError, match=r"x.json: has the character U\+\w{4}, which no text shows"):
            read_object(text, "x.json")


def test_a_table_has_blanks_for_them(tmp_path):
    (tmp_path / "t.csv").write_text("g\x1b[2J,x\na\x0bb,1\na\u2028b,2\n", encoding="utf-8")
    frame = read_table(tmp_path / "t.csv").frame
    assert frame.columns.tolist() == ["g [2J", "x"]
    assert frame["x"].tolist() == ["1", "2"]
    assert frame["g [2J"][0] == "a b"
    assert cell_text("a\x1b[31mb", "note") == "a [31mb"


# -- a small file that wants all the memory ---------------------------------------------------------------------------

STUDY = (INPUTS / "study.toml").read_text(encoding="utf-8")
LEVELS = "levels = [" + ", ".join(f'{{id = "l{i}", label = "l{i}"}}' for i in range(40)) + "]"
TWO = 'levels = [{id = "male", label = "male"}, {id = "female", label = "female"}]'
AGE = 'kind = "number"\nunit = "days"\nrange = [18, 60]'
PRODUCT = STUDY.replace(TWO, LEVELS).replace(AGE, f'kind = "category"\n{LEVELS}').replace('"water:food"', '"sex:age"')


def many(kind, count, more=""):
    return STUDY + "".join(f'[[{kind}]]\nid = "x{i}"\nlabel = "x"\n{more}\n' for i in range(count))


MANY = {
    "measures": (many("measure", 500, 'kind = "number"'), "a list of at most 500 tables is expected; found 5"),
    "groups": (many("group", 1000), "a list of at most 1000 tables is expected; found 1,0"),
    "steps": (many("step", 50, 'adds = ["age"]'), "a list of at most 50 tables is expected; found 5"),
    "columns": (PRODUCT, "term 'sex:age' has 1,521 columns; at most 1,000 are accepted"),
    "people": (STUDY.replace("value = 41", "value = 10000001"), "n 10000001 is impossible; it lies in [0, 1e+07]"),
}


@pytest.mark.parametrize("what", MANY)
def test_a_study_has_bounds(what, tmp_path):
    text, bound = MANY[what]
    (tmp_path / "study.toml").write_text(text, encoding="utf-8")
    result = run("audit", tmp_path / "study.toml", "-o", tmp_path / "out")
    assert result.exit_code == 2, result.output
    assert bound in result.stderr


TABLES = {
    "merged.html": (
        "<table>" + "<tr>" + "<td colspan=99999999>1</td>" * 2000 + "</tr><tr><td>1</td></tr></table>",
        "cells",
    ),
    "deep.html": ("<table><tr><td>a</td><td rowspan=99999999>1</td></tr>" + "<tr><td>1</td></tr>" * 60_000, "cells"),
    "wide.csv": ("a" + "," * 9_000 + "\n" + "1,2\n" * 9_000, "cells"),
    "long.txt": ("a " * 20_000 + "\n1 2\n", "letters"),
}


@pytest.mark.parametrize("name", TABLES)
def test_tables_of_a_paper_have_bounds(name, tmp_path):
    text, bound = TABLES[name]
    (tmp_path / name).write_text(text)
    result = run("studies", "--from", tmp_path / name, "--new", tmp_path / "new.toml")
    assert result.exit_code == 2, result.output
    assert f"{name}" in result.stderr
    assert bound in result.stderr


def test_a_table_is_not_filled_up_without_end(tmp_path):
    (tmp_path / "t.csv").write_text("x" + ",x" * 99_999 + "\n" + "1\n" * 100_000)
    with pytest.raises(InputError, match="has 100,000 headers over 100,000 rows that have hardly any cells"):
        read_table(tmp_path / "t.csv")


def test_bases_end_somewhere(tmp_path):
    for i in range(40):
        (tmp_path / f"{i}.toml").write_text(f'base = "{i + 1}.toml"\n')
    result = run("audit", tmp_path / "0.toml")
    assert result.exit_code == 2
    assert "stands on more than 20 others" in result.stderr


def test_a_plan_beyond_a_thousand_cells_is_insisted_on(tmp_path):
    plan = (INPUTS / "plan.toml").read_text().replace("[30, 60]", str([*range(30, 1030)]))
    for name, text in {"plan.toml": plan, "study.toml": STUDY}.items():
        (tmp_path / name).write_text(text)
    shutil.copy(INPUTS / "model.toml", tmp_path)
    result = run("power", tmp_path / "plan.toml", "-o", tmp_path / "out")
    assert result.exit_code == 2
    assert "more than 1,000; shorten an axis, or insist with --yes" in result.stderr


# -- a folder that somebody sent --------------------------------------------------------------------------------------


def written(folder):
    write_run(folder, {"a.csv": TABLE}, Stopwatch().record("audit", {}, seed=3, inputs={}))
    return folder


def test_a_figure_that_was_found_is_shown_as_a_picture(tmp_path):
    written(tmp_path)
    (tmp_path / "figures").mkdir()
    bad = '<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"><script>alert(2)</script></svg>'
    (tmp_path / "figures" / "mine.svg").write_text(bad)
    page = html.fromstring(str(report(tmp_path)))
    assert not page.xpath("//svg | //script | //@onload")
    assert page.xpath("starts-with(//img[@alt='mine']/@src, 'data:image/svg+xml;base64,')")


def test_links_in_a_folder_lead_nothing_out_of_it(tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    folder = written(tmp_path / "run")
    (folder / "figures").symlink_to(outside)
    with pytest.raises(InputError, match="figures/x.svg leads out of it"):
        renew_files(folder, {"figures/x.svg": "<svg/>"})
    shutil.rmtree(folder)
    folder = written(tmp_path / "run")
    shutil.copy(folder / "run.json", outside)
    (folder / ".complete").symlink_to(outside)
    with pytest.raises(InputError, match=".complete leads out of it"):
        read_record(folder)
    assert [path.name for path in outside.iterdir()] == ["run.json"]


@pytest.mark.parametrize("name", ["../x.csv", "/x.csv", "a/../../x.csv", ".."])
def test_no_name_of_a_file_leads_out_of_a_run_folder(name, tmp_path):
    with pytest.raises(ValueError, match="is no file of a run folder"):
        write_run(tmp_path / "run", {name: "x"}, Stopwatch().record("audit", {}, seed=3, inputs={}))
    assert [path.name for path in tmp_path.rglob("*")] == ["run"]


@pytest.mark.parametrize("id_", ["../up", "/root", "a/b", "..", "a\\\\b", "a b"])
def test_an_id_that_a_folder_is_named_by_is_a_name(id_, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    text = (INPUTS / "study.toml").read_text(encoding="utf-8").replace('id = "frogs"', f'id = "{id_}"')
    Path("study.toml").write_text(text, encoding="utf-8")
    result = run("audit", "study.toml")
    assert result.exit_code == 2
    assert [path.name for path in tmp_path.iterdir()] == ["study.toml"]


def test_a_record_names_files_and_runs_none(tmp_path):
    written(tmp_path)
    path = tmp_path / "run.json"
    for change in ({"verb": "rm"}, {"verb": "__import__('os')"}, {"arguments": {"study": "../../x"}}):
        path.write_text(json.dumps(json.loads(path.read_text()) | change))
        assert run("replay", tmp_path).exit_code == 2
