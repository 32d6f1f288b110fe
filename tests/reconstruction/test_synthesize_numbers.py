"""Three ways to the same number: cross-products of counts, group moments, and statsmodels on the table."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from hikibayes.reconstruction.columns import Columns, lay_out
from hikibayes.reconstruction.compile_goals import Compiled, compile_goals, search_space
from hikibayes.reconstruction.verify import recompute
from hikibayes.record.analysis import PublishedAnalysis
from hikibayes.record.moments import sample_moments
from hikibayes.spec import InputError

from .made_up import moments_of, printed_study, raw_data, study_of

NOT_IN_THE_SEARCH = {"n", "alpha", "minimum", "maximum"}


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    return raw_data()


def rows_of(table: pd.DataFrame, columns: Columns) -> np.ndarray:
    values = np.column_stack(
        [
            (table[measure.id] == measure.levels[1].id).astype(float)
            if measure.kind == "category"
            else table[measure.id].astype(float)
            for measure in columns.measures
        ]
    )
    weekend = (table["day"] == "weekend").to_numpy(dtype=float)
    return np.column_stack([np.ones(len(table)), weekend, np.rint(columns.counted(values))])


def searched(compiled: Compiled, rows: np.ndarray, columns: Columns) -> dict[str, float]:
    from hikibayes.reconstruction import search

    space = search_space(columns, np.ones(len(columns.names)))
    plain, regression = search.values(rows, space, compiled.goals)
    names = compiled.plain_facts + compiled.regression_facts
    return dict(zip(names, [*plain, *regression], strict=True))


def test_the_search_and_a_stranger_compute_the_same_numbers(table):
    study = printed_study(table)
    columns = lay_out(study, moments_of(table, study)["measure"].values)
    by_search = searched(compile_goals(study, columns), rows_of(table, columns), columns)
    by_stranger = recompute(study, table)
    searchable = {
        fact.id for fact in study.facts if fact.of in (*columns.names, None) and fact.quantity not in NOT_IN_THE_SEARCH
    }
    assert searchable == set(by_search)
    for fact in (study.fact(name) for name in by_search):
        # a p-value is searched as its t or F
        if fact.quantity not in ("p", "r2_p", "delta_r2_p", "coefficient_p", "slope_p"):
            assert by_search[fact.id] == pytest.approx(by_stranger[fact.id], rel=1e-9), fact


def test_a_stranger_and_the_group_moments_compute_the_same_numbers(table):
    study = printed_study(table)
    by_stranger = recompute(study, table)
    by_moments = PublishedAnalysis(study, sample_moments(table, study))
    compared = 0
    for fact in study.facts:
        if fact.step or fact.quantity == "correlation":
            assert float(by_moments.value(fact)) == pytest.approx(by_stranger[fact.id], rel=1e-8), fact
            compared += 1
    assert compared == 20


def test_a_product_without_its_parts_is_refused(table):
    study = study_of([])
    steps = [step.model_dump() for step in study.steps]
    steps[1]["adds"] = ("bustle",)
    broken = study.replace(step=[{k: v for k, v in step.items() if v is not None} for step in steps])
    facts = [{"id": "r2", "quantity": "r2", "step": "joint", "value": "0.3", "source": {"locator": "a", "quote": "b"}}]
    broken = broken.replace(fact=[*(fact.model_dump(exclude_unset=True) for fact in broken.facts), *facts])
    columns = lay_out(broken, ["regular", "visits", "warmth", "bustle", "delight"])
    with pytest.raises(InputError, match="'day:warmth' needs 'warmth'"):
        compile_goals(broken, columns)


def test_a_regression_needs_reconstructed_measures():
    with pytest.raises(InputError, match="'warmth' is in a regression"):
        lay_out(study_of([]), ["regular", "visits", "bustle", "delight"])


def test_nothing_of_the_search_names_a_measure_of_the_shipped_study(nonaka):
    folder = Path(__file__).parents[2] / "src" / "hikibayes" / "reconstruction"
    own = "columns compile_goals cross_products goals independent items known other_measures search start synthesize"
    for name in [*own.split(), "targets", "verify"]:
        code = (folder / f"{name}.py").read_text(encoding="utf-8")
        for measure in nonaka.measures:
            assert measure.id in ("group", "age", "sex", "acceptance", "denial", "difficulty") or measure.id not in code
