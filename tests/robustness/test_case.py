"""What is analysed: a study's synthetic data sets, or the folder of a fit."""

import json

import numpy as np
import pandas as pd
import pytest
from tests.studies import orchard_run

from hikibayes.folders import write_run
from hikibayes.inference.fit import fit
from hikibayes.inference.models.steps import model_of
from hikibayes.inference.saved_fit import fit_files, load_fit
from hikibayes.provenance import Stopwatch
from hikibayes.robustness.case import Case, case_of
from hikibayes.spec import InputError


def write_fit(folder, step, **how):
    study = orchard_run.study()
    made = fit(model_of(study.read(), step), orchard_run.data_sets()[0], seed=1, study=study, engine="exact", **how)
    record = Stopwatch().record("fit", {"prior": made.variant}, seed=1, inputs={})
    write_run(folder, fit_files(made), record)
    return made


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("fit")
    write_fit(path, "products", variant="sceptical")
    return path


def test_a_fit_folder_gives_back_what_was_fitted(folder):
    saved, read = load_fit(folder), orchard_run.study().read()
    assert saved.model.priors == model_of(read, "products").priors
    assert saved.variant == "sceptical"
    assert saved.study == orchard_run.study()
    wanted = orchard_run.data_sets()[0][list(saved.participants)]
    pd.testing.assert_frame_equal(saved.participants, wanted, check_dtype=False)


def test_a_case_of_a_fit_has_its_posterior(folder):
    case = case_of(folder, seed=1)
    written = pd.read_csv(folder / "estimates.csv").set_index("estimand")
    found = case.posterior().marginal(case.focal[:, None])
    assert case.estimand.name == "shade_slope_difference"
    assert not case.synthetic
    assert np.allclose(found.mean()[0, 0], written.loc[case.estimand.name, "mean"], rtol=1e-9)


def test_a_case_of_a_study_is_answered_by_the_step_it_rests_on(nonaka):
    case = case_of(nonaka.read(), datasets=3, seed=1)
    assert (len(case.data_sets), case.model.name, case.synthetic) == (3, "step3", True)
    assert case.estimand.name == "support_slope_difference"
    assert case.answers.linear[0].name in {estimand.name for estimand in nonaka.estimands}
    assert case.focal.shape == (3, len(case.design.columns))


def test_a_fit_without_the_focal_estimand_is_refused(tmp_path):
    write_fit(tmp_path, "work")
    with pytest.raises(InputError, match=r"model 'work' cannot answer 'shade_slope_difference': the slope of shade is"):
        case_of(tmp_path, seed=1)


def test_a_folder_that_is_no_fit_is_refused(tmp_path, folder):
    with pytest.raises(InputError, match="is empty; give a folder that a run has written"):
        case_of(tmp_path, seed=1)
    record = json.loads((folder / "run.json").read_text()) | {"verb": "audit"}
    (tmp_path / "run.json").write_text(json.dumps(record))
    with pytest.raises(InputError, match="is a run of 'audit'; give a folder that `hikibayes fit` has written"):
        case_of(tmp_path, seed=1)
    (tmp_path / "run.json").write_text((folder / "run.json").read_text())
    with pytest.raises(InputError, match=r"has no study.json; an older version wrote it: run the fit again"):
        case_of(tmp_path, seed=1)
    for name in ("study.json", "models.json"):
        (tmp_path / name).write_text((folder / name).read_text())
    with pytest.raises(InputError, match=r"posterior.nc: cannot be read"):
        case_of(tmp_path, seed=1)


def test_a_study_that_does_not_exist_is_refused():
    with pytest.raises(InputError, match="nonaka2021"):
        case_of("nonaka2022", seed=1)


def test_a_fit_has_no_readings(folder):
    with pytest.raises(InputError, match="a fit has no readings"):
        case_of(folder, seed=1, wage_test="student")


def test_a_case_needs_data(nonaka):
    read = nonaka.read()
    with pytest.raises(InputError, match="there is no data set"):
        Case(study=read, model=model_of(read, "step3"), estimand=read.focal_estimand, data_sets=(), synthetic=True)
