"""A change evaluates the terms that it touches; formulae, asked for everything anew, gives the same rows."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.inference.own_table import Names

from hikibayes.inference.models.design import design
from hikibayes.inference.models.formulas import quiet_evaluation

CALLED = Names()
Y, ARM, X, DOSE = CALLED.measures
PRODUCTS = (ARM, X, DOSE, f"{ARM}:{X}", f"{ARM}:{DOSE}", f"{X}:{DOSE}", f"{ARM}:{X}:{DOSE}")
TERMS = (*PRODUCTS, f"np.exp({X})", f"C({DOSE}, Sum)", f"{ARM}:center({X})", f"I({X} > 0.2)")
CHANGES = st.fixed_dictionaries(
    {"fixed": st.fixed_dictionaries({}, optional={
        ARM: st.sampled_from(CALLED.groups), DOSE: st.sampled_from(CALLED.levels), X: st.floats(-2, 2)}),
     "shift": st.fixed_dictionaries({}, optional={X: st.floats(-2, 2)})}
)  # fmt: skip


def by_formulae(laid_out, fixed, shift):
    frame = laid_out.frame.copy()
    for name, value in fixed.items():
        frame[name] = np.full(len(frame), value, dtype=object if isinstance(value, str) else float)
    for name, amount in shift.items():
        frame[name] = frame[name] + amount
    with quiet_evaluation():
        rows = laid_out.matrices.common.evaluate_new_data(frame).design_matrix[:, 1:]
    return np.asarray(rows, dtype=float).reshape(laid_out.rows.shape)


def model_of(terms):
    normal = {"dist": "Normal", "mu": 0.0, "sigma": 1.0, "reason": "made up"}
    sigma = {"dist": "HalfNormal", "sigma": 1.0, "reason": "made up"}
    priors = {**dict.fromkeys(("Intercept", *terms), normal), "sigma": sigma}
    return CALLED.model(formula=f"{Y} ~ {' + '.join(terms)}", priors=priors)


@settings(max_examples=40, deadline=None)
@given(
    terms=st.lists(st.sampled_from(TERMS), min_size=1, max_size=5, unique=True), change=CHANGES, seed=st.integers(0, 9)
)
def test_changed_rows_are_those_of_formulae(terms, change, seed):
    laid_out = design(model_of(sorted(terms, key=TERMS.index)), CALLED.table(seed), CALLED.study())
    change = {how: {name: v for name, v in each.items() if name in laid_out.frame} for how, each in change.items()}
    expected = by_formulae(laid_out, **change)
    np.testing.assert_allclose(laid_out.changed_rows(**change), expected, atol=1e-12)
    np.testing.assert_allclose(laid_out.mean_row(**change), expected.mean(axis=1), atol=1e-12)


@settings(max_examples=10, deadline=None)
@given(change=CHANGES)
def test_many_data_sets_are_changed_each(change):
    laid_out = design(model_of(PRODUCTS), [CALLED.table(seed) for seed in range(4)], CALLED.study())
    np.testing.assert_allclose(laid_out.changed_rows(**change), by_formulae(laid_out, **change), atol=1e-12)


@pytest.mark.parametrize("change", [{}, {"fixed": {Y: 0.0}}])
def test_what_touches_no_term_changes_nothing(change):
    laid_out = design(model_of([ARM, X]), CALLED.table(), CALLED.study())
    np.testing.assert_array_equal(laid_out.changed_rows(**change), laid_out.rows)
