"""A process that is killed or interrupted at any moment leaves the earlier run or the new one, and is run again."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from hikibayes.folders import read_record
from hikibayes.provenance import file_digest

INPUTS = Path(__file__).parent / "campaign" / "inputs"
FIT = ("fit", "model.toml", "frogs.csv", "--study", "study.toml", "--mapping", "mapping.toml")
VERBS = {
    "power": (("power", "plan.toml", "--replicates", "2000", "--workers", "2"), 20),
    "synthesize": (("synthesize", "nonaka2021", "-n", "3"), 20),
    "fit": ((*FIT, "--engine", "nuts", "--store", "kept"), 12),
    "calibrate": (("calibrate", "iris1936", "--draws", "100"), 10),
    "reanalyze": (("reanalyze", "ozone1973", "--fast", "--datasets", "4"), 5),
    "validate": (("validate", "--quick"), 3),
}
"""A verb, and at how many moments it is killed."""


@pytest.fixture
def place(tmp_path):
    shutil.copytree(INPUTS, tmp_path, dirs_exist_ok=True)
    return tmp_path


def start(place, words, seed, out, said=subprocess.DEVNULL):
    words = [sys.executable, "-c", "from hikibayes.cli import main; main()", *words, "--seed", str(seed), "-o", out]
    streams = {"stdout": subprocess.DEVNULL, "stderr": said, "text": True}
    return subprocess.Popen(words, cwd=place, start_new_session=True, **streams)


def whole(folder):
    """Return the digests of a run's files, having seen that they are those of its record."""
    outputs = read_record(folder).outputs
    assert {name: file_digest(folder / name) for name in outputs} == outputs
    return outputs


@pytest.mark.long
@pytest.mark.parametrize("name", VERBS)
def test_a_run_that_is_killed_at_any_moment_leaves_the_earlier_one_or_the_new_one(name, place):
    words, times = VERBS[name]
    assert start(place, words, 1, "out").wait() in {0, 1}
    began = time.monotonic()
    assert start(place, words, 2, "elsewhere").wait() in {0, 1}
    lasted = time.monotonic() - began
    shutil.rmtree(place / "kept", ignore_errors=True)
    old, new = whole(place / "out"), whole(place / "elsewhere")
    assert old != new
    found = []
    for moment in np.random.default_rng(4).uniform(0.1, 1.1, times) * lasted:
        process = start(place, words, 2, "out")
        time.sleep(moment)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        found.append(whole(place / "out"))
    assert all(each in (old, new) for each in found)
    assert start(place, words, 2, "out").wait() in {0, 1}
    assert whole(place / "out") == new
    there = {path.name for path in (place / "out").iterdir()}
    assert not [name for name in there if name.startswith(".complete")]


@pytest.mark.long
@pytest.mark.parametrize("name", VERBS)
def test_an_interrupt_ends_in_one_line(name, place):
    words, _ = VERBS[name]
    for moment in (1, 3, 6, 9):
        process = start(place, words, 1, "out", subprocess.PIPE)
        time.sleep(moment)
        os.killpg(process.pid, signal.SIGINT)
        try:
            _, said = process.communicate(timeout=30)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            raise
        if process.returncode == 0:
            break
        assert process.returncode == 130, said
        assert "Traceback" not in said, said
        assert said.splitlines()[-1] == "hikibayes: interrupted; what was there before is still there"
        assert not (place / "out" / "run.json").exists()
