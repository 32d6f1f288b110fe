"""The main job on the shipped study: what it must find, how much memory it may take, and that it can be made again."""

import resource
from pathlib import Path

import numpy as np
import pytest

from hikibayes.folders import write_run
from hikibayes.provenance import Stopwatch
from hikibayes.reanalysis import reanalysis_files, reanalyze
from hikibayes.reporting.html import report, with_report
from hikibayes.runs.replay import replay, same

SEED = 20210525


def written(study, folder: Path, **arguments):
    result = reanalyze(study, seed=SEED, **arguments)
    every = {"study": study.id, "readings": {}, "datasets": 200, "nuts_datasets": 20, "fast": False} | arguments
    record = Stopwatch().record("reanalyze", every, seed=SEED, inputs={})
    write_run(folder, with_report(reanalysis_files(result), record), record)
    return result


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("main")


@pytest.fixture(scope="module")
def result(nonaka, folder):
    return written(nonaka, folder)


@pytest.mark.long
def test_it_is_sound(result):
    assert result.unsound == ()
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss < 3e6


@pytest.mark.long
def test_the_engines_agree(result):
    z = result.agreement["z"]
    assert 0.7 < np.sqrt((z**2).mean()) < 1.4
    assert (z.abs() > 3).mean() < 0.03


@pytest.mark.long
def test_least_squares_is_what_was_printed(result):
    """To two decimals, averaged over the data sets, for every estimate that the paper prints."""
    table = result.published.dropna(subset=["printed_low"])
    plain = table[table["quantity"].isin(["slope", "slope_difference", "delta_r2"])]
    assert len(plain) == 9
    assert (plain["ols"] > plain["printed_low"] - 1e-9).all()
    assert (plain["ols"] < plain["printed_high"] + 1e-9).all()


@pytest.mark.long
def test_the_split_of_the_spread_is_the_one_found_before(result):
    """Flat prior, from the calibration's design notes: .290, .004 between data sets, .121 within, P(> 0) .991."""
    table = result.estimates
    rows = table[(table["prior"] == "flat") & (table["reading"] == "default")].set_index(["model", "estimand"])
    row = rows.loc["step3", "support_slope_difference"]
    assert row["mean"] == pytest.approx(0.290, abs=0.002)
    assert row["sd_within"] == pytest.approx(0.121, abs=0.008)
    assert 0.001 < row["sd_between"] < 0.01
    assert row["p_positive"] == pytest.approx(0.991, abs=0.005)


@pytest.mark.long
def test_the_folder_is_small_enough_to_commit(result, folder):
    assert sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) < 2_000_000


@pytest.mark.long
def test_the_report_is_made_again_from_the_folder(result, folder):
    assert report(folder) == (folder / "report.html").read_text(encoding="utf-8")


@pytest.mark.long
def test_a_run_replays_to_the_same_bytes(nonaka, tmp_path):
    written(nonaka, tmp_path, datasets=6, nuts_datasets=2)
    comparison = replay(tmp_path)
    assert same(comparison)
    assert set(comparison["verdict"]) == {"identical"}
    assert len(comparison) > 25
