"""Run folders are whole or not there, and equal runs are equal bytes."""

import json

import pandas as pd
import pytest

from hikibayes.provenance import Stopwatch
from hikibayes.reporting.results import csv_text, write_run
from hikibayes.reporting.tables import json_text, terminal_table
from hikibayes.spec import InputError

TABLE = pd.DataFrame({"name": ["a [b]", None], "value": [1 / 3, float("nan")], "count": [1, 2]})


def record():
    return Stopwatch().record("audit", {"study": "it"}, seed=3, inputs={"it": "0" * 64})


def test_csv_is_the_same_bytes_everywhere():
    assert csv_text(TABLE) == "name,value,count\na [b],0.33333333,1\n,,2\n"


def test_a_run_is_written_with_its_record(tmp_path):
    write_run(tmp_path / "new", {"a.csv": TABLE, "deep/b.txt": "x"}, record())
    kept = json.loads((tmp_path / "new" / "run.json").read_text())
    assert sorted(kept["outputs"]) == ["a.csv", "deep/b.txt"]
    assert kept["seed"] == 3
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == ["a.csv", "deep", "run.json"]


def test_a_failure_half_way_leaves_nothing_behind(tmp_path):
    def full(path):
        path.write_text("half")
        raise OSError(28, "No space left on device")

    (tmp_path / "a.csv").write_text("old")
    with pytest.raises(InputError, match="writing failed .No space left on device.; nothing was left behind"):
        write_run(tmp_path, {"a.csv": TABLE, "b.nc": full}, record())
    assert [path.name for path in tmp_path.iterdir()] == ["a.csv"]
    assert (tmp_path / "a.csv").read_text() == "old"


def test_a_new_run_leaves_nothing_of_an_earlier_one_behind(tmp_path):
    write_run(tmp_path, {"a.csv": TABLE, "figures/old.svg": "x", "figures/both.svg": "x"}, record())
    (tmp_path / "report.html").write_text("of the old run")
    (tmp_path / "mine.txt").write_text("my own")
    write_run(tmp_path, {"a.csv": TABLE, "figures/both.svg": "y"}, record())
    files = sorted(path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file())
    assert files == ["a.csv", "figures/both.svg", "mine.txt", "run.json"]
    write_run(tmp_path, {"b.csv": TABLE}, record())
    assert sorted(path.name for path in tmp_path.iterdir()) == ["b.csv", "mine.txt", "run.json"]


def test_a_run_that_is_made_of_an_earlier_one_beside_it_leaves_that_alone(tmp_path):
    write_run(tmp_path, {"a.csv": TABLE}, record())
    made_of_it = Stopwatch().record("fit", {}, seed=3, inputs={str(tmp_path / "a.csv"): "0" * 64})
    write_run(tmp_path, {"b.csv": TABLE}, made_of_it)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.csv", "b.csv", "run.json"]


def test_a_record_that_lists_files_elsewhere_has_none_removed(tmp_path):
    (tmp_path / "mine.txt").write_text("my own")
    write_run(tmp_path / "run", {"a.csv": TABLE}, record())
    path = tmp_path / "run" / "run.json"
    path.write_text(path.read_text().replace('"a.csv"', '"../mine.txt"'))
    write_run(tmp_path / "run", {"b.csv": TABLE}, record())
    assert (tmp_path / "mine.txt").read_text() == "my own"


def test_a_folder_that_cannot_be_is_said_to_be(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(InputError, match="cannot be written to"):
        write_run(tmp_path / "file", {"a.csv": TABLE}, record())


def test_records_of_equal_runs_differ_in_time_and_machine_only():
    one, two = record().model_dump(), record().model_dump()
    assert {key for key in one if one[key] != two[key]} <= {"started", "seconds", "machine"}


def test_a_table_shows_its_brackets_and_leaves_missing_empty():
    shown = terminal_table(TABLE)
    assert "a [b]" in shown
    assert "nan" not in shown.lower()
    assert "0.333" in shown


def test_json_has_the_columns_and_null_for_missing():
    assert json.loads(json_text(TABLE))[1] == {"name": None, "value": None, "count": 2}
