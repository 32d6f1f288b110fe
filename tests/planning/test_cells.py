"""The first analysis of a plan's table."""

import pandas as pd

from hikibayes.planning.designs.cells import firsts


def test_rows_with_the_first_value_of_each_axis_are_kept():
    table = pd.DataFrame({"prior": ["wide", "wide", "flat"], "mix": ["1:1", "2:1", "1:1"], "n": [1, 2, 3]})
    assert firsts(table)["n"].tolist() == [1]
    assert firsts(table, ["prior"])["n"].tolist() == [1, 2]
    assert firsts(table, ["model"])["n"].tolist() == [1, 2, 3], "an axis that is not there"
    assert firsts(table.iloc[:0]).empty
