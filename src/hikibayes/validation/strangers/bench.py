"""The bench: random studies through every verb, one table by stage and kind of study.

What is finished of a bench lies in its folder, a file a study: an interrupted bench goes on from there, and ends the
same on any number of processes. Times are kept apart: they are all that differs between two equal runs.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import signal
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ...defaults import DEFAULT_SEED
from ...files import write_whole
from ...shown import Shown
from ...spec import InputError, checked_seed, spec_text
from .designs import Designed
from .stages import STAGES, Answer, Effort, Journey, NotTriedError, Stage, answer_between, answer_of
from .stranger import Stranger, stranger
from .tables import LARGEST, MOST_SCORES, SMALLEST

NEEDED = ("calibrate", "synthesize", "fit")
"""Without what these make, the stages after them have nothing to work on."""
LARGEST_SHIFT, SD_RATIO, LARGEST_CHANGE = 0.25, (0.85, 1.18), 0.03
"""How near the reconstructed posterior is to the raw table's where the print determines it: mean in SD, ratio of SDs,
P(> 0)."""

type Progress = Callable[[int, int], None]
type Row = dict[str, Any]


@dataclass(frozen=True, kw_only=True, repr=False)
class Bench(Shown):
    """What a bench found.

    Attributes
    ----------
    stages : pandas.DataFrame
        A row for each study and stage: ``number, seed``, what kind of study it is, ``stage, passed, reason``.
    contrasts : pandas.DataFrame
        A row for each study that was fitted: the focal contrast reconstructed and from the raw table.
    table : pandas.DataFrame
        Stages and contrasts by kind of study: ``stratum, value, what, tried, passed, share, lower, upper``.
    times : pandas.DataFrame
        Processor seconds, by study and stage.
    """

    stages: pd.DataFrame
    contrasts: pd.DataFrame
    table: pd.DataFrame
    times: pd.DataFrame

    @property
    def sound(self) -> bool:
        """Whether every stage that was reached passed, and what the print determines is as in the raw tables."""
        determined = (
            self.contrasts[self.contrasts["determined"].astype(bool)] if len(self.contrasts) else self.contrasts
        )
        stages = self.stages["passed"].dropna().astype(bool)
        return bool(stages.all() and (determined.empty or determined["agrees"].all()))

    @property
    def reasons(self) -> pd.Series:
        """How often a stage failed for which reason, the most frequent first."""
        failed = self.stages[self.stages["passed"].eq(False)]
        return (failed["stage"] + ": " + failed["reason"].str.slice(0, 160)).value_counts()

    @property
    def files(self) -> dict[str, pd.DataFrame]:
        """The tables by file name."""
        return {"strangers.csv": self.table, "stages.csv": self.stages, "contrasts.csv": self.contrasts}


def study_seed(seed: int, number: int) -> int:
    """Return the seed of study ``number`` (from 1) of a bench: the first of a longer one are those of a shorter."""
    return int(np.random.SeedSequence(seed, spawn_key=(number,)).generate_state(1)[0])


def validate(
    *,
    count: int = 20,
    seed: int = DEFAULT_SEED,
    effort: Effort | None = None,
    stages: Mapping[str, Stage] = STAGES,
    drawn: Callable[..., Stranger | Designed] = stranger,
    max_n: int = LARGEST,
    max_scores: int = MOST_SCORES,
    workers: int = 1,
    store: str | Path | None = None,
    progress: Progress | None = None,
) -> Bench:
    """Take random studies through every verb, and hold what comes out against their raw tables.

    Parameters
    ----------
    count : int
        How many studies.
    seed : int
        Study number k depends on the seed, on k, ``max_n`` and ``max_scores`` alone.
    effort : Effort, optional
        How much is computed of each.
    stages : mapping of str to function
        What each goes through.
    drawn : callable
        Makes a study of a seed: `stranger`, or `designed` of other designs (for `misprints.IN_THE_AUDIT`).
    max_n, max_scores : int
        The most participants of a study, and predictors that are scores.
    workers : int
        Processes; the result is the same for any number.
    store : str or Path, optional
        Folder of finished studies and of those in which something failed: a bench of the same code goes on from there.
    progress : callable, optional
        Told how many of how many are finished.

    Returns
    -------
    Bench

    Raises
    ------
    InputError
        A number below 1, or studies smaller than there are any.
    """
    least = {"count": 1, "workers": 1, "max_n": SMALLEST, "max_scores": 1}
    for name, value in {"count": count, "workers": workers, "max_n": max_n, "max_scores": max_scores}.items():
        if value < least[name]:
            raise InputError(f"{name} is {value}; at least {least[name]} is accepted", key=name)
    seeds = {number: study_seed(checked_seed(seed), number) for number in range(1, count + 1)}
    bounds, place = {"max_n": max_n, "max_scores": max_scores}, Path(store) if store else None
    task = _Task(effort=effort or Effort(), stages=dict(stages), drawn=drawn, bounds=bounds, store=place)
    rows = []
    for done, row in enumerate(_each(task, seeds, workers), start=1):
        rows.append(row)
        if progress:
            progress(done, count)
    return gathered(rows)


def _each(task: _Task, seeds: Mapping[int, int], workers: int) -> Iterator[Row]:
    if workers == 1:
        yield from (task(number, seed) for number, seed in seeds.items())
        return
    from joblib import Parallel, delayed

    side_by_side = Parallel(n_jobs=workers, return_as="generator")
    yield from side_by_side(delayed(task)(number, seed) for number, seed in seeds.items())


@dataclass(frozen=True, kw_only=True)
class _Task:
    """Takes one study through the stages, or finds in the store that this is done."""

    effort: Effort
    stages: Mapping[str, Stage]
    drawn: Callable[..., Stranger | Designed]
    bounds: Mapping[str, int]
    store: Path | None

    def __call__(self, number: int, seed: int) -> Row:
        key = {
            "seed": seed,
            **self.bounds,
            "stages": list(self.stages),
            "drawn": self.drawn.__name__,
            "effort": asdict(self.effort),
            "code": code_digest(),
        }
        path = self.store / "studies" / f"{number:04d}.json" if self.store else None
        if path and path.is_file() and (found := json.loads(path.read_text(encoding="utf-8")))["key"] == key:
            return dict(found)
        found = self.drawn(seed, **self.bounds)
        row = {"key": key, "number": number, "seed": seed, **travelled(Journey(found, self.effort), self.stages)}
        if path:
            if any(stage["passed"] is False for stage in row["stages"]):
                _leave(path.parents[1] / "failures" / f"{number:04d}", found, row)
            write_whole(path, json.dumps(row, indent=1) + "\n")
        return row


@cache
def code_digest() -> str:
    """Return the SHA-256 of the package's code: what was found by other code is found again."""
    package = Path(__file__).parents[2]
    digest = hashlib.sha256()
    for path in sorted(package.rglob("*.py")):
        digest.update(path.relative_to(package).as_posix().encode() + path.read_bytes())
    return digest.hexdigest()


def _leave(folder: Path, found: Stranger | Designed, row: Row) -> None:
    """Leave study, table and seed of a failure."""
    write_whole(folder / "study.json", spec_text(found.study))
    write_whole(folder / "table.csv", found.table.to_csv(index=False, lineterminator="\n"))
    failed = [stage for stage in row["stages"] if stage["passed"] is False]
    write_whole(folder / "why.json", json.dumps({"seed": found.seed, "failed": failed}, indent=1) + "\n")


def travelled(journey: Journey, stages: Mapping[str, Stage]) -> Row:
    """Take a study through the stages; ``passed`` is None where a stage was not reached."""
    said, reached = [], True
    for name, stage in stages.items():
        outcome: Row = {"passed": None, "reason": "not reached", "seconds": 0.0}
        if reached:
            outcome, whole = _tried(stage, journey)
            reached = whole or name not in NEEDED
        said.append({"stage": name, **outcome})
    fitted = journey.answer is not None
    return {"strata": journey.stranger.strata, "stages": said, "contrast": _contrast(journey) if fitted else None}


def _tried(stage: Stage, journey: Journey) -> tuple[Row, bool]:
    """Return how a stage ended, and whether it came to its end."""
    begin, whole = time.process_time(), True
    try:
        with _at_most(journey.effort.seconds):
            reason = stage(journey)
    except _OutOfTimeError:
        reason, whole = f"does not end in {journey.effort.seconds:g} processor seconds", False
    except NotTriedError as error:
        return {"passed": None, "reason": f"not tried: {error}", "seconds": 0.0}, True
    except InputError as error:
        reason, whole = f"refused: {error}", False
    except Exception as error:
        place = traceback.extract_tb(error.__traceback__)[-1]
        said = str(error).partition("\n")[0]
        reason, whole = f"traceback: {type(error).__name__}: {said} ({Path(place.filename).name}:{place.lineno})", False
    seconds = round(time.process_time() - begin, 2)
    return {"passed": not reason, "reason": reason, "seconds": seconds}, whole


class _OutOfTimeError(BaseException):
    """A stage has had its time; nothing but the bench catches it."""


@contextlib.contextmanager
def _at_most(seconds: float) -> Iterator[None]:
    """Stop what takes more processor time, where the system and the thread can be interrupted."""
    if not hasattr(signal, "SIGPROF") or threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(*_: object) -> None:
        raise _OutOfTimeError

    before = signal.signal(signal.SIGPROF, stop)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


def _contrast(journey: Journey) -> Row:
    """Hold the focal contrast against the raw table's, having decided first whether the print determines it."""
    over, means = answer_between(journey)
    determined = over.determined
    assert journey.answer is not None
    raw = answer_of(journey, journey.stranger.table)
    return {
        "determined": determined,
        "between_over_within": over.sd_between / over.sd_within,
        "mean": journey.answer.mean,
        "sd": journey.answer.sd,
        "p_positive": journey.answer.p_positive,
        "raw_mean": raw.mean,
        "raw_sd": raw.sd,
        "raw_p_positive": raw.p_positive,
        "agrees": _agrees(journey.answer, raw),
        "covered": bool(np.quantile(means, 0.025) <= raw.mean <= np.quantile(means, 0.975)),
    }


def _agrees(found: Answer, raw: Answer) -> bool:
    near = abs(found.mean - raw.mean) <= LARGEST_SHIFT * raw.sd
    spread = SD_RATIO[0] <= found.sd / raw.sd <= SD_RATIO[1]
    return bool(near and spread and abs(found.p_positive - raw.p_positive) <= LARGEST_CHANGE)


# -- tables ------------------------------------------------------------------------------------------------------------


def gathered(rows: list[Row]) -> Bench:
    """Put the studies of a bench together."""
    heads = [{"number": row["number"], "seed": row["seed"], **row["strata"]} for row in rows]
    stages = pd.DataFrame([{**head, **stage} for head, row in zip(heads, rows, strict=True) for stage in row["stages"]])
    contrasts = pd.DataFrame(
        [{**head, **row["contrast"]} for head, row in zip(heads, rows, strict=True) if row["contrast"]]
    )
    return Bench(
        stages=stages.drop(columns="seconds"),
        contrasts=contrasts,
        table=_by_stratum(stages, contrasts, list(rows[0]["strata"])),
        times=stages.pivot_table(index="number", columns="stage", values="seconds", sort=False).reset_index(),
    )


def _by_stratum(stages: pd.DataFrame, contrasts: pd.DataFrame, strata: list[str]) -> pd.DataFrame:
    """Count what passed, in all and for each kind of study."""
    rows = []
    for stratum in ("all", *strata):
        for value, here in _split(stages, stratum):
            for what, part in here[here["passed"].notna()].groupby("stage", sort=False):
                rows.append((stratum, value, what, *_share(part["passed"])))
        for value, here in _split(contrasts, stratum) if len(contrasts) else ():
            determined = here["determined"].astype(bool)
            rows.append((stratum, value, "print determines the contrast", *_share(determined)))
            rows.append((stratum, value, "determined: as the raw table", *_share(here.loc[determined, "agrees"])))
            rows.append((stratum, value, "open: covers the raw table", *_share(here.loc[~determined, "covered"])))
    return pd.DataFrame(rows, columns=["stratum", "value", "what", "tried", "passed", "share", "lower", "upper"])


def _split(table: pd.DataFrame, stratum: str) -> Iterator[tuple[str, pd.DataFrame]]:
    if stratum == "all":
        yield "", table
    else:
        yield from ((str(value), part) for value, part in table.groupby(stratum))


def _share(passed: pd.Series) -> tuple[int, int, float, float, float]:
    """Return tried, passed, and the share with its 95 % Wilson interval."""
    from statsmodels.stats.proportion import proportion_confint

    tried, count = len(passed), int(passed.astype(bool).sum())
    if not tried:
        return 0, 0, np.nan, np.nan, np.nan
    low, high = proportion_confint(count, tried, method="wilson")
    return tried, count, count / tried, float(low), float(high)
