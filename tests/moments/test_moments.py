"""Every number from group moments against statsmodels and SciPy on the rows, for random tables."""

import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from hikibayes.moments import (
    CODINGS,
    PRODUCTS,
    GroupMoments,
    compare,
    correlations,
    design_of,
    group_moments,
    increment,
    predicted_value,
    regress,
    simple_slope,
    two_sided_p,
)
from hikibayes.spec import InputError

NAMES = ("x", "z", "male", "y")
seeds = st.integers(0, 2**32 - 1)
quick = settings(max_examples=15, deadline=None)


def table(seed, groups=2):
    """Draw rows: two numbers of unlike units, an indicator, an outcome that depends on all of them."""
    rng = np.random.default_rng(seed)
    group = np.repeat(np.arange(groups), rng.integers(9, 60, groups))
    x = 40 + 9 * rng.standard_normal(len(group)) + 3 * group
    z = 0.05 * x + rng.gamma(2.0, 1.0, len(group))
    male = (rng.random(len(group)) < 0.5).astype(float)
    male[:2] = 0, 1
    y = 3 + 0.1 * x * (1 + group) + z + 0.02 * x * z - male + rng.standard_normal(len(group)) * 4
    rows = np.column_stack([x, z, male, y])
    return rows, group, group_moments(rows, group, NAMES, categories=["male"], products=[("x", "z")])


def codes_of(groups, coding="dummy"):
    if groups == 2:
        return {"arm": CODINGS[coding]}
    return {f"arm{g}": tuple(float(h == g) for h in range(groups)) for g in range(1, groups)}


def columns(rows, group, terms, codes, products):
    """Build a design as a textbook does, in rows."""
    found = []
    for term in terms:
        parts = term.split(":")
        column = np.ones(len(rows))
        for part in parts:
            factor = np.asarray(codes[part])[group] if part in codes else rows[:, NAMES.index(part)]
            number = part not in codes and part != "male"
            if (len(parts) > 1 and (products == "centred_both" or (products == "centred" and number))) or (
                products in ("z", "z_again") and number
            ):
                factor = factor - factor.mean()
            if products == "z" and number:
                factor = factor / factor.std(ddof=1)
            column = column * factor
        found.append(column)
    return np.column_stack(found)


def close(found, right, tolerance=1e-11):
    np.testing.assert_allclose(found, right, rtol=tolerance, atol=tolerance)


@quick
@given(
    seed=seeds,
    groups=st.integers(1, 4),
    products=st.sampled_from(PRODUCTS),
    coding=st.sampled_from(list(CODINGS)),
    interactions=st.booleans(),
)
def test_regression_is_that_of_the_rows(seed, groups, products, coding, interactions):
    rows, group, moments = table(seed, groups)
    codes = codes_of(groups, coding) if groups > 1 else {}
    terms = ["x", "z", "male", *codes]
    if interactions:
        terms += ["x:z", *(f"{code}:x" for code in codes), *(f"male:{code}" for code in codes)]
    X, y = columns(rows, group, terms, codes, products), rows[:, 3]
    right = sm.OLS(y, sm.add_constant(X)).fit()
    found = regress(moments, "y", terms, codes=codes, products=products)
    spread = X.std(axis=0, ddof=1) if products != "z" else np.ones(len(terms))
    z_scale = 1.0
    if products == "z":  # `coefficient` is per raw unit, the columns above are per SD
        sds = {"x": rows[:, 0].std(ddof=1), "z": rows[:, 1].std(ddof=1)}
        z_scale = np.array([np.prod([sds.get(part, 1.0) for part in term.split(":")]) for term in terms])
    sd_y = y.std(ddof=1)
    close(found.coefficient * z_scale, right.params[1:], 1e-10)
    close(found.se * z_scale, right.bse[1:], 1e-10)
    close(found.t, right.tvalues[1:], 1e-10)
    close(found.p, right.pvalues[1:], 1e-9)
    close(found.standardised, right.params[1:] * spread / sd_y, 1e-10)
    close(found.standardised_se, right.bse[1:] * spread / sd_y, 1e-10)
    close(found.r2, right.rsquared)
    close(found.adjusted_r2, right.rsquared_adj)
    close(found.f, right.fvalue, 1e-10)
    close(found.f_p, right.f_pvalue, 1e-9)
    close(found.residual_sd, np.sqrt(right.scale))
    close(found.intercept, right.params[0], 1e-9)
    vif = np.diag(np.linalg.inv(np.corrcoef(X, rowvar=False).reshape(len(terms), -1)))
    close(found.vif, vif, 1e-9)


@quick
@given(seed=seeds, groups=st.integers(2, 4), products=st.sampled_from(PRODUCTS), g=st.integers(0, 1))
def test_slopes_predictions_and_increments(seed, groups, products, g):
    rows, group, moments = table(seed, groups)
    codes = codes_of(groups)
    few, many = ["x", "z", *codes], ["x", "z", *codes, "x:z", *(f"{code}:x" for code in codes)]
    before, found = (regress(moments, "y", terms, codes=codes, products=products) for terms in (few, many))

    def design(at_x, at_z):
        shown = np.vstack([rows, [at_x, at_z, 0, 0]])
        where = np.append(group, g)
        # conventions use the sample's means and SDs: append the point after they are taken
        parts = []
        for term in many:
            column = np.ones(len(shown))
            for part in term.split(":"):
                own = np.asarray(codes[part])[where] if part in codes else shown[:, NAMES.index(part)]
                sample = own[:-1]
                number = part not in codes
                centred = (":" in term and (products == "centred_both" or (products == "centred" and number))) or (
                    products in ("z", "z_again") and number
                )
                column = column * (own - (sample.mean() if centred else 0))
            parts.append(column)
        return np.column_stack(parts)

    right = sm.OLS(rows[:, 3], sm.add_constant(design(0, 0)[:-1])).fit()
    point = np.append(1.0, design(35.0, 4.0)[-1])
    value, se = predicted_value(found, g, {"x": 35.0, "z": 4.0})
    close(value, point @ right.params, 1e-9)
    close(se, np.sqrt(point @ right.cov_params() @ point), 1e-9)
    step = np.append(0.0, design(36.0, 4.0)[-1] - design(35.0, 4.0)[-1])
    slope, se = simple_slope(found, "x", g, {"z": 4.0})
    close(slope, step @ right.params, 1e-9)
    close(se, np.sqrt(step @ right.cov_params() @ step), 1e-8)
    scale = rows[:, 0].std(ddof=1) / rows[:, 3].std(ddof=1)
    close(simple_slope(found, "x", g, {"z": 4.0}, standardised=True)[0], slope * scale, 1e-10)
    small = sm.OLS(rows[:, 3], sm.add_constant(design(0, 0)[:-1][:, : len(few)])).fit()
    f, p, _ = right.compare_f_test(small)
    more, found_f, found_p = increment(found, before)
    close(more, right.rsquared - small.rsquared)
    close(found_f, f, 1e-9)
    close(found_p, p, 1e-8)
    close(increment(found)[1], right.fvalue, 1e-9)


@quick
@given(seed=seeds, groups=st.integers(2, 4))
def test_comparisons_and_correlations(seed, groups):
    rows, group, moments = table(seed, groups)
    for j in range(3):
        a, b = rows[group == 0, j], rows[group == groups - 1, j]
        found = compare(moments, 0, groups - 1)
        if a.std() + b.std() == 0:
            continue
        student, welch = stats.ttest_ind(a, b), stats.ttest_ind(a, b, equal_var=False)
        close([found.student_t[j], found.student_df], [student.statistic, student.df], 1e-9)
        p = two_sided_p(found.welch_t, found.welch_df)[j]
        close([found.welch_t[j], found.welch_df[j], p], [welch.statistic, welch.df, welch.pvalue], 1e-9)
        na, nb = len(a), len(b)
        pooled = np.sqrt(((na - 1) * a.var(ddof=1) + (nb - 1) * b.var(ddof=1)) / (na + nb - 2))
        difference = a.mean() - b.mean()
        close(found.difference[j], difference)
        close(found.d[j], difference / pooled, 1e-10)
        close(found.hedges_g[j], difference / pooled * (1 - 3 / (4 * (na + nb) - 9)), 1e-10)
        close(found.d_divisor_n[j], difference / np.sqrt((na * a.var() + nb * b.var()) / (na + nb)), 1e-10)
        close(found.d_average[j], difference / np.sqrt((a.var(ddof=1) + b.var(ddof=1)) / 2), 1e-10)
        if min(a.std(), b.std()) > 0:
            close(found.glass_first[j], difference / a.std(ddof=1), 1e-10)
            close(found.glass_second[j], difference / b.std(ddof=1), 1e-10)
    close(correlations(moments)[:4, :4][:, [0, 1, 2]][[0, 1, 2]], np.corrcoef(rows[:, :3], rowvar=False), 1e-10)
    own = np.corrcoef(rows[group == 1][:, :2], rowvar=False)
    close(correlations(moments, 1)[:2, :2], own, 1e-10)
    mean, cov = moments.total
    close(mean[:4], rows.mean(axis=0)[[0, 1, 2, 3]])
    close(cov[:4, :4], np.cov(rows, rowvar=False), 1e-10)


def test_many_draws_are_each_draw_by_itself():
    one, other = table(1)[2], table(1)[2]
    shifted = other.mean + np.linspace(0, 1, other.mean.shape[-1])
    stacked = GroupMoments(
        names=one.names,
        n=one.n,
        mean=np.stack([one.mean, shifted]),
        cov=np.stack([one.cov, 1.1 * other.cov]),
        categories=one.categories,
        origins=one.origins,
    )
    terms, codes = ["x", "z", "arm", "arm:x", "x:z"], {"arm": CODINGS["half"]}
    both = regress(stacked, "y", terms, codes=codes, products="raw")
    first = regress(one, "y", terms, codes=codes, products="raw")
    close(both.standardised[0], first.standardised)
    close(both.intercept[0], first.intercept)
    close(simple_slope(both, "x", 1)[1][0], simple_slope(first, "x", 1)[1])
    close(predicted_value(both, 1)[0][0], predicted_value(first, 1)[0])
    close(compare(stacked, 0, 1).welch_t[0], compare(one, 0, 1).welch_t)


def test_traced_by_jax_the_numbers_are_the_same():
    import jax

    moments = table(5)[2]
    terms, codes = ["x", "z", "arm", "arm:x", "x:z"], {"arm": CODINGS["dummy"]}

    def numbers(mean, cov):
        made = GroupMoments(
            names=moments.names,
            n=moments.n,
            mean=mean,
            cov=cov,
            categories=moments.categories,
            origins=moments.origins,
        )
        found, pair = regress(made, "y", terms, codes=codes, products="centred"), compare(made, 0, 1)
        return [found.standardised, found.t, found.vif, pair.welch_df, *simple_slope(found, "x", 1), found.f]

    with jax.enable_x64(True):
        traced = jax.jit(numbers)(moments.mean, moments.cov)
        p = two_sided_p(jax.numpy.asarray(-1.5), 20.0)
        along = (jax.numpy.asarray(moments.mean), jax.numpy.ones(moments.mean.shape))
        slope = jax.jvp(lambda mean: numbers(mean, moments.cov)[0], along[:1], along[1:])[1]
    for found, right in zip(traced, numbers(moments.mean, moments.cov), strict=True):
        close(np.asarray(found), right, 1e-9)
    assert np.isfinite(np.asarray(slope)).all()
    assert float(p) == pytest.approx(2 * stats.t.sf(1.5, 20), rel=1e-12)


def test_what_moments_do_not_determine_is_refused():
    moments = table(2)[2]
    codes = {"arm": CODINGS["dummy"]}
    with pytest.raises(InputError, match="moments of the product x:male are not given"):
        design_of(moments, ["x", "male", "x:male"], codes=codes)
    with pytest.raises(InputError, match="more than two measures"):
        design_of(moments, ["x:z:male"], codes=codes)
    with pytest.raises(InputError, match="convention for products 'mean'"):
        design_of(moments, ["x"], codes=codes, products="mean")
    with pytest.raises(InputError, match="measure 'w'"):
        design_of(moments, ["w"], codes=codes)
    assert design_of(moments, ["arm:x"], codes=codes).position("x:arm") == 0
