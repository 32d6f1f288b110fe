"""Curves behind the figures agree with the estimates they are about."""

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf
from tests.studies import orchard_run


@pytest.fixture(scope="module")
def result():
    return orchard_run.result()


def test_the_gap_is_the_difference_of_the_conditional_effects(result):
    effects = result.conditional_effects.pivot_table(index="value", columns="group", values="mean")
    gap = result.johnson_neyman.set_index("value")["mean"]
    np.testing.assert_allclose(effects["organic"] - effects["conventional"], gap, atol=1e-9)


def test_the_gap_changes_by_the_difference_of_slopes(result):
    gap = result.johnson_neyman
    rise = (gap["mean"].iloc[-1] - gap["mean"].iloc[0]) / (gap["value"].iloc[-1] - gap["value"].iloc[0])
    row = result.published.set_index("estimand").loc["shade_slope_difference"]
    assert rise == pytest.approx(row["mean"], abs=1e-9)


def test_a_conditional_effect_is_the_expected_outcome_of_an_average_person():
    """Least squares on the first data sets: the prior moves it little, and the intercept has to be in it."""
    expected, errors = [], []
    for table in orchard_run.data_sets():
        z = {n: (table[n] - table[n].mean()) / table[n].std() for n in ("contentment", "age", "shade", "toil")}
        frame = table.assign(**z, organic=(table["farm"] == "organic").astype(float))
        fit = smf.ols("contentment ~ age + organic * (shade + toil)", frame).fit()
        at = fit.get_prediction(pd.DataFrame({"age": [0.0], "shade": 0.0, "toil": 0.0, "organic": 0.0}))
        expected.append(at.predicted_mean[0])
        errors.append(at.se_mean[0])
    effects = orchard_run.result().conditional_effects
    row = effects[(effects["group"] == "conventional") & np.isclose(effects["value"], 0)].iloc[0]
    assert row["mean"] == pytest.approx(np.mean(expected), abs=0.03)
    spread = np.hypot(np.sqrt(np.mean(np.square(errors))), np.std(expected))
    assert row["upper"] - row["lower"] == pytest.approx(3.92 * spread, rel=0.08)
