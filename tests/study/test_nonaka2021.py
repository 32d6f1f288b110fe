"""The shipped transcription: quotes stand in the paper, two independent entries agree, no number is left out."""

import re
import tomllib
from decimal import Decimal
from pathlib import Path

import pytest

from hikibayes.study.facts import Fact

SECOND_ENTRY = tomllib.loads((Path(__file__).parent / "second_entry.toml").read_text(encoding="utf-8"))

# Where the two entries may differ, because the paper is ambiguous there and a reading holds both answers.
AMBIGUOUS = {"delta_r2": {"adjusted"}, "vif": {"step"}}


def entry(fact):
    """What a transcription says, without the transcriber's own names."""
    address = {key: value for key, value in fact.address.items() if key not in AMBIGUOUS.get(fact.quantity, ())}
    exact = fact.quantity in ("n", "minimum", "maximum", "proportion_difference")
    value = fact.value.normalize() if exact else fact.value
    return fact.quantity, tuple(sorted(address.items())), fact.relation, str(value), fact.unit, fact.absolute


def second_facts():
    for number, table in enumerate(SECOND_ENTRY["fact"]):
        content = {**table, "id": f"second_{number}", "value": Decimal(table["value"])}
        content["source"] = {"locator": "text", "quote": content.pop("quote")}
        yield Fact.model_validate(content)


def quotes(node):
    if isinstance(node, dict):
        if "quote" in node:
            yield node["quote"]
        for value in node.values():
            yield from quotes(value)
    elif isinstance(node, (list, tuple)):
        for value in node:
            yield from quotes(value)


def test_every_quote_stands_in_the_paper(nonaka, paper):
    found = list(quotes(nonaka.model_dump()))
    assert len(found) > 150
    assert [quote for quote in found if quote not in paper] == []


def test_every_printed_value_stands_in_its_own_quote(nonaka):
    for fact in nonaka.facts:
        spelled_out = fact.implied or fact.relation == "about"
        assert spelled_out or str(fact.value).removeprefix("-") in fact.source.quote, fact.id


def test_second_entry_is_in_the_first(nonaka):
    first = {entry(fact) for fact in nonaka.facts}
    assert [str(fact) for fact in second_facts() if entry(fact) not in first] == []


def test_first_entry_is_in_the_second(nonaka):
    second = {entry(fact) for fact in second_facts()}
    assert [fact.id for fact in nonaka.facts if not fact.implied and entry(fact) not in second] == []


@pytest.mark.parametrize("table", SECOND_ENTRY["measure"], ids=lambda table: table["id"])
def test_instruments_agree_with_the_second_entry(nonaka, table):
    if table["id"] in {measure.id for measure in nonaka.measures}:
        measure = nonaka.measure(table["id"])
        assert list(measure.response or measure.range) == table["response"]
        assert measure.items == table.get("items")
    else:
        scales = [measure for measure in nonaka.measures if measure.inventory == "Brief COPE"]
        assert len(scales) == 14
        assert sum(measure.items for measure in scales) == table["items"]
        assert {measure.response for measure in scales} == {tuple(table["response"])}


# Numbers of the study's own parts that are no fact: other people's reliabilities, sizes of a panel, names and versions.
NO_FACT = {"18", "2.2", "4.0.3", "90", "0.46", "1", "2", "3", "4", "5", "7", "10"}


def test_no_number_of_methods_and_results_is_left_out(nonaka, paper):
    own = paper[paper.index("Data were collected by recruiting") : paper.index("This exploratory study investigated")]
    own = re.sub(r"\[[\d,\-– ]+\]", "", own)  # citations
    numbers = set(re.findall(r"(?<![\w.])\d+(?:\.\d+)*", own)) - NO_FACT
    assert len(numbers) > 45
    transcribed = " ".join(quotes(nonaka.model_dump()))
    present = set(re.findall(r"(?<![\w.])\d+(?:\.\d+)*", transcribed))
    assert numbers - present == set()


def test_everything_assumed_has_a_reason(nonaka):
    assert all(len(assumption.rationale.split()) > 8 for assumption in nonaka.assumptions)


def test_all_fourteen_coping_scales_and_every_estimand_are_there(nonaka):
    names = {estimand.name for estimand in nonaka.estimands}
    step2 = nonaka.step("step2").adds
    assert names >= {f"slope_{name}" for name in step2}
    assert names >= {"support_slope_hikikomori", "support_slope_control", "support_slope_difference"}
    assert names >= {"group_difference", "r2_step1", "delta_r2_step2", "delta_r2_step3"}


def test_each_reading_changes_the_study_it_is_about(nonaka):
    default = nonaka.read()
    for reading in nonaka.readings:
        for option in set(reading.options) - {reading.default}:
            assert nonaka.read(**{reading.id: option}) != default, (reading.id, option)
        assert nonaka.read(**{reading.id: reading.default}) == default
