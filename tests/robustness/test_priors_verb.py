"""Prior sensitivity as a person meets it: verb, files, figures, section, replay, and messages for what cannot be."""

import json

import pandas as pd
import pytest
from click.testing import CliRunner
from tests.studies import orchard_run

import hikibayes
from hikibayes.cli import main
from hikibayes.folders import write_run
from hikibayes.inference.fit import fit
from hikibayes.inference.models.steps import model_of
from hikibayes.inference.saved_fit import fit_files
from hikibayes.provenance import Stopwatch
from hikibayes.reporting.findings import tipping_value
from hikibayes.reporting.html import page, report
from hikibayes.reporting.saved import SavedRun
from hikibayes.reporting.topics import figure_files
from hikibayes.reporting.topics.sensitivity import FIGURES
from hikibayes.runs.replay import replay, same

RUN = CliRunner()


def fitted(folder, step, variant="weakly_informative"):
    study = orchard_run.study()
    made = fit(
        model_of(study.read(), step), orchard_run.data_sets()[0], seed=1, study=study, engine="exact", variant=variant
    )
    write_run(folder, fit_files(made), Stopwatch().record("fit", {"prior": variant}, seed=1, inputs={}))
    return folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return fitted(tmp_path_factory.mktemp("fit"), "products")


@pytest.fixture(scope="module")
def run(folder, tmp_path_factory):
    out = tmp_path_factory.mktemp("priors")
    done = RUN.invoke(main, ["priors", str(folder), "--no-design", "--out", str(out), "--json"])
    assert done.exit_code == 0, done.output
    return out, done


def test_a_fit_of_ones_own_is_analysed(run, folder):
    out, done = run
    table = pd.DataFrame(json.loads(done.stdout))
    assert set(table["prior"]) == {"weakly_informative", "sceptical", "enthusiastic", "bambi_default", "flat"}
    estimates = pd.read_csv(folder / "estimates.csv")
    assert set(table["estimand"]) == set(estimates["estimand"])
    both = table[table["prior"] == "weakly_informative"].merge(estimates[estimates["engine"] == "exact"], on="estimand")
    linear = both[both["unit_x"] != ""]
    assert linear["mean_x"].to_numpy() == pytest.approx(linear["mean_y"].to_numpy(), rel=1e-8)
    names = {path.stem for path in out.iterdir()}
    assert {
        "priors",
        "prior_widths",
        "prior_surface",
        "prior_families",
        "power_scaling",
        "shrinkage",
        "tipping",
    } <= names
    assert {path.stem for path in (out / "figures").iterdir()} == {"prior_widths", "prior_surface", "shrinkage"}
    assert json.loads((out / "run.json").read_text())["seed"] == 20210525


def test_the_run_can_be_made_again(run):
    assert same(replay(run[0]))


def test_the_python_function_is_the_verb(run, folder):
    found = hikibayes.priors(folder, seed=20210525, design=False)
    written = pd.read_csv(run[0] / "tipping.csv")
    assert found.tipping["sentence"].tolist() == written["sentence"].tolist()


def test_a_reanalysis_says_what_would_have_to_be_true():
    saved = SavedRun.of_contents(orchard_run.files(), orchard_run.record())
    for name in ("prior_widths", "prior_surface", "shrinkage"):
        assert FIGURES[name].wanted(saved), name
    text = page(saved, figure_files(saved))
    assert text.index("It would fall if") < text.index(">Question and data</h2>")
    for words in ("is not convinced by these data", "Cauchy, scale", "drawn towards 0 by as much", "Focal prior alone"):
        assert words in text, words


def test_the_run_has_a_report_and_ones_own_data_are_not_called_synthetic(run):
    text = report(run[0])
    assert "The answer over the width of its prior" in text
    assert "SYNTHETIC" not in text
    saved = SavedRun.of_contents(orchard_run.files(), orchard_run.record())
    assert "SYNTHETIC" in page(saved, figure_files(saved))


def test_tipping_values_are_read_at_a_glance():
    assert [tipping_value(x) for x in (0.128, 3.57, 159.6, float("nan"))] == [".13", "3.57", "160", "–"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["nowhere"], "there is no study 'nowhere'"),
        (["{tmp}"], "is empty; give a folder that a run has written"),
        (["{main}"], "model 'work' cannot answer 'shade_slope_difference'"),
        (["{fit}", "--reading", "wage_test=student"], "a fit has no readings"),
    ],
)
def test_what_cannot_be_analysed_is_told_in_one_message(words, message, folder, tmp_path_factory):
    places = {"fit": folder, "tmp": tmp_path_factory.mktemp("empty")}
    if "{main}" in words:
        places["main"] = fitted(tmp_path_factory.mktemp("main"), "work")
    done = RUN.invoke(main, ["priors", *(word.format(**places) for word in words), "--out", str(places["tmp"] / "out")])
    assert done.exit_code == 2
    assert message in done.output
    assert done.output.count("hikibayes:") == 1
    assert not (places["tmp"] / "out").exists()


@pytest.mark.long
def test_a_follow_up_needs_more_people_the_narrower_its_prior(orchard):
    from hikibayes.robustness.priors.design import followup_sizes
    from hikibayes.robustness.priors.surface import FocalPrior

    table = followup_sizes(FocalPrior(case=orchard), seed=1)
    assert set(table["worlds"]) == {"printed", "posterior"}
    for _, own in table.groupby("worlds"):
        n = own["n_per_group"].dropna().astype(float)
        assert (n.diff().dropna() <= 0).all()
    assert table["is_models"].sum() == 2
