"""Estimands found by asking the design: what they weigh, who answers them, and that coding does not matter."""

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf
from tests.inference.conftest import ORCHARD, simulated

from hikibayes.inference.estimands import answers, raw_unit
from hikibayes.inference.models.compile import exact_posterior
from hikibayes.inference.models.design import design
from hikibayes.inference.models.moment_design import design_from_moments
from hikibayes.inference.models.specs import ModelSpec, load_model
from hikibayes.spec import InputError
from hikibayes.study.moments import sample_moments
from hikibayes.study.study import Estimand
from hikibayes.study.study_file import load_study


def weights_of(laid_out, name):
    found = answers(laid_out)
    row = found.weights[0, [e.name for e in found.linear].index(name)]
    return {c: float(w) for c, w in zip(laid_out.columns, row.round(12), strict=True) if abs(w) > 1e-12}


def model_like(step, formula, **changes):
    """A model of the shipped priors for another formula; terms it does not know get a slope's."""
    shipped = load_model(step)
    terms = ModelSpec.model_construct(formula=formula).terms
    priors = {term: shipped.priors.get(term, shipped.priors["age"]) for term in ("Intercept", *terms, "sigma")}
    return ModelSpec(name="mine", description="made up", formula=formula, priors=priors, **changes)


def test_what_each_estimand_of_step3_weighs(step3):
    assert weights_of(step3, "support_slope_control") == {"instrumental_support": 1}
    both = {"instrumental_support": 1, "group:instrumental_support": 1}
    assert weights_of(step3, "support_slope_hikikomori") == both
    assert weights_of(step3, "support_slope_difference") == {"group:instrumental_support": 1}
    assert weights_of(step3, "group_difference") == {"group": 1}


def test_who_answers_what(study, table):
    found = {m: set(answers(design(load_model(m), table(n=30), study)).names) for m in ("step1", "step2", "step3")}
    slopes = {e.name for e in study.estimands if e.name.startswith("slope_")}
    shares = {"r2_step1", "delta_r2_step2"}
    assert found["step1"] == {"r2_step1"}, "the gap of step 1 is not the gap at equal stress"
    assert found["step2"] == slopes | {"group_difference"} | shares
    support = {"support_slope_hikikomori", "support_slope_control", "support_slope_difference"}
    assert found["step3"] == support | {"group_difference", "delta_r2_step3"} | shares


def test_where_sex_moderates_support_slopes_are_at_the_samples_mix(study, table):
    participants = table()
    laid_out = design(load_model("sex_by_support"), participants, study)
    men = float((participants["sex"] == "male").mean())
    assert weights_of(laid_out, "support_slope_control")["sex:instrumental_support"] == pytest.approx(men)
    assert weights_of(laid_out, "support_slope_difference") == {"group:instrumental_support": 1}


def test_the_gap_is_at_the_sample_means_of_the_covariates(study, table):
    participants = table(n=50)
    world = design(load_model("step3"), participants.iloc[:80], study).scaling
    off_centre = design(load_model("step3"), participants, study, scaling=world)
    means = off_centre.frame.mean(numeric_only=True)
    weights = weights_of(off_centre, "group_difference")
    assert weights["group"] == pytest.approx(1)
    assert weights["group:planning"] == pytest.approx(means["planning"])
    assert abs(means["planning"]) > 1e-3


@pytest.mark.parametrize(
    "formula",
    [
        "abs_h ~ group * instrumental_support + age",
        "abs_h ~ group + group:instrumental_support + age",
        "abs_h ~ age + group + instrumental_support + instrumental_support:group",
        "abs_h ~ C(group, Sum) * instrumental_support + age",
    ],
)
def test_no_coding_changes_an_estimand(study, table, formula):
    participants = table()
    wanted = ("support_slope_hikikomori", "support_slope_control", "support_slope_difference", "group_difference")
    model = model_like("step3", formula, estimands=wanted)
    model = model.replace(variants={"flat": {"description": "made up", "rule": "flat"}})
    laid_out = design(model, participants, study)
    found = answers(laid_out)
    means = exact_posterior(laid_out, "flat").marginal(found.weights).mean()[0]
    z = participants.apply(lambda c: (c - c.mean()) / c.std() if pd.api.types.is_numeric_dtype(c) else c)
    ols = smf.ols("abs_h ~ group * instrumental_support + age", z).fit().params
    slope, gap = ols["instrumental_support"], ols["group[T.hikikomori]:instrumental_support"]
    np.testing.assert_allclose(means, [slope + gap, slope, gap, ols["group[T.hikikomori]"]], atol=1e-9)


def test_raw_models_answer_in_standardised_units(study, table):
    participants = table()
    means = []
    for scaling in ("sample", "raw"):
        laid_out = design(load_model("step3").replace(scaling=scaling), participants, study)
        found = answers(laid_out)
        flat = exact_posterior(laid_out, "flat")
        means.append(flat.marginal(found.weights).mean()[0])
        raw = flat.marginal(found.weights * found.raw_factor[..., None]).mean()[0]
    np.testing.assert_allclose(means[0], means[1], atol=1e-9)
    ratio = participants["abs_h"].std() / participants["instrumental_support"].std()
    np.testing.assert_allclose(raw[0], means[0][0] * ratio)
    assert raw_unit(study.estimand("support_slope_control"), study) == "points_per_point"
    assert raw_unit(study.estimand("group_difference"), study) == "points"


def test_moments_answer_as_rows_do(study, table):
    participants = table(n=40)
    rows = answers(design(load_model("step3"), participants, study))
    moments = answers(design_from_moments(load_model("step3"), sample_moments(participants, study), study))
    assert rows.names == moments.names
    np.testing.assert_allclose(moments.weights, rows.weights, atol=1e-12)
    np.testing.assert_allclose(moments.raw_factor, rows.raw_factor, rtol=1e-12)
    for estimand in rows.variance:
        np.testing.assert_allclose(
            moments.explained.least_squares(estimand), rows.explained.least_squares(estimand), atol=1e-12
        )


def test_least_squares_shares_are_statsmodels(step3, study):
    z = step3.frame
    fitted = {}
    for step in ("step1", "step2", "step3"):
        fitted[step] = smf.ols("abs_h ~ " + " + ".join(study.terms(step)), z).fit().rsquared
    found = answers(step3)
    ols = {e.name: float(found.explained.least_squares(e)[0]) for e in found.variance}
    assert ols["r2_step1"] == pytest.approx(fitted["step1"], abs=1e-12)
    assert ols["delta_r2_step2"] == pytest.approx(fitted["step2"] - fitted["step1"], abs=1e-12)
    assert ols["delta_r2_step3"] == pytest.approx(fitted["step3"] - fitted["step2"], abs=1e-12)


def test_shares_at_the_least_squares_estimate_are_those_of_least_squares(step3):
    """With b the OLS estimate and sigma² = RSS / (n - 1), R² of a step is its OLS R² exactly."""
    s = step3.statistics
    beta = np.linalg.solve(s.sxx[0], s.sxy[0])
    sigma = np.sqrt((s.syy[0] - s.sxy[0] @ beta) / (s.n[0] - 1))
    found = answers(step3)
    for estimand in found.variance:
        share = found.explained.of(estimand, beta[None, None], np.array([[sigma]]))
        np.testing.assert_allclose(share[0], found.explained.least_squares(estimand), atol=1e-12)


@pytest.mark.parametrize(
    ("formula", "estimand", "why"),
    [
        ("abs_h ~ group * srs18", "support_slope_control", "instrumental_support is not in its formula"),
        ("abs_h ~ group + instrumental_support", "support_slope_difference", "is the same in both groups"),
        ("abs_h ~ group * srs18", "slope_srs18", "the slope of srs18 differs between the groups"),
        ("abs_h ~ instrumental_support", "support_slope_control", "group is not in its formula"),
        ("abs_h ~ sex + group", "r2_step1", "age, which step1 has, is not in its formula"),
    ],
)
def test_a_model_that_cannot_answer_says_why(study, table, formula, estimand, why):
    model = model_like("step3", formula, estimands=(estimand,))
    with pytest.raises(InputError, match=f"model 'mine' cannot answer '{estimand}': .*{why}"):
        answers(design(model, table(n=30), study))


def test_a_model_that_answers_nothing_says_why_for_each(study, table):
    model = model_like("step3", "abs_h ~ group * instrumental_support")
    found = answers(design(model, table(n=30), study))
    assert not found.names
    assert [estimand.name for estimand in found.refused] == [estimand.name for estimand in study.estimands]
    assert all(reason.endswith("is not in its formula") or "differs" in reason for reason in found.refused.values())


@pytest.mark.parametrize(
    ("formula", "slope"),
    [
        ("abs_h ~ sex + group + age + I(age**2)", lambda z: [0, 0, 1, 2 * z]),
        ("abs_h ~ sex + group + np.exp(age / 2)", lambda z: [0, 0, np.exp(z / 2) / 2]),
        ("abs_h ~ sex + group * log(age + 9)", lambda z: [0, 0, 1 / (z + 9), 1 / (z + 9)]),
        ("abs_h ~ sex + group + poly(age, 2, raw=True)", lambda z: [0, 0, 1, 2 * z]),
    ],
)
def test_a_slope_through_a_function_is_its_average_derivative(study, table, formula, slope):
    own = Estimand(name="age_slope", kind="slope", of="age", group="hikikomori", step="step1", meaning="made up")
    if "group *" not in formula:
        own = own.replace(group=None)
    asked = study.replace(estimand=(own,))
    laid_out = design(model_like("step3", formula), table(n=30), asked)
    wanted = np.broadcast_arrays(*slope(laid_out.frame["age"].to_numpy()))
    np.testing.assert_allclose(answers(laid_out).weights[0, 0], np.mean(wanted, axis=1), atol=1e-9)


@pytest.mark.parametrize(
    ("formula", "why"),
    [
        ("abs_h ~ sex + group + I(age > 0)", "age enters by a comparison, which has steps and no slope"),
        ("abs_h ~ sex + group + sqrt(abs(age - 0 * age))", ""),
        ("abs_h ~ sex + group + I(age**2)", "on average the formula's terms do not change with age"),
        ("abs_h ~ group + age + region", "region is a category with 8 levels; a slope is of a number"),
    ],
)
def test_a_slope_that_cannot_be_had_has_a_reason(study, table, formula, why):
    of = "region" if "region" in formula else "age"
    own = Estimand(name="own_slope", kind="slope", of=of, step="step1", meaning="made up")
    found = answers(design(model_like("step3", formula), table(n=30), study.replace(estimand=(own,))))
    assert (not why) == bool(found.linear)
    assert why in next(iter(found.refused.values()), "")


def test_shares_of_variance_are_not_for_every_family(study, table):
    model = model_like("step3", "abs_h ~ sex + age + group", estimands=("r2_step1",)).model_dump()
    nu = {"dist": "Exponential", "lam": 0.1, "reason": "made up"}
    model = ModelSpec.model_validate({**model, "family": "t", "priors": {**model["priors"], "nu": nu}})
    with pytest.raises(InputError, match="those of a gaussian model with one sigma; this one is of family 't'"):
        answers(design(model, table(n=30), study))


def test_another_study_needs_no_other_code():
    """A study of orchards: another outcome, other groups, other measures."""
    orchard = load_study(ORCHARD).read()
    model = model_like("step3", "contentment ~ age + farm * (shade + toil)")
    laid_out = design(model, simulated(orchard, n=60), orchard)
    assert answers(laid_out).names == tuple(e.name for e in orchard.estimands)
    assert weights_of(laid_out, "shade_slope_difference") == {"farm:shade": 1}
    assert weights_of(laid_out, "farm_difference") == {"farm": 1}
