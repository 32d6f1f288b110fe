"""The examples of docs/extending.md are applied to a copy of the package, and used there."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PATCHES = re.findall(r"^```diff\n(.*?)^```$", (ROOT / "docs/extending.md").read_text(), re.MULTILINE | re.DOTALL)


def test_every_example_is_used_in_a_copy_of_the_package(tmp_path):
    if shutil.which("git") is None:
        pytest.skip("the examples are applied by git")
    copy = tmp_path / "copy"
    ignored = shutil.ignore_patterns("__pycache__")
    for name in ("src", "models", "simulations"):
        shutil.copytree(ROOT / name, copy / name, ignore=ignored)
    assert len(PATCHES) >= 7
    for patch in PATCHES:
        subprocess.run(["git", "apply", "-"], cwd=copy, input=patch, text=True, check=True, env=without_git())
    shutil.copytree(ROOT / "tests" / "campaign" / "inputs", tmp_path / "inputs")
    here = {**os.environ, "PYTHONPATH": str(copy / "src")}
    ran = subprocess.run(
        [sys.executable, "-W", "ignore", str(Path(__file__).with_name("extended.py")), str(tmp_path / "inputs")],
        cwd=tmp_path,
        env=here,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr[-3000:]


def without_git() -> dict[str, str]:
    """Return the environment in which a folder inside a checkout counts as no checkout."""
    return {**os.environ, "GIT_CEILING_DIRECTORIES": "/", "GIT_DIR": "/dev/null"}
