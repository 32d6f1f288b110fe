"""Study and assumptions in, a posterior over the study's sample moments out.

Starting points are found in stages. A record that no data can satisfy shows there already: then the fewest facts that
stand in the way are named, and the convention under which they would not. Where starting points exist, a trial decides
which of the two samplers of `sampling` suits the record.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr

from ..arrays import FloatArray
from ..auditing.checks.estimates import is_standardised
from ..defaults import DEFAULT_SEED, DEFAULT_STUDY
from ..provenance import versions
from ..quantities.conventions import DECLARED
from ..renamed import renamed
from ..shown import Shown
from ..spec import InputError, checked_seed
from ..study.analysis import PublishedAnalysis
from ..study.study import Study
from ..study.study_file import load_study
from .meanings import other_meanings, under
from .posterior.density import numbers
from .posterior.lanes import CHAINS, Beginning, Lanes, Progress, lanes
from .posterior.problem import Problem
from .posterior.sampling import Optimiser, Proposals, metropolis
from .posterior.starts import FROM_AFAR, LEFT_OUT, Starts, Suspect, descend, find_starts, suspects
from .posterior.traced import Traced
from .posterior.verdict import LEAST_ESS, Sampler, Verdict, judge
from .quantities import reported_quantities, summarise
from .reconstructions import reconstructions_of, said_of
from .shipped import (
    NoneShippedError,
    fingerprint,
    read_reconstructions,
    shipped_reconstructions,
    stored_reconstructions,
    write_reconstructions,
)

STARTS, MORE_STARTS = 8, 32
"""Where half of the first do not end in one place, there are more (of a record that is not wide)."""
WIDE = 80
"""Free numbers of a wide record, whose searches take long."""
TRIAL = 128
LEAST_SOLVED, LEAST_EFFECTIVE = 0.98, 0.75
"""A trial below either leaves the record to the lanes; weights with a heavy tail that it did not meet show in the run's
own effective number, and lanes follow."""
ENOUGH_SOLVED = 0.5
"""A trial above it still gives the lanes their beginning and their coordinates."""
BATCH, MOST_BATCHES = 256, 20
RUNS = 3
"""So often lanes may go on, each time to twice as many draws."""


class ConflictingRecordError(InputError):
    """No data can satisfy the record; ``facts`` are the ids of those in conflict, the worst first."""

    def __init__(self, message: str, facts: tuple[str, ...], *, source: str | None = None) -> None:
        super().__init__(message, source=source)
        self.facts = facts


@dataclass(frozen=True, kw_only=True, repr=False)
class Calibration(Shown):
    """What `calibrate` returns.

    Attributes
    ----------
    study : Study
        With its readings decided, under the conventions that its numbers follow.
    reconstructions : xarray.Dataset
        See `hikibayes.reconstruction.reconstructions.complete`.
    table : pandas.DataFrame
        A row for every printed fact and every unprinted quantity (``calibration.csv``).
    verdict : Verdict
    """

    study: Study
    reconstructions: xr.Dataset
    table: pd.DataFrame
    verdict: Verdict


@renamed()
def calibrate(
    study: str | Path | Study = DEFAULT_STUDY,
    *,
    draws: int = 2000,
    thin: int = 1,
    cores: int | None = None,
    rerun: bool = True,
    seed: int = DEFAULT_SEED,
    progress: Progress | None = None,
    **readings: str,
) -> Calibration:
    """Draw from the posterior over a study's sample moments.

    Parameters
    ----------
    study : str, Path or Study
        Name of a shipped study, a study file, or a study. Its open readings are decided by ``readings`` and their
        defaults.
    draws : int
        How many reconstructions to return, over all chains.
    thin : int
        Sampled draws for each returned one.
    cores : int, optional
        How many chains run at once (default: as many as there are cores).
    rerun : bool
        Whether a run that is not sound, though it has draws enough to be, goes on by lanes: to twice the draws, and to
        four times.
    seed : int
        Same seed and same machine, same draws.
    progress : callable, optional
        Told how many steps of how many are done.
    **readings : str
        Option by reading.

    Returns
    -------
    Calibration

    Raises
    ------
    ConflictingRecordError
        No data can satisfy the record.
    InputError
        An unknown reading or option, a study that calibration cannot take, or a number of draws below the chains'.

    Notes
    -----
    Reconstructions are versions of the study's own sample, not populations to plan for.
    """
    if draws < CHAINS or thin < 1:
        raise InputError(f"{draws} draws of {CHAINS} chains, thinned by {thin}: each chain needs at least one draw")
    study, seed = load_study(study), checked_seed(seed)
    decided = study.read(**readings) if study.readings or readings else study
    begin = time.perf_counter()
    traced, starts, changed = starting_points(Traced(Problem.of(decided)), seed=seed)
    problem, decided = traced.problem, traced.problem.study
    samplers = _samplers(traced, starts, seed=seed, cores=cores, progress=progress)
    ready = time.perf_counter()
    sampled = -(-draws // CHAINS) * CHAINS * thin
    before: Verdict | None = None
    for reruns, sampler in enumerate(samplers):
        u, log_density = sampler.draw(sampled * 2**reruns, before)
        every = reconstructions_of(problem, traced.free_numbers(u.reshape(-1, problem.size)))
        quantities = reported_quantities(decided, every)
        table = summarise(quantities, *log_density.shape[:2])
        before = verdict = judge(quantities, table, log_density, sampler=sampler.name, reruns=reruns)
        if verdict.sound or not rerun or sampled < LEAST_ESS:
            break
    seconds = {"start": ready - begin, "sampling": time.perf_counter() - ready}
    verdict = replace(verdict, seconds=seconds, conventions=(*problem.chosen, *_in_words(changed)))

    kept = every.isel(draw=np.linspace(0, every.sizes["draw"] - 1, draws).astype(int))
    kept.attrs = _provenance(problem, study, verdict, seed=seed, draws=draws, thin=thin, chains=CHAINS)
    kept.attrs["readings"] = json.dumps(readings, sort_keys=True)
    kept.attrs["conventions"] = json.dumps(changed)
    return Calibration(study=decided, reconstructions=kept, table=table, verdict=verdict)


@dataclass(frozen=True, kw_only=True)
class _Drawing:
    """A sampler, ready to draw so many, knowing how the run before was judged.

    Returns whitened free numbers and log densities (groups, lanes, draws).
    """

    name: Sampler
    draw: Callable[[int, Verdict | None], tuple[FloatArray, FloatArray]]


def _samplers(
    traced: Traced, starts: Starts, *, seed: int, cores: int | None, progress: Progress | None
) -> tuple[_Drawing, ...]:
    """Return the samplers of one run after another: lanes, unless a trial of independent proposals is good."""
    optimiser = Optimiser(traced, starts.satisfied[0])
    trial = optimiser.propose(TRIAL, np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(1,))))
    beginning = Beginning(u=starts.satisfied)
    if trial.solved >= ENOUGH_SOLVED:
        beginning = Beginning(u=trial.u[np.isfinite(trial.log_weight)], root=optimiser.root)
    by_lanes = _Drawing(name="lanes", draw=_Lanes(traced, beginning, seed, cores, progress))
    if trial.solved < LEAST_SOLVED or trial.effective < LEAST_EFFECTIVE:
        return (by_lanes,) * RUNS
    independent = partial(_independent, optimiser, seed=seed, progress=progress)
    return _Drawing(name="optimiser", draw=independent), *(by_lanes,) * (RUNS - 1)


class _Lanes:
    """Lanes that go on where they were, unless some were stuck: then others begin."""

    def __init__(
        self, traced: Traced, beginning: Beginning, seed: int, cores: int | None, progress: Progress | None
    ) -> None:
        self._begin = partial(lanes, traced, beginning, cores=cores, progress=progress)
        self._seed = seed
        self._found: Lanes | None = None

    def __call__(self, draws: int, before: Verdict | None) -> tuple[FloatArray, FloatArray]:
        if self._found is not None and before is not None and not before.is_stuck:
            found = self._found.more(draws)
        else:
            found = self._begin(draws=draws, seed=self._seed)
            self._seed += 1
        self._found = found
        return found.u, found.log_density


def _independent(
    optimiser: Optimiser, draws: int, _: Verdict | None, *, seed: int, progress: Progress | None
) -> tuple[FloatArray, FloatArray]:
    """Draw by independence chains through proposals: so many effective ones, if that can be had."""
    rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(2,)))
    parts: list[Proposals] = []
    # few draws can be judged only by more of them: of 250 a chain the largest R-hat of many is beyond 1.01 by chance
    wanted = max(draws, 5 * LEAST_ESS)
    while True:
        parts.append(optimiser.propose(BATCH, rng))
        found = Proposals.joined(parts)
        effective = found.effective * len(found.u)
        enough = effective >= wanted or len(parts) >= MOST_BATCHES
        if progress is not None:
            progress(wanted if enough else min(int(effective), wanted - 1), wanted)
        if enough:
            chosen = metropolis(found, CHAINS, rng)
            return found.u[chosen][:, None], found.log_density[chosen][:, None]


def shipped_or_calibrated(study: Study, *, seed: int, tell: Callable[[str], None] | None = None) -> xr.Dataset:
    """Return the reconstructions that come with a study or were drawn before on this machine, or draw them.

    Parameters
    ----------
    study : Study
        With its readings decided.
    seed : int
        Of the draws, where they are drawn.
    tell : callable, optional
        Told where they come from if not with the package, and if they have not converged.

    Returns
    -------
    xarray.Dataset
        See `hikibayes.reconstruction.reconstructions.complete`; the attribute ``verdict`` says whether they converged.

    Raises
    ------
    InputError
        As `calibrate`.
    """
    tell = tell or (lambda _: None)
    try:
        return _told(shipped_reconstructions(study), tell)
    except NoneShippedError:
        pass
    path = stored_reconstructions(study, seed=seed)
    try:
        found = read_reconstructions(path, study)
        tell(f"reconstructions drawn before are used: {path}")
    except InputError as error:
        tell(f"{error}; it is drawn anew" if path.exists() else "drawing reconstructions: none come with the package")
        found = calibrate(study, seed=seed).reconstructions
        _keep(found, path, tell)
    return _told(found, tell)


def _keep(found: xr.Dataset, path: Path, tell: Callable[[str], None]) -> None:
    """Keep reconstructions for the next time; a disk that is full costs that alone."""
    try:
        write_reconstructions(found, path)
    except InputError as error:
        tell(f"the reconstructions are not kept for the next time: {error}")


def chosen_reconstructions(
    study: Study, path: str | Path | None, *, seed: int, tell: Callable[[str], None] | None = None
) -> xr.Dataset:
    """Return the reconstructions of a file, or those of `shipped_or_calibrated` where no file is named."""
    if not path:
        return shipped_or_calibrated(study, seed=seed, tell=tell)
    return _told(read_reconstructions(Path(path), study), tell)


def _told(reconstructions: xr.Dataset, tell: Callable[[str], None] | None) -> xr.Dataset:
    """Tell the sampler's verdict on reconstructions that are about to be used."""
    if tell and (said := said_of(reconstructions)):
        tell(f"using reconstructions: {said}")
    return reconstructions


def _provenance(problem: Problem, study: Study, verdict: Verdict, **arguments: int) -> dict[str, str]:
    return {
        "study": study.id,
        "fingerprint": fingerprint(problem),
        "arguments": json.dumps(arguments),
        "verdict": str(verdict),
        "versions": json.dumps(versions(), sort_keys=True),
        "what": "reconstructions: plausible versions of the study's own sample, not populations",
    }


# -- starting points -------------------------------------------------------------------------------------------------


def starting_points(traced: Traced, *, seed: int) -> tuple[Traced, Starts, dict[str, str]]:
    """Find points near the record, under the one other convention that allows any where its own allows none.

    What else the file's own words can mean comes first.

    Returns
    -------
    traced : Traced
        Of the record under that convention.
    starts : Starts
    changed : dict of str to str
        What the study's ``[analysis]`` says otherwise.

    Raises
    ------
    ConflictingRecordError
        Not even the best point comes near the record.
    """
    _refuse_contradictory_counts(traced.problem)
    starts = _starts(traced, seed)
    if len(starts.satisfied):
        return traced, starts, {}
    if not np.isfinite(starts.cost[0]):
        name = traced.problem.study.id
        raise InputError(f"study {name!r}: its assumptions describe no sample, not even at their middle")
    others = list(_as_also_meant(traced.problem.study, seed))
    if len(others) == 1:
        return others[0]
    found = suspects(traced, starts)
    if not others and _may_be_convention(traced, found):
        others = list(_other_conventions(traced, starts, seed))
        if len(others) == 1:
            return others[0]
    raise _conflict(traced, found, [changed for _, _, changed in others])


def _starts(traced: Traced, seed: int) -> Starts:
    found = find_starts(traced, points=STARTS, seed=seed)
    if found.agree >= STARTS // 2 or (traced.size >= WIDE and len(found.satisfied)):
        return found
    wider = find_starts(traced, points=STARTS, seed=seed, temperatures=FROM_AFAR)
    if traced.size >= WIDE or wider.agree >= STARTS // 2:
        return wider if wider.cost[0] < found.cost[0] else found
    return find_starts(traced, points=MORE_STARTS, seed=seed)


def _as_also_meant(study: Study, seed: int) -> Iterator[tuple[Traced, Starts, dict[str, str]]]:
    """Yield what else the file's own words can mean, under which the record holds together.

    No number has to speak for it beforehand: without correlations none can.
    """
    for changed in other_meanings(study):
        begun = _starts(other := Traced(Problem.of(under(study, changed))), seed)
        if len(begun.satisfied):
            yield other, begun, changed


def _may_be_convention(traced: Traced, found: tuple[Suspect, ...]) -> bool:
    """Tell whether a convention could be what is wrong: each that is tried costs a compilation."""
    suspected = {suspect.fact for suspect in found}
    return not found[0].alone or all(t.of_term for t in traced.problem.statements if t.fact in suspected)


def _other_conventions(traced: Traced, starts: Starts, seed: int) -> Iterator[tuple[Traced, Starts, dict[str, str]]]:
    """Yield the conventions of the analysis under which the record holds together.

    Only those are tried under which more numbers agree with moments that were found without any of them.
    """
    study, moments = traced.problem.study, _without_contrasts(traced, starts)
    for changed, problem in _conventions(study):
        if _agreeing(problem.study, moments) > _agreeing(study, moments):
            begun = _starts(other := Traced(problem), seed)
            if len(begun.satisfied):
                yield other, begun, changed


def _without_contrasts(traced: Traced, starts: Starts) -> xr.Dataset:
    """Return the moments nearest to everything printed but coefficients, slopes and what follows from these."""
    free = np.array([target.of_term for target in traced.problem.statements])
    u, _ = descend(traced, starts.u[:1], np.where(free, LEFT_OUT, 1.0)[None])
    return reconstructions_of(traced.problem, traced.free_numbers(u))


def _agreeing(study: Study, moments: xr.Dataset) -> int:
    """Count the printed numbers of regressions that moments print, or nearly."""
    analysis = PublishedAnalysis(study, moments)
    facts = [fact for fact in study.facts if fact.step and fact.interval.bounded and analysis.determines(fact)]
    away = [abs(float(analysis.value(fact).item()) - fact.interval.middle) for fact in facts]
    return sum(gap <= NEAR * fact.interval.half_width for gap, fact in zip(away, facts, strict=True))


NEAR = 3.0
"""Half widths of a printed interval within which moments nearly print it."""


def _conventions(study: Study) -> Iterator[tuple[dict[str, str], Problem]]:
    """Yield the study under the other conventions that its tables may follow."""
    analysis = study.analysis
    for key, names in (ALTERNATIVES if _has_products(study) else _of_categories(study)).items():
        meant = DECLARED[key][getattr(analysis, key)][0]
        for name in names:
            if DECLARED[key][name][0] != meant:
                changed = {key: name}
                yield changed, Problem.of(under(study, changed))


def _has_products(study: Study) -> bool:
    return any(":" in term for step in study.steps for term in study.terms(step.id))


def _of_categories(study: Study) -> dict[str, tuple[str, ...]]:
    """Return conventions that differ without products: betas of a category, its numbers standardised or not."""
    terms = {fact.term.partition("[")[0] for fact in study.facts if fact.term and is_standardised(study, fact)}
    categories = [term for term in terms if ":" not in term and study.measure(term).kind == "category"]
    return {"products": ("z", "raw")} if categories else {}


ALTERNATIVES = {"products": ("z", "raw", "centred_both", "centred_scores"), "coding": ("dummy", "half", "sum")}


def _in_words(changed: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(f"{key} = {value!r}, the only one that no number contradicts" for key, value in changed.items())


def _conflict(
    traced: Traced, found: tuple[Suspect, ...], conventions: Sequence[Mapping[str, str]]
) -> ConflictingRecordError:
    problem = traced.problem
    facts = {fact.id: fact for fact in problem.study.facts}
    lines = []
    for suspect in found:
        fact = facts.get(suspect.fact)
        if fact is None:
            lines.append(suspect.fact)
            continue
        with np.errstate(all="ignore"):  # what is left out may be impossible where the others hold together
            values = numbers(problem, problem.data, traced.free_numbers(suspect.u))
        here = [i for i, target in enumerate(problem.statements) if target.fact == fact.id]
        shown = fact.quantity in COMPARABLE and np.isfinite(values[here[0]])
        at_best = f", at best {values[here[0]]:.4g}" if shown else ""
        lines.append(f"{fact.id} ({fact.source.locator}) prints {fact.printed}{at_best}")
    fewest = "one of these, worst first" if found and found[0].alone else "these, worst first"
    message = f"no data can satisfy this record; the others hold together without {fewest}: " + "; ".join(lines)
    if conventions:
        said = " or ".join(" and ".join(f"{key} = {word!r}" for key, word in each.items()) for each in conventions)
        message += f"; with {said} in [analysis] all of it would hold together"
    names = tuple(suspect.fact for suspect in found)
    return ConflictingRecordError(message, names, source=f"study {problem.study.id}")


COMPARABLE = {"coefficient", "coefficient_se", "slope", "slope_se", "vif", "r2", "mean", "sd", "correlation", "d"}
"""Quantities whose target is the printed number itself, not another one that follows from it."""


def _refuse_contradictory_counts(problem: Problem) -> None:
    n = dict(zip(problem.layout.groups, problem.layout.n, strict=True))
    for fact in problem.study.facts_of("n"):
        found = n[fact.group] if fact.group else sum(n.values())
        if not fact.holds(found):
            raise ConflictingRecordError(
                f"no data can satisfy this record: {fact.id} prints {fact.printed} participants, "
                f"the groups have {' and '.join(map(str, n.values()))}",
                (fact.id,),
                source=f"study {problem.study.id}",
            )
