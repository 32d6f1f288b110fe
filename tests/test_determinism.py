"""Equal runs write equal bytes, whatever the machine around them is like."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from hikibayes.folders import read_record

INPUTS = Path(__file__).parent / "campaign" / "inputs"
BY = ("--study", "study.toml", "--mapping", "mapping.toml")
FIT = ("fit", "model.toml", "frogs.csv", *BY)
VERBS = {
    "audit": ("audit", "study.toml"),
    "fit": (*FIT, "--engine", "exact"),
    "power": ("power", "plan.toml"),
    "synthesize": ("synthesize", "nonaka2021", "-n", "2"),
    "priors": ("priors", "ozone1973", "--datasets", "3"),
    "imbalance": ("imbalance", "nonaka2021", "--datasets", "3"),
    "confounding": ("confounding", "nonaka2021", "--datasets", "3"),
    "limitations": ("limitations", "nonaka2021", "--datasets", "3"),
    "multiverse": ("multiverse", "nonaka2021", "--datasets", "3"),
    "replicate": ("replicate", "nonaka2021", "nonaka2021_made_up", "--datasets", "3"),
    "calibrate": ("calibrate", "iris1936", "--draws", "100"),
    "nuts": (*FIT, "--engine", "nuts"),
    "engines": ("engines", "model.toml", "frogs.csv", *BY),
    "reanalyze": ("reanalyze", "ozone1973", "--fast", "--datasets", "4"),
}
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")
AROUND = [
    {**dict.fromkeys(THREADS, "1"), "PYTHONHASHSEED": "0", "LC_ALL": "C", "TZ": "UTC"},
    {**dict.fromkeys(THREADS, "2"), "PYTHONHASHSEED": "7", "LC_ALL": "tr_TR.UTF-8", "TZ": "Asia/Tokyo"},
]
WORKERS = ("1", "2", "4")


def made(words, folder, around):
    shutil.copytree(INPUTS, folder)
    run = [sys.executable, "-c", "from hikibayes.cli import main; main()", *words, "-o", "out"]
    done = subprocess.run(run, cwd=folder, env=os.environ | around, capture_output=True, text=True, check=False)
    assert done.returncode in {0, 1}, done.stderr
    return read_record(folder / "out").outputs


@pytest.mark.long
@pytest.mark.parametrize("name", VERBS)
def test_bytes_depend_on_nothing_around(name, tmp_path):
    """Threads of the libraries, order of hashes, locale, time zone, current folder, and number of workers."""
    words = VERBS[name]
    takes_workers = name == "power"
    runs = [
        made((*words, *(["--workers", workers] if takes_workers else [])), tmp_path / f"{i} ä" / workers, around)
        for i, around in enumerate(AROUND)
        for workers in (WORKERS if takes_workers else WORKERS[:1])
    ]
    for other in runs[1:]:
        assert {file for file in {*runs[0], *other} if runs[0].get(file) != other.get(file)} == set()


@pytest.mark.long
def test_a_dask_cluster_gives_the_bytes_of_threads(tmp_path):
    distributed = pytest.importorskip("distributed")
    with distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster:
        by_dask = made((*VERBS["power"], "--dask", cluster.scheduler_address), tmp_path / "dask", {})
    assert by_dask == made(VERBS["power"], tmp_path / "threads", {})
