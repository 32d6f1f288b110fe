"""Both engines on the same data sets."""

from functools import partial

import numpy as np
import pandas as pd
import pytest
from tests.studies import orchard_run

from hikibayes.inference.models.steps import model_of
from hikibayes.reanalysis.engines import Beside, _worst, accepted, two_engines


def by_both(sampler):
    read = orchard_run.study().read()
    model, labels = model_of(read, "products"), {"study": "orchard", "reading": "default"}
    return two_engines(model, orchard_run.data_sets()[:3], read, sampler, seed=5, labels=labels)


@pytest.fixture(scope="module")
def compared():
    return by_both(orchard_run.sampler)


def test_engines_that_draw_from_the_same_posterior_agree(compared):
    assert accepted(compared.agreement)
    assert len(compared.agreement) == 3 * 2
    assert 0.2 < np.sqrt((compared.agreement["z"] ** 2).mean()) < 2.5


def test_data_sets_are_fitted_as_they_come_and_those_beyond_the_count_left_out(compared):
    read = orchard_run.study().read()
    labels = {"study": "orchard", "reading": "default"}
    beside = Beside(model_of(read, "products"), read, 3, orchard_run.sampler, seed=5, labels=labels)
    for table in orchard_run.data_sets()[:5]:
        beside.see(table)
    pd.testing.assert_frame_equal(beside.result().agreement, compared.agreement)
    fewer = Beside(model_of(read, "products"), read, 9, orchard_run.sampler, seed=5, labels=labels)
    for table in orchard_run.data_sets()[:2]:
        fewer.see(table)
    assert fewer.result().agreement["dataset"].max() == 2


def test_a_biased_sampler_is_found_out():
    assert not accepted(by_both(partial(orchard_run.sampler, bias=0.05)).agreement)


def test_data_sets_are_pooled_with_equal_weight(compared):
    row = compared.estimates.set_index("estimand").loc["shade_slope_difference"]
    means = compared.agreement.loc[compared.agreement["estimand"] == "shade_slope_difference", "nuts_mean"]
    assert row["mean"] == pytest.approx(means.mean())
    assert row["sd_between"] == pytest.approx(means.std(ddof=0))
    assert row["sd"] == pytest.approx(np.hypot(row["sd_within"], row["sd_between"]))
    assert (row["engine"], row["datasets"]) == ("nuts", 3)
    assert row["lower"] < row["median"] < row["upper"]


def test_the_worst_data_set_stands_for_all(compared):
    table = compared.diagnostics
    assert not table.duplicated(["check", "of"]).any()
    assert {"rhat", "ess_bulk", "ess_tail", "divergences", "ebfmi"} == set(table["check"])
    assert {"Intercept", "sigma", "farm:shade", "shade_slope_difference"} <= set(table["of"])
    assert table["dataset"].between(1, 3).all()


def test_worst_is_high_for_a_ceiling_low_for_a_floor_and_not_a_number_for_both():
    def table(rhat, ess, ebfmi):
        values = {"check": ["rhat", "ess_bulk", "ebfmi"], "of": ["a", "a", "chain 0"], "value": [rhat, ess, ebfmi]}
        return pd.DataFrame({**values, "accepted": ["<= 1.01", ">= 400", ">= 0.3"], "ok": True})

    worst = _worst([table(1.001, 900.0, 0.9), table(1.004, 1000.0, np.nan), table(1.002, 800.0, 0.8)])
    assert worst["value"].tolist()[:2] == [1.004, 800.0]
    assert np.isnan(worst["value"].iloc[2])
    assert worst["dataset"].tolist() == [2, 3, 2]
