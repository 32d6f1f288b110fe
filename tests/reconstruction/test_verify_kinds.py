"""The two ways to every kind of number: from group moments, and by a stranger's software from the rows."""

import pytest
from tests.study.shipped.test_shipped import rows_of

from hikibayes.quantities import KINDS
from hikibayes.reconstruction.verify import NOT_RECOMPUTED, recompute
from hikibayes.study.analysis import PublishedAnalysis
from hikibayes.study.moments import sample_moments
from hikibayes.study.study import Study
from hikibayes.study.study_file import load_study

GROUPS = ("finished", "not_finished")
AT = {"of": "child_score", "with": "mother_iq", "term": "mother_iq", "group": GROUPS[0], "between": GROUPS}
AT |= {"step": "product", "level": GROUPS[0]}
LATER = {"alpha", "vif", "mean_vif"}
"""Of items, or of more than 1."""


def asked(kind):
    address = {key: AT[key] for key in (need.split("|")[0] for need in kind.needs)}
    address |= {"of": "school"} if "level" in address else {}
    return address | ({"of": "mother_iq", "group": GROUPS[0]} if kind.estimate == "slope" else {})


@pytest.fixture(scope="module")
def study():
    content = load_study("kidiq2007").model_dump(exclude_unset=True)
    kinds = {name: kind for name, kind in KINDS.items() if name not in LATER}
    facts = [
        {"id": f"a_{name}", "quantity": name, "value": "1" if kind.whole else "0.5", "source": {"locator": "none"}}
        | asked(kind)
        for name, kind in kinds.items()
    ]
    return Study.model_validate({**content, "fact": [*content["fact"][:2], *facts]})


@pytest.fixture(scope="module")
def recomputed(study):
    return recompute(study, rows_of("kidiq2007"))


@pytest.mark.parametrize("name", sorted({*KINDS} - LATER))
def test_both_ways_give_the_same(study, recomputed, name):
    ours, fact = PublishedAnalysis(study, sample_moments(rows_of("kidiq2007"), study)), study.fact(f"a_{name}")
    assert (fact.id in recomputed) != bool(NOT_RECOMPUTED.fullmatch(name))
    if fact.id in recomputed and ours.determines(fact) and name != "proportion_difference":
        assert recomputed[fact.id] == pytest.approx(float(ours.value(fact)), rel=1e-7)
