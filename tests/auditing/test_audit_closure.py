"""Every number that printed moments determine is checked, over rounding and conventions."""

from itertools import combinations

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.study.small_studies import described, number, one_sample, small_study

from hikibayes.auditing.audit import checks
from hikibayes.auditing.checks.boxes import group_box, total_box
from hikibayes.study.study import Study
from hikibayes.validation.strangers.bench import validate
from hikibayes.validation.strangers.misprints import MISPRINTS, misprinted
from hikibayes.validation.strangers.stranger import stranger
from hikibayes.validation.strangers.styles import Style

CHECK = "number from moments"


def accused(study):
    return [(each.check, each.facts[0], each.note) for each in checks(study) if each.verdict == "inconsistent"]


def about(study, name):
    [found] = [each for each in checks(study) if each.check == CHECK and each.facts[0] == name]
    return found


# -- R, data set mtcars: mpg (y) on weight (x) by transmission, n 19 and 13 -----------------------------------------

SPREAD = {"arm:x": "-5.298"}


def cars(*numbers, **analysis):
    r = [number("correlation", r, of="x", with_="y", group=g) for g, r in (("first", "-0.768"), ("second", "-0.909"))]
    rows = (
        *described("y", ("17.147", "3.834"), ("24.392", "6.167")),
        *described("x", ("3.769", "0.777"), ("2.411", "0.617")),
    )
    settings_ = {"standardised": False, "products": "raw", "coding": "dummy", **analysis}
    return small_study((19, 13), *rows, *r, *numbers, **settings_)


def a_slope(group, value, quantity="slope", **more):
    return number(quantity, value, name="it", of="x", group=group, step="all", **more)


@pytest.mark.parametrize(("value", "verdict"), [("-9.08", "consistent"), ("-7.08", "inconsistent")])
def test_a_slope_follows_from_r_and_the_sds(value, verdict):
    found = about(cars(a_slope("second", value)), "it")
    # lm: -9.084
    assert (found.verdict, round(found.recomputed.middle, 2)) == (verdict, -9.09)


@pytest.mark.parametrize(
    ("value", "separate", "verdict", "said"),
    [
        ("0.786", None, "consistent", ""),  # lm, one model
        ("0.767", None, "consistent", "from separate regressions of the groups"),  # lm in the group
        ("0.767", True, "consistent", ""),
        ("0.767", False, "inconsistent", "it would be right from separate regressions of the groups"),
        ("0.786", True, "inconsistent", "by the usual definition"),
        ("0.867", None, "inconsistent", ""),
    ],
)
def test_standard_errors_of_slopes_name_the_model_they_are_from(value, separate, verdict, said):
    more = {} if separate is None else {"separate": separate}
    found = about(cars(a_slope("first", value, "slope_se", **more)), "it")
    assert found.verdict == verdict
    assert said in found.note


@pytest.mark.parametrize(
    ("quantity", "right", "wrong", "address"),
    [
        ("r2", "0.833", "0.733", {}),
        ("adjusted_r2", "0.815", "0.825", {}),
        ("coefficient", "-5.30", "-5.03", {"term": "arm:x"}),
        ("coefficient_se", "1.445", "1.454", {"term": "arm:x"}),
        ("coefficient_p", "0.001", "0.010", {"term": "arm:x"}),
        ("r2_p", "0.001", "0.010", {}),
    ],
)
def test_every_number_of_a_regression_is_checked(quantity, right, wrong, address):
    place = {"step": "all", "name": "it", **address}
    # lm; the p of R2 is below .001
    assert (
        about(cars(number(quantity, right, "<" if quantity == "r2_p" else "=", **place)), "it").verdict == "consistent"
    )
    assert about(cars(number(quantity, wrong, **place)), "it").verdict == "inconsistent"


def test_the_correlation_over_both_groups_follows_from_the_groups():
    place = {"of": "x", "with_": "y", "name": "it"}
    assert about(cars(number("correlation", "-0.868", **place)), "it").verdict == "consistent"
    assert about(cars(number("correlation", "-0.68", **place)), "it").verdict == "inconsistent"


def test_conventions_that_fit_are_named_and_declared_ones_are_held_to():
    # with the groups coded -1 and 1 the product is half the difference of the slopes, -5.298
    half = number("coefficient", "-2.65", step="all", term="arm:x", name="it")
    free = small_study((19, 13), *_moments(), half)
    assert about(free, "it").verdict == "consistent"
    assert "groups coded -1 and 1" in about(free, "it").note
    found = about(cars(half), "it")
    assert found.verdict == "inconsistent"
    assert "it would be right groups coded -1 and 1" in found.note


def _moments():
    r = [number("correlation", r, of="x", with_="y", group=g) for g, r in (("first", "-0.768"), ("second", "-0.909"))]
    yield from described("y", ("17.147", "3.834"), ("24.392", "6.167"))
    yield from described("x", ("3.769", "0.777"), ("2.411", "0.617"))
    yield from r


# -- the whole sample's correlations --------------------------------------------------------------------------------


def totals(*numbers):
    pairs = {("x", "y"): "0.30", ("w", "y"): "0.40", ("w", "x"): "0.50"}
    r = [number("correlation", value, of=a, with_=b) for (a, b), value in pairs.items()]
    return small_study((40, 60), *r, *numbers, terms=("x", "w"), measures=("y", "x", "w"))


def test_a_regression_without_products_follows_from_correlations():
    right = {"x": (0.3 - 0.5 * 0.4) / 0.75, "w": (0.4 - 0.5 * 0.3) / 0.75}
    r2 = right["x"] * 0.3 + right["w"] * 0.4
    place = {"step": "all"}
    for quantity, value, more in (
        ("r2", r2, {}),
        ("coefficient", right["w"], {"term": "w", "standardised": True}),
        ("coefficient_se", ((1 - r2) / 97 / 0.75) ** 0.5, {"term": "w", "standardised": True}),
        ("vif", 1 / 0.75, {}),
    ):
        assert accused(totals(number(quantity, f"{value:.3f}", **place, **more))) == [], quantity
        wrong = totals(number(quantity, f"{value + 0.09:.3f}", **place, **more, name="it"))
        assert (CHECK, "it") in {each[:2] for each in accused(wrong)}, quantity


def test_raw_coefficients_need_sds():
    raw = number("coefficient", "7.00", step="all", term="x", standardised=False, name="it")
    assert [each for each in checks(totals(raw)) if each.check == CHECK] == []
    sds = [number("sd", "2.00", of="x"), number("sd", "4.00", of="y")]
    assert about(totals(raw, *sds), "it").verdict == "inconsistent"


def test_an_impossible_table_of_correlations_accuses_no_regression():
    pairs = {("x", "y"): "0.95", ("w", "y"): "0.95", ("w", "x"): "-0.95"}
    r = [number("correlation", value, of=a, with_=b) for (a, b), value in pairs.items()]
    study = small_study((40, 60), *r, number("r2", "0.10", step="all"), terms=("x", "w"), measures=("y", "x", "w"))
    assert CHECK not in {each[0] for each in accused(study)}


# -- boxes ----------------------------------------------------------------------------------------------------------


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=25, deadline=None)
def test_a_box_holds_the_moments_it_was_printed_from(seed):
    rng = np.random.default_rng(seed)
    parts = [
        rng.normal(size=(int(n), 2)) @ rng.normal(size=(2, 2)) + rng.normal(size=2) for n in rng.integers(5, 80, 2)
    ]
    rows, r = [], []
    for group, part in zip(("first", "second"), parts, strict=True):
        r.append(number("correlation", f"{np.corrcoef(part.T)[0, 1]:.3f}", of="x", with_="y", group=group))
        for at, name in enumerate(("x", "y")):
            rows.append(number("mean", f"{part[:, at].mean():.2f}", of=name, group=group))
            rows.append(number("sd", f"{part[:, at].std(ddof=1):.2f}", of=name, group=group))
    every = np.concatenate(parts)
    rows.append(number("correlation", f"{np.corrcoef(every.T)[0, 1]:.3f}", of="x", with_="y"))
    study = small_study(tuple(map(len, parts)), *rows, *r)
    box = group_box(study, ["x", "y"])
    corners = box.centre + box.half * rng.choice([-1, 1], (64, len(box.centre)))
    moments = box.build(corners)
    truth = np.array([part.mean(axis=0) for part in parts]), np.array([np.cov(part.T) for part in parts])
    assert (moments.mean.min(axis=0) <= truth[0] + 1e-9).all()
    assert (moments.mean.max(axis=0) >= truth[0] - 1e-9).all()
    whole = total_box(study, ["x", "y"], with_group=True)
    middle = whole.build(whole.centre[None])
    # two groups of one covariance have the printed correlations in total, and the printed means
    assert correlation(middle.total[1][0], 0, 1) == pytest.approx(whole.centre[0])
    assert (abs(middle.mean[0] - truth[0]) <= 0.005 + 1e-9).all()
    off = np.sqrt(middle.total[1][0].diagonal()) - every.std(axis=0, ddof=1)
    assert (abs(off) <= 0.01 + 1e-9).all()


def correlation(cov, i, j):
    return cov[i, j] / np.sqrt(cov[i, i] * cov[j, j])


# -- several groups: their means and the correlations of all leave the covariances within groups ----------------------

SHIPS = {"tug": 41, "barge": 62, "ferry": 33}


def compared_ships(seed, *, turned=""):
    """Three groups, two covariates and a category as printed; the sign of one correlation turned."""
    rng = np.random.default_rng(seed)
    ship = np.repeat([*SHIPS], [*SHIPS.values()])
    data = pd.DataFrame({"ship": pd.Categorical(ship, [*SHIPS])})
    data["x"] = rng.normal(rng.normal(50, 5, 3)[data.ship.cat.codes], rng.uniform(5, 9))
    data["z"] = rng.normal(20 - 0.3 * (data.x - 50), 4)
    data["w"] = rng.integers(0, 2, len(data))
    data["y"] = 0.2 * data.x + rng.normal(0, 2, 3)[data.ship.cat.codes] + data.w + rng.normal(0, 3, len(data))
    fit = smf.ols("y ~ ship + x + z + w", data).fit()
    facts = [number("n", str(n), group=name) for name, n in SHIPS.items()]
    for name, part in data.groupby("ship", observed=True):
        facts.append(
            number("proportion", f"{100 * part.w.mean():.1f}", of="w", level="yes", group=name, unit="percent")
        )
        for of in "yxz":
            facts.append(number("mean", f"{part[of].mean():.2f}", of=of, group=name))
            facts.append(number("sd", f"{part[of].std(ddof=1):.2f}", of=of, group=name))
    for one, other in combinations("yxzw", 2):
        r = data[one].corr(data[other]) * (-1 if turned == one + other else 1)
        facts.append(number("correlation", f"{r:.2f}", of=one, with_=other, name=one + other))
    for term, name in {"x": "x", "z": "z", "w": "w", "ship[T.barge]": "ship[barge]"}.items():
        for quantity, value in (("coefficient", fit.params[term]), ("coefficient_se", fit.bse[term])):
            facts.append(
                number(quantity, f"{value:.3f}", step="all", term=name, name=f"{quantity}_{term[:6].strip('[T.')}")
            )
    facts.append(number("r2", f"{fit.rsquared:.3f}", step="all"))
    levels = {"ship": [*SHIPS], "w": ["no", "yes"]}
    measures = {name: {"levels": [{"id": each, "label": each} for each in ids]} for name, ids in levels.items()}
    terms = ("ship", "x", "z", "w")
    return one_sample(None, *facts, terms=terms, measures=measures, group="ship", groups=[*SHIPS], standardised=False)


@settings(max_examples=4, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_several_groups_are_not_accused(seed):
    study = compared_ships(seed)
    assert accused(study) == []
    checked = {each.facts[0] for each in checks(study) if each.check == CHECK}
    assert {fact.id for fact in study.facts if fact.step} <= checked


@pytest.mark.parametrize("seed", [3, 4])  # of the first, no data have these correlations
def test_the_sign_of_a_correlation_that_group_means_and_a_slope_determine_is_named(seed):
    [found] = [each for each in checks(compared_ships(seed, turned="yx")) if each.check == "likeliest misprint"]
    assert (found.facts[0], "the others agree" in found.note) == ("yx", True)


@pytest.mark.long
def test_two_means_of_a_row_interchanged_are_named():
    content = compared_ships(1).model_dump(exclude_unset=True)
    pair = [f for f in content["fact"] if f["quantity"] == "mean" and f["of"] == "y" and f["group"] != "ferry"]
    pair[0]["value"], pair[1]["value"] = pair[1]["value"], pair[0]["value"]
    [found] = [each for each in checks(Study.model_validate(content)) if each.check == "likeliest misprint"]
    assert set(found.facts[:2]) == {fact["id"] for fact in pair}
    assert "interchanged, the others agree" in found.note


# -- strangers ------------------------------------------------------------------------------------------------------


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=4, deadline=None)
def test_no_stranger_is_accused(seed):
    assert accused(stranger(seed, sizes=(60, 90)).study) == []


@pytest.mark.parametrize("declared", [True, False])
@pytest.mark.parametrize("seed", [0, 7, 9])
def test_slopes_of_z_scores_of_each_group_alone_are_not_accused(seed, declared):
    """Without covariates, too: the groups' own SDs are other units than those of the whole sample."""
    style = Style(separate=True, products="z", declared=declared)
    assert accused(stranger(seed, sizes=(30, 43), max_scores=1, style=style).study) == []


def test_a_misprint_in_a_stranger_is_named():
    study = stranger(5, sizes=(60, 90), style=Style(decimals=3)).study
    [fact] = study.facts_of("r2", step="three")
    assert fact.id in {name for _, name, _ in accused(misprinted(study, fact.id, 9))}


# -- suspects -------------------------------------------------------------------------------------------------------


def likeliest(study):
    [found] = [each for each in checks(study) if each.check == "likeliest misprint"]
    return found


def regression_of_cars():
    place = {"step": "all"}
    return [
        number("r2", "0.833", **place),
        number("coefficient", "-3.786", term="x", **place),
        number("coefficient", "-5.298", term="arm:x", **place),
        number("coefficient_se", "1.445", term="arm:x", **place),
        number("coefficient", "14.878", term="arm", **place),
    ]


@pytest.mark.parametrize(
    ("quantity", "address", "shift", "true"),
    [
        ("correlation", {"of": "x", "with_": "y", "group": "second"}, 90, -0.909),
        ("sd", {"of": "x", "group": "first"}, 300, 0.777),
        ("mean", {"of": "y", "group": "second"}, 1800, 24.392),
    ],
)
def test_a_misprinted_moment_is_named_with_what_it_would_have_to_be(quantity, address, shift, true):
    study = cars(*regression_of_cars())
    assert accused(study) == []
    [fact] = study.facts_of(quantity, **address)
    found = likeliest(misprinted(study, fact.id, shift))
    # of two means only the difference matters: either may be the one
    assert fact.id in found.facts[: 2 if quantity == "mean" else 1]
    would = float(found.note.split(f"{fact.id} (")[1].split("would have to be about ")[1].split(")")[0])
    assert would == pytest.approx(true, rel=0.02)


def test_a_misprinted_number_is_named_before_the_moments_it_follows_from():
    study = cars(*regression_of_cars())
    [fact] = study.facts_of("coefficient", term="arm")
    found = likeliest(misprinted(study, fact.id, 900))
    assert found.facts[0] == fact.id
    assert "the others agree" in found.note


def test_a_clean_record_has_no_suspects():
    assert [each for each in checks(cars(*regression_of_cars())) if each.check == "likeliest misprint"] == []


@pytest.mark.long
def test_many_strangers_are_not_accused_and_their_misprints_are_named():
    found = validate(count=150, seed=1, stages=MISPRINTS).table.query("stratum == 'all'").set_index("what")
    assert found.loc["audit", "share"] == 1
    assert found.loc["misprint", "tried"] > 60
    assert found.loc["misprint", "share"] >= 0.9
