"""Model files: the shipped ones say what the defaults say, and each mistake has its one message."""

from pathlib import Path

import pytest

from hikibayes.inference.estimands import answers
from hikibayes.inference.models.design import design
from hikibayes.inference.models.specs import DEFAULT_VARIANT, ModelSpec, load_model, shipped_models
from hikibayes.spec import InputError, digest

FOLDER = Path(__file__).parent / "invalid"

REFUSED = {
    "misspelt_term": "there is no term 'agee'; there are: Intercept, age, group, group:srs18, sigma, srs18 (did you",
    "misspelt_term_in_variant": "variant 'sceptical': there is no term 'srs81:group'; there are: Intercept, age, ",
    "missing_prior": "there is no prior for 'srs18'; ",
    "missing_sigma": "there is no prior for 'sigma'; ",
    "prior_sd_of_zero": "priors.age: Normal needs sigma > 0; found 0",
    "prior_sd_below_zero": "priors.age: Normal needs sigma > 0; found -1",
    "no_reason": "priors.age.reason: is missing",
    "sigma_can_be_negative": "prior for 'sigma' can be Exponential, HalfNormal, HalfStudentT, LogNormal; found Normal",
    "coefficient_cannot": "prior for 'age' can be Normal, StudentT, Cauchy, Uniform, TruncatedNormal; found HalfNormal",
    "wrong_parameter": "priors.age.sd: there is no key 'sd'; there are: alpha, beta, dist, ",
    "unknown_distribution": "priors.age.dist: ",
    "unknown_family": "there is no family 'gausian'; there are: beta_binomial, gaussian, t (did you mean 'gaussian'?)",
    "unknown_scaling": "scaling: 'sample' or 'raw' is expected; found 'standard'",
    "unreadable_formula": "formula 'abs_h ~ age + group * (srs18' cannot be read: ",
    "no_outcome": "the outcome left of '~' must be a measure's id",
    "no_intercept": "takes the intercept away; models keep it",
    "varying_effect": "varying slopes such as 'age|region' are not offered; (1|category) is",
    "varying_without_prior": "there is no prior for '1|region'; ",
    "varying_can_be_negative": "prior for '1|region' can be Exponential, HalfNormal, HalfStudentT, LogNormal; found",
    "sum_score_with_varying": "family 'beta_binomial' takes neither varying intercepts nor 'sigma_by'",
    "pool_and_prior": "'age' is in the pool 'slopes', and has no prior of its own",
    "pool_of_a_misspelt_term": "pool 'slopes': there is no term 'srs81'; there are: age, srs18 (did you mean 'srs18'?)",
    "pool_of_one": "pools.slopes.terms: ",
    "pool_can_be_negative": "pool 'slopes': a prior for 'sd' can be Exponential, HalfNormal, ",
    "empty_variant": "variants.sceptical: a variant has either 'priors' that replace some, or a 'rule'",
    "unknown_rule": "variants.sceptical.rule: 'bambi_default' or 'flat' is expected; found 'flatt'",
    "variant_called_default": "variant 'weakly_informative' is the file's own [priors]; give this one another name",
    "misspelt_key": "famly: there is no key 'famly'; there are: ",
}


@pytest.mark.parametrize("name", REFUSED)
def test_unusable_models_end_in_one_message(name):
    with pytest.raises(InputError) as caught:
        load_model(FOLDER / f"{name}.toml")
    message = str(caught.value)
    assert REFUSED[name] in message
    assert "\n" not in message
    assert name in message, "the message names the file"


def test_every_invalid_file_is_tried():
    assert {path.stem for path in FOLDER.glob("*.toml")} == set(REFUSED)


PLAIN = {"step1", "step2", "step3", "step3_support_only", "sex_by_support"}
BEYOND = ("robust", "sigma_by_group", "region", "pooled", "sum_score", "measurement_error")
FURTHER = {f"step3_{what}" for what in BEYOND}


def test_these_models_are_shipped():
    assert set(shipped_models()) == PLAIN | FURTHER
    assert {name for name in shipped_models() if not load_model(name).beyond_gaussian} == PLAIN


@pytest.mark.parametrize("name", sorted(FURTHER - {"step3_sum_score"}))
def test_further_models_differ_from_step_3_in_one_thing(name):
    step3, further = load_model("step3"), load_model(name)
    shared = set(further.priors) & set(step3.priors)
    assert set(step3.priors) - shared == set(further.pooled)
    assert [n for n in shared if further.priors[n].parameters != step3.priors[n].parameters] == []


@pytest.mark.parametrize("step", ["step1", "step2", "step3", "step3_support_only"])
def test_shipped_steps_have_the_terms_of_the_study(step, study):
    ours = {frozenset(term.split(":")) for term in load_model(step).terms}
    assert ours == {frozenset(term.split(":")) for term in study.terms(step)}


def test_sex_may_moderate_support_in_one_model(study):
    extra = set(load_model("sex_by_support").terms) - set(load_model("step3").terms)
    assert extra == {"sex:instrumental_support"}


@pytest.mark.parametrize("name", sorted(PLAIN))
def test_shipped_priors_are_the_documented_defaults(name, study):
    model = load_model(name)
    for term, prior in model.priors.items():
        parts = [part for part in term.split(":") if part not in {"Intercept", "sigma"}]
        categories = [study.measure(part).kind == "category" for part in parts]
        if term == "sigma":
            assert (prior.dist, prior.nu, prior.sigma) == ("HalfStudentT", 4, 1)
        else:
            wanted = 0.25 if len(parts) > 1 else 0.5 if parts and not categories[0] else 1
            assert (prior.dist, prior.mu, prior.sigma) == ("Normal", 0, wanted), term


@pytest.mark.parametrize("name", ["step3", "step3_support_only", "sex_by_support"])
def test_variants_change_the_focal_difference_alone(name, study):
    model = load_model(name)
    focal = f"{study.analysis.group}:{study.analysis.focal}"
    for variant, (mu, sigma) in {"sceptical": (0, 0.1), "enthusiastic": (0.2, 0.2)}.items():
        priors = dict(model.prior_set(variant).priors)
        changed = priors.pop(focal)
        assert (changed.mu, changed.sigma) == (mu, sigma)
        assert priors == {term: prior for term, prior in model.priors.items() if term != focal}


def test_rules_take_the_place_of_priors():
    model = load_model("step1")
    assert model.variant_names == (DEFAULT_VARIANT, "bambi_default", "flat")
    assert model.prior_set("flat").rule == "flat"
    assert not model.prior_set("flat").priors


def test_an_unknown_variant_lists_those_there_are():
    with pytest.raises(InputError, match=r"'sceptic'; there are: .*enthusiastic, flat, sceptical, .*'sceptical'\?"):
        load_model("step3").prior_set("sceptic")


def test_an_unknown_model_lists_those_there_are():
    with pytest.raises(InputError, match=r"no model 'step4'; there are: .*step1, .* or give the path of a model file"):
        load_model("step4")


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(InputError, match=r"mine\.toml: cannot be read"):
        load_model(tmp_path / "mine.toml")


def test_a_model_is_named_by_its_file_and_survives_a_round_trip(tmp_path):
    copy = tmp_path / "mine.toml"
    copy.write_text(shipped_models()["step2"].read_text())
    mine, shipped = load_model(copy), load_model("step2")
    assert mine.name == "mine"
    assert digest(mine.replace(name="step2")) == digest(shipped)
    assert ModelSpec.model_validate(shipped.model_dump()) == shipped
    assert load_model(shipped) is shipped


def test_the_documented_example_is_a_model_that_answers(tmp_path, study, table):
    page = (Path(__file__).parents[2] / "docs" / "models.md").read_text(encoding="utf-8")
    example = tmp_path / "mine.toml"
    example.write_text(page.split("```toml\n")[1].split("```")[0], encoding="utf-8")
    mine = load_model(example)
    assert answers(design(mine, table(n=20), study)).names == mine.estimands
    assert mine.variant_names == (DEFAULT_VARIANT, "sceptical", "flat")
