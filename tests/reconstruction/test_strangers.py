"""Tables made for random studies that other software has printed: they print every fact."""

from __future__ import annotations

import numpy as np
import pytest
import statsmodels.api as sm
from tests.validation.strangers.near import near_moments

from hikibayes.reconstruction.participants.numbers import Numbers
from hikibayes.reconstruction.synthesize import Synthesizer
from hikibayes.spec import InputError
from hikibayes.validation.strangers.bench import study_seed
from hikibayes.validation.strangers.stranger import SOURCE, stranger
from hikibayes.validation.strangers.styles import Style
from hikibayes.validation.strangers.tables import GROUP, OUTCOME


# whole scores of few and many values, continuous ones near their bounds, both
@pytest.mark.parametrize(("seed", "whole"), [(4, True), (24, True), (1, False), (6, False), (2, None), (23, None)])
def test_a_table_is_made_that_prints_every_fact(seed, whole):
    _prints_every_fact(stranger(seed, sizes=(60, 90), whole=whole, style=Style()), seed)


def test_whole_and_continuous_scores_print_p_values_of_regressions_that_both_are_in():
    # moments of whole scores chosen without the continuous one leave it nothing that prints every p
    style = Style(test="student", kind="hedges", coding="dummy")
    _prints_every_fact(stranger(study_seed(140192769, 12), style=style), 1)


@pytest.mark.parametrize("products", ["centred_both", "z"])
def test_an_intercept_of_which_nothing_says_where_predictors_are_zero_pulls_at_nothing(products):
    found = stranger(2, sizes=(60, 90), style=Style(products=products), whole=None)
    study = _with_intercept(found)
    made = Synthesizer.of(study, near_moments(found, 0.5, 2)).make(1, seed=1)
    assert made.verification["matches"].all()
    assert len(made.verification) == len(found.study.facts)


def test_an_intercept_of_raw_scores_is_searched_for():
    found = stranger(2, sizes=(60, 90), style=Style(products="raw"), whole=None)
    numbers = Numbers(_with_intercept(found), found.names)
    assert {"intercept", "intercept_se"} <= {goal.fact.quantity for goal in numbers.goals}


def _with_intercept(found):
    """Print the intercept of the second step, one of its two scores centred and the other as it is."""
    table = found.raw.values
    codes = [table[GROUP], table["flag0"], table["x0"] - table["x0"].mean(), table["x1"]]
    columns = np.column_stack([np.ones(len(table)), *codes])
    fit = sm.OLS(table[OUTCOME], columns).fit()
    shared = {"step": "two", "source": SOURCE}
    printed = [
        {"id": kind, "quantity": kind, "value": f"{value:.3f}", **shared}
        for kind, value in (("intercept", fit.params.iloc[0]), ("intercept_se", fit.bse.iloc[0]))
    ]
    return found.study.replace(fact=[*(fact.model_dump(exclude_unset=True) for fact in found.study.facts), *printed])


def _prints_every_fact(found, seed):
    made = Synthesizer.of(found.study, near_moments(found, 0.5, seed)).make(1, seed=1)
    assert made.verification["matches"].all()
    assert len(made.verification) == len(found.study.facts)
    for measure in found.study.measures:
        if measure.kind == "number":
            column = made.participants[measure.id]
            assert column.between(*measure.limits).all()
            assert not measure.integer or column.dtype == np.int64


@pytest.mark.long
@pytest.mark.parametrize("whole", [True, False, None])
def test_most_strangers_have_a_table_that_prints_every_fact(whole):
    failed = []
    for seed in range(100, 200):
        found = stranger(seed, whole=whole, style=Style())
        try:
            Synthesizer.of(found.study, near_moments(found, 0.5, seed)).make(1, seed=1)
        except InputError:
            failed.append(seed)
    assert len(failed) <= 25, failed
