"""The how-tos of docs/planning.md run as they stand."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from hikibayes.cli import main

PAGE = (Path(__file__).parents[2] / "docs" / "planning.md").read_text(encoding="utf-8")
HOW_TO = PAGE.partition("## How to")[2].partition("\n## ")[0]
PLANS = re.findall(r"^```toml\n(.*?)^```$", HOW_TO, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("text", PLANS, ids=[text.splitlines()[0] for text in PLANS])
def test_every_plan_runs(text, tmp_path):
    path = tmp_path / "plan.toml"
    path.write_text(text, encoding="utf-8")
    found = CliRunner().invoke(main, ["power", str(path), "--replicates", "40", "-o", str(tmp_path / "run")])
    assert found.exit_code == 0, found.output
    assert (tmp_path / "run" / "preregistration.html").is_file()


def test_there_are_as_many_as_the_page_promises():
    assert len(PLANS) == 6
    assert HOW_TO.count("### ") == 7
