"""A study as one value: names that must exist, readings, overlays."""

from decimal import Decimal

import pytest

from hikibayes.spec import InputError, digest, validated
from hikibayes.study.study import Study
from hikibayes.study.study_file import load_study, shipped_studies

SOURCE = {"locator": "Results", "quote": "as printed"}


def content(study):
    return study.model_dump(exclude_unset=True)


def overlay(tmp_path, text):
    path = tmp_path / "overlay.toml"
    path.write_text(text, encoding="utf-8")
    return path


NEW_FACT = """
base = "nonaka2021"
[[fact]]
id = "{id}"
quantity = "{quantity}"
of = "abs_h"
group = "control"
value = {value}
source = {{locator = "Table 2", quote = "a made-up number"}}
"""


def test_every_shipped_study_loads():
    assert "nonaka2021" in shipped_studies()
    for name in shipped_studies():
        assert load_study(name).id == name


def test_terms_of_a_step_include_those_before_it(nonaka):
    assert nonaka.terms("step2")[:3] == nonaka.terms("step1") == ("sex", "age", "group")
    assert len(nonaka.terms("step3")) == 17


def test_content_round_trips_with_its_digest(nonaka):
    again = validated(Study, content(nonaka), "again")
    assert again == nonaka
    assert digest(again) == digest(nonaka)


def test_a_question_kept_with_a_study_does_not_change_its_digest(nonaka):
    assert digest(nonaka.model_copy(update={"limitations": ()})) == digest(nonaka)
    assert digest(nonaka.model_copy(update={"statements": ()})) != digest(nonaka)


@pytest.mark.parametrize(
    ("part", "entry", "change", "message"),
    [
        ("fact", 0, {"id": "n_control"}, "fact 'n_control' is defined twice"),
        ("fact", 3, {"of": "aeg"}, "fact 'age_mean': there is no measure 'aeg'; .*did you mean 'age'"),
        ("fact", 1, {"group": "hikkomori"}, "there is no group 'hikkomori'; there are: control, hikikomori"),
        ("fact", 1, {"value": Decimal(0)}, "group 'control' has n = 0; at least 1 is accepted"),
        ("fact", 3, {"value": Decimal("52.0")}, r"mean 52.0 lies outside the range of 'age', \[23, 49\]"),
        ("fact", 3, {"unit": "months"}, "unit 'months' is not the unit of 'age', 'years'"),
        ("fact", 3, {"of": "sex"}, "a category such as 'sex' has no mean"),
        ("fact", 7, {"level": "kanto"}, "no level of 'sex', 'kanto'; there are: female, male"),
        ("step", 1, {"after": "step0"}, "step 'step2': there is no step 'step0'"),
        ("step", 1, {"after": "step3"}, "step 'step2' comes after itself"),
        ("estimand", 0, {"of": "support"}, "there is no measure 'support'"),
        ("estimand", 0, {"kind": "slope_difference"}, "a slope_difference takes between, of; found group, of"),
        ("measure", 3, {"direction": None}, "a scale needs 'direction'"),
        ("measure", 3, {"response": (3, 0)}, "response runs from 3 to 0, not upwards"),
        ("measure", 2, {"items": 3}, "measure 'age': a number takes no 'items'"),
        ("reading", 0, {"default": "both"}, "there is no option 'both'; there are: all_interactions, support_only"),
    ],
)
def test_names_must_exist_and_fit(nonaka, part, entry, change, message):
    changed = content(nonaka)
    changed[part] = list(changed[part])
    changed[part][entry] = {**changed[part][entry], **change}
    with pytest.raises(InputError, match=message):
        validated(Study, changed, "changed.toml")


def test_a_reference_that_is_empty_names_nothing():
    # one's own table may have no groups, and its estimands no step
    about = {"name": "age_slope", "kind": "slope", "of": "age", "meaning": "per year", "step": ""}
    measures = [{"id": name, "label": name, "kind": "number"} for name in ("age", "score")]
    analysis = {"outcome": "score", "group": "", "focal": ""}
    own = {"id": "own", "description": "own", "measure": measures, "analysis": analysis, "estimand": [about]}
    assert validated(Study, own, "own").focal_estimand.name == "age_slope"


def test_the_nearest_assumption_holds(nonaka):
    """Of a measure in a group, of it in all groups, of everything: whatever their order."""
    first, second = nonaka.group_ids
    each = {"quantity": "proportion", "distribution": {"dist": "Beta", "alpha": 1, "beta": 1}, "rationale": "x" * 20}
    kinds = [
        {"id": "general"},
        {"id": "of_sex", "about": ["sex"]},
        {"id": "of_sex_there", "about": ["sex"], "group": second},
    ]
    for order in (kinds, kinds[::-1]):
        study = nonaka.replace(assumptions=[{**each, **kind} for kind in order], evidence=[])
        asked = [("sex", second), ("sex", first), ("sex", None), ("age", second)]
        found = [study.assumed("proportion", *one).id for one in asked]
        assert found == ["of_sex_there", "of_sex", "of_sex", "general"]
        assert study.assumed("mean", "sex") is None


def test_each_group_needs_its_size(nonaka):
    changed = content(nonaka)
    changed["fact"] = [fact for fact in changed["fact"] if fact["id"] != "n_hikikomori"]
    total = [fact for fact in changed["fact"] if fact["quantity"] == "n" and "group" not in fact]
    assert validated(Study, changed, "changed.toml").sizes == nonaka.sizes
    changed["fact"] = [fact for fact in changed["fact"] if fact not in total]
    study = validated(Study, changed, "changed.toml")
    assert study.n_of() == 0
    with pytest.raises(InputError, match="no fact of quantity 'n' for group 'hikikomori'"):
        _ = study.sizes


def test_settling_one_reading_leaves_the_others_open(nonaka):
    settled = nonaka.settle(slopes_model="support_only")
    assert settled.fact("slope_control").step == "step3_support_only"
    assert {reading.id for reading in nonaka.readings} - {reading.id for reading in settled.readings} == {
        "slopes_model"
    }
    assert nonaka.read().readings == ()


@pytest.mark.parametrize(
    ("choices", "message"),
    [
        ({"slope_model": "support_only"}, "there is no reading 'slope_model'; .*did you mean 'slopes_model'"),
        (
            {"slopes_model": "one"},
            "no option of reading 'slopes_model', 'one'; there are: all_interactions, support_only",
        ),
    ],
)
def test_unknown_readings_list_what_there_is(nonaka, choices, message):
    with pytest.raises(InputError, match=message):
        nonaka.read(**choices)


def test_an_unknown_study_lists_those_that_exist():
    with pytest.raises(InputError, match="there is no study 'nonaka2012'; there are: .*nonaka2021.* .did you mean"):
        load_study("nonaka2012")


def test_an_overlay_adds_facts_to_its_base(tmp_path, nonaka):
    path = overlay(tmp_path, NEW_FACT.format(id="new", quantity="mean", value="51.20"))
    study = load_study(path)
    assert study.fact("new").value == Decimal("51.20")
    assert len(study.facts) == len(nonaka.facts) + 1


def test_an_overlay_replaces_an_assumption_of_the_same_id(tmp_path, nonaka):
    text = """
base = "nonaka2021"
[[assumption]]
id = "men_control"
quantity = "proportion"
about = ["sex"]
group = "control"
distribution = {dist = "Beta", alpha = 50, beta = 50}
rationale = "A made-up assumption, much narrower than the one it replaces."
"""
    study = load_study(overlay(tmp_path, text))
    assert study.assumption("men_control").distribution.alpha == 50
    assert len(study.assumptions) == len(nonaka.assumptions)


def test_an_overlay_cannot_overwrite_a_fact(tmp_path):
    with pytest.raises(InputError, match="'age_mean' is in the base already"):
        load_study(overlay(tmp_path, NEW_FACT.format(id="age_mean", quantity="mean", value="1")))


def test_the_same_quantity_of_another_address_is_no_contradiction(tmp_path):
    path = overlay(tmp_path, NEW_FACT.format(id="new", quantity="alpha", value="0.50"))  # of one group only
    assert load_study(path).fact("new").group == "control"


def test_a_base_is_another_study(tmp_path):
    path = overlay(tmp_path, 'base = "overlay.toml"')
    with pytest.raises(InputError, match="base: comes back to a file that stands on it"):
        load_study(path)
    (tmp_path / "other.toml").write_text('base = "overlay.toml"', encoding="utf-8")
    with pytest.raises(InputError, match="base: comes back to a file that stands on it"):
        load_study(overlay(tmp_path, 'base = "other.toml"'))


def test_a_new_fact_that_contradicts_an_old_one_is_told(tmp_path):
    text = NEW_FACT.format(id="new", quantity="alpha", value="0.80").replace('group = "control"\n', "")
    with pytest.raises(InputError) as caught:
        load_study(overlay(tmp_path, text))
    assert "fact 'new': 0.80 contradicts fact 'abs_h_alpha', printed 0.94 (Methods, ABS-H)" in str(caught.value)


def test_an_overlay_may_stand_on_a_file_beside_it(tmp_path):
    (tmp_path / "first.toml").write_text(NEW_FACT.format(id="one", quantity="mean", value="51.2"), encoding="utf-8")
    second = NEW_FACT.format(id="two", quantity="sd", value="12.0").replace("nonaka2021", "first.toml")
    study = load_study(overlay(tmp_path, second))
    assert {study.fact("one").quantity, study.fact("two").quantity} == {"mean", "sd"}


def test_a_product_may_be_written_either_way_round_and_must_be_in_its_step():
    known = load_study("nonaka2021")
    content = known.model_dump(exclude_unset=True)
    turned = [
        {**step, "adds": [":".join(reversed(term.split(":"))) for term in step["adds"]]} for step in content["step"]
    ]
    facts = [{**f, "term": ":".join(reversed(f["term"].split(":")))} if f.get("term") else f for f in content["fact"]]
    again = type(known).model_validate({**content, "step": turned, "fact": facts})
    assert [step.adds for step in again.steps] == [step.adds for step in known.steps]
    assert again.facts == known.facts
    fact = next(f for f in content["fact"] if ":" in (f.get("term") or ""))
    without = [{**step, "adds": [term for term in step["adds"] if term != fact["term"]]} for step in content["step"]]
    with pytest.raises(ValueError, match="there is no term in "):
        type(known).model_validate({**content, "step": without})
