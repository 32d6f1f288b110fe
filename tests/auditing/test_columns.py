"""Columns interchanged, or moved by a row: one sentence for many contradictions; nothing where one number is wrong."""

from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from tests.study.small_studies import described, number, one_sample, small_study

from hikibayes.auditing.audit import checks
from hikibayes.auditing.suspects import LIKELIEST

TERMS = ("x", "z", "w", "v")
MEASURES = ("y", "x", "q", "u", "v")
KINDS = ("coefficient", "coefficient_se", "coefficient_t", "coefficient_p")


def likeliest(study):
    return next((row for row in checks(study) if row.check == LIKELIEST), None)


def table(seed, n=90):
    """A regression's rows as statsmodels has them: a list of printed B, SE, t, p for each of four terms."""
    rng = np.random.default_rng(seed)
    data = {name: rng.normal(size=n) * rng.uniform(0.5, 4) for name in TERMS}
    data["y"] = sum(rng.uniform(0.4, 1) * data[name] for name in TERMS) + rng.normal(size=n) * 3
    fit = smf.ols("y ~ x + z + w + v", pd.DataFrame(data)).fit()
    columns = (fit.params, fit.bse, fit.tvalues, fit.pvalues)
    return [
        [f"{column[term]:.{digits}f}" for column, digits in zip(columns, (3, 3, 2, 3), strict=True)] for term in TERMS
    ]


def printed(rows, n=90):
    facts = [
        number(kind, "0.001" if kind.endswith("_p") and float(text) == 0 else text, _relation(kind, text), **at)
        for term, row in zip(TERMS, rows, strict=False)
        for kind, text in zip(KINDS, row, strict=True)
        for at in [{"step": "all", "term": term, "name": f"{kind}_{term}"}]
    ]
    return one_sample(n, *facts, terms=TERMS)


def _relation(kind, text):
    return "<" if kind.endswith("_p") and float(text) == 0 else "="


@settings(max_examples=3, deadline=None)
@given(seed=st.integers(0, 10**6), column=st.integers(0, 2), up=st.booleans())
def test_a_column_moved_by_a_row_is_named(seed, column, up):
    rows = table(seed)
    values = [row[column] for row in rows]
    # what left the table at one end is not printed; another number stands at the other
    moved = [*values[1:], "7.77"] if up else ["7.77", *values[:-1]]
    study = printed([[*row[:column], value, *row[column + 1 :]] for row, value in zip(rows, moved, strict=True)])
    found = likeliest(study)
    assert f"the column {KINDS[column]} (all) moved {'down' if up else 'up'} by a row" in found.note
    assert set(found.facts) == {f"{KINDS[column]}_{term}" for term in TERMS}


@settings(max_examples=3, deadline=None)
@given(seed=st.integers(0, 10**6), pair=st.sampled_from([(0, 1), (0, 2), (1, 2)]))
def test_two_columns_interchanged_are_named(seed, pair):
    one, other = pair
    rows = [list(row) for row in table(seed)]
    for row in rows:
        row[one], row[other] = row[other], row[one]
    note = likeliest(printed(rows)).note
    assert note.startswith(
        f"With the columns {KINDS[one]} (all) and {KINDS[other]} (all) interchanged, the others agree"
    )


@settings(max_examples=3, deadline=None)
@given(seed=st.integers(0, 10**6), at=st.integers(0, 3))
def test_one_wrong_number_is_not_a_column(seed, at):
    rows = table(seed)
    rows[at][0] = str(Decimal(rows[at][0]) + Decimal("1.5"))
    found = likeliest(printed(rows))
    assert "column" not in found.note
    assert f"coefficient_{TERMS[at]}" in found.facts


@pytest.mark.parametrize(("rows", "named"), [(3, True), (2, False)])
def test_a_mistake_of_columns_has_to_explain_three_contradictions(rows, named):
    turned = [[se, b, *rest] for b, se, *rest in table(3)[:rows]]
    assert ("interchanged, the others agree" in likeliest(printed(turned)).note) == named


def test_nothing_is_said_of_a_clean_table():
    assert likeliest(printed(table(3))) is None


@pytest.mark.parametrize("kinds", [("mean",), ("sd",), ("mean", "sd")])
def test_two_groups_interchanged(kinds):
    rng = np.random.default_rng(5)
    facts = []
    for name in MEASURES[:3]:
        a, b = rng.normal(rng.uniform(10, 20), 1, 40), rng.normal(rng.uniform(20, 30), 4, 60)
        test = stats.ttest_ind(b, a, equal_var=False)
        cells = [[f"{part.mean():.2f}", f"{part.std(ddof=1):.2f}"] for part in (a, b)]
        for i in map(("mean", "sd").index, kinds):
            cells[0][i], cells[1][i] = cells[1][i], cells[0][i]
        facts += described(name, *cells)
        at = {"of": name, "between": ("second", "first")}
        # with the degrees of freedom: interchanged SDs in a pooled t happen to be Welch's of these groups
        facts += [number("t", f"{test.statistic:.2f}", **at), number("df", f"{test.df:.2f}", **at)]
    note = likeliest(small_study((40, 60), *facts, measures=MEASURES[:3])).note
    one = f"{kinds[0]} (first) and {kinds[0]} (second)"
    assert f"With the columns {one if len(kinds) == 1 else 'of first and second (mean and sd)'} interchanged" in note
