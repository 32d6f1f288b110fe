"""Rows of ``tipping.csv``: the range over data sets, and the columns in their order."""

import math

import numpy as np

from hikibayes.robustness.tipping import COLUMNS, NOWHERE, over_data_sets, tipping_row


def test_the_range_is_of_those_data_sets_that_have_a_value():
    values = np.arange(101.0)
    assert over_data_sets(values) == (5.0, 95.0)
    assert over_data_sets([*values, np.nan, np.inf]) == (5.0, 95.0)
    assert all(map(math.isnan, over_data_sets([3.0])))
    assert all(map(math.isnan, over_data_sets([3.0, np.nan])))


def test_a_row_has_the_columns_of_the_file():
    row = tipping_row("priors", "a width", 0.2, NOWHERE, "It falls.")
    assert tuple(row) == COLUMNS
    assert (row["analysis"], row["value"], row["sentence"]) == ("priors", 0.2, "It falls.")
