"""What a report says of facts and assumptions where there are none of a kind."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from hikibayes.reporting.html import _environment


@pytest.mark.parametrize("assumed", [True, False])
def test_answers_follow_assumptions_only_where_some_are_made(assumed):
    shown = {"f": SimpleNamespace(synthetic=True, n=9), "study": SimpleNamespace(facts=[1]), "read": "rows"}
    html = _environment().get_template("limitations.html.j2").render(shown, step="step 1", assumed=assumed, limits=[])
    assert ("follow the assumptions" in html) == assumed


def test_a_report_has_no_empty_table_of_facts():
    shown = {"used": [], "others": [], "assumptions": [], "study": SimpleNamespace(assumptions=[])}
    shown |= {"number": lambda *_: "1", "f": SimpleNamespace(synthetic=False), "run": SimpleNamespace(texts={})}
    html = _environment().get_template("provenance.html.j2").render(shown)
    assert "All other facts" in html
    assert "stand against a posterior" not in html
