"""Reconstructions kept on the machine: found again, never those of another study, a seed, or half a file."""

import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from hikibayes import files
from hikibayes.cli import main
from hikibayes.reconstruction import calibrate
from hikibayes.reconstruction.calibrate import chosen_reconstructions, shipped_or_calibrated
from hikibayes.reconstruction.shipped import (
    NoneShippedError,
    shipped_reconstructions,
    stored_reconstructions,
    write_reconstructions,
)
from hikibayes.spec import InputError


@pytest.fixture(scope="module")
def draws(nonaka):
    return shipped_reconstructions(nonaka).isel(draw=slice(0, 8))


@pytest.fixture
def drawn(nonaka, draws, monkeypatch, tmp_path):
    """Count the calibrations of a study that comes with no reconstructions."""
    seeds = []

    def draw(study, *, seed):
        seeds.append(seed)
        return type("Calibration", (), {"reconstructions": draws})

    def none(_):
        raise NoneShippedError("none")

    monkeypatch.setenv("HIKIBAYES_CACHE", str(tmp_path))
    monkeypatch.setattr(calibrate, "shipped_reconstructions", none)
    monkeypatch.setattr(calibrate, "calibrate", draw)
    return seeds


def fetch(study, seed=1):
    told = []
    found = shipped_or_calibrated(study, seed=seed, tell=told.append)
    return found, told


def test_what_was_drawn_is_found_again_by_study_and_seed(nonaka, drawn):
    study = nonaka.read()
    first, told = fetch(study)
    assert told[0] == "drawing reconstructions: none come with the package"
    again, told = fetch(study)
    assert told[0] == f"reconstructions drawn before are used: {stored_reconstructions(study, seed=1)}"
    assert again["cov"].equals(first["cov"])
    assert drawn == [1]
    fetch(study, seed=2)
    assert drawn == [1, 2]


def test_prose_may_change_and_a_fact_may_not(nonaka, drawn):
    study = nonaka.read()
    other = study.model_copy(update={"description": "in other words"})
    assert stored_reconstructions(other, seed=1) == stored_reconstructions(study, seed=1)
    r2 = next(f for f in study.facts if f.quantity in ("r2", "adjusted_r2"))
    changed = [f.replace(value="0.31") if f is r2 else f for f in study.facts]
    moved = study.model_copy(update={"facts": tuple(changed)})
    assert stored_reconstructions(moved, seed=1) != stored_reconstructions(study, seed=1)


def test_a_damaged_file_is_drawn_anew(nonaka, drawn):
    study = nonaka.read()
    fetch(study)
    path = stored_reconstructions(study, seed=1)
    path.write_bytes(path.read_bytes()[:500])
    _, told = fetch(study)
    assert "is damaged" in told[0]
    assert "it is drawn anew" in told[0]
    assert drawn == [1, 1]
    assert "drawn before" in fetch(study)[1][0]


def test_a_run_that_is_killed_while_it_writes_leaves_nothing(nonaka, drawn, monkeypatch):
    study = nonaka.read()

    def killed(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", killed)
        with pytest.raises(KeyboardInterrupt):
            fetch(study)
    assert list(stored_reconstructions(study, seed=1).parent.iterdir()) == []
    fetch(study)
    assert drawn == [1, 1]


def test_a_full_disk_costs_the_keeping_alone(nonaka, drawn, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files, "put", full)
    found, told = fetch(nonaka.read())
    assert found.sizes["draw"] == 8
    assert any("not kept for the next time" in line and "No space left" in line for line in told)


def test_a_named_file_is_used_and_must_be_of_the_study(nonaka, draws, drawn, tmp_path):
    study, path = nonaka.read(), tmp_path / "own.nc"
    write_reconstructions(draws, path)
    assert chosen_reconstructions(study, path, seed=1).sizes["draw"] == 8
    assert drawn == []
    with pytest.raises(InputError, match="made from other facts or readings"):
        chosen_reconstructions(nonaka.read(slopes_model="support_only"), path, seed=1)
    path.write_bytes(b"nothing")
    with pytest.raises(InputError, match="is damaged"):
        chosen_reconstructions(study, path, seed=1)
    with pytest.raises(InputError, match="no such file"):
        chosen_reconstructions(study, tmp_path / "none.nc", seed=1)


def test_reanalyze_refuses_a_file_that_is_none(tmp_path):
    path = tmp_path / "broken.nc"
    path.write_bytes(b"nothing")
    said = CliRunner().invoke(
        main, ["reanalyze", "--fast", "--reconstructions", str(path), "-o", str(tmp_path / "out")]
    )
    assert said.exit_code == 2
    assert "broken.nc" in said.output
    assert "is damaged" in said.output
    assert not (tmp_path / "out").exists()


def test_what_is_shipped_needs_no_compiler():
    code = (
        "import sys; from hikibayes.reconstruction.calibrate import shipped_or_calibrated as fetch;"
        "from hikibayes.study.study_file import load_study; fetch(load_study('nonaka2021').read(), seed=1);"
        "sys.exit('jax' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
