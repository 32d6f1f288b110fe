"""A study of one's own data: measures, groups and estimands, and no invented fact, citation or step."""

import pandas as pd
import pytest
from tests.inference.own_table import Names

from hikibayes.auditing.audit import audit
from hikibayes.inference.fit import fit
from hikibayes.reanalysis.pipeline import reanalyze
from hikibayes.reconstruction.calibrate import calibrate
from hikibayes.spec import InputError
from hikibayes.study.study import Study

OWN = Names()


def unpublished() -> Study:
    content = OWN.study().model_dump(exclude_unset=True)
    estimands = [{k: v for k, v in e.items() if k != "step"} for e in content["estimand"]]
    kept = {k: v for k, v in content.items() if k not in ("citation", "fact", "step")}
    return Study.model_validate({**kept, "estimand": estimands})


def test_a_fit_needs_no_publication():
    study = OWN.study()
    mine, theirs = (fit(OWN.model(), OWN.table(), study=s, engine="exact", seed=1) for s in (unpublished(), study))
    pd.testing.assert_frame_equal(mine.estimates, theirs.estimates)
    assert "printed_n" not in set(mine.remarks["kind"])


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (audit, r"study 'own' has no \[\[fact\]\]: no printed number to audit"),
        (lambda s: s.sizes, r"study 'own' prints no number of participants; add a \[\[fact\]\]"),
        (lambda s: s.step(s.estimands[0].step), r"study 'own' has an \[\[estimand\]\] without 'step'"),
        (lambda s: calibrate(s, seed=1), "study 'own' prints no number of participants; add"),
        (lambda s: reanalyze(s, seed=1), r"has no \[citation\]; a reanalysis names what it is of"),
    ],
)
def test_what_needs_a_publication_says_so(ask, message):
    with pytest.raises(InputError, match=message):
        ask(unpublished())
    assert unpublished().title == "made up"


def test_shares_of_variance_are_of_a_step():
    with pytest.raises(ValueError, match="estimand 'r': a r2 needs 'step', the regression that it is of"):
        OWN.study(estimand=[{"name": "r", "kind": "r2", "meaning": "made up"}])
