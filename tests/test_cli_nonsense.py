"""Every verb with every kind of nonsense: one message, exit code 2, no traceback, nothing written."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from hikibayes.cli import main

STUDY = (
    *("audit", "calibrate", "synthesize", "reanalyze"),
    *("priors", "imbalance", "confounding", "limitations", "multiverse", "assumptions"),
)
TABLE = ("fit", "engines")
FOLDER = ("report", "replay", "diagnose")
PLAN = ("power",)
LISTS = ("studies", "models", "simulations")
CHECKS = ("validate",)
PAIRS = ("replicate",)
PAGE = ("planner",)
SEEDED = (*STUDY[1:], *TABLE, *PLAN)
MODEL = ("step1", "table.csv")

FILES = {
    "table.csv": b"group,sex,age,abs_h\ncontrol,male,30,40\n",
    "text.toml": b"just words",
    "nul.toml": b"id = '\x00'",
    "latin.toml": "id = 'ä'".encode("latin-1"),
    "deep.toml": b"a = " + b"[" * 2000,
    "empty.toml": b"",
    "wrong.toml": b"id = 1\nnonsense = true\n",
    "noise.csv": bytes(range(256)) * 4,
    "empty.csv": b"",
    "file": b"in the way",
}
BAD_SPECS = ("nonsens", "", "folder", "none.toml", "a" * 300, *(name for name in FILES if name.endswith(".toml")))
BAD_TABLES = ("none.csv", "folder", "noise.csv", "empty.csv", "table.csv", "text.toml", "")
BAD_FOLDERS = ("none", "file", "folder", "")
BAD_SEEDS = ("-1", "x", "1e3", "2" * 30)
BAD_COUNTS = ("0", "-1", "x", "1.5")

NONSENSE = [
    *((verb, spec) for verb in (*STUDY, *PLAN) for spec in BAD_SPECS),
    *((verb, spec, "table.csv") for verb in TABLE for spec in BAD_SPECS),
    *((verb, "step1", table) for verb in TABLE for table in BAD_TABLES),
    *((verb, folder) for verb in FOLDER for folder in BAD_FOLDERS),
    *((verb, "nonaka2021", "nonaka2021") for verb in STUDY),
    *((verb, "--reading", given) for verb in STUDY for given in ("none=x", "vif_step", "vif_step=", "=", "a=b")),
    *((verb, *(MODEL if verb in TABLE else ()), "--seed", seed) for verb in SEEDED for seed in BAD_SEEDS),
    *((verb, *MODEL, "--column", pair) for verb in TABLE for pair in ("a=", "=b", "a", "none=abs_h", "=")),
    *((verb, *MODEL, "--mapping", path) for verb in TABLE for path in ("none.toml", "folder", "wrong.toml")),
    *((verb, *MODEL, "--study", study) for verb in TABLE for study in ("nonsens", "folder", "wrong.toml")),
    *((verb, *MODEL, "--prior", "none") for verb in TABLE),
    *((verb, "--out", "file") for verb in (*STUDY, *PLAN)),
    *((verb, "--datasets", count) for verb in ("synthesize", "reanalyze", "priors") for count in BAD_COUNTS),
    ("calibrate", "--draws", "0"),
    ("calibrate", "--thin", "-1"),
    ("synthesize", "--reconstructions", "none.nc"),
    ("synthesize", "--reconstructions", "table.csv"),
    ("power", "--reconstructions", "table.csv"),
    ("power", "--replicates", "1"),
    ("power", "--workers", "0"),
    ("imbalance", "nonaka2021", "--share", "control=x"),
    ("confounding", "nonaka2021", "--alpha", "x"),
    ("fit", *MODEL, "--engine", "none"),
    *((verb, "--none") for verb in (*STUDY, *TABLE, *FOLDER, *PLAN, *LISTS)),
    *((verb, "--new", path) for verb in ("studies", "simulations") for path in ("file", "no/where.toml", "folder")),
    ("nonsens",),
    *((*PAGE, spec) for spec in BAD_SPECS if spec),
    *((*PAIRS, spec, "table.csv") for spec in BAD_SPECS),
    *((*PAIRS, "nonaka2021", table) for table in ("none.csv", "noise.csv")),  # the original is made ready first
    *(
        (*PAIRS, "nonaka2021", "nonaka2021_made_up", *words)
        for words in (("--none",), ("--seed", "x"), ("--out", "file"))
    ),
    *((*CHECKS, *words) for words in (("nonsens",), ("--count", "0"), ("--workers", "x"), ("--seed", "-1"))),
]


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    root = tmp_path_factory.mktemp("nonsense")
    for name, content in FILES.items():
        (root / name).write_bytes(content)
    (root / "folder").mkdir()
    return root


def test_every_verb_is_walked_over():
    assert set(main.commands) == {*STUDY, *TABLE, *FOLDER, *PLAN, *LISTS, *CHECKS, *PAIRS, *PAGE}


@pytest.mark.parametrize("words", NONSENSE, ids=lambda words: "-".join(word[:14] or "nothing" for word in words))
def test_nonsense_is_one_message_and_exit_code_2(words, place, monkeypatch):
    monkeypatch.chdir(place)
    before = sorted(Path().rglob("*"))
    found = CliRunner().invoke(main, list(words))
    assert not found.exception or isinstance(found.exception, SystemExit), found.exception
    assert found.exit_code == 2, found.output
    assert "Traceback" not in found.output
    said = [line for line in found.stderr.splitlines() if line.startswith(("hikibayes: ", "Error: "))]
    assert len(said) == 1, found.stderr
    assert sorted(Path().rglob("*")) == before
