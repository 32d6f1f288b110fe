"""A record calibrated from beginning to end, and what is said of one that contradicts itself."""

import json
from types import SimpleNamespace

import numpy as np
import pytest
import xarray as xr

from hikibayes.reconstruction import calibrate as calibration
from hikibayes.reconstruction.calibrate import WIDE, ConflictingRecordError, calibrate, starting_points
from hikibayes.reconstruction.posterior.problem import Problem
from hikibayes.reconstruction.posterior.starts import FROM_AFAR, TEMPERATURES, Starts, Suspect
from hikibayes.reconstruction.posterior.traced import Traced
from hikibayes.reconstruction.shipped import meant

from .printing import (
    Shape,
    answer,
    coefficients,
    correlation_table,
    descriptives,
    explained,
    printed_study,
    truth,
    workers,
)

SHAPE = Shape(n=(60, 45))
FEW = [
    {"id": "first", "label": "1", "adds": ["shift", "course"]},
    {"id": "second", "label": "2", "after": "first", "adds": ["focus"]},
    {"id": "third", "label": "3", "after": "second", "adds": ["course:focus"]},
]
"""Each measure adds to what JAX has to compile."""
USED = {"shift", "focus", "output"}
LINES = [
    line
    for line in (*descriptives(), *correlation_table("plain"), *correlation_table("trained"))
    if {line[1]["of"], line[1].get("with", "focus")} <= USED
] + [*coefficients("third", ("course:focus", "focus"), "coefficient_se"), *explained()]


@pytest.fixture(scope="module")
def record():
    raw = workers(SHAPE, 11)
    return raw, printed_study(SHAPE, raw, LINES, step=FEW)


def with_value(study, fact, value):
    content = study.model_dump(exclude_unset=True)
    content["fact"] = [{**f, "value": value} if f["id"] == fact else f for f in content["fact"]]
    return type(study).model_validate(content)


def fact_of(study, quantity, **address):
    return next(
        f for f in study.facts if f.quantity == quantity and all(getattr(f, k) == v for k, v in address.items())
    )


def test_a_full_record_gives_the_answer_of_its_raw_data(record):
    raw, study = record
    told = []
    found = calibrate(study, draws=400, seed=1, progress=lambda *steps: told.append(steps))
    assert found.verdict.sampler == "optimiser"
    assert found.verdict.sound
    assert str(found.verdict).startswith("converged: R-hat 1.0")
    assert found.reconstructions.sizes["draw"] == 400
    assert told[-1][0] == told[-1][1] >= 400
    ours, known = answer(study, found.reconstructions), truth(study, raw)
    assert abs(ours.mean - known.mean) < 0.25 * known.sd
    assert 0.85 < ours.sd / known.sd < 1.18
    again = calibrate(study, draws=400, seed=1)
    assert again.reconstructions["cov"].equals(found.reconstructions["cov"])


@pytest.mark.parametrize(
    ("quantity", "address", "wrong"),
    [
        ("correlation", {"of": "focus", "with_": "output", "group": "plain"}, "-0.25"),
        ("sd", {"of": "focus", "group": "plain"}, "17.31"),
        ("coefficient", {"term": "course:focus"}, "0.93"),
    ],
)
def test_a_misprint_is_among_the_first_three_suspects(record, quantity, address, wrong):
    _, study = record
    fact = fact_of(study, quantity, **address)
    with pytest.raises(ConflictingRecordError, match="no data can satisfy this record") as caught:
        calibrate(with_value(study, fact.id, wrong), seed=1)
    assert fact.id in caught.value.facts[:3]
    assert f"prints {wrong}, at best" in str(caught.value)


@pytest.mark.parametrize("agreeing", [[], ["raw"], ["raw", "sum"]])
def test_one_other_convention_is_carried_on_under_several_are_named(record, monkeypatch, agreeing):
    _, study = record
    fact = fact_of(study, "coefficient", term="course:focus").id

    def starts(traced, seed):
        analysis = traced.problem.study.analysis
        found = np.zeros((1, traced.size))
        return SimpleNamespace(
            satisfied=found[: len({analysis.products, analysis.coding} & set(agreeing))], cost=np.zeros(1), u=found
        )

    def in_the_way(traced, _):
        return (Suspect(fact=fact, u=np.zeros(traced.size), alone=True),)

    monkeypatch.setattr(calibration, "_starts", starts)
    monkeypatch.setattr(calibration, "suspects", in_the_way)
    monkeypatch.setattr(calibration, "_without_contrasts", lambda *_: None)
    monkeypatch.setattr(calibration, "_agreeing", lambda study, _: study.analysis != record[1].analysis)
    if len(agreeing) == 1:
        traced, _, changed = starting_points(Traced(Problem.of(study)), seed=1)
        assert changed == {"products": "raw"}
        assert traced.problem.study.analysis.products == "raw"
        # whoever uses the reconstructions takes the study as they do
        made = xr.Dataset(attrs={"conventions": json.dumps(changed)})
        assert meant(study, made) == traced.problem.study
        return
    with pytest.raises(ConflictingRecordError) as caught:
        starting_points(Traced(Problem.of(study)), seed=1)
    said = "with products = 'raw' or coding = 'sum' in [analysis] all of it would hold together"
    assert (said in str(caught.value)) is bool(agreeing)


def test_only_conventions_under_which_more_numbers_agree_are_tried(record, monkeypatch):
    """The record's products are of z scores; as raw or centred ones its coefficients are others."""
    _, study = record
    wrong = with_value(study, fact_of(study, "coefficient", term="course:focus").id, "0.93")
    tried = []
    monkeypatch.setattr(calibration, "Traced", lambda problem: tried.append(problem.study.analysis) or Traced(problem))
    with pytest.raises(ConflictingRecordError):
        calibrate(wrong, seed=1)
    assert [(each.products, each.coding) for each in tried] == [("z", "dummy")]


def test_derivatives_are_those_of_the_residuals(record):
    _, study = record
    traced = Traced(Problem.of(study))
    u = np.random.default_rng(4).normal(0, 0.1, (2, traced.size))
    cold = np.ones((2, len(traced.problem.statements)))
    left, slope, value = traced.linearised(u, cold)
    along = np.random.default_rng(5).normal(size=traced.size)
    ahead, behind = (traced.linearised(u + h * along, cold) for h in (1e-5, -1e-5))
    np.testing.assert_allclose(slope @ along, (ahead[0] - behind[0]) / 2e-5, rtol=2e-4, atol=2e-4)
    # the prior beyond the sum of squares is smooth and small
    assert np.ptp(value + 0.5 * (left**2).sum(axis=1)) < 30


@pytest.mark.parametrize("wide", [False, True])
def test_nothing_is_called_impossible_before_it_was_searched_from_afar(monkeypatch, wide):
    asked = []

    def searched(traced, *, points, seed, temperatures=TEMPERATURES):
        asked.append(temperatures)
        near = temperatures == FROM_AFAR
        return Starts(u=np.zeros((8, 1)), cost=np.full(8, 1.0 if near else 9.0), misses=np.full((8, 1), 2.0 - near * 2))

    monkeypatch.setattr(calibration, "find_starts", searched)
    traced = SimpleNamespace(size=WIDE if wide else WIDE - 1)
    assert len(calibration._starts(traced, seed=1).satisfied) == 8
    assert asked == [TEMPERATURES, FROM_AFAR]
