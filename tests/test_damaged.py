"""What is kept between runs, or comes with the package, may be damaged; a machine may let nothing be kept."""

import os
import runpy
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from hikibayes.folders import read_record
from hikibayes.reconstruction import calibrate, shipped
from hikibayes.spec import InputError

INPUTS = Path(__file__).parent / "campaign" / "inputs"
CHECKOUT = Path(__file__).parents[1]
BY = ("--study", "study.toml", "--mapping", "mapping.toml")
FIT = ("fit", "model.toml", "frogs.csv", *BY)
VERBS = {
    "audit": ("audit", "study.toml"),
    "exact": (*FIT, "--engine", "exact"),
    "nuts": (*FIT, "--engine", "nuts"),
    "power": ("power", "plan.toml"),
    "synthesize": ("synthesize", "nonaka2021", "-n", "2"),
    "calibrate": ("calibrate", "iris1936", "--draws", "100"),
    "reanalyze": ("reanalyze", "ozone1973", "--fast", "--datasets", "4"),
}
OWN = ("HIKIBAYES_CACHE", "XDG_CACHE_HOME", "MPLCONFIGDIR", "NUMBA_CACHE_DIR")
"""Where somebody could have said that something is to be kept."""


def command(words, out):
    return [sys.executable, "-c", "from hikibayes.cli import main; main()", *words, "-o", str(out)]


def made(words, out, cwd, **around):
    done = subprocess.run(
        command(words, out), cwd=cwd, env=os.environ | around, capture_output=True, text=True, check=False
    )
    assert done.returncode in {0, 1}, done.stderr
    return read_record(out).outputs


@pytest.fixture
def place(tmp_path):
    return shutil.copytree(INPUTS, tmp_path / "place")


def test_damaged_draws_of_the_package_are_one_message_and_not_drawn_anew(nonaka, tmp_path, monkeypatch):
    for path in (Path(shipped.__file__).parents[1] / "study" / "studies").glob("nonaka2021*.nc"):
        (tmp_path / "studies").mkdir(exist_ok=True)
        (tmp_path / "studies" / path.name).write_bytes(path.read_bytes()[:-1000])
    monkeypatch.setattr(shipped, "files", lambda _: tmp_path)
    monkeypatch.setattr(calibrate, "calibrate", lambda *_, **__: pytest.fail("drawn anew"))
    with pytest.raises(InputError, match="nonaka2021.*is damaged"):
        calibrate.shipped_or_calibrated(nonaka.read(), seed=1)


def test_pytensor_compiles_elsewhere_where_home_cannot_be_written_to():
    run = (
        "from hikibayes.inference.models.compile import somewhere_to_compile\nsomewhere_to_compile()\n"
        "import pytensor\nprint(pytensor.config.base_compiledir)"
    )
    around = {"HOME": "/proc/1", "PYTENSOR_FLAGS": "floatX=float64"}
    done = subprocess.run(
        [sys.executable, "-c", run], env=os.environ | around, capture_output=True, text=True, check=True
    )
    assert "hikibayes-" in done.stdout
    assert not Path(done.stdout.strip()).exists()


@pytest.mark.parametrize("damage", [b"", b"\x80\x05nothing of the kind", None], ids=["empty", "other", "cut"])
def test_damaged_machine_code_is_compiled_anew_and_kept_again(damage, tmp_path):
    path = tmp_path / "doubling.py"
    path.write_text(
        "from hikibayes.reconstruction.compiled import compiler\n\n@compiler()\ndef twice(x):\n    return 2 * x\n"
    )

    def hits():
        twice = runpy.run_path(str(path))["twice"]
        assert twice(3.5) == 7
        return sum(twice.stats.cache_hits.values())

    assert (hits(), hits()) == (0, 1)
    kept = [each for each in (tmp_path / "__pycache__").iterdir() if each.suffix in {".nbi", ".nbc"}]
    assert len(kept) == 2
    for file in kept:
        file.write_bytes(file.read_bytes()[:-50] if damage is None else damage)
    assert (hits(), hits()) == (0, 1)


@pytest.mark.long
@pytest.mark.parametrize("name", VERBS)
def test_a_verb_needs_no_network_and_no_place_but_that_of_its_run(name, place, tmp_path):
    """In a namespace of its own: no network, the checkout (package, environment) read-only, HOME and cwd in /proc."""
    if not shutil.which("unshare") or subprocess.run(["unshare", "-rnm", "true"], check=False).returncode:
        pytest.skip("namespaces are not allowed here")
    words = [str(place / word) if (place / word).is_file() else word for word in VERBS[name]]
    alone = 'mount --bind "$0" "$0" && mount -o remount,bind,ro "$0" && cd /proc && exec "$@"'
    run = ["unshare", "-rnm", "bash", "-c", alone, str(CHECKOUT), *command(words, tmp_path / "alone")]
    around = {key: value for key, value in os.environ.items() if key not in OWN} | {"HOME": "/proc/1"}
    done = subprocess.run(run, env=around, capture_output=True, text=True, check=False)
    assert done.returncode in {0, 1}, done.stderr
    assert "Traceback" not in done.stderr, done.stderr
    assert read_record(tmp_path / "alone").outputs == made(words, tmp_path / "usual", place)
