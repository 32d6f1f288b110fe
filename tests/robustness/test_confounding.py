"""Confounding: a planted confounder is covered by its bounds, and every basis says what it is about."""

from functools import cache

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from tests.studies import orchard

from hikibayes.inference.models.specs import ModelSpec
from hikibayes.robustness.case import Case
from hikibayes.robustness.confounding.omitted import Strength, adjusted_estimate
from hikibayes.robustness.confounding.sensitivity import confounding
from hikibayes.robustness.treatment import Treatment, covariate_columns
from hikibayes.spec import InputError
from hikibayes.study.study_file import load_study

FOCAL = "shade_slope_difference"


@cache
def data_sets():
    rng = np.random.default_rng(3)
    return tuple(orchard.participants(rng) for _ in range(9))


def model(study, terms=("age", "farm", "shade", "toil", "farm:shade", "farm:toil"), width=10.0, **changes):
    """Priors so wide that they say nothing, unless asked otherwise."""
    normal = {"dist": "Normal", "mu": 0, "sigma": width, "reason": "wide"}
    sigma = {"dist": "HalfStudentT", "nu": 4, "sigma": 1, "reason": "usual"}
    priors = dict.fromkeys(("Intercept", *terms), normal) | {"sigma": sigma}
    return ModelSpec(
        name="made", description="made", formula=f"contentment ~ {' + '.join(terms)}", priors=priors, **changes
    )


def case(data_sets, *, synthetic=True, **changes):
    study = load_study(orchard.FILE).read()
    return Case(
        study=study,
        model=model(study, **changes),
        estimand=study.estimand(FOCAL),
        data_sets=tuple(data_sets),
        synthetic=synthetic,
    )


def confounded(rng, strength, n=400):
    """Workers whose contentment and whose shade, on organic farms, both follow something that nobody asked for."""
    farm = np.repeat(["conventional", "organic"], n // 2)
    organic = farm == "organic"
    hidden = rng.normal(size=n)
    toil = rng.normal(size=n)
    shade = rng.normal(size=n) + 0.3 * toil + strength * organic * hidden
    contentment = 0.2 * shade - 0.4 * toil + strength * organic * hidden + rng.normal(size=n)
    table = {"farm": farm, "age": rng.normal(40, 8, n), "toil": toil, "shade": shade, "contentment": contentment}
    return pd.DataFrame(table), organic * hidden


@pytest.fixture(scope="module")
def one():
    return confounding(case([data_sets()[0]], synthetic=False), seed=1)


@pytest.fixture(scope="module")
def several():
    return confounding(case(data_sets()), seed=1)


def z(column):
    return (column - column.mean()) / column.std(ddof=1)


def by_statsmodels(table, extra=()):
    shade, toil, age = (z(table[name]) for name in ("shade", "toil", "age"))
    organic = (table["farm"] == "organic").astype(float)
    columns = {"age": age, "farm": organic, "shade": shade, "toil": toil, "farm:shade": organic * shade}
    columns |= {"farm:toil": organic * toil} | dict(extra)
    return sm.OLS(z(table["contentment"]), sm.add_constant(pd.DataFrame(columns))).fit()


def test_estimate_and_standard_error_are_those_of_ols(one):
    fit = by_statsmodels(data_sets()[0])
    row = one.table.set_index(["estimand", "basis"]).loc[(FOCAL, "data_sets")]
    assert row["estimate"] == pytest.approx(fit.params["farm:shade"], rel=1e-9)
    assert row["se"] == pytest.approx(fit.bse["farm:shade"], rel=1e-9)
    assert row["df"] == fit.df_resid
    slope = fit.t_test([0, 0, 0, 1, 0, 1, 0])
    other = one.table.set_index(["estimand", "basis"]).loc[("shade_slope_organic", "data_sets")]
    assert other["partial_r2"] == pytest.approx(slope.tvalue.item() ** 2 / (slope.tvalue.item() ** 2 + row["df"]))


def test_benchmarks_are_the_partial_r2_of_a_covariate_with_its_product():
    """Against regressions without toil and its product: of the outcome, and of the product that is the treatment."""
    table = data_sets()[0]
    made = case([table], synthetic=False)
    weights = made.answers.weights[:, made.answers.names.index(FOCAL)]
    columns = covariate_columns(made.design, made.estimand, weights)
    assert sorted(columns) == ["age", "toil"]
    found = Treatment(stats=made.design.statistics, weights=weights).explained_by(columns["toil"])
    fit = by_statsmodels(table)
    X = pd.DataFrame(fit.model.exog, columns=fit.model.exog_names)
    fewer = X.drop(columns=["toil", "farm:toil"])
    outcome = 1 - fit.ssr / sm.OLS(fit.model.endog, fewer).fit().ssr
    product = X["farm:shade"]
    treatment = 1 - sm.OLS(product, X.drop(columns="farm:shade")).fit().ssr / (
        sm.OLS(product, fewer.drop(columns="farm:shade")).fit().ssr
    )
    assert found.treatment.item() == pytest.approx(treatment, rel=1e-9)
    assert found.outcome.item() == pytest.approx(outcome, rel=1e-9)


def test_a_covariate_inside_a_function_counts_with_all_its_columns():
    terms = ("age", "I(age ** 2)", "farm", "shade", "exp(toil)", "farm:shade", "farm:exp(toil)")
    made = case([data_sets()[0]], synthetic=False, terms=terms)
    weights = made.answers.weights[:, made.answers.names.index(FOCAL)]
    columns = covariate_columns(made.design, made.estimand, weights)
    names = {name: {made.design.columns[j] for j in own} for name, own in columns.items()}
    assert names == {"age": {"age", "I(age ** 2)"}, "toil": {"exp(toil)", "farm:exp(toil)"}}


def test_the_true_strengths_of_a_planted_confounder_give_the_long_regression():
    """For an interaction: the true partial R², plugged in, reproduce the estimate that knows it to 1e-10."""
    table, hidden = confounded(np.random.default_rng(3), 0.8)
    made = case([table], synthetic=False)
    treatment = Treatment(
        stats=made.design.statistics, weights=made.answers.weights[:, made.answers.names.index(FOCAL)]
    )
    short, long = by_statsmodels(table), by_statsmodels(table, {"hidden": hidden})
    X = pd.DataFrame(long.model.exog, columns=long.model.exog_names)
    left = [sm.OLS(X["farm:shade"], X.drop(columns=["farm:shade", *drop])).fit().ssr for drop in ([], ["hidden"])]
    strength = Strength(1 - left[0] / left[1], 1 - long.ssr / short.ssr)
    found = adjusted_estimate(treatment.estimate, treatment.se, treatment.df, strength)
    assert short.params["farm:shade"] > 2 * abs(long.params["farm:shade"])
    assert found.item() == pytest.approx(long.params["farm:shade"], abs=1e-10)


@pytest.mark.parametrize(("strength", "gap"), [(1.0, 0.0), (0.5, 0.1)])
def test_bounds_cover_a_confounder_no_stronger_than_the_benchmark(strength, gap):
    """A twin of toil that nobody measured: the bound at k = 1 lies just beyond the truth; for half a twin, well beyond.

    Both move shade in opposite directions on the two kinds of farm, so that they are in the product and not in shade
    itself, and are unrelated to each other given shade: that is what the bound takes for granted.
    """
    rng = np.random.default_rng(11)
    n = 20_000
    farm = np.repeat(["conventional", "organic"], n // 2)
    side = np.where(farm == "organic", 1.0, -1.0)
    toil, hidden = rng.normal(size=(2, n))
    shade = rng.normal(size=n) + 0.6 * side * (toil + strength * hidden)
    contentment = 0.2 * shade + 0.6 * (toil + strength * hidden) + rng.normal(size=n)
    table = pd.DataFrame(
        {"farm": farm, "age": rng.normal(40, 8, n), "toil": toil, "shade": shade, "contentment": contentment}
    )
    found = confounding(case([table], synthetic=False), seed=2, benchmarks=["toil"], k=[1])
    bound = found.bounds[(found.bounds["estimand"] == FOCAL) & (found.bounds["basis"] == "data_sets")].iloc[0]
    naive = by_statsmodels(table).params["farm:shade"]
    truth = by_statsmodels(table, {"hidden": hidden}).params["farm:shade"]
    assert naive > truth + 0.1
    assert bound["estimate"] < truth - gap + 0.01
    assert gap or bound["estimate"] > truth - 0.05


def test_draws_say_what_least_squares_says_where_the_prior_says_nothing(one):
    table = one.table.set_index(["estimand", "basis"])
    drawn, ols = (table.loc[(FOCAL, basis)] for basis in ("posterior", "data_sets"))
    assert drawn["estimate"] == pytest.approx(ols["estimate"], abs=0.02)
    assert drawn["rv"] == pytest.approx(ols["rv"], abs=0.02)
    assert drawn["rv_lower"] < ols["rv"] < drawn["rv_upper"]
    assert drawn["rv_alpha"] == pytest.approx(ols["rv_alpha"], abs=0.02)


def test_bounds_on_draws_are_those_of_least_squares_where_the_prior_says_nothing(one):
    own = one.bounds[(one.bounds["estimand"] == FOCAL) & (one.bounds["k"] == 1)].set_index(["benchmark", "basis"])
    for name in ("age", "toil"):
        drawn, ols = (own.loc[(name, basis)] for basis in ("posterior", "data_sets"))
        assert drawn["r2_treatment"] == pytest.approx(ols["r2_treatment"])
        assert drawn["r2_outcome"] == pytest.approx(ols["r2_outcome"], abs=0.03)
        assert drawn["estimate"] == pytest.approx(ols["estimate"], abs=0.03)
        assert drawn["lower"] < drawn["estimate"] < drawn["upper"]


def test_the_claim_s_survival_falls_with_the_confounder_s_strength(one):
    curve = one.strengths[one.strengths["estimand"] == FOCAL]["p_same_sign"].to_numpy()
    assert (np.diff(curve) <= 0).all()
    assert curve[0] > 0.9
    assert curve[-1] == 0


def test_every_multiple_takes_more_away_until_nothing_is_left(one):
    own = one.bounds[(one.bounds["estimand"] == FOCAL) & (one.bounds["basis"] == "data_sets")]
    for _, rows in own.groupby("benchmark"):
        assert (np.diff(rows["estimate"]) < 0).all()
    toil = own[own["benchmark"] == "toil"].iloc[0]
    again = confounding(one.case, seed=1, benchmarks=["toil"], k=[toil["breaks_at"]]).bounds
    at = again[(again["estimand"] == FOCAL) & (again["basis"] == "data_sets")]["estimate"].item()
    assert at == pytest.approx(0, abs=1e-9)


def test_a_study_has_printed_numbers_and_a_fit_has_none(one, several):
    assert set(one.table["basis"]) == {"data_sets", "posterior"}
    row = several.table.set_index(["estimand", "basis"]).loc[(FOCAL, "printed")]
    assert row["facts"] == "interaction,interaction_se"
    t = 0.43 / 0.168
    assert row["df"] == 91 - 6 - 1
    assert row["partial_r2"] == pytest.approx(t**2 / (t**2 + 84))
    assert row["rv_lower"] < row["rv"] < row["rv_upper"]
    assert row["se_from"] == "printed se"


def test_the_same_seed_gives_the_same_tables(several):
    again = confounding(several.case, seed=1)
    for name, table in several.tables.items():
        pd.testing.assert_frame_equal(table, again.tables[name])


def test_tipping_rows_say_it_in_words(one, several):
    rows = several.tipping
    assert list(rows.columns) == ["analysis", "what", "value", "lower", "upper", "sentence"]
    assert (rows["analysis"] == "confounding").all()
    assert "times as strong as" in rows["sentence"].iloc[1]
    assert rows["lower"].iloc[0] < rows["value"].iloc[0] < rows["upper"].iloc[0]
    assert one.tipping["lower"].isna().all()


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ({"benchmarks": ["wage"]}, "there is no benchmark covariate in this model, 'wage'; there are: age, toil"),
        ({"alpha": 1.5}, "alpha is 1.5; it must lie between 0 and 1"),
        ({"k": []}, "multiples must be above 0, such as 1, 2, 3; found none"),
        ({"k": [1, -2]}, "multiples must be above 0"),
    ],
)
def test_bad_input(one, how, message):
    with pytest.raises(InputError, match=message):
        confounding(one.case, seed=1, **how)
