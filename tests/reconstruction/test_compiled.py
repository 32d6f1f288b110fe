"""A compiled function notices a change in a file that it uses."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

USED = """
from hikibayes.reconstruction.compiled import compiler
compiled = compiler()

@compiled
def inner(x):
    return {factor} * x
"""
USING = """
import used
from hikibayes.reconstruction.compiled import compiler
compiled = compiler(used)
inner = used.inner

@compiled
def outer(x):
    return inner(x) + 1

print(outer(10.0))
"""


def run(folder: Path) -> float:
    done = subprocess.run(
        [sys.executable, str(folder / "using.py")], capture_output=True, text=True, check=True, cwd=folder
    )
    return float(done.stdout)


def test_a_change_in_a_used_file_is_compiled_in(tmp_path):
    (tmp_path / "using.py").write_text(USING, encoding="utf-8")
    (tmp_path / "used.py").write_text(USED.format(factor=2.0), encoding="utf-8")
    assert run(tmp_path) == 21
    assert list((tmp_path / "__pycache__").glob("*.nbi"))
    (tmp_path / "used.py").write_text(USED.format(factor=3.0), encoding="utf-8")
    assert run(tmp_path) == 31
