"""What things are called in prose."""

import pytest

from hikibayes.study.wording import in_prose

PROSE = {
    "Commute (min)": "commute (min)",
    "Sleep (h)": "sleep (h)",
    "Strain (SD)": "strain (SD)",
    "Strain (VAS)": "strain (VAS)",
    "Distress (T1)": "distress (T1)",
    "Glucose (mmol/L)": "glucose (mmol/L)",
    "Wage (EUR)": "wage (EUR)",
    "Perceived stress (PSS)": "PSS",
    "Stress Scale (SRS-18)": "SRS-18",
}


@pytest.mark.parametrize("label", PROSE)
def test_a_name_is_reduced_to_its_abbreviation_and_never_to_its_unit(label):
    assert in_prose(label) == PROSE[label]
