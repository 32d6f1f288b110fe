"""A run made again: what is the same, what differs, and by how much it may elsewhere."""

import numpy as np
import pandas as pd
import pytest
from tests.studies import orchard

from hikibayes.auditing.audit import audit
from hikibayes.folders import csv_text, write_run
from hikibayes.provenance import Stopwatch
from hikibayes.runs.replay import compare_files, replay, same
from hikibayes.runs.verb import Outcome, Verb
from hikibayes.spec import InputError, digest
from hikibayes.study.study_file import load_study

TABLE = pd.DataFrame({"estimand": ["a", "b"], "mean": [0.2, 0.5], "sd": [0.1, 0.1], "mcse_mean": [0.01, np.nan]})


def drawing(**files):
    """Return a verb that writes these files."""
    made = {"t.csv": TABLE, "page.html": "<p>"} | files
    outcome = Outcome(study="x", files={name: it for name, it in made.items() if it is not None}, table=TABLE, shown=[])
    return [Verb(name="draw", options=(), find=lambda run: outcome, files=tuple(made))]


def written(folder, *, seed=1, **changes):
    record = Stopwatch().record("draw", {}, seed=seed, inputs={}).replace(**changes)
    write_run(folder, {"t.csv": TABLE, "page.html": "<p>"}, record)
    return folder


def verdicts(folder, **options):
    return dict(replay(folder, **options)[["file", "verdict"]].to_numpy().tolist())


def test_an_audit_replays_to_the_same_bytes(tmp_path):
    study = load_study("nonaka2021")
    record = Stopwatch().record(
        "audit", {"study": "nonaka2021", "readings": {}}, seed=None, inputs={"nonaka2021": digest(study)}
    )
    write_run(tmp_path, {"audit.csv": audit(study)}, record)
    before = sorted(path.name for path in tmp_path.iterdir())
    comparison = replay(tmp_path)
    assert comparison.to_dict("records") == [{"file": "audit.csv", "verdict": "identical", "note": ""}]
    assert same(comparison)
    assert sorted(path.name for path in tmp_path.iterdir()) == before


def test_an_input_that_has_changed_is_refused(tmp_path):
    text = orchard.FILE.read_text(encoding="utf-8")
    path = tmp_path / "study.toml"
    path.write_text(text, encoding="utf-8")
    study = load_study(path)
    record = Stopwatch().record(
        "audit", {"study": str(path), "readings": {}}, seed=None, inputs={str(path): digest(study)}
    )
    write_run(tmp_path / "run", {"audit.csv": audit(study)}, record)
    path.write_text(text.replace("year = 2020", "year = 2019"), encoding="utf-8")
    with pytest.raises(InputError, match="study.toml: is not what it was when the run was made"):
        replay(tmp_path / "run")


def test_a_changed_and_a_missing_file_are_told_apart(tmp_path):
    folder = written(tmp_path)
    (folder / "t.csv").write_text("changed")
    (folder / "page.html").unlink()
    assert verdicts(folder, verbs=drawing()) == {"t.csv": "altered", "page.html": "missing"}


def test_another_result_on_the_same_machine_differs_and_is_shown(tmp_path):
    other = drawing(**{"t.csv": TABLE.replace(0.2, 0.2000001)})
    comparison = replay(written(tmp_path), verbs=other).set_index("file")
    assert comparison.loc["t.csv", "verdict"] == "differs"
    assert comparison.loc["t.csv", "note"] == "line 2: 'a,0.2,0.1,0.01' before, 'a,0.2000001,0.1,0.01' now"
    assert comparison.loc["page.html", "verdict"] == "identical"
    assert not same(comparison.reset_index())


def test_a_file_that_is_not_made_any_more_differs(tmp_path):
    fewer = drawing(**{"page.html": None})
    assert verdicts(written(tmp_path), verbs=fewer) == {"t.csv": "identical", "page.html": "differs"}


def test_elsewhere_pages_are_not_compared_and_numbers_are_within_error(tmp_path):
    folder = written(tmp_path, machine={"system": "Plan 9", "type": "vax", "cores": "1"})
    moved = drawing(**{"t.csv": TABLE.replace(0.2, 0.23), "page.html": "<b>"})
    comparison = replay(folder, verbs=moved)
    assert verdicts(folder, verbs=moved) == {"t.csv": "within Monte Carlo error", "page.html": "not compared"}
    assert same(comparison)


@pytest.mark.parametrize(
    ("change", "verdict"),
    [
        ({"mean": [0.25, 0.5]}, "within Monte Carlo error"),
        ({"mean": [0.27, 0.5]}, "differs"),
        ({"mean": [0.2, 0.5001]}, "differs"),
        ({"sd": [0.25, 0.1]}, "within Monte Carlo error"),
        ({"sd": [0.3, 0.1]}, "differs"),
        ({"estimand": ["a", "c"]}, "differs"),
    ],
)
def test_four_monte_carlo_errors_are_the_limit(change, verdict):
    """Two runs with an error of .01 each may be .0566 apart; where there is no error, six digits must agree."""
    assert compare_files(csv_text(TABLE), csv_text(TABLE.assign(**change)), sampled=True)[0] == verdict


def test_an_ensemble_s_own_error_counts():
    table = TABLE.assign(mcse_mean=np.nan, sd_between=0.1, datasets=100)
    near, far = table.assign(mean=[0.25, 0.5]), table.assign(mean=[0.27, 0.5])
    assert compare_files(csv_text(table), csv_text(near), sampled=True)[0] == "within Monte Carlo error"
    assert compare_files(csv_text(table), csv_text(far), sampled=True)[0] == "differs"


@pytest.mark.parametrize(("factor", "verdict"), [(1 + 1e-8, "equal to six digits"), (1 + 1e-4, "differs")])
def test_what_no_sampling_touched_agrees_to_six_digits(factor, verdict):
    changed = TABLE.assign(mean=TABLE["mean"] * factor)
    assert compare_files(csv_text(TABLE), csv_text(changed), sampled=False)[0] == verdict


def test_a_table_of_another_shape_differs():
    assert compare_files(csv_text(TABLE), csv_text(TABLE.iloc[:1]), sampled=True)[0] == "differs"


def test_random_tables_without_an_error_are_not_compared():
    table = TABLE.drop(columns="mcse_mean")
    assert compare_files(csv_text(table), csv_text(table), sampled=True)[0] == "not compared"


def test_a_verb_that_cannot_be_replayed_is_named(tmp_path):
    with pytest.raises(
        InputError, match="there is no verb that can be replayed, 'draw'; there are: assumptions, audit,"
    ):
        replay(written(tmp_path))


def test_figures_with_errors_beside_them_are_compared_by_these():
    """As power.csv has them: a cell is the same if its figures are within their Monte Carlo errors."""
    table = "worlds,n_per_group,power,power_mcse\nprinted,50,{},0.004\nprinted,100,1.0,0\n"
    one = table.format(0.80)
    verdict, note = compare_files(one, table.format(0.815), sampled=True)
    assert verdict == "within Monte Carlo error"
    assert note == "at most 2.7 Monte Carlo errors away"
    assert compare_files(one, table.format(0.84), sampled=True)[0] == "differs"
    assert compare_files(one, table.format(0.80).replace("printed,50", "posterior,50"), sampled=True)[0] == "differs"
