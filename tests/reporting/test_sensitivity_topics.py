"""Two sensitivity analyses as a person meets them: figures, sections, verbs, replay."""

import json

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from tests.studies import orchard, orchard_run

from hikibayes.cli import main
from hikibayes.reporting.html import page
from hikibayes.reporting.saved import SavedRun
from hikibayes.reporting.topics import confounding, figure_files, imbalance
from hikibayes.reporting.topics.imbalance.names import adjustment_name
from hikibayes.runs.replay import replay, same

RUN = CliRunner()
SEASON = "first season or returning"
MODEL = """
description = "Contentment by shade, season and farm"
formula = "contentment ~ season + age + farm * (shade + toil)"
[priors]
Intercept = {dist = "Normal", mu = 0, sigma = 1, reason = "centred"}
season = {dist = "Normal", mu = 0, sigma = 1, reason = "wide"}
age = {dist = "Normal", mu = 0, sigma = 0.5, reason = "wide"}
farm = {dist = "Normal", mu = 0, sigma = 1, reason = "wide"}
shade = {dist = "Normal", mu = 0, sigma = 0.5, reason = "wide"}
toil = {dist = "Normal", mu = 0, sigma = 0.5, reason = "wide"}
"farm:shade" = {dist = "Normal", mu = 0, sigma = 0.5, reason = "wide"}
"farm:toil" = {dist = "Normal", mu = 0, sigma = 0.5, reason = "wide"}
sigma = {dist = "HalfStudentT", nu = 4, sigma = 1, reason = "usual"}
"""


@pytest.fixture(scope="module")
def saved():
    return SavedRun.of_contents(orchard_run.files(), orchard_run.record())


@pytest.fixture(scope="module")
def fitted(tmp_path_factory):
    folder = tmp_path_factory.mktemp("fit")
    orchard.participants(np.random.default_rng(5), {"conventional": 70, "organic": 60}).to_csv(folder / "mine.csv")
    (folder / "season.toml").write_text(MODEL, encoding="utf-8")
    asked = ["fit", str(folder / "season.toml"), str(folder / "mine.csv"), "--study", str(orchard.FILE)]
    done = RUN.invoke(main, [*asked, "--engine", "exact", "--out", str(folder / "run")])
    assert done.exit_code == 0, done.output
    return folder / "run"


def test_a_reanalysis_holds_both_analyses_and_draws_them(saved):
    for name, figure in (confounding.FIGURES | imbalance.FIGURES).items():
        assert figure.wanted(saved), name
    text = page(saved, figure_files(saved))
    for words in (
        "If the groups had been alike",
        "What nobody measured",
        f"The groups differ in {SEASON}",
        "times as strong as",
    ):
        assert words in text


def test_every_adjustment_has_a_name_of_its_own(saved):
    table = saved.table("imbalance")
    own = table[table["estimand"] == table["estimand"].iloc[0]].to_dict("records")
    names = [adjustment_name(saved.study, row) for row in own]
    assert len(set(names)) == len(names)
    assert {f"{SEASON} left out", "standardised to equal shares", f"groups matched on {SEASON}"} <= set(names)


@pytest.mark.parametrize("verb", ["imbalance", "confounding", "limitations", "multiverse"])
def test_a_fit_of_one_s_own_is_analysed_and_the_run_replays(verb, fitted, tmp_path):
    done = RUN.invoke(main, [verb, str(fitted), "--out", str(tmp_path), "--json"])
    assert done.exit_code == 0, done.output
    table = pd.DataFrame(json.loads(done.stdout))
    assert verb in ("limitations", "multiverse") or (table["estimand"] == "shade_slope_difference").any()
    assert {f"{verb}.csv", "tipping.csv", "run.json", "study.json"} <= {path.name for path in tmp_path.iterdir()}
    first = "limitation_panel" if verb == "limitations" else verb
    assert (tmp_path / "figures" / f"{first}.svg").is_file()
    assert same(replay(tmp_path))


def test_a_fit_that_has_changed_is_not_replayed(fitted, tmp_path):
    RUN.invoke(main, ["confounding", str(fitted), "--out", str(tmp_path)])
    record = json.loads((tmp_path / "run.json").read_text(encoding="utf-8"))
    record["inputs"] = dict.fromkeys(record["inputs"], "0" * 64)
    (tmp_path / "run.json").write_text(json.dumps(record), encoding="utf-8")
    done = RUN.invoke(main, ["replay", str(tmp_path)])
    assert done.exit_code == 2
    assert "is not what it was when the run was made" in done.output


def test_a_mix_of_one_s_own_is_in_the_table(fitted, tmp_path):
    asked = ["imbalance", str(fitted), "--share", "conventional=0.4", "--share", "organic=0.3", "--out", str(tmp_path)]
    done = RUN.invoke(main, asked)
    assert done.exit_code == 0, done.output
    assert f"For the imbalance in {SEASON} alone" in done.output
    table = pd.read_csv(tmp_path / "imbalance.csv")
    assert set(table[table["what"] == "own"]["approach"]) == {"standardised", "weighted"}


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        (["imbalance", "--mix", "first=0.5", "--mix", "returning=0.6"], "it must sum to 1"),
        (["imbalance", "--women", "organic=0", "--women", "conventional=0.5"], "it must lie between 0 and 1"),
        (["imbalance", "--share", "organic=half"], "write a share as a number"),
        (["imbalance", "--balance", "shade"], "there is no category of two levels in these data, 'shade'"),
        (["confounding", "--benchmark", "wage"], "there is no benchmark covariate in this model, 'wage'"),
        (["limitations", "--set", "panel=0.5"], "write it as LIMITATION.NUMBER=VALUE"),
        (["limitations", "--set", "panel.share=half"], "write it as LIMITATION.NUMBER=VALUE"),
        (["limitations", "--only", "weather"], "there is no limitation 'weather'"),
        (["limitations", "--about", "panel=contentment,rain"], "there is no measure 'rain'"),
        (["multiverse", "--exclude", "season=last"], "there is no level of 'season' 'last'"),
        (["multiverse", "--cross", "wage_test"], "a fit has no readings to cross"),
        (["confounding", "--alpha", "1"], "alpha is 1; it must lie between 0 and 1"),
        (["confounding", "--reading", "wage_test=welch"], "a fit has no readings"),
    ],
)
def test_what_cannot_be_used_is_one_message_and_writes_nothing(asked, message, fitted, tmp_path):
    done = RUN.invoke(main, [asked[0], str(fitted), *asked[1:], "--out", str(tmp_path / "run")])
    assert done.exit_code == 2
    assert message in done.output
    assert "Traceback" not in done.output
    assert not (tmp_path / "run").exists()
