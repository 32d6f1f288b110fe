"""The imbalance: a planted effect of it is found, none is where there is none, and every way round it agrees."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
import statsmodels.formula.api as smf
from tests.studies import orchard

from hikibayes.inference.fit import fit
from hikibayes.inference.models.steps import model_of
from hikibayes.robustness.case import Case, case_of
from hikibayes.robustness.imbalance.adjustments import Adjustable
from hikibayes.robustness.imbalance.balance import balance_of, mixes_of
from hikibayes.robustness.imbalance.mixes import matching, reweighting
from hikibayes.robustness.imbalance.sensitivity import COLUMNS, imbalance
from hikibayes.robustness.imbalance.tipping import correlation_of_shares, omitted_product
from hikibayes.spec import InputError
from hikibayes.study.study_file import load_study

FOCAL = "shade_slope_difference"


def study():
    return load_study(orchard.FILE).read()


def case(*data_sets, synthetic=False, variant="flat", **changes):
    read = study()
    return Case(
        study=read,
        model=model_of(read, "products").replace(**changes),
        estimand=read.estimand(FOCAL),
        data_sets=tuple(data_sets),
        synthetic=synthetic,
        variant=variant,
    )


def workers(seed, *, first=(0.3, 0.7), effect=0.0, n=(400, 400), difference=0.0, level=0.0):
    """Workers of whom a share of ``first`` is in the first season, and whose slope of shade is steeper by ``effect``
    among them; on organic farms it is steeper by ``difference``."""
    rng = np.random.default_rng(seed)
    farm = np.repeat(["conventional", "organic"], n)
    organic = farm == "organic"
    new = rng.random(len(farm)) < np.where(organic, first[1], first[0])
    shade, toil = rng.normal(size=(2, len(farm)))
    slope = 0.3 + effect * new + difference * organic
    contentment = slope * shade - 0.4 * toil + level * new + rng.normal(size=len(farm))
    columns = {"farm": farm, "season": np.where(new, "first", "returning"), "age": rng.normal(40, 8, len(farm))}
    return pd.DataFrame({**columns, "toil": toil, "shade": shade, "contentment": contentment})


def focal(result):
    return result.imbalance[result.imbalance["estimand"] == FOCAL].set_index(["approach", "what"])


def z(column):
    return (column - column.mean()) / column.std(ddof=1)


def by_statsmodels(table, *, product=False, weights=None):
    organic, new = (table["farm"] == "organic").astype(float), (table["season"] == "returning").astype(float)
    shade, toil = z(table["shade"]), z(table["toil"])
    columns = {"age": z(table["age"]), "farm": organic, "shade": shade, "toil": toil}
    columns |= {"farm:shade": organic * shade, "farm:toil": organic * toil}
    columns |= {"season:shade": new * shade} if product else {}
    X = sm.add_constant(pd.DataFrame(columns))
    y = z(table["contentment"])
    return (sm.OLS(y, X) if weights is None else sm.WLS(y, X, weights=weights)).fit()


@pytest.fixture(scope="module")
def planted():
    """An effect of the season alone, and an imbalance of .4: together they make a difference of .4 times the effect."""
    return imbalance(case(workers(1, effect=0.8, n=(3000, 3000))), seed=1)


@pytest.fixture(scope="module")
def harmless():
    """The same imbalance, a true difference between the farms, and a season that changes levels and no slope."""
    return imbalance(case(workers(2, difference=0.4, level=0.5, n=(3000, 3000))), seed=1)


# -- known truth ----------------------------------------------------------------------------------------------------


def test_a_planted_effect_is_found_and_taken_out(planted):
    """The model without it sees a difference that is not there; every way of balancing takes it away."""
    table = focal(planted)
    sd = planted.case.design.scaling.scale
    made = 0.8 * 0.4 * (sd["shade"] / sd["contentment"])[0]
    assert table.loc[("model", "unadjusted"), "mean"] == pytest.approx(made, abs=0.07)
    for way in [("model", "by_focal"), ("standardised", "equal"), ("weighted", "equal"), ("matched", "equal_counts")]:
        assert abs(table.loc[way, "mean"]) < 3 * table.loc[way, "sd"], way
    for level in ("first", "returning"):
        assert abs(table.loc[("within", level), "mean"]) < 3 * table.loc[("within", level), "sd"]


def test_without_an_effect_the_estimates_stay_where_they_are(harmless):
    """Within the error that taking other people, or more columns, brings with it."""
    table = focal(harmless)
    own = table.loc[("model", "unadjusted")]
    moved = table["change"].abs() / np.sqrt((table["sd"] ** 2 - own["sd"] ** 2).clip(lower=1e-6))
    assert (moved < 3).all(), moved
    assert (table.loc[["model", "standardised"], "lower"] > 0).all()


def test_other_mixes_move_the_slopes_and_not_their_difference(planted):
    """With an effect of the season alone, a group's slope follows its mix: .3 + .8 share, in both groups."""
    table = planted.imbalance.set_index(["approach", "what", "estimand"])
    sd = planted.case.design.scaling.scale
    unit = (sd["shade"] / sd["contentment"])[0]
    for what, share in [("equal", 0.5), ("as_conventional", 0.3), ("as_organic", 0.7)]:
        for approach in ("standardised", "weighted"):
            row = table.loc[(approach, what, "shade_slope_organic")]
            assert row["mean"] == pytest.approx((0.3 + 0.8 * share) * unit, abs=3 * row["sd"])


def test_each_group_has_the_mix_that_was_asked_for_it(planted):
    found = imbalance(planted.case, seed=1, shares={"conventional": 0.1, "organic": 0.9}).imbalance
    table = found.set_index(["approach", "what", "estimand"])
    sd = planted.case.design.scaling.scale
    unit = (sd["shade"] / sd["contentment"])[0]
    for approach in ("standardised", "weighted"):
        slope, gap = (table.loc[(approach, "own", name)] for name in ("shade_slope_organic", FOCAL))
        assert slope["mean"] == pytest.approx((0.3 + 0.8 * 0.9) * unit, abs=3 * slope["sd"])
        assert gap["mean"] == pytest.approx(0.8 * (0.9 - 0.1) * unit, abs=3 * gap["sd"])


# -- arithmetic -----------------------------------------------------------------------------------------------------


def test_leaving_the_product_out_biases_by_exactly_its_coefficient_times_the_leverage():
    table = workers(3, effect=0.5, n=(60, 45))
    made = case(table)
    found = omitted_product(made, balance_of(made))
    short, long = by_statsmodels(table), by_statsmodels(table, product=True)
    gap = short.params["farm:shade"] - long.params["farm:shade"]
    assert found.leverage[0] * long.params["season:shade"] == pytest.approx(gap, abs=1e-10)
    per_unit = [fit.bse["farm:shade"] ** 2 / fit.mse_resid for fit in (short, long)]
    assert found.inflation[0] == pytest.approx(per_unit[1] / per_unit[0], rel=1e-9)


def test_the_leverage_is_the_imbalance_and_the_inflation_follows_from_it():
    """In a large sample, where shade is spread alike at both levels."""
    made = case(workers(4, n=(20_000, 20_000)))
    found = omitted_product(made, balance_of(made))
    # the product is coded by the second level, returning: its share is smaller on organic farms
    assert found.leverage[0] == pytest.approx(-found.imbalance[0], abs=0.02)
    correlation = correlation_of_shares(*found.balance.shares[0])
    assert found.inflation[0] == pytest.approx(1 / (1 - correlation**2), rel=0.01)


def test_the_surface_meets_zero_where_effect_times_imbalance_is_the_estimate(planted):
    table, own = planted.imbalance_surface, focal(planted).loc[("model", "unadjusted"), "mean"]
    assert np.allclose(table["left"], own - table["imbalance"] * table["effect"])
    near = table[(table["left"].abs() < 0.02)]
    assert near["p_same_sign"].between(0.15, 0.85).all()
    assert table[table["effect"] == 0]["p_same_sign"].min() > 0.99


def test_weights_are_those_of_a_weighted_regression():
    table = workers(5, effect=0.3, n=(80, 70))
    made = case(table)
    balance = balance_of(made)
    shares = np.array([[0.5, 0.5]])
    population = reweighting(balance, shares)
    found = imbalance(made, seed=1)
    fit = by_statsmodels(table, weights=population.weights[0])
    row = focal(found).loc[("weighted", "equal")]
    assert row["mean"] == pytest.approx(fit.params["farm:shade"], rel=1e-9)
    for g, group in enumerate(("conventional", "organic")):
        mine = (table["farm"] == group).to_numpy()
        weights, new = population.weights[0][mine], (table["season"][mine] == "first").to_numpy()
        assert weights[new].sum() / weights.sum() == pytest.approx(0.5)
        assert weights.sum() == pytest.approx(weights.sum() ** 2 / (weights**2).sum())
        assert weights.sum() < mine.sum() or balance.shares[0, g] == 0.5


def test_matched_groups_have_the_same_counts_and_only_real_people():
    tables = [workers(seed, n=(80, 70)) for seed in (6, 7)]
    balance = balance_of(case(*tables))
    chosen = matching(balance, np.random.default_rng(1), times=3)
    assert chosen.index.tolist() == [0, 0, 0, 1, 1, 1]
    assert set(np.unique(chosen.weights)) == {0.0, 1.0}
    for use, dataset in enumerate(chosen.index):
        kept = tables[dataset][chosen.weights[use] == 1]
        counts = pd.crosstab(kept["farm"], kept["season"])
        assert counts.loc["conventional"].tolist() == counts.loc["organic"].tolist()
        assert counts.to_numpy().min() == balance.counts[dataset].min(axis=0).min()
    assert (chosen.weights[0] != chosen.weights[1]).any()


def test_a_follow_up_finds_less_the_more_the_imbalance_explains(planted, harmless):
    for result in (planted, harmless):
        table = result.imbalance_followup
        assert (np.diff(table["truth"]) < 0).all()
        assert (np.diff(table["p_found"]) <= 0).all()
        assert ((table["lower"] < table["truth"]) & (table["truth"] < table["upper"])).all()


def test_balanced_groups_cost_nobody_and_half_costs_a_third(harmless):
    table = harmless.imbalance_costs.set_index("imbalance")
    assert table.loc[0.0, "more"] == 0
    assert table.loc[0.5, "inflation"] == pytest.approx(4 / 3)
    assert table.loc[0.5, "n"] == 8000


# -- which category, which mixes ------------------------------------------------------------------------------------


def test_the_record_names_the_category_and_the_level(harmless):
    assert (harmless.balance.measure, harmless.balance.level) == ("season", "first")
    assert harmless.balance.shares[0] == pytest.approx([0.3, 0.7], abs=0.03)


def test_the_case_s_own_model_is_marked():
    table = workers(8, n=(60, 60))
    assert focal(imbalance(case(table), seed=1)).query("is_own").index.tolist() == [("model", "unadjusted")]
    read = study()
    terms = ("season", *read.terms("products"))
    model = model_of(read, "products")
    season = {"dist": "Normal", "mu": 0, "sigma": 1, "reason": "wide"}
    priors = {**model.model_dump(exclude_unset=True)["priors"], "season": season}
    made = case(table, formula=f"contentment ~ {' + '.join(terms)}", priors=priors)
    found = focal(imbalance(made, seed=1))
    assert found.query("is_own").index.tolist() == [("model", "adjusted")]
    assert found.loc[("model", "adjusted"), "change"] == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("variant", ["weakly_informative", "sceptical", "bambi_default", "flat"])
def test_every_variant_of_the_priors_is_kept(variant):
    made = case(workers(9, n=(60, 50)), variant=variant)
    found = imbalance(made, seed=1)
    assert focal(found).loc[("model", "unadjusted"), "change"] == pytest.approx(0, abs=1e-9)
    assert list(found.imbalance.columns) == list(COLUMNS)


def test_a_level_with_too_few_people_is_left_out_and_says_why():
    table = workers(10, n=(60, 60))
    table.loc[table["farm"] == "conventional", "season"] = ["first"] * 3 + ["returning"] * 57
    found = focal(imbalance(case(table), seed=1)).loc[("within", "first")]
    assert np.isnan(found["mean"])
    assert found["note"].startswith("not estimated: a group has fewer than 7 first season participants")


def test_several_data_sets_are_one_answer():
    tables = [workers(seed, n=(60, 50)) for seed in range(20, 26)]
    found = imbalance(case(*tables, synthetic=True), seed=1)
    table = focal(found)
    assert (table["datasets"] == 6).all()
    assert (table["sd_between"] > 0).all()
    assert len(found.imbalance_shares) == 6 * 2 * 2
    assert found.tipping["lower"].notna().all()
    pd.testing.assert_frame_equal(found.imbalance, imbalance(found.case, seed=1).imbalance)


def test_mixes_are_made_of_the_record_and_of_what_a_person_asks_for():
    made = case(workers(11, n=(60, 50)))
    mixes = mixes_of(
        balance_of(made),
        by_group={"organic": 0.2, "conventional": 0.1},
        by_level={"first": 0.25, "returning": 0.75},
    )
    shares = {mix.name: mix.shares[0].tolist() for mix in mixes}
    assert shares["own"] == [0.1, 0.2]
    assert shares["own_levels"] == [0.25, 0.25]
    assert shares["as_organic"][0] == shares["as_organic"][1] == balance_of(made).shares[0, 1]


def test_an_assumed_population_is_a_mix_with_its_reason():
    read = study()
    content = read.model_dump(exclude_unset=True)
    reason = "Nobody knows; two thirds of all workers are taken to be returning ones."
    assumption = {"id": "all_workers", "quantity": "population_proportion", "about": ["season"], "rationale": reason}
    content["assumption"] = [{**assumption, "distribution": {"dist": "Beta", "alpha": 2, "beta": 1}}]
    made = case(workers(11, n=(60, 50)))
    changed = Case(**{**vars_of(made), "study": type(read).model_validate(content)})
    mix = {mix.name: mix for mix in mixes_of(balance_of(changed))}["all_workers"]
    assert mix.why == reason
    assert mix.shares == pytest.approx(np.full((1, 2), 1 / 3))


def vars_of(made):
    names = ("study", "model", "estimand", "data_sets", "synthetic", "variant")
    return {name: getattr(made, name) for name in names}


# -- what a person gets wrong ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ({"mix": {"first": 0.4, "returning": 0.5}}, "the mix of 'season' is 0.4 \\+ 0.5 = 0.9; it must sum to 1"),
        ({"mix": {"first": 0.4}}, "no share is given for 'returning'"),
        ({"mix": {"last": 0.4}}, "there is no level of 'season', 'last'; there are: first, returning"),
        ({"shares": {"organic": 1.2, "conventional": 0.5}}, "in the organic group is 1.2; it must lie between 0 and 1"),
        ({"shares": {"organic": 0.5}}, "no share is given for 'conventional'"),
        ({"shares": {"farm": 0.5}}, "there is no group 'farm'; there are: conventional, organic"),
        (
            {"balance": "apple"},
            "'apple' has 4 levels; an imbalance is of a category of two levels, and these data have s",
        ),
        ({"balance": "toil"}, "there is no category of two levels in these data, 'toil'; there are: season"),
    ],
)
def test_bad_mixes_and_measures(how, message):
    with pytest.raises(InputError, match=message):
        imbalance(case(workers(12, n=(40, 40)).assign(apple="russet")), seed=1, **how)


def test_a_group_of_one_level_is_refused():
    table = workers(13, n=(40, 40))
    table.loc[table["farm"] == "organic", "season"] = "first"
    with pytest.raises(InputError, match="nobody in the organic group is 'returning'; .* participants of both levels"):
        imbalance(case(table), seed=1)
    with pytest.raises(InputError, match="nobody in the organic group is 'returning' in 1 of 2 data sets"):
        imbalance(case(workers(14, n=(40, 40)), table), seed=1)


def test_data_without_a_category_of_two_levels_are_refused():
    table = workers(15, n=(40, 40)).drop(columns="season")
    needs = "^an imbalance needs a category of two levels beside 'farm', and none is in the data"
    with pytest.raises(InputError, match=needs):
        imbalance(case(table), seed=1)
    with pytest.raises(InputError, match=f"{needs}, neither 'toil' nor another"):
        imbalance(case(table), seed=1, balance="toil")


def test_the_groups_are_known_by_their_header_too():
    read = study()
    measures = [m.replace(label="Farm/type") if m.id == "farm" else m for m in read.measures]
    named = replace(case(workers(12, n=(40, 40))), study=read.replace(measures=measures))
    with pytest.raises(InputError, match="^'Farm/type' is what is compared; an imbalance is of another category"):
        imbalance(named, seed=1, balance="Farm/type")


def test_levels_that_are_numbers_are_told_with_their_category():
    read = study()
    season = read.measure("season")
    numbered = tuple(level.model_copy(update={"label": str(j + 1)}) for j, level in enumerate(season.levels))
    measures = tuple(m.model_copy(update={"levels": numbered}) if m is season else m for m in read.measures)
    made = case(workers(16, n=(60, 60)))
    made = replace(made, study=read.model_copy(update={"measures": measures}))
    assert {balance_of(made).name(level.id) for level in numbered} == {
        "first season or returning 1",
        "first season or returning 2",
    }


def test_a_category_under_a_coding_is_left_out_like_any_other():
    """Estimands depend on no coding: under flat priors C(season, Sum) is season."""
    table, plain = workers(17, n=(80, 80)), model_of(study(), "products")
    terms = [*(t for t in plain.terms if t != "season"), "season"]
    rows = []
    for season in ("season", "C(season, Sum)"):
        written = [season if term == "season" else term for term in terms]
        priors = {n: p.model_dump() for n, p in plain.priors.items() if n != "season"}
        priors[season] = {"dist": "Normal", "mu": 0, "sigma": 1, "reason": "usual"}
        made = case(table, formula=f"contentment ~ {' + '.join(written)}", priors=priors)
        rows.append(focal(imbalance(made, seed=1))["mean"])
    model, _ = (each.xs("model") for each in rows)
    np.testing.assert_allclose(rows[1].xs("model")[model.index], model, rtol=1e-9)


def test_added_terms_have_priors_as_wide_in_any_unit():
    """What is added to a model of raw scores must be free to move; an outcome in thousands pinned it to 0."""
    table = workers(18, n=(150, 150), effect=0.8)
    thousands = table.assign(contentment=5e4 + 7e3 * table["contentment"], shade=40 + 5 * table["shade"])
    wide = {"dist": "Normal", "mu": 0, "sigma": 1e6, "reason": "wide"}
    priors = {name: wide for name in model_of(study(), "products").priors if name != "sigma"}
    priors["sigma"] = {"dist": "HalfStudentT", "nu": 4, "sigma": 1e4, "reason": "usual"}
    raw = case(thousands, variant="weakly_informative", scaling="raw", priors=priors)
    added = Adjustable(case=raw, balance=balance_of(raw)).design.model.priors
    expected = 0.25 * thousands["contentment"].std() / thousands["shade"].std()
    assert added["season:shade"].parameters["sigma"] == pytest.approx(expected)


def test_a_fit_of_ones_own_is_questioned_as_the_documents_write_it():
    import hikibayes as hb

    rng = np.random.default_rng(1)
    table = pd.DataFrame({"sex": rng.integers(0, 2, 80), "g": np.array(list("ab"))[np.arange(80) % 2]})
    table["x"] = rng.normal(size=80)
    table["y"] = table["sex"] + (table["g"] == "b") * table["x"] + rng.normal(size=80)
    made = hb.fit("y ~ g * x + sex", table, seed=1)
    assert hb.imbalance(made, "sex").balance.measure == "sex"
    assert len(hb.confounding(made).table)
    assert len(hb.priors(made, design=False).priors)


def own_table() -> pd.DataFrame:
    rng = np.random.default_rng(31)
    group, sex = rng.permutation(np.repeat(["usual", "extra"], [70, 50])), rng.choice(["m", "f"], 120)
    x = rng.normal(size=120)
    return pd.DataFrame({"y": 0.4 * x + (sex == "m") + rng.normal(size=120), "group": group, "x": x, "sex": sex})


@pytest.mark.parametrize(
    ("formula", "models"),
    [
        ("y ~ group * x + sex", ["unadjusted", "adjusted", "by_group", "by_focal", "three_way"]),
        ("y ~ sex + x * group", ["unadjusted", "adjusted", "by_group", "by_focal", "three_way"]),
        ("y ~ group + x + sex", ["unadjusted", "adjusted", "by_group", "three_way"]),
        ("y ~ group + sex", ["unadjusted", "adjusted", "by_group", "three_way"]),
    ],
)
def test_a_fit_by_formula_is_asked_about_everything_but_the_category_itself(formula, models):
    found = imbalance(case_of(fit(formula, own_table(), seed=1), seed=1), seed=1, balance="sex")
    table = found.imbalance
    assert list(table.loc[table["approach"] == "model", "what"].unique()) == models
    assert not table["estimand"].str.contains("sex").any()
    assert table["mean"].notna().all()
    own = table[table["is_own"]]
    assert own["change"].to_numpy() == pytest.approx(0, abs=1e-8)


@pytest.mark.parametrize(
    ("formula", "message"),
    [
        ("y ~ group * sex", "is about 'sex' itself"),
        ("y ~ group * x", "put the category in it"),
        ("y ~ x + sex", "'sex' is what is compared"),
    ],
)
def test_a_fit_that_has_nothing_to_ask_of_a_category_says_why(formula, message):
    case = case_of(fit(formula, own_table(), seed=1), seed=1)
    with pytest.raises(InputError, match=message):
        imbalance(case, seed=1, balance="sex")


def three_arms() -> pd.DataFrame:
    table = own_table().drop(columns="group").assign(arm=["zz (n.s.)", "b", "kk"] * 40)
    return table.assign(y=table["y"] + np.where(table["arm"] == "kk", 0.8 * table["x"], 0))


def of_three(formula: str, reference: str) -> pd.DataFrame:
    case = case_of(fit(formula, three_arms(), reference={"arm": reference}, seed=1), seed=1)
    table = imbalance(case, "sex", seed=1).imbalance
    return table.set_index(["approach", "what", "estimand"])[["mean", "sd", "ols"]]


def test_three_groups_are_balanced_as_least_squares_balances_them():
    """By statsmodels: models with the category, weights within each group, and averages at another mix."""
    table = three_arms().assign(y=lambda t: z(t["y"]), x=lambda t: z(t["x"]))
    found = of_three("y ~ arm * x + sex", "kk")["ols"]
    share = table.groupby("arm")["sex"].transform(lambda sex: (sex == "f").mean())
    raw = np.where(table["sex"] == "f", 0.5 / share, 0.5 / (1 - share))
    worth = pd.Series(raw).groupby(table["arm"]).transform(lambda w: w.sum() / (w**2).sum())
    whole = smf.ols("y ~ arm * x * sex", table).fit()
    term, name = "arm[T.zz (n.s.)]:x", "slope_difference_x_zz_n_s_minus_b"
    assert found["model", "adjusted", name] == pytest.approx(smf.ols("y ~ arm * x + sex", table).fit().params[term])
    assert found["model", "three_way", name] == pytest.approx(
        whole.params[term] + (table["sex"] == "m").mean() * whole.params[f"{term}:sex[T.m]"]
    )
    mine = (table.loc[table["arm"] == "b", "sex"] == "m").mean()
    assert found["standardised", "as_b", name] == pytest.approx(
        whole.params[term] + mine * whole.params[f"{term}:sex[T.m]"]
    )
    weighted = smf.wls("y ~ arm * x", table, weights=raw * worth).fit()
    assert found["weighted", "equal", name] == pytest.approx(weighted.params[term])


def test_what_is_added_for_three_groups_is_alike_for_every_pair_of_them():
    case = case_of(fit("y ~ arm * x + sex", three_arms(), seed=1), seed=1)
    added = Adjustable(case=case, balance=balance_of(case, "sex")).design.model.priors
    assert all(added[term].exchangeable for term in ("arm:sex", "arm:sex:x"))
    found = imbalance(case, "sex", seed=1)
    estimand = case.estimand.between
    shares = three_arms().groupby("arm")["sex"].apply(lambda sex: (sex == "f").mean())
    assert (
        f"differs by {100 * abs(shares[estimand[0]] - shares[estimand[1]]):.0f} points" in found.tipping["sentence"][1]
    )
