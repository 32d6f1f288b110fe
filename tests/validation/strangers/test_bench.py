"""Random studies: what is printed of them is true of their tables, and the bench counts, stops, goes on and accuses."""

from __future__ import annotations

import json
import re
from decimal import Decimal
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.validation.strangers.near import near_moments

import hikibayes
from hikibayes.auditing.checks.rows import Check
from hikibayes.cli import main
from hikibayes.reconstruction.reconstructions import complete
from hikibayes.reconstruction.verify import verify
from hikibayes.study.intervals import Interval
from hikibayes.validation.strangers import bench, misprints, stages
from hikibayes.validation.strangers.bench import gathered, travelled, validate
from hikibayes.validation.strangers.designs import DESIGNS, designed
from hikibayes.validation.strangers.misprints import FROM_MOMENTS, IN_THE_AUDIT, MISPRINTS
from hikibayes.validation.strangers.stages import STAGES, Effort, Journey, audited
from hikibayes.validation.strangers.stranger import stranger
from hikibayes.validation.strangers.styles import Style
from hikibayes.validation.strangers.tables import random_table

QUICK = {"audit": STAGES["audit"]}


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("products", ["z", "centred_both"])
def test_the_raw_table_prints_what_other_software_printed_of_it(seed, products):
    found = stranger(seed, sizes=(50, 90), style=Style(products=products, by_group=True, kind="hedges", test="student"))
    checked = verify(found.study, found.table)
    assert list(checked["fact"]) == [fact.id for fact in found.study.facts]
    assert checked["matches"].all(), checked[~checked["matches"].astype(bool)]


def test_a_sparse_print_is_a_part_of_the_full_one_and_the_table_is_the_same():
    sparse, full = (stranger(5, style=Style(full=full)) for full in (False, True))
    assert sparse.table.equals(full.table)
    said = [{(str(fact)) for fact in each.study.facts} for each in (sparse, full)]
    assert said[0] < said[1]


# -- the course of a bench ---------------------------------------------------------------------------------------------


def test_an_interrupted_bench_goes_on_and_ends_the_same(tmp_path):
    made = []

    def counted(journey):
        made.append(journey.seed)
        if len(made) == 2:
            raise KeyboardInterrupt
        return "odd" if journey.seed % 2 else ""

    with pytest.raises(KeyboardInterrupt):
        validate(count=3, seed=4, stages={"counted": counted}, store=tmp_path)
    again = validate(count=3, seed=4, stages={"counted": counted}, store=tmp_path)
    assert len(made) == 4  # the first study was not taken up again
    whole = validate(count=3, seed=4, stages={"counted": counted})
    for name, table in again.files.items():
        pd.testing.assert_frame_equal(table, whole.files[name])
    assert not validate(count=2, seed=4, stages={"other": lambda _: ""}, store=tmp_path).stages["reason"].any()


def test_a_failure_leaves_study_table_and_seed(tmp_path):
    def fails(journey):
        raise ZeroDivisionError("by zero\nat length")

    found = validate(count=1, seed=1, stages={"fit": fails, "report": STAGES["report"]}, store=tmp_path)
    first, second = found.stages["reason"]
    assert first.startswith("traceback: ZeroDivisionError: by zero (test_bench.py:")
    assert second == "not reached"
    assert list(found.table.query("stratum == 'all'")["what"]) == ["fit"]
    assert not found.sound
    folder = tmp_path / "failures" / "0001"
    again = stranger(json.loads((folder / "why.json").read_text())["seed"])
    assert hikibayes.load_study(folder / "study.json").model_dump() == again.study.model_dump()
    assert len(pd.read_csv(folder / "table.csv")) == len(again.table)


def test_a_stage_that_takes_too_long_has_failed_and_the_bench_goes_on(tmp_path):
    def endless(journey):
        while True:
            pass

    stages = {"calibrate": endless, "report": QUICK["audit"]}
    found = validate(count=2, seed=1, effort=Effort(seconds=0.1), stages=stages, store=tmp_path)
    assert list(found.stages["reason"]) == ["does not end in 0.1 processor seconds", "not reached"] * 2
    assert (tmp_path / "failures" / "0002" / "table.csv").is_file()


def test_what_other_code_found_is_found_again(tmp_path, monkeypatch):
    made = []
    for digest in ("a", "a", "b"):
        monkeypatch.setattr(bench, "code_digest", lambda digest=digest: digest)
        validate(count=1, seed=1, stages={"counted": lambda _: made.append(1) or ""}, store=tmp_path)
    assert len(made) == 2


@settings(deadline=None)
@given(seed=st.integers(0, 2**32 - 1), max_n=st.integers(30, 300))
def test_a_study_is_as_small_as_it_is_asked_to_be(seed, max_n):
    found = random_table(np.random.default_rng(seed), max_n=max_n, max_scores=2)
    assert 26 <= sum(found.sizes) <= max_n
    assert len(found.scores) <= 2


@pytest.mark.parametrize("seed", range(40))
def test_what_is_assumed_of_a_study_is_possible(seed):
    found = stranger(seed, max_n=100, style=Style(full=False))
    for assumed in found.study.assumptions:
        values = found.table[assumed.about[0]]
        value = values.mean() if assumed.quantity == "raw_mean" else values.std()
        assert assumed.distribution.lower <= value <= assumed.distribution.upper


def test_the_command_writes_a_run_folder_and_ends_with_the_verdict(tmp_path, monkeypatch):
    monkeypatch.setattr(stages, "STAGES", QUICK)
    done = CliRunner().invoke(main, ["validate", "strangers", "--count", "2", "--seed", "3", "-o", str(tmp_path)])
    assert done.exit_code == 0, done.output
    table = pd.read_csv(tmp_path / "strangers.csv")
    row = table[(table["stratum"] == "all") & (table["what"] == "audit")].iloc[0]
    # Wilson's interval of 2 of 2, from his formula: n / (n + z^2)
    assert (row["tried"], row["passed"], row["upper"]) == (2, 2, 1)
    assert row["lower"] == pytest.approx(2 / (2 + 1.959964**2))
    assert {path.name for path in tmp_path.iterdir()} >= {"run.json", "stages.csv", "times.csv", "studies"}


def test_a_bench_with_misprints_has_a_folder_of_its_own(tmp_path, monkeypatch):
    monkeypatch.setattr(stages, "STAGES", QUICK)
    monkeypatch.setattr(misprints, "MISPRINTS", QUICK)
    monkeypatch.chdir(tmp_path)
    for more in ([], ["--misprints"]):
        assert CliRunner().invoke(main, ["validate", "strangers", "--count", "1", *more]).exit_code == 0
    assert {path.name for path in (tmp_path / "results").iterdir()} == {"strangers", "strangers-misprints"}


@pytest.mark.parametrize("wrong", [{"count": 0}, {"workers": 0}, {"seed": -1}, {"max_n": 29}, {"max_scores": 0}])
def test_numbers_that_are_none_are_refused(wrong):
    with pytest.raises(hikibayes.InputError):
        validate(**wrong)


# -- misprints ---------------------------------------------------------------------------------------------------------


def test_a_misprint_that_the_others_determine_is_named_among_three():
    row = travelled(Journey(stranger(3, sizes=(60, 90), style=Style(decimals=3)), Effort()), MISPRINTS)
    assert [stage["passed"] for stage in row["stages"]] == [True, True]


def test_a_misprint_that_is_not_named_fails_and_what_is_not_determined_does_not_count(monkeypatch):
    monkeypatch.setattr(misprints, "_suspects", lambda study: ("n",))
    full = travelled(Journey(stranger(3, sizes=(60, 90), style=Style(decimals=3)), Effort()), MISPRINTS)["stages"][1]
    assert full["passed"] is False
    assert re.fullmatch(r"not among the suspects n: .+\(.+\) .+ for .+", full["reason"])
    monkeypatch.setattr(misprints, "_determined", lambda *_: iter(()))
    assert travelled(Journey(stranger(3, sizes=(60, 90)), Effort()), MISPRINTS)["stages"][1]["passed"] is None


def test_only_what_other_numbers_recompute_is_determined():
    study = stranger(3, sizes=(60, 90), style=Style(decimals=3)).study
    fact = next(fact for fact in study.facts if fact.quantity == "coefficient" and abs(fact.value) > Decimal("0.05"))
    middle = float(fact.value)

    def planted(check, at):
        range_ = Interval(at - 1e-4, at + 1e-4)
        row = Check(check=check, facts=(fact.id,), printed="", verdict="consistent", note="", recomputed=range_)
        return [each.id for each, _ in misprints._determined(study, (row,), np.random.default_rng(1))]

    assert planted("number from moments", middle) == [fact.id]
    # the range of a standard error that follows from it, or one that its own print has narrowed
    assert planted("SE from B and p", middle + 1) == []
    assert planted("t, df and d jointly", middle) == []


# -- other designs -----------------------------------------------------------------------------------------------------

# among them models of fewer people than are described (14) and bounds of a centred moderator (38)
SEEDS = (0, 1, 3, 5, 7, 14, 23, 38)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_record_of_another_design_is_not_accused(seed):
    found = designed(seed)
    assert audited(Journey(found, Effort())) == ""
    assert designed(seed).study == found.study
    usual = [fact for fact in found.study.facts if fact.quantity in FROM_MOMENTS | {"mean", "f", "correlation"}]
    if not any(fact.step for fact in found.study.facts_of("n")):
        checked = verify(found.study.replace(facts=tuple(usual)), found.table)
        assert checked["matches"].all(), checked[~checked["matches"].astype(bool)]


def test_every_design_is_among_them_and_their_misprints_are_named():
    assert {designed(seed).strata["design"] for seed in SEEDS} == {*DESIGNS}
    found = validate(count=3, seed=5, stages=IN_THE_AUDIT, drawn=designed)
    assert found.sound
    assert found.stages["passed"].notna().all()
    assert {*found.table["stratum"]} == {"all", "design", "beside B", "n", "decimals"}


# -- the contrast ------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def small():
    return stranger(1, sizes=(40, 60), whole=False, style=Style())


@pytest.mark.parametrize(("bent", "agrees"), [(0.0, True), (0.6, False)])
def test_a_contrast_is_held_against_the_raw_table(small, bent, agrees):
    moments = complete(small.study, near_moments(small, 0.0, 1))
    journey = Journey(small, Effort(datasets=1))
    journey.calibration = SimpleNamespace(reconstructions=moments)
    journey.synthesis = SimpleNamespace(datasets=(_bent(small, bent),))
    row = travelled(journey, {"fit": STAGES["fit"]})
    assert row["stages"][0]["passed"]
    assert row["contrast"]["determined"]
    assert row["contrast"]["agrees"] is agrees
    table = gathered([{"number": 1, "seed": 1, **row}]).table
    assert list(table.query("stratum == 'all'")["passed"]) == [1, 1, int(agrees), 0]


def test_what_varies_between_reconstructions_is_not_determined(small):
    moments = complete(small.study, near_moments(small, 0.0, 1))
    wide = moments.isel(draw=np.zeros(40, dtype=int))
    wide["cov"] = wide["cov"] * np.linspace(0.5, 1.5, 40)[:, None, None, None] ** [[[0]], [[1]]]
    journey = Journey(small, Effort(datasets=1))
    journey.calibration = SimpleNamespace(reconstructions=wide)
    journey.synthesis = SimpleNamespace(datasets=(small.table,))
    assert travelled(journey, {"fit": STAGES["fit"]})["contrast"]["determined"]
    slope = wide["cov"].sel(measure="x0", measure_2="y")
    changed = slope * xr_ramp(len(slope["draw"]))
    wide["cov"].loc[{"measure": "x0", "measure_2": "y"}] = changed
    wide["cov"].loc[{"measure": "y", "measure_2": "x0"}] = changed.values
    assert not travelled(journey, {"fit": STAGES["fit"]})["contrast"]["determined"]


def _bent(found, by):
    """Return the raw table with the scores of the second group's outcome pulled to those of the focal measure."""
    table, adult = found.table, found.table["age_group"] == "adult"
    high = {name: found.study.measure(name).limits[1] for name in ("x0", "y")}
    return table.assign(
        y=np.where(adult, (1 - by) * table["y"] + by * table["x0"] * high["y"] / high["x0"], table["y"])
    )


def xr_ramp(draws):
    import xarray as xr

    return xr.DataArray(np.stack([np.ones(draws), np.linspace(-1, 1, draws)], axis=1), dims=("draw", "group"))


@pytest.mark.long
def test_most_strangers_pass_every_stage(tmp_path):
    found = validate(count=20, seed=1, store=tmp_path, workers=2)
    overall = found.table[found.table["stratum"] == "all"].set_index("what")["share"]
    assert (overall[list(STAGES)] >= 0.9).all(), found.reasons.to_dict()
