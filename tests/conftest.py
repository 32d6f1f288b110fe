"""What every test may use: the shipped study, and the text of the paper where it lies beside the checkout."""

import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import Phase, settings

from hikibayes.study.study import Study
from hikibayes.study.study_file import load_study

# on a build machine the same examples each time: what fails there fails here
settings.register_profile("build", derandomize=True)
# a wrong line is to be noticed, not understood: nothing is shrunk
settings.register_profile("mutation", derandomize=True, database=None, phases=[Phase.explicit, Phase.generate])
if os.environ.get("CI"):
    settings.load_profile("build")

PAPER = Path(__file__).parents[2] / "shared" / "paper" / "nonaka2021.txt"


# what is kept between runs is kept for the session only: a test must not depend on an earlier one's draws
CACHE = tempfile.TemporaryDirectory(prefix="hikibayes-tests-", ignore_cleanup_errors=True)
os.environ["HIKIBAYES_CACHE"] = CACHE.name


@pytest.fixture(scope="session")
def nonaka() -> Study:
    return load_study("nonaka2021")


@pytest.fixture(scope="session")
def paper() -> str:
    if not PAPER.is_file():
        pytest.skip("the text of the paper is not beside this checkout")
    return PAPER.read_text(encoding="utf-8")
