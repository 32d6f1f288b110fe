"""A run made again from its own record, and compared with what it left behind.

On the same machine type with the same versions, files are the same bytes. Elsewhere numbers from sampling must agree
within Monte Carlo error, and numbers that no sampling touched to six digits; pictures and pages are not compared.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from ..arrays import FloatArray
from ..folders import write_run
from ..provenance import RunRecord, file_digest
from ..reporting.saved import SavedRun
from ..spec import InputError, unknown_name
from .run import made_again
from .verb import Verb
from .verbs import VERBS

COLUMNS = ("file", "verdict", "note")
GOOD = ("identical", "within Monte Carlo error", "equal to six digits", "not compared")
ERRORS = 4.0
"""Accepted distance of two runs, in Monte Carlo errors of their difference."""
ERRORS_OF_MANY = 5.0
"""The same for tables of thousands of figures, of which some lie far out."""
SMALL_ERROR = 1e-3
TAIL = 3.0
"""A tail's quantile has a Monte Carlo error about this many times the mean's."""
RELATIVE = 1e-6


def replay(
    folder: str | Path,
    *,
    verbs: Sequence[Verb] = VERBS,
    progress: Callable[[str], None] | None = None,
) -> pd.DataFrame:
    """Make a run again from its record, and compare.

    Parameters
    ----------
    folder : str or Path
        What a run has written; it is left as it is.
    verbs : sequence of Verb
        Those that can be made again.
    progress : callable, optional
        Told what begins.

    Returns
    -------
    pandas.DataFrame
        Columns ``file, verdict, note``, a row for each file of the record. The verdict is ``identical``, ``within Monte
        Carlo error``, ``equal to six digits``, ``not compared``, ``differs``, ``altered`` (it is no longer what the run
        wrote), or ``missing``.

    Raises
    ------
    InputError
        The folder is none that a run has written, its verb cannot be replayed, or an input is not what it was.
    """
    saved = SavedRun.of_folder(folder := Path(folder), kinds=(".json",))
    known, record = {verb.name: verb for verb in verbs}, saved.record
    if record.verb not in known:
        raise InputError(unknown_name("verb that can be replayed,", record.verb, known), source=folder)
    contents, now = made_again(known[record.verb], saved, progress or (lambda _: None))
    with tempfile.TemporaryDirectory(prefix="hikibayes-replay-") as made:
        write_run(Path(made), contents, now)
        terms = _Terms.of(record, now)
        rows = [(name, *_verdict(name, folder, Path(made), terms)) for name in record.outputs]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def same(comparison: pd.DataFrame) -> bool:
    """Tell whether a replay found nothing that differs."""
    return bool(comparison["verdict"].isin(GOOD).all())


def compare_files(one: str, other: str, *, sampled: bool) -> tuple[str, str]:
    """Compare two tables that were made on different machines or with different versions.

    Parameters
    ----------
    one, other : str
        CSV.
    sampled : bool
        Whether sampling was involved at all.

    Returns
    -------
    tuple of str
        Verdict and note.
    """
    first, second = (SavedRun.parse(text) for text in (one, other))
    if list(first.columns) != list(second.columns) or len(first) != len(second):
        return "differs", f"{first.shape[0]} x {first.shape[1]} cells before, {second.shape[0]} x {second.shape[1]} now"
    words = [name for name in first.columns if not pd.api.types.is_numeric_dtype(first[name])]
    if not sampled:
        return _by_digits(first, second, words)
    with_errors = [name for name in first.columns if f"{name}_mcse" in first.columns]
    if not with_errors and not {"mean", "mcse_mean"} <= set(first.columns):
        return "not compared", "made from random draws, without a Monte Carlo error of its own"
    if changed := [name for name in words if not first[name].equals(second[name])]:
        return "differs", f"column {changed[0]} does not have the same entries"
    if with_errors:
        return _by_errors_beside(first, second, with_errors)
    return _by_monte_carlo_error(first, second)


@dataclass(frozen=True, kw_only=True)
class _Terms:
    """On which terms files are compared."""

    digests: Mapping[str, str]
    sampled: bool
    elsewhere: str
    """What is different from the first run; empty on the same machine type with the same versions."""

    @classmethod
    def of(cls, then: RunRecord, now: RunRecord) -> _Terms:
        moved = [name for name in ("system", "type") if then.machine.get(name) != now.machine.get(name)]
        moved += [
            name for name in {**then.versions, **now.versions} if then.versions.get(name) != now.versions.get(name)
        ]
        return cls(digests=then.outputs, sampled=then.seed is not None, elsewhere=", ".join(moved))


def _verdict(name: str, folder: Path, made: Path, terms: _Terms) -> tuple[str, str]:
    """Return what became of a file, and a note."""
    before, after = folder / name, made / name
    if not before.is_file():
        return "missing", "the run wrote it, and the folder has it no more"
    if file_digest(before) != terms.digests[name]:
        return "altered", "it has been changed since the run wrote it"
    if not after.is_file():
        return "differs", "the run does not make this file any more"
    if file_digest(after) == terms.digests[name]:
        return "identical", ""
    if terms.elsewhere and not name.endswith(".csv"):
        return "not compared", f"other {terms.elsewhere}"
    if terms.elsewhere:
        texts = (path.read_text(encoding="utf-8") for path in (before, after))
        verdict, note = compare_files(*texts, sampled=terms.sampled)
        return verdict, note or f"other {terms.elsewhere}"
    return "differs", _first_difference(before, after)


def _first_difference(before: Path, after: Path) -> str:
    lines = [path.read_bytes().splitlines() for path in (before, after)]
    for number, (one, other) in enumerate(zip(*lines, strict=False), start=1):
        if one != other:
            return f"line {number}: {_shown(one)} before, {_shown(other)} now"
    return f"{len(lines[0])} lines before, {len(lines[1])} now"


def _shown(line: bytes) -> str:
    text = line.decode("utf-8", errors="replace")
    return f"{text[:60]!r}…" if len(text) > 60 else repr(text)


# -- tables from elsewhere ------------------------------------------------------------------------------------------


def _by_digits(first: pd.DataFrame, second: pd.DataFrame, words: list[str]) -> tuple[str, str]:
    for name in first.columns:
        if name in words:
            equal = first[name].equals(second[name])
        else:
            one, other = _floats(first, name), _floats(second, name)
            equal = bool(np.allclose(one, other, rtol=RELATIVE, atol=1e-12, equal_nan=True))
        if not equal:
            return "differs", f"column {name} does not have the same entries"
    return "equal to six digits", ""


def _by_errors_beside(first: pd.DataFrame, second: pd.DataFrame, names: list[str]) -> tuple[str, str]:
    """Compare columns by the errors that stand beside them, as ``power`` and ``power_mcse`` do."""
    away = {}
    for name in names:
        error = np.hypot(_floats(first, f"{name}_mcse"), _floats(second, f"{name}_mcse"))
        # a share of 0 or 1 has no error of its own; one replicate in a thousand is none to speak of
        gap = np.abs(_floats(first, name) - _floats(second, name)) / np.maximum(error, SMALL_ERROR)
        away[name] = float(np.nan_to_num(gap).max(initial=0.0))
    return _by_distance(away, ERRORS_OF_MANY)


def _by_monte_carlo_error(first: pd.DataFrame, second: pd.DataFrame) -> tuple[str, str]:
    error = np.hypot(_error_of(first), _error_of(second))
    away = {}
    for name in ("mean", "sd", "median", "lower", "upper"):
        if name not in first:
            continue
        gap = np.abs(_floats(first, name) - _floats(second, name))
        scale = error * (1 if name == "mean" else TAIL)
        # where nothing was sampled there is no error, and six digits have to agree
        scale = np.maximum(scale, RELATIVE * np.abs(_floats(first, name)) / ERRORS + 1e-12)
        away[name] = float(np.nan_to_num(gap / scale).max(initial=0.0))
    return _by_distance(away, ERRORS)


def _by_distance(away: Mapping[str, float], accepted: float) -> tuple[str, str]:
    """Judge columns by how many Monte Carlo errors they are away."""
    column = max(away, key=lambda name: away[name])
    if away[column] > accepted:
        return "differs", f"column {column} is {away[column]:.1f} Monte Carlo errors away"
    return "within Monte Carlo error", f"at most {away[column]:.1f} Monte Carlo errors away"


def _error_of(table: pd.DataFrame) -> FloatArray:
    """Monte Carlo error of each row's mean: of its draws, and of the data sets that stand for all the record allows."""
    error = np.nan_to_num(_floats(table, "mcse_mean")) ** 2
    if {"sd_between", "datasets"} <= set(table.columns):
        error = error + np.nan_to_num(_floats(table, "sd_between")) ** 2 / _floats(table, "datasets")
    return np.sqrt(error)


def _floats(table: pd.DataFrame, name: str) -> FloatArray:
    return table[name].to_numpy(dtype=np.float64)
