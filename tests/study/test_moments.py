"""Every number from group moments, held against fits to the rows they came from."""

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from tests.study.labelled import compare_groups, correlations, regress, simple_slopes

from hikibayes.moments import simple_slope
from hikibayes.quantities import KINDS, Address
from hikibayes.spec import InputError
from hikibayes.study.analysis import PublishedAnalysis
from hikibayes.study.facts import Fact
from hikibayes.study.moments import in_raw_units, sample_moments
from hikibayes.study.study import Study

SOURCE = {"locator": "made up", "quote": "made up"}


def fact(name: str, quantity: str, value: str, **address: object) -> dict[str, object]:
    return {"id": name, "quantity": quantity, "value": value, "source": SOURCE, **address}


def garden_study(n: tuple[int, int] = (40, 25), **changes: object) -> Study:
    """A made-up study: does pruning help more where the soil is clay?"""
    content = {
        "id": "garden",
        "description": "Yield of gardens by soil",
        "citation": {"authors": ["Nobody"], "year": 2001, "title": "Soil", "journal": "None", "read": "all of it"},
        "group": [{"id": "sand", "label": "sandy soil"}, {"id": "clay", "label": "clay soil"}],
        "analysis": {"outcome": "crop", "group": "soil", "focal": "pruning"},
        "measure": [
            {
                "id": "soil",
                "label": "Soil",
                "kind": "category",
                "levels": [{"id": "sand", "label": "s"}, {"id": "clay", "label": "c"}],
            },
            {"id": "crop", "label": "Crop", "kind": "number", "unit": "kg", "range": [0, 1000], "integer": False},
            {"id": "pruning", "label": "Pruning", "kind": "number", "unit": "h", "range": [0, 90], "integer": False},
            {"id": "rain", "label": "Rain", "kind": "number", "unit": "mm", "range": [0, 900], "integer": False},
            {
                "id": "fenced",
                "label": "Fence",
                "kind": "category",
                "levels": [{"id": "open", "label": "o"}, {"id": "shut", "label": "s"}],
            },
        ],
        "step": [
            {"id": "first", "label": "covariates", "adds": ["fenced", "soil"]},
            {"id": "second", "label": "predictors", "after": "first", "adds": ["pruning", "rain"]},
            {"id": "third", "label": "products", "after": "second", "adds": ["soil:pruning", "soil:fenced"]},
        ],
        "fact": [fact("n_sand", "n", str(n[0]), group="sand"), fact("n_clay", "n", str(n[1]), group="clay")],
    }
    return Study.model_validate({**content, **changes})


def gardens(seed: int, n: tuple[int, int] = (40, 25)) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    clay = np.repeat([0, 1], n)
    fenced = rng.permutation(np.arange(sum(n)) % 2)
    pruning = rng.normal(30 + 4 * clay, 6 + 2 * clay)
    rain = rng.normal(400, 50) + 3 * pruning + rng.normal(0, 40, sum(n))
    crop = 200 + 10 * fenced + (1 + clay) * pruning + 0.1 * rain + rng.normal(0, 20, sum(n))
    return pd.DataFrame(
        {
            "soil": np.where(clay, "clay", "sand"),
            "crop": crop,
            "pruning": pruning,
            "rain": rain,
            "fenced": np.where(fenced, "shut", "open"),
        }
    )


def z(values: pd.Series) -> pd.Series:
    return (values - values.mean()) / values.std(ddof=1)


def columns(table: pd.DataFrame, terms: tuple[str, ...], coding: str, products: str) -> tuple[pd.DataFrame, pd.Series]:
    """Build the design a user of R ('z') or SPSS ('raw', 'centred') would, row by row."""
    g = (table["soil"] == "clay").astype(float) - (0.5 if coding == "effect" else 0)
    plain = {
        "soil": g,
        "fenced": (table["fenced"] == "shut").astype(float),
        **{name: z(table[name]) if products == "z" else table[name] for name in ("pruning", "rain")},
    }
    factor = {name: x - x.mean() for name, x in plain.items()} if products == "centred" else plain
    made = {
        term: plain[term] if ":" not in term else factor["soil"] * factor[term.removeprefix("soil:")] for term in terms
    }
    return pd.DataFrame(made), z(table["crop"]) if products == "z" else table["crop"]


@pytest.mark.parametrize("coding", ["dummy", "effect"])
@pytest.mark.parametrize("products", ["z", "raw", "centred"])
@pytest.mark.parametrize("step", ["first", "second", "third"])
@settings(max_examples=4, deadline=None)
@given(seed=st.integers(0, 2**31), n=st.tuples(st.integers(8, 60), st.integers(8, 60)))
def test_regression_agrees_with_statsmodels(coding, products, step, seed, n):
    table, study = gardens(seed, n), garden_study(n)
    terms = study.terms(step)
    X, y = columns(table, terms, coding, products)
    rows = sm.OLS(y, sm.add_constant(X)).fit()
    fit = regress(sample_moments(table, study), "crop", terms, group="soil", coding=coding, products=products)

    ours, ours_se = (fit.standardised, fit.standardised_se) if products == "z" else (fit.coefficient, fit.se)
    np.testing.assert_allclose(ours, rows.params[1:], rtol=1e-8, atol=1e-10)
    np.testing.assert_allclose(ours_se, rows.bse[1:], rtol=1e-8)
    np.testing.assert_allclose(fit.p, rows.pvalues[1:], rtol=1e-7, atol=1e-12)
    np.testing.assert_allclose(
        [fit.r2, fit.adjusted_r2, fit.f, fit.f_p], [rows.rsquared, rows.rsquared_adj, rows.fvalue, rows.f_pvalue], 1e-8
    )
    sd_y = 1 if products != "z" else table["crop"].std()
    np.testing.assert_allclose(fit.residual_sd / sd_y, np.sqrt(rows.scale), rtol=1e-9)
    auxiliary = [1 / (1 - sm.OLS(X[name], sm.add_constant(X.drop(columns=name))).fit().rsquared) for name in X]
    np.testing.assert_allclose(fit.vif, auxiliary, rtol=1e-7)


def test_agreement_is_to_ten_digits():
    table, study = gardens(1), garden_study()
    for products in ("z", "raw", "centred"):
        X, y = columns(table, study.terms("third"), "dummy", products)
        rows = sm.OLS(y, sm.add_constant(X)).fit()
        fit = regress(sample_moments(table, study), "crop", study.terms("third"), group="soil", products=products)
        ours = fit.standardised if products == "z" else fit.coefficient
        assert np.abs(ours.values / rows.params[1:].to_numpy() - 1).max() < 1e-10
        assert np.abs(fit.t.values / rows.tvalues[1:].to_numpy() - 1).max() < 1e-10


@pytest.mark.parametrize("products", ["raw", "centred"])
def test_printed_beta_is_b_times_the_columns_sd(products):
    table, study = gardens(2), garden_study()
    X, y = columns(table, study.terms("third"), "dummy", products)
    expected = sm.OLS(y, sm.add_constant(X)).fit().params[1:] * X.std() / y.std()
    fit = regress(sample_moments(table, study), "crop", study.terms("third"), group="soil", products=products)
    np.testing.assert_allclose(fit.standardised, expected, rtol=1e-10)


@pytest.mark.parametrize("coding", ["dummy", "effect"])
def test_simple_slopes_are_those_of_the_refitted_model(coding):
    """The slope in a group is the coefficient once that group is the reference."""
    table, study = gardens(3), garden_study()
    terms = study.terms("third")
    ours = simple_slopes(sample_moments(table, study), "pruning", "crop", terms, group="soil", coding=coding)
    for name in ("sand", "clay"):
        flipped = table.assign(soil=np.where(table["soil"] == name, "sand", "clay"))
        X, y = columns(flipped, terms, "dummy", "z")
        rows = sm.OLS(y, sm.add_constant(X)).fit()
        here = ours.sel(group=name)
        np.testing.assert_allclose(here["standardised"], rows.params["pruning"], rtol=1e-10)
        np.testing.assert_allclose(here["standardised_se"], rows.bse["pruning"], rtol=1e-10)
        np.testing.assert_allclose(here["p"], rows.pvalues["pruning"], rtol=1e-8)
        np.testing.assert_allclose(
            here["slope"], rows.params["pruning"] * table["crop"].std() / table["pruning"].std(), rtol=1e-10
        )


def test_slope_without_product_is_common_to_the_groups():
    table, study = gardens(3), garden_study()
    ours = simple_slopes(sample_moments(table, study), "rain", "crop", study.terms("third"), group="soil")
    assert ours["slope"].sel(group="sand") == ours["slope"].sel(group="clay")


@pytest.mark.parametrize("test", ["welch", "student"])
def test_group_comparison_agrees_with_scipy(test):
    table, study = gardens(4), garden_study()
    a, b = (table.loc[table["soil"] == name, "rain"] for name in ("clay", "sand"))
    expected = stats.ttest_ind(a, b, equal_var=test == "student")
    ours = compare_groups(sample_moments(table, study), "rain", ("clay", "sand"), test)
    np.testing.assert_allclose(
        [ours["t"], ours["p"], ours["df"]], [expected.statistic, expected.pvalue, expected.df], 1e-10
    )
    pooled = np.sqrt((a.var() * (len(a) - 1) + b.var() * (len(b) - 1)) / (len(a) + len(b) - 2))
    np.testing.assert_allclose(ours["d"], (a.mean() - b.mean()) / pooled, rtol=1e-12)


def test_correlations_agree_with_pandas():
    table, study = gardens(5), garden_study()
    moments = sample_moments(table, study)
    names = ["crop", "pruning", "rain"]
    for group in (None, "sand", "clay"):
        rows = table if group is None else table[table["soil"] == group]
        ours = correlations(moments, group).sel(measure=names, measure_2=names)
        np.testing.assert_allclose(ours, rows[names].corr(), atol=1e-12)


def test_leading_dims_are_carried_through():
    study = garden_study()
    several = [sample_moments(gardens(seed), study) for seed in range(3)]
    stacked = xr.concat(
        several, dim="draw", data_vars=["mean", "cov"], coords="minimal", compat="override", join="exact"
    )
    together = regress(stacked, "crop", study.terms("third"), group="soil")
    for i, one in enumerate(several):
        alone = regress(one, "crop", study.terms("third"), group="soil")
        np.testing.assert_allclose(together.t.isel(draw=i), alone.t, rtol=1e-9)
        np.testing.assert_allclose(together.r2.isel(draw=i), alone.r2, rtol=1e-12)


def in_sd_units(moments: xr.Dataset, table: pd.DataFrame) -> xr.Dataset:
    number = moments["kind"] != "category"
    location = xr.DataArray(
        [table[m].mean() if k else np.nan for m, k in zip(number.measure.values, number.values, strict=True)],
        dims="measure",
    )
    scale = xr.DataArray(
        [table[m].std() if k else np.nan for m, k in zip(number.measure.values, number.values, strict=True)],
        dims="measure",
    )
    a, b = location.fillna(0), scale.fillna(1)
    return moments.assign(
        mean=(moments["mean"] - a) / b,
        cov=moments["cov"] / b / b.rename(measure="measure_2"),
        location=location,
        scale=scale,
    )


def largest_vif(X):
    r2 = [sm.OLS(X[:, i], np.delete(X, i, axis=1)).fit().rsquared for i in range(1, X.shape[1])]
    return max(1 / (1 - np.array(r2)))


EXPECTED = {
    "n_all": (("n", {}), len),
    "mean": (("mean", {"of": "rain", "group": "clay"}), lambda t: t.rain[t.soil == "clay"].mean()),
    "sd": (("sd", {"of": "rain"}), lambda t: t.rain.std()),
    "shut": (("proportion", {"of": "fenced", "level": "shut"}), lambda t: (t.fenced == "shut").mean()),
    "open_sand": (
        ("proportion", {"of": "fenced", "level": "open", "group": "sand"}),
        lambda t: (t.fenced[t.soil == "sand"] == "open").mean(),
    ),
    "gap": (
        ("proportion_difference", {"of": "fenced", "level": "open", "between": ("clay", "sand")}),
        lambda t: (t.fenced[t.soil == "clay"] == "open").mean() - (t.fenced[t.soil == "sand"] == "open").mean(),
    ),
    "with_group": (("correlation", {"of": "soil", "with": "crop"}), lambda t: t.crop.corr((t.soil == "clay") * 1.0)),
    "delta": (
        ("delta_r2", {"step": "third"}),
        lambda t: rows(t, "third").rsquared - rows(t, "second").rsquared,
    ),
    "delta_adjusted": (
        ("delta_r2", {"step": "second", "adjusted": True}),
        lambda t: rows(t, "second").rsquared_adj - rows(t, "first").rsquared_adj,
    ),
    "delta_p": (("delta_r2_p", {"step": "third"}), lambda t: rows(t, "third").compare_f_test(rows(t, "second"))[1]),
    "first_delta_p": (("delta_r2_p", {"step": "first"}), lambda t: rows(t, "first").f_pvalue),
    "b": (("coefficient", {"step": "second", "term": "rain"}), lambda t: rows(t, "second").params["rain"]),
    "b_effect": (
        ("coefficient", {"step": "third", "term": "soil", "coding": "effect"}),
        lambda t: rows(t, "third", "effect").params["soil"],
    ),
    "b_raw": (
        ("coefficient", {"step": "second", "term": "rain", "standardised": False}),
        lambda t: rows(t, "second", products="raw").params["rain"],
    ),
    "b_se": (("coefficient_se", {"step": "second", "term": "rain"}), lambda t: rows(t, "second").bse["rain"]),
    "largest_vif": (
        ("vif", {"step": "second", "relation": "<"}),
        lambda t: largest_vif(rows(t, "second").model.exog),
    ),
}


def rows(table, step, coding="dummy", products="z"):
    X, y = columns(table, garden_study().terms(step), coding, products)
    return sm.OLS(y, sm.add_constant(X)).fit()


@pytest.mark.parametrize("name", EXPECTED)
@pytest.mark.parametrize("units", ["raw", "sd"])
def test_facts_are_evaluated_as_on_the_rows(name, units):
    (quantity, address), expected = EXPECTED[name]
    table, study = gardens(6), garden_study()
    moments = sample_moments(table, study)
    if units == "sd":
        moments = in_sd_units(moments, table)
    value = {"n": "65", "sd": "50", "mean": "400", "vif": "2"}.get(quantity, "0.5")
    found = PublishedAnalysis(study, moments).value(Fact.model_validate(fact(name, quantity, value, **address)))
    np.testing.assert_allclose(found, expected(table), rtol=1e-9)


def test_every_determined_fact_is_in_the_table():
    extra = [fact("alpha", "alpha", "0.9", of="rain"), fact("r", "correlation", "0.5", of="rain", **{"with": "crop"})]
    study = garden_study()
    study = study.replace(fact=(*study.model_dump(exclude_unset=True)["fact"], *extra))
    analysis = PublishedAnalysis(study, sample_moments(gardens(7), study))
    assert {fact.id for fact in study.facts if analysis.determines(fact)} == {"n_sand", "n_clay", "r"}


def test_raw_units_are_given_back():
    table, study = gardens(8), garden_study()
    moments = sample_moments(table, study)
    back = in_raw_units(in_sd_units(moments, table))
    np.testing.assert_allclose(back["cov"], moments["cov"], rtol=1e-12)
    np.testing.assert_allclose(back["mean"], moments["mean"], rtol=1e-12)


def test_measure_without_units_has_no_raw_mean():
    table, study = gardens(8), garden_study()
    moments = in_sd_units(sample_moments(table, study), table)
    moments["location"].loc[{"measure": "rain"}] = np.nan
    mean = Fact.model_validate(fact("m", "mean", "400", of="rain"))
    with pytest.raises(InputError, match="do not determine mean"):
        PublishedAnalysis(study, moments).value(mean)


@pytest.mark.parametrize(
    ("terms", "message"),
    [
        (("pruning", "pruning:rain"), "moments of the product pruning:rain are not given"),
        (("prunning",), "there is no measure 'prunning'.*did you mean 'pruning'"),
        (("pruning", "soil", "soil:pruning", "pruning"), "linearly dependent terms: pruning"),
    ],
)
def test_impossible_terms_are_named(terms, message):
    moments = sample_moments(gardens(9), garden_study())
    with pytest.raises(InputError, match=message):
        regress(moments, "crop", terms, group="soil", checked=True)


def test_columns_without_an_answer_are_named():
    table, study = gardens(9), garden_study()
    for change, message in (({"rain": 400.0}, "'rain' does not vary"), ({"rain": table["pruning"]}, "dependent terms")):
        analysis = PublishedAnalysis(study, sample_moments(table.assign(**change), study))
        with pytest.raises(InputError, match=message):
            analysis.regression("third")


def test_a_term_stands_once_in_a_step_and_those_before_it():
    again = [{"id": "first", "label": "1", "adds": ["rain"]}, {"id": "next", "label": "2", "after": "first"}]
    for adds in (["pruning", "rain"], ["pruning", "pruning"]):
        with pytest.raises(ValueError, match=f"step 'next': term '{adds[1]}' stands twice"):
            garden_study(step=[again[0], {**again[1], "adds": adds}])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"rain": [np.nan] + [1.0] * 64}, "'rain': has 1 empty cells"),
        ({"fenced": "ajar"}, "there is no level 'ajar'; there are: open, shut"),
        ({"soil": "silt"}, "there is no group 'silt'"),
        ({"soil": "clay"}, "group 'sand' has 0 participants"),
    ],
)
def test_unusable_tables_are_refused(change, message):
    with pytest.raises(InputError, match=message):
        sample_moments(gardens(10).assign(**change), garden_study())


def test_increments_add_up_to_what_the_last_step_explains():
    table, study = gardens(11), garden_study()
    run = PublishedAnalysis(study, sample_moments(table, study)).run
    increases = [KINDS["delta_r2"].value(run, Address(step=step.id)) for step in study.steps]
    np.testing.assert_allclose(sum(increases), rows(table, "third").rsquared, rtol=1e-10)


def test_a_difference_of_slopes_is_the_coefficient_of_the_product():
    table, study = gardens(12), garden_study()
    fit = PublishedAnalysis(study, sample_moments(table, study)).regression("third")
    at = fit.design.position("soil:pruning")
    wanted = {False: (fit.coefficient[at], fit.se[at]), True: (fit.standardised[at], fit.standardised_se[at])}
    for standardised, numbers in wanted.items():
        found = simple_slope(fit, "pruning", 1, minus=0, standardised=standardised)
        np.testing.assert_allclose(found, numbers, rtol=1e-10)
