"""Where along a moderator the groups differ."""

import numpy as np
import pytest
from scipy import stats as st
from tests.inference.test_own_data import made_up

from hikibayes.inference.answers.johnson_neyman import gap_weights, johnson_neyman, moderators
from hikibayes.inference.fit import fit
from hikibayes.inference.models.compile import exact_posterior
from hikibayes.inference.models.design import design
from hikibayes.inference.models.specs import ModelSpec, load_model
from hikibayes.spec import InputError


@pytest.fixture(scope="module")
def found(step3, study):
    return johnson_neyman(exact_posterior(step3), step3, study.analysis.focal, rng=np.random.default_rng(91))


def test_the_gap_is_a_line_in_the_moderator(step3):
    at_zero, slope = gap_weights(step3, "instrumental_support")
    names = dict(zip(step3.columns, at_zero[0], strict=True))
    assert names["group"] == pytest.approx(1)
    np.testing.assert_allclose(slope[0], [c == "group:instrumental_support" for c in step3.columns], atol=1e-12)


def test_a_boundary_is_where_the_interval_touches_zero(found, step3):
    at_zero, slope = (w[0] for w in gap_weights(step3, "instrumental_support"))
    inner = [row for row in found.regions.itertuples() if row.to < found.band["value"].max() - 1e-9]
    assert inner
    for row in inner:
        margin = exact_posterior(step3).marginal((at_zero + row.to * slope)[None])
        lower, upper = margin.eti(row.ci_prob)
        assert (upper if row.sign < 0 else lower)[0, 0] == pytest.approx(0, abs=1e-9)


def test_wider_intervals_have_smaller_regions(found):
    ends = found.regions[found.regions["sign"] == -1].set_index("ci_prob")["to"]
    assert ends.loc[0.8] > ends.loc[0.9] > ends.loc[0.95]


def test_the_band_says_where_it_excludes_zero(found):
    region = found.regions.query("ci_prob == 0.95 and sign == -1").iloc[0]
    inside = found.band["value"].between(region["from"], region["to"])
    assert (found.band["excludes_zero"] == inside).all()


def test_raw_values_are_points_of_the_scale(found, table):
    support = table()["instrumental_support"]
    np.testing.assert_allclose(found.band["raw"], support.mean() + support.std() * found.band["value"])
    assert found.band["raw"].min() >= 2
    assert found.band["raw"].max() <= 8


def test_flat_region_is_the_textbooks(step3):
    """Under the flat prior the boundaries solve Johnson and Neyman's quadratic."""
    flat = johnson_neyman(
        exact_posterior(step3, "flat"), step3, "instrumental_support", rng=np.random.default_rng(92), probs=(0.95,)
    )
    s = step3.statistics
    beta = np.linalg.solve(s.sxx[0], s.sxy[0])
    df = s.n[0] - len(s.names) - 1
    cov = np.linalg.inv(s.sxx[0]) * (s.syy[0] - s.sxy[0] @ beta) / df
    a, b = (w[0] for w in gap_weights(step3, "instrumental_support"))
    t2 = st.t.ppf(0.975, df) ** 2
    quadratic = [(b @ beta) ** 2 - t2 * b @ cov @ b, 2 * ((a @ beta) * (b @ beta) - t2 * a @ cov @ b)]
    roots = np.roots([*quadratic, (a @ beta) ** 2 - t2 * a @ cov @ a])
    boundary = flat.regions.query("sign == -1")["to"].iloc[0]
    assert min(abs(roots - boundary)) < 1e-8


def test_the_crossing_has_a_posterior(found):
    assert found.crossing["lower"] < found.crossing["median"] < found.crossing["upper"]
    assert 0 < found.crossing["p_inside"] <= 1


def test_no_region_where_nothing_is_excluded(study, table):
    tables = table(n=100, seed=3)
    tables["abs_h"] = np.random.default_rng(93).integers(20, 60, len(tables))
    laid_out = design(load_model("step3"), tables, study)
    none = johnson_neyman(
        exact_posterior(laid_out), laid_out, "planning", rng=np.random.default_rng(94), probs=(0.9999,)
    )
    assert none.regions.empty
    assert not none.band["excludes_zero"].any()


@pytest.mark.parametrize(
    ("model", "moderator", "message"),
    [
        ("step2", "instrumental_support", "the gap between the groups is the same for every instrumental_support"),
        ("step1", "instrumental_support", "instrumental_support is not in its formula"),
        ("step3", "sex", "sex is a category; a region needs a numeric moderator"),
    ],
)
def test_no_region_without_a_moderator(study, table, model, moderator, message):
    laid_out = design(load_model(model), table(n=30), study)
    with pytest.raises(InputError, match=message):
        gap_weights(laid_out, moderator)


def test_a_function_that_ends_at_zero_hides_no_moderator(study, table):
    """The gap is looked at where the sample lies: a logarithm has no value at 0, a raw age's place far from it."""
    normal = {"dist": "Normal", "mu": 0, "sigma": 100, "reason": "wide"}
    terms = ("group", "age", "instrumental_support", "log(age)", "group:instrumental_support", "group:age")

    def laid_out(*more):
        return design(
            ModelSpec(
                name="made",
                description="made",
                formula=f"abs_h ~ {' + '.join([*terms, *more])}",
                scaling="raw",
                priors=dict.fromkeys(("Intercept", *terms, *more), normal)
                | {"sigma": {"dist": "HalfStudentT", "nu": 4, "sigma": 10, "reason": "usual"}},
            ),
            table(n=60),
            study,
        )

    straight = laid_out()
    assert moderators(straight) == ("age", "instrumental_support")
    at_zero, slope = (dict(zip(straight.columns, w[0], strict=True)) for w in gap_weights(straight, "age"))
    assert slope == pytest.approx({name: float(name == "group:age") for name in straight.columns}, abs=1e-9)
    assert (at_zero["group"], at_zero["group:age"]) == (pytest.approx(1), pytest.approx(0, abs=1e-9))
    assert moderators(laid_out("group:log(age)")) == ("instrumental_support",)


def test_a_slope_along_another_number_and_every_pair_of_three_groups():
    """The ends of a region are where the interval of the conditional effect, an estimand of its own, touches 0."""
    made = fit("y ~ arm * x + x * w", made_up(150), engine="exact", seed=1)
    pairs = {(jn.moderator, jn.effect.partition(",")[0].partition(" (")[0]) for jn in made.regions()}
    assert pairs == {("w", "Slope of x"), ("x", "Slope of w"), ("x", "Difference in means")}
    found = made.johnson_neyman("x", "slope_w")
    (ends,) = found.regions[found.regions["ci_prob"] == 0.95][["from", "to"]].to_numpy()
    looked_at = found.band["value"]
    inside = [end for end in ends if looked_at.min() + 1e-6 < end < looked_at.max() - 1e-6]
    assert inside
    at = [end * made.design.scaling.scale["x"][0] + made.design.scaling.location["x"][0] for end in inside]
    again = fit("y ~ arm * x + x * w", made_up(150), at={"x": at}, engine="exact", seed=1)
    rows = again.estimates[again.estimates["estimand"].str.match(r"slope_w_x_at_")]
    assert len(rows) == len(inside)
    assert np.minimum(rows["lower"].abs(), rows["upper"].abs()).max() < 1e-6
