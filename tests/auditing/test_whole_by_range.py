"""A number that only its range makes whole."""

from decimal import Decimal

import pytest
from tests.reconstruction.several import skeleton

from hikibayes.auditing.checks.descriptives import checks_of_whole_numbers
from hikibayes.spec import validated
from hikibayes.study.study import Study

SAID = "integer = false if it has decimals"
PRINTED = [("n", {}, "61"), ("mean", {"of": "pitch"}, "60.71")]


@pytest.mark.parametrize(("integer", "notes"), [({}, [True]), ({"integer": True}, [False]), ({"integer": False}, [])])
def test_a_mean_that_whole_numbers_cannot_have_says_what_made_them_whole(integer, notes):
    pitch = {"id": "pitch", "label": "pitch", "kind": "number", "unit": "points", "range": [0, 100], **integer}
    facts = [
        {"id": kind, "quantity": kind, "value": Decimal(value), "source": {"locator": "Table 1"}, **place}
        for kind, place, value in PRINTED
    ]
    other = {**pitch, "id": "age", "label": "age"}
    study = validated(Study, {**skeleton("pitch", [pitch, other], [["age"]]), "fact": facts}, "made up")
    found = [check for check in checks_of_whole_numbers(study) if check.verdict == "inconsistent"]
    assert [SAID in check.note for check in found] == notes
