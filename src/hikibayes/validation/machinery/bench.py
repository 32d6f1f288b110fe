"""The checks of the machinery, or those of one's own model: one table with verdicts, one page of figures."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from ...arrays import FloatArray
from ...defaults import DEFAULT_SEED, DEFAULT_STUDY
from ...inference.models.specs import ModelSpec, load_model, shipped_models
from ...shown import Shown
from ...spec import checked_seed
from ...study.study import Study
from ...study.study_file import load_study
from .checks import CHECKS, FULL, QUICK, Check, Effort, Row, Subject
from .ranks import uniformity

COLUMNS = ["check", "of", "tried", "statistic", "value", "accepted", "ok", "note"]

type Ranks = Mapping[str, Mapping[str, FloatArray]]
type Progress = Callable[[int, int], None]


@dataclass(frozen=True, kw_only=True, repr=False)
class Machinery(Shown):
    """What the checks found.

    Attributes
    ----------
    table : pandas.DataFrame
        ``check, of, tried, statistic, value, accepted, ok, note``: ``ok`` is empty where nothing is asked, and a row
        with a ``note`` alone says what was left out.
    ranks : mapping of str to mapping of str to array
        Ranks of truths among posterior draws, by model and quantity.
    """

    table: pd.DataFrame
    ranks: Ranks

    @property
    def sound(self) -> bool:
        """Whether everything that has a band lies in it."""
        return bool(self.table["ok"].dropna().astype(bool).all())

    @property
    def files(self) -> dict[str, pd.DataFrame]:
        """The tables by file name."""
        by_model = [uniformity(ranks).assign(of=of) for of, ranks in self.ranks.items()]
        empty = pd.DataFrame(columns=["of", "quantity", "tried", "coverage", "p"])
        ranks = pd.concat(by_model, ignore_index=True)[empty.columns] if by_model else empty
        return {"machinery.csv": self.table, "ranks.csv": ranks}


def machinery(
    model: str | Path | ModelSpec | None = None,
    *,
    study: str | Path | Study = DEFAULT_STUDY,
    full: bool = False,
    effort: Effort | None = None,
    seed: int = DEFAULT_SEED,
    workers: int = 1,
    checks: Iterable[Check] = CHECKS,
    progress: Progress | None = None,
) -> Machinery:
    """Check the machinery against itself, closed forms, and the definition of a posterior.

    Parameters
    ----------
    model : str, Path or ModelSpec, optional
        One's own, for simulation-based calibration of it and both engines on it; by default every shipped model, and
        what else the package does.
    study : str, Path or Study
        Whose measures the model names.
    full : bool
        Every model by NUTS, too, and more simulations.
    effort : Effort, optional
        Instead of what `full` says.
    seed : int
        Every part of every check has a stream of its own.
    workers : int
        Processes, a check each; their number changes nothing.
    checks : iterable of Check
        Which.
    progress : callable, optional
        Told how many checks of how many are done.

    Returns
    -------
    Machinery

    Raises
    ------
    InputError
        The model or study is wrong.
    """
    loaded = load_study(study)
    subject = Subject(
        models=_models(model),
        study=loaded.read() if loaded.readings else loaded,
        effort=effort or (FULL if full else QUICK),
        seed=checked_seed(seed),
    )
    chosen = [check for check in checks if check.own or model is None]
    done = []
    for made in _each(chosen, subject, workers):
        done.append(made)
        if progress:
            progress(len(done), len(chosen))
    rows = [row for found, _ in done for row in found]
    ranks = {of: quantities for _, found in done for of, quantities in found.items()}
    return Machinery(table=pd.DataFrame(rows, columns=COLUMNS), ranks=ranks)


def _models(model: str | Path | ModelSpec | None) -> dict[str, ModelSpec]:
    if model is None:
        return {name: load_model(path) for name, path in sorted(shipped_models().items())}
    own = model if isinstance(model, ModelSpec) else load_model(model)
    return {own.name: own}


def _each(chosen: Sequence[Check], subject: Subject, workers: int) -> Iterable[tuple[list[Row], Ranks]]:
    if workers == 1:
        return (_carried_out(check, subject) for check in chosen)
    from joblib import Parallel, delayed

    done: Iterable[tuple[list[Row], Ranks]] = Parallel(n_jobs=workers, return_as="generator")(
        delayed(_carried_out)(check, subject) for check in chosen
    )
    return done


def _carried_out(check: Check, subject: Subject) -> tuple[list[Row], Ranks]:
    subject.ranks.clear()
    rows = [{"check": check.name, **row} for row in check.rows(subject)]
    return rows, dict(subject.ranks)
