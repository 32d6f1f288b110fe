"""A run made again from its own record, and compared with what it left behind.

On the same machine type with the same versions, files are the same bytes. Elsewhere numbers from sampling must agree
within Monte Carlo error, and numbers that no sampling touched to six digits; pictures and pages are not compared.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..provenance import RECORD, RunRecord, Stopwatch, file_digest, read_record
from ..spec import InputError, digest, unknown_name, validated
from ..study.study import Study
from ..study.study_file import load_study
from .results import write_run
from .saved import SavedRun

__all__ = ["MAKERS", "Maker", "compare_files", "replay", "same"]

type Maker = Callable[[RunRecord, Path, Callable[[str], None]], Mapping[str, Any]]
"""Makes a run's files again, from its record, its folder, and somebody to tell what begins: file name to content."""

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
    makers: Mapping[str, Maker] | None = None,
    progress: Callable[[str], None] | None = None,
) -> pd.DataFrame:
    """Make a run again from its record, and compare.

    Parameters
    ----------
    folder : str or Path
        What a run has written; it is left as it is.
    makers : mapping of str to Maker, optional
        How each verb's files are made again; by default `MAKERS`.
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
    folder, makers = Path(folder), MAKERS if makers is None else makers
    record = read_record(folder)
    if record.verb not in makers:
        raise InputError(unknown_name("verb that can be replayed,", record.verb, makers), source=folder)
    record = record.model_copy(update={"arguments": _Arguments(record.arguments)})
    contents = makers[record.verb](record, folder, progress or (lambda _: None))
    now = Stopwatch().record(record.verb, record.arguments, seed=record.seed, inputs=record.inputs)
    with tempfile.TemporaryDirectory(prefix="hikibayes-replay-") as made:
        write_run(Path(made), contents, now)
        rows = [_verdict(name, folder, Path(made), _Terms.of(record, now)) for name in record.outputs]
    return pd.DataFrame([row.as_dict() for row in rows], columns=list(COLUMNS))


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


class _Arguments(dict[str, Any]):
    """The arguments of a record; one that is not there makes the record useless for a replay."""

    def __missing__(self, name: str) -> Any:
        raise InputError(f"does not say {name!r}; the run cannot be made again", source=RECORD)


@dataclass(frozen=True, kw_only=True)
class _Row:
    """What became of a file."""

    file: str
    verdict: str
    note: str = ""

    def as_dict(self) -> dict[str, str]:
        return {"file": self.file, "verdict": self.verdict, "note": self.note}


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


def _verdict(name: str, folder: Path, made: Path, terms: _Terms) -> _Row:
    before, after = folder / name, made / name
    if not before.is_file():
        return _Row(file=name, verdict="missing", note="the run wrote it, and the folder has it no more")
    if file_digest(before) != terms.digests[name]:
        return _Row(file=name, verdict="altered", note="it has been changed since the run wrote it")
    if not after.is_file():
        return _Row(file=name, verdict="differs", note="the run does not make this file any more")
    if file_digest(after) == terms.digests[name]:
        return _Row(file=name, verdict="identical")
    if terms.elsewhere and not name.endswith(".csv"):
        return _Row(file=name, verdict="not compared", note=f"other {terms.elsewhere}")
    if terms.elsewhere:
        texts = (path.read_text(encoding="utf-8") for path in (before, after))
        verdict, note = compare_files(*texts, sampled=terms.sampled)
        return _Row(file=name, verdict=verdict, note=note or f"other {terms.elsewhere}")
    return _Row(file=name, verdict="differs", note=_first_difference(before, after))


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
    farthest = ("", 0.0)
    for name in names:
        error = np.hypot(_floats(first, f"{name}_mcse"), _floats(second, f"{name}_mcse"))
        # a share of 0 or 1 has no error of its own; one replicate in a thousand is none to speak of
        gap = np.abs(_floats(first, name) - _floats(second, name)) / np.maximum(error, SMALL_ERROR)
        farthest = max(farthest, (name, float(np.nan_to_num(gap).max(initial=0.0))), key=lambda pair: pair[1])
    column, away = farthest
    if away > ERRORS_OF_MANY:
        return "differs", f"column {column} is {away:.1f} Monte Carlo errors away"
    return "within Monte Carlo error", f"at most {away:.1f} Monte Carlo errors away"


def _by_monte_carlo_error(first: pd.DataFrame, second: pd.DataFrame) -> tuple[str, str]:
    error = np.hypot(_error_of(first), _error_of(second))
    farthest = ("", 0.0)
    for name in ("mean", "sd", "median", "lower", "upper"):
        if name not in first:
            continue
        gap = np.abs(_floats(first, name) - _floats(second, name))
        scale = error * (1 if name == "mean" else TAIL)
        # where nothing was sampled there is no error, and six digits have to agree
        scale = np.maximum(scale, RELATIVE * np.abs(_floats(first, name)) / ERRORS + 1e-12)
        away = float(np.nan_to_num(gap / scale).max(initial=0.0))
        farthest = max(farthest, (name, away), key=lambda pair: pair[1])
    column, away = farthest
    if away > ERRORS:
        return "differs", f"column {column} is {away:.1f} Monte Carlo errors away"
    return "within Monte Carlo error", f"at most {away:.1f} Monte Carlo errors away"


def _error_of(table: pd.DataFrame) -> NDArray[np.float64]:
    """Monte Carlo error of each row's mean: of its draws, and of the data sets that stand for all the record allows."""
    error = np.nan_to_num(_floats(table, "mcse_mean")) ** 2
    if {"sd_between", "datasets"} <= set(table.columns):
        error = error + np.nan_to_num(_floats(table, "sd_between")) ** 2 / _floats(table, "datasets")
    return np.sqrt(error)


def _floats(table: pd.DataFrame, name: str) -> NDArray[np.float64]:
    return table[name].to_numpy(dtype=np.float64)


# -- verbs ----------------------------------------------------------------------------------------------------------


def _study_of(record: RunRecord, folder: Path) -> Study:
    """Return the study as the run saw it: the one that it saved, else the file it names, if that is unchanged."""
    if (folder / "study.json").is_file():
        return SavedRun.of_folder(folder).study
    name = str(record.arguments["study"])
    loaded = load_study(name)
    if name in record.inputs and digest(loaded) != record.inputs[name]:
        raise InputError("is not what it was when the run was made; a replay needs the same input", source=name)
    return loaded.settle(**record.arguments.get("readings", {}))


def _seed_of(record: RunRecord, folder: Path) -> int:
    if record.seed is None:
        raise InputError(f"the record of this {record.verb} has no seed; it cannot be replayed", source=folder)
    return record.seed


def _audit(record: RunRecord, folder: Path, say: Callable[[str], None]) -> Mapping[str, Any]:
    from ..auditing.audit import audit

    say("auditing the record")
    return {"audit.csv": audit(_study_of(record, folder))}


def _fit(record: RunRecord, folder: Path, say: Callable[[str], None]) -> Mapping[str, Any]:
    from ..inference.answers.estimates import Reporting
    from ..inference.fit import fit
    from ..inference.saved_fit import fit_files

    saved, chosen = SavedRun.of_folder(folder), record.arguments
    (model,) = saved.models.values()
    formula = "~" in str(chosen["model"])
    _same_inputs(record, _digests_of_files(chosen))
    say("fitting")
    made = fit(
        chosen["model"] if formula else model,
        chosen["data"],
        seed=_seed_of(record, folder),
        study=chosen["study"] if formula else saved.study,
        engine=chosen["engine"],
        variant=chosen["prior"],
        columns=chosen["columns"],
        mapping=chosen["mapping"] or None,
        reporting=Reporting(raw=chosen["raw"]),
        **chosen.get("choices", {}),
    )
    return fit_files(made)


def _engines(record: RunRecord, folder: Path, say: Callable[[str], None]) -> Mapping[str, Any]:
    from ..inference.models.specs import load_model
    from ..validation.engines import engines

    chosen = record.arguments
    model, study = load_model(chosen["model"]), load_study(chosen["study"])
    _same_inputs(record, {chosen["model"]: digest(model), chosen["study"]: digest(study), **_digests_of_files(chosen)})
    say("holding the exact engine against NUTS")
    found = engines(
        model,
        chosen["data"],
        seed=_seed_of(record, folder),
        study=study,
        variant=chosen["prior"],
        columns=chosen["columns"],
        mapping=chosen["mapping"] or None,
    )
    return {"engines.csv": found.table}


def _digests_of_files(chosen: Mapping[str, Any]) -> dict[str, str]:
    """Return the digests of a fit's table and mapping, as far as they are there; reading them says what is not."""
    paths = [Path(chosen[name]) for name in ("data", "mapping") if chosen[name]]
    return {str(path): file_digest(path) for path in paths if path.is_file()}


def _calibrate(record: RunRecord, folder: Path, say: Callable[[str], None]) -> Mapping[str, Any]:
    from ..reconstruction.calibrate import calibrate
    from .reconstruction_files import calibration_files

    say("drawing reconstructions")
    seed, chosen = _seed_of(record, folder), {name: record.arguments[name] for name in ("draws", "thin")}
    return calibration_files(calibrate(_study_of(record, folder), seed=seed, **chosen), seed=seed)


def _synthesize(record: RunRecord, folder: Path, say: Callable[[str], None]) -> Mapping[str, Any]:
    from ..reconstruction.calibrate import chosen_reconstructions
    from ..reconstruction.synthesize import synthesize
    from .reconstruction_files import synthesis_files

    study, seed = _study_of(record, folder).read(), _seed_of(record, folder)
    chosen = {name: record.arguments[name] for name in ("datasets", "items")}
    path = record.arguments["reconstructions"]
    if path and Path(path).is_file() and file_digest(Path(path)) != record.inputs[path]:
        raise InputError("is not what it was when the run was made; a replay needs the same input", source=path)
    draws = chosen_reconstructions(study, path, seed=seed, tell=say)
    say("making data sets that print every fact")
    return synthesis_files(study, synthesize(study, draws, seed=seed, **chosen))


def _reanalyze(record: RunRecord, folder: Path, say: Callable[[str], None]) -> Mapping[str, Any]:
    from ..reanalysis import reanalysis_files, reanalyze
    from .html import with_report

    chosen = {name: record.arguments[name] for name in ("datasets", "nuts_datasets", "fast")}
    result = reanalyze(_study_of(record, folder), seed=_seed_of(record, folder), progress=say, **chosen)
    now = Stopwatch().record(record.verb, record.arguments, seed=record.seed, inputs=record.inputs)
    return with_report(reanalysis_files(result), now)


def _power(record: RunRecord, folder: Path, say: Callable[[str], None]) -> Mapping[str, Any]:
    from ..planning.designs.simulation import Simulation
    from ..planning.power import power
    from .html import with_report
    from .planning_files import inputs_of, models_of, power_files, saved_models

    saved = SavedRun.of_folder(folder)
    simulation = validated(Simulation, saved.json_object("planning.json")["simulation"], folder / "planning.json")
    models = saved_models(folder) or models_of(simulation)
    _same_inputs(record, inputs_of(simulation, saved.study, models))
    path = record.arguments.get("reconstructions")
    _same_inputs(record, {path: file_digest(Path(path))} if path and Path(path).is_file() else {})
    say("simulating")
    found = power(simulation, study=saved.study, models=models, reconstructions=path, any_size=True)
    now = Stopwatch().record(record.verb, record.arguments, seed=record.seed, inputs=record.inputs)
    return with_report(power_files(found, saved.study, models), now)


def _diagnose(record: RunRecord, _: Path, say: Callable[[str], None]) -> Mapping[str, Any]:
    from ..planning.results.diagnose import REPLICATES_FILE, diagnose
    from .planning_files import diagnosis_files, saved_models

    say("reducing the replicates")
    source = Path(record.arguments["folder"])
    found = diagnose(source)
    _same_inputs(record, {str(source / REPLICATES_FILE): file_digest(source / REPLICATES_FILE)})
    return diagnosis_files(found, saved_models(source))


def _priors(record: RunRecord, folder: Path, say: Callable[[str], None]) -> Mapping[str, Any]:
    from ..robustness.priors.sensitivity import priors_of

    return _doubt(partial(priors_of, shares=True), ("design",), record, folder, say)


def _imbalance(record: RunRecord, folder: Path, say: Callable[[str], None]) -> Mapping[str, Any]:
    from ..robustness.imbalance.sensitivity import imbalance_of

    return _doubt(imbalance_of, ("balance", "shares", "mix"), record, folder, say)


def _confounding(record: RunRecord, folder: Path, say: Callable[[str], None]) -> Mapping[str, Any]:
    from ..robustness.confounding.sensitivity import confounding_of

    return _doubt(confounding_of, ("benchmarks", "k", "alpha"), record, folder, say)


def _doubt(
    run: Callable[..., Any], names: tuple[str, ...], record: RunRecord, folder: Path, say: Callable[[str], None]
) -> Mapping[str, Any]:
    """Raise a doubt again, with what it was asked then."""
    from .doubt_files import case_again, doubt_files

    say("finding what was doubted")
    case, chosen = case_again(record, folder), {name: record.arguments[name] for name in names}
    found = run(case, seed=_seed_of(record, folder), tell=say, **chosen)
    now = Stopwatch().record(record.verb, record.arguments, seed=record.seed, inputs=record.inputs)
    return doubt_files(found, case, now)


def _same_inputs(record: RunRecord, found: Mapping[str, str]) -> None:
    """Refuse inputs that are not what they were."""
    for name, value in found.items():
        if record.inputs.get(name, value) != value:
            raise InputError("is not what it was when the run was made; a replay needs the same input", source=name)


MAKERS: dict[str, Maker] = {
    "audit": _audit,
    "fit": _fit,
    "engines": _engines,
    "calibrate": _calibrate,
    "synthesize": _synthesize,
    "reanalyze": _reanalyze,
    "priors": _priors,
    "imbalance": _imbalance,
    "confounding": _confounding,
    "power": _power,
    "diagnose": _diagnose,
}
"""How each verb's files are made again."""
