"""Many studies in one table."""

import json
from pathlib import Path

import pandas as pd
import pytest
from click.testing import CliRunner

from hikibayes.auditing.many import QUESTIONS
from hikibayes.cli import main

STUDY = """
id = "{id}"
group = ["a", "b"]
[[measure]]
id = "x"
range = [0, 40]
integer = true
[[table]]
source = {{locator = "Table 1"}}
columns = ["group", "n", "mean of=x", "sd of=x"]
rows = [["a", {n}, {mean}, 4.10], ["b", 30, 18.10, 4.20]]
[[table]]
source = {{locator = "Table 1"}}
columns = ["of", "t between=a,b", "p between=a,b"]
rows = [["x", {t}, ".052"]]
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    here = tmp_path / "papers"
    here.mkdir()
    for name, values in {
        "clean": {"n": 30, "mean": "20.23", "t": "1.99"},
        "wrong_t": {"n": 30, "mean": "20.23", "t": "9.19"},
        "no_integers": {"n": 30, "mean": "20.21", "t": "1.97"},
    }.items():
        (here / f"{name}.toml").write_text(STUDY.format(id=name, **values), encoding="utf-8")
    return here


def audit(*words):
    return CliRunner().invoke(main, ["audit", *map(str, words)])


def test_a_folder_is_a_row_a_study(folder):
    result = audit(folder, "-o", "out")
    assert result.exit_code == 1, result.output
    table = pd.read_csv("out/studies.csv", keep_default_na=False).set_index("file")
    assert table.loc["clean.toml", list(QUESTIONS)].to_list() == ["no", "", "no", "no"]
    assert table.loc["wrong_t.toml", list(QUESTIONS)].to_list() == ["no", "", "no", "yes"]
    assert table.loc["no_integers.toml", "inspect_sr_4_8"] == "yes"
    assert "table_1_x_t" in table.loc["wrong_t.toml", "gravest"]
    assert set(pd.read_csv("out/audit.csv")["file"]) == set(table.index)
    assert "3 studies: 2 with contradictions, 0 unread" in result.stdout
    assert "INSPECT-SR 4.8: Are the means and variances of integer data impossible?" in result.stdout


def test_a_file_that_cannot_be_read_is_said_and_stops_nothing(folder):
    (folder / "wrong_t.toml").unlink()
    (folder / "no_integers.toml").write_text('id = "x"\nmeasur = []\n', encoding="utf-8")
    result = audit(folder, "--json", "-o", "out")
    assert result.exit_code == 1
    rows = {row["file"]: row for row in json.loads(result.stdout)}
    assert "there is no key 'measur'" in rows["no_integers.toml"]["unread"]
    assert rows["clean.toml"]["inconsistent"] == 0
    assert "no_integers.toml: " in result.stderr


def test_a_folder_without_studies_and_a_reading_of_a_folder_are_one_message(folder):
    Path("empty").mkdir()
    assert "has no study file (.toml)" in audit("empty").stderr
    assert "give a study file, not a folder" in audit(folder, "--reading", "a=b").stderr


def test_the_run_can_be_made_again(folder):
    audit(folder, "-o", "out")
    result = CliRunner().invoke(main, ["replay", "out"])
    assert result.exit_code == 0, result.output
