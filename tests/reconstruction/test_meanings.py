"""Three groups, their means and SDs, regressions with "centred" products, no correlations: which centring is meant?"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf

from hikibayes.reconstruction import calibrate as calibration
from hikibayes.reconstruction.calibrate import calibrate, starting_points
from hikibayes.reconstruction.meanings import other_meanings
from hikibayes.reconstruction.posterior.problem import Problem
from hikibayes.reconstruction.posterior.traced import Traced
from hikibayes.reconstruction.raw_units import answers_by_unit
from hikibayes.reconstruction.shipped import meant
from hikibayes.reconstruction.verify import verify
from hikibayes.spec import validated
from hikibayes.study.study import Study

from .printing import fact_of
from .several import ARMS, number, skeleton

SCORES = {"age": (18, 90), "baseline": (0, 100), "response": (0, 100)}
NAMES = {"age": "age", "low": "dose[low]", "high": "dose[high]", "x": "baseline"} | {
    f"{arm}:{x}": f"dose[{arm}]:baseline" for arm in ("low", "high") for x in ("x", "p")
}
"""A study's terms by those of the formulas below."""


def trial(seed: int) -> pd.DataFrame:
    """Draw a trial of three arms whose slopes, spreads and means differ."""
    rng = np.random.default_rng(seed)
    arm = np.repeat(np.arange(3), rng.integers(35, 80, 3))
    age = rng.normal(40, 9, len(arm))
    baseline = 50 + rng.normal(0, 4, 3)[arm] + 8 * rng.standard_normal(len(arm))
    slope, gap = rng.normal(0.3, 0.4, 3)[arm], rng.normal(0, 3, 3)[arm]
    response = 50 + gap + 0.1 * age + slope * (baseline - 50) + rng.normal(0, 6, len(arm))
    rows = {"age": age, "baseline": baseline, "response": response}
    return pd.DataFrame({"dose": np.array(ARMS)[arm], **{x: np.round(y, 1) for x, y in rows.items()}})


def paper(raw: pd.DataFrame, *, codes_too: bool) -> Study:
    """Print a trial as formulas say it; the file says no more than "centred"."""
    rows = raw.assign(x=raw["baseline"] - raw["baseline"].mean())
    rows = rows.assign(**{arm: (raw["dose"] == arm).astype(float) for arm in ARMS[1:]})
    rows = rows.assign(**{f"c{arm}": rows[arm] - codes_too * rows[arm].mean() for arm in ARMS[1:]})
    first = smf.ols("response ~ age + low + high + x", rows).fit()
    second = smf.ols("response ~ age + low + high + x + clow:x + chigh:x", rows).fit()
    lines = [("n", {"group": arm}, 0, float((raw["dose"] == arm).sum())) for arm in ARMS]
    for name in SCORES:
        by_arm = raw.groupby("dose")[name]
        for arm in ARMS:
            lines += [(kind, {"of": name, "group": arm}, 2, by_arm.agg(by)[arm]) for kind, by in DESCRIBED.items()]
    for step, fit in (("step1", first), ("step2", second)):
        lines += [("r2", {"step": step}, 3, fit.rsquared)]
        for term in fit.params.index.drop("Intercept"):
            where = {"step": step, "term": NAMES[term.replace("c", "", 1) if ":" in term else term]}
            lines += [("coefficient", where, 3, fit.params[term]), ("coefficient_se", where, 3, fit.bse[term])]
    content = skeleton(
        "response",
        [number(name, *ends) for name, ends in SCORES.items()]
        + [{"id": "dose", "label": "dose", "kind": "category", "levels": [{"id": a, "label": a} for a in ARMS]}],
        [["age", "dose", "baseline"], ["dose:baseline"]],
        group=[{"id": arm, "label": arm} for arm in ARMS],
        estimand=[
            {"name": "steeper", "kind": "slope_difference", "of": "baseline", "between": ["high", "none"],
             "step": "step2", "meaning": "how much steeper response rises under the high dose"},
        ],
        analysis={"group": "dose", "focal": "baseline", "standardised": False, "products": "centred"},
    )  # fmt: skip
    facts = [fact_of(i, *line, value=value) for i, (*line, value) in enumerate(lines)]
    return validated(Study, {**content, "fact": facts}, "made up")


DESCRIBED = {"mean": "mean", "sd": "std"}


def test_an_ambiguous_word_has_other_meanings_only_where_groups_are_multiplied():
    study = paper(trial(1), codes_too=False)
    assert list(other_meanings(study)) == [{"products": "centred_scores"}]
    both = study.replace(analysis={**study.analysis.model_dump(exclude_unset=True), "coding": "effect"})
    assert list(other_meanings(both)) == [
        {"products": "centred_both", "coding": "sum"},
        {"products": "centred_scores", "coding": "half"},
        {"products": "centred_scores", "coding": "sum"},
    ]
    assert not list(
        other_meanings(study.replace(step=[study.steps[0].model_dump(exclude_unset=True)], fact=[], estimand=[]))
    )


@pytest.mark.parametrize("codes_too", [False, True])
@pytest.mark.parametrize("seed", range(4))
def test_the_raw_table_prints_the_record_in_the_meaning_of_its_paper(seed, codes_too):
    raw = trial(seed)
    study = paper(raw, codes_too=codes_too)
    found = verify(study, raw)
    assert len(found) == len(study.facts)
    assert found["matches"].all()
    assert not verify(study, raw.assign(response=raw["response"].to_numpy()[::-1]))["matches"].all()


def _begun(seed, codes_too):
    raw = trial(seed)
    _, starts, changed = starting_points(Traced(Problem.of(paper(raw, codes_too=codes_too))), seed=seed)
    assert len(starts.satisfied)
    return changed


def test_a_true_record_of_centred_scores_is_not_called_impossible(monkeypatch):
    monkeypatch.setattr(calibration, "MORE_STARTS", 2)
    assert _begun(1, codes_too=False) == {"products": "centred_scores"}


def test_where_the_codes_are_centred_too_the_usual_meaning_stands():
    assert _begun(1, codes_too=True) == {}


@pytest.mark.long
@pytest.mark.parametrize("codes_too", [False, True])
@pytest.mark.parametrize("seed", range(2, 10))
def test_true_records_of_either_meaning_begin(seed, codes_too):
    assert _begun(seed, codes_too) == ({} if codes_too else {"products": "centred_scores"})


@pytest.mark.long
@pytest.mark.parametrize("seed", range(3))
def test_the_answer_is_that_of_the_raw_data(seed):
    raw = trial(seed)
    rows = raw.assign(dose=pd.Categorical(raw["dose"], ARMS))
    known = smf.ols("response ~ age + dose * baseline", rows).fit()
    study = paper(raw, codes_too=False)
    found = calibrate(study, draws=400, seed=seed)
    assert found.verdict.sound
    made = meant(study, found.reconstructions)
    answer = answers_by_unit(made, found.reconstructions, seed=1).set_index("unit").loc["points per points"]
    name = "dose[T.high]:baseline"
    assert abs(answer["mean"] - known.params[name]) < 0.25 * known.bse[name]
    assert answer["sd_within"] == pytest.approx(known.bse[name], rel=0.05)
