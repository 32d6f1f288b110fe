"""Models of steps: shipped priors where they exist, default ones of the same kinds where they do not."""

import pytest
from tests.studies import orchard_run

from hikibayes.inference.models.specs import load_model
from hikibayes.inference.models.steps import model_of, step_models, step_of
from hikibayes.spec import InputError


def test_a_shipped_model_gives_its_priors_and_variants(nonaka):
    made, shipped = model_of(nonaka.read(), "step3"), load_model("step3")
    assert made.priors == shipped.priors
    assert made.variants == shipped.variants
    assert made.description == shipped.description
    assert set(made.terms) == set(shipped.terms)


def test_a_reading_with_fewer_terms_needs_no_other_model(nonaka):
    made = model_of(nonaka.read(step3_terms="five"), "step3")
    assert "group:planning" not in made.priors
    assert len(made.terms) == 15
    assert made.variants["sceptical"].priors["group:instrumental_support"].parameters["sigma"] == 0.1


def test_a_study_of_ones_own_gets_default_priors():
    made = model_of(orchard_run.study().read(), "products")
    sds = {name: prior.parameters["sigma"] for name, prior in made.priors.items()}
    assert sds == {
        "Intercept": 1,
        "sigma": 1,
        "age": 0.5,
        "farm": 1,
        "shade": 0.5,
        "toil": 0.5,
        "farm:shade": 0.25,
        "farm:toil": 0.25,
    }
    assert list(made.variants) == ["sceptical", "enthusiastic", "bambi_default", "flat"]
    assert all(prior.reason for prior in made.priors.values())


def test_a_step_without_the_product_has_no_variants_about_it():
    assert list(model_of(orchard_run.study().read(), "work").variants) == ["bambi_default", "flat"]


def test_a_shipped_model_of_another_outcome_is_left_alone(nonaka):
    content = orchard_run.study().model_dump(exclude_unset=True)
    renamed = [{**step, "id": "step1"} if step["id"] == "background" else step for step in content["step"]]
    renamed = [{**step, "after": "step1"} if step.get("after") == "background" else step for step in renamed]
    facts = [{**fact, "step": "step1"} if fact.get("step") == "background" else fact for fact in content["fact"]]
    study = type(nonaka).model_validate({**content, "step": renamed, "fact": facts})
    made = model_of(study.read(), "step1")
    assert made.formula == "contentment ~ age + farm"
    assert not any("ABS-H" in prior.reason for prior in made.priors.values())


def test_shares_of_variance_come_from_the_fullest_step(nonaka):
    read = nonaka.read()
    assert step_of(read, read.estimand("r2_step1")) == "step3"
    assert step_of(read, read.estimand("group_difference")) == "step2"
    assert step_models(read)["step1"].estimands == ()


def test_a_step_that_is_not_there_is_named(nonaka):
    with pytest.raises(InputError, match="there is no step 'step9'; there are: step1"):
        model_of(nonaka.read(), "step9")
