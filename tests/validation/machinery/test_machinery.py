"""The checks of the machinery: what they pass, and that each can fail."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from hikibayes.inference.gaussian.normal_priors import HalfNormal
from hikibayes.inference.models.specs import load_model
from hikibayes.spec import InputError
from hikibayes.study.study_file import load_study
from hikibayes.validation.machinery import checks, priors, replication
from hikibayes.validation.machinery.bench import machinery
from hikibayes.validation.machinery.checks import CHECKS, QUICK, Check
from hikibayes.validation.machinery.figure import calibration_figure
from hikibayes.validation.machinery.priors import exact_ranks, nuts_ranks, random_design
from hikibayes.validation.machinery.ranks import DRAWS, FALSE_ALARM, rank, uniformity

STUDY = load_study("nonaka2021").read()
SMALL = replace(QUICK, exact=200, people=40)


def laid_out(model: str):
    return random_design(load_model(model), STUDY, np.random.default_rng(1), people=40)


def test_uniform_ranks_pass_and_three_kinds_of_wrong_ones_do_not():
    rng = np.random.default_rng(2)
    truth, draws = rng.standard_normal(1000), rng.standard_normal((1000, DRAWS))
    ranks = {
        "right": rank(truth, draws),
        "shifted": rank(truth + 0.25, draws),
        "too narrow": rank(truth, 0.8 * draws),
        "too wide": rank(truth, 1.25 * draws),
    }
    found = uniformity(ranks).set_index("quantity")
    assert found.p["right"] > 0.01
    assert (found.p.drop("right") < FALSE_ALARM).all()
    assert found.coverage["right"] == pytest.approx(0.9, abs=0.03)
    assert found.coverage["too narrow"] < 0.87 < 0.93 < found.coverage["too wide"]


def test_a_right_sampler_is_called_wrong_as_seldom_as_is_said():
    rng = np.random.default_rng(3)
    ranks = {str(k): rng.integers(0, DRAWS + 1, 300).astype(float) for k in range(600)}
    share = (uniformity(ranks)["p"] < 0.05).mean()
    assert 0.02 < share < 0.065  # Bonferroni of three tests that are not independent: a little below .05


def test_the_exact_engine_is_calibrated():
    found = exact_ranks(laid_out("step2"), "sceptical", np.random.default_rng(4), simulations=400)
    table = uniformity(found)
    assert {"sigma", "intercept", "log likelihood", "instrumental_support"} <= set(table["quantity"])
    assert table["p"].min() * len(table) > FALSE_ALARM


def test_data_that_the_engine_refuses_are_left_out_and_said(monkeypatch):
    right = priors.exact_priors
    next_to_none = HalfNormal(scale=1e-4)
    monkeypatch.setattr(priors, "exact_priors", lambda *given: replace(right(*given), sigma=next_to_none))
    found = machinery("step1", effort=SMALL, checks=CHECKS[:1], seed=10)
    tried = found.table["tried"].iloc[0]
    assert 0 < tried < SMALL.exact
    assert f"{SMALL.exact - tried:.0f} data sets without a residual left out" in found.table["note"].iloc[0]
    assert found.sound


@pytest.mark.parametrize("wrong", ["sd", "mean", "sigma"])
def test_an_engine_that_takes_another_prior_is_found(monkeypatch, wrong):
    right = priors.posterior

    def other(data, given, **more):
        changed = {
            "sd": {"sd": 0.6 * np.asarray(given.sd)},
            "mean": {"mean": np.asarray(given.mean) + 0.2},
            "sigma": {"sigma": replace(given.sigma, scale=given.sigma.scale / 4)},
        }[wrong]
        return right(data, replace(given, **changed), **more)

    monkeypatch.setattr(priors, "posterior", other)
    found = exact_ranks(laid_out("step1"), "weakly_informative", np.random.default_rng(5), simulations=2000)
    assert uniformity(found)["p"].min() < FALSE_ALARM / len(found)


@pytest.mark.parametrize("model", ["step3_region", "step3_sum_score", "step3_measurement_error"])
def test_data_are_drawn_given_truths(model):
    """Each simulation has data of its own, in the shape and the range of the model's."""
    generator = priors._Generator(priors.graph(laid_out(model), "weakly_informative"), 6)
    (first, one), (second, two) = generator.simulate(), generator.simulate()
    assert not np.allclose(first[0], second[0])
    for name, values in one.items():
        assert values.shape == generator.made.inputs[name].shape
        assert not np.array_equal(values, two[name])
        assert np.isfinite(values).all()
    if model == "step3_measurement_error":
        assert np.array_equal(two["scores"][generator.made.inputs["rows_1"]], two["scores_1"])
    assert np.isfinite(generator.log_likelihood(*second)[0])


def test_one_table_and_one_page():
    found = machinery("step3", effort=SMALL, checks=CHECKS[:1], seed=7)
    assert found.sound
    assert list(found.table.columns) == ["check", "of", "tried", "statistic", "value", "accepted", "ok", "note"]
    left_out = found.table[found.table["ok"].isna()]
    assert left_out["note"].str.startswith("left out").all()
    assert left_out["of"].str.contains("flat").all()
    svg = calibration_figure(found.ranks, 7)
    assert svg == calibration_figure(found.ranks, 7)
    assert "step3 (sceptical)" in svg
    again = machinery("step3", effort=SMALL, checks=CHECKS[:1], seed=7)
    pd.testing.assert_frame_equal(found.table, again.table)


def test_a_band_that_is_left_is_not_sound():
    out = Check(name="made up", question="?", rows=lambda _: iter([checks._row("x", 1, "z", 9, "<= 1", False)]))
    assert not machinery(checks=[out]).sound


def test_a_model_of_ones_own_is_checked_alone(tmp_path):
    file = tmp_path / "mine.toml"
    file.write_text(
        'description = "made up"\nformula = "abs_h ~ group * age"\n[priors]\n'
        'Intercept = {dist = "Normal", mu = 0, sigma = 1, reason = "r"}\n'
        'age = {dist = "Normal", mu = 0, sigma = 1, reason = "r"}\n'
        'group = {dist = "Normal", mu = 0, sigma = 1, reason = "r"}\n'
        '"group:age" = {dist = "Normal", mu = 0, sigma = 0.2, reason = "r"}\n'
        'sigma = {dist = "HalfNormal", sigma = 1, reason = "r"}\n',
        encoding="utf-8",
    )
    found = machinery(file, effort=SMALL, checks=[CHECKS[0], *CHECKS[3:]], seed=8)
    assert set(found.table["check"]) == {CHECKS[0].name}
    assert found.ranks.keys() == {"mine (weakly_informative)"}
    with pytest.raises(InputError, match="no model"):
        machinery("nothing_of_the_kind")


def test_a_wrong_measure_of_a_replication_is_found(monkeypatch):
    found = machinery(checks=CHECKS[5:])
    assert found.sound
    assert found.table["tried"].sum() > 50
    right = replication.m.prediction
    monkeypatch.setattr(replication.m, "prediction", lambda *studies, tau=0.0: right(*studies, tau=tau + 0.001))
    wrong = machinery(checks=CHECKS[5:]).table
    assert set(wrong["of"][~wrong["ok"].astype(bool)]) == {"predict", "reg_flat"}


@pytest.mark.long
def test_power_is_the_noncentral_t():
    found = machinery(effort=replace(SMALL, replicates=4000), checks=CHECKS[4:5])
    assert found.sound
    assert len(found.table) == 3


@pytest.mark.long
@pytest.mark.parametrize("model", ["step1", "step3_robust", "step3_region", "step3_sum_score"])
def test_nuts_is_calibrated(model):
    table = uniformity(nuts_ranks(laid_out(model), "weakly_informative", 9, simulations=60))
    assert table["p"].min() * len(table) > FALSE_ALARM


def test_planted_pairs_are_covered_and_a_prior_that_is_another_is_found(monkeypatch):
    """500 pairs each way; then an analysis that takes effects to be five times as small as they are."""
    small = checks.Subject(models={}, study=STUDY, effort=SMALL, seed=3)
    rows = pd.DataFrame(checks.planted_pairs(small))
    assert len(rows) == 8
    assert rows["tried"].eq(500).all()
    assert rows["ok"].all(), rows
    right = replication.m.posterior
    narrow = replication.m.NormalPrior(0.0, 0.05)
    monkeypatch.setattr(replication.m, "posterior", lambda data, _: right(data, narrow))
    found = pd.DataFrame(checks.planted_pairs(small)).set_index("of")["ok"]
    assert not found[[of for of in found.index if "truth" in of]].any()
    assert found[[of for of in found.index if "P(new" in of]].all()
