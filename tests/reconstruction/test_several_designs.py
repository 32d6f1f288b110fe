"""One sample and three groups from print to rows: raw data are planted, printed by statsmodels, and asked for again."""

import numpy as np
import pytest

from hikibayes.reconstruction.calibrate import calibrate
from hikibayes.reconstruction.quantities import reported_quantities
from hikibayes.reconstruction.synthesize import Synthesizer
from hikibayes.spec import InputError
from hikibayes.study.analysis import PublishedAnalysis
from hikibayes.study.moments import sample_moments

from . import several

DESIGNS = {
    "one sample": (several.moderation, several.sample, several.moderation_lines),
    "three groups": (several.trial, several.doses, several.trial_lines),
}


def true_numbers(study, raw):
    moments = sample_moments(raw, study)
    moments = moments.assign({name: moments[name].expand_dims(draw=1) for name in ("mean", "cov")})
    return {name: float(found.values[0]) for name, found in reported_quantities(study, moments).items()}


@pytest.mark.long
@pytest.mark.parametrize("design", DESIGNS)
def test_calibration_covers_the_planted_numbers(design):
    content, draw, lines = DESIGNS[design]
    raw = draw()
    study = several.printed(content(), raw, lines())
    found = calibrate(study, draws=400, seed=1)
    assert found.verdict.sound
    table = found.table.set_index("quantity")
    true = true_numbers(study, raw)
    assert set(true) == set(table.index)
    away = {name: abs(true[name] - table.loc[name, "mean"]) / max(table.loc[name, "sd"], 1e-9) for name in true}
    assert max(away.values()) < 4
    assert np.median(list(away.values())) < 1.3


@pytest.mark.parametrize("whole", [False, True])
@pytest.mark.parametrize("design", DESIGNS)
def test_a_table_is_made_that_prints_every_fact(design, whole):
    """Fact by fact as statsmodels and SciPy have them, from reconstructions that are the raw table's own moments."""
    content, draw, lines = DESIGNS[design]
    raw = draw(integer=whole)
    study = several.printed(content(integer=whole), raw, lines())
    made = Synthesizer.of(study, several.own_moments(study, raw)).make(2, seed=1)
    assert made.verification["matches"].all()
    assert list(made.verification["fact"]) == [fact.id for fact in study.facts]
    assert set(made.participants.columns) == {measure.id for measure in study.measures}
    assert not made.participants.reset_index(drop=True).equals(raw[list(made.participants.columns)])


@pytest.mark.parametrize("coding", ["dummy", "half", "sum", "helmert"])
def test_codings_of_three_groups_are_printed_as_the_evaluator_has_them(coding):
    """`verify` builds columns by inverting contrasts; the evaluator of moments has them written out."""
    raw = several.doses()
    terms = ("dose[low]", "dose[high]", "dose[high]:baseline")
    lines = [("coefficient", {"step": "step2", "term": term, "standardised": False}, 6) for term in terms]
    study = several.printed(several.trial(coding=coding, products="raw"), raw, lines)
    analysis = PublishedAnalysis(study, sample_moments(raw, study))
    for fact in study.facts_of("coefficient"):
        assert float(analysis.value(fact)) == pytest.approx(float(fact.value), abs=1e-6)


@pytest.mark.parametrize(
    ("adds", "said"),
    [
        (["dose", "baseline", "baseline:sex", "sex"], "make 'sex' the groups"),
        (["dose", "dose:baseline"], "whose factors are all in the step"),
    ],
)
def test_a_product_that_calibration_cannot_take_is_said(adds, said):
    content = {**several.trial(), "estimand": [], "step": [{"id": "s", "label": "s", "adds": adds}]}
    study = several.printed(content, several.doses(), [])
    with pytest.raises(InputError, match=said):
        calibrate(study)


def test_an_assumption_that_favours_one_of_three_groups_is_refused():
    assumption = {
        "id": "low_differs",
        "quantity": "standardised_difference",
        "about": ["baseline"],
        "distribution": {"dist": "Normal", "mu": 0.4, "sigma": 0.2},
        "rationale": "Whoever takes more has begun with more of it.",
    }
    study = several.printed({**several.trial(), "assumption": [assumption]}, several.doses(), [])
    with pytest.raises(InputError, match="which of two groups is higher, and there are 3") as caught:
        calibrate(study)
    assert "low_differs" in str(caught.value)


def test_one_sample_needs_its_size():
    study = several.printed(several.moderation(), several.sample(), [])
    with pytest.raises(InputError, match="no number of participants"):
        calibrate(study.replace(facts=()))
