"""Synthetic participants: whole-number data sets that print every number the paper printed.

One data set is made of one reconstruction, so that data sets differ in what the record leaves open as widely as
reconstructions do. It is accepted only when an independent recomputation (`verify`) prints every fact.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import xarray as xr

from ..arrays import FloatArray
from ..defaults import DEFAULT_SEED, DEFAULT_STUDY
from ..shown import Shown
from ..spec import InputError, checked_seed
from ..study.measures import Measure
from ..study.study import Study
from ..study.study_file import load_study
from .participants.columns import Columns, lay_out
from .participants.independent import IndependentNumber, independent_category
from .participants.item_columns import item_columns
from .participants.known import Known
from .participants.search import Search
from .participants.targets import Draws, TargetMaker, Targets
from .reconstructions import said_of
from .shipped import meant, read_reconstructions, shipped_reconstructions
from .verify import VERIFICATION_COLUMNS, verify

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .participants.items import Questionnaire


OWN_ATTEMPTS, ATTEMPTS = 3, 15
"""With a table's own reconstruction, and in all: of a record that is tight for its few people, some cannot be met."""
WORTH_PROCESSES = 25
"""Fewer data sets are made sooner than a second process has started."""
BLOCK = 5
"""Data sets that a process makes at a time."""


@dataclass(frozen=True, kw_only=True)
class SyntheticData:
    """One accepted data set.

    Attributes
    ----------
    number : int
        Which one it is, from 1.
    participants : pandas.DataFrame
        A row a participant, columns by measure id, then items.
    verification : pandas.DataFrame
        ``fact, printed, recomputed, matches``.
    draw : int
        The reconstruction it was made of.
    restarts : int
        How often the search began anew.
    seconds : dict
        Processor time by stage, restarts included.
    """

    number: int
    participants: pd.DataFrame
    verification: pd.DataFrame
    draw: int
    restarts: int
    seconds: Mapping[str, float]


@dataclass(frozen=True, kw_only=True, repr=False)
class Synthesis(Shown):
    """Data sets, and the proof that each prints every fact.

    Attributes
    ----------
    datasets : tuple of pandas.DataFrame
    verification : pandas.DataFrame
        ``dataset, fact, printed, recomputed, matches``: a row for every data set and printed fact.
    log : pandas.DataFrame
        ``dataset, draw, restarts`` and processor seconds by stage, a row a data set.
    verdict : str
        What the sampler said of the reconstructions that they were made of; see `said_of`.
    """

    datasets: tuple[pd.DataFrame, ...]
    verification: pd.DataFrame
    log: pd.DataFrame
    verdict: str = ""


def synthesize(
    study: str | Path | Study = DEFAULT_STUDY,
    reconstructions: xr.Dataset | str | Path | None = None,
    *,
    datasets: int = 10,
    seed: int = DEFAULT_SEED,
    items: bool = False,
    workers: int | None = None,
    each: Callable[[SyntheticData], None] | None = None,
) -> Synthesis:
    """Make integer data sets that reproduce every printed number of a study.

    Parameters
    ----------
    study : str, Path or Study
        Name of a shipped study, a study file, or a study. Its readings keep their defaults if they are still open
        (`Study.read` decides otherwise).
    reconstructions : xarray.Dataset, str or Path, optional
        Draws of the study's own moments, from `calibrate`, or their file; by default those shipped with the study.
    datasets : int
        How many, at least 1.
    seed : int
        Data set number k depends on the seed and on k, and on nothing else: the first of a longer run are those of a
        shorter one.
    items : bool
        Whether to add item answers with the printed reliabilities (columns ``<measure>_<nn>``). The other columns are
        the same with and without.
    workers : int, optional
        Processes that work side by side where there are enough data sets for it, by default one for each processor. The
        result is the same for any number.
    each : callable, optional
        Called with every data set as soon as it is made, in order.

    Returns
    -------
    Synthesis

    Raises
    ------
    InputError
        No data set could be found; the message names the facts that were missed in the nearest one.

    Notes
    -----
    Scores with the reconstruction's group covariances are put on the measures' ranges (raw means and SDs are drawn from
    the study's assumptions) and brought to the printed numbers by as little change as was found
    (`hikibayes.reconstruction.participants`). Columns of which no relation to the outcome is printed are made from
    their own facts.
    """
    if datasets < 1:
        raise InputError(f"{datasets} data sets are asked for; at least 1 is accepted", key="datasets")
    study, seed = load_study(study), checked_seed(seed)
    if isinstance(reconstructions, str | Path):
        reconstructions = read_reconstructions(Path(reconstructions), study)
    elif reconstructions is None:
        reconstructions = shipped_reconstructions(study)
    maker = Synthesizer.of(meant(study, reconstructions), reconstructions, items=items)
    made = []
    for data in _each(maker, datasets, seed, workers):
        made.append(data)
        if each is not None:
            each(data)
    return replace(gather(made), verdict=said_of(reconstructions))


def _each(maker: Synthesizer, datasets: int, seed: int, workers: int | None) -> Iterator[SyntheticData]:
    """Yield the data sets in order."""
    numbers = range(1, datasets + 1)
    if workers == 1 or datasets < WORTH_PROCESSES:
        yield from _block(maker, numbers, seed)
        return
    from joblib import Parallel, delayed

    blocks = [numbers[start : start + BLOCK] for start in range(0, datasets, BLOCK)]
    side_by_side = Parallel(n_jobs=workers or -1, return_as="generator")
    for block in side_by_side(delayed(_made)(maker, block, seed) for block in blocks):
        yield from block


def _block(maker: Synthesizer, numbers: range, seed: int) -> Iterator[SyntheticData]:
    return (maker.make(number, seed) for number in numbers)


def _made(maker: Synthesizer, numbers: range, seed: int) -> list[SyntheticData]:
    return list(_block(maker, numbers, seed))


def gather(made: list[SyntheticData]) -> Synthesis:
    """Put accepted data sets and their verification together."""
    tables = [data.verification.assign(dataset=data.number) for data in made]
    return Synthesis(
        datasets=tuple(data.participants for data in made),
        verification=pd.concat(tables, ignore_index=True)[["dataset", *VERIFICATION_COLUMNS]],
        log=pd.DataFrame(
            [{"dataset": data.number, "draw": data.draw, "restarts": data.restarts, **data.seconds} for data in made]
        ),
    )


class Clock:
    """Processor seconds by stage."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextlib.contextmanager
    def time(self, stage: str) -> Iterator[None]:
        """Count the processor time of what happens inside as a stage's."""
        start = time.process_time()
        try:
            yield
        finally:
            self.seconds[stage] = self.seconds.get(stage, 0.0) + time.process_time() - start


@dataclass(frozen=True, kw_only=True)
class Synthesizer:
    """Everything about a study that its data sets share.

    Attributes
    ----------
    study : Study
        Without open readings.
    draws : Draws
        The reconstructions.
    items : bool
        Whether data sets have item columns.
    """

    study: Study
    draws: Draws
    items: bool = False

    @classmethod
    def of(cls, study: Study, reconstructions: xr.Dataset | None = None, *, items: bool = False) -> Synthesizer:
        """Prepare a study; raises `InputError` where the reconstructions do not fit it, or its facts no items."""
        from .participants.items import refuse_reliability_without_items

        study = study.read() if study.readings else study
        known = Known(study)
        for measure in study.measures:
            refuse_reliability_without_items(known, measure)
        if reconstructions is None:
            reconstructions = shipped_reconstructions(study)
        return cls(study=study, draws=Draws.of(reconstructions, study), items=items)

    @cached_property
    def known(self) -> Known:
        """Facts and assumptions by measure."""
        return Known(self.study)

    @cached_property
    def columns(self) -> Columns:
        """The measures that are searched together."""
        return lay_out(self.study, self.draws.names)

    @cached_property
    def _search(self) -> Search:
        return Search(self.study, self.columns)

    @cached_property
    def _targets(self) -> TargetMaker:
        return TargetMaker(study=self.study, columns=self.columns, known=self.known, draws=self.draws)

    @cached_property
    def _numbers(self) -> dict[str, IndependentNumber]:
        return {m.id: IndependentNumber(known=self.known, measure=m) for m in self.study.measures}

    @cached_property
    def _questionnaires(self) -> list[Questionnaire]:
        from .participants.items import Questionnaire

        names = self.columns.names
        scales = [measure for measure in self.study.measures if measure.kind == "scale" and measure.id in names]
        return [Questionnaire(known=self.known, measure=measure) for measure in scales]

    def draw_of(self, number: int, attempt: int, seed: int) -> int:
        """Return the reconstruction that a data set is made of; after a few failed attempts another one each time."""
        order = np.random.default_rng(np.random.SeedSequence(seed)).permutation(len(self.draws.mean))
        if attempt < OWN_ATTEMPTS:
            return int(order[(number - 1) % len(order)])
        other = np.random.SeedSequence(seed, spawn_key=(number, attempt - OWN_ATTEMPTS + 1))
        return int(np.random.default_rng(other).choice(order))

    def make(self, number: int, seed: int) -> SyntheticData:
        """Make data set ``number``; raises `InputError` with the facts that no attempt met, and how near they came."""
        clock, fewest = Clock(), pd.DataFrame(index=range(len(self.study.facts) + 1))
        for attempt in range(ATTEMPTS):
            draw = self.draw_of(number, attempt, seed)
            found = self._attempt(draw, (number, attempt), seed, clock)
            with clock.time("verify"):
                checked = verify(self.study, found)
            missed = checked[~checked["matches"].astype(bool)]
            if missed.empty:
                return SyntheticData(
                    number=number,
                    participants=found,
                    verification=checked,
                    draw=draw,
                    restarts=attempt,
                    seconds=clock.seconds,
                )
            if len(missed) < len(fewest):
                fewest = missed
        named = ", ".join("{!r} ({}; {})".format(*one) for one in fewest[["fact", "printed", "recomputed"]].to_numpy())
        raise InputError(
            "no data set was found that prints every fact; in the nearest of "
            f"{ATTEMPTS} these are missed (printed; found): {named}",
            source=f"study {self.study.id}",
        )

    def _attempt(self, draw: int, key: tuple[int, int], seed: int, clock: Clock) -> pd.DataFrame:
        """Return a table of participants that prints every fact, or misses few."""
        rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(*key, 0)))
        with clock.time("targets"):
            targets = self._targets.make(draw, rng)
        with clock.time("search"):
            rows = self._search.rows(targets, rng, reflect=key[1] == 0)
        scores = dict(zip(self.columns.names, self.columns.values(rows).T, strict=True))
        with clock.time("independent"):
            table = self._table(scores, rng)
        if self.items:
            # a generator of its own: the totals are the same whether or not items are asked for
            item_rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(*key, 1)))
            with clock.time("items"):
                table |= self._answers(table, targets, item_rng)
        return pd.DataFrame(table)

    # -- the table ---------------------------------------------------------------------------------------------------

    def _table(self, scores: Mapping[str, FloatArray], rng: np.random.Generator) -> dict[str, object]:
        study = self.study
        table: dict[str, object] = {}
        for measure in study.measures:
            if measure.id == study.analysis.group:
                table[measure.id] = np.repeat(study.group_names, self.columns.sizes)
            elif measure.id in scores and measure.kind == "category":
                levels = np.array([level.id for level in measure.levels])
                table[measure.id] = levels[np.rint(scores[measure.id]).astype(int)]
            elif measure.id in scores:
                table[measure.id] = _tidy(measure, scores[measure.id])
            elif measure.kind == "category":
                table[measure.id] = independent_category(study, measure, rng)
            else:
                table[measure.id] = _tidy(measure, self._numbers[measure.id].draw(rng))
        return table

    def _answers(self, table: dict[str, object], targets: Targets, rng: np.random.Generator) -> dict[str, object]:
        """Return the item columns."""
        from .participants.items import answer

        group = np.repeat(np.arange(len(self.columns.sizes)), self.columns.sizes)
        found: dict[str, object] = {}
        for scale in self._questionnaires:
            measure = scale.measure
            asked = scale.asked(float(targets.alpha[self.columns.names.index(measure.id)]), rng)
            answers = answer(measure, np.asarray(table[measure.id], dtype=float), group, asked, rng)
            found |= dict(zip(item_columns(measure), answers.T, strict=True))
        return found


def _tidy(measure: Measure, values: FloatArray) -> object:
    """Return whole numbers as integers (empty where there is none), others without floating-point dust."""
    if measure.grain != 1:
        return np.round(values, 10)
    if np.isnan(values).any():
        return pd.array(np.rint(values), dtype="Int64")
    return np.rint(values).astype(np.int64)
