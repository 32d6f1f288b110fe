"""What a fit says of itself is in its report, and in those of its sensitivity analyses; no publication is needed."""

import shutil
from functools import partial
from types import SimpleNamespace

import pandas as pd
import pytest
from click.testing import CliRunner
from tests.inference.own_table import Names
from tests.inference.test_unpublished import unpublished

from hikibayes.cli import main
from hikibayes.folders import write_run
from hikibayes.inference.fit import fit
from hikibayes.inference.saved_fit import fit_files, load_fit
from hikibayes.provenance import Stopwatch
from hikibayes.reporting.html import report
from hikibayes.reporting.saved import SavedRun
from hikibayes.reporting.topics import figure_files
from hikibayes.reporting.topics.fit import _owed
from hikibayes.robustness.case import case_of
from hikibayes.robustness.confounding.sensitivity import confounding
from hikibayes.robustness.priors.sensitivity import priors
from hikibayes.runs.verbs.sensitivity import sensitivity_files

OWN = Names()
ANALYSES = {"priors": partial(priors, design=False), "confounding": confounding}


def written(folder, made):
    record = Stopwatch().record("fit", {"prior": made.variant}, seed=1, inputs={})
    write_run(folder, fit_files(made), record)
    return folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A fit of a study without facts and citation, of a table with a score that is a customary missing code."""
    table = OWN.table()
    table.loc[table.index[0], "x"] = 9999.0
    made = fit(OWN.model(), table, study=unpublished(), engine="exact", seed=1)
    return written(tmp_path_factory.mktemp("own") / "fit", made)


def test_the_report_of_a_fit_says_its_remarks_and_where_the_groups_differ(folder):
    html = report(folder)
    assert "Reference levels and remarks" in html
    assert "the reference level is" in html
    assert "9999 occurs" in html
    assert "Where the groups differ" in html
    assert "interval of the adjusted mean difference" in html


def test_a_report_made_anew_has_its_figures_drawn_anew(folder, tmp_path):
    copy = shutil.copytree(folder, tmp_path / "fit")
    assert CliRunner().invoke(main, ["report", str(copy)]).exit_code == 0
    drawn = {path.name: path.read_text() for path in (copy / "figures").glob("*.svg")}
    assert drawn
    for name in drawn:
        (copy / "figures" / name).write_text("<svg>an older drawing</svg>")
    assert "an older drawing" not in report(copy)
    assert CliRunner().invoke(main, ["report", str(copy)]).exit_code == 0
    assert {path.name: path.read_text() for path in (copy / "figures").glob("*.svg")} == drawn


@pytest.mark.parametrize("verb", ANALYSES)
def test_an_analysis_of_a_fit_carries_its_remarks_and_has_a_report_without_a_publication(folder, verb):
    case = case_of(folder, seed=1)
    pd.testing.assert_frame_equal(case.remarks, load_fit(folder).remarks)
    inputs = {str(folder / "posterior.nc"): "0" * 64}
    record = Stopwatch().record(verb, {"what": str(folder)}, seed=1, inputs=inputs)
    files = sensitivity_files(ANALYSES[verb](case, seed=1), case)
    write_run(folder.parent / verb, files | figure_files(SavedRun.of_contents(files, record)), record)
    html = report(folder.parent / verb)
    assert "Reference levels and remarks" in html
    assert "the reference level is" in html
    assert "9999 occurs" in html
    assert f"hikibayes {verb} {folder}" in html


def test_what_no_engine_answers_is_in_the_report_with_its_reason(folder, tmp_path):
    made = fit(OWN.model(), OWN.table(), study=unpublished(), engine="exact", seed=1)
    notes = made.estimates.assign(note="the model has no such term").tail(1)
    object.__setattr__(made, "estimates", pd.concat([made.estimates, notes]))
    html = report(written(tmp_path / "fit", made))
    assert "What was not estimated" in html
    assert f"{notes['estimand'].iloc[0]}: the model has no such term." in html
    assert "What was not estimated" not in report(folder)


def test_the_method_says_which_priors_are_of_every_pair_of_levels(tmp_path):
    table = pd.DataFrame({"g": list("abc") * 10, "x": range(30), "y": [i % 7 + i / 10 for i in range(30)]})
    made = fit("y ~ g + x", table, priors={"g": "Normal(0, .3)"}, seed=1)
    html = report(written(tmp_path / "fit", made))
    assert "g Normal(mu=0, sigma=0.3) of every pair of levels; x Normal(mu=0, sigma=0.5)" in html


def test_a_probability_next_to_0_is_written_as_in_the_table():
    row = {"effect": "Slope", "priors": "flat", "mean": -1.2, "lower": -1.9, "upper": -0.6, "p_positive": 8e-5}
    run = SimpleNamespace(table=lambda name: pd.DataFrame([row]))
    assert _owed(run)[0].endswith("P(> 0) < .001.")
