"""Nonsense that was planted in files which work: none of it is accepted, and nothing is left behind."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from hikibayes.cli import main

from .mutants import SOUND
from .test_mutants import THROUGH

SIZES, LOSS, EFFECT = "n_per_group = [30, 60]", "attrition = [0.1]", "attrition = [0.1]"
PRIOR = '"water:food" = {dist = "Normal", mu = 0, sigma = 0.25'
NUMBER_OF_WILD = 'group = "wild"\nvalue = 41'
NONSENSE = {
    "a size that is no number": ("plan.toml", SIZES, "n_per_group = [nan]"),
    "an infinite size": ("plan.toml", SIZES, "n_per_group = [inf]"),
    "a size beyond the world's population": ("plan.toml", SIZES, "n_per_group = [1e308]"),
    "a size above the bound": ("plan.toml", SIZES, "n_per_group = [10000001]"),
    "a negative size": ("plan.toml", SIZES, "n_per_group = [-30]"),
    "a size of zero": ("plan.toml", SIZES, "n_per_group = [0]"),
    "a size that is true": ("plan.toml", SIZES, "n_per_group = [true]"),
    "half a person": ("plan.toml", SIZES, "n_per_group = [30.5]"),
    "no sizes": ("plan.toml", SIZES, "n_per_group = []"),
    "everybody lost": ("plan.toml", LOSS, "attrition = [1.0]"),
    "nearly everybody lost": ("plan.toml", LOSS, "attrition = [0.999]"),
    "a negative loss": ("plan.toml", LOSS, "attrition = [-0.1]"),
    "a loss that is false": ("plan.toml", LOSS, "attrition = [false]"),
    "an empty group": ("plan.toml", '"2:1"', '"1:0"'),
    "a quota of nobody": ("plan.toml", LOSS, 'mix = ["1:0"]'),
    "an effect that is no number": ("plan.toml", EFFECT, "effect = [nan]"),
    "an infinite effect": ("plan.toml", EFFECT, "effect = [inf]"),
    "a residual SD of 0": ("plan.toml", "residual_sd = 0.85", "residual_sd = 0"),
    "a negative residual SD in one group": ("plan.toml", "residual_sd = 0.85", "residual_sd = [0.85, -1]"),
    "a residual SD that is true": ("plan.toml", "residual_sd = 0.85", "residual_sd = true"),
    "a correlation of 1.5": ("plan.toml", "r = 0.1", "r = 1.5"),
    "a target of 1": ("plan.toml", "power = [0.8]", "power = [1.0]"),
    "a target that is no number": ("plan.toml", "power = [0.8]", "power = [nan]"),
    "no replicates": ("plan.toml", "replicates = 50", "replicates = 0"),
    "an interval of 100 %": ("plan.toml", "interval = 0.95", "interval = 1.0"),
    "a prior SD that is true": ("model.toml", PRIOR, PRIOR.replace("0.25", "true")),
    "a prior SD that is no number": ("model.toml", PRIOR, PRIOR.replace("0.25", "nan")),
    "an infinite prior SD": ("model.toml", PRIOR, PRIOR.replace("0.25", "inf")),
    "a negative prior SD": ("model.toml", PRIOR, PRIOR.replace("0.25", "-0.25")),
    "a prior mean of 1e308": ("model.toml", PRIOR, PRIOR.replace("mu = 0", "mu = 1e308")),
    "a formula that leaves the program": ("model.toml", "leap ~ age + water * food", "leap ~ pd.io.common.os.abort()"),
    "a formula that opens a file": ("model.toml", "leap ~ age + water * food", "leap ~ age + open('there')"),
    "an outcome that explains itself": ("model.toml", "leap ~ age + water * food", "leap ~ leap + water * food"),
    "a category as outcome": ("model.toml", "leap ~ age + water * food", "water ~ food"),
    "a mean that is no number": ("study.toml", "value = 39.22", "value = nan"),
    "an infinite mean": ("study.toml", "value = 39.22", "value = inf"),
    "a mean that is true": ("study.toml", "value = 39.22", "value = true"),
    "a negative number of people": ("study.toml", NUMBER_OF_WILD, NUMBER_OF_WILD.replace("41", "-41")),
    "more people than there are": ("study.toml", NUMBER_OF_WILD, NUMBER_OF_WILD.replace("41", "1e308")),
    "a negative SD": ("study.toml", "value = 6.36", "value = -6.36"),
    "a correlation of 3.9": ("study.toml", "value = 0.39", "value = 3.9"),
    "a million items": ("study.toml", "items = 6", "items = 1000000"),
    "an endless range": ("study.toml", "range = [0, 100]", "range = [0, inf]"),
    "a range backwards": ("study.toml", "range = [0, 100]", "range = [100, 0]"),
    "an infinite score": ("frogs.csv", SOUND["frogs.csv"].splitlines()[1].rsplit(",", 1)[1], "inf"),
    "a score of 1e308": ("frogs.csv", SOUND["frogs.csv"].splitlines()[1].rsplit(",", 1)[1], "1e308"),
    "two labels for one level, in silence": ("mapping.toml", 'F = "farmed"', 'Farmed = "wild"\nfarmed = "wild"'),
    "a code in two minds": ("mapping.toml", "missing = [-9, 999]", "missing = [true]"),
}


@pytest.mark.parametrize("what", NONSENSE)
def test_nonsense_is_refused_by_every_verb_that_reads_it(tmp_path, monkeypatch, what):
    name, sound, nonsense = NONSENSE[what]
    assert sound in SOUND[name], "the nonsense was planted"
    monkeypatch.chdir(tmp_path)
    for other, text in SOUND.items():
        Path(other).write_text(text.replace(sound, nonsense, 1) if other == name else text, encoding="utf-8")
    for verb in THROUGH[name]:
        result = CliRunner().invoke(main, [*verb, "-o", "out"])
        assert isinstance(result.exception, SystemExit), f"{verb[0]}: {result.exception!r}"
        assert result.exit_code == 2, f"{verb[0]} accepted it: {result.output}"
        assert any(file in result.stderr for file in SOUND), f"the message names a file: {result.stderr}"
        assert sorted(path.name for path in tmp_path.iterdir()) == sorted(SOUND), "nothing is left behind"
