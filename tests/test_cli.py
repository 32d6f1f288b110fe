"""The command line as scripts and people hold on to it."""

import csv
import json
import re
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import pytest
from click.testing import CliRunner

from hikibayes.cli import main
from hikibayes.inference.models.specs import load_model
from hikibayes.spec import spec_text
from hikibayes.study.study_file import load_study

AUDIT_COLUMNS = ["check", "facts", "printed", "recomputed_low", "recomputed_high", "verdict", "note"]


@pytest.fixture
def hikibayes(tmp_path, monkeypatch):
    """Run a verb in an empty folder."""
    monkeypatch.chdir(tmp_path)
    return lambda *words: CliRunner().invoke(main, [str(word) for word in words])


def test_help_lists_the_verbs_without_heavy_imports():
    heavy = ("pymc", "bambi", "arviz", "numba", "pandas", "scipy", "pydantic", "matplotlib")
    program = (
        "import sys; from click.testing import CliRunner; from hikibayes.cli import main; "
        "assert CliRunner().invoke(main, ['--help']).exit_code == 0; "
        f"print([name for name in {heavy} if name in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


def test_without_a_verb_it_says_what_to_type_first(hikibayes):
    done = hikibayes()
    assert done.exit_code == 0
    verbs = re.findall(r"hikibayes (\w+)", done.output)
    assert verbs[:4] == ["reanalyze", "studies", "audit", "fit"]
    assert set(verbs) <= set(main.commands)
    assert max(map(len, done.output.splitlines())) <= 120


def test_audit_prints_writes_and_says_how_it_went(hikibayes):
    result = hikibayes("audit")
    assert result.exit_code == 0, result.output
    assert "consistent" in result.stdout
    with Path("results/nonaka2021/audit/audit.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == AUDIT_COLUMNS
    record = json.loads(Path("results/nonaka2021/audit/run.json").read_text(encoding="utf-8"))
    assert record["verb"] == "audit"
    assert list(record["outputs"]) == ["audit.csv"]


def test_audit_shows_first_what_contradicts_itself_and_counts_the_rest(hikibayes):
    study = load_study("nonaka2021")
    facts = [fact.replace(value=Decimal("9.91")) if fact.id == "difficulty_t" else fact for fact in study.facts]
    Path("wrong.json").write_text(spec_text(study.replace(facts=tuple(facts))), encoding="utf-8")
    result = hikibayes("audit", "wrong.json")
    assert result.exit_code == 1
    lines = result.stdout.splitlines()
    assert "likeliest misprint" in lines[4]
    assert "difficulty_t" in lines[4]
    assert not any(line.startswith((" consistent", " underdetermined")) for line in lines)
    every = hikibayes("audit", "wrong.json", "--all").stdout.splitlines()
    counted = re.search(r"(\d+) consistent, (\d+) underdetermined", lines[-1])
    for verdict, count in zip(("consistent", "underdetermined"), counted.groups(), strict=True):
        assert sum(line.startswith(f" {verdict}") for line in every) == int(count)


def test_audit_as_json_has_the_columns_of_the_csv(hikibayes):
    rows = json.loads(hikibayes("audit", "nonaka2021", "--json", "-o", "here").stdout)
    assert list(rows[0]) == AUDIT_COLUMNS
    assert Path("here/audit.csv").is_file()


def test_audit_writes_the_same_bytes_again(hikibayes):
    for folder in ("one", "two"):
        hikibayes("audit", "-o", folder)
    assert Path("one/audit.csv").read_bytes() == Path("two/audit.csv").read_bytes()


def test_a_settled_reading_is_no_longer_ambiguous(hikibayes):
    open_ones = hikibayes("audit", "--json").stdout
    settled = hikibayes("audit", "--json", "--reading", "slopes_model=support_only").stdout
    assert "reading slopes_model" in open_ones
    assert "reading slopes_model" not in settled


OVERLAY = """
base = "nonaka2021"
[[fact]]
id = "added"
of = "difficulty"
source = {{locator = "nowhere", quote = "made up"}}
{}
"""


def test_an_inconsistent_record_ends_with_one(hikibayes):
    added = 'quantity = "t"\nbetween = ["hikikomori", "control"]\ntest = "student"\nvalue = 9.00'
    Path("overlay.toml").write_text(OVERLAY.format(added), encoding="utf-8")
    result = hikibayes("audit", "overlay.toml", "--json")
    assert result.exit_code == 1, result.output
    wrong = [row for row in json.loads(result.stdout) if row["verdict"] == "inconsistent"]
    assert wrong
    assert all("added" in row["facts"] for row in wrong)


def test_an_overlay_that_contradicts_a_fact_is_refused(hikibayes):
    Path("overlay.toml").write_text(OVERLAY.format('quantity = "mean"\ngroup = "control"\nvalue = 3.40'), "utf-8")
    result = hikibayes("audit", "overlay.toml")
    assert result.exit_code == 2
    assert "contradicts fact 'difficulty_mean_control', printed 3.32" in result.stderr


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("audit", "nonaka"), "there is no study 'nonaka'; there are: iris1936, kidiq2007, nonaka2021, ozone1973 (did"),
        (("audit", "none.toml"), "none.toml: cannot be read (No such file or directory)"),
        (("audit", "--reading", "slopes_model=none"), "no option of reading 'slopes_model', 'none'; there are:"),
        (("audit", "--reading", "slopes_model"), "write it as READING=OPTION"),
        (("audit", "-o", "file"), "Directory 'file' is a file."),
        (("studies", "--new", "file"), "file: exists already; nothing was written"),
        (("studies", "--new", "no/where.toml"), "cannot be written (there is no such folder)"),
    ],
)
def test_a_mistake_is_one_message_and_exit_code_2(hikibayes, words, message):
    Path("file").write_text("in the way", encoding="utf-8")
    result = hikibayes(*words)
    assert result.exit_code == 2, result.output
    assert message in result.stderr
    assert "Traceback" not in result.output
    assert sorted(path.name for path in Path().iterdir()) == ["file"]


def test_studies_lists_what_is_shipped(hikibayes):
    assert "nonaka2021" in hikibayes("studies").stdout
    listed = [row["study"] for row in json.loads(hikibayes("studies", "--json").stdout)]
    assert listed == ["iris1936", "kidiq2007", "nonaka2021", "ozone1973"]
    assert "properties" in json.loads(hikibayes("studies", "--schema").stdout)


def test_the_template_of_a_model_is_one(hikibayes):
    assert hikibayes("models", "--new", "mine.toml").exit_code == 0
    assert load_model("mine.toml").variant_names == ("weakly_informative", "sceptical", "flat")
    assert hikibayes("models", "--new", "mine.toml").exit_code == 2


def test_the_template_is_a_study_without_inconsistency(hikibayes):
    assert hikibayes("studies", "--new", "mine.toml").exit_code == 0
    assert load_study("mine.toml").id == "my_study"
    result = hikibayes("audit", "mine.toml")
    assert result.exit_code == 0, result.output


@pytest.mark.parametrize(
    ("words", "code"),
    [("audit iris1936 -o out 2>&-", 0), ("studies --schema >&-", 0), ("studies --schema >/dev/full", 2)],
)
def test_a_stream_that_is_closed_or_full_is_no_traceback(words, code, tmp_path):
    command = f"{sys.executable} -c 'from hikibayes.cli import main; main()' {words}"
    done = subprocess.run(["sh", "-c", command], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == code
    assert done.stderr == ("hikibayes: a file, or the output: No space left on device\n" if code else "")
    assert (tmp_path / "out" / "run.json").exists() == ("out" in words)


def test_an_interrupt_is_one_line_and_130(monkeypatch):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("hikibayes.runs.run.carry_out", interrupted)
    result = CliRunner().invoke(main, ["audit"])
    assert result.exit_code == 130
    assert result.stderr == "hikibayes: interrupted; what was there before is still there\n"
