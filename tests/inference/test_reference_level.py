"""The reference of a category is the study's first level, whatever anything is called: in every frame of a formula."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.inference.own_table import Names

from hikibayes.inference.estimands import answers
from hikibayes.inference.models.compile import bambi_model, exact_posterior
from hikibayes.inference.models.design import design
from hikibayes.inference.models.moment_design import design_from_moments
from hikibayes.inference.nuts.sampling import Sampling
from hikibayes.inference.nuts.store import fit_key
from hikibayes.planning.populations.columns import Frame, cell_columns
from hikibayes.spec import InputError
from hikibayes.study.moments import sample_moments

WORDS = st.permutations(["a", "b", "control", "clinic", "no", "yes", "x9", "zebra", "m", "t_0", "aa", "q"])


@st.composite
def names(draw):
    words = draw(WORDS)
    return Names(groups=tuple(words[:2]), levels=tuple(words[2:5]), measures=tuple(words[5:9]))


def posterior(called, table, variant="weakly_informative"):
    """Mean and sd of each estimand in SD units, and the log evidence where the prior has one."""
    laid_out = design(called.model(), table, called.study())
    found = answers(laid_out)
    fitted = exact_posterior(laid_out, variant)
    marginal = fitted.marginal(found.weights)
    evidence = [] if variant == "flat" else [fitted.log_evidence[0]]
    return np.concatenate([marginal.mean()[0], marginal.sd()[0], evidence])


@settings(max_examples=25, deadline=None)
@given(called=names(), seed=st.integers(0, 99), order=st.randoms(use_true_random=False), a=st.floats(-50, 50),
       b=st.floats(0.1, 100))  # fmt: skip
def test_names_orders_and_units_move_nothing(called, seed, order, a, b):
    plain = Names()
    table = called.table(seed)
    rows, columns = order.sample(range(len(table)), len(table)), order.sample(list(table), 4)
    changed = table.iloc[rows][columns]
    y, _, x, _ = called.measures
    changed = changed.assign(**{x: a + b * changed[x], y: b - a * 2 + b * changed[y]})
    np.testing.assert_allclose(posterior(called, changed), posterior(plain, plain.table(seed)), rtol=1e-6, atol=1e-8)


@settings(max_examples=10, deadline=None)
@given(called=names(), seed=st.integers(0, 99))
def test_under_a_flat_prior_the_reference_is_a_matter_of_sign(called, seed):
    table, other = called.table(seed), called.swapped()
    mean, sd = np.split(posterior(called, table, "flat"), 2)
    swapped_mean, swapped_sd = np.split(posterior(other, table, "flat"), 2)
    # difference and gap are first group minus second; the groups' own slopes only change places
    np.testing.assert_allclose(swapped_mean, [-mean[0], -mean[1], mean[3], mean[2]], atol=1e-9)
    np.testing.assert_allclose(swapped_sd, sd[[0, 1, 3, 2]], atol=1e-9)


@settings(max_examples=10, deadline=None)
@given(called=names(), seed=st.integers(0, 99))
def test_statsmodels_finds_the_same_columns_where_it_is_told_the_reference(called, seed):
    table = called.table(seed)
    y, arm, x, dose = called.measures
    group = f"C(Q('{arm}'), Treatment('{called.groups[0]}'))"
    level = f"C(Q('{dose}'), Treatment('{called.levels[0]}'))"
    theirs = smf.ols(f"Q('{y}') ~ {group} * Q('{x}') + {level}", table).fit()
    ours = exact_posterior(design(called.model(scaling="raw"), table, called.study()), "flat")
    at = {column: i for i, column in enumerate(ours.names)}
    wanted = {
        arm: f"{group}[T.{called.groups[1]}]", x: f"Q('{x}')",
        f"{dose}[{called.levels[1]}]": f"{level}[T.{called.levels[1]}]",
        f"{dose}[{called.levels[2]}]": f"{level}[T.{called.levels[2]}]",
        f"{arm}:{x}": f"{group}[T.{called.groups[1]}]:Q('{x}')",
    }  # fmt: skip
    np.testing.assert_allclose(
        ours.marginal().mean()[0][[at[column] for column in wanted]], theirs.params[list(wanted.values())], rtol=1e-7
    )


def test_an_informative_prior_lands_on_the_group_it_speaks_of():
    # 120 people, slopes .1 and .6: a prior around + .6 for the second minus the first must not end below 0
    called = Names(groups=("control", "clinic"))
    mean = posterior(called, called.table(n=120))[0]
    renamed = Names(groups=("control", "zclinic"))
    assert mean == pytest.approx(posterior(renamed, renamed.table(n=120))[0], abs=1e-12)
    assert mean > 0.4


@pytest.mark.parametrize("groups", [("control", "clinic"), ("clinic", "control")])
@pytest.mark.parametrize("levels", [("yes", "no"), ("no", "yes")])
def test_moments_and_planning_cells_are_coded_like_rows(groups, levels):
    called = Names(groups=groups, levels=(*levels, "unused"))
    y, arm, x, dose = called.measures
    measures = [m.model_dump() for m in called.study().measures]
    measures[-1]["levels"] = measures[-1]["levels"][:2]
    study = called.study(measure=measures)
    table = called.table(n=80)
    table = table[table[dose] != "unused"].reset_index(drop=True)
    rows = design(called.model(), table, study)
    moments = design_from_moments(called.model(), sample_moments(table, study, (x, dose, y)), study)
    for field in ("x_mean", "sxx", "sxy"):
        np.testing.assert_allclose(getattr(moments.statistics, field), getattr(rows.statistics, field), atol=1e-8)
    cells = cell_columns(called.model(), Frame.of_model(study, called.model()))
    at = dict(zip(cells.names, cells.constant.T, strict=True))
    assert cells.frame.cells == tuple((g, level) for g in groups for level in levels)
    np.testing.assert_array_equal(at[arm], [0, 0, 1, 1])
    np.testing.assert_array_equal(at[dose], [0, 1, 0, 1])


def test_bambi_sees_the_same_columns():
    called = Names(groups=("control", "clinic"), levels=("some", "lots", "none"))
    laid_out = design(called.model(), called.table(), called.study())
    common = bambi_model(laid_out).parameters["mu"].design.common
    np.testing.assert_array_equal(np.asarray(common.design_matrix)[:, 1:], laid_out.rows[0])
    assert laid_out.levels == {"arm": ("control", "clinic"), "dose": ("some", "lots", "none")}


def test_levels_that_nobody_is_at_have_no_column_and_no_answer():
    called = Names(levels=("some", "none", "lots"))
    table = called.table()
    laid_out = design(called.model(), table[table["dose"] != "some"], called.study())
    assert laid_out.levels["dose"] == ("none", "lots")
    assert laid_out.terms["dose"] == ("dose",)
    with pytest.raises(InputError, match="dose: nobody is at level 'some'"):
        laid_out.mean_row(fixed={"dose": "some"})


def test_a_kept_run_knows_its_reference():
    called = Names()
    laid_out = design(called.model(), called.table(), called.study())
    other = laid_out.frame.assign(arm=laid_out.frame["arm"].cat.reorder_categories(["extra", "usual"], ordered=True))
    keys = {fit_key(d, "flat", Sampling(), 1) for d in (laid_out, dataclasses.replace(laid_out, frame=other))}
    assert len(keys) == 2
    assert pd.DataFrame(other).equals(laid_out.frame.assign(arm=other["arm"]))
