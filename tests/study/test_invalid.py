"""Files that a person could hand in by mistake: each has the one message, or the audit's verdict, that it must give."""

from pathlib import Path

import pytest

from hikibayes.auditing.audit import checks
from hikibayes.spec import InputError
from hikibayes.study.study_file import load_study

FOLDER = Path(__file__).parent / "invalid"

REFUSED = {
    "misspelt_key": "fact['new'].valu: there is no key 'valu'; there are: ",
    "outside_the_range": "fact 'new': mean 52.0 lies outside the range of 'pruning', [6, 36]",
    "impossible_value": "fact 'new': correlation 1.20 is impossible; it lies in [-1, 1]",
    "unknown_quantity": "there is no quantity 'medain'; there are: ",
    "wrong_unit": "fact 'new': unit 'months' is not the unit of 'age', 'years'",
    "unknown_group": "there is no group 'organick'; there are: conventional, organic (did you mean 'organic'?)",
    "unknown_level": "fact 'new': there is no level 'bramley'; there are: codling, ",
    "no_locator": "fact['new'].source.locator: is missing",
    "fact_without_address": "fact 'new': quantity 'slope' needs 'step'",
    "misspelt_option": "there is no option 'welsh'; there are: student, welch (did you mean 'welch'?)",
    "steps_in_a_circle": "comes after itself; 'after' must lead to a first step",
    "contradicts_its_base": "fact 'new': 0.19 contradicts fact 'toil_alpha', printed 0.91 (Methods, Instruments)",
    "overwrites_its_base": "fact 'toil_alpha' is in the base already; give the new fact an id of its own",
    "unknown_study": "base: there is no study 'nonaka2012'; there are: iris1936, kidiq2007, nonaka2021, ozone1973 (",
    "one_group": "group: found one group, 'yew'; a study has two or more, or none where it is one sample",
    "empty": "is empty; a TOML file is expected",
    "not_utf8": "is not UTF-8 text (byte 38); save it as UTF-8",
    "not_toml": "is not valid TOML: ",
}

FOUND = {
    "mean_of_no_whole_numbers": (
        "mean of whole numbers",
        "No 37 Pruning Skill Test scores (organic) on this scale can have the mean 21.01",
    ),
    "sd_of_no_whole_numbers": (
        "mean and SD of whole numbers",
        "No whole numbers on this scale print the mean 35.97 of Pruning Skill Test (organic) with the SD 0.28",
    ),
    "shares_that_do_not_add_up": ("shares add up", "but together they are 49 people instead of 54"),
    "share_of_no_whole_people": ("share of whole people", "No number of people out of 54 makes 80.0%"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_unusable_files_end_in_one_message(name):
    with pytest.raises(InputError) as caught:
        load_study(FOLDER / f"{name}.toml")
    message = str(caught.value)
    assert REFUSED[name] in message
    assert "\n" not in message
    assert name in message, "the message names the file"


@pytest.mark.parametrize("name", FOUND)
def test_impossible_numbers_are_an_inconsistent_row(name):
    check, words = FOUND[name]
    rows = [each for each in checks(load_study(FOLDER / f"{name}.toml")) if each.verdict == "inconsistent"]
    assert [each.check for each in rows] == [check, "likeliest misprint"]
    assert words in rows[0].note
    assert "new" in rows[0].facts


def test_every_invalid_file_has_its_message():
    assert {path.stem for path in FOLDER.glob("*.toml")} == {*REFUSED, *FOUND}
