"""What calibrate and synthesize write: whole, readable again, the same bytes again; nothing where the disk is full."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from hikibayes.cli import main
from hikibayes.folders import write_run
from hikibayes.provenance import Stopwatch
from hikibayes.reconstruction.calibrate import Calibration
from hikibayes.reconstruction.posterior.verdict import Verdict
from hikibayes.reconstruction.quantities import reported_quantities, summarise
from hikibayes.reconstruction.raw_units import answers_by_unit
from hikibayes.reconstruction.shipped import read_reconstructions, shipped_reconstructions, write_reconstructions
from hikibayes.reconstruction.synthesize import synthesize
from hikibayes.reconstruction.verify import verify
from hikibayes.runs.replay import replay
from hikibayes.runs.verbs.calibrate import calibration_files
from hikibayes.runs.verbs.synthesize import synthesis_files
from hikibayes.spec import InputError


@pytest.fixture(scope="module")
def calibration(nonaka):
    study, draws = nonaka.read(), shipped_reconstructions(nonaka).isel(draw=slice(0, 40))
    table = summarise(reported_quantities(study, draws), chains=4)
    verdict = Verdict(
        rhat=1.0, ess=400.0, stuck=0.0, inside=0.1, seconds={"start": 1.0, "sampling": 1.0}, sampler="optimiser"
    )
    return Calibration(study=study, reconstructions=draws, table=table, verdict=verdict)


@pytest.fixture(scope="module")
def synthesis(nonaka):
    return synthesize(nonaka, datasets=2, seed=7)


@pytest.fixture(scope="module")
def tables(nonaka, synthesis):
    return synthesis_files(nonaka.read(), synthesis)


def record(verb="calibrate"):
    return Stopwatch().record(verb, {}, seed=1, inputs={})


def test_files_of_a_calibration(nonaka, calibration, tmp_path):
    write_run(
        tmp_path,
        calibration_files(calibration, answers_by_unit(calibration.study, calibration.reconstructions, seed=1)),
        record(),
    )
    names = sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file())
    assert names == ["calibration.csv", "figures/calibration.svg", "reconstructions.nc", "run.json", "units.csv"]
    again = read_reconstructions(tmp_path / "reconstructions.nc", nonaka)
    np.testing.assert_allclose(again["mean"], calibration.reconstructions["mean"], atol=1e-4)
    assert list(pd.read_csv(tmp_path / "calibration.csv")["quantity"]) == list(calibration.table["quantity"])


def test_files_of_a_synthesis_read_back_as_data_that_print_every_fact(nonaka, synthesis, tables, tmp_path):
    study = nonaka.read()
    write_run(tmp_path, tables, record("synthesize"))
    names = sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file())
    data_sets = ["dataset-0001.csv", "dataset-0002.csv"]
    tables = ["reconstructions.json", "run.json", "verification.csv"]
    assert names == ["codebook.csv", *data_sets, "figures/dataset-0001.svg", *tables]
    for number, name in enumerate(data_sets):
        found = verify(study, pd.read_csv(tmp_path / name))
        assert found["matches"].all()
        table = pd.read_csv(tmp_path / name)
        assert table.columns[0] == "participant"
        assert table["participant"].str.startswith(f"SYNTHETIC-{number + 1:04d}-").all()
        assert table["participant"].is_unique
        pd.testing.assert_frame_equal(table.iloc[:, 1:], synthesis.datasets[number], check_dtype=False)
    book = pd.read_csv(tmp_path / "codebook.csv").set_index("column")
    assert list(book.index) == list(pd.read_csv(tmp_path / "dataset-0001.csv").columns)
    assert "SYNTHETIC" in (tmp_path / "figures/dataset-0001.svg").read_text(encoding="utf-8")


def test_a_disk_that_fills_up_leaves_nothing_half_written(tables, tmp_path, monkeypatch):
    original, written = Path.write_bytes, []

    def write_bytes(self, content):
        written.append(self.name)
        if len(written) == 2:
            original(self, content[:100])
            raise OSError(28, "No space left on device")
        return original(self, content)

    monkeypatch.setattr(Path, "write_bytes", write_bytes)
    with pytest.raises(InputError, match="No space left on device.; nothing was left behind"):
        write_run(tmp_path, tables, record("synthesize"))
    assert written == ["dataset-0001.csv", "dataset-0002.csv"]
    assert list(tmp_path.iterdir()) == []


# -- the verbs --------------------------------------------------------------------------------------------------------


@pytest.fixture
def hikibayes(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return lambda *words: CliRunner().invoke(main, [str(word) for word in words])


def test_synthesize_writes_a_run_that_can_be_made_again(hikibayes):
    made = hikibayes("synthesize", "-n", 1, "--seed", 7, "-o", "run")
    assert made.exit_code == 0, made.output
    assert "1 data sets, 0 facts missed; run" in made.stdout
    comparison = replay("run")
    assert set(comparison["verdict"]) == {"identical"}
    assert len(comparison) == 5


def test_own_reconstructions_are_used(hikibayes, calibration, synthesis):
    write_reconstructions(calibration.reconstructions, Path("own/reconstructions.nc"))
    made = hikibayes("synthesize", "-n", 1, "--seed", 7, "--reconstructions", "own/reconstructions.nc", "-o", "run")
    assert made.exit_code == 0, made.output
    assert not pd.read_csv("run/dataset-0001.csv").equals(synthesis.datasets[0])
    assert "own/reconstructions.nc" in json.loads(Path("run/run.json").read_text(encoding="utf-8"))["inputs"]
    Path("own/reconstructions.nc").write_bytes(b"changed")
    with pytest.raises(InputError, match="own/reconstructions.nc: is not what it was when the run was made"):
        replay("run")


OVERLAY = """
base = "nonaka2021"
[[fact]]
id = "added"
{}
source = {{locator = "nowhere", quote = "made up"}}
"""


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("synthesize", "-n", "0"), "0 is not in the range x>=1"),
        (("synthesize", "nobody.toml"), "nobody.toml: group 'control' has n = 0; at least 1 is accepted"),
        (("calibrate", "nobody.toml"), "nobody.toml: group 'control' has n = 0; at least 1 is accepted"),
        (("calibrate", "--reading", "tables=three"), "there is no reading 'tables'; there are: delta_r2_step2"),
        (("synthesize", "--reading", "products=log"), "no option of reading 'products', 'log'; there are: raw, z"),
        (("synthesize", "--reconstructions", "none.nc"), "none.nc: there is no such file; `hikibayes calibrate`"),
        (("calibrate", "--draws", "2"), "2 is not in the range x>=4"),
        (("synthesize", "--items", "-n", "1", "item.toml"), "measure 'difficulty': no item cannot have"),
    ],
)
def test_a_mistake_is_one_message_and_nothing_is_written(hikibayes, words, message):
    Path("nobody.toml").write_text(OVERLAY.format('quantity = "n"\ngroup = "control"\nvalue = 0'), "utf-8")
    Path("item.toml").write_text(OVERLAY.format('quantity = "alpha"\nof = "difficulty"\nvalue = 0.80'), "utf-8")
    result = hikibayes(*words)
    assert result.exit_code == 2, result.output
    assert message in result.stderr
    assert "Traceback" not in result.output
    assert not Path("results").exists()
