"""What a record says less of is known less well: dropping facts never narrows what the audit recomputes."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hikibayes.auditing.audit import audit
from hikibayes.study.study_file import load_study

STUDY = load_study(Path(__file__).parents[1] / "campaign" / "inputs" / "study.toml").replace(readings=())
MAY_GO = [fact.id for fact in STUDY.facts if fact.quantity != "n"]


def recomputed(dropped):
    """Interval by check and the fact that it is about, without the facts that are dropped."""
    study = STUDY.replace(facts=tuple(fact for fact in STUDY.facts if fact.id not in dropped))
    rows = audit(study).dropna(subset=["recomputed_low", "recomputed_high"])
    about = (facts.split(", ")[0] for facts in rows["facts"])
    return dict(
        zip(zip(rows["check"], about, strict=True), rows[["recomputed_low", "recomputed_high"]].to_numpy(), strict=True)
    )


@pytest.fixture(scope="module")
def whole():
    return recomputed(())


@settings(max_examples=25, deadline=None)
@given(dropped=st.sets(st.sampled_from(MAY_GO), min_size=1, max_size=8))
def test_dropping_facts_never_narrows_an_interval(whole, dropped):
    fewer = recomputed(dropped)
    for check in whole.keys() & fewer.keys():
        (low, high), (low_fewer, high_fewer) = whole[check], fewer[check]
        slack = 1e-3 * (high - low) + 1e-9
        assert low_fewer <= low + slack, check
        assert high_fewer >= high - slack, check


def test_something_is_widened(whole):
    # t and d together pin t; without d only means and SDs do
    check = ("t, df and d jointly", "leap_t")
    low, high = recomputed({"leap_d"}).get(check, whole["t from means and SDs", "leap_t"])
    assert high - low > whole[check][1] - whole[check][0]
