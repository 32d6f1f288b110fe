"""Participants simulated from a study's measures alone, for tests that need a table and no published number."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from hikibayes.inference.models.design import Design, design
from hikibayes.inference.models.specs import load_model
from hikibayes.study.study import Study
from hikibayes.study.study_file import load_study

ORCHARD = Path(__file__).parents[1] / "studies" / "orchard.toml"

type Table = Callable[..., pd.DataFrame]


@pytest.fixture(scope="session")
def study() -> Study:
    return load_study("nonaka2021").read()


def simulated(study: Study, *, n: int = 100, seed: int = 1) -> pd.DataFrame:
    """`n` participants a group: correlated scores in each measure's range, an outcome that the focal measure moves."""
    rng = np.random.default_rng(seed)
    groups = np.repeat(study.group_ids, n)
    common = rng.normal(size=2 * n)
    columns: dict[str, object] = {}
    for measure in study.measures:
        if measure.id == study.analysis.group:
            columns[measure.id] = groups
        elif measure.kind == "category":
            columns[measure.id] = rng.choice([level.id for level in measure.levels], size=2 * n)
        else:
            low, high = measure.limits
            score = 0.5 * common + rng.normal(size=2 * n)
            columns[measure.id] = np.clip(low + (high - low) * (0.5 + 0.18 * score), low, high).round()
    table = pd.DataFrame(columns)
    focal = table[study.analysis.focal]
    z = (focal - focal.mean()) / focal.std()
    is_second = groups == study.group_ids[1]
    low, high = study.measure(study.analysis.outcome).limits
    score = -0.5 * is_second + (0.1 + 0.3 * is_second) * z + 0.8 * rng.normal(size=2 * n)
    table[study.analysis.outcome] = np.clip(low + (high - low) * (0.5 + 0.18 * score), low, high).round()
    return table


@pytest.fixture(scope="session")
def table(study: Study) -> Table:
    return lambda **kwargs: simulated(study, **kwargs)


@pytest.fixture(scope="session")
def step3(study: Study) -> Design:
    return design(load_model("step3"), simulated(study), study)
