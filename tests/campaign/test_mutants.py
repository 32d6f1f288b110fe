"""No file that a person can spoil ends in a traceback, in half a run folder, or in nothing."""

from __future__ import annotations

import faulthandler
import os
import signal
from contextlib import contextmanager
from pathlib import Path

import pytest
from click.testing import CliRunner

from hikibayes.cli import main
from hikibayes.spec import InputError

from . import mutants

SEED = 20210525
LIMIT = 120
"""Seconds after which a verb on 64 frogs counts as hanging, on a machine that does other things too."""
FIT = ("fit", "model.toml", "frogs.csv", "--study", "study.toml", "--mapping", "mapping.toml", "--engine", "exact")
AUDIT, POWER = ("audit", "study.toml"), ("power", "plan.toml", "--workers", "1")
THROUGH = {
    "study.toml": (AUDIT, FIT, POWER),
    "model.toml": (FIT, POWER),
    "plan.toml": (POWER,),
    "mapping.toml": (FIT,),
    "frogs.csv": (FIT,),
}


@contextmanager
def within(seconds: int):
    """Raise where the body takes longer."""

    def too_long(*_):
        faulthandler.dump_traceback(all_threads=True)
        raise TimeoutError(f"no answer within {seconds} s")

    before = signal.signal(signal.SIGALRM, too_long)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def faults_of(folder: Path, verb: tuple[str, ...]) -> list[str]:
    """Run a verb in a folder and say what is wrong with the way it ended."""
    os.chdir(folder)
    with within(LIMIT):
        result = CliRunner().invoke(main, [*verb, "-o", "out"])
    faults = []
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        faults.append(f"{type(result.exception).__name__}: {result.exception}")
    if result.exit_code not in {0, 1, 2} or "Traceback" in result.output:
        faults.append(f"exit code {result.exit_code}: {result.output[-300:]}")
    if result.exit_code == 2 and (Path("out").exists() or not result.stderr.strip()):
        faults.append("refused, and left files behind or said nothing")
    if list(folder.rglob("*.tmp")) or list(folder.rglob(".*")):
        faults.append(f"half-written: {sorted(map(str, folder.rglob('*')))}")
    return faults


def campaign(folder: Path, seed: int, indices: range) -> list[str]:
    """Put mutants through every verb that reads them; return the faults, each with how to make it again."""
    found = []
    for index in indices:
        name, text = mutants.mutant(seed, index)
        for number, verb in enumerate(THROUGH[name]):
            place = folder / f"{index}-{number}"
            place.mkdir()
            for other, sound in mutants.SOUND.items():
                (place / other).write_text(text if other == name else sound, encoding="utf-8", newline="")
            found += [f"mutant({seed}, {index}), {name}, {verb[0]}: {fault}" for fault in faults_of(place, verb)]
    return found


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """A mutant that plans from reconstructions would draw them first, for minutes."""

    def not_here(*_, **__):
        raise InputError("reconstructions are not drawn here")

    monkeypatch.setattr("hikibayes.reconstruction.calibrate.shipped_or_calibrated", not_here)


@pytest.fixture(autouse=True)
def where_it_was():
    here = Path.cwd()
    yield
    os.chdir(here)


@pytest.mark.parametrize("verb", [AUDIT, FIT, POWER], ids=lambda verb: verb[0])
def test_the_files_that_mutants_come_from_are_sound(tmp_path, verb):
    for name, text in mutants.SOUND.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    os.chdir(tmp_path)
    result = CliRunner().invoke(main, [*verb, "-o", "out"])
    assert result.exit_code == 0, result.output


@pytest.mark.parametrize("part", range(4))
def test_a_few_mutants(tmp_path, part):
    assert campaign(tmp_path, SEED, range(15 * part, 15 * (part + 1))) == []


@pytest.mark.long
@pytest.mark.parametrize("part", range(200))
def test_twenty_thousand_mutants(tmp_path, part):
    assert campaign(tmp_path, SEED + 1, range(100 * part, 100 * (part + 1))) == []
