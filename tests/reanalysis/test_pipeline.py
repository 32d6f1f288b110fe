"""The whole, on a small study."""

import json

import pandas as pd
import pytest
from tests.studies import orchard_run

from hikibayes.folders import csv_text
from hikibayes.inference.answers.estimates import COLUMNS
from hikibayes.inference.models.specs import ModelSpec
from hikibayes.reanalysis import reanalysis_files, reanalyze
from hikibayes.reanalysis.pipeline import STAGES, _Job
from hikibayes.reanalysis.sources import reconstruct
from hikibayes.spec import InputError, digest
from hikibayes.study.study import Study

TABLES = {
    *("audit", "calibration", "verification", "estimates", "readings", "published", "johnson_neyman", "tipping"),
    *("conditional_effects", "prior_predictive", "posterior_predictive", "posterior_statistics", "loo", "diagnostics"),
    *("agreement", "dataset-0001", "codebook", "power", "sample_size", "surface"),
    *("priors", "prior_widths", "prior_surface", "prior_families", "power_scaling", "shrinkage"),
    *("confounding", "confounding_bounds", "confounding_strengths", "limitations", "limitation_reliability"),
    "assumptions",
    *(f"limitation_{what}" for what in ("panel", "panel_surface", "panel_simulated", "reverse", "reverse_lag")),
    *(f"limitation_measurement{what}" for what in ("", "_curves", "_styles")),
    *("imbalance", *(f"imbalance_{what}" for what in ("costs", "followup", "mixes", "shares", "surface"))),
}


def test_every_table_becomes_a_file():
    files = orchard_run.files()
    assert {name.removesuffix(".csv") for name in files if name.endswith(".csv")} == TABLES
    assert {"study.json", "models.json"} <= set(files)
    assert list(files["estimates.csv"].columns) == list(COLUMNS)


def test_the_next_study_is_planned_in_brief():
    """Assurance beside power, for the study's own question; the study's models and data sets, not the shipped ones'."""
    files = orchard_run.files()
    sizes = files["sample_size.csv"].set_index(["worlds", "target"])
    assert set(sizes["estimand"]) == {"shade_slope_difference"}
    assert sizes["n_per_group"]["posterior", 0.9] > sizes["n_per_group"]["printed", 0.9]
    plan = json.loads(files["planning.json"])
    assert plan["simulation"]["study"] == orchard_run.study().id
    assert plan["rules"][0]["rule"].startswith("95 % interval")


def test_every_reconstruction_is_asked_though_readings_are_compared_by_a_few_tables(nonaka, monkeypatch):
    monkeypatch.setattr("hikibayes.reanalysis.sources._by_data_sets", lambda *_, **__: {})
    found = reconstruct(nonaka, 1, seed=1, progress=lambda _: None)
    assert found.moments["default"].sizes["draw"] == 1
    assert found.draws.sizes["draw"] == 2000


def test_a_study_that_planning_has_no_model_for_is_reanalysed_without(monkeypatch):
    def refuse(*_: object, **__: object) -> None:
        raise InputError("planning is for slopes")

    monkeypatch.setattr("hikibayes.planning.power.power", refuse)
    said: list[str] = []
    job = _Job(study=orchard_run.study(), reconstructed=orchard_run.reconstructed(), seed=1, say=said.append)
    assert job.planning(orchard_run.result().published) == {}
    assert said[-1] == "left out: planning is for slopes"


def test_study_and_models_come_back_as_they_were():
    files, study = orchard_run.files(), orchard_run.study()
    assert digest(Study.model_validate_json(files["study.json"])) == digest(study)
    models = {step: ModelSpec.model_validate(content) for step, content in json.loads(files["models.json"]).items()}
    assert models == dict(orchard_run.result().models)


def test_every_estimand_is_answered_under_every_prior():
    table = orchard_run.result().estimates
    own = table[(table["engine"] == "exact") & (table["reading"] == "default")]
    assert set(own["estimand"]) == {e.name for e in orchard_run.study().estimands}
    assert set(own.loc[own["estimand"] == "shade_slope_difference", "prior"]) == {
        *("weakly_informative", "sceptical", "enthusiastic", "bambi_default", "flat")
    }
    assert set(table["engine"]) == {"exact", "nuts", "ols"}
    assert set(table["reading"]) == {"default", "wage_test=student"}


def test_only_the_answer_has_a_spread_over_readings():
    table = orchard_run.result().estimates
    rows = table[table["sd_readings"].notna()]
    assert set(rows["prior"]) == {"weakly_informative"}
    assert set(rows["reading"]) == {"default"}
    assert set(rows["engine"]) == {"exact"}
    assert not rows["estimand"].duplicated().any()


def test_the_same_seed_gives_the_same_files_and_fast_leaves_nuts_out():
    said = []
    made = reanalyze(
        *(orchard_run.study(),),
        seed=orchard_run.SEED,
        datasets=9,
        nuts_datasets=2,
        fast=True,
        progress=said.append,
        reconstructed=orchard_run.reconstructed(),
    )
    files, before = reanalysis_files(made), orchard_run.files()
    assert set(before) - set(files) == {"diagnostics.csv", "agreement.csv"}
    for name in ("readings.csv", "prior_predictive.csv", "posterior_predictive.csv", "loo.csv", "johnson_neyman.csv"):
        assert csv_text(files[name]) == csv_text(before[name]), name
    exact = before["estimates.csv"][before["estimates.csv"]["engine"] != "nuts"].reset_index(drop=True)
    pd.testing.assert_frame_equal(files["estimates.csv"], exact)
    assert said[0] == "auditing the record"
    assert not any("NUTS" in words for words in said)


def test_each_stage_has_its_own_randomness():
    job = _Job(study=orchard_run.study(), reconstructed=orchard_run.reconstructed(), seed=1, say=print)
    states = {tuple(job.seed_of(stage).generate_state(4)) for stage in STAGES}
    assert len(states) == len(STAGES)


def test_what_is_not_sound_is_said_in_words():
    result = orchard_run.result()
    assert result.unsound == ()
    verdict = "not converged: R-hat 1.2, 7 divergences"
    unconverged = type(result)(**{**vars(result), "verdict": verdict})
    assert unconverged.unsound == ("the reconstructions did not converge",)
    assert verdict in reanalysis_files(unconverged)["reconstructions.json"]
    changed = {**vars(result), "verification": result.verification.assign(matches=False)}
    assert type(result)(**changed).unsound == ("a synthetic data set misses a printed number",)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"datasets": 1}, "the number of data sets is 1; at least 2 are accepted"),
        ({"datasets": 5, "nuts_datasets": 6}, "NUTS is to fit 6 data sets; between 1 and 5 are accepted"),
    ],
)
def test_impossible_numbers_are_refused(options, message):
    with pytest.raises(InputError, match=message):
        reanalyze(orchard_run.study(), seed=1, **options)


def test_a_study_about_nothing_is_refused():
    content = orchard_run.study().model_dump(exclude_unset=True)
    with pytest.raises(InputError, match="has no estimand; a reanalysis needs to know what the study is about"):
        reanalyze(Study.model_validate({**content, "estimand": []}), seed=1)
