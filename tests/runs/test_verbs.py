"""Every folder that a verb writes can be reported on and made again; a damaged one is one message."""

import shutil
from fnmatch import fnmatch

import pandas as pd
import pytest
from click.testing import CliRunner
from tests.inference.conftest import simulated
from tests.studies import orchard

from hikibayes.cli import main
from hikibayes.folders import read_record, write_run
from hikibayes.provenance import Stopwatch
from hikibayes.reconstruction.reconstructions import reconstructions_note
from hikibayes.reporting.html import report
from hikibayes.runs.replay import replay, same
from hikibayes.runs.verbs import VERBS
from hikibayes.spec import InputError
from hikibayes.study.study_file import load_study

PLAN = """
description = "A small one"
model = "step3"
worlds = {source = "fixed", fixed = {residual_sd = 1.0, gap = 0.3}}
axes = {n_per_group = [40, 80]}
decision = [{name = "above", estimand = "support_slope_difference", rule = {interval = 0.95, above = 0}}]
run = {replicates = 50}
"""


def typed(*words):
    found = CliRunner().invoke(main, [str(word) for word in words])
    assert found.exit_code in (0, 1), found.output
    assert not found.exception or isinstance(found.exception, SystemExit), found.exception
    return found


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """A folder of each verb; what takes minutes has stand-ins for its tables."""
    root = tmp_path_factory.mktemp("runs")
    table = simulated(load_study("nonaka2021").read(), n=60)
    table.to_csv(root / "table.csv", index=False)
    (root / "plan.toml").write_text(PLAN, encoding="utf-8")
    typed("audit", orchard.FILE, "-o", root / "audit")
    typed("fit", "step3", root / "table.csv", "--engine", "exact", "-o", root / "fit")
    simulated(load_study("nonaka2021").read(), n=50, seed=2).to_csv(root / "new.csv", index=False)
    typed("replicate", root / "fit", root / "new.csv", "-o", root / "replicate")
    for analysis in (
        ("priors", "--no-design"),
        ("imbalance",),
        ("confounding",),
        ("limitations",),
        ("multiverse", "--most", "60"),
    ):
        typed(analysis[0], root / "fit", *analysis[1:], "-o", root / analysis[0])
    typed("assumptions", "nonaka2021", "-o", root / "assumptions")
    typed("power", root / "plan.toml", "-o", root / "power")
    typed("diagnose", root / "power", "-o", root / "diagnose")
    checks = pd.DataFrame({"check": ["rhat"], "of": ["sigma"], "value": [1.2], "accepted": ["<= 1.01"], "ok": [False]})
    huge = pd.DataFrame({"quantity": ["age"], "mean": [3.1e110], "p_positive": [1.0]})
    stood_in = {
        "calibrate": {"calibration.csv": huge, "figures/calibration.svg": "<svg id='a'/>"},
        "synthesize": {"dataset-0001.csv": table, "verification.csv": huge},
        "validate": {"strangers.csv": huge},
        "engines": {"engines.csv": huge, "verdict.csv": checks},
    }
    for verb, files in stood_in.items():
        write_run(root / verb, files, Stopwatch().record(verb, {"study": "nonaka2021"}, seed=1, inputs={}))
    return root


@pytest.mark.parametrize("verb", [verb.name for verb in VERBS if verb.name != "reanalyze"])
def test_a_folder_of_every_verb_has_a_report(folders, verb):
    html = report(folders / verb)
    assert html.startswith("<!doctype html>")
    assert verb in html or "SYNTHETIC" in html or "sensitivity" in html
    assert len(repr(html)) < 200
    shown = typed("report", shutil.copytree(folders / verb, folders / f"{verb}-copy", dirs_exist_ok=True))
    assert shown.exit_code == 0
    assert (folders / f"{verb}-copy" / "report.html").read_text(encoding="utf-8") == html


def test_a_plain_report_says_what_did_not_pass_and_shows_numbers_by_the_one_rule(folders):
    html = report(folders / "engines")
    assert "What did not pass" in html
    assert "rhat sigma: 1.200, accepted &lt;= 1.01" in html
    assert "3.1 × 10¹¹⁰" in html
    assert "&gt; .999" in html
    assert "dataset-0001" not in report(folders / "synthesize")


@pytest.mark.parametrize("verb", ["audit", "fit", "imbalance", "confounding", "power", "diagnose", "replicate"])
def test_a_folder_is_made_again(folders, verb):
    found = replay(folders / verb)
    assert same(found), found
    assert set(found["verdict"]) == {"identical"}


@pytest.mark.parametrize("verb", ["synthesize", "confounding"])
def test_what_the_sampler_said_of_the_reconstructions_is_in_the_report(folders, verb, tmp_path):
    folder = shutil.copytree(folders / verb, tmp_path / verb)
    for verdict in ("converged: 21 divergences", "not converged: R-hat 1.3"):
        (note,) = reconstructions_note(verdict).values()
        (folder / "reconstructions.json").write_text(note, encoding="utf-8")
        assert verdict in report(folder)
    assert "have not converged" in report(folder) or verb == "synthesize"


def test_a_fit_of_a_table_that_has_changed_is_not_made_again(folders, tmp_path):
    folder = shutil.copytree(folders / "fit", tmp_path / "fit")
    record = (folder / "run.json").read_text(encoding="utf-8")
    moved = tmp_path / "moved.csv"
    moved.write_text("x", encoding="utf-8")
    (folder / "run.json").write_text(record.replace(str(folders / "table.csv"), str(moved)), encoding="utf-8")
    with pytest.raises(InputError, match=r"moved.csv: is not what it was when the run was made"):
        replay(folder)


DAMAGE = {"half": lambda b: b[: len(b) // 2], "binary": lambda b: b"\xff\x00" * 50, "gone": None}


@pytest.mark.parametrize("damage", ["half", *(pytest.param(how, marks=pytest.mark.long) for how in ("binary", "gone"))])
@pytest.mark.parametrize("verb", ["fit", "audit", "confounding"])
def test_a_damaged_folder_is_one_message(folders, verb, damage, tmp_path):
    names = [path.name for path in (folders / verb).iterdir() if path.is_file()]
    for name in names:
        folder = shutil.copytree(folders / verb, tmp_path / name)
        spoil = DAMAGE[damage]
        (folder / name).unlink() if spoil is None else (folder / name).write_bytes(spoil((folder / name).read_bytes()))
        for words in (("report",), ("replay",), ("confounding", "-o", tmp_path / "out")):
            if words[0] == "replay" and verb != "audit":
                continue  # takes seconds each time, and reads by the same functions
            found = CliRunner().invoke(main, [words[0], str(folder), *map(str, words[1:])])
            assert not found.exception or isinstance(found.exception, SystemExit), (name, words, found.exception)
            if found.exit_code == 2:
                assert len([line for line in found.stderr.splitlines() if line.startswith("hikibayes: ")]) == 1


QUICK = [verb for verb in VERBS if verb.name not in {"reanalyze", "calibrate", "engines", "synthesize", "validate"}]


ONLY_SOMETIMES = {"orderings.csv", "simulation.toml", "model.toml", "studies.csv", "looks.csv", "detectable.csv"}
"""Files of three groups, of a plan that has no file, of a folder of studies, of looks, and of a question of its own."""


@pytest.mark.parametrize("verb", QUICK, ids=lambda verb: verb.name)
def test_a_verb_writes_the_files_that_it_declares(folders, verb):
    names = read_record(folders / verb.name).outputs
    for pattern in set(verb.files) - ONLY_SOMETIMES:
        assert [name for name in names if fnmatch(name, pattern) or name.startswith(pattern)] or pattern.endswith(".nc")


@pytest.mark.parametrize("verb", VERBS, ids=lambda verb: verb.name)
def test_an_output_that_cannot_be_is_found_before_the_work(verb, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_text("in the way", encoding="utf-8")
    argument = {
        "fit": ["step1", "t.csv"],
        "engines": ["step1", "t.csv"],
        "diagnose": ["."],
        "replicate": ["nonaka2021", "t.csv"],
    }.get(verb.name, [])
    found = CliRunner().invoke(main, [verb.name, *argument, "--out", "file/run"])
    assert found.exit_code == 2, found.output
    assert "file/run: cannot be written to" in found.stderr
    assert len(found.stderr.splitlines()) == 1
