"""The multiverse: each specification is the fit that it says, and its anatomy is that of known surfaces."""

from functools import cache
from itertools import product

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf
from tests.studies import orchard

from hikibayes.inference.fit import fit
from hikibayes.inference.models.compile import exact_posterior
from hikibayes.inference.models.design import design
from hikibayes.inference.models.specs import ModelSpec
from hikibayes.robustness.case import Case
from hikibayes.robustness.confounding.sensitivity import confounding
from hikibayes.robustness.multiverse.anatomy import averaged, by_option, variance_by_choice
from hikibayes.robustness.multiverse.sensitivity import multiverse
from hikibayes.spec import InputError
from hikibayes.study.study_file import load_study

FOCAL = "shade_slope_difference"
TERMS = ("season", "age", "farm", "shade", "toil", "farm:shade", "farm:toil")


def model(terms=TERMS, **changes):
    normal = {"dist": "Normal", "mu": 0, "sigma": 0.3, "reason": "narrow enough to be seen"}
    sigma = {"dist": "HalfStudentT", "nu": 4, "sigma": 1, "reason": "usual"}
    priors = dict.fromkeys(("Intercept", *terms), normal) | {"sigma": sigma}
    flat = {"description": "None.", "rule": "flat"}
    formula = f"contentment ~ {' + '.join(terms)}"
    return ModelSpec(
        name="made", description="made", formula=formula, priors=priors, **{"variants": {"flat": flat}, **changes}
    )


@cache
def workers(seed=3):
    return orchard.participants(np.random.default_rng(seed), {"conventional": 80, "organic": 60})


def case(*tables, **changes):
    study = load_study(orchard.FILE).read()
    made = model(**changes)
    return Case(study=study, model=made, estimand=study.estimand(FOCAL), data_sets=tables, synthetic=len(tables) > 1)


@pytest.fixture(scope="module")
def every():
    """Every specification of one's own 140 workers, with and without those in their first season."""
    terms = tuple(term for term in TERMS if term != "season")
    return multiverse(case(workers(), terms=terms), seed=1, exclude=["season=first"])


def refitted(row, table):
    """Fit what a row says to rows, by the house's layout of a smaller model."""
    kept = table if row["excluded"] == "nobody" else table[table["season"] != "first"]
    if "SD" in row["outliers"]:
        limit = float(row["outliers"].split()[1])
        names = ["contentment", "age", "shade", "toil"]
        z = (kept[names] - table[names].mean()) / table[names].std()
        kept = kept[(z.abs() <= limit).all(axis=1)]
    out = {name for name in ("age", "toil") if row[f"{name} held equal"] == "out"}
    terms = [term for term in TERMS if term != "season" and not out & set(term.split(":"))]
    terms = [term for term in terms if row["products"] == "all" or term != "farm:toil"]
    laid_out = design(model(terms=tuple(terms)), kept.reset_index(drop=True), load_study(orchard.FILE).read())
    return exact_posterior(laid_out, row["prior"]), kept


def test_a_specification_is_the_fit_that_it_says(every):
    table = every.specifications
    plain = table[
        (table["scale"] == "total SD") & (table["coding"] == "0/1") & ~table["outliers"].str.startswith("Cook")
    ]
    for _, row in plain.sample(14, random_state=2).iterrows():
        fitted, kept = refitted(row, workers())
        found = fitted.marginal({"own": {"farm:shade": 1.0}})
        assert row["n"] == len(kept)
        assert row["mean"] == pytest.approx(found.mean().item(), abs=1e-6)
        assert row["sd"] == pytest.approx(found.sd().item(), abs=1e-6)
        assert row["p_positive"] == pytest.approx(found.p_positive().item(), abs=1e-6)
        if row["prior"] != "flat":
            assert row["log_evidence"] == pytest.approx(fitted.log_evidence.item(), abs=1e-5)


def test_scales_codings_and_cook_s_distances_are_those_of_statsmodels(every):
    table = workers()
    flat = every.specifications.query("prior == 'flat' and products == 'all' and excluded == 'nobody'")
    flat = flat[(flat["age held equal"] == "in") & (flat["toil held equal"] == "in")]
    formula = "contentment ~ age + g * (shade + toil)"
    for outliers, scale, coding in product(
        ("none", "Cook's D above 4/n"), ("total SD", "within-group SD"), ("0/1", "±1/2")
    ):
        kept = table
        if outliers != "none":
            first = smf.ols(formula, table.assign(g=(table["farm"] == "organic") * 1.0)).fit()
            kept = table[first.get_influence().cooks_distance[0] <= 4 / len(table)]
        z = kept.copy()
        for name in ("contentment", "age", "shade", "toil"):
            own = kept.groupby("farm")[name].transform("mean") if scale != "total SD" else kept[name].mean()
            sd = np.sqrt(((kept[name] - own) ** 2).sum() / (len(kept) - (2 if scale != "total SD" else 1)))
            z[name] = (kept[name] - kept[name].mean()) / sd
        fit = smf.ols(formula, z.assign(g=(z["farm"] == "organic") - (0.5 if coding == "±1/2" else 0.0))).fit()
        row = flat.query("outliers == @outliers and scale == @scale and coding == @coding").iloc[0]
        assert row["mean"] == pytest.approx(fit.params["g:shade"], abs=1e-8)
        assert [row["lower"], row["upper"]] == pytest.approx(fit.conf_int().loc["g:shade"].tolist(), abs=1e-6)


def test_codes_change_a_prior_and_not_the_likelihood(every):
    keys = [name for name in every.specifications if name.endswith(" held equal")]
    keys += ["excluded", "outliers", "scale", "products"]
    wide = every.specifications.pivot_table(index=keys, columns=["prior", "coding"], values="mean")
    assert (wide["flat", "0/1"] - wide["flat", "±1/2"]).abs().max() < 1e-9
    assert (wide["weakly_informative", "0/1"] - wide["weakly_informative", "±1/2"]).abs().max() > 1e-4


def test_people_who_are_left_out_take_their_effect_along():
    """A planted difference among first-season workers alone is gone without them."""
    rng = np.random.default_rng(5)
    table = orchard.participants(rng, {"conventional": 600, "organic": 600})
    hit = (table["season"] == "first") & (table["farm"] == "organic")
    table["contentment"] = np.where(hit, 1.0, 0.0) * (table["shade"] - 16) / 6 + rng.normal(size=len(table))
    found = multiverse(case(table, terms=("farm", "shade", "farm:shade")), seed=1, exclude=["season=first"])
    by = found.specifications.groupby("excluded")[["mean", "sd"]].mean()
    distance = by["mean"] / by["sd"]
    assert distance["nobody"] > 4
    assert abs(distance["season=first"]) < 2


def test_all_combinations_are_there_or_as_many_as_asked_for(every):
    choices = [name for name in every.specifications if name in set(every.variance["choice"])]
    assert len(every.specifications) == every.possible == 2 * 4 * 2 * 2 * 2 * 2 * 4
    assert not every.specifications.duplicated(choices).any()
    some = multiverse(case(workers()), seed=1, most=50)
    assert len(some.specifications) == 50 < some.possible
    assert f"(of {some.possible} that there are)" in some.tipping["sentence"].iloc[0].replace(",", "")


# -- anatomy ----------------------------------------------------------------------------------------------------------


def surface(value, a=3, b=4):
    rows = [{"a": str(i), "b": str(j), "mean": value(i, j)} for i in range(a) for j in range(b)]
    return pd.DataFrame(rows).assign(p_positive=0.9, decided=True)


def test_shares_of_variance_are_sobol_s_indices():
    adding = variance_by_choice(surface(lambda i, j: 2.0 * i + j), ["a", "b"]).set_index("choice")
    first, second = 4 * np.var([0, 1, 2]), np.var([0, 1, 2, 3])
    assert adding.loc["a", "alone"] == pytest.approx(first / (first + second))
    assert adding["alone"].drop("combinations").sum() == pytest.approx(1)
    assert adding.loc["a", "alone"] == pytest.approx(adding.loc["a", "total"])
    together = variance_by_choice(surface(lambda i, j: float((i - 1) * (j - 1.5))), ["a", "b"]).set_index("choice")
    assert together.loc["a", "alone"] == pytest.approx(0)
    assert together.loc["a", "total"] == pytest.approx(1)
    assert together.loc["combinations", "alone"] == pytest.approx(1)


def test_options_are_counted():
    found = by_option(surface(lambda i, _: float(i)).assign(decided=lambda t: t["a"] == "2"), ["a"])
    assert list(found["decided"]) == [0, 0, 1]
    assert list(found["mean"]) == [0, 1, 2]


def test_models_are_averaged_by_their_evidence_where_they_share_data():
    table = pd.DataFrame(
        {"reading": "default", "excluded": "nobody", "outliers": ["none"] * 3 + ["x"], "scale": "total SD"}
    )
    means, sds = np.array([[0.0], [1.0], [5.0], [7.0]]), np.full((4, 1), 0.1)
    evidence = np.array([[np.log(1.0)], [np.log(3.0)], [np.nan], [500.0]])
    found = averaged(table, means, sds, evidence).set_index("outliers")
    assert found.loc["none", "mean"] == pytest.approx(0.75)
    assert found.loc["none", "models"] == 2
    assert found.loc["none", "most"] == pytest.approx(0.75)
    assert found.loc["none", "p_positive"] == pytest.approx(0.75 + 0.125, abs=1e-3)
    assert found.loc["x", ["mean", "models"]].tolist() == [pytest.approx(7.0), 1]
    assert found.loc["x", "lower"] == pytest.approx(7 - 0.196, abs=0.01)


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"scaling": "raw"}, "of models in SD units .scaling: sample.; this one is in raw units"),
        ({"sigma_by": "farm", "variants": {}}, "the exact engine takes gaussian ones"),
    ],
)
def test_a_model_that_has_no_multiverse_is_one_message(asked, message):
    with pytest.raises(InputError, match=message):
        multiverse(case(workers(), **asked), seed=1)


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"exclude": ["season=last"]}, "there is no level of 'season' 'last'"),
        ({"exclude": ["season=first"]}, "'season' is in the model"),
        ({"most": 1}, "at least 2 are accepted"),
        ({"cross": ["wage_test"]}, "a fit has no readings to cross"),
    ],
)
def test_what_cannot_be_asked_is_one_message(asked, message):
    with pytest.raises(InputError, match=message):
        multiverse(case(workers()), **asked)


def crossed(seed):
    """Return a table of two crossed categories of unequal sizes, and two numbers."""
    rng = np.random.default_rng(seed)
    arm, sex = rng.choice(["recent", "old"], 90, p=[0.35, 0.65]), rng.choice(["woman", "man"], 90, p=[0.7, 0.3])
    age, pain = rng.normal(43, 11, 90), rng.normal(size=90)
    both = 3 * (arm == "recent") - 2 * (sex == "man") + 5 * ((arm == "recent") & (sex == "man"))
    return pd.DataFrame(
        {"bdi": both + 0.2 * age + rng.normal(0, 4, 90), "arm": arm, "sex": sex, "age": age, "pain": pain}
    )


def contrast(fit, table, cells):
    """Return a sum of predictions at the numbers' means, in SD of the outcome."""
    means = table[["age", "pain"]].mean().to_dict()
    rows = pd.DataFrame([{**means, "arm": arm, "sex": sex} for arm, sex, _ in cells])
    return fit.predict(rows).to_numpy() @ np.array([sign for *_, sign in cells]) / table["bdi"].std()


AMONG_MEN = (("recent", "man", 1), ("old", "man", -1))
DIFFERENCES = {
    "difference_arm_recent_minus_old_sex_man": AMONG_MEN,
    "difference_sex_woman_minus_man_arm_old": (("old", "woman", 1), ("old", "man", -1)),
    "difference_sex_woman_minus_man_arm_recent_minus_old": (
        ("recent", "woman", 1),
        ("old", "woman", -1),
        *((*cell, -sign) for *cell, sign in AMONG_MEN),
    ),
}


@pytest.mark.parametrize("estimand", DIFFERENCES)
def test_every_specification_of_a_crossed_design_asks_the_same_difference(estimand):
    table = crossed(2)
    made = fit("bdi ~ arm*sex + arm*age + pain", table, estimand=estimand, prior="flat")
    found = multiverse(made, most=5000, seed=1).specifications
    assert "sex held equal" not in found
    for _, row in found[(found["prior"] == "flat") & (found["outliers"] == "none")].iterrows():
        ages = ["age", "arm:age"] if row["products"] == "all" else ["age"]
        terms = [
            *(ages if row["age held equal"] == "in" else []),
            *(["pain"] if row["pain held equal"] == "in" else []),
        ]
        smaller = smf.ols(f"bdi ~ {' + '.join(['arm*sex', *terms])}", table).fit()
        if row["scale"] == "total SD":
            assert row["mean"] == pytest.approx(contrast(smaller, table, DIFFERENCES[estimand]), abs=1e-6)


EVERY = (
    *("y ~ g * s + x", "y ~ w + s * h * x", "y ~ x * w + h * x", "y ~ x * w * z"),
    *("y ~ x + g + s + I(x**2) + s:x", "y ~ g * x + w"),
)


@pytest.mark.parametrize(("formula", "seed"), [(each, seed) for seed, each in enumerate(EVERY)])
def test_every_specification_of_any_design_is_the_fit_of_its_own_formula(formula, seed):
    """Also where the question is no single coefficient, and where people are left out; whatever the prior."""
    rng = np.random.default_rng(seed)
    table = pd.DataFrame(rng.normal(size=(110, 4)), columns=list("xwzy")).assign(
        g=rng.choice(["zeta", "b 2", "-1"], 110, p=[0.5, 0.3, 0.2]),
        s=rng.choice(["m", "f"], 110),
        h=rng.choice(["q", "a"], 110),
    )
    table["y"] += table["x"] * (table["g"] == "b 2") + (table["s"] == "m") * table["w"]
    made = fit(formula, table, seed=1)
    slope = next((e.name for e in made.study.estimands if e.at), made.study.focal_estimand.name)
    for asked in dict.fromkeys((made.study.focal_estimand.name, slope)):
        made = fit(formula, table, seed=1, estimand=asked)
        found = multiverse(made, seed=1)
        rows = found.specifications.query(
            "scale == 'total SD' and coding == '0/1' and outliers != \"Cook's D above 4/n\""
        )
        spoken = made.study.focal_estimand.spoken_of
        covariates = {name.removesuffix(" held equal") for name in rows if name.endswith(" equal")}
        assert covariates == {*made.model.variables} - spoken - {"y"}
        rows = rows[rows["prior"].isin(["weakly_informative", "bambi_default", "flat"])]
        for _, row in rows.sample(3, random_state=seed).iterrows():
            out = {name for name in "xwzgsh" if row.get(f"{name} held equal") == "out"}
            terms = [
                term
                for term, own in made.model.measures.items()
                if not own & out and (row["products"] == "all" or len(own) == 1 or own <= spoken)
            ]
            kept = table
            if row["outliers"] != "none":
                numbers = [name for name in "yxwz" if name in made.model.variables]
                z = (table[numbers] - table[numbers].mean()) / table[numbers].std()
                kept = table[(z.abs() <= float(row["outliers"].split()[1])).all(axis=1)]
            smaller = fit(f"y ~ {' + '.join(terms)}", kept, prior=row["prior"], estimand=asked, seed=1)
            own = smaller.summary().set_index("estimand").loc[asked]
            for name in ("mean", "sd", "lower", "upper", "p_positive"):
                assert row[name] == pytest.approx(own[name], abs=1e-5), (terms, row)


def test_a_confounder_is_not_measured_by_what_the_question_speaks_of():
    made = fit("bdi ~ arm*sex + age", crossed(1), estimand="difference_arm_recent_minus_old_sex_man")
    bounds = confounding(made, seed=1).bounds
    own = bounds[bounds["estimand"] == "difference_arm_recent_minus_old_sex_man"]
    assert set(own["benchmark"]) == {"age"}
