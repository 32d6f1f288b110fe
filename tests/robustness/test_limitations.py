"""Limitations: planted truths, made otherwise than they are corrected, are covered; what is left uncorrected is off."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm
from tests.studies import orchard

import hikibayes as hb
from hikibayes.distributions import Distribution
from hikibayes.inference.models.specs import ModelSpec
from hikibayes.robustness.case import Case, case_of
from hikibayes.robustness.limitations.culture import moved
from hikibayes.robustness.limitations.duration import Lasting
from hikibayes.robustness.limitations.errors import ErrorModel, product_reliability
from hikibayes.robustness.limitations.measurement import Measured
from hikibayes.robustness.limitations.panel import Panel, chances
from hikibayes.robustness.limitations.reverse import exchanged, participants_for_lag
from hikibayes.robustness.limitations.scenario import crossing, known_from, spread
from hikibayes.robustness.limitations.sensitivity import LIMITATIONS, limitations
from hikibayes.robustness.limitations.variables import Rule, given_significance
from hikibayes.spec import InputError
from hikibayes.study.study_file import load_study

REFERENCE = Path(__file__).parents[1] / "reference"
FOCAL = "shade_slope_difference"
LEVELS = ("conventional", "organic")
SIGMA = {"dist": "HalfStudentT", "nu": 4, "sigma": 1, "reason": "usual"}


def case(*tables, terms=("farm", "shade", "farm:shade"), estimand=FOCAL, limitations=()):
    """Workers of one's own; priors so wide that they say nothing."""
    study = load_study(orchard.FILE).read().replace(limitations=limitations)
    wide = {"dist": "Normal", "mu": 0, "sigma": 10, "reason": "wide"}
    priors = dict.fromkeys(("Intercept", *terms), wide) | {"sigma": SIGMA}
    formula = f"contentment ~ {' + '.join(terms)}"
    model = ModelSpec(name="made", description="made", formula=formula, priors=priors)
    asked = study.estimand(estimand)
    return Case(study=study, model=model, estimand=asked, data_sets=tables, synthetic=len(tables) > 1)


def workers(rng, n, slopes=(0.1, 0.6), noise=0.8, spread_of_shade=(1.0, 1.0)):
    farm = np.repeat(LEVELS, n)
    organic = farm == "organic"
    shade = rng.normal(size=2 * n) * np.where(organic, spread_of_shade[1], spread_of_shade[0])
    contentment = np.where(organic, slopes[1], slopes[0]) * shade + noise * rng.normal(size=2 * n)
    return pd.DataFrame({"farm": farm, "shade": shade, "contentment": contentment})


def in_sd(table, difference):
    """A difference of raw slopes in SD of the outcome per SD."""
    return difference * table["shade"].std() / table["contentment"].std()


# -- who took part ----------------------------------------------------------------------------------------------------


def probit(table, rng, weight):
    """Let organic workers take part by a normal threshold on contentment and shade; return who does."""
    organic = (table["farm"] == "organic").to_numpy()
    index = weight * (table["contentment"] + table["shade"]) + rng.normal(size=len(table))
    return ~organic | (index > 0).to_numpy()


def slope_where_selected(slope, noise, weight):
    """The slope among those beyond the threshold: moments of a normal, one direction of which is cut in half.

    Heckman's selection: with h the hazard at 0, cutting takes h² of the index's variance, and of what goes with it.
    """
    covariance = np.array([[1.0, slope], [slope, slope**2 + noise**2]])
    to_index = weight * covariance.sum(axis=0)
    variance = weight * to_index.sum() + 1
    lost = norm.pdf(0) / norm.sf(0)
    left = covariance - lost**2 * np.outer(to_index, to_index) / variance
    return left[0, 1] / left[0, 0]


def test_a_panel_selected_by_a_threshold_is_off_by_heckman_and_corrected():
    rng, weight = np.random.default_rng(1), 0.6
    everybody = workers(rng, 60_000)
    seen = everybody[probit(everybody, rng, weight)].reset_index(drop=True)
    seen = pd.concat([seen[seen["farm"] == level].head(25_000) for level in LEVELS], ignore_index=True)
    made = case(seen)
    panel = Panel(case=made, measures=("contentment", "shade"), share=0.5)
    published = panel.contrast("organic", (0.0, 0.0, 0.0)).item()
    predicted = slope_where_selected(0.6, 0.8, weight) - 0.1
    assert published == pytest.approx(in_sd(seen, predicted), abs=0.02)
    # a logit's slope is 1.7 times that of a probit, nearly; the panel counts in SD of those who took part
    strengths = 1.7 * weight * seen[["contentment", "shade"]].std()
    corrected = panel.contrast("organic", (strengths["contentment"], strengths["shade"], 0.0)).item()
    truth = in_sd(seen, 0.5)
    assert abs(published - truth) > 0.1
    # the tails of a logit are not a probit's: what is left is less than a third
    assert abs(corrected - truth) < abs(published - truth) / 3


def test_selection_on_the_focal_measure_alone_leaves_a_straight_slope_alone():
    rng = np.random.default_rng(2)
    panel = Panel(case=case(workers(rng, 20_000)), measures=("contentment", "shade"), share=0.5)
    plain, selected = (panel.contrast("organic", (0.0, b, 0.0)).item() for b in (0.0, 1.5))
    assert selected == pytest.approx(plain, abs=0.03)


def test_a_rare_panel_whose_odds_follow_the_outcome_keeps_its_slope():
    """Normal errors tilted exponentially stay normal: the mean moves, the slope does not."""
    rng = np.random.default_rng(3)
    made = case(workers(rng, 40_000))
    moved = {
        share: Panel(case=made, measures=("contentment", "shade"), share=share).contrast("organic", (0.7, 0.7, 0.0))
        for share in (1e-6, 0.5)
    }
    plain = Panel(case=made, measures=("contentment", "shade"), share=0.5).contrast("organic", (0.0, 0.0, 0.0)).item()
    assert moved[1e-6].item() == pytest.approx(plain, abs=0.04)
    assert abs(moved[0.5].item() - plain) > 0.08


@given(share=st.floats(0.01, 0.99), lean=st.lists(st.floats(-3, 3), min_size=3, max_size=9))
def test_chances_are_chances_and_give_the_share(share, lean):
    found = chances(np.array([lean]), np.ones((1, len(lean)), dtype=bool), share)
    assert ((found > 0) & (found <= 1)).all()
    assert (1 / found).mean() == pytest.approx(1 / share)
    assert (np.diff(found[0][np.argsort(lean)]) >= 0).all()


def test_populations_return_the_published_answer_when_they_are_selected(orchard):
    found = limitations(orchard, seed=1, only=["panel"]).details["limitation_panel_simulated"]
    assert (found["participants"] - found["published"]).abs().mean() < 0.03
    assert (found["everybody"] - found["published"]).abs().mean() > 0.05


# -- errors of measurement --------------------------------------------------------------------------------------------


def measured_with_items(rng, table, noise=(0.0, 0.0), items=4):
    """Replace shade by the mean of items with uniform errors; return the table and each group's true reliability."""
    organic = (table["farm"] == "organic").to_numpy()
    size = np.where(organic, noise[1], noise[0])[:, None] * np.sqrt(12)
    errors = (rng.uniform(-0.5, 0.5, (len(table), items)) * size).mean(axis=1)
    seen = table.assign(shade=table["shade"] + errors)
    own = {
        g: table.loc[rows, "shade"].var() / seen.loc[rows, "shade"].var()
        for g, rows in table.groupby("farm").groups.items()
    }
    return seen, own


def test_unreliable_scores_weaken_each_slope_by_its_group_s_reliability_and_are_corrected():
    rng = np.random.default_rng(4)
    truth = workers(rng, 40_000, spread_of_shade=(1.4, 0.7))
    seen, own = measured_with_items(rng, truth, noise=(1.2, 1.2))
    assert own["conventional"] - own["organic"] > 0.2
    whole = 1 - 1.2**2 / 4 / seen["shade"].var()
    made = case(seen)
    predicted = in_sd(seen, 0.6 * own["organic"] - 0.1 * own["conventional"])
    naive = Panel(case=made, measures=("contentment", "shade"), share=0.5).contrast("organic", (0.0, 0.0, 0.0)).item()
    assert naive == pytest.approx(predicted, abs=0.015)
    stated = {"shade": Distribution(dist="Constant", value=whole)}
    corrected = Measured(case=made, stated=stated).alone("shade", whole).item()
    assert corrected == pytest.approx(in_sd(seen, 0.5), abs=0.02)
    assert naive < 0.85 * corrected


@pytest.mark.parametrize("row", pd.read_csv(REFERENCE / "r_errors.csv", keep_default_na=False).to_dict("records"))
def test_slopes_of_true_scores_are_those_of_structural_equations_in_r(row):
    reliability = {name: float(value) for name, value in (part.split("=") for part in row["reliability"].split())}
    scores = " + ".join(reliability)
    formula = f"{row['outcome']} ~ {row['group']} * ({scores})" if row["group"] else f"{row['outcome']} ~ {scores}"
    fitted = hb.fit(formula, pd.read_csv(REFERENCE / "data" / f"{row['data']}.csv"), engine="exact")
    kind = "slope_difference" if row["group"] else "slope"
    asked = next(e for e in fitted.study.estimands if e.kind == kind and e.of == row["of"])
    made = case_of(fitted, seed=1, estimand=asked.name)
    measured = Measured(case=made, stated={})
    found = measured.of(measured.statistics({name: np.array([value]) for name, value in reliability.items()}))
    raw = made.answers.raw_factor[0, made.answers.names.index(asked.name)]
    assert found[0] * raw == pytest.approx(row["estimate"], rel=1e-5)


def test_within_a_group_the_reliability_is_what_is_true_there():
    rng = np.random.default_rng(5)
    seen, own = measured_with_items(rng, workers(rng, 20_000, spread_of_shade=(1.5, 0.7)), noise=(1.0, 1.0))
    whole = 1 - 1.0 / 4 / seen["shade"].var()
    table = Measured(case=case(seen), stated={"shade": Distribution(dist="Constant", value=whole)}).within()
    assert dict(zip(table["group"], table["reliability"], strict=True)) == pytest.approx(own, abs=0.02)


def test_the_product_of_two_scores_has_the_reliability_of_the_formula():
    """Against simulated products, and the correction of a planted product's coefficient."""
    rng, n, rho = np.random.default_rng(6), 200_000, 0.4
    shade, toil = rng.multivariate_normal([0, 0], [[1, rho], [rho, 1]], n).T
    seen_shade, seen_toil = shade + rng.normal(0, 0.6, n), toil + rng.normal(0, 0.7, n)
    reliable = 1 / 1.36, 1 / 1.49
    observed = np.corrcoef(seen_shade, seen_toil)[0, 1]
    expected = product_reliability(*reliable, observed)
    true, seen = ((a - a.mean()) * (b - b.mean()) for a, b in ((shade, toil), (seen_shade, seen_toil)))
    assert true.var() / seen.var() == pytest.approx(float(expected), abs=0.01)
    contentment = 0.3 * shade - 0.2 * toil + 0.25 * shade * toil + rng.normal(size=n)
    table = pd.DataFrame(
        {"farm": rng.choice(LEVELS, n), "shade": seen_shade, "toil": seen_toil, "contentment": contentment}
    )
    made = case(table, terms=("farm", "shade", "toil", "shade:toil", "farm:shade"))
    errors = {"shade": np.array([1 - reliable[0]]), "toil": np.array([1 - reliable[1]])}
    model = ErrorModel(design=made.design)
    stats = model.corrected(model.error(dict.fromkeys(model.groups, errors)))
    at = made.design.columns.index("shade:toil")
    unit = table["shade"].std() * table["toil"].std() / table["contentment"].std()
    assert np.linalg.solve(stats.sxx[0], stats.sxy[0])[at] / unit == pytest.approx(0.25, abs=0.02)
    naive = made.design.statistics
    assert np.linalg.solve(naive.sxx[0], naive.sxy[0])[at] / unit == pytest.approx(0.25 * float(expected), abs=0.02)


@pytest.mark.long
def test_the_corrected_interval_covers_at_its_rate_and_the_observed_one_does_not():
    """60 studies of 150 people each, true scores of reliability .6: about 57 cover; regression on the scores misses."""
    hits = {"corrected": 0, "observed": 0}
    stated = {"shade": Distribution(dist="Constant", value=0.6)}
    for seed in range(60):
        rng = np.random.default_rng(seed)
        truth = workers(rng, 150, slopes=(-0.2, 1.2), noise=0.6)
        seen, _ = measured_with_items(rng, truth, noise=(np.sqrt(4 / 1.5), np.sqrt(4 / 1.5)))
        made = case(*[seen] * 30)
        wanted = in_sd(seen, 1.4)
        naive = made.posterior().marginal(made.focal[:, None])
        for name, mixture in (("corrected", Measured(case=made, stated=stated).marginal(rng=rng)), ("observed", naive)):
            found = known_from(mixture)
            hits[name] += found["lower"] < wanted < found["upper"]
    assert hits["corrected"] >= 53
    assert hits["observed"] <= 20


def test_reliabilities_that_cannot_be_are_left_out_and_said(orchard):
    stated = {"shade": Distribution(dist="Constant", value=0.01), "toil": Distribution(dist="Constant", value=0.01)}
    with pytest.raises(InputError, match="next to nothing of the scores would be true"):
        Measured(case=orchard, stated=stated).marginal(rng=np.random.default_rng(1))


# -- longer cases ------------------------------------------------------------------------------------------------------


def with_seasons(rng, n, slope):
    """Workers of organic farms have worked for some years; their slope is a function of these."""
    table = workers(rng, n, slopes=(0.1, 0.0))
    organic = (table["farm"] == "organic").to_numpy()
    years = np.where(organic, np.exp(rng.normal(1.2, 0.8, 2 * n)), np.nan)
    steeper = np.where(organic, slope(np.nan_to_num(years, nan=1.0)), 0.0) * table["shade"]
    return table.assign(years=years, contentment=table["contentment"] + steeper)


def lasting(table, **numbers):
    study = load_study(orchard.FILE).read()
    years = {"id": "years", "label": "Years of work", "kind": "number", "only_in": "organic"}
    made = case(table)
    return Lasting(
        case=replace(made, study=study.replace(measures=(*study.measures, years))), measure="years", **numbers
    )


def test_a_planted_gradient_is_carried_to_where_cases_are_longer():
    """The slope falls smoothly with years; the corrector knows two strata, and a truth with other shares of them."""
    rng = np.random.default_rng(9)

    def slope(years):
        return 0.2 + 0.8 * np.exp(-years / 4)

    table = with_seasons(rng, 40_000, slope)
    made = lasting(table, beyond=5.0)
    own = table.dropna()
    long = own["years"] > 5
    change = slope(own["years"][long]).mean() - slope(own["years"][~long]).mean()
    naive = made.case.posterior().marginal(made.case.focal[:, None]).mean().item()
    moved = (made.side * in_sd(table, change) * made.moved(0.8)).item()
    truth = in_sd(table, 0.8 * slope(own["years"][long]).mean() + 0.2 * slope(own["years"][~long]).mean() - 0.1)
    assert naive - truth > 0.15
    assert naive + moved == pytest.approx(truth, abs=0.03)


def test_a_gradient_for_each_doubling_is_carried_exactly_where_it_is_one():
    rng = np.random.default_rng(10)
    table = with_seasons(rng, 40_000, lambda years: 0.8 - 0.15 * np.log2(years))
    made = lasting(table, beyond=5.0)
    own = table.dropna()
    long = own["years"] > 5
    shares = np.where(long, 0.7 / long.mean(), 0.3 / (1 - long.mean()))
    truth = in_sd(table, np.average(0.8 - 0.15 * np.log2(own["years"]), weights=shares) - 0.1)
    naive = made.case.posterior().marginal(made.case.focal[:, None]).mean().item()
    carried = naive + (made.side * in_sd(table, -0.15) * made.moved(0.7, by_doubling=True)).item()
    assert abs(naive - truth) > 0.1
    assert carried == pytest.approx(truth, abs=0.02)


def test_changes_at_their_bounds_make_one_slope_1():
    made = lasting(with_seasons(np.random.default_rng(11), 400, lambda _: 0.4), beyond=5.0)
    share = (made.weights * (made.values > 5)).sum(axis=1)
    for change in made.bounds():
        short, long = made.slope - share * change, made.slope + (1 - share) * change
        assert max(abs(short.item()), abs(long.item())) == pytest.approx(1)
        assert min(abs(short.item()), abs(long.item())) <= 1


# -- other levels elsewhere -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("linear", "curved"), [(0.3, 0.0), (0.0, 0.2), (-0.2, 0.1)])
def test_an_effect_of_a_level_moves_the_mean_effect_by_the_formula(linear, curved):
    """Workers whose difference of slopes follows toil, there and where toil is 1.3 SD higher."""
    rng, n, away = np.random.default_rng(12), 60_000, 1.3
    found = []
    for mean in (0.0, away):
        toil, shade = mean + rng.normal(size=2 * n), rng.normal(size=2 * n)
        organic = np.repeat([0.0, 1.0], n)
        slope = 0.1 + organic * (0.4 + linear * toil + curved * toil**2)
        contentment = slope * shade + rng.normal(size=2 * n)
        one, other = (np.polyfit(shade[organic == g], contentment[organic == g], 1)[0] for g in (0, 1))
        found.append(other - one)
    assert found[1] - found[0] == pytest.approx(moved(away, linear=linear, curved=curved), abs=0.04)


# -- variables chosen by the data -------------------------------------------------------------------------------------


def test_each_effect_studied_until_it_is_significant_is_covered_by_the_corrected_answer():
    """Effects from the prior, each studied again until it is found: nominal coverage, no exaggeration on average."""
    rng, se, sd, count = np.random.default_rng(13), 0.1, 0.1, 500
    one, covered, error = np.ones(1), {0.05: 0, 0.9999: 0}, {0.05: [], 0.9999: []}
    for effect in rng.normal(0, sd, count):
        value = next(v for v in effect + se * rng.normal(size=1000) if abs(v) > 1.96 * se)
        for alpha in covered:
            found = given_significance(value * one, se * one, 0 * one, sd * one, alpha=alpha)
            covered[alpha] += found["lower"] < effect < found["upper"]
            error[alpha].append(np.sign(value) * (found["mean"] - effect))
    standard = {alpha: np.mean(e) / (np.std(e) / np.sqrt(count)) for alpha, e in error.items()}
    assert covered[0.05] / count == pytest.approx(0.95, abs=0.03)
    assert abs(standard[0.05]) < 3
    assert standard[0.9999] > 8


def test_what_is_looked_at_anyway_is_not_corrected():
    one = np.ones(1)
    plain = given_significance(0.3 * one, 0.1 * one, 0 * one, 0.2 * one, alpha=0.9999)
    precision = 1 / 0.01 + 1 / 0.04
    assert plain["mean"] == pytest.approx(0.3 / 0.01 / precision, abs=2e-3)
    assert plain["upper"] - plain["lower"] == pytest.approx(2 * 1.96 / np.sqrt(precision), abs=2e-3)
    assert np.isnan(given_significance(0.1 * one, 0.1 * one, 0 * one, one, alpha=0.05)["mean"])


def test_the_rule_in_one_study_is_that_of_statsmodels():
    import statsmodels.api as sm

    table = orchard.participants(np.random.default_rng(14), {"conventional": 90, "organic": 80})
    made = case(table, terms=("age", "farm", "shade", "toil", "farm:shade", "farm:toil"))
    rule = Rule(case=made, candidates=("shade", "toil", "pruning"), threshold=0.3, alpha=0.05)
    rows = table[["contentment", "shade", "toil", "pruning", "age"]].to_numpy(dtype=float)
    group = (table["farm"] == "organic").to_numpy(dtype=float)
    found = rule.apply(rows, group)
    z = (rows - rows.mean(axis=0)) / rows.std(axis=0, ddof=1)
    chosen = np.abs([np.corrcoef(z[:, 0], z[:, j])[0, 1] for j in (1, 2, 3)]) > 0.3
    own = z[:, 1:4][:, chosen]
    fit = sm.OLS(z[:, 0], np.column_stack([np.ones(170), z[:, 4], group, own, own * group[:, None]])).fit()
    count = int(chosen.sum())
    assert (found.chosen == chosen).all()
    assert 0 < count < 3
    assert found.estimate[chosen] == pytest.approx(fit.params[-count:])
    assert (found.significant[chosen] == (fit.pvalues[-count:] < 0.05)).all()


def test_where_no_slope_differs_each_product_is_found_at_its_level(orchard):
    rule = Rule(case=orchard, candidates=("shade", "toil"), threshold=0.01, alpha=0.1)
    found = list(rule.studies(np.random.default_rng(15), null=True))
    significant = np.array([each.significant[each.chosen] for each in found if each.chosen.all()])
    assert len(significant) > 500
    assert significant.mean() == pytest.approx(0.1, abs=0.025)
    other = np.array([each.significant[0] for each in rule.studies(np.random.default_rng(16), null=False)])
    assert other.mean() > 0.5


# -- the other direction ----------------------------------------------------------------------------------------------


def test_the_reverse_is_the_regression_of_the_other_on_the_one():
    import statsmodels.formula.api as smf

    table = workers(np.random.default_rng(7), 300)
    other = exchanged(case(table))
    z = table.assign(**{n: (table[n] - table[n].mean()) / table[n].std() for n in ("shade", "contentment")})
    fit = smf.ols("shade ~ farm * contentment", z).fit()
    found = other.posterior().marginal(other.focal[:, None]).mean().item()
    assert found == pytest.approx(fit.params["farm[T.organic]:contentment"], abs=0.003)


def test_people_for_a_lag_find_it_as_often_as_asked():
    n = participants_for_lag(0.4, stability=0.6, power=0.8, residual=0.7)
    rng, found = np.random.default_rng(8), 0
    for _ in range(400):
        earlier = rng.normal(size=(2, n))
        later = np.array([[0.0], [0.4]]) * earlier + rng.normal(0, np.sqrt(0.7 * (1 - 0.36)), (2, n))
        slopes = (earlier * later).sum(axis=1) / (earlier**2).sum(axis=1)
        left = ((later - slopes[:, None] * earlier) ** 2).sum() / (2 * n - 2)
        found += abs(slopes[1] - slopes[0]) > 1.96 * np.sqrt(left * (1 / (earlier**2).sum(axis=1)).sum())
    assert 0.74 < found / 400 < 0.86


# -- together ---------------------------------------------------------------------------------------------------------


@given(st.lists(st.floats(-2, 2), min_size=1, max_size=6))
def test_a_crossing_lies_between_the_points_around_it(values):
    grid = np.arange(len(values) + 1.0)
    column = np.array([1.0, *values])[:, None]
    at = crossing(grid, column).item()
    first = next((i for i, value in enumerate(column[:, 0]) if value <= 0), None)
    assert np.isnan(at) if first is None else first - 1 <= at <= first


def test_a_value_that_most_data_sets_do_not_have_is_empty():
    assert np.isnan(spread(np.array([1.0, np.nan, np.nan]))).all()
    assert spread(np.array([1.0, 2.0, np.nan]))[0] == 1.5


def test_every_limitation_is_answered_or_listed_with_its_reason(orchard):
    found = limitations(orchard, seed=1)
    table = found.table.set_index("limitation")
    assert list(table.index) == list(LIMITATIONS)
    for kind, row in table.iterrows():
        assert row["sentence"].endswith(".")
        assert bool(row["answered"]) == np.isfinite(row["mean"]), kind
        assert row["answered"] or row["sentence"].startswith("Left out: ")
    assert table.loc[["panel", "measurement", "reverse"], "answered"].all()
    assert list(found.tipping["sentence"]) == list(table.loc[table["answered"], "sentence"])


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"only": ["weather"]}, "there is no limitation 'weather'"),
        ({"about": {"panel": ["contentment", "rain"]}}, "there is no measure 'rain'"),
        ({"about": {"panel": ["contentment", "farm"]}}, "'farm' is a category"),
        ({"about": {"panel": ["contentment"]}}, "one more measure; found 1"),
        ({"numbers": {"panel": {"shares": 0.5}}}, "has no number 'shares'; accepted: share, odds_ratio"),
        ({"numbers": {"panel": {"share": 1.5}}}, "share must lie between 0 and 1"),
        ({"numbers": {"reverse": {"stability": 1.0}}}, "stability must lie between -1 and 1"),
        ({"only": ["duration"]}, "needs the number 'beyond'"),
        ({"only": ["culture"]}, "needs 'of'"),
        ({"about": {"culture": ["farm"]}}, "'farm' is a category"),
        ({"about": {"variables": ["toil"]}}, "the focal one among them"),
        ({"about": {"measurement": ["wage"]}}, "nothing is stated of the reliability|says nothing of the reliability"),
    ],
)
def test_what_cannot_be_asked_is_one_message(orchard, asked, message):
    with pytest.raises(InputError, match=message):
        limitations(orchard, seed=1, **asked)


@pytest.mark.parametrize("kind", ["panel", "culture"])
def test_a_measure_that_the_data_have_not_is_one_message(orchard, kind):
    bare = replace(orchard, data_sets=tuple(table.drop(columns="wage") for table in orchard.data_sets))
    with pytest.raises(InputError, match=f"limitation '{kind}': these data have no 'wage'"):
        limitations(bare, seed=1, about={kind: ["contentment", "wage"]})
