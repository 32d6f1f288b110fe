"""Run folders are whole or not there, and equal runs are equal bytes."""

import hashlib
import json
import shutil
import tempfile
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path

import pandas as pd
import pytest

from hikibayes.files import FORMAT
from hikibayes.folders import csv_text, read_record, renew_files, try_out, write_run
from hikibayes.provenance import Stopwatch
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


# -- a process that is killed ------------------------------------------------------------------------------------------


class KilledError(BaseException):
    """Nothing of the process happens after this."""


CHANGES = (
    *((Path, name) for name in ("replace", "unlink", "rmdir", "write_bytes", "mkdir")),
    (shutil, "rmtree"),
    (tempfile, "mkdtemp"),
)


@pytest.fixture
def dying(monkeypatch):
    """Call a function in a process that is killed in front of its nth change of a file; tell whether it was."""

    def call(function, alive, fault=KilledError, changes=CHANGES):
        left = [alive]

        def mortal(original):
            def change(*given, **options):
                if left[0] <= 0:
                    raise fault
                left[0] -= 1
                return original(*given, **options)

            return change

        with monkeypatch.context() as patch:
            for owner, name in changes:
                patch.setattr(owner, name, mortal(getattr(owner, name)))
            try:
                function()
            except (KilledError, InputError):
                return True
        return False

    return call


def seen(folder):
    """What a reader finds: the record's files, and those that are there."""
    kept = read_record(folder)
    there = {p.relative_to(folder).as_posix(): p.read_text() for p in folder.rglob("*.txt") if ".writing" not in str(p)}
    assert {name: digest_of(text) for name, text in there.items()} == kept.outputs
    return there


def digest_of(text):
    return hashlib.sha256(text.encode()).hexdigest()


def renew(folder, files, _):
    renew_files(folder, files)


@pytest.mark.parametrize("write", [write_run, renew])
def test_after_a_kill_at_any_moment_a_folder_holds_the_old_run_or_the_new_one(write, tmp_path, dying):
    old = {"a.txt": "old a", "b.txt": "old b", "deep/c.txt": "old c", "deeper/d.txt": "old d"}
    new = {"a.txt": "new a", "b.txt": "new b", "deep/c.txt": "new c"}
    after = new if write is write_run else old | new
    found = []
    for alive in range(100):
        folder = tmp_path / str(alive)
        write_run(folder, old, record())
        killed = dying(lambda folder=folder: write(folder, new, record()), alive)
        readers = (dying(lambda folder=folder: read_record(folder), patience) for patience in count())
        assert not all(readers)  # they are killed too, ever later
        found.append(seen(folder))
        write_run(folder, {"z.txt": "third"}, record())
        assert seen(folder) == {"z.txt": "third"}
        if not killed:
            break
    assert all(files in (old, after) for files in found)
    assert found[0] == old
    assert found[-1] == after
    # the new run counts from one moment on
    assert sorted(files == after for files in found) == [files == after for files in found]
    assert len(found) > 8


FULL, READ_ONLY = OSError(28, "No space left on device"), OSError(30, "Read-only file system")
GROWS = (*((Path, name) for name in ("replace", "write_bytes", "mkdir")), (tempfile, "mkdtemp"))


@pytest.mark.parametrize(("fault", "changes"), [(FULL, GROWS), (READ_ONLY, CHANGES[:-2])])
@pytest.mark.parametrize("write", [write_run, renew])
def test_a_disk_that_is_full_from_any_moment_on_leaves_the_old_run_or_the_new_one(
    write, fault, changes, tmp_path, dying
):
    """Nothing but one message comes of it, and as soon as there is space readers find one of the two as a whole."""
    old, new = {"a.txt": "old a", "deep/c.txt": "old c"}, {"a.txt": "new a", "deep/c.txt": "new c"}
    found = []
    for alive in range(100):
        folder = tmp_path / str(alive)
        write_run(folder, old, record())
        refused = dying(lambda folder=folder: write(folder, new, record()), alive, fault, changes)
        assert not list(folder.glob(".writing-*"))
        found.append(seen(folder))
        if not refused:
            break
    assert found[0] == old
    assert found[-1] == new
    assert sorted(files == new for files in found) == [files == new for files in found]
    assert len(found) > 8


def test_of_two_runs_at_once_into_one_folder_one_is_there_as_a_whole(tmp_path):
    """Threads stand for processes: what they share is the folder alone."""
    runs = [{f"{name}.txt": f"{k} {name}" for name in ("a", "b", f"only{k}")} for k in range(4)]

    def many(files):
        for _ in range(15):
            write_run(tmp_path / "out", files, record())
            read_record(tmp_path / "out")

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(many, runs))  # none of them is refused
    assert seen(tmp_path / "out") in runs


def test_a_newer_folder_is_refused_and_an_older_one_is_read(tmp_path):
    write_run(tmp_path, {"a.csv": TABLE}, record())
    path = tmp_path / "run.json"
    content = json.loads(path.read_text())
    assert content.pop("format") == FORMAT
    path.write_text(json.dumps(content))
    assert read_record(tmp_path).format == 0
    path.write_text(json.dumps({**content, "format": FORMAT + 1}))
    with pytest.raises(InputError, match=f"is of format {FORMAT + 1}, and this version reads up to {FORMAT}; update"):
        read_record(tmp_path)


def test_a_folder_that_cannot_be_written_to_is_found_before_the_work(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(InputError, match="cannot be written to"):
        try_out(tmp_path / "file" / "run")
    try_out(tmp_path / "new" / "run")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
